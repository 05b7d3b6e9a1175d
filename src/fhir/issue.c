#include "fhir/check_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct found {
    struct fhir_issue issue;
    size_t off, order;
};

bool name_plain(struct slice name)
{
    if (name.n == 0 || name.n > 64)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(i && c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

static void write_path(struct buf *b, const struct frame *f)
{
    if (f->up) {
        write_path(b, f->up);
        buf_byte(b, '.');
    }
    buf_add(b, f->name, f->len);
    if (f->index >= 0)
        buf_printf(b, "[%d]", f->index);
}

static const char *path_of(struct check *c, const struct frame *f)
{
    struct buf b = buf_in(c->arena, 1 << 16);
    if (!f)
        return "";
    write_path(&b, f);
    buf_byte(&b, '\0');
    return buf_failed(&b) ? NULL : b.p;
}

static struct found *room(struct check *c)
{
    if ((c->kept & (c->kept - 1)) == 0) { /* room is made at powers of two */
        size_t cap = c->kept ? 2 * c->kept : 1;
        struct found *more = arena_grow(c->arena, c->found, c->kept * sizeof *more, cap * sizeof *more);
        if (!more)
            return NULL;
        c->found = more;
    }
    return &c->found[c->kept];
}

void issue_add(struct check *c, enum fhir_severity severity, const char *code, const struct frame *f, size_t off,
               const char *fmt, ...)
{
    char text[512];
    va_list ap;
    c->errors += severity == FHIR_ERROR;
    if (c->kept >= c->max) {
        c->cut++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct found *x = room(c);
    const char *path = path_of(c, f), *copy = arena_str(c->arena, slice_of(text));
    if (!x || !path || !copy) {
        c->failed = true;
        return;
    }
    *x = (struct found){.issue = {.severity = severity, .code = code, .expression = path, .text = copy},
                        .off = off,
                        .order = c->kept++};
}

static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

int issue_report(struct check *c, struct fhir_report *ret)
{
    struct fhir_issue *list = arena_take(c->arena, (c->kept + 1) * sizeof *list);
    if (!list || c->failed)
        return -1;
    if (c->kept)
        qsort(c->found, c->kept, sizeof *c->found, by_place);
    const char *text = c->j->text;
    size_t begin = 0, from = 0; /* of the line, and where counting stopped: one pass over the text for all issues */
    uint32_t line = 1;
    for (size_t i = 0; i < c->kept; i++) {
        const char *nl;
        while ((nl = memchr(text + from, '\n', c->found[i].off - from)) != NULL) {
            begin = from = (size_t)(nl - text) + 1;
            line++;
        }
        from = c->found[i].off;
        list[i] = c->found[i].issue;
        list[i].line = line;
        list[i].column = (uint32_t)(from - begin) + 1;
    }
    *ret = (struct fhir_report){.issue = list, .issues = c->kept, .cut = c->cut, .errors = c->errors};
    return 0;
}

struct slice check_text(struct check *c, uint32_t node)
{
    struct slice raw = json_raw(c->j, node);
    if (!c->j->node[node].escaped)
        return raw;
    if (c->scratch_size < raw.n) {
        size_t size = raw.n < 1024 ? 1024 : 2 * raw.n;
        char *p = arena_take(c->arena, size);
        if (!p) {
            c->failed = true;
            return (struct slice){NULL, 0};
        }
        c->scratch = p;
        c->scratch_size = size;
    }
    return (struct slice){c->scratch, json_unescape(raw.p, raw.n, c->scratch)};
}
