/* missing.c -- what a judged model lacks, in the order it is told: what is required, groups, population and conditions,
 * then what would be welcome. And the smallest sets of inputs that would make it ready. */
#include "negotiate/negotiate_int.h"

static const char patient_system[] = "http://hl7.org/fhir/StructureDefinition/Patient";

static void add(struct candidate *c, struct missing m)
{
    if (m.mandatory && !reason_curable(m.reason))
        c->curable = false;
    if (m.mandatory && m.reason == REASON_POPULATION)
        c->fits = false;
    c->missing[c->missings++] = m;
}

static void add_input(struct judging *g, size_t i, bool mandatory, struct slice group)
{
    const struct input *in = &g->m->input[i];
    const struct outcome *o = &g->c->outcome[i];
    struct missing m = {.input = in,
                        .name = in->name,
                        .display = in->display,
                        .mandatory = mandatory,
                        .group = group,
                        .reason = o->reason,
                        .samples = o->samples,
                        .seen = o->seen};
    m.system = in->codes ? in->code->code.system : SLICE(patient_system);
    m.code = in->codes                 ? in->code->code.code
             : in->source == INPUT_AGE ? SLICE("Patient.birthDate")
                                       : SLICE("Patient.gender");
    add(g->c, m);
}

static uint64_t found_inputs(const struct candidate *c)
{
    uint64_t set = 0;
    for (size_t i = 0; i < c->model->inputs; i++)
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

static int misfit(struct judging *g, struct missing m, const struct fact *where)
{
    struct outcome o = {.seen.time_us = WIRE_NO_TIME};
    if (judge_see(g, &o, where))
        return -1;
    m.mandatory = true;
    m.seen = o.seen;
    g->c->distance++;
    add(g->c, m);
    return 0;
}

/* Limits of the population that no input of the model stands for; unknown is not outside. */
static int check_population(struct judging *g)
{
    const struct manifest *m = g->m;
    struct fact where = {.contained = -1, .component = -1, .item = -1};
    int age = judge_age_now(g, &where);
    if (!has_source(m, INPUT_AGE) && age >= 0 &&
        ((m->age_min >= 0 && age < m->age_min) || (m->age_max >= 0 && age > m->age_max)) &&
        misfit(g,
               (struct missing){.name = SLICE("population.age"),
                                .system = SLICE(patient_system),
                                .code = SLICE("Patient.birthDate"),
                                .display = SLICE("Age within the model's population"),
                                .reason = REASON_POPULATION},
               &where))
        return -1;
    struct slice sex = judge_sex(g, &where);
    if (!has_source(m, INPUT_GENDER) && m->sex_n && sex.n && !is_listed(sex, m->sex, m->sex_n))
        return misfit(g,
                      (struct missing){.name = SLICE("population.sex"),
                                       .system = SLICE(patient_system),
                                       .code = SLICE("Patient.gender"),
                                       .display = SLICE("Sex within the model's population"),
                                       .reason = REASON_POPULATION},
                      &where);
    return 0;
}

static enum reason condition_reason(const struct condition *k, enum presence p)
{
    if (k->requires)
        return p == PRESENCE_YES ? REASON_NONE : p == PRESENCE_NO ? REASON_POPULATION : REASON_NOT_ASSERTED;
    if (p == PRESENCE_YES || p == PRESENCE_MAYBE)
        return REASON_POPULATION;
    return p == PRESENCE_UNKNOWN && k->must_assert ? REASON_NOT_ASSERTED : REASON_NONE;
}

static int check_conditions(struct judging *g)
{
    for (size_t i = 0; i < g->m->conditions; i++) {
        const struct condition *k = &g->m->condition[i];
        const struct fact *f = NULL;
        struct missing m = {
            .condition = k, .name = k->id, .system = k->code->system, .code = k->code->code, .display = k->display};
        m.reason = condition_reason(k, judge_condition(g, k, &f));
        if (m.reason != REASON_NONE && misfit(g, m, f))
            return -1;
    }
    return 0;
}

int judge_missing(struct judging *g)
{
    struct candidate *c = g->c;
    uint64_t found = found_inputs(c), in_group = 0;
    for (size_t i = 0; i < g->m->inputs; i++)
        if (g->m->input[i].required && !c->outcome[i].found) {
            add_input(g, i, true, (struct slice){NULL, 0});
            c->distance++;
        }
    for (size_t k = 0; k < g->m->groups; k++) {
        uint64_t lack = group_lacks(&g->m->group[k], found);
        c->distance += lack != 0;
        for (size_t i = 0; i < g->m->inputs; i++)
            if (lack >> i & 1 & ~(in_group >> i))
                add_input(g, i, true, g->m->group[k].id);
        in_group |= lack;
    }
    if (check_population(g) || check_conditions(g))
        return -1;
    for (size_t i = 0; i < g->m->inputs; i++) {
        if (g->m->input[i].required)
            continue;
        c->optional++;
        c->optional_found += c->outcome[i].found;
        if (!c->outcome[i].found && !(in_group >> i & 1))
            add_input(g, i, false, (struct slice){NULL, 0});
    }
    c->ready = c->distance == 0;
    return 0;
}

/* --- the smallest sets --- */

struct search {
    struct candidate *c;
    uint64_t found;
    int least; /* inputs in the smallest so far */
    unsigned steps;
};

static void keep(struct search *s, uint64_t set)
{
    int size = __builtin_popcountll(set);
    if (size < s->least)
        s->c->sets = 0;
    s->least = size;
    for (size_t i = 0; i < s->c->sets; i++)
        if (s->c->set[i] == set)
            return;
    if (s->c->sets < NEGOTIATE_SETS)
        s->c->set[s->c->sets++] = set;
}

/* Every way through the alternatives of group `at` and those behind it; a set that is larger than the smallest known
 * is left. Groups are few and so are their alternatives, but a bound is a bound: past it the smallest found so far
 * stand. */
static void search(struct search *s, size_t at, uint64_t set)
{
    enum { STEPS = 4096 };
    const struct manifest *m = s->c->model;
    if (s->steps++ > STEPS || __builtin_popcountll(set) > s->least)
        return;
    while (at < m->groups && !group_lacks(&m->group[at], s->found | set))
        at++;
    if (at == m->groups) {
        keep(s, set);
        return;
    }
    for (size_t i = 0; i < m->group[at].alternatives; i++)
        search(s, at + 1, set | (m->group[at].alternative[i] & ~s->found));
}

int candidate_sets(struct arena *a, struct candidate *c, struct err *e)
{
    struct search s = {.c = c, .found = found_inputs(c), .least = 65};
    uint64_t need = 0;
    if (c->ready || !c->curable)
        return 0;
    if (!(c->set = arena_take(a, NEGOTIATE_SETS * sizeof *c->set)))
        return negotiate_no_memory(e);
    for (size_t i = 0; i < c->model->inputs; i++)
        need |= (uint64_t)(c->model->input[i].required && !c->outcome[i].found) << i;
    search(&s, 0, need);
    return 0;
}
