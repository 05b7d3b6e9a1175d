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

struct sandbox {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int control, spawners;
    int users; /* threads inside a call */
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

#endif
