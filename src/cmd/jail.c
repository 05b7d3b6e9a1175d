/* jail.c -- lazaret jail: one program of this machine in the jail, by hand, without data folder or server.
 *
 * The program's file is copied into a model's folder of its own, so that it runs as a model does: it sees the runtime
 * image, itself as /model/program, and nothing else of this machine. */
#include "cmd/cmd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/place.h"
#include "sandbox/protocol.h"

const struct option jail_options[] = {
    {"wall-ms", "N", "milliseconds it may take (10000)"},
    {"cpu-ms", "N", "milliseconds of processor time, in whole seconds (as --wall-ms)"},
    {"memory-mib", "N", "MiB of memory, of all its processes together (256)"},
    {"pids", "N", "processes and threads at a time (16)"},
    {"tmp-mib", "N", "MiB it may write below /tmp (16)"},
    {"output-kib", "N", "KiB it may write to stdout (1024)"},
    {"repeat", "N", "run it N times, each time in a fresh jail; stdin is read first and given to each"},
    {"image", "NAME", "the files beside it: none (for a static program), python3, perl, node or shell"},
    {0}};

enum { PROGRAM_MAX = 1 << 30, REPEAT_MAX = 1000000, INPUT_MAX = 64 << 20, TICK_MS = 50 };
static const char digest[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* How a run ended: its name in --json, the exit status of this command (0: the program's own), and for eyes. */
static const struct ending {
    const char *name;
    int status;
    const char *sentence;
} endings[] = {
    [SANDBOX_EXITED] = {"exited", 0, "ended by itself"},
    [SANDBOX_CRASHED] = {"crashed", 128, "was ended by a signal"},
    [SANDBOX_TIMEOUT] = {"timeout", 124, "was killed: its time was up"},
    [SANDBOX_OOM] = {"oom", 137, "was killed: it asked for more memory than it may have"},
    [SANDBOX_OUTPUT] = {"output_too_large", 125, "was killed: it wrote more to stdout than it may"},
    [SANDBOX_REFUSED] = {"start_failed", 126, "could not be started"},
    [SANDBOX_CANCELLED] = {"cancelled", 130, "was killed, as asked"},
};

/* One call of this command. */
struct by_hand {
    struct call *call;
    struct sandbox *sandbox;
    struct sandbox_spec spec;
    struct sandbox_live live;
    struct slice argv[JAIL_ARGS_MAX];
    struct place place;
    int64_t repeat;
    int64_t runs;      /* of them that were done */
    uint32_t *took_us; /* by each */
    int64_t ended[SANDBOX_CANCELLED + 1];
    int stop_fd; /* readable: somebody pressed Ctrl-C */
    char last;   /* byte of the output */
    bool deaf;   /* nobody reads our stdout any more */
};

/* --- what is asked for --- */

static int take_number(struct call *c, const char *name, int64_t most, int64_t or_else, int64_t *ret, struct err *e)
{
    const char *text = call_option(c, name);
    *ret = or_else;
    if (!text || slice_int(slice_of(text), 1, most, ret))
        return 0;
    return err_set(e, ERR_USAGE, "--%s is a number from 1 to %lld", name, (long long)most);
}

static int take_limits(struct by_hand *b, struct err *e)
{
    struct call *c = b->call;
    int64_t wall, cpu, memory, pids, tmp, output;
    if (take_number(c, "wall-ms", JAIL_WALL_MS_MAX, 10000, &wall, e) ||
        take_number(c, "cpu-ms", JAIL_CPU_MS_MAX, wall, &cpu, e) ||
        take_number(c, "memory-mib", JAIL_MEMORY_MIB_MAX, 256, &memory, e) ||
        take_number(c, "pids", JAIL_PIDS_MAX, 16, &pids, e) ||
        take_number(c, "tmp-mib", JAIL_TMP_MIB_MAX, 16, &tmp, e) ||
        take_number(c, "output-kib", INPUT_MAX >> 10, 1024, &output, e) ||
        take_number(c, "repeat", REPEAT_MAX, 1, &b->repeat, e))
        return -1;
    b->spec.max = (struct sandbox_limits){(uint32_t)wall, (uint32_t)cpu, (uint32_t)memory,
                                          (uint32_t)pids, (uint32_t)tmp, (uint32_t)output};
    return 0;
}

static int take_program(struct by_hand *b, struct err *e)
{
    const char *image = call_option(b->call, "image");
    if (b->call->operands > JAIL_ARGS_MAX)
        return err_set(e, ERR_USAGE, "a program and at most %d arguments", JAIL_ARGS_MAX - 1);
    b->argv[0] = slice_of("/model/program");
    for (int i = 1; i < b->call->operands; i++)
        b->argv[i] = slice_of(b->call->operand[i]);
    b->spec.image = slice_of(image ? image : "none");
    b->spec.model = slice_of(digest);
    b->spec.model_key = b->spec.model_version = slice_of("by-hand");
    b->spec.argv = b->argv;
    b->spec.argc = (size_t)b->call->operands;
    b->took_us = arena_take(b->call->arena, (size_t)b->repeat * sizeof *b->took_us);
    return b->took_us ? 0 : err_set(e, ERR_NO_MEMORY, "%lld runs", (long long)b->repeat);
}

/* --- the program's folder --- */

static int copy_into(int in, int out, off_t n)
{
    while (n > 0) {
        ssize_t put = sendfile(out, in, NULL, (size_t)n);
        if (put <= 0)
            return -1;
        n -= put;
    }
    return fchmod(out, 0755);
}

static int copy_program(const char *from, const char *to, struct err *e)
{
    struct stat st;
    OWN_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &st))
        return err_sys(e, ERR_USAGE, "read the program %s", from);
    if (!S_ISREG(st.st_mode) || st.st_size > PROGRAM_MAX)
        return err_set(e, ERR_USAGE, "%s is no file of at most 1 GiB", from);
    OWN_FD int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    return out < 0 || copy_into(in, out, st.st_size) ? err_sys(e, ERR_SANDBOX, "copy %s", from) : 0;
}

