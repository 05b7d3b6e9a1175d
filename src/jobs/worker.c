#include "jobs/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/rnd.h"
#include "jobs/progress.h"
#include "models/prove.h"
#include "models/wire.h"

enum {
    RUN_MEMORY = 128 << 20,
    LEASE_MS = 10000,
    BEAT_MS = LEASE_MS / 3,
    LOOK_MS = 40, /* for a cancellation that came through another process */
    IDLE_MS = 1000,
    TELL_EVERY = 60,    /* tries between two lines of the log */
    IDLE_SHARED_MS = 20 /* no bell rings for what another process accepted */
};

struct workers {
    struct jobs *jobs;
    struct registry *registry;
    struct sandbox *sandbox;
    atomic_bool stop;
    atomic_int told_gone; /* how often it was seen that the jail is gone */
    int n;
    pthread_t thread[];
};

/* What the end of the program means for the job: NULL when its output is worth judging. */
static const char *failure_of(const struct sandbox_out *out)
{
    switch (out->how) {
    case SANDBOX_CRASHED: return "CRASHED";
    case SANDBOX_TIMEOUT: return "TIMEOUT";
    case SANDBOX_OOM: return "OOM";
    case SANDBOX_OUTPUT: return "OUTPUT_TOO_LARGE";
    case SANDBOX_REFUSED: return "START_FAILED";
    case SANDBOX_CANCELLED:
    case SANDBOX_EXITED: break;
    }
    return NULL;
}

static const char *judge(const struct manifest *m, const struct sandbox_out *out, struct slice id, struct arena *a,
                         struct slice *ret, struct err *e)
{
    struct wire_answer answer;
    const char *failed = failure_of(out);
    if (failed)
        return failed;
    if (wire_judge(a, out->output, m->runtime.files, id, m->schema, (size_t)m->runtime.output_kib * 1024, &answer, e))
        return "PROTOCOL";
    switch (answer.end) {
    case WIRE_OUTPUT: *ret = answer.output; return NULL;
    case WIRE_MODEL_ERROR: return "MODEL_ERROR";
    case WIRE_OUTPUT_INVALID: return "OUTPUT_INVALID";
    case WIRE_TOO_LARGE: return "OUTPUT_TOO_LARGE";
    case WIRE_PROTOCOL: break;
    }
    return out->exit_code ? "CRASHED" : "PROTOCOL";
}

/* The line the model reads: made when the job was accepted, kept in its plan. */
static int line_of(const struct job_claim *c, struct arena *a, struct slice *ret_line, struct slice *ret_id,
                   struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json_parse(a, c->plan, &j, &f))
        return err_set(e, ERR_INTERNAL, "a plan that is no JSON");
    uint32_t request = json_get_kind(&j, 0, "request", JSON_OBJECT);
    if (!request)
        return err_set(e, ERR_INTERNAL, "a plan without a request");
    struct buf b = buf_in(a, WIRE_LINE);
    buf_slice(&b, json_span(&j, request));
    buf_byte(&b, '\n');
    *ret_line = buf_text(&b);
    *ret_id = json_get_text(&j, request, "id", a);
    return buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "the model's input") : 0;
}

/* The lease of a run, kept alive by the thread that watches that very run. */
struct beat {
    struct jobs *jobs;
    const struct job_claim *claim;
    int64_t next_us;
    struct progress_reader progress;
};

/* May the run go on? Not when it was cancelled, nor when its lease was lost; a store that does not answer decides
 * nothing: then the lease runs out by itself. */
static bool beat(void *ctx)
{
    struct beat *b = ctx;
    struct err e;
    progress_tell(&b->progress);
    if (clock_mono_us() < b->next_us)
        return !jobs_shared(b->jobs) || job_cancel_asked(b->jobs, b->claim, &e) != 1;
    b->next_us = clock_mono_us() + BEAT_MS * 1000LL;
    return job_heartbeat(b->jobs, b->claim, LEASE_MS * 1000LL, &e) != 0;
}

/* A program that may serve again has no end of output: its answer is whole when a line is, that reports no progress. */
struct answerer {
    const struct manifest *manifest;
    struct slice id;
    struct arena *arena;
};

static enum sandbox_so_far so_far(void *ctx, struct slice output)
{
    const struct answerer *w = ctx;
    struct wire_answer answer;
    struct err e;
    int percent;
    if (!output.n || output.p[output.n - 1] != '\n')
        return SANDBOX_MORE;
    const char *before = output.n > 1 ? memrchr(output.p, '\n', output.n - 1) : NULL;
    const char *line = before ? before + 1 : output.p;
    struct slice last = {line, (size_t)(output.p + output.n - 1 - line)};
    if (wire_progress(w->arena, last, w->id, &percent))
        return SANDBOX_MORE;
    if (wire_judge(w->arena, output, false, w->id, w->manifest->schema,
                   (size_t)w->manifest->runtime.output_kib * 1024, &answer, &e))
        return SANDBOX_DROP;
    return answer.end == WIRE_OUTPUT || answer.end == WIRE_MODEL_ERROR ? SANDBOX_KEEP : SANDBOX_DROP;
}

