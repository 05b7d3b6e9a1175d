#include "http_live.h"

#define STREAM      "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

/* A client with an open stream; the handler's side of it in *ret. */
static struct peer open_stream(struct live *l, struct http_stream **ret)
{
    struct answer a;
    struct peer p = dial(l);
    int n = atomic_load(&l->streams);
    say_str(&p, STREAM);
    CHECK_INT(hear(&p, &a), 200);
    *ret = live_stream_of(l, n);
    return p;
}

TEST(what_is_written_comes_at_once_in_chunks_and_the_connection_goes_on)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct http_stream *s;
    char text[64];
    for (int loop = 0; loop < 4; loop++) { /* of each network thread some */
        struct peer p = dial(&l);
        int n = atomic_load(&l.streams);
        say_str(&p, STREAM);
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(answer_field(&a, "Transfer-Encoding", text, sizeof text), "chunked");
        CHECK_STR(answer_field(&a, "Content-Length", text, sizeof text), "");
        CHECK_STR(answer_field(&a, "X-Content-Type-Options", text, sizeof text), "nosniff");
        s = live_stream_of(&l, n);
        for (int i = 0; i < 30; i++) {
            char word[32];
            snprintf(word, sizeof word, "event %d\n", i);
            CHECK_INT(http_stream_write(s, slice_of(word)), 0);
            CHECK_INT(hear_chunk(&p, text, sizeof text), (int)strlen(word));
            CHECK_STR(text, word);
        }
        CHECK_INT(http_stream_write(s, SLICE("")), 0); /* an empty chunk would be the end */
        CHECK(!http_stream_gone(s));
        http_stream_end(s);
        CHECK_INT(hear_chunk(&p, text, sizeof text), 0);
        say_str(&p, GET("/"));
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, "GET /?|");
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(what_is_written_before_the_head_went_out_follows_it)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[64];
    struct peer p = dial(&l);
    say_str(&p, STREAM);
    struct http_stream *s = live_stream_of(&l, 0);
    CHECK_INT(http_stream_write(s, SLICE("early")), 0);
    http_stream_end(s);
    CHECK_INT(hear(&p, &a), 200);
    CHECK_INT(hear_chunk(&p, text, sizeof text), 5);
    CHECK_INT(hear_chunk(&p, text, sizeof text), 0);
    hang_up(&p);
    live_stop(&l);
}

TEST(to_http_1_0_a_stream_is_ended_by_closing)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[16] = "";
    struct peer p = dial(&l);
    say_str(&p, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_INT(hear(&p, &a), 200);
    CHECK_STR(answer_field(&a, "Connection", text, sizeof text), "close");
    CHECK_STR(answer_field(&a, "Transfer-Encoding", text, sizeof text), "");
    struct http_stream *s = live_stream_of(&l, 0);
    memset(text, 0, sizeof text);
    CHECK_INT(http_stream_write(s, SLICE("plain")), 0);
    CHECK_INT(recv(p.fd, text, 5, MSG_WAITALL), 5);
    CHECK_STR(text, "plain");
    http_stream_end(s);
    CHECK(ended(&p));
    hang_up(&p);
    live_stop(&l);
}

TEST(head_and_refusals_have_no_stream)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[32];
    struct peer p = dial(&l);
    say_str(&p, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(hear_method(&p, &a, true), 200);
    CHECK_STR(answer_field(&a, "Transfer-Encoding", text, sizeof text), "chunked");
    say_str(&p, GET("/stream?refused"));
    CHECK_INT(hear(&p, &a), 404);
    CHECK_STR(answer_field(&a, "Content-Length", text, sizeof text), "0");
    for (int i = 0; i < 2; i++) {
        struct http_stream *s = live_stream_of(&l, i);
        CHECK(http_stream_gone(s));
        CHECK_INT(http_stream_write(s, SLICE("x")), -1);
        http_stream_end(s);
    }
    say_str(&p, GET("/"));
    CHECK_INT(hear(&p, &a), 200);
    hang_up(&p);
    live_stop(&l);
}

TEST(a_client_that_leaves_or_closes_its_side_is_noticed)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    for (int half = 0; half < 2; half++) {
        struct http_stream *s;
        struct peer p = open_stream(&l, &s);
        usleep(50000);
        CHECK(!http_stream_gone(s));
        if (half)
            shutdown(p.fd, SHUT_WR);
        else
            hang_up(&p);
        CHECK(until_gone(s) < 1000);
        CHECK_INT(http_stream_write(s, SLICE("x")), -1);
        http_stream_end(s);
        hang_up(&p);
    }
    live_stop(&l);
}

/* Writes pieces of 16 KiB until `most` of them are written or the stream is gone; how many were taken. */
static int fill(struct http_stream *s, int most)
{
    int pieces = 0;
    while (pieces < most && http_stream_write(s, (struct slice){live_big, 16384}) == 0) {
        usleep(1000);
        pieces++;
    }
    return pieces;
}

