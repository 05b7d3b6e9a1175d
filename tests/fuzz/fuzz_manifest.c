/* Whatever bytes come: a manifest is refused with a place and a sentence, or it is read, and then its canonical text reads
 * again as the same canonical text and its self-tests can be asked for. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "models/pack.h"
#include "models/selftest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct arena *a, const struct manifest *m)
{
    struct slice once, twice;
    struct manifest again;
    struct err e = {0};
    if (pack_canonical(a, &m->json, NULL, 0, &once, &e))
        return; /* no memory */
    int bad = manifest_parse(a, once, &again, &e);
    assert(!bad || e.code == ERR_NO_MEMORY);
    if (bad || pack_canonical(a, &again.json, NULL, 0, &twice, &e))
        return;
    assert(slice_eq(once, twice));
}

static void check_selftests(struct arena *a, const struct manifest *m)
{
    for (size_t i = 0; i < m->selftests; i++) {
        struct wire_input *in;
        size_t n;
        struct err e = {0};
        const char *why;
        struct slice line;
        if (selftest_inputs(a, m, i, &in, &n, &e))
            return;
        struct wire_request q = {.id = SLICE("f"), .input = in, .inputs = n, .age = -1};
        if (wire_request(a, &q, &line, &e) == 0) {
            struct json j;
            struct json_fault f;
            assert(json_parse(a, (struct slice){line.p, line.n - 1}, &j, &f) == 0 || !f.what);
        }
        selftest_check(a, m, i, SLICE("{\"score\":1}"), &why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct manifest m;
    struct err e = {0};
    if (!a)
        return 0;
    if (manifest_parse(a, (struct slice){(const char *)data, size}, &m, &e)) {
        assert(e.code != ERR_NONE && e.detail[0]);
        return 0;
    }
    assert(m.inputs > 0 && m.schema && m.runtime.exec_n > 0);
    check_again(a, &m);
    check_selftests(a, &m);
    return 0;
}
