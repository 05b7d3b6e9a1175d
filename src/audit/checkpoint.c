#include "audit/checkpoint.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "audit/audit.h"
#include "audit/witness.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/wipe.h"
#include "store/place.h"

enum {
    TILE = 1 << TREE_TILE,
    TILES_AT_ONCE = 64, /* in one transaction, where a log is older than its tree */
    LEVELS = 8,
    ROUND_MS = 200,
    DUE_ENTRIES = 256
};
#define DUE_US   1000000LL
#define PAUSE_US 60000000LL /* after a failure */

struct audit_signer {
    struct db *db;
    struct note_key key;
    uint8_t seed[SIGN_SEED];
};

/* --- the key --- */

static struct seal_place place_of_key(const uint8_t *scope)
{
    static const uint8_t row[ID_BYTES];
    return place_of(PLACE_AUDIT_KEY, scope, row, 1);
}

/* 1: taken; 0: there is none. */
static int take_key(struct audit_signer *s, struct keyring *k, const char *origin, struct arena *a, struct err *e)
{
    struct rows r;
    struct key seed;
    uint8_t public[SIGN_PUBLIC];
    if (db_rows(s->db, a, &r, e, "SELECT scope, origin, wrapped FROM audit_key") < 0)
        return -1;
    if (r.n == 0)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    if (*origin && !slice_is(v[1].s, origin))
        return err_set(e, ERR_CONFIG, "audit.origin is %.100s, but what this audit log has signed says %.*s", origin,
                       SLICE_FMT(v[1].s));
    if (v[0].s.n != ID_BYTES)
        return err_set(e, ERR_KEYS, "the audit log's key is malformed");
    struct seal_place at = place_of_key((const uint8_t *)v[0].s.p);
    if (keyring_unwrap(k, &at, v[2].s, a, &seed, e))
        return err_in(e, "the audit log's key");
    memcpy(s->seed, seed.secret, sizeof s->seed);
    key_wipe(&seed);
    sign_public(s->seed, public);
    return note_key_of(NOTE_LOG, v[1].s, public, &s->key) ? 1
                                                          : err_set(e, ERR_KEYS, "the audit log's name is malformed");
}

struct new_key {
    const uint8_t *scope;
    const char *origin;
    struct slice wrapped;
};

