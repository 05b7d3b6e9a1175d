/* match.c -- one fact against one input: the steps of steps.def, and of the usable facts the one that is taken. */
#include "negotiate/negotiate_int.h"

#include <stdlib.h>

static const char ucum[] = "http://unitsofmeasure.org";

struct trial {
    const struct index *x;
    const struct input *in;
    const struct input_code *code;
    const struct fact *fact;
    int64_t at_us;
    struct slice raw; /* the number as it was sent */
    const struct choice *word, *other;
    bool known_word, comparator;
    struct dec dec;
    struct outcome out;
};

static enum reason because(struct trial *t, enum reason reason, const char *note)
{
    t->out.seen.note = note;
    return reason;
}

/* --- step by step --- */

/* With one Patient in the Bundle it must be that one; else subjects are compared when all is known. */
static enum reason step_subject(struct trial *t)
{
    const struct subject *s = &t->fact->subject;
    bool same =
        t->x->patients == 1 ? s->kind == SUBJECT_PATIENT : s->kind == SUBJECT_PATIENT || s->kind == SUBJECT_REFERENCE;
    if (same)
        return REASON_NONE;
    if (t->x->others_inside && slice_starts(s->reference, "#"))
        return because(t, REASON_MIXED_SUBJECTS, "the contained Patients are not the same");
    return because(t, REASON_WRONG_SUBJECT, s->kind == SUBJECT_NONE ? "it names no subject" : NULL);
}

static enum reason step_status(struct trial *t)
{
    return t->fact->status & t->in->status ? REASON_NONE : REASON_STATUS_NOT_USABLE;
}

static bool is_one(struct slice unit)
{
    return slice_is(unit, "1") || (unit.n && unit.p[0] == '{');
}

/* A unit as it was sent: its code, else its text; only one short word, which can name nobody. */
static struct slice unit_word(const struct trial *t, uint32_t quantity)
{
    struct slice code = json_get_text(t->x->j, quantity, "code", t->x->a);
    struct slice word = code.n ? code : json_get_text(t->x->j, quantity, "unit", t->x->a);
    for (size_t i = 0; i < word.n; i++)
        if (word.n > 20 || word.p[i] <= ' ' || word.p[i] > '~')
            return (struct slice){NULL, 0};
    return word;
}

/* valueQuantity, or a whole number that stands for one of unit 1. */
static enum reason read_number(struct trial *t)
{
    const struct json *j = t->x->j;
    uint32_t q = json_get_kind(j, t->fact->node, "valueQuantity", JSON_OBJECT), v;
    if (q) {
        if (!(v = json_get_kind(j, q, "value", JSON_NUMBER)))
            return because(t, REASON_NO_VALUE, "its valueQuantity has no value");
        t->raw = json_raw(j, v);
        t->comparator = json_get(j, q, "comparator") != 0;
        t->out.seen.unit = unit_word(t, q);
        return REASON_NONE;
    }
    if (!(v = json_get_kind(j, t->fact->node, "valueInteger", JSON_NUMBER)))
        return because(t, REASON_NO_VALUE, "it has no valueQuantity");
    if (!is_one(t->in->unit))
        return because(t, REASON_NO_VALUE, "it has a number without a unit; send valueQuantity");
    t->raw = json_raw(j, v);
    return REASON_NONE;
}

static const struct choice *find_choice(const struct choice *c, size_t n, struct slice system, struct slice code)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(c[i].code, code) && slice_eq(c[i].system, system))
            return &c[i];
    return NULL;
}

static void read_word(struct trial *t, uint32_t coding)
{
    const struct json *j = t->x->j;
    struct slice system = json_get_text(j, coding, "system", t->x->a), code = json_get_text(j, coding, "code", t->x->a);
    const struct choice *c = find_choice(t->code->choice, t->code->choices, system, code);
    if (!c)
        c = find_choice(t->in->choice, t->in->choices, system, code);
    if (c && t->word && !slice_eq(c->value, t->word->value))
        t->other = c;
    if (c)
        t->word = c;
}

static enum reason read_words(struct trial *t)
{
    const struct json *j = t->x->j;
    uint32_t concept = json_get_kind(j, t->fact->node, "valueCodeableConcept", JSON_OBJECT);
    uint32_t list = concept ? json_get_kind(j, concept, "coding", JSON_ARRAY) : 0;
    uint32_t one = json_get_kind(j, t->fact->node, "valueCoding", JSON_OBJECT); /* of an answer */
    if (!list && !one)
        return because(t, REASON_NO_VALUE, "it has no coded value");
    if (one)
        read_word(t, one);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k))
        read_word(t, k);
    return REASON_NONE;
}

