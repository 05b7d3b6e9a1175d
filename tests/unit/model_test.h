/* model_test.h -- the sample models and Bundles for them, shared by the tests of negotiation. Time of assessment: AT. */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "models/manifest.h"
#include "test.h"

#define AT 1795615200000000LL /* 2026-11-25T14:00:00Z */

/* build/models, from the environment of the test. */
static inline const char *models_folder(void)
{
    const char *z = getenv("MODELS");
    return z ? z : "models";
}

static inline struct slice file_text(struct arena *a, const char *path)
{
    OWN_FILE FILE *f = fopen(path, "rb");
    struct buf b = buf_in(a, 1 << 20);
    char piece[4096];
    size_t n;
    if (!f)
        fail_msg("%s cannot be read", path);
    while (f && (n = fread(piece, 1, sizeof piece, f)) > 0)
        buf_add(&b, piece, n);
    return buf_text(&b);
}

static inline struct manifest *sample(struct arena *a, const char *key)
{
    struct manifest *m = TAKE_NEW(a, struct manifest);
    struct err e = {0};
    CHECK_OK(manifest_parse(a, file_text(a, arena_printf(a, "%s/%s/manifest.json", models_folder(), key)), m, &e));
    return m;
}

#define OBS_(code, value, time)                                                                                                          \
    "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[" code "]},"                             \
    "\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"" time "\"," value "}}"
#define LOINC(c)  "{\"system\":\"http://loinc.org\",\"code\":\"" c "\"}"
#define SCT(c)    "{\"system\":\"http://snomed.info/sct\",\"code\":\"" c "\"}"
#define QTY(v, u) "\"valueQuantity\":{\"value\":" v ",\"unit\":\"u\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"" u "\"}"
#define CODED(c)  "\"valueCodeableConcept\":{\"coding\":[" c "]}"
#define PATIENT(id, rest)                                                                                                                \
    "{\"fullUrl\":\"http://h.example/Patient/" id "\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" id "\"" rest "}}"
#define CONDITION(code, clinical, verified)                                                                                              \
    "{\"resource\":{\"resourceType\":\"Condition\",\"code\":{\"coding\":[" code "]},\"subject\":{\"reference\":\"Patient/p1\"},"         \
    "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"" clinical      \
    "\"}]},"                                                                                                                             \
    "\"verificationStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"                                           \
    "condition-ver-status\",\"code\":\"" verified "\"}]}}}"
#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[" entries "]}"

#define T0 "2026-11-25T13:00:00Z"
/* Everything NEWS2 needs: entry 0 the patient, 1 rr, 2 spo2, 3 a blood pressure panel, 4 pulse, 5 acvpu, 6 temp, 7 oxygen. */
#define NEWS2_ENTRIES                                                                                                                    \
    PATIENT("p1", ",\"birthDate\":\"1970-01-31\",\"gender\":\"female\"")                                                                 \
    "," OBS_(LOINC("9279-1"), QTY("22", "/min"), T0) "," OBS_(LOINC("2708-6"), QTY("90", "%"), T0) "," OBS_(                             \
        LOINC("85354-9"),                                                                                                                \
        "\"component\":[{\"code\":{\"coding\":[" LOINC("8462-4") "]}," QTY(                                                              \
            "70", "mm[Hg]") "},"                                                                                                         \
                            "{\"code\":{\"coding\":[" LOINC("8480-6") "]}," QTY("105", "mm[Hg]") "}]",                                   \
        T0) "," OBS_(LOINC("8867-4"), QTY("95", "/min"), T0) "," OBS_(LOINC("67775-7"), CODED(LOINC("LA9340-6")),                        \
                                                                      T0) "," OBS_(LOINC("8310-5"), QTY("37.2", "Cel"),                  \
                                                                                   T0) "," OBS_(LOINC("3151-8"), QTY("2", "L/min"), T0)
#define NEWS2_BUNDLE BUNDLE(NEWS2_ENTRIES)
#define CKD_BUNDLE                                                                                                                       \
    BUNDLE(PATIENT("p1", ",\"birthDate\":\"1970-11-20\",\"gender\":\"female\"") "," OBS_(LOINC("2160-0"), QTY("0.9", "mg/dL"),           \
                                                                                         "2026-11-20T08:00:00+01:00"))

/* `text` with the first `find` replaced. */
static inline char *with(struct arena *a, const char *text, const char *find, const char *put)
{
    const char *at = strstr(text, find);
    if (!at)
        fail_msg("'%s' is not in the text", find ? find : "");
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
}

#endif
