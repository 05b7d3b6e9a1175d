/* negotiate.c -- the whole: index the Bundle, judge each model, rank them, choose, and find what to ask for. */
#include "negotiate/negotiate_int.h"

static const struct {
    const char *name, *issue;
    bool curable;
} reason[REASON_COUNT] = {
    [REASON_NONE] = {"none", "informational", true},
#define REASON(name, code, issue, curable, sentence) [REASON_##name] = {code, issue, curable},
#include "negotiate/reasons.def"
#undef REASON
};

const char *reason_name(enum reason r)
{
    return reason[r].name;
}

const char *reason_issue(enum reason r)
{
    return reason[r].issue;
}

bool reason_curable(enum reason r)
{
    return reason[r].curable;
}

static const char *const policy[NEGOTIATE_POLICIES] = {
#define POLICY(name, word, what) [NEGOTIATE_##name] = word,
#include "negotiate/policies.def"
#undef POLICY
};

const char *policy_name(enum negotiate_policy p)
{
    return policy[p];
}

bool policy_named(struct slice word, enum negotiate_policy *ret)
{
    for (enum negotiate_policy p = 0; p < NEGOTIATE_POLICIES; p++)
        if (slice_is(word, policy[p])) {
            *ret = p;
            return true;
        }
    return false;
}

int negotiate(struct arena *a, const struct negotiation *q, struct decision *ret, struct err *e)
{
    unsigned before = arena_failed(a);
    struct index x = {.j = q->doc, .a = a, .q = q};
    struct decision d = {.doc = q->doc, .at_us = q->at_us, .policy = q->policy, .candidates = q->models};
    if (q->models == 0)
        return err_set(e, ERR_UNKNOWN_TARGET, "no model to negotiate with");
    if (q->models > NEGOTIATE_MODELS)
        return err_set(e, ERR_INTERNAL, "more than %d models of one target", NEGOTIATE_MODELS);
    d.candidate = arena_take(a, q->models * sizeof *d.candidate);
    d.run = arena_take(a, q->models * sizeof *d.run);
    if (!d.candidate || !d.run)
        return negotiate_no_memory(e);
    if (index_bundle(&x, q->bundle, e))
        return -1;
    for (size_t i = 0; i < q->models; i++) {
        if (judge(&x, q->model[i], &d.candidate[i], e))
            return -1;
        d.elsewhere |= d.candidate[i].elsewhere;
    }
    for (size_t i = 0; q->rank && i < q->models; i++)
        d.candidate[i].declared = q->rank[i];
    decision_rank(&d);
    decision_choose(&d);
    if (decision_next(a, &d, e))
        return -1;
    /* A text that could not be read looks absent: rather no decision than one without it. */
    if (arena_failed(a) != before)
        return negotiate_no_memory(e);
    *ret = d;
    return 0;
}

int decision_inputs(struct arena *a, const struct candidate *c, struct wire_request *ret, struct err *e)
{
    struct wire_input *list = arena_take(a, c->model->inputs * sizeof *list);
    size_t n = 0;
    if (!list)
        return negotiate_no_memory(e);
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
