#include "negotiate/negotiate.h"

#include <stdlib.h>

#include "base/clock.h"
#include "negotiate/negotiate_int.h"

struct work {
    const struct negotiation *q;
    struct index x;
    struct arena *a;
    struct err *e;
};

const char *reason_name(enum reason r)
{
    static const char *const name[REASON_COUNT] = {
        [REASON_NONE] = "none",
        [REASON_ABSENT] = "absent",
        [REASON_STALE] = "stale",
        [REASON_STATUS_NOT_USABLE] = "status-not-usable",
        [REASON_NO_VALUE] = "no-value",
        [REASON_UNIT_MISSING] = "unit-missing",
        [REASON_UNIT_NOT_CONVERTIBLE] = "unit-not-convertible",
        [REASON_UNIT_CONTRADICTS_CODE] = "unit-contradicts-code",
        [REASON_OUT_OF_RANGE] = "out-of-range",
        [REASON_TOO_FEW] = "too-few",
        [REASON_WRONG_SUBJECT] = "wrong-subject",
        [REASON_MIXED_SUBJECTS] = "mixed-subjects",
        [REASON_TIME_MISSING] = "time-missing",
        [REASON_NOT_ASSERTED] = "not-asserted",
        [REASON_POPULATION] = "population",
    };
    return name[r];
}

static int no_memory(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "negotiating");
}

/* Of one model, while it is judged. */
struct judging {
    struct work *w;
    struct candidate *c;
    const struct manifest *m;
    const struct fact **fact; /* the one each Observation input came from */
    struct subject about;
    bool mixed;
    size_t cap;
};

/* --- Observations --- */

static int set_path(struct judging *g, struct outcome *o, const struct fact *f)
{
    if (!f)
        return 0;
    o->seen.path = index_path(&g->w->x, f);
    return o->seen.path ? 0 : no_memory(g->w->e);
}

static int match_observations(struct judging *g)
{
    const struct index *x = &g->w->x;
    for (size_t i = 0; i < g->m->inputs; i++) {
        const struct input *in = &g->m->input[i];
        if (in->source != INPUT_OBSERVATION)
            continue;
        struct chosen_fact f;
        match_input(x, in, g->w->q->at_us, &f);
        if (f.step == STEP_USABLE && x->patients != 1)
            match_subjects(x, in, g->w->q->at_us, &g->about, &g->mixed);
        g->c->outcome[i] = f.outcome;
        g->fact[i] = f.fact;
        if (set_path(g, &g->c->outcome[i], f.fact))
            return -1;
    }
    for (size_t i = 0; g->mixed && i < g->m->inputs; i++)
        if (g->c->outcome[i].found) {
            g->c->outcome[i].found = false;
            g->c->outcome[i].reason = REASON_MIXED_SUBJECTS;
        }
    if (x->patients == 1)
        g->about = (struct subject){.kind = SUBJECT_PATIENT, .patient = 0};
    return 0;
}

/* --- demographics --- */

static const struct patient *patient_of(const struct judging *g)
{
    return g->about.kind == SUBJECT_PATIENT && !g->mixed ? &g->w->x.patient[g->about.patient] : NULL;
}

static struct outcome lacks(enum reason r, const char *note)
{
    return (struct outcome){.reason = r, .time_us = WIRE_NO_TIME, .seen = {.time_us = WIRE_NO_TIME, .note = note}};
}

static int see_patient(struct judging *g, struct outcome *o, const struct patient *p)
{
    struct fact f = {.entry = p->entry, .contained = -1, .component = -1};
    return set_path(g, o, &f);
}

/* The civil date at the front of a FHIR date or dateTime: year, and month and day or 0. */
static int read_date(struct slice s, int part[3])
{
    int64_t v;
    static const int at[] = {0, 5, 8}, size[] = {4, 2, 2};
    part[1] = part[2] = 0;
    for (int i = 0; i < 3 && s.n >= (size_t)(at[i] + size[i]); i++) {
        if (!slice_int((struct slice){s.p + at[i], (size_t)size[i]}, 0, 9999, &v))
            return 0;
        part[i] = (int)v;
    }
    return s.n >= 4;
}

static int years(const int b[3], const int on[3])
{
    return on[0] - b[0] - (on[1] < b[1] || (on[1] == b[1] && on[2] < b[2]));
}

