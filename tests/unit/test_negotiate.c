#include "model_test.h"

#include "negotiate/negotiate.h"

static struct decision decide_with(struct arena *a, const char *bundle, const struct manifest *const *m, size_t n,
                                   enum negotiate_policy p)
{
    struct json *j = TAKE_NEW(a, struct json);
    struct json_fault f;
    struct decision d;
    struct err e = {0};
    if (json_parse(a, slice_of(bundle), j, &f))
        fail_msg("%s at %u:%u of %s", f.what, f.line, f.column, bundle);
    struct negotiation q = {.doc = j, .model = m, .models = n, .at_us = AT, .policy = p};
    CHECK_OK(negotiate(a, &q, &d, &e));
    return d;
}

static struct decision decide(struct arena *a, const char *bundle, const char *key)
{
    const struct manifest **m = arena_take(a, sizeof *m);
    *m = sample(a, key);
    return decide_with(a, bundle, m, 1, NEGOTIATE_BEST);
}

static const struct missing *lacking(const struct decision *d, const char *input)
{
    for (size_t i = 0; i < d->shown->missings; i++)
        if (slice_is(d->shown->missing[i].name, input))
            return &d->shown->missing[i];
    return NULL;
}

static char *text_of(struct arena *a, const struct decision *d, void write(const struct decision *, struct json_out *))
{
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    write(d, &o);
    buf_byte(&b, 0);
    CHECK(!buf_failed(&b));
    return b.p;
}

static char *inputs_of(struct arena *a, const struct decision *d)
{
    struct wire_request q = {.id = SLICE("a1"), .deadline_ms = 1000};
    struct slice line;
    struct err e = {0};
    CHECK(d->chosen != NULL);
    CHECK_OK(decision_inputs(a, d->chosen, &q, &e));
    CHECK_OK(wire_request(a, &q, &line, &e));
    return arena_str(a, line);
}

TEST(a_complete_bundle_makes_the_wire_inputs_and_nothing_more)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct decision d = decide(a, NEWS2_BUNDLE, "news2");
    CHECK_STR(inputs_of(a, &d),
              "{\"id\":\"a1\",\"inputs\":{\"rr\":{\"v\":22,\"u\":\"/min\",\"t\":\"2026-11-25T13:00:00.000000Z\"},"
              "\"spo2\":{\"v\":90,\"u\":\"%\",\"t\":\"2026-11-25T13:00:00.000000Z\"},\"o2\":{\"v\":\"oxygen\",\"t\":\"2026-11-25T13:00:"
              "00.000000Z\"},"
              "\"sbp\":{\"v\":105,\"u\":\"mm[Hg]\",\"t\":\"2026-11-25T13:00:00.000000Z\"},"
              "\"pulse\":{\"v\":95,\"u\":\"/"
              "min\",\"t\":\"2026-11-25T13:00:00.000000Z\"},\"acvpu\":{\"v\":\"A\",\"t\":\"2026-11-25T13:00:00.000000Z\"},"
              "\"temp\":{\"v\":37.2,\"u\":\"Cel\",\"t\":\"2026-11-25T13:00:00.000000Z\"},\"scale\":{\"v\":1}},"
              "\"patient\":{},\"deadline_ms\":1000}\n");
    d = decide(a, CKD_BUNDLE, "ckd-epi-2021");
    CHECK_STR(inputs_of(a, &d), "{\"id\":\"a1\",\"inputs\":{\"scr\":{\"v\":0.9,\"u\":\"mg/dL\",\"t\":\"2026-11-20T07:00:00.000000Z\"},"
                                "\"age\":{\"v\":56,\"u\":\"a\"},\"sex\":{\"v\":\"female\"}},"
                                "\"patient\":{\"age\":56,\"sex\":\"female\"},\"deadline_ms\":1000}\n");
}

/* Nothing is known of such a value, so no text of it goes on: it could name somebody. */
TEST(where_presence_is_enough_the_model_gets_what_was_sent_but_no_text)
{
    static const struct {
        const char *member, *wire; /* NULL: not there */
    } row[] = {
        {"\"valueQuantity\":{\"value\":37.50,\"unit\":\"C\"}", "{\"v\":37.50,\"u\":\"C\"}"},
        {"\"valueQuantity\":{\"value\":1,\"unit\":\"C\",\"code\":\"Cel\"}", "{\"v\":1,\"u\":\"Cel\"}"},
        {"\"valueQuantity\":{\"value\":1,\"unit\":\"of Mrs. Rossi\"}", "{\"v\":1}"},
        {"\"valueQuantity\":{\"value\":1,\"unit\":\"abcdefghijklmnopqrstu\"}", "{\"v\":1}"},
        {"\"valueInteger\":3", "{\"v\":3}"},
        {"\"valueBoolean\":false", "{\"v\":false}"},
        {"\"valueString\":\"Mrs. Rossi\"", "{\"v\":true}"},
        {"\"valueCodeableConcept\":{\"text\":\"Mrs. Rossi\"}", "{\"v\":true}"},
        {"\"note\":[]", "{\"v\":true}"},
        {"\"dataAbsentReason\":{\"text\":\"not done\"}", NULL},
        {"\"valueInteger\":3,\"subject\":{\"reference\":\"Patient/x\"}", "{\"v\":3}"},
    };
    static const char manifest[] =
        "{\"schema\":\"lazaret.model/1\",\"key\":\"p\",\"version\":\"1.0.0\",\"title\":\"p\",\"inputs\":"
        "{\"a\":{\"anyOf\":[{\"system\":\"s\","
        "\"code\":\"c\"}],\"presence\":true}},\"output\":{\"schema\":{\"type\":\"object\"}},\"runtime\":{\"kind\":\"stdio-json\","
        "\"exec\":[\"/model/run\"],\"image\":\"none\"}}";
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct manifest m;
    const struct manifest *list[] = {&m};
    struct err e;
    CHECK_OK(manifest_parse(a, slice_of(manifest), &m, &e));
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *bundle = arena_printf(
            a,
            "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{\"resourceType\":\"Observation\",\"status\":"
            "\"final\",\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}]},%s}}]}",
            row[i].member);
        struct decision d = decide_with(a, bundle, list, 1, NEGOTIATE_BEST);
        CHECK_INT(d.chosen != NULL, row[i].wire != NULL);
        if (row[i].wire)
            CHECK_STR(inputs_of(a, &d),
                      arena_printf(a, "{\"id\":\"a1\",\"inputs\":{\"a\":%s},\"patient\":{},\"deadline_ms\":1000}\n", row[i].wire));
    }
}

