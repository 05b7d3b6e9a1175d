#include "identity/client.h"

#include "base/clock.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "identity/endpoint.h"
#include "identity/scopes.h"
#include "store/place.h"

/* Jobs sent from the command line belong to this client; its API key is made and thrown away. */
static const char operator_name[] = "operator";

static bool name_ok(const char *z)
{
    size_t n = strlen(z);
    return n >= 1 && n <= CLIENT_NAME_MAX &&
           strspn(z, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

/* scheme://host[:port] and nothing behind; the host a name, an IPv4 or a bracketed IPv6 address. */
static bool origin_ok(const char *z)
{
    struct slice s = slice_of(z);
    size_t skip = slice_starts(s, "https://") ? 8 : slice_starts(s, "http://") ? 7 : 0;
    const char *host = z + skip;
    bool six = *host == '[';
    size_t n = six ? 1 + strspn(host + 1, "0123456789abcdefABCDEF:.")
                   : strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
    int64_t port;
    if (!skip || s.n >= 256 || n < (six ? 3 : 1) || (six && host[n++] != ']'))
        return false;
    return !host[n] || (host[n] == ':' && slice_int(slice_of(host + n + 1), 1, 65535, &port));
}

const char *client_secret(const char *prefix, struct arena *a, uint8_t ret_hash[SHA256_BYTES])
{
    uint8_t raw[32];
    size_t n = strlen(prefix);
    char *key = arena_take(a, n + 44 + 1);
    if (!key)
        return NULL;
    rnd_bytes(raw, sizeof raw);
    memcpy(key, prefix, n);
    base64url_encode(raw, sizeof raw, key + n);
    wipe(raw, sizeof raw);
    sha256(slice_of(key), ret_hash);
    return key;
}

struct adding {
    const uint8_t *scope;
    const char *name, *origin;
    uint8_t id[16], hash[SHA256_BYTES];
    struct slice secret;
    const struct audit_entry *audit;
};

int client_audit(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], const struct audit_entry *audit,
                 struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = *audit;
    entry.scope = scope;
    entry.object = "Client";
    entry.object_id = uuid_text(id, text);
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

static int insert(struct tx *tx, void *arg, struct err *e)
{
    struct adding *c = arg;
    int n = tx_exec(tx, e,
                    "INSERT INTO client (scope, id, name, key_hash, webhook_origin, created_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6)",
                    V_ID(c->scope), V_ID(c->id), V_STR(c->name), V_BYTES(c->hash, sizeof c->hash),
                    c->origin ? V_STR(c->origin) : V_NULL, V_INT(clock_now_us()));
    if (n < 0 && e->code == ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT, "a client named %s is there already", c->name);
    return n < 0 || tx_put(tx, e,
                           "INSERT INTO webhook_endpoint (scope, id, client, kind, url, payload, secret, created_at) "
                           "VALUES ($1, $2, $2, 'origin', $3, 'full', $4, $5)",
                           V_ID(c->scope), V_ID(c->id), V_STR(c->origin ? c->origin : ""), V_BLOB(c->secret),
                           V_INT(clock_now_us()))
               ? -1
               : client_audit(tx, c->scope, c->id, c->audit, e);
}

int client_add(struct db *db, struct keyring *k, const uint8_t scope[16], const char *name, const char *origin,
               const struct audit_entry *audit, struct arena *a, struct client_secrets *ret, struct err *e)
{
    struct adding c = {.scope = scope, .name = name, .origin = origin, .audit = audit};
    char *secret = arena_take(a, SECRET_TEXT);
    if (!name_ok(name))
        return err_set(e, ERR_USAGE, "a client's name is 1 to 64 of A-Z a-z 0-9 . _ -");
    if (origin && !origin_ok(origin))
        return err_set(e, ERR_USAGE, "a webhook origin is https://host or https://host:port, without a path");
    const char *api_key = client_secret("lz_", a, c.hash);
    if (!api_key || !secret)
        return err_set(e, ERR_NO_MEMORY, "add a client");
    uuid7(c.id);
    if (endpoint_secret(k, scope, c.id, a, secret, &c.secret, e) || tx_run(db, insert, &c, e))
        return -1;
    *ret = (struct client_secrets){api_key, secret};
    return 0;
}

/* After an UPDATE ... RETURNING id. */
static int audit_changed(struct tx *tx, const struct rows *r, const uint8_t scope[16], const char *name,
                         const struct audit_entry *audit, struct err *e)
{
    if (r->n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no client named %s", name);
    return client_audit(tx, scope, (const uint8_t *)row_at(r, 0, 0)->s.p, audit, e);
}

struct changing {
    const uint8_t *scope;
    const char *name;
    uint8_t hash[SHA256_BYTES];
    int64_t rate, burst;
    const struct audit_entry *audit;
    struct arena *arena;
};

int client_end_tokens(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], struct err *e)
{
    return tx_exec(tx, e, "DELETE FROM client_token WHERE scope = $1 AND client = $2", V_ID(scope), V_ID(id)) < 0 ? -1
                                                                                                                  : 0;
}

static int update_key(struct tx *tx, void *arg, struct err *e)
{
    struct changing *c = arg;
    struct rows r;
    return tx_rows(tx, c->arena, &r, e, "UPDATE client SET key_hash = $1 WHERE scope = $2 AND name = $3 RETURNING id",
                   V_BYTES(c->hash, sizeof c->hash), V_ID(c->scope), V_STR(c->name)) < 0 ||
                   (r.n && client_end_tokens(tx, c->scope, (const uint8_t *)row_at(&r, 0, 0)->s.p, e))
               ? -1
               : audit_changed(tx, &r, c->scope, c->name, c->audit, e);
}

int client_rotate(struct db *db, const uint8_t scope[16], const char *name, const struct audit_entry *audit,
                  struct arena *a, const char **ret_key, struct err *e)
{
    struct changing c = {.scope = scope, .name = name, .audit = audit, .arena = a};
    const char *key = client_secret("lz_", a, c.hash);
    if (!key)
        return err_set(e, ERR_NO_MEMORY, "rotate a key");
    if (tx_run(db, update_key, &c, e))
        return -1;
    *ret_key = key;
    return 0;
}

static int update_limit(struct tx *tx, void *arg, struct err *e)
{
    struct changing *c = arg;
    struct rows r;
    return tx_rows(tx, c->arena, &r, e,
                   "UPDATE client SET rate = $1, burst = $2 WHERE scope = $3 AND name = $4 RETURNING id",
                   c->rate < 0 ? V_NULL : V_INT(c->rate), c->burst < 0 ? V_NULL : V_INT(c->burst), V_ID(c->scope),
                   V_STR(c->name)) < 0
               ? -1
               : audit_changed(tx, &r, c->scope, c->name, c->audit, e);
}

int client_limit(struct db *db, const uint8_t scope[16], const char *name, int64_t rate, int64_t burst,
                 const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct changing c = {.scope = scope, .name = name, .rate = rate, .burst = burst, .audit = audit, .arena = a};
    return tx_run(db, update_limit, &c, e);
}

int client_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(db, a, ret, e,
                   "SELECT c.name, c.webhook_origin, c.created_at, c.disabled_at, c.rate, c.burst, k.jwks, k.url, c.id "
                   "FROM client c LEFT JOIN client_keys k ON k.scope = c.scope AND k.client = c.id WHERE c.scope = $1 "
                   "AND NOT EXISTS (SELECT 1 FROM staff s WHERE s.scope = c.scope AND s.id = c.id) ORDER BY c.name",
                   V_ID(scope)) < 0
               ? -1
               : 0;
}

/* rows: id, name, webhook_origin, rate, burst */
static int take_caller(const struct rows *r, const uint8_t scope[16], struct caller *ret)
{
    if (r->n == 0)
        return 0;
    ret->webhook_origin = row_at(r, 0, 2)->kind == VAL_NULL ? NULL : row_at(r, 0, 2)->s.p;
    ret->rate = row_at(r, 0, 3)->kind == VAL_NULL ? -1 : row_at(r, 0, 3)->i;
    ret->burst = row_at(r, 0, 4)->kind == VAL_NULL ? -1 : row_at(r, 0, 4)->i;
    ret->role = ROLE_CLIENT;
    memcpy(ret->scope, scope, 16);
    memcpy(ret->id, row_at(r, 0, 0)->s.p, 16);
    struct slice name = row_at(r, 0, 1)->s;
    memcpy(ret->name, name.p, name.n);
    ret->name[name.n] = 0;
    return 1;
}

/* rows: as above, and scopes, until */
static int identify_token(struct db *db, const uint8_t scope[16], struct slice token, struct arena *a,
                          struct caller *ret, struct err *e)
{
    struct rows r;
    uint8_t hash[SHA256_BYTES];
    sha256(token, hash);
    if (db_rows(db, a, &r, e,
                "SELECT c.id, c.name, c.webhook_origin, c.rate, c.burst, t.scopes, t.until FROM client_token t JOIN "
                "client c ON c.scope = t.scope AND c.id = t.client WHERE t.hash = $1 AND t.scope = $2 AND t.until > $3 "
                "AND c.disabled_at IS NULL",
                V_BYTES(hash, sizeof hash), V_ID(scope), V_INT(clock_now_us())) < 0)
        return -1;
    uint32_t scopes;
    if (r.n == 0)
        return err_set(e, ERR_TOKEN, "the access token is not known, or has ended; ask for another one at /auth/token");
    if (scopes_parse(row_at(&r, 0, 5)->s, &scopes, e))
        return err_set(e, ERR_TOKEN, "the access token covers nothing any more; ask for another one at /auth/token");
    take_caller(&r, scope, ret);
    ret->scoped = true;
    ret->scopes = scopes;
    ret->until_us = row_at(&r, 0, 6)->i;
    return 0;
}

int client_identify_cert(struct db *db, const uint8_t scope[16], const uint8_t cert[32], const uint8_t subject[32],
                         struct arena *a, struct caller *ret, struct err *e)
{
    struct rows r;
    *ret = (struct caller){.role = ROLE_ANONYMOUS};
    memcpy(ret->scope, scope, 16);
    if (db_rows(db, a, &r, e,
                "SELECT c.id, c.name, c.webhook_origin, c.rate, c.burst FROM client_cert x JOIN client c ON c.scope = "
                "x.scope AND c.id = x.client WHERE x.scope = $1 AND ((x.kind = 'certificate' AND x.hash = $2) OR "
                "(x.kind = 'subject' AND x.hash = $3)) AND c.disabled_at IS NULL ORDER BY x.kind",
                V_ID(scope), V_BYTES(cert, 32), V_BYTES(subject, 32)) < 0)
        return -1;
    return take_caller(&r, scope, ret) ? 0 : err_set(e, ERR_NOT_SIGNED_IN, "no client has this certificate");
}

int client_identify(struct db *db, const uint8_t scope[16], struct slice authorization, const char *open_client,
                    struct arena *a, struct caller *ret, struct err *e)
{
    struct rows r;
    uint8_t hash[SHA256_BYTES];
    *ret = (struct caller){.role = ROLE_ANONYMOUS};
    memcpy(ret->scope, scope, 16);
    if (!authorization.p) {
        if (!open_client)
            return 0;
        if (db_rows(db, a, &r, e,
                    "SELECT id, name, webhook_origin, rate, burst FROM client WHERE scope = $1 AND name = $2 AND "
                    "disabled_at IS NULL",
                    V_ID(scope), V_STR(open_client)) < 0)
            return -1;
        return take_caller(&r, scope, ret)
                   ? 0
                   : err_set(e, ERR_NOT_SIGNED_IN, "legacy.open_client names no client: add one of that name");
    }
    struct slice rest = authorization, scheme = slice_cut(&rest, ' ');
    rest = slice_trim(rest);
    if (slice_is_nocase(scheme, "Bearer") && slice_starts(rest, "lt_"))
        return identify_token(db, scope, rest, a, ret, e);
    if (!slice_is_nocase(scheme, "Bearer") || !slice_starts(rest, "lz_"))
        return err_set(e, ERR_NOT_SIGNED_IN, "the Authorization header is neither 'Bearer lz_...' nor 'Bearer lt_...'");
    sha256(rest, hash);
    if (db_rows(db, a, &r, e,
                "SELECT id, name, webhook_origin, rate, burst FROM client WHERE key_hash = $1 AND scope = $2 AND "
                "disabled_at IS NULL",
                V_BYTES(hash, sizeof hash), V_ID(scope)) < 0)
        return -1;
    return take_caller(&r, scope, ret) ? 0 : err_set(e, ERR_NOT_SIGNED_IN, "no client has this API key");
}

/* Once: the second of two at the same moment finds it there. */
static int insert_staff(struct tx *tx, void *arg, struct err *e)
{
    struct adding *c = arg;
    int n = tx_exec(tx, e,
                    "INSERT INTO client (scope, id, name, key_hash, created_at, disabled_at) VALUES ($1, $2, $3, $4, "
                    "$5, $5) ON CONFLICT DO NOTHING",
                    V_ID(c->scope), V_ID(c->id), V_STR(c->name), V_BYTES(c->hash, sizeof c->hash),
                    V_INT(clock_now_us()));
    return n < 0 ? -1 : n ? client_audit(tx, c->scope, c->id, c->audit, e) : 0;
}

int client_of_staff(struct db *db, const struct caller *who, const struct audit_entry *audit, struct arena *a,
                    struct err *e)
{
    struct rows r;
    struct audit_entry entry = *audit;
    struct adding c = {.scope = who->scope, .name = who->name, .audit = &entry};
    int n = db_rows(db, a, &r, e, "SELECT 1 FROM client WHERE scope = $1 AND id = $2", V_ID(who->scope), V_ID(who->id));
    if (n != 0)
        return n < 0 ? -1 : 0;
    memcpy(c.id, who->id, sizeof c.id);
    rnd_bytes(c.hash, sizeof c.hash); /* of no key there is */
    entry.why = "first-use";
    return tx_run(db, insert_staff, &c, e);
}

int client_operator(struct db *db, struct keyring *k, const uint8_t scope[16], struct arena *a, struct caller *ret,
                    struct err *e)
{
    static const struct audit_entry own_doing = {
        .actor = "operator", .role = "operator", .action = "create", .outcome = "permit", .why = "first-use"};
    struct client_secrets unused;
    *ret = (struct caller){.role = ROLE_OPERATOR};
    for (int tries = 0; tries < 2; tries++) {
        struct rows r;
        if (db_rows(db, a, &r, e,
                    "SELECT id, name, webhook_origin, rate, burst FROM client WHERE scope = $1 AND name = $2",
                    V_ID(scope), V_STR(operator_name)) < 0)
            return -1;
        if (take_caller(&r, scope, ret)) {
            ret->role = ROLE_OPERATOR;
            return 0;
        }
        if (client_add(db, k, scope, operator_name, NULL, &own_doing, a, &unused, e) && e->code != ERR_CONFLICT)
            return -1;
    }
    return err_set(e, ERR_STORE, "the operator's own client cannot be made");
}
