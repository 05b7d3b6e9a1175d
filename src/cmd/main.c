#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cmd/cmd.h"

const struct option no_options[] = {{0}};

enum { NO_DATA, READ_DATA, MAKE_DATA };

static const struct verb verbs[] = {
#define VERB(name, function, operands, least, most, data, options, summary)                                            \
    {name, operands, summary, function, options, least, most, (data) != NO_DATA, (data) == MAKE_DATA},
#include "cmd/verbs.def"
#undef VERB
};

static const char usage_head[] =
    "lazaret " LAZARET_VERSION " -- a gateway between FHIR clients and diagnostic models that run in isolation.\n"
    "Sample models are samples: not for clinical use.\n\n"
    "usage: lazaret COMMAND [OPTIONS] ...        'lazaret COMMAND --help' says more\n\n";

static void help_all(void)
{
    fputs(usage_head, stdout);
    for (size_t i = 0; i < COUNT(verbs); i++)
        printf("  %-15s %s\n", verbs[i].name, verbs[i].summary);
}

/* The verbs that begin with this word; false when there are none. */
static bool help_group(const char *word)
{
    size_t n = strlen(word), found = 0;
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strncmp(verbs[i].name, word, n) == 0 && verbs[i].name[n] == ' ')
            printf("%s  %-15s %s\n", found++ ? "" : "usage: lazaret COMMAND [OPTIONS] ..., where COMMAND is one of\n\n",
                   verbs[i].name, verbs[i].summary);
    return found > 0;
}

static void help_verb(const struct verb *v)
{
    printf("usage: lazaret %s [OPTIONS]%s%s\n\n%s\n\noptions:\n", v->name, *v->operands ? " " : "", v->operands,
           v->summary);
    const struct option *o = v->options;
    for (; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-24s %s\n", left, o->help);
    }
    if (v->data)
        printf("  %-24s %s\n  %-24s %s\n", "--data DIR", "the data folder (or LAZARET_DATA)", "--config FILE",
               "settings; default: DIR/lazaret.conf if it is there");
    printf("  %-24s %s\n  %-24s %s\n", "--json", "print one JSON document", "--help", "print this");
    if (o->help)
        fputs(o->help, stdout);
    if (strcmp(v->name, "serve") == 0) {
        puts("\nsettings, of the file as 'name = value' and here as options:");
        config_help();
    }
}

/* The verb named by the first one or two words; *words is how many it took. */
static const struct verb *find_verb(int argc, char **argv, int *words)
{
    char two[64];
    snprintf(two, sizeof two, "%s %s", argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
    for (size_t i = 0; i < COUNT(verbs); i++) {
        bool one = argc > 1 && strcmp(verbs[i].name, argv[1]) == 0;
        if (one || strcmp(verbs[i].name, two) == 0) {
            *words = one ? 1 : 2;
            return &verbs[i];
        }
    }
    return NULL;
}

const char *call_option(const struct call *c, const char *name)
{
    for (int i = 0; c->verb->options[i].name; i++)
        if (strcmp(c->verb->options[i].name, name) == 0)
            return c->option[i];
    return NULL;
}

static int own_option(struct call *c, const char *name)
{
    for (int i = 0; c->verb->options[i].name; i++)
        if (strcmp(c->verb->options[i].name, name) == 0)
            return i;
    return -1;
}

struct words {
    int argc, at;
    char **argv;
};

static const char *value_of(struct words *w, const char *inline_value, const char *name, struct err *e)
{
    if (inline_value)
        return inline_value;
    if (w->at + 1 < w->argc)
        return w->argv[++w->at];
    err_set(e, ERR_USAGE, "--%s needs a value", name);
    return NULL;
}

/* One word that begins with "--"; settings are kept for after the file was read. */
static int take_option(struct call *c, struct words *w, const char **setting, int *settings, struct err *e)
{
    char name[64];
    const char *word = w->argv[w->at] + 2, *eq = strchr(word, '=');
    snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - word) : (int)strlen(word), word);
    int own = own_option(c, name);
    const char *value = eq ? eq + 1 : NULL;
    if (own >= 0 && !c->verb->options[own].value && value)
        return err_set(e, ERR_USAGE, "--%s takes no value: it is said or left away", name);
    if (own >= 0 && !c->verb->options[own].value) {
        c->option[own] = "yes";
        return 0;
    }
    bool data = strcmp(name, "data") == 0, file = strcmp(name, "config") == 0;
    const char *known = own >= 0                          ? name
                        : c->verb->data && (data || file) ? name
                        : c->verb->data                   ? config_name(name)
                                                          : NULL;
    if (!known)
        return err_set(e, ERR_USAGE, "lazaret %s has no option --%s", c->verb->name, name);
    if (!(value = value_of(w, value, name, e)))
        return -1;
    if (own >= 0) {
        c->option[own] = value;
    } else if (data) {
        c->config.data = value;
    } else if (*settings + 2 > 2 * OPTIONS_MAX) {
        return err_set(e, ERR_USAGE, "too many settings on the command line: use a file");
    } else {
        setting[(*settings)++] = file ? "" : known;
        setting[(*settings)++] = value;
    }
    return 0;
}

