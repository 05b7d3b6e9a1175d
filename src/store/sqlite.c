/* sqlite.c -- the embedded store: one writer thread with group commit, read-only connections for readers.
 *
 * What a crash leaves: a commit that was answered is in the WAL and synced (synchronous=FULL); one that was not may be
 * there or not, as a whole. When a sync fails, nothing of it was answered; but the kernel then takes what it could not
 * write for written, and a later sync that succeeds says nothing of it. So the WAL is not trusted any more: no body
 * runs until it was written anew and copied into the database, that was written anew, too, and the log was cut
 * (trust_again). A statement is prepared once per connection and found again by the address of its SQL text, which is
 * therefore always a string literal, and by the gate it was prepared under, which SQLite's authorizer looked at. */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "store/driver_int.h"

enum { ANEW_BYTES = 64 << 10, GROUP_MAX = 64, STATEMENTS = 512, WAL_PAGES = 256 };

struct conn {
    struct conn *next;
    sqlite3 *db;
    const struct gate *gate; /* that statements pass now; NULL: the program's own */
    bool denied;             /* the gate stopped the statement that was prepared last */
    struct {
        const char *sql;
        const struct gate *gate; /* that it was prepared under */
        sqlite3_stmt *st;
    } cache[STATEMENTS];
};

/* A body waiting for the writer; it lies on its caller's stack until `done` is posted. */
struct waiting {
    struct waiting *next;
    tx_body *body; /* NULL: a scrub, between transactions */
    void *arg;
    bool lazy;
    struct err *e;
    int rc;
    bool *durable; /* becomes true with the commit; NULL: nobody asked */
    sem_t done;
};

struct sqlite_tx {
    struct tx base;
    struct conn *conn;
    struct waiting *body; /* in work */
};

struct sqlite_db {
    struct db base;
    char *path;
    struct conn *writer;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the queue, `stop`, the readers' list */
    pthread_cond_t work;
    struct waiting *head, **tail;
    bool stop;
    int reading; /* long reads of one snapshot: scrubs wait in `later` */
    struct waiting *later, **later_tail;
    bool lazy;  /* the writer's synchronous is NORMAL; the writer's own */
    bool doubt; /* a sync failed, and the WAL has not been replaced since; the writer's own */
    struct conn *readers;
};

static int fail(sqlite3 *db, struct err *e, const char *what)
{
    int code = sqlite3_extended_errcode(db);
    if (code == SQLITE_NOMEM)
        return err_set(e, ERR_NO_MEMORY, "%s", what);
    if ((code & 255) == SQLITE_CONSTRAINT)
        return err_set(e, ERR_CONFLICT, "%s: %s", what, sqlite3_errmsg(db));
    return err_set(e, ERR_STORE, "%s: %s (%d)", what, sqlite3_errmsg(db), code);
}

static void conn_close(struct conn *c)
{
    if (!c)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(c->cache[i].st);
    sqlite3_close(c->db);
    free(c);
}

static int pragma(struct conn *c, const char *sql, struct err *e)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(c->db, e, sql);
}

/* The switch is there for a test that has to see what it costs. */
static const char *sync_pragma(bool lazy)
{
    return fault_switch("no-sync") ? "PRAGMA synchronous=OFF"
           : lazy                  ? "PRAGMA synchronous=NORMAL"
                                   : "PRAGMA synchronous=FULL";
}

/* --- gates --- */

static bool listed(const char *const *column, const char *name)
{
    while (*column && strcmp(*column, name) != 0)
        column++;
    return *column != NULL;
}

static bool may(const struct gate *g, int action, const char *table, const char *column)
{
    for (int i = 0; i < g->grants; i++) {
        const struct gate_grant *t = &g->grant[i];
        if (strcmp(t->table, table) != 0)
            continue;
        switch (action) {
        case SQLITE_READ: return *column ? listed(t->read, column) : *t->read != NULL; /* "": count(*) and the like */
        case SQLITE_INSERT: return *t->insert != NULL;
        case SQLITE_UPDATE: return listed(t->update, column);
        default: return t->remove;
        }
    }
    return false;
}

