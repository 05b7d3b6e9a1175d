/* say.c -- what is missing, in sentences; and the whole decision for a person at a terminal. */
#include <stdio.h>

#include "negotiate/negotiate_int.h"

struct say {
    const struct decision *d;
    const struct missing *m;
    struct buf *b;
};

/* What was begun counts only when it is whole. */
void length_say(struct buf *b, int64_t us)
{
    static const struct {
        int64_t us;
        const char *one;
    } unit[] = {{86400000000LL, "day"}, {3600000000LL, "hour"}, {60000000, "minute"}, {1000000, "second"}};
    size_t i = 0;
    while (i < 3 && us % unit[i].us != 0 && us / unit[i].us < 3)
        i++;
    while (i < 3 && us < unit[i].us)
        i++;
    int64_t n = us / unit[i].us;
    buf_printf(b, "%lld %s%s", (long long)n, unit[i].one, n == 1 ? "" : "s");
}

static void say_what(struct say *s)
{
    buf_slice(s->b, s->m->display);
}

static void say_within(struct say *s)
{
    if (s->m->input && s->m->input->within.n)
        length_say(s->b, s->m->input->within_us);
    else
        buf_str(s->b, "time before the assessment");
}

static void say_age(struct say *s)
{
    int64_t age = s->d->at_us - s->m->seen.time_us;
    if (s->m->seen.time_us == WIRE_NO_TIME || age < 0) {
        buf_str(s->b, age < 0 ? "in the future" : "of no known time");
        return;
    }
    length_say(s->b, age);
    buf_str(s->b, " old");
}

static const char *system_name(struct slice system)
{
    static const struct {
        const char *system, *name;
    } known[] = {{"http://loinc.org", "LOINC"},
                 {"http://snomed.info/sct", "SNOMED CT"},
                 {"http://hl7.org/fhir/sid/icd-10", "ICD-10"},
                 {"http://hl7.org/fhir/sid/icd-10-cm", "ICD-10-CM"},
                 {"http://www.whocc.no/atc", "ATC"},
                 {"http://www.nlm.nih.gov/research/umls/rxnorm", "RxNorm"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(system, known[i].system))
            return known[i].name;
    return NULL;
}

static void say_codes(struct say *s)
{
    enum { SHOWN = 4 };
    const struct missing *m = s->m;
    size_t n = m->input ? m->input->codes : m->condition ? m->condition->codes : 0;
    struct slice last = {NULL, 0};
    if (n == 0)
        buf_slice(s->b, m->code);
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        const struct code *c = m->input ? &m->input->code[i].code : &m->condition->code[i];
        const char *name = system_name(c->system);
        buf_str(s->b, i ? " or " : "");
        if (!slice_eq(c->system, last))
            buf_printf(s->b, "%.*s ", name ? (int)strlen(name) : (int)c->system.n, name ? name : c->system.p);
        buf_slice(s->b, c->code);
        last = c->system;
    }
    if (n > SHOWN)
        buf_printf(s->b, " or %zu more", n - SHOWN);
}

static void say_units(struct say *s)
{
    const struct input *in = s->m->input;
    size_t n = 0;
    for (size_t i = 0; in && i < in->accepts; i++, n++)
        buf_printf(s->b, "%s%.*s", n ? " or " : "", SLICE_FMT(in->accept[i].code));
    for (size_t i = 0; in && in->coded && i < in->codes; i++)
        for (size_t k = 0; k < in->code[i].units_n; k++, n++)
            buf_printf(s->b, "%s%.*s", n ? " or " : "", SLICE_FMT(in->code[i].units[k]));
}

static void say_unit(struct say *s)
{
    buf_slice(s->b, s->m->seen.unit);
}

static void say_range(struct say *s)
{
    const struct input *in = s->m->input;
    if (in && in->hard.set)
        buf_printf(s->b, " (%.*s to %.*s%s%.*s)", SLICE_FMT(in->hard.low_text), SLICE_FMT(in->hard.high_text),
                   in->unit.n ? " " : "", SLICE_FMT(in->unit));
}

