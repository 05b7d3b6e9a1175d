/* sandbox_int.h -- the pool of spawners, shared by sandbox.c (open, close, take, give back) and run.c (one run). */
#ifndef SANDBOX_SANDBOX_INT_H
#define SANDBOX_SANDBOX_INT_H

#include <pthread.h>

#include "sandbox/protocol.h"
#include "sandbox/sandbox.h"

struct slot {
    int fd;    /* our end of a spawner's socket; -1: it died and its successor has not said READY yet */
    int fresh; /* the successor's, when it came while a run still held the old one; else -1 */
    bool busy;
};

/* A program that waits for its input in a slot of its own. */
struct ready {
    int slot, fd;
    int pipe[3];      /* our ends of its stdin, stdout and stderr */
    int64_t since_us; /* when it was started; of one that serves, when it had its first input */
    struct jail_request request;
    bool serves, busy; /* it has an owner, and may serve again; busy: it serves just now */
    int64_t served_us; /* when it last had; 0: nobody yet */
    uint8_t owner[16];
};

/* ready.c: who asked for what lately, and what waits. */
struct ready_pool;

struct sandbox {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct ready_pool *pool; /* NULL: nothing is started ahead */
    int control, spawners;   /* of runs and of those that wait */
    int users;               /* threads inside a call */
    bool closing, reviving;
    bool gone; /* the jail closed its end of the control socket */
    pid_t jail;
    uid_t user;                   /* that opened it */
    int64_t revived_at;           /* monotonic: the last try */
    struct sandbox_config config; /* its strings are ours */
    struct slot slot[JAIL_SPAWNERS_MAX];
};

/* Around every call but open and close: close waits for the last leave. */
int sandbox_enter(struct sandbox *s, struct err *e);
void sandbox_leave(struct sandbox *s);
/* The index of a slot that is the caller's until slot_give, or -1. Waits; `cancel_fd` ends the waiting: -2. */
int slot_take(struct sandbox *s, int cancel_fd, struct err *e);
/* `broken`: its spawner is gone or not to be trusted any more; the jail makes another. */
void slot_give(struct sandbox *s, int i, bool broken);
/* The socket of a slot one has taken. */
int slot_fd(struct sandbox *s, int i);
const char *sandbox_why(uint32_t why);

/* Starts the program of `q` and leaves it waiting (run.c). *ret is the caller's, for ready_drop or a run. */
int ready_start(struct sandbox *s, const struct jail_request *q, struct ready *ret, struct err *e);
/* Is it still there to be given input? */
bool ready_alive(const struct ready *r);
/* Kills it and waits until it is gone. */
void ready_drop(struct sandbox *s, struct ready *r);

/* One that waits for a run of `q`, or none. Either way the wish is noted, and another is started. `owner` NULL: it is
 * the caller's. Else it is one that served that owner before, or nobody; it becomes the owner's, and keeps its place
 * until ready_back. */
bool ready_take(struct sandbox *s, const struct jail_request *q, const uint8_t owner[16], uint32_t wall_ms,
                struct ready *ret);
/* One that serves has done so; `keep`: it may again, and is given back. Else it is gone already. */
void ready_back(struct sandbox *s, struct ready *r, bool keep);
/* All that wait are dropped, but for those that serve just now; nothing is started until the jail is there again. */
void ready_empty(struct sandbox *s);
/* Ends its thread, and what waits. After sandbox.closing was set. */
void ready_stop(struct sandbox *s);
/* After that, when nobody is inside any more. */
void ready_close(struct sandbox *s);

#endif
