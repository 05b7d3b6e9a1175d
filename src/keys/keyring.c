#include "keys/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "store/place.h"

enum { READ_AGAIN_US = 60000000 };
enum { DOMAINS_MAX = 256, KEYS_MEMORY = 4 << 20, WRAPPED = KEY_ID_BYTES + KEY_BYTES };

/* In memory from sodium_malloc: locked, not dumped, between guard pages, wiped when freed. */
struct secrets {
    struct key root;
    int n;
    struct domain {
        uint8_t scope[ID_BYTES];
        char name[DOMAIN_MAX];
        int64_t epoch, made_at;
        struct key key;
    } domain[DOMAINS_MAX];
};

struct keyring {
    struct db *db;
    pthread_mutex_t lock; /* guards what follows */
    struct secrets *s;
    int64_t read_us; /* monotonic: when the rows were read last */
};

/* --- the root key file: one line of 64 hexadecimal digits --- */

static int write_fresh_key(int fd)
{
    uint8_t raw[KEY_BYTES];
    char line[2 * KEY_BYTES + 2];
    randombytes_buf(raw, sizeof raw);
    hex_encode(raw, sizeof raw, line);
    line[2 * KEY_BYTES] = '\n';
    int bad = write(fd, line, sizeof line - 1) != (ssize_t)sizeof line - 1 || fsync(fd);
    wipe(raw, sizeof raw);
    wipe(line, sizeof line);
    return bad ? -1 : 0;
}

/* A name is durable when its folder is. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    OWN_FD int fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? -1 : 0;
}

/* Written whole under another name and then linked, so that a crash leaves no key file or all of it; a link replaces
 * nothing. What a crash leaves under the other name was never a key of anything. */
int keyring_make_root(const char *path, struct err *e)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return err_set(e, ERR_KEYS, "the path of the root key file is too long");
    if (unlink(fresh) && errno != ENOENT)
        return err_sys(e, ERR_KEYS, "remove %s", fresh);
    OWN_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (fd < 0)
        return err_sys(e, ERR_KEYS, "make the root key file %s", fresh);
    fault_crash(CRASH_root_key_opened);
    if (write_fresh_key(fd)) {
        err_sys(e, ERR_KEYS, "write the root key file %s", fresh);
        unlink(fresh);
        return -1;
    }
    fault_crash(CRASH_root_key_written);
    int rc = link(fresh, path) || sync_folder_of(path) ? err_sys(e, ERR_KEYS, "make the root key file %s", path) : 0;
    unlink(fresh);
    return rc;
}

static int read_root(const char *path, struct key *ret, struct err *e)
{
    char line[2 * KEY_BYTES + 2];
    struct stat st;
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st))
        return err_sys(e, ERR_KEYS, "read the root key file %s", path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
        return err_set(e, ERR_KEYS, "the root key file %s may be read by others (mode %04o): chmod 0400 it", path,
                       st.st_mode & 07777);
    ssize_t n = read(fd, line, sizeof line);
    if (n > 0 && line[n - 1] == '\n')
        n--;
    int ok = n == 2 * KEY_BYTES && hex_decode((struct slice){line, (size_t)n}, ret->secret, KEY_BYTES) == KEY_BYTES;
    wipe(line, sizeof line);
    if (!ok)
        return err_set(e, ERR_KEYS, "the root key file %s does not hold 64 hexadecimal digits", path);
    hkdf((struct slice){(char *)ret->secret, KEY_BYTES}, SLICE(""), "laz/v1/root-id", ret->id, KEY_ID_BYTES);
    return 0;
}

/* --- domain keys --- */

static void commitment(const struct key *k, uint8_t tag[SHA256_BYTES])
{
    hkdf((struct slice){(char *)k->secret, KEY_BYTES}, (struct slice){(char *)k->id, KEY_ID_BYTES}, "laz/v1/commit",
         tag, SHA256_BYTES);
}

static struct seal_place wrap_place(const uint8_t *scope, uint8_t row[ID_BYTES], const char *name, int64_t epoch)
{
    uint8_t hash[SHA256_BYTES];
    sha256(slice_of(name), hash);
    memcpy(row, hash, ID_BYTES);
    return place_of(PLACE_DOMAIN_KEY, scope, row, (uint32_t)epoch);
}

static struct domain *keep(struct keyring *k, const uint8_t *scope, const char *name, int64_t epoch, int64_t made_at,
                           const struct key *key)
{
    if (k->s->n == DOMAINS_MAX)
        return NULL;
    struct domain *d = &k->s->domain[k->s->n++];
    memcpy(d->scope, scope, ID_BYTES);
    memcpy(d->name, name, strlen(name) + 1);
    d->epoch = epoch;
    d->made_at = made_at;
    d->key = *key;
    return d;
}