static bool harmless_function(const char *name)
{
    static const char *const ok[] = {"coalesce", "count", "length", "max", "min", "sum", NULL};
    return listed(ok, name);
}

/* Asked for everything a statement touches, when it is prepared. What is not known here is denied. Without a schema
 * when rows of a table are counted and no column is named. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *schema, const char *inside)
{
    struct conn *c = arg;
    const struct gate *g = c->gate;
    bool ok = !g || action == SQLITE_SELECT;
    (void)inside;
    if (action == SQLITE_READ || action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE)
        ok = ok || ((!schema || strcmp(schema, "main") == 0) && may(g, action, a, b ? b : ""));
    else if (action == SQLITE_FUNCTION)
        ok = ok || harmless_function(b);
    c->denied |= !ok;
    return ok ? SQLITE_OK : SQLITE_DENY;
}

static int conn_open(const char *path, int flags, struct conn **ret, struct err *e)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, ERR_NO_MEMORY, "open the store");
    if (sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK) {
        int rc = c->db ? fail(c->db, e, "open the store") : err_set(e, ERR_NO_MEMORY, "open the store");
        conn_close(c);
        return rc;
    }
    sqlite3_busy_timeout(c->db, 5000);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
    sqlite3_set_authorizer(c->db, authorize, c);
    bool write = flags & SQLITE_OPEN_READWRITE;
    /* 4 KiB pages and a WAL of 1 MiB: against 16 KiB measured as the same rate under load, half the bytes on the disk,
     * and a sixth less time for a lone commit. secure_delete: what is deleted is zeroed. */
    if ((write && (pragma(c, "PRAGMA page_size=4096", e) || pragma(c, "PRAGMA journal_mode=WAL", e) ||
                   pragma(c, sync_pragma(false), e) || pragma(c, "PRAGMA secure_delete=ON", e) ||
                   pragma(c, "PRAGMA foreign_keys=ON", e))) ||
        pragma(c, "PRAGMA temp_store=MEMORY", e) ||
        pragma(c, write ? "PRAGMA cache_size=-4000" : "PRAGMA cache_size=-500", e)) {
        conn_close(c);
        return -1;
    }
    *ret = c;
    return 0;
}

/* --- statements --- */

static sqlite3_stmt *prepared(struct conn *c, const char *sql, struct err *e)
{
    size_t at = (((uintptr_t)sql >> 3) ^ ((uintptr_t)c->gate >> 4)) % STATEMENTS, i = at;
    do {
        if (c->cache[i].sql == sql && c->cache[i].gate == c->gate)
            return c->cache[i].st;
        if (!c->cache[i].sql)
            break;
        i = (i + 1) % STATEMENTS;
    } while (i != at);
    sqlite3_stmt *st;
    c->denied = false;
    if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
        fail(c->db, e, sql);
        if (c->denied)
            err_set(e, ERR_GATE, "as %s: %s", c->gate->name, sql);
        return NULL;
    }
    for (int p = 1; p <= sqlite3_bind_parameter_count(st); p++) {
        const char *name = sqlite3_bind_parameter_name(st, p);
        int64_t number;
        if (!name || !slice_int(slice_of(name + 1), p, p, &number)) {
            err_set(e, ERR_INTERNAL, "parameters out of order in: %s", sql);
            sqlite3_finalize(st);
            return NULL;
        }
    }
    if (c->cache[i].sql) /* full: the text at its home place makes room */
        sqlite3_finalize(c->cache[i].st);
    c->cache[i].sql = sql;
    c->cache[i].gate = c->gate;
    c->cache[i].st = st;
    return st;
}

