#include "negotiate/negotiate_int.h"

static const char ucum[] = "http://unitsofmeasure.org";

/* One fact against one input: which step it failed at, or usable. */
struct trial {
    const struct index *x;
    const struct input *in;
    const struct input_code *code;
    const struct fact *fact;
    int64_t at_us;
    struct outcome out;
};

static enum step fail(struct trial *t, enum step step, enum reason reason, const char *note)
{
    t->out.found = false;
    t->out.reason = reason;
    t->out.seen.note = note;
    return step;
}

/* --- coded answers --- */

static const struct choice *find_choice(const struct choice *c, size_t n, struct slice system, struct slice code)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(c[i].code, code) && slice_eq(c[i].system, system))
            return &c[i];
    return NULL;
}

static struct slice quoted(struct arena *a, struct slice word)
{
    struct buf b = buf_in(a, 1024);
    struct json_out o = json_out(&b);
    json_put(&o, word);
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

static enum step take_word(struct trial *t, struct slice word)
{
    t->out.value = quoted(t->x->a, word);
    return t->out.value.p ? STEP_TIME : fail(t, STEP_VALUE, REASON_NO_VALUE, NULL);
}

static enum step try_coded(struct trial *t)
{
    const struct json *j = t->x->j;
    uint32_t concept = json_get_kind(j, t->fact->node, "valueCodeableConcept", JSON_OBJECT);
    uint32_t list = concept ? json_get_kind(j, concept, "coding", JSON_ARRAY) : 0;
    const struct choice *found = NULL;
    if (!list)
        return fail(t, STEP_VALUE, REASON_NO_VALUE, "it has no coded value");
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        struct slice system = json_get_text(j, k, "system", t->x->a), code = json_get_text(j, k, "code", t->x->a);
        const struct choice *c = find_choice(t->code->choice, t->code->choices, system, code);
        if (!c)
            c = find_choice(t->in->choice, t->in->choices, system, code);
        if (c && found && !slice_eq(c->value, found->value))
            return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, "its coded answers contradict each other");
        if (c)
            found = c;
    }
    return found ? take_word(t, found->value)
                 : fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, "its coded answer is none the model takes");
}

/* --- numbers --- */

static bool lists_unit(const struct input_code *c, struct slice unit)
{
    for (size_t i = 0; i < c->units_n; i++)
        if (slice_eq(c->units[i], unit))
            return true;
    return false;
}

static bool is_one(struct slice unit)
{
    return slice_is(unit, "1") || (unit.n && unit.p[0] == '{');
}

/* The number and its unit as they stand; valueInteger is one of unit 1. */
static enum step read_number(struct trial *t, struct slice *ret_value, struct slice *ret_unit)
{
    const struct json *j = t->x->j;
    uint32_t q = json_get_kind(j, t->fact->node, "valueQuantity", JSON_OBJECT);
    if (!q) {
        uint32_t whole = json_get_kind(j, t->fact->node, "valueInteger", JSON_NUMBER);
        if (!whole || !is_one(t->in->unit))
            return fail(t, STEP_VALUE, REASON_NO_VALUE,
                        whole ? "it has a number without a unit; send valueQuantity" : "it has no valueQuantity");
        *ret_value = json_raw(j, whole);
        *ret_unit = t->in->unit;
        return STEP_USABLE;
    }
    uint32_t v = json_get_kind(j, q, "value", JSON_NUMBER);
    if (!v)
        return fail(t, STEP_VALUE, REASON_NO_VALUE, "its valueQuantity has no value");
    if (json_get(j, q, "comparator"))
        return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, "it has a comparator: the value itself is not known");
    uint32_t system = json_get(j, q, "system");
    *ret_value = json_raw(j, v);
    *ret_unit = json_get_text(j, q, "code", t->x->a);
    if (!system || !json_is(j, system, ucum) || !ret_unit->n)
        return fail(t, STEP_UNIT, REASON_UNIT_MISSING,
                    "its unit has no code of http://unitsofmeasure.org; the text of a unit does not count");
    return STEP_USABLE;
}

static bool outside(const struct range *r, const struct dec *d)
{
    return r->set && (dec_cmp(d, &r->low) < 0 || dec_cmp(d, &r->high) > 0);
}

