#include "test.h"

#include "base/clock.h"
#include "base/dec.h"
#include "base/rnd.h"

TEST(decimals_compare_by_value_not_by_text)
{
    static const struct {
        const char *a, *b;
        int cmp;
    } row[] = {
        {"100.4", "100.40", 0},  {"1004e-1", "100.4", 0}, {"0.10", "1e-1", 0},      {"-0", "0.000", 0}, {"3.9999999999999996", "4", -1},
        {"38.00000000000006", "38", 1}, {"-1", "1", -1},  {"-2", "-1", -1},         {"1e400", "1e399", 1}, {"0", "0.0001", -1},
        {"12", "9", 1},          {"1200", "12e2", 0},     {"0.05", "0.049", 1},     {"1000000", "999999.9", 1},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct dec a, b;
        CHECK(dec_parse(slice_of(row[i].a), &a));
        CHECK(dec_parse(slice_of(row[i].b), &b));
        CHECK_INT(dec_cmp(&a, &b), row[i].cmp);
        CHECK_INT(dec_cmp(&b, &a), -row[i].cmp);
    }
    struct dec d;
    CHECK(!dec_parse(SLICE(""), &d));
    CHECK(!dec_parse(SLICE("abc"), &d));
    CHECK(!dec_parse(SLICE("1e9999"), &d));
}

TEST(times_of_any_precision_are_read)
{
    static const struct {
        const char *text;
        int64_t us, span;
    } row[] = {
        {"1970-01-01T00:00:00Z", 0, 1000000},
        {"2026-11-22T14:00:00.5+01:00", 1795352400500000, 1},
        {"2024-02-29", 1709164800000000, 86400000000},
        {"2024-02", 1706745600000000, 29 * 86400000000},
        {"2023", 1672531200000000, 365 * 86400000000},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        int64_t us, span;
        CHECK(clock_parse(slice_of(row[i].text), &us, &span));
        CHECK_INT(us, row[i].us);
        CHECK_INT(span, row[i].span);
    }
    static const char *const bad[] = {"", "2023-02-29", "2023-13", "2024-01-01T25:00:00Z", "2024-01-01T00:00Z", "20240101", "2024-1-1"};
    int64_t us;
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!clock_parse(slice_of(bad[i]), &us, NULL));
    char text[CLOCK_TEXT];
    CHECK_STR(clock_text(1795352400500000, text), "2026-11-22T13:00:00.500000Z");
    CHECK_STR(clock_text(-1, text), "1969-12-31T23:59:59.999999Z");
}

TEST(durations_are_read)
{
    int64_t us;
    CHECK(clock_duration(SLICE("PT12H"), &us) && us == 12 * 3600000000LL);
    CHECK(clock_duration(SLICE("P90D"), &us) && us == 90 * 86400000000LL);
    CHECK(clock_duration(SLICE("P1DT1M"), &us) && us == 86460000000LL);
    CHECK(!clock_duration(SLICE("P"), &us));
    CHECK(!clock_duration(SLICE("12H"), &us));
}

