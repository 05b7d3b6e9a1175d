/* fhir_finding.c -- what a model found, as Observation, DiagnosticReport or RiskAssessment: by the rows of its
 * manifest's output.fhir, of those whose value is there; where there is none, an Observation with every scalar of the
 * output. */
#include <stdio.h>

#include "api/fhir_result_int.h"
#include "base/dec.h"

static const struct slice none = {NULL, 0};

static const char *const type_of[RESULTS] = {
#define RESULT(name, resource, what) [RESULT_##name] = resource,
#include "models/results.def"
#undef RESULT
};

/* --- values --- */

/* One step of a JSON pointer (RFC 6901) below node i; UINT32_MAX: it leads nowhere. */
static uint32_t below(const struct made *x, uint32_t i, struct slice step)
{
    const struct json *j = &x->output;
    int64_t nth;
    if (json_kind(j, i) == JSON_ARRAY && slice_int(step, 0, INT32_MAX, &nth)) {
        for (uint32_t k = json_first(j, i); k != json_end(j, i); k = json_next(j, k))
            if (nth-- == 0)
                return k;
    } else if (json_kind(j, i) == JSON_OBJECT) {
        char *name = arena_take(x->arena, step.n + 1);
        size_t n = 0;
        for (size_t k = 0; name && k < step.n; k++) {
            bool escape = step.p[k] == '~' && k + 1 < step.n;
            name[n++] = !escape ? step.p[k] : step.p[++k] == '0' ? '~' : '/';
        }
        if (!name)
            return UINT32_MAX;
        name[n] = 0;
        uint32_t v = json_get(j, i, name);
        return v ? v : UINT32_MAX;
    }
    return UINT32_MAX;
}

static uint32_t at_pointer(const struct made *x, struct slice pointer)
{
    uint32_t i = 0;
    slice_cut(&pointer, '/'); /* what stands before the first one: nothing */
    while (pointer.p && i != UINT32_MAX)
        i = below(x, i, slice_cut(&pointer, '/'));
    return i;
}

/* Can it stand as a value: a number, a boolean, a word? */
static bool is_scalar(const struct made *x, uint32_t i)
{
    if (i == UINT32_MAX)
        return false;
    enum json_kind kind = json_kind(&x->output, i);
    return kind == JSON_NUMBER || kind == JSON_TRUE || kind == JSON_FALSE ||
           (kind == JSON_STRING && slice_trim(json_text(&x->output, i, x->arena)).n);
}

static bool is_integer(struct slice number)
{
    int64_t v;
    bool minus = number.n && number.p[0] == '-';
    struct slice digits = minus ? (struct slice){number.p + 1, number.n - 1} : number;
    return slice_int(digits, minus, INT32_MAX, &v);
}

/* A place that was there a moment ago is not found when memory is out: then nothing of this is told. */
static bool is_lost(struct json_out *o, uint32_t i)
{
    o->buf->failed |= i == UINT32_MAX;
    return i == UINT32_MAX;
}

static void put_value(struct json_out *o, const struct made *x, uint32_t i, struct slice unit)
{
    if (is_lost(o, i))
        return;
    struct slice raw = json_span(&x->output, i);
    switch (json_kind(&x->output, i)) {
    case JSON_NUMBER:
        if (!unit.n && is_integer(raw))
            json_pair_raw(o, "valueInteger", raw);
        else
            fhir_put_quantity(o, "valueQuantity", raw, unit);
        break;
    case JSON_TRUE:
    case JSON_FALSE: json_pair_raw(o, "valueBoolean", raw); break;
    default: json_pair(o, "valueString", json_text(&x->output, i, x->arena)); break;
    }
}

/* The word at a pointer; n == 0: none. */
static struct slice word_at(const struct made *x, struct slice pointer)
{
    uint32_t i = pointer.n ? at_pointer(x, pointer) : UINT32_MAX;
    if (i == UINT32_MAX || json_kind(&x->output, i) != JSON_STRING)
        return none;
    return slice_trim(json_text(&x->output, i, x->arena));
}

/* --- which there are --- */