/* A number that becomes a word: flow above 0 is oxygen. */
static enum step try_above(struct trial *t)
{
    struct slice value = {0}, unit = {0};
    struct dec d;
    enum step s = read_number(t, &value, &unit);
    if (s != STEP_USABLE)
        return s;
    if (!lists_unit(t->code, unit))
        return fail(t, STEP_UNIT, REASON_UNIT_NOT_CONVERTIBLE, NULL);
    if (!dec_parse(value, &d) || outside(&t->code->hard, &d))
        return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, NULL);
    return take_word(t, dec_cmp(&d, &t->code->limit) > 0 ? t->code->more : t->code->other);
}

static enum step try_number(struct trial *t)
{
    struct slice value = {0}, unit = {0};
    struct dec d;
    enum step s = read_number(t, &value, &unit);
    if (s != STEP_USABLE)
        return s;
    const struct unit *u = manifest_unit(t->in, unit);
    if (!u)
        return fail(t, STEP_UNIT, REASON_UNIT_NOT_CONVERTIBLE, NULL);
    if (t->code->units_n && !lists_unit(t->code, unit))
        return fail(t, STEP_UNIT, REASON_UNIT_CONTRADICTS_CODE, "this code is never measured in that unit");
    if (!u->same && !exact_ratio(t->x->a, value, u->over, u->under, &value))
        return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, "its number has too many digits");
    if (!dec_parse(value, &d))
        return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, "its number has too many digits");
    if (outside(&t->in->hard, &d) || outside(&t->code->hard, &d))
        return fail(t, STEP_RANGE, REASON_OUT_OF_RANGE, NULL);
    t->out.value = value;
    t->out.unit = t->in->unit;
    t->out.soft = outside(&t->in->soft, &d);
    return STEP_TIME;
}

/* --- presence --- */

/* A unit as it was sent: its code, else its text when that is one short word. */
static struct slice unit_word(const struct trial *t, uint32_t quantity)
{
    struct slice code = json_get_text(t->x->j, quantity, "code", t->x->a);
    struct slice word = code.n ? code : json_get_text(t->x->j, quantity, "unit", t->x->a);
    for (size_t i = 0; i < word.n; i++)
        if (word.n > 20 || word.p[i] <= ' ' || word.p[i] > '~')
            return (struct slice){NULL, 0};
    return word;
}

/* What was sent, as it was sent; but no free text, which could name somebody, and for what has no scalar that it is
 * there. */
static enum step try_presence(struct trial *t)
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
    return STEP_TIME;
}

/* --- time --- */

/* Without a window any time will do, but none in the future. */
static enum step try_time(struct trial *t)
{
    if (t->fact->time_us == WIRE_NO_TIME) {
        if (t->in->within.n)
            return fail(t, STEP_TIME, REASON_TIME_MISSING, NULL);
    } else if (t->fact->time_us > t->at_us + NEGOTIATE_AHEAD_US) {
        return fail(t, STEP_TIME, REASON_STALE, "it lies in the future");
    } else if (t->in->within.n && t->fact->time_us < t->at_us - t->in->within_us) {
        return fail(t, STEP_TIME, REASON_STALE, NULL);
    }
    t->out.found = true;
    t->out.reason = REASON_NONE;
    t->out.time_us = t->fact->time_us;
    return STEP_USABLE;
}

/* With one Patient in the Bundle it must be that one; else subjects are compared when all is known. */
static bool about_patient(const struct index *x, const struct input *in, const struct subject *s)
{
    if (x->patients == 1)
        return s->kind == SUBJECT_PATIENT;
    if (in->presence && x->patients == 0 && s->kind == SUBJECT_NONE)
        return true; /* nobody is named at all: all of it is about the one who is not named */
    return s->kind == SUBJECT_PATIENT || s->kind == SUBJECT_REFERENCE;
}

