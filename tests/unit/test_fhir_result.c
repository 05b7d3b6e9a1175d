/* What a model said, as FHIR: values, probabilities in percent, pointers, what is not there, whom it is about; each
 * valid R4. */
#include "model_test.h"

#include "api/fhir_result.h"
#include "fhir/fhir.h"
#include "fhir/write.h"

static const uint8_t id[16] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x90, 10, 11, 12, 13, 14, 15, 16};

#define PLAN_OF(about)                                                                                                 \
    "{\"request\":{\"id\":\"a\",\"inputs\":{\"x\":{\"v\":1,\"t\":\"2026-11-25T12:00:00Z\"},\"y\":{\"v\":2}}}," about   \
    "\"decision\":{\"at\":\"2026-11-25T14:00:00Z\"}}"
#define PLAN                                                                                                           \
    PLAN_OF(                                                                                                           \
        "\"about\":{\"subject\":\"Patient/p1\",\"sources\":[{\"type\":\"Observation\",\"reference\":\"Observation/"    \
        "o1\"},{\"type\":\"Condition\",\"reference\":\"Condition/c1\"}]},")

static struct code coded(const char *code)
{
    return (struct code){.system = SLICE("urn:test"), .code = slice_of(code)};
}

static const char *told(struct arena *a, struct output_fhir *f, size_t n, const char *output, const char *plan)
{
    struct manifest *m = sample(a, "news2");
    struct model *model = TAKE_NEW(a, struct model);
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    struct fhir_report r;
    struct err e = {0};
    m->fhir = f;
    m->fhir_n = n;
    model->manifest = *m;
    snprintf(model->digest_text, sizeof model->digest_text, "sha256:00");
    const struct fhir_result x = {.model = model,
                                  .output = slice_of(output),
                                  .plan = slice_of(plan),
                                  .id = id,
                                  .accepted_at = AT,
                                  .ended_at = AT + 1000000};
    CHECK_OK(fhir_result_put(&o, &x, a, &e));
    CHECK_OK(fhir_validate_text(buf_text(&b), &(struct fhir_ask){.type = "Bundle", .max_issues = 4}, a, NULL, &r, &e));
    if (r.errors)
        fail_msg("%s: %s: %s\n%.*s", output, r.issue[0].expression, r.issue[0].text, SLICE_FMT(buf_text(&b)));
    buf_byte(&b, 0);
    return b.p;
}

#define HAS(text, part)                                                                                                \
    do {                                                                                                               \
        const char *t_ = (text);                                                                                       \
        if (!strstr(t_, (part)))                                                                                       \
            fail_msg("no %s in\n%s", (part), t_);                                                                      \
    } while (0)

