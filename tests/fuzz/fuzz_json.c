/* Whatever bytes come: the reader refuses them, or its tape is a tree over the text whose every value reads again
 * alone. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct json *j, uint32_t v, struct arena *a)
{
    const struct json_node *n = &j->node[v];
    struct slice span = json_span(j, v);
    assert(n->next > v && n->next <= j->count);
    assert(span.p >= j->text && span.p + span.n <= j->text + j->size);
    if (n->kind == JSON_STRING) {
        struct slice s = json_text(j, v, a);
        assert(!s.p || utf8_valid(s));
    }
    if (n->kind != JSON_OBJECT && n->kind != JSON_ARRAY)
        return;
    uint32_t count = 0;
    for (uint32_t k = json_first(j, v); k != json_end(j, v); k = json_next(j, k), count++) {
        assert((n->kind == JSON_OBJECT) == (json_kind(j, k) == JSON_KEY));
        check_value(j, n->kind == JSON_OBJECT ? json_value(k) : k, a);
    }
    assert(count == n->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 24);
    struct slice text = {(const char *)data, size};
    struct json j, again;
    struct json_fault f;
    if (a && json_parse(a, text, &j, &f) == 0) {
        check_value(&j, 0, a);
        assert(json_parse(a, json_span(&j, 0), &again, &f) == 0 && again.count == j.count);
    } else if (a) {
        assert(f.off <= size && f.line >= 1 && f.column >= 1);
    }
    arena_free(a);
    arena_thread_end();
    return 0;
}
