/* rotate.c -- new domain keys, and everything that was sealed under an older one sealed anew; another root key.
 *
 * What lies under domain keys is in reseal.def, and in every scope the keys of subjects do (keys/subject.h). Each value
 * is changed by itself, from what it was (compare and set), so it does not matter who else writes, or that this ends in
 * the middle: the next round goes on with what is left. An older key is destroyed when nothing is under it and
 * it was replaced so long ago that nobody, in whatever process, can still be sealing with it. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "jobs/job_int.h"
#include "jobs/rotate.h"
#include "keys/subject.h"
#include "study/study.h"

enum { PAGE = 200, OLD_MAX = 64, NEW_MAX = 1024 };

/* How the place of a value is made of what its row is ordered by, and of what else it takes. */
enum how { HOW_ROW, HOW_CLIENT, HOW_ALIAS };

static const struct kind {
    const char *domain, *select, *count, *update;
    enum place place;
    enum how how;
} kinds[] = {
#define RESEAL(domain, table, by, also, column, place, how)                                                            \
    {domain,                                                                                                           \
     "SELECT " #by ", " #also ", " #column " FROM " #table " WHERE scope = $1 AND " #by " > $2 AND substr(" #column    \
     ", 3, 8) = $3 ORDER BY " #by " LIMIT $4",                                                                         \
     "SELECT count(*) FROM " #table " WHERE scope = $1 AND substr(" #column ", 3, 8) = $2",                            \
     "UPDATE " #table " SET " #column " = $1 WHERE scope = $2 AND " #by " = $3 AND " #column " = $4",                  \
     PLACE_##place,                                                                                                    \
     HOW_##how},
#include "jobs/reseal.def"
#undef RESEAL
};

struct rotating {
    struct jobs *j;
    struct arena *arena;
    struct key_domain *domain; /* that get a new key */
    struct key_epoch *epoch;
    int n;
    struct audit_entry audit;
};

static int rotate_body(struct tx *tx, void *arg, struct err *e)
{
    struct rotating *x = arg;
    for (int i = 0; i < x->n; i++)
        if (keyring_store(tx, x->domain[i].scope, &x->epoch[i], e))
            return e->code == ERR_CONFLICT ? err_set(e, ERR_CONFLICT, "another process rotates the keys") : -1;
    if (audit_append(tx, &x->audit, e))
        return -1;
    fault_crash(CRASH_rotate_stored);
    return 0;
}

static bool rotates(const struct jobs *j, const struct key_domain *d)
{
    if (subject_domain_is(d->domain))
        return true;
    for (size_t i = 0; i < COUNT(kinds) && !memcmp(d->scope, j->scope, ID_BYTES); i++)
        if (strcmp(kinds[i].domain, d->domain) == 0)
            return true;
    return false;
}

static int prepare(struct rotating *x, struct err *e)
{
    struct keyring *k = x->j->keyring;
    x->domain = arena_take(x->arena, NEW_MAX * sizeof *x->domain);
    x->epoch = arena_take(x->arena, NEW_MAX * sizeof *x->epoch);
    if (!x->domain || !x->epoch)
        return err_set(e, ERR_NO_MEMORY, "rotate the keys");
    int all = keyring_newest(k, NULL, x->domain, NEW_MAX);
    for (int i = 0; i < all; i++) {
        if (!rotates(x->j, &x->domain[i]))
            continue;
        x->domain[x->n] = x->domain[i];
        if (keyring_next(k, x->domain[i].scope, x->domain[i].domain, x->arena, &x->epoch[x->n], e))
            return -1;
        x->n++;
    }
    return 0;
}

int job_rotate_keys(struct jobs *j, const struct audit_entry *audit, int *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct rotating x = {.j = j, .arena = a, .audit = *audit};
    int rc = a ? prepare(&x, e) : err_set(e, ERR_NO_MEMORY, "rotate the keys");
    x.audit.scope = j->scope;
    x.audit.object = "Keys";
    x.audit.why = "rotated";
    x.audit.rows = x.n;
    rc = rc || tx_run(j->db, rotate_body, &x, e) ? -1 : 0;
    if (!rc)
        fault_crash(CRASH_rotate_committed);
    for (int i = 0; i < x.n; i++) {
        rc = rc || keyring_take(j->keyring, x.domain[i].scope, &x.epoch[i], e) ? -1 : 0;
        key_wipe(&x.epoch[i].key);
    }
    *ret = x.n;
    return rc;
}

static int audit_body(struct tx *tx, void *arg, struct err *e)
{
    return audit_append(tx, arg, e);
}

int job_rotate_root(struct jobs *j, const char *to, const struct audit_entry *audit, struct root_rotated *ret,
                    struct err *e)
{
    struct audit_entry entry = *audit;
    entry.scope = j->scope;
    entry.object = "Keys";
    entry.why = "root";
    return keyring_rotate_root(j->keyring, to, audit_body, &entry, ret, e);
}

/* --- sealing anew --- */

struct page {
    struct jobs *j;
    const struct kind *kind;
    struct rows rows; /* what they are ordered by, what else the place takes, the sealed value */
    struct slice *fresh;
};

static int page_body(struct tx *tx, void *arg, struct err *e)
{
    struct page *x = arg;
    for (int i = 0; i < x->rows.n; i++) {
        const struct val *v = row_at(&x->rows, i, 0);
        if (tx_put(tx, e, x->kind->update, V_BLOB(x->fresh[i]), V_ID(x->j->scope), v[0], v[2]))
            return -1;
    }
    return 0;
}

/* `row` is for a place whose row is not a column. */
static struct seal_place place_of_row(const struct page *x, const struct val *v, uint8_t row[16])
{
    if (x->kind->how == HOW_ALIAS)
        return alias_place(x->j->scope, v[1].s, v[0].i, row);
    struct seal_place at = place_of(x->kind->place, x->j->scope, (const uint8_t *)v[0].s.p, 0);
    at.subject = x->kind->how == HOW_CLIENT ? (const uint8_t *)v[1].s.p : NULL;
    return at;
}

static int reseal_page(struct page *x, struct arena *a, struct err *e)
{
    x->fresh = arena_take(a, (size_t)(x->rows.n + 1) * sizeof *x->fresh);
    if (!x->fresh)
        return err_set(e, ERR_NO_MEMORY, "seal anew");
    for (int i = 0; i < x->rows.n; i++) {
        const struct val *v = row_at(&x->rows, i, 0);
        uint8_t row[16];
        struct seal_place at = place_of_row(x, v, row);
        if (keyring_reseal(x->j->keyring, x->kind->domain, &at, v[2].s, a, &x->fresh[i], e))
            return -1;
    }
    return 0;
}

/* The row after which the next page begins; an id is kept in `id`. */
static struct val row_after(const struct val *last, uint8_t id[16])
{
    if (last->kind == VAL_INT)
        return V_INT(last->i);
    memcpy(id, last->s.p, 16);
    return V_ID(id);
}

/* All values of one column under one older key. */
static int reseal_under(struct jobs *j, const struct kind *k, const struct key_old *old, struct progress *p,
                        int64_t *ret, struct err *e)
{
    uint8_t id[16] = {0};
    struct val after = k->how == HOW_ALIAS ? V_INT(-1) : V_ID(id);
    for (int got = PAGE; got == PAGE;) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        struct page x = {.j = j, .kind = k};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "seal anew");
        if (p && p->stop)
            return err_set(e, ERR_BUSY, "it was told to end; the rest follows by itself");
        got = db_rows(j->db, a, &x.rows, e, k->select, V_ID(j->scope), after, V_BYTES(old->id, KEY_ID_BYTES),
                      V_INT(PAGE));
        if (got < 0 || reseal_page(&x, a, e) || (got && tx_run(j->db, page_body, &x, e)))
            return -1;
        if (got) {
            fault_crash(CRASH_reseal_page);
            after = row_after(row_at(&x.rows, got - 1, 0), id);
        }
        *ret += got;
        if (p)
            progress_add(p, got);
    }
    return 0;
}

