#include "models/trust.h"

#include <sodium.h>

#include "base/clock.h"
#include "crypto/digest.h"

/* What is signed: the label with its NUL, and the digest. */
struct signed_text {
    char label[16];
    uint8_t digest[32];
};

static struct signed_text text_of(const uint8_t digest[32])
{
    struct signed_text t = {.label = "lazaret.model/1"};
    memcpy(t.digest, digest, sizeof t.digest);
    return t;
}

char *trust_key_id(const uint8_t public[SIGN_PUBLIC], char ret[KEY_ID_TEXT])
{
    uint8_t hash[SHA256_BYTES];
    sha256((struct slice){(const char *)public, SIGN_PUBLIC}, hash);
    hex_encode(hash, KEY_ID_TEXT / 2, ret);
    return ret;
}

void trust_sign(const uint8_t seed[SIGN_SEED], const uint8_t digest[32], uint8_t ret[SIGN_BYTES])
{
    struct signed_text t = text_of(digest);
    sign_make(seed, (struct slice){(const char *)&t, sizeof t}, ret);
}

bool trust_holds(const uint8_t public[SIGN_PUBLIC], const uint8_t digest[32], const uint8_t signature[SIGN_BYTES])
{
    struct signed_text t = text_of(digest);
    return sign_verify(public, (struct slice){(const char *)&t, sizeof t}, signature);
}

/* --- the list --- */

struct listing {
    const uint8_t *scope, *public;
    const char *name;
    char key_id[KEY_ID_TEXT];
    const struct audit_entry *audit;
    struct arena *arena;
};

static int audit_signer(struct tx *tx, const struct listing *x, const char *why, struct err *e)
{
    struct audit_entry entry = *x->audit;
    entry.scope = x->scope;
    entry.object = "Signer";
    entry.object_id = x->key_id;
    entry.why = why;
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    const struct listing *x = arg;
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e, "SELECT count(*) FROM model_signer WHERE scope = $1", V_ID(x->scope)) < 0)
        return -1;
    if (row_at(&r, 0, 0)->i >= SIGNERS_MAX)
        return err_set(e, ERR_CONFLICT, "%d signers are trusted, which is the most there can be", SIGNERS_MAX);
    int n = tx_exec(
        tx, e, "INSERT INTO model_signer (scope, key_id, name, public_key, created_at) VALUES ($1, $2, $3, $4, $5)",
        V_ID(x->scope), V_STR(x->key_id), V_STR(x->name), V_BYTES(x->public, SIGN_PUBLIC), V_INT(clock_now_us()));
    if (n < 0)
        return e->code == ERR_CONFLICT ? err_set(e, ERR_CONFLICT, "%s, or this key, is trusted already", x->name) : -1;
    return audit_signer(tx, x, "trusted", e);
}

int trust_add(struct db *db, const uint8_t scope[16], const char *name, const uint8_t public[SIGN_PUBLIC],
              const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct listing x = {.scope = scope, .public = public, .name = name, .audit = audit, .arena = a};
    size_t n = strlen(name);
    if (n < 1 || n > SIGNER_NAME_MAX ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@") != n)
        return err_set(e, ERR_USAGE, "a signer's name is 1 to %d of A-Z a-z 0-9 . _ - @", SIGNER_NAME_MAX);
    if (!crypto_core_ed25519_is_valid_point(public))
        return err_set(e, ERR_USAGE, "this is no Ed25519 public key");
    trust_key_id(public, x.key_id);
    return tx_run(db, add_body, &x, e);
}

static int remove_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e, "DELETE FROM model_signer WHERE scope = $1 AND name = $2 RETURNING key_id",
                V_ID(x->scope), V_STR(x->name)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "no signer is named %s", x->name);
    snprintf(x->key_id, sizeof x->key_id, "%.*s", SLICE_FMT(row_at(&r, 0, 0)->s));
    return audit_signer(tx, x, "trusted-no-longer", e);
}

int trust_remove(struct db *db, const uint8_t scope[16], const char *name, const struct audit_entry *audit,
                 struct arena *a, struct err *e)
{
    struct listing x = {.scope = scope, .name = name, .audit = audit, .arena = a};
    return tx_run(db, remove_body, &x, e);
}

int trust_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(db, a, ret, e,
                   "SELECT name, key_id, public_key, created_at FROM model_signer WHERE scope = $1 ORDER BY name",
                   V_ID(scope)) < 0
               ? -1
               : 0;
}

