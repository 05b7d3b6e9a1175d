/* outbox.c -- the rows of deliveries: claimed before, recorded after, shown and sent again on demand. */
#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "deliver/outbox_int.h"

static const int delay_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
static const int64_t disable_us = 120LL * 3600 * 1000000;

const char *reason_text(enum reason r)
{
    static const char *const text[] = {
#define REASON(name, text) text,
#include "deliver/reasons.def"
#undef REASON
    };
    return text[r];
}

/* --- claiming --- */

struct claiming {
    const uint8_t *scope;
    struct arena *arena;
    const struct claim *c;
    int n;
    struct due *due;
};

static const struct outlet *known(const struct claiming *x, const uint8_t *endpoint)
{
    for (int i = 0; i < x->c->outlets; i++)
        if (memcmp(x->c->outlet[i].id, endpoint, 16) == 0)
            return &x->c->outlet[i];
    return NULL;
}

static int room_of(const struct claiming *x, const struct outlet *o, bool failing)
{
    int room = outlet_most(failing, o && o->proven, x->c->to_endpoint) - (o ? o->flying + o->held : 0);
    return room < x->c->most - x->n ? room : x->c->most - x->n;
}

static void take_due(const struct val *v, const uint8_t *endpoint, struct due *d)
{
    memcpy(d->event, v[0].s.p, 16);
    memcpy(d->endpoint, endpoint, 16);
    memcpy(d->job, v[1].s.p, 16);
    d->attempts = v[2].i;
    d->was_at = v[3].i;
    d->state = job_state_named(v[4].s);
    d->state_at = v[5].i;
    memcpy(d->name, v[7].s.n == 16 ? v[7].s.p : v[1].s.p, 16);
    snprintf(d->trace, sizeof d->trace, "%.*s", SLICE_FMT(v[6].s));
}

static int claim_of(struct tx *tx, struct claiming *x, const uint8_t *endpoint, bool failing, int room, struct err *e)
{
    struct rows r;
    int64_t now = clock_steady_us();
    if (tx_rows(
            tx, x->arena, &r, e,
            "SELECT id, job, attempts, next_at, (SELECT state FROM job WHERE job.scope = webhook_event.scope AND "
            "job.id = webhook_event.job), (SELECT updated_at FROM job WHERE job.scope = webhook_event.scope AND "
            "job.id = webhook_event.job), (SELECT trace FROM job WHERE job.scope = webhook_event.scope AND job.id "
            "= webhook_event.job), (SELECT coalesce(chosen, job.id) FROM job WHERE job.scope = webhook_event.scope AND "
            "job.id = webhook_event.job) FROM webhook_event WHERE endpoint = $1 AND (next_at <= $2 OR next_at > $3) "
            "ORDER "
            "BY next_at LIMIT $4 " DB_SKIP_LOCKED,
            V_ID(endpoint), V_INT(now), V_INT(now + WAIT_MAX_US), V_INT(room)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        struct due *d = &x->due[x->n++];
        *d = (struct due){.claimed_us = clock_mono_us(), .until = now + CLAIM_US, .failing = failing};
        take_due(row_at(&r, i, 0), endpoint, d);
        if (tx_put(tx, e,
                   "UPDATE webhook_event SET next_at = $1, claimed = 1 WHERE scope = $2 AND id = $3 AND endpoint = $4",
                   V_INT(d->until), V_ID(x->scope), V_ID(d->event), V_ID(endpoint)))
            return -1;
    }
    return 0;
}

static int claim_body(struct tx *tx, void *arg, struct err *e)
{
    struct claiming *x = arg;
    struct rows r;
    int64_t now = clock_steady_us();
    x->n = 0;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT w.id, w.failing_since FROM webhook_endpoint w WHERE w.scope = $1 AND w.disabled_at IS NULL AND "
                "(w.not_before <= $2 OR w.not_before > $3) AND EXISTS (SELECT 1 FROM webhook_event o WHERE o.endpoint "
                "= w.id AND (o.next_at <= $2 OR o.next_at > $3))",
                V_ID(x->scope), V_INT(now), V_INT(now + WAIT_MAX_US)) < 0)
        return -1;
    /* those that have nothing here go first, so that none waits behind what is claimed ahead for another */
    for (int i = 0; i < 2 * r.n && x->n < x->c->most; i++) {
        const struct val *v = row_at(&r, i % r.n, 0);
        const uint8_t *endpoint = (const uint8_t *)v[0].s.p;
        const struct outlet *o = known(x, endpoint);
        bool failing = v[1].kind != VAL_NULL;
        int room = (o != NULL) == (i >= r.n) ? room_of(x, o, failing) : 0;
        if (room > 0 && claim_of(tx, x, endpoint, failing, room, e))
            return -1;
    }
    return 0;
}

