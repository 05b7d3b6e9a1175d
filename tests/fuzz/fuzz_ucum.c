/* Whatever bytes are said to be two units and a value: a code that is read has a name, a dimension and base units it
 * converts to; what converts exactly converts back to where it began, and compares as equal; what was probably meant by
 * a code that is none is one. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "ucum/ucum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ucum_unit *unit(struct arena *a, struct slice code)
{
    struct ucum_fault f = {.text = ""};
    struct slice meant;
    const struct ucum_unit *u = ucum_parse(a, code, &f);
    assert(ucum_valid(code) == (u != NULL));
    if (u) {
        assert(slice_eq(ucum_code(u), code) && ucum_meant(a, code, &meant) == 0);
    } else {
        assert(f.text[0] && f.at <= code.n);
        if (ucum_meant(a, code, &meant) == 1)
            assert(ucum_valid(meant) && !slice_eq(meant, code));
    }
    return u;
}

static void describe(struct arena *a, const struct ucum_unit *u)
{
    struct buf name = buf_in(a, 1 << 16), dimension = buf_in(a, 1 << 16), base = buf_in(a, 1 << 16);
    struct slice doubt;
    ucum_name(u, &name);
    ucum_dimension(u, &dimension);
    ucum_base(u, &base);
    assert(!buf_failed(&name) && dimension.n && base.n);
    if (ucum_doubt(a, u, &doubt) == 1)
        assert(ucum_valid(doubt));
    if (base.n > UCUM_LENGTH)
        return;
    const struct ucum_unit *v = unit(a, buf_text(&base));
    assert(v && ucum_commensurable(u, v));
}

static void convert(struct arena *a, const struct ucum_unit *u, const struct ucum_unit *v, struct slice text,
                    unsigned digits)
{
    struct ucum_fault f;
    struct ucum_number x, y;
    struct slice out, whole;
    enum ucum_end end;
    int d;
    const struct ucum_pair *p = ucum_pair(a, u, v, UCUM_BY_DEFINITION, NULL, &f);
    assert(p || f.text[0]);
    assert(!p || ucum_commensurable(u, v));
    if (ucum_pair(a, u, v, UCUM_APART, &(struct ucum_substance){text, digits}, &f))
        assert(ucum_commensurable(u, v) || !ucum_special(u));
    if (!p || !ucum_number(text, &x) || ucum_convert(p, &x, digits, a, &out, &end) != 1)
        return;
    assert(out.n && (end == UCUM_NEAR) == !ucum_pair_exact(p));
    if (end == UCUM_NEAR || ucum_convert_whole(p, &x, a, &whole) != 1)
        return;
    assert(end == UCUM_ROUNDED || slice_eq(out, whole));
    if (end == UCUM_ROUNDED || !ucum_number(out, &y))
        return;
    if (ucum_compare(p, &x, &y, &d))
        assert(d == 0);
    const struct ucum_pair *q = ucum_pair(a, v, u, UCUM_BY_DEFINITION, NULL, &f);
    if (q && ucum_compare(q, &y, &x, &d))
        assert(d == 0);
    if (ucum_pair_same(p))
        assert(ucum_pair(a, u, u, UCUM_BY_DEFINITION, NULL, &f) &&
               ucum_codes_compare(&x, ucum_code(u), &x, ucum_code(v), &d) && d == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct slice rest = {(const char *)data, size}, from = slice_cut(&rest, '\n'), to = slice_cut(&rest, '\n');
    if (!a || size > 2000)
        return 0;
    const struct ucum_unit *u = unit(a, from), *v = to.p ? unit(a, to) : NULL;
    if (u)
        describe(a, u);
    if (u && v)
        convert(a, u, v, rest, (unsigned)(size % 70));
    assert(!arena_failed(a));
    return 0;
}
