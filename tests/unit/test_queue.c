/* Whose turn it is, and jobs nobody wants any more. */
#include "shop.h"
#include "audit/verify.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>

/* What somebody does, once, just before a run gets the descriptor that tells it to stop. */
static void (*before_entry)(void *);
static void *before_entry_arg;

int eventfd(unsigned count, int flags)
{
    void (*run)(void *) = before_entry;
    before_entry = NULL;
    if (run)
        run(before_entry_arg);
    return (int)syscall(SYS_eventfd2, count, flags);
}

/* --- whose turn it is --- */

static void accept_as(struct shop *s, const struct caller *who, int priority, int64_t expires_at, uint8_t ret_id[16])
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct job_accepted r;
    struct job_new n = order(s);
    n.caller = who;
    n.priority = priority;
    n.expires_at = expires_at;
    CHECK_OK(job_accept(s->jobs, &n, a, &r, &e));
    if (ret_id)
        memcpy(ret_id, r.id, 16);
}

static struct caller other_client(struct shop *s, const char *name)
{
    struct caller mine = s->caller, other;
    become(s, name);
    other = s->caller;
    s->caller = mine;
    return other;
}

/* Takes the next job and says whose it is; the job is done with. */
static int next_is(struct shop *s, const struct caller *who)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct job_claim c;
    struct err e;
    CHECK_INT(claim(s, LEASE_US, a, &c), 1);
    int same = memcmp(c.client, who->id, 16) == 0;
    CHECK_INT(job_finish(s->jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    job_claim_end(s->jobs, &c);
    return same;
}

TEST(a_thousand_jobs_of_one_client_do_not_stand_before_another)
{
    struct shop s;
    shop_open(&s);
    struct caller b = other_client(&s, "other"), c = other_client(&s, "third");
    for (int i = 0; i < 200; i++)
        accept_as(&s, &s.caller, PRIORITY_ROUTINE, 0, NULL);
    CHECK(next_is(&s, &s.caller));
    accept_as(&s, &b, PRIORITY_ROUTINE, 0, NULL);
    accept_as(&s, &b, PRIORITY_ROUTINE, 0, NULL);
    accept_as(&s, &c, PRIORITY_ROUTINE, 0, NULL);
    int first = 0, third = 0, other = 0;
    for (int i = 0; i < 6; i++) { /* each of the three has its turn among every few */
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct job_claim x;
        struct err e;
        CHECK_INT(claim(&s, LEASE_US, a, &x), 1);
        first += memcmp(x.client, s.caller.id, 16) == 0;
        other += memcmp(x.client, b.id, 16) == 0;
        third += memcmp(x.client, c.id, 16) == 0;
        CHECK_INT(job_finish(s.jobs, &x, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
        job_claim_end(s.jobs, &x);
    }
    CHECK_INT(other, 2);
    CHECK_INT(third, 1);
    CHECK_INT(first, 3);
    sound(&s);
    shop_close(&s);
}

TEST(the_most_urgent_goes_first_and_waiting_makes_urgent)
{
    static const struct {
        int64_t waited_s; /* by the routine job */
        int urgent;       /* the class of one that came just now */
        bool urgent_first;
    } row[] = {
        {0, PRIORITY_STAT, true},     {0, PRIORITY_ASAP, true},      {0, PRIORITY_URGENT, true},    {59, PRIORITY_URGENT, true},
        {61, PRIORITY_URGENT, false}, {119, PRIORITY_ASAP, true},    {121, PRIORITY_ASAP, false},   {179, PRIORITY_STAT, true},
        {181, PRIORITY_STAT, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct shop s;
        char sql[120];
        shop_open(&s);
        struct caller b = other_client(&s, "other");
        accept_as(&s, &s.caller, PRIORITY_ROUTINE, 0, NULL);
        snprintf(sql, sizeof sql, "UPDATE job SET created_at = created_at - %lld", (long long)row[i].waited_s * 1000000);
        house_sql(&s.h, sql);
        accept_as(&s, &b, row[i].urgent, 0, NULL);
        CHECK_INT(next_is(&s, &b), row[i].urgent_first);
        CHECK_INT(next_is(&s, &b), !row[i].urgent_first);
        shop_close(&s);
    }
}

TEST(a_client_and_a_model_at_their_limit_are_passed_over)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct job_claim c[3];
    struct err e;
    shop_open(&s);
    struct caller b = other_client(&s, "other");
    jobs_limit(s.jobs, &(struct jobs_limits){.client_running = 1});
    for (int i = 0; i < 3; i++)
        accept_as(&s, &s.caller, PRIORITY_STAT, 0, NULL);
    accept_as(&s, &b, PRIORITY_ROUTINE, 0, NULL);
    CHECK_INT(claim(&s, LEASE_US, a, &c[0]), 1);
    CHECK(memcmp(c[0].client, s.caller.id, 16) == 0);
    CHECK_INT(claim(&s, LEASE_US, a, &c[1]), 1);
    CHECK(memcmp(c[1].client, b.id, 16) == 0);
    CHECK_INT(claim(&s, LEASE_US, a, &c[2]), 0);
    job_claim_end(s.jobs, &c[2]);
    CHECK_INT(job_finish(s.jobs, &c[0], SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    jobs_limit(s.jobs, &(struct jobs_limits){.model_running = 1});
    CHECK_INT(claim(&s, LEASE_US, a, &c[2]), 0); /* b's is of the same model */
    job_claim_end(s.jobs, &c[2]);
    jobs_limit(s.jobs, &(struct jobs_limits){.model_running = 2});
    CHECK_INT(claim(&s, LEASE_US, a, &c[2]), 1);
    for (int i = 0; i < 3; i++)
        job_claim_end(s.jobs, &c[i]);
    shop_close(&s);
}

TEST(a_claim_does_not_walk_past_all_that_waits_of_a_client_at_its_limit)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct job_claim c;
    shop_open(&s);
    jobs_limit(s.jobs, &(struct jobs_limits){.client_running = 1});
    for (int i = 0; i < 3; i++)
        accept_as(&s, &s.caller, PRIORITY_STAT, 0, NULL);
    struct caller b = other_client(&s, "other");
    accept_as(&s, &b, PRIORITY_STAT, 0, NULL);
    house_sql(&s.h, "UPDATE job SET turn = turn + 1000000 WHERE client = (SELECT id FROM client WHERE name = 'other')");
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    job_claim_end(s.jobs, &c);
    for (int i = 0; i < 998; i++) /* a thousand of the client at its limit, then the other's */
        accept_as(&s, &s.caller, PRIORITY_STAT, 0, NULL);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 0);
    job_claim_end(s.jobs, &c);
    house_sql(&s.h, "UPDATE job SET state = 'CANCELLED' WHERE id = (SELECT id FROM job WHERE state = 'QUEUED' ORDER BY turn LIMIT 1)");
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK(memcmp(c.client, b.id, 16) == 0);
    job_claim_end(s.jobs, &c);
    shop_close(&s);
}

/* --- no longer wanted --- */

static const struct audit_entry wants = {.actor = "bot", .role = "client", .action = "delete", .outcome = "permit"};

TEST(a_waiting_job_is_cancelled_at_once)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim none;
    struct job_view v;
    enum job_cancel how;
    uint8_t id[16];
    shop_open(&s);
    struct caller b = other_client(&s, "other");
    accepted(&s, id);
    house_sql(&s.h, "UPDATE job SET webhook = 1");
    CHECK_OK(job_cancel(s.jobs, &b, id, &wants, &how, &e)); /* not b's */
    CHECK_INT(how, JOB_CANCEL_ABSENT);
    CHECK_INT(count(&s, "job WHERE state = 'QUEUED'"), 1);
    CHECK_OK(job_cancel(s.jobs, &s.caller, id, &wants, &how, &e));
    CHECK_INT(how, JOB_CANCEL_DONE);
    CHECK_INT(jobs_queued(s.jobs), 0);
    CHECK_INT(claim(&s, LEASE_US, a, &none), 0);
    job_claim_end(s.jobs, &none);
    CHECK_INT(view(&s, &s.caller, id, a, &v), 1);
    CHECK_INT(v.state, JOB_CANCELLED);
    CHECK_INT(count(&s, "webhook_event"), 1); /* who asked to be told is told */
    CHECK_INT(job_cancel(s.jobs, &s.caller, id, &wants, &how, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(count(&s, "audit WHERE instr(entry, CAST('CANCELLED' AS BLOB)) > 0"), 1);
    sound(&s);
    shop_close(&s);
}

static bool readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

TEST(a_running_job_is_told_to_stop)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c, other;
    struct job_view v;
    enum job_cancel how;
    uint8_t id[2][16];
    shop_open(&s);
    accepted(&s, id[0]);
    accepted(&s, id[1]);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(claim(&s, LEASE_US, a, &other), 1);
    CHECK(!readable(c.cancel_fd));
    CHECK_INT(job_cancel_asked(s.jobs, &c, &e), 0);
    CHECK_OK(job_cancel(s.jobs, &s.caller, c.id, &wants, &how, &e));
    CHECK_INT(how, JOB_CANCEL_ASKED);
    CHECK(readable(c.cancel_fd));
    CHECK(!readable(other.cancel_fd));
    CHECK_INT(job_cancel_asked(s.jobs, &c, &e), 1);
    CHECK_INT(job_heartbeat(s.jobs, &c, LEASE_US, &e), 0); /* for who did not hear the bell */
    CHECK_INT(job_finish_cancelled(s.jobs, &c, &e), 1);
    CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 0);
    CHECK_INT(view(&s, &s.caller, c.id, a, &v), 1);
    CHECK_INT(v.state, JOB_CANCELLED);
    CHECK(v.result.p == NULL);
    job_claim_end(s.jobs, &c);
    job_claim_end(s.jobs, &other);
    sound(&s);
    shop_close(&s);
}

static void cancel_it(void *arg)
{
    struct shop *s = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct rows r;
    enum job_cancel how;
    CHECK_INT(db_rows(s->h.db, a, &r, &e, "SELECT id FROM job WHERE state = 'RUNNING'"), 1);
    CHECK_OK(job_cancel(s->jobs, &s->caller, (const uint8_t *)r.cell[0].s.p, &wants, &how, &e));
    CHECK_INT(how, JOB_CANCEL_ASKED);
}

TEST(a_job_that_is_cancelled_as_it_is_claimed_is_told_to_stop_at_once)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct job_claim c;
    shop_open(&s);
    accepted(&s, NULL);
    before_entry_arg = &s;
    before_entry = cancel_it;
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK(!before_entry && readable(c.cancel_fd));
    job_claim_end(s.jobs, &c);
    shop_close(&s);
}

TEST(a_result_that_comes_after_its_cancellation_is_not_kept)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    struct job_view v;
    enum job_cancel how;
    shop_open(&s);
    for (int failed = 0; failed < 2; failed++) { /* whether the model did well or not */
        accepted(&s, NULL);
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        CHECK_OK(job_cancel(s.jobs, &s.caller, c.id, &wants, &how, &e));
        CHECK_INT(how, JOB_CANCEL_ASKED);
        CHECK_INT(job_finish(s.jobs, &c, SLICE("{\"score\":1}"), SLICE("log"), failed ? "CRASHED" : NULL, a, &e), 1);
        CHECK_INT(view(&s, &s.caller, c.id, a, &v), 1);
        CHECK_INT(v.state, JOB_CANCELLED); /* 202 said so */
        CHECK(v.result.p == NULL && v.error == NULL);
        CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 0); /* once */
        job_claim_end(s.jobs, &c);
    }
    CHECK_INT(count(&s, "job WHERE vendor_log IS NOT NULL"), 0);
    sound(&s);
    shop_close(&s);
}

