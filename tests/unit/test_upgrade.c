/* A store that an older program left, with what it holds, brought to the present. */
#include "house.h"

#include "audit/verify.h"
#include "base/clock.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "jobs/job.h"
#include "store/place.h"

enum { JOBS = 5 };

struct old {
    struct house h;
    int schema;
    uint8_t client[16], job[JOBS][16];
};

static const uint8_t digest[32] = {0xDD, 7};
static const char *const state[JOBS] = {"COMPLETED", "FAILED", "QUEUED", "RUNNING", "DEAD"};

static int put_client(struct tx *tx, const struct old *o, struct err *e)
{
    if (tx_exec(tx, e,
                "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) VALUES ($1, $2, 'm', "
                "'1', '{}', 5)",
                V_ID(o->h.scope), V_BYTES(digest, 32)) < 0 ||
        tx_exec(tx, e,
                "INSERT INTO model_alias (scope, key, alias, digest, updated_at) VALUES ($1, 'm', 'stable', $2, 6)",
                V_ID(o->h.scope), V_BYTES(digest, 32)) < 0)
        return -1;
    if (o->schema < 3)
        return tx_exec(tx, e,
                       "INSERT INTO client (scope, id, name, key_hash, webhook_secret, webhook_origin, created_at) "
                       "VALUES ($1, $2, 'bot', "
                       "$3, $4, 'https://ehr.example', 7)",
                       V_ID(o->h.scope), V_ID(o->client), V_BYTES("hash", 4), V_BYTES("sealed-secret", 13));
    if (tx_exec(tx, e,
                "INSERT INTO client (scope, id, name, key_hash, webhook_origin, created_at) VALUES ($1, $2, 'bot', $3, "
                "'https://ehr.example', 7)",
                V_ID(o->h.scope), V_ID(o->client), V_BYTES("hash", 4)) < 0)
        return -1;
    return tx_exec(tx, e,
                   "INSERT INTO webhook_endpoint (scope, id, client, kind, url, payload, secret, created_at) VALUES "
                   "($1, $2, $2, 'origin', "
                   "'https://ehr.example', 'full', $3, 7)",
                   V_ID(o->h.scope), V_ID(o->client), V_BYTES("sealed-secret", 13));
}

/* Sealed as job.c seals it: its own key, wrapped; the client as subject. */
static int put_job(struct tx *tx, const struct old *o, int i, struct arena *a, struct err *e)
{
    struct seal_place at = place_of(PLACE_JOB_KEY, o->h.scope, o->job[i], 0);
    struct key key;
    struct slice wrap, bundle, plan, result = {NULL, 0};
    at.subject = o->client;
    if (keyring_data_key(o->h.keyring, "job", &at, a, &key, &wrap, e))
        return -1;
    at.column = PLACE_JOB_BUNDLE & 0xffff;
    int rc = seal(&key, &at, slice_of(arena_printf(a, "{\"resourceType\":\"Bundle\",\"n\":%d}", i)), a, &bundle, e);
    at.column = PLACE_JOB_PLAN & 0xffff;
    rc = rc ? rc : seal(&key, &at, SLICE("{\"request\":{},\"decision\":{}}"), a, &plan, e);
    at.column = PLACE_JOB_RESULT & 0xffff;
    if (i == 0)
        rc = rc ? rc : seal(&key, &at, SLICE("{\"score\":3}"), a, &result, e);
    key_wipe(&key);
    if (rc)
        return rc;
    bool failed = strcmp(state[i], "FAILED") == 0 || strcmp(state[i], "DEAD") == 0,
         runs = strcmp(state[i], "RUNNING") == 0;
    if (tx_exec(tx, e,
                "INSERT INTO job (scope, id, client, model, state, key, bundle, plan, result, error, attempts, fence, "
                "lease_until, not_before, "
                "webhook, trace, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, "
                "0, 1, 'trace', $13, $13)",
                V_ID(o->h.scope), V_ID(o->job[i]), V_ID(o->client), V_BYTES(digest, 32), V_STR(state[i]), V_BLOB(wrap),
                V_BLOB(bundle), V_BLOB(plan), V_MAYBE(result), failed ? V_STR("TIMEOUT") : V_NULL, V_INT(runs),
                runs ? V_INT(99) : V_NULL, V_INT(1000 + i)) < 0)
        return -1;
    if (tx_exec(tx, e,
                "INSERT INTO idempotency (scope, client, key_hash, digest, job, status, body, created_at) VALUES ($1, "
                "$2, $3, $4, $3, 202, "
                "'{}', 8)",
                V_ID(o->h.scope), V_ID(o->client), V_ID(o->job[i]), V_BYTES(digest, 32)) < 0)
        return -1;
    if (o->schema < 3)
        return tx_exec(tx, e,
                       "INSERT INTO outbox (scope, id, job, client, kind, attempts, created_at) VALUES ($1, $2, $2, "
                       "$3, 'ended', 2, 9)",
                       V_ID(o->h.scope), V_ID(o->job[i]), V_ID(o->client));
    return tx_exec(tx, e,
                   "INSERT INTO webhook_event (scope, id, endpoint, job, kind, attempts, created_at) VALUES ($1, $2, "
                   "$3, $2, 'ended', 2, 9)",
                   V_ID(o->h.scope), V_ID(o->job[i]), V_ID(o->client));
}