/* What was sent, as it was sent; but no free text, which could name somebody, and for what has no scalar that it is
 * there. */
static void read_presence(struct trial *t)
{
    const struct json *j = t->x->j;
    uint32_t q = json_get_kind(j, t->fact->node, "valueQuantity", JSON_OBJECT);
    uint32_t v = q ? json_get_kind(j, q, "value", JSON_NUMBER) : 0;
    if (!v)
        v = json_get_kind(j, t->fact->node, "valueInteger", JSON_NUMBER);
    if (!v && (v = json_get(j, t->fact->node, "valueBoolean")) && json_kind(j, v) == JSON_STRING)
        v = 0;
    t->out.value = v ? json_raw(j, v) : SLICE("true");
    t->out.unit = q ? unit_word(t, q) : (struct slice){NULL, 0};
}

static enum reason step_value(struct trial *t)
{
    if (json_get(t->x->j, t->fact->node, "dataAbsentReason"))
        return because(t, REASON_NO_VALUE, "it has a dataAbsentReason");
    if (!t->in->presence)
        return t->in->coded && !t->code->above ? read_words(t) : read_number(t);
    read_presence(t);
    return REASON_NONE;
}

static bool lists_unit(const struct input_code *c, struct slice unit)
{
    for (size_t i = 0; i < c->units_n; i++)
        if (slice_eq(c->units[i], unit))
            return true;
    return false;
}

/* The UCUM code of the quantity, or of the alias it is written with; {NULL,0}: it has none. */
static struct slice read_unit(struct trial *t)
{
    const struct json *j = t->x->j;
    uint32_t q = json_get_kind(j, t->fact->node, "valueQuantity", JSON_OBJECT);
    if (!q)
        return t->in->unit; /* a whole number */
    uint32_t system = json_get(j, q, "system");
    struct slice code = json_get_text(j, q, "code", t->x->a), word = code;
    if (code.n && system && json_is(j, system, ucum) && manifest_unit(t->in, code))
        return code;
    if (!word.n)
        word = json_get_text(j, q, "unit", t->x->a);
    for (size_t i = 0; i < t->in->aliases; i++)
        if (slice_eq(t->in->alias[i].from, word)) {
            t->out.seen.note = "its unit is no UCUM code; it was understood by the model's list of aliases";
            return t->in->alias[i].to;
        }
    return system && json_is(j, system, ucum) ? code : (struct slice){NULL, 0};
}

/* Why a unit does not become the model's, as UCUM has it; NULL when that could repeat more than a short word. */
static const char *why_not(const struct trial *t, struct slice unit)
{
    struct ucum_fault f = {0};
    const struct ucum_unit *from = t->out.seen.unit.n && t->in->ucum ? ucum_parse(t->x->a, unit, &f) : NULL;
    if (from && ucum_pair(t->x->a, from, t->in->ucum, UCUM_APART, NULL, &f))
        return "it is a unit that would convert, and none the model accepts";
    return f.text[0] ? arena_printf(t->x->a, "%s", f.text) : NULL;
}

/* The value in the model's unit. */
static enum reason convert(struct trial *t, const struct unit *u)
{
    enum { DIGITS = 40 };
    struct ucum_number n;
    enum ucum_end end;
    bool done = u->same     ? true
                : u->over.p ? exact_ratio(t->x->a, t->raw, u->over, u->under, &t->raw)
                            : ucum_number(t->raw, &n) && ucum_convert(u->pair, &n, DIGITS, t->x->a, &t->raw, &end) == 1;
    return done ? REASON_NONE : because(t, REASON_OUT_OF_RANGE, "its number has too many digits");
}

static enum reason step_unit(struct trial *t)
{
    struct slice unit;
    if (t->in->presence || !t->raw.n)
        return REASON_NONE;
    unit = read_unit(t);
    if (!unit.n)
        return REASON_UNIT_MISSING;
    if (t->code->above) /* becomes a word: taken in the unit its limit is in */
        return lists_unit(t->code, unit) ? REASON_NONE : REASON_UNIT_NOT_CONVERTIBLE;
    const struct unit *u = manifest_unit(t->in, unit);
    if (!u)
        return because(t, REASON_UNIT_NOT_CONVERTIBLE, why_not(t, unit));
    if (t->code->units_n && !lists_unit(t->code, unit))
        return because(t, REASON_UNIT_CONTRADICTS_CODE, NULL);
    return convert(t, u);
}

