/* The decisions over twenty Bundles that an older gateway judged wrongly, kept as text in tests/data/decisions: what a person reads and
 * what is stored. GOLDEN=write writes them anew; then read the difference. */
#include "model_test.h"

#include "fhir/fhir.h"
#include "negotiate/negotiate.h"

#define TEMP   OBS_(LOINC("8310-5"), QTY("37.2", "Cel"), T0)
#define RR     OBS_(LOINC("9279-1"), QTY("22", "/min"), T0)
#define ENTRY(resource) "{\"resource\":" resource "}"
#define RR_OF(id)                                                                                                                        \
    ENTRY("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[" LOINC("9279-1") "]},"                           \
          "\"subject\":{\"reference\":\"Patient/" id "\"},\"effectiveDateTime\":\"" T0 "\"," QTY("22", "/min") "}")

/* One change of a Bundle that has all NEWS2 needs. */
static const struct probe {
    const char *name, *target, *find, *put;
} probe[] = {
    {"01-encounter-of-r4", "sepsis", TEMP,
     TEMP "," ENTRY("{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":{\"system\":\"http://terminology.hl7.org/CodeSystem/"
                    "v3-ActCode\",\"code\":\"IMP\"},\"subject\":{\"reference\":\"Patient/p1\"}}")},
    {"02-medication-of-r4", "sepsis", TEMP,
     TEMP "," ENTRY("{\"resourceType\":\"MedicationStatement\",\"status\":\"active\",\"subject\":{\"reference\":\"Patient/p1\"},"
                    "\"medicationCodeableConcept\":{\"text\":\"aspirin\"}}")},
    {"03-condition-without-status", "sepsis", TEMP,
     TEMP "," ENTRY("{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/p1\"},\"code\":{\"text\":\"cough\"}}")},
    {"04-encounter-of-r5", "sepsis", TEMP,
     TEMP "," ENTRY("{\"resourceType\":\"Encounter\",\"status\":\"completed\",\"class\":[{\"text\":\"IMP\"}]}")},
    {"05-status-banana", "sepsis", "\"status\":\"final\"", "\"status\":\"banana\""},
    {"06-entered-in-error", "sepsis", "\"status\":\"final\"", "\"status\":\"entered-in-error\""},
    {"07-cancelled", "sepsis", "\"status\":\"final\"", "\"status\":\"cancelled\""},
    {"08-no-value", "sepsis", "," QTY("37.2", "Cel"), ""},
    {"09-value-absurd", "sepsis", "\"value\":37.2,", "\"value\":-9999,"},
    {"10-of-1970", "sepsis", T0 "\"," QTY("37.2", "Cel"), "1970-01-01T00:00:00Z\"," QTY("37.2", "Cel")},
    {"11-three-patients", "sepsis", RR, PATIENT("p2", "") "," PATIENT("p3", "") "," RR_OF("p2")},
    {"12-system-like-loinc", "sepsis", LOINC("8310-5"), "{\"system\":\"http://notloinc.org.evil.example/x\",\"code\":\"8310-5\"}"},
    {"13-component", "sepsis", TEMP,
     OBS_(LOINC("85353-1"), "\"component\":[{\"code\":{\"coding\":[" LOINC("8310-5") "]}," QTY("37.2", "Cel") "}]", T0)},
    {"14-contained", "sepsis", TEMP,
     ENTRY("{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\",\"code\":{\"text\":\"vital signs\"},"
           "\"result\":[{\"reference\":\"#t\"}],"
           "\"contained\":[{\"resourceType\":\"Observation\",\"id\":\"t\",\"status\":\"final\",\"code\":{\"coding\":[" LOINC("8310-5") "]},"
           "\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"" T0 "\"," QTY("37.2", "Cel") "}]}")},
    {"15-member-of-a-panel", "sepsis", TEMP,
     "{\"fullUrl\":\"http://h.example/Observation/t\",\"resource\":{\"resourceType\":\"Observation\",\"id\":\"t\",\"status\":\"final\","
     "\"code\":{\"coding\":[" LOINC("8310-5") "]},\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"" T0 "\"," QTY(
         "37.2", "Cel") "}},"
     ENTRY("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[" LOINC("85353-1") "]},"
           "\"hasMember\":[{\"reference\":\"Observation/t\"}]}")},
    {"16-the-last-is-older", "sepsis", TEMP, TEMP "," OBS_(LOINC("8310-5"), QTY("40", "Cel"), "2026-11-25T11:00:00Z")},
    {"17-unit-in-words", "sepsis", ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"Cel\"", ""},
    {"18-optional-is-missing", "news2", TEMP, TEMP},
    {"19-several-wrong", "sepsis", "\"gender\":\"female\"", "\"gender\":\"unsaid\",\"birthdate\":\"1970\""},
    {"20-target-of-nobody", "gout", TEMP, TEMP},
};

static void put_refusal(const struct fhir_report *r, struct buf *b)
{
    for (size_t i = 0; i < r->issues; i++)
        buf_printf(b, "%s: %s [%s]\n", r->issue[i].code, r->issue[i].text, r->issue[i].expression);
}

static void decide(struct arena *a, const struct probe *p, struct buf *b)
{
    static const char *const key[] = {"news2", "sirs", "qsofa"};
    static const int rank[] = {10, 20, 30};
    const struct manifest *m[COUNT(key)];
    int ranks[COUNT(key)];
    struct json j;
    struct json_fault f;
    struct fhir_report r;
    struct decision d;
    struct slice say = {NULL, 0}, text = {NULL, 0};
    struct err e = {0};
    size_t n = 0;
    for (size_t i = 0; i < COUNT(key); i++) {
        m[n] = sample(a, key[i]);
        ranks[n] = rank[i];
        n += manifest_serves(m[n], slice_of(p->target));
    }
    CHECK_INT(json_parse(a, slice_of(with(a, NEWS2_BUNDLE, p->find, p->put)), &j, &f), 0);
    CHECK_OK(fhir_validate(&j, 0, &(struct fhir_ask){.type = "Bundle", .max_issues = 20}, a, &r, &e));
    if (r.errors) {
        put_refusal(&r, b);
        return;
    }
    struct negotiation q = {.doc = &j, .model = m, .models = n, .rank = ranks, .at_us = AT};
    if (negotiate(a, &q, &d, &e)) {
        buf_printf(b, "%s\n", err_name(e.code));
        return;
    }
    CHECK_OK(decision_say(a, &d, &say, &e));
    CHECK_OK(decision_text(a, &d, &text, &e));
    buf_slice(b, say);
    buf_byte(b, '\n');
    for (size_t i = 0; i < text.n; i++) { /* a line to each member of a list, for whoever compares */
        buf_byte(b, text.p[i]);
        if (text.p[i] == ',' && i && text.p[i - 1] == '}')
            buf_byte(b, '\n');
    }
    buf_byte(b, '\n');
}

TEST(each_probe_is_decided_as_it_was)
{
    const char *folder = getenv("DECISIONS"), *golden = getenv("GOLDEN");
    CHECK(folder != NULL);
    for (size_t i = 0; i < COUNT(probe); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        const char *path = arena_printf(a, "%s/%s.txt", folder, probe[i].name);
        struct buf b = buf_in(a, 1 << 20);
        decide(a, &probe[i], &b);
        CHECK(!buf_failed(&b));
        if (golden && strcmp(golden, "write") == 0) {
            OWN_FILE FILE *f = fopen(path, "wb");
            CHECK(f && fwrite(b.p, 1, b.n, f) == b.n);
            continue;
        }
        struct slice kept = file_text(a, path), now = buf_text(&b);
        for (size_t line = 1; kept.p || now.p; line++) {
            struct slice was = slice_cut(&kept, '\n'), is = slice_cut(&now, '\n');
            if (!slice_eq(was, is))
                fail_msg("%s line %zu\nwas %.*s\nis  %.*s", probe[i].name, line, SLICE_FMT(was), SLICE_FMT(is));
        }
    }
}

RUN(T(each_probe_is_decided_as_it_was))