TEST(what_was_cancelled_while_its_worker_died_does_not_run_again)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    enum job_cancel how;
    uint8_t id[16];
    shop_open(&s);
    accepted(&s, id);
    CHECK_INT(claim(&s, 1000, a, &c), 1);
    CHECK_OK(job_cancel(s.jobs, &s.caller, id, &wants, &how, &e));
    nap(5);
    CHECK_OK(job_sweep(s.jobs, &e));
    CHECK_INT(count(&s, "job WHERE state = 'CANCELLED'"), 1);
    CHECK_INT(jobs_queued(s.jobs), 0);
    job_claim_end(s.jobs, &c);
    sound(&s);
    shop_close(&s);
}

TEST(a_job_that_expired_is_not_run)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    uint8_t id[2][16];
    shop_open(&s);
    accept_as(&s, &s.caller, PRIORITY_ROUTINE, clock_now_us() + 20000, id[0]);
    accept_as(&s, &s.caller, PRIORITY_ROUTINE, clock_now_us() + 60000000, id[1]);
    nap(25);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK(memcmp(c.id, id[1], 16) == 0);
    job_claim_end(s.jobs, &c);
    CHECK_OK(job_sweep(s.jobs, &e));
    CHECK_INT(count(&s, "job WHERE state = 'EXPIRED'"), 1);
    CHECK_INT(jobs_queued(s.jobs), 0);
    sound(&s);
    shop_close(&s);
}