/* PLACE/DIGEST/program */
static int make_folder(struct by_hand *b, struct err *e)
{
    struct arena *a = b->call->arena;
    if (place_make(&b->place, e))
        return -1;
    const char *model = arena_printf(a, "%s/%s", b->place.path, digest);
    const char *program = model ? arena_printf(a, "%s/program", model) : NULL;
    if (!program)
        return err_set(e, ERR_NO_MEMORY, "the program's folder");
    if (mkdir(model, 0755) || chmod(model, 0755))
        return err_sys(e, ERR_SANDBOX, "make a folder in %s", b->place.path);
    return copy_program(b->call->operand[0], program, e);
}

/* The loader that a program for this kind of machine asks for, which the image `none` does not have; "" for others. */
static void loader_of(const char *path, char ret[256])
{
    Elf64_Ehdr h;
    Elf64_Phdr p;
    OWN_FILE FILE *f = fopen(path, "rbe");
    *ret = 0;
    if (!f || fread(&h, sizeof h, 1, f) != 1 || memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_phentsize != sizeof p)
        return;
    for (int i = 0; i < h.e_phnum; i++) {
        if (fseek(f, (long)(h.e_phoff + (size_t)i * sizeof p), SEEK_SET) || fread(&p, sizeof p, 1, f) != 1)
            return;
        if (p.p_type != PT_INTERP || p.p_filesz > 255 || fseek(f, (long)p.p_offset, SEEK_SET))
            continue;
        ret[fread(ret, 1, p.p_filesz, f)] = 0;
        return;
    }
}

/* --- runs --- */

static void pass_on(void *ctx, struct slice piece)
{
    struct by_hand *b = ctx;
    b->last = piece.p[piece.n - 1];
    while (piece.n && !b->deaf) {
        ssize_t n = write(STDOUT_FILENO, piece.p, piece.n);
        b->deaf = n < 0 && errno != EINTR;
        piece = n > 0 ? (struct slice){piece.p + n, piece.n - (size_t)n} : piece;
    }
}

