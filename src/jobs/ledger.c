#include "jobs/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "base/rnd.h"
#include "store/backup.h"

enum {
    PAGE = 1000,
    TAIL = 4 << 20,
    LINE = UUID_TEXT + CLOCK_TEXT,
    LEDGER_MAX = 1 << 30,
    SUBJECT_NAME = 8 + 2 * UUID_TEXT
};
static const int64_t day_us = 86400LL * 1000000, slack_us = 600LL * 1000000;

struct ledger {
    int fd;
    pthread_mutex_t lock; /* one after the other appends */
    bool torn;            /* a line was written in part */
    bool fresh;           /* made by this process, and nothing is in it yet */
    int64_t caught_up;    /* wall clock; 0: not yet */
};

static void header_of(const char *store_id, char ret[64])
{
    snprintf(ret, 64, "lazaret-erased 1 %.32s\n", store_id);
}

static int append(struct ledger *l, const char *p, size_t n)
{
    errno = ENOSPC;                                               /* what an injected fault looks like */
    ssize_t w = fault_hit(FAULT_WRITE) ? -1 : write(l->fd, p, n); /* O_APPEND: lines of several processes do not mix */
    l->torn |= w > 0 && w < (ssize_t)n;
    return w == (ssize_t)n && fdatasync(l->fd) == 0 ? 0 : -1;
}

/* A line that a crash cut off is ended, so that the next one begins at its own. */
static int mend(struct ledger *l, off_t size)
{
    char last;
    return pread(l->fd, &last, 1, size - 1) == 1 && (last == '\n' || append(l, "\n", 1) == 0) ? 0 : -1;
}

int ledger_open(const char *path, const char *store_id, struct ledger **ret, struct err *e)
{
    char want[64], have[64] = "";
    struct stat st;
    header_of(store_id, want);
    OWN_FD int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st))
        return err_sys(e, ERR_STORE, "open the ledger of erasures %s", path);
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, ERR_NO_MEMORY, "the ledger of erasures");
    l->fd = TAKE_FD(fd);
    pthread_mutex_init(&l->lock, NULL);
    l->fresh = st.st_size == 0;
    struct err folder;
    if (l->fresh ? append(l, want, strlen(want)) || backup_sync_folder_of(path, &folder) : mend(l, st.st_size)) {
        err_sys(e, ERR_STORE, "write the ledger of erasures %s", path);
        ledger_close(l);
        return -1;
    }
    if (pread(l->fd, have, strlen(want), 0) != (ssize_t)strlen(want) || strcmp(have, want) != 0) {
        ledger_close(l);
        return err_set(e, ERR_CONFIG,
                       "%s is not the ledger of erasures of this store: move it away, or bring the right one", path);
    }
    *ret = l;
    return 0;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    close(l->fd);
    free(l);
}

static int note(struct ledger *l, const char *text, size_t len, struct err *e)
{
    pthread_mutex_lock(&l->lock);
    int rc = l->torn ? append(l, "\n", 1) : 0;
    l->torn &= rc != 0;
    rc = rc ? rc : append(l, text, len);
    pthread_mutex_unlock(&l->lock);
    return rc ? err_sys(e, ERR_STORE, "erased, but the ledger of erasures was not written; erase again") : 0;
}

int ledger_note(struct ledger *l, const uint8_t *const *id, size_t n, int64_t at, struct err *e)
{
    OWN_MEM char *text = malloc(n * LINE + 1);
    char uuid[UUID_TEXT], when[CLOCK_TEXT];
    size_t len = 0;
    if (!text)
        return err_set(e, ERR_NO_MEMORY, "the ledger of erasures");
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, LINE, "%s %s\n", uuid_text(id[i], uuid), clock_text(at, when));
    return note(l, text, len, e);
}

