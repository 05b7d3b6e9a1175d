/* Whatever bytes come: validation ends, its issues stand in the order of the text and inside it, and no message has
 * bytes that a terminal or a log could trip over. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "fhir/fhir.h"

enum { MAX_ISSUES = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const char *z)
{
    for (; *z; z++)
        assert(*z >= 0x20 && *z < 0x7F);
}

static void check_report(const struct fhir_report *r)
{
    uint32_t line = 1, column = 1;
    assert(r->issues <= MAX_ISSUES && r->errors <= r->issues + r->cut);
    for (size_t i = 0; i < r->issues; i++) {
        const struct fhir_issue *x = &r->issue[i];
        assert(x->line > line || (x->line == line && x->column >= column));
        line = x->line;
        column = x->column;
        check_plain(x->text);
        check_plain(x->expression);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 26);
    struct fhir_report r;
    struct err e;
    struct slice text = {(const char *)data, size};
    if (a && fhir_validate_text(text, &(struct fhir_ask){.max_issues = MAX_ISSUES, .one_subject = size & 1}, a, NULL, &r, &e) == 0)
        check_report(&r);
    arena_free(a);
    arena_thread_end();
    return 0;
}
