#include "test.h"

#include "http/reader.h"
#include "http_cases.h"

static const struct reader_limits limits = {.header_max = 1024, .body_max = 1 << 20, .fields_max = 8};

/* Feeds `bytes` in pieces of `first` bytes, then of `rest`. The last step; *taken: how many bytes the request took. */
static enum reader_step feed(struct reader *r, struct slice bytes, size_t first, size_t rest, size_t *taken)
{
    enum reader_step step = READER_MORE;
    size_t piece = first;
    *taken = 0;
    while (*taken < bytes.n && (step == READER_MORE || step == READER_HEAD)) {
        size_t n = bytes.n - *taken < piece ? bytes.n - *taken : piece;
        /* A copy of just these bytes, so that a look behind them is seen by the address sanitizer. */
        OWN_MEM char *copy = malloc(n);
        memcpy(copy, bytes.p + *taken, n);
        for (size_t at = 0; at < n && (step == READER_MORE || step == READER_HEAD);) {
            size_t got = reader_feed(r, (struct slice){copy + at, n - at}, &step);
            CHECK(got <= n - at && (step != READER_MORE || got == n - at));
            at += got;
            *taken += got;
            if (step == READER_REFUSED)
                break;
        }
        piece = rest;
    }
    return step;
}

static const char *seen(struct arena *a, const struct http_request *q)
{
    return arena_printf(a, "%.*s %.*s?%.*s|%.*s", SLICE_FMT(q->method_text), SLICE_FMT(q->path), (int)q->query.n,
                        q->query.p ? q->query.p : "", (int)q->body.n, q->body.p ? q->body.p : "");
}

static void check_case(const struct http_case *row, size_t first, size_t rest)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct reader r;
    size_t taken;
    reader_init(&r, a, &limits);
    enum reader_step step = feed(&r, row->bytes, first, rest, &taken);
    int status = step == READER_DONE ? 200 : step == READER_REFUSED ? r.status : 0;
    if (status != row->status)
        fail_msg("%s, cut at %zu: %d instead of %d (%s)", row->what, first, status, row->status, r.why ? r.why : "");
    if (status != 200)
        return;
    CHECK_INT(taken, row->bytes.n);
    CHECK_STR(seen(a, &r.request), row->seen);
}

TEST(every_request_is_judged_as_the_rfc_says_wherever_it_is_cut)
{
    CHECK(COUNT(http_case) >= 38);
    for (size_t i = 0; i < COUNT(http_case); i++) {
        for (size_t cut = 1; cut <= http_case[i].bytes.n; cut++)
            check_case(&http_case[i], cut, http_case[i].bytes.n);
        check_case(&http_case[i], 1, 1);
    }
}

TEST(a_request_without_its_last_byte_is_not_complete)
{
    for (size_t i = 0; i < COUNT(http_case); i++) {
        if (http_case[i].status != 200)
            continue;
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &limits);
        enum reader_step step =
            feed(&r, (struct slice){http_case[i].bytes.p, http_case[i].bytes.n - 1}, 4096, 4096, &taken);
        if (step == READER_DONE || step == READER_REFUSED)
            fail_msg("%s: complete without its last byte", http_case[i].what);
    }
}

TEST(what_follows_a_request_is_left_for_the_next)
{
    static const struct {
        struct slice bytes;
        size_t taken;
    } row[] = {
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2"), 27},
        {SLICE("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET"), 49},
        {SLICE("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET"), 67},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &limits);
        CHECK_INT(feed(&r, row[i].bytes, 4096, 4096, &taken), READER_DONE);
        CHECK_INT(taken, row[i].taken);
    }
}

/* A request whose header is `header` bytes long, whose body has `body`, in `fields` fields. */
static struct slice sized(struct arena *a, size_t header, size_t body, size_t fields, bool chunked)
{
    struct buf b = buf_in(a, 1 << 20);
    buf_str(&b, "POST / HTTP/1.1\r\nHost: a\r\n");
    buf_printf(&b, chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: %zu\r\n", body);
    for (size_t i = 3; i < fields; i++)
        buf_str(&b, "X: y\r\n");
    buf_str(&b, "Fill: ");
    while (b.n + 4 < header)
        buf_byte(&b, 'f');
    buf_str(&b, "\r\n\r\n");
    if (chunked)
        buf_printf(&b, "%zx\r\n", body);
    for (size_t i = 0; i < body; i++)
        buf_byte(&b, 'b');
    if (chunked)
        buf_str(&b, "\r\n0\r\n\r\n");
    return buf_text(&b);
}

TEST(limits_hold_to_the_byte)
{
    static const struct reader_limits max = {.header_max = 600, .body_max = 100, .fields_max = 5};
    static const struct {
        size_t header, body, fields;
        int status;
    } row[] = {
        {600, 100, 5, 200}, {601, 100, 5, 431}, {599, 100, 5, 200},
        {600, 101, 5, 413}, {600, 99, 5, 200},  {600, 100, 6, 431},
    };
    for (size_t i = 0; i < 2 * COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &max);
        struct slice bytes = sized(a, row[i / 2].header, row[i / 2].body, row[i / 2].fields, i % 2);
        enum reader_step step = feed(&r, bytes, 7, 11, &taken);
        CHECK_INT(step == READER_DONE ? 200 : r.status, row[i / 2].status);
    }
}