TEST(one_change_of_a_complete_bundle_is_told_with_its_reason)
{
    static const struct {
        const char *find, *put, *input, *reason, *path; /* reason "": still ready */
    } row[] = {
        /* status */
        {"\"status\":\"final\"", "\"status\":\"entered-in-error\"", "rr", "status-not-usable", "Bundle.entry[1].resource"},
        {"\"status\":\"final\"", "\"status\":\"cancelled\",\"dataAbsentReason\":{}", "rr", "status-not-usable",
         "Bundle.entry[1].resource"},
        {"\"status\":\"final\"", "\"status\":\"preliminary\"", "rr", "status-not-usable", "Bundle.entry[1].resource"},
        {"\"status\":\"final\"", "\"status\":\"registered\"", "rr", "status-not-usable", "Bundle.entry[1].resource"},
        {"\"status\":\"final\"", "\"status\":\"unknown\"", "rr", "status-not-usable", "Bundle.entry[1].resource"},
        {"\"status\":\"final\"", "\"status\":\"amended\"", "rr", "", NULL},
        {"\"status\":\"final\"", "\"status\":\"corrected\"", "rr", "", NULL},
        /* value */
        {"," QTY("22", "/min"), "", "rr", "no-value", "Bundle.entry[1].resource"},
        {QTY("22", "/min"), QTY("22", "/min") ",\"dataAbsentReason\":{}", "rr", "no-value", "Bundle.entry[1].resource"},
        {QTY("22", "/min"), "\"valueString\":\"22 /min\"", "rr", "no-value", "Bundle.entry[1].resource"},
        {QTY("22", "/min"), "\"valueInteger\":22", "rr", "no-value", "Bundle.entry[1].resource"},
        {"\"value\":22,", "", "rr", "no-value", "Bundle.entry[1].resource"},
        {"\"value\":22,", "\"value\":-9999,", "rr", "out-of-range", "Bundle.entry[1].resource"},
        {"\"value\":22,", "\"value\":22,\"comparator\":\">\",", "rr", "out-of-range", "Bundle.entry[1].resource"},
        /* the edges of the hard range belong to it; one digit past them does not */
        {"\"value\":22,", "\"value\":100,", "rr", "", NULL},
        {"\"value\":22,", "\"value\":100.0000000000000000000001,", "rr", "out-of-range", "Bundle.entry[1].resource"},
        {"\"value\":22,", "\"value\":0,", "rr", "", NULL},
        {"\"value\":22,", "\"value\":-0.0000001,", "rr", "out-of-range", "Bundle.entry[1].resource"},
        {"\"value\":37.2,", "\"value\":25.0,", "temp", "", NULL},
        {"\"value\":37.2,", "\"value\":24.99,", "temp", "out-of-range", "Bundle.entry[6].resource"},
        {"\"value\":37.2,", "\"value\":4.5e1,", "temp", "", NULL},
        {"\"value\":37.2,", "\"value\":4.51e1,", "temp", "out-of-range", "Bundle.entry[6].resource"},
        /* unit */
        {"\"code\":\"Cel\"", "\"code\":\"C\"", "temp", "unit-not-convertible", "Bundle.entry[6].resource"},
        {"\"code\":\"Cel\"", "\"code\":\"cel\"", "temp", "unit-not-convertible", "Bundle.entry[6].resource"},
        {",\"system\":\"http://unitsofmeasure.org\",\"code\":\"Cel\"", "", "temp", "unit-missing", "Bundle.entry[6].resource"},
        {",\"code\":\"Cel\"", "", "temp", "unit-missing", "Bundle.entry[6].resource"},
        {"\"system\":\"http://unitsofmeasure.org\",\"code\":\"Cel\"", "\"system\":\"urn:x\",\"code\":\"Cel\"", "temp", "unit-missing",
         "Bundle.entry[6].resource"},
        {"\"code\":\"/min\"", "\"code\":\"{breaths}/min\"", "rr", "", NULL},
        {"\"code\":\"/min\"", "\"code\":\"{beats}/min\"", "rr", "unit-not-convertible", "Bundle.entry[1].resource"},
        /* code: exact system and code */
        {"\"system\":\"http://loinc.org\",\"code\":\"9279-1\"", "\"system\":\"http://notloinc.org.evil.example/x\",\"code\":\"9279-1\"",
         "rr", "absent", NULL},
        {"\"system\":\"http://loinc.org\",\"code\":\"9279-1\"", "\"system\":\"https://loinc.org\",\"code\":\"9279-1\"", "rr", "absent",
         NULL},
        {"\"system\":\"http://loinc.org\",\"code\":\"9279-1\"", "\"code\":\"9279-1\"", "rr", "absent", NULL},
        {"9279-1", "9279-10", "rr", "absent", NULL},
        {"9279-1", "9279-\\u0031", "rr", "", NULL},
        {LOINC("9279-1"), SCT("86290005") "," LOINC("9279-1"), "rr", "", NULL},
        {LOINC("8310-5"), LOINC("8329-5"), "temp", "", NULL},
        /* time: twelve hours back, five minutes ahead */
        {T0, "1970-01-01T00:00:00Z", "rr", "stale", "Bundle.entry[1].resource"},
        {T0, "2026-11-25T02:00:00Z", "rr", "", NULL},
        {T0, "2026-11-25T01:59:59Z", "rr", "stale", "Bundle.entry[1].resource"},
        {T0, "2026-11-25T03:00:00+01:00", "rr", "", NULL},
        {T0, "2026-11-25T14:05:00Z", "rr", "", NULL},
        {T0, "2026-11-25T14:05:00.001Z", "rr", "stale", "Bundle.entry[1].resource"},
        {T0, "2026-11-25", "rr", "stale", "Bundle.entry[1].resource"}, /* perhaps at midnight */
        {"\"effectiveDateTime\":\"" T0 "\",", "", "rr", "time-missing", "Bundle.entry[1].resource"},
        {"\"effectiveDateTime\":\"" T0 "\"", "\"effectiveInstant\":\"" T0 "\"", "rr", "", NULL},
        {"\"effectiveDateTime\":\"" T0 "\"", "\"effectivePeriod\":{\"start\":\"2026-11-24T00:00:00Z\",\"end\":\"" T0 "\"}", "rr", "",
         NULL},
        {"\"effectiveDateTime\":\"" T0 "\"", "\"effectivePeriod\":{\"start\":\"2026-11-24T00:00:00Z\"}", "rr", "stale",
         "Bundle.entry[1].resource"},
        /* subject */
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"Patient/p2\"", "rr", "wrong-subject", "Bundle.entry[1].resource"},
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"http://other.example/Patient/p1\"", "rr", "wrong-subject",
         "Bundle.entry[1].resource"},
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"Group/p1\"", "rr", "wrong-subject", "Bundle.entry[1].resource"},
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"#p1\"", "rr", "wrong-subject", "Bundle.entry[1].resource"},
        {"\"reference\":\"Patient/p1\"", "\"display\":\"Ms p1\"", "rr", "wrong-subject", "Bundle.entry[1].resource"},
        {"\"subject\":{\"reference\":\"Patient/p1\"},", "", "rr", "", NULL}, /* not said: the Bundle's one patient */
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"http://h.example/Patient/p1\"", "rr", "", NULL},
        {"\"reference\":\"Patient/p1\"", "\"reference\":\"Patient/p1/_history/3\"", "rr", "", NULL},
        /* components: their own value, the panel's status and time */
        {"\"value\":105,", "\"value\":1050,", "sbp", "out-of-range", "Bundle.entry[3].resource.component[1]"},
        {LOINC("8480-6"), LOINC("8480-7"), "sbp", "absent", NULL},
        {LOINC("85354-9"), LOINC("8480-6"), "sbp", "", NULL}, /* the panel carries the code, its component the value */
        /* coded answers */
        {"LA9340-6", "LA17107-6", "acvpu", "", NULL},
        {"LA9340-6", "LA99999-9", "acvpu", "out-of-range", "Bundle.entry[5].resource"},
        {LOINC("LA9340-6"), LOINC("LA9340-6") "," LOINC("LA9343-0"), "acvpu", "out-of-range", "Bundle.entry[5].resource"},
        {LOINC("LA9340-6"), SCT("248234008"), "acvpu", "out-of-range", "Bundle.entry[5].resource"},
        {CODED(LOINC("LA9340-6")), "\"valueCodeableConcept\":{\"text\":\"Alert\"}", "acvpu", "no-value", "Bundle.entry[5].resource"},
        {CODED(LOINC("LA9340-6")), "\"valueString\":\"A\"", "acvpu", "no-value", "Bundle.entry[5].resource"},
        /* oxygen as a flow */
        {"\"value\":2,", "\"value\":0,", "o2", "", NULL},
        {"\"code\":\"L/min\"", "\"code\":\"mL/min\"", "o2", "unit-not-convertible", "Bundle.entry[7].resource"},
        {"\"value\":2,", "\"value\":-1,", "o2", "out-of-range", "Bundle.entry[7].resource"},
        /* population */
        {"\"birthDate\":\"1970-01-31\"", "\"birthDate\":\"2010-11-25\"", "population.age", "", NULL},
        {"\"birthDate\":\"1970-01-31\"", "\"birthDate\":\"2010-11-26\"", "population.age", "population", "Bundle.entry[0].resource"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct decision d = decide(a, with(a, NEWS2_BUNDLE, row[i].find, row[i].put), "news2");
        const struct missing *m = lacking(&d, row[i].input);
        if (!*row[i].reason) {
            if (m || !d.chosen)
                fail_msg("'%s' for '%s': %s lacks %s", row[i].put, row[i].find, row[i].input, m ? reason_name(m->reason) : "nothing");
            continue;
        }
        if (!m || strcmp(reason_name(m->reason), row[i].reason) != 0)
            fail_msg("'%s' for '%s': %s is %s", row[i].put, row[i].find, row[i].input, m ? reason_name(m->reason) : "found");
        if (row[i].path ? !m->seen.path || strcmp(m->seen.path, row[i].path) != 0 : m->seen.path != NULL)
            fail_msg("'%s' for '%s': seen at %s", row[i].put, row[i].find, m->seen.path ? m->seen.path : "nowhere");
        CHECK(!d.chosen);
        CHECK_INT(d.shown->distance, 1);
        CHECK_INT(d.shown->missings, 1);
    }
}

