/* fhir_validate.c -- lazaret fhir validate: files, folders, NDJSON and stdin against FHIR R4, without network or data
 * folder.
 *
 * Inputs are listed first (folders in the order of their names), then judged by --jobs threads that take the next one
 * each; the main thread prints the verdicts in the order of the list, as soon as each is there, and how far it is. */
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"
#include "fhir/fhir.h"

static const char help[] =
    "\nFILE holds one resource, or NDJSON if its name ends so: a resource a line. Of a DIR all .json and .ndjson\n"
    "files are taken, at any depth. - is stdin. No network, no data folder: what is asked is R4 (4.0.1) itself, that\n"
    "is structure, types, required codes, invariants, references and Bundles; no profiles, no external terminology.\n"
    "\nEach issue is a line on stdout: FILE:LINE:COLUMN: error: what was found, what was expected [FHIRPath]; or\n"
    "warning. No value of a document is ever printed. The counts, also by kind of issue, come last on stderr.\n"
    "With --json a line a file: file, valid, issues (severity, code, expression, line, column, text) and, if some\n"
    "were not kept, cut.\n"
    "\nexit status: 0 all are valid (there may be warnings), 1 some are not, 2 something could not be read.\n"
    "\nexamples:\n"
    "  lazaret fhir validate bundle.json\n"
    "  lazaret fhir validate --type Bundle --one-subject --json bundle.json\n"
    "  lazaret fhir validate --jobs 4 export/ > issues.txt\n"
    "  curl -s https://server/fhir/Patient/1 | lazaret fhir validate -\n";

const struct option fhir_options[] = {{"jobs", "N", "judge N files at a time (1)"},
                                      {"type", "T", "the resource must be a T, such as Bundle"},
                                      {"one-subject", NULL, "a Bundle must be about one patient"},
                                      {"best-practice", NULL, "ask what R4 only recommends, too: such as a narrative"},
                                      {"ndjson", NULL, "take every input as NDJSON, whatever its name"},
                                      {"max", "N", "keep at most N issues of a resource (200); the rest is counted"},
                                      {"progress", NULL, "say on stderr how far it is; done unasked on a terminal"},
                                      {.help = help}};

enum { DIR_DEPTH = 64, JOBS_MAX = 64, CLASSES = 16 };
#define OUTPUT_MAX ((size_t)1 << 30)

struct verdict {
    char *text; /* to be printed; malloc */
    size_t n;
    int status; /* 0 valid, 1 invalid, 2 unreadable */
    bool done;
    struct {
        const char *code;
        size_t n;
    } class[CLASSES]; /* issues by code */
};

struct work {
    char **file;
    struct verdict *verdict;
    size_t files, cap, next;
    struct fhir_ask ask;
    bool json, ndjson, progress;
    _Atomic size_t resources, bytes; /* judged so far */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* --- what to judge --- */

static bool ends(const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);
    return n > t && !strcmp(name + n - t, tail);
}

static int add_file(struct work *w, const char *path)
{
    if (w->files == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        char **more = realloc(w->file, cap * sizeof *more);
        if (!more)
            return -1;
        w->file = more;
        w->cap = cap;
    }
    w->file[w->files] = strdup(path);
    return w->file[w->files++] ? 0 : -1;
}

static int add_folder(struct work *w, const char *path, int depth)
{
    struct dirent **entry;
    int n = depth < DIR_DEPTH ? scandir(path, &entry, NULL, alphasort) : 0, failed = 0;
    if (n < 0)
        return add_file(w, path); /* reading it as a file will say why */
    for (int i = 0; i < n; i++) {
        struct stat st;
        OWN_MEM char *inner = NULL;
        const char *name = entry[i]->d_name;
        if (name[0] != '.' && asprintf(&inner, "%s/%s", path, name) < 0)
            inner = NULL, failed = -1;
        else if (inner && lstat(inner, &st) == 0 &&
                 S_ISDIR(st.st_mode)) /* links to folders are not followed: they may go round */
            failed |= add_folder(w, inner, depth + 1);
        else if (inner && (ends(name, ".json") || ends(name, ".ndjson")))
            failed |= add_file(w, inner);
        free(entry[i]);
    }
    if (depth < DIR_DEPTH)
        free(entry);
    return failed;
}

