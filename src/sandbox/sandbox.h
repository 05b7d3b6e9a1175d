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
    int in; /* read as the program takes it, after `input`, until it ends; only when something is there. -1: none */
    void (*out)(void *ctx, struct slice piece); /* what the program just wrote, within output_kib; may block */
    void *ctx;
};

/* What a program has said so far, to who knows its contract. */
enum sandbox_so_far {
    SANDBOX_MORE, /* its answer is not whole yet */
    SANDBOX_KEEP, /* that is its answer, and a good one: it may serve again */
    SANDBOX_DROP  /* nothing good will come of it any more */
};

/* A program that may serve one run after the other, all of one owner: never of two. It is not told that its input has
 * ended; the run ends when `judge` says so. Whatever goes wrong in a run, the program goes with it. What it keeps in
 * memory or below /tmp the owner's next run can find. */
struct sandbox_serves {
    uint8_t owner[16];
    enum sandbox_so_far (*judge)(void *ctx, struct slice output); /* all of the run's; by the thread that waits */
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
    bool files; /* the program finds its input in the file that LAZARET_INPUT names and leaves its output in that of
                 * LAZARET_OUTPUT, both below /tmp; what it writes to stdout counts as stderr. Then no ahead_ms. */
    const struct sandbox_live *live; /* NULL: `input` is all, and the output is had at the end */
    struct sandbox_limits max;
    /* The program may have been started before its input is there (sandbox_keep_ready), and may have used so much
     * processor time for that. 0: always afresh. */
    uint32_t ahead_ms;
    /* NULL: the program is of this run alone. It is, too, without ahead_ms, without sandbox_keep_ready, and where
     * sandbox_config.reuse does not allow else. Of a program that serves again cpu_ms is not watched, only wall_ms; it
     * takes no run more once sandbox_ahead.life_ms have passed since its first. */
    const struct sandbox_serves *serves;
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
    uint32_t wall_ms, cpu_ms, max_rss_kib; /* the latter two 0 of a program that was kept */
};

/* The jail process with its spawners; one per program. */
struct sandbox;

struct sandbox_config {
    const char *jail;   /* path of lazaret-jail */
    const char *images; /* folder of runtime images */
    const char *models; /* folder of models by digest */
    int spawners;       /* runs at a time; each is a process */
    int ready;          /* programs that may wait for their input at a time; each has a spawner, too */
    bool reuse;    /* programs may serve more than one run (sandbox_spec.serves) */
    const char *minimum; /* protections (sandbox_minimum) without which nothing is run; NULL or "": what the jail itself
                          * insists on */
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

enum { SANDBOX_LIFE_MS = 450 * 1000 };
struct sandbox_ahead {
    uint32_t memory_mib; /* the sum of what those that wait may use */
    uint32_t idle_ms;    /* of what nobody has asked for in so long none waits */
    uint32_t life_ms;    /* what has waited, or served, for so long is replaced by another: 1 to SANDBOX_LIFE_MS */
};
/* From now on, programs whose runs allow it (ahead_ms) are started ahead: of each as many as were asked for within the
 * last second, at least one. A run takes one that is ready, else a fresh one; each serves one run and is gone, unless
 * it may serve again: then it waits among the others. Starts a thread, once; without sandbox_config.ready it does
 * nothing. sandbox_close ends it. */
int sandbox_keep_ready(struct sandbox *s, const struct sandbox_ahead *how, struct err *e);

/* What protects a run on this machine, one sentence each, for `lazaret doctor`: prints into `out` as JSON array of
 * {"what","holds","sentence"}; the memory's and the user's line tell hard from soft. Asks a running spawner: what it
 * says is true of the very processes that models run in. */
int sandbox_describe(struct sandbox *s, struct arena *a, struct slice *ret_json, struct err *e);

/* `minimum` names protections by the "what" of sandbox_describe, between spaces or commas. 0: each holds by `json`, or
 * is at least known when that is {NULL,0}; -1: ERR_CONFIG for an unknown name, ERR_SANDBOX and the sentence that says
 * what to change for one that does not hold. */
int sandbox_minimum(const char *minimum, struct slice json, struct arena *a, struct err *e);

#endif
