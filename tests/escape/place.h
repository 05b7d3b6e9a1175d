/* place.h -- where the sandbox's tests happen: a folder of their own below /tmp with images, models and the jail's
 * program, as root or as an ordinary user; and looking at what is left behind. */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "sandbox/sandbox.h"

#define PLACE_DIGEST "00000000000000000000000000000000000000000000000000000000000000aa"

enum { PLACE_USER = 64321 };

struct place {
    char dir[64], jail[96], images[96], models[96], model[192] /* its folder */, scratch[96] /* 0777 */;
    char name[16], program[32]; /* what a run's process is called, by no other test; its path inside */
    bool as_root, suid; /* suid: the model's folder has a file `suid` that makes whoever runs it uid 64322 */
    char mounts[65536]; /* mountinfo at the start */
    int descriptors;
};

/* Arguments: [--user] JAIL PROGRAM [IMAGES]. Copies what it needs; with --user and as root everything is given to
 * PLACE_USER, who this process then becomes. Exits with a message when that fails. */
void place_make(struct place *p, int argc, char **argv);
/* Removes the folder; the number of things left behind, each said on stderr: mounts, descriptors, children, processes
 * that run a file of the place. */
int place_end(struct place *p);
int place_open(const struct place *p, int spawners, struct sandbox **ret, struct err *e);
/* The same with `ready` more, for programs that are started ahead. */
int place_open_ready(const struct place *p, int spawners, int ready, struct sandbox **ret, struct err *e);
/* And they may serve again. */
int place_open_serving(const struct place *p, int spawners, int ready, struct sandbox **ret, struct err *e);

/* A run of the model's program with plain arguments, ended by NULL. */
struct sandbox_spec place_spec(const struct place *p, struct slice argv[16], ...) __attribute__((sentinel));

/* Processes: children of `parent` named `comm` (NULL: any) into pids[max]; the number. */
int place_children(pid_t parent, const char *comm, pid_t *pids, int max);
/* The number of processes named `comm`, the last one's pid in *ret. */
int place_named(const char *comm, pid_t *ret);
/* Control groups of a jail's main process, anywhere. */
int place_groups(pid_t jail);

#endif
