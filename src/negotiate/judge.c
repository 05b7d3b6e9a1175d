/* judge.c -- one model held against the index: what became of each of its inputs. */
#include "negotiate/negotiate_int.h"

#include "base/clock.h"

int judge_see(struct judging *g, struct outcome *o, const struct fact *f)
{
    if (!f)
        return 0;
    o->seen.path = index_path(g->x, f);
    o->seen.entry = f->entry;
    o->seen.at = f->at;
    return o->seen.path ? 0 : negotiate_no_memory(g->e);
}

static struct outcome lacks(enum reason r, const char *note)
{
    return (struct outcome){.reason = r, .time_us = WIRE_NO_TIME, .seen = {.time_us = WIRE_NO_TIME, .note = note}};
}

/* --- Observations --- */

static int match_observation(struct judging *g, size_t i)
{
    struct chosen_fact f;
    if (match_observation_facts(g->x, &g->m->input[i], g->x->q->at_us, &g->about, &g->mixed, &f))
        return negotiate_no_memory(g->e);
    g->c->outcome[i] = f.outcome;
    g->fact[i] = f.fact;
    return judge_see(g, &g->c->outcome[i], f.fact);
}

/* When all Observations are known: about whom? Without any, what else is there may agree on somebody. */
static void settle_subject(struct judging *g)
{
    struct index *x = g->x;
    if (x->patients == 1)
        g->about = (struct subject){.kind = SUBJECT_PATIENT, .patient = 0};
    for (size_t i = 0; g->mixed && i < g->m->inputs; i++)
        if (g->c->outcome[i].found) {
            g->c->outcome[i].found = false;
            g->c->outcome[i].reason = REASON_MIXED_SUBJECTS;
        }
    for (size_t i = 0; x->patients == 0 && g->about.kind == SUBJECT_NONE && i < x->facts; i++)
        if (!subject_same(&x->fact[i].subject, &x->fact[0].subject))
            return;
    if (x->patients == 0 && g->about.kind == SUBJECT_NONE && x->facts)
        g->about = x->fact[0].subject;
}

/* --- demographics --- */

const struct patient *judge_patient(const struct judging *g)
{
    return g->about.kind == SUBJECT_PATIENT && !g->mixed ? &g->x->patient[g->about.patient] : NULL;
}