static int run_claim(struct jobs *j, struct registry *r, struct sandbox *s, struct job_claim *c, struct arena *a,
                     struct err *e)
{
    const struct model *m = registry_by_digest(r, c->model);
    struct slice line, id, result = {NULL, 0};
    struct sandbox_out out;
    struct beat watch = {j, c, clock_mono_us() + BEAT_MS * 1000LL, {.jobs = j, .claim = c, .told = -1}};
    const struct sandbox_live live = {.in = -1, .out = progress_read, .ctx = &watch.progress};
    if (!m)
        return job_finish(j, c, result, result, "MODEL_GONE", a, e);
    if (line_of(c, a, &line, &id, e))
        return -1;
    struct sandbox_spec spec = model_spec(m, line);
    struct answerer answerer = {&m->manifest, id, a};
    struct sandbox_serves serves = {.judge = so_far, .ctx = &answerer};
    memcpy(serves.owner, c->client, sizeof serves.owner);
    spec.serves = m->manifest.runtime.reuse ? &serves : NULL;
    watch.progress.id = id;
    spec.live = &live;
    spec.traceparent = slice_of(c->trace);
    spec.tick = beat;
    spec.tick_ctx = &watch;
    spec.tick_ms = jobs_shared(j) ? LOOK_MS : PROGRESS_MS;
    fault_crash(CRASH_sandbox_start);
    if (sandbox_run(s, &spec, c->cancel_fd, a, &out, e)) {
        log_err(LOG_ERROR, "the sandbox did not run a job", e);
        return job_retry(j, c, "SANDBOX", e);
    }
    fault_crash(CRASH_sandbox_output);
    if (out.how == SANDBOX_CANCELLED)
        return job_finish_cancelled(j, c, e);
    const char *failed = judge(&m->manifest, &out, id, a, &result, e);
    if (arena_failed(a)) /* ours, not the model's: its lease runs out and it is run again */
        return err_set(e, ERR_NO_MEMORY, "judging a model's answer");
    return job_finish(j, c, result, out.errors, failed, a, e);
}

int worker_step(struct jobs *j, struct registry *r, struct sandbox *s, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(RUN_MEMORY);
    struct job_claim c;
    char id[UUID_TEXT];
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "run a job");
    int got = job_claim(j, LEASE_MS * 1000LL, a, &c, e);
    if (got == 1)
        got = run_claim(j, r, s, &c, a, e);
    else if (got == 0)
        return job_claim_end(j, &c), 0;
    job_claim_end(j, &c);
    if (got < 0)
        return err_in(e, "job %s", uuid_text(c.id, id));
    if (got == 0)
        log_line(LOG_WARN, "a job's lease was lost; its result was dropped", "job", uuid_text(c.id, id), NULL);
    return 1;
}

/* Nothing is claimed for a jail that is gone: that would use up the tries of jobs that did nothing. */
static bool jail_is_there(struct workers *w)
{
    struct err e;
    if (sandbox_alive(w->sandbox))
        return true;
    if (!w->told_gone++)
        log_line(LOG_ERROR, "lazaret-jail ended: models do not run until it is there again", NULL);
    if (sandbox_revive(w->sandbox, &e)) {
        if (w->told_gone++ % TELL_EVERY == 1)
            log_err(LOG_ERROR, "lazaret-jail is not there yet", &e);
        return false;
    }
    if (atomic_exchange(&w->told_gone, 0))
        log_line(LOG_WARN, "lazaret-jail was started again", NULL);
    return true;
}

static void *work_loop(void *arg)
{
    pthread_setname_np(pthread_self(), "worker");
    struct workers *w = arg;
    while (!w->stop) {
        struct err e;
        if (!jail_is_there(w)) {
            jobs_wait(w->jobs, IDLE_MS);
            continue;
        }
        int rc = worker_step(w->jobs, w->registry, w->sandbox, &e);
        if (rc < 0)
            log_err(LOG_ERROR, "a worker's step failed", &e);
        if (rc <= 0 && !w->stop)
            jobs_wait(w->jobs, jobs_shared(w->jobs) ? IDLE_SHARED_MS : IDLE_MS);
    }
    arena_thread_end();
    return NULL;
}

int workers_start(struct jobs *j, struct registry *r, struct sandbox *s, int n, struct workers **ret, struct err *e)
{
    struct workers *w = calloc(1, sizeof *w + (size_t)n * sizeof w->thread[0]);
    if (!w)
        return err_set(e, ERR_NO_MEMORY, "workers");
    w->jobs = j;
    w->registry = r;
    w->sandbox = s;
    for (; w->n < n; w->n++)
        if (pthread_create(&w->thread[w->n], NULL, work_loop, w)) {
            workers_stop(w);
            return err_set(e, ERR_INTERNAL, "no thread for a worker");
        }
    *ret = w;
    return 0;
}

void workers_stop(struct workers *w)
{
    if (!w)
        return;
    w->stop = true;
    jobs_ring_all(w->jobs);
    for (int i = 0; i < w->n; i++)
        pthread_join(w->thread[i], NULL);
    free(w);
}
