#include "audit/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/witness.h"
#include "base/fault.h"
#include "base/own.h"

enum { PAGE = 4096, PAGE_MEMORY = 64 << 20, RECORD_MAX = 65535 };

static const char magic[] = "lazaret-audit-export/1 ";

struct check {
    struct tree tree;
    const struct note_key *key;
    struct audit_report *r;
    struct checkpoint kept; /* size 0: none, or seen */
};

static void found(struct check *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void found(struct check *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (x->r->findings < AUDIT_FINDINGS)
        vsnprintf(x->r->finding[x->r->findings], sizeof x->r->finding[0], fmt, ap);
    va_end(ap);
    x->r->findings++;
}

static int begin(struct check *x, const struct note_key *k, struct slice kept, struct audit_report *r, struct err *e)
{
    const char *why;
    *x = (struct check){.key = k, .r = r};
    r->entries = r->checkpoints = r->covered = 0;
    r->cosignatures = r->cosigned = r->cosigned_at = 0;
    r->findings = 0;
    if (kept.n && checkpoint_read(kept, k, &x->kept, &why))
        return err_set(e, ERR_USAGE, "the checkpoint that was kept: %s", why);
    return 0;
}

static void see_kept(struct check *x)
{
    struct tree_hash root;
    if (x->kept.size == 0 || x->kept.size != x->tree.size)
        return;
    tree_root(&x->tree, &root);
    if (!tree_same(&root, &x->kept.root))
        found(x, "the first %" PRIu64 " entries are not those of the checkpoint that was kept", x->kept.size);
    x->kept.size = 0;
}

/* The height of the highest node it made full. */
static int add(struct check *x, const struct tree_hash *leaf)
{
    int height = tree_add(&x->tree, leaf);
    x->r->entries++;
    see_kept(x);
    return height;
}

static void see_cosignature(struct check *x, struct slice note, int64_t size)
{
    struct slice line;
    const char *why;
    int64_t at;
    int rc = cosignature_read(note, x->r->witness, &line, &at, &why);
    if (rc < 0)
        found(x, "the cosignature of the checkpoint of %" PRId64 " entries: %s", size, why);
    if (rc <= 0)
        return;
    x->r->cosignatures++;
    x->r->cosigned = size;
    x->r->cosigned_at = at;
}

static void see_checkpoint(struct check *x, struct slice note, int64_t size)
{
    struct checkpoint c;
    struct tree_hash root;
    const char *why;
    x->r->checkpoints++;
    if (checkpoint_read(note, x->key, &c, &why)) {
        found(x, "the checkpoint of %" PRId64 " entries was changed: %s", size, why);
        return;
    }
    if (c.size != (uint64_t)size) {
        found(x, "the checkpoint of %" PRId64 " entries says %" PRIu64, size, c.size);
        return;
    }
    x->r->covered = size;
    tree_root(&x->tree, &root);
    if (!tree_same(&root, &c.root))
        found(x, "the first %" PRId64 " audit entries are not those that were signed", size);
    if (x->r->witness)
        see_cosignature(x, note, size);
}

static int end(struct check *x, struct err *e)
{
    if (x->r->witness && !x->r->cosignatures)
        found(x, "no checkpoint has a cosignature of the witness %s", x->r->witness->name);
    if (x->kept.size)
        found(x, "the checkpoint that was kept is of %" PRIu64 " entries, and there are %" PRId64, x->kept.size,
              x->r->entries);
    return x->r->findings ? err_set(e, ERR_STORE, "%s", x->r->finding[0]) : 0;
}

/* --- a store --- */

static int see_tile(struct check *x, struct db *db, int level, int64_t n, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "verify the audit log");
    if (db_rows(db, a, &r, e, "SELECT root FROM audit_tile WHERE level = $1 AND n = $2", V_INT(level), V_INT(n)) < 0)
        return -1;
    const struct tree_hash *want = &x->tree.full[(level + 1) * TREE_TILE];
    if (r.n && (row_at(&r, 0, 0)->s.n != sizeof *want || memcmp(row_at(&r, 0, 0)->s.p, want, sizeof *want) != 0))
        found(x, "tile %" PRId64 " of level %d, up to entry %" PRIu64 ", was changed", n, level, x->tree.size - 1);
    return 0;
}

#define CHECKPOINTS                                                                                                    \
    "SELECT c.size, c.note, w.line FROM audit_checkpoint c LEFT JOIN audit_cosignature w ON w.size = c.size WHERE "    \
    "c.size > $1 AND c.size <= $2 ORDER BY c.size, w.witness"

static int see_checkpoints(struct check *x, const struct rows *r, int *at, struct arena *a, struct err *e)
{
    while (*at < r->n && row_at(r, *at, 0)->i <= (int64_t)x->tree.size) {
        int64_t size = row_at(r, *at, 0)->i;
        struct slice note = cosigned_note(r, at, a);
        if (!note.p)
            return err_set(e, ERR_NO_MEMORY, "verify the audit log");
        see_checkpoint(x, note, size);
    }
    return 0;
}

