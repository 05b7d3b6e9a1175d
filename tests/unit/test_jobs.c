#include "house.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "identity/client.h"
#include "jobs/job.h"

enum { LEASE_US = 60000000 };

/* A house with a client, a model and the jobs open. */
struct shop {
    struct house h;
    struct jobs *jobs;
    struct caller caller;
};

static const uint8_t model[32] = {0xDD, 1, 2};

static void become(struct shop *s, const char *name)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct client_secrets secrets;
    CHECK_OK(client_add(s->h.db, s->h.keyring, s->h.scope, name, "https://ehr.example", a, &secrets, &e));
    CHECK_OK(client_identify(s->h.db, s->h.scope, (struct slice){NULL, 0}, name, a, &s->caller, &e));
    s->caller.webhook_origin = NULL; /* it lay in the arena */
}

static void shop_open(struct shop *s)
{
    struct err e;
    house_build(&s->h);
    house_sql(&s->h, "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) "
                     "SELECT id, CAST(x'DD0102' || zeroblob(29) AS BLOB), 'm', '1.0.0', '{}', 0 FROM scope;");
    become(s, "bot");
    CHECK_OK(jobs_open(s->h.db, s->h.keyring, s->h.scope, &s->jobs, &e));
}

static void shop_close(struct shop *s)
{
    jobs_close(s->jobs);
    house_raze(&s->h);
}

static struct job_new order(struct shop *s)
{
    struct job_new n = {.caller = &s->caller,
                        .created_at = clock_now_us(),
                        .model = model,
                        .bundle = SLICE("{\"resourceType\":\"Bundle\",\"canary\":\"Zephyrine\"}"),
                        .plan = SLICE("{\"request\":{\"id\":\"x\"},\"decision\":{}}"),
                        .answer = SLICE("{\"status\":\"QUEUED\"}"),
                        .audit = {.actor = "bot", .role = "client", .action = "create", .outcome = "permit",
                                  .request = "r-1", .trace = "0af7651916cd43dd8448eb211c80319c"}};
    uuid7(n.id);
    sha256(n.bundle, n.digest);
    return n;
}

static void accepted(struct shop *s, uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct job_accepted r;
    struct job_new n = order(s);
    CHECK_OK(job_accept(s->jobs, &n, a, &r, &e));
    if (id)
        memcpy(id, n.id, 16);
}

static int claim(struct shop *s, int64_t lease_us, struct arena *a, struct job_claim *c)
{
    struct err e;
    int rc = job_claim(s->jobs, lease_us, a, c, &e);
    if (rc < 0)
        fail_msg("claim: %s", e.detail);
    return rc;
}

static int64_t count(struct shop *s, const char *what)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
    return house_number(&s->h, sql);
}

static void sound(struct shop *s)
{
    struct err e;
    CHECK_OK(job_check_invariants(s->jobs, &e));
}

static int view(struct shop *s, const struct caller *who, const uint8_t id[16], struct arena *a, struct job_view *v)
{
    struct err e;
    struct audit_entry entry = {.actor = who ? who->name : "operator", .action = "read", .outcome = "permit"};
    int rc = job_read(s->jobs, who, id, &entry, a, v, &e);
    if (rc < 0)
        fail_msg("read: %s", e.detail);
    return rc;
}

TEST(only_the_moves_of_the_table_are_legal)
{
    static const enum job_state from[] = {JOB_QUEUED, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED, JOB_EXPIRED, JOB_DEAD};
    /* rows from, columns to: queued, running, completed, failed, cancelled, expired, dead */
    static const char *const legal[] = {"-x--xx-", "x-xxx-x", "-------", "-------", "-------", "-------", "x------"};
    static const struct {
        const char *name, *text;
        bool ended;
    } state[] = {{"QUEUED", "QUEUED", false}, {"RUNNING", "PROCESSING", false}, {"COMPLETED", "COMPLETED", true},
                 {"FAILED", "FAILED", true}, {"CANCELLED", "CANCELLED", true}, {"EXPIRED", "EXPIRED", true}, {"DEAD", "FAILED", true}};
    CHECK_INT(JOB_STATES, COUNT(from));
    for (size_t f = 0; f < COUNT(from); f++) {
        for (size_t t = 0; t < COUNT(from); t++)
            CHECK_INT(job_move_legal(from[f], from[t]), legal[f][t] == 'x');
        CHECK_STR(job_state_name(from[f]), state[f].name);
        CHECK_STR(job_state_public(from[f]), state[f].text);
        CHECK_INT(job_state_ended(from[f]), state[f].ended);
    }
    CHECK_STR(job_error_text("TIMEOUT"), "the model did not answer in time");
    CHECK_STR(job_error_text("SOMETHING_NEW"), "SOMETHING_NEW");
}

