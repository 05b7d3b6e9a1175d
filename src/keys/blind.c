#include "keys/blind.h"

#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "crypto/digest.h"
#include "keys/keyring_int.h"

enum { TAX_SHORT = 11, TAX_LONG = 16, EMAIL_MAX = 254, PHONE_LEAST = 7, PHONE_MOST = 15 };
enum form { FORM_TAX_CODE, FORM_EMAIL, FORM_PHONE, FORM_ID };

static const struct {
    const char *name;
    enum form form;
} columns[] = {
#define BLIND(name, text, form, what) {text, FORM_##form},
#include "keys/blind_columns.def"
#undef BLIND
};

/* --- the one form of a value --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_tax_code(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return false;
    return s.n == TAX_SHORT || s.n == TAX_LONG;
}

static bool is_email(struct slice s)
{
    int at = 0;
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] <= ' ' || s.p[i] == 0x7f || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return false;
        at += s.p[i] == '@';
    }
    return at == 1 && s.n <= EMAIL_MAX && s.p[0] != '@' && s.p[s.n - 1] != '@' && utf8_valid(s);
}

static bool is_phone(struct slice s)
{
    if (s.n < 1 + PHONE_LEAST || s.n > 1 + PHONE_MOST || s.p[0] != '+' || s.p[1] == '0')
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return true;
}

static bool has_form(struct slice s, enum form f)
{
    switch (f) {
    case FORM_TAX_CODE: return is_tax_code(s);
    case FORM_EMAIL: return is_email(s);
    case FORM_PHONE: return is_phone(s);
    case FORM_ID: return s.n == ID_BYTES;
    }
    return false;
}

/* --- keys --- */

static struct blind *find(struct keyring *k, const uint8_t *scope, enum blind_column c)
{
    for (int i = 0; i < k->s->blinds && i < BLINDS_MAX; i++)
        if (k->s->blind[i].column == c && !memcmp(k->s->blind[i].scope, scope, ID_BYTES))
            return &k->s->blind[i];
    return NULL;
}

void blind_keep(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, const struct key *key)
{
    struct blind *b = &k->s->blind[k->s->blinds++ % BLINDS_MAX];
    memcpy(b->scope, scope, ID_BYTES);
    b->column = c;
    b->key = *key;
}

bool blind_known(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c)
{
    return find(k, scope, c);
}

static int ask(struct keyring *k, const uint8_t *scope, enum blind_column c, struct arena *a, struct rows *ret,
               struct err *e)
{
    return db_rows(
        k->db, a, ret, e,
        "SELECT id, wrapped, tag, (SELECT tag FROM root_check) FROM blind_key WHERE scope = $1 AND name = $2",
        V_ID(scope), V_STR(columns[c].name));
}

/* 1 and *ret, 0: no row, -1; ERR_CONFLICT: it is under a root key that is not the one known here. */
static int open_row(struct keyring *k, const uint8_t *scope, enum blind_column c, const struct rows *r, struct key *ret,
                    struct err *e)
{
    uint8_t row[ID_BYTES];
    const char *name = columns[c].name;
    struct seal_place at = place_named(PLACE_BLIND_KEY, scope, name, 0, row);
    const struct val *v = r->n ? row_at(r, 0, 0) : NULL;
    if (!v)
        return 0;
    if (!slice_eq(v[3].s, (struct slice){(char *)k->s->root_tag, TAG_BYTES}))
        return err_set(e, ERR_CONFLICT, "the root key was changed by another process");
    return key_unwrap(&k->s->root, &at, &v[0], &v[1], &v[2], name, ret, e) ? -1 : 1;
}

int blind_read(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, struct arena *a, struct key *ret,
               struct err *e)
{
    struct rows r;
    return ask(k, scope, c, a, &r, e) < 0 ? -1 : open_row(k, scope, c, &r, ret, e);
}

int blind_make(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, struct arena *a,
               struct blind_new *ret, struct err *e)
{
    uint8_t row[ID_BYTES];
    struct seal_place at = place_named(PLACE_BLIND_KEY, scope, columns[c].name, 0, row);
    *ret = (struct blind_new){.scope = scope, .column = c};
    memcpy(ret->root_tag, k->s->root_tag, TAG_BYTES);
    key_make(&ret->key);
    key_commit(&ret->key, ret->tag);
    return seal(&k->s->root, &at, (struct slice){(char *)ret->key.secret, KEY_BYTES}, a, &ret->wrapped, e);
}

int blind_store(struct tx *tx, const struct blind_new *x, struct err *e)
{
    if (root_hold(tx, x->root_tag, e))
        return -1;
    return tx_exec(tx, e,
                   "INSERT INTO blind_key (scope, name, id, wrapped, tag, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                   V_ID(x->scope), V_STR(columns[x->column].name), V_BYTES(x->key.id, KEY_ID_BYTES), V_BLOB(x->wrapped),
                   V_BYTES(x->tag, sizeof x->tag), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

static int insert(struct tx *tx, void *arg, struct err *e)
{
    return blind_store(tx, arg, e);
}

/* With the lock held, but not while the store is at work: a body of its own may wait for the lock. */
static int make_key(struct keyring *k, const uint8_t *scope, enum blind_column c, struct arena *a, struct err *e)
{
    struct blind_new x;
    int rc = blind_make(k, scope, c, a, &x, e);
    if (!rc) {
        pthread_mutex_unlock(&k->lock);
        rc = tx_run(k->db, insert, &x, e);
        pthread_mutex_lock(&k->lock);
    }
    if (!rc)
        blind_keep(k, scope, c, &x.key);
    key_wipe(&x.key);
    return rc ? -1 : 0;
}

/* With the lock held. ERR_CONFLICT: another thread or process made the key first, or changed the root key. */
static int load_once(struct keyring *k, const uint8_t *scope, enum blind_column c, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    struct key key;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "read the key of a blind index");
    pthread_mutex_unlock(&k->lock);
    int n = ask(k, scope, c, a, &r, e);
    pthread_mutex_lock(&k->lock);
    if (n < 0)
        return -1;
    if (find(k, scope, c)) /* another thread was first */
        return 0;
    int got = open_row(k, scope, c, &r, &key, e);
    if (got > 0)
        blind_keep(k, scope, c, &key);
    key_wipe(&key);
    return got < 0 ? -1 : got ? 0 : make_key(k, scope, c, a, e);
}

static int load(struct keyring *k, const uint8_t *scope, enum blind_column c, struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        int rc = load_once(k, scope, c, e);
        if (!rc || e->code != ERR_CONFLICT)
            return rc;
        if (db_shared(k->db) && keys_read_again(k, e))
            return -1;
    }
    return -1;
}

int blind_index(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column column, struct slice value,
                uint8_t ret[BLIND_BYTES], struct err *e)
{
    uint8_t mac[SHA256_BYTES];
    struct key key;
    if (!value.n || !has_form(value, columns[column].form))
        return err_set(e, ERR_BAD_REQUEST, "a value for the index %s does not have the form it is compared in",
                       columns[column].name);
    pthread_mutex_lock(&k->lock);
    int rc = find(k, scope, column) ? 0 : load(k, scope, column, e);
    if (!rc)
        key = find(k, scope, column)->key;
    pthread_mutex_unlock(&k->lock);
    if (rc)
        return -1;
    hmac_sha256((struct slice){(char *)key.secret, KEY_BYTES}, &value, 1, mac);
    key_wipe(&key);
    memcpy(ret, mac, BLIND_BYTES);
    return 0;
}
