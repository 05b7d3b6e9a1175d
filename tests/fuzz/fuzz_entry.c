/* Whatever stands where an audit entry should: it is refused, or all it says are texts. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/search.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct audit_found x;
    struct err e;
    if (!a || size > 65535)
        return 0;
    if (audit_decode((struct slice){(const char *)data, size}, 7, 8, a, &x, &e)) {
        assert(e.code == ERR_NO_MEMORY);
        return 0;
    }
    assert(x.index == 7 && x.raw.n == size);
    if (!x.readable) {
        assert(x.at == 8 && !x.entry.action);
        return 0;
    }
    const char *const text[] = {x.entry.action, x.entry.outcome, x.entry.actor,   x.entry.role,  x.entry.object,
                                x.entry.object_id, x.entry.why,  x.entry.request, x.entry.route, x.entry.trace};
    for (size_t i = 0; i < COUNT(text); i++)
        assert(!text[i] || strlen(text[i]) <= size);
    struct buf b = buf_in(a, 1 << 18);
    struct json_out o = json_out(&b);
    struct json j;
    struct json_fault f;
    audit_put(&o, &x, true);
    assert(buf_failed(&b) || json_parse(a, buf_text(&b), &j, &f) == 0);
    return 0;
}