static bool is_told(const struct made *x, const struct output_fhir *f)
{
    uint32_t i = at_pointer(x, f->value);
    if (!is_scalar(x, i))
        return false;
    return f->kind == RESULT_OBSERVATION ||
           json_kind(&x->output, i) == (f->kind == RESULT_RISK_ASSESSMENT ? JSON_NUMBER : JSON_STRING);
}

/* The nth finding's row; NULL: there is no row that is told, so it is the Observation of everything. */
static const struct output_fhir *row_of(const struct made *x, size_t nth)
{
    for (size_t i = 0; i < x->m->fhir_n; i++)
        if (is_told(x, &x->m->fhir[i]) && nth-- == 0)
            return &x->m->fhir[i];
    return NULL;
}

size_t finding_count(const struct made *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->m->fhir_n; i++)
        n += is_told(x, &x->m->fhir[i]);
    return n ? n : 1;
}

struct slice finding_name(const struct made *x, size_t nth)
{
    const struct output_fhir *f = row_of(x, nth);
    return made_name(x, "finding", f ? (size_t)(f - x->m->fhir) : 0);
}

/* --- what all of them say --- */

static void open_finding(struct json_out *o, const struct made *x, size_t nth, enum result_kind kind)
{
    made_open_entry(o, finding_name(x, nth), type_of[kind]);
    json_key(o, "meta");
    json_open(o, '{');
    json_key(o, "security");
    json_open(o, '[');
    fhir_put_coding(o, NULL, SLICE(FHIR_HL7 "v3-ObservationValue"), SLICE(RESULT_LABEL),
                    SLICE("Artificial Intelligence asserted"));
    json_close(o, ']');
    json_close(o, '}');
    json_pair_str(o, "status", "final");
}

static void put_code(struct json_out *o, const char *key, const struct code *c)
{
    fhir_put_concept(o, key, c->system, c->code, c->display, none);
}

static void put_subject(struct json_out *o, const struct made *x)
{
    if (x->subject.n)
        fhir_put_reference(o, "subject", x->subject);
}

static void open_list(struct json_out *o, const char *key)
{
    json_key(o, key);
    json_open(o, '[');
}

/* --- an Observation --- */

static void put_component(struct json_out *o, const struct made *x, const struct output_part *c)
{
    json_open(o, '{');
    put_code(o, "code", &c->code);
    put_value(o, x, at_pointer(x, c->value), c->unit);
    json_close(o, '}');
}

static void put_components(struct json_out *o, const struct made *x, const struct output_fhir *f)
{
    bool any = false;
    for (size_t i = 0; i < f->components; i++) {
        if (!is_scalar(x, at_pointer(x, f->component[i].value)))
            continue;
        if (!any)
            open_list(o, "component");
        any = true;
        put_component(o, x, &f->component[i]);
    }
    if (any)
        json_close(o, ']');
}

static void put_observed(struct json_out *o, const struct made *x)
{
    put_subject(o, x);
    json_pair(o, "effectiveDateTime", x->of);
    json_pair(o, "issued", x->when);
    made_put_sources(o, x, "derivedFrom", true);
    fhir_put_reference(o, "device", slice_of(x->device));
}

static void put_observation(struct json_out *o, const struct made *x, const struct output_fhir *f)
{
    struct slice means = word_at(x, f->interpretation);
    if (f->category.n) {
        open_list(o, "category");
        fhir_put_concept(o, NULL, SLICE(FHIR_HL7 "observation-category"), f->category, none, none);
        json_close(o, ']');
    }
    put_code(o, "code", &f->code);
    put_observed(o, x);
    put_value(o, x, at_pointer(x, f->value), f->unit);
    if (means.n) {
        open_list(o, "interpretation");
        fhir_put_concept(o, NULL, none, none, none, means);
        json_close(o, ']');
    }
    put_components(o, x, f);
}