TEST(creatinine_has_its_own_traps)
{
    static const struct {
        const char *find, *put, *input, *reason;
    } row[] = {
        {"2160-0", "14682-9", "scr", "unit-contradicts-code"}, /* moles by its code, mg/dL by its unit */
        {"\"code\":\"mg/dL\"", "\"code\":\"umol/L\"", "scr", "unit-contradicts-code"},
        {LOINC("2160-0"), LOINC("2160-0") "," LOINC("38483-4"), "scr", ""},
        {"\"code\":\"mg/dL\"", "\"code\":\"g/L\"", "scr", "unit-not-convertible"},
        {"\"code\":\"mg/dL\"", "\"code\":\"umol/l\"", "scr", "unit-not-convertible"},
        {"\"value\":0.9,", "\"value\":0.05,", "scr", ""},
        {"\"value\":0.9,", "\"value\":0.0499999999999999999999,", "scr", "out-of-range"},
        {"\"value\":0.9,", "\"value\":40,", "scr", ""},
        {"\"value\":0.9,", "\"value\":40.00000000000000000001,", "scr", "out-of-range"},
        {"2026-11-20T08:00:00+01:00", "2026-08-27T14:00:00Z", "scr", ""},
        {"2026-11-20T08:00:00+01:00", "2026-08-27T13:59:59Z", "scr", "stale"},
        {"2026-11-20T08:00:00+01:00", "2026-11-20", "scr", ""},
        {"\"gender\":\"female\"", "\"gender\":\"male\"", "sex", ""},
        {"\"gender\":\"female\"", "\"gender\":\"other\"", "sex", "population"},
        {"\"gender\":\"female\"", "\"gender\":\"unknown\"", "sex", "population"},
        {",\"gender\":\"female\"", "", "sex", "absent"},
        {",\"birthDate\":\"1970-11-20\"", "", "age", "absent"},
        {"1970-11-20", "2008-11-20", "age", ""},           /* eighteen on the day of the sample */
        {"1970-11-20", "2008-11-21", "age", "population"}, /* and on the day after it */
        {"1970-11-20", "1970-10", "age", ""},
        {"1970-11-20", "1970-11", "age", "no-value"}, /* 55 or 56 */
        {"1970-11-20", "1970", "age", "no-value"},
        {"1970-11-20", "2027-01-01", "age", "no-value"},
        {"1970-11-20", "1900-01-01", "age", "out-of-range"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct decision d = decide(a, with(a, CKD_BUNDLE, row[i].find, row[i].put), "ckd-epi-2021");
        const struct missing *m = lacking(&d, row[i].input);
        const char *got = m ? reason_name(m->reason) : "";
        if (strcmp(got, row[i].reason) != 0 || !d.chosen != !!m)
            fail_msg("'%s' for '%s': %s is '%s'", row[i].put, row[i].find, row[i].input, got);
    }
}

TEST(units_of_substance_are_converted_exactly)
{
    static const struct {
        const char *value, *unit, *v;
    } row[] = {
        {"79.56", "umol/L", "0.9"},
        {"88.4", "umol/L", "1"},
        {"442", "umol/L", "5"},
        {"0.0884", "mmol/L", "1"},
        {"88.40", "umol/L", "1"},
        {"884e-1", "umol/L", "1"},
        {"100", "umol/L", "1.131221719457013574660633484162895927602"}, /* 1000/884 does not end: 40 digits */
        {"14", "umol/L", "0.1583710407239819004524886877828054298643"}, /* the 41st is a 5: up */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, CKD_BUNDLE, "2160-0", "14682-9");
        text = with(a, text, "\"value\":0.9,", arena_printf(a, "\"value\":%s,", row[i].value));
        struct decision d =
            decide(a, with(a, text, "\"code\":\"mg/dL\"", arena_printf(a, "\"code\":\"%s\"", row[i].unit)), "ckd-epi-2021");
        CHECK(d.chosen != NULL);
        CHECK_SLICE(d.chosen->outcome[0].value, row[i].v);
        CHECK_SLICE(d.chosen->outcome[0].unit, "mg/dL");
    }
}

TEST(scale_2_needs_an_active_and_confirmed_condition)
{
    static const struct {
        const char *condition, *scale;
    } row[] = {
        {CONDITION(SCT("426896000"), "active", "confirmed"), "2"},
        {CONDITION("{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\",\"code\":\"J96.12\"}", "recurrence", "confirmed"), "2"},
        {CONDITION("{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"J96.11\"}", "active", "confirmed"), "2"},
        {CONDITION("{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\",\"code\":\"J96.11\"}", "active", "confirmed"),
         "1"}, /* hypoxia there */
        {CONDITION(SCT("426896000"), "active", "provisional"), "1"},
        {CONDITION(SCT("426896000"), "active", "refuted"), "1"},
        {CONDITION(SCT("426896000"), "active", "entered-in-error"), "1"},
        {CONDITION(SCT("426896000"), "resolved", "confirmed"), "1"},
        {CONDITION(SCT("13645005"), "active", "confirmed"), "1"}, /* COPD alone is not it */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = arena_printf(a, BUNDLE("%s,%s"), NEWS2_ENTRIES, row[i].condition);
        struct decision d = decide(a, text, "news2");
        CHECK(d.chosen != NULL);
        CHECK_SLICE(d.chosen->outcome[7].value, row[i].scale);
    }
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    char *text = arena_printf(a, BUNDLE("%s,%s"), CONDITION(SCT("426896000"), "active", "confirmed"), NEWS2_ENTRIES);
    struct decision d = decide(a, with(a, text, "Patient/p1", "Patient/p2"), "news2"); /* somebody else's */
    CHECK(d.chosen != NULL);
    CHECK_SLICE(d.chosen->outcome[7].value, "1");
}

