#include "http_live.h"

#include <fcntl.h>

#include "base/fault.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "http_cases.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(every_request_is_judged_as_the_rfc_says_over_a_socket)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    for (size_t i = 0; i < COUNT(http_case); i++) {
        const struct http_case *row = &http_case[i];
        struct answer a;
        struct peer p = dial(&l);
        int before = atomic_load(&l.calls);
        say(&p, row->bytes);
        int status = hear(&p, &a);
        if (status != row->status)
            fail_msg("%s: %d instead of %d: %s", row->what, status, row->status, a.body);
        if (status == 200) {
            CHECK_STR(a.body, row->seen);
        } else {
            CHECK_INT(atomic_load(&l.calls), before);
            CHECK(strncmp(a.body, "{\"detail\":\"", 11) == 0);
            if (!ended(&p))
                fail_msg("%s: the connection stays open", row->what);
        }
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(every_answer_carries_the_security_headers)
{
    static const struct {
        const char *request;
        int status;
    } row[] = {{GET("/"), 200},
               {GET("/status?404"), 404},
               {GET("/nothing"), 500},
               {GET("/status?204"), 204},
               {"GET\r\n\r\n", 400}};
    static const struct {
        const char *name, *value;
    } field[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Frame-Options", "DENY"},
        {"Cache-Control", "no-store"},
        {"Strict-Transport-Security", ""},
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
        {"Server", ""},
    };
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[128];
    for (size_t i = 0; i < COUNT(row); i++) {
        struct peer p = dial(&l);
        say_str(&p, row[i].request);
        CHECK_INT(hear(&p, &a), row[i].status);
        for (size_t k = 0; k < COUNT(field); k++)
            CHECK_STR(answer_field(&a, field[k].name, text, sizeof text), field[k].value);
        CHECK_INT(strlen(answer_field(&a, "Date", text, sizeof text)), 29);
        hang_up(&p);
    }
    struct peer p = dial(&l);
    say_str(&p, GET("/own"));
    CHECK_INT(hear(&p, &a), 200);
    CHECK_STR(answer_field(&a, "Cache-Control", text, sizeof text), "max-age=60");
    CHECK_STR(answer_field(&a, "Content-Security-Policy", text, sizeof text), "default-src 'self'");
    CHECK_STR(answer_field(&a, "Injected", text, sizeof text), "");
    char *length = strstr(a.head, "Content-Length:");
    CHECK(length && !strstr(length + 1, "Content-Length:"));
    CHECK_STR(a.body, "GET /own?|");
    hang_up(&p);
    live_stop(&l);
}

TEST(answers_without_a_body_have_none)
{
    static const struct {
        const char *request, *length;
        int status;
        bool head;
    } row[] = {
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "8", 200, true},
        {GET("/status?204"), "", 204, false},
        {GET("/status?304"), "", 304, false},
        {GET("/status?999"), "87", 500, false},
        {GET("/status?100"), "87", 500, false},
        {GET("/many-fields"), "87", 500, false},
    };
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct peer p = dial(&l);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct answer a;
        char text[32];
        say_str(&p, row[i].request);
        CHECK_INT(hear_method(&p, &a, row[i].head), row[i].status);
        CHECK_STR(answer_field(&a, "Content-Length", text, sizeof text), row[i].length);
    }
    hang_up(&p);
    live_stop(&l);
}

TEST(pipelined_requests_are_answered_in_order)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    OWN_ARENA struct arena *arena = arena_new(1 << 20);
    struct buf b = buf_in(arena, 1 << 20);
    enum { REQUESTS = 2000 }; /* several reads: while one is in work the socket must wait, and go on afterwards */
    for (int i = 0; i < REQUESTS; i++)
        if (i % 3)
            buf_printf(&b, "GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        else
            buf_printf(&b, "POST /?%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                       i);
    struct peer p = dial(&l);
    say(&p, buf_text(&b));
    for (int i = 0; i < REQUESTS; i++) {
        struct answer a;
        char want[32];
        snprintf(want, sizeof want, i % 3 ? "GET /?%d|" : "POST /?%d|abc", i);
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, want);
    }
    hang_up(&p);
    live_stop(&l);
}