static int see_entry(struct check *x, struct db *db, const struct val *v, struct err *e)
{
    struct tree_hash leaf;
    tree_leaf(v[1].s, &leaf);
    if (v[2].s.n != sizeof leaf || memcmp(v[2].s.p, &leaf, sizeof leaf) != 0)
        found(x, "audit entry %" PRId64 " was changed", v[0].i);
    if (v[2].s.n == sizeof leaf)
        memcpy(&leaf, v[2].s.p, sizeof leaf);
    int height = add(x, &leaf);
    for (int h = TREE_TILE; h <= height; h += TREE_TILE)
        if (see_tile(x, db, h / TREE_TILE - 1, (int64_t)((x->tree.size - 1) >> h), e))
            return -1;
    return 0;
}

/* 1: there is more; 0: that was the end, or what follows cannot be placed. */
static int see_page(struct check *x, struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(PAGE_MEMORY);
    struct rows r, c;
    int64_t next = (int64_t)x->tree.size;
    int at = 0;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "verify the audit log");
    if (db_rows(db, a, &r, e, "SELECT idx, entry, leaf FROM audit WHERE idx >= $1 ORDER BY idx LIMIT $2", V_INT(next),
                V_INT(PAGE)) < 0 ||
        db_rows(db, a, &c, e, CHECKPOINTS, V_INT(next), V_INT(next + r.n)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++, next++) {
        const struct val *v = row_at(&r, i, 0);
        if (v[0].i != next) {
            found(x, "audit entry %" PRId64 " is missing", next);
            return 0;
        }
        if (see_entry(x, db, v, e) || see_checkpoints(x, &c, &at, a, e))
            return -1;
    }
    return r.n == PAGE;
}

/* Asked for with what it is held against, in one statement: entries that were appended and signed since the last page
 * was read are not missing. */
#define THERE "(SELECT coalesce(max(idx), -1) + 1 FROM audit)"

/* What stands where no entry is. */
static int see_rest(struct check *x, struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    int64_t size = (int64_t)x->tree.size;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "verify the audit log");
    if (db_rows(db, a, &r, e,
                "SELECT coalesce(max(size), 0), coalesce(min(size), 1), " THERE
                " FROM audit_checkpoint WHERE size > $1 OR size < 1",
                V_INT(size)) < 0)
        return -1;
    if (row_at(&r, 0, 0)->i > size && row_at(&r, 0, 0)->i > row_at(&r, 0, 2)->i)
        found(x, "audit entry %" PRId64 " is missing: %" PRId64 " entries were signed", size, row_at(&r, 0, 0)->i);
    if (row_at(&r, 0, 1)->i < 1)
        found(x, "there is a checkpoint of %" PRId64 " entries", row_at(&r, 0, 1)->i);
    for (int level = 0; level < 8; level++) {
        int64_t due = x->r->covered >> TREE_TILE * (level + 1);
        if (db_rows(db, a, &r, e,
                    "SELECT count(*), coalesce(max(n), -1), coalesce(min(n), 0), " THERE
                    " FROM audit_tile WHERE level = $1",
                    V_INT(level)) < 0)
            return -1;
        const struct val *v = row_at(&r, 0, 0);
        int64_t full = (v[3].i > size ? v[3].i : size) >> TREE_TILE * (level + 1);
        if (v[0].i < due || v[1].i + 1 != v[0].i || v[2].i != 0)
            found(x, "a tile of level %d is missing: there are %" PRId64 " up to %" PRId64, level, v[0].i, v[1].i);
        if (v[1].i >= full)
            found(x, "tile %" PRId64 " of level %d is of entries that are not there", v[1].i, level);
        if (full == 0 && v[0].i == 0)
            break;
    }
    return 0;
}

int audit_verify_with(struct db *db, const struct note_key *k, struct slice kept, struct audit_report *r, struct err *e)
{
    struct check x;
    int64_t all = 0;
    int more = 1;
    if (begin(&x, k, kept, r, e) || audit_index(db, e) || (r->progress && audit_count(db, &all, e)))
        return -1;
    while (more > 0) {
        more = see_page(&x, db, e);
        if (r->progress)
            r->progress(r->arg, r->entries, all);
        if (fault_switch("slow-verify"))
            usleep(400000);
    }
    if (more < 0 || (r->findings == 0 && see_rest(&x, db, e)))
        return -1;
    return end(&x, e);
}

int audit_verify(struct db *db, int64_t *ret_entries, struct err *e)
{
    struct audit_report r = {.progress = NULL};
    if (audit_verify_with(db, NULL, (struct slice){NULL, 0}, &r, e))
        return -1;
    *ret_entries = r.entries;
    return 0;
}

/* --- an export --- */