static void done_with(struct shop *s, uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct job_claim c;
    struct err e;
    accepted(s, id);
    CHECK_INT(claim(s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s->jobs, &c, SLICE("{\"score\":2}"), SLICE("said"), NULL, a, &e), 1);
    job_claim_end(s->jobs, &c);
}

/* Do these bytes lie anywhere in the files of the store? */
static bool on_disk(const struct shop *s, struct slice what)
{
    static const char *const tail[] = {"", "-wal"};
    bool found = false;
    for (size_t i = 0; i < COUNT(tail); i++) {
        char path[200];
        snprintf(path, sizeof path, "%s%s", s->h.db_path, tail[i]);
        FILE *f = fopen(path, "rb");
        if (!f)
            continue;
        fseek(f, 0, SEEK_END);
        size_t n = (size_t)ftell(f);
        char *text = malloc(n + 1);
        rewind(f);
        CHECK_INT(fread(text, 1, n, f), n);
        fclose(f);
        found |= memmem(text, n, what.p, what.n) != NULL;
        free(text);
    }
    return found;
}

TEST(an_erased_job_leaves_nothing_behind)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct rows r;
    struct job_view v;
    struct job_receipt receipt;
    struct slice bundle, plan;
    uint8_t id[16], waiting[16];
    int64_t entries;
    shop_open(&s);
    done_with(&s, id);
    accepted(&s, waiting);
    CHECK_INT(db_rows(s.h.db, a, &r, &e, "SELECT key, bundle, plan, result FROM job WHERE id = $1", V_ID(id)), 1);
    for (int i = 0; i < 4 && !house_shared(); i++)
        CHECK(on_disk(&s, row_at(&r, 0, i)->s)); /* the eyes see */
    CHECK_INT(job_erase(s.jobs, &s.caller, waiting, &wants, &receipt, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    house_sql(&s.h, "INSERT INTO idempotency SELECT scope, client, id, id, id, 202, 'what was answered', created_at FROM job;");
    CHECK_INT(job_erase(s.jobs, &s.caller, id, &wants, &receipt, &e), 1);
    CHECK_INT(count(&s, "idempotency WHERE body <> ''"), 1); /* the waiting job's is kept */
    for (int i = 0; i < 4 && !house_shared(); i++)
        CHECK(!on_disk(&s, row_at(&r, 0, i)->s));
    CHECK_INT(count(&s, "job WHERE erased_at IS NOT NULL AND length(key) = 0"), 1);
    CHECK_INT(view(&s, &s.caller, id, a, &v), 1);
    CHECK(v.erased_at && !v.result.p && !v.plan.p);
    CHECK_INT(v.state, JOB_COMPLETED);
    CHECK_INT(job_reopen(s.jobs, &s.caller, id, &wants, a, &bundle, &plan, &e), -1);
    CHECK_INT(e.code, ERR_GONE);
    /* the receipt names an entry of a log that verifies */
    CHECK_OK(audit_verify(s.h.db, &entries, &e));
    CHECK(receipt.audit_index >= 0 && receipt.audit_index < entries);
    CHECK_INT(db_rows(s.h.db, a, &r, &e, "SELECT leaf, entry FROM audit WHERE idx = $1", V_INT(receipt.audit_index)), 1);
    CHECK(memcmp(row_at(&r, 0, 0)->s.p, receipt.leaf, 32) == 0);
    CHECK(memmem(row_at(&r, 0, 1)->s.p, row_at(&r, 0, 1)->s.n, "erased", 6) != NULL);
    sound(&s);
    shop_close(&s);
}

TEST(only_what_is_old_enough_is_erased)
{
    struct shop s;
    struct err e;
    uint8_t id[16];
    int n;
    shop_open(&s);
    for (int i = 0; i < 3; i++)
        done_with(&s, id);
    accepted(&s, id);
    house_sql(&s.h, "UPDATE job SET updated_at = updated_at - 172800000000 WHERE state = 'QUEUED' OR id = (SELECT id FROM job "
                    "WHERE state = 'COMPLETED' ORDER BY id LIMIT 1)");
    house_sql(&s.h, "UPDATE idempotency SET created_at = 0");
    CHECK_OK(job_retain(s.jobs, &n, &e)); /* nothing was said of days */
    CHECK_INT(n, 0);
    jobs_limit(s.jobs, &(struct jobs_limits){.keep_us = 86400LL * 1000000});
    CHECK_OK(job_retain(s.jobs, &n, &e));
    CHECK_INT(n, 1);
    CHECK_INT(count(&s, "job WHERE erased_at IS NOT NULL"), 1);
    CHECK_INT(count(&s, "idempotency"), 0);
    CHECK_INT(count(&s, "audit WHERE instr(entry, CAST('retention' AS BLOB)) > 0"), 1);
    CHECK_OK(job_retain(s.jobs, &n, &e));
    CHECK_INT(n, 0);
    sound(&s);
    shop_close(&s);
}

TEST(the_dead_get_new_tries_from_an_operator_only)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    uint8_t id[16], done[16], unknown[16] = {1};
    shop_open(&s);
    done_with(&s, done);
    accepted(&s, id);
    house_sql(&s.h, "UPDATE job SET attempts = 4 WHERE state = 'QUEUED'");
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(job_retry(s.jobs, &c, "SANDBOX", &e), 1);
    job_claim_end(s.jobs, &c);
    CHECK_INT(count(&s, "job WHERE state = 'DEAD'"), 1);
    CHECK_INT(job_revive(s.jobs, unknown, &wants, &e), 0);
    CHECK_INT(job_revive(s.jobs, done, &wants, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(job_revive(s.jobs, id, &wants, &e), 1);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(c.attempts, 1);
    job_claim_end(s.jobs, &c);
    sound(&s);
    shop_close(&s);
}

/* --- what happens beside each other --- */

struct touching {
    struct shop *s;
    uint8_t id[16];
    bool revives;
    int rc;
    enum err_code code;
};

static void *touch(void *arg)
{
    struct touching *t = arg;
    struct err e = {.code = ERR_NONE};
    struct job_receipt receipt;
    t->rc = t->revives ? job_revive(t->s->jobs, t->id, &wants, &e) : job_erase(t->s->jobs, NULL, t->id, &wants, &receipt, &e);
    t->code = e.code;
    arena_thread_end();
    return NULL;
}

#define ERASED "UPDATE job SET key = x'', bundle = x'', plan = x'', input = NULL, erased_at = 1"

TEST(a_job_that_is_erased_at_the_same_moment_gets_no_new_tries_and_one_that_gets_them_is_not_erased)
{
    static const struct {
        const char *sql;
        bool revives;
        int rc;
        enum err_code code;
        const char *then;
    } row[] = {
        {ERASED, true, -1, ERR_CONFLICT, "job WHERE state = 'DEAD' AND erased_at = 1"},
        {ERASED, false, 1, ERR_NONE, "job WHERE state = 'DEAD' AND erased_at = 1"},
        {"UPDATE job SET state = 'QUEUED', error = NULL", false, -1, ERR_CONFLICT, "job WHERE state = 'QUEUED' AND erased_at IS NULL"},
    };
    if (!house_shared())
        return;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct shop s;
        shop_open(&s);
        struct touching t = {.s = &s, .revives = row[i].revives};
        accepted(&s, t.id);
        house_sql(&s.h, "UPDATE job SET state = 'DEAD', error = 'SANDBOX'");
        CHECK(house_beside(&s.h, row[i].sql, touch, &t));
        if (t.rc != row[i].rc || (t.rc < 0 && t.code != row[i].code) || count(&s, row[i].then) != 1)
            fail_msg("row %zu: %d, %s", i, t.rc, err_name(t.code));
        sound(&s);
        shop_close(&s);
    }
}

struct taking {
    struct shop *s;
    int got;
};

static void take_in(struct taking *t)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct job_claim c;
    t->got = claim(t->s, LEASE_US, a, &c);
    job_claim_end(t->s->jobs, &c);
}