bool match_outside(const struct range *r, const struct dec *d)
{
    return r->set && (dec_cmp(d, &r->low) < 0 || dec_cmp(d, &r->high) > 0);
}

static enum reason take_word(struct trial *t, struct slice word)
{
    struct buf b = buf_in(t->x->a, 1024);
    struct json_out o = json_out(&b);
    json_put(&o, word);
    if (buf_failed(&b)) /* negotiate() sees that memory was out */
        return REASON_NO_VALUE;
    t->out.value = buf_text(&b);
    return REASON_NONE;
}

static enum reason step_range(struct trial *t)
{
    if (t->in->presence)
        return REASON_NONE;
    if (!t->raw.n) {
        if (t->other)
            return because(t, REASON_OUT_OF_RANGE, "its coded answers contradict each other");
        return t->word ? take_word(t, t->word->value)
                       : because(t, REASON_OUT_OF_RANGE, "its coded answer is none the model takes");
    }
    if (t->comparator)
        return because(t, REASON_OUT_OF_RANGE, "it has a comparator: the value itself is not known");
    if (!dec_parse(t->raw, &t->dec))
        return because(t, REASON_OUT_OF_RANGE, "its number has too many digits");
    if (match_outside(&t->code->hard, &t->dec))
        return REASON_OUT_OF_RANGE;
    if (t->code->above)
        return take_word(t, dec_cmp(&t->dec, &t->code->limit) > 0 ? t->code->more : t->code->other);
    if (match_outside(&t->in->hard, &t->dec))
        return REASON_OUT_OF_RANGE;
    t->out.value = t->raw;
    t->out.unit = t->in->unit;
    t->out.soft = match_outside(&t->in->soft, &t->dec);
    return REASON_NONE;
}

/* Without a window any time will do, but none in the future. */
static enum reason step_time(struct trial *t)
{
    if (t->fact->time_us == WIRE_NO_TIME)
        return t->in->within.n ? REASON_TIME_MISSING : REASON_NONE;
    if (t->fact->time_us > t->at_us + NEGOTIATE_AHEAD_US)
        return because(t, REASON_STALE, "it lies in the future");
    return t->in->within.n && t->fact->time_us < t->at_us - t->in->within_us ? REASON_STALE : REASON_NONE;
}

static enum step try_fact(struct trial *t)
{
    static enum reason (*const step[])(struct trial *) = {
#define STEP(name, function, what) [STEP_##name] = function,
#include "negotiate/steps.def"
#undef STEP
    };
    t->out = (struct outcome){.time_us = t->fact->time_us, .seen = {.time_us = t->fact->time_us}};
    for (enum step s = 0; s < STEP_USABLE; s++)
        if ((t->out.reason = step[s](t)) != REASON_NONE)
            return s;
    t->out.found = true;
    return STEP_USABLE;
}

/* --- of several the one that is taken --- */

/* Later; corrected before others; behind the other in the Bundle. */
static int order(const struct fact *f, const struct fact *g)
{
    const unsigned revised = STATUS_AMENDED | STATUS_CORRECTED;
    if (f->time_us != g->time_us)
        return f->time_us < g->time_us ? -1 : 1;
    if (!(f->status & revised) != !(g->status & revised))
        return f->status & revised ? 1 : -1;
    return f < g ? -1 : f > g;
}

static int by_order(const void *p, const void *q)
{
    return order(((const struct usable *)p)->fact, ((const struct usable *)q)->fact);
}

/* Of those nearer to each other than the gap the later stays; the rest moves to the front. */
static size_t thin(struct usable *u, size_t n, int64_t gap_us)
{
    size_t kept = n;
    int64_t last = INT64_MAX;
    for (size_t i = n; i-- > 0;)
        if (last == INT64_MAX || u[i].fact->time_us == WIRE_NO_TIME || last - u[i].fact->time_us >= gap_us) {
            last = u[i].fact->time_us;
            u[--kept] = u[i];
        }
    memmove(u, u + kept, (n - kept) * sizeof *u);
    return n - kept;
}

