/* index.c -- a Bundle as a list of facts, found by their codes. One pass over the Patients and what is referred to, one
 * over the rest; a lookup costs what it finds. */
#include "negotiate/negotiate_int.h"

#include <stdio.h>

#include "base/clock.h"

void *index_more(struct arena *a, void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    size_t want = *cap ? *cap * 2 : 16;
    void *p = arena_grow(a, list, *cap * size, want * size);
    if (p)
        *cap = want;
    return p;
}

/* --- codings --- */

static int add_coding(struct index *x, struct slice system, struct slice code, bool above)
{
    struct coding *list = index_more(x->a, x->coding, x->codings, &x->coding_cap, sizeof *list);
    if (!list)
        return -1;
    x->coding = list;
    list[x->codings++] = (struct coding){.system = system,
                                         .code = code,
                                         .hash = json_hash(code.p, code.n),
                                         .above = above,
                                         .fact = (uint32_t)x->facts - 1};
    return 0;
}

/* Of I25.10 also I25.1 and I25, as what stands above it. */
int index_add_coding(struct index *x, struct slice system, struct slice code)
{
    enum { CATEGORY = 3, LONGEST = 12 };
    if (!system.n || !code.n)
        return 0;
    if (add_coding(x, system, code, false))
        return -1;
    if (!slice_starts(system, CODE_TREE) || code.n > LONGEST)
        return 0;
    for (size_t n = code.n - 1; n >= CATEGORY; n--)
        if (code.p[n - 1] != '.' && add_coding(x, system, (struct slice){code.p, n}, true))
            return -1;
    return 0;
}

static int read_codings(struct index *x, uint32_t concept)
{
    uint32_t list = concept ? json_get_kind(x->j, concept, "coding", JSON_ARRAY) : 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list); k = json_next(x->j, k))
        if (index_add_coding(x, json_get_text(x->j, k, "system", x->a), json_get_text(x->j, k, "code", x->a)))
            return -1;
    return 0;
}

static int make_buckets(struct index *x)
{
    uint32_t size = 16;
    while (size < x->codings * 2 && size < 1u << 16)
        size *= 2;
    x->mask = size - 1;
    if (!(x->bucket = arena_take(x->a, size * sizeof *x->bucket)))
        return -1;
    for (size_t i = x->codings; i-- > 0;) { /* from the last, so that a bucket is in the Bundle's order */
        uint32_t *b = &x->bucket[x->coding[i].hash & x->mask];
        x->coding[i].next = *b;
        *b = (uint32_t)i + 1;
    }
    return 0;
}

static const struct coding *from(const struct index *x, uint32_t i, const struct code *c)
{
    for (; i; i = x->coding[i - 1].next) {
        const struct coding *k = &x->coding[i - 1];
        if (k->hash == c->hash && (!k->above || c->below) && slice_eq(k->code, c->code) &&
            slice_eq(k->system, c->system))
            return k;
    }
    return NULL;
}

const struct coding *index_find(const struct index *x, const struct code *c)
{
    return from(x, x->bucket[c->hash & x->mask], c);
}

const struct coding *index_next(const struct index *x, const struct coding *at, const struct code *c)
{
    return from(x, at->next, c);
}

int index_add_fact(struct index *x, const struct fact *f)
{
    struct fact *list = index_more(x->a, x->fact, x->facts, &x->fact_cap, sizeof *list);
    if (!list)
        return -1;
    x->fact = list;
    x->fact[x->facts++] = *f;
    return 0;
}

/* --- Observations --- */

static unsigned read_status(const struct index *x, uint32_t i)
{
    static const struct {
        const char *name;
        unsigned bit;
    } list[] = {{"final", STATUS_FINAL},
                {"amended", STATUS_AMENDED},
                {"corrected", STATUS_CORRECTED},
                {"preliminary", STATUS_PRELIMINARY}};
    uint32_t v = json_get(x->j, i, "status");
    for (size_t n = 0; v && n < sizeof list / sizeof *list; n++)
        if (json_is(x->j, v, list[n].name))
            return list[n].bit;
    return 0;
}