TEST(connections_are_kept_or_closed_as_asked)
{
    static const struct {
        const char *request, *connection;
        bool kept;
    } row[] = {
        {GET("/"), "", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close", false},
        {"GET / HTTP/1.0\r\n\r\n", "close", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", true},
    };
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct answer a;
        char text[32];
        struct peer p = dial(&l);
        say_str(&p, row[i].request);
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(answer_field(&a, "Connection", text, sizeof text), row[i].connection);
        if (row[i].kept) {
            say_str(&p, GET("/again"));
            CHECK_INT(hear(&p, &a), 200);
        } else {
            CHECK(ended(&p));
        }
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(a_client_that_closes_its_side_still_gets_its_answer)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l);
    say_str(&p, GET("/wait"));
    shutdown(p.fd, SHUT_WR);
    wait_until(&l.waiting, 1);
    sem_post(&l.gate);
    CHECK_INT(hear(&p, &a), 200);
    CHECK(ended(&p));
    hang_up(&p);
    live_stop(&l);
}

/* Says `piece` every 50 ms until it is answered; the status, and how long it took. */
static int trickle(struct live *l, const char *start, const char *piece, int *ms)
{
    struct answer a;
    struct peer p = dial(l);
    int64_t begun = clock_mono_us();
    struct pollfd wait = {.fd = p.fd, .events = POLLIN};
    say_str(&p, start);
    while (poll(&wait, 1, 50) == 0 && elapsed_ms(begun) < PATIENCE_S * 1000)
        say_str(&p, piece);
    *ms = elapsed_ms(begun);
    int status = hear(&p, &a);
    hang_up(&p);
    return status;
}

TEST(slow_senders_are_told_and_cut_off)
{
    static const struct {
        const char *what, *start, *piece;
    } row[] = {
        {"header byte by byte", "GET / HTTP/1.1\r\nHost: a\r\n", "X"},
        {"header line by line", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n"},
        {"body byte by byte", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "x"},
        {"body in chunks of a byte", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
    };
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    for (size_t i = 0; i < COUNT(row); i++) {
        int ms, status = trickle(&l, row[i].start, row[i].piece, &ms);
        if (status != 408 || ms < 500 || ms > 3000)
            fail_msg("%s: %d after %d ms", row[i].what, status, ms);
    }
    CHECK_INT(atomic_load(&l.calls), 0);
    live_stop(&l);
}

TEST(a_burst_does_not_pay_for_a_long_silence)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    static char half[400000];
    struct answer a;
    struct peer p = dial(&l);
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 800000\r\n\r\n");
    memset(half, 'x', sizeof half);
    say(&p, (struct slice){half, sizeof half});
    int64_t begun = clock_mono_us();
    CHECK_INT(hear(&p, &a), 408);
    CHECK(elapsed_ms(begun) < 3000);
    hang_up(&p);
    live_stop(&l);
}

TEST(a_body_at_the_least_rate_is_read)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l);
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
    char part[150];
    memset(part, 'x', sizeof part);
    for (int i = 0; i < 20; i++) {
        usleep(80000);
        say(&p, (struct slice){part, sizeof part});
    }
    CHECK_INT(hear(&p, &a), 200);
    hang_up(&p);
    live_stop(&l);
}

TEST(silent_connections_are_closed_without_a_word)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    int64_t begun = clock_mono_us();
    struct peer fresh = dial(&l), used = dial(&l);
    say_str(&used, GET("/"));
    CHECK_INT(hear(&used, &a), 200);
    CHECK(ended(&fresh));
    CHECK(elapsed_ms(begun) >= 500);
    CHECK(ended(&used));
    CHECK(elapsed_ms(begun) >= 800 && elapsed_ms(begun) < 4000);
    hang_up(&fresh);
    hang_up(&used);
    live_stop(&l);
}

TEST(a_client_that_does_not_read_is_cut_off_and_one_that_reads_slowly_is_not)
{
    struct live l;
    struct http_config c = live_config();
    c.body_rate = 1000000;
    live_start(&l, &c);
    struct peer deaf = dial(&l), slow = dial(&l);
    say_str(&deaf, GET("/big"));
    say_str(&slow, GET("/big"));
    static char piece[256 * 1024];
    size_t got = 0;
    for (ssize_t n; (n = recv(slow.fd, piece, sizeof piece, 0)) > 0; got += (size_t)n) /* about 4 MB/s, for 6 s */
        usleep(60000);
    CHECK(got > BIG);
    got = 0;
    for (ssize_t n; (n = recv(deaf.fd, piece, sizeof piece, 0)) > 0;)
        got += (size_t)n;
    CHECK(got < BIG);
    hang_up(&deaf);
    hang_up(&slow);
    live_stop(&l);
}