static const char *subject_name(const uint8_t scope[16], const uint8_t subject[16], char ret[SUBJECT_NAME])
{
    char in[UUID_TEXT], id[UUID_TEXT];
    snprintf(ret, SUBJECT_NAME, "subject %s %s", uuid_text(scope, in), uuid_text(subject, id));
    return ret;
}

int ledger_note_subject(struct ledger *l, const uint8_t scope[16], const uint8_t subject[16], int64_t at, struct err *e)
{
    char name[SUBJECT_NAME], when[CLOCK_TEXT], line[SUBJECT_NAME + CLOCK_TEXT + 1];
    int len = snprintf(line, sizeof line, "%s %s\n", subject_name(scope, subject, name), clock_text(at, when));
    return note(l, line, (size_t)len, e);
}

/* --- what others erased, or a process that was killed --- */

/* What the store says, page by page, and what the end of the file says already. */
struct missed {
    struct ledger *l;
    struct db *db;
    const char *tail;
    size_t n;
    int64_t from;
};

static bool is_named(const struct missed *x, const char *name)
{
    return memmem(x->tail, x->n, name, strlen(name));
}

static int note_jobs(const struct missed *x, const struct rows *r, struct err *e)
{
    char uuid[UUID_TEXT];
    for (int i = 0; i < r->n; i++) {
        const uint8_t *id = (const uint8_t *)row_at(r, i, 1)->s.p;
        if (row_at(r, i, 1)->s.n == 16 && !is_named(x, uuid_text(id, uuid)) &&
            ledger_note(x->l, &id, 1, row_at(r, i, 0)->i, e))
            return -1;
    }
    return 0;
}

static int note_subjects(const struct missed *x, const struct rows *r, struct err *e)
{
    char name[SUBJECT_NAME];
    for (int i = 0; i < r->n; i++) {
        const struct val *v = row_at(r, i, 0);
        const uint8_t *subject = (const uint8_t *)v[1].s.p, *scope = (const uint8_t *)v[2].s.p;
        if (v[1].s.n == 16 && v[2].s.n == 16 && !is_named(x, subject_name(scope, subject, name)) &&
            ledger_note_subject(x->l, scope, subject, v[0].i, e))
            return -1;
    }
    return 0;
}

/* `select`: when and which, in this order, after $1 and $2. */
static int add_missed(const struct missed *x, const char *select,
                      int (*note_page)(const struct missed *, const struct rows *, struct err *), struct err *e)
{
    int64_t from = x->from;
    uint8_t after[16] = {0};
    for (int got = PAGE; got == PAGE;) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct rows r;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "the ledger of erasures");
        got = db_rows(x->db, a, &r, e, select, V_INT(from), V_ID(after), V_INT(PAGE));
        if (got < 0 || note_page(x, &r, e))
            return -1;
        if (got) {
            from = row_at(&r, got - 1, 0)->i;
            memcpy(after, row_at(&r, got - 1, 1)->s.p, 16);
        }
    }
    return 0;
}

/* The end of the file; the store's newest erasures are named there, if they are named. */
static size_t read_tail(struct ledger *l, char *tail)
{
    struct stat st;
    ssize_t n = fstat(l->fd, &st) ? 0 : pread(l->fd, tail, TAIL, st.st_size > TAIL ? st.st_size - TAIL : 0);
    return n > 0 ? (size_t)n : 0;
}

int ledger_catch_up(struct ledger *l, struct db *db, struct err *e)
{
    OWN_MEM char *tail = malloc(TAIL);
    int64_t now = clock_now_us(), from = l->caught_up ? l->caught_up - slack_us : l->fresh ? 0 : now - day_us;
    if (!tail)
        return err_set(e, ERR_NO_MEMORY, "the ledger of erasures");
    struct missed x = {l, db, tail, read_tail(l, tail), from};
    if (add_missed(&x,
                   "SELECT erased_at, id FROM job WHERE erased_at IS NOT NULL AND (erased_at > $1 OR (erased_at = $1 "
                   "AND id > $2)) ORDER BY erased_at, id LIMIT $3",
                   note_jobs, e) ||
        add_missed(&x,
                   "SELECT destroyed_at, subject, scope FROM subject_key WHERE destroyed_at IS NOT NULL AND "
                   "(destroyed_at > $1 OR (destroyed_at = $1 AND subject > $2)) GROUP BY destroyed_at, subject, scope "
                   "ORDER BY destroyed_at, subject LIMIT $3",
                   note_subjects, e))
        return -1;
    l->caught_up = now;
    return 0;
}