static int insert_key(struct tx *tx, void *arg, struct err *e)
{
    struct new_key *n = arg;
    return tx_exec(tx, e, "INSERT INTO audit_key (one, scope, origin, wrapped, created_at) VALUES (1, $1, $2, $3, $4)",
                   V_ID(n->scope), V_STR(n->origin), V_BLOB(n->wrapped), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

static int make_key(struct audit_signer *s, struct keyring *k, const uint8_t *scope, const char *origin,
                    struct arena *a, struct err *e)
{
    struct new_key n = {.scope = scope, .origin = *origin ? origin : AUDIT_ORIGIN};
    struct seal_place at = place_of_key(scope);
    struct key seed;
    static const uint8_t none[SIGN_PUBLIC];
    if (!note_key_of(NOTE_LOG, slice_of(n.origin), none, &s->key))
        return err_set(e, ERR_CONFIG, "audit.origin is a name of at most %d bytes without spaces and plus signs",
                       NOTE_NAME);
    if (keyring_data_key(k, "audit", &at, a, &seed, &n.wrapped, e))
        return err_in(e, "the audit log's key");
    key_wipe(&seed); /* what counts is what can be read back */
    if (tx_run(s->db, insert_key, &n, e) && e->code != ERR_CONFLICT)
        return -1;
    return 0;
}

int audit_signer_open(struct db *db, struct keyring *k, const uint8_t scope[ID_BYTES], const char *origin,
                      struct audit_signer **ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct audit_signer *s = calloc(1, sizeof *s);
    if (!a || !s) {
        free(s);
        return err_set(e, ERR_NO_MEMORY, "the audit log's key");
    }
    s->db = db;
    int found = take_key(s, k, origin, a, e);
    if (found == 0 && make_key(s, k, scope, origin, a, e) == 0) {
        found = take_key(s, k, origin, a, e);
        if (found == 0)
            err_set(e, ERR_KEYS, "the audit log's key was made and is not there");
    }
    if (found <= 0) {
        audit_signer_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void audit_signer_close(struct audit_signer *s)
{
    if (!s)
        return;
    wipe(s, sizeof *s);
    free(s);
}

const struct note_key *audit_signer_key(const struct audit_signer *s)
{
    return &s->key;
}

struct db *audit_signer_db(const struct audit_signer *s)
{
    return s->db;
}

/* --- the tree in the store --- */

struct reader {
    struct db *db; /* outside of a body */
    struct tx *tx;
};

#define LEAVES "SELECT leaf FROM audit WHERE idx >= $1 AND idx < $2 ORDER BY idx"
#define ROOTS  "SELECT root FROM audit_tile WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n"

static int read_nodes(void *arg, int level, uint64_t from, int n, struct tree_hash *ret, struct err *e)
{
    struct reader *x = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "read the audit log's tree");
    int64_t at = (int64_t)from, end = at + n;
    int rc;
    if (level == 0)
        rc = x->tx ? tx_rows(x->tx, a, &r, e, LEAVES, V_INT(at), V_INT(end))
                   : db_rows(x->db, a, &r, e, LEAVES, V_INT(at), V_INT(end));
    else
        rc = x->tx ? tx_rows(x->tx, a, &r, e, ROOTS, V_INT(level - 1), V_INT(at), V_INT(end))
                   : db_rows(x->db, a, &r, e, ROOTS, V_INT(level - 1), V_INT(at), V_INT(end));
    if (rc < 0)
        return -1;
    if (r.n != n)
        return err_set(e, ERR_STORE, "the audit log has %d of the %d %s from %lld on", r.n, n,
                       level ? "tiles" : "entries", (long long)at);
    for (int i = 0; i < n; i++) {
        struct slice s = row_at(&r, i, 0)->s;
        if (s.n != sizeof *ret)
            return err_set(e, ERR_STORE, "a hash of the audit log has %zu bytes", s.n);
        memcpy(&ret[i], s.p, sizeof *ret);
    }
    return 0;
}

/* The root of tile n of a level: of its 256 nodes. */
static int tile_root(struct reader *x, int level, int64_t n, struct tree_hash *ret, struct err *e)
{
    struct tree_hash list[TILE];
    struct tree t = {.size = 0};
    if (read_nodes(x, level, (uint64_t)n * TILE, TILE, list, e))
        return -1;
    for (int i = 0; i < TILE; i++)
        tree_add(&t, &list[i]);
    *ret = t.full[TREE_TILE];
    return 0;
}

struct signing {
    struct audit_signer *signer;
    struct arena *arena;
    bool more; /* tiles are left to be made before anything can be signed */
};

static int number_of(struct tx *tx, struct arena *a, int64_t *ret, struct err *e, const char *sql)
{
    struct rows r;
    if (tx_rows_n(tx, a, &r, e, sql, (const struct val[]){V_NULL}, 0) < 0)
        return -1;
    *ret = row_at(&r, 0, 0)->i;
    return 0;
}

/* What was signed last must be what the log begins with. */
static int look_back(struct signing *x, struct tx *tx, int64_t size, int64_t *ret_signed, struct err *e)
{
    struct reader rd = {.tx = tx};
    struct tree_source src = {read_nodes, &rd};
    struct checkpoint c;
    struct tree_hash root;
    struct rows r;
    const char *why;
    *ret_signed = 0;
    if (tx_rows(tx, x->arena, &r, e, "SELECT size, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1") < 0)
        return -1;
    if (r.n == 0)
        return 0;
    *ret_signed = row_at(&r, 0, 0)->i;
    if (*ret_signed > size)
        return err_set(e, ERR_STORE, "the audit log has %lld entries, and %lld were signed", (long long)size,
                       (long long)*ret_signed);
    if (*ret_signed == size)
        return 0;
    if (checkpoint_read(row_at(&r, 0, 1)->s, &x->signer->key, &c, &why) || c.size != (uint64_t)*ret_signed)
        return err_set(e, ERR_STORE, "the last checkpoint, of %lld entries, was changed", (long long)*ret_signed);
    if (tree_root_of(&src, c.size, &root, e))
        return -1;
    if (!tree_same(&root, &c.root))
        return err_set(e, ERR_STORE, "the first %lld audit entries are not those that were signed",
                       (long long)*ret_signed);
    return 0;
}

static int add_tiles(struct signing *x, struct tx *tx, int64_t size, struct err *e)
{
    struct reader rd = {.tx = tx};
    int budget = TILES_AT_ONCE;
    for (int level = 0; level < LEVELS && (size >>= TREE_TILE) > 0; level++) {
        struct rows r;
        if (tx_rows(tx, x->arena, &r, e, "SELECT coalesce(max(n), -1) + 1 FROM audit_tile WHERE level = $1",
                    V_INT(level)) < 0)
            return -1;
        for (int64_t n = row_at(&r, 0, 0)->i; n < size; n++) {
            struct tree_hash root;
            if (budget-- == 0) {
                x->more = true;
                return 0;
            }
            if (tile_root(&rd, level, n, &root, e) ||
                tx_put(tx, e, "INSERT INTO audit_tile (level, n, root) VALUES ($1, $2, $3)", V_INT(level), V_INT(n),
                       V_BYTES(&root, sizeof root)))
                return -1;
        }
    }
    return 0;
}

static int add_checkpoint(struct signing *x, struct tx *tx, int64_t size, struct err *e)
{
    struct reader rd = {.tx = tx};
    struct tree_source src = {read_nodes, &rd};
    struct checkpoint c = {.size = (uint64_t)size};
    struct buf note = buf_in(x->arena, NOTE_MAX);
    if (tree_root_of(&src, c.size, &c.root, e))
        return -1;
    checkpoint_write(&note, &x->signer->key, x->signer->seed, &c);
    if (buf_failed(&note))
        return err_set(e, ERR_NO_MEMORY, "a checkpoint");
    return tx_put(tx, e, "INSERT INTO audit_checkpoint (size, note) VALUES ($1, $2)", V_INT(size),
                  V_BLOB(buf_text(&note)));
}

static int sign_body(struct tx *tx, void *arg, struct err *e)
{
    struct signing *x = arg;
    int64_t size, last;
    x->more = false;
    if (audit_lock(tx, e) || number_of(tx, x->arena, &size, e, "SELECT coalesce(max(idx), -1) + 1 FROM audit") ||
        look_back(x, tx, size, &last, e))
        return -1;
    if (last == size)
        return 0;
    if (add_tiles(x, tx, size, e))
        return -1;
    return x->more ? 0 : add_checkpoint(x, tx, size, e);
}

int audit_checkpoint(struct audit_signer *s, struct err *e)
{
    struct signing x = {.signer = s, .more = true};
    if (audit_index(s->db, e))
        return -1;
    while (x.more) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "a checkpoint");
        x.arena = a;
        if (tx_run(s->db, sign_body, &x, e))
            return err_in(e, "sign the audit log");
    }
    return 0;
}

/* --- proofs --- */

#define CHECKPOINT                                                                                                     \
    "SELECT c.size, c.note, w.line FROM audit_checkpoint c LEFT JOIN audit_cosignature w ON w.size = c.size WHERE "    \
    "c.size = "

/* A size that was signed, or the newest (-1). */
static int checkpoint_of(struct audit_signer *s, int64_t size, struct arena *a, struct slice *ret,
                         struct checkpoint *ret_what, struct err *e)
{
    struct rows r;
    const char *why;
    int at = 0, rc = size < 0
                         ? db_rows(s->db, a, &r, e, CHECKPOINT "(SELECT max(size) FROM audit_checkpoint) ORDER BY 1, 3")
                         : db_rows(s->db, a, &r, e, CHECKPOINT "$1 ORDER BY 1, 3", V_INT(size));
    if (rc < 0)
        return -1;
    if (rc == 0)
        return size < 0 ? err_set(e, ERR_NOT_FOUND, "nothing of the audit log is signed yet")
                        : err_set(e, ERR_NOT_FOUND, "no checkpoint was made of %lld entries", (long long)size);
    *ret = cosigned_note(&r, &at, a);
    if (!ret->p)
        return err_set(e, ERR_NO_MEMORY, "a checkpoint");
    if (checkpoint_read(*ret, &s->key, ret_what, &why))
        return err_set(e, ERR_STORE, "a checkpoint was changed: %s", why);
    return 0;
}

int audit_newest(struct audit_signer *s, struct arena *a, struct slice *ret, struct checkpoint *ret_what, struct err *e)
{
    return checkpoint_of(s, -1, a, ret, ret_what, e);
}

int audit_signed(struct audit_signer *s, int64_t size, struct arena *a, struct slice *ret, struct checkpoint *ret_what,
                 struct err *e)
{
    return checkpoint_of(s, size, a, ret, ret_what, e);
}

int audit_prove(struct audit_signer *s, int64_t index, struct arena *a, struct buf *out, struct err *e)
{
    struct checkpoint c;
    struct slice note;
    int known = checkpoint_of(s, -1, a, &note, &c, e);
    if ((known && e->code != ERR_NOT_FOUND) || ((known || c.size <= (uint64_t)index) && audit_checkpoint(s, e)))
        return -1;
    return audit_prove_signed(s, index, a, out, e);
}

int audit_prove_signed(struct audit_signer *s, int64_t index, struct arena *a, struct buf *out, struct err *e)
{
    struct reader rd = {.db = s->db};
    struct tree_source src = {read_nodes, &rd};
    struct tree_hash p[TREE_PROOF], leaf;
    struct checkpoint c;
    struct slice note;
    if (checkpoint_of(s, -1, a, &note, &c, e))
        return -1;
    if (index < 0 || c.size <= (uint64_t)index)
        return err_set(e, ERR_NOT_FOUND, "the audit log has %lld entries, the first is 0", (long long)c.size);
    int n = tree_inclusion(&src, (uint64_t)index, c.size, p, e);
    if (n < 0 || read_nodes(&rd, 0, (uint64_t)index, 1, &leaf, e))
        return -1;
    if (!tree_inclusion_holds(&leaf, (uint64_t)index, c.size, p, (size_t)n, &c.root))
        return err_set(e, ERR_STORE, "the audit log was changed: 'lazaret audit verify' says where");
    proof_write(out, (uint64_t)index, p, n, note);
    return buf_failed(out) ? err_set(e, ERR_NO_MEMORY, "a proof") : 0;
}

int audit_prove_growth(struct audit_signer *s, int64_t from, int64_t to, struct arena *a, struct buf *out,
                       struct err *e)
{
    struct reader rd = {.db = s->db};
    struct tree_source src = {read_nodes, &rd};
    struct tree_hash p[TREE_PROOF], old;
    struct checkpoint c;
    struct slice note;
    if ((to < 0 && audit_checkpoint(s, e)) || checkpoint_of(s, to, a, &note, &c, e))
        return -1;
    if (from < 0 || (uint64_t)from > c.size)
        return err_set(e, ERR_USAGE, "the checkpoint is of %lld entries: --from is at most that", (long long)c.size);
    int n = tree_consistency(&src, (uint64_t)from, c.size, p, e);
    if (n < 0 || tree_root_of(&src, (uint64_t)from, &old, e))
        return -1;
    if (!tree_consistency_holds((uint64_t)from, &old, c.size, &c.root, p, (size_t)n))
        return err_set(e, ERR_STORE, "the audit log was changed: 'lazaret audit verify' says where");
    growth_write(out, (uint64_t)from, p, n, note);
    return buf_failed(out) ? err_set(e, ERR_NO_MEMORY, "a proof") : 0;
}

/* --- tiles, for whoever mirrors the log --- */

/* Is that much of a tile below the newest checkpoint? */
static int check_tile(struct audit_signer *s, int level, int64_t n, int width, struct arena *a, struct err *e)
{
    struct checkpoint c;
    struct slice note;
    if (checkpoint_of(s, -1, a, &note, &c, e))
        return -1;
    if (level >= TREE_HEIGHT / TREE_TILE || n < 0 || n > INT64_MAX / TILE - 1 || width < 1 || width > TILE ||
        (uint64_t)n * TILE + (uint64_t)width > c.size >> level * TREE_TILE)
        return err_set(e, ERR_NOT_FOUND, "there is no such tile");
    return 0;
}

int audit_tile(struct audit_signer *s, int level, int64_t n, int width, struct arena *a, struct buf *out, struct err *e)
{
    struct reader rd = {.db = s->db};
    struct tree_hash list[TILE];
    if (check_tile(s, level, n, width, a, e) || read_nodes(&rd, level, (uint64_t)n * TILE, width, list, e))
        return -1;
    buf_add(out, (const char *)list, (size_t)width * sizeof *list);
    return buf_failed(out) ? err_set(e, ERR_NO_MEMORY, "a tile") : 0;
}

int audit_tile_entries(struct audit_signer *s, int64_t n, int width, struct arena *a, struct buf *out, struct err *e)
{
    struct rows r;
    if (check_tile(s, 0, n, width, a, e) ||
        db_rows(s->db, a, &r, e, "SELECT entry FROM audit WHERE idx >= $1 AND idx < $2 ORDER BY idx", V_INT(n * TILE),
                V_INT(n * TILE + width)) < 0)
        return -1;
    if (r.n != width)
        return err_set(e, ERR_STORE, "the audit log has %d of %d entries from %lld on", r.n, width,
                       (long long)(n * TILE));
    for (int i = 0; i < width; i++) {
        struct slice entry = row_at(&r, i, 0)->s;
        buf_byte(out, (char)(entry.n >> 8));
        buf_byte(out, (char)entry.n);
        buf_slice(out, entry);
    }
    return buf_failed(out) ? err_set(e, ERR_NO_MEMORY, "a tile of entries") : 0;
}

/* --- the keeper --- */

struct audit_keeper {
    struct audit_signer *signer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t bell;
    bool stop;
};

struct keeping {
    int64_t appended; /* by this process, when it last looked */
    int64_t signed_at, not_before;
};

#define UNSIGNED                                                                                                       \
    "SELECT (SELECT coalesce(max(idx), -1) + 1 FROM audit) - (SELECT coalesce(max(size), 0) FROM audit_checkpoint)"

struct looking {
    struct arena *arena;
    int64_t new;
};

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    return number_of(tx, x->arena, &x->new, e, UNSIGNED);
}