static void set_time(struct fact *f, struct slice t)
{
    f->time_us = WIRE_NO_TIME;
    f->time_text = (struct slice){NULL, 0};
    if (t.n && clock_parse(t, &f->time_us, NULL))
        f->time_text = t;
    else
        f->time_us = WIRE_NO_TIME;
}

static void read_time(const struct index *x, uint32_t i, struct fact *f)
{
    struct slice t = json_get_text(x->j, i, "effectiveDateTime", x->a);
    if (!t.n)
        t = json_get_text(x->j, i, "effectiveInstant", x->a);
    uint32_t period = t.n ? 0 : json_get_kind(x->j, i, "effectivePeriod", JSON_OBJECT);
    if (period) {
        t = json_get_text(x->j, period, "end", x->a);
        if (!t.n)
            t = json_get_text(x->j, period, "start", x->a);
    }
    set_time(f, t);
}

static int add_observation(struct index *x, uint32_t i, struct fact f)
{
    f.kind = FACT_OBSERVATION;
    f.status = read_status(x, i);
    f.subject = subject_read(x, i);
    read_time(x, i, &f);
    if (index_add_fact(x, &f) || read_codings(x, json_get(x->j, i, "code")))
        return -1;
    uint32_t list = json_get_kind(x->j, i, "component", JSON_ARRAY);
    f.component = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list);
         k = json_next(x->j, k), f.component++) {
        f.node = k;
        if (index_add_fact(x, &f) || read_codings(x, json_get(x->j, k, "code")))
            return -1;
    }
    return 0;
}

/* --- Conditions, drugs, and lists of none --- */

/* Does the CodeableConcept at `key` have this code of this system? */
static bool has_code(const struct index *x, uint32_t i, const char *key, const char *system, const char *code)
{
    uint32_t concept = json_get(x->j, i, key), list = concept ? json_get_kind(x->j, concept, "coding", JSON_ARRAY) : 0,
             v;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list); k = json_next(x->j, k))
        if ((v = json_get(x->j, k, "system")) && json_is(x->j, v, system) && (v = json_get(x->j, k, "code")) &&
            json_is(x->j, v, code))
            return true;
    return false;
}

static int add_silence(struct index *x, enum input_source of, const struct fact *where)
{
    struct silence *list = index_more(x->a, x->silence, x->silences, &x->silence_cap, sizeof *list);
    if (!list)
        return -1;
    x->silence = list;
    x->silence[x->silences++] = (struct silence){.of = of, .where = *where};
    return 0;
}

enum silence_kind { SILENCE_LIST, SILENCE_RESOURCE };

/* Says this resource, by the CodeableConcept at `key`, that there is nothing? */
static int read_silence(struct index *x, uint32_t i, enum silence_kind kind, const char *key, const struct fact *f)
{
    static const struct {
        enum input_source of;
        enum silence_kind kind;
        const char *system, *code;
    } row[] = {
#define SILENCE(of, what, system, code) {INPUT_##of, SILENCE_##what, system, code},
#include "negotiate/silence.def"
#undef SILENCE
    };
    for (size_t n = 0; n < sizeof row / sizeof *row; n++)
        if (row[n].kind == kind && has_code(x, i, key, row[n].system, row[n].code) && add_silence(x, row[n].of, f))
            return -1;
    return 0;
}

static int add_list(struct index *x, uint32_t i, struct fact f)
{
    uint32_t status = json_get(x->j, i, "status");
    f.subject = subject_read(x, i);
    if (!status || !json_is(x->j, status, "current") || json_get(x->j, i, "entry") ||
        !has_code(x, i, "emptyReason", "http://terminology.hl7.org/CodeSystem/list-empty-reason", "nilknown"))
        return 0;
    return read_silence(x, i, SILENCE_LIST, "code", &f);
}

/* Of a Condition that has no clinicalStatus, as R4 lets it: recorded and not ended it is there. What ends it are that
 * element's codes (a modifier for this) or an abatement, and to take it for not said would let a list of nothing, or a
 * client that found nothing, overrule a diagnosis that stands in the same Bundle. */
