#include "shim.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fault.h"
#include "vfs_pass.h"

const char *const shim_name[SHIM_KINDS] = {"arena",      "begin or commit", "write: EIO",       "write: ENOSPC", "write: short",
                                           "fsync: EIO", "truncate: EIO",   "SQLite's memory", "calloc"};

static atomic_long seen[SHIM_KINDS], at[SHIM_KINDS];
static atomic_bool stays[SHIM_KINDS];

static bool hit(enum shim kind)
{
    long k = atomic_fetch_add(&seen[kind], 1) + 1, n = at[kind];
    return n && (k == n || (k > n && stays[kind]));
}

void shim_arm(enum shim kind, long n, bool sticky)
{
    if (kind == SHIM_ARENA || kind == SHIM_COMMIT) {
        fault_arm(kind == SHIM_ARENA ? FAULT_ALLOC : FAULT_WRITE, n, sticky);
        return;
    }
    at[kind] = 0;
    seen[kind] = 0;
    stays[kind] = sticky;
    at[kind] = n;
}

void shim_disarm(void)
{
    fault_arm(FAULT_ALLOC, 0, 0);
    fault_arm(FAULT_WRITE, 0, 0);
    for (int i = 0; i < SHIM_KINDS; i++)
        at[i] = 0;
}

long shim_count(enum shim kind)
{
    return kind == SHIM_ARENA ? fault_count(FAULT_ALLOC) : kind == SHIM_COMMIT ? fault_count(FAULT_WRITE) : seen[kind];
}

/* --- calloc --- */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) { return hit(SHIM_CALLOC) ? NULL : __real_calloc(n, size); }

/* --- SQLite's memory --- */

static sqlite3_mem_methods real_mem;

static void *mem_malloc(int n) { return hit(SHIM_SQLITE_ALLOC) ? NULL : real_mem.xMalloc(n); }
static void *mem_realloc(void *p, int n) { return hit(SHIM_SQLITE_ALLOC) ? NULL : real_mem.xRealloc(p, n); }

/* --- SQLite's files --- */

static sqlite3_vfs *real_vfs;

static int file_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
    if (hit(SHIM_WRITE_IOERR))
        return SQLITE_IOERR_WRITE;
    if (hit(SHIM_WRITE_FULL))
        return SQLITE_FULL;
    if (hit(SHIM_WRITE_SHORT)) {
        if (n > 1)
            REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, off);
        return SQLITE_FULL;
    }
    return REAL(f)->pMethods->xWrite(REAL(f), p, n, off);
}

static int file_xSync(sqlite3_file *f, int flags)
{
    return hit(SHIM_SYNC) ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int file_xTruncate(sqlite3_file *f, sqlite3_int64 size)
{
    return hit(SHIM_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    (void)v;
    return pass_open(real_vfs, name, f, flags, ret_flags);
}

void shim_install(void)
{
    static sqlite3_vfs vfs;
    sqlite3_mem_methods mem;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_mem);
    mem = real_mem;
    mem.xMalloc = mem_malloc;
    mem.xRealloc = mem_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &mem);
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs; /* what is not about one file stays as it is; it gets a pointer to a vfs of the same make */
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.zName = "fault";
    vfs.xOpen = vfs_open;
    sqlite3_vfs_register(&vfs, 1);
}

const char *shim_real_vfs(void) { return real_vfs->zName; }