static bool is_heard(void *ctx)
{
    return !((struct by_hand *)ctx)->deaf;
}

static int watch_signals(struct by_hand *b, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    b->stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return b->stop_fd < 0 ? err_sys(e, ERR_SANDBOX, "watch for signals") : 0;
}

/* A program that runs once gets stdin as it comes; who runs it again and again gives each the same. */
static int take_input(struct by_hand *b, struct err *e)
{
    b->live = (struct sandbox_live){.in = b->repeat == 1 ? STDIN_FILENO : -1, .out = pass_on, .ctx = b};
    b->spec.live = &b->live;
    b->spec.tick = is_heard;
    b->spec.tick_ctx = b;
    b->spec.tick_ms = TICK_MS;
    if (b->repeat == 1 || isatty(STDIN_FILENO))
        return 0;
    return call_read(b->call, "-", INPUT_MAX, &b->spec.input, e);
}

/* Each run's output replaces the one before; *ret's lies in *a. */
static int run_all(struct by_hand *b, struct arena **a, struct sandbox_out *ret, struct err *e)
{
    while (b->runs < b->repeat) {
        int64_t begun = clock_mono_us();
        arena_free(*a);
        if (!(*a = arena_new((size_t)INPUT_MAX * 4)))
            return err_set(e, ERR_NO_MEMORY, "a run");
        if (sandbox_run(b->sandbox, &b->spec, b->stop_fd, *a, ret, e))
            return -1;
        b->took_us[b->runs++] = (uint32_t)(clock_mono_us() - begun);
        b->ended[ret->how]++;
        if (ret->how == SANDBOX_CANCELLED)
            break;
    }
    return 0;
}

/* --- the report --- */