/* The keys of subjects under one older key. */
static int rewrap_under(struct jobs *j, const struct key_old *old, struct progress *p, int64_t *ret, struct err *e)
{
    for (int got = PAGE; got == PAGE;) {
        if (p && p->stop)
            return err_set(e, ERR_BUSY, "it was told to end; the rest follows by itself");
        if (keyring_subject_rewrap(j->keyring, old, PAGE, &got, e))
            return -1;
        if (got)
            fault_crash(CRASH_rewrap_page);
        *ret += got;
        if (p)
            progress_add(p, got);
    }
    return 0;
}

/* Everything under one older key. */
static int move_from(struct jobs *j, const struct key_old *old, struct progress *p, int64_t *ret, struct err *e)
{
    *ret = 0;
    if (subject_domain_is(old->domain))
        return rewrap_under(j, old, p, ret, e);
    for (size_t k = 0; k < COUNT(kinds) && !memcmp(old->scope, j->scope, ID_BYTES); k++)
        if (strcmp(kinds[k].domain, old->domain) == 0 && reseal_under(j, &kinds[k], old, p, ret, e))
            return -1;
    return 0;
}

static int count_under(struct jobs *j, const struct key_old *old, int64_t *ret, struct err *e)
{
    if (subject_domain_is(old->domain))
        return keyring_subject_under(j->keyring, old, ret, e);
    for (size_t k = 0; k < COUNT(kinds) && !memcmp(old->scope, j->scope, ID_BYTES); k++) {
        OWN_ARENA struct arena *a = arena_new(16 * 1024);
        struct rows r;
        if (strcmp(kinds[k].domain, old->domain))
            continue;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "count what is under older keys");
        if (db_rows(j->db, a, &r, e, kinds[k].count, V_ID(j->scope), V_BYTES(old->id, KEY_ID_BYTES)) < 0)
            return -1;
        *ret += row_at(&r, 0, 0)->i;
    }
    return 0;
}

