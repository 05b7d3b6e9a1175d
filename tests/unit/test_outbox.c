/* Event rows: claimed ahead, disclosed and recorded together, given back, forgotten; and the thread that sends them,
 * against a receiver of the test's own. */
#include "shop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "deliver/deliver.h"
#include "deliver/outbox_int.h"

/* A job that has ended, and `n` events of it for an endpoint of its client, which wants the whole result or not. */
static void ended_events(struct shop *s, int n, bool full, const char *url, uint8_t endpoint[16])
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct err e;
    struct endpoint x;
    struct job_claim c;
    char sql[6000];
    struct audit_entry does = {.actor = "bot", .role = "client", .action = "create", .outcome = "permit"};
    CHECK_OK(endpoint_add(s->h.db, s->h.keyring, &s->caller, url, full, &does, a, &x, &e));
    memcpy(endpoint, x.id, 16);
    accepted(s, NULL);
    CHECK_INT(claim(s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s->jobs, &c, SLICE("{\"score\":1}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    job_claim_end(s->jobs, &c);
    size_t at = (size_t)snprintf(sql, sizeof sql,
                                 "INSERT INTO webhook_event (scope, id, endpoint, job, kind, next_at, created_at) SELECT "
                                 "o.scope, v.column1, o.endpoint, o.job, o.kind, 0, o.created_at FROM webhook_event o, (VALUES ");
    for (int i = 1; i < n; i++)
        at += (size_t)snprintf(sql + at, sizeof sql - at, "%s(x'%032x')", i > 1 ? "," : "", i);
    snprintf(sql + at, sizeof sql - at, ") v");
    if (n > 1)
        house_sql(&s->h, sql);
    CHECK_INT(count(s, "webhook_event"), n);
}

static int claims(struct shop *s, struct outlet *o, int outlets, int most, struct due *ret)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct claim c = {o, outlets, 4, most};
    int n = outbox_claim(s->h.db, s->h.scope, &c, a, ret, &e);
    if (n < 0)
        fail_msg("claim: %s", e.detail);
    return n;
}

static void give_all_back(struct shop *s, const struct due *due, int n)
{
    struct err e;
    CHECK_OK(outbox_record(s->h.db, s->h.scope, NULL, 0, due, n, &e));
}

TEST(ahead_is_claimed_for_who_takes_and_one_by_one_for_who_fails)
{
    static const struct {
        bool proven, failing;
        int flying, held, most, want;
    } row[] = {
        {false, false, 0, 0, 99, 4}, {false, false, 3, 0, 99, 1}, {false, false, 4, 0, 99, 0}, {true, false, 0, 0, 99, 64},
        {true, false, 4, 58, 99, 2}, {true, false, 0, 0, 10, 10}, {false, true, 0, 0, 99, 1},  {true, true, 0, 0, 99, 1},
        {false, true, 1, 0, 99, 0},
    };
    struct shop s;
    struct due due[100];
    struct outlet o = {0};
    shop_open(&s);
    ended_events(&s, 70, false, "https://ehr.example/a", o.id);
    for (size_t i = 0; i < COUNT(row); i++) {
        house_sql(&s.h, row[i].failing ? "UPDATE webhook_endpoint SET failing_since = 1"
                                       : "UPDATE webhook_endpoint SET failing_since = NULL");
        o.proven = row[i].proven;
        o.flying = row[i].flying;
        o.held = row[i].held;
        int n = claims(&s, &o, 1, row[i].most, due);
        if (n != row[i].want)
            fail_msg("row %zu: %d claimed, want %d", i, n, row[i].want);
        CHECK_INT(count(&s, "webhook_event WHERE claimed = 1"), n);
        CHECK_INT(n ? due[0].failing : row[i].failing, row[i].failing);
        give_all_back(&s, due, n);
    }
    shop_close(&s);
}

TEST(who_has_nothing_here_is_served_before_more_is_claimed_ahead)
{
    struct shop s;
    struct due due[8];
    struct outlet o = {.proven = true, .flying = 1};
    shop_open(&s);
    ended_events(&s, 20, false, "https://ehr.example/a", o.id);
    house_sql(&s.h, "UPDATE webhook_event SET endpoint = (SELECT id FROM webhook_endpoint WHERE kind = 'origin') WHERE id IN (SELECT "
                    "id FROM webhook_event ORDER BY id LIMIT 3)");
    CHECK_INT(claims(&s, &o, 1, 5, due), 5);
    for (int i = 0; i < 5; i++)
        CHECK_INT(memcmp(due[i].endpoint, o.id, 16) == 0, i >= 3);
    give_all_back(&s, due, 5);
    memcpy(o.id, due[0].endpoint, 16); /* the other way round */
    CHECK_INT(claims(&s, &o, 1, 5, due), 5);
    for (int i = 0; i < 5; i++)
        CHECK_INT(memcmp(due[i].endpoint, o.id, 16) == 0, i >= 4);
    shop_close(&s);
}

TEST(what_is_given_back_is_as_it_was_unless_somebody_else_has_it)
{
    struct shop s;
    struct due due[4];
    uint8_t endpoint[16];
    shop_open(&s);
    ended_events(&s, 3, false, "https://ehr.example/a", endpoint);
    CHECK_INT(claims(&s, NULL, 0, 99, due), 3);
    CHECK_INT(claims(&s, NULL, 0, 99, due + 3), 0); /* claimed once */
    CHECK_INT(due[0].state, JOB_COMPLETED);
    CHECK_STR(due[0].trace, "0af7651916cd43dd8448eb211c80319c");
    house_sql(&s.h, "UPDATE webhook_event SET next_at = NULL WHERE id = (SELECT id FROM webhook_event ORDER BY id LIMIT 1)"); /* erased */
    house_sql(&s.h, "UPDATE webhook_event SET next_at = next_at + 1 WHERE id = (SELECT id FROM webhook_event ORDER BY id DESC LIMIT 1)");
    give_all_back(&s, due, 3);
    CHECK_INT(count(&s, "webhook_event WHERE claimed = 0 AND next_at = 0"), 1);
    CHECK_INT(count(&s, "webhook_event WHERE claimed = 1 AND next_at IS NULL"), 1);
    CHECK_INT(count(&s, "webhook_event WHERE claimed = 1 AND next_at > 0"), 1);
    shop_close(&s);
}

/* Of three: one is dropped while it is tried, one claimed by somebody else, one neither. */
TEST(what_became_of_an_attempt_is_written_only_while_its_claim_holds)
{
    static const struct {
        enum reason reason;
        const char *sql; /* how many of them are so */
        int n;
    } row[] = {{REASON_TIMEOUT, "webhook_event WHERE next_at IS NULL AND attempts = 0", 1},
               {REASON_TIMEOUT, "webhook_event WHERE claimed = 1 AND next_at > 0 AND attempts = 0", 1},
               {REASON_TIMEOUT, "webhook_event WHERE claimed = 0 AND next_at > 0 AND attempts = 1", 1},
               {REASON_TAKEN, "webhook_event WHERE delivered_at IS NOT NULL", 1},
               {REASON_TAKEN, "webhook_event WHERE claimed = 1 AND next_at > 0 AND attempts = 0", 1}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct shop s;
        struct due due[4];
        struct outcome x[3];
        uint8_t endpoint[16];
        struct err e;
        shop_open(&s);
        ended_events(&s, 3, false, "https://ehr.example/a", endpoint);
        CHECK_INT(claims(&s, NULL, 0, 99, due), 3);
        for (int k = 0; k < 3; k++) {
            x[k] = (struct outcome){.until = due[k].until, .reason = row[i].reason, .at = clock_now_us() + k};
            memcpy(x[k].event, due[k].event, 16);
            memcpy(x[k].endpoint, due[k].endpoint, 16);
        }
        house_sql(&s.h, "UPDATE webhook_event SET next_at = NULL WHERE id = (SELECT id FROM webhook_event ORDER BY id LIMIT 1)");
        house_sql(&s.h, "UPDATE webhook_event SET next_at = next_at + 1 WHERE id = "
                        "(SELECT id FROM webhook_event ORDER BY id DESC LIMIT 1)");
        CHECK_OK(outbox_record(s.h.db, s.h.scope, x, 3, NULL, 0, &e));
        if (count(&s, row[i].sql) != row[i].n)
            fail_msg("row %zu: %d", i, (int)count(&s, row[i].sql));
        CHECK_INT(count(&s, "webhook_attempt"), 3);
        CHECK_OK(outbox_release(s.h.db, s.h.scope, &e));
        CHECK_INT(count(&s, "webhook_event WHERE next_at IS NULL AND delivered_at IS NULL"), 1); /* dropped for good */
        shop_close(&s);
    }
}

/* The log takes two more entries and no third. */
static void log_holds_two_more(struct shop *s)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             house_shared() ? "CREATE FUNCTION third() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT count(*) "
                              "FROM audit_pending) >= 2 THEN RAISE EXCEPTION 'full'; END IF; RETURN NEW; END $$; CREATE "
                              "TRIGGER third BEFORE INSERT ON audit_pending FOR EACH ROW EXECUTE FUNCTION third();"
                            : "CREATE TRIGGER third BEFORE INSERT ON audit WHEN (SELECT count(*) FROM audit) >= %d BEGIN "
                              "SELECT RAISE(ABORT, 'full'); END;",
             house_shared() ? 0 : (int)count(s, "audit") + 2);
    house_sql(&s->h, sql);
}