TEST(a_client_that_never_reads_is_cut_off_and_delays_nobody)
{
    struct live l;
    struct http_config c = live_config();
    c.loops = 1;
    live_start(&l, &c);
    struct http_stream *deaf, *other;
    struct peer p = open_stream(&l, &deaf), good = open_stream(&l, &other);
    char text[64];
    int64_t before = metric_value[METRIC_STREAMS_CUT];
    int pieces = fill(deaf, 4000);
    CHECK(pieces >= 16 && pieces < 4000);
    CHECK(http_stream_gone(deaf));
    CHECK_INT(http_stream_write(other, SLICE("on")), 0);
    CHECK_INT(hear_chunk(&good, text, sizeof text), 2);
    http_stream_end(deaf);
    http_stream_end(other);
    CHECK_INT(hear_chunk(&good, text, sizeof text), 0);
    hang_up(&p);
    hang_up(&good);
    live_stop(&l);
    CHECK_INT(metric_value[METRIC_STREAMS_CUT], before + 1);
}

/* How many pieces the kernel and the buffer hold together. */
static int capacity(struct live *l)
{
    struct http_stream *s;
    struct peer p = open_stream(l, &s);
    int most = fill(s, 4000);
    http_stream_end(s);
    hang_up(&p);
    return most;
}

TEST(a_client_that_stops_reading_is_cut_off_in_time_and_one_that_reads_slowly_is_not)
{
    struct live l;
    struct http_config c = live_config();
    c.body_rate = 1000000000; /* it is not the rate that keeps the slow one: something in header_ms is enough */
    live_start(&l, &c);
    struct http_stream *s;
    static char piece[1 << 16];
    int most = capacity(&l);
    struct peer p = open_stream(&l, &s);
    CHECK_INT(fill(s, most - 6), most - 6); /* less than that: now something waits, and there is room for more */
    CHECK(!http_stream_gone(s));
    int ms = until_gone(s);
    CHECK(ms > 200 && ms < 3000);
    http_stream_end(s);
    hang_up(&p);

    p = open_stream(&l, &s);
    CHECK_INT(fill(s, most - 6), most - 6);
    for (int i = 0; i < 10; i++) {
        usleep(200000);
        CHECK(recv(p.fd, piece, sizeof piece, 0) > 0);
        for (int k = 0; k < 2; k++)
            recv(p.fd, piece, sizeof piece, MSG_DONTWAIT);
    }
    CHECK(!http_stream_gone(s)); /* after 2 s, with 0.6 s to take something in */
    http_stream_end(s);
    hang_up(&p);
    live_stop(&l);
}

TEST(a_quiet_stream_stays_open)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct http_stream *s;
    struct peer p = open_stream(&l, &s);
    char text[16];
    usleep(2000000); /* more than idle_ms and header_ms */
    CHECK_INT(http_stream_write(s, SLICE("here")), 0);
    CHECK_INT(hear_chunk(&p, text, sizeof text), 4);
    http_stream_end(s);
    hang_up(&p);
    live_stop(&l);
}

TEST(streams_are_limited_and_hold_neither_handlers_nor_places_in_flight)
{
    struct live l;
    struct http_config c = live_config();
    c.handlers = 1;
    c.in_flight_max = 1;
    c.streams_max = 3;
    live_start(&l, &c);
    struct answer a;
    struct http_stream *s[4];
    struct peer p[4];
    for (int i = 0; i < 3; i++)
        p[i] = open_stream(&l, &s[i]);
    CHECK_INT(metric_value[METRIC_STREAMS], 3);
    struct peer more = dial(&l);
    say_str(&more, STREAM);
    CHECK_INT(hear(&more, &a), 429);
    say_str(&more, GET("/"));
    CHECK_INT(hear(&more, &a), 200);
    hang_up(&p[1]);
    until_gone(s[1]);
    p[3] = open_stream(&l, &s[3]); /* its place is free again, though its writer still holds it */
    for (int i = 0; i < 4; i++) {
        http_stream_end(s[i]);
        hang_up(&p[i]);
    }
    hang_up(&more);
    live_stop(&l);
}

TEST(stopping_ends_streams_in_order)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct http_stream *s[3];
    struct peer p[3];
    char text[64];
    for (int i = 0; i < 3; i++) {
        p[i] = open_stream(&l, &s[i]);
        CHECK_INT(http_stream_write(s[i], SLICE("last words")), 0);
    }
    int64_t begun = clock_mono_us();
    http_server_stop(l.server);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(hear_chunk(&p[i], text, sizeof text), 10);
        CHECK_INT(hear_chunk(&p[i], text, sizeof text), 0);
        CHECK(ended(&p[i]));
        until_gone(s[i]);
        hang_up(&p[i]);
    }
    CHECK(elapsed_ms(begun) < 1500);
    live_join(&l);
    for (int i = 0; i < 3; i++) { /* a writer may come later than the server's end */
        CHECK_INT(http_stream_write(s[i], SLICE("x")), -1);
        http_stream_end(s[i]);
    }
}

