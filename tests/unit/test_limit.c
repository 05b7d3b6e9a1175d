#include "house.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/limit.h"
#include "audit/audit.h"
#include "base/clock.h"

/* A house with limits in it; refusals are told after `note_ms`. */
struct turnstile {
    struct house h;
    struct limit *limit;
};

static void gate_open(struct turnstile *g, int64_t client_rate, int64_t stranger_rate, int note_ms)
{
    struct err e;
    house_build(&g->h);
    struct limit_config c = {.db = g->h.db,
                             .scope = g->h.scope,
                             .client_rate = client_rate,
                             .client_burst = 5,
                             .stranger_rate = stranger_rate,
                             .stranger_burst = 3,
                             .note_ms = note_ms};
    CHECK_OK(limit_start(&c, &g->limit, &e));
}

static void gate_close(struct turnstile *g)
{
    limit_stop(g->limit);
    house_raze(&g->h);
}

static struct caller client(int n, int64_t rate, int64_t burst)
{
    struct caller c = {.role = ROLE_CLIENT, .rate = rate, .burst = burst};
    memcpy(c.id, &n, sizeof n);
    snprintf(c.name, sizeof c.name, "bot-%d", n);
    return c;
}

/* How many of `n` requests pass at once. */
static int passing(struct limit *l, const struct caller *c, int n)
{
    int passed = 0;
    for (int i = 0; i < n; i++)
        passed += limit_client(l, c) == 0;
    return passed;
}

static int64_t entries(const struct turnstile *g)
{
    return house_number(&g->h, "SELECT count(*) FROM audit");
}

static void wait_for_entries(const struct turnstile *g, int64_t n)
{
    for (int i = 0; i < 500 && entries(g) < n; i++)
        usleep(10000);
    CHECK_INT(entries(g), n);
}

/* The whole audit log as JSON. */
static const char *audit_text(const struct turnstile *g, struct arena *a)
{
    struct err e;
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    CHECK_OK(audit_list(g->h.db, 0, 100, a, &o, &e));
    buf_byte(&b, 0);
    return b.p;
}

TEST(a_client_may_send_its_burst_and_then_its_rate)
{
    static const struct {
        int64_t rate, burst;
        int of_100; /* pass at once */
    } row[] = {
        {-1, -1, 5},    /* the settings: 1 a second, 5 at once */
        {1, 10, 10},    /* its own */
        {1, -1, 5},     /* its own rate, the settings' burst */
        {-1, 7, 7},     /* and the reverse */
        {0, -1, 100},   /* any number */
        {1, 1, 1},
    };
    struct turnstile g;
    gate_open(&g, 1, 0, 60000);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct caller c = client((int)i + 1, row[i].rate, row[i].burst);
        CHECK_INT(passing(g.limit, &c, 100), row[i].of_100);
    }
    struct caller quick = client(77, 20, 1);
    CHECK_INT(passing(g.limit, &quick, 100), 1);
    int64_t begun = clock_mono_us();
    int passed = 0;
    while (clock_mono_us() - begun < 1000000) {
        passed += limit_client(g.limit, &quick) == 0;
        usleep(1000);
    }
    CHECK(passed >= 15 && passed <= 21); /* 20 a second */
    struct caller operator= {.role = ROLE_OPERATOR, .rate = 1, .burst = 1};
    CHECK_INT(passing(g.limit, &operator, 100), 100);
    CHECK_INT(limit_client(NULL, &quick), 0);
    gate_close(&g);
}

TEST(who_is_refused_is_told_how_long_to_wait_in_whole_seconds)
{
    struct turnstile g;
    gate_open(&g, 1, 0, 60000);
    struct caller slow = client(1, 1, 1), fast = client(2, 1000, 1);
    CHECK_INT(limit_client(g.limit, &slow), 0);
    CHECK_INT(limit_client(g.limit, &slow), 1);
    CHECK_INT(limit_client(g.limit, &slow), 1); /* asking does not make it longer */
    CHECK_INT(limit_client(g.limit, &fast), 0);
    CHECK_INT(limit_client(g.limit, &fast), 1); /* never 0 */
    usleep(1100000);
    CHECK_INT(limit_client(g.limit, &slow), 0);
    gate_close(&g);
}