/* An entry is counted in its body, before it is committed and anybody else sees it. Bodies come one after the other, so
 * another one does: is all that was counted signed? */
static bool is_all_signed(struct audit_keeper *x, struct arena *a)
{
    struct looking look = {.arena = a};
    struct err e;
    return tx_run_lazy(x->signer->db, look_body, &look, &e) == 0 && look.new == 0;
}

/* Nobody else appends to a store that is not shared, so what this process counts tells whether to look at all. */
static bool is_due(struct audit_keeper *x, struct keeping *k, int64_t now)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    struct err e;
    int64_t appended = atomic_load_explicit(&metric_value[METRIC_AUDIT_ENTRIES], memory_order_relaxed);
    if (now < k->not_before || (!db_shared(x->signer->db) && appended == k->appended))
        return false;
    if (!a || db_rows(x->signer->db, a, &r, &e, UNSIGNED) < 0)
        return false;
    int64_t new = row_at(&r, 0, 0)->i;
    if (new == 0 && !db_shared(x->signer->db) && is_all_signed(x, a))
        k->appended = appended;
    return new != 0 && (new >= DUE_ENTRIES || now - k->signed_at >= DUE_US);
}

static void keep(struct audit_keeper *x, struct keeping *k)
{
    struct err e;
    int64_t now = clock_mono_us();
    if (db_shared(x->signer->db) && audit_index(x->signer->db, &e))
        log_err(LOG_ERROR, "audit entries wait for their index", &e);
    if (!is_due(x, k, now))
        return;
    k->signed_at = now;
    if (audit_checkpoint(x->signer, &e)) {
        k->not_before = now + PAUSE_US;
        log_err(LOG_ERROR, "the audit log is not signed", &e);
    } else if (audit_sort(x->signer->db, &e)) {
        log_err(LOG_ERROR, "the audit log is not sorted", &e);
    }
}