static int bind(sqlite3_stmt *st, const struct val *v, int n)
{
    int rc = sqlite3_bind_parameter_count(st) == n ? SQLITE_OK : SQLITE_RANGE;
    for (int i = 0; i < n && rc == SQLITE_OK; i++) {
        const char *p = v[i].s.p ? v[i].s.p : "";
        switch (v[i].kind) {
        case VAL_NULL: rc = sqlite3_bind_null(st, i + 1); break;
        case VAL_INT: rc = sqlite3_bind_int64(st, i + 1, v[i].i); break;
        case VAL_TEXT: rc = sqlite3_bind_text64(st, i + 1, p, v[i].s.n, SQLITE_STATIC, SQLITE_UTF8); break;
        case VAL_BLOB: rc = sqlite3_bind_blob64(st, i + 1, p, v[i].s.n, SQLITE_STATIC); break;
        }
    }
    return rc;
}

/* One row into cells[cols]; -1 when the arena is exhausted. */
static int take_row(sqlite3_stmt *st, struct arena *a, struct val *cell, int cols)
{
    for (int i = 0; i < cols; i++) {
        int type = sqlite3_column_type(st, i);
        if (type == SQLITE_NULL) {
            cell[i] = V_NULL;
        } else if (type == SQLITE_INTEGER) {
            cell[i] = V_INT(sqlite3_column_int64(st, i));
        } else {
            struct slice s = {
                type == SQLITE_BLOB ? sqlite3_column_blob(st, i) : (const char *)sqlite3_column_text(st, i), 0};
            s.n = (size_t)sqlite3_column_bytes(st, i);
            s = arena_copy(a, s);
            if (!s.p)
                return -1;
            cell[i] = (struct val){.kind = type == SQLITE_BLOB ? VAL_BLOB : VAL_TEXT, .s = s};
        }
    }
    return 0;
}

static int query(struct conn *c, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
                 int n)
{
    sqlite3_stmt *st = prepared(c, sql, e);
    if (!st)
        return -1;
    metric_add(METRIC_STATEMENTS, 1);
    int rc = bind(st, v, n), cap = 0, cols = sqlite3_column_count(st), got = 0;
    struct val *cell = NULL;
    if (rc != SQLITE_OK) {
        err_set(e, ERR_INTERNAL, "bind (%d): %s", rc, sql);
        goto fail;
    }
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (!ret)
            continue;
        if (got == cap) {
            int more = cap ? cap * 2 : 4;
            cell = arena_grow(a, cell, (size_t)(cap * cols) * sizeof *cell, (size_t)(more * cols) * sizeof *cell);
            cap = more;
        }
        if (!cell || take_row(st, a, cell + got * cols, cols)) {
            err_set(e, ERR_NO_MEMORY, "%s", sql);
            goto fail;
        }
        got++;
    }
    if (rc != SQLITE_DONE) {
        fail(c->db, e, sql);
        goto fail;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    if (!ret)
        return sqlite3_changes(c->db);
    *ret = (struct rows){.n = got, .cols = cols, .cell = cell};
    return got;
fail:
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return -1;
}

/* --- the writer --- */

static int simple(struct conn *c, const char *sql, struct err *e)
{
    return query(c, NULL, NULL, e, sql, NULL, 0) < 0 ? -1 : 0;
}

/* 0, whether the body did well or not. -1: the transaction around it cannot be committed. After a failed write, a full
 * disk or a lack of memory SQLite may have rolled all of it back, savepoints and all; the next one would then begin,
 * and commit, a transaction of its own. */
static int run_body(struct sqlite_tx *tx, struct waiting *w, struct err *e)
{
    if (simple(tx->conn, "SAVEPOINT body", e))
        return -1;
    tx->body = w;
    w->rc = w->body(&tx->base, w->arg, w->e);
    tx->conn->gate = NULL;
    if (w->rc && simple(tx->conn, "ROLLBACK TO body", e))
        return -1;
    return simple(tx->conn, "RELEASE body", e);
}

