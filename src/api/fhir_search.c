#include "api/fhir_search.h"

#include "api/form.h"
#include "base/clock.h"
#include "base/own.h"

static const struct search_param_row params[] = {
#define PARAM(type, id, name, kind, modifiers, uses, what) {FACE_##type, name, SEARCH_##kind, modifiers, uses, what},
#include "api/fhir_search.def"
};
static const struct {
    const char *name, *what;
} types[] = {
#define RESOURCE(type, what) {#type, what},
#include "api/fhir_search.def"
};
static const char *const modifiers[] = {[SEARCH_EXACT] = "exact",
                                        [SEARCH_CONTAINS] = "contains",
                                        [SEARCH_MISSING] = "missing",
                                        [SEARCH_OF_PATIENT] = "Patient"};
static const char *const kinds[] = {"string", "token", "reference", "date"};
static const char prefixes[SEARCH_PREFIXES][3] = {"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"};

const struct search_param_row *search_param_row(enum search_param p)
{
    return &params[p];
}
const char *face_name(enum face t)
{
    return types[t].name;
}
const char *face_what(enum face t)
{
    return types[t].what;
}
const char *search_kind_name(enum search_kind k)
{
    return kinds[k];
}

/* --- reading --- */

struct reading {
    struct search *s;
    struct arena *arena;
    struct buf self;
    unsigned seen; /* bits of results[]: which were given */
};

static void fault(struct reading *x, struct slice name, const char *text)
{
    if (x->s->faults < SEARCH_FAULTS)
        x->s->fault[x->s->faults++] = (struct search_fault){name, text};
}

static void unknown(struct reading *x, struct slice name)
{
    if (x->s->unknowns < SEARCH_FAULTS)
        x->s->unknown[x->s->unknowns++] = name;
}

/* Up to the first of `stop` that no backslash stands before; the end of the text otherwise. */
static size_t length_to(struct slice s, char stop)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != stop)
        n += s.p[n] == '\\' && n + 1 < s.n ? 2 : 1;
    return n;
}

/* \, \| \$ and \\ undone; {NULL,0}: a backslash stands before something else, or memory is out. */
static struct slice plain(struct slice s, struct arena *a)
{
    char *out = arena_take(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < s.n; i++) {
        if (s.p[i] == '\\') {
            i++;
            if (i == s.n || !memchr(",|$\\", s.p[i], 4))
                return (struct slice){NULL, 0};
        }
        out[n++] = s.p[i];
    }
    return (struct slice){out, n};
}

/* A dateTime, or one to the minute, which searches may say and resources may not. */
static bool parse_date(struct slice s, int64_t *at, int64_t *span)
{
    enum { TO_THE_MINUTE = 16, MOST = 40 };
    char text[MOST + 4];
    if (clock_parse(s, at, span))
        return true;
    if (s.n < TO_THE_MINUTE || s.n > MOST || s.p[10] != 'T' || (s.n > TO_THE_MINUTE && s.p[TO_THE_MINUTE] == ':'))
        return false;
    memcpy(text, s.p, TO_THE_MINUTE);
    memcpy(text + TO_THE_MINUTE, ":00", 3);
    memcpy(text + TO_THE_MINUTE + 3, s.p + TO_THE_MINUTE, s.n - TO_THE_MINUTE);
    *span = 60 * INT64_C(1000000);
    return clock_parse((struct slice){text, s.n + 3}, at, NULL);
}

static const char *take_date(struct slice s, struct search_value *v)
{
    int64_t at, span;
    if (s.n > 2 && s.p[0] >= 'a' && s.p[0] <= 'z') {
        int k = 0;
        while (k < SEARCH_PREFIXES && memcmp(prefixes[k], s.p, 2) != 0)
            k++;
        if (k == SEARCH_PREFIXES)
            return "a date's prefix is one of eq ne gt lt ge le sa eb";
        v->prefix = (enum search_prefix)k;
        s = (struct slice){s.p + 2, s.n - 2};
    }
    if (!parse_date(s, &at, &span))
        return "a date is written 2026, 2026-11, 2026-11-25 or 2026-11-25T02:13:30Z (a + in an address as %2B)";
    v->from = at;
    v->until = at + span;
    return NULL;
}

