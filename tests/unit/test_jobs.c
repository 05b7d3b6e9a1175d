#include "shop.h"

TEST(only_the_moves_of_the_table_are_legal)
{
    static const enum job_state from[] = {JOB_QUEUED, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED, JOB_EXPIRED, JOB_DEAD};
    /* rows from, columns to: queued, running, completed, failed, cancelled, expired, dead */
    static const char *const legal[] = {"-x--xxx", "x-xxx-x", "-------", "-------", "-------", "-------", "x------"};
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
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM audit"), 2); /* the client, the job */

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

TEST(jobs_for_one_bundle_are_accepted_together_or_none_is)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct job_accepted first, again;
    struct job_view v;
    struct job_also also[JOBS_TOGETHER] = {{.model = model, .plan = SLICE("{\"request\":{\"id\":\"y\"},\"decision\":{}}")},
                                           {.model = model, .plan = SLICE("{\"request\":{\"id\":\"z\"},\"decision\":{}}")}};
    shop_open(&s);
    struct job_new n = order(&s);
    int64_t told = count(&s, "audit");
    n.idempotency_key = SLICE("key-1");
    n.also = also;
    n.alsos = 2;
    uuid7(also[0].id);
    memcpy(also[1].id, also[0].id, 16); /* the third cannot be stored */
    CHECK_INT(job_accept(s.jobs, &n, a, &first, &e), -1);
    CHECK_INT(count(&s, "job"), 0);
    CHECK_INT(count(&s, "idempotency"), 0);
    CHECK_INT(count(&s, "audit"), told);
    CHECK_INT(jobs_queued(s.jobs), 0);

    uuid7(also[1].id);
    CHECK_OK(job_accept(s.jobs, &n, a, &first, &e));
    CHECK(memcmp(first.id, n.id, 16) == 0);
    CHECK_INT(count(&s, "job"), 3);
    CHECK_INT(count(&s, "audit"), told + 3);
    CHECK_INT(jobs_queued(s.jobs), 3);
    CHECK_INT(view(&s, &s.caller, also[1].id, a, &v), 1);
    CHECK_INT(v.state, JOB_QUEUED);

    CHECK_OK(job_accept(s.jobs, &n, a, &again, &e)); /* again: the first answer, and nothing more */
    CHECK_INT(again.replayed, true);
    CHECK(memcmp(again.id, n.id, 16) == 0);
    CHECK_INT(count(&s, "job"), 3);
    CHECK_INT(jobs_queued(s.jobs), 3);
    static const char *const plan[] = {"\"x\"", "\"y\"", "\"z\""};
    for (int i = 0; i < 3; i++) { /* each is its own, and they go in their order */
        struct job_claim c;
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        CHECK(strstr(arena_str(a, c.plan), plan[i]));
        job_claim_end(s.jobs, &c);
    }
    n.alsos = JOBS_TOGETHER;
    CHECK_INT(job_accept(s.jobs, &n, a, &again, &e), -1);
    CHECK_INT(e.code, ERR_INTERNAL);
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
    CHECK_INT(count(&s, "audit"), 3); /* the client is made, accepted, ended */
    CHECK_INT(count(&s, "job WHERE error = 'TIMEOUT' AND result IS NULL AND lease_until IS NULL"), 1);
    CHECK_INT(count(&s, "job WHERE instr(vendor_log, 'Zephyrine') > 0"), 0);
    CHECK_INT(view(&s, &s.caller, n.id, a, &v), 1);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "TIMEOUT");
    CHECK(v.result.p == NULL);
    sound(&s);
    shop_close(&s);
}

/* Its worker is lost as often as there are tries. */
static void kills_its_workers(struct shop *s, const uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct job_claim c;
    for (int i = 0; i < JOB_TRIES; i++) {
        CHECK_INT(claim(s, LEASE_US, a, &c), 1);
        CHECK(memcmp(c.id, id, 16) == 0);
        job_claim_end(s->jobs, &c);
        house_sql(&s->h, "UPDATE job SET lease_until = 1 WHERE state = 'RUNNING'");
        CHECK_OK(job_sweep(s->jobs, &e));
    }
    CHECK_INT(count(s, "job WHERE state = 'DEAD' AND error = 'WORKER_LOST'"), 1);
}

TEST(an_input_that_took_down_every_worker_is_not_run_again_under_another_id)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    struct job_accepted r;
    struct audit_entry wants = {.actor = "operator", .action = "update", .outcome = "permit"};
    uint8_t first[16], again[16];
    shop_open(&s);
    accepted(&s, first);
    kills_its_workers(&s, first);
    accepted(&s, again);
    struct job_new other = order(&s);
    other.bundle = SLICE("{\"resourceType\":\"Bundle\",\"canary\":\"Another\"}");
    CHECK_OK(job_accept(s.jobs, &other, a, &r, &e));
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1); /* past the one that is not run */
    CHECK(memcmp(c.id, other.id, 16) == 0);
    job_claim_end(s.jobs, &c);
    CHECK_INT(count(&s, "job WHERE state = 'DEAD' AND error = 'POISON' AND attempts = 0"), 1);
    CHECK_INT(jobs_queued(s.jobs), 0);
    CHECK_INT(job_revive(s.jobs, first, &wants, &e), 1); /* an operator knows better */
    CHECK_INT(job_revive(s.jobs, again, &wants, &e), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
        job_claim_end(s.jobs, &c);
    }
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
    house_sql(&s.h, "UPDATE job SET input = id"); /* three Bundles, not one that comes three times */
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
    CHECK_INT(count(&s, "audit"), 5); /* two clients are made, accepted, absent, not-own */
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

RUN(T(only_the_moves_of_the_table_are_legal), T(an_accepted_job_is_there_after_reopening_and_sealed),
    T(the_same_idempotency_key_makes_one_job), T(jobs_for_one_bundle_are_accepted_together_or_none_is),
    T(a_job_that_cannot_be_audited_is_not_accepted),
    T(jobs_are_claimed_oldest_first_and_each_once), T(a_lease_that_ran_out_is_taken_over_and_the_late_worker_changes_nothing),
    T(an_ended_job_writes_its_audit_entry_and_its_event_in_the_same_step),
    T(an_input_that_took_down_every_worker_is_not_run_again_under_another_id),
    T(a_fault_of_ours_is_tried_again_later_each_time_until_the_job_is_dead),
    T(after_a_crash_running_jobs_are_queued_again_and_one_that_always_kills_its_worker_fails),
    T(a_client_sees_its_own_jobs_only_and_every_look_is_in_the_log), T(without_its_key_a_job_cannot_be_opened),
    T(every_planted_breakage_is_found_by_the_invariants), T(a_ring_is_kept_for_the_worker_that_comes_late))