static const struct usable *extreme(const struct usable *u, size_t n, int sign)
{
    const struct usable *best = u + n - 1;
    struct dec d, b;
    for (size_t i = n - 1; i-- > 0;) /* the latest of equal ones */
        if (dec_parse(u[i].out.value, &d) && dec_parse(best->out.value, &b) && dec_cmp(&d, &b) * sign > 0)
            best = u + i;
    return best;
}

/* The mean takes the place of the latest sample's value, and keeps its time and where it stands. */
static void average(const struct index *x, const struct input *in, const struct usable *u, size_t n, struct outcome *o)
{
    struct weighed *each = arena_take(x->a, n * sizeof *each);
    uint32_t *entry = arena_take(x->a, n * sizeof *entry);
    struct dec d;
    if (!each || !entry)
        return; /* negotiate() sees that memory was out */
    for (size_t i = 0; i < n; i++) {
        each[i] = (struct weighed){u[i].out.value, 1};
        entry[i] = u[i].fact->entry;
    }
    o->others = entry;
    o->others_n = n;
    bool known = exact_mean(x->a, each, n, n, in->decimals, &o->value) && dec_parse(o->value, &d);
    o->soft = known && match_outside(&in->soft, &d);
    o->seen.note = "its value is the mean of all that count; the latest of them is shown";
    if (known && !match_outside(&in->hard, &d))
        return;
    o->found = false;
    o->reason = REASON_OUT_OF_RANGE;
    o->seen.note = known ? "each of them is in the range, but their mean, rounded as the model says, is not"
                         : "their mean has too many digits";
}

static void take(const struct index *x, const struct input *in, struct usable *u, size_t n, struct chosen_fact *ret)
{
    qsort(u, n, sizeof *u, by_order);
    if (in->min_gap.n)
        n = thin(u, n, in->min_gap_us);
    const struct usable *one = in->take == TAKE_EARLIEST  ? u
                               : in->take == TAKE_LOWEST  ? extreme(u, n, -1)
                               : in->take == TAKE_HIGHEST ? extreme(u, n, 1)
                                                          : u + n - 1;
    bool timed = u[0].fact->time_us != WIRE_NO_TIME;
    bool near = in->span.n && (!timed || u[n - 1].fact->time_us - u[0].fact->time_us < in->span_us);
    *ret = (struct chosen_fact){.fact = one->fact, .step = STEP_USABLE, .outcome = one->out};
    ret->outcome.samples = (uint32_t)n;
    if (n >= in->count && !near) {
        if (in->take == TAKE_MEAN)
            average(x, in, u, n, &ret->outcome);
        return;
    }
    ret->outcome.found = false;
    ret->outcome.reason = REASON_TOO_FEW;
    if (n >= in->count)
        ret->outcome.seen.note = "the first and the last of them are nearer to each other than the model needs";
}

static void note_subject(const struct subject *s, struct subject *about, bool *mixed)
{
    if (about->kind == SUBJECT_NONE)
        *about = *s;
    else if (!subject_same(about, s))
        *mixed = true;
}

static bool needs_all(const struct input *in)
{
    return in->count > 1 || in->take != TAKE_LATEST;
}

enum step match_try(const struct index *x, const struct input *in, const struct input_code *code, const struct fact *f,
                    int64_t at_us, struct outcome *ret)
{
    struct trial t = {.x = x, .in = in, .code = code, .fact = f, .at_us = at_us};
    enum step step = try_fact(&t);
    *ret = t.out;
    return step;
}

int match_weigh(struct index *x, const struct input *in, const struct fact *f, enum step step,
                const struct outcome *out, struct matching *m)
{
    struct chosen_fact *b = &m->best;
    if (!b->fact || step > b->step || (step == b->step && order(f, b->fact) > 0))
        *b = (struct chosen_fact){.fact = f, .step = step, .outcome = *out};
    if (step != STEP_USABLE)
        return 0;
    if (x->patients != 1)
        note_subject(&f->subject, m->about, m->mixed);
    if (!needs_all(in))
        return 0;
    struct usable *list = index_more(x->a, m->usable, m->n, &m->cap, sizeof *list);
    if (!list)
        return -1;
    m->usable = list;
    m->usable[m->n++] = (struct usable){f, *out};
    return 0;
}