static struct fact whole_patient(const struct patient *p)
{
    return (struct fact){.entry = p->entry, .at = p->at, .contained = p->contained, .component = -1, .item = -1};
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

/* Does an answer speak of the one all is about? */
static bool is_answered(const struct judging *g, const struct fact *f)
{
    return f && !g->mixed &&
           (g->about.kind == SUBJECT_NONE ? g->x->patients == 0 : subject_same(&f->subject, &g->about));
}

/* What the Patient says, else what was answered; *where is who says it. */
static struct slice birth_date(const struct judging *g, struct fact *where)
{
    const struct patient *p = judge_patient(g);
    struct slice date = p ? json_get_text(g->x->j, p->node, "birthDate", g->x->a) : (struct slice){NULL, 0};
    if (p)
        *where = whole_patient(p);
    if (date.n || !is_answered(g, g->x->born))
        return date;
    *where = *g->x->born;
    return json_get_text(g->x->j, where->node, "valueDate", g->x->a);
}

struct slice judge_sex(const struct judging *g, struct fact *where)
{
    const struct patient *p = judge_patient(g);
    struct slice sex = p ? json_get_text(g->x->j, p->node, "gender", g->x->a) : (struct slice){NULL, 0};
    if (p)
        *where = whole_patient(p);
    if (sex.n || !is_answered(g, g->x->sexed))
        return sex;
    *where = *g->x->sexed;
    uint32_t coding = json_get_kind(g->x->j, where->node, "valueCoding", JSON_OBJECT);
    return coding ? json_get_text(g->x->j, coding, "code", g->x->a) : sex;
}

static struct slice today(const struct judging *g, char out[CLOCK_TEXT])
{
    return (struct slice){clock_text(g->x->q->at_us, out), 10};
}

int judge_age_now(const struct judging *g, struct fact *where)
{
    char now[CLOCK_TEXT];
    return completed_years(birth_date(g, where), today(g, now));
}

static bool outside(const struct range *r, const struct dec *d)
{
    return r->set && (dec_cmp(d, &r->low) < 0 || dec_cmp(d, &r->high) > 0);
}

static struct outcome judge_age(struct judging *g, const struct input *in, struct slice birth, struct slice day)
{
    struct dec d;
    int age = completed_years(birth, day);
    if (age < 0)
        return lacks(REASON_NO_VALUE,
                     "completed years cannot be told from it: a full date, not after the sample, is needed");
    if ((g->m->age_min >= 0 && age < g->m->age_min) || (g->m->age_max >= 0 && age > g->m->age_max))
        return lacks(REASON_POPULATION, NULL);
    char *text = arena_printf(g->x->a, "%d", age);
    if (!text || !dec_parse(slice_of(text), &d))
        return lacks(REASON_NO_VALUE, NULL);
    if (outside(&in->hard, &d))
        return lacks(REASON_OUT_OF_RANGE, NULL);
    g->c->age = age;
    struct outcome o = lacks(REASON_NONE, NULL);
    o.found = true;
    o.value = slice_of(text);
    o.unit = in->unit;
    o.soft = outside(&in->soft, &d);
    return o;
}

static enum reason why_no_patient(const struct judging *g)
{
    return g->mixed || (g->x->patients > 1 && g->about.kind == SUBJECT_NONE) ? REASON_MIXED_SUBJECTS : REASON_ABSENT;
}

static int match_age(struct judging *g, size_t i)
{
    const struct input *in = &g->m->input[i];
    struct outcome *o = &g->c->outcome[i];
    struct fact where = {.item = -1};
    char now[CLOCK_TEXT];
    struct slice birth = birth_date(g, &where);
    /* While the sample is missing the age now stands in, so that its absence is told once. */
    const struct fact *base = in->age_of >= 0 && g->c->outcome[in->age_of].found ? g->fact[in->age_of] : NULL;
    bool known = judge_patient(g) || birth.n;
    *o = birth.n ? judge_age(g, in, birth, base && base->time_text.n ? base->time_text : today(g, now))
                 : lacks(known ? REASON_ABSENT : why_no_patient(g), NULL);
    return known ? judge_see(g, o, &where) : 0;
}

static int match_gender(struct judging *g, size_t i)
{
    const struct input *in = &g->m->input[i];
    struct outcome *o = &g->c->outcome[i];
    struct fact where = {.item = -1};
    struct slice sex = judge_sex(g, &where);
    bool known = judge_patient(g) || sex.n;
    *o = lacks(sex.n ? REASON_POPULATION : known ? REASON_ABSENT : why_no_patient(g), NULL);
    for (size_t k = 0; k < in->values_n; k++)
        if (sex.n && slice_eq(in->values[k], sex)) {
            char *quoted = arena_printf(g->x->a, "\"%.*s\"", SLICE_FMT(sex)); /* one of the manifest's words */
            *o = lacks(REASON_NONE, NULL);
            o->found = quoted != NULL;
            o->value = slice_of(quoted);
            g->c->sex = sex;
        }
    return known ? judge_see(g, o, &where) : 0;
}

/* --- conditions and drugs --- */

static const char *why_maybe(const struct fact *f)
{
    return f && f->certain == CERTAIN_CONFIRMED ? "it does not say plainly whether the patient has it now"
                                                : "it is not confirmed";
}

static int match_has(struct judging *g, size_t i, enum fact_kind kind)
{
    const struct input *in = &g->m->input[i];
    const struct fact *f = NULL;
    struct outcome *o = &g->c->outcome[i];
    struct wanted w = {.kind = kind,
                       .of = in->source,
                       .model = g->m->key,
                       .name = in->name,
                       .code = &in->code->code,
                       .codes = in->codes,
                       .stride = sizeof *in->code,
                       .ever = in->ever};
    enum presence p = g->mixed ? PRESENCE_UNKNOWN : match_presence(g->x, &g->about, &w, &f);
    *o = lacks(in->must_assert && p != PRESENCE_YES && p != PRESENCE_NO ? REASON_NOT_ASSERTED : REASON_NONE,
               p == PRESENCE_MAYBE ? why_maybe(f) : NULL);
    o->found = o->reason == REASON_NONE;
    o->value = p == PRESENCE_YES ? in->present : in->absent;
    return judge_see(g, o, f);
}

static int match_condition(struct judging *g, size_t i)
{
    return match_has(g, i, FACT_CONDITION);
}

static int match_medication(struct judging *g, size_t i)
{
    return match_has(g, i, FACT_MEDICATION);
}

enum presence judge_condition(struct judging *g, const struct condition *k, const struct fact **f)
{
    struct wanted w = {.kind = FACT_CONDITION,
                       .of = INPUT_CONDITION,
                       .model = g->m->key,
                       .name = k->id,
                       .code = k->code,
                       .codes = k->codes,
                       .stride = sizeof *k->code,
                       .ever = k->ever};
    return g->mixed ? PRESENCE_UNKNOWN : match_presence(g->x, &g->about, &w, f);
}

/* Of data that name nobody, who sends them may say whose they are; else all of it has to be the same one. */
static void name_subject(struct judging *g)
{
    const struct index *x = g->x;
    struct subject said = x->q->subject ? subject_said(x, x->q->subject) : g->about;
    bool unnamed = g->about.kind == SUBJECT_REFERENCE && g->about.reference.n == 0;
    if (g->mixed)
        return;
    g->c->elsewhere = g->about.kind != SUBJECT_NONE && !unnamed && !subject_same(&said, &g->about);
    g->c->subject = subject_name(x, unnamed ? &said : &g->about);
}

/* Observations first: they say about whom the rest has to be. */
int judge(struct index *x, const struct manifest *m, struct candidate *c, struct err *e)
{
    static int (*const match[])(struct judging *, size_t) = {
#define SOURCE(name, reader, fields, what) [INPUT_##name] = match_##reader,
#include "models/inputs.def"
#undef SOURCE
    };
    struct judging g = {.x = x, .c = c, .m = m, .e = e};
    *c = (struct candidate){.model = m, .fits = true, .curable = true, .age = -1};
    c->outcome = arena_take(x->a, m->inputs * sizeof *c->outcome);
    c->missing = arena_take(x->a, (m->inputs + m->conditions + 2) * sizeof *c->missing);
    g.fact = arena_take(x->a, m->inputs * sizeof *g.fact);
    if (!c->outcome || !c->missing || !g.fact)
        return negotiate_no_memory(e);
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].source == INPUT_OBSERVATION && match_observation(&g, i))
            return -1;
    settle_subject(&g);
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].source != INPUT_OBSERVATION && match[m->input[i].source](&g, i))
            return -1;
    name_subject(&g);
    return judge_missing(&g) || candidate_sets(x->a, c, e) ? -1 : 0;
}