TEST(oxygen_is_known_from_flow_fraction_or_answer)
{
    static const struct {
        const char *obs, *word;
    } row[] = {
        {OBS_(LOINC("3151-8"), QTY("0.5", "L/min"), T0), "\"oxygen\""},
        {OBS_(LOINC("3151-8"), QTY("0.0", "L/min"), T0), "\"air\""},
        {OBS_(LOINC("3150-6"), QTY("21", "%"), T0), "\"air\""},
        {OBS_(LOINC("3150-6"), QTY("21.0001", "%"), T0), "\"oxygen\""},
        {OBS_(LOINC("3150-6"), QTY("0.21", "%"), T0), NULL}, /* a fraction sent as percent */
        {OBS_(LOINC("3150-6"), QTY("24", "L/min"), T0), NULL},
        {OBS_(SCT("371825009"), CODED(SCT("373066001")), T0), "\"oxygen\""},
        {OBS_(SCT("371825009"), CODED(SCT("373067005")), T0), "\"air\""},
        {OBS_(SCT("371825009"), CODED(SCT("261665006")), T0), NULL},
        /* several of the codes: by whichever it counts */
        {OBS_(LOINC("3151-8") "," SCT("371825009"), CODED(SCT("373066001")), T0), "\"oxygen\""},
        {OBS_(LOINC("3151-8") "," LOINC("3150-6"), QTY("21", "%"), T0), "\"air\""},
        {OBS_(LOINC("3150-6") "," LOINC("3151-8"), QTY("2", "L/min"), T0), "\"oxygen\""},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, NEWS2_BUNDLE, OBS_(LOINC("3151-8"), QTY("2", "L/min"), T0), row[i].obs);
        struct decision d = decide(a, text, "news2");
        if (!row[i].word) {
            CHECK(!d.chosen && lacking(&d, "o2"));
            continue;
        }
        CHECK(d.chosen != NULL);
        CHECK_SLICE(d.chosen->outcome[2].value, row[i].word);
    }
}

TEST(contained_observations_count_and_say_where_they_are)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const char *rr = OBS_(LOINC("9279-1"), QTY("22", "/min"), T0);
    char *inner = arena_str(a, (struct slice){rr + 12, strlen(rr) - 13}); /* the resource without its entry */
    char *report =
        arena_printf(a, "{\"resource\":{\"resourceType\":\"DiagnosticReport\",\"contained\":[{\"resourceType\":\"Device\"},%s]}}", inner);
    struct decision d = decide(a, with(a, NEWS2_BUNDLE, rr, report), "news2");
    CHECK(d.chosen != NULL);
    CHECK_STR(d.chosen->outcome[0].seen.path, "Bundle.entry[1].resource.contained[1]");
}

TEST(of_several_samples_the_latest_usable_one_is_taken)
{
    static const struct {
        const char *first, *second, *v;
    } row[] = {
        {OBS_(LOINC("9279-1"), QTY("11", "/min"), "2026-11-25T12:00:00Z"),
         OBS_(LOINC("9279-1"), QTY("12", "/min"), "2026-11-25T13:00:00Z"), "12"},
        {OBS_(LOINC("9279-1"), QTY("11", "/min"), "2026-11-25T13:00:00Z"),
         OBS_(LOINC("9279-1"), QTY("12", "/min"), "2026-11-25T12:00:00Z"), "11"},
        {OBS_(LOINC("9279-1"), QTY("11", "/min"), "2026-11-25T14:30:00+02:00"),
         OBS_(LOINC("9279-1"), QTY("12", "/min"), "2026-11-25T12:31:00Z"), "12"},
        {OBS_(LOINC("9279-1"), QTY("11", "/min"), T0), OBS_(LOINC("9279-1"), QTY("-9999", "/min"), "2026-11-25T13:30:00Z"), "11"},
        {OBS_(LOINC("9279-1"), QTY("11", "/min"), T0), OBS_(LOINC("9279-1"), QTY("12", "/min"), T0),
         "12"}, /* the same moment: the later entry */
        {"{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"corrected\",\"code\":{\"coding\":[" LOINC(
             "9279-1") "]},"
                       "\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"" T0 "\"," QTY("11", "/min") "}}",
         OBS_(LOINC("9279-1"), QTY("12", "/min"), T0), "11"}, /* but a corrected one before it */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *both = arena_printf(a, "%s,%s", row[i].first, row[i].second);
        struct decision d = decide(a, with(a, NEWS2_BUNDLE, OBS_(LOINC("9279-1"), QTY("22", "/min"), T0), both), "news2");
        CHECK(d.chosen != NULL);
        CHECK_SLICE(d.chosen->outcome[0].value, row[i].v);
    }
}

TEST(the_nearest_rejected_resource_is_shown)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    /* entered in error, without a unit, stale: the stale one got furthest */
    char *three = arena_printf(a, "%s,%s,%s", with(a, OBS_(LOINC("9279-1"), QTY("22", "/min"), T0), "final", "entered-in-error"),
                               OBS_(LOINC("9279-1"), QTY("22", "/min"), "2026-11-20T00:00:00Z"),
                               with(a, OBS_(LOINC("9279-1"), QTY("22", "/min"), T0), "\"code\":\"/min\"", "\"x\":1"));
    struct decision d = decide(a, with(a, NEWS2_BUNDLE, OBS_(LOINC("9279-1"), QTY("22", "/min"), T0), three), "news2");
    const struct missing *m = lacking(&d, "rr");
    CHECK(m != NULL);
    CHECK_STR(reason_name(m->reason), "stale");
    CHECK_STR(m->seen.path, "Bundle.entry[2].resource");
}

TEST(patients_are_not_mixed)
{
    static const struct {
        const char *patients, *rr, *spo2; /* subjects of the two; the others are Patient/p1 */
        const char *rr_reason, *spo2_reason;
    } row[] = {
        {"", "Patient/p1", "Patient/p1", "", ""},
        {"", "Patient/p1", "Patient/p2", "mixed-subjects", "mixed-subjects"},
        {"", "urn:uuid:1", "urn:uuid:2", "mixed-subjects", "mixed-subjects"},
        {PATIENT("p1", "") "," PATIENT("p2", "") ",", "Patient/p1", "Patient/p1", "", ""},
        {PATIENT("p1", "") "," PATIENT("p2", "") ",", "Patient/p1", "Patient/p2", "mixed-subjects", "mixed-subjects"},
        {PATIENT("p1", "") "," PATIENT("p2", "") "," PATIENT("p3", "") ",", "Patient/p2", "Patient/p3", "mixed-subjects",
         "mixed-subjects"},
        {PATIENT("p1", "") ",", "Patient/p2", "Patient/p1", "wrong-subject", ""},
        {PATIENT("p1", "") ",", "Patient/p2", "Patient/p3", "wrong-subject", "wrong-subject"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, NEWS2_BUNDLE, PATIENT("p1", ",\"birthDate\":\"1970-01-31\",\"gender\":\"female\"") ",", row[i].patients);
        char *at = strstr(text, "9279-1");
        char *head = arena_str(a, (struct slice){text, (size_t)(at - text)});
        char *tail = with(a, with(a, at, "Patient/p1", "Patient/%"), "Patient/p1", row[i].spo2);
        tail = with(a, tail, "Patient/%", row[i].rr);
        struct decision d = decide(a, arena_printf(a, "%s%s", head, tail), "news2");
        const struct missing *rr = lacking(&d, "rr"), *spo2 = lacking(&d, "spo2");
        if (strcmp(rr ? reason_name(rr->reason) : "", row[i].rr_reason) ||
            strcmp(spo2 ? reason_name(spo2->reason) : "", row[i].spo2_reason))
            fail_msg("row %zu: rr %s, spo2 %s", i, rr ? reason_name(rr->reason) : "found", spo2 ? reason_name(spo2->reason) : "found");
    }
}

