#include "house.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "identity/client.h"
#include "jobs/watch.h"

enum { LEASE_US = 60000000 };

/* A house with two clients, a model and the jobs open. */
struct shop {
    struct house h;
    struct jobs *jobs;
    struct caller bot, other;
};

static const uint8_t model[32] = {0xDD, 1, 2};

static void become(struct shop *s, const char *name, struct caller *ret)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct client_secrets secrets;
    CHECK_OK(client_add(s->h.db, s->h.keyring, s->h.scope, name, NULL, &operator_does, a, &secrets, &e));
    CHECK_OK(client_identify(s->h.db, s->h.scope, (struct slice){NULL, 0}, name, a, ret, &e));
}

static void shop_open(struct shop *s)
{
    struct err e;
    house_build(&s->h);
    house_sql(&s->h, "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) "
                     "SELECT id, CAST(x'DD0102' || zeroblob(29) AS BLOB), 'm', '1.0.0', '{}', 0 FROM scope;");
    become(s, "bot", &s->bot);
    become(s, "other", &s->other);
    CHECK_OK(jobs_open(s->h.db, s->h.keyring, s->h.scope, &s->jobs, &e));
}

static void shop_close(struct shop *s)
{
    jobs_close(s->jobs);
    house_raze(&s->h);
}

static void accepted(struct shop *s, uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct job_accepted r;
    struct job_new n = {.caller = &s->bot,
                        .created_at = clock_now_us(),
                        .model = model,
                        .bundle = SLICE("{}"),
                        .plan = SLICE("{\"request\":{\"id\":\"x\"},\"decision\":{}}"),
                        .answer = SLICE("{}"),
                        .audit = {.actor = "bot", .role = "client", .action = "create", .outcome = "permit"}};
    uuid7(n.id);
    memcpy(id, n.id, 16);
    CHECK_OK(job_accept(s->jobs, &n, a, &r, &e));
}

/* The state of one job as a watcher sees it. */
static struct job_now now_of(struct shop *s, const uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct job_now now;
    uint8_t one[1][16];
    memcpy(one[0], id, 16);
    CHECK_INT(job_watched(s->jobs, one, 1, a, &now, &e), 1);
    CHECK(memcmp(now.id, id, 16) == 0);
    now.error = now.error ? "some" : NULL; /* it lies in the arena */
    return now;
}

/* Was the feed rung since *seen? Ends *seen up to date. */
static bool rung(struct shop *s, uint64_t *seen)
{
    uint64_t before = *seen;
    jobs_changed_wait(s->jobs, seen, 1);
    return *seen != before;
}

TEST(every_move_rings_and_is_another_moment)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct shop s;
    struct job_claim c;
    uint8_t id[16];
    uint64_t seen = 0;
    shop_open(&s);
    rung(&s, &seen);
    CHECK(!rung(&s, &seen));
    CHECK_INT(job_claim(s.jobs, LEASE_US, a, &c, &e), 0);
    CHECK(!rung(&s, &seen)); /* nothing moved */

    accepted(&s, id);
    CHECK(rung(&s, &seen));
    struct job_now queued = now_of(&s, id);
    CHECK_INT(queued.state, JOB_QUEUED);
    CHECK_INT(queued.attempts, 0);

    CHECK_INT(job_claim(s.jobs, LEASE_US, a, &c, &e), 1);
    CHECK(rung(&s, &seen));
    struct job_now running = now_of(&s, id);
    CHECK_INT(running.state, JOB_RUNNING);
    CHECK_INT(running.attempts, 1);
    CHECK(running.updated_at > queued.updated_at);

    CHECK_INT(job_heartbeat(s.jobs, &c, LEASE_US, &e), 1);
    CHECK_INT(now_of(&s, id).updated_at, running.updated_at); /* no move */

    CHECK_INT(job_retry(s.jobs, &c, "SANDBOX", &e), 1);
    CHECK(rung(&s, &seen));
    CHECK_INT(now_of(&s, id).state, JOB_QUEUED);
    job_claim_end(s.jobs, &c);

    house_sql(&s.h, "UPDATE job SET not_before = 0");
    CHECK_INT(job_claim(s.jobs, LEASE_US, a, &c, &e), 1);
    rung(&s, &seen);
    CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    CHECK(rung(&s, &seen));
    CHECK_INT(now_of(&s, id).state, JOB_COMPLETED);
    CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 0);
    CHECK(!rung(&s, &seen));
    job_claim_end(s.jobs, &c);
    shop_close(&s);
}

TEST(a_job_that_is_no_longer_wanted_rings_too)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct shop s;
    struct job_claim c;
    uint8_t id[16];
    uint64_t seen = 0;
    enum job_cancel how;
    const struct audit_entry entry = {.actor = "bot", .role = "client", .action = "delete", .outcome = "permit"};
    shop_open(&s);
    accepted(&s, id);
    rung(&s, &seen);
    CHECK_OK(job_cancel(s.jobs, &s.bot, id, &entry, &how, &e));
    CHECK(rung(&s, &seen));
    CHECK_INT(now_of(&s, id).state, JOB_CANCELLED);

    accepted(&s, id);
    CHECK_INT(job_claim(s.jobs, LEASE_US, a, &c, &e), 1);
    rung(&s, &seen);
    house_sql(&s.h, "UPDATE job SET lease_until = 0, attempts = 9 WHERE state = 'RUNNING'");
    CHECK_OK(job_sweep(s.jobs, &e));
    CHECK(rung(&s, &seen));
    CHECK_INT(now_of(&s, id).state, JOB_DEAD);
    CHECK_INT(job_revive(s.jobs, id, &entry, &e), 1);
    CHECK(rung(&s, &seen));
    CHECK_INT(now_of(&s, id).state, JOB_QUEUED);
    CHECK_OK(job_sweep(s.jobs, &e));
    CHECK(!rung(&s, &seen)); /* nothing moved */
    job_claim_end(s.jobs, &c);
    shop_close(&s);
}