static void *take_one(void *arg)
{
    take_in(arg);
    arena_thread_end();
    return NULL;
}

TEST(claims_beside_each_other_keep_to_a_limit)
{
    struct shop s;
    if (!house_shared())
        return;
    for (int limits = 0; limits < 3; limits++) {
        shop_open(&s);
        struct taking t = {.s = &s};
        jobs_limit(s.jobs, &(struct jobs_limits){.client_running = limits == 1, .model_running = limits == 2});
        accepted(&s, NULL);
        accepted(&s, NULL);
        bool waited = house_beside(&s.h,
                                   "SELECT pg_advisory_xact_lock(418430873974); UPDATE job SET state = 'RUNNING', fence = 1, attempts = 1, "
                                   "lease_until = 9e18::bigint WHERE id = (SELECT id FROM job ORDER BY turn LIMIT 1)",
                                   take_one, &t);
        if (waited != (limits > 0) || t.got != !limits)
            fail_msg("limit %d: %d, %d", limits, waited, t.got);
        shop_close(&s);
    }
}

TEST(lists_go_page_by_page_and_show_ones_own)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct rows r;
    uint8_t id[7][16];
    shop_open(&s);
    struct caller b = other_client(&s, "other");
    for (int i = 0; i < 7; i++)
        accept_as(&s, i == 3 ? &b : &s.caller, PRIORITY_ROUTINE, 0, id[i]);
    house_sql(&s.h, "UPDATE job SET created_at = 5"); /* the same instant: the id decides */
    struct job_filter f = {.caller = &s.caller, .most = 4};
    int seen = 0;
    for (int page = 0; page < 2; page++) {
        CHECK_OK(job_list(s.jobs, &f, a, &r, &e));
        CHECK_INT(r.n, page ? 2 : 4);
        for (int i = 0; i < r.n; i++, seen++)
            CHECK(memcmp(row_at(&r, i, 0)->s.p, id[3], 16) != 0);
        f.before_at = row_at(&r, r.n - 1, 4)->i;
        memcpy(f.before_id, row_at(&r, r.n - 1, 0)->s.p, 16);
    }
    CHECK_INT(seen, 6);
    static const struct {
        const char *state, *also, *model;
        int n;
    } row[] = {{NULL, NULL, NULL, 7}, {"QUEUED", NULL, NULL, 7}, {"FAILED", "QUEUED", NULL, 7}, {"FAILED", "DEAD", NULL, 0},
               {NULL, NULL, "m", 7}, {NULL, NULL, "n", 0}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct job_filter all = {.state = row[i].state, .also = row[i].also, .most = 100};
        if (row[i].model)
            all.model = slice_of(row[i].model);
        CHECK_OK(job_list(s.jobs, &all, a, &r, &e));
        CHECK_INT(r.n, row[i].n);
    }
    shop_close(&s);
}