TEST(an_accepted_job_is_there_after_reopening_and_sealed)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct rows r;
    struct job_view v;
    uint8_t id[16];
    shop_open(&s);
    accepted(&s, id);
    CHECK_INT(jobs_queued(s.jobs), 1);
    CHECK_INT(db_rows(s.h.db, a, &r, &e, "SELECT bundle, plan, key FROM job"), 1);
    for (int i = 0; i < 3; i++)
        CHECK(memmem(row_at(&r, 0, i)->s.p, row_at(&r, 0, i)->s.n, "Zephyrine", 9) == NULL);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM audit"), 1);

    jobs_close(s.jobs);
    keyring_close(s.h.keyring);
    db_close(s.h.db);
    CHECK_OK(db_open(s.h.db_path, false, &s.h.db, &e));
    CHECK_OK(keyring_open(s.h.key_path, s.h.db, &s.h.keyring, &e));
    CHECK_OK(jobs_open(s.h.db, s.h.keyring, s.h.scope, &s.jobs, &e));
    CHECK_INT(jobs_queued(s.jobs), 1);
    CHECK_INT(view(&s, &s.caller, id, a, &v), 1);
    CHECK_INT(v.state, JOB_QUEUED);
    CHECK(memcmp(v.model, model, 32) == 0);
    CHECK_STR(v.trace, "0af7651916cd43dd8448eb211c80319c");
    struct job_claim c;
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_SLICE(c.plan, "{\"request\":{\"id\":\"x\"},\"decision\":{}}");
    CHECK_STR(c.trace, "0af7651916cd43dd8448eb211c80319c");
    job_claim_end(s.jobs, &c);
    sound(&s);
    shop_close(&s);
}

TEST(the_same_idempotency_key_makes_one_job)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct job_accepted first, again;
    shop_open(&s);
    struct job_new n = order(&s);
    n.idempotency_key = SLICE("key-1");
    CHECK_OK(job_accept(s.jobs, &n, a, &first, &e));
    CHECK_INT(first.replayed, false);
    CHECK(memcmp(first.id, n.id, 16) == 0);

    uuid7(n.id); /* the client sends it again: a new id, the same body */
    n.answer = SLICE("{\"status\":\"QUEUED\",\"other\":1}");
    CHECK_OK(job_accept(s.jobs, &n, a, &again, &e));
    CHECK_INT(again.replayed, true);
    CHECK(memcmp(again.id, first.id, 16) == 0);
    CHECK_SLICE(again.answer, "{\"status\":\"QUEUED\"}");
    CHECK_INT(job_replay(s.jobs, &s.caller, n.idempotency_key, n.digest, &n.audit, a, &again, &e), 1);
    CHECK(memcmp(again.id, first.id, 16) == 0);
    CHECK_INT(count(&s, "job"), 1);
    CHECK_INT(jobs_queued(s.jobs), 1);

    n.digest[0] ^= 1; /* the same key with another body */
    CHECK_INT(job_accept(s.jobs, &n, a, &again, &e), -1);
    CHECK_INT(e.code, ERR_KEY_REUSED);
    CHECK_INT(job_replay(s.jobs, &s.caller, n.idempotency_key, n.digest, &n.audit, a, &again, &e), -1);
    CHECK_INT(e.code, ERR_KEY_REUSED);
    CHECK_INT(count(&s, "job"), 1);

    become(&s, "other"); /* another client's key of the same name is another key */
    n.caller = &s.caller;
    CHECK_INT(job_replay(s.jobs, &s.caller, n.idempotency_key, n.digest, &n.audit, a, &again, &e), 0);
    CHECK_OK(job_accept(s.jobs, &n, a, &again, &e));
    CHECK_INT(again.replayed, false);
    CHECK_INT(count(&s, "job"), 2);
    sound(&s);
    shop_close(&s);
}

TEST(a_job_that_cannot_be_audited_is_not_accepted)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct job_accepted r;
    shop_open(&s);
    house_sql(&s.h, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the disk is full'); END;");
    struct job_new n = order(&s);
    n.idempotency_key = SLICE("key-1");
    CHECK_INT(job_accept(s.jobs, &n, a, &r, &e), -1);
    CHECK_INT(count(&s, "job"), 0);
    CHECK_INT(count(&s, "idempotency"), 0);
    CHECK_INT(jobs_queued(s.jobs), 0);
    shop_close(&s);
}