/* --- judging --- */

static int demand(struct db *db, const uint8_t scope[16], const char *what, bool unsigned_ok, struct arena *a,
                  struct err *e)
{
    struct rows r;
    if (unsigned_ok)
        return 0;
    if (trust_list(db, scope, a, &r, e))
        return -1;
    return r.n == 0 ? 0
                    : err_set(e, ERR_NOT_ALLOWED,
                              "%s; models are taken from trusted signers (lazaret model signers), others with "
                              "--unsigned",
                              what);
}

/* `key_id` is a stranger's text. 1: trusted, 0: not. */
static int find_signer(struct db *db, const uint8_t scope[16], struct slice key_id, struct arena *a,
                       const struct val **ret, struct err *e)
{
    struct rows r;
    if (db_rows(db, a, &r, e, "SELECT name, public_key FROM model_signer WHERE scope = $1 AND key_id = $2", V_ID(scope),
                V_TEXT(key_id)) < 0)
        return -1;
    *ret = r.n ? row_at(&r, 0, 0) : NULL;
    return r.n && row_at(&r, 0, 1)->s.n == SIGN_PUBLIC;
}

int trust_judge(struct db *db, const uint8_t scope[16], const struct manifest *m, const uint8_t digest[32],
                bool unsigned_ok, struct arena *a, struct trust_verdict *ret, struct err *e)
{
    const struct val *signer;
    *ret = (struct trust_verdict){0};
    if (!m->has_signature)
        return demand(db, scope, "it carries no signature", unsigned_ok, a, e);
    if (base64_decode(m->signature, ret->signature, SIGN_BYTES) != SIGN_BYTES)
        return err_set(e, ERR_BAD_REQUEST, "/signature/sig: must be the 64 bytes of an Ed25519 signature in base64");
    int found = find_signer(db, scope, m->signature_key, a, &signer, e);
    if (found <= 0)
        return found < 0 ? -1 : demand(db, scope, "its signature is by a key that is not trusted", unsigned_ok, a, e);
    if (!trust_holds((const uint8_t *)signer[1].s.p, digest, ret->signature))
        return err_set(e, ERR_BAD_REQUEST,
                       "/signature: does not hold: the model was changed after %.*s signed it, or it was signed by "
                       "somebody else",
                       SLICE_FMT(signer[0].s));
    ret->signer = signer[0].s.p;
    snprintf(ret->key_id, sizeof ret->key_id, "%.*s", SLICE_FMT(m->signature_key));
    return 0;
}

int trust_keep(struct tx *tx, const uint8_t scope[16], const uint8_t digest[32], const struct trust_verdict *v,
               struct err *e)
{
    if (!v->signer)
        return 0;
    return tx_put(tx, e,
                  "INSERT INTO model_signature (scope, digest, key_id, signature, created_at) VALUES ($1, $2, $3, $4, "
                  "$5) ON CONFLICT (scope, digest, key_id) DO NOTHING",
                  V_ID(scope), V_BYTES(digest, 32), V_STR(v->key_id), V_BYTES(v->signature, SIGN_BYTES),
                  V_INT(clock_now_us()));
}

int trust_signer(struct db *db, const uint8_t scope[16], const uint8_t digest[32], struct arena *a, const char **ret,
                 struct err *e)
{
    struct rows r;
    *ret = NULL;
    if (db_rows(db, a, &r, e,
                "SELECT k.name, k.public_key, s.signature FROM model_signature s JOIN model_signer k ON k.scope = "
                "s.scope AND k.key_id = s.key_id WHERE s.scope = $1 AND s.digest = $2 ORDER BY k.name",
                V_ID(scope), V_BYTES(digest, 32)) < 0)
        return -1;
    for (int i = 0; i < r.n && !*ret; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (v[1].s.n == SIGN_PUBLIC && v[2].s.n == SIGN_BYTES &&
            trust_holds((const uint8_t *)v[1].s.p, digest, (const uint8_t *)v[2].s.p))
            *ret = v[0].s.p;
    }
    return 0;
}

int trust_allows(struct db *db, const uint8_t scope[16], const uint8_t digest[32], bool unsigned_ok, struct arena *a,
                 struct err *e)
{
    const char *signer;
    if (trust_signer(db, scope, digest, a, &signer, e))
        return -1;
    return signer ? 0 : demand(db, scope, "nobody who is trusted has signed it", unsigned_ok, a, e);
}
