#include "keys/keyring.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "keys/keyring_int.h"

enum { READ_AGAIN_US = 60000000, WRAPPED = KEY_ID_BYTES + KEY_BYTES };

/* --- domain keys --- */

void key_commit(const struct key *k, uint8_t ret[TAG_BYTES])
{
    hkdf((struct slice){(char *)k->secret, KEY_BYTES}, (struct slice){(char *)k->id, KEY_ID_BYTES}, "laz/v1/commit",
         ret, TAG_BYTES);
}

struct seal_place place_named(enum place p, const uint8_t *scope, const char *name, uint32_t revision,
                              uint8_t row[ID_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    sha256(slice_of(name), hash);
    memcpy(row, hash, ID_BYTES);
    return place_of(p, scope, row, revision);
}

int key_unwrap(const struct key *under, const struct seal_place *at, const struct val *id, const struct val *wrapped,
               const struct val *tag, const char *what, struct key *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4096);
    uint8_t want[TAG_BYTES];
    struct slice plain;
    struct key key;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "unwrap a key");
    if (id->s.n != KEY_ID_BYTES || tag->s.n != TAG_BYTES || wrapped->s.n != KEY_BYTES + SEAL_OVERHEAD)
        return err_set(e, ERR_KEYS, "the key of %s is malformed", what);
    if (seal_open(under, at, wrapped->s, a, &plain, e))
        return err_in(e, "the key of %s", what);
    memcpy(key.id, id->s.p, KEY_ID_BYTES);
    memcpy(key.secret, plain.p, KEY_BYTES);
    wipe((void *)(uintptr_t)plain.p, plain.n);
    key_commit(&key, want);
    int rc =
        crypto_equal(want, tag->s.p, TAG_BYTES) ? 0 : err_set(e, ERR_KEYS, "the key of %s is not the one it was", what);
    if (!rc)
        *ret = key;
    key_wipe(&key);
    return rc;
}

static struct domain *by_id(struct domain *d, int n, const uint8_t id[KEY_ID_BYTES])
{
    for (int i = 0; i < n; i++)
        if (!memcmp(d[i].key.id, id, KEY_ID_BYTES))
            return &d[i];
    return NULL;
}

struct domain *domain_keep(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name, int64_t epoch,
                           int64_t made_at, const struct key *key)
{
    struct domain *d = by_id(k->s->domain, k->s->n, key->id);
    if (d) /* who read the rows while this key was being stored has it already */
        return d;
    if (k->s->n == DOMAINS_MAX)
        return NULL;
    d = &k->s->domain[k->s->n++];
    d->kept = ++k->kept;
    memcpy(d->scope, scope, ID_BYTES);
    memcpy(d->name, name, strlen(name) + 1);
    d->epoch = epoch;
    d->made_at = made_at;
    d->key = *key;
    return d;
}

static int open_domain(const struct key *root, const struct val *v, struct arena *a, struct domain *ret, struct err *e)
{
    uint8_t row[ID_BYTES];
    char *name = arena_str(a, v[1].s);
    if (!name || strlen(name) >= DOMAIN_MAX || v[0].s.n != ID_BYTES)
        return err_set(e, ERR_KEYS, "a row of domain_key is malformed");
    memcpy(ret->scope, v[0].s.p, ID_BYTES);
    memcpy(ret->name, name, strlen(name) + 1);
    ret->epoch = v[2].i;
    ret->made_at = v[6].i;
    struct seal_place at = place_named(PLACE_DOMAIN_KEY, ret->scope, name, (uint32_t)ret->epoch, row);
    return key_unwrap(root, &at, &v[3], &v[4], &v[5], arena_printf(a, "domain %s", name), &ret->key, e);
}

/* `fresh` is what the rows say; those that were made since they were asked for are not among them. */
static int merge_domains(struct keyring *k, struct domain *fresh, int n, int64_t kept, struct err *e)
{
    bool went = false;
    for (int i = 0; i < n; i++) {
        const struct domain *d = by_id(k->s->domain, k->s->n, fresh[i].key.id);
        fresh[i].kept = d ? d->kept : ++k->kept;
    }
    for (int i = 0; i < k->s->n; i++) {
        const struct domain *d = &k->s->domain[i];
        if (by_id(fresh, n, d->key.id))
            continue;
        if (d->kept <= kept)
            went = true;
        else if (n == DOMAINS_MAX)
            return err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
        else
            fresh[n++] = *d;
    }
    memcpy(k->s->domain, fresh, sizeof k->s->domain);
    k->s->n = n;
    k->changes += went;
    return 0;
}