static int by_size(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static uint32_t part_us(const struct by_hand *b, int percent)
{
    return b->took_us[(b->runs - 1) * percent / 100];
}

static void report_refused(const struct by_hand *b, const struct sandbox_out *o)
{
    char loader[256];
    loader_of(b->call->operand[0], loader);
    fprintf(stderr, "  %.*s", SLICE_FMT(o->errors));
    if (*loader)
        fprintf(stderr,
                "  It asks for the loader %s, which the image '%.*s' may not have: link it statically (-static), or "
                "name another --image.\n",
                loader, SLICE_FMT(b->spec.image));
}

/* Signals by which the jail's own limits speak. */
static const char *why_signal(int signal)
{
    return signal == SIGSYS    ? ": a system call of another architecture, which is refused"
           : signal == SIGXFSZ ? ": it wrote more to one file than --tmp-mib allows"
                               : "";
}

static void report_runs(const struct by_hand *b)
{
    fprintf(stderr, "  %lld runs, each in a fresh jail: median %.2f ms, 99 %% within %.2f ms, slowest %.2f ms\n",
            (long long)b->runs, part_us(b, 50) / 1e3, part_us(b, 99) / 1e3, part_us(b, 100) / 1e3);
    for (size_t i = SANDBOX_EXITED + 1; i < COUNT(endings); i++)
        if (b->ended[i])
            fprintf(stderr, "  %lld of them: %s\n", (long long)b->ended[i], endings[i].name);
}

static void report(const struct by_hand *b, const struct sandbox_out *o)
{
    if (b->last && b->last != '\n' && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    fprintf(stderr, "jail: the program %s", endings[o->how].sentence);
    if (o->how == SANDBOX_EXITED)
        fprintf(stderr, ", with exit code %d", o->exit_code);
    if (o->how == SANDBOX_CRASHED)
        fprintf(stderr, ", %d (%s)%s", o->signal, strsignal(o->signal), why_signal(o->signal));
    fprintf(stderr, ".\n");
    if (o->how == SANDBOX_REFUSED) {
        report_refused(b, o);
        return;
    }
    const struct sandbox_limits *m = &b->spec.max;
    fprintf(stderr,
            "  time       %u ms of %u\n  processor  %u ms of %u\n  memory     %.1f MiB at most, of %u\n  output     "
            "%zu bytes of %u\n",
            o->wall_ms, m->wall_ms, o->cpu_ms, m->cpu_ms, o->max_rss_kib / 1024.0, m->memory_mib, o->output.n,
            m->output_kib * 1024);
    if (b->repeat > 1)
        report_runs(b);
    if (o->errors.n)
        fprintf(stderr, "  its stderr, the first %zu bytes:\n%.*s%s", o->errors.n, SLICE_FMT(o->errors),
                o->errors.p[o->errors.n - 1] == '\n' ? "" : "\n");
}

static void json_runs(const struct by_hand *b, struct json_out *j)
{
    json_pair_int(j, "runs", b->runs);
    json_pair_int(j, "median_us", part_us(b, 50));
    json_pair_int(j, "p99_us", part_us(b, 99));
    json_key(j, "ended");
    json_open(j, '{');
    for (size_t i = 0; i < COUNT(endings); i++)
        if (b->ended[i])
            json_pair_int(j, endings[i].name, b->ended[i]);
    json_close(j, '}');
}

static int report_json(const struct by_hand *b, const struct sandbox_out *o, struct err *e)
{
    struct buf text = buf_in(b->call->arena, (size_t)INPUT_MAX * 8);
    struct json_out j = json_out(&text);
    json_open(&j, '{');
    json_pair_str(&j, "how", endings[o->how].name);
    json_pair_int(&j, "exit_code", o->how == SANDBOX_EXITED ? o->exit_code : -1);
    json_pair_int(&j, "signal", o->how == SANDBOX_CRASHED ? o->signal : 0);
    json_pair(&j, "output", o->output);
    json_pair(&j, "errors", o->errors);
    json_pair_int(&j, "cpu_ms", o->cpu_ms);
    json_pair_int(&j, "max_rss_kib", o->max_rss_kib);
    json_pair_int(&j, "wall_ms", o->wall_ms);
    if (b->repeat > 1)
        json_runs(b, &j);
    json_close(&j, '}');
    if (buf_failed(&text))
        return err_set(e, ERR_NO_MEMORY, "the report");
    printf("%s%.*s\n", b->last && b->last != '\n' ? "\n" : "", SLICE_FMT(buf_text(&text)));
    return 0;
}

static int tell(struct by_hand *b, const struct sandbox_out *o, struct err *e)
{
    qsort(b->took_us, (size_t)b->runs, sizeof *b->took_us, by_size);
    if (b->call->json && report_json(b, o, e))
        return -1;
    if (!b->call->json)
        report(b, o);
    return o->how == SANDBOX_EXITED    ? o->exit_code
           : o->how == SANDBOX_CRASHED ? endings[o->how].status + o->signal
                                       : endings[o->how].status;
}

/* --- the verb --- */

static int run_program(struct by_hand *b, struct err *e)
{
    struct call *c = b->call;
    struct sandbox_out out;
    OWN_ARENA struct arena *a = NULL;
    const struct sandbox_config config = {app_part(&c->config, "lazaret-jail"), app_part(&c->config, "images"),
                                          b->place.path, 1};
    if (take_input(b, e) || make_folder(b, e) || sandbox_open(&config, &b->sandbox, e) || watch_signals(b, e) ||
        run_all(b, &a, &out, e))
        return -1;
    return tell(b, &out, e);
}

int cmd_jail(struct call *c, struct err *e)
{
    struct by_hand b = {.call = c, .stop_fd = -1};
    if (take_limits(&b, e) || take_program(&b, e))
        return -1;
    int rc = run_program(&b, e);
    sandbox_close(b.sandbox);
    own_fd(&b.stop_fd);
    place_remove(&b.place);
    if (rc >= 0)
        return rc;
    /* It never ran, which is told in the form that is waited for, and by its own status: those below are programs'. */
    if (!c->json)
        return fprintf(stderr, "lazaret: %s\n", e->detail), endings[SANDBOX_REFUSED].status;
    b.repeat = 1;
    return tell(&b, &(struct sandbox_out){.how = SANDBOX_REFUSED, .errors = slice_of(e->detail)}, e);
}