TEST(only_those_that_are_there_are_answered_up_to_the_most)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct shop s;
    uint8_t id[WATCH_MAX + 1][16];
    struct job_now now[WATCH_MAX + 1];
    shop_open(&s);
    for (int i = 0; i < WATCH_MAX; i++)
        accepted(&s, id[i]);
    CHECK_INT(job_watched(s.jobs, id, WATCH_MAX, a, now, &e), WATCH_MAX);
    CHECK_INT(job_watched(s.jobs, id, 3, a, now, &e), 3);
    rnd_bytes(id[1], 16);
    CHECK_INT(job_watched(s.jobs, id, 3, a, now, &e), 2);
    CHECK_INT(job_watched(s.jobs, id, 0, a, now, &e), 0);
    CHECK_INT(job_watched(s.jobs, id, WATCH_MAX + 1, a, now, &e), -1);
    shop_close(&s);
}

static int watch(struct shop *s, const struct caller *who, const uint8_t id[16], struct job_now *now)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct audit_entry entry = {.actor = who->name, .role = "client", .action = "read", .outcome = "permit"};
    int rc = job_watch(s->jobs, who, id, &entry, a, now, &e);
    if (rc < 0)
        fail_msg("watch: %s", e.detail);
    return rc;
}

TEST(a_job_is_watched_by_its_client_alone_and_each_look_is_audited)
{
    struct shop s;
    struct job_now now;
    uint8_t id[16], none[16] = {1};
    shop_open(&s);
    accepted(&s, id);
    int64_t before = house_number(&s.h, "SELECT count(*) FROM audit");
    CHECK_INT(watch(&s, &s.bot, id, &now), 1);
    CHECK_INT(now.state, JOB_QUEUED);
    CHECK_INT(watch(&s, &s.other, id, &now), 0);
    CHECK_INT(watch(&s, &s.bot, none, &now), 0);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM audit"), before + 3);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM audit WHERE instr(entry, CAST('not-own' AS BLOB)) > 0"), 1);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM audit WHERE instr(entry, CAST('absent' AS BLOB)) > 0"), 1);
    shop_close(&s);
}

TEST(waiting_jobs_are_counted_by_client_up_to_the_most_asked_for)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct shop s;
    struct job_claim c;
    uint8_t id[16];
    shop_open(&s);
    for (int i = 0; i < 5; i++)
        accepted(&s, id);
    CHECK_INT(job_waiting(s.jobs, &s.bot, 100, a, &e), 5);
    CHECK_INT(job_waiting(s.jobs, &s.bot, 3, a, &e), 3);
    CHECK_INT(job_waiting(s.jobs, &s.other, 100, a, &e), 0);
    CHECK_INT(job_claim(s.jobs, LEASE_US, a, &c, &e), 1);
    job_claim_end(s.jobs, &c);
    CHECK_INT(job_waiting(s.jobs, &s.bot, 100, a, &e), 4); /* one runs */
    shop_close(&s);
}

/* --- threads --- */

struct waiting {
    struct jobs *jobs;
    atomic_bool *ending;
    atomic_int begun, woken;
};

static void *wait_for_moves(void *arg)
{
    struct waiting *w = arg;
    uint64_t seen = 0;
    atomic_store(&w->begun, 1);
    do {
        jobs_changed_wait(w->jobs, &seen, 5000);
        atomic_fetch_add(&w->woken, 1);
    } while (!atomic_load(w->ending));
    return NULL;
}

TEST(all_who_wait_are_woken_at_once_and_no_ring_is_lost)
{
    struct shop s;
    atomic_bool ending = false;
    struct waiting w[3];
    pthread_t t[3];
    shop_open(&s);
    for (int i = 0; i < 3; i++) {
        w[i] = (struct waiting){.jobs = s.jobs, .ending = &ending};
        pthread_create(&t[i], NULL, wait_for_moves, &w[i]);
    }
    for (int i = 0; i < 3; i++)
        while (!atomic_load(&w[i].begun))
            usleep(1000);
    for (int i = 0; i < 1000; i++)
        jobs_changed(s.jobs);
    int64_t begun = clock_mono_us();
    atomic_store(&ending, true);
    jobs_changed(s.jobs);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    CHECK(clock_mono_us() - begun < 2000000); /* not after their 5 s */
    for (int i = 0; i < 3; i++)
        CHECK(atomic_load(&w[i].woken) >= 1);
    begun = clock_mono_us();
    uint64_t seen = 0;
    jobs_changed_wait(s.jobs, &seen, 5000); /* rung before it began to wait */
    CHECK(clock_mono_us() - begun < 2000000);
    jobs_changed_wait(s.jobs, &seen, 50);
    CHECK(clock_mono_us() - begun >= 50000);
    shop_close(&s);
}

RUN(T(every_move_rings_and_is_another_moment), T(a_job_that_is_no_longer_wanted_rings_too),
    T(only_those_that_are_there_are_answered_up_to_the_most),
    T(a_job_is_watched_by_its_client_alone_and_each_look_is_audited),
    T(waiting_jobs_are_counted_by_client_up_to_the_most_asked_for), T(all_who_wait_are_woken_at_once_and_no_ring_is_lost))