TEST(jobs_are_claimed_oldest_first_and_each_once)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    uint8_t id[5][16];
    shop_open(&s);
    for (int i = 0; i < 5; i++)
        accepted(&s, id[i]);
    for (int i = 0; i < 5; i++) {
        struct job_claim c;
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        CHECK(memcmp(c.id, id[i], 16) == 0);
        CHECK_INT(c.fence, 1);
        CHECK_INT(c.attempts, 1);
        CHECK_INT(jobs_queued(s.jobs), 4 - i);
        job_claim_end(s.jobs, &c);
    }
    struct job_claim none;
    CHECK_INT(claim(&s, LEASE_US, a, &none), 0);
    sound(&s);
    shop_close(&s);
}

static void nap(int ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }

TEST(a_lease_that_ran_out_is_taken_over_and_the_late_worker_changes_nothing)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim late, now;
    struct job_view v;
    uint8_t id[16];
    shop_open(&s);
    accepted(&s, id);
    CHECK_INT(claim(&s, 1000, a, &late), 1);
    CHECK_INT(job_heartbeat(s.jobs, &late, 1000, &e), 1);
    nap(5);
    if (house_shared()) /* elsewhere the claim does it when it finds nothing */
        CHECK_OK(job_sweep(s.jobs, &e));
    CHECK_INT(claim(&s, LEASE_US, a, &now), 1);
    CHECK(memcmp(now.id, id, 16) == 0);
    CHECK_INT(now.fence, late.fence + 1);
    CHECK_INT(now.attempts, 2);

    CHECK_INT(job_heartbeat(s.jobs, &late, LEASE_US, &e), 0);
    CHECK_INT(job_finish(s.jobs, &late, SLICE("{\"score\":1}"), SLICE("log"), NULL, a, &e), 0);
    CHECK_INT(job_retry(s.jobs, &late, "SANDBOX", &e), 0);
    CHECK_INT(view(&s, &s.caller, id, a, &v), 1);
    CHECK_INT(v.state, JOB_RUNNING);
    CHECK_INT(count(&s, "job WHERE result IS NOT NULL"), 0);
    CHECK_INT(count(&s, "webhook_event"), 0);

    CHECK_INT(job_finish(s.jobs, &now, SLICE("{\"score\":2}"), SLICE("log"), NULL, a, &e), 1);
    CHECK_INT(job_finish(s.jobs, &now, SLICE("{\"score\":3}"), SLICE("log"), NULL, a, &e), 0); /* once */
    CHECK_INT(job_finish(s.jobs, &late, SLICE("{\"score\":1}"), SLICE("log"), NULL, a, &e), 0);
    CHECK_INT(view(&s, &s.caller, id, a, &v), 1);
    CHECK_INT(v.state, JOB_COMPLETED);
    CHECK_SLICE(v.result, "{\"score\":2}");
    job_claim_end(s.jobs, &late);
    job_claim_end(s.jobs, &now);
    sound(&s);
    shop_close(&s);
}

TEST(an_ended_job_writes_its_audit_entry_and_its_event_in_the_same_step)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_accepted r;
    struct job_claim c;
    struct job_view v;
    shop_open(&s);
    struct job_new n = order(&s);
    n.webhook = true;
    CHECK_OK(job_accept(s.jobs, &n, a, &r, &e));
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s.jobs, &c, (struct slice){NULL, 0}, SLICE("Zephyrine"), "TIMEOUT", a, &e), 1);
    job_claim_end(s.jobs, &c);
    CHECK_INT(count(&s, "webhook_event WHERE kind = 'job.ended' AND next_at IS NOT NULL"), 1);
    CHECK_INT(count(&s, "audit"), 2);
    CHECK_INT(count(&s, "job WHERE error = 'TIMEOUT' AND result IS NULL AND lease_until IS NULL"), 1);
    CHECK_INT(count(&s, "job WHERE instr(vendor_log, 'Zephyrine') > 0"), 0);
    CHECK_INT(view(&s, &s.caller, n.id, a, &v), 1);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "TIMEOUT");
    CHECK(v.result.p == NULL);
    sound(&s);
    shop_close(&s);
}