/* Instead of those there were when the rows were asked for; when not all of them open, those stay. */
static int take_domains(struct keyring *k, const struct rows *r, int64_t kept, struct arena *a, struct err *e)
{
    if (r->n > DOMAINS_MAX)
        return err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
    struct domain *fresh = secret_memory(sizeof k->s->domain);
    if (!fresh)
        return err_set(e, ERR_NO_MEMORY, "read the domain keys");
    int rc = 0;
    for (int i = 0; i < r->n && !rc; i++)
        rc = open_domain(&k->s->root, row_at(r, i, 0), a, &fresh[i], e);
    if (!rc)
        rc = merge_domains(k, fresh, r->n, kept, e);
    sodium_free(fresh);
    return rc;
}

struct asked {
    struct root_rows root;
    struct rows domains; /* the last cell: which root key they are under */
};

static int ask(struct keyring *k, struct arena *a, struct asked *ret, struct err *e)
{
    return root_ask(k, a, &ret->root, e) ||
                   db_rows(k->db, a, &ret->domains, e,
                           "SELECT scope, domain, epoch, id, wrapped, tag, created_at, (SELECT tag FROM root_check) "
                           "FROM domain_key ORDER BY epoch") < 0
               ? -1
               : 0;
}

/* Was the root key changed between the two questions? */
static bool is_of_two_moments(const struct asked *x)
{
    return x->domains.n && (!x->root.tag.n || !slice_eq(row_at(&x->root.tag, 0, 0)->s, row_at(&x->domains, 0, 7)->s));
}

static int read_once(struct keyring *k, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(KEYS_MEMORY);
    struct asked now;
    int64_t changes = k->changes, kept = k->kept;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "read the domain keys");
    pthread_mutex_unlock(&k->lock);
    int rc = ask(k, a, &now, e);
    pthread_mutex_lock(&k->lock);
    if (rc)
        return -1;
    if (changes != k->changes || is_of_two_moments(&now))
        return err_set(e, ERR_CONFLICT, "the keys change again and again");
    return root_adopt(k, &now.root, a, e) || take_domains(k, &now.domains, kept, a, e) ? -1 : 0;
}

int keys_read_again(struct keyring *k, struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES && (rc = read_once(k, e)) && e->code == ERR_CONFLICT; i++)
        ;
    return rc;
}