/* Of an output that no row tells: every scalar by its own name. */
static void put_everything(struct json_out *o, const struct made *x)
{
    const struct json *j = &x->output;
    bool any = false;
    open_finding(o, x, 0, RESULT_OBSERVATION);
    fhir_put_concept(o, "code", SLICE(FHIR_OURS "CodeSystem:model"), x->m->key, none, x->m->title);
    put_observed(o, x);
    for (uint32_t k = json_kind(j, 0) == JSON_OBJECT ? json_first(j, 0) : json_end(j, 0); k != json_end(j, 0);
         k = json_next(j, k)) {
        struct slice name = slice_trim(json_text(j, k, x->arena));
        if (!name.n || !is_scalar(x, json_value(k)))
            continue;
        if (!any)
            open_list(o, "component");
        any = true;
        json_open(o, '{');
        fhir_put_concept(o, "code", none, none, none, name);
        put_value(o, x, json_value(k), none);
        json_close(o, '}');
    }
    if (any)
        json_close(o, ']');
    else
        fhir_put_concept(o, "dataAbsentReason", SLICE(FHIR_HL7 "data-absent-reason"), SLICE("unsupported"), none,
                         SLICE("the output has no scalar that FHIR could hold; it is the job's result"));
    made_close_entry(o);
}

/* --- a DiagnosticReport --- */

static void put_report(struct json_out *o, const struct made *x, const struct output_fhir *f)
{
    bool any = false;
    put_code(o, "code", &f->code);
    put_subject(o, x);
    json_pair(o, "effectiveDateTime", x->of);
    json_pair(o, "issued", x->when);
    for (size_t i = 0; i < finding_count(x); i++) {
        const struct output_fhir *g = row_of(x, i);
        if (!g || g->kind != RESULT_OBSERVATION)
            continue;
        if (!any)
            open_list(o, "result");
        any = true;
        fhir_put_reference(o, NULL, finding_name(x, i));
    }
    if (any)
        json_close(o, ']');
    json_pair(o, "conclusion", word_at(x, f->value));
}

/* --- a RiskAssessment --- */

/* A hundred times a number, exactly: its digits, the point two places on. What has too many stays as it is, which no
 * probability does. */
static struct slice hundredfold(struct arena *a, struct slice number)
{
    struct dec d;
    struct buf b = buf_in(a, 1024);
    if (!dec_parse(number, &d))
        return number;
    int whole = d.n ? d.exp + 2 : 0; /* digits before the point */
    if (d.negative)
        buf_byte(&b, '-');
    if (whole <= 0)
        buf_str(&b, "0");
    for (int i = 0; i < whole || i < d.n; i++) {
        if (i == (whole > 0 ? whole : 0)) {
            buf_byte(&b, '.');
            for (int zero = whole; zero < 0; zero++)
                buf_byte(&b, '0');
        }
        buf_byte(&b, i < d.n ? (char)('0' + d.digit[i]) : '0');
    }
    return buf_failed(&b) ? number : buf_text(&b);
}

static void put_risk(struct json_out *o, const struct made *x, const struct output_fhir *f)
{
    uint32_t value = at_pointer(x, f->value);
    if (is_lost(o, value))
        return;
    struct slice raw = json_span(&x->output, value), means = word_at(x, f->interpretation);
    if (x->subject.n) {
        put_subject(o, x);
    } else { /* R4 needs one */
        json_key(o, "subject");
        json_open(o, '{');
        json_pair_str(o, "display", "the patient of the request");
        json_close(o, '}');
    }
    json_pair(o, "occurrenceDateTime", x->of);
    fhir_put_reference(o, "performer", slice_of(x->device));
    made_put_sources(o, x, "basis", false);
    open_list(o, "prediction");
    json_open(o, '{');
    put_code(o, "outcome", &f->code);
    json_pair_raw(o, "probabilityDecimal", slice_is(f->unit, "%") ? raw : hundredfold(x->arena, raw));
    if (means.n)
        fhir_put_concept(o, "qualitativeRisk", none, none, none, means);
    json_close(o, '}');
    json_close(o, ']');
}

void finding_put_all(struct json_out *o, const struct made *x)
{
    static void (*const put[RESULTS])(struct json_out *, const struct made *, const struct output_fhir *) = {
        [RESULT_OBSERVATION] = put_observation,
        [RESULT_DIAGNOSTIC_REPORT] = put_report,
        [RESULT_RISK_ASSESSMENT] = put_risk,
    };
    for (size_t i = 0; i < finding_count(x); i++) {
        const struct output_fhir *f = row_of(x, i);
        if (!f) {
            put_everything(o, x);
            return;
        }
        open_finding(o, x, i, f->kind);
        put[f->kind](o, x, f);
        made_close_entry(o);
    }
}