int outbox_claim(struct db *db, const uint8_t scope[16], const struct claim *c, struct arena *a, struct due *ret,
                 struct err *e)
{
    struct claiming x = {.scope = scope, .arena = a, .c = c, .due = ret};
    return tx_run_lazy(db, claim_body, &x, e) ? -1 : x.n;
}

static int release_body(struct tx *tx, void *arg, struct err *e)
{
    return tx_exec(tx, e,
                   "UPDATE webhook_event SET next_at = $1, claimed = 0 WHERE scope = $2 AND claimed = 1 AND next_at IS "
                   "NOT NULL",
                   V_INT(clock_steady_us()), V_ID(arg)) < 0
               ? -1
               : 0;
}

int outbox_release(struct db *db, const uint8_t scope[16], struct err *e)
{
    return tx_run(db, release_body, (void *)scope, e);
}

/* --- recording --- */

struct recording {
    const uint8_t *scope;
    const struct outcome *x;
    const struct due *back;
    int n, backs;
};

/* When it is tried again; 0: not any more. */
static int64_t next_try(const struct outcome *x, int64_t now)
{
    uint32_t r;
    rnd_bytes(&r, sizeof r);
    if (x->reason == REASON_TAKEN || x->reason == REASON_GONE || x->reason == REASON_NOWHERE ||
        x->attempts >= (int64_t)COUNT(delay_s))
        return 0;
    int64_t wait = delay_s[x->attempts] * 1000LL * (800 + r % 400);
    return now + (wait > x->wait_us ? wait : x->wait_us);
}

static int record_event(struct tx *tx, const uint8_t *scope, const struct outcome *x, struct err *e)
{
    int64_t next = next_try(x, clock_steady_us());
    bool taken = x->reason == REASON_TAKEN;
    return tx_put(
               tx, e,
               "UPDATE webhook_event SET attempts = $1, last_status = $2, next_at = $3, delivered_at = $4, claimed = 0 "
               "WHERE scope = $5 AND id = $6 AND endpoint = $7 AND claimed = 1 AND next_at = $8",
               V_INT(x->attempts + 1), V_INT(x->status), next ? V_INT(next) : V_NULL, taken ? V_INT(x->at) : V_NULL,
               V_ID(scope), V_ID(x->event), V_ID(x->endpoint), V_INT(x->until)) ||
                   tx_put(tx, e,
                          "INSERT INTO webhook_attempt (scope, event, endpoint, attempt, at, took_us, status, reason) "
                          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (scope, event, endpoint, at) DO "
                          "NOTHING",
                          V_ID(scope), V_ID(x->event), V_ID(x->endpoint), V_INT(x->attempts + 1),
                          V_INT(x->at - x->took_us), V_INT(x->took_us), V_INT(x->status), V_STR(reason_text(x->reason)))
               ? -1
               : 0;
}

static int disable(struct tx *tx, const uint8_t *scope, const struct outcome *x, int64_t now, struct err *e)
{
    char id[UUID_TEXT];
    bool gone = x->reason == REASON_GONE;
    int n = tx_exec(tx, e,
                    "UPDATE webhook_endpoint SET disabled_at = $1, disabled_why = $2 WHERE scope = $3 AND id = $4 AND "
                    "disabled_at IS NULL AND (($5 = 1 AND kind = 'url') OR ($5 = 0 AND failing_since < $6))",
                    V_INT(now), V_STR(gone ? "gone" : "failing"), V_ID(scope), V_ID(x->endpoint), V_INT(gone),
                    V_INT(clock_surely_us() - disable_us));
    struct audit_entry entry = {.scope = scope,
                                .actor = "deliver",
                                .role = "worker",
                                .action = "update",
                                .object = "WebhookEndpoint",
                                .object_id = uuid_text(x->endpoint, id),
                                .outcome = "permit",
                                .why = gone ? "disabled-gone" : "disabled-failing"};
    return n < 0 || (n && audit_append(tx, &entry, e)) ? -1 : 0;
}

