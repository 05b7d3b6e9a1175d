/* rotate.c -- new domain keys, and everything that was sealed under an older one sealed anew.
 *
 * What lies under domain keys: the jobs' own keys, the secrets of webhook endpoints, the names of staff, their
 * passwords and passkeys, the tokens of their sessions. Each row is changed by itself, from what it was (compare and
 * set), so it does not matter who else writes, or that this ends in the middle: the next round goes on with what is
 * left. An older key is destroyed when nothing is under it and it was replaced so long ago that nobody, in whatever
 * process, can still be sealing with it.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "jobs/job_int.h"
#include "jobs/rotate.h"

enum { PAGE = 200, OLD_MAX = 64 };

/* Domains whose keys seal what is in many rows. Those for comparing ("input", "staff.who", "challenge") stay: a new key
 * would forget what they compare with. So does "audit", under which lies one secret that is as old as the log. */
static const char *const domains[] = {"job", "client", "staff", "session"};

struct rotating {
    struct jobs *j;
    struct key_epoch epoch[COUNT(domains)];
    int n;
    struct audit_entry audit;
};

static int rotate_body(struct tx *tx, void *arg, struct err *e)
{
    struct rotating *x = arg;
    for (int i = 0; i < x->n; i++)
        if (keyring_store(tx, x->j->scope, &x->epoch[i], e))
            return e->code == ERR_CONFLICT ? err_set(e, ERR_CONFLICT, "another process rotates the keys") : -1;
    if (audit_append(tx, &x->audit, e))
        return -1;
    fault_crash(CRASH_rotate_stored);
    return 0;
}

int job_rotate_keys(struct jobs *j, const struct audit_entry *audit, int *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rotating x = {.j = j, .audit = *audit};
    int rc = a ? 0 : err_set(e, ERR_NO_MEMORY, "rotate the keys");
    for (size_t i = 0; i < COUNT(domains) && !rc; i++) {
        rc = keyring_next(j->keyring, j->scope, domains[i], a, &x.epoch[x.n], e);
        if (!rc)
            x.n++;
        else if (e->code == ERR_NOT_FOUND) /* nothing was ever sealed there */
            rc = 0;
    }
    x.audit.scope = j->scope;
    x.audit.object = "Keys";
    x.audit.why = "rotated";
    x.audit.rows = x.n;
    rc = rc || tx_run(j->db, rotate_body, &x, e) ? -1 : 0;
    if (!rc)
        fault_crash(CRASH_rotate_committed);
    for (int i = 0; i < x.n; i++) {
        rc = rc || keyring_take(j->keyring, j->scope, &x.epoch[i], e) ? -1 : 0;
        key_wipe(&x.epoch[i].key);
    }
    *ret = x.n;
    return rc;
}

/* --- sealing anew --- */

struct page {
    struct jobs *j;
    struct rows rows; /* id, client, the sealed values */
    struct slice (*fresh)[2];
    const char *const *update; /* for each sealed column */
    int columns;
};

static int page_body(struct tx *tx, void *arg, struct err *e)
{
    struct page *x = arg;
    for (int i = 0; i < x->rows.n; i++)
        for (int c = 0; c < x->columns; c++) {
            const struct val *v = row_at(&x->rows, i, 0);
            if (x->fresh[i][c].p && tx_put(tx, e, x->update[c], V_BLOB(x->fresh[i][c]), V_ID(x->j->scope),
                                           V_BLOB(v[0].s), V_BLOB(v[2 + c].s)))
                return -1;
        }
    return 0;
}

/* What lies in one table: how its rows are read page by page, where they are sealed and how they are changed. */
struct kind {
    const char *domain, *select;
    const char *update[2];
    enum place place;
    int columns;
    bool of_client; /* the subject of the seal */
};

