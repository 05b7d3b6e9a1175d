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

static void keep(struct keyring *k, const uint8_t *scope, enum blind_column c, const struct key *key)
{
    struct blind *b = &k->s->blind[k->s->blinds++ % BLINDS_MAX];
    memcpy(b->scope, scope, ID_BYTES);
    b->column = c;
    b->key = *key;
}

/* 1 and *ret, 0 when the store has none, -1. */
static int read_key(struct keyring *k, const uint8_t *scope, enum blind_column c, struct arena *a, struct key *ret,
                    struct err *e)
{
    struct rows r;
    uint8_t row[ID_BYTES];
    const char *name = columns[c].name;
    struct seal_place at = place_named(PLACE_BLIND_KEY, scope, name, 0, row);
    int n = db_rows(k->db, a, &r, e, "SELECT id, wrapped, tag FROM blind_key WHERE scope = $1 AND name = $2",
                    V_ID(scope), V_STR(name));
    if (n <= 0)
        return n;
    const struct val *v = row_at(&r, 0, 0);
    return key_unwrap(&k->s->root, &at, &v[0], &v[1], &v[2], name, ret, e) ? -1 : 1;
}

struct making {
    const struct keyring *k;
    const uint8_t *scope;
    const char *name;
    struct key key;
    uint8_t tag[TAG_BYTES];
    struct slice wrapped;
};

static int insert(struct tx *tx, void *arg, struct err *e)
{
    const struct making *m = arg;
    if (root_hold(tx, m->k->s->root_tag, e))
        return -1;
    return tx_exec(tx, e,
                   "INSERT INTO blind_key (scope, name, id, wrapped, tag, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                   V_ID(m->scope), V_STR(m->name), V_BYTES(m->key.id, KEY_ID_BYTES), V_BLOB(m->wrapped),
                   V_BYTES(m->tag, sizeof m->tag), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

static int make_key(struct keyring *k, const uint8_t *scope, enum blind_column c, struct arena *a, struct key *ret,
                    struct err *e)
{
    struct making m = {.k = k, .scope = scope, .name = columns[c].name};
    uint8_t row[ID_BYTES];
    struct seal_place at = place_named(PLACE_BLIND_KEY, scope, m.name, 0, row);
    key_make(&m.key);
    key_commit(&m.key, m.tag);
    int rc = seal(&k->s->root, &at, (struct slice){(char *)m.key.secret, KEY_BYTES}, a, &m.wrapped, e) ||
                     tx_run(k->db, insert, &m, e)
                 ? -1
                 : 0;
    if (!rc)
        *ret = m.key;
    key_wipe(&m.key);
    return rc;
}

/* With the lock held. Where another process made the key first, or changed the root key, its word counts. */
static int load(struct keyring *k, const uint8_t *scope, enum blind_column c, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct key key;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "read the key of a blind index");
    if (db_shared(k->db) && root_adopt(k, a, e))
        return -1;
    int got = read_key(k, scope, c, a, &key, e);
    if (got == 0 && make_key(k, scope, c, a, &key, e)) {
        if (e->code != ERR_CONFLICT || root_adopt(k, a, e) || (got = read_key(k, scope, c, a, &key, e)) < 0)
            return -1;
        if (got == 0)
            return err_set(e, ERR_CONFLICT, "the root key is being changed");
    }
    if (got < 0)
        return -1;
    keep(k, scope, c, &key);
    key_wipe(&key);
    return 0;
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