TEST(an_observation_without_a_subject_is_the_one_patients)
{
    static const char named[] = "\"subject\":{\"reference\":\"Patient/p1\"},";
    static const struct {
        const char *patients;
        bool all;
        const char *rr;
    } row[] = {
        {PATIENT("p1", "") ",", true, ""},
        {PATIENT("p1", "") ",", false, ""},
        {"", true, ""},
        {"", false, "mixed-subjects"}, /* one names p1, another nobody: nothing says they are the same */
        {PATIENT("p1", "") "," PATIENT("p2", "") ",", false, "wrong-subject"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, NEWS2_BUNDLE, PATIENT("p1", ",\"birthDate\":\"1970-01-31\",\"gender\":\"female\"") ",", row[i].patients);
        do
            text = with(a, text, named, "");
        while (row[i].all && strstr(text, named));
        struct decision d = decide(a, text, "news2");
        const struct missing *rr = lacking(&d, "rr");
        if (strcmp(rr ? reason_name(rr->reason) : "", row[i].rr))
            fail_msg("row %zu: rr %s", i, rr ? reason_name(rr->reason) : "found");
    }
}

#define MRN(value)  "\"identifier\":{\"system\":\"urn:mrn\",\"value\":\"" value "\"}"
#define HAS(value)  ",\"identifier\":[{\"system\":\"urn:old\",\"value\":\"7\"},{\"system\":\"urn:mrn\",\"value\":\"" value "\"}]"
#define INSIDE(rest) "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"p\"" rest "}],\"subject\":{\"reference\":\"#p\"}"
#define FEMALE      ",\"gender\":\"female\""

/* The subjects of the respiratory rate and of all else; what becomes of the rate and of the saturation. */
TEST(a_patient_is_known_by_identifier_and_inside_a_resource)
{
    static const struct {
        const char *patients, *rr, *rest, *rr_reason, *spo2_reason;
    } row[] = {
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{" MRN("1") "}", NULL, "", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{" MRN("1") ",\"type\":\"Patient\",\"display\":\"x\"}", NULL, "", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{" MRN("2") "}", NULL, "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{" MRN("1") ",\"type\":\"Group\"}", NULL, "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{" MRN("1") ",\"reference\":\"Patient/p2\"}", NULL, "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{\"identifier\":{\"system\":\"urn:old\",\"value\":\"1\"}}", NULL,
         "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{\"identifier\":{\"value\":\"1\"}}", NULL, "wrong-subject", ""},
        {PATIENT("p1", ",\"identifier\":[{\"value\":\"1\"}]") ",", "\"subject\":{\"identifier\":{\"value\":\"1\"}}", NULL,
         "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", "\"subject\":{\"display\":\"p1\"}", NULL, "wrong-subject", ""},
        /* of two Patients it is the one who has it; had by both it is nobody's */
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", HAS("2")) ",", "\"subject\":{" MRN("1") "}", NULL, "", ""},
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", ",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"2\"}]") ",",
         "\"subject\":{" MRN("2") "}", NULL, "mixed-subjects", "mixed-subjects"},
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", HAS("1")) ",", "\"subject\":{" MRN("1") "}", NULL, "wrong-subject", ""},
        /* without a Patient: the same identifier is the same one */
        {"", "\"subject\":{" MRN("1") "}", "\"subject\":{" MRN("1") "}", "", ""},
        {"", "\"subject\":{" MRN("2") "}", "\"subject\":{" MRN("1") "}", "mixed-subjects", "mixed-subjects"},
        {"", "\"subject\":{" MRN("1") "}", NULL, "mixed-subjects", "mixed-subjects"},
        {"", "\"subject\":{\"identifier\":{\"system\":\"urn:mr\",\"value\":\"n1\"}}", "\"subject\":{" MRN("1") "}", "mixed-subjects",
         "mixed-subjects"},
        /* contained, and no other Patient: all the same, by identifier or to the letter */
        {"", INSIDE(HAS("1")), INSIDE(HAS("1") FEMALE), "", ""},
        {"", INSIDE(FEMALE), INSIDE(FEMALE), "", ""},
        {"", INSIDE(FEMALE), INSIDE(",\"gender\":\"male\""), "mixed-subjects", "mixed-subjects"},
        {"", INSIDE(HAS("1")), INSIDE(HAS("2")), "", ""}, /* urn:old 7 is the same */
        {"", INSIDE(",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"1\"}]"), INSIDE(HAS("2")), "mixed-subjects",
         "mixed-subjects"},
        {"", INSIDE(HAS("1") ",\"birthDate\":\"1970-01-31\""), INSIDE(HAS("1") ",\"birthDate\":\"1970-01-30\""), "mixed-subjects",
         "mixed-subjects"},
        {"", INSIDE(FEMALE), NULL, "wrong-subject", ""}, /* another one is named besides */
        {"", INSIDE(HAS("1")), "\"subject\":{" MRN("1") "}", "wrong-subject", ""},
        {"", INSIDE(FEMALE), "\"note\":[]", "", ""}, /* the others name nobody */
        {"", "\"subject\":{\"reference\":\"#p\"}", NULL, "wrong-subject", ""},
        {"", "\"contained\":[{\"resourceType\":\"Group\",\"id\":\"p\"}],\"subject\":{\"reference\":\"#p\"}", NULL,
         "wrong-subject", ""},
        {"", "\"contained\":[{\"resourceType\":\"Group\",\"id\":\"p\"}],\"subject\":{\"reference\":\"#p\"}",
         "\"contained\":[{\"resourceType\":\"Group\",\"id\":\"p\"}],\"subject\":{\"reference\":\"#p\"}", "wrong-subject", "wrong-subject"},
        /* contained beside the Bundle's own Patient: hers when she has the identifier, and nothing speaks against it */
        {PATIENT("p1", HAS("1")) ",", INSIDE(HAS("1")), NULL, "", ""},
        {PATIENT("p1", HAS("1") FEMALE) ",", INSIDE(HAS("1") ",\"gender\":\"male\""), NULL, "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", INSIDE(",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"2\"}]"), NULL,
         "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) ",", INSIDE(FEMALE), NULL, "wrong-subject", ""},
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", ",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"2\"}]") ",",
         INSIDE(",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"2\"}]"), NULL, "mixed-subjects", "mixed-subjects"},
    };
    static const char named[] = "\"subject\":{\"reference\":\"Patient/p1\"}";
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, NEWS2_BUNDLE, PATIENT("p1", ",\"birthDate\":\"1970-01-31\",\"gender\":\"female\"") ",", row[i].patients);
        text = with(a, text, named, row[i].rr);
        while (row[i].rest && strstr(text, named))
            text = with(a, text, named, row[i].rest);
        struct decision d = decide(a, text, "news2");
        const struct missing *rr = lacking(&d, "rr"), *spo2 = lacking(&d, "spo2");
        if (strcmp(rr ? reason_name(rr->reason) : "", row[i].rr_reason) ||
            strcmp(spo2 ? reason_name(spo2->reason) : "", row[i].spo2_reason))
            fail_msg("row %zu: rr %s, spo2 %s", i, rr ? reason_name(rr->reason) : "found", spo2 ? reason_name(spo2->reason) : "found");
    }
}