TEST(limits_hold_to_the_byte_over_a_socket)
{
    struct live l;
    struct http_config c = live_config();
    c.header_max = 600;
    c.body_max = 1000;
    live_start(&l, &c);
    static const struct {
        int header, body, status;
    } row[] = {{600, 1000, 200}, {601, 1000, 431}, {600, 1001, 413}};
    for (size_t i = 0; i < COUNT(row); i++) {
        char text[4096];
        struct answer a;
        int n = snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nFill: ", row[i].body);
        for (; n + 4 < row[i].header; n++)
            text[n] = 'f';
        n += snprintf(text + n, 8, "\r\n\r\n");
        memset(text + n, 'b', (size_t)row[i].body);
        struct peer p = dial(&l);
        say(&p, (struct slice){text, (size_t)(n + row[i].body)});
        CHECK_INT(hear(&p, &a), row[i].status);
        hang_up(&p);
    }
    live_stop(&l);
}

/* Closing with bytes unread, or still coming, would answer them with a reset, which may overtake the answer. */
TEST(a_client_that_is_still_sending_gets_the_refusal_and_no_reset)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l);
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n");
    say(&p, (struct slice){live_big, 100000});
    CHECK_INT(hear(&p, &a), 413);
    CHECK(ended(&p));
    for (int i = 0; i < 5; i++) {
        usleep(20000);
        CHECK_INT(send(p.fd, live_big, 1000, MSG_NOSIGNAL), 1000);
    }
    hang_up(&p);

    p = dial(&l);
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n");
    say(&p, (struct slice){live_big, 16 << 20}); /* all of it, before it looks for an answer */
    CHECK_INT(hear(&p, &a), 413);
    hang_up(&p);
    live_stop(&l);
}

TEST(a_100_is_sent_only_when_the_body_will_be_read)
{
    static const struct {
        const char *fields, *body;
        int first, second;
    } row[] = {
        {"Content-Length: 3\r\nExpect: 100-continue\r\n", "abc", 100, 200},
        {"Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n", "3\r\nabc\r\n0\r\n\r\n", 100, 200},
        {"Content-Length: 9999999\r\nExpect: 100-continue\r\n", "", 413, 0},
        {"Content-Length: 3\r\nExpect: something\r\n", "", 417, 0},
        {"Content-Length: 0\r\nExpect: 100-continue\r\n", "", 200, 0},
    };
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct answer a;
        struct peer p = dial(&l);
        say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\n");
        say_str(&p, row[i].fields);
        say_str(&p, "\r\n");
        CHECK_INT(hear(&p, &a), row[i].first);
        if (row[i].second) {
            say_str(&p, row[i].body);
            CHECK_INT(hear(&p, &a), row[i].second);
            CHECK_STR(a.body, "POST /?|abc");
        }
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(above_the_cap_requests_are_shed_and_the_connection_is_kept)
{
    struct live l;
    struct http_config c = live_config();
    c.in_flight_max = 2;
    live_start(&l, &c);
    struct answer a;
    char text[32];
    struct peer busy[2] = {dial(&l), dial(&l)}, third = dial(&l), expecting = dial(&l);
    say_str(&busy[0], GET("/wait"));
    say_str(&busy[1], GET("/wait"));
    wait_until(&l.waiting, 2);
    for (int i = 0; i < 3; i++) {
        say_str(&third, GET("/"));
        CHECK_INT(hear(&third, &a), 503);
        CHECK_STR(answer_field(&a, "Retry-After", text, sizeof text), "1");
    }
    say_str(&expecting, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK_INT(hear(&expecting, &a), 503);
    CHECK(ended(&expecting));
    sem_post(&l.gate);
    sem_post(&l.gate);
    CHECK_INT(hear(&busy[0], &a), 200);
    CHECK_INT(hear(&busy[1], &a), 200);
    say_str(&third, GET("/"));
    CHECK_INT(hear(&third, &a), 200);
    for (int i = 0; i < 2; i++)
        hang_up(&busy[i]);
    hang_up(&third);
    hang_up(&expecting);
    live_stop(&l);
}

/* A body that is being read holds its place, so that memory is bounded by the cap. */
TEST(bodies_being_read_are_in_flight)
{
    struct live l;
    struct http_config c = live_config();
    c.in_flight_max = 1;
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l), q = dial(&l);
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK_INT(hear(&p, &a), 100);
    say_str(&q, GET("/"));
    CHECK_INT(hear(&q, &a), 503);
    say_str(&p, "abc");
    CHECK_INT(hear(&p, &a), 200);
    hang_up(&p);
    hang_up(&q);
    live_stop(&l);
}

TEST(above_the_cap_connections_are_closed)
{
    struct live l;
    struct http_config c = live_config();
    c.connections_max = 2;
    live_start(&l, &c);
    struct answer a;
    struct peer p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = dial(&l);
        say_str(&p[i], GET("/"));
        if (i < 2)
            CHECK_INT(hear(&p[i], &a), 200);
        else
            CHECK(hear(&p[i], &a) <= 0);
    }
    for (int i = 0; i < 3; i++)
        hang_up(&p[i]);
    live_stop(&l);
}

