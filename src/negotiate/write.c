#include <stdio.h>

#include "base/clock.h"
#include "negotiate/negotiate_int.h"

/* Times are to the second where they have no fraction: that is how clients wrote them. */
static void pair_time(struct json_out *o, const char *key, int64_t us)
{
    char text[CLOCK_TEXT];
    clock_text(us, text);
    struct slice s = slice_of(text);
    if (us % 1000000 == 0) {
        s.n -= 7;
        text[s.n - 1] = 'Z';
    }
    json_pair(o, key, s);
}

/* "PT35H50M"; what lies ahead has a minus sign. */
static void pair_age(struct json_out *o, int64_t us)
{
    char text[64];
    int64_t minutes = (us < 0 ? -us : us) / 60000000;
    snprintf(text, sizeof text, "%sPT%lldH%lldM", us < 0 ? "-" : "", (long long)(minutes / 60),
             (long long)(minutes % 60));
    json_pair_str(o, "age", text);
}

/* doc: with the name of the resource; NULL: without. */
static void put_sighting(const struct sighting *s, int64_t at_us, const struct json *doc, struct json_out *o)
{
    struct slice name = doc ? resource_name(doc, s->at, o->buf->arena) : (struct slice){NULL, 0};
    json_open(o, '{');
    if (name.n)
        json_pair(o, "ref", name);
    json_pair_str(o, "path", s->path);
    if (s->time_us != WIRE_NO_TIME) {
        pair_time(o, "time", s->time_us);
        pair_age(o, at_us - s->time_us);
    }
    if (s->note)
        json_pair_str(o, "note", s->note);
    json_close(o, '}');
}

static void put_range(const struct range *r, struct json_out *o)
{
    json_open(o, '[');
    json_put_raw(o, r->low_text);
    json_put_raw(o, r->high_text);
    json_close(o, ']');
}

static void put_units(const struct input *in, struct json_out *o)
{
    json_key(o, "units");
    json_open(o, '[');
    for (size_t i = 0; i < in->accepts; i++)
        json_put(o, in->accept[i].code);
    for (size_t i = 0; in->coded && i < in->codes; i++)
        for (size_t k = 0; k < in->code[i].units_n; k++)
            json_put(o, in->code[i].units[k]);
    json_close(o, ']');
}

static void put_choices(const struct choice *c, size_t n, struct json_out *o)
{
    for (size_t i = 0; i < n; i++) {
        json_open(o, '{');
        json_pair(o, "system", c[i].system);
        json_pair(o, "code", c[i].code);
        json_pair(o, "value", c[i].value);
        json_close(o, '}');
    }
}

static void put_values(const struct input *in, struct json_out *o)
{
    json_key(o, "values");
    json_open(o, '[');
    for (size_t i = 0; in->source == INPUT_GENDER && i < in->values_n; i++)
        json_put(o, in->values[i]);
    for (size_t i = 0; i < in->codes; i++)
        put_choices(in->code[i].choice, in->code[i].choices, o);
    put_choices(in->choice, in->choices, o);
    json_close(o, ']');
}

static void put_accepts(const struct input *in, struct json_out *o)
{
    json_open(o, '{');
    if (in->codes) {
        json_key(o, "codes");
        json_open(o, '[');
        for (size_t i = 0; i < in->codes; i++)
            json_put(o, in->code[i].code.code);
        json_close(o, ']');
    }
    if (in->source == INPUT_OBSERVATION)
        put_units(in, o);
    if (in->coded && in->source != INPUT_CONDITION)
        put_values(in, o);
    if (in->within.n)
        json_pair(o, "within", in->within);
    if (in->count > 1)
        json_pair_int(o, "count", in->count);
    if (in->min_gap.n)
        json_pair(o, "min_gap", in->min_gap);
    if (in->span.n)
        json_pair(o, "span", in->span);
    if (in->hard.set) {
        json_key(o, "range");
        put_range(&in->hard, o);
    }
    json_close(o, '}');
}

static void put_sentence(const struct decision *d, const struct missing *m, struct json_out *o)
{
    char text[1024];
    struct buf b = {
        .arena = o->buf->arena, .p = text, .cap = sizeof text, .max = sizeof text}; /* what is longer is cut */
    missing_sentence(d, m, &b);
    json_pair(o, "text", buf_text(&b));
}

static void put_missing(const struct decision *d, const struct missing *m, const struct json *doc, struct json_out *o)
{
    json_open(o, '{');
    json_pair(o, "code", m->code);
    json_pair(o, "display", m->display);
    json_pair_bool(o, "mandatory", m->mandatory);
    json_pair(o, "system", m->system);
    json_pair(o, "input", m->name);
    json_pair_str(o, "reason", reason_name(m->reason));
    put_sentence(d, m, o);
    if (m->group.n)
        json_pair(o, "group", m->group);
    if (m->input) {
        json_key(o, "accepts");
        put_accepts(m->input, o);
    }
    if (m->seen.path) {
        json_key(o, "seen");
        put_sighting(&m->seen, d->at_us, doc, o);
    }
    json_close(o, '}');
}

static void put_all_missing(const struct decision *d, const struct candidate *c, const struct json *doc,
                            struct json_out *o)
{
    json_open(o, '[');
    for (size_t i = 0; i < c->missings; i++)
        put_missing(d, &c->missing[i], doc, o);
    json_close(o, ']');
}

void decision_write_missing(const struct decision *d, struct json_out *o)
{
    put_all_missing(d, d->shown, d->doc, o);
}

