/* What a manifest can ask for, beyond one fresh number: several samples, aliases, conditions in their course, drugs, answers to
 * questions, alternatives. */
#include <time.h>

#include "model_test.h"

#include "fhir/fhir.h"
#include "negotiate/ask.h"

#define NAMED_OBS(code, value, time)                                                                                                       \
    "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[" code "]},"                               \
    "\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"2026-11-25T" time ":00Z\"," value "}}"
#define P1                PATIENT("p1", ",\"birthDate\":\"1950-06-01\",\"gender\":\"female\"")
#define ICD(c)            "{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"" c "\"}"
#define ATC(c)            "{\"system\":\"http://www.whocc.no/atc\",\"code\":\"" c "\"}"
#define TEMP(value, time) NAMED_OBS(LOINC("8310-5"), QTY(value, "Cel"), time)

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

static struct decision decide(struct arena *a, const char *bundle, const struct manifest *const *m, size_t n, struct negotiation q)
{
    struct json *j = TAKE_NEW(a, struct json);
    struct json_fault f;
    struct decision d;
    struct err e = {0};
    if (json_parse(a, slice_of(bundle), j, &f))
        fail_msg("%s at %u:%u of %s", f.what, f.line, f.column, bundle);
    q.doc = j;
    q.model = m;
    q.models = n;
    q.at_us = AT;
    struct negotiation *kept = TAKE_NEW(a, struct negotiation);
    *kept = q;
    CHECK_OK(negotiate(a, kept, &d, &e));
    return d;
}

static struct decision decide_one(struct arena *a, const char *bundle, const struct manifest *m)
{
    const struct manifest **list = TAKE_NEW(a, const struct manifest *);
    *list = m;
    return decide(a, bundle, list, 1, (struct negotiation){0});
}

static const char *reason_of(const struct decision *d, const char *input)
{
    for (size_t i = 0; i < d->shown->missings; i++)
        if (slice_is(d->shown->missing[i].name, input))
            return reason_name(d->shown->missing[i].reason);
    return "";
}

static char *sentence_of(struct arena *a, const struct decision *d)
{
    struct buf b = buf_in(a, 4096);
    CHECK(d->shown->missings > 0);
    missing_sentence(d, &d->shown->missing[0], &b);
    return arena_str(a, buf_text(&b));
}

TEST(several_samples_are_counted_thinned_and_one_of_them_is_taken)
{
    static const struct {
        const char *count, *value; /* NULL: too few */
        int samples;
    } row[] = {
        {"{\"min\":1}", "37.5", 1},
        {"{\"min\":4}", "37.5", 4},
        {"{\"min\":5}", NULL, 4},
        {"{\"min\":4,\"take\":\"earliest\"}", "36.0", 4},
        {"{\"min\":1,\"take\":\"lowest\"}", "36.0", 4},
        {"{\"min\":1,\"take\":\"highest\"}", "39.0", 4},
        {"{\"min\":3,\"minGap\":\"PT30M\"}", "37.5", 3}, /* 12:50 and 13:00 are one: the later */
        {"{\"min\":4,\"minGap\":\"PT30M\"}", NULL, 3},
        {"{\"min\":1,\"take\":\"highest\",\"minGap\":\"PT30M\"}", "38.0", 3},
        {"{\"min\":2,\"span\":\"PT3H\"}", "37.5", 4},
        {"{\"min\":2,\"span\":\"PT3H1M\"}", NULL, 4},
    };
    static const char bundle[] = BUNDLE(P1 "," TEMP("37.5", "13:00") "," TEMP("36.0", "10:00") "," TEMP("39.0", "12:50") "," TEMP(
        "38.0", "11:00") "," TEMP("99", "11:30") "," NAMED_OBS(LOINC("8310-5"), QTY("37", "Cel"), "01:00"));
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *inputs = arena_printf(a,
                                    "\"t\":{\"anyOf\":[" LOINC("8310-5") "],\"unit\":\"Cel\",\"within\":\"PT12H\","
                                                                         "\"range\":{\"hard\":[25,45]},\"count\":%s}",
                                    row[i].count);
        struct decision d = decide_one(a, bundle, made(a, "m", inputs, ""));
        const struct outcome *o = &d.shown->outcome[0];
        CHECK_INT(o->samples, row[i].samples);
        CHECK_STR(reason_of(&d, "t"), row[i].value ? "" : "too-few");
        if (row[i].value)
            CHECK_SLICE(o->value, row[i].value);
    }
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    static const char five[] = "\"t\":{\"anyOf\":[" LOINC("8310-5") "],\"unit\":\"Cel\",\"display\":\"Temperature\",\"count\":{\"min\":9}}";
    struct decision d = decide_one(a, bundle, made(a, "m", five, ""));
    CHECK_STR(sentence_of(a, &d), "Temperature is needed 9 times; 6 count.");
}

TEST(a_mean_is_exact_until_it_is_rounded_as_the_model_says)
{
    static const struct {
        const char *samples, *decimals, *range, *value; /* NULL: none */
        bool soft;
    } row[] = {
        {TEMP("37.5", "13:00"), "1", "[-90,90]", "37.5", false},
        {TEMP("36", "13:00") "," TEMP("37", "12:00"), "1", "[-90,90]", "36.5", false},
        {TEMP("36", "13:00") "," TEMP("37", "12:00"), "0", "[-90,90]", "37", false}, /* half away from zero */
        {TEMP("-36", "13:00") "," TEMP("-37", "12:00"), "0", "[-90,90]", "-37", false},
        {TEMP("1", "13:00") "," TEMP("1", "12:00") "," TEMP("0", "11:00"), "3", "[-90,90]", "0.667", false},
        {TEMP("1", "13:00") "," TEMP("0", "12:00") "," TEMP("0", "11:00"), "12", "[-90,90]", "0.333333333333", false},
        {TEMP("0.1", "13:00") "," TEMP("0.2", "12:00"), "2", "[-90,90]", "0.15", false}, /* in doubles 0.15000000000000002 */
        {TEMP("9.5", "13:00") "," TEMP("10.4", "12:00"), "0", "[-90,90]", "10", false},  /* 9.95: rounded once */
        {TEMP("5", "13:00") "," TEMP("-5.0", "12:00"), "2", "[-90,90]", "0", false},
        {TEMP("-0.004", "13:00") "," TEMP("0", "12:00"), "2", "[-90,90]", "0", false},   /* and no minus before it */
        {TEMP("1e-30", "13:00") "," TEMP("50.5", "12:00"), "2", "[-90,90]", "25.25", false},
        {TEMP("99.994", "13:00") "," TEMP("100.006", "12:00"), "1", "[0,101]", "100", true},
        {TEMP("60", "13:00") "," TEMP("20", "12:00"), "0", "[-90,90]", "40", false}, /* one outside the soft range, not their mean */
        {TEMP("44.96", "13:00") "," TEMP("44.98", "12:00"), "1", "[25,44.99]", NULL, false}, /* 45 is out of range */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *inputs = arena_printf(
            a,
            "\"t\":{\"anyOf\":[" LOINC(
                "8310-5") "],\"unit\":\"Cel\",\"range\":{\"hard\":%s,\"soft\":[-50,50]},"
                          "\"count\":{\"min\":1,\"take\":\"mean\",\"decimals\":%s}}",
            row[i].range, row[i].decimals);
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 ",%s"), row[i].samples), made(a, "m", inputs, ""));
        const struct outcome *o = &d.shown->outcome[0];
        CHECK_STR(reason_of(&d, "t"), row[i].value ? "" : "out-of-range");
        CHECK_INT(o->soft, row[i].soft);
        CHECK_STR(o->seen.path, "Bundle.entry[1].resource"); /* the latest */
        if (row[i].value)
            CHECK_SLICE(o->value, row[i].value);
    }
}

