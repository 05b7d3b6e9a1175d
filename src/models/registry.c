#include "models/registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "models/pack.h"
#include "models/registry_int.h"
#include "models/trust.h"

enum { LOOK_MS = 2000, MISS_MS = 200 }; /* on a store others write, too */

static int order(const struct model *a, const struct model *b)
{
    size_t n = a->manifest.key.n < b->manifest.key.n ? a->manifest.key.n : b->manifest.key.n;
    int c = memcmp(a->manifest.key.p, b->manifest.key.p, n);
    if (c == 0)
        c = (a->manifest.key.n > b->manifest.key.n) - (a->manifest.key.n < b->manifest.key.n);
    if (c == 0)
        c = strverscmp(a->manifest.version.p, b->manifest.version.p);
    return c;
}

/* With the lock held for writing. */
static int take_in(struct registry *r, struct slice digest, struct slice manifest, const struct model **ret,
                   struct err *e)
{
    struct model *m = TAKE_NEW(r->arena, struct model);
    struct slice text = arena_copy(r->arena, manifest);
    if (!m || !text.p || r->n == REGISTRY_MODELS || digest.n != MODEL_DIGEST)
        return err_set(e, ERR_NO_MEMORY, "the registry takes at most %d models", REGISTRY_MODELS);
    if (manifest_parse(r->arena, text, &m->manifest, e))
        return err_in(e, "a stored manifest");
    m->manifest.version.p = arena_str(r->arena, m->manifest.version); /* NUL-terminated, for strverscmp */
    if (!m->manifest.version.p)
        return err_set(e, ERR_NO_MEMORY, "the registry");
    memcpy(m->digest, digest.p, MODEL_DIGEST);
    memcpy(m->digest_text, "sha256:", 7);
    hex_encode(digest.p, MODEL_DIGEST, m->digest_text + 7);
    int at = r->n++;
    for (; at > 0 && order(m, r->model[at - 1]) < 0; at--)
        r->model[at] = r->model[at - 1];
    r->model[at] = m;
    if (ret)
        *ret = m;
    return 0;
}

static const struct model *find(struct registry *r, const uint8_t *digest)
{
    for (int i = 0; i < r->n; i++)
        if (memcmp(r->model[i]->digest, digest, MODEL_DIGEST) == 0)
            return r->model[i];
    return NULL;
}

/* With the lock held for writing: which versions are stable now. */
static int read_aliases(struct registry *r, struct arena *a, struct err *e)
{
    struct rows rows;
    if (db_rows(r->db, a, &rows, e, "SELECT digest, rank FROM model_alias WHERE scope = $1 AND alias = 'stable'",
                V_ID(r->scope)) < 0)
        return -1;
    for (int i = 0; i < r->n; i++) {
        bool stable = false;
        for (int k = 0; k < rows.n; k++)
            if (memcmp(row_at(&rows, k, 0)->s.p, r->model[i]->digest, MODEL_DIGEST) == 0) {
                stable = true;
                r->model[i]->rank = (int)row_at(&rows, k, 1)->i;
            }
        r->model[i]->stable = stable;
    }
    return 0;
}

/* With the lock held for writing, or nobody else about: what the store has and we have not, and the aliases. */
static int read_versions(struct registry *r, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(512u << 20);
    struct rows rows;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "read the registry");
    if (db_rows(r->db, a, &rows, e, "SELECT digest, manifest FROM model_version WHERE scope = $1", V_ID(r->scope)) < 0)
        return -1;
    for (int i = 0; i < rows.n; i++) {
        struct slice digest = row_at(&rows, i, 0)->s;
        if (digest.n == MODEL_DIGEST && find(r, (const uint8_t *)digest.p))
            continue;
        if (take_in(r, digest, row_at(&rows, i, 1)->s, NULL, e))
            return -1;
    }
    return read_aliases(r, a, e);
}

int registry_open(struct db *db, const uint8_t scope[16], const char *folder, struct registry **ret, struct err *e)
{
    struct registry *r = calloc(1, sizeof *r);
    if (!r || !(r->folder = strdup(folder)) || !(r->arena = arena_new(512u << 20))) {
        if (r)
            free(r->folder);
        free(r);
        return err_set(e, ERR_NO_MEMORY, "open the registry");
    }
    r->db = db;
    memcpy(r->scope, scope, 16);
    pthread_rwlock_init(&r->lock, NULL);
    pthread_mutex_init(&r->adding, NULL);
    if (read_versions(r, e))
        goto fail;
    *ret = r;
    return 0;
fail:
    registry_close(r);
    return -1;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->adding);
    pthread_rwlock_destroy(&r->lock);
    arena_free(r->arena);
    free(r->folder);
    free(r);
}