static enum fact_when when_unsaid(const struct index *x, uint32_t i)
{
    enum fact_when ret = WHEN_NOW;
    for (uint32_t k = json_first(x->j, i); k != json_end(x->j, i); k = json_next(x->j, k)) {
        struct slice key = json_raw(x->j, k);
        if (slice_is(key, "clinicalStatus") || slice_starts(key, "_abatement")) /* without a code; perhaps abated */
            ret = WHEN_UNSAID;
        if (slice_starts(key, "abatement"))
            return WHEN_OVER;
    }
    return ret;
}

static int add_condition(struct index *x, uint32_t i, struct fact f)
{
    static const char clinical[] = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    static const char verification[] = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
    f.kind = FACT_CONDITION;
    f.subject = subject_read(x, i);
#define IS(code) has_code(x, i, "clinicalStatus", clinical, code)
    f.when = IS("active") || IS("recurrence") || IS("relapse")     ? WHEN_NOW
             : IS("inactive") || IS("remission") || IS("resolved") ? WHEN_OVER
                                                                   : when_unsaid(x, i);
#undef IS
#define IS(code) has_code(x, i, "verificationStatus", verification, code)
    f.certain = IS("confirmed")          ? CERTAIN_CONFIRMED
                : IS("refuted")          ? CERTAIN_REFUTED
                : IS("entered-in-error") ? CERTAIN_ERROR
                : json_get(x->j, i, "verificationStatus")
                    ? CERTAIN_UNKNOWN
                    : CERTAIN_CONFIRMED; /* optional in R4: who records a Condition and says no more, means it */
#undef IS
    if (index_add_fact(x, &f) || read_codings(x, json_get(x->j, i, "code")))
        return -1;
    return f.when == WHEN_NOW && f.certain == CERTAIN_CONFIRMED ? read_silence(x, i, SILENCE_RESOURCE, "code", &f) : 0;
}

static bool says(const struct index *x, uint32_t i, const char *key, const char *word)
{
    uint32_t v = json_get(x->j, i, key);
    return v && json_is(x->j, v, word);
}

/* What is prescribed, as drugs.def has it; false: it says nothing. */
static bool read_drug(const struct index *x, uint32_t i, uint32_t type, struct fact *f)
{
    static const struct {
        const char *type, *status;
        enum fact_when when;
        enum fact_certain certain;
    } row[] = {
#define DRUG(type, status, when, certain) {type, status, WHEN_##when, CERTAIN_##certain},
#include "negotiate/drugs.def"
#undef DRUG
    };
    uint32_t no = json_get(x->j, i, "doNotPerform");
    for (size_t n = 0; n < sizeof row / sizeof *row; n++) {
        if (!json_is(x->j, type, row[n].type) || !says(x, i, "status", row[n].status))
            continue;
        f->when = row[n].when;
        f->certain = row[n].certain;
        if (says(x, i, "intent", "proposal") || says(x, i, "intent", "plan") || says(x, i, "intent", "option") ||
            (no && json_kind(x->j, no) == JSON_TRUE))
            f->certain = CERTAIN_UNKNOWN;
        return true;
    }
    return false;
}

/* The Medication a drug's resource refers to: of the Bundle, or contained in it. 0: not here. */
static uint32_t find_drug(const struct index *x, uint32_t i)
{
    uint32_t ref = json_get_kind(x->j, i, "medicationReference", JSON_OBJECT);
    struct slice name = ref ? json_get_text(x->j, ref, "reference", x->a) : (struct slice){NULL, 0};
    uint32_t list = name.n && name.p[0] == '#' ? json_get_kind(x->j, i, "contained", JSON_ARRAY) : 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list); k = json_next(x->j, k))
        if (slice_eq(json_get_text(x->j, k, "id", x->a), (struct slice){name.p + 1, name.n - 1}))
            return k;
    uint32_t found = list ? UINT32_MAX : names_find(&x->drug_names, name);
    return found == UINT32_MAX ? 0 : found;
}