TEST(stopping_finishes_what_is_in_work_and_nothing_else)
{
    struct live l;
    struct http_config c = live_config();
    c.idle_ms = c.header_ms = 60000;
    live_start(&l, &c);
    struct answer a;
    char text[32];
    struct peer busy = dial(&l), idle = dial(&l), fresh = dial(&l), half = dial(&l);
    say_str(&idle, GET("/"));
    CHECK_INT(hear(&idle, &a), 200);
    say_str(&busy, GET("/wait"));
    wait_until(&l.waiting, 1);
    say_str(&half, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    usleep(100000);
    int64_t begun = clock_mono_us();
    http_server_stop(l.server);
    CHECK(ended(&idle));
    CHECK(ended(&fresh));
    CHECK(elapsed_ms(begun) < 1500);
    CHECK_INT(dial(&l).fd, -1);
    say_str(&half, "bc");
    CHECK_INT(hear(&half, &a), 200);
    CHECK_STR(answer_field(&a, "Connection", text, sizeof text), "close");
    sem_post(&l.gate);
    CHECK_INT(hear(&busy, &a), 200);
    CHECK_STR(answer_field(&a, "Connection", text, sizeof text), "close");
    hang_up(&busy);
    hang_up(&half);
    live_join(&l);
    CHECK(elapsed_ms(begun) < 5000);
    hang_up(&idle);
    hang_up(&fresh);
}

TEST(the_drain_ends_though_clients_do_not)
{
    struct live l;
    struct http_config c = live_config();
    c.idle_ms = c.header_ms = 60000;
    c.drain_ms = 500;
    live_start(&l, &c);
    struct answer a;
    struct peer half = dial(&l), deaf = dial(&l), seen = dial(&l);
    say_str(&half, "GET / HT");
    say_str(&deaf, GET("/big"));
    say_str(&seen, GET("/"));
    CHECK_INT(hear(&seen, &a), 200);
    usleep(100000);
    int64_t begun = clock_mono_us();
    live_stop(&l);
    CHECK(elapsed_ms(begun) >= 400 && elapsed_ms(begun) < 3000);
    hang_up(&half);
    hang_up(&deaf);
    hang_up(&seen);
}

TEST(stopping_before_running_ends_at_once)
{
    struct live l;
    struct http_config c = live_config();
    struct err e;
    CHECK_OK(http_server_open(&c, live_answer, &l, &l.server, &e));
    http_server_stop(l.server);
    CHECK_OK(http_server_run(l.server, &e));
    http_server_close(l.server);
}

TEST(addresses_are_checked)
{
    static const struct {
        const char *listen;
        enum http_tls tls;
        bool opens;
        const char *says;
    } row[] = {
        {"127.0.0.1:0", HTTP_TLS_OFF, true, NULL},
        {"127.1.2.3:0", HTTP_TLS_OFF, true, NULL},
        {"localhost:0", HTTP_TLS_OFF, true, NULL},
        {"0.0.0.0:0", HTTP_TLS_OFF, false, "TLS"},
        {"[::]:0", HTTP_TLS_OFF, false, "TLS"},
        {"192.0.2.1:0", HTTP_TLS_OFF, false, "TLS"},
        {"192.0.2.1:0", HTTP_TLS_PROXY, false, "has no address"},
        {"0.0.0.0:0", HTTP_TLS_PROXY, true, NULL},
        {"127.0.0.1", HTTP_TLS_OFF, false, "write"},
        {"127.0.0.1:99999", HTTP_TLS_OFF, false, "write"},
        {"127.0.0.1:-1", HTTP_TLS_OFF, false, "write"},
        {"example.org:80", HTTP_TLS_OFF, false, "write"},
        {":80", HTTP_TLS_OFF, false, "write"},
        {"[::1:80", HTTP_TLS_OFF, false, "write"},
        {"", HTTP_TLS_OFF, false, "write"},
        {"127.0.0.1:0", HTTP_TLS_ON, false, "certificate"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct http_server *s = NULL;
        struct err e = {0};
        struct http_config c = live_config();
        c.listen = row[i].listen;
        c.tls = row[i].tls;
        bool opened = http_server_open(&c, live_answer, NULL, &s, &e) == 0;
        if (opened != row[i].opens || (!opened && (e.code != ERR_CONFIG || !strstr(e.detail, row[i].says))))
            fail_msg("%s: %d %s", row[i].listen, opened, e.detail);
        http_server_close(s);
    }
}

TEST(a_taken_port_is_said_to_be_taken)
{
    struct http_server *first, *second;
    struct err e;
    struct http_config c = live_config();
    CHECK_OK(http_server_open(&c, live_answer, NULL, &first, &e));
    c.listen = http_server_address(first);
    CHECK_INT(http_server_open(&c, live_answer, NULL, &second, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK(strstr(e.detail, "by another program"));
    http_server_close(first);
}

TEST(the_proxy_says_whether_it_was_tls)
{
    static const struct {
        const char *field, *seen;
        enum http_tls tls;
    } row[] = {
        {"X-Forwarded-Proto: https\r\n", "yes", HTTP_TLS_PROXY},
        {"X-Forwarded-Proto: http\r\n", "no", HTTP_TLS_PROXY},
        {"X-Forwarded-Proto: https, http\r\n", "no", HTTP_TLS_PROXY},
        {"", "no", HTTP_TLS_PROXY},
        {"X-Forwarded-Proto: https\r\n", "no", HTTP_TLS_OFF},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct live l;
        struct answer a;
        char text[64];
        struct http_config c = live_config();
        c.tls = row[i].tls;
        live_start(&l, &c);
        struct peer p = dial(&l);
        say_str(&p, "GET /tls HTTP/1.1\r\nHost: a\r\n");
        say_str(&p, row[i].field);
        say_str(&p, "\r\n");
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, row[i].seen);
        CHECK_INT(answer_field(&a, "Strict-Transport-Security", text, sizeof text)[0] != 0,
                  strcmp(row[i].seen, "yes") == 0);
        hang_up(&p);
        live_stop(&l);
    }
}

TEST(requests_are_counted)
{
    struct live l;
    struct answer a;
    struct http_config c = live_config();
    int64_t all = metric_value[METRIC_REQUESTS], bad = metric_value[METRIC_REQUESTS_4XX],
            broken = metric_value[METRIC_REQUESTS_5XX], refused = metric_value[METRIC_HTTP_REFUSED];
    live_start(&l, &c);
    struct peer p = dial(&l);
    static const char *const request[] = {GET("/"), GET("/status?404"), GET("/nothing"), "GET\r\n"};
    for (size_t i = 0; i < COUNT(request); i++) {
        say_str(&p, request[i]);
        CHECK(hear(&p, &a) > 0);
    }
    hang_up(&p);
    live_stop(&l);
    CHECK_INT(metric_value[METRIC_REQUESTS] - all, 4);
    CHECK_INT(metric_value[METRIC_REQUESTS_4XX] - bad, 2);
    CHECK_INT(metric_value[METRIC_REQUESTS_5XX] - broken, 1);
    CHECK_INT(metric_value[METRIC_HTTP_REFUSED] - refused, 1);
}

#ifndef __SANITIZE_THREAD__ /* under which a search of all memory takes minutes */
enum { SECRET = 24, WINDOW = 1 << 20 };

/* How often the secret lies in this process's writable memory; it is given inverted, so as not to be found itself. */
static int found(const unsigned char inverted[SECRET])
{
    OWN_FILE FILE *maps = fopen("/proc/self/maps", "r");
    OWN_FD int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    static unsigned char window[WINDOW];
    unsigned long from, to;
    char line[512], mode[5];
    int n = 0;
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[1] != 'w' || to - from > 512ul << 20)
            continue; /* not the shadow memory of a sanitizer */
        for (unsigned long at = from; at < to; at += WINDOW - SECRET) {
            ssize_t got = pread(mem, window, at + WINDOW < to ? WINDOW : to - at, (off_t)at);
            for (ssize_t i = 0; i + SECRET <= got; i++) {
                int k = 0;
                while (k < SECRET && (window[i + k] ^ 0xff) == inverted[k])
                    k++;
                n += k == SECRET;
            }
            wipe(window, sizeof window);
        }
    }
    return n;
}

TEST(what_was_sent_is_nowhere_in_memory_when_it_is_answered)
{
    static const char head[] = "POST /tls HTTP/1.1\r\nHost: a\r\nContent-Length: 24\r\n\r\n";
    static unsigned char inverted[SECRET];
    static char sent[8192];
    struct live l;
    struct http_config c = live_config();
    c.idle_ms = 60000;
    live_start(&l, &c);
    rnd_bytes(inverted, sizeof inverted);
    size_t n = 0, answers = 0;
    for (int i = 0; i < 20; i++) {
        memcpy(sent + n, head, sizeof head - 1);
        n += sizeof head - 1;
        for (int k = 0; k < SECRET; k++)
            sent[n++] = (char)(inverted[k] ^ 0xff);
    }
    CHECK_INT(found(inverted), 20); /* the search finds what is there */
    struct peer p = dial(&l);
    say(&p, (struct slice){sent, n});
    wipe(sent, sizeof sent);
    while (answers < 20) {
        struct answer a;
        CHECK_INT(hear(&p, &a), 200);
        answers++;
    }
    usleep(50000); /* the last one's arena is freed after it was sent */
    CHECK_INT(found(inverted), 0);
    hang_up(&p);
    live_stop(&l);
}
#endif

#ifdef LAZARET_FAULTS
TEST(when_memory_is_out_a_request_fails_and_the_next_one_succeeds)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    int failed = 0;
    for (long n = 1; n < 12; n++) {
        struct answer a;
        struct peer p = dial(&l);
        fault_arm(FAULT_ALLOC, n, 0);
        say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        int status = hear(&p, &a);
        fault_arm(FAULT_ALLOC, 0, 0);
        CHECK(status == 200 || status == 500 || status == 503 || status == 0 || status == -1);
        failed += status != 200;
        hang_up(&p);
        p = dial(&l);
        say_str(&p, GET("/"));
        CHECK_INT(hear(&p, &a), 200);
        hang_up(&p);
    }
    CHECK(failed >= 4);
    live_stop(&l);
}
#endif