int registry_count(struct registry *r)
{
    pthread_rwlock_rdlock(&r->lock);
    int n = r->n;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

struct adding {
    struct registry *r;
    const uint8_t *digest;
    struct slice manifest, key, version, alias;
    int rank;
    struct arena *arena;
    const struct trust_verdict *verdict;
    struct audit_entry audit;
};

static struct audit_entry operator_act(const char *action, const char *digest)
{
    return (struct audit_entry){.actor = "operator",
                                .role = "operator",
                                .action = action,
                                .object = "Model",
                                .object_id = digest,
                                .outcome = "permit",
                                .rows = 1};
}

static int insert_version(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    int n = tx_exec(
        tx, e,
        "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (scope, digest) DO NOTHING", /* stored by a call that had no memory left to take it in */
        V_ID(x->r->scope), V_BYTES(x->digest, MODEL_DIGEST), V_TEXT(x->key), V_TEXT(x->version), V_TEXT(x->manifest),
        V_INT(clock_now_us()));
    if (n < 0 && e->code == ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT,
                       "%.*s %.*s is there already with other content: versions do not change, raise the version",
                       SLICE_FMT(x->key), SLICE_FMT(x->version));
    x->audit.scope = x->r->scope;
    x->audit.why = x->verdict->signer ? "signed" : NULL;
    return n < 0 || trust_keep(tx, x->r->scope, x->digest, x->verdict, e) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

static int keep_signature(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    x->audit.scope = x->r->scope;
    x->audit.why = "signed";
    return trust_keep(tx, x->r->scope, x->digest, x->verdict, e) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

int registry_add(struct registry *r, const char *path, bool unsigned_ok, struct arena *a, const struct model **ret,
                 struct err *e)
{
    struct pack pack;
    uint8_t digest[MODEL_DIGEST];
    if (pack_read(a, path, &pack, e))
        return -1;
    struct trust_verdict verdict;
    hex_decode(slice_of(pack.digest), digest, sizeof digest);
    if (trust_judge(r->db, r->scope, &pack.manifest, digest, unsigned_ok, a, &verdict, e))
        return err_in(e, "%.*s@%.*s", SLICE_FMT(pack.manifest.key), SLICE_FMT(pack.manifest.version));
    pthread_mutex_lock(&r->adding);
    pthread_rwlock_rdlock(&r->lock);
    const struct model *m = find(r, digest);
    bool full = r->n == REGISTRY_MODELS;
    pthread_rwlock_unlock(&r->lock);
    struct adding x = {.r = r,
                       .digest = digest,
                       .manifest = pack.canonical,
                       .key = pack.manifest.key,
                       .version = pack.manifest.version,
                       .verdict = &verdict,
                       .audit = operator_act("create", pack.digest)};
    int rc = m && verdict.signer ? tx_run(r->db, keep_signature, &x, e) : 0;
    if (m && !rc) /* the store has it: its files may be missing where another machine brought it */
        rc = pack_install(&pack, path, r->folder, e);
    if (!m && full) /* before it is durable: what cannot be taken in must not be stored */
        rc = err_set(e, ERR_CONFLICT, "the registry takes at most %d versions of models", REGISTRY_MODELS);
    else if (!m && !(rc = pack_install(&pack, path, r->folder, e) || tx_run(r->db, insert_version, &x, e))) {
        pthread_rwlock_wrlock(&r->lock);
        rc = take_in(r, (struct slice){(char *)digest, MODEL_DIGEST}, pack.canonical, &m, e);
        pthread_rwlock_unlock(&r->lock);
    }
    pthread_mutex_unlock(&r->adding);
    if (rc)
        return -1;
    *ret = m;
    return 0;
}

static int set_alias(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    struct rows rows;
    if (tx_rows(tx, x->arena, &rows, e,
                "SELECT digest FROM model_version WHERE scope = $1 AND key = $2 AND version = $3", V_ID(x->r->scope),
                V_TEXT(x->key), V_TEXT(x->version)) < 0)
        return -1;
    if (rows.n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no %.*s@%.*s", SLICE_FMT(x->key), SLICE_FMT(x->version));
    char digest[SHA256_TEXT];
    hex_encode(row_at(&rows, 0, 0)->s.p, row_at(&rows, 0, 0)->s.n == MODEL_DIGEST ? MODEL_DIGEST : 0, digest);
    x->audit = operator_act("update", digest);
    x->audit.scope = x->r->scope;
    x->audit.why = "promoted";
    return tx_exec(
               tx, e,
               "INSERT INTO model_alias (scope, key, alias, digest, updated_at, rank) VALUES ($1, $2, $3, $4, $5, $6) "
               "ON CONFLICT (scope, key, alias) DO UPDATE SET digest = excluded.digest, updated_at = "
               "excluded.updated_at, rank = CASE WHEN $7 = 1 THEN excluded.rank ELSE model_alias.rank END",
               V_ID(x->r->scope), V_TEXT(x->key), V_TEXT(x->alias), V_BLOB(row_at(&rows, 0, 0)->s),
               V_INT(clock_now_us()), V_INT(x->rank ? x->rank : RANK), V_INT(x->rank != 0)) < 0 ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

int registry_promote(struct registry *r, struct slice key, struct slice version, struct slice alias, int rank,
                     struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct adding x = {.r = r, .key = key, .version = version, .alias = alias, .rank = rank, .arena = a};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "promote a model");
    pthread_rwlock_wrlock(&r->lock);
    int rc = tx_run(r->db, set_alias, &x, e) || read_aliases(r, a, e);
    pthread_rwlock_unlock(&r->lock);
    return rc ? -1 : 0;
}

/* What other processes added and promoted, where there are others; at most once in `ms`. */
static void look_again(struct registry *r, int ms)
{
    struct err e;
    if (!db_shared(r->db))
        return;
    pthread_rwlock_wrlock(&r->lock);
    if (clock_mono_us() - r->looked_us > ms * 1000LL) {
        r->looked_us = clock_mono_us();
        if (read_versions(r, &e))
            log_err(LOG_ERROR, "the registry could not be read again", &e);
    }
    pthread_rwlock_unlock(&r->lock);
}

int registry_candidates(struct registry *r, struct slice target, const struct model **ret, int max)
{
    int n = 0;
    look_again(r, LOOK_MS);
    pthread_rwlock_rdlock(&r->lock);
    for (int i = 0; i < r->n && n < max; i++)
        if (r->model[i]->stable && manifest_serves(&r->model[i]->manifest, target))
            ret[n++] = r->model[i];
    pthread_rwlock_unlock(&r->lock);
    return n;
}

const struct model *registry_by_digest(struct registry *r, const uint8_t digest[MODEL_DIGEST])
{
    const struct model *m = NULL;
    for (int i = 0; i < 2 && !m; i++) {
        if (i)
            look_again(r, MISS_MS);
        pthread_rwlock_rdlock(&r->lock);
        m = find(r, digest);
        pthread_rwlock_unlock(&r->lock);
    }
    return m;
}

const struct model *registry_named(struct registry *r, struct slice key, struct slice name)
{
    const struct model *m = NULL;
    bool stable = slice_is(name, "stable");
    look_again(r, LOOK_MS);
    pthread_rwlock_rdlock(&r->lock);
    for (int i = 0; i < r->n && !m; i++)
        if (slice_eq(r->model[i]->manifest.key, key) &&
            (stable ? r->model[i]->stable : slice_eq(r->model[i]->manifest.version, name)))
            m = r->model[i];
    pthread_rwlock_unlock(&r->lock);
    return m;
}

int registry_all(struct registry *r, const struct model **ret, int max)
{
    pthread_rwlock_rdlock(&r->lock);
    int n = r->n < max ? r->n : max;
    memcpy(ret, r->model, (size_t)n * sizeof *ret);
    pthread_rwlock_unlock(&r->lock);
    return n;
}

static int check_version(const struct registry *r, const struct model *m, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(256 << 20);
    struct pack pack;
    struct slice key = m->manifest.key, version = m->manifest.version;
    const char *folder = a ? arena_printf(a, "%s/%s", r->folder, m->digest_text + 7) : NULL;
    if (!folder)
        return err_set(e, ERR_NO_MEMORY, "check the models");
    if (pack_read(a, folder, &pack, e)) {
        struct err why = *e;
        return err_set(e, ERR_STORE, "the files of %.*s@%.*s: %.120s", SLICE_FMT(key), SLICE_FMT(version), why.detail);
    }
    return strcmp(pack.digest, m->digest_text + 7) == 0
               ? 0
               : err_set(e, ERR_STORE, "the files of %.*s@%.*s are not those its digest stands for", SLICE_FMT(key),
                         SLICE_FMT(version));
}

int registry_check(struct registry *r, struct progress *p, struct err *e)
{
    const struct model *list[REGISTRY_MODELS];
    look_again(r, 0);
    int n = registry_all(r, list, REGISTRY_MODELS);
    progress_begin(p, "checking the models", n);
    for (int i = 0; i < n; i++, progress_add(p, 1)) {
        if (p->stop)
            return err_set(e, ERR_BUSY, "the check was told to end");
        if (check_version(r, list[i], e))
            return -1;
    }
    return 0;
}