/* Completed years between two dates as they are written; -1 when their precision leaves it open. */
static int completed_years(struct slice birth, struct slice day)
{
    int b[3], d[3];
    if (!read_date(birth, b) || !read_date(day, d))
        return -1;
    int young[3] = {b[0], b[1] ? b[1] : 12, b[2] ? b[2] : 31}, old[3] = {b[0], b[1] ? b[1] : 1, b[2] ? b[2] : 1};
    int first[3] = {d[0], d[1] ? d[1] : 1, d[2] ? d[2] : 1}, last[3] = {d[0], d[1] ? d[1] : 12, d[2] ? d[2] : 31};
    int least = years(young, first), most = years(old, last);
    return least == most && least >= 0 ? least : -1;
}

static struct slice birth_date(const struct judging *g)
{
    const struct patient *p = patient_of(g);
    return p ? json_get_text(g->w->x.j, p->node, "birthDate", g->w->a) : (struct slice){NULL, 0};
}

static enum reason misses_patient(const struct judging *g)
{
    return g->mixed || (g->w->x.patients > 1 && g->about.kind == SUBJECT_NONE) ? REASON_MIXED_SUBJECTS : REASON_ABSENT;
}

static bool age_fits(const struct manifest *m, int age)
{
    return (m->age_min < 0 || age >= m->age_min) && (m->age_max < 0 || age <= m->age_max);
}

static struct outcome judge_age(struct judging *g, const struct input *in, struct slice birth, struct slice day)
{
    struct dec d;
    int age = completed_years(birth, day);
    if (birth.n == 0)
        return lacks(REASON_ABSENT, NULL);
    if (age < 0)
        return lacks(REASON_NO_VALUE,
                     "completed years cannot be told from it: a full date, not after the sample, is needed");
    if (!age_fits(g->m, age))
        return lacks(REASON_POPULATION, NULL);
    char *text = arena_printf(g->w->a, "%d", age);
    if (!text || !dec_parse(slice_of(text), &d))
        return lacks(REASON_NO_VALUE, NULL);
    if (in->hard.set && (dec_cmp(&d, &in->hard.low) < 0 || dec_cmp(&d, &in->hard.high) > 0))
        return lacks(REASON_OUT_OF_RANGE, NULL);
    g->c->age = age;
    struct outcome o = lacks(REASON_NONE, NULL);
    o.found = true;
    o.value = slice_of(text);
    o.unit = in->unit;
    o.soft = in->soft.set && (dec_cmp(&d, &in->soft.low) < 0 || dec_cmp(&d, &in->soft.high) > 0);
    return o;
}

static struct slice judge_gender(struct judging *g, const struct input *in, const struct patient *p,
                                 struct outcome *ret)
{
    struct slice sex = json_get_text(g->w->x.j, p->node, "gender", g->w->a);
    *ret = lacks(sex.n ? REASON_POPULATION : REASON_ABSENT, NULL);
    for (size_t i = 0; i < in->values_n; i++)
        if (sex.n && slice_eq(in->values[i], sex)) {
            *ret = lacks(REASON_NONE, NULL);
            ret->found = true;
            ret->value = json_span(g->w->x.j, json_get(g->w->x.j, p->node, "gender"));
            return sex;
        }
    return (struct slice){NULL, 0};
}

static int match_patient(struct judging *g)
{
    const struct patient *p = patient_of(g);
    char now[CLOCK_TEXT];
    clock_text(g->w->q->at_us, now);
    for (size_t i = 0; i < g->m->inputs; i++) {
        const struct input *in = &g->m->input[i];
        struct outcome *o = &g->c->outcome[i];
        if (in->source != INPUT_AGE && in->source != INPUT_GENDER)
            continue;
        if (!p) {
            *o = lacks(misses_patient(g), NULL);
            continue;
        }
        /* While the sample is missing the age now stands in, so that its absence is told once. */
        const struct fact *base = in->age_of >= 0 && g->c->outcome[in->age_of].found ? g->fact[in->age_of] : NULL;
        if (in->source == INPUT_GENDER)
            g->c->sex = judge_gender(g, in, p, o);
        else
            *o = judge_age(g, in, birth_date(g), base && base->time_text.n ? base->time_text : (struct slice){now, 10});
        if (see_patient(g, o, p))
            return -1;
    }
    return 0;
}

/* --- Conditions --- */

