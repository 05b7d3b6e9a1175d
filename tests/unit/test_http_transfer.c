#include "http_live.h"

#define GET(target)  "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(target) "POST " target " HTTP/1.1\r\nHost: a\r\n"

/* The connection answers the next request. */
static void goes_on(const struct peer *p)
{
    struct answer a;
    say_str(p, GET("/next"));
    CHECK_INT(hear(p, &a), 200);
    CHECK_STR(a.body, "GET /next?|");
}

TEST(a_body_comes_to_the_handler_whole_however_it_is_sent)
{
    static const uint64_t size[] = {0, 1, 4999, 5000, 32768, 70001, 3000000, SINK_MAX};
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct peer p = dial(&l);
    for (size_t i = 0; i < COUNT(size); i++)
        for (int chunked = 0; chunked < 2; chunked++) {
            struct answer a;
            char said[64];
            say_str(&p, i % 2 ? POST("/sink?777") : POST("/sink"));
            send_body(&p, size[i], chunked, said, sizeof said);
            CHECK_INT(hear(&p, &a), 200);
            CHECK_STR(a.body, said);
            goes_on(&p);
        }
    hang_up(&p);
    live_stop(&l);
}

TEST(a_body_is_the_same_wherever_it_is_cut)
{
    static const char text[] = POST("/sink") "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: t\r\n\r\n";
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    char want[64];
    snprintf(want, sizeof want, "11 %llx", (unsigned long long)live_sum(0, "hello world", 11));
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct answer a;
        struct peer p = dial(&l);
        say(&p, (struct slice){text, cut});
        usleep(500);
        say(&p, (struct slice){text + cut, sizeof text - 1 - cut});
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, want);
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(a_client_that_waits_is_told_to_go_on_when_its_body_is_wanted_and_not_before)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char said[64];
    struct peer p = dial(&l);
    say_str(&p, POST("/sink?wait") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    wait_until(&l.waiting, 1);
    struct pollfd nothing = {.fd = p.fd, .events = POLLIN};
    CHECK_INT(poll(&nothing, 1, 50), 0);
    sem_post(&l.gate);
    CHECK_INT(hear(&p, &a), 100);
    say_str(&p, "abc");
    CHECK_INT(hear(&p, &a), 200);
    snprintf(said, sizeof said, "3 %llx", (unsigned long long)live_sum(0, "abc", 3));
    CHECK_STR(a.body, said);
    say_str(&p, POST("/sink?no") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK_INT(hear(&p, &a), 415);
    CHECK_STR(answer_field(&a, "Connection", said, sizeof said), "close");
    CHECK(ended(&p));
    hang_up(&p);
    live_stop(&l);
}

TEST(what_was_not_read_costs_the_connection_but_not_the_answer)
{
    static char body[900000];
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l);
    say_str(&p, POST("/sink?no") "Content-Length: 900000\r\n\r\n");
    say(&p, (struct slice){body, sizeof body});
    CHECK_INT(hear(&p, &a), 415);
    CHECK(ended(&p));
    hang_up(&p);
    p = dial(&l); /* a request behind the body: nobody knows any more where it begins */
    say_str(&p, POST("/sink") "Content-Length: 3\r\n\r\nabc" GET("/next"));
    CHECK_INT(hear(&p, &a), 200);
    CHECK(ended(&p));
    hang_up(&p);
    live_stop(&l);
}

TEST(a_body_over_the_limit_is_refused)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char head[160];
    struct peer p = dial(&l);
    snprintf(head, sizeof head, POST("/sink") "Content-Length: %d\r\n\r\n", SINK_MAX + 1);
    say_str(&p, head);
    CHECK_INT(hear(&p, &a), 413);
    CHECK_INT(atomic_load(&l.calls), 0);
    hang_up(&p);
    p = dial(&l);
    snprintf(head, sizeof head, POST("/sink") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n%x\r\n", SINK_MAX - 2);
    say_str(&p, head);
    CHECK_INT(hear(&p, &a), 413);
    CHECK(strncmp(a.body, "3 ", 2) == 0);
    hang_up(&p);
    p = dial(&l); /* elsewhere the limit is another one */
    snprintf(head, sizeof head, POST("/other") "Content-Length: %zu\r\n\r\n", c.body_max + 1);
    say_str(&p, head);
    CHECK_INT(hear(&p, &a), 413);
    hang_up(&p);
    live_stop(&l);
}