static const char *take_token(struct slice s, struct arena *a, struct search_value *v)
{
    size_t n = length_to(s, '|');
    struct slice head = plain((struct slice){s.p, n}, a);
    if (n == s.n) {
        v->text = head;
        return head.p ? NULL : "a backslash stands before , | $ or another one";
    }
    struct slice tail = plain((struct slice){s.p + n + 1, s.n - n - 1}, a);
    v->system = head;
    v->text = tail.n ? tail : (struct slice){NULL, 0};
    return !head.p || !tail.p ? "a backslash stands before , | $ or another one"
           : head.n || tail.n ? NULL
                              : "a token is code, system|code, |code or system|";
}

/* "123", "Patient/123"; an address is of another server, as far as anybody here knows. */
static const char *take_reference(struct slice s, struct arena *a, struct search_value *v)
{
    v->text = plain(s, a);
    if (slice_starts(v->text, "Patient/"))
        v->text = (struct slice){v->text.p + 8, v->text.n - 8};
    return v->text.n && !memchr(v->text.p, '/', v->text.n) ? NULL : "it is written 123 or Patient/123";
}

static const char *take_value(struct slice s, const struct search_param_row *row, struct arena *a,
                              struct search_value *v)
{
    if (!s.n)
        return "it has no value";
    if (s.n > SEARCH_VALUE_MAX)
        return "a value has at most 200 bytes";
    switch (row->kind) {
    case SEARCH_DATE: return take_date(s, v);
    case SEARCH_TOKEN: return take_token(s, a, v);
    case SEARCH_REFERENCE: return take_reference(s, a, v);
    case SEARCH_STRING: break;
    }
    v->text = plain(s, a);
    return v->text.p ? NULL : "a backslash stands before , | $ or another one";
}

static const char *take_values(struct reading *x, struct slice rest, const struct search_param_row *row,
                               struct search_term *t)
{
    struct search_value *v = arena_take(x->arena, SEARCH_VALUES * sizeof *v);
    const char *wrong = NULL;
    bool more = v != NULL;
    t->value = v;
    while (more && !wrong) {
        size_t n = length_to(rest, ',');
        more = n < rest.n;
        if (t->values == SEARCH_VALUES)
            return "at most 20 values, separated by commas";
        wrong = take_value((struct slice){rest.p, n}, row, x->arena, &v[t->values++]);
        rest = more ? (struct slice){rest.p + n + 1, rest.n - n - 1} : rest;
    }
    return wrong;
}

/* Is `name` a word of the row's modifiers? */
static bool allows(const struct search_param_row *row, struct slice name, enum search_modifier *ret)
{
    struct slice rest = slice_of(row->modifiers);
    while (name.n && rest.p)
        if (slice_eq(slice_cut(&rest, ' '), name))
            for (int m = SEARCH_EXACT; m < SEARCH_MODIFIERS; m++)
                if (slice_is(name, modifiers[m])) {
                    *ret = (enum search_modifier)m;
                    return true;
                }
    return false;
}

static void keep(struct reading *x, struct slice key, struct slice value)
{
    if (x->self.n)
        buf_byte(&x->self, '&');
    form_escape(key, &x->self);
    buf_byte(&x->self, '=');
    form_escape(value, &x->self);
}

static void take_term(struct reading *x, enum search_param p, struct slice key, struct slice modifier,
                      struct slice value)
{
    struct search *s = x->s;
    const struct search_param_row *row = &params[p];
    struct search_term t = {.param = p};
    const char *wrong = NULL;
    if (modifier.p && !allows(row, modifier, &t.modifier)) {
        fault(x, key, "this modifier is not understood of this parameter");
        return;
    }
    if (t.modifier == SEARCH_MISSING) {
        t.missing = slice_is(value, "true");
        wrong = t.missing || slice_is(value, "false") ? NULL : ":missing is true or false";
    } else {
        wrong = take_values(x, value, row, &t);
    }
    if (!wrong && s->terms == SEARCH_TERMS)
        wrong = "at most 16 parameters";
    if (wrong) {
        fault(x, key, wrong);
        return;
    }
    s->term[s->terms++] = t;
    s->tells |= (row->uses & TELLS) != 0;
    keep(x, key, value);
}