int job_count_older(struct jobs *j, int64_t *ret, struct err *e)
{
    struct key_old old[OLD_MAX];
    int n = keyring_old(j->keyring, NULL, old, OLD_MAX);
    int64_t sum = 0;
    for (int i = 0; i < n; i++)
        if (count_under(j, &old[i], &sum, e))
            return -1;
    *ret = sum;
    return 0;
}

struct destroying {
    struct jobs *j;
    const struct key_old *old;
};

static int destroy_body(struct tx *tx, void *arg, struct err *e)
{
    const struct destroying *x = arg;
    char id[2 * KEY_ID_BYTES + 1];
    hex_encode(x->old->id, KEY_ID_BYTES, id);
    struct audit_entry entry = {.scope = x->j->scope,
                                .actor = "worker",
                                .role = "worker",
                                .action = "delete",
                                .object = "Keys",
                                .object_id = id,
                                .outcome = "permit",
                                .why = "destroyed",
                                .rows = 1};
    int there = keyring_destroy(tx, x->old->scope, x->old->id, e); /* 0: another process was first, and says so */
    return there < 0 || (there && audit_append(tx, &entry, e)) ? -1 : 0;
}

int job_reseal(struct jobs *j, int64_t rest_us, struct progress *p, struct resealed *ret, struct err *e)
{
    struct key_old old[OLD_MAX];
    int n = keyring_old(j->keyring, NULL, old, OLD_MAX);
    *ret = (struct resealed){0};
    for (int i = 0; i < n; i++) {
        int64_t moved;
        if (move_from(j, &old[i], p, &moved, e))
            return -1;
        ret->rows += moved;
        ret->older++;
        struct destroying x = {j, &old[i]};
        if (moved || clock_surely_us() - old[i].replaced_at < rest_us)
            continue;
        if (tx_run(j->db, destroy_body, &x, e))
            return -1;
        keyring_forget(j->keyring, old[i].id);
        ret->destroyed++;
        ret->older--;
    }
    return 0;
}
