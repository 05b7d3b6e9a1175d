/* Whatever bytes a stranger's program writes: they are judged, and what is judged an output is one object inside those bytes
 * that the schema allows, alone, for the id that was asked. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "models/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 4096 };

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"score\"],\"additionalProperties\":false,\"properties\":{\"score\":{\"type\":\"integer\","
    "\"minimum\":0,\"maximum\":20},\"risk\":{\"enum\":[\"low\",\"high\"]},\"list\":{\"items\":{\"maxLength\":3}}}}";

static void check_output(struct arena *a, const struct schema *s, struct slice all, struct slice output)
{
    struct json j;
    struct json_fault f;
    const char *why;
    assert(output.p >= all.p && output.p + output.n <= all.p + all.n);
    struct slice behind = {output.p + output.n, (size_t)(all.p + all.n - output.p) - output.n};
    slice_cut(&behind, '\n');
    assert(behind.n == 0); /* its line is the last */
    if (json_parse(a, output, &j, &f)) {
        assert(!f.what);
        return;
    }
    assert(json_kind(&j, 0) == JSON_OBJECT && schema_check(s, &j, 0, a, &why) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice all = {(const char *)data, size};
    struct json j;
    struct json_fault f;
    struct schema *s;
    struct wire_answer got;
    struct err e = {0};
    if (!a || json_parse(a, SLICE(schema_text), &j, &f) || schema_parse(a, &j, 0, "", &s, &e))
        return 0;
    if (wire_judge(a, all, false, SLICE("a1"), s, MAX, &got, &e)) {
        assert(e.code == ERR_NO_MEMORY);
        return 0;
    }
    assert((got.end == WIRE_OUTPUT) == (got.output.p != NULL));
    assert(got.end == WIRE_OUTPUT || got.why);
    assert(size <= MAX || got.end == WIRE_TOO_LARGE);
    assert((got.end == WIRE_MODEL_ERROR) == (got.code.n > 0) && got.code.n <= WIRE_CODE && got.message.n <= WIRE_MESSAGE);
    if (got.end == WIRE_OUTPUT)
        check_output(a, s, all, got.output);
    return 0;
}
