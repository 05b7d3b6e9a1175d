/* Whatever JSON comes as a Bundle, validated or not: negotiation ends, twice with the same bytes; a model that is ready lacks
 * nothing mandatory and gets well-formed inputs; one that is not says why; and what is written is JSON. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "negotiate/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODEL(key, inputs, rest)                                                                                                         \
    "{\"schema\":\"lazaret.model/1\",\"key\":\"" key "\",\"version\":\"1.0.0\",\"title\":\"t\",\"output\":{\"schema\":{}},"              \
    "\"runtime\":{\"kind\":\"stdio-json\",\"exec\":[\"/model/m\"],\"image\":\"none\"},\"inputs\":{" inputs "}" rest "}"
#define LOINC(c, more) "{\"system\":\"http://loinc.org\",\"code\":\"" c "\"" more "}"

/* Every kind of input, with codes short enough for a fuzzer to hit. */
static const char *const text[] = {
    MODEL(
        "a",
        "\"rr\":{\"anyOf\":[" LOINC(
            "r", "") "],\"unit\":\"/min\",\"accept\":[\"/min\",\"{b}/"
                     "min\"],\"within\":\"PT12H\",\"range\":{\"hard\":[0,100],\"soft\":[8,30]}},"
                     "\"scr\":{\"anyOf\":[" LOINC("m", ",\"units\":[\"mg/dL\"]") "," LOINC(
                         "n",
                         ",\"units\":[\"umol/L\"]") "],\"unit\":\"mg/dL\",\"accept\":[\"mg/dL\",\"umol/L\"],"
                                                    "\"convert\":[{\"from\":\"umol/L\",\"ratio\":[\"10\",\"884\"]}]},"
                                                    "\"o2\":{\"anyOf\":[" LOINC(
                                                        "f",
                                                        ",\"units\":[\"L/"
                                                        "min\"],\"range\":{\"hard\":[0,100]},\"above\":{\"limit\":0,\"then\":\"oxygen\","
                                                        "\"else\":\"air\"}") "],"
                                                                             "\"enum\":[\"air\",\"oxygen\"]},"
                                                                             "\"age\":{\"derive\":\"Patient.birthDate@scr.effective\","
                                                                             "\"unit\":\"a\"},\"sex\":{\"from\":\"Patient.gender\","
                                                                             "\"enum\":[\"female\",\"male\"]}",
        ",\"population\":{\"age\":{\"min\":\"18\"}}"),
    MODEL("b",
          "\"av\":{\"anyOf\":[" LOINC(
              "v", "") "],\"enum\":[\"A\",\"V\"],\"values\":[{\"system\":\"s\",\"code\":\"a\",\"value\":\"A\"}],\"required\":false},"
                       "\"score\":{\"anyOf\":[" LOINC("g", "") "],\"unit\":\"{score}\",\"required\":false},"
                                                               "\"dm\":{\"from\":\"Condition\",\"anyOf\":[" LOINC(
                                                                   "d", "") "],\"present\":1,\"absent\":0,\"absence\":\"must-assert\"}",
          ",\"groups\":[{\"id\":\"g\",\"oneOf\":[[\"av\"],[\"score\"]]}],"
          "\"conditions\":[{\"id\":\"x\",\"anyOf\":[" LOINC(
              "x", "") "],\"role\":\"excludes\"}],\"performance\":[{\"metric\":\"m\",\"ci95\":[0.5,0.6]}]"),
};
enum { MODELS = sizeof text / sizeof *text };

static void check_json(struct arena *a, struct slice s)
{
    struct json j;
    struct json_fault f;
    assert(json_parse(a, s, &j, &f) == 0 || !f.what);
}

static void check_candidate(struct arena *a, const struct candidate *c)
{
    struct wire_request q = {.id = SLICE("f")};
    struct slice line;
    struct err e = {0};
    size_t mandatory = 0;
    for (size_t i = 0; i < c->missings; i++) {
        assert(c->missing[i].reason != REASON_NONE);
        mandatory += c->missing[i].mandatory;
    }
    assert(c->ready == (mandatory == 0) && (c->distance > 0) == (mandatory > 0));
    if (decision_inputs(a, c, &q, &e) || wire_request(a, &q, &line, &e))
        return;
    check_json(a, (struct slice){line.p, line.n - 1});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    struct json j;
    struct json_fault f;
    struct err e = {0};
    struct manifest m[MODELS];
    const struct manifest *list[MODELS];
    struct decision d, again;
    struct slice once, twice;
    if (!a || json_parse(a, (struct slice){(const char *)data, size}, &j, &f))
        return 0;
    for (int i = 0; i < MODELS; i++) {
        int bad = manifest_parse(a, slice_of(text[i]), &m[i], &e);
        assert(!bad || e.code == ERR_NO_MEMORY);
        if (bad)
            return 0;
        list[i] = &m[i];
    }
    struct negotiation q = {.doc = &j, .model = list, .models = MODELS, .at_us = 1795615200000000LL, .policy = NEGOTIATE_BEST_READY};
    if (negotiate(a, &q, &d, &e) || negotiate(a, &q, &again, &e) || decision_text(a, &d, &once, &e) ||
        decision_text(a, &again, &twice, &e))
        return 0;
    assert(slice_eq(once, twice));
    check_json(a, once);
    for (size_t i = 0; i < d.candidates; i++)
        check_candidate(a, &d.candidate[i]);
    return 0;
}
