/* answer.c -- the answers to our questions (ask.h), as facts of the Bundle. */
#include "negotiate/negotiate_int.h"

#include "base/clock.h"

struct code answer_code(struct arena *a, struct slice model, struct slice name)
{
    char *code = arena_printf(a, "%.*s/%.*s", SLICE_FMT(model), SLICE_FMT(name));
    struct slice s = slice_of(code); /* n == 0 when memory is out: found nowhere */
    return (struct code){.system = SLICE("urn:lazaret:fhir:answer"), .code = s, .hash = json_hash(s.p ? s.p : "", s.n)};
}

/* "urn:lazaret:fhir:Questionnaire:news2|1.0.0", or with another address before the key. */
static const struct manifest *asked_by(const struct index *x, struct slice canonical)
{
    struct slice key = slice_cut(&canonical, '|');
    for (size_t i = key.n; i-- > 0;)
        if (key.p[i] == '/' || key.p[i] == ':') {
            key = (struct slice){key.p + i + 1, key.n - i - 1};
            break;
        }
    for (size_t i = 0; i < x->q->models; i++)
        if (slice_eq(x->q->model[i]->key, key))
            return x->q->model[i];
    return NULL;
}

/* Of the codes of an input the one that is answered like this: by a word only it knows, or with a number that it turns
 * into a word; else its first. */
static const struct input_code *code_for(const struct index *x, const struct input *in, uint32_t answer)
{
    uint32_t coding = json_get_kind(x->j, answer, "valueCoding", JSON_OBJECT);
    struct slice system = coding ? json_get_text(x->j, coding, "system", x->a) : (struct slice){NULL, 0};
    struct slice code = coding ? json_get_text(x->j, coding, "code", x->a) : (struct slice){NULL, 0};
    for (size_t i = 0; in->coded && i < in->codes; i++) {
        const struct input_code *c = &in->code[i];
        if (!coding && c->above)
            return c;
        for (size_t k = 0; coding && k < c->choices; k++)
            if (slice_eq(c->choice[k].code, code) && slice_eq(c->choice[k].system, system))
                return c;
    }
    return in->code;
}

static int add_observed(struct index *x, const struct input *in, struct fact f)
{
    const struct input_code *c = code_for(x, in, f.node);
    f.kind = FACT_OBSERVATION;
    return index_add_fact(x, &f) || index_add_coding(x, c->code.system, c->code.code) ? -1 : 0;
}

/* Yes or no, to "does the patient have..": found by its own code, and as the whole the first code names. */
static int add_presence(struct index *x, const struct manifest *m, struct slice name, enum fact_kind kind,
                        const struct code *first, struct fact f)
{
    uint32_t v = json_get(x->j, f.node, "valueBoolean");
    if (!v || !f.status || (json_kind(x->j, v) != JSON_TRUE && json_kind(x->j, v) != JSON_FALSE))
        return 0;
    struct code own = answer_code(x->a, m->key, name);
    f.kind = kind;
    f.when = WHEN_NOW;
    f.certain = json_kind(x->j, v) == JSON_TRUE ? CERTAIN_CONFIRMED : CERTAIN_REFUTED;
    if (index_add_fact(x, &f) || index_add_coding(x, own.system, own.code))
        return -1;
    return first->part ? 0 : index_add_coding(x, first->system, first->code);
}

static int keep(struct index *x, struct fact **ret, const struct fact *f)
{
    if (!f->status)
        return 0;
    if (!*ret && !(*ret = TAKE_NEW(x->a, struct fact)))
        return -1;
    **ret = *f;
    return 0;
}

static int add_answer(struct index *x, const struct manifest *m, struct slice name, struct fact f)
{
    int n = manifest_find_input(m, name);
    for (size_t i = 0; n < 0 && i < m->conditions; i++)
        if (slice_eq(m->condition[i].id, name))
            return add_presence(x, m, name, FACT_CONDITION, m->condition[i].code, f);
    if (n < 0) {
        if (slice_is(name, "population.age"))
            return keep(x, &x->born, &f);
        return slice_is(name, "population.sex") ? keep(x, &x->sexed, &f) : 0;
    }
    const struct input *in = &m->input[n];
    switch (in->source) {
    case INPUT_AGE: return keep(x, &x->born, &f);
    case INPUT_GENDER: return keep(x, &x->sexed, &f);
    case INPUT_CONDITION: return add_presence(x, m, name, FACT_CONDITION, &in->code->code, f);
    case INPUT_MEDICATION: return add_presence(x, m, name, FACT_MEDICATION, &in->code->code, f);
    default: return add_observed(x, in, f);
    }
}

int answer_read(struct index *x, uint32_t node, uint32_t entry)
{
    const struct manifest *m = asked_by(x, json_get_text(x->j, node, "questionnaire", x->a));
    uint32_t status = json_get(x->j, node, "status"), list = json_get_kind(x->j, node, "item", JSON_ARRAY);
    struct fact f = {.entry = entry, .at = x->at, .contained = -1, .component = -1, .time_us = WIRE_NO_TIME};
    struct slice authored = json_get_text(x->j, node, "authored", x->a);
    if (!m || !list)
        return 0;
    /* one that is still being filled in, or was withdrawn, is not usable */
    f.status = !status                              ? 0
               : json_is(x->j, status, "completed") ? STATUS_FINAL
               : json_is(x->j, status, "amended")   ? STATUS_AMENDED
                                                    : 0;
    f.subject = subject_read(x, node);
    if (authored.n && clock_parse(authored, &f.time_us, NULL))
        f.time_text = authored;
    for (uint32_t k = json_first(x->j, list); k != json_end(x->j, list); k = json_next(x->j, k), f.item++) {
        uint32_t answers = json_get_kind(x->j, k, "answer", JSON_ARRAY);
        if (!answers || json_first(x->j, answers) == json_end(x->j, answers))
            continue;
        f.node = json_first(x->j, answers);
        if (add_answer(x, m, json_get_text(x->j, k, "linkId", x->a), f))
            return -1;
    }
    return 0;
}