TEST(a_contained_patient_says_birth_date_and_gender_and_where)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    char *text = with(a, CKD_BUNDLE, PATIENT("p1", ",\"birthDate\":\"1970-11-20\",\"gender\":\"female\"") ",", "");
    text = with(a, text, "\"subject\":{\"reference\":\"Patient/p1\"}",
                INSIDE(",\"birthDate\":\"1970-11-20\",\"gender\":\"female\""));
    struct decision d = decide(a, text, "ckd-epi-2021");
    CHECK(d.chosen != NULL);
    CHECK_INT(d.chosen->age, 56);
    CHECK_SLICE(d.chosen->sex, "female");
    CHECK_STR(d.chosen->outcome[1].seen.path, "Bundle.entry[0].resource.contained[0]");
    CHECK_INT(d.chosen->subject.n, 0); /* "#p" means nothing outside its resource */
    d = decide(a, with(a, text, "1970-11-20", "2010-11-20"), "ckd-epi-2021");
    CHECK_STR(reason_name(lacking(&d, "age")->reason), "population");
}

TEST(data_of_another_than_the_caller_says_are_told_so)
{
    static const struct {
        const char *patients, *subject, *said; /* subject: of the Observation */
        bool elsewhere;
        const char *name;
    } row[] = {
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"reference\":\"Patient/p1\"}", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"reference\":\"http://h.example/Patient/p1\"}", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"reference\":\"http://g.example/Patient/p1\"}", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"reference\":\"Patient/p2\"}", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"display\":\"p1\"}", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{" MRN("1") "}", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{" MRN("2") "}", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"system\":\"urn:mrn\",\"value\":\"1\"}", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "{\"system\":\"urn:mrn\",\"value\":\"2\"}", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "\"Patient/p1\"", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "\"p1\"", false, "Patient/p1"},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "\"Group/p1\"", true, NULL},
        {PATIENT("p1", HAS("1")) ",", "Patient/p1", "\"#p1\"", true, NULL},
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", HAS("2")) ",", "Patient/p1", "\"p2\"", true, NULL},
        {PATIENT("p1", HAS("1")) "," PATIENT("p2", HAS("2")) ",", "Patient/p1", "\"p1\"", false, "Patient/p1"},
        {"", "Patient/p1", "\"p1\"", false, "Patient/p1"},
        {"", "Patient/p1", "\"p2\"", true, NULL},
        {"", NULL, "\"p2\"", false, "Patient/p2"}, /* data that name nobody */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        const struct manifest *m = sample(a, "ckd-epi-2021");
        char *text = with(a, CKD_BUNDLE, PATIENT("p1", ",\"birthDate\":\"1970-11-20\",\"gender\":\"female\"") ",", row[i].patients);
        text = row[i].subject ? with(a, text, "Patient/p1\"}", arena_printf(a, "%s\"}", row[i].subject))
                              : with(a, text, "\"subject\":{\"reference\":\"Patient/p1\"},", "");
        struct json *j = TAKE_NEW(a, struct json);
        struct json_fault f;
        struct decision d;
        struct err e = {0};
        CHECK_INT(json_parse(a, slice_of(arena_printf(a, "{\"said\":%s,\"data\":%s}", row[i].said, text)), j, &f), 0);
        struct negotiation q = {
            .doc = j, .bundle = json_get(j, 0, "data"), .subject = json_get(j, 0, "said"), .model = &m, .models = 1, .at_us = AT};
        CHECK_OK(negotiate(a, &q, &d, &e));
        if (d.elsewhere != row[i].elsewhere)
            fail_msg("row %zu: %s", i, d.elsewhere ? "elsewhere" : "agrees");
        if (row[i].name)
            CHECK_SLICE(d.candidate[0].subject, row[i].name);
    }
}

TEST(a_patient_is_known_by_address_or_by_id)
{
    static const struct {
        const char *url, *id, *reference;
        bool ready;
    } row[] = {
        {"\"fullUrl\":\"urn:uuid:0a\",", "", "urn:uuid:0a", true},
        {"\"fullUrl\":\"urn:uuid:0a\",", "", "urn:uuid:0b", false},
        {"\"fullUrl\":\"urn:uuid:0a\",", ",\"id\":\"p1\"", "Patient/p1", true},
        {"\"fullUrl\":\"http://h.example/Patient/p1\",", ",\"id\":\"p1\"", "http://h.example/Patient/p1", true},
        {"\"fullUrl\":\"http://h.example/Patient/p1\",", ",\"id\":\"p1\"", "http://g.example/Patient/p1", false},
        {"", ",\"id\":\"p1\"", "http://g.example/Patient/p1", true}, /* it has no address that could differ */
        {"", ",\"id\":\"p1\"", "http://g.example/Patient/xp1", false},
        {"", ",\"id\":\"p1\"", "http://g.example/APatient/p1", false},
        {"", "", "Patient/", false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, CKD_BUNDLE, "\"fullUrl\":\"http://h.example/Patient/p1\",", row[i].url);
        text = with(a, with(a, text, ",\"id\":\"p1\"", row[i].id), "Patient/p1", row[i].reference);
        if (*row[i].url && strstr(row[i].url, "Patient/p1")) /* the first is the address itself */
            text = with(a, with(a, CKD_BUNDLE, ",\"id\":\"p1\"", row[i].id), "\"reference\":\"Patient/p1\"",
                        arena_printf(a, "\"reference\":\"%s\"", row[i].reference));
        struct decision d = decide(a, text, "ckd-epi-2021");
        if (!!d.chosen != row[i].ready)
            fail_msg("row %zu: %s", i, d.chosen ? "ready" : "not ready");
    }
}

TEST(members_of_a_panel_count_where_they_stand)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const char *rr = OBS_(LOINC("9279-1"), QTY("22", "/min"), T0);
    char *inner = with(a, arena_str(a, (struct slice){rr + 12, strlen(rr) - 13}), "\"status\"", "\"id\":\"m\",\"status\"");
    char *panel = arena_printf(a,
                               "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"contained\":[%s],"
                               "\"code\":{\"coding\":[" LOINC("85353-1") "]},\"hasMember\":[{\"reference\":\"#m\"}]}}",
                               inner);
    struct decision d = decide(a, with(a, NEWS2_BUNDLE, rr, panel), "news2");
    CHECK(d.chosen != NULL);
    CHECK_STR(d.chosen->outcome[0].seen.path, "Bundle.entry[1].resource.contained[0]");
}