static int record_health(struct tx *tx, const uint8_t *scope, const struct outcome *x, int64_t now, struct err *e)
{
    if (x->reason == REASON_NOWHERE)
        return 0;
    if (x->reason == REASON_TAKEN)
        return x->was_failing
                   ? tx_put(tx, e,
                            "UPDATE webhook_endpoint SET failing_since = NULL WHERE scope = $1 AND id = $2 AND "
                            "failing_since IS NOT NULL",
                            V_ID(scope), V_ID(x->endpoint))
                   : 0;
    return tx_put(tx, e,
                  "UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, $1), not_before = CASE WHEN "
                  "not_before < $2 THEN $2 ELSE not_before END WHERE scope = $3 AND id = $4",
                  V_INT(now), V_INT(x->wait_us ? clock_steady_us() + x->wait_us : 0), V_ID(scope), V_ID(x->endpoint)) ||
                   disable(tx, scope, x, now, e)
               ? -1
               : 0;
}

static int give_back(struct tx *tx, const uint8_t *scope, const struct due *d, struct err *e)
{
    return tx_put(tx, e,
                  "UPDATE webhook_event SET next_at = $1, claimed = 0 WHERE scope = $2 AND id = $3 AND endpoint = $4 "
                  "AND claimed = 1 AND next_at = $5",
                  V_INT(d->was_at), V_ID(scope), V_ID(d->event), V_ID(d->endpoint), V_INT(d->until));
}

static int record_body(struct tx *tx, void *arg, struct err *e)
{
    const struct recording *r = arg;
    int64_t now = clock_now_us();
    for (int i = 0; i < r->n; i++)
        if (record_event(tx, r->scope, &r->x[i], e) || record_health(tx, r->scope, &r->x[i], now, e))
            return -1;
    for (int i = 0; i < r->backs; i++)
        if (give_back(tx, r->scope, &r->back[i], e))
            return -1;
    return 0;
}

int outbox_record(struct db *db, const uint8_t scope[16], const struct outcome *x, int n, const struct due *back,
                  int backs, struct err *e)
{
    struct recording r = {scope, x, back, n, backs};
    return tx_run(db, record_body, &r, e);
}

/* --- the log, and sending again --- */

int deliver_log(struct db *db, const struct caller *c, const uint8_t endpoint[16], int64_t before, int most,
                struct arena *a, struct rows *ret, struct err *e)
{
    int n =
        db_rows(db, a, ret, e,
                "SELECT t.event, t.attempt, t.at, t.took_us, t.status, t.reason, coalesce((SELECT j.chosen FROM job j "
                "WHERE j.scope = o.scope AND j.id = o.job), o.job), o.delivered_at, o.next_at FROM "
                "webhook_attempt t JOIN webhook_event o ON o.scope = t.scope AND o.id = t.event AND o.endpoint = "
                "t.endpoint JOIN webhook_endpoint w ON w.scope = t.scope AND w.id = t.endpoint WHERE t.scope = $1 AND "
                "t.endpoint = $2 AND w.client = $3 AND ($4 = 0 OR t.at < $4) ORDER BY t.at DESC LIMIT $5",
                V_ID(c->scope), V_ID(endpoint), V_ID(c->id), V_INT(before), V_INT(most));
    struct rows r;
    if (n)
        return n < 0 ? -1 : 1;
    return db_rows(db, a, &r, e, "SELECT 1 FROM webhook_endpoint WHERE scope = $1 AND id = $2 AND client = $3",
                   V_ID(c->scope), V_ID(endpoint), V_ID(c->id));
}

struct again {
    const struct caller *c;
    const uint8_t *event;
    struct audit_entry audit;
    int n;
};

static int again_body(struct tx *tx, void *arg, struct err *e)
{
    struct again *x = arg;
    x->n =
        tx_exec(tx, e,
                "UPDATE webhook_event SET next_at = $1, attempts = 0 WHERE scope = $2 AND id = $3 AND claimed = 0 AND "
                "endpoint IN (SELECT id FROM webhook_endpoint WHERE scope = $2 AND (client = $4 OR $5 = 1)) AND job IN "
                "(SELECT id FROM job WHERE scope = $2 AND erased_at IS NULL)",
                V_INT(clock_steady_us()), V_ID(x->c->scope), V_ID(x->event), V_ID(x->c->id),
                V_INT(x->c->role == ROLE_OPERATOR));
    if (x->n < 0)
        return -1;
    x->audit.outcome = x->n ? "permit" : "deny";
    x->audit.why = x->n ? "redelivery" : "absent";
    x->audit.rows = x->n;
    return audit_append(tx, &x->audit, e);
}

int deliver_again(struct db *db, const struct caller *c, const uint8_t event[16], const struct audit_entry *audit,
                  struct err *e)
{
    char id[UUID_TEXT];
    struct again x = {.c = c, .event = event, .audit = *audit};
    x.audit.scope = c->scope;
    x.audit.object = "WebhookEvent";
    x.audit.object_id = uuid_text(event, id);
    return tx_run(db, again_body, &x, e) ? -1 : x.n;
}
