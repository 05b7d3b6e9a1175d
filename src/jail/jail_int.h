/* jail_int.h -- the parts of lazaret-jail, lowest first. Nothing here knows the rest of Lazaret but sandbox/protocol.h;
 * libc and libseccomp are all it links.
 *
 * Processes: the main process (main.c) starts spawners and restarts one that dies. A spawner (spawner.c) readies what a
 * run needs once - its own mount and empty network namespace, the system call filter, a control group - and then turns
 * each request into one child (child.c), which shuts itself in and becomes the program. All single-threaded.
 *
 * A function that can fail fills *f and returns -1. */
#ifndef JAIL_JAIL_INT_H
#define JAIL_JAIL_INT_H

#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/protocol.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct fail {
    uint32_t why, sys_errno;
};

static inline int fail_set(struct fail *f, enum jail_why why)
{
    *f = (struct fail){why, (uint32_t)errno};
    return -1;
}
const char *why_sentence(uint32_t why);
/* Why namespaces are refused on this machine, as precisely as can be found out. */
enum jail_why why_no_namespaces(void);

/* --- request.c --- */
/* A message of `n` bytes as it came from the socket: 0, or -1 when anything in it is not as protocol.h says. */
int request_check(const void *message, size_t n);
/* fds[0] is readable, [1] and [2] are writable ends of pipes, and not anything else one could have passed in. */
int request_check_fds(const int fds[3]);

/* --- filter.c --- */
/* Builds the allow-list into memory that is never freed. */
int filter_build(struct sock_fprog *ret, struct fail *f);
int filter_install(const struct sock_fprog *p);

/* --- cgroup.c --- */
enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

/* Where this process may make control groups: found once by the main process. */
struct cgroup_base {
    enum cgroup_mode mode;
    int memory_fd, pids_fd; /* folders; the same one under v2 */
    int owner;              /* pid in the names of the groups */
};
/* One spawner's group, used for one run after the other. */
struct cgroup {
    enum cgroup_mode mode;
    int into_fd;                            /* v2: for CLONE_INTO_CGROUP, else -1 */
    int limit_fd, swap_fd, pids_fd, oom_fd; /* swap_fd may be -1 */
    uint32_t memory_mib, pids;              /* as written last */
    uint64_t ooms;                          /* kills counted so far */
};
void cgroup_find(struct cgroup_base *b);        /* never fails: mode NONE when there is none to be had */
void cgroup_sweep(const struct cgroup_base *b); /* groups left behind by jails that are gone */
int cgroup_open(const struct cgroup_base *b, int slot, struct cgroup *ret,
                struct fail *f); /* v1: moves the caller in */
int cgroup_limit(struct cgroup *c, uint32_t memory_mib, uint32_t pids, struct fail *f);
bool cgroup_oom_happened(struct cgroup *c); /* since it was asked last */
void cgroup_remove(const struct cgroup_base *b, int slot);
const char *cgroup_mode_name(enum cgroup_mode m);

/* --- mounts.c --- */
/* In the spawner's fresh mount namespace: leaves nothing but /images, /models, /dev, /proc, /probe and /root. */
int mounts_base(const char *images, const char *models, struct fail *f);
/* A detached tree of the image with its /dev, and one of the model's folder. `image` NULL: an empty one, to try with.
 */
int mounts_image(const char *image, int *ret_fd, struct fail *f);
int mounts_model(const char *digest, int *ret_fd, struct fail *f);
/* In the child: makes them its root, with a /tmp of its own, and lets go of everything else. */
int mounts_enter(int image_fd, int model_fd, uint32_t tmp_mib, struct fail *f);

/* --- landlock.c --- */
int landlock_abi(void); /* 0: the kernel has none */
int landlock_enter(struct fail *f);

/* --- child.c --- */
struct child_plan {
    const struct jail_request *request;
    bool probe; /* only goes the way up to the filter, and ends */
    bool memory_is_hard;
    int fds[3], image_fd, model_fd;
    int spawner_fd, gate_fd; /* the two ends of the socket between spawner and child */
    const struct sock_fprog *filter;
};
enum { CHILD_ID = 1000 }; /* its user and group id, as it sees them */
/* Waits at the gate, shuts itself in, becomes the program. On failure sends a struct fail through the gate. */
_Noreturn void child_main(const struct child_plan *p);

/* --- spawner.c --- */
struct jail_config {
    const char *images, *models; /* absolute */
    int spawners;
    struct cgroup_base cgroups;
};
/* Serves requests until its socket ends. Says READY or FAILED on `control` first. */
_Noreturn void spawner_main(const struct jail_config *c, int slot, int control);
/* Sets up everything, runs the probe and describes what holds, as JSON. */
int spawner_check(const struct jail_config *c, char *text, size_t max, struct fail *f);

/* --- report.c --- */
struct report {
    bool as_root;
    enum cgroup_mode cgroups;
    int landlock;
    unsigned filter_length;
};
void report_write(const struct report *r, char *text, size_t max);
void report_failure(const struct fail *f, char *text, size_t max);

#endif