TEST(an_empty_bundle_lacks_everything_in_the_manifests_order)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct decision d = decide(a, "{\"resourceType\":\"Bundle\",\"type\":\"collection\"}", "news2");
    char *text = text_of(a, &d, decision_write_candidates);
    CHECK_STR(text, "[{\"model\":\"news2\",\"version\":\"1.0.0\",\"ready\":false,\"missing\":[\"rr\",\"spo2\",\"o2\",\"sbp\",\"pulse\","
                    "\"acvpu\",\"temp\"],"
                    "\"distance\":7,\"rank\":1,"
                    "\"sets\":[[\"rr\",\"spo2\",\"o2\",\"sbp\",\"pulse\",\"acvpu\",\"temp\"]]}]");
    text = text_of(a, &d, decision_write_missing);
    CHECK(
        strncmp(
            text,
            "[{\"code\":\"9279-1\",\"display\":\"Respiratory rate\",\"mandatory\":true,\"system\":\"http://loinc.org\",\"input\":\"rr\","
            "\"reason\":\"absent\",\"text\":\"Respiratory rate: not sent (LOINC 9279-1).\",\"accepts\":{\"codes\":[\"9279-1\"],"
            "\"units\":[\"/min\",\"{breaths}/min\"],\"within\":\"PT12H\",\"range\":[0,100]}},",
            260) == 0);
    d = decide(a, "{\"resourceType\":\"Bundle\",\"type\":\"collection\"}", "ckd-epi-2021");
    CHECK(strstr(text_of(a, &d, decision_write_missing),
                 "\"code\":\"Patient.gender\",\"display\":\"Sex\",\"mandatory\":true,"
                 "\"system\":\"http://hl7.org/fhir/StructureDefinition/Patient\","
                 "\"input\":\"sex\",\"reason\":\"absent\",\"text\":\"Sex: not sent (Patient.gender).\","
                 "\"accepts\":{\"values\":[\"female\",\"male\"]}}"));
}

TEST(what_was_seen_is_told_without_its_value)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    char *text = with(a, NEWS2_BUNDLE, "\"value\":37.2,", "\"value\":987654.321,");
    struct decision d = decide(a, with(a, text, T0, "2026-11-24T02:10:00Z"), "news2");
    char *missing = text_of(a, &d, decision_write_missing);
    CHECK(strstr(missing, "\"reason\":\"stale\",\"text\":\"Respiratory rate is not of the last 12 hours: the nearest is 35 hours old.\","
                          "\"accepts\":{\"codes\":[\"9279-1\"],\"units\":[\"/min\",\"{breaths}/"
                          "min\"],\"within\":\"PT12H\",\"range\":[0,100]},"
                          "\"seen\":{\"path\":\"Bundle.entry[1].resource\",\"time\":\"2026-11-24T02:10:00Z\",\"age\":\"PT35H50M\"}"));
    struct slice all;
    struct err e = {0};
    CHECK_OK(decision_text(a, &d, &all, &e));
    CHECK(strstr(missing, "out-of-range") && !strstr(missing, "987654"));
    CHECK(!strstr(arena_str(a, all), "987654") && !strstr(arena_str(a, all), "Patient/p1") && !strstr(arena_str(a, all), "1970-01-31"));
}

TEST(what_was_seen_has_its_name_for_the_client_alone)
{
    static const struct {
        const char *url, *id, *ref;
    } row[] = {
        {"", "\"id\":\"o7\",", "\"seen\":{\"ref\":\"Observation/o7\",\"path\":"},
        {"\"fullUrl\":\"urn:uuid:0a\",", "\"id\":\"o7\",", "\"seen\":{\"ref\":\"Observation/o7\",\"path\":"},
        {"\"fullUrl\":\"urn:uuid:0a\",", "", "\"seen\":{\"ref\":\"urn:uuid:0a\",\"path\":"},
        {"", "", "\"seen\":{\"path\":"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *text = with(a, NEWS2_BUNDLE, T0, "2026-11-24T02:10:00Z");
        text = with(a, text, "\"resource\":{\"resourceType\":\"Observation\",",
                    arena_printf(a, "%s\"resource\":{\"resourceType\":\"Observation\",%s", row[i].url, row[i].id));
        struct decision d = decide(a, text, "news2");
        struct slice all;
        struct err e = {0};
        if (!strstr(text_of(a, &d, decision_write_missing), row[i].ref))
            fail_msg("row %zu: %s", i, text_of(a, &d, decision_write_missing));
        CHECK_OK(decision_text(a, &d, &all, &e));
        CHECK(!strstr(arena_str(a, all), "o7") && !strstr(arena_str(a, all), "0a\""));
    }
}

static const struct manifest *made(struct arena *a, const char *key, const char *inputs, const char *rest)
{
    struct manifest *m = TAKE_NEW(a, struct manifest);
    struct err e = {0};
    char *text =
        arena_printf(a,
                     "{\"schema\":\"lazaret.model/1\",\"key\":\"%s\",\"version\":\"1.0.0\",\"title\":\"t\",\"output\":{\"schema\":{}},"
                     "\"runtime\":{\"kind\":\"stdio-json\",\"exec\":[\"/model/m\"],\"image\":\"none\"},\"inputs\":{%s}%s}",
                     key, inputs, rest);
    CHECK_OK(manifest_parse(a, slice_of(text), m, &e));
    return m;
}

#define IN(name, code, more) "\"" name "\":{\"anyOf\":[" LOINC(code) "],\"unit\":\"1\"" more "}"
#define CI(low)              ",\"performance\":[{\"metric\":\"AUC\",\"ci95\":[" low ",1]}]"
#define ONE(code)            OBS_(LOINC(code), QTY("1", "1"), T0)

TEST(models_are_ranked_by_the_declared_rule)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {
        made(a, "b-plain", IN("x", "1-1", ""), ""),
        made(a, "a-plain", IN("x", "1-1", ""), ""),
        made(a, "good", IN("x", "1-1", "") "," IN("y", "2-2", ""), CI("0.9")),
        made(a, "fair", IN("x", "1-1", ""), CI("0.70")),
        made(a, "a-half", IN("x", "1-1", "") "," IN("z", "3-3", ",\"required\":false"), ""),
        made(a, "child", IN("x", "1-1", ""), CI("0.99") ",\"population\":{\"age\":{\"max\":\"17 a\"}}"),
    };
    const char *bundle = BUNDLE(PATIENT("p1", ",\"birthDate\":\"1970-01-31\"") "," ONE("1-1"));
    struct decision d = decide_with(a, bundle, m, COUNT(m), NEGOTIATE_BEST);
    const char *want[] = {"good", "fair", "a-plain", "b-plain", "a-half", "child"};
    for (size_t i = 0; i < COUNT(m); i++)
        CHECK_SLICE(d.candidate[i].model->key, want[i]);
    CHECK(!d.chosen); /* the best lacks y: under `best` nothing else runs */
    CHECK_SLICE(d.shown->model->key, "good");
    CHECK_STR(text_of(a, &d, decision_write_next_best),
              "[{\"input\":\"y\",\"code\":\"2-2\",\"display\":\"y\",\"unlocks\":[\"good@1.0.0\"],\"score_gain\":1.000}]");
    CHECK_STR(text_of(a, &d, decision_write_minimal), "{\"model\":\"good\",\"version\":\"1.0.0\",\"inputs\":[\"y\"]}");
    CHECK(strstr(text_of(a, &d, decision_write_candidates),
                 "\"model\":\"fair\",\"version\":\"1.0.0\",\"ready\":true,\"missing\":[],\"distance\":0,\"rank\":2,"
                 "\"behind_by\":\"metric\","
                 "\"note\":\"would run now with policy=best-ready\""));
    d = decide_with(a, bundle, m, COUNT(m), NEGOTIATE_BEST_READY);
    CHECK_SLICE(d.chosen->model->key, "fair");
}

