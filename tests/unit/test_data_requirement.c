/* What the sample models need, as DataRequirements: valid R4, with what R4 has no place for in extensions. */
#include "model_test.h"

#include "api/fhir_requirement.h"
#include "fhir/fhir.h"

static const char *const keys[] = {"news2", "qsofa", "sirs", "ckd-epi-2021", "cha2ds2-vasc"};

static struct slice library(struct arena *a, const struct manifest *m, struct slice patient)
{
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "Library");
    json_pair_str(&o, "status", "active");
    fhir_put_concept(&o, "type", SLICE(FHIR_HL7 "library-type"), SLICE("module-definition"), (struct slice){NULL, 0},
                     (struct slice){NULL, 0});
    json_key(&o, "dataRequirement");
    json_open(&o, '[');
    fhir_requirement_put_all(&o, m, patient);
    json_close(&o, ']');
    json_close(&o, '}');
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

TEST(each_samples_needs_are_valid_data_requirements)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct manifest *m = sample(a, keys[i]);
        struct slice text = library(a, m, SLICE("p1"));
        struct fhir_report r;
        struct json j;
        struct err e = {0};
        CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.type = "Library", .max_issues = 4}, a, &j, &r, &e));
        if (r.errors)
            fail_msg("%s: %s: %s", keys[i], r.issue[0].expression, r.issue[0].text);
        uint32_t list = json_get_kind(&j, 0, "dataRequirement", JSON_ARRAY);
        CHECK_INT(j.node[list].len, m->inputs + m->conditions);
    }
}

static const char *one(struct arena *a, const struct manifest *m, const char *name)
{
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    int i = manifest_find_input(m, slice_of(name));
    const struct requirement r = {.model = m,
                                  .input = i < 0 ? NULL : &m->input[i],
                                  .condition = m->condition,
                                  .patient = SLICE("p1"),
                                  .ask = "#ask"};
    fhir_requirement_put(&o, &r);
    buf_byte(&b, 0);
    return buf_failed(&b) ? NULL : b.p;
}

#define OURS "{\"url\":\"urn:lazaret:fhir:StructureDefinition:"

TEST(what_is_needed_is_told_whole)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    static const struct {
        const char *model, *input, *part;
    } row[] = {
        {"news2", "temp", OURS "requirement-id\",\"valueCode\":\"temp\"}"},
        {"news2", "temp", OURS "accepted-unit\",\"valueCode\":\"[degF]\"}"},
        {"news2", "temp", OURS "plausible-range\",\"valueRange\":{\"low\":{\"value\":25,\"unit\":\"Cel\","},
        {"news2", "temp",
         "\"valueString\":\"Observation?patient=p1&code=http://loinc.org|8310-5,http://"
         "loinc.org|8329-5&_sort=-date&_count=1\"}"},
        {"news2", "temp", OURS "ask\",\"valueReference\":{\"reference\":\"#ask\"}}"},
        {"news2", "temp", "\"dateFilter\":[{\"path\":\"effective\",\"valueDuration\":{\"value\":12,\"unit\":\"h\","},
        {"news2", "temp", "\"limit\":1,\"sort\":[{\"path\":\"effective\",\"direction\":\"descending\"}]"},
        {"news2", "temp", "{\"system\":\"http://hl7.org/fhir/observation-status\",\"code\":\"corrected\"}"},
        {"news2", "acvpu",
         OURS "accepted-value\",\"valueCoding\":{\"system\":\"http://loinc.org\",\"code\":\"LA9340-6\""},
        {"sirs", "paco2", OURS "requirement-group\",\"valueCode\":\"resp\"}"},
        {"ckd-epi-2021", "scr", "\"valueDuration\":{\"value\":90,\"unit\":\"d\","},
        {"ckd-epi-2021", "age", "\"type\":\"Patient\",\"subjectCodeableConcept\""},
        {"ckd-epi-2021", "age", "\"valueString\":\"Patient/p1\""},
        {"ckd-epi-2021", "age", "\"mustSupport\":[\"birthDate\"]"},
        {"ckd-epi-2021", "sex",
         "\"valueCoding\":{\"system\":\"http://hl7.org/fhir/administrative-gender\",\"code\":\"female\"}"},
        {"cha2ds2-vasc", "diabetes", OURS "requirement-absence\",\"valueCode\":\"must-assert\"}"},
        {"cha2ds2-vasc", "diabetes",
         "\"codeFilter\":[{\"path\":\"code\",\"code\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"73211009\""},
        {"cha2ds2-vasc", "a condition", OURS "requirement-id\",\"valueCode\":\"atrial-fibrillation\"}"},
        {"cha2ds2-vasc", "a condition", "\"Condition?patient=p1&code:below=http://snomed.info/sct|49436004,"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *text = one(a, sample(a, row[i].model), row[i].input);
        if (!text || !strstr(text, row[i].part))
            fail_msg("%s %s: no %s in\n%s", row[i].model, row[i].input, row[i].part, text ? text : "-");
    }
    CHECK(
        !strstr(one(a, sample(a, "sirs"), "paco2"), "requirement-optional")); /* one of a group is not left to choice */
    struct manifest *m = sample(a, "news2");
    CHECK(!strstr(one(a, m, "temp"), "requirement-optional"));
    m->input[manifest_find_input(m, SLICE("temp"))].required = false;
    CHECK(strstr(one(a, m, "temp"), "requirement-optional\",\"valueBoolean\":true"));
}

