/* shim.h -- faults where the program cannot put its own hooks: in SQLite's files and memory, and in calloc.
 *
 * shim_install() goes before the first store is opened. From then on SQLite's default file layer is a wrapper of the real
 * one, and its allocator a wrapper of the real one; the n-th call of the armed kind fails as a disk or a kernel would let it
 * fail. The two kinds of base/fault.h are armed the same way, so that a test is a row whatever it breaks.
 * calloc() is wrapped by the linker, in this test program only. */
#ifndef FAULT_SHIM_H
#define FAULT_SHIM_H

#include <stdbool.h>

enum shim {
    SHIM_ARENA,       /* arena_new, arena_take: no memory */
    SHIM_COMMIT,      /* BEGIN or COMMIT fails */
    SHIM_WRITE_IOERR, /* nothing is written, EIO */
    SHIM_WRITE_FULL,  /* nothing is written, ENOSPC */
    SHIM_WRITE_SHORT, /* the first half is written, then the disk is full */
    SHIM_SYNC,        /* fsync fails */
    SHIM_TRUNCATE,
    SHIM_SQLITE_ALLOC,
    SHIM_CALLOC,
    SHIM_KINDS
};

extern const char *const shim_name[SHIM_KINDS];

void shim_install(void);
/* The real file layer's name, for a connection that no fault reaches. */
const char *shim_real_vfs(void);

/* The n-th call from now on fails (0: none); `sticky`: and every one after it, as on a disk that stays full. */
void shim_arm(enum shim kind, long n, bool sticky);
/* Nothing fails any more. */
void shim_disarm(void);
/* Calls of this kind since it was armed. */
long shim_count(enum shim kind);

#endif
