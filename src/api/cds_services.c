/* cds_services.c -- GET /cds-services: which services there are, and what each asks the client to fetch ahead. */
#include "api/cds.h"

enum { REQUIREMENTS_MAX = 16 * 1024 };

static void say_population(const struct manifest *m, struct buf *b)
{
    if (m->age_min >= 0 && m->age_max >= 0)
        buf_printf(b, "Age from %d to %d years. ", m->age_min, m->age_max);
    else if (m->age_min >= 0)
        buf_printf(b, "Age from %d years. ", m->age_min);
    else if (m->age_max >= 0)
        buf_printf(b, "Age up to %d years. ", m->age_max);
    for (size_t i = 0; i < m->sex_n; i++)
        buf_printf(b, "%s%.*s%s", i ? " or " : "Sex ", SLICE_FMT(m->sex[i]), i + 1 == m->sex_n ? ". " : "");
}

static void say_input(const struct input *in, struct buf *b)
{
    if (in->source == INPUT_AGE || in->source == INPUT_GENDER)
        return;
    buf_printf(b, "%.*s", SLICE_FMT(in->display));
    if (in->within.n) {
        buf_str(b, " of the last ");
        length_say(b, in->within_us);
    }
    if (in->count > 1)
        buf_printf(b, ", %u times", in->count);
    buf_str(b, in->must_assert ? ", or that the patient has it not. " : in->required ? ". " : ", if there is any. ");
}

/* "Glasgow coma score or Level of consciousness." */
static void say_group(const struct manifest *m, const struct group *g, struct buf *b)
{
    for (size_t k = 0; k < g->alternatives; k++) {
        const char *between = k ? " or " : "";
        for (size_t i = 0; i < m->inputs; i++)
            if (g->alternative[k] >> i & 1) {
                buf_printf(b, "%s%.*s", between, SLICE_FMT(m->input[i].display));
                between = " and ";
            }
    }
    buf_str(b, ". ");
}

static uint64_t grouped(const struct manifest *m)
{
    uint64_t set = 0;
    for (size_t i = 0; i < m->groups; i++)
        for (size_t k = 0; k < m->group[i].alternatives; k++)
            set |= m->group[i].alternative[k];
    return set;
}

/* What has to hold for a result: whom the model is for, what it needs and how fresh. */
static struct slice requirements_of(const struct manifest *m, struct arena *a)
{
    struct buf b = buf_in(a, REQUIREMENTS_MAX);
    say_population(m, &b);
    for (size_t i = 0; i < m->inputs; i++)
        if (!(grouped(m) >> i & 1))
            say_input(&m->input[i], &b);
    for (size_t i = 0; i < m->groups; i++)
        say_group(m, &m->group[i], &b);
    for (size_t i = 0; i < m->conditions; i++)
        buf_printf(&b, "%s: %.*s. ", m->condition[i].requires ? "Only for patients with" : "Not for patients with",
                   SLICE_FMT(m->condition[i].display));
    return buf_failed(&b) ? (struct slice){NULL, 0} : slice_trim(buf_text(&b));
}

static void put_service(struct json_out *o, const struct manifest *m, struct arena *a)
{
    struct slice requirements = requirements_of(m, a);
    json_open(o, '{');
    json_pair_str(o, "hook", CDS_HOOK);
    json_pair(o, "id", m->key);
    json_pair(o, "title", m->title);
    json_pair(o, "description", m->intended_use.n ? m->intended_use : m->title);
    json_key(o, "prefetch");
    cds_write_templates(m, o, a);
    if (requirements.n)
        json_pair(o, "usageRequirements", requirements);
    json_close(o, '}');
}

int api_cds_services(struct api_request *q, struct err *e)
{
    const struct model *list[REGISTRY_MODELS];
    int n = registry_all(q->api->registry, list, REGISTRY_MODELS);
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_key(&o, "services");
    json_open(&o, '[');
    for (int i = 0; i < n; i++)
        if (list[i]->stable)
            put_service(&o, &list[i]->manifest, q->arena);
    json_close(&o, ']');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
