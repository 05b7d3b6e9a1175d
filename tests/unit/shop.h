/* shop.h -- a house with jobs in it: a client, a model's row, jobs accepted, claimed and looked at. */
#ifndef SHOP_H
#define SHOP_H

#include "house.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "identity/client.h"
#include "jobs/job.h"

enum { LEASE_US = 30000000 }; /* below what is taken for another clock (WAIT_MAX_US) */

/* A house with a client, a model and the jobs open. */
struct shop {
    struct house h;
    struct jobs *jobs;
    struct caller caller;
};

static const uint8_t model[32] = {0xDD, 1, 2};

static inline void become(struct shop *s, const char *name)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct client_secrets secrets;
    CHECK_OK(client_add(s->h.db, s->h.keyring, s->h.scope, name, "https://ehr.example", &operator_does, a, &secrets, &e));
    CHECK_OK(client_identify(s->h.db, s->h.scope, (struct slice){NULL, 0}, name, a, &s->caller, &e));
    s->caller.webhook_origin = NULL; /* it lay in the arena */
}

static inline void shop_open(struct shop *s)
{
    struct err e;
    house_build(&s->h);
    house_sql(&s->h, "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) "
                     "SELECT id, CAST(x'DD0102' || zeroblob(29) AS BLOB), 'm', '1.0.0', '{}', 0 FROM scope;");
    become(s, "bot");
    CHECK_OK(jobs_open(s->h.db, s->h.keyring, s->h.scope, &s->jobs, &e));
}

static inline void shop_close(struct shop *s)
{
    jobs_close(s->jobs);
    house_raze(&s->h);
}

static inline struct job_new order(struct shop *s)
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

static inline void accepted(struct shop *s, uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct job_accepted r;
    struct job_new n = order(s);
    CHECK_OK(job_accept(s->jobs, &n, a, &r, &e));
    if (id)
        memcpy(id, n.id, 16);
}

static inline int claim(struct shop *s, int64_t lease_us, struct arena *a, struct job_claim *c)
{
    struct err e;
    int rc = job_claim(s->jobs, lease_us, a, c, &e);
    if (rc < 0)
        fail_msg("claim: %s", e.detail);
    return rc;
}

static inline int64_t count(struct shop *s, const char *what)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
    return house_number(&s->h, sql);
}

static inline void sound(struct shop *s)
{
    struct err e;
    CHECK_OK(job_check_invariants(s->jobs, &e));
}

static inline int view(struct shop *s, const struct caller *who, const uint8_t id[16], struct arena *a, struct job_view *v)
{
    struct err e;
    struct audit_entry entry = {.actor = who ? who->name : "operator", .action = "read", .outcome = "permit"};
    int rc = job_read(s->jobs, who, id, &entry, a, v, &e);
    if (rc < 0)
        fail_msg("read: %s", e.detail);
    return rc;
}

static inline void nap(int ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }


#endif