TEST(a_client_that_does_not_read_cannot_keep_the_server_from_ending)
{
    struct live l;
    struct http_config c = live_config();
    c.header_ms = 5000;
    c.drain_ms = 300;
    live_start(&l, &c);
    struct http_stream *s;
    int most = capacity(&l);
    struct peer p = open_stream(&l, &s);
    CHECK_INT(fill(s, most - 6), most - 6); /* more than sockets hold, less than it takes to be cut off for it */
    CHECK(!http_stream_gone(s));
    int64_t begun = clock_mono_us();
    live_stop(&l);
    CHECK(elapsed_ms(begun) < 3000);
    http_stream_end(s);
    hang_up(&p);
}

TEST(a_request_behind_a_stream_waits_and_a_flood_of_them_ends_it)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[64];
    struct http_stream *s;
    struct peer p = dial(&l);
    say_str(&p, STREAM GET("/second")); /* read with the first one */
    CHECK_INT(hear(&p, &a), 200);
    s = live_stream_of(&l, 0);
    say_str(&p, GET("/third")); /* read while the stream is open, in two pieces */
    say_str(&p, "GET /four");
    usleep(100000);
    say_str(&p, "th HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(http_stream_write(s, SLICE("first")), 0);
    CHECK_INT(hear_chunk(&p, text, sizeof text), 5);
    usleep(50000);
    CHECK_INT(atomic_load(&l.calls), 1);
    http_stream_end(s);
    CHECK_INT(hear_chunk(&p, text, sizeof text), 0);
    static const char *const want[] = {"GET /second?|", "GET /third?|", "GET /fourth?|"};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, want[i]);
    }
    hang_up(&p);

    p = open_stream(&l, &s);
    say(&p, (struct slice){live_big, 32 * 1024});
    usleep(200000);
    CHECK(!http_stream_gone(s));
    say(&p, (struct slice){live_big, 1});
    CHECK(until_gone(s) < 1000);
    http_stream_end(s);
    hang_up(&p);
    live_stop(&l);
}

/* --- many threads, for ThreadSanitizer above all --- */

enum { WRITERS = 4, EACH = 8 };

struct writing {
    struct live *l;
    int first;
    atomic_int *open; /* streams still to be taken */
};

static void *write_streams(void *arg)
{
    struct writing *w = arg;
    for (int k = 0; k < EACH; k++) {
        struct http_stream *s = live_stream_of(w->l, w->first + k);
        for (int i = 0; i < 200 && http_stream_write(s, SLICE("0123456789abcdef0123456789abcdef")) == 0; i++)
            if (i % 50 == 49)
                usleep(1000);
        http_stream_end(s);
        atomic_fetch_sub(w->open, 1);
    }
    return NULL;
}

static void *read_stream(void *arg)
{
    struct peer *p = arg;
    static _Thread_local char text[HTTP_STREAM_BUFFER + 16];
    int all = 0;
    for (int n; (n = hear_chunk(p, text, sizeof text)) > 0;)
        if ((all += n) > 3000 && p->fd % 3 == 0)
            break; /* every third leaves early */
    hang_up(p);
    return NULL;
}

