/* An expression, a line "---", and a document: compiling and running end within the steps that are given, whatever both
 * are; what comes out is JSON, one value an item, and the same when it is run again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "fhir/fhirpath.h"

enum { STEPS = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct json *j, const struct fhirpath_item *x, struct arena *a)
{
    struct buf json = buf_in(a, 1 << 22), text = buf_in(a, 1 << 22);
    struct json one;
    struct json_fault f;
    if (!fhirpath_write_json(j, x, &json) || !fhirpath_write_text(j, x, a, &text))
        return;
    assert(json_parse(a, buf_text(&json), &one, &f) == 0 || !f.what);
    assert(fhirpath_type_name(x).n > 0);
}

static void run(const struct fhirpath *x, const struct json *j, struct arena *a)
{
    struct fhirpath_scope s;
    struct fhirpath_fault f;
    const struct fhirpath_item *item, *again;
    size_t n, n_again;
    if (fhirpath_scope_of(j, 0, &s))
        return;
    s.steps = STEPS;
    if (fhirpath_run(x, &s, a, &item, &n, &f)) {
        assert(f.line >= 1 && f.column >= 1);
        return;
    }
    assert(n <= STEPS);
    for (size_t i = 0; i < n && i < 20; i++)
        check_item(j, &item[i], a);
    if (fhirpath_run(x, &s, a, &again, &n_again, &f) == 0)
        assert(n == n_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char patient[] = "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",\"b\"]}],\"birthDate\":\"1974-12\"}";
    struct arena *a = arena_new(1 << 27);
    struct slice text = {(const char *)data, size}, expression = text;
    const char *line = memmem(text.p, text.n, "\n---\n", 5);
    struct json j;
    struct json_fault bad;
    if (line) {
        expression.n = (size_t)(line - text.p);
        text.p = line + 5;
        text.n -= expression.n + 5;
    }
    if (a && json_parse(a, line ? text : SLICE(patient), &j, &bad) == 0)
        for (unsigned flags = 0; flags < 4; flags++) {
            const struct fhirpath *x;
            struct fhirpath_fault f;
            if (fhirpath_compile(expression, flags, a, &x, &f) == 0)
                run(x, &j, a);
            else
                assert(f.text[0] || arena_failed(a));
        }
    arena_free(a);
    arena_thread_end();
    return 0;
}