static void pair_mandatory(const struct candidate *c, const char *key, struct json_out *o)
{
    json_key(o, key);
    json_open(o, '[');
    for (size_t i = 0; i < c->missings; i++)
        if (c->missing[i].mandatory)
            json_put(o, c->missing[i].name);
    json_close(o, ']');
}

static void put_model(const struct candidate *c, struct json_out *o)
{
    json_pair(o, "model", c->model->key);
    json_pair(o, "version", c->model->version);
}

static void put_sets(const struct candidate *c, struct json_out *o)
{
    json_key(o, "sets");
    json_open(o, '[');
    for (size_t k = 0; k < c->sets; k++) {
        json_open(o, '[');
        for (size_t i = 0; i < c->model->inputs; i++)
            if (c->set[k] >> i & 1)
                json_put(o, c->model->input[i].name);
        for (size_t i = 0; i < c->missings; i++)
            if (c->missing[i].condition)
                json_put(o, c->missing[i].name);
        json_close(o, ']');
    }
    json_close(o, ']');
}

static void put_candidate(const struct decision *d, const struct candidate *c, struct json_out *o)
{
    put_model(c, o);
    json_pair_bool(o, "ready", c->ready);
    pair_mandatory(c, "missing", o);
    json_pair_int(o, "distance", c->distance);
    json_pair_int(o, "rank", c->rank);
    if (c->behind_by)
        json_pair_str(o, "behind_by", c->behind_by);
    if (c->sets)
        put_sets(c, o);
    if (c->ready && !d->chosen)
        json_pair_str(o, "note", "would run now with policy=best-ready");
    if (!c->fits)
        json_pair_str(o, "note", "is not for this patient, whatever else is sent");
}

void decision_write_candidates(const struct decision *d, struct json_out *o)
{
    json_open(o, '[');
    for (size_t i = 0; i < d->candidates; i++) {
        json_open(o, '{');
        put_candidate(d, &d->candidate[i], o);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_name(const struct candidate *c, struct json_out *o)
{
    char name[64 + 1 + 32 + 1]; /* the limits of key and version */
    snprintf(name, sizeof name, "%.*s@%.*s", SLICE_FMT(c->model->key), SLICE_FMT(c->model->version));
    json_put_str(o, name);
}

void decision_write_next_best(const struct decision *d, struct json_out *o)
{
    json_open(o, '[');
    for (size_t i = 0; i < d->nexts; i++) {
        const struct next_best *n = &d->next[i];
        char gain[16];
        snprintf(gain, sizeof gain, "%u.%03u", n->gain / 1000, n->gain % 1000);
        json_open(o, '{');
        json_pair(o, "input", n->missing->name);
        json_pair(o, "code", n->missing->code);
        json_pair(o, "display", n->missing->display);
        json_key(o, "unlocks");
        json_open(o, '[');
        for (size_t k = 0; k < n->unlocks_n; k++)
            put_name(n->unlocks[k], o);
        json_close(o, ']');
        json_pair_raw(o, "score_gain", slice_of(gain));
        json_close(o, '}');
    }
    json_close(o, ']');
}

void decision_write_runs(const struct decision *d, struct json_out *o)
{
    json_open(o, '[');
    for (size_t i = 0; i < d->runs; i++)
        put_name(d->run[i], o);
    json_close(o, ']');
}

void decision_write_minimal(const struct decision *d, struct json_out *o)
{
    if (!d->minimal) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    put_model(d->minimal, o);
    pair_mandatory(d->minimal, "inputs", o);
    json_close(o, '}');
}

static void put_outcomes(const struct candidate *c, int64_t at_us, struct json_out *o)
{
    json_key(o, "inputs");
    json_open(o, '[');
    for (size_t i = 0; i < c->model->inputs; i++) {
        const struct outcome *out = &c->outcome[i];
        json_open(o, '{');
        json_pair(o, "input", c->model->input[i].name);
        json_pair_bool(o, "found", out->found);
        if (!out->found)
            json_pair_str(o, "reason", reason_name(out->reason));
        if (out->soft)
            json_pair_bool(o, "soft", true);
        if (out->samples > 1)
            json_pair_int(o, "samples", out->samples);
        if (out->seen.path) {
            json_key(o, out->found ? "from" : "seen");
            put_sighting(&out->seen, at_us, NULL, o);
        }
        json_close(o, '}');
    }
    json_close(o, ']');
}

int decision_text(struct arena *a, const struct decision *d, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(a, 4 << 20);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "schema", "lazaret.decision/1");
    pair_time(&o, "at", d->at_us);
    json_pair_str(&o, "policy", policy_name(d->policy));
    json_key(&o, "chosen");
    if (d->chosen)
        put_name(d->chosen, &o);
    else
        json_put_null(&o);
    json_key(&o, "runs");
    decision_write_runs(d, &o);
    json_key(&o, "candidates");
    json_open(&o, '[');
    for (size_t i = 0; i < d->candidates; i++) {
        json_open(&o, '{');
        put_candidate(d, &d->candidate[i], &o);
        put_outcomes(&d->candidate[i], d->at_us, &o);
        json_key(&o, "missing_data");
        put_all_missing(d, &d->candidate[i], NULL, &o);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_key(&o, "next_best");
    decision_write_next_best(d, &o);
    json_key(&o, "minimal");
    decision_write_minimal(d, &o);
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "writing a decision");
    *ret = buf_text(&b);
    return 0;
}