static int begin(struct conn *c, struct err *e)
{
    return fault_hit(FAULT_WRITE) ? err_set(e, ERR_STORE, "a fault a test asked for") : simple(c, "BEGIN IMMEDIATE", e);
}

static int commit(struct conn *c, struct err *e)
{
    if (fault_switch("answer-before-commit"))
        usleep(20000); /* makes the window that the test must find wider than luck */
    return fault_hit(FAULT_WRITE) ? err_set(e, ERR_STORE, "a fault a test asked for") : simple(c, "COMMIT", e);
}

static bool all_lazy(const struct waiting *w)
{
    while (w && w->lazy)
        w = w->next;
    return !w;
}

/* With NORMAL a commit goes into the WAL without a sync: the next one with FULL, which syncs the same file, or a
 * checkpoint, which syncs it before it copies, makes it durable. SQLite acts on this pragma when it is prepared: it is
 * not one to cache. A group that must be durable does not begin unless FULL could be set. */
static int want_sync(struct sqlite_db *d, bool lazy, struct err *e)
{
    if (d->lazy == lazy)
        return 0;
    if (pragma(d->writer, sync_pragma(lazy), e))
        return -1;
    d->lazy = lazy;
    return 0;
}

static bool sync_failed(int code)
{
    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

/* After a commit. SQLite's own hook would keep the result of the checkpoint to itself. */
static int after_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_db *d = arg;
    (void)name;
    if (pages >= WAL_PAGES && sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
        d->doubt |= sync_failed(sqlite3_extended_errcode(db));
    return SQLITE_OK;
}

static int cut_log(struct sqlite_db *d, struct err *e)
{
    if (sqlite3_wal_checkpoint_v2(d->writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK)
        return 0;
    d->doubt |= sync_failed(sqlite3_extended_errcode(d->writer->db));
    return fail(d->writer->db, e, "cut the write-ahead log");
}

/* Every byte of a file, written to where it is, and synced. Through SQLite's own file: closing another descriptor of it
 * would drop its locks. */
static int write_anew(struct sqlite_db *d, int which, struct err *e)
{
    sqlite3_file *f = NULL;
    sqlite3_int64 size = 0;
    OWN_MEM char *chunk = malloc(ANEW_BYTES);
    if (!chunk)
        return err_set(e, ERR_NO_MEMORY, "write the store anew");
    int rc = sqlite3_file_control(d->writer->db, "main", which, &f);
    if (rc == SQLITE_OK)
        rc = f && f->pMethods ? f->pMethods->xFileSize(f, &size) : SQLITE_CANTOPEN;
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += ANEW_BYTES) {
        int n = size - at < ANEW_BYTES ? (int)(size - at) : ANEW_BYTES;
        rc = f->pMethods->xRead(f, chunk, n, at);
        if (rc == SQLITE_OK)
            rc = f->pMethods->xWrite(f, chunk, n, at);
    }
    if (rc == SQLITE_OK)
        rc = f->pMethods->xSync(f, SQLITE_SYNC_FULL);
    return rc == SQLITE_OK ? 0 : err_set(e, ERR_STORE, "write the store anew (%d)", rc);
}

static int copy_log(struct sqlite_db *d, struct err *e)
{
    if (sqlite3_wal_checkpoint_v2(d->writer->db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return fail(d->writer->db, e, "copy the write-ahead log");
}

/* What was committed is read from memory still, though the kernel may have forgotten to write it. First the WAL: if the
 * database got ahead of what the disk has of it, the next start would put the older pages of the WAL over newer ones.
 * Then all of the database: a checkpoint that a reader held back wrote pages without a sync and counted them as done,
 * so no later one writes them again. (A commit that failed may come to be by this: it was not answered, and is whole.)
 */
static int trust_again(struct sqlite_db *d, struct err *e)
{
    if (!d->doubt)
        return 0;
    if (want_sync(d, false, e) || write_anew(d, SQLITE_FCNTL_JOURNAL_POINTER, e) || copy_log(d, e) ||
        write_anew(d, SQLITE_FCNTL_FILE_POINTER, e) || cut_log(d, e))
        return err_in(e, "the disk did not keep what was written, and does not yet");
    d->doubt = false;
    log_line(LOG_WARN, "a sync of the store had failed; what it holds was written anew", NULL);
    return 0;
}

/* One transaction over a list of bodies. */
static void run_group(struct sqlite_db *d, struct waiting *list)
{
    struct sqlite_tx tx = {{&db_sqlite}, d->writer, NULL};
    struct err e;
    int64_t start = clock_mono_us();
    int bodies = 0, rc = trust_again(d, &e) || want_sync(d, all_lazy(list), &e) ? -1 : begin(d->writer, &e);
    for (struct waiting *w = list, *next; w && !rc; w = next, bodies++) {
        next = w->next;
        rc = run_body(&tx, w, &e);
        if (fault_switch("answer-before-commit")) {
            list = next;
            sem_post(&w->done);
        }
    }
    rc = rc ? rc : commit(d->writer, &e);
    if (rc) {
        d->doubt |= sync_failed(sqlite3_extended_errcode(d->writer->db));
        log_err(LOG_ERROR, "a group of transactions failed", &e);
        if (!sqlite3_get_autocommit(d->writer->db))
            sqlite3_exec(d->writer->db, "ROLLBACK", NULL, NULL, NULL);
    } else {
        metric_add(METRIC_COMMITS, 1);
        metric_add(METRIC_BODIES, bodies);
        metric_observe(HISTOGRAM_COMMIT, clock_mono_us() - start);
    }
    for (struct waiting *w = list, *next; w; w = next) {
        next = w->next; /* w is gone once posted */
        if (rc && !w->rc) {
            *w->e = e;
            w->rc = -1;
        }
        if (!w->rc && w->durable && !w->lazy)
            *w->durable = true;
        sem_post(&w->done);
    }
}

/* secure_delete zeroes what is deleted in the pages, and a page's older copies lie in the log until it is cut. */
static void scrub(struct sqlite_db *d, struct waiting *w)
{
    w->rc = cut_log(d, w->e);
    sem_post(&w->done);
}

static void *write_loop(void *arg)
{
    pthread_setname_np(pthread_self(), "store"); /* for top, perf and gdb */
    struct sqlite_db *d = arg;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (!d->head && !d->stop)
            pthread_cond_wait(&d->work, &d->lock);
        if (!d->head)
            break;
        struct waiting *list = d->head, *last = list;
        for (int n = 1; n < GROUP_MAX && list->body && last->next && last->next->body; n++)
            last = last->next;
        d->head = last->next;
        last->next = NULL;
        if (!d->head)
            d->tail = &d->head;
        if (!list->body && d->reading) {
            *d->later_tail = list;
            d->later_tail = &list->next;
            continue;
        }
        pthread_mutex_unlock(&d->lock);
        if (list->body)
            run_group(d, list);
        else
            scrub(d, list);
        pthread_mutex_lock(&d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    arena_thread_end();
    return NULL;
}

static int sqlite_run(struct db *db, tx_body *body, void *arg, bool lazy, struct err *e)
{
    struct sqlite_db *d = (struct sqlite_db *)db;
    struct waiting w = {.body = body, .arg = arg, .lazy = lazy, .e = e};
    sem_init(&w.done, 0, 0);
    pthread_mutex_lock(&d->lock);
    *d->tail = &w;
    d->tail = &w.next;
    pthread_cond_signal(&d->work);
    pthread_mutex_unlock(&d->lock);
    while (sem_wait(&w.done))
        ;
    sem_destroy(&w.done);
    return w.rc;
}

static int sqlite_scrub(struct db *db, struct err *e)
{
    return sqlite_run(db, NULL, NULL, false, e);
}

/* A statement that failed for lack of memory or a full disk may have rolled back the whole transaction. A body that
 * goes on all the same, by mistake, must not write outside of it: that would be kept. */
static int check_inside(struct conn *c, struct err *e)
{
    return sqlite3_get_autocommit(c->db) ? err_set(e, ERR_STORE, "the transaction was rolled back under its body") : 0;
}

static int sqlite_tx_query(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                           const struct val *v, int n)
{
    struct conn *c = ((struct sqlite_tx *)tx)->conn;
    return check_inside(c, e) ? -1 : query(c, a, ret, e, sql, v, n);
}

static int sqlite_put(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n)
{
    struct conn *c = ((struct sqlite_tx *)tx)->conn;
    return check_inside(c, e) || query(c, NULL, NULL, e, sql, v, n) < 0 ? -1 : 0;
}

static void sqlite_when_durable(struct tx *tx, bool *ret)
{
    ((struct sqlite_tx *)tx)->body->durable = ret;
}

/* Whose rows they are it cannot hold: that is up to the statement. */
static int sqlite_gate(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e)
{
    (void)who;
    (void)e;
    ((struct sqlite_tx *)tx)->conn->gate = gate;
    return 0;
}

static int sqlite_script(struct tx *tx, const char *sql, struct err *e)
{
    struct conn *c = ((struct sqlite_tx *)tx)->conn;
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(c->db, e, "script");
}

/* --- readers --- */

static int sqlite_read(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                       const struct val *v, int n)
{
    struct sqlite_db *d = (struct sqlite_db *)db;
    pthread_mutex_lock(&d->lock);
    struct conn *c = d->readers;
    if (c)
        d->readers = c->next;
    pthread_mutex_unlock(&d->lock);
    if (!c && conn_open(d->path, SQLITE_OPEN_READONLY, &c, e))
        return -1;
    int rc = query(c, a, ret, e, sql, v, n);
    pthread_mutex_lock(&d->lock);
    c->next = d->readers;
    d->readers = c;
    pthread_mutex_unlock(&d->lock);
    return rc;
}

/* While a snapshot is read the log cannot be cut; a scrub that tried would keep every writer waiting for that. */
static void reading(struct sqlite_db *d, int by)
{
    pthread_mutex_lock(&d->lock);
    d->reading += by;
    if (d->reading == 0 && d->later) {
        *d->later_tail = d->head;
        if (!d->head)
            d->tail = d->later_tail;
        d->head = d->later;
        d->later = NULL;
        d->later_tail = &d->later;
        pthread_cond_signal(&d->work);
    }
    pthread_mutex_unlock(&d->lock);
}

enum { COPY_PAGES = 1024 };

/* `from` is in a transaction that has read: sqlite3_backup_step leaves that open and reads in it, so what others write
 * meanwhile neither shows nor makes the copy begin anew. */
static int copy_pages(sqlite3 *from, sqlite3 *into, struct progress *p, struct err *e)
{
    sqlite3_backup *b = sqlite3_backup_init(into, "main", from, "main");
    int rc = SQLITE_OK;
    if (!b)
        return fail(into, e, "copy the store");
    while (rc == SQLITE_OK && !p->stop) {
        rc = sqlite3_backup_step(b, COPY_PAGES);
        if (fault_switch("slow-copy"))
            usleep(150000); /* both make the time wide enough for a test to do something in it */
        p->total = sqlite3_backup_pagecount(b);
        p->done = p->total - sqlite3_backup_remaining(b);
    }
    int end = sqlite3_backup_finish(b);
    if (rc == SQLITE_OK)
        return err_set(e, ERR_BUSY, "the copy was told to end");
    return rc == SQLITE_DONE && end == SQLITE_OK ? 0 : err_set(e, ERR_STORE, "copy the store: %s", sqlite3_errstr(rc));
}

/* What it is written to is nobody's yet: no journal, and synced once at the end by the caller. */
static int copy_snapshot(const char *path, const char *to, struct progress *p, struct err *e)
{
    struct conn *from = NULL;
    sqlite3 *into = NULL;
    OWN_FD int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(e, ERR_STORE, "make %s", to);
    if (conn_open(path, SQLITE_OPEN_READONLY, &from, e))
        return -1;
    int rc = pragma(from, "BEGIN", e) || pragma(from, "SELECT count(*) FROM sqlite_schema", e) ? -1 : 0;
    if (!rc && (sqlite3_open_v2(to, &into, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
                sqlite3_exec(into, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL) != SQLITE_OK))
        rc = into ? fail(into, e, "open the copy") : err_set(e, ERR_NO_MEMORY, "open the copy");
    if (!rc)
        rc = copy_pages(from->db, into, p, e);
    sqlite3_close(into);
    conn_close(from);
    return rc;
}

static int sqlite_copy(struct db *db, const char *to, struct progress *p, struct err *e)
{
    struct sqlite_db *d = (struct sqlite_db *)db;
    progress_begin(p, "copying the database", 0);
    if (fault_switch("late-copy"))
        usleep(300000);
    reading(d, 1);
    int rc = copy_snapshot(d->path, to, p, e);
    reading(d, -1);
    return rc;
}

static int check_snapshot(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "check");
    if (sqlite_read(db, a, &r, e, "PRAGMA integrity_check(1)", NULL, 0) < 0)
        return -1;
    if (r.n != 1 || !slice_is(row_at(&r, 0, 0)->s, "ok"))
        return err_set(e, ERR_STORE, "integrity: %.*s", SLICE_FMT(row_at(&r, 0, 0)->s));
    if (sqlite_read(db, a, &r, e, "PRAGMA foreign_key_check", NULL, 0) < 0)
        return -1;
    return r.n ? err_set(e, ERR_STORE, "%d rows refer to rows that are not there", r.n) : 0;
}

static int sqlite_check(struct db *db, struct err *e)
{
    reading((struct sqlite_db *)db, 1);
    int rc = check_snapshot(db, e);
    reading((struct sqlite_db *)db, -1);
    return rc;
}

/* --- open and close --- */

static void sqlite_shut(struct db *db)
{
    struct sqlite_db *d = (struct sqlite_db *)db;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->work);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    for (struct conn *c = d->readers, *next; c; c = next) {
        next = c->next;
        conn_close(c);
    }
    conn_close(d->writer);
    pthread_cond_destroy(&d->work);
    pthread_mutex_destroy(&d->lock);
    free(d->path);
    free(d);
}

/* SQLite's own tally of memory takes a lock around every allocation of every thread; nobody reads it. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int sqlite_open(const char *path, bool create, struct db **ret, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    struct sqlite_db *d = calloc(1, sizeof *d);
    char *copy = strdup(path);
    if (!d || !copy) {
        free(d);
        free(copy);
        return err_set(e, ERR_NO_MEMORY, "open the store");
    }
    d->base.driver = &db_sqlite;
    d->path = copy;
    d->tail = &d->head;
    d->later_tail = &d->later;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, NULL);
    if (conn_open(path, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), &d->writer, e))
        goto fail;
    sqlite3_wal_hook(d->writer->db, after_commit, d);
    if (pthread_create(&d->thread, NULL, write_loop, d)) {
        err_set(e, ERR_INTERNAL, "no thread for the store's writer");
        goto fail;
    }
    *ret = &d->base;
    return 0;
fail:
    conn_close(d->writer);
    free(d->path);
    free(d);
    return -1;
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .serial = true,
    .open = sqlite_open,
    .close = sqlite_shut,
    .run = sqlite_run,
    .query = sqlite_tx_query,
    .put = sqlite_put,
    .read = sqlite_read,
    .when_durable = sqlite_when_durable,
    .script = sqlite_script,
    .gate = sqlite_gate,
    .scrub = sqlite_scrub,
    .check = sqlite_check,
    .copy = sqlite_copy,
};
