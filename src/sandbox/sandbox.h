/* sandbox.h -- run one untrusted program once: bytes in, bytes out, limits enforced.
 *
 * The program is a stranger's model. It sees a read-only root (a runtime image with the model's own files at /model),
 * an empty small /tmp, four harmless devices and its input; it has no network, no capabilities and nobody else's
 * processes, and it is gone when sandbox_run returns, whatever happened to it. This room knows nothing of patients,
 * jobs or FHIR.
 *
 * The work is done by lazaret-jail, a small separate program started before this process grows, asked over a socketpair
 * only "run model D on image I with limits L". It re-checks every limit against its own maxima. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/arena.h"
#include "base/err.h"

/* All at least 1; the jail's own maxima are in protocol.h. cpu_ms is rounded up to seconds and counts each process by
 * itself; memory_mib holds for the run as a whole where a control group can be had (sandbox_describe says so), else for
 * each process. */
struct sandbox_limits {
    uint32_t wall_ms, cpu_ms, memory_mib, pids, tmp_mib, output_kib;
};

enum sandbox_end {
    SANDBOX_EXITED,  /* exit_code says how */
    SANDBOX_CRASHED, /* signal says by what */
    SANDBOX_TIMEOUT, /* wall clock; the whole tree was killed */
    SANDBOX_OOM,
    SANDBOX_OUTPUT,  /* more than output_kib on stdout; killed */
    SANDBOX_REFUSED, /* the program could not be started: missing, not executable, wrong architecture */
    SANDBOX_CANCELLED
};

/* Bytes as they come, for somebody who looks on. Called and read by the thread that waits for the run. */
struct sandbox_live {
    int in; /* read as the program takes it, after `input`, until it ends; only when something is there */
    void (*out)(void *ctx, struct slice piece); /* what the program just wrote, within output_kib; may block */
    void *ctx;
};

struct sandbox_spec {
    struct slice image;       /* runtime image: a name of [a-z0-9-]+ below the jail's image folder */
    struct slice model;       /* 64 hexadecimal digits: a folder below the jail's model folder, seen as /model. It and
                               * its files must be readable by others; the folders above it need not be. */
    struct slice const *argv; /* argv[0] is absolute inside, e.g. /model/model */
    size_t argc;              /* at most 16 */
    struct slice model_key, model_version; /* its LAZARET_MODEL and LAZARET_VERSION */
    struct slice traceparent;              /* for the log line of the run; never shown to the program */
    struct slice input;
    const struct sandbox_live *live; /* NULL: `input` is all, and the output is had at the end */
    struct sandbox_limits max;
    /* The program may have been started before its input is there (sandbox_keep_ready), and may have used so much
     * processor time for that. 0: always afresh. */
    uint32_t ahead_ms;
    /* Called every tick_ms while it runs, by the thread that waits for it; false kills the tree. NULL: never. */
    bool (*tick)(void *ctx);
    void *tick_ctx;
    int tick_ms;
};

struct sandbox_out {
    enum sandbox_end how;
    int exit_code, signal;
    struct slice output; /* its stdout, at most output_kib */
    struct slice errors; /* the first 8 KiB of its stderr, of a refused program the reason: for the vendor, never for a
                          * client or a log */
    uint32_t wall_ms, cpu_ms, max_rss_kib;
};

/* The jail process with its spawners; one per program. */
struct sandbox;

struct sandbox_config {
    const char *jail;   /* path of lazaret-jail */
    const char *images; /* folder of runtime images */
    const char *models; /* folder of models by digest */
    int spawners;       /* runs at a time; each is a process */
    int ready;          /* programs that may wait for their input at a time; each has a spawner, too */
};

/* Starts the jail (fork and exec: call it before threads and before memory grows). Fails with ERR_SANDBOX, and a
 * sentence that says which setting to change, where the machine cannot isolate: there is no weaker fallback.
 * Makes the process ignore SIGPIPE. */
int sandbox_open(const struct sandbox_config *c, struct sandbox **ret, struct err *e);
/* Kills what still runs; runs in other threads answer ERR_SANDBOX, and are waited for. */
void sandbox_close(struct sandbox *s);

/* Is the jail there? When not, every run fails with ERR_SANDBOX: ask before taking on work. Does not block. */
bool sandbox_alive(struct sandbox *s);
/* Starts another jail in the place of one that is gone; 0: there is one. -1 (ERR_SANDBOX): it could not be started, was
 * tried less than a second ago, runs of the old one are still ending, or this process gave up the user it was opened
 * as: a jail started by another user could do less, and would say so only by failing. Blocks for at most some seconds;
 * meanwhile there is no jail. */
int sandbox_revive(struct sandbox *s, struct err *e);

/* 0: it ran and ended; ret->how says how, output is in `a`. -1 (ERR_SANDBOX): it could not be run at all, *ret is
 * untouched. Blocks for at most max.wall_ms + 2000, plus waiting for a free spawner. Safe from any thread.
 * `cancel_fd` (or -1): when it becomes readable, the tree is killed. */
int sandbox_run(struct sandbox *s, const struct sandbox_spec *spec, int cancel_fd, struct arena *a,
                struct sandbox_out *ret, struct err *e);

/* From now on, programs whose runs allow it (ahead_ms) are started ahead: of each as many as were asked for within the
 * last second, at least one, until nobody has asked for idle_ms. A run takes one that is ready, else a fresh one; each
 * serves one run and is gone. `memory_mib` limits the sum of what those that wait may use. Starts a thread, once;
 * without sandbox_config.ready it does nothing. sandbox_close ends it. */
int sandbox_keep_ready(struct sandbox *s, uint32_t memory_mib, uint32_t idle_ms, struct err *e);

/* What protects a run on this machine, one sentence each, for `lazaret doctor`: prints into `out` as JSON array of
 * {"what","holds","sentence"}; the memory's and the user's line tell hard from soft. Asks a running spawner: what it
 * says is true of the very processes that models run in. */
int sandbox_describe(struct sandbox *s, struct arena *a, struct slice *ret_json, struct err *e);

#endif