static int match_code(struct index *x, const struct input *in, const struct input_code *code, int64_t at_us,
                      struct matching *m)
{
    for (const struct coding *k = index_find(x, &code->code); k; k = index_next(x, k, &code->code)) {
        struct fact *f = &x->fact[k->fact];
        struct outcome out;
        if (f->kind != FACT_OBSERVATION || f->tried == x->matches)
            continue;
        enum step step = match_try(x, in, code, f, at_us, &out);
        /* One that has several of the codes counts once, by any; but a code that its unit contradicts is not outvoted.
         */
        if (step == STEP_USABLE || out.reason == REASON_UNIT_CONTRADICTS_CODE)
            f->tried = x->matches;
        if (match_weigh(x, in, f, step, &out, m))
            return -1;
    }
    return 0;
}

int match_observation_facts(struct index *x, const struct input *in, int64_t at_us, struct subject *about, bool *mixed,
                            struct chosen_fact *ret)
{
    struct matching m = {
        .about = about,
        .mixed = mixed,
        .best.outcome = {.reason = REASON_ABSENT, .time_us = WIRE_NO_TIME, .seen.time_us = WIRE_NO_TIME}};
    x->matches++;
    for (size_t i = 0; i < in->codes; i++)
        if (!in->code[i].part && match_code(x, in, &in->code[i], at_us, &m))
            return -1;
    if (in->mean_pressure && m.best.step != STEP_USABLE && match_pressures(x, in, at_us, &m))
        return -1;
    if (in->mean_pressure && !m.best.fact)
        m.best.outcome.seen.note =
            "the systolic and the diastolic one count together, as components of one Observation";
    m.best.outcome.samples = m.best.outcome.found;
    if (m.n)
        take(x, in, m.usable, m.n, &m.best);
    *ret = m.best;
    return 0;
}

/* --- what a patient has or has not --- */

/* What is over or past says nothing of now that a list of nothing could not say better; what may be so now does, and
 * stands against it. */
static enum presence presence_of(const struct fact *f, bool part, bool ever)
{
    if (f->certain == CERTAIN_ERROR)
        return PRESENCE_UNKNOWN;
    if (f->certain == CERTAIN_REFUTED || (f->when == WHEN_OVER && f->certain == CERTAIN_CONFIRMED && !ever))
        return part ? PRESENCE_UNKNOWN : PRESENCE_NO;
    if (!ever && (f->when == WHEN_OVER || f->when == WHEN_PAST))
        return PRESENCE_UNKNOWN;
    return f->certain == CERTAIN_CONFIRMED && (ever || f->when == WHEN_NOW) ? PRESENCE_YES : PRESENCE_MAYBE;
}

/* The higher, the more it says. Who answers "no" was asked because nothing better than "perhaps" was there. */
static int weight(enum presence p, const struct fact *f)
{
    return p == PRESENCE_NO && f->item >= 0 ? 2 * PRESENCE_MAYBE + 1 : 2 * (int)p;
}

struct weighing {
    const struct wanted *w;
    const struct subject *about;
    enum presence best;
    const struct fact *fact;
};

static void weigh_facts(struct index *x, const struct code *c, struct weighing *g)
{
    for (const struct coding *k = index_find(x, c); k; k = index_next(x, k, c)) {
        const struct fact *f = &x->fact[k->fact];
        if (f->kind != g->w->kind || !subject_same(&f->subject, g->about))
            continue;
        enum presence now = presence_of(f, c->part || k->above, g->w->ever);
        if (weight(now, f) <= (g->fact ? weight(g->best, g->fact) : 0))
            continue;
        g->best = now;
        g->fact = f;
    }
}

enum presence match_presence(struct index *x, const struct subject *about, const struct wanted *w,
                             const struct fact **ret_fact)
{
    struct weighing g = {.w = w, .about = about, .best = PRESENCE_UNKNOWN};
    struct code own = answer_code(x->a, w->model, w->name);
    if (about->kind != SUBJECT_NONE) {
        for (size_t i = 0; i < w->codes; i++)
            weigh_facts(x, (const struct code *)((const char *)w->code + i * w->stride), &g);
        weigh_facts(x, &own, &g);
        for (size_t i = 0; g.best == PRESENCE_UNKNOWN && i < x->silences; i++)
            if (x->silence[i].of == w->of && subject_same(&x->silence[i].where.subject, about)) {
                g.best = PRESENCE_NO;
                g.fact = &x->silence[i].where;
            }
    }
    for (size_t i = 0; g.best == PRESENCE_UNKNOWN && i < x->q->absents; i++)
        if (slice_eq(x->q->absent[i], w->name))
            g.best = PRESENCE_NO;
    *ret_fact = g.fact;
    return g.best;
}