TEST(strangers_are_told_apart_by_address_and_ipv6_ones_by_64_bits)
{
    static const struct {
        const char *peer;
        bool passes;
    } row[] = {
        {"203.0.113.7", true},  {"203.0.113.7", true},  {"203.0.113.7", true},  {"203.0.113.7", false},
        {"203.0.113.8", true},  {"2001:db8::1", true},  {"2001:db8::2", true},  {"2001:db8:0:0:ffff::3", true},
        {"2001:db8::4", false}, {"2001:db8:0:1::1", true},
        {"", true},             {"", true},             {"", true},             {"", true}, /* unknown: not limited */
        {"nonsense", true},
    };
    struct turnstile g;
    gate_open(&g, 0, 1, 60000);
    for (size_t i = 0; i < COUNT(row); i++)
        if ((limit_denied(g.limit, row[i].peer) == 0) != row[i].passes)
            fail_msg("row %zu: %s", i, row[i].peer);
    CHECK_INT(limit_denied(g.limit, NULL), 0);
    gate_close(&g);
    gate_open(&g, 0, 0, 60000); /* no limit */
    for (int i = 0; i < 1000; i++)
        CHECK_INT(limit_denied(g.limit, "203.0.113.7"), 0);
    gate_close(&g);
}

TEST(refusals_are_one_audit_entry_a_client_or_address_and_while)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct turnstile g;
    gate_open(&g, 1, 1, 400);
    struct caller c = client(1, -1, -1);
    CHECK_INT(passing(g.limit, &c, 105), 5);
    for (int i = 0; i < 53; i++)
        limit_denied(g.limit, "2001:db8::9");
    for (int i = 0; i < 7; i++)
        limit_note(g.limit, &c, ERR_QUEUE_FULL);
    CHECK_INT(entries(&g), 0);
    wait_for_entries(&g, 3);
    const char *log = audit_text(&g, a);
    static const char *const want[] = {"\"n\":100,", "\"n\":50,", "\"n\":7,", "\"why\":\"QUEUE_FULL\"", "\"id\":\"bot-1\"",
                                       "\"id\":\"2001:db8::/64\"", "\"type\":\"Address\"", "\"out\":\"deny\"",
                                       "\"why\":\"RATE\"", "\"role\":\"anonymous\""};
    for (size_t i = 0; i < COUNT(want); i++)
        if (!strstr(log, want[i]))
            fail_msg("no %s in %s", want[i], log);
    usleep(600000);
    CHECK_INT(entries(&g), 3); /* nothing was refused since */
    CHECK(passing(g.limit, &c, 20) < 20);
    limit_stop(g.limit); /* the end does not wait for the while */
    CHECK_INT(entries(&g), 4);
    g.limit = NULL;
    gate_close(&g);
}

TEST(the_table_is_bounded_and_no_refusal_is_forgotten)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct turnstile g;
    gate_open(&g, 0, 1, 60000);
    enum { MANY = 3 * LIMIT_BUCKETS };
    int64_t refused = 0;
    for (int i = 0; i < MANY; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "10.%d.%d.1", i / 256, i % 256);
        for (int k = 0; k < 4; k++) /* 3 pass */
            refused += limit_denied(g.limit, peer) != 0;
    }
    CHECK_INT(refused, MANY);
    limit_stop(g.limit);
    g.limit = NULL;
    CHECK(entries(&g) <= LIMIT_BUCKETS + 1);
    struct err e;
    int64_t all = 0, n = 0;
    for (int64_t from = 0; from < entries(&g); from += 100) {
        OWN_ARENA struct arena *page = arena_new(4 << 20);
        struct buf b = buf_in(page, 1 << 20);
        struct json_out o = json_out(&b);
        CHECK_OK(audit_list(g.h.db, from, 100, page, &o, &e));
        buf_byte(&b, 0);
        for (const char *p = b.p; (p = strstr(p, "\"n\":")); p++, n++)
            all += strtol(p + 4, NULL, 10);
    }
    CHECK_INT(n, entries(&g));
    CHECK_INT(all, MANY);
    CHECK(strstr(audit_text(&g, a), "\"id\":\"others\""));
    gate_close(&g);
}

struct asking {
    struct limit *limit;
    int64_t passed;
};

static void *ask(void *arg)
{
    struct asking *x = arg;
    struct caller c = client(1, 1, 500);
    for (int i = 0; i < 1000; i++) {
        x->passed += limit_client(x->limit, &c) == 0;
        limit_denied(x->limit, "203.0.113.7");
    }
    return NULL;
}

TEST(many_threads_share_one_bucket)
{
    struct turnstile g;
    gate_open(&g, 0, 1000000, 1);
    struct asking x[4];
    pthread_t t[4];
    int64_t passed = 0;
    for (int i = 0; i < 4; i++) {
        x[i] = (struct asking){.limit = g.limit};
        pthread_create(&t[i], NULL, ask, &x[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        passed += x[i].passed;
    }
    CHECK(passed >= 500 && passed < 520);
    gate_close(&g);
}

RUN(T(a_client_may_send_its_burst_and_then_its_rate), T(who_is_refused_is_told_how_long_to_wait_in_whole_seconds),
    T(strangers_are_told_apart_by_address_and_ipv6_ones_by_64_bits),
    T(refusals_are_one_audit_entry_a_client_or_address_and_while), T(the_table_is_bounded_and_no_refusal_is_forgotten),
    T(many_threads_share_one_bucket))