TEST(many_streams_are_written_read_and_left_at_once)
{
    struct live l;
    struct http_config c = live_config();
    c.loops = 3;
    live_start(&l, &c);
    atomic_int open = WRITERS * EACH;
    struct writing w[WRITERS];
    struct peer p[WRITERS * EACH];
    pthread_t writer[WRITERS], reader[WRITERS * EACH];
    for (int i = 0; i < WRITERS * EACH; i++) {
        struct answer a;
        p[i] = dial(&l);
        say_str(&p[i], STREAM);
        CHECK_INT(hear(&p[i], &a), 200);
        pthread_create(&reader[i], NULL, read_stream, &p[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct writing){&l, i * EACH, &open};
        pthread_create(&writer[i], NULL, write_streams, &w[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writer[i], NULL);
    for (int i = 0; i < WRITERS * EACH; i++)
        pthread_join(reader[i], NULL);
    CHECK_INT(atomic_load(&open), 0);
    live_stop(&l);
}

TEST(writers_and_the_end_of_the_server_may_meet)
{
    for (int round = 0; round < 5; round++) {
        struct live l;
        struct http_config c = live_config();
        live_start(&l, &c);
        atomic_int open = EACH;
        struct writing w = {&l, 0, &open};
        struct peer p[EACH];
        struct http_stream *s;
        pthread_t writer;
        for (int i = 0; i < EACH; i++)
            p[i] = open_stream(&l, &s);
        pthread_create(&writer, NULL, write_streams, &w);
        usleep(2000 * (useconds_t)round);
        live_stop(&l);
        pthread_join(writer, NULL);
        for (int i = 0; i < EACH; i++)
            hang_up(&p[i]);
    }
}

/* --- who is asking, and what is said of refusals --- */

TEST(the_handler_is_told_who_asks)
{
    static const struct {
        enum http_tls tls;
        const char *fields, *peer;
    } row[] = {
        {HTTP_TLS_OFF, "", "127.0.0.1"},
        {HTTP_TLS_OFF, "X-Forwarded-For: 203.0.113.7\r\n", "127.0.0.1"}, /* anybody can say so */
        {HTTP_TLS_PROXY, "", "127.0.0.1"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 10.0.0.1, 198.51.100.2 ,203.0.113.7\r\n", "203.0.113.7"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 10.0.0.1\r\nA: b\r\nx-forwarded-for: 203.0.113.8\r\n", "203.0.113.8"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 2001:DB8:0::1\r\n", "2001:db8::1"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 203.0.113.7, unknown\r\n", "127.0.0.1"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 203.0.113.7,\r\n", "127.0.0.1"},
        {HTTP_TLS_PROXY, "X-Forwarded-For: 203.0.113.700\r\n", "127.0.0.1"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct live l;
        struct answer a;
        struct http_config c = live_config();
        c.tls = row[i].tls;
        live_start(&l, &c);
        struct peer p = dial(&l);
        say_str(&p, "GET /peer HTTP/1.1\r\nHost: a\r\n");
        say_str(&p, row[i].fields);
        say_str(&p, "\r\n");
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, row[i].peer);
        hang_up(&p);
        live_stop(&l);
    }
}

/* What is written to standard error while the server answers `request`. */
static void refused(struct live *l, const char *request, struct answer *a, char *log, size_t size)
{
    FILE *f = tmpfile();
    int saved = dup(2);
    dup2(fileno(f), 2);
    struct peer p = dial(l);
    say_str(&p, request);
    hear(&p, a);
    hang_up(&p);
    dup2(saved, 2);
    close(saved);
    rewind(f);
    log[fread(log, 1, size - 1, f)] = 0;
    fclose(f);
}

TEST(a_refusal_below_the_handler_is_logged_under_the_id_it_answers_with)
{
    static const struct {
        const char *request, *status;
    } row[] = {
        {"GET /canary\r\n\r\n", "400"},
        {"POST /canary HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "413"},
        {"GET /canary HTTP/1.1\r\nHost: a\r\ncanary", "408"},
        {"GET /canary HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
        {"GET /canary HTTP/1.1\r\nHost: a\r\n\r\n", "503"},
    };
    struct live l;
    struct http_config c = live_config();
    c.in_flight_max = 1;
    live_start(&l, &c);
    struct answer a;
    struct peer busy = dial(&l);
    say_str(&busy, GET("/wait"));
    wait_until(&l.waiting, 1);
    for (size_t i = 0; i < COUNT(row); i++) {
        char log[4096], id[64], want[128];
        refused(&l, row[i].request, &a, log, sizeof log);
        CHECK_INT(strlen(answer_field(&a, "X-Request-ID", id, sizeof id)), 36);
        snprintf(want, sizeof want, "\"request\":\"%s\",\"status\":\"%s\"", id, row[i].status);
        if (!strstr(log, want) || strstr(log, "canary") || !strstr(log, "\"reason\":\""))
            fail_msg("%s: %s", row[i].status, log);
    }
    sem_post(&l.gate);
    CHECK_INT(hear(&busy, &a), 200);
    hang_up(&busy);
    live_stop(&l);
}

RUN(T(what_is_written_comes_at_once_in_chunks_and_the_connection_goes_on),
    T(what_is_written_before_the_head_went_out_follows_it), T(to_http_1_0_a_stream_is_ended_by_closing),
    T(head_and_refusals_have_no_stream), T(a_client_that_leaves_or_closes_its_side_is_noticed),
    T(a_client_that_never_reads_is_cut_off_and_delays_nobody),
    T(a_client_that_stops_reading_is_cut_off_in_time_and_one_that_reads_slowly_is_not), T(a_quiet_stream_stays_open),
    T(streams_are_limited_and_hold_neither_handlers_nor_places_in_flight), T(stopping_ends_streams_in_order),
    T(a_client_that_does_not_read_cannot_keep_the_server_from_ending),
    T(a_request_behind_a_stream_waits_and_a_flood_of_them_ends_it), T(many_streams_are_written_read_and_left_at_once),
    T(writers_and_the_end_of_the_server_may_meet), T(the_handler_is_told_who_asks),
    T(a_refusal_below_the_handler_is_logged_under_the_id_it_answers_with))
