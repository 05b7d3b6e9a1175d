#include "test.h"

#include "models/schema.h"

/* "" when allowed, else the reason; "!..." when the schema itself is refused. */
static const char *judge(struct arena *a, const char *schema, const char *value)
{
    struct json s, v;
    struct json_fault f;
    struct err e = {0};
    struct schema *sc = NULL;
    const char *why = "";
    CHECK_INT(json_parse(a, slice_of(schema), &s, &f), 0);
    CHECK_INT(json_parse(a, slice_of(value), &v, &f), 0);
    if (schema_parse(a, &s, 0, "/output/schema", &sc, &e))
        return arena_printf(a, "!%s", e.detail);
    int ok = schema_check(sc, &v, 0, a, &why);
    CHECK(ok >= 0);
    return ok ? "" : why;
}

TEST(a_value_is_allowed_or_refused_with_its_place)
{
    static const struct {
        const char *schema, *value, *why; /* why: how the reason begins */
    } row[] = {
        {"{}", "{\"a\":[1]}", ""},
        {"{\"type\":\"object\",\"required\":[\"score\"]}", "{}", "/: the required member 'score'"},
        {"{\"type\":\"object\",\"required\":[\"score\"]}", "{\"score\":null}", ""},
        {"{\"type\":\"object\"}", "[]", "/: is of another type"},
        {"{\"type\":[\"string\",\"null\"]}", "null", ""},
        {"{\"type\":[\"string\",\"null\"]}", "false", "/: is of another type"},
        {"{\"type\":\"boolean\"}", "true", ""},
        {"{\"type\":\"integer\"}", "3", ""},
        {"{\"type\":\"integer\"}", "3.0", ""},
        {"{\"type\":\"integer\"}", "30e-1", ""},
        {"{\"type\":\"integer\"}", "3.5", "/: is of another type"},
        {"{\"type\":\"integer\"}", "1e400", ""},
        {"{\"type\":\"number\"}", "\"3\"", "/: is of another type"},
        {"{\"minimum\":0,\"maximum\":20}", "20", ""},
        {"{\"minimum\":0,\"maximum\":20}", "20.0000000000000000000000001", "/: is above"},
        {"{\"minimum\":0,\"maximum\":20}", "-1e-30", "/: is below"},
        {"{\"minimum\":0.1,\"maximum\":0.3}", "0.30", ""},
        {"{\"enum\":[\"low\",\"high\",1]}", "\"l\\u006fw\"", ""},
        {"{\"enum\":[\"low\",\"high\",1]}", "1.0", ""},
        {"{\"enum\":[\"low\",\"high\",1]}", "\"1\"", "/: is none of the values"},
        {"{\"properties\":{\"a\":{\"type\":\"number\"}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}", "/: has a member"},
        {"{\"properties\":{\"a\":{\"type\":\"number\"}},\"additionalProperties\":true}", "{\"a\":1,\"b\":2}", ""},
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"maximum\":1}}}}}", "{\"a\":{\"b\":2}}", "/a/b: is above"},
        {"{\"items\":{\"type\":\"string\"}}", "[\"x\",7]", "/1: is of another type"},
        {"{\"items\":{\"type\":\"string\"}}", "[]", ""},
        {"{\"maxLength\":2}", "\"\xC3\xA9\xC3\xA9\"", ""},
        {"{\"maxLength\":2}", "\"abc\"", "/: is longer"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *why = judge(a, row[i].schema, row[i].value);
        if (strncmp(why, row[i].why, strlen(row[i].why)) != 0 || (!*row[i].why && *why))
            fail_msg("%s with %s: got '%s'", row[i].schema, row[i].value, why);
    }
}

TEST(a_schema_says_nothing_that_is_not_kept)
{
    static const struct {
        const char *schema, *why;
    } row[] = {
        {"{\"format\":\"date\"}", "!/output/schema/format: is no keyword"},
        {"{\"exclusiveMinimum\":0}", "!/output/schema/exclusiveMinimum: is no keyword"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", "!/output/schema/properties/a/$ref: is no keyword"},
        {"{\"items\":{\"oneOf\":[]}}", "!/output/schema/items/oneOf: is no keyword"},
        {"{\"type\":\"float\"}", "!/output/schema/type: is no type"},
        {"{\"type\":[]}", "!/output/schema/type: names no type"},
        {"{\"enum\":[]}", "!/output/schema/enum: must be a list"},
        {"{\"enum\":[{}]}", "!/output/schema/enum: may hold"},
        {"{\"minimum\":\"0\"}", "!/output/schema/minimum: must be a number"},
        {"{\"maxLength\":-1}", "!/output/schema/maxLength: must be a whole number"},
        {"{\"required\":[\"a\",\"a\"]}", "!/output/schema/required/1: stands in the list twice"},
        {"{\"additionalProperties\":{}}", "!/output/schema/additionalProperties: must be true or false"},
        {"[]", "!/output/schema: must be a schema object"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *why = judge(a, row[i].schema, "{}");
        if (strncmp(why, row[i].why, strlen(row[i].why)) != 0)
            fail_msg("%s: got '%s'", row[i].schema, why);
    }
}

TEST(schemas_do_not_nest_without_end)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 4096);
    for (int i = 0; i < 18; i++)
        buf_str(&b, "{\"items\":");
    buf_str(&b, "{}");
    for (int i = 0; i < 18; i++)
        buf_str(&b, "}");
    buf_byte(&b, 0);
    CHECK(strstr(judge(a, b.p, "[]"), "deeper than 16"));
}

RUN(T(a_value_is_allowed_or_refused_with_its_place), T(a_schema_says_nothing_that_is_not_kept), T(schemas_do_not_nest_without_end))
