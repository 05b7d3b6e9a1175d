/* rekey.c -- which root key the store has, and giving it another one. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/own.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "keys/keyring_int.h"

int root_hold(struct tx *tx, const uint8_t tag[TAG_BYTES], struct err *e)
{
    int n = tx_exec(tx, e, "UPDATE root_check SET tag = $1 WHERE tag = $1", V_BYTES(tag, TAG_BYTES));
    return n < 0 ? -1 : n == 1 ? 0 : err_set(e, ERR_CONFLICT, "the root key was changed by another process");
}

/* --- which one --- */

struct first {
    const struct keyring *k;
    const uint8_t *tag;
    char id[ROOT_ID_TEXT];
    bool fresh; /* a store without any root key */
};

/* A store that was there before root keys were listed has had this one since it was made. */
static int insert_first(struct tx *tx, void *arg, struct err *e)
{
    const struct first *x = arg;
    if (x->fresh && tx_exec(tx, e, "INSERT INTO root_check (one, tag) VALUES (1, $1)", V_BYTES(x->tag, TAG_BYTES)) < 0)
        return -1;
    return tx_exec(tx, e,
                   "INSERT INTO root_key (id, source, since) VALUES ($1, $2, COALESCE((SELECT min(created_at) FROM "
                   "scope), $3))",
                   V_STR(x->id), V_STR(x->k->source), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

/* The rows of root_key, in the order they came; the last is the present one. */
static int read_history(struct keyring *k, struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(k->db, a, ret, e, "SELECT id, source, since, until FROM root_key ORDER BY until IS NULL, since");
}

int keyring_roots(struct keyring *k, struct arena *a, struct rows *ret, struct err *e)
{
    return read_history(k, a, ret, e);
}

int root_ask(struct keyring *k, struct arena *a, struct root_rows *ret, struct err *e)
{
    return db_rows(k->db, a, &ret->tag, e, "SELECT tag FROM root_check") < 0 || read_history(k, a, &ret->history, e) < 0
               ? -1
               : 0;
}

static int take_history(struct keyring *k, const struct first *x, struct rows *r, struct arena *a, struct err *e)
{
    if (r->n == 0) {
        if (tx_run(k->db, insert_first, (void *)(uintptr_t)x, e) && e->code != ERR_CONFLICT) /* another was first */
            return -1;
        if (read_history(k, a, r, e) < 0)
            return -1;
    }
    const struct val *v = r->n ? row_at(r, r->n - 1, 0) : NULL;
    if (!v || row_at(r, 0, 0)->s.n >= sizeof k->store_id)
        return err_set(e, ERR_KEYS, "the store does not say which root keys it had");
    snprintf(k->store_id, sizeof k->store_id, "%.*s", SLICE_FMT(row_at(r, 0, 0)->s));
    k->root_since = v[2].i;
    return 0;
}

/* A sentence that helps: which key is wanted, and where it was when it became the store's. */
static int refuse(const struct rows *history, const struct key *have, struct err *e)
{
    char id[ROOT_ID_TEXT];
    root_id_text(have, id);
    if (!history->n)
        return err_set(e, ERR_KEYS, "the root key (%s) is not the one these data were made with", id);
    const struct val *v = row_at(history, history->n - 1, 0);
    return err_set(e, ERR_KEYS,
                   "the root key (%s) is not the one these data were made with: that is %.*s, and was put at %.*s", id,
                   SLICE_FMT(v[0].s), (int)(v[1].s.n < 90 ? v[1].s.n : 90), v[1].s.p);
}

static bool is_of(const struct key *root, const struct val *tag)
{
    uint8_t have[TAG_BYTES];
    key_commit(root, have);
    return tag->s.n == sizeof have && crypto_equal(tag->s.p, have, sizeof have);
}

/* The key at the source or, after a crash in a rotation, the next one; then that gets its place. */
static int read_root_of(struct keyring *k, const struct val *tag, const struct rows *history, struct key *ret,
                        struct err *e)
{
    struct key next;
    struct err ignored, why;
    int rc = root_read(k->source, ret, e);
    if (!rc && (!tag || is_of(ret, tag)))
        return 0;
    if (tag && root_read_next(k->source, &next, &ignored) > 0 && is_of(&next, tag)) {
        *ret = next;
        key_wipe(&next);
        if (root_settle(k->source, ret, &why))
            log_err(LOG_WARN, "root_key.settle", &why); /* it serves from where it is */
        return 0;
    }
    return rc ? -1 : refuse(history, ret, e);
}

static void root_take(struct keyring *k, const struct key *root)
{
    k->s->root = *root;
    key_commit(root, k->s->root_tag);
    k->changes++;
}

int root_adopt(struct keyring *k, struct root_rows *r, struct arena *a, struct err *e)
{
    struct key root;
    uint8_t tag[TAG_BYTES];
    struct first x = {.k = k, .tag = tag};
    const struct val *stored = r->tag.n ? row_at(&r->tag, 0, 0) : NULL;
    if (stored && *k->store_id && is_of(&k->s->root, stored))
        return 0;
    if (stored && k->s->is_coming && is_of(&k->s->coming, stored)) { /* who rotates does the rest */
        root_take(k, &k->s->coming);
        return 0;
    }
    if (read_root_of(k, stored, &r->history, &root, e)) {
        key_wipe(&root);
        return -1;
    }
    key_commit(&root, tag);
    root_id_text(&root, x.id);
    x.fresh = !stored;
    int rc = take_history(k, &x, &r->history, a, e);
    if (!rc)
        root_take(k, &root);
    key_wipe(&root);
    return rc;
}

/* --- another one --- */

struct wraps {
    struct rows rows; /* id, wrapped ... */
    struct slice *fresh;
    const char *update, *count;
};

struct change {
    struct keyring *k;
    struct arena *arena;
    struct key root, old;
    uint8_t tag[TAG_BYTES], old_tag[TAG_BYTES];
    char id[ROOT_ID_TEXT], old_id[ROOT_ID_TEXT];
    const char *to; /* its source */
    struct wraps domains, blinds;
    tx_body *also;
    void *arg;
};

static int rewrap(struct change *x, const struct seal_place *at, struct slice wrapped, struct slice *ret, struct err *e)
{
    struct slice plain;
    if (seal_open(&x->old, at, wrapped, x->arena, &plain, e))
        return -1;
    int rc = seal(&x->root, at, plain, x->arena, ret, e);
    wipe((void *)(uintptr_t)plain.p, plain.n);
    return rc;
}

/* All wraps of one table, sealed anew. Its rows: id, wrapped, scope, name, revision. */
static int rewrap_table(struct change *x, const char *select, enum place place, struct wraps *w, struct err *e)
{
    if (db_rows(x->k->db, x->arena, &w->rows, e, select) < 0)
        return -1;
    w->fresh = arena_take(x->arena, ((size_t)w->rows.n + 1) * sizeof *w->fresh);
    if (!w->fresh)
        return err_set(e, ERR_NO_MEMORY, "wrap the keys anew");
    for (int i = 0; i < w->rows.n; i++) {
        const struct val *v = row_at(&w->rows, i, 0);
        uint8_t row[ID_BYTES];
        const char *name = arena_str(x->arena, v[3].s);
        if (!name || v[2].s.n != ID_BYTES)
            return err_set(e, ERR_KEYS, "a wrapped key is malformed");
        struct seal_place at = place_named(place, (const uint8_t *)v[2].s.p, name, (uint32_t)v[4].i, row);
        if (rewrap(x, &at, v[1].s, &w->fresh[i], e))
            return -1;
    }
    return 0;
}

static int prepare(struct change *x, struct err *e)
{
    x->domains.update = "UPDATE domain_key SET wrapped = $1 WHERE id = $2 AND wrapped = $3";
    x->domains.count = "SELECT count(*) FROM domain_key";
    x->blinds.update = "UPDATE blind_key SET wrapped = $1 WHERE id = $2 AND wrapped = $3";
    x->blinds.count = "SELECT count(*) FROM blind_key";
    return rewrap_table(x, "SELECT id, wrapped, scope, domain, epoch FROM domain_key", PLACE_DOMAIN_KEY, &x->domains,
                        e) ||
                   rewrap_table(x, "SELECT id, wrapped, scope, name, 0 FROM blind_key", PLACE_BLIND_KEY, &x->blinds, e)
               ? -1
               : 0;
}

static int store_wraps(struct tx *tx, const struct change *x, const struct wraps *w, struct err *e)
{
    struct rows r;
    for (int i = 0; i < w->rows.n; i++) {
        const struct val *v = row_at(&w->rows, i, 0);
        int n = tx_exec(tx, e, w->update, V_BLOB(w->fresh[i]), V_BLOB(v[0].s), V_BLOB(v[1].s));
        if (n != 1)
            return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "a key was changed meanwhile");
    }
    if (tx_rows(tx, x->arena, &r, e, w->count) < 0)
        return -1;
    return row_at(&r, 0, 0)->i == w->rows.n ? 0 : err_set(e, ERR_CONFLICT, "a key was made meanwhile");
}

/* The row of root_check is locked first: whoever stores a wrap (root_hold) is before this, and counted, or after it and
 * refused. */
static int change_body(struct tx *tx, void *arg, struct err *e)
{
    const struct change *x = arg;
    int64_t now = clock_now_us();
    int n = tx_exec(tx, e, "UPDATE root_check SET tag = $1 WHERE tag = $2", V_BYTES(x->tag, TAG_BYTES),
                    V_BYTES(x->old_tag, TAG_BYTES));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "another process changes the root key");
    if (store_wraps(tx, x, &x->domains, e) || store_wraps(tx, x, &x->blinds, e) ||
        tx_exec(tx, e, "UPDATE root_key SET until = $1 WHERE until IS NULL", V_INT(now)) < 0 ||
        tx_exec(tx, e, "INSERT INTO root_key (id, source, since) VALUES ($1, $2, $3)", V_STR(x->id), V_STR(x->to),
                V_INT(now)) < 0 ||
        x->also(tx, x->arg, e))
        return -1;
    fault_crash(CRASH_root_wraps_stored);
    return 0;
}

