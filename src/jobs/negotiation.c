#include "jobs/negotiation.h"

#include "base/clock.h"
#include "base/rnd.h"
#include "jobs/job_int.h"

struct keeping {
    const struct caller *caller;
    const uint8_t *id;
    int64_t expires_at;
    struct slice sealed;
    struct audit_entry refused;
};

/* One in sixteen deletes what went out of reach before it, drawn by its own id: one that deletes waits for another that
 * does, and reads past what is deleted already, so that each of them is behind the others where each deletes one. */
static bool tidies(const uint8_t id[16])
{
    return id[15] % 16 == 0;
}

/* Ids are in the order of time: of a client's own those before its newest go. */
static int keep_body(struct tx *tx, void *arg, struct err *e)
{
    const struct keeping *x = arg;
    const uint8_t *scope = x->caller->scope, *client = x->caller->id;
    return tx_put(tx, e, "INSERT INTO negotiation (scope, client, id, sheet, expires_at) VALUES ($1, $2, $3, $4, $5)",
                  V_ID(scope), V_ID(client), V_ID(x->id), V_BLOB(x->sealed), V_INT(x->expires_at)) ||
                   (tidies(x->id) &&
                    tx_put(tx, e,
                           "DELETE FROM negotiation WHERE scope = $1 AND client = $2 AND id < (SELECT id FROM "
                           "negotiation WHERE scope = $1 AND client = $2 ORDER BY scope DESC, client DESC, id DESC "
                           "LIMIT 1 OFFSET $3)",
                           V_ID(scope), V_ID(client), V_INT(NEGOTIATION_MOST - 1))) ||
                   audit_append(tx, &x->refused, e)
               ? -1
               : 0;
}

int negotiation_keep(struct jobs *j, const struct caller *caller, const uint8_t id[16], struct slice sheet,
                     int64_t expires_at, const struct audit_entry *refused, struct arena *a, struct err *e)
{
    struct keeping x = {.caller = caller, .id = id, .expires_at = expires_at, .refused = *refused};
    struct seal_place at = job_place(PLACE_NEGOTIATION_SHEET, caller->scope, id, caller->id);
    struct key key;
    x.refused.scope = caller->scope;
    if (keyring_domain(j->keyring, caller->scope, "negotiation", &key, e))
        return -1;
    int rc = seal(&key, &at, sheet, a, &x.sealed, e);
    key_wipe(&key);
    return rc || tx_run(j->db, keep_body, &x, e) ? -1 : 0;
}

int negotiation_find(struct jobs *j, const struct caller *caller, const uint8_t id[16], struct arena *a,
                     struct slice *ret, struct err *e)
{
    struct rows r;
    struct seal_place at = job_place(PLACE_NEGOTIATION_SHEET, caller->scope, id, caller->id);
    int n =
        db_rows(j->db, a, &r, e,
                "SELECT sheet FROM negotiation WHERE scope = $1 AND id = $2 AND client = $3 AND expires_at > $4 AND "
                "(SELECT count(*) FROM (SELECT 1 FROM negotiation WHERE scope = $1 AND client = $3 AND id > $2 "
                "LIMIT $5) AS newer) < CAST($5 AS BIGINT)",
                V_ID(caller->scope), V_ID(id), V_ID(caller->id), V_INT(clock_now_us()), V_INT(NEGOTIATION_MOST));
    if (n <= 0)
        return n;
    return keyring_unseal(j->keyring, &at, row_at(&r, 0, 0)->s, a, ret, e) ? -1 : 1;
}

int negotiation_end(struct tx *tx, const struct caller *caller, const uint8_t id[16], struct err *e)
{
    int n = tx_exec(tx, e, "DELETE FROM negotiation WHERE scope = $1 AND id = $2 AND client = $3", V_ID(caller->scope),
                    V_ID(id), V_ID(caller->id));
    return n == 1 ? 0 : n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "a negotiation that has ended");
}

static int forget_body(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return tx_exec(tx, e, "DELETE FROM negotiation WHERE expires_at <= $1", V_INT(clock_surely_us())) < 0 ? -1 : 0;
}

int negotiation_forget(struct jobs *j, struct err *e)
{
    return tx_run(j->db, forget_body, NULL, e);
}