static int add_argument(struct work *w, const char *path)
{
    struct stat st;
    size_t before = w->files;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && add_folder(w, path, 0))
        return -1;
    return w->files > before ? 0 : add_file(w, path); /* of a folder without any, reading it will say so */
}

static const char *why_unreadable(int number)
{
    return number == EISDIR ? "a folder in which there is no .json or .ndjson file" : strerror(number);
}

/* 0 and the whole content in *ret (malloc), or -1 and errno. */
static int read_all(const char *path, struct slice *ret)
{
    struct stat st;
    OWN_FD int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(0, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || fstat(fd, &st))
        return -1;
    size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 1 << 16, n = 0;
    char *p = malloc(cap);
    for (;;) {
        ssize_t got = p ? read(fd, p + n, cap - n) : -1;
        if (got < 0) {
            free(p);
            return -1;
        }
        if (got == 0)
            break;
        n += (size_t)got;
        if (n == cap) {
            char *more = realloc(p, cap *= 2);
            if (!more)
                free(p);
            p = more;
        }
    }
    *ret = (struct slice){p, n};
    return 0;
}

/* --- a verdict --- */

struct page {
    struct json_out out;
    struct buf buf; /* of issues */
    const char *path, *shown;
    struct verdict *v;
    bool json;
};

static void count_issue(struct verdict *v, const char *code)
{
    for (int i = 0; i < CLASSES; i++) {
        if (!v->class[i].code)
            v->class[i].code = code;
        if (!strcmp(v->class[i].code, code)) {
            v->class[i].n++;
            return;
        }
    }
}

static void print_issue(struct page *p, const struct fhir_issue *x, uint32_t line)
{
    count_issue(p->v, x->code);
    if (!p->json) {
        buf_printf(&p->buf, "%s:%u:%u: %s: %s%s%s%s\n", p->shown, line, x->column, fhir_severity_name(x->severity),
                   x->text, *x->expression ? " [" : "", x->expression, *x->expression ? "]" : "");
        return;
    }
    json_open(&p->out, '{');
    json_pair_str(&p->out, "severity", fhir_severity_name(x->severity));
    json_pair_str(&p->out, "code", x->code);
    json_pair_str(&p->out, "expression", x->expression);
    json_pair_int(&p->out, "line", line);
    json_pair_int(&p->out, "column", x->column);
    json_pair_str(&p->out, "text", x->text);
    json_close(&p->out, '}');
}

static void print_unreadable(struct page *p, const char *why)
{
    p->v->status = 2;
    if (!p->json) {
        buf_printf(&p->buf, "%s: cannot be read: %s\n", p->shown, why);
        return;
    }
    json_open(&p->out, '{');
    json_pair_str(&p->out, "severity", "fatal");
    json_pair_str(&p->out, "code", "exception");
    json_pair_str(&p->out, "expression", "");
    json_pair_int(&p->out, "line", 0);
    json_pair_int(&p->out, "column", 0);
    json_key(&p->out, "text");
    json_put_str(&p->out, why);
    json_close(&p->out, '}');
}

/* The first line was a document of its own. */
static bool is_second_line(const struct fhir_issue *x)
{
    return x->line == 2 && x->column == 1 && !*x->expression && strstr(x->text, "after the end");
}

/* One resource, which begins on `line` of the file. Returns how many issues were not kept. */
static size_t judge(struct work *w, struct page *p, struct slice text, uint32_t line)
{
    struct fhir_report r;
    struct err e;
    OWN_ARENA struct arena *a = arena_new(((size_t)1 << 26) + 32 * text.n);
    if (!a || fhir_validate_text(text, &w->ask, a, NULL, &r, &e)) {
        print_unreadable(p, "out of memory");
        return 0;
    }
    w->resources++;
    w->bytes += text.n;
    for (size_t i = 0; i < r.issues; i++) {
        const char *hint = is_second_line(&r.issue[i]) && line == 1 ? "; a resource a line is NDJSON: --ndjson" : "";
        const char *with = *hint ? arena_printf(a, "%s%s", r.issue[i].text, hint) : NULL;
        if (with)
            r.issue[i].text = with;
        print_issue(p, &r.issue[i], r.issue[i].line + line - 1);
    }
    if (r.errors && p->v->status == 0)
        p->v->status = 1;
    if (r.cut && !p->json)
        buf_printf(&p->buf, "%s:%u: and %zu more\n", p->shown, line, r.cut);
    return r.cut;
}