#define NAMED(id, value, time) NAMED_OBS(LOINC("8310-5"), "\"id\":\"" id "\"," QTY(value, "Cel"), time)

TEST(a_mean_comes_from_each_of_its_samples_once)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    static const char input[] = "\"t\":{\"anyOf\":[" LOINC(
        "8310-5") "],\"unit\":\"Cel\",\"within\":\"PT3H\",\"count\":{\"min\":2,\"take\":\"mean\",\"decimals\":1}}";
    static const char bundle[] = BUNDLE(P1 "," NAMED("o1", "36", "12:00") "," NAMED("o2", "30", "01:00") "," NAMED("o3", "37", "13:00"));
    struct decision d = decide_one(a, bundle, made(a, "m", input, ""));
    struct json j;
    struct json_fault f;
    struct buf b = buf_in(a, 4096);
    struct json_out o = json_out(&b);
    CHECK_INT(json_parse(a, slice_of(bundle), &j, &f), 0);
    CHECK_SLICE(d.chosen->outcome[0].value, "36.5");
    candidate_write_about(d.chosen, &j, 0, a, &o);
    CHECK_SLICE(buf_text(&b), "{\"subject\":\"Patient/p1\",\"sources\":[{\"type\":\"Observation\",\"reference\":\"Observation/o3\"},"
                              "{\"type\":\"Observation\",\"reference\":\"Observation/o1\"}]}");
    struct decision few = decide_one(a, with(a, bundle, "12:00", "02:00"), made(a, "m", input, ""));
    CHECK_STR(reason_of(&few, "t"), "too-few");
}

#define PRESSURE(code, value, unit) "{\"code\":{\"coding\":[" LOINC(code) "]}," QTY(value, unit) "}"
#define PANEL(parts, time)          NAMED_OBS(LOINC("85354-9"), "\"component\":[" parts "]", time)
#define SYS(value)                  PRESSURE("8480-6", value, "mm[Hg]")
#define DIA(value)                  PRESSURE("8462-4", value, "mm[Hg]")
#define MEAN(value, time)           NAMED_OBS(LOINC("8478-0"), QTY(value, "mm[Hg]"), time)

TEST(a_mean_pressure_comes_from_both_pressures_of_one_sample_or_from_none)
{
    static const struct {
        const char *samples, *value, *reason, *note, *path; /* note: begins with; NULL: none */
    } row[] = {
        {PANEL(SYS("120") "," DIA("80"), "13:00"), "93.3", "", "it is computed", "Bundle.entry[1].resource.component[0]"},
        {PANEL(DIA("60") "," SYS("90"), "13:00"), "70", "", "it is computed", "Bundle.entry[1].resource.component[1]"},
        {PANEL(SYS("100.05") "," DIA("60.05"), "13:00"), "73.4", "", "it is computed", NULL}, /* 73.38333.. */
        {PANEL(SYS("120") "," DIA("80"), "12:00") "," PANEL(SYS("90") "," DIA("60"), "13:00"), "70", "", NULL, NULL},
        {PANEL(SYS("120") "," DIA("80"), "12:00") "," PANEL(SYS("90"), "13:00"), "93.3", "", NULL, NULL}, /* never of two */
        {PANEL(SYS("120"), "12:00") "," PANEL(DIA("80"), "12:00"), NULL, "no-value", "it came without the systolic", NULL},
        {PANEL(SYS("120"), "12:00"), NULL, "no-value", "it came without the diastolic", "Bundle.entry[1].resource.component[0]"},
        {PANEL(DIA("80"), "12:00"), NULL, "no-value", "it came without the systolic", NULL},
        {PANEL(SYS("120") "," DIA("80") "," DIA("70"), "12:00"), NULL, "no-value", "its sample has one", NULL},
        {PANEL(SYS("80") "," DIA("120"), "12:00"), NULL, "out-of-range", "its diastolic pressure is above", NULL},
        {PANEL(SYS("260") "," DIA("240"), "12:00"), NULL, "out-of-range", "it is computed", NULL}, /* 246.67 > 200 */
        {PANEL(SYS("250") "," DIA("90"), "12:00"), "143.3", "", NULL, NULL}, /* the input's range is that of the mean */
        {PANEL(SYS("120") "," DIA("400"), "12:00"), NULL, "out-of-range", NULL, "Bundle.entry[1].resource.component[1]"},
        {PANEL(PRESSURE("8480-6", "16", "kPa") "," DIA("80"), "12:00"), "93.3", "", NULL, NULL}, /* 120.009.. */
        {PANEL(SYS("120") "," PRESSURE("8462-4", "80", "mm"), "12:00"), NULL, "unit-not-convertible", "'mm' does not become", NULL},
        {PANEL(SYS("120") ",{\"code\":{\"coding\":[" LOINC("8462-4") "]},\"dataAbsentReason\":{\"text\":\"x\"}}", "12:00"), NULL,
         "no-value", "it has a dataAbsentReason", "Bundle.entry[1].resource.component[1]"},
        {PANEL(SYS("120") "," DIA("80"), "01:00"), NULL, "stale", NULL, NULL},
        {NAMED_OBS(LOINC("8480-6"), QTY("120", "mm[Hg]"), "13:00") "," NAMED_OBS(LOINC("8462-4"), QTY("80", "mm[Hg]"), "13:00"), NULL,
         "absent", "the systolic and the diastolic one count together", NULL},
        {PANEL(SYS("120") "," DIA("80"), "13:00") "," MEAN("75", "12:00"), "75", "", NULL, "Bundle.entry[2].resource"},
        {PANEL(SYS("120") "," DIA("80"), "13:00") "," MEAN("999", "13:30"), "93.3", "", NULL, NULL}, /* measured, but not usable */
        {PANEL(PRESSURE("8478-0", "75", "mm[Hg]") "," SYS("120") "," DIA("80"), "13:00"), "75", "", NULL, NULL},
    };
    static const char input[] =
        "\"map\":{\"anyOf\":[" LOINC("8478-0") ",{\"system\":\"http://loinc.org\",\"code\":\"8480-6\",\"pressure\":\"systolic\"},"
        "{\"system\":\"http://loinc.org\",\"code\":\"8462-4\",\"pressure\":\"diastolic\",\"range\":{\"hard\":[10,300]}}],"
        "\"unit\":\"mm[Hg]\",\"accept\":[\"mm[Hg]\",\"kPa\"],\"within\":\"PT12H\",\"range\":{\"hard\":[20,200]},"
        "\"meanPressure\":{\"decimals\":1}}";
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 ",%s"), row[i].samples), made(a, "m", input, ""));
        const struct outcome *o = &d.shown->outcome[0];
        const char *note = o->seen.note ? o->seen.note : "";
        if (strcmp(reason_of(&d, "map"), row[i].reason) != 0 || (row[i].value && !slice_is(o->value, row[i].value)))
            fail_msg("row %zu: '%s' %.*s: %s", i, reason_of(&d, "map"), SLICE_FMT(o->value), note);
        if (row[i].note && strncmp(note, row[i].note, strlen(row[i].note)) != 0)
            fail_msg("row %zu: %s", i, note);
        if (row[i].path)
            CHECK_STR(o->seen.path, row[i].path);
    }
}