TEST(a_long_target_is_told_apart_from_long_fields)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct reader r;
    size_t taken;
    struct buf b = buf_in(a, 4096);
    buf_str(&b, "GET /");
    while (b.n < 2000)
        buf_byte(&b, 'a');
    reader_init(&r, a, &limits);
    CHECK_INT(feed(&r, buf_text(&b), 100, 100, &taken), READER_REFUSED);
    CHECK_INT(r.status, 414);
}

TEST(chunk_extensions_and_trailers_are_limited_in_all)
{
    static const struct {
        const char *line;
        bool trailer;
    } row[] = {{"1;extension-that-nobody-reads\r\nx\r\n", false}, {"X-Trailer: that nobody reads\r\n", true}};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader_limits max = limits;
        struct reader r;
        size_t taken;
        max.fields_max = 1000;
        struct buf b = buf_in(a, 1 << 20);
        buf_str(&b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        buf_str(&b, row[i].trailer ? "0\r\n" : "");
        for (int k = 0; k < 100; k++)
            buf_str(&b, row[i].line);
        reader_init(&r, a, &max);
        CHECK_INT(feed(&r, buf_text(&b), 100, 100, &taken), READER_REFUSED);
        CHECK_INT(r.status, 431);
    }
}

TEST(a_promised_body_reserves_nothing)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct reader r;
    size_t taken;
    reader_init(&r, a, &limits);
    CHECK_INT(feed(&r, SLICE("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nab"), 4096, 4096, &taken),
              READER_MORE);
    CHECK(arena_used(a) < 10000);
}

TEST(a_large_body_costs_at_most_a_third_more)
{
    for (int chunked = 0; chunked < 2; chunked++) {
        OWN_ARENA struct arena *text = arena_new(4 << 20), *a = arena_new(4 << 20);
        struct reader r;
        size_t taken;
        struct slice bytes = sized(text, 100, 900000, 3, chunked);
        reader_init(&r, a, &limits);
        CHECK_INT(feed(&r, bytes, 1000, 4000, &taken), READER_DONE);
        CHECK_INT(r.request.body.n, 900000);
        for (size_t i = 0; i < r.request.body.n; i++)
            assert_int_equal(r.request.body.p[i], 'b');
        CHECK(arena_used(a) < (1 << 20) * 4 / 3 + 4096);
    }
}

TEST(out_of_memory_is_a_refusal)
{
    for (size_t limit = 256; limit < 2048; limit += 64) {
        OWN_ARENA struct arena *text = arena_new(1 << 20), *a = arena_new(limit);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &limits);
        CHECK_INT(feed(&r, sized(text, 500, 2000, 5, limit % 128 == 0), 64, 64, &taken), READER_REFUSED);
        CHECK_INT(r.status, 503);
    }
}

TEST(the_connection_is_kept_as_the_client_asks)
{
    static const struct {
        struct slice bytes;
        bool keep;
    } row[] = {
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x, Close\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.0\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &limits);
        CHECK_INT(feed(&r, row[i].bytes, 4096, 4096, &taken), READER_DONE);
        CHECK_INT(r.keep_alive, row[i].keep);
    }
}

TEST(fields_are_found_in_any_case_and_trimmed)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct reader r;
    size_t taken;
    reader_init(&r, a, &limits);
    CHECK_INT(feed(&r, SLICE("GET / HTTP/1.1\r\nHost: a\r\nX-One:  1 2 \r\nx-one: 3\r\nEmpty:\r\n\r\n"), 5, 3, &taken),
              READER_DONE);
    CHECK_SLICE(http_header(&r.request, "x-ONE"), "1 2");
    CHECK_SLICE(http_header(&r.request, "empty"), "");
    CHECK(http_header(&r.request, "empty").p != NULL);
    CHECK(http_header(&r.request, "absent").p == NULL);
    CHECK_INT(r.request.headers, 4);
}

/* The sentence goes into JSON as it is. */
TEST(refusals_say_why_in_plain_text)
{
    for (size_t i = 0; i < COUNT(http_case); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct reader r;
        size_t taken;
        reader_init(&r, a, &limits);
        if (feed(&r, http_case[i].bytes, 4096, 4096, &taken) != READER_REFUSED)
            continue;
        CHECK(r.why && strlen(r.why) > 10 && strlen(r.why) < 160);
        for (const char *p = r.why; *p; p++)
            CHECK(*p >= ' ' && *p != '"' && *p != '\\' && *p < 0x7f);
    }
}

RUN(T(every_request_is_judged_as_the_rfc_says_wherever_it_is_cut), T(a_request_without_its_last_byte_is_not_complete),
    T(what_follows_a_request_is_left_for_the_next), T(limits_hold_to_the_byte),
    T(a_long_target_is_told_apart_from_long_fields), T(chunk_extensions_and_trailers_are_limited_in_all),
    T(a_promised_body_reserves_nothing), T(a_large_body_costs_at_most_a_third_more), T(out_of_memory_is_a_refusal),
    T(the_connection_is_kept_as_the_client_asks), T(fields_are_found_in_any_case_and_trimmed),
    T(refusals_say_why_in_plain_text))