int keyring_store(struct tx *tx, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e)
{
    if (root_hold(tx, x->root_tag, e))
        return -1;
    return tx_exec(
               tx, e,
               "INSERT INTO domain_key (scope, domain, epoch, id, wrapped, tag, created_at) VALUES ($1, $2, $3, $4, "
               "$5, $6, $7)",
               V_ID(scope), V_STR(x->domain), V_INT(x->epoch), V_BYTES(x->key.id, KEY_ID_BYTES), V_BLOB(x->wrapped),
               V_BYTES(x->tag, sizeof x->tag), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

struct new_domain {
    const uint8_t *scope;
    struct key_epoch epoch;
};

static int insert_domain(struct tx *tx, void *arg, struct err *e)
{
    struct new_domain *n = arg;
    return keyring_store(tx, n->scope, &n->epoch, e);
}

int domain_make(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name, int64_t epoch, struct arena *a,
                struct key_epoch *ret, struct err *e)
{
    uint8_t row[ID_BYTES];
    *ret = (struct key_epoch){.epoch = epoch};
    memcpy(ret->domain, name, strlen(name) + 1);
    memcpy(ret->root_tag, k->s->root_tag, TAG_BYTES);
    key_make(&ret->key);
    key_commit(&ret->key, ret->tag);
    struct seal_place at = place_named(PLACE_DOMAIN_KEY, scope, name, (uint32_t)epoch, row);
    return seal(&k->s->root, &at, (struct slice){(char *)ret->key.secret, KEY_BYTES}, a, &ret->wrapped, e);
}

struct domain *domain_find(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name)
{
    for (int i = k->s->n - 1; i >= 0; i--) /* newest epoch last */
        if (!memcmp(k->s->domain[i].scope, scope, ID_BYTES) && !strcmp(k->s->domain[i].name, name))
            return &k->s->domain[i];
    return NULL;
}

/* With the lock held, but not while the key is stored: a body at work may wait for the lock, and the store for it. */
static int store_domain(struct keyring *k, const struct new_domain *n, struct err *e)
{
    pthread_mutex_unlock(&k->lock);
    int rc = tx_run(k->db, insert_domain, (void *)(uintptr_t)n, e);
    pthread_mutex_lock(&k->lock);
    return rc;
}

/* NULL with ERR_CONFLICT: the root key was changed meanwhile. */
static struct domain *make_once(struct keyring *k, const uint8_t *scope, const char *name, struct arena *a,
                                struct err *e)
{
    struct new_domain n = {.scope = scope};
    struct domain *d = NULL;
    if (!domain_make(k, scope, name, 1, a, &n.epoch, e)) {
        if (!store_domain(k, &n, e)) {
            if (!(d = domain_keep(k, scope, name, 1, clock_now_us(), &n.epoch.key)))
                err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
        } else if (e->code == ERR_CONFLICT && !keys_read_again(k, e)) { /* another was first: its key counts */
            d = domain_find(k, scope, name);
            if (!d)
                err_set(e, ERR_CONFLICT, "the root key is being changed");
        }
    }
    key_wipe(&n.epoch.key);
    return d;
}

static struct domain *make_domain(struct keyring *k, const uint8_t *scope, const char *name, struct err *e)
{
    struct domain *d = NULL;
    for (int i = 0; i < TRIES && !d; i++) {
        OWN_ARENA struct arena *a = arena_new(64 * 1024);
        if (!a) {
            err_set(e, ERR_NO_MEMORY, "make a domain key");
            return NULL;
        }
        d = make_once(k, scope, name, a, e);
        if (!d && e->code != ERR_CONFLICT)
            return NULL;
    }
    return d;
}

/* Where other processes rotate keys, the newest known here is the newest of at most a minute ago. */
static int look_again(struct keyring *k, struct err *e)
{
    int64_t now = clock_mono_us(), before = k->read_us;
    if (!db_shared(k->db) || now - before < READ_AGAIN_US)
        return 0;
    k->read_us = now; /* the others do not wait for this */
    if (!keys_read_again(k, e))
        return 0;
    k->read_us = before;
    return -1;
}

int keyring_domain(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct key *ret, struct err *e)
{
    pthread_mutex_lock(&k->lock);
    bool known = look_again(k, e) == 0; /* else there may be a key that is not here: none is made */
    struct domain *d = known ? domain_find(k, scope, domain) : NULL;
    if (known && !d)
        d = make_domain(k, scope, domain, e);
    if (d)
        *ret = d->key;
    pthread_mutex_unlock(&k->lock);
    return d ? 0 : -1;
}

static bool copy_by_id(const struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret)
{
    const struct domain *d = by_id(k->s->domain, k->s->n, id);
    if (d)
        *ret = d->key;
    return d;
}

/* Another process may have made a domain's key since this one opened: the rows are asked before it counts as missing.
 */
int keyring_by_id(struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret, struct err *e)
{
    int rc = 0;
    pthread_mutex_lock(&k->lock);
    bool found = copy_by_id(k, id, ret);
    if (!found && db_shared(k->db)) {
        rc = keys_read_again(k, e);
        found = !rc && copy_by_id(k, id, ret);
    }
    pthread_mutex_unlock(&k->lock);
    if (rc)
        return -1;
    return found ? 0 : err_set(e, ERR_KEYS, "a value was sealed under a key that is not here");
}

int keyring_unseal(struct keyring *k, const struct seal_place *at, struct slice sealed, struct arena *a,
                   struct slice *ret, struct err *e)
{
    struct key dk;
    if (sealed.n < SEAL_OVERHEAD)
        return err_set(e, ERR_KEYS, "a sealed value has a wrong length");
    if (keyring_by_id(k, (const uint8_t *)sealed.p + 2, &dk, e))
        return -1;
    int rc = seal_open(&dk, at, sealed, a, ret, e);
    key_wipe(&dk);
    return rc;
}

/* --- data keys: id and secret, sealed together --- */

int keyring_data_key(struct keyring *k, const char *domain, const struct seal_place *at, struct arena *a,
                     struct key *ret, struct slice *ret_wrap, struct err *e)
{
    struct key dk, data;
    uint8_t both[WRAPPED];
    if (keyring_domain(k, at->scope, domain, &dk, e))
        return -1;
    key_make(&data);
    memcpy(both, data.id, KEY_ID_BYTES);
    memcpy(both + KEY_ID_BYTES, data.secret, KEY_BYTES);
    int rc = seal(&dk, at, (struct slice){(char *)both, sizeof both}, a, ret_wrap, e);
    if (!rc)
        *ret = data;
    wipe(both, sizeof both);
    key_wipe(&data);
    key_wipe(&dk);
    return rc;
}

int keyring_unwrap(struct keyring *k, const struct seal_place *at, struct slice wrap, struct arena *a, struct key *ret,
                   struct err *e)
{
    struct slice both;
    if (wrap.n != WRAPPED + SEAL_OVERHEAD)
        return err_set(e, ERR_KEYS, "a wrapped key has a wrong length");
    if (keyring_unseal(k, at, wrap, a, &both, e))
        return -1;
    memcpy(ret->id, both.p, KEY_ID_BYTES);
    memcpy(ret->secret, both.p + KEY_ID_BYTES, KEY_BYTES);
    return 0;
}

/* --- rotation --- */

int keyring_next(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct arena *a,
                 struct key_epoch *ret, struct err *e)
{
    pthread_mutex_lock(&k->lock);
    const struct domain *d = domain_find(k, scope, domain);
    int rc = d ? domain_make(k, scope, domain, d->epoch + 1, a, ret, e)
               : err_set(e, ERR_NOT_FOUND, "the domain %s has no key yet", domain);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

int keyring_take(struct keyring *k, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e)
{
    pthread_mutex_lock(&k->lock);
    const struct domain *d = domain_keep(k, scope, x->domain, x->epoch, clock_now_us(), &x->key);
    pthread_mutex_unlock(&k->lock);
    return d ? 0 : err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
}

int keyring_old(struct keyring *k, const uint8_t *scope, struct key_old *ret, int max)
{
    int n = 0;
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < k->s->n && n < max; i++) {
        const struct domain *d = &k->s->domain[i], *newest = domain_find(k, d->scope, d->name);
        if (newest == d || (scope && memcmp(d->scope, scope, ID_BYTES)))
            continue;
        ret[n] = (struct key_old){.replaced_at = newest->made_at};
        memcpy(ret[n].scope, d->scope, ID_BYTES);
        memcpy(ret[n].domain, d->name, sizeof ret[n].domain);
        memcpy(ret[n++].id, d->key.id, KEY_ID_BYTES);
    }
    pthread_mutex_unlock(&k->lock);
    return n;
}

int keyring_newest(struct keyring *k, const uint8_t *scope, struct key_domain *ret, int max)
{
    int n = 0;
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < k->s->n && n < max; i++) {
        const struct domain *d = &k->s->domain[i];
        if (domain_find(k, d->scope, d->name) != d || (scope && memcmp(d->scope, scope, ID_BYTES)))
            continue;
        ret[n] = (struct key_domain){.epoch = d->epoch, .made_at = d->made_at};
        memcpy(ret[n].scope, d->scope, ID_BYTES);
        memcpy(ret[n++].domain, d->name, sizeof ret[n].domain);
    }
    pthread_mutex_unlock(&k->lock);
    return n;
}

int keyring_reseal(struct keyring *k, const char *domain, const struct seal_place *at, struct slice sealed,
                   struct arena *a, struct slice *ret, struct err *e)
{
    struct key to;
    struct slice plain;
    if (keyring_unseal(k, at, sealed, a, &plain, e))
        return -1;
    int rc = keyring_domain(k, at->scope, domain, &to, e) || seal(&to, at, plain, a, ret, e) ? -1 : 0;
    wipe((void *)(uintptr_t)plain.p, plain.n);
    key_wipe(&to);
    return rc;
}

int keyring_destroy(struct tx *tx, const uint8_t scope[ID_BYTES], const uint8_t id[KEY_ID_BYTES], struct err *e)
{
    return tx_exec(tx, e, "DELETE FROM domain_key WHERE scope = $1 AND id = $2", V_ID(scope),
                   V_BYTES(id, KEY_ID_BYTES));
}

void keyring_forget(struct keyring *k, const uint8_t id[KEY_ID_BYTES])
{
    pthread_mutex_lock(&k->lock);
    int n = 0;
    k->changes++;
    for (int i = 0; i < k->s->n; i++) {
        if (memcmp(k->s->domain[i].key.id, id, KEY_ID_BYTES) == 0)
            continue;
        if (n != i)
            k->s->domain[n] = k->s->domain[i];
        n++;
    }
    for (int i = n; i < k->s->n; i++)
        key_wipe(&k->s->domain[i].key);
    k->s->n = n;
    pthread_mutex_unlock(&k->lock);
}

/* --- opening --- */

void *secret_memory(size_t n)
{
    void *p = sodium_malloc(n);
    return p ? memset(p, 0, n) : NULL;
}

int keyring_open(const char *root, struct db *db, struct keyring **ret, struct err *e)
{
    struct keyring *k = calloc(1, sizeof *k);
    if (!k || sodium_init() < 0 || !(k->s = secret_memory(sizeof *k->s))) {
        free(k);
        return err_set(e, ERR_NO_MEMORY, "open the keyring");
    }
    k->db = db;
    pthread_mutex_init(&k->lock, NULL);
    pthread_mutex_init(&k->rotating, NULL);
    if (strlen(root) >= sizeof k->source) {
        keyring_close(k);
        return err_set(e, ERR_CONFIG, "keys.root is longer than %d bytes", ROOT_SOURCE_MAX - 1);
    }
    memcpy(k->source, root, strlen(root) + 1);
    k->read_us = clock_mono_us();
    pthread_mutex_lock(&k->lock);
    int rc = keys_read_again(k, e);
    pthread_mutex_unlock(&k->lock);
    if (rc) {
        keyring_close(k);
        return -1;
    }
    *ret = k;
    return 0;
}

void keyring_close(struct keyring *k)
{
    if (!k)
        return;
    sodium_free(k->s);
    sodium_free(k->subject);
    sodium_free(k->hint);
    pthread_mutex_destroy(&k->lock);
    pthread_mutex_destroy(&k->rotating);
    free(k);
}

void keyring_status(struct keyring *k, struct keyring_status *ret)
{
    pthread_mutex_lock(&k->lock);
    ret->epochs = k->s->n;
    ret->domains = 0;
    for (int i = 0; i < k->s->n; i++)
        ret->domains += domain_find(k, k->s->domain[i].scope, k->s->domain[i].name) == &k->s->domain[i];
    root_id_text(&k->s->root, ret->root_id);
    memcpy(ret->store_id, k->store_id, sizeof ret->store_id);
    memcpy(ret->source, k->source, sizeof ret->source);
    ret->root_since = k->root_since;
    pthread_mutex_unlock(&k->lock);
}

static void derive(const struct key *root, const char *label, struct key *ret)
{
    memcpy(ret->id, root->id, KEY_ID_BYTES);
    hkdf((struct slice){(const char *)root->secret, KEY_BYTES}, SLICE(""), label, ret->secret, KEY_BYTES);
}

void keyring_derive(struct keyring *k, const char *label, struct key *ret)
{
    pthread_mutex_lock(&k->lock);
    derive(&k->s->root, label, ret);
    pthread_mutex_unlock(&k->lock);
}

int keyring_derive_from(const char *source, const char *label, struct key *ret, char ret_root_id[ROOT_ID_TEXT],
                        struct err *e)
{
    struct key root;
    if (root_read(source, &root, e))
        return -1;
    derive(&root, label, ret);
    root_id_text(&root, ret_root_id);
    key_wipe(&root);
    return 0;
}