TEST(of_mean_pressures_several_are_counted_and_one_is_taken)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    static const char input[] =
        "\"map\":{\"anyOf\":[" LOINC("8478-0") ",{\"system\":\"http://loinc.org\",\"code\":\"8480-6\",\"pressure\":\"systolic\"},"
        "{\"system\":\"http://loinc.org\",\"code\":\"8462-4\",\"pressure\":\"diastolic\"}],"
        "\"unit\":\"mm[Hg]\",\"count\":{\"min\":2,\"take\":\"lowest\"},\"meanPressure\":{\"decimals\":0}}";
    struct decision d = decide_one(a, BUNDLE(P1 "," PANEL(SYS("90") "," DIA("60"), "12:00") "," PANEL(SYS("120") "," DIA("80"), "13:00")),
                                   made(a, "m", input, ""));
    CHECK_SLICE(d.chosen->outcome[0].value, "70");
    CHECK_INT(d.chosen->outcome[0].samples, 2);
    CHECK_INT(d.chosen->outcome[0].time_us, AT - 2 * 3600 * 1000000LL);
    struct decision few = decide_one(a, BUNDLE(P1 "," PANEL(SYS("90") "," DIA("60"), "12:00")), made(a, "m", input, ""));
    CHECK_STR(reason_of(&few, "map"), "too-few");
}

TEST(a_misspelt_unit_counts_only_by_the_models_list_and_is_told)
{
    static const struct {
        const char *quantity, *reason, *note;
    } row[] = {
        {"\"value\":80,\"unit\":\"bpm\"", "", "its unit is no UCUM code; it was understood by the model's list of aliases"},
        {"\"value\":80,\"system\":\"http://unitsofmeasure.org\",\"code\":\"bpm\"", "",
         "its unit is no UCUM code; it was understood by the model's list of aliases"},
        {"\"value\":80,\"unit\":\"per minute\"", "unit-missing", NULL},
        {"\"value\":80,\"system\":\"http://unitsofmeasure.org\",\"code\":\"/min\"", "", NULL},
        {"\"value\":80,\"unit\":\"bpm\",\"code\":\"/min\"", "unit-missing", NULL}, /* a code of no system */
    };
    static const char input[] =
        "\"p\":{\"anyOf\":[" LOINC("8867-4") "],\"unit\":\"/min\",\"aliases\":[{\"from\":\"bpm\",\"to\":\"/min\"}]}";
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *value = arena_printf(a, "\"valueQuantity\":{%s}", row[i].quantity);
        char *bundle = with(a, BUNDLE(P1 "," NAMED_OBS(LOINC("8867-4"), "\"x\":1", "13:00")), "\"x\":1", value);
        struct decision d = decide_one(a, bundle, made(a, "m", input, ""));
        CHECK_STR(reason_of(&d, "p"), row[i].reason);
        if (!*row[i].reason && row[i].note)
            CHECK_STR(d.chosen->outcome[0].seen.note, row[i].note);
        else if (!*row[i].reason)
            CHECK(!d.chosen->outcome[0].seen.note);
    }
}

