#include "test.h"

#include <stdio.h>

#include "base/json.h"

static const char *fault_of(const char *text)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault f;
    return json_parse(a, slice_of(text), &j, &f) ? (f.what ? f.what : "memory") : "";
}

TEST(good_documents_are_read)
{
    static const char *const good[] = {"null", " true ", "[]", "{}", "[1,2.50,-0,1e5,1E+2]", "{\"a\":{\"b\":[{}]},\"c\":\"\"}",
        "\"\\u00e9\\ud83d\\ude00\"", "\"\xC3\xA9\"", "[[[[1]]]]", "\n\t{ \"a\" : 1 }\r\n"};
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK_STR(fault_of(good[i]), "");
}

TEST(bad_documents_are_refused)
{
    static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "1e", "+1", "NaN", "'a'", "\"\x01\"",
        "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u0000\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xFF\"", "1 2",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[1 2]", "{\"a\" 1}", "tru", "nulll", "\"abc", "{\"a\":1]", "-", "1.2.3"};
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(*fault_of(bad[i]));
}

TEST(a_fault_says_where)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(a, SLICE("{\n \"a\": tru }"), &j, &f), -1);
    CHECK_INT(f.line, 2);
    CHECK_INT(f.column, 7);
}

TEST(depth_is_limited)
{
    char text[2 * 200 + 1] = {0};
    memset(text, '[', 128);
    memset(text + 128, ']', 128);
    CHECK_STR(fault_of(text), "");
    memset(text, '[', 129);
    memset(text + 129, ']', 129);
    CHECK(*fault_of(text));
}

TEST(duplicates_are_found_in_large_objects)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 1 << 16);
    buf_str(&b, "{");
    for (int i = 0; i < 500; i++)
        buf_printf(&b, "\"k%d\":%d,", i, i);
    size_t n = b.n;
    buf_str(&b, "\"z\":1}");
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), 0);
    CHECK_INT(j.node[0].len, 501);
    b.n = n;
    buf_str(&b, "\"k77\":1}");
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), -1);
}

/* A hostile document: many different keys of one hash. They are told apart by their text, and in n log n steps. */
TEST(keys_that_share_a_hash_are_told_apart)
{
    OWN_ARENA struct arena *a = arena_new(1 << 22);
    struct buf b = buf_in(a, 1 << 20);
    char key[16], first[16] = "";
    struct json j;
    struct json_fault f;
    buf_str(&b, "{");
    for (int i = 0, n = 0; n < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        if (json_hash(key, strlen(key)) != 4711)
            continue;
        if (n++ == 0)
            memcpy(first, key, sizeof first);
        buf_printf(&b, "\"%s\":0,", key);
    }
    size_t n = b.n;
    buf_str(&b, "\"z\":1}");
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), 0);
    CHECK_INT(j.node[0].len, 101);
    b.n = n;
    buf_printf(&b, "\"\\u006b%s\":0}", first + 1);
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), -1);
    CHECK_INT(f.off, n);
}

TEST(values_are_found_by_key)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault f;
    struct slice text = SLICE("{\"n\": {\"x\":[1,[2],{\"y\":3}]}, \"\\u0073\":\"a\\n\\u00e9\", \"t\":1.50}");
    CHECK_INT(json_parse(a, text, &j, &f), 0);
    CHECK_SLICE(json_get_text(&j, 0, "s", a), "a\n\xC3\xA9");
    CHECK_SLICE(json_raw(&j, json_get(&j, 0, "t")), "1.50");
    CHECK_SLICE(json_span(&j, json_get(&j, 0, "n")), "{\"x\":[1,[2],{\"y\":3}]}");
    CHECK_SLICE(json_span(&j, 0), text.p);
    CHECK_INT(json_get(&j, 0, "absent"), 0);
    uint32_t x = json_get(&j, json_get(&j, 0, "n"), "x"), n = 0;
    for (uint32_t k = json_first(&j, x); k != json_end(&j, x); k = json_next(&j, k))
        n++;
    CHECK_INT(n, 3);
    CHECK_INT(j.node[x].len, 3);
}

TEST(what_is_written_reads_back)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 4096);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "q\"", "tab\tnl\n\x01");
    json_pair(&o, "bad", (struct slice){"a\xFFz", 3});
    json_key(&o, "list");
    json_open(&o, '[');
    json_put_int(&o, -5);
    json_put_bool(&o, true);
    json_put_null(&o);
    json_close(&o, ']');
    json_close(&o, '}');
    CHECK_SLICE(buf_text(&b), "{\"q\\\"\":\"tab\\u0009nl\\n\\u0001\",\"bad\":\"a\xEF\xBF\xBDz\",\"list\":[-5,true,null]}");
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), 0);
}

/* Wherever in its text it stands: what goes out as it is, is found by words of eight bytes. */
TEST(every_byte_is_written_so_that_it_reads_back)
{
    for (int c = 1; c < 256; c++) /* the reader refuses U+0000 */
        for (size_t at = 0; at < 19; at++) {
            OWN_ARENA struct arena *a = arena_new(1 << 16);
            char text[19], want[32];
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            struct buf b = buf_in(a, 4096);
            struct json_out o = json_out(&b);
            json_open(&o, '[');
            json_put(&o, (struct slice){text, sizeof text});
            json_close(&o, ']');
            struct json j;
            struct json_fault f;
            CHECK_INT(json_parse(a, buf_text(&b), &j, &f), 0);
            const char *middle = c < 0x80 ? (char[]){(char)c, 0} : "\xEF\xBF\xBD";
            size_t n = c < 0x80 ? 1 : 3;
            memset(want, 'x', sizeof want);
            memcpy(want + at, middle, n);
            struct slice got = json_text(&j, 1, a);
            CHECK_INT(got.n, sizeof text - 1 + n);
            CHECK(memcmp(got.p, want, got.n) == 0);
        }
}

RUN(T(good_documents_are_read), T(bad_documents_are_refused), T(a_fault_says_where), T(depth_is_limited),
    T(duplicates_are_found_in_large_objects), T(keys_that_share_a_hash_are_told_apart), T(values_are_found_by_key),
    T(what_is_written_reads_back), T(every_byte_is_written_so_that_it_reads_back))