/* --- what no sample has --- */

static struct code code_of(const char *code)
{
    return (struct code){.system = SLICE("urn:test"), .code = slice_of(code)};
}

static const char *made(struct arena *a, struct input *in, struct condition *k)
{
    struct group group = {.id = SLICE("either"), .alternative = (uint64_t[]){1}, .alternatives = in && in->age_of};
    struct manifest m = {.input = in, .inputs = in != NULL, .group = &group, .groups = 1};
    struct buf b = buf_in(a, 64 * 1024);
    struct json_out o = json_out(&b);
    fhir_requirement_put(&o, &(struct requirement){.model = &m, .input = in, .condition = k, .patient = SLICE("p1")});
    buf_byte(&b, 0);
    CHECK(!buf_failed(&b));
    return b.p;
}

TEST(a_requirement_says_no_more_and_no_less_than_its_manifest)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct input_code code = {.code = code_of("c")};
    struct choice choice = {SLICE("urn:test"), SLICE("yes"), SLICE("Yes"), SLICE("1")};
    struct slice unit = SLICE("kg");
    struct input plain = {.name = SLICE("x"), .source = INPUT_OBSERVATION, .code = &code, .codes = 1, .count = 1};
    plain.status = STATUS_FINAL;
    const struct {
        const char *part;
        bool stands, asserts;
        enum input_source source;
        enum take take;
        uint32_t count;
        int64_t within_us;
        bool grouped, required, choices, units;
    } row[] = {
        {.part = "requirement-optional", .stands = true},
        {.part = "requirement-optional", .required = true},
        {.part = "requirement-optional", .grouped = true},
        {.part = "requirement-group\",\"valueCode\":\"either\"", .stands = true, .grouped = true},
        {.part = "requirement-count"},
        {.part = "requirement-count\",\"valuePositiveInt\":3}", .stands = true, .count = 3},
        {.part = "accepted-value\",\"valueCoding\":{\"system\":\"urn:test\",\"code\":\"yes\"", .stands = true, .choices = true},
        {.part = "accepted-unit\",\"valueCode\":\"kg\"", .stands = true, .units = true},
        {.part = "must-assert"},
        {.part = "must-assert", .stands = true, .asserts = true},
        {.part = "\"limit\":1", .stands = true},
        {.part = "_count=1", .stands = true},
        {.part = "\"limit\":1", .count = 2},
        {.part = "\"limit\":1", .take = TAKE_MEAN},
        {.part = "_count=1", .take = TAKE_HIGHEST},
        {.part = "\"code\":\"final\"", .stands = true},
        {.part = "\"code\":\"amended\""},
        {.part = "\"value\":90,\"unit\":\"d\"", .stands = true, .within_us = 90 * 86400000000LL},
        {.part = "\"value\":36,\"unit\":\"h\"", .stands = true, .within_us = 36 * 3600000000LL},
        {.part = "\"value\":90,\"unit\":\"s\"", .stands = true, .within_us = 90 * 1000000LL},
        {.part = "MedicationStatement?patient=p1&code=urn:test|c\"", .stands = true, .source = INPUT_MEDICATION},
        {.part = "{\"path\":\"medication\",", .stands = true, .source = INPUT_MEDICATION},
        {.part = "\"limit\":1", .source = INPUT_CONDITION},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct input in = plain;
        in.source = row[i].source;
        in.take = row[i].take;
        in.count = row[i].count ? row[i].count : 1;
        in.within = row[i].within_us ? SLICE("P1D") : SLICE("");
        in.within_us = row[i].within_us;
        in.age_of = row[i].grouped;
        in.required = row[i].required;
        in.must_assert = row[i].asserts;
        in.choice = &choice;
        in.choices = row[i].choices;
        in.coded = row[i].units;
        code.units = &unit;
        code.units_n = row[i].units;
        const char *text = made(a, &in, NULL);
        if ((strstr(text, row[i].part) != NULL) != row[i].stands)
            fail_msg("%s %s in\n%s", row[i].stands ? "no" : "there is", row[i].part, text);
    }
    struct code which = code_of("k");
    struct condition k = {.id = SLICE("kidney"), .code = &which, .codes = 1};
    CHECK(!strstr(made(a, NULL, &k), "must-assert"));
    k.must_assert = true;
    CHECK(strstr(made(a, NULL, &k), "requirement-absence\",\"valueCode\":\"must-assert\""));
}