/* In doubles 100.4 [degF] is above 38 Cel, and 4000 /uL below 4 10*9/L. */
TEST(units_convert_exactly_at_the_edge_of_a_range)
{
    static const struct {
        const char *input, *quantity, *value;
    } row[] = {
        {"\"unit\":\"Cel\",\"accept\":[\"Cel\",\"[degF]\"],\"range\":{\"hard\":[35,38]}", QTY("100.4", "[degF]"), "38"},
        {"\"unit\":\"Cel\",\"accept\":[\"Cel\",\"[degF]\"],\"range\":{\"hard\":[35,38]}", QTY("100.40000001", "[degF]"), NULL},
        {"\"unit\":\"Cel\",\"accept\":[\"Cel\",\"[degF]\"],\"range\":{\"hard\":[35,38]}", QTY("95", "[degF]"), "35"},
        {"\"unit\":\"10*9/L\",\"accept\":[\"/uL\"],\"range\":{\"hard\":[4,12]}", QTY("4000", "/uL"), "4"},
        {"\"unit\":\"10*9/L\",\"accept\":[\"10*3/uL\"],\"range\":{\"hard\":[4,12]}", QTY("4", "10*3/uL"), "4"},
        {"\"unit\":\"10*9/L\",\"accept\":[\"/mm3\"],\"range\":{\"hard\":[4,12]}", QTY("12000", "/mm3"), "12"},
        {"\"unit\":\"mg/dL\",\"accept\":[\"mmol/L\"],\"molarMass\":\"180.156\"", QTY("5.5", "mmol/L"), "99.0858"},
        {"\"unit\":\"mmol/L\",\"accept\":[\"mg/dL\"],\"molarMass\":\"180.156\"", QTY("180.156", "mg/dL"), "10"},
        {"\"unit\":\"mm[Hg]\",\"accept\":[\"kPa\"],\"range\":{\"hard\":[20,300]}", QTY("13.3322", "kPa"), "100"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        char *bundle = with(a, BUNDLE(P1 "," NAMED_OBS(LOINC("1-1"), "\"x\":1", "13:00")), "\"x\":1", row[i].quantity);
        char *input = arena_printf(a, "\"x\":{\"anyOf\":[" LOINC("1-1") "],%s}", row[i].input);
        struct decision d = decide_one(a, bundle, made(a, "m", input, ""));
        CHECK_STR(reason_of(&d, "x"), row[i].value ? "" : "out-of-range");
        if (row[i].value)
            CHECK_SLICE(d.chosen->outcome[0].value, row[i].value);
    }
}

TEST(a_trap_of_a_unit_is_told_with_what_to_write)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    static const char wbc[] =
        "\"w\":{\"anyOf\":[" LOINC("6690-2") "],\"display\":\"Leukocytes\",\"unit\":\"10*9/L\",\"accept\":[\"10*9/L\",\"10*3/uL\"],"
                                             "\"count\":{\"min\":1}}";
    struct decision d = decide_one(a, BUNDLE(P1 "," NAMED_OBS(LOINC("6690-2"), QTY("11", "K/uL"), "13:00")), made(a, "m", wbc, ""));
    const char *sentence = sentence_of(a, &d);
    CHECK(slice_starts(slice_of(sentence), "Leukocytes came in 'K/uL', which does not become 10*9/L or 10*3/uL: "));
    CHECK(strstr(sentence, "kelvin") && strstr(sentence, "'10*3/uL'")); /* what it is, and what was probably meant */
}

#define LIST(code, reason) LIST_OF(LOINC(code), reason)
#define EXAMPLE(c)         "{\"system\":\"http://terminology.hl7.org/CodeSystem/list-example-use-codes\",\"code\":\"" c "\"}"
#define LIST_OF(coding, reason)                                                                                                           \
    "{\"resource\":{\"resourceType\":\"List\",\"status\":\"current\",\"mode\":\"snapshot\",\"code\":{\"coding\":[" coding "]},"           \
    "\"subject\":{\"reference\":\"Patient/p1\"},\"emptyReason\":{\"coding\":[{\"system\":"                                                \
    "\"http://terminology.hl7.org/CodeSystem/list-empty-reason\",\"code\":\"" reason "\"}]}}}"
#define NO_PROBLEMS                                                                                                                        \
    CONDITION("{\"system\":\"http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips\",\"code\":\"no-known-problems\"}", "active",     \
              "confirmed")

TEST(a_condition_is_present_asserted_absent_or_not_known)
{
    static const struct {
        const char *entries, *active, *ever; /* the input's value: "1", "0", or "" for not asserted */
    } row[] = {
        {"", "", ""},
        {CONDITION(SCT("230690007"), "active", "confirmed"), "1", "1"},
        {CONDITION(SCT("230690007"), "resolved", "confirmed"), "0", "1"}, /* had it: history counts for a risk */
        {CONDITION(SCT("230690007"), "active", "unconfirmed"), "", ""},
        {CONDITION(SCT("230690007"), "active", "refuted"), "0", "0"},
        {CONDITION(SCT("230690007"), "active", "entered-in-error"), "", ""},
        {CONDITION(ICD("I63"), "active", "confirmed"), "1", "1"},
        {CONDITION(ICD("I63.9"), "active", "confirmed"), "1", "1"}, /* below I63 */
        {CONDITION(ICD("I63.9"), "active", "refuted"), "", ""},     /* one kind of it is ruled out, not all */
        {CONDITION(ICD("I6"), "active", "confirmed"), "", ""},      /* above it */
        {CONDITION(ICD("I630"), "active", "confirmed"), "1", "1"},  /* as some write it, without the dot */
        {CONDITION(ICD("I64.1"), "active", "confirmed"), "", ""},   /* I64 is listed without `below` */
        {CONDITION(SCT("266257000"), "active", "confirmed"), "1", "1"},
        {CONDITION(SCT("266257000"), "active", "refuted"), "", ""}, /* a part */
        {LIST("11450-4", "nilknown"), "0", "0"},
        {LIST("11450-4", "notasked"), "", ""},
        {LIST("10160-0", "nilknown"), "", ""}, /* of drugs */
        {LIST_OF(EXAMPLE("problems"), "nilknown"), "0", "0"},
        {LIST_OF(EXAMPLE("problems"), "unavailable"), "", ""},
        {LIST_OF(EXAMPLE("medications"), "nilknown"), "", ""},
        {LIST_OF(EXAMPLE("allergies"), "nilknown"), "", ""},
        {LIST_OF("", "nilknown"), "", ""}, /* of what? */
        {NO_PROBLEMS, "0", "0"},
        {LIST("11450-4", "nilknown") "," CONDITION(SCT("230690007"), "active", "confirmed"), "1", "1"},
    };
    static const char input[] = "\"s\":{\"from\":\"Condition\",\"anyOf\":[" SCT(
        "230690007") ",{\"system\":\"http://snomed.info/sct\",\"code\":\"266257000\","
                     "\"part\":true},{\"system\":\"http://hl7.org/fhir/sid/icd-10\","
                     "\"code\":\"I63\",\"below\":true}," ICD(
                         "I64") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\",\"course\":\"%s\"}";
    for (size_t i = 0; i < 2 * COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        const char *entries = row[i / 2].entries, *want = i & 1 ? row[i / 2].ever : row[i / 2].active;
        char *in = with(a, input, "%s", i & 1 ? "ever" : "active");
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 "%s%s"), *entries ? "," : "", entries), made(a, "m", in, ""));
        if (!*want && strcmp(reason_of(&d, "s"), "not-asserted"))
            fail_msg("row %zu, %s: '%s'", i / 2, i & 1 ? "ever" : "active", reason_of(&d, "s"));
        if (*want && (!d.chosen || !slice_is(d.chosen->outcome[0].value, want)))
            fail_msg("row %zu, %s: '%s' %.*s", i / 2, i & 1 ? "ever" : "active", reason_of(&d, "s"), SLICE_FMT(d.shown->outcome[0].value));
    }
}

