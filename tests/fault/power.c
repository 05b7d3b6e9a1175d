#include "power.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vfs_pass.h"

enum { SECTOR = 512, WAITING = 4 };

/* A change since the last sync: a write, or with p NULL the size it was cut to. */
struct change {
    uint8_t *p;
    size_t at, n;
};

struct image {
    char path[128];
    bool followed, there, named; /* named: its name in the folder is durable */
    uint8_t *durable;
    size_t durable_n, size;
    struct change *change;
    size_t changes, room;
};

static sqlite3_vfs *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct image image[POWER_FILES];
static char followed[112];
static bool lies;
static unsigned every, sync_fails;
static uint64_t state;
static long acknowledged;
static struct power_picture waiting[WAITING];
static int waiting_n;

static uint64_t rnd(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static uint8_t *copy_of(const void *p, size_t n) { return memcpy(must(malloc(n ? n : 1)), n ? p : "", n); }

/* --- what is known of a file --- */

static void forget_changes(struct image *x)
{
    for (size_t i = 0; i < x->changes; i++)
        free(x->change[i].p);
    x->changes = 0;
}

static struct image *find(const char *path)
{
    size_t n = strlen(followed);
    if (!path || !n || strncmp(path, followed, n) != 0)
        return NULL;
    for (int i = 0; i < POWER_FILES; i++) {
        if (image[i].followed && strcmp(image[i].path, path) == 0)
            return &image[i];
        if (!image[i].followed) {
            image[i].followed = true;
            snprintf(image[i].path, sizeof image[i].path, "%s", path);
            return &image[i];
        }
    }
    abort();
}

static void note(struct image *x, const void *p, size_t n, size_t at)
{
    if (x->changes == x->room) {
        x->room = x->room ? x->room * 2 : 64;
        x->change = must(realloc(x->change, x->room * sizeof *x->change));
    }
    x->change[x->changes++] = (struct change){p ? copy_of(p, n) : NULL, at, n};
    x->size = p ? (at + n > x->size ? at + n : x->size) : at;
}

static void resize(uint8_t **p, size_t *n, size_t to)
{
    *p = must(realloc(*p, to ? to : 1));
    if (to > *n)
        memset(*p + *n, 0, to - *n);
    *n = to;
}

/* A sync of a file; of one that was just made SQLite syncs the folder, too, unless it is the database itself. */
static void settle(struct image *x)
{
    for (size_t i = 0; i < x->changes; i++) {
        const struct change *c = &x->change[i];
        if (!c->p || c->at + c->n > x->durable_n)
            resize(&x->durable, &x->durable_n, c->p ? c->at + c->n : c->at);
        if (c->p)
            memcpy(x->durable + c->at, c->p, c->n);
    }
    forget_changes(x);
    if (!x->named && strcmp(x->path, followed) != 0)
        for (int i = 0; i < POWER_FILES; i++)
            image[i].named = image[i].there;
}

/* --- the picture of a failure --- */

/* How much of what was not synced arrives, of 16: from nothing to all. */
static bool arrives(unsigned most) { return rnd() % 16 < most; }

static uint8_t *paint(const struct image *x, size_t *ret)
{
    static const unsigned share[] = {0, 1, 4, 8, 12, 15, 16};
    unsigned most = share[rnd() % (sizeof share / sizeof *share)];
    bool noise = rnd() % 2;
    size_t n = x->durable_n, all = n;
    for (size_t i = 0; i < x->changes; i++) {
        size_t end = x->change[i].at + x->change[i].n;
        all = end > all ? end : all;
    }
    uint8_t *p = must(malloc(all ? all : 1));
    memcpy(p, x->durable_n ? x->durable : p, x->durable_n);
    for (size_t i = x->durable_n; i < all; i++)
        p[i] = noise ? (uint8_t)(rnd() >> 20) : 0;
    for (size_t i = 0; i < x->changes; i++) {
        const struct change *c = &x->change[i];
        if (!c->p || c->at + c->n > n)
            n = arrives(most) ? (c->p ? c->at + c->n : c->at) : n;
        for (size_t at = c->at; c->p && at < c->at + c->n;) {
            size_t end = (at / SECTOR + 1) * SECTOR;
            end = end > c->at + c->n ? c->at + c->n : end;
            if (arrives(most))
                memcpy(p + at, c->p + (at - c->at), end - at);
            at = end;
        }
    }
    *ret = n;
    return p;
}

static void lose(struct image *x)
{
    size_t n;
    uint8_t *p = paint(x, &n);
    forget_changes(x);
    free(x->durable);
    x->durable = p;
    x->durable_n = n;
    resize(&x->durable, &x->durable_n, x->size); /* what is known of a file's size is not lost with its content */
}

static void add_to(struct power_picture *ret, const struct image *x)
{
    int at = ret->files++;
    snprintf(ret->file[at].tail, sizeof ret->file[at].tail, "%s", x->path + strlen(followed));
    ret->file[at].p = paint(x, &ret->file[at].n);
}

static void take(struct power_picture *ret)
{
    *ret = (struct power_picture){.seed = state, .acknowledged = acknowledged};
    bool names = rnd() % 2; /* the unsynced ones arrive, up to one that does not */
    for (int i = 0; i < POWER_FILES; i++) {
        names &= image[i].named || rnd() % 2;
        if (image[i].there && (image[i].named || names))
            add_to(ret, &image[i]);
    }
}

/* With the lock held, behind every change. */
static void maybe_fail(void)
{
    if (!every || rnd() % every)
        return;
    while (every && waiting_n == WAITING)
        pthread_cond_wait(&moved, &lock);
    if (!every)
        return;
    take(&waiting[waiting_n++]);
    pthread_cond_broadcast(&moved);
}

/* --- the layer --- */

static int file_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
    struct image *x = ((struct file *)f)->own;
    int rc = REAL(f)->pMethods->xWrite(REAL(f), p, n, off);
    if (x && rc == SQLITE_OK) {
        pthread_mutex_lock(&lock);
        note(x, p, (size_t)n, (size_t)off);
        maybe_fail();
        pthread_mutex_unlock(&lock);
    }
    return rc;
}