TEST(a_search_holds_no_code_that_breaks_it)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct input_code code = {.code = {.system = SLICE("urn:x&y"), .code = SLICE("a|b,c d%")}};
    struct input in = {.name = SLICE("x"), .source = INPUT_OBSERVATION, .code = &code, .codes = 1, .count = 3};
    struct manifest m = {.input = &in, .inputs = 1};
    struct buf b = buf_in(a, 1024);
    fhir_requirement_query(&(struct requirement){.model = &m, .input = &in, .patient = SLICE("{{context.patientId}}")},
                           &b);
    buf_byte(&b, 0);
    CHECK_STR(b.p, "Observation?patient={{context.patientId}}&code=urn:x%26y|a%5C|b%5C,c%20d%25&_sort=-date");
    b.n = 0;
    fhir_requirement_query(&(struct requirement){.model = &m, .input = &in}, &b);
    buf_byte(&b, 0);
    CHECK_STR(b.p, "Observation?code=urn:x%26y|a%5C|b%5C,c%20d%25&_sort=-date");
    /* nor a patient's id, which is what a reference in the Bundle says */
    struct input age = {.name = SLICE("age"), .source = INPUT_AGE};
    struct requirement r = {.model = &m, .input = &in, .patient = SLICE("1&_include=*#")};
    b.n = 0;
    fhir_requirement_query(&r, &b);
    buf_byte(&b, 0);
    CHECK(strstr(b.p, "Observation?patient=1%26_include=*%23&code=") == b.p);
    b.n = 0;
    r.input = &age;
    fhir_requirement_query(&r, &b);
    buf_byte(&b, 0);
    CHECK_STR(b.p, "Patient/1%26_include=*%23");
}

RUN(T(each_samples_needs_are_valid_data_requirements), T(what_is_needed_is_told_whole),
    T(a_requirement_says_no_more_and_no_less_than_its_manifest), T(a_search_holds_no_code_that_breaks_it))
