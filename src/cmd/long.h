/* long.h -- work on the whole store that takes its time: one at a time, and how far it is, on a terminal.
 *
 * Whoever has the store open does the work and counts (app->progress); the process at the terminal reads that, or asks
 * the server for it ten times a second. */
#ifndef CMD_LONG_H
#define CMD_LONG_H

#include <pthread.h>

#include "cmd/app.h"
#include "cmd/cmd.h"

/* Runs the work `name` (admin.def), by the server or here, and shows its progress. */
int long_work(struct call *c, const char *name, struct slice args, struct slice *ret, struct err *e);

/* Around the work itself. ERR_BUSY: other such work is being done. */
int begin_work(struct app *app, struct err *e);
void end_work(struct app *app);

/* A number of an answer; 0 when it is not there. */
int64_t number_in(const struct json *j, const char *name);

/* The display alone, for work that is not an admin's. */
struct display {
    const struct progress *local; /* NULL: a server is asked */
    struct call call;
    struct admin_session session;
    pthread_t thread;
    bool shown;
    atomic_bool end;
};
void display_begin(struct display *d, struct call *c, const struct progress *local);
void display_end(struct display *d);

#endif
