#include "cmd/config.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"

enum kind { KIND_STR, KIND_INT };

static const struct setting {
    const char *name;
    enum kind kind;
    const char *value;
    int64_t least, most;
    size_t offset;
    const char *help;
} settings[] = {
#define CONFIG(field, name, kind, value, least, most, help)                                                            \
    {name, KIND_##kind, value, least, most, offsetof(struct config, field), help},
#include "cmd/config.def"
#undef CONFIG
};

const char *config_name(const char *option)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        const char *a = settings[i].name, *b = option;
        while (*a && (*a == *b || ((*a == '.' || *a == '_') && *b == '-')))
            a++, b++;
        if (!*a && !*b)
            return settings[i].name;
    }
    return NULL;
}

int config_set(struct config *c, const char *name, const char *value, struct err *e)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        char *at = (char *)c + s->offset;
        if (strcmp(s->name, name) != 0)
            continue;
        if (s->kind == KIND_STR) {
            char *copy = arena_str(c->arena, slice_of(value));
            if (!copy)
                return err_set(e, ERR_NO_MEMORY, "setting %s", name);
            memcpy(at, &copy, sizeof copy);
            return 0;
        }
        int64_t n;
        if (!slice_int(slice_of(value), s->least, s->most, &n))
            return err_set(e, ERR_CONFIG, "%s is a number from %lld to %lld", name, (long long)s->least,
                           (long long)s->most);
        memcpy(at, &n, sizeof n);
        return 0;
    }
    return err_set(e, ERR_CONFIG, "there is no setting named %.60s; 'lazaret serve --help' lists them", name);
}

int config_default(struct arena *a, struct config *ret, struct err *e)
{
    *ret = (struct config){.arena = a, .data = ""};
    for (size_t i = 0; i < COUNT(settings); i++)
        if (config_set(ret, settings[i].name, settings[i].value, e))
            return -1;
    return 0;
}

struct reading {
    struct config *c;
    struct err *e;
    FILE *file;
    int line, bad; /* bad: the line that *e is about */
    int room;      /* of the line that is too long, if not 0 */
};

/* inih hands over its buffer for a line: what does not fit would look like a line of its own. One that begins with
 * blanks would be taken for more of the value before, in place of it. */
static char *next_line(char *to, int size, void *ctx)
{
    struct reading *r = ctx;
    if (r->bad || !fgets(to, size, r->file))
        return NULL;
    r->line++;
    size_t n = strlen(to), blanks = strspn(to, " \t");
    bool whole = n < (size_t)size - 1 || to[n - 1] == '\n', comment = strchr("#;", to[blanks]);
    if (!whole && !comment) {
        r->room = size - 2;
        return NULL;
    }
    for (int c = 0; !whole && c != '\n' && c != EOF;)
        c = getc(r->file);
    memmove(to, to + blanks, n + 1 - blanks);
    return to;
}

static int take_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", section, *section ? "." : "", name);
    if (config_set(r->c, full, value, r->e) == 0)
        return 1;
    r->bad = r->line;
    return 0;
}

int config_file(struct config *c, const char *path, struct err *e)
{
    OWN_FILE FILE *f = fopen(path, "re");
    struct reading r = {.c = c, .e = e, .file = f};
    int rc = f ? ini_parse_stream(next_line, &r, take_line, &r) : -1;
    if (!f || ferror(f))
        return err_sys(e, ERR_CONFIG, "read the settings of %s", path);
    if (r.room)
        return err_set(e, ERR_CONFIG,
                       "%s line %d is too long: at most %d bytes; an option (--NAME VALUE) may be longer", path, r.line,
                       r.room);
    if (rc < 0)
        return err_set(e, ERR_NO_MEMORY, "read the settings of %s", path);
    if (rc && rc != r.bad)
        return err_set(e, ERR_CONFIG, "%s line %d is not 'name = value'", path, rc);
    return r.bad ? err_in(e, "%s line %d", path, r.bad) : 0;
}

void config_help(void)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        char option[64];
        snprintf(option, sizeof option, "--%s", settings[i].name);
        for (char *p = option + 2; *p; p++)
            if (*p == '.' || *p == '_')
                *p = '-';
        printf("  %-24s %s%s%s%s\n", option, settings[i].help, *settings[i].value ? " (" : "", settings[i].value,
               *settings[i].value ? ")" : "");
    }
}
