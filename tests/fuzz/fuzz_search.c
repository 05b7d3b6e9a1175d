/* Whatever a stranger sends as the query of a FHIR search: what is read of it keeps to its limits, and what was understood reads the
 * same when it is asked for again. The first byte chooses the type; a line end parts the query from the form. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "api/fhir_search.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_term(const struct search_term *x, const struct search_term *y)
{
    assert(x->param == y->param && x->modifier == y->modifier && x->missing == y->missing && x->values == y->values);
    for (int i = 0; i < x->values; i++) {
        const struct search_value *v = &x->value[i], *w = &y->value[i];
        assert(v->prefix == w->prefix && v->from == w->from && v->until == w->until);
        assert(slice_eq(v->text, w->text) && slice_eq(v->system, w->system));
        assert(v->text.n <= SEARCH_VALUE_MAX && v->from <= v->until);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct slice form = {(const char *)data + 1, size - 1};
    struct search s, again;
    struct search_span span;
    if (!size || !a)
        return 0;
    struct slice query = slice_cut(&form, '\n');
    if (search_read((enum face)(data[0] % FACES), query, form, a, &s))
        return 0;
    assert(s.terms <= SEARCH_TERMS && s.faults <= SEARCH_FAULTS && s.unknowns <= SEARCH_FAULTS);
    assert(s.count >= 1 && s.count <= SEARCH_COUNT_MAX);
    for (int i = 0; i < s.terms; i++) {
        const struct search_param_row *row = search_param_row(s.term[i].param);
        assert(row->type == s.type && s.term[i].values <= SEARCH_VALUES);
        if (row->kind == SEARCH_DATE && s.term[i].modifier == SEARCH_PLAIN) {
            search_date_fits(&s.term[i], 0, 1);
            if (!search_span(&s, s.term[i].param, &span) && span.not_until == 0)
                assert(!(span.since <= 0 && 0 < span.until) || search_date_fits(&s.term[i], 0, 1));
        }
    }
    if (s.faults || search_read(s.type, s.self, (struct slice){NULL, 0}, a, &again))
        return 0;
    if (s.self.n > SEARCH_QUERY_MAX)
        return 0; /* escaped it is longer */
    assert(again.faults == 0 && again.unknowns == 0 && again.terms == s.terms && again.count == s.count);
    assert(again.only_count == s.only_count && again.sorted == s.sorted && slice_eq(again.self, s.self));
    for (int i = 0; i < s.terms; i++)
        same_term(&s.term[i], &again.term[i]);
    return 0;
}