static int load_domains(struct keyring *k, struct arena *a, struct err *e)
{
    struct rows r;
    if (db_rows(k->db, a, &r, e,
                "SELECT scope, domain, epoch, id, wrapped, tag, created_at FROM domain_key ORDER BY epoch") < 0)
        return -1;
    k->read_us = clock_mono_us();
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        uint8_t row[ID_BYTES], tag[SHA256_BYTES];
        char *name = arena_str(a, v[1].s);
        struct slice plain;
        struct key key;
        if (!name || strlen(name) >= DOMAIN_MAX || v[3].s.n != KEY_ID_BYTES || v[0].s.n != ID_BYTES)
            return err_set(e, ERR_KEYS, "row %d of domain_key is malformed", i);
        struct seal_place at = wrap_place((const uint8_t *)v[0].s.p, row, name, v[2].i);
        if (seal_open(&k->s->root, &at, v[4].s, a, &plain, e))
            return err_in(e, "the key of domain %s", name);
        if (plain.n != KEY_BYTES)
            return err_set(e, ERR_KEYS, "the key of domain %s has a wrong length", name);
        memcpy(key.id, v[3].s.p, KEY_ID_BYTES);
        memcpy(key.secret, plain.p, KEY_BYTES);
        commitment(&key, tag);
        bool same = v[5].s.n == sizeof tag && crypto_equal(tag, v[5].s.p, sizeof tag);
        struct domain *d = same ? keep(k, (const uint8_t *)v[0].s.p, name, v[2].i, v[6].i, &key) : NULL;
        key_wipe(&key);
        if (!d)
            return err_set(e, ERR_KEYS, "the key of domain %s is not the one it was, or there are too many", name);
    }
    return 0;
}