static int run_change(struct change *x, struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        x->arena = a;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "wrap the keys anew");
        if (prepare(x, e))
            return -1;
        if (!tx_run(x->k->db, change_body, x, e))
            return 0;
        if (e->code != ERR_CONFLICT)
            return -1;
    }
    return -1;
}

/* The key that is to come, durable. */
static int bring(struct keyring *k, const char *to, struct key *ret, struct err *e)
{
    if (!to)
        return root_next(k->source, ret, e);
    if (strlen(to) >= ROOT_SOURCE_MAX)
        return err_set(e, ERR_CONFIG, "that source is longer than %d bytes", ROOT_SOURCE_MAX - 1);
    int there = root_there(to, e);
    return there < 0 || (!there && root_make(to, e)) || root_read(to, ret, e) ? -1 : 0;
}

/* Until the change is whole, others that see it in the store find the new key here. */
static void announce(struct change *x)
{
    struct keyring *k = x->k;
    pthread_mutex_lock(&k->lock);
    x->old = k->s->root;
    memcpy(x->old_tag, k->s->root_tag, TAG_BYTES);
    k->s->coming = x->root;
    k->s->is_coming = true;
    pthread_mutex_unlock(&k->lock);
}

static void withdraw(struct keyring *k)
{
    pthread_mutex_lock(&k->lock);
    k->s->is_coming = false;
    key_wipe(&k->s->coming);
    pthread_mutex_unlock(&k->lock);
}