/* --- reading one --- */

static int by_id(const void *x, const void *y)
{
    return memcmp(x, y, 16);
}

static int by_subject(const void *x, const void *y)
{
    return memcmp(x, y, 32);
}

/* What is neither is a line that a crash cut off. */
static void take_lines(struct slice text, uint8_t (*id)[16], uint8_t (*subject)[32], struct erased *ret)
{
    while (text.n) {
        struct slice line = slice_cut(&text, '\n'), name = slice_cut(&line, ' ');
        if (!slice_is(name, "subject")) {
            ret->n += uuid_parse(name, id[ret->n]);
            continue;
        }
        uint8_t *to = subject[ret->subjects];
        name = slice_cut(&line, ' ');
        ret->subjects += uuid_parse(name, to) && uuid_parse(slice_cut(&line, ' '), to + 16);
    }
    qsort(id, ret->n, 16, by_id);
    qsort(subject, ret->subjects, 32, by_subject);
}

int ledger_read(const char *path, const char *store_id, struct arena *a, struct erased *ret, struct err *e)
{
    char want[64];
    struct stat st;
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st))
        return err_sys(e, ERR_CONFIG, "read the ledger of erasures %s", path);
    /* a line of either kind is longer than a UUID, the empty ones a crash left are none: so many are enough */
    size_t size = (size_t)st.st_size, lines = size / UUID_TEXT + 1;
    char *text = size <= LEDGER_MAX ? arena_take(a, size + 1) : NULL;
    uint8_t(*id)[16] = text ? arena_take(a, lines * 16) : NULL, (*subject)[32] = id ? arena_take(a, lines * 32) : NULL;
    if (!subject)
        return err_set(e, ERR_NO_MEMORY, "read the ledger of erasures %s", path);
    if (read(fd, text, size) != (ssize_t)size)
        return err_sys(e, ERR_CONFIG, "read the ledger of erasures %s", path);
    header_of(store_id, want);
    if (strncmp(text, want, strlen(want)) != 0)
        return err_set(e, ERR_CONFIG, "%s is not the ledger of erasures of this store (%s)", path, store_id);
    struct erased x = {.id = (const uint8_t(*)[16])id, .subject = (const uint8_t(*)[32])subject};
    take_lines((struct slice){text + strlen(want), size - strlen(want)}, id, subject, &x);
    *ret = x;
    return 1;
}

int ledger_whose(const char *path, struct arena *a, const char **ret_store_id, struct err *e)
{
    char head[64] = "", want[64];
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head - 1);
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "read the ledger of erasures %s", path);
    head[n] = 0;
    const char *space = strrchr(head, ' ');
    struct slice id = slice_of(space ? space + 1 : "");
    char *found = arena_str(a, slice_cut(&id, '\n'));
    if (!found)
        return err_set(e, ERR_NO_MEMORY, "read the ledger of erasures");
    header_of(found, want);
    if (strncmp(head, want, strlen(want)) != 0)
        return err_set(e, ERR_CONFIG, "%s is no ledger of erasures", path);
    *ret_store_id = found;
    return 1;
}

bool erased_has(const struct erased *x, const uint8_t id[16])
{
    return x->n && bsearch(id, x->id, x->n, 16, by_id);
}

bool erased_has_subject(const struct erased *x, const uint8_t scope_and_subject[32])
{
    return x->subjects && bsearch(scope_and_subject, x->subject, x->subjects, 32, by_subject);
}