int keyring_store(struct tx *tx, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e)
{
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

static int make_epoch(struct keyring *k, const uint8_t *scope, const char *name, int64_t epoch, struct arena *a,
                      struct key_epoch *ret, struct err *e)
{
    uint8_t row[ID_BYTES];
    *ret = (struct key_epoch){.epoch = epoch};
    memcpy(ret->domain, name, strlen(name) + 1);
    key_make(&ret->key);
    commitment(&ret->key, ret->tag);
    struct seal_place at = wrap_place(scope, row, name, epoch);
    return seal(&k->s->root, &at, (struct slice){(char *)ret->key.secret, KEY_BYTES}, a, &ret->wrapped, e);
}

static struct domain *find(struct keyring *k, const uint8_t *scope, const char *name)
{
    for (int i = k->s->n - 1; i >= 0; i--) /* newest epoch last */
        if (!memcmp(k->s->domain[i].scope, scope, ID_BYTES) && !strcmp(k->s->domain[i].name, name))
            return &k->s->domain[i];
    return NULL;
}

static int read_domains_again(struct keyring *k, struct arena *a, struct err *e)
{
    int before = k->s->n;
    k->s->n = 0;
    if (load_domains(k, a, e) == 0)
        return 0;
    if (k->s->n == 0) /* the store did not answer: what was known stays so */
        k->s->n = before;
    return -1;
}

/* With the lock held, so that two callers do not make the same domain twice. */
static struct domain *make_domain(struct keyring *k, const uint8_t *scope, const char *name, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct new_domain n = {.scope = scope};
    struct domain *d = NULL;
    if (!a) {
        err_set(e, ERR_NO_MEMORY, "make a domain key");
        return NULL;
    }
    int rc = make_epoch(k, scope, name, 1, a, &n.epoch, e) || tx_run(k->db, insert_domain, &n, e) ? -1 : 0;
    if (rc == 0 && !(d = keep(k, scope, name, 1, clock_now_us(), &n.epoch.key)))
        err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
    if (rc && e->code == ERR_CONFLICT && !read_domains_again(k, a, e)) { /* another process was first: its key counts */
        d = find(k, scope, name);
        if (!d)
            err_set(e, ERR_KEYS, "the key of domain %s was made and is not there", name);
    }
    key_wipe(&n.epoch.key);
    return d;
}

/* Where other processes rotate keys, the newest known here is the newest of at most a minute ago. */
static int look_again(struct keyring *k, struct err *e)
{
    if (!db_shared(k->db) || clock_mono_us() - k->read_us < READ_AGAIN_US)
        return 0;
    OWN_ARENA struct arena *a = arena_new(KEYS_MEMORY);
    return a ? read_domains_again(k, a, e) : err_set(e, ERR_NO_MEMORY, "read the domain keys");
}

int keyring_domain(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct key *ret, struct err *e)
{
    pthread_mutex_lock(&k->lock);
    struct domain *d = look_again(k, e) ? NULL : find(k, scope, domain);
    if (!d && k->read_us)
        d = make_domain(k, scope, domain, e);
    if (d)
        *ret = d->key;
    pthread_mutex_unlock(&k->lock);
    return d ? 0 : -1;
}

static bool copy_by_id(const struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret)
{
    for (int i = 0; i < k->s->n; i++)
        if (!memcmp(k->s->domain[i].key.id, id, KEY_ID_BYTES)) {
            *ret = k->s->domain[i].key;
            return true;
        }
    return false;
}

/* Another process may have made a domain's key since this one opened: the rows are asked before it counts as missing.
 */
int keyring_by_id(struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret, struct err *e)
{
    int rc = 0;
    pthread_mutex_lock(&k->lock);
    bool found = copy_by_id(k, id, ret);
    if (!found && db_shared(k->db)) {
        OWN_ARENA struct arena *a = arena_new(KEYS_MEMORY);
        rc = a ? read_domains_again(k, a, e) : err_set(e, ERR_NO_MEMORY, "read the domain keys");
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
    const struct domain *d = find(k, scope, domain);
    int rc = d ? make_epoch(k, scope, domain, d->epoch + 1, a, ret, e)
               : err_set(e, ERR_NOT_FOUND, "the domain %s has no key yet", domain);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

int keyring_take(struct keyring *k, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e)
{
    pthread_mutex_lock(&k->lock);
    const struct domain *d = keep(k, scope, x->domain, x->epoch, clock_now_us(), &x->key);
    pthread_mutex_unlock(&k->lock);
    return d ? 0 : err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
}

int keyring_old(struct keyring *k, const uint8_t scope[ID_BYTES], struct key_old *ret, int max)
{
    int n = 0;
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < k->s->n && n < max; i++) {
        const struct domain *d = &k->s->domain[i], *newest = find(k, d->scope, d->name);
        if (newest == d || memcmp(d->scope, scope, ID_BYTES))
            continue;
        ret[n] = (struct key_old){.replaced_at = newest->made_at};
        memcpy(ret[n].domain, d->name, sizeof ret[n].domain);
        memcpy(ret[n++].id, d->key.id, KEY_ID_BYTES);
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
                   V_BYTES(id, KEY_ID_BYTES)) < 0
               ? -1
               : 0;
}

void keyring_forget(struct keyring *k, const uint8_t id[KEY_ID_BYTES])
{
    pthread_mutex_lock(&k->lock);
    int n = 0;
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

static int insert_check(struct tx *tx, void *arg, struct err *e)
{
    return tx_exec(tx, e, "INSERT INTO root_check (one, tag) VALUES (1, $1)", V_BYTES(arg, SHA256_BYTES)) < 0 ? -1 : 0;
}

/* The store remembers which root key its data were made with. */
static int check_root(struct keyring *k, struct arena *a, struct err *e)
{
    uint8_t tag[SHA256_BYTES];
    struct rows r;
    commitment(&k->s->root, tag);
    if (db_rows(k->db, a, &r, e, "SELECT tag FROM root_check") < 0)
        return -1;
    if (r.n == 0)
        return tx_run(k->db, insert_check, tag, e);
    const struct val *v = row_at(&r, 0, 0);
    if (v->s.n != sizeof tag || !crypto_equal(v->s.p, tag, sizeof tag))
        return err_set(e, ERR_KEYS, "the root key file is not the one these data were made with");
    return 0;
}

int keyring_open(const char *root_path, struct db *db, struct keyring **ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(KEYS_MEMORY);
    struct keyring *k = calloc(1, sizeof *k);
    if (!a || !k || sodium_init() < 0 || !(k->s = sodium_malloc(sizeof *k->s))) {
        free(k);
        return err_set(e, ERR_NO_MEMORY, "open the keyring");
    }
    memset(k->s, 0, sizeof *k->s);
    k->db = db;
    pthread_mutex_init(&k->lock, NULL);
    if (read_root(root_path, &k->s->root, e) || check_root(k, a, e) || load_domains(k, a, e)) {
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
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void keyring_status(struct keyring *k, struct keyring_status *ret)
{
    pthread_mutex_lock(&k->lock);
    ret->epochs = k->s->n;
    ret->domains = 0;
    for (int i = 0; i < k->s->n; i++)
        ret->domains += find(k, k->s->domain[i].scope, k->s->domain[i].name) == &k->s->domain[i];
    hex_encode(k->s->root.id, KEY_ID_BYTES, ret->root_id);
    pthread_mutex_unlock(&k->lock);
}

static void derive(const struct key *root, const char *label, struct key *ret)
{
    memcpy(ret->id, root->id, KEY_ID_BYTES);
    hkdf((struct slice){(const char *)root->secret, KEY_BYTES}, SLICE(""), label, ret->secret, KEY_BYTES);
}

void keyring_derive(struct keyring *k, const char *label, struct key *ret)
{
    derive(&k->s->root, label, ret); /* never changed while the keyring is open */
}

int keyring_derive_from(const char *root_path, const char *label, struct key *ret, char ret_root_id[ROOT_ID_TEXT],
                        struct err *e)
{
    struct key root;
    if (read_root(root_path, &root, e))
        return -1;
    derive(&root, label, ret);
    hex_encode(root.id, KEY_ID_BYTES, ret_root_id);
    key_wipe(&root);
    return 0;
}