/* 1: only help was wanted. */
static int parse(struct call *c, int argc, char **argv, int words, struct err *e)
{
    const char *setting[2 * OPTIONS_MAX], *file = NULL;
    int settings = 0;
    bool only_operands = false;
    struct words w = {argc, 1 + words, argv};
    for (; w.at < argc; w.at++) {
        const char *a = argv[w.at];
        if (!only_operands && strcmp(a, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)) {
            return 1;
        } else if (!only_operands && strcmp(a, "--json") == 0) {
            c->json = true;
        } else if (!only_operands && strncmp(a, "--", 2) == 0) {
            if (take_option(c, &w, setting, &settings, e))
                return -1;
        } else if (c->operands == OPERANDS_MAX) {
            return err_set(e, ERR_USAGE, "more than %d operands", OPERANDS_MAX);
        } else {
            c->operand[c->operands++] = a;
        }
    }
    if (c->operands < c->verb->least || c->operands > c->verb->most)
        return err_set(e, ERR_USAGE, "usage: lazaret %s [OPTIONS] %s", c->verb->name, c->verb->operands);
    if (c->verb->data && !*c->config.data && getenv("LAZARET_DATA"))
        c->config.data = getenv("LAZARET_DATA");
    for (int i = 0; i < settings; i += 2)
        if (!*setting[i])
            file = setting[i + 1];
    if (!file && c->verb->data && *c->config.data) {
        const char *usual = arena_printf(c->arena, "%s/lazaret.conf", c->config.data);
        file = usual && access(usual, F_OK) == 0 ? usual : NULL;
    }
    if (file && config_file(&c->config, file, e))
        return -1;
    for (int i = 0; i < settings; i += 2)
        if (*setting[i] && config_set(&c->config, setting[i], setting[i + 1], e))
            return -1;
    return 0;
}

/* Nothing of a patient may reach a core dump. (LeakSanitizer needs ptrace, which this would forbid.) */
static void no_dumps(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* What is printed once, such as a key, must not get lost unsaid. A server's line is no reason for it to have failed,
 * and who ends in another way has said so. */
static int check_printed(const struct verb *v, struct err *e)
{
    bool serves = v->run == cmd_serve || v->run == cmd_work;
    if (serves || (fflush(stdout) == 0 && !ferror(stdout)))
        return 0;
    return err_sys(e, ERR_STORE, "write to standard output");
}

int main(int argc, char **argv)
{
    struct err e = {.code = ERR_NONE};
    int words = 0;
    const struct verb *v = find_verb(argc, argv, &words);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_all();
        return argc < 2 ? 2 : 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return puts("lazaret " LAZARET_VERSION), 0;
    bool help = argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    if (!v && help && help_group(argv[1]))
        return 0;
    if (!v) {
        fprintf(stderr, "lazaret: there is no command '%s'; 'lazaret --help' lists them\n", argv[1]);
        return 2;
    }
    no_dumps();
    umask(077); /* what is made belongs to its owner alone, wherever the data folder lies */
    signal(SIGPIPE, SIG_IGN);
    OWN_ARENA struct arena *a = arena_new(1u << 30);
    struct call *c = a ? TAKE_NEW(a, struct call) : NULL;
    if (!c || config_default(a, &c->config, &e)) {
        fputs("lazaret: out of memory\n", stderr);
        return 1;
    }
    c->arena = a;
    c->verb = v;
    int rc = parse(c, argc, argv, words, &e);
    if (rc == 1)
        return help_verb(v), 0;
    if (rc == 0)
        rc = v->run(c, &e);
    if (rc == 0)
        rc = check_printed(v, &e);
    if (rc < 0)
        fprintf(stderr, "lazaret: %s\n", e.detail);
    return rc >= 0 ? rc : e.code == ERR_USAGE ? 2 : 1;
}

struct slice call_args(struct call *c, const char *name, const char *value, ...)
{
    struct buf b = buf_in(c->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    va_list ap;
    json_open(&o, '{');
    va_start(ap, value);
    for (; name; value = name ? va_arg(ap, const char *) : NULL) {
        if (value)
            json_pair_str(&o, name, value);
        name = va_arg(ap, const char *);
    }
    va_end(ap);
    json_close(&o, '}');
    return buf_text(&b); /* cut short when memory is out: then it is no JSON, and refused */
}

int call_read(struct call *c, const char *path, size_t most, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(c->arena, most);
    bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "rbe");
    char piece[16384];
    if (!f)
        return err_sys(e, ERR_USAGE, "read %s", path);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_add(&b, piece, n);
    int bad = ferror(f);
    if (!in)
        fclose(f);
    if (bad)
        return err_sys(e, ERR_USAGE, "read %s", path);
    if (buf_failed(&b))
        return err_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, most);
    *ret = buf_text(&b);
    return 0;
}