static enum step try_fact(struct trial *t)
{
    t->out = (struct outcome){.time_us = WIRE_NO_TIME, .seen = {.time_us = t->fact->time_us}};
    if (!about_patient(t->x, t->in, &t->fact->subject))
        return fail(t, STEP_SUBJECT, REASON_WRONG_SUBJECT,
                    t->fact->subject.kind == SUBJECT_NONE ? "it names no subject" : NULL);
    if (!(t->fact->status & t->in->status))
        return fail(t, STEP_STATUS, REASON_STATUS_NOT_USABLE, NULL);
    if (json_get(t->x->j, t->fact->node, "dataAbsentReason"))
        return fail(t, STEP_VALUE, REASON_NO_VALUE, "it has a dataAbsentReason");
    enum step s = t->in->presence  ? try_presence(t)
                  : t->code->above ? try_above(t)
                  : t->in->coded   ? try_coded(t)
                                   : try_number(t);
    return s == STEP_TIME && t->out.value.p ? try_time(t) : s;
}

static const struct input_code *code_of(const struct index *x, const struct fact *f, const struct input *in)
{
    for (size_t i = 0; i < in->codes; i++)
        if (index_has_code(x, f, &in->code[i].code))
            return &in->code[i];
    return NULL;
}

/* Is the new one better: nearer, then later, then corrected, then behind the old one in the Bundle? */
static bool beats(const struct fact *f, enum step step, const struct chosen_fact *old)
{
    const unsigned revised = STATUS_AMENDED | STATUS_CORRECTED;
    if (!old->fact || step != old->step)
        return !old->fact || step > old->step;
    if (f->time_us != old->fact->time_us)
        return f->time_us > old->fact->time_us;
    return !!(f->status & revised) >= !!(old->fact->status & revised);
}

void match_input(const struct index *x, const struct input *in, int64_t at_us, struct chosen_fact *ret)
{
    *ret = (struct chosen_fact){
        .outcome = {.reason = REASON_ABSENT, .time_us = WIRE_NO_TIME, .seen = {.time_us = WIRE_NO_TIME}}};
    for (size_t i = 0; i < x->facts; i++) {
        const struct fact *f = &x->fact[i];
        const struct input_code *code = code_of(x, f, in);
        if (!code)
            continue;
        struct trial t = {.x = x, .in = in, .code = code, .fact = f, .at_us = at_us};
        enum step step = try_fact(&t);
        if (beats(f, step, ret))
            *ret = (struct chosen_fact){.fact = f, .step = step, .outcome = t.out};
    }
}

void match_subjects(const struct index *x, const struct input *in, int64_t at_us, struct subject *ret, bool *mixed)
{
    for (size_t i = 0; i < x->facts; i++) {
        const struct fact *f = &x->fact[i];
        const struct input_code *code = code_of(x, f, in);
        struct trial t = {.x = x, .in = in, .code = code, .fact = f, .at_us = at_us};
        if (!code || try_fact(&t) != STEP_USABLE || f->subject.kind == SUBJECT_NONE)
            continue;
        if (ret->kind == SUBJECT_NONE)
            *ret = f->subject;
        else if (!subject_same(ret, &f->subject))
            *mixed = true;
    }
}

/* --- Conditions --- */

static enum presence presence_of(const struct problem *p)
{
    if (p->verified == VERIFIED_ERROR)
        return PRESENCE_UNKNOWN;
    if (p->verified == VERIFIED_REFUTED || (p->over && p->verified == VERIFIED_CONFIRMED))
        return PRESENCE_NO;
    if (p->active)
        return p->verified == VERIFIED_CONFIRMED ? PRESENCE_YES : PRESENCE_MAYBE;
    return PRESENCE_UNKNOWN;
}

enum presence match_condition(const struct index *x, const struct subject *about, const struct code *code, size_t codes,
                              size_t stride, const struct fact **ret_fact)
{
    static const int weight[] = {[PRESENCE_UNKNOWN] = 0, [PRESENCE_NO] = 1, [PRESENCE_MAYBE] = 2, [PRESENCE_YES] = 3};
    enum presence best = PRESENCE_UNKNOWN;
    for (size_t i = 0; i < x->problems; i++) {
        const struct problem *p = &x->problem[i];
        enum presence now = presence_of(p);
        if (weight[now] <= weight[best] || about->kind == SUBJECT_NONE || !subject_same(&p->fact.subject, about))
            continue;
        for (size_t k = 0; k < codes; k++) /* codes lie in an array of other structs, each beginning with its code */
            if (index_has_code(x, &p->fact, (const struct code *)((const char *)code + k * stride))) {
                best = now;
                *ret_fact = &p->fact;
                break;
            }
    }
    return best;
}