TEST(a_body_that_breaks_off_or_stalls_or_is_malformed_is_an_error_for_the_handler)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    int64_t begun = clock_mono_us();
    struct peer p = dial(&l); /* stalls */
    say_str(&p, POST("/sink") "Content-Length: 10\r\n\r\nabc");
    CHECK_INT(hear(&p, &a), 408);
    CHECK(strncmp(a.body, "3 ", 2) == 0);
    CHECK(elapsed_ms(begun) >= c.header_ms - 50 && elapsed_ms(begun) < 5 * c.header_ms);
    CHECK(ended(&p));
    hang_up(&p);
    p = dial(&l);
    say_str(&p, POST("/sink") "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n");
    CHECK_INT(hear(&p, &a), 408);
    hang_up(&p);
    int before = atomic_load(&l.ended);
    p = dial(&l); /* hangs up */
    say_str(&p, POST("/sink") "Content-Length: 10\r\n\r\nabc");
    usleep(50000);
    hang_up(&p);
    wait_until(&l.ended, before + 1);
    p = dial(&l); /* drips: below the rate, though some always comes */
    begun = clock_mono_us();
    say_str(&p, POST("/sink") "Content-Length: 100000\r\n\r\n");
    for (int i = 0; i < 100 && atomic_load(&l.ended) == before + 1; i++) {
        say_str(&p, "x");
        usleep(50000);
    }
    wait_until(&l.ended, before + 2);
    CHECK(elapsed_ms(begun) < 5 * c.header_ms);
    hang_up(&p);
    live_stop(&l);
}

TEST(an_answer_of_any_length_comes_whole_and_the_connection_goes_on)
{
    static const uint64_t size[] = {0, 1, 99999, 100000, 100001, 60000000};
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct peer p = dial(&l);
    for (size_t i = 0; i < COUNT(size); i++) {
        struct answer a;
        char target[96], text[64], want[32];
        snprintf(want, sizeof want, "%llu", (unsigned long long)size[i]);
        snprintf(target, sizeof target, "GET /source?%s HTTP/1.1\r\nHost: a\r\n\r\n", want);
        say_str(&p, target);
        say_str(&p, i % 2 ? GET("/next") : ""); /* before its end, too */
        CHECK_INT(hear_source(&p, &a), size[i]);
        CHECK_STR(answer_field(&a, "Content-Type", text, sizeof text), "application/pdf");
        CHECK_STR(answer_field(&a, "X-Content-Type-Options", text, sizeof text), "nosniff");
        CHECK_STR(answer_field(&a, "Cache-Control", text, sizeof text), "no-store");
        if (i % 2)
            CHECK_INT(hear(&p, &a), 200);
        snprintf(target, sizeof target, "HEAD /source?%s HTTP/1.1\r\nHost: a\r\n\r\n", want);
        say_str(&p, target);
        CHECK_INT(hear_method(&p, &a, true), 200);
        CHECK_STR(answer_field(&a, "Content-Length", text, sizeof text), want);
        goes_on(&p);
    }
    hang_up(&p);
    live_stop(&l);
}

TEST(an_answer_that_is_not_whole_ends_the_connection)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    int64_t before = metric_value[METRIC_TRANSFERS_CUT];
    struct peer p = dial(&l);
    say_str(&p, GET("/source?-100"));
    CHECK_INT(hear_source(&p, &a), 99);
    CHECK(ended(&p));
    hang_up(&p);
    CHECK_INT(metric_value[METRIC_TRANSFERS_CUT], before + 1);
    live_stop(&l);
}

