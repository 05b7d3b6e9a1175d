/* vfs_pass.h -- a file of a SQLite file layer that lies over another: what is not of interest is passed through. The layer's
 * struct lies before the real file's; for one .c file each. */
#ifndef FAULT_VFS_PASS_H
#define FAULT_VFS_PASS_H

#include <sqlite3.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real;
    void *own; /* the layer's */
};

#define REAL(f) (((struct file *)(f))->real)
#define PASS(name, args, ...)                                                                                          \
    static int file_##name args { return REAL(f)->pMethods->name(REAL(f), ##__VA_ARGS__); }

PASS(xClose, (sqlite3_file *f))
PASS(xRead, (sqlite3_file *f, void *p, int n, sqlite3_int64 off), p, n, off)
PASS(xFileSize, (sqlite3_file *f, sqlite3_int64 *size), size)
PASS(xLock, (sqlite3_file *f, int how), how)
PASS(xUnlock, (sqlite3_file *f, int how), how)
PASS(xCheckReservedLock, (sqlite3_file *f, int *ret), ret)
PASS(xFileControl, (sqlite3_file *f, int op, void *arg), op, arg)
PASS(xSectorSize, (sqlite3_file *f))
PASS(xDeviceCharacteristics, (sqlite3_file *f))
PASS(xShmMap, (sqlite3_file *f, int page, int size, int extend, void volatile **ret), page, size, extend, ret)
PASS(xShmLock, (sqlite3_file *f, int off, int n, int flags), off, n, flags)
PASS(xShmUnmap, (sqlite3_file *f, int del), del)
PASS(xFetch, (sqlite3_file *f, sqlite3_int64 off, int n, void **ret), off, n, ret)
PASS(xUnfetch, (sqlite3_file *f, sqlite3_int64 off, void *p), off, p)

static void file_xShmBarrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }

/* The layer's own. */
static int file_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 off);
static int file_xSync(sqlite3_file *f, int flags);
static int file_xTruncate(sqlite3_file *f, sqlite3_int64 size);

static const sqlite3_io_methods methods = {
    3,           file_xClose,       file_xRead,        file_xWrite,      file_xTruncate,
    file_xSync,  file_xFileSize,    file_xLock,        file_xUnlock,     file_xCheckReservedLock,
    file_xFileControl, file_xSectorSize, file_xDeviceCharacteristics, file_xShmMap, file_xShmLock,
    file_xShmBarrier, file_xShmUnmap, file_xFetch,     file_xUnfetch};

/* A layer over `below`; its xOpen ends in pass_open. */
static int pass_open(sqlite3_vfs *below, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    struct file *x = (struct file *)f;
    x->real = (sqlite3_file *)(x + 1);
    x->own = NULL;
    int rc = below->xOpen(below, name, x->real, flags, ret_flags);
    x->base.pMethods = x->real->pMethods ? &methods : NULL; /* SQLite closes a file that has methods, opened or not */
    return rc;
}

#endif