static const struct kind kinds[] = {
    {"job",
     "SELECT id, client, key FROM job WHERE scope = $1 AND id > $2 AND substr(key, 3, 8) = $3 ORDER BY id LIMIT $4",
     {"UPDATE job SET key = $1 WHERE scope = $2 AND id = $3 AND key = $4", NULL},
     PLACE_JOB_KEY,
     1,
     true},
    {"client",
     "SELECT id, client, secret, old_secret FROM webhook_endpoint WHERE scope = $1 AND id > $2 AND "
     "(substr(secret, 3, 8) = $3 OR substr(old_secret, 3, 8) = $3) ORDER BY id LIMIT $4",
     {"UPDATE webhook_endpoint SET secret = $1 WHERE scope = $2 AND id = $3 AND secret = $4",
      "UPDATE webhook_endpoint SET old_secret = $1 WHERE scope = $2 AND id = $3 AND old_secret = $4"},
     PLACE_WEBHOOK_SECRET,
     2,
     false},
    {"staff",
     "SELECT id, id, person FROM staff WHERE scope = $1 AND id > $2 AND substr(person, 3, 8) = $3 ORDER BY id LIMIT $4",
     {"UPDATE staff SET person = $1 WHERE scope = $2 AND id = $3 AND person = $4", NULL},
     PLACE_STAFF_PERSON,
     1,
     false},
    {"staff",
     "SELECT staff, staff, password FROM account WHERE scope = $1 AND staff > $2 AND substr(password, 3, 8) = $3 ORDER "
     "BY staff LIMIT $4",
     {"UPDATE account SET password = $1 WHERE scope = $2 AND staff = $3 AND password = $4", NULL},
     PLACE_ACCOUNT_PASSWORD,
     1,
     false},
    {"staff",
     "SELECT id, id, passkey FROM passkey WHERE scope = $1 AND id > $2 AND substr(passkey, 3, 8) = $3 ORDER BY id "
     "LIMIT $4",
     {"UPDATE passkey SET passkey = $1 WHERE scope = $2 AND id = $3 AND passkey = $4", NULL},
     PLACE_PASSKEY,
     1,
     false},
    {"session",
     "SELECT id, id, tokens FROM session WHERE scope = $1 AND id > $2 AND substr(tokens, 3, 8) = $3 ORDER BY id LIMIT "
     "$4",
     {"UPDATE session SET tokens = $1 WHERE scope = $2 AND id = $3 AND tokens = $4", NULL},
     PLACE_SESSION_TOKENS,
     1,
     false},
};

static int reseal_page(struct jobs *j, const struct kind *k, struct page *x, struct arena *a, struct err *e)
{
    x->fresh = arena_take(a, (size_t)(x->rows.n + 1) * sizeof *x->fresh);
    if (!x->fresh)
        return err_set(e, ERR_NO_MEMORY, "seal anew");
    for (int i = 0; i < x->rows.n; i++) {
        const struct val *v = row_at(&x->rows, i, 0);
        struct seal_place at = place_of(k->place, j->scope, (const uint8_t *)v[0].s.p, 0);
        at.subject = k->of_client ? (const uint8_t *)v[1].s.p : NULL;
        for (int c = 0; c < k->columns; c++)
            if (v[2 + c].kind != VAL_NULL &&
                keyring_reseal(j->keyring, k->domain, &at, v[2 + c].s, a, &x->fresh[i][c], e))
                return -1;
    }
    return 0;
}

/* All rows under one older key. */
static int reseal_under(struct jobs *j, const struct kind *k, const struct key_old *old, struct progress *p,
                        int64_t *ret, struct err *e)
{
    uint8_t after[16] = {0};
    for (int got = PAGE; got == PAGE;) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        struct page x = {.j = j, .update = k->update, .columns = k->columns};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "seal anew");
        if (p && p->stop)
            return err_set(e, ERR_BUSY, "it was told to end; the rest follows by itself");
        got = db_rows(j->db, a, &x.rows, e, k->select, V_ID(j->scope), V_ID(after), V_BYTES(old->id, KEY_ID_BYTES),
                      V_INT(PAGE));
        if (got < 0 || reseal_page(j, k, &x, a, e) || (got && tx_run(j->db, page_body, &x, e)))
            return -1;
        if (got) {
            fault_crash(CRASH_reseal_page);
            memcpy(after, row_at(&x.rows, got - 1, 0)->s.p, 16);
        }
        *ret += got;
        if (p)
            progress_add(p, got);
    }
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
    return keyring_destroy(tx, x->j->scope, x->old->id, e) || audit_append(tx, &entry, e) ? -1 : 0;
}

int job_reseal(struct jobs *j, int64_t rest_us, struct progress *p, struct resealed *ret, struct err *e)
{
    struct key_old old[OLD_MAX];
    int n = keyring_old(j->keyring, j->scope, old, OLD_MAX);
    *ret = (struct resealed){0};
    for (int i = 0; i < n; i++) {
        int64_t moved = 0;
        for (size_t k = 0; k < COUNT(kinds); k++)
            if (strcmp(kinds[k].domain, old[i].domain) == 0 && reseal_under(j, &kinds[k], &old[i], p, &moved, e))
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