#define STATUS_OF(element, system, code)                                                                                                   \
    ",\"" element "\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/" system "\",\"code\":\"" code "\"}]}"
#define CLINICAL(code) STATUS_OF("clinicalStatus", "condition-clinical", code)
#define VERIFIED(code) STATUS_OF("verificationStatus", "condition-ver-status", code)

/* Each clinicalStatus with each verificationStatus: what a list of nothing, or a client that found nothing, says against it. */
TEST(silence_never_overrules_a_condition_that_may_be_there)
{
    enum when { NOW, OVER, OPEN };
    enum sure { SURE, UNSURE, RULED_OUT, ERROR };
    static const struct {
        const char *members;
        enum when when;
    } clinical[] = {{"", NOW},
                    {CLINICAL("active"), NOW},
                    {CLINICAL("recurrence"), NOW},
                    {CLINICAL("relapse"), NOW},
                    {CLINICAL("inactive"), OVER},
                    {CLINICAL("remission"), OVER},
                    {CLINICAL("resolved"), OVER},
                    {CLINICAL("resolved") ",\"abatementDateTime\":\"2020\"", OVER},
                    {",\"abatementDateTime\":\"2020\"", OVER},
                    {",\"abatementString\":\"long ago\"", OVER},
                    {",\"abatementAge\":{\"value\":40,\"system\":\"http://unitsofmeasure.org\",\"code\":\"a\"}", OVER},
                    {",\"_abatementDateTime\":{\"extension\":[]}", OPEN},
                    {",\"clinicalStatus\":{\"text\":\"as before\"}", OPEN},
                    {STATUS_OF("clinicalStatus", "condition-ver-status", "active"), OPEN}};
    static const struct {
        const char *member;
        enum sure sure;
    } verified[] = {{"", SURE},
                    {VERIFIED("confirmed"), SURE},
                    {VERIFIED("provisional"), UNSURE},
                    {VERIFIED("differential"), UNSURE},
                    {VERIFIED("unconfirmed"), UNSURE},
                    {",\"verificationStatus\":{\"text\":\"sure\"}", UNSURE},
                    {VERIFIED("refuted"), RULED_OUT},
                    {VERIFIED("entered-in-error"), ERROR}};
    /* present 1, absent 0, not asserted ?; course active alone, and against silence; course ever, the same */
    static const char *const want[][4] = {[NOW] = {[SURE] = "1111", [UNSURE] = "????", [RULED_OUT] = "0000", [ERROR] = "?0?0"},
                                          [OVER] = {[SURE] = "0011", [UNSURE] = "?0??", [RULED_OUT] = "0000", [ERROR] = "?0?0"},
                                          [OPEN] = {[SURE] = "??11", [UNSURE] = "????", [RULED_OUT] = "0000", [ERROR] = "?0?0"}};
    static const struct slice absent[] = {SLICE("s")};
    for (size_t i = 0; i < COUNT(clinical) * COUNT(verified) * 6; i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        size_t c = i / 6 / COUNT(verified), v = i / 6 % COUNT(verified), silence = i % 3;
        bool ever = i / 3 & 1;
        const struct manifest *m = made(a, "m",
                                        arena_printf(a,
                                                     "\"s\":{\"from\":\"Condition\",\"anyOf\":[" SCT("73211009") "],\"present\":1,"
                                                     "\"absent\":0,\"absence\":\"must-assert\",\"course\":\"%s\"}",
                                                     ever ? "ever" : "active"),
                                        "");
        char *bundle = arena_printf(a,
                                    BUNDLE(P1 ",{\"resource\":{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/p1\"},"
                                              "\"code\":{\"coding\":[" SCT("73211009") "]}%s%s}}%s"),
                                    clinical[c].members, verified[v].member, silence == 1 ? "," LIST("11450-4", "nilknown") : "");
        struct decision d = decide(a, bundle, &m, 1, (struct negotiation){.absent = absent, .absents = silence == 2});
        char is = d.chosen ? *d.chosen->outcome[0].value.p : strcmp(reason_of(&d, "s"), "not-asserted") ? '!' : '?';
        if (is != want[clinical[c].when][verified[v].sure][2 * ever + (silence > 0)])
            fail_msg("'%s' '%s', %s, silence %zu: %c", clinical[c].members, verified[v].member, ever ? "ever" : "active", silence, is);
    }
}

TEST(what_the_caller_asked_for_and_did_not_find_is_asserted_absent)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const struct manifest *m =
        made(a, "m", "\"s\":{\"from\":\"Condition\",\"anyOf\":[" SCT("1") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\"}",
             ",\"conditions\":[{\"id\":\"k\",\"anyOf\":[" SCT("2") "],\"role\":\"excludes\",\"absence\":\"must-assert\"}]");
    static const struct slice absent[] = {SLICE("s"), SLICE("k")};
    for (size_t n = 0; n <= 2; n++) {
        struct decision d = decide(a, BUNDLE(P1), &m, 1, (struct negotiation){.absent = absent, .absents = n});
        CHECK_STR(reason_of(&d, "s"), n < 1 ? "not-asserted" : "");
        CHECK_STR(reason_of(&d, "k"), n < 2 ? "not-asserted" : "");
    }
}

#define DRUG(type, status, what)                                                                                                           \
    "{\"resource\":{\"resourceType\":\"" type "\",\"status\":\"" status "\",\"subject\":{\"reference\":\"Patient/p1\"}," what "}}"
#define WARFARIN "\"medicationCodeableConcept\":{\"coding\":[" ATC("B01AA03") "]}"