TEST(a_client_that_does_not_read_is_cut_off)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    int64_t begun = clock_mono_us();
    struct peer p = dial(&l);
    say_str(&p, GET("/source?1000000000"));
    wait_until(&l.ended, 1);
    CHECK(elapsed_ms(begun) >= c.header_ms - 50 && elapsed_ms(begun) < 8 * c.header_ms);
    hang_up(&p);
    live_stop(&l);
}

TEST(only_so_many_transfers_hold_handlers)
{
    struct live l;
    struct http_config c = live_config();
    c.transfers_max = 2;
    live_start(&l, &c);
    struct peer one = dial(&l), two = dial(&l), p = dial(&l);
    struct answer a;
    say_str(&one, POST("/sink?hold") "Content-Length: 2\r\n\r\n11");
    say_str(&two, POST("/sink?hold") "Content-Length: 2\r\n\r\n22");
    wait_until(&l.waiting, 2);
    say_str(&p, GET("/source?10"));
    CHECK_INT(hear(&p, &a), 503);
    goes_on(&p);
    say_str(&p, POST("/sink?no") "Content-Length: 1\r\n\r\n3"); /* who is refused needs no place */
    CHECK_INT(hear(&p, &a), 415);
    hang_up(&p);
    p = dial(&l);
    say_str(&p, POST("/sink") "Content-Length: 1\r\n\r\n3");
    CHECK_INT(hear(&p, &a), 503);
    sem_post(&l.gate);
    sem_post(&l.gate);
    CHECK_INT(hear(&one, &a), 200);
    CHECK_INT(hear(&two, &a), 200);
    hang_up(&p);
    p = dial(&l);
    say_str(&p, GET("/source?10")); /* their places are free */
    CHECK_INT(hear_source(&p, &a), 10);
    hang_up(&one), hang_up(&two), hang_up(&p);
    live_stop(&l);
}

TEST(the_drain_ends_transfers_that_do_not)
{
    struct live l;
    struct http_config c = live_config();
    c.header_ms = 60000;
    c.drain_ms = 300;
    live_start(&l, &c);
    struct peer up = dial(&l), down = dial(&l);
    say_str(&up, POST("/sink") "Content-Length: 10\r\n\r\nabc");
    say_str(&down, GET("/source?1000000000"));
    usleep(100000);
    int64_t begun = clock_mono_us();
    live_stop(&l);
    CHECK(elapsed_ms(begun) < 5000);
    hang_up(&up), hang_up(&down);
}

TEST(a_transfer_that_is_nearly_through_ends_in_order_when_the_server_drains)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    char text[32];
    struct peer up = dial(&l);
    say_str(&up, POST("/sink?wait") "Content-Length: 4\r\n\r\nabc");
    wait_until(&l.waiting, 1);
    http_server_stop(l.server);
    sem_post(&l.gate);
    usleep(50000);
    say_str(&up, "d");
    CHECK_INT(hear(&up, &a), 200);
    CHECK_STR(answer_field(&a, "Connection", text, sizeof text), "close");
    hang_up(&up);
    live_join(&l);
}

RUN(T(a_body_comes_to_the_handler_whole_however_it_is_sent), T(a_body_is_the_same_wherever_it_is_cut),
    T(a_client_that_waits_is_told_to_go_on_when_its_body_is_wanted_and_not_before),
    T(what_was_not_read_costs_the_connection_but_not_the_answer), T(a_body_over_the_limit_is_refused),
    T(a_body_that_breaks_off_or_stalls_or_is_malformed_is_an_error_for_the_handler),
    T(an_answer_of_any_length_comes_whole_and_the_connection_goes_on), T(an_answer_that_is_not_whole_ends_the_connection),
    T(a_client_that_does_not_read_is_cut_off), T(only_so_many_transfers_hold_handlers), T(the_drain_ends_transfers_that_do_not),
    T(a_transfer_that_is_nearly_through_ends_in_order_when_the_server_drains))