TEST(uuids_read_back)
{
    uint8_t id[UUID_BYTES], back[UUID_BYTES];
    char text[UUID_TEXT];
    uuid7(id);
    CHECK(uuid_parse(slice_of(uuid_text(id, text)), back));
    CHECK(memcmp(id, back, sizeof id) == 0);
    CHECK(!uuid_parse(SLICE("not-a-uuid"), back));
    for (uint8_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(0x1f * i);
    CHECK_STR(uuid_text(id, text), "001f3e5d-7c9b-bad9-f817-36557493b2d1");
}

TEST(uuids_sort_by_the_microsecond_they_were_made_in)
{
    uint8_t id[2][UUID_BYTES];
    uuid7(id[0]);
    for (int i = 0; i < 3000; i++) { /* some milliseconds of them */
        for (int64_t us = clock_now_us(); clock_now_us() <= us;)
            ;
        uuid7(id[1]);
        CHECK(memcmp(id[0], id[1], UUID_BYTES) < 0);
        memcpy(id[0], id[1], UUID_BYTES);
    }
}

TEST(arenas_have_a_limit_and_come_back_zeroed)
{
    struct arena *a = arena_new(100000);
    char *p = arena_take(a, 50000);
    CHECK(p != NULL);
    memset(p, 'x', 50000);
    CHECK(arena_take(a, 60000) == NULL);
    char *q = arena_take(a, 100);
    for (int i = 0; i < 100; i++)
        CHECK(q[i] == 0);
    memset(q, 'y', 100);
    CHECK(arena_grow(a, q, 100, 200) == q);
    arena_free(a);
    a = arena_new(100000);
    q = arena_take(a, 8000);
    for (int i = 0; i < 8000; i++)
        CHECK(q[i] == 0);
    arena_free(a);
}

TEST(base64_and_hex)
{
    char out[32];
    base64_encode("ab", 2, out);
    CHECK_STR(out, "YWI=");
    base64url_encode("\xff\xff\xfe", 3, out);
    CHECK_STR(out, "___-");
    unsigned char raw[4];
    CHECK_INT(hex_decode(SLICE("00fF"), raw, 4), 2);
    CHECK(raw[1] == 0xff);
    CHECK_INT(hex_decode(SLICE("0"), raw, 4), -1);
}

TEST(what_an_arena_gets_back_is_handed_out_again_as_zeroes)
{
    OWN_ARENA struct arena *a = arena_new(4096);
    char *p = arena_take(a, 2048), *q;
    size_t before = arena_used(a);
    memset(p, 'x', 100);
    arena_shrink(a, p, 2048, 100);
    CHECK_INT(before - arena_used(a), 2048 - 112);
    q = arena_take(a, 3000);
    CHECK(q && q >= p + 112 && p[99] == 'x');
    for (int i = 0; i < 3000; i++)
        CHECK_INT(q[i], 0);
    arena_shrink(a, p, 100, 50); /* not the last one: nothing happens */
    CHECK(arena_take(a, 1000) == NULL);
}

TEST(an_arena_goes_back_to_a_mark_and_wipes_what_lay_behind_it)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char *kept = arena_take(a, 100);
    memset(kept, 'k', 100);
    struct arena_mark mark = arena_mark(a);
    size_t used = arena_used(a);
    char *near = arena_take(a, 1000);
    memset(near, 'x', 1000);
    for (int i = 0; i < 5; i++) /* blocks of their own */
        CHECK(arena_take(a, 100000) != NULL);
    arena_rewind(a, mark);
    CHECK_INT(arena_used(a), used);
    char *again = arena_take(a, 1000);
    CHECK(again == near && kept[0] == 'k' && kept[99] == 'k');
    for (int i = 0; i < 1000; i++)
        CHECK_INT(again[i], 0);
    arena_rewind(a, arena_mark(a)); /* nothing was taken: nothing happens */
    CHECK(again[0] == 0 && arena_used(a) == used + 1008);
}

/* It is tried where there is room first: what that leaves must not be there for who comes next. */
TEST(a_text_that_does_not_fit_leaves_zeroes_behind)
{
    for (size_t before = 0; before < 70000; before += 499) {
        struct arena *a = arena_new(1 << 20);
        CHECK(before == 0 || arena_take(a, before));
        char *text = arena_printf(a, "%0600d", 7);
        CHECK(text && strlen(text) == 600 && text[599] == '7' && text[0] == '0');
        arena_free(a);
        a = arena_new(1 << 20);
        char *p = arena_take(a, 70000);
        for (int i = 0; i < 70000; i++)
            CHECK_INT(p[i], 0);
        arena_free(a);
        a = arena_new(1 << 20);
        p = arena_take(a, 32000);
        for (int i = 0; i < 32000; i++)
            CHECK_INT(p[i], 0);
        arena_free(a);
    }
    OWN_ARENA struct arena *a = arena_new(1000);
    CHECK(arena_take(a, 800) && arena_printf(a, "%0300d", 7) == NULL);
    CHECK_INT(arena_failed(a), 1);
    char *p = arena_take(a, 100);
    for (int i = 0; i < 100; i++)
        CHECK_INT(p[i], 0);
}

RUN(T(what_an_arena_gets_back_is_handed_out_again_as_zeroes),
    T(an_arena_goes_back_to_a_mark_and_wipes_what_lay_behind_it), T(decimals_compare_by_value_not_by_text),
    T(times_of_any_precision_are_read), T(durations_are_read), T(uuids_read_back),
    T(uuids_sort_by_the_microsecond_they_were_made_in), T(arenas_have_a_limit_and_come_back_zeroed),
    T(base64_and_hex), T(a_text_that_does_not_fit_leaves_zeroes_behind))