/* --- many at once --- */

struct hand {
    struct shop *s;
    int taken;
};

static void *take_all(void *arg)
{
    struct hand *h = arg;
    for (;;) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct job_claim c;
        struct err e;
        int got = job_claim(h->s->jobs, LEASE_US, a, &c, &e);
        if (got == 1 && job_finish(h->s->jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e) != 1)
            got = -1;
        job_claim_end(h->s->jobs, &c);
        if (got != 1) {
            arena_free(a);
            a = NULL;
            arena_thread_end();
            return got ? "a claim failed" : NULL;
        }
        h->taken++;
    }
}

TEST(many_workers_take_each_job_once)
{
    struct shop s;
    pthread_t t[6];
    struct hand h[6];
    int sum = 0;
    shop_open(&s);
    for (int i = 0; i < 60; i++)
        accept_as(&s, &s.caller, i % PRIORITIES, 0, NULL);
    for (int i = 0; i < 6; i++) {
        h[i] = (struct hand){&s, 0};
        pthread_create(&t[i], NULL, take_all, &h[i]);
    }
    for (int i = 0; i < 6; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(bad == NULL);
        sum += h[i].taken;
    }
    /* where others lock a row, a worker may pass it over and find nothing: it would look again */
    CHECK(sum == 60 || (house_shared() && sum > 0));
    CHECK_INT(count(&s, "job WHERE state = 'COMPLETED' AND attempts = 1"), sum);
    sound(&s);
    shop_close(&s);
}

RUN(T(a_thousand_jobs_of_one_client_do_not_stand_before_another), T(the_most_urgent_goes_first_and_waiting_makes_urgent),
    T(a_client_and_a_model_at_their_limit_are_passed_over),
    T(a_claim_does_not_walk_past_all_that_waits_of_a_client_at_its_limit), T(a_waiting_job_is_cancelled_at_once),
    T(a_running_job_is_told_to_stop),
    T(a_job_that_is_cancelled_as_it_is_claimed_is_told_to_stop_at_once),
    T(a_job_that_is_erased_at_the_same_moment_gets_no_new_tries_and_one_that_gets_them_is_not_erased),
    T(claims_beside_each_other_keep_to_a_limit),
    T(a_result_that_comes_after_its_cancellation_is_not_kept),
    T(what_was_cancelled_while_its_worker_died_does_not_run_again), T(a_job_that_expired_is_not_run),
    T(an_erased_job_leaves_nothing_behind), T(only_what_is_old_enough_is_erased), T(the_dead_get_new_tries_from_an_operator_only),
    T(lists_go_page_by_page_and_show_ones_own), T(many_workers_take_each_job_once))