static void put_record(struct buf *out, char kind, struct slice s)
{
    char head[3] = {kind, (char)(s.n >> 8), (char)s.n};
    buf_add(out, head, sizeof head);
    buf_slice(out, s);
}

void audit_export_head(struct buf *out, const struct note_key *k)
{
    char text[NOTE_KEY_TEXT];
    buf_printf(out, "%s%s\n", magic, note_key_text(k, text));
}

void audit_export_tail(struct buf *out, int64_t size)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, size);
    put_record(out, 'Z', (struct slice){text, (size_t)n});
}

int audit_export(struct db *db, int64_t from, int most, int64_t end, struct arena *a, struct buf *out,
                 int64_t *ret_next, struct err *e)
{
    struct rows r, c;
    int at = 0;
    if (end - from < most)
        most = (int)(end - from);
    if (db_rows(db, a, &r, e, "SELECT entry FROM audit WHERE idx >= $1 ORDER BY idx LIMIT $2", V_INT(from),
                V_INT(most)) < 0 ||
        db_rows(db, a, &c, e, CHECKPOINTS, V_INT(from), V_INT(from + r.n)) < 0)
        return -1;
    if (r.n != most)
        return err_set(e, ERR_STORE, "audit entries from %lld on are missing", (long long)(from + r.n));
    for (int i = 0; i < r.n; i++) {
        put_record(out, 'E', row_at(&r, i, 0)->s);
        while (at < c.n && row_at(&c, at, 0)->i == from + i + 1) {
            struct slice note = cosigned_note(&c, &at, a);
            if (!note.p)
                return err_set(e, ERR_NO_MEMORY, "export the audit log");
            put_record(out, 'C', note);
        }
    }
    *ret_next = from + r.n;
    return buf_failed(out) ? err_set(e, ERR_NO_MEMORY, "export the audit log") : 0;
}

static int read_head(FILE *f, struct note_key *ret, struct err *e)
{
    char line[sizeof magic + NOTE_KEY_TEXT + 1];
    if (!fgets(line, sizeof line, f) || strncmp(line, magic, sizeof magic - 1) != 0)
        return err_set(e, ERR_USAGE, "it is no export of an audit log");
    line[strcspn(line, "\n")] = 0;
    return note_key_read(NOTE_LOG, slice_of(line + sizeof magic - 1), ret)
               ? 0
               : err_set(e, ERR_STORE, "the verifier key of the export is malformed");
}

/* The kind of the record, or 0: the file ends inside of it. */
static int read_record(FILE *f, char *to, struct slice *ret)
{
    int kind = getc_unlocked(f), high = getc_unlocked(f), low = getc_unlocked(f);
    if (low == EOF)
        return 0;
    *ret = (struct slice){to, (size_t)high << 8 | (size_t)low};
    return fread_unlocked(to, 1, ret->n, f) == ret->n ? kind : 0;
}

static void see_end(struct check *x, FILE *f, struct slice s)
{
    int64_t size = -1;
    if (!slice_int(s, 0, INT64_MAX, &size) || size != x->r->entries)
        found(x, "the export says that it ends behind %.*s entries, and has %" PRId64, SLICE_FMT(s), x->r->entries);
    if (x->r->covered != x->r->entries)
        found(x, "%" PRId64 " entries are signed, and the export has %" PRId64, x->r->covered, x->r->entries);
    if (getc_unlocked(f) != EOF)
        found(x, "something follows the export's end");
}

int audit_verify_export(FILE *f, const struct note_key *k, struct slice kept, struct audit_report *r,
                        struct note_key *ret_key, struct err *e)
{
    OWN_MEM char *record = malloc(RECORD_MAX);
    struct check x;
    struct slice s;
    if (!record)
        return err_set(e, ERR_NO_MEMORY, "verify an export");
    if (read_head(f, ret_key, e) || begin(&x, k ? k : ret_key, kept, r, e))
        return -1;
    if (k && (strcmp(k->name, ret_key->name) != 0 || memcmp(k->public, ret_key->public, sizeof k->public) != 0))
        found(&x, "the export is of another log: it names another key");
    for (int kind = 0; kind != 'Z' && r->findings < AUDIT_FINDINGS;) {
        struct tree_hash leaf;
        kind = read_record(f, record, &s);
        if (kind == 'E') {
            tree_leaf(s, &leaf);
            add(&x, &leaf);
            if (r->progress && r->entries % PAGE == 0)
                r->progress(r->arg, r->entries, 0);
        } else if (kind == 'C') {
            see_checkpoint(&x, s, r->entries);
        } else if (kind == 'Z') {
            see_end(&x, f, s);
        } else {
            found(&x, "the export is cut off or changed behind entry %" PRId64, r->entries - 1);
            break;
        }
    }
    if (ferror(f))
        return err_sys(e, ERR_STORE, "read the export");
    return end(&x, e);
}