TEST(several_results_are_disclosed_in_one_transaction_or_not_at_all)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    static const struct audit_entry reads = {.actor = "deliver", .role = "worker", .action = "read", .outcome = "permit"};
    struct shop s;
    struct due due[3];
    struct job_look look[3] = {0};
    uint8_t endpoint[16];
    struct err e;
    shop_open(&s);
    ended_events(&s, 3, true, "https://ehr.example/a", endpoint);
    CHECK_INT(claims(&s, NULL, 0, 99, due), 3);
    for (int i = 0; i < 3; i++)
        look[i] = (struct job_look){.id = due[i].job, .arena = a};
    int64_t before = count(&s, "audit");
    CHECK_OK(job_read_many(s.jobs, look, 3, &reads, &e));
    CHECK_INT(count(&s, "audit"), before + 3);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(look[i].found, 1);
        CHECK_SLICE(look[i].view.result, "{\"score\":1}");
    }
    log_holds_two_more(&s);
    CHECK_INT(job_read_many(s.jobs, look, 3, &reads, &e), -1);
    CHECK_INT(count(&s, "audit"), before + 3);
    shop_close(&s);
}

TEST(an_absent_job_and_an_erased_one_disclose_nothing)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    static const struct audit_entry reads = {.actor = "deliver", .role = "worker", .action = "read", .outcome = "permit"};
    struct shop s;
    struct due due[2];
    struct job_look look[2] = {0};
    struct job_receipt receipt;
    uint8_t endpoint[16], nobody[16] = {1};
    struct err e;
    shop_open(&s);
    ended_events(&s, 1, true, "https://ehr.example/a", endpoint);
    CHECK_INT(claims(&s, NULL, 0, 99, due), 1);
    CHECK_INT(job_erase(s.jobs, NULL, due[0].job, &reads, &receipt, &e), 1);
    int64_t before = count(&s, "audit");
    look[0] = (struct job_look){.id = due[0].job, .arena = a};
    look[1] = (struct job_look){.id = nobody, .arena = a};
    CHECK_OK(job_read_many(s.jobs, look, 2, &reads, &e));
    CHECK_INT(look[0].found, 1);
    CHECK(look[0].view.erased_at && !look[0].view.result.p);
    CHECK_INT(look[1].found, 0);
    CHECK_INT(count(&s, "audit"), before + 1); /* that it was asked for what is not there */
    shop_close(&s);
}