static int match_conditions(struct judging *g)
{
    for (size_t i = 0; i < g->m->inputs; i++) {
        const struct input *in = &g->m->input[i];
        const struct fact *f = NULL;
        if (in->source != INPUT_CONDITION)
            continue;
        enum presence p = g->mixed
                              ? PRESENCE_UNKNOWN
                              : match_condition(&g->w->x, &g->about, &in->code->code, in->codes, sizeof *in->code, &f);
        struct outcome *o = &g->c->outcome[i];
        *o = lacks(in->must_assert && p != PRESENCE_YES && p != PRESENCE_NO ? REASON_NOT_ASSERTED : REASON_NONE,
                   p == PRESENCE_MAYBE ? "it is not confirmed" : NULL);
        o->found = o->reason == REASON_NONE;
        o->value = p == PRESENCE_YES ? in->present : in->absent;
        if (set_path(g, o, f))
            return -1;
    }
    return 0;
}

/* --- what is missing --- */

static struct missing *add_missing(struct judging *g, struct missing m)
{
    if (g->c->missings == g->cap)
        return NULL;
    g->c->missing[g->c->missings] = m;
    return &g->c->missing[g->c->missings++];
}

static void add_input(struct judging *g, size_t i, bool mandatory, struct slice group)
{
    static const char patient[] = "http://hl7.org/fhir/StructureDefinition/Patient";
    const struct input *in = &g->m->input[i];
    struct missing m = {.input = in,
                        .name = in->name,
                        .display = in->display,
                        .mandatory = mandatory,
                        .group = group,
                        .reason = g->c->outcome[i].reason,
                        .seen = g->c->outcome[i].seen};
    if (in->codes) {
        m.system = in->code->code.system;
        m.code = in->code->code.code;
    } else {
        m.system = slice_of(patient);
        m.code = in->source == INPUT_AGE ? SLICE("Patient.birthDate") : SLICE("Patient.gender");
    }
    if (m.reason == REASON_POPULATION && mandatory)
        g->c->fits = false;
    add_missing(g, m);
}

static uint64_t found_inputs(const struct candidate *c, size_t n)
{
    uint64_t set = 0;
    for (size_t i = 0; i < n; i++)
        set |= (uint64_t)c->outcome[i].found << i;
    return set;
}

/* The inputs that complete the nearest alternative of a group; 0 when one is complete. */
static uint64_t group_lacks(const struct group *gr, uint64_t found)
{
    uint64_t best = gr->alternative[0] & ~found;
    for (size_t i = 1; i < gr->alternatives; i++) {
        uint64_t lack = gr->alternative[i] & ~found;
        if (__builtin_popcountll(lack) < __builtin_popcountll(best))
            best = lack;
    }
    return best;
}

static void misfit(struct judging *g, struct slice name, struct slice code, struct slice display, enum reason r,
                   struct sighting seen)
{
    struct missing m = {.name = name,
                        .system = SLICE("http://hl7.org/fhir/StructureDefinition/Patient"),
                        .code = code,
                        .display = display,
                        .mandatory = true,
                        .reason = r,
                        .seen = seen};
    g->c->fits = g->c->fits && r != REASON_POPULATION;
    g->c->distance++;
    add_missing(g, m);
}

static bool has_source(const struct manifest *m, enum input_source s)
{
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].source == s)
            return true;
    return false;
}

static bool is_listed(struct slice s, const struct slice *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(list[i], s))
            return true;
    return false;
}

/* Limits of the population that no input of the model stands for; unknown is not outside. */
static int check_population(struct judging *g)
{
    const struct patient *p = patient_of(g);
    struct outcome o = lacks(REASON_POPULATION, NULL);
    char now[CLOCK_TEXT];
    clock_text(g->w->q->at_us, now);
    if (!p)
        return 0;
    if (see_patient(g, &o, p))
        return -1;
    int age = completed_years(birth_date(g), (struct slice){now, 10});
    if (!has_source(g->m, INPUT_AGE) && age >= 0 && !age_fits(g->m, age))
        misfit(g, SLICE("population.age"), SLICE("Patient.birthDate"), SLICE("Age within the model's population"),
               REASON_POPULATION, o.seen);
    struct slice sex = json_get_text(g->w->x.j, p->node, "gender", g->w->a);
    if (!has_source(g->m, INPUT_GENDER) && g->m->sex_n && sex.n && !is_listed(sex, g->m->sex, g->m->sex_n))
        misfit(g, SLICE("population.sex"), SLICE("Patient.gender"), SLICE("Sex within the model's population"),
               REASON_POPULATION, o.seen);
    return 0;
}