/* --- parameters that say how the answer is to be --- */

static const char *take_count(struct reading *x, struct slice v)
{
    int64_t n;
    if (!slice_int(v, 0, INT32_MAX, &n))
        return "it is a number from 0 on; a page holds at most 100";
    x->s->only_count |= n == 0;
    x->s->count = n > SEARCH_COUNT_MAX ? SEARCH_COUNT_MAX : n ? (int)n : 1;
    return NULL;
}

static const char *take_sort(struct reading *x, struct slice v)
{
    x->s->descending = v.n && v.p[0] == '-';
    if (x->s->descending)
        v = (struct slice){v.p + 1, v.n - 1};
    for (int p = 0; p < SEARCH_PARAMS; p++)
        if (params[p].type == x->s->type && params[p].uses & SORTS && slice_is(v, params[p].name)) {
            x->s->sort = (enum search_param)p;
            x->s->sorted = true;
            return NULL;
        }
    return "there is no such order; GET /fhir/R4/metadata says which there are, and one is taken";
}

static const char *take_summary(struct reading *x, struct slice v)
{
    x->s->only_count |= slice_is(v, "count");
    return slice_is(v, "count") || slice_is(v, "false") ? NULL : "understood are count and false";
}

static const char *take_total(struct reading *x, struct slice v)
{
    x->s->total = slice_is(v, "none") ? SEARCH_TOTAL_NONE : SEARCH_TOTAL_ACCURATE;
    return slice_is(v, "none") || slice_is(v, "estimate") || slice_is(v, "accurate")
               ? NULL
               : "understood are none, estimate and accurate";
}

static const char *take_format(struct reading *x, struct slice v)
{
    (void)x;
    return slice_is(v, "json") || slice_is(v, "application/json") || slice_is(v, "application/fhir+json")
               ? NULL
               : "json is all that is spoken here";
}

static const char *take_cursor(struct reading *x, struct slice v)
{
    x->s->cursor = v;
    return v.n && v.n <= SEARCH_VALUE_MAX ? NULL : "take it from the link `next` of a page";
}

static const char *take_page(struct reading *x, struct slice v)
{
    x->s->page = v;
    return v.n ? NULL : "take it from the link `next` of a page";
}

static const struct {
    const char *name;
    const char *(*take)(struct reading *, struct slice);
    bool keeps;
} results[] = {{"_count", take_count, true}, {"_sort", take_sort, true},     {"_summary", take_summary, true},
               {"_total", take_total, true}, {"_format", take_format, true}, {"_cursor", take_cursor, false},
               {"_page", take_page, false}};

static bool take_result(struct reading *x, struct slice key, struct slice value)
{
    for (size_t i = 0; i < COUNT(results); i++) {
        if (!slice_is(key, results[i].name))
            continue;
        const char *wrong = x->seen & 1u << i ? "it is there twice" : results[i].take(x, value);
        x->seen |= 1u << i;
        if (wrong)
            fault(x, key, wrong);
        else if (results[i].keeps)
            keep(x, key, value);
        return true;
    }
    return false;
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return utf8_valid(s);
}

static void take_one(struct reading *x, struct slice key, struct slice value)
{
    struct slice modifier = key;
    if (key.n > SEARCH_NAME_MAX || !is_text(key)) {
        fault(x, SLICE("query"), "a parameter's name is no such text");
        return;
    }
    if (!is_text(value)) {
        fault(x, key, "its value is no text in UTF-8, or has control characters");
        return;
    }
    if (take_result(x, key, value))
        return;
    struct slice name = slice_cut(&modifier, ':');
    for (int p = 0; p < SEARCH_PARAMS; p++)
        if (params[p].type == x->s->type && slice_is(name, params[p].name)) {
            take_term(x, (enum search_param)p, key, modifier, value);
            return;
        }
    unknown(x, key);
}