TEST(a_drug_is_taken_no_longer_taken_or_not_known)
{
    static const struct {
        const char *entries, *active, *ever;
    } row[] = {
        {DRUG("MedicationStatement", "active", WARFARIN), "1", "1"},
        {DRUG("MedicationStatement", "stopped", WARFARIN), "0", "1"},
        {DRUG("MedicationStatement", "not-taken", WARFARIN), "0", "0"},
        {DRUG("MedicationStatement", "intended", WARFARIN), "", ""},
        {DRUG("MedicationStatement", "entered-in-error", WARFARIN), "", ""},
        {DRUG("MedicationRequest", "active", "\"intent\":\"order\"," WARFARIN), "1", "1"},
        {DRUG("MedicationRequest", "active", "\"intent\":\"proposal\"," WARFARIN), "", ""},
        {DRUG("MedicationRequest", "active", "\"intent\":\"order\",\"doNotPerform\":true," WARFARIN), "", ""},
        {DRUG("MedicationAdministration", "completed", WARFARIN), "", "1"},
        {DRUG("MedicationStatement", "unknown", WARFARIN), "", ""},
        {DRUG("MedicationStatement", "unknown", WARFARIN) "," LIST("10160-0", "nilknown"), "", ""}, /* silence says less than it */
        {DRUG("MedicationStatement", "on-hold", WARFARIN) "," LIST("10160-0", "nilknown"), "", ""},
        {DRUG("MedicationAdministration", "on-hold", WARFARIN) "," LIST("10160-0", "nilknown"), "", ""},
        {DRUG("MedicationStatement", "active",
              "\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\",\"code\":{\"coding\":[" ATC(
                  "B01AA03") "]}}],"
                             "\"medicationReference\":{\"reference\":\"#m\"}"),
         "1", "1"},
        {"{\"fullUrl\":\"urn:uuid:1\",\"resource\":{\"resourceType\":\"Medication\",\"code\":{\"coding\":[" ATC("B01AA03") "]}}}," DRUG(
             "MedicationStatement", "active", "\"medicationReference\":{\"reference\":\"urn:uuid:1\"}"),
         "1", "1"},
        {DRUG("MedicationStatement", "active", "\"medicationReference\":{\"reference\":\"urn:uuid:2\"}"), "", ""},
        {LIST("10160-0", "nilknown"), "0", "0"},
        {LIST_OF(EXAMPLE("medications"), "nilknown"), "0", "0"},
        {LIST_OF(EXAMPLE("problems"), "nilknown"), "", ""},
        {"", "", ""},
    };
    static const char input[] = "\"s\":{\"from\":\"Medication\",\"anyOf\":[" ATC(
        "B01AA03") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\",\"course\":\"%s\"}";
    for (size_t i = 0; i < 2 * COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        const char *entries = row[i / 2].entries, *want = i & 1 ? row[i / 2].ever : row[i / 2].active;
        char *in = with(a, input, "%s", i & 1 ? "ever" : "active");
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 "%s%s"), *entries ? "," : "", entries), made(a, "m", in, ""));
        if (!*want ? strcmp(reason_of(&d, "s"), "not-asserted") != 0 : !d.chosen || !slice_is(d.chosen->outcome[0].value, want))
            fail_msg("row %zu, %s: '%s' %.*s", i / 2, i & 1 ? "ever" : "active", reason_of(&d, "s"), SLICE_FMT(d.shown->outcome[0].value));
    }
}

TEST(a_condition_that_is_required_must_be_confirmed)
{
    static const struct {
        const char *entries, *reason;
        bool curable;
    } row[] = {
        {"", "not-asserted", true},
        {"," CONDITION(SCT("49436004"), "active", "confirmed"), "", true},
        {"," CONDITION(SCT("49436004"), "active", "provisional"), "not-asserted", true},
        {"," CONDITION(SCT("49436004"), "active", "refuted"), "population", false},
        {"," LIST("11450-4", "nilknown"), "population", false},
    };
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 "%s"), row[i].entries),
                                       made(a, "m", "\"sex\":{\"from\":\"Patient.gender\",\"enum\":[\"female\",\"male\"]}",
                                            ",\"conditions\":[{\"id\":\"af\",\"anyOf\":[" SCT("49436004") "],\"role\":\"requires\"}]"));
        CHECK_STR(reason_of(&d, "af"), row[i].reason);
        CHECK_INT(d.shown->curable, row[i].curable);
    }
}

#define IN(name, code, more) "\"" name "\":{\"anyOf\":[" LOINC(code) "],\"unit\":\"1\"" more "}"
#define OPT                  ",\"required\":false"

static char *sets_of(struct arena *a, const struct candidate *c)
{
    struct buf b = buf_in(a, 4096);
    for (size_t k = 0; k < c->sets; k++) {
        buf_str(&b, k ? " | " : "");
        for (size_t i = 0; i < c->model->inputs; i++)
            if (c->set[k] >> i & 1)
                buf_printf(&b, "%.*s", SLICE_FMT(c->model->input[i].name));
    }
    return arena_str(a, buf_text(&b));
}

TEST(the_smallest_sets_are_all_told)
{
    static const struct {
        const char *groups, *have, *sets;
    } row[] = {
        {"[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"b\"]]}]", "", "ra | rb"},
        {"[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"b\",\"c\"]]}]", "", "ra"},
        {"[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"b\",\"c\"]]}]", "2-2", "ra | rc"},
        /* one datum may serve two groups: taken each alone, both would ask for their first */
        {"[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"c\"]]},{\"id\":\"h\",\"oneOf\":[[\"b\"],[\"c\"]]}]", "", "rc"},
        {"[{\"id\":\"g\",\"oneOf\":[[\"a\"],[\"b\"]]},{\"id\":\"h\",\"oneOf\":[[\"b\"],[\"c\"]]}]", "1-1", "rb | rc"},
    };
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    static const char inputs[] = IN("a", "1-1", OPT) "," IN("b", "2-2", OPT) "," IN("c", "3-3", OPT) "," IN("r", "4-4", "");
    for (size_t i = 0; i < COUNT(row); i++) {
        char *have = arena_printf(a, OBS_(LOINC("%s"), QTY("1", "1"), T0), row[i].have);
        struct decision d =
            decide_one(a, arena_printf(a, BUNDLE(P1 ",%s"), have), made(a, "m", inputs, arena_printf(a, ",\"groups\":%s", row[i].groups)));
        char *got = sets_of(a, &d.candidate[0]), *want = (char *)row[i].sets;
        /* inputs are told in the manifest's order: r stands last */
        char *sorted = arena_str(a, slice_of(want));
        for (char *p = sorted; *p; p++)
            if (*p == 'r' && p[1] != ' ' && p[1]) {
                p[0] = p[1];
                p[1] = 'r';
            }
        CHECK_STR(got, sorted);
    }
}