/* The store is under the new key: so is the keyring, and the key gets its place. */
static int place(const struct change *x, const char *to, struct err *e)
{
    struct keyring *k = x->k;
    int rc = 0;
    pthread_mutex_lock(&k->lock);
    root_take(k, &x->root);
    k->root_since = clock_now_us();
    if (to)
        memcpy(k->source, to, strlen(to) + 1);
    else if (root_settle(k->source, &x->root, e))
        rc = err_in(e, "the data are under the next root key, which the next start puts in its place");
    pthread_mutex_unlock(&k->lock);
    return rc;
}

static int change_root(struct change *x, const char *to, struct err *e)
{
    struct keyring *k = x->k;
    if (bring(k, to, &x->root, e))
        return -1;
    fault_crash(CRASH_root_next_made);
    key_commit(&x->root, x->tag);
    root_id_text(&x->root, x->id);
    x->to = to ? to : k->source;
    announce(x);
    root_id_text(&x->old, x->old_id);
    if (memcmp(x->root.id, x->old.id, KEY_ID_BYTES) == 0)
        return err_set(e, ERR_CONFLICT, "the root key at %.80s is the present one", x->to);
    if (run_change(x, e))
        return -1;
    fault_crash(CRASH_root_committed);
    if (place(x, to, e))
        return -1;
    fault_crash(CRASH_root_placed);
    return 0;
}

int keyring_rotate_root(struct keyring *k, const char *to, tx_body *also, void *arg, struct root_rotated *ret,
                        struct err *e)
{
    struct change x = {.k = k, .also = also, .arg = arg};
    pthread_mutex_lock(&k->rotating);
    int rc = change_root(&x, to, e);
    withdraw(k);
    pthread_mutex_unlock(&k->rotating);
    key_wipe(&x.root);
    key_wipe(&x.old);
    if (rc)
        return -1;
    *ret = (struct root_rotated){.wraps = x.domains.rows.n + x.blinds.rows.n};
    memcpy(ret->id, x.id, sizeof ret->id);
    memcpy(ret->old_id, x.old_id, sizeof ret->old_id);
    return 0;
}