/* --- a receiver --- */

struct receiver {
    int fd;
    char url[64];
    pthread_t thread;
    struct shop *shop;
    atomic_int got, now, most; /* requests, and how many at a time */
    atomic_int take;           /* how many are answered; the others hang */
    atomic_int undisclosed;    /* came before the log said so */
    int well; /* so many are taken first */
    const char *answer;
    size_t extra; /* bytes of a body behind it */
    atomic_bool stop;
};
struct visit {
    struct receiver *r;
    int fd;
};

static const char taken[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void answer(struct receiver *r, int fd, int nth)
{
    static const char page[4096];
    const char *text = nth <= r->well ? taken : r->answer;
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
    for (size_t left = r->extra; n > 0 && left; left -= (size_t)n)
        n = send(fd, page, left < sizeof page ? left : sizeof page, MSG_NOSIGNAL);
}

/* One connection: a request after another, each in one piece or with its body behind it. */
static void *visited(void *arg)
{
    struct visit v = *(struct visit *)arg;
    struct receiver *r = v.r;
    char text[8192];
    size_t n = 0;
    free(arg);
    for (ssize_t more; (more = recv(v.fd, text + n, sizeof text - 1 - n, 0)) > 0;) {
        n += (size_t)more;
        text[n] = 0;
        const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
        if (!body || !length || n < (size_t)(body + 4 - text) + strtoul(length + 15, NULL, 10))
            continue;
        n = 0;
        int now = ++r->now, got = ++r->got;
        if (now > r->most)
            r->most = now;
        if (r->shop && house_number(&r->shop->h, "SELECT count(*) FROM audit") < got)
            r->undisclosed++;
        if (got > r->take)
            continue;
        r->now--;
        answer(r, v.fd, got);
    }
    close(v.fd);
    arena_thread_end();
    return NULL;
}

static void *receive(void *arg)
{
    struct receiver *r = arg;
    for (int fd; (fd = accept(r->fd, NULL, NULL)) >= 0;) {
        pthread_t t;
        struct visit *v = malloc(sizeof *v);
        *v = (struct visit){r, fd};
        pthread_create(&t, NULL, visited, v);
        pthread_detach(t);
    }
    return NULL;
}

static void receiver_start(struct receiver *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(r->fd, (struct sockaddr *)&at, n) || listen(r->fd, 64) || getsockname(r->fd, (struct sockaddr *)&at, &n), 0);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    CHECK_INT(pthread_create(&r->thread, NULL, receive, r), 0);
}