static size_t judge_lines(struct work *w, struct page *p, struct slice text)
{
    size_t cut = 0;
    for (uint32_t line = 1; text.p; line++) {
        struct slice one = slice_cut(&text, '\n'), bare = slice_trim(one);
        if (bare.n && !slice_is(bare, "\r"))
            cut += judge(w, p, one, line);
    }
    return cut;
}

/* The verdict's text: the issues alone, or the JSON line around them. */
static void finish(struct page *p, size_t cut, struct arena *a)
{
    struct slice issues = buf_text(&p->buf);
    struct buf line = buf_in(a, OUTPUT_MAX);
    if (p->json) {
        struct json_out o = json_out(&line);
        json_open(&o, '{');
        json_pair_str(&o, "file", p->path);
        json_pair_bool(&o, "valid", p->v->status == 0);
        json_key(&o, "issues");
        json_put_raw(&o, issues);
        if (cut)
            json_pair_int(&o, "cut", (int64_t)cut);
        json_close(&o, '}');
        buf_byte(&line, '\n');
        issues = buf_text(&line);
    }
    bool failed = buf_failed(&p->buf) || buf_failed(&line);
    p->v->text = failed ? NULL : malloc(issues.n + 1);
    p->v->n = p->v->text ? issues.n : 0;
    if (p->v->n)
        memcpy(p->v->text, issues.p, issues.n);
    if (!p->v->text)
        p->v->status = 2;
}

static void judge_file(struct work *w, const char *file, struct verdict *v)
{
    struct slice text = {NULL, 0};
    OWN_ARENA struct arena *a = arena_new(3 * OUTPUT_MAX);
    if (!a) {
        v->status = 2;
        return;
    }
    struct page p = {.buf = buf_in(a, OUTPUT_MAX), .path = file, .v = v, .json = w->json};
    size_t cut = 0;
    p.shown = strcmp(file, "-") != 0 ? file : "(stdin)";
    p.out = json_out(&p.buf);
    if (p.json)
        json_open(&p.out, '[');
    if (read_all(file, &text))
        print_unreadable(&p, why_unreadable(errno));
    else
        cut = w->ndjson || ends(file, ".ndjson") ? judge_lines(w, &p, text) : judge(w, &p, text, 1);
    free((void *)text.p);
    if (p.json)
        json_close(&p.out, ']');
    finish(&p, cut, a);
}

static void *judge_thread(void *arg)
{
    struct work *w = arg;
    pthread_mutex_lock(&w->lock);
    while (w->next < w->files) {
        size_t i = w->next++;
        pthread_mutex_unlock(&w->lock);
        struct verdict v = {0};
        judge_file(w, w->file[i], &v);
        pthread_mutex_lock(&w->lock);
        v.done = true;
        w->verdict[i] = v;
        pthread_cond_signal(&w->done);
    }
    pthread_mutex_unlock(&w->lock);
    arena_thread_end();
    return NULL;
}

/* --- printing --- */

enum { TICK_MS = 250, LOG_TICKS = 4 }; /* a terminal is told every tick, a log every fourth */

static void show_progress(struct work *w, size_t done)
{
    static unsigned tick;
    bool terminal = isatty(2);
    if (!terminal && tick++ % LOG_TICKS)
        return;
    fprintf(stderr, "%s%zu of %zu files, %zu resources, %.1f MB%s", terminal ? "\r" : "", done, w->files,
            (size_t)w->resources, (double)w->bytes / 1e6, terminal ? "\033[K" : "\n");
    fflush(stderr);
}

static void clear_progress(const struct work *w)
{
    if (w->progress && isatty(2))
        fputs("\r\033[K", stderr);
}