TEST(a_value_is_told_by_what_it_is)
{
    static const struct {
        const char *output, *unit, *part;
    } row[] = {
        {"{\"v\":7}", "", "\"valueInteger\":7}"},
        {"{\"v\":-7}", "", "\"valueInteger\":-7}"},
        {"{\"v\":0}", "", "\"valueInteger\":0}"},
        {"{\"v\":-0}", "", "\"valueQuantity\":{\"value\":-0}}"},
        {"{\"v\":2147483648}", "", "\"valueQuantity\":{\"value\":2147483648}}"},
        {"{\"v\":7.50}", "", "\"valueQuantity\":{\"value\":7.50}}"},
        {"{\"v\":1e2}", "", "\"valueQuantity\":{\"value\":1e2}}"},
        {"{\"v\":7}", "mg/dL",
         "\"valueQuantity\":{\"value\":7,\"unit\":\"mg/dL\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mg/"
         "dL\"}}"},
        {"{\"v\":true}", "", "\"valueBoolean\":true}"},
        {"{\"v\":\"high\"}", "", "\"valueString\":\"high\"}"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct output_fhir f = {
            .kind = RESULT_OBSERVATION, .code = coded("v"), .value = SLICE("/v"), .unit = slice_of(row[i].unit)};
        HAS(told(a, &f, 1, row[i].output, PLAN), row[i].part);
    }
}

TEST(a_probability_is_told_in_percent_exactly)
{
    static const char *const row[][2] = {
        {"0.125", "12.5"}, {"0", "0"},           {"1", "100"},   {"1.0", "100"},
        {"1e-3", "0.1"},   {"0.00001", "0.001"}, {"5E-1", "50"}, {"0.3333333333", "33.33333333"},
        {"0.01", "1"},     {"0.001", "0.1"},     {"0.10", "10"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct output_fhir f = {
            .kind = RESULT_RISK_ASSESSMENT, .code = coded("v"), .value = SLICE("/p"), .unit = SLICE("1")};
        HAS(told(a, &f, 1, arena_printf(a, "{\"p\":%s}", row[i][0]), PLAN),
            arena_printf(a, "\"probabilityDecimal\":%s}", row[i][1]));
        f.unit = SLICE("%");
        HAS(told(a, &f, 1, arena_printf(a, "{\"p\":%s}", row[i][0]), PLAN),
            arena_printf(a, "\"probabilityDecimal\":%s}", row[i][0]));
    }
}

TEST(a_pointer_leads_where_rfc_6901_says)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    static const char output[] = "{\"a\":{\"b/c\":[1,{\"d~e\":42}]},\"\":5,\"n\":null,\"s\":\"  \",\"l\":[]}";
    static const char *const there[][2] = {
        {"/a/b~1c/1/d~0e", "\"valueInteger\":42"}, {"/a/b~1c/0", "\"valueInteger\":1"}, {"/", "\"valueInteger\":5"}};
    static const char *const nowhere[] = {"/a", "/b", "/a/b~1c/2", "/a/b~1c/-", "/a/b~1c/00x",
                                          "/n", "/s", "/l",        "/l/0"};
    struct output_fhir f = {.kind = RESULT_OBSERVATION, .code = coded("v")};
    for (size_t i = 0; i < COUNT(there); i++) {
        f.value = slice_of(there[i][0]);
        HAS(told(a, &f, 1, output, PLAN), there[i][1]);
    }
    for (size_t i = 0; i < COUNT(nowhere); i++) {
        f.value = slice_of(nowhere[i]);
        const char *text = told(a, &f, 1, output, PLAN); /* then all there is, is told */
        HAS(text, "\"code\":\"news2\"");
        CHECK(!strstr(text, "urn:test"));
    }
}

TEST(what_is_not_known_is_not_said)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct output_fhir f = {.kind = RESULT_OBSERVATION, .code = coded("v"), .value = SLICE("/v")},
                       risk = {.kind = RESULT_RISK_ASSESSMENT,
                               .code = coded("v"),
                               .value = SLICE("/v"),
                               .unit = SLICE("%")};
    const char *text = told(a, &f, 1, "{\"v\":7}", PLAN);
    HAS(text, "\"effectiveDateTime\":\"2026-11-25T12:00:00.000000Z\""); /* of the newest datum */
    HAS(text, "\"subject\":{\"reference\":\"Patient/p1\"}");
    HAS(text, "\"derivedFrom\":[{\"reference\":\"Observation/o1\",\"type\":\"Observation\"}]");
    CHECK_STR(text, told(a, &f, 1, "{\"v\":7}", PLAN)); /* the same bytes each time */
    text = told(a, &f, 1, "{\"v\":7}", PLAN_OF(""));    /* a job from before that was kept */
    CHECK(!strstr(text, "\"subject\"") && !strstr(text, "derivedFrom"));
    HAS(told(a, &risk, 1, "{\"v\":7}", PLAN_OF("")), "\"subject\":{\"display\":\"the patient of the request\"}");
    HAS(told(a, &risk, 1, "{\"v\":7}", PLAN),
        "\"basis\":[{\"reference\":\"Observation/o1\",\"type\":\"Observation\"},{\"reference\":\"Condition/"
        "c1\",\"type\":\"Condition\"}]");
    HAS(told(a, &f, 1, "{\"v\":7}",
             "{\"about\":{\"subject\":\"urn:uuid:0b1d2d5e-5d3f-4a57-9a38-6b0f3a0e7c11\",\"sources\":[]}}"),
        "\"reference\":\"urn:uuid:0b1d2d5e-5d3f-4a57-9a38-6b0f3a0e7c11\"");
    HAS(told(a, NULL, 0, "{\"list\":[1]}", PLAN), "\"dataAbsentReason\"");
    HAS(told(a, NULL, 0, "{\"score\":3,\"word\":\"low\",\"list\":[1]}", PLAN),
        "\"component\":[{\"code\":{\"text\":\"score\"},\"valueInteger\":3},{\"code\":{\"text\":\"word\"},"
        "\"valueString\":\"low\"}]");
}

TEST(what_is_stored_and_is_no_json_is_an_error)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct model model = {.manifest = *sample(a, "news2")};
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    struct err e = {0};
    const struct fhir_result x = {.model = &model, .output = SLICE("{"), .plan = SLICE("{}"), .id = id};
    CHECK_INT(fhir_result_put(&o, &x, a, &e), -1);
    CHECK_INT(e.code, ERR_INTERNAL);
}

RUN(T(a_value_is_told_by_what_it_is), T(a_probability_is_told_in_percent_exactly),
    T(a_pointer_leads_where_rfc_6901_says), T(what_is_not_known_is_not_said),
    T(what_is_stored_and_is_no_json_is_an_error))
