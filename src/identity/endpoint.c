#include "identity/endpoint.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "store/place.h"

int endpoint_secret(struct keyring *k, const uint8_t scope[16], const uint8_t id[16], struct arena *a, char *out,
                    struct slice *ret_sealed, struct err *e)
{
    struct key dk;
    uint8_t raw[32];
    rnd_bytes(raw, sizeof raw);
    memcpy(out, "whsec_", 6);
    base64_encode(raw, sizeof raw, out + 6);
    wipe(raw, sizeof raw);
    struct seal_place at = place_of(PLACE_WEBHOOK_SECRET, scope, id, 0);
    if (keyring_domain(k, scope, "client", &dk, e))
        return -1;
    int rc = seal(&dk, &at, slice_of(out), a, ret_sealed, e);
    key_wipe(&dk);
    return rc;
}

/* http[s]://host[:port] and a path of plain characters, or none. */
static bool url_ok(const char *z)
{
    static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    struct slice s = slice_of(z);
    size_t skip = slice_starts(s, "https://") ? 8 : slice_starts(s, "http://") ? 7 : 0;
    const char *p = z + skip;
    int64_t port;
    if (!skip || s.n > ENDPOINT_URL_MAX)
        return false;
    size_t n = *p == '[' ? strspn(p + 1, "0123456789abcdefABCDEF:.") + 1 : strspn(p, host);
    if (n < 1 || (*p == '[' && p[n++] != ']'))
        return false;
    p += n;
    if (*p == ':') {
        size_t digits = strspn(p + 1, "0123456789");
        if (!slice_int((struct slice){p + 1, digits}, 1, 65535, &port))
            return false;
        p += 1 + digits;
    }
    if (*p && *p != '/' && *p != '?')
        return false;
    for (; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '#')
            return false;
    return true;
}

struct adding {
    const struct caller *c;
    struct endpoint *x;
    struct slice secret;
    struct arena *arena;
    struct audit_entry audit;
};

static int insert(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    struct rows r;
    /* the client's row, so that of several at once each counts those before it */
    if (tx_shared(tx) && tx_exec(tx, e, "UPDATE client SET name = name WHERE scope = $1 AND id = $2", V_ID(x->c->scope),
                                 V_ID(x->c->id)) < 0)
        return -1;
    if (tx_rows(tx, x->arena, &r, e, "SELECT count(*) FROM webhook_endpoint WHERE scope = $1 AND client = $2",
                V_ID(x->c->scope), V_ID(x->c->id)) < 0)
        return -1;
    if (row_at(&r, 0, 0)->i > ENDPOINTS_MAX) /* and the one every client has */
        return err_set(e, ERR_CONFLICT, "a client has at most %d endpoints: remove one", ENDPOINTS_MAX);
    return tx_put(
               tx, e,
               "INSERT INTO webhook_endpoint (scope, id, client, kind, url, payload, secret, created_at) VALUES ($1, "
               "$2, $3, 'url', $4, $5, $6, $7)",
               V_ID(x->c->scope), V_ID(x->x->id), V_ID(x->c->id), V_STR(x->x->url), V_STR(x->x->full ? "full" : "thin"),
               V_BLOB(x->secret), V_INT(x->x->created_at)) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

int endpoint_add(struct db *db, struct keyring *k, const struct caller *c, const char *url, bool full,
                 const struct audit_entry *audit, struct arena *a, struct endpoint *ret, struct err *e)
{
    char id[UUID_TEXT], *secret = arena_take(a, SECRET_TEXT);
    struct adding x = {.c = c, .x = ret, .arena = a, .audit = *audit};
    if (!secret)
        return err_set(e, ERR_NO_MEMORY, "add an endpoint");
    if (!url_ok(url))
        return err_set(e, ERR_USAGE, "an endpoint's url is https://host[:port]/path, at most %d characters",
                       ENDPOINT_URL_MAX);
    *ret = (struct endpoint){.url = url, .full = full, .secret = secret, .created_at = clock_now_us()};
    uuid7(ret->id);
    memcpy(ret->client, c->id, 16);
    x.audit.scope = c->scope;
    x.audit.object = "WebhookEndpoint";
    x.audit.object_id = uuid_text(ret->id, id);
    x.audit.rows = 1;
    return endpoint_secret(k, c->scope, ret->id, a, secret, &x.secret, e) || tx_run(db, insert, &x, e) ? -1 : 0;
}

#define COLUMNS                                                                                                        \
    "SELECT id, client, kind, url, payload, created_at, disabled_at, disabled_why, failing_since, not_before, "        \
    "old_until, secret, old_secret FROM webhook_endpoint "

static int take(const struct val *v, struct arena *a, struct endpoint *ret, struct err *e)
{
    *ret = (struct endpoint){.origin = slice_is(v[2].s, "origin"),
                             .full = slice_is(v[4].s, "full"),
                             .url = arena_str(a, v[3].s),
                             .created_at = v[5].i,
                             .disabled = v[6].kind != VAL_NULL,
                             .disabled_why = v[7].kind == VAL_NULL ? NULL : arena_str(a, v[7].s),
                             .failing_since = v[8].i,
                             .not_before = v[9].i,
                             .old_until = v[10].i};
    memcpy(ret->id, v[0].s.p, 16);
    memcpy(ret->client, v[1].s.p, 16);
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "an endpoint") : 0;
}