static int add_drug(struct index *x, uint32_t i, uint32_t type, struct fact f)
{
    f.kind = FACT_MEDICATION;
    f.subject = subject_read(x, i);
    if (!read_drug(x, i, type, &f))
        return 0;
    uint32_t concept = json_get_kind(x->j, i, "medicationCodeableConcept", JSON_OBJECT), drug = 0;
    if (!concept && (drug = find_drug(x, i)))
    concept = json_get_kind(x->j, drug, "code", JSON_OBJECT);
    if (index_add_fact(x, &f) || read_codings(x, concept))
        return -1;
    return f.when == WHEN_NOW && f.certain == CERTAIN_CONFIRMED
               ? read_silence(x, i, SILENCE_RESOURCE, "medicationCodeableConcept", &f)
               : 0;
}

/* --- the Bundle --- */

static int add_resource(struct index *x, uint32_t i, uint32_t entry, int32_t contained)
{
    uint32_t type = json_get(x->j, i, "resourceType");
    struct fact f = {.node = i, .entry = entry, .at = x->at, .contained = contained, .component = -1, .item = -1};
    f.time_us = WIRE_NO_TIME;
    if (!type)
        return 0;
    if (json_is(x->j, type, "Observation"))
        return add_observation(x, i, f);
    if (json_is(x->j, type, "Condition"))
        return add_condition(x, i, f);
    if (json_is(x->j, type, "List"))
        return add_list(x, i, f);
    if (json_is(x->j, type, "QuestionnaireResponse"))
        return answer_read(x, i, entry);
    return slice_starts(json_raw(x->j, type), "Medication") ? add_drug(x, i, type, f) : 0;
}

/* What others refer to. */
static int add_named(struct index *x, uint32_t i, uint32_t type, uint32_t entry, struct slice url)
{
    if (json_is(x->j, type, "Patient"))
        return subject_add_patient(x, i, entry, url);
    return json_is(x->j, type, "Medication")
               ? names_add(x, &x->drug_names, "Medication", json_get_text(x->j, i, "id", x->a), url, i)
               : 0;
}

static int each_entry(struct index *x, uint32_t bundle, bool named)
{
    uint32_t list = json_get_kind(x->j, bundle, "entry", JSON_ARRAY), n = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list);
         k = json_next(x->j, k), n++) {
        uint32_t r = json_get_kind(x->j, k, "resource", JSON_OBJECT), type = r ? json_get(x->j, r, "resourceType") : 0;
        if (!type)
            continue;
        if (named) {
            x->at = k;
            if (add_named(x, r, type, n, json_get_text(x->j, k, "fullUrl", x->a)))
                return -1;
            continue;
        }
        x->at = k;
        x->holder = r;
        if (add_resource(x, r, n, -1))
            return -1;
        uint32_t inner = json_get_kind(x->j, r, "contained", JSON_ARRAY);
        int32_t c = 0;
        for (uint32_t i = inner ? json_first(x->j, inner) : 0; inner && i != json_end(x->j, inner);
             i = json_next(x->j, i), c++)
            if (add_resource(x, i, n, c))
                return -1;
    }
    return 0;
}

int index_bundle(struct index *x, uint32_t bundle, struct err *e)
{
    bool failed = each_entry(x, bundle, true) || subject_ready(x, bundle) || names_ready(x, &x->drug_names) ||
                  each_entry(x, bundle, false) || make_buckets(x);
    x->holder = 0;
    return failed ? negotiate_no_memory(e) : 0;
}

const char *index_path(const struct index *x, const struct fact *f)
{
    char contained[32] = "", component[32] = "";
    if (f->contained >= 0)
        snprintf(contained, sizeof contained, ".contained[%d]", (int)f->contained);
    if (f->component >= 0)
        snprintf(component, sizeof component, ".component[%d]", (int)f->component);
    if (f->item >= 0)
        snprintf(component, sizeof component, ".item[%d].answer[0]", (int)f->item);
    return arena_printf(x->a, "Bundle.entry[%u].resource%s%s", f->entry, contained, component);
}