TEST(the_next_best_datum_is_the_one_that_unlocks_most)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {
        made(a, "far", IN("x", "1-1", "") "," IN("y", "2-2", "") "," IN("z", "3-3", ""), CI("0.9")),
        made(a, "near", IN("y", "2-2", ""), CI("0.8")),
        made(a, "also", IN("w", "2-2", ""), CI("0.7")),
    };
    struct decision d = decide_with(a, BUNDLE(ONE("1-1")), m, COUNT(m), NEGOTIATE_BEST);
    CHECK_STR(text_of(a, &d, decision_write_next_best),
              "[{\"input\":\"y\",\"code\":\"2-2\",\"display\":\"y\","
              "\"unlocks\":[\"near@1.0.0\",\"also@1.0.0\"],\"score_gain\":0.933},"
              "{\"input\":\"z\",\"code\":\"3-3\",\"display\":\"z\",\"unlocks\":[],\"score_gain\":0.100}]");
}

TEST(a_group_is_complete_by_one_alternative)
{
    static const struct {
        const char *have, *missing;
    } row[] = {
        {ONE("1-1"), "[]"},
        {ONE("2-2") "," ONE("3-3"), "[]"},
        {ONE("9-9"), "[\"a\"]"}, /* the first of the nearest */
        {ONE("2-2"), "[\"a\"]"},
    };
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {made(
        a, "g", IN("a", "1-1", ",\"required\":false") "," IN("b", "2-2", ",\"required\":false") "," IN("c", "3-3", ",\"required\":false"),
        ",\"groups\":[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"b\",\"c\"]]}]")};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct decision d = decide_with(a, arena_printf(a, BUNDLE("%s"), row[i].have), m, 1, NEGOTIATE_BEST);
        CHECK(strstr(text_of(a, &d, decision_write_candidates),
                     arena_printf(a, "\"missing\":%s,\"distance\":%d", row[i].missing, row[i].missing[1] != ']')));
    }
}

TEST(conditions_exclude_or_must_be_asserted)
{
    static const struct {
        const char *absence, *condition, *reason;
    } row[] = {
        {"assume-absent", "", ""},
        {"must-assert", "", "not-asserted"},
        {"must-assert", "," CONDITION(SCT("105502003"), "active", "refuted"), ""},
        {"must-assert", "," CONDITION(SCT("105502003"), "resolved", "confirmed"), ""},
        {"assume-absent", "," CONDITION(SCT("105502003"), "active", "confirmed"), "population"},
        {"assume-absent", "," CONDITION(SCT("105502003"), "active", "unconfirmed"), "population"},
        {"assume-absent", "," CONDITION(SCT("105502003"), "active", "entered-in-error"), ""},
    };
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct manifest *m[] = {made(a, "g", IN("a", "1-1", ""),
                                           arena_printf(a,
                                                        ",\"conditions\":[{\"id\":\"dialysis\",\"anyOf\":[%s],"
                                                        "\"role\":\"excludes\",\"absence\":\"%s\"}]",
                                                        SCT("105502003"), row[i].absence))};
        struct decision d = decide_with(a, arena_printf(a, BUNDLE(ONE("1-1") "%s"), row[i].condition), m, 1, NEGOTIATE_BEST);
        const struct missing *k = lacking(&d, "dialysis");
        CHECK_STR(k ? reason_name(k->reason) : "", row[i].reason);
        CHECK_INT(d.chosen != NULL, !*row[i].reason);
        CHECK_INT(d.minimal != NULL, strcmp(row[i].reason, "not-asserted") == 0); /* nothing can be asked for a misfit */
    }
}

TEST(optional_inputs_are_told_after_the_mandatory_ones)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {made(a, "g", IN("o", "1-1", ",\"required\":false") "," IN("r", "2-2", ""), "")};
    struct decision d = decide_with(a, BUNDLE(""), m, 1, NEGOTIATE_BEST);
    CHECK_INT(d.shown->missings, 2);
    CHECK(slice_is(d.shown->missing[0].name, "r") && d.shown->missing[0].mandatory);
    CHECK(slice_is(d.shown->missing[1].name, "o") && !d.shown->missing[1].mandatory);
    CHECK_INT(d.shown->distance, 1);
}

TEST(the_same_input_gives_the_same_bytes)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20), *b = arena_new(8 << 20);
    const char *text[] = {NEWS2_BUNDLE, with(a, NEWS2_BUNDLE, T0, "2020-01-01"), BUNDLE("")};
    for (size_t i = 0; i < COUNT(text); i++) {
        struct err e = {0};
        struct slice x, y;
        const struct manifest *p[] = {sample(a, "news2"), sample(a, "ckd-epi-2021")},
                              *q[] = {sample(b, "ckd-epi-2021"), sample(b, "news2")};
        struct decision d = decide_with(a, text[i], p, 2, NEGOTIATE_BEST), f = decide_with(b, text[i], q, 2, NEGOTIATE_BEST);
        CHECK_OK(decision_text(a, &d, &x, &e));
        CHECK_OK(decision_text(b, &f, &y, &e));
        CHECK(slice_eq(x, y)); /* nor does the order of the candidates matter */
    }
}

TEST(without_models_the_target_is_unknown_and_little_memory_is_an_error)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct json j;
    struct json_fault f;
    struct decision d;
    struct err e = {0};
    CHECK_INT(json_parse(a, SLICE(NEWS2_BUNDLE), &j, &f), 0);
    const struct manifest *m = sample(a, "news2");
    struct negotiation q = {.doc = &j, .at_us = AT};
    CHECK_INT(negotiate(a, &q, &d, &e), -1);
    CHECK_INT(e.code, ERR_UNKNOWN_TARGET);
    q.model = &m;
    q.models = 1;
    for (size_t limit = 256; limit < 8192; limit += 256) {
        OWN_ARENA struct arena *small = arena_new(limit);
        if (negotiate(small, &q, &d, &e))
            CHECK_INT(e.code, ERR_NO_MEMORY);
    }
}

RUN(T(a_complete_bundle_makes_the_wire_inputs_and_nothing_more),
    T(where_presence_is_enough_the_model_gets_what_was_sent_but_no_text), T(one_change_of_a_complete_bundle_is_told_with_its_reason),
    T(creatinine_has_its_own_traps), T(units_of_substance_are_converted_exactly), T(scale_2_needs_an_active_and_confirmed_condition),
    T(oxygen_is_known_from_flow_fraction_or_answer), T(contained_observations_count_and_say_where_they_are),
    T(of_several_samples_the_latest_usable_one_is_taken), T(the_nearest_rejected_resource_is_shown), T(patients_are_not_mixed),
    T(an_observation_without_a_subject_is_the_one_patients), T(a_patient_is_known_by_address_or_by_id),
    T(a_patient_is_known_by_identifier_and_inside_a_resource), T(a_contained_patient_says_birth_date_and_gender_and_where),
    T(data_of_another_than_the_caller_says_are_told_so),
    T(members_of_a_panel_count_where_they_stand), T(an_empty_bundle_lacks_everything_in_the_manifests_order),
    T(what_was_seen_is_told_without_its_value),
    T(what_was_seen_has_its_name_for_the_client_alone), T(models_are_ranked_by_the_declared_rule),
    T(the_next_best_datum_is_the_one_that_unlocks_most), T(a_group_is_complete_by_one_alternative),
    T(conditions_exclude_or_must_be_asserted), T(optional_inputs_are_told_after_the_mandatory_ones),
    T(the_same_input_gives_the_same_bytes), T(without_models_the_target_is_unknown_and_little_memory_is_an_error))