TEST(policies_choose_what_runs)
{
    static const struct {
        enum negotiate_policy policy;
        const char *runs;
    } row[] = {{NEGOTIATE_BEST, ""}, {NEGOTIATE_BEST_READY, "b"}, {NEGOTIATE_ALL_READY, "bd"}};
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {made(a, "a", IN("x", "9-9", ""), ""), made(a, "b", IN("x", "1-1", ""), ""),
                                  made(a, "c", IN("x", "9-9", ""), ""), made(a, "d", IN("x", "1-1", ""), "")};
    for (size_t i = 0; i < COUNT(row); i++) {
        enum negotiate_policy p;
        struct decision d =
            decide(a, BUNDLE(P1 "," OBS_(LOINC("1-1"), QTY("1", "1"), T0)), m, COUNT(m), (struct negotiation){.policy = row[i].policy});
        struct buf b = buf_in(a, 64);
        for (size_t k = 0; k < d.runs; k++)
            buf_slice(&b, d.run[k]->model->key);
        CHECK_SLICE(buf_text(&b), row[i].runs);
        CHECK(d.chosen == (d.runs ? d.run[0] : NULL));
        CHECK(policy_named(slice_of(policy_name(row[i].policy)), &p) && p == row[i].policy);
    }
    enum negotiate_policy p;
    CHECK(!policy_named(SLICE("worst"), &p));
}

/* --- questions and answers --- */

static void check_valid(struct arena *a, struct slice text)
{
    struct json j;
    struct json_fault f;
    struct fhir_report r;
    struct err e = {0};
    CHECK_INT(json_parse(a, text, &j, &f), 0);
    CHECK_OK(fhir_validate(&j, 0, &(struct fhir_ask){.type = "Questionnaire", .max_issues = 5}, a, &r, &e));
    if (r.errors)
        fail_msg("%s at %s: %.*s", r.issue[0].text, r.issue[0].expression, SLICE_FMT(text));
}

static struct slice questions(struct arena *a, const struct decision *d)
{
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    ask_write(d->shown, NULL, &o);
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

TEST(what_is_missing_can_be_asked_for_in_a_valid_questionnaire)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    static const char *const key[] = {"news2", "qsofa", "sirs", "ckd-epi-2021", "cha2ds2-vasc"};
    for (size_t i = 0; i < COUNT(key); i++) {
        struct decision d = decide_one(a, "{\"resourceType\":\"Bundle\",\"type\":\"collection\"}", sample(a, key[i]));
        struct slice q = questions(a, &d);
        check_valid(a, q);
        for (size_t k = 0; k < d.shown->missings; k++)
            if (d.shown->missing[k].mandatory)
                CHECK(strstr(arena_str(a, q), arena_printf(a, "\"linkId\":\"%.*s\"", SLICE_FMT(d.shown->missing[k].name))));
    }
    struct decision d = decide_one(a, NEWS2_BUNDLE, sample(a, "news2"));
    CHECK_SLICE(questions(a, &d), "null"); /* nothing optional is missing, either */
}

#define ANSWERS(model, items)                                                                                                              \
    "{\"resource\":{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"questionnaire\":"                                \
    "\"urn:lazaret:fhir:Questionnaire:" model "\",\"subject\":{\"reference\":\"Patient/p1\"},"                                             \
    "\"authored\":\"2026-11-25T13:30:00Z\",\"item\":[" items "]}}"
#define ANSWER(name, value) "{\"linkId\":\"" name "\",\"answer\":[{" value "}]}"

TEST(answers_count_like_what_was_asked_for)
{
    static const struct {
        const char *answer, *input, *value, *reason; /* reason: value NULL */
    } row[] = {
        {ANSWER("t", QTY("38.1", "Cel")), "t", "38.1", NULL},
        {ANSWER("t", QTY("99", "Cel")), "t", NULL, "out-of-range"},
        {ANSWER("t", QTY("38.1", "K")), "t", NULL, "unit-not-convertible"},
        {ANSWER("u", QTY("38.1", "Cel")), "t", NULL, "absent"},
        {ANSWER("w", "\"valueCoding\":" LOINC("LA2")), "w", "\"b\"", NULL},
        {ANSWER("w", "\"valueCoding\":" LOINC("LA3")), "w", NULL, "out-of-range"},
        {ANSWER("s", "\"valueBoolean\":true"), "s", "1", NULL},
        {ANSWER("s", "\"valueBoolean\":false"), "s", "0", NULL},
        {ANSWER("s", "\"valueString\":\"no\""), "s", NULL, "not-asserted"},
        {ANSWER("d", "\"valueBoolean\":false"), "d", "0", NULL},
        {ANSWER("age", "\"valueDate\":\"1950-06-01\""), "age", "76", NULL},
        {ANSWER("sex", "\"valueCoding\":{\"system\":\"http://hl7.org/fhir/administrative-gender\",\"code\":\"male\"}"), "sex", "\"male\"",
         NULL},
        {"{\"linkId\":\"t\"}", "t", NULL, "absent"},
    };
    static const char inputs[] = "\"t\":{\"anyOf\":[" LOINC(
        "8310-5") "],\"unit\":\"Cel\",\"within\":\"PT1H\",\"range\":{\"hard\":[25,45]}},"
                  "\"w\":{\"anyOf\":[" LOINC(
                      "67775-7") "],\"enum\":[\"a\",\"b\"],\"values\":[{\"system\":\"http://loinc.org\",\"code\":\"LA1\",\"value\":\"a\"},"
                                 "{\"system\":\"http://loinc.org\",\"code\":\"LA2\",\"value\":\"b\"}]},"
                                 "\"s\":{\"from\":\"Condition\",\"anyOf\":[" SCT(
                                     "1") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\"},"
                                          "\"d\":{\"from\":\"Medication\",\"anyOf\":[" SCT(
                                              "2") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\"},"
                                                   "\"age\":{\"derive\":\"Patient.birthDate\",\"unit\":\"a\"},\"sex\":{\"from\":\"Patient."
                                                   "gender\",\"enum\":[\"female\",\"male\"]}";
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        const struct manifest *m = made(a, "m", inputs, "");
        int n = manifest_find_input(m, slice_of(row[i].input));
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(PATIENT("p1", "") "," ANSWERS("m|1.0.0", "%s")), row[i].answer), m);
        const struct outcome *o = &d.candidate[0].outcome[n];
        if (row[i].value ? !o->found || !slice_is(o->value, row[i].value) : o->found || strcmp(reason_name(o->reason), row[i].reason) != 0)
            fail_msg("%s: %s %.*s", row[i].answer, reason_name(o->reason), SLICE_FMT(o->value));
        if (row[i].value)
            CHECK_STR(o->seen.path, "Bundle.entry[1].resource.item[0].answer[0]");
    }
}