static int fill(struct tx *tx, void *arg, struct err *e)
{
    struct old *o = arg;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct audit_entry entry = {
        .scope = o->h.scope, .actor = "bot", .role = "client", .action = "create", .outcome = "permit"};
    if (put_client(tx, o, e) < 0)
        return -1;
    for (int i = 0; i < JOBS; i++)
        if (put_job(tx, o, i, a, e) < 0 || audit_append(tx, &entry, e))
            return -1;
    return 0;
}

/* All that must outlive a migration, in one order, as one hash. */
static void export_of(const struct old *o, bool events_are_new, uint8_t ret[SHA256_BYTES])
{
    const char *const sql[] = {
        "SELECT scope, id, client, model, state, key, bundle, plan, result, error, attempts, fence, lease_until, "
        "not_before, webhook, trace, "
        "created_at, updated_at FROM job ORDER BY id",
        "SELECT idx, scope, at, entry, leaf FROM audit ORDER BY idx",
        "SELECT scope, digest, key, version, manifest, created_at FROM model_version",
        "SELECT scope, key, alias, digest, updated_at FROM model_alias",
        "SELECT scope, client, key_hash, digest, job, status, body, created_at FROM idempotency ORDER BY job",
        "SELECT scope, id, name, key_hash, webhook_origin, created_at, disabled_at FROM client",
        "SELECT tag FROM root_check",
        "SELECT scope, domain, epoch, id, wrapped, tag, created_at FROM domain_key",
        events_are_new ? "SELECT scope, id, job, endpoint, kind, attempts, next_at, last_status, created_at, "
                         "delivered_at FROM webhook_event ORDER BY id"
                       : "SELECT scope, id, job, client, kind, attempts, next_at, last_status, created_at, "
                         "delivered_at FROM outbox ORDER BY id",
        events_are_new ? "SELECT secret FROM webhook_endpoint" : "SELECT webhook_secret FROM client",
    };
    struct sha256_run sum;
    struct err e;
    CHECK_OK(audit_index(o->h.db, &e));
    sha256_begin(&sum);
    for (size_t i = 0; i < COUNT(sql); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct rows r;
        CHECK(db_rows(o->h.db, a, &r, &e, sql[i]) > 0);
        for (int k = 0; k < r.n * r.cols; k++) {
            const struct val *v = &r.cell[k];
            sha256_add(&sum, (struct slice){(const char *)&v->kind, sizeof v->kind});
            sha256_add(&sum, (struct slice){(const char *)&v->i, sizeof v->i});
            sha256_add(&sum, (struct slice){(const char *)&v->s.n, sizeof v->s.n});
            sha256_add(&sum, v->s);
        }
    }
    sha256_end(&sum, ret);
}

static void is_as_it_was(struct old *o)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct audit_entry look = {.actor = "operator", .role = "operator", .action = "read", .outcome = "permit"};
    struct progress p = {0};
    struct jobs *jobs;
    struct job_view v;
    struct err e;
    int64_t n;
    CHECK_OK(jobs_open(o->h.db, o->h.keyring, o->h.scope, &jobs, &e));
    CHECK_OK(job_check_sealed(jobs, &p, &n, &e));
    CHECK_INT(n, JOBS);
    CHECK_OK(job_check_invariants(jobs, &e));
    CHECK_INT(job_read(jobs, NULL, o->job[0], &look, a, &v, &e), 1);
    CHECK_SLICE(v.result, "{\"score\":3}");
    CHECK_OK(audit_verify(o->h.db, &n, &e));
    CHECK_OK(db_check(o->h.db, &e));
    jobs_close(jobs);
}

TEST(every_old_schema_is_brought_to_the_present_with_all_it_holds)
{
    for (int schema = 1; schema < db_schema_known(); schema++) {
        struct old o = {.schema = schema};
        uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
        int64_t number;
        struct err e;
        house_folder(&o.h);
        house_place(&o.h);
        snprintf(o.h.key_path, sizeof o.h.key_path, "%s/root.key", o.h.dir);
        uuid7(o.client);
        for (int i = 0; i < JOBS; i++)
            uuid7(o.job[i]);
        CHECK_OK(db_open(o.h.db_path, true, &o.h.db, &e));
        CHECK_OK(db_migrate_to(o.h.db, schema, &e));
        CHECK_OK(db_schema(o.h.db, &number, &e));
        CHECK_INT(number, schema);
        CHECK_OK(root_make(o.h.key_path, &e));
        if (schema < 12) /* what the keyring of then did without */
            house_sql(&o.h, "CREATE TABLE root_key (id TEXT, source TEXT, since BIGINT, until BIGINT)");
        CHECK_OK(keyring_open(o.h.key_path, o.h.db, &o.h.keyring, &e));
        CHECK_OK(scope_gateway(o.h.db, "default", o.h.scope, &e));
        struct key warm; /* the domain's key is made outside of the body */
        CHECK_OK(keyring_domain(o.h.keyring, o.h.scope, "job", &warm, &e));
        key_wipe(&warm);
        CHECK_OK(tx_run(o.h.db, fill, &o, &e));
        export_of(&o, schema >= 3, before);
        if (schema < 12)
            house_sql(&o.h, "DROP TABLE root_key");
        CHECK_OK(db_migrate(o.h.db, &e));
        CHECK_OK(db_schema(o.h.db, &number, &e));
        CHECK_INT(number, db_schema_known());
        export_of(&o, true, after);
        CHECK(memcmp(before, after, sizeof before) == 0);
        is_as_it_was(&o);
        house_raze(&o.h);
    }
}

RUN(T(every_old_schema_is_brought_to_the_present_with_all_it_holds))