/* Until file i is judged. w->lock is held. */
static void wait_for(struct work *w, size_t i)
{
    while (!w->verdict[i].done) {
        struct timespec until;
        if (!w->progress) {
            pthread_cond_wait(&w->done, &w->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_clockwait(&w->done, &w->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&w->lock);
        show_progress(w, i);
        pthread_mutex_lock(&w->lock);
    }
}

/* The exit status. */
static int print_all(struct work *w, struct verdict *sum)
{
    size_t count[3] = {0};
    for (size_t i = 0; i < w->files; i++) {
        pthread_mutex_lock(&w->lock);
        wait_for(w, i);
        struct verdict v = w->verdict[i];
        pthread_mutex_unlock(&w->lock);
        if (v.n && isatty(1))
            clear_progress(w);
        fwrite(v.text, 1, v.n, stdout);
        free(v.text);
        count[v.status]++;
        for (int k = 0; k < CLASSES && v.class[k].code; k++)
            for (int l = 0; l < CLASSES; l++)
                if (!sum->class[l].code || !strcmp(sum->class[l].code, v.class[k].code)) {
                    sum->class[l].code = v.class[k].code;
                    sum->class[l].n += v.class[k].n;
                    break;
                }
    }
    clear_progress(w);
    if (!w->json) {
        fflush(stdout); /* where both go to one place, the counts come last */
        fprintf(stderr, "%zu valid, %zu invalid, %zu unreadable", count[0], count[1], count[2]);
        for (int k = 0; k < CLASSES && sum->class[k].code; k++)
            fprintf(stderr, "%s%zu %s", k ? ", " : ": ", sum->class[k].n, sum->class[k].code);
        fputc('\n', stderr);
    }
    return count[2] ? 2 : count[1] ? 1 : 0;
}

static int run(struct work *w, long jobs)
{
    pthread_t thread[JOBS_MAX];
    struct verdict sum = {0};
    long started = 0;
    w->verdict = calloc(w->files + 1, sizeof *w->verdict);
    if (!w->verdict)
        return 2;
    while (started < jobs && (size_t)started < w->files && pthread_create(&thread[started], NULL, judge_thread, w) == 0)
        started++;
    if (started == 0)
        judge_thread(w); /* no files, or no threads to be had */
    int status = print_all(w, &sum);
    while (started > 0)
        pthread_join(thread[--started], NULL);
    free(w->verdict);
    return fflush(stdout) || ferror(stdout) ? 2 : status;
}

int cmd_fhir_validate(struct call *c, struct err *e)
{
    struct work w = {.ask = {.max_issues = 200}, .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    const char *jobs_text = call_option(c, "jobs"), *max_text = call_option(c, "max");
    int64_t jobs = 1, most = 200;
    int failed = 0;
    w.json = c->json;
    w.ndjson = call_option(c, "ndjson");
    w.progress = call_option(c, "progress") || isatty(2);
    w.ask.type = call_option(c, "type");
    w.ask.one_subject = call_option(c, "one-subject");
    w.ask.best_practice = call_option(c, "best-practice");
    if (w.ask.type && !fhir_is_resource(slice_of(w.ask.type)))
        return err_set(e, ERR_USAGE, "FHIR R4 has no resource type %.60s", w.ask.type);
    if (jobs_text && !slice_int(slice_of(jobs_text), 1, JOBS_MAX, &jobs))
        return err_set(e, ERR_USAGE, "--jobs takes a number from 1 to %d", JOBS_MAX);
    if (max_text && !slice_int(slice_of(max_text), 0, 1000000, &most))
        return err_set(e, ERR_USAGE, "--max takes a number from 0 to 1000000");
    w.ask.max_issues = (size_t)most;
    for (int i = 0; i < c->operands; i++)
        failed |= add_argument(&w, c->operand[i]);
    int status = failed ? err_set(e, ERR_NO_MEMORY, "the list of files") : run(&w, (long)jobs);
    for (size_t i = 0; i < w.files; i++)
        free(w.file[i]);
    free(w.file);
    return status;
}