static void *keep_loop(void *arg)
{
    struct audit_keeper *x = arg;
    struct keeping k = {.appended = -1, .signed_at = clock_mono_us() - DUE_US};
    struct err e;
    pthread_setname_np(pthread_self(), "audit");
    pthread_mutex_lock(&x->lock);
    while (!x->stop) {
        struct timespec until;
        pthread_mutex_unlock(&x->lock);
        keep(x, &k);
        pthread_mutex_lock(&x->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ROUND_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (!x->stop)
            pthread_cond_timedwait(&x->bell, &x->lock, &until);
    }
    pthread_mutex_unlock(&x->lock);
    if (audit_checkpoint(x->signer, &e))
        log_err(LOG_ERROR, "the audit log is not signed", &e);
    arena_thread_end();
    return NULL;
}

int audit_keeper_start(struct audit_signer *s, struct audit_keeper **ret, struct err *e)
{
    struct audit_keeper *x = calloc(1, sizeof *x);
    pthread_condattr_t attr;
    if (!x)
        return err_set(e, ERR_NO_MEMORY, "the audit log's keeper");
    x->signer = s;
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->bell, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&x->thread, NULL, keep_loop, x)) {
        free(x);
        return err_set(e, ERR_INTERNAL, "no thread for the audit log");
    }
    *ret = x;
    return 0;
}

void audit_keeper_stop(struct audit_keeper *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&x->lock);
    x->stop = true;
    pthread_cond_signal(&x->bell);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    pthread_cond_destroy(&x->bell);
    pthread_mutex_destroy(&x->lock);
    free(x);
}
