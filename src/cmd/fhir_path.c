/* fhir_path.c -- lazaret fhir path: what a FHIRPath expression answers on one resource, without network or data folder.
 */
#include "cmd/cmd.h"

#include <stdio.h>

#include "base/clock.h"
#include "fhir/fhirpath.h"

const struct option path_options[] = {
    {"lenient", NULL, "a name that an element's type does not have is empty, not an error"}, {0}};

enum { DOCUMENT_MAX = 1 << 28 };

static int wrong_expression(const struct fhirpath_fault *f, struct err *e)
{
    if (!f->text[0])
        return err_set(e, ERR_NO_MEMORY, "evaluate the expression");
    return err_set(e, ERR_USAGE, "the expression, line %u column %u: %s", f->line, f->column, f->text);
}

/* One item a line. */
static int print_items(struct call *c, const struct json *j, const struct fhirpath_item *item, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct buf b = buf_in(c->arena, DOCUMENT_MAX);
        bool written = c->json ? fhirpath_write_json(j, &item[i], &b) : fhirpath_write_text(j, &item[i], c->arena, &b);
        if (!written)
            return err_set(e, ERR_NO_MEMORY, "print an item");
        fwrite(b.p, 1, b.n, stdout);
        putchar('\n');
    }
    return fflush(stdout) || ferror(stdout) ? err_sys(e, ERR_INTERNAL, "write to standard output") : 0;
}

int cmd_fhir_path(struct call *c, struct err *e)
{
    const struct fhirpath *x;
    const struct fhirpath_item *item;
    struct fhirpath_scope scope;
    struct fhirpath_fault fault;
    struct json_fault bad;
    struct json j;
    struct slice text;
    size_t n;
    unsigned flags = call_option(c, "lenient") ? FHIRPATH_FILTER : FHIRPATH_STRICT;
    if (fhirpath_compile(slice_of(c->operand[0]), flags, c->arena, &x, &fault))
        return wrong_expression(&fault, e);
    if (call_read(c, c->operand[1], DOCUMENT_MAX, &text, e))
        return -1;
    if (json_parse(c->arena, text, &j, &bad))
        return err_set(e, ERR_BAD_JSON, "%.100s:%u:%u: %s", c->operand[1], bad.line, bad.column,
                       bad.what ? bad.what : "out of memory");
    if (fhirpath_scope_of(&j, 0, &scope))
        return err_set(e, ERR_BAD_FHIR, "%.100s: found no resource of FHIR R4, expected one, with its resourceType",
                       c->operand[1]);
    scope.now_us = clock_now_us();
    if (fhirpath_run(x, &scope, c->arena, &item, &n, &fault))
        return wrong_expression(&fault, e);
    return print_items(c, &j, item, n, e);
}