int search_read(enum face t, struct slice query, struct slice form, struct arena *a, struct search *ret)
{
    struct search s = {.type = t, .count = SEARCH_COUNT};
    struct reading x = {.s = &s, .arena = a, .self = buf_in(a, 4 * SEARCH_QUERY_MAX)};
    struct slice part[] = {query, form}, key, value;
    for (size_t i = 0; i < COUNT(part); i++) {
        if (part[i].n > SEARCH_QUERY_MAX) {
            fault(&x, SLICE("query"), "a search has at most 8192 bytes");
            continue;
        }
        while (form_next(&part[i], a, &key, &value)) {
            if (!key.p || !value.p)
                return -1;
            if (key.n)
                take_one(&x, key, value);
        }
    }
    if (buf_failed(&x.self) || arena_failed(a))
        return -1;
    s.self = buf_text(&x.self);
    *ret = s;
    return 0;
}

/* --- asked --- */

const struct search_term *search_term(const struct search *s, enum search_param p)
{
    for (int i = 0; i < s->terms; i++)
        if (s->term[i].param == p)
            return &s->term[i];
    return NULL;
}

int search_terms(const struct search *s, enum search_param p)
{
    int n = 0;
    for (int i = 0; i < s->terms; i++)
        n += s->term[i].param == p;
    return n;
}

/* search.html, "date": of the stated range and the range of what is there. */
static bool fits(const struct search_value *v, int64_t from, int64_t until)
{
    bool within = v->from <= from && until <= v->until;
    switch (v->prefix) {
    case SEARCH_EQ: return within;
    case SEARCH_NE: return !within;
    case SEARCH_GT: return until > v->until;
    case SEARCH_LT: return from < v->from;
    case SEARCH_GE: return until > v->until || within;
    case SEARCH_LE: return from < v->from || within;
    case SEARCH_SA: return from >= v->until;
    case SEARCH_EB: return until <= v->from;
    case SEARCH_PREFIXES: break;
    }
    return false;
}

bool search_date_fits(const struct search_term *t, int64_t from, int64_t until)
{
    for (int i = 0; i < t->values; i++)
        if (fits(&t->value[i], from, until))
            return true;
    return false;
}

bool search_token_fits(const struct search_term *t, const char *system, struct slice code)
{
    for (int i = 0; i < t->values; i++) {
        const struct search_value *v = &t->value[i];
        bool of_system = !v->system.p || (v->system.n ? system && slice_is(v->system, system) : !system);
        if (of_system && (!v->text.p || slice_eq(v->text, code)))
            return true;
    }
    return false;
}

static void cut(struct search_span *x, bool has_since, int64_t since, bool has_until, int64_t until)
{
    if (has_since && since > x->since)
        x->since = since;
    if (has_until && until < x->until)
        x->until = until;
}

const char *search_span(const struct search *s, enum search_param p, struct search_span *ret)
{
    struct search_span x = {.since = INT64_MIN, .until = INT64_MAX};
    for (int i = 0; i < s->terms; i++) {
        const struct search_term *t = &s->term[i];
        if (t->param != p)
            continue;
        if (t->values != 1)
            return "of this parameter one date at a time is understood; several of it all hold";
        const struct search_value *v = &t->value[0];
        if (v->prefix == SEARCH_NE && x.not_until > x.not_from)
            return "ne is understood once";
        switch (v->prefix) {
        case SEARCH_EQ: cut(&x, true, v->from, true, v->until); break;
        case SEARCH_NE: x.not_from = v->from, x.not_until = v->until; break;
        case SEARCH_GT:
        case SEARCH_SA: cut(&x, true, v->until, false, 0); break;
        case SEARCH_GE: cut(&x, true, v->from, false, 0); break;
        case SEARCH_LT:
        case SEARCH_EB: cut(&x, false, 0, true, v->from); break;
        case SEARCH_LE: cut(&x, false, 0, true, v->until); break;
        case SEARCH_PREFIXES: break;
        }
    }
    *ret = x;
    return NULL;
}