static void say_count(struct say *s)
{
    buf_printf(s->b, "%u", s->m->input ? s->m->input->count : 1);
}

static void say_have(struct say *s)
{
    buf_printf(s->b, "%u", s->m->samples);
}

static const struct {
    const char *name;
    void (*say)(struct say *s);
} part[] = {{"what", say_what}, {"codes", say_codes},   {"units", say_units}, {"unit", say_unit}, {"range", say_range},
            {"age", say_age},   {"within", say_within}, {"count", say_count}, {"have", say_have}};

static void say_part(struct say *s, struct slice name)
{
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (slice_is(name, part[i].name)) {
            part[i].say(s);
            return;
        }
}

void missing_sentence(const struct decision *d, const struct missing *m, struct buf *b)
{
    static const char *const sentence[REASON_COUNT] = {
        [REASON_NONE] = "{what} is there",
#define REASON(name, code, issue, curable, sentence) [REASON_##name] = sentence,
#include "negotiate/reasons.def"
#undef REASON
    };
    struct say s = {d, m, b};
    struct slice rest = slice_of(sentence[m->reason]);
    while (rest.p) {
        struct slice text = slice_cut(&rest, '{');
        buf_add(b, text.p, text.n);
        if (rest.p)
            say_part(&s, slice_cut(&rest, '}'));
    }
    if (m->seen.note)
        buf_printf(b, ": %s", m->seen.note);
    buf_byte(b, '.');
}

/* --- for a terminal --- */

static void say_missing(const struct decision *d, const struct candidate *c, struct buf *b)
{
    for (size_t i = 0; i < c->missings; i++) {
        const struct missing *m = &c->missing[i];
        buf_printf(b, "  %s %.*s: ", m->mandatory ? "needs     " : "would like", SLICE_FMT(m->name));
        missing_sentence(d, m, b);
        if (m->seen.path)
            buf_printf(b, " [%s]", m->seen.path);
        buf_byte(b, '\n');
    }
}

static void say_set(const struct candidate *c, uint64_t set, struct buf *b)
{
    bool first = true;
    for (size_t i = 0; i < c->model->inputs; i++)
        if (set >> i & 1) {
            buf_printf(b, "%s%.*s", first ? "" : " and ", SLICE_FMT(c->model->input[i].name));
            first = false;
        }
}

static void say_candidate(const struct decision *d, const struct candidate *c, struct buf *b)
{
    buf_printf(b, "%u. %.*s %.*s: ", c->rank, SLICE_FMT(c->model->key), SLICE_FMT(c->model->version));
    bool runs = false;
    for (size_t i = 0; i < d->runs; i++)
        runs |= d->run[i] == c;
    if (c->ready)
        buf_str(b, runs ? "complete, runs" : "complete");
    else if (!c->curable)
        buf_str(b, "not for this patient");
    else
        buf_printf(b, "%u short", c->distance);
    if (c->behind_by)
        buf_printf(b, " (behind the one before it by %s)", c->behind_by);
    buf_byte(b, '\n');
    say_missing(d, c, b);
    for (size_t i = 0; i < c->sets && c->set[i]; i++) {
        buf_str(b, i ? "    or with " : "  complete with ");
        say_set(c, c->set[i], b);
        buf_byte(b, '\n');
    }
}

int decision_say(struct arena *a, const struct decision *d, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(a, 4 << 20);
    for (size_t i = 0; i < d->candidates; i++)
        say_candidate(d, &d->candidate[i], &b);
    for (size_t i = 0; i < d->nexts; i++) {
        const struct next_best *n = &d->next[i];
        buf_printf(&b, "%s %.*s", i ? "then" : "ask first for", SLICE_FMT(n->missing->display));
        for (size_t k = 0; k < n->unlocks_n; k++)
            buf_printf(&b, "%s %.*s", k ? "," : ": completes", SLICE_FMT(n->unlocks[k]->model->key));
        buf_byte(&b, '\n');
    }
    if (buf_failed(&b))
        return negotiate_no_memory(e);
    *ret = buf_text(&b);
    return 0;
}