TEST(a_fault_of_ours_is_tried_again_later_each_time_until_the_job_is_dead)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    uint8_t id[16];
    shop_open(&s);
    accepted(&s, id);
    for (int i = 1; i <= JOB_TRIES; i++) {
        struct job_claim c;
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        CHECK_INT(c.attempts, i);
        int64_t before = clock_now_us();
        CHECK_INT(job_retry(s.jobs, &c, "SANDBOX", &e), 1);
        job_claim_end(s.jobs, &c);
        if (i == JOB_TRIES)
            break;
        /* 1 s, doubled each time, give or take a fifth */
        int64_t wait = house_number(&s.h, "SELECT not_before FROM job") - before, want = 1000000LL << (i - 1);
        CHECK(wait >= want * 8 / 10 && wait <= want * 12 / 10 + 2000000);
        CHECK_INT(count(&s, "job WHERE state = 'QUEUED' AND error = 'SANDBOX'"), 1);
        CHECK_INT(claim(&s, LEASE_US, a, &c), 0); /* not due yet */
        sound(&s);
        house_sql(&s.h, "UPDATE job SET not_before = 0;");
    }
    CHECK_INT(count(&s, "job WHERE state = 'DEAD' AND error = 'SANDBOX'"), 1);
    CHECK_INT(jobs_queued(s.jobs), 0);
    sound(&s);
    shop_close(&s);
}

TEST(after_a_crash_running_jobs_are_queued_again_and_one_that_always_kills_its_worker_fails)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    uint8_t id[3][16];
    shop_open(&s);
    for (int i = 0; i < 3; i++)
        accepted(&s, id[i]);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        job_claim_end(s.jobs, &c);
    }
    house_sql(&s.h, "UPDATE job SET attempts = 5 WHERE state = 'RUNNING' AND id = (SELECT id FROM job ORDER BY id LIMIT 1);");
    jobs_close(s.jobs);
    CHECK_OK(jobs_open(s.h.db, s.h.keyring, s.h.scope, &s.jobs, &e));
    if (house_shared()) { /* there leases have to run out */
        CHECK_OK(job_sweep(s.jobs, &e));
        CHECK_INT(count(&s, "job WHERE state = 'RUNNING'"), 2);
        house_sql(&s.h, "UPDATE job SET lease_until = 1 WHERE state = 'RUNNING'");
        CHECK_OK(job_sweep(s.jobs, &e));
    } else {
        CHECK_OK(job_recover(s.jobs, &e));
    }
    CHECK_INT(count(&s, "job WHERE state = 'QUEUED'"), 2);
    CHECK_INT(count(&s, "job WHERE state = 'DEAD' AND error = 'WORKER_LOST'"), 1);
    CHECK_INT(jobs_queued(s.jobs), 2);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    job_claim_end(s.jobs, &c);
    if (!house_shared())
        CHECK_OK(job_recover(s.jobs, &e)); /* again is no harm */
    sound(&s);
    shop_close(&s);
}

TEST(a_client_sees_its_own_jobs_only_and_every_look_is_in_the_log)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_view v;
    struct job_claim c;
    struct caller mine;
    uint8_t id[16], none[16] = {9};
    shop_open(&s);
    mine = s.caller;
    accepted(&s, id);
    CHECK_INT(view(&s, &mine, none, a, &v), 0);
    become(&s, "other");
    CHECK_INT(view(&s, &s.caller, id, a, &v), 0);
    CHECK_INT(count(&s, "audit"), 3); /* accepted, absent, not-own */
    CHECK_INT(view(&s, NULL, id, a, &v), 1); /* the operator */
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    job_claim_end(s.jobs, &c);
    int64_t before = count(&s, "audit");
    CHECK_INT(view(&s, &mine, id, a, &v), 1);
    CHECK_INT(count(&s, "audit"), before + 1); /* a result was disclosed */
    CHECK_INT(count(&s, "audit WHERE instr(entry, CAST('0af7651916cd43dd8448eb211c80319c' AS BLOB)) > 0"), 3); /* in the job's trace */

    house_sql(&s.h, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the disk is full'); END;");
    struct audit_entry entry = {.action = "read", .outcome = "permit"};
    CHECK_INT(job_read(s.jobs, &mine, id, &entry, a, &v, &e), -1); /* what cannot be noted is not told */
    shop_close(&s);
}