int endpoint_list(struct db *db, const struct caller *c, struct arena *a, struct endpoint *ret, int max, struct err *e)
{
    struct rows r;
    if (db_rows(db, a, &r, e, COLUMNS "WHERE scope = $1 AND client = $2 ORDER BY created_at, id LIMIT $3",
                V_ID(c->scope), V_ID(c->id), V_INT(max)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++)
        if (take(row_at(&r, i, 0), a, &ret[i], e))
            return -1;
    return r.n;
}

int endpoint_all(struct db *db, const uint8_t scope[16], const char *client, struct arena *a, struct rows *ret,
                 struct err *e)
{
    if (db_rows(db, a, ret, e,
                "SELECT c.name, w.id, w.kind, w.url, w.payload, w.created_at, w.disabled_why, w.failing_since, (SELECT "
                "count(*) FROM webhook_event o WHERE o.endpoint = w.id AND o.next_at IS NOT NULL) FROM "
                "webhook_endpoint w JOIN client c ON c.scope = w.scope AND c.id = w.client WHERE w.scope = $1 AND ($2 "
                "= '' OR c.name = $2) ORDER BY c.name, w.created_at, w.id",
                V_ID(scope), V_STR(client ? client : "")) < 0)
        return -1;
    return client && ret->n == 0 ? err_set(e, ERR_NOT_FOUND, "there is no client named %s", client) : 0;
}

static int open_secret(struct keyring *k, const uint8_t *scope, const uint8_t *id, struct slice sealed, struct arena *a,
                       const char **ret, struct err *e)
{
    struct slice plain;
    struct seal_place at = place_of(PLACE_WEBHOOK_SECRET, scope, id, 0);
    if (keyring_unseal(k, &at, sealed, a, &plain, e))
        return err_in(e, "a webhook secret");
    *ret = arena_str(a, plain);
    return *ret ? 0 : err_set(e, ERR_NO_MEMORY, "a webhook secret");
}

int endpoint_open(struct db *db, struct keyring *k, const uint8_t scope[16], const uint8_t id[16], struct arena *a,
                  struct endpoint *ret, struct err *e)
{
    struct rows r;
    if (db_rows(db, a, &r, e, COLUMNS "WHERE scope = $1 AND id = $2", V_ID(scope), V_ID(id)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    if (take(v, a, ret, e) || open_secret(k, scope, id, v[11].s, a, &ret->secret, e))
        return -1;
    bool old = v[12].kind != VAL_NULL && ret->old_until > clock_now_us();
    return old && open_secret(k, scope, id, v[12].s, a, &ret->old, e) ? -1 : 1;
}

struct changing {
    const struct caller *c;
    const uint8_t *id;
    enum endpoint_change what;
    struct slice secret;
    int64_t keep_us;
    struct arena *arena;
    struct audit_entry audit;
    int found;
};

static int apply(struct tx *tx, struct changing *x, struct err *e)
{
    int64_t now = clock_now_us();
    switch (x->what) {
    case ENDPOINT_REMOVE:
        return tx_put(tx, e, "DELETE FROM webhook_attempt WHERE scope = $1 AND endpoint = $2", V_ID(x->c->scope),
                      V_ID(x->id)) ||
                       tx_put(tx, e, "DELETE FROM webhook_event WHERE scope = $1 AND endpoint = $2", V_ID(x->c->scope),
                              V_ID(x->id)) ||
                       tx_put(tx, e, "DELETE FROM webhook_endpoint WHERE scope = $1 AND id = $2", V_ID(x->c->scope),
                              V_ID(x->id))
                   ? -1
                   : 0;
    case ENDPOINT_ENABLE:
        return tx_put(tx, e,
                      "UPDATE webhook_endpoint SET disabled_at = NULL, disabled_why = NULL, failing_since = NULL, "
                      "not_before = 0 WHERE scope = $1 AND id = $2",
                      V_ID(x->c->scope), V_ID(x->id));
    case ENDPOINT_ROTATE:
        return tx_put(
            tx, e,
            "UPDATE webhook_endpoint SET old_secret = secret, old_until = $1, secret = $2 WHERE scope = $3 AND "
            "id = $4",
            V_INT(now + x->keep_us), V_BLOB(x->secret), V_ID(x->c->scope), V_ID(x->id));
    }
    return -1;
}

static int change_body(struct tx *tx, void *arg, struct err *e)
{
    static const char *const why[] = {"removed", "enabled", "rotated"};
    struct changing *x = arg;
    struct rows r;
    x->found = tx_rows(tx, x->arena, &r, e,
                       "SELECT kind FROM webhook_endpoint WHERE scope = $1 AND id = $2 AND (client = $3 OR $4 = 1)",
                       V_ID(x->c->scope), V_ID(x->id), V_ID(x->c->id), V_INT(x->c->role == ROLE_OPERATOR));
    if (x->found < 0)
        return -1;
    x->audit.outcome = x->found ? "permit" : "deny";
    x->audit.why = x->found ? why[x->what] : "absent";
    x->audit.rows = x->found;
    if (x->found && x->what == ENDPOINT_REMOVE && slice_is(row_at(&r, 0, 0)->s, "origin"))
        return err_set(e, ERR_CONFLICT, "the endpoint of the registered origin stays");
    return (x->found && apply(tx, x, e)) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

int endpoint_change(struct db *db, struct keyring *k, const struct caller *c, const uint8_t id[16],
                    enum endpoint_change what, int64_t keep_us, const struct audit_entry *audit, struct arena *a,
                    struct endpoint *ret, struct err *e)
{
    char text[UUID_TEXT], *secret = arena_take(a, SECRET_TEXT);
    struct changing x = {.c = c, .id = id, .what = what, .keep_us = keep_us, .arena = a, .audit = *audit};
    if (!secret)
        return err_set(e, ERR_NO_MEMORY, "change an endpoint");
    x.audit.scope = c->scope;
    x.audit.object = "WebhookEndpoint";
    x.audit.object_id = uuid_text(id, text);
    if ((what == ENDPOINT_ROTATE && endpoint_secret(k, c->scope, id, a, secret, &x.secret, e)) ||
        tx_run(db, change_body, &x, e))
        return -1;
    *ret = (struct endpoint){.secret = what == ENDPOINT_ROTATE ? secret : NULL, .old_until = clock_now_us() + keep_us};
    memcpy(ret->id, id, 16);
    return x.found;
}