static int file_xTruncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct image *x = ((struct file *)f)->own;
    int rc = REAL(f)->pMethods->xTruncate(REAL(f), size);
    if (x && rc == SQLITE_OK) {
        pthread_mutex_lock(&lock);
        note(x, NULL, 0, (size_t)size);
        maybe_fail();
        pthread_mutex_unlock(&lock);
    }
    return rc;
}

/* The real disk is not asked: nothing here depends on it. */
static int file_xSync(sqlite3_file *f, int flags)
{
    struct image *x = ((struct file *)f)->own;
    if (!x)
        return REAL(f)->pMethods->xSync(REAL(f), flags);
    pthread_mutex_lock(&lock);
    maybe_fail();
    bool fails = sync_fails && rnd() % sync_fails == 0;
    if (fails)
        lose(x);
    else if (!lies)
        settle(x);
    maybe_fail();
    pthread_mutex_unlock(&lock);
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    (void)v;
    int rc = pass_open(below, name, f, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    pthread_mutex_lock(&lock);
    struct image *x = find(name);
    ((struct file *)f)->own = x;
    if (x && !x->there) {
        x->there = true;
        x->named = false;
        x->durable_n = x->size = 0;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    int rc = below->xDelete(below, name, sync);
    pthread_mutex_lock(&lock);
    struct image *x = find(name);
    if (x && rc == SQLITE_OK) { /* a journal comes back only until the folder is synced, which follows at once */
        maybe_fail();
        forget_changes(x);
        x->there = false;
        maybe_fail();
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void power_install(void)
{
    static sqlite3_vfs vfs;
    below = sqlite3_vfs_find(NULL);
    vfs = *below;
    vfs.szOsFile = (int)sizeof(struct file) + below->szOsFile;
    vfs.zName = "power";
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&vfs, 1);
}

/* --- for the test --- */

void power_follow(const char *path)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < POWER_FILES; i++) {
        forget_changes(&image[i]);
        free(image[i].durable);
        free(image[i].change);
        image[i] = (struct image){0};
    }
    snprintf(followed, sizeof followed, "%s", path);
    acknowledged = 0;
    pthread_mutex_unlock(&lock);
}

void power_settle(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < POWER_FILES; i++) {
        settle(&image[i]);
        image[i].named = image[i].there;
    }
    pthread_mutex_unlock(&lock);
}

void power_lie(bool on) { lies = on; }
void power_sync_fails(unsigned nth) { sync_fails = nth; }

void power_fail_every(unsigned stride, uint64_t seed)
{
    pthread_mutex_lock(&lock);
    every = stride;
    if (stride)
        state = seed;
    for (; !stride && waiting_n; waiting_n--)
        power_free(&waiting[waiting_n - 1]);
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

void power_acknowledge(long count)
{
    pthread_mutex_lock(&lock);
    acknowledged = count > acknowledged ? count : acknowledged;
    pthread_mutex_unlock(&lock);
}

void power_seed(uint64_t seed) { state = seed; }

void power_now(struct power_picture *ret)
{
    pthread_mutex_lock(&lock);
    take(ret);
    pthread_mutex_unlock(&lock);
}

bool power_take(struct power_picture *ret, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&lock);
    while (!waiting_n)
        if (pthread_cond_timedwait(&moved, &lock, &until))
            break;
    bool got = waiting_n > 0;
    if (got) {
        *ret = waiting[0];
        memmove(waiting, waiting + 1, (size_t)--waiting_n * sizeof *waiting);
        pthread_cond_broadcast(&moved);
    }
    pthread_mutex_unlock(&lock);
    return got;
}

void power_free(struct power_picture *x)
{
    for (int i = 0; i < x->files; i++)
        free(x->file[i].p);
    x->files = 0;
}

static bool write_file(const char *path, const char *tail, const uint8_t *p, size_t n)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", path, tail);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, p, n) == (ssize_t)n;
    if (fd >= 0)
        close(fd);
    return done;
}

bool power_write(const struct power_picture *x, const char *path)
{
    static const uint8_t noise[SECTOR] = {0x77, 0x01};
    bool done = write_file(path, "-shm", noise, sizeof noise);
    for (int i = 0; i < x->files && done; i++)
        done = write_file(path, x->file[i].tail, x->file[i].p, x->file[i].n);
    return done;
}