static int check_exclusions(struct judging *g)
{
    for (size_t i = 0; i < g->m->conditions; i++) {
        const struct condition *k = &g->m->condition[i];
        const struct fact *f = NULL;
        struct outcome o = lacks(REASON_NONE, NULL);
        enum presence p = match_condition(&g->w->x, &g->about, k->code, k->codes, sizeof *k->code, &f);
        if (p == PRESENCE_YES || p == PRESENCE_MAYBE)
            o.reason = REASON_POPULATION;
        else if (p == PRESENCE_UNKNOWN && k->must_assert)
            o.reason = REASON_NOT_ASSERTED;
        if (o.reason == REASON_NONE)
            continue;
        if (set_path(g, &o, f))
            return -1;
        misfit(g, k->id, k->code->code, k->display, o.reason, o.seen);
        g->c->missing[g->c->missings - 1].system = k->code->system;
    }
    return 0;
}

static int list_missing(struct judging *g)
{
    uint64_t found = found_inputs(g->c, g->m->inputs), in_group = 0;
    for (size_t i = 0; i < g->m->inputs; i++)
        if (g->m->input[i].required && !g->c->outcome[i].found) {
            add_input(g, i, true, (struct slice){NULL, 0});
            g->c->distance++;
        }
    for (size_t k = 0; k < g->m->groups; k++) {
        uint64_t lack = group_lacks(&g->m->group[k], found);
        g->c->distance += lack != 0;
        for (size_t i = 0; i < g->m->inputs; i++)
            if (lack >> i & 1 & ~(in_group >> i))
                add_input(g, i, true, g->m->group[k].id);
        in_group |= lack;
    }
    if (check_population(g) || check_exclusions(g))
        return -1;
    for (size_t i = 0; i < g->m->inputs; i++) {
        if (g->m->input[i].required)
            continue;
        g->c->optional++;
        g->c->optional_found += g->c->outcome[i].found;
        if (!g->c->outcome[i].found && !(in_group >> i & 1))
            add_input(g, i, false, (struct slice){NULL, 0});
    }
    g->c->ready = g->c->distance == 0;
    return 0;
}

static int judge(struct work *w, const struct manifest *m, struct candidate *c)
{
    struct judging g = {.w = w, .c = c, .m = m, .cap = m->inputs + m->conditions + 2};
    *c = (struct candidate){.model = m, .fits = true, .age = -1};
    c->outcome = arena_take(w->a, m->inputs * sizeof *c->outcome);
    c->missing = arena_take(w->a, g.cap * sizeof *c->missing);
    g.fact = arena_take(w->a, m->inputs * sizeof *g.fact);
    if (!c->outcome || !c->missing || !g.fact)
        return no_memory(w->e);
    return match_observations(&g) || match_patient(&g) || match_conditions(&g) || list_missing(&g) ? -1 : 0;
}

/* --- choosing --- */

static int by_bytes(struct slice x, struct slice y)
{
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : x.n < y.n ? -1 : x.n > y.n;
}

static int by_rank(const void *p, const void *q)
{
    const struct candidate *x = p, *y = q;
    if (x->fits != y->fits)
        return x->fits ? -1 : 1;
    if (x->declared != y->declared)
        return x->declared < y->declared ? -1 : 1;
    if (x->model->scored != y->model->scored)
        return x->model->scored ? -1 : 1;
    int c = x->model->scored ? dec_cmp(&y->model->score, &x->model->score) : 0;
    if (c)
        return c;
    /* a model without optional inputs lacks none: 1 of 1 */
    uint64_t xf = x->optional ? x->optional_found : 1, xn = x->optional ? x->optional : 1;
    uint64_t yf = y->optional ? y->optional_found : 1, yn = y->optional ? y->optional : 1;
    if (xf * yn != yf * xn)
        return xf * yn > yf * xn ? -1 : 1;
    int64_t xc = x->model->runtime.timeout_us * x->model->runtime.cpu,
            yc = y->model->runtime.timeout_us * y->model->runtime.cpu;
    if (xc != yc)
        return xc < yc ? -1 : 1;
    c = by_bytes(x->model->key, y->model->key);
    return c ? c : by_bytes(x->model->version, y->model->version);
}

static bool curable(const struct candidate *c)
{
    for (size_t i = 0; i < c->missings; i++)
        if (c->missing[i].mandatory && c->missing[i].reason == REASON_POPULATION)
            return false;
    return true;
}

static void choose(struct decision *d)
{
    for (size_t i = 0; i < d->candidates; i++) {
        const struct candidate *c = &d->candidate[i];
        if (!d->chosen && c->ready && (i == 0 || d->policy == NEGOTIATE_BEST_READY))
            d->chosen = c;
        if (!c->ready && curable(c) && (!d->minimal || c->distance < d->minimal->distance))
            d->minimal = c;
    }
    d->shown = d->chosen ? d->chosen : &d->candidate[0];
}