TEST(without_its_key_a_job_cannot_be_opened)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    struct job_view v;
    uint8_t id[2][16];
    shop_open(&s);
    accepted(&s, id[0]);
    accepted(&s, id[1]);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        CHECK_INT(job_finish(s.jobs, &c, SLICE("{\"score\":2}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
        job_claim_end(s.jobs, &c);
    }
    struct audit_entry entry = {.action = "read", .outcome = "permit"};
    house_sql(&s.h, "CREATE TABLE x AS SELECT * FROM job;"
                    "UPDATE job SET result = (SELECT result FROM x WHERE x.id <> job.id);"); /* two results, swapped */
    CHECK_INT(job_read(s.jobs, &s.caller, id[0], &entry, a, &v, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    house_sql(&s.h, "UPDATE job SET result = (SELECT result FROM x WHERE x.id = job.id);");
    CHECK_INT(view(&s, &s.caller, id[0], a, &v), 1);
    house_sql(&s.h, "PRAGMA foreign_keys=OFF; UPDATE job SET client = zeroblob(16);"); /* given to another client */
    CHECK_INT(job_read(s.jobs, NULL, id[0], &entry, a, &v, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    house_sql(&s.h, "PRAGMA foreign_keys=OFF; UPDATE job SET client = (SELECT client FROM x WHERE x.id = job.id);");
    CHECK_INT(view(&s, &s.caller, id[0], a, &v), 1);
    house_sql(&s.h, "UPDATE job SET key = zeroblob(length(key));");
    CHECK_INT(job_read(s.jobs, &s.caller, id[0], &entry, a, &v, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    shop_close(&s);
}

TEST(every_planted_breakage_is_found_by_the_invariants)
{
    static const struct {
        const char *sql, *sentence;
    } row[] = {
        {"UPDATE job SET state = 'LOST'", "a job in an unknown state"},
        {"UPDATE job SET state = 'COMPLETED'", "a result without completion"},
        {"UPDATE job SET result = x'00'", "a result without completion"},
        {"UPDATE job SET state = 'FAILED'", "a failed job without its reason"},
        {"UPDATE job SET state = 'RUNNING'", "a running job without a lease"},
        {"UPDATE job SET state = 'RUNNING', lease_until = 1", "a running job without a lease"},
        {"INSERT INTO idempotency SELECT scope, client, x'00', x'00', x'00', 202, '', 0 FROM job", "an idempotency key without its job"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct shop s;
        struct err e;
        shop_open(&s);
        accepted(&s, NULL);
        sound(&s);
        house_sql(&s.h, row[i].sql);
        CHECK_INT(job_check_invariants(s.jobs, &e), -1);
        if (!strstr(e.detail, row[i].sentence))
            fail_msg("row %zu: '%s'", i, e.detail);
        shop_close(&s);
    }
}

TEST(a_ring_is_kept_for_the_worker_that_comes_late)
{
    struct shop s;
    shop_open(&s);
    jobs_ring(s.jobs);
    int64_t start = clock_mono_us();
    jobs_wait(s.jobs, 5000); /* rung already */
    CHECK(clock_mono_us() - start < 2000000);
    start = clock_mono_us();
    jobs_wait(s.jobs, 30);
    CHECK(clock_mono_us() - start >= 29000);
    jobs_ring_all(s.jobs);
    start = clock_mono_us();
    jobs_wait(s.jobs, 5000);
    jobs_wait(s.jobs, 5000);
    CHECK(clock_mono_us() - start < 2000000);
    shop_close(&s);
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
    CHECK_INT(job_erase(s.jobs, &s.caller, id, &wants, &receipt, &e), 1);
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

RUN(T(only_the_moves_of_the_table_are_legal), T(an_accepted_job_is_there_after_reopening_and_sealed),
    T(the_same_idempotency_key_makes_one_job), T(a_job_that_cannot_be_audited_is_not_accepted),
    T(jobs_are_claimed_oldest_first_and_each_once),
    T(a_lease_that_ran_out_is_taken_over_and_the_late_worker_changes_nothing),
    T(an_ended_job_writes_its_audit_entry_and_its_event_in_the_same_step),
    T(a_fault_of_ours_is_tried_again_later_each_time_until_the_job_is_dead),
    T(after_a_crash_running_jobs_are_queued_again_and_one_that_always_kills_its_worker_fails),
    T(a_client_sees_its_own_jobs_only_and_every_look_is_in_the_log), T(without_its_key_a_job_cannot_be_opened),
    T(every_planted_breakage_is_found_by_the_invariants), T(a_ring_is_kept_for_the_worker_that_comes_late),
    T(a_thousand_jobs_of_one_client_do_not_stand_before_another), T(the_most_urgent_goes_first_and_waiting_makes_urgent),
    T(a_client_and_a_model_at_their_limit_are_passed_over), T(a_waiting_job_is_cancelled_at_once),
    T(a_running_job_is_told_to_stop), T(what_was_cancelled_while_its_worker_died_does_not_run_again), T(a_job_that_expired_is_not_run),
    T(an_erased_job_leaves_nothing_behind), T(only_what_is_old_enough_is_erased), T(the_dead_get_new_tries_from_an_operator_only),
    T(lists_go_page_by_page_and_show_ones_own), T(many_workers_take_each_job_once))