TEST(an_answer_settles_what_is_not_confirmed_and_nothing_more)
{
    static const struct {
        const char *condition, *said, *value; /* value: "" for not asserted */
    } row[] = {
        {CONDITION(SCT("1"), "active", "provisional"), "false", "0"},
        {CONDITION(SCT("1"), "active", "provisional"), "true", "1"},
        {CONDITION(SCT("1"), "active", "refuted"), "true", "1"},
        {CONDITION(SCT("1"), "active", "confirmed"), "false", "1"}, /* rather too much asked after than a diagnosis lost */
        {CONDITION(SCT("1"), "active", "provisional"), "\"no\"", ""},
        {CONDITION(SCT("1"), "active", "provisional") "," CONDITION(SCT("1"), "active", "refuted"), "\"no\"", ""},
    };
    static const char input[] =
        "\"s\":{\"from\":\"Condition\",\"anyOf\":[" SCT("1") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\"}";
    for (size_t i = 0; i < 2 * COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        char *answers = arena_printf(a, ANSWERS("m|1.0.0", "%s"), arena_printf(a, ANSWER("s", "\"valueBoolean\":%s"), row[i / 2].said));
        const char *one = i & 1 ? answers : row[i / 2].condition, *two = i & 1 ? row[i / 2].condition : answers;
        struct decision d = decide_one(a, arena_printf(a, BUNDLE(P1 ",%s,%s"), one, two), made(a, "m", input, ""));
        const struct outcome *o = &d.candidate[0].outcome[0];
        if (*row[i / 2].value ? !o->found || !slice_is(o->value, row[i / 2].value) : o->found || o->reason != REASON_NOT_ASSERTED)
            fail_msg("%s, %s: %s %.*s", row[i / 2].condition, row[i / 2].said, reason_name(o->reason), SLICE_FMT(o->value));
    }
}

TEST(an_answer_counts_for_every_model_that_needs_its_code_and_for_none_by_its_name_alone)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    const struct manifest *m[] = {made(a, "m", IN("x", "1-1", ""), ""), made(a, "n", IN("y", "1-1", "") "," IN("x", "2-2", ""), "")};
    static const struct {
        const char *text;
        bool m_x, n_y;
    } row[] = {
        {BUNDLE(P1 "," ANSWERS("m|1.0.0", ANSWER("x", QTY("1", "1")))), true, true},
        {BUNDLE(P1 "," ANSWERS("other|1.0.0", ANSWER("x", QTY("1", "1")))), false, false},
        {BUNDLE(P1 "," ANSWERS("n|1.0.0", ANSWER("x", QTY("1", "1")))), false, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct decision d = decide(a, row[i].text, m, 2, (struct negotiation){0});
        CHECK_INT(d.candidate[0].outcome[0].found, row[i].m_x);
        CHECK_INT(d.candidate[1].outcome[0].found, row[i].n_y);
    }
    char *open = with(a, row[0].text, "completed", "in-progress");
    struct decision d = decide(a, open, m, 2, (struct negotiation){0});
    CHECK_STR(reason_of(&d, "x"), "status-not-usable");
    d = decide(
        a, with(a, row[0].text, "\"subject\":{\"reference\":\"Patient/p1\"},\"auth", "\"subject\":{\"reference\":\"Patient/p2\"},\"auth"),
        m, 2, (struct negotiation){0});
    CHECK_STR(reason_of(&d, "x"), "wrong-subject");
}

/* Forty thousand contained Observations, each about another contained one: they are not all compared with all. */
/* Processor time to see whom `many` contained resources are about, none of which is a Patient. */
static clock_t time_of_contained(int many)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct buf b = buf_in(a, 16 << 20);
    buf_str(&b, "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":"
                "{\"resourceType\":\"DiagnosticReport\",\"contained\":[");
    for (int i = 0; i < many; i++)
        buf_printf(&b, "%s{\"resourceType\":\"Observation\",\"id\":\"o%d\",\"subject\":{\"reference\":\"#o%d\"}}", i ? "," : "", i,
                   many - i);
    buf_str(&b, "]}}]}");
    buf_byte(&b, 0);
    CHECK(!buf_failed(&b));
    clock_t begun = clock();
    struct decision d = decide_one(a, b.p, made(a, "m", IN("x", "1-1", ""), ""));
    CHECK(!d.chosen);
    return clock() - begun;
}

/* Four times as many take four times as long, or little more; compared with each other they would take sixteen. */
TEST(whom_very_many_contained_resources_are_about_is_soon_known)
{
    clock_t few = time_of_contained(10000);
    CHECK(time_of_contained(40000) < 9 * few + CLOCKS_PER_SEC / 20);
}

RUN(T(units_convert_exactly_at_the_edge_of_a_range),
    T(several_samples_are_counted_thinned_and_one_of_them_is_taken),
    T(a_mean_is_exact_until_it_is_rounded_as_the_model_says), T(a_mean_comes_from_each_of_its_samples_once),
    T(a_mean_pressure_comes_from_both_pressures_of_one_sample_or_from_none),
    T(of_mean_pressures_several_are_counted_and_one_is_taken),
    T(a_misspelt_unit_counts_only_by_the_models_list_and_is_told),
    T(a_trap_of_a_unit_is_told_with_what_to_write), T(a_condition_is_present_asserted_absent_or_not_known),
    T(silence_never_overrules_a_condition_that_may_be_there),
    T(what_the_caller_asked_for_and_did_not_find_is_asserted_absent), T(a_drug_is_taken_no_longer_taken_or_not_known),
    T(a_condition_that_is_required_must_be_confirmed), T(the_smallest_sets_are_all_told), T(policies_choose_what_runs),
    T(what_is_missing_can_be_asked_for_in_a_valid_questionnaire), T(answers_count_like_what_was_asked_for),
    T(an_answer_settles_what_is_not_confirmed_and_nothing_more),
    T(whom_very_many_contained_resources_are_about_is_soon_known),
    T(an_answer_counts_for_every_model_that_needs_its_code_and_for_none_by_its_name_alone))