RUN(T(every_request_is_judged_as_the_rfc_says_over_a_socket), T(every_answer_carries_the_security_headers),
    T(answers_without_a_body_have_none), T(pipelined_requests_are_answered_in_order),
    T(connections_are_kept_or_closed_as_asked), T(a_client_that_closes_its_side_still_gets_its_answer),
    T(slow_senders_are_told_and_cut_off), T(a_burst_does_not_pay_for_a_long_silence),
    T(a_body_at_the_least_rate_is_read), T(silent_connections_are_closed_without_a_word),
    T(a_client_that_does_not_read_is_cut_off_and_one_that_reads_slowly_is_not),
    T(limits_hold_to_the_byte_over_a_socket), T(a_client_that_is_still_sending_gets_the_refusal_and_no_reset),
    T(a_100_is_sent_only_when_the_body_will_be_read), T(above_the_cap_requests_are_shed_and_the_connection_is_kept),
    T(bodies_being_read_are_in_flight), T(above_the_cap_connections_are_closed),
    T(stopping_finishes_what_is_in_work_and_nothing_else), T(the_drain_ends_though_clients_do_not),
    T(stopping_before_running_ends_at_once), T(addresses_are_checked), T(a_taken_port_is_said_to_be_taken),
    T(the_proxy_says_whether_it_was_tls), T(requests_are_counted),
#ifndef __SANITIZE_THREAD__
    T(what_was_sent_is_nowhere_in_memory_when_it_is_answered),
#endif
#ifdef LAZARET_FAULTS
    T(when_memory_is_out_a_request_fails_and_the_next_one_succeeds),
#endif
)