/* Would a datum for `m` also serve this candidate? By the code it would be asked for. */
static bool serves(const struct missing *m, const struct candidate *c)
{
    for (size_t i = 0; i < c->missings; i++) {
        const struct missing *o = &c->missing[i];
        if (!o->mandatory || !o->input)
            continue;
        if (slice_eq(o->code, m->code) && slice_eq(o->system, m->system))
            return true;
        for (size_t k = 0; k < o->input->codes; k++)
            if (slice_eq(o->input->code[k].code.code, m->code) && slice_eq(o->input->code[k].code.system, m->system))
                return true;
    }
    return false;
}

static int weigh(struct work *w, const struct decision *d, const struct missing *m, struct next_best *ret)
{
    *ret = (struct next_best){.missing = m, .unlocks = arena_take(w->a, d->candidates * sizeof *ret->unlocks)};
    if (!ret->unlocks)
        return no_memory(w->e);
    for (size_t i = 0; i < d->candidates; i++) {
        const struct candidate *c = &d->candidate[i];
        if (c->ready || !curable(c) || !serves(m, c))
            continue;
        ret->gain += (c->distance == 1 ? 1000 : 100) / c->rank;
        if (c->distance == 1)
            ret->unlocks[ret->unlocks_n++] = c;
    }
    return 0;
}

static int find_next(struct work *w, struct decision *d)
{
    enum { NEXT = 3 };
    d->next = arena_take(w->a, (NEXT + 1) * sizeof *d->next);
    if (!d->next)
        return no_memory(w->e);
    for (size_t i = 0; i < d->candidates; i++) {
        const struct candidate *c = &d->candidate[i];
        for (size_t k = 0; k < c->missings && !c->ready && curable(c); k++) {
            const struct missing *m = &c->missing[k];
            size_t at = 0;
            bool known = !m->mandatory || !m->input;
            for (size_t n = 0; n < i && !known; n++) /* a better-ranked model asks for it already */
                known = !d->candidate[n].ready && curable(&d->candidate[n]) && serves(m, &d->candidate[n]);
            struct next_best one;
            if (known)
                continue;
            if (weigh(w, d, m, &one))
                return -1;
            while (at < d->nexts && d->next[at].gain >= one.gain)
                at++;
            memmove(&d->next[at + 1], &d->next[at], (d->nexts - at) * sizeof one);
            d->next[at] = one;
            d->nexts += d->nexts < NEXT;
        }
    }
    return 0;
}

int negotiate(struct arena *a, const struct negotiation *q, struct decision *ret, struct err *e)
{
    unsigned before = arena_failed(a);
    struct work w = {.q = q, .x = {.j = q->doc, .a = a}, .a = a, .e = e};
    struct decision d = {.at_us = q->at_us, .policy = q->policy, .candidates = q->models};
    if (q->models == 0)
        return err_set(e, ERR_UNKNOWN_TARGET, "no model to negotiate with");
    if (!(d.candidate = arena_take(a, q->models * sizeof *d.candidate)))
        return no_memory(e);
    if (index_bundle(&w.x, q->bundle, e))
        return -1;
    for (size_t i = 0; i < q->models; i++)
        if (judge(&w, q->model[i], &d.candidate[i]))
            return -1;
    for (size_t i = 0; q->rank && i < q->models; i++)
        d.candidate[i].declared = q->rank[i];
    qsort(d.candidate, d.candidates, sizeof *d.candidate, by_rank);
    for (size_t i = 0; i < d.candidates; i++)
        d.candidate[i].rank = (uint32_t)i + 1;
    choose(&d);
    if (find_next(&w, &d))
        return -1;
    /* A text that could not be read looks absent: rather no decision than one without it. */
    if (arena_failed(a) != before)
        return no_memory(e);
    *ret = d;
    return 0;
}

int decision_inputs(struct arena *a, const struct candidate *c, struct wire_request *ret, struct err *e)
{
    struct wire_input *list = arena_take(a, c->model->inputs * sizeof *list);
    size_t n = 0;
    if (!list)
        return no_memory(e);
    for (size_t i = 0; i < c->model->inputs; i++) {
        const struct outcome *o = &c->outcome[i];
        if (o->found)
            list[n++] = (struct wire_input){c->model->input[i].name, o->value, o->unit, o->time_us};
    }
    ret->input = list;
    ret->inputs = n;
    ret->age = c->age;
    ret->sex = c->sex;
    return 0;
}