/* After the sender has gone, so that its connections are closed. */
static void receiver_stop(struct receiver *r)
{
    shutdown(r->fd, SHUT_RDWR);
    close(r->fd);
    pthread_join(r->thread, NULL);
    nap(50);
}

static struct deliver *sender(struct shop *s, int hold_ms)
{
    struct deliver *d;
    struct err e;
    struct deliver_config c = {
        .db = s->h.db, .keyring = s->h.keyring, .jobs = s->jobs, .scope = s->h.scope, .allow = "127.0.0.1", .hold_ms = hold_ms};
    CHECK_OK(deliver_start(&c, &d, &e));
    return d;
}

#define UNTIL(holds)                                                                                                   \
    do {                                                                                                               \
        int tries_ = 0;                                                                                                \
        while (!(holds) && tries_++ < 500)                                                                             \
            nap(10);                                                                                                   \
        if (!(holds))                                                                                                  \
            fail_msg("it never came to be: %s", #holds);                                                               \
    } while (0)

TEST(all_are_sent_once_each_disclosed_before_and_few_at_a_time)
{
    struct shop s;
    struct receiver r = {.answer = taken, .take = 1000, .shop = &s};
    uint8_t endpoint[16];
    shop_open(&s);
    receiver_start(&r);
    ended_events(&s, 30, true, r.url, endpoint);
    house_sql(&s.h, house_shared() ? "DELETE FROM audit" : "PRAGMA foreign_keys=OFF;DROP TRIGGER audit_keep_update; DROP TRIGGER "
                                                            "audit_keep_delete;DELETE FROM audit");
    struct deliver *d = sender(&s, 0);
    UNTIL(count(&s, "webhook_event WHERE delivered_at IS NOT NULL AND claimed = 0 AND next_at IS NULL") == 30);
    deliver_stop(d);
    receiver_stop(&r);
    CHECK_INT(r.got, 30);
    CHECK_INT(r.undisclosed, 0);
    CHECK(r.most <= 4);
    CHECK_INT(count(&s, "audit"), 30);
    CHECK_INT(count(&s, "webhook_attempt WHERE reason = 'taken' AND attempt = 1"), 30);
    shop_close(&s);
}

TEST(a_long_answer_of_a_receiver_that_took_it_is_an_answer)
{
    static const struct {
        const char *answer, *reason;
        int status;
    } row[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", "taken", 200},
               {"HTTP/1.1 410 Gone\r\nContent-Length: 300000\r\n\r\n", "gone", 410},
               {"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n", "taken", 200}}; /* and it never comes to its end */
    struct shop s;
    shop_open(&s);
    for (size_t i = 0; i < COUNT(row); i++) {
        char want[100];
        struct receiver r = {.answer = row[i].answer, .take = 1000, .extra = 300000};
        uint8_t endpoint[16];
        house_sql(&s.h, "DELETE FROM webhook_attempt; DELETE FROM webhook_event; DELETE FROM webhook_endpoint WHERE kind = 'url'");
        receiver_start(&r);
        ended_events(&s, 1, false, r.url, endpoint);
        struct deliver *d = sender(&s, 0);
        UNTIL(count(&s, "webhook_attempt") == 1);
        deliver_stop(d);
        receiver_stop(&r);
        snprintf(want, sizeof want, "webhook_attempt WHERE reason = '%s' AND status = %d", row[i].reason, row[i].status);
        CHECK_INT(count(&s, want), 1);
    }
    shop_close(&s);
}

TEST(what_is_held_is_given_back_when_its_receiver_is_slow_and_at_the_stop)
{
    static const int hold_ms[] = {100, 0};
    for (size_t i = 0; i < COUNT(hold_ms); i++) {
        struct shop s;
        struct receiver r = {.answer = taken, .take = 1};
        uint8_t endpoint[16];
        shop_open(&s);
        receiver_start(&r);
        ended_events(&s, 40, false, r.url, endpoint);
        struct deliver *d = sender(&s, hold_ms[i]);
        UNTIL(r.now == 4);
        if (hold_ms[i])
            UNTIL(count(&s, "webhook_event WHERE claimed = 1") == 4);
        else
            UNTIL(count(&s, "webhook_event WHERE claimed = 1") == 39);
        deliver_stop(d);
        receiver_stop(&r);
        CHECK_INT(count(&s, "webhook_event WHERE claimed = 0 AND next_at = 0"), 35);
        CHECK_INT(count(&s, "webhook_event WHERE delivered_at IS NOT NULL"), 1);
        shop_close(&s);
    }
}

TEST(after_a_failure_the_rest_is_given_back_and_goes_one_by_one)
{
    struct shop s;
    struct receiver r = {.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 60\r\n\r\n", .take = 1000, .well = 4};
    uint8_t endpoint[16];
    shop_open(&s);
    receiver_start(&r);
    ended_events(&s, 40, false, r.url, endpoint);
    struct deliver *d = sender(&s, 0);
    UNTIL(count(&s, "webhook_event WHERE claimed = 0 AND next_at > 0") > 0);
    UNTIL(count(&s, "webhook_event WHERE claimed = 1") == 0);
    nap(700); /* longer than it takes to look again */
    deliver_stop(d);
    receiver_stop(&r);
    CHECK(r.got <= 8); /* it asked for a pause: only what was under way came */
    CHECK_INT(count(&s, "webhook_event WHERE attempts = 0 AND next_at = 0 AND claimed = 0"), 40 - r.got);
    shop_close(&s);
}

TEST(what_was_told_is_forgotten_after_its_days_and_nothing_else)
{
    static const struct {
        const char *change; /* of a row that is told, old, with an old attempt */
        bool goes;
    } row[] = {
        {"SELECT 1", true},
        {"UPDATE webhook_event SET next_at = 0", false},
        {"UPDATE webhook_event SET next_at = 5, claimed = 1", false},
        {"UPDATE webhook_event SET delivered_at = NULL", true}, /* given up */
        {"DELETE FROM webhook_attempt", true},
        {"UPDATE webhook_attempt SET at = at + 40 * 86400000000", false}, /* it waited long for its endpoint */
        {"UPDATE webhook_event SET created_at = created_at + 40 * 86400000000", false},
    };
    struct shop s;
    uint8_t endpoint[16];
    struct err e;
    int gone;
    shop_open(&s);
    ended_events(&s, 1, false, "https://ehr.example/a", endpoint);
    for (size_t i = 0; i < COUNT(row); i++) {
        char sql[900];
        snprintf(sql, sizeof sql,
                 "DELETE FROM webhook_attempt; DELETE FROM webhook_event; "
                 "INSERT INTO webhook_event (scope, id, endpoint, job, kind, next_at, created_at, delivered_at) SELECT "
                 "scope, id, id, id, 'job.ended', NULL, updated_at - 40 * 86400000000, 1 FROM job; "
                 "INSERT INTO webhook_attempt (scope, event, endpoint, attempt, at, took_us, status, reason) SELECT scope, "
                 "id, id, 1, updated_at - 40 * 86400000000, 1, 200, 'taken' FROM job; %s",
                 row[i].change);
        house_sql(&s.h, sql);
        jobs_limit(s.jobs, &(struct jobs_limits){.keep_events_us = 0});
        CHECK_OK(job_forget_events(s.jobs, &gone, &e));
        CHECK_INT(gone, 0);
        jobs_limit(s.jobs, &(struct jobs_limits){.keep_events_us = 30 * 86400000000});
        CHECK_OK(job_forget_events(s.jobs, &gone, &e));
        if (gone != row[i].goes)
            fail_msg("%s: %d forgotten", row[i].change, gone);
        CHECK_INT(count(&s, "webhook_event"), !row[i].goes);
        if (row[i].goes)
            CHECK_INT(count(&s, "webhook_attempt"), 0);
    }
    shop_close(&s);
}

RUN(T(ahead_is_claimed_for_who_takes_and_one_by_one_for_who_fails), T(who_has_nothing_here_is_served_before_more_is_claimed_ahead),
    T(what_is_given_back_is_as_it_was_unless_somebody_else_has_it),
    T(what_became_of_an_attempt_is_written_only_while_its_claim_holds),
    T(several_results_are_disclosed_in_one_transaction_or_not_at_all), T(an_absent_job_and_an_erased_one_disclose_nothing),
    T(all_are_sent_once_each_disclosed_before_and_few_at_a_time), T(a_long_answer_of_a_receiver_that_took_it_is_an_answer),
    T(what_is_held_is_given_back_when_its_receiver_is_slow_and_at_the_stop),
    T(after_a_failure_the_rest_is_given_back_and_goes_one_by_one), T(what_was_told_is_forgotten_after_its_days_and_nothing_else))
