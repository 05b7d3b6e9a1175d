#include "negotiate/negotiate_int.h"

#include <stdio.h>

#include "base/clock.h"

/* One more element; NULL when memory is out. */
static void *more(struct arena *a, void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    size_t want = *cap ? *cap * 2 : 16;
    void *p = arena_grow(a, list, *cap * size, want * size);
    if (p)
        *cap = want;
    return p;
}

static int no_memory(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "indexing a Bundle");
}

/* --- whom it is about --- */

static struct slice without_version(struct slice ref)
{
    static const char mark[] = "/_history/";
    for (size_t i = 0; i + sizeof mark - 1 <= ref.n; i++)
        if (memcmp(ref.p + i, mark, sizeof mark - 1) == 0)
            return (struct slice){ref.p, i};
    return ref;
}

/* "Patient/ID", alone or (with `url`) behind a slash. */
static bool names_patient(struct slice ref, struct slice id, bool url)
{
    static const char type[] = "Patient/";
    size_t n = sizeof type - 1 + id.n;
    if (id.n == 0 || ref.n < n || (!url && ref.n != n) || (url && ref.n > n && ref.p[ref.n - n - 1] != '/'))
        return false;
    const char *tail = ref.p + ref.n - n;
    return memcmp(tail, type, sizeof type - 1) == 0 && memcmp(tail + sizeof type - 1, id.p, id.n) == 0;
}

static bool may_be_patient(struct slice ref)
{
    static const char type[] = "Patient/";
    if (slice_starts(ref, "urn:uuid:") || slice_starts(ref, "urn:oid:"))
        return true;
    for (size_t i = 0; i + sizeof type - 1 <= ref.n; i++)
        if (memcmp(ref.p + i, type, sizeof type - 1) == 0 && (i == 0 || ref.p[i - 1] == '/'))
            return true;
    return false;
}

/* A full address counts by its address; only a Patient that has none of its own is known by the id at its end. */
static struct subject read_subject(const struct index *x, uint32_t resource)
{
    uint32_t s = json_get_kind(x->j, resource, "subject", JSON_OBJECT);
    struct slice ref = without_version(s ? json_get_text(x->j, s, "reference", x->a) : (struct slice){NULL, 0});
    struct subject ret = {.kind = SUBJECT_NONE};
    if (!s) { /* not said: the Bundle's one patient, or with no Patient in it the same unnamed one as all the others */
        if (x->patients == 1)
            ret.kind = SUBJECT_PATIENT;
        else if (x->patients == 0)
            ret.kind = SUBJECT_REFERENCE;
        return ret;
    }
    ret = (struct subject){.kind = SUBJECT_OTHER, .reference = ref};
    for (size_t i = 0; i < x->patients; i++) {
        const struct patient *p = &x->patient[i];
        if ((p->url.n && slice_eq(ref, p->url)) || names_patient(ref, p->id, p->url.n == 0)) {
            ret.kind = SUBJECT_PATIENT;
            ret.patient = i;
            return ret;
        }
    }
    if (may_be_patient(ref))
        ret.kind = SUBJECT_REFERENCE;
    return ret;
}

bool subject_same(const struct subject *x, const struct subject *y)
{
    return x->kind == y->kind &&
           (x->kind == SUBJECT_PATIENT ? x->patient == y->patient : slice_eq(x->reference, y->reference));
}

/* --- the parts of an Observation --- */

static int read_codings(struct index *x, uint32_t concept, struct fact *f)
{
    f->coding = (uint32_t)x->codings;
    uint32_t list = json_get_kind(x->j, concept, "coding", JSON_ARRAY);
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list); k = json_next(x->j, k)) {
        struct coding c = {json_get_text(x->j, k, "system", x->a), json_get_text(x->j, k, "code", x->a), 0};
        if (!c.system.n || !c.code.n)
            continue;
        c.hash = json_hash(c.code.p, c.code.n);
        struct coding *list_of = more(x->a, x->coding, x->codings, &x->coding_cap, sizeof *x->coding);
        if (!list_of)
            return -1;
        x->coding = list_of;
        x->coding[x->codings++] = c;
    }
    f->codings = (uint32_t)x->codings - f->coding;
    return 0;
}

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
    f->time_us = WIRE_NO_TIME;
    if (t.n && clock_parse(t, &f->time_us, NULL))
        f->time_text = t;
    else
        f->time_us = WIRE_NO_TIME;
}

static int add_fact(struct index *x, const struct fact *f)
{
    struct fact *list = more(x->a, x->fact, x->facts, &x->fact_cap, sizeof *list);
    if (!list)
        return -1;
    x->fact = list;
    x->fact[x->facts++] = *f;
    return 0;
}

static int add_observation(struct index *x, uint32_t i, uint32_t entry, int32_t contained)
{
    struct fact f = {.node = i, .entry = entry, .contained = contained, .component = -1};
    f.status = read_status(x, i);
    f.subject = read_subject(x, i);
    read_time(x, i, &f);
    if (read_codings(x, json_get(x->j, i, "code"), &f) || add_fact(x, &f))
        return -1;
    uint32_t list = json_get_kind(x->j, i, "component", JSON_ARRAY);
    f.component = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list);
         k = json_next(x->j, k), f.component++) {
        f.node = k;
        if (read_codings(x, json_get(x->j, k, "code"), &f) || add_fact(x, &f))
            return -1;
    }
    return 0;
}

/* --- Conditions --- */

/* Does the CodeableConcept at `key` have this code of this system? */
static bool has_status(const struct index *x, uint32_t i, const char *key, const char *system, const char *code)
{
    uint32_t concept = json_get(x->j, i, key), list = concept ? json_get_kind(x->j, concept, "coding", JSON_ARRAY) : 0,
             v;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list); k = json_next(x->j, k))
        if ((v = json_get(x->j, k, "system")) && json_is(x->j, v, system) && (v = json_get(x->j, k, "code")) &&
            json_is(x->j, v, code))
            return true;
    return false;
}

static int add_condition(struct index *x, uint32_t i, uint32_t entry, int32_t contained)
{
    static const char clinical[] = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    static const char verification[] = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
    struct problem p = {
        .fact = {.node = i, .entry = entry, .contained = contained, .component = -1, .time_us = WIRE_NO_TIME}};
    p.fact.subject = read_subject(x, i);
#define IS(code) has_status(x, i, "clinicalStatus", clinical, code)
    p.active = IS("active") || IS("recurrence") || IS("relapse");
    p.over = IS("inactive") || IS("remission") || IS("resolved");
#undef IS
#define IS(code) has_status(x, i, "verificationStatus", verification, code)
    p.verified = IS("confirmed")          ? VERIFIED_CONFIRMED
                 : IS("refuted")          ? VERIFIED_REFUTED
                 : IS("entered-in-error") ? VERIFIED_ERROR
                 : json_get(x->j, i, "verificationStatus")
                     ? VERIFIED_UNKNOWN
                     : VERIFIED_CONFIRMED; /* optional in R4: who records a Condition and says no more, means it */
#undef IS
    struct problem *list = more(x->a, x->problem, x->problems, &x->problem_cap, sizeof *list);
    if (!list)
        return -1;
    x->problem = list;
    if (read_codings(x, json_get(x->j, i, "code"), &p.fact))
        return -1;
    x->problem[x->problems++] = p;
    return 0;
}

/* --- the Bundle --- */

static int add_patient(struct index *x, uint32_t i, uint32_t entry, struct slice url)
{
    struct patient *list = more(x->a, x->patient, x->patients, &x->patient_cap, sizeof *list);
    if (!list)
        return -1;
    x->patient = list;
    x->patient[x->patients++] = (struct patient){
        .entry = entry, .node = i, .id = json_get_text(x->j, i, "id", x->a), .url = without_version(url)};
    return 0;
}

static int add_resource(struct index *x, uint32_t i, uint32_t entry, int32_t contained)
{
    uint32_t type = json_get(x->j, i, "resourceType");
    if (!type)
        return 0;
    if (json_is(x->j, type, "Observation"))
        return add_observation(x, i, entry, contained);
    return json_is(x->j, type, "Condition") ? add_condition(x, i, entry, contained) : 0;
}

static int each_entry(struct index *x, uint32_t bundle, bool patients)
{
    uint32_t list = json_get_kind(x->j, bundle, "entry", JSON_ARRAY), n = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list);
         k = json_next(x->j, k), n++) {
        uint32_t r = json_get_kind(x->j, k, "resource", JSON_OBJECT), type = r ? json_get(x->j, r, "resourceType") : 0;
        if (!type)
            continue;
        if (patients) {
            if (json_is(x->j, type, "Patient") && add_patient(x, r, n, json_get_text(x->j, k, "fullUrl", x->a)))
                return -1;
            continue;
        }
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

/* Patients first: the others refer to them, also from before them. */
int index_bundle(struct index *x, uint32_t bundle, struct err *e)
{
    return each_entry(x, bundle, true) || each_entry(x, bundle, false) ? no_memory(e) : 0;
}

bool index_has_code(const struct index *x, const struct fact *f, const struct code *c)
{
    for (uint32_t i = 0; i < f->codings; i++) {
        const struct coding *have = &x->coding[f->coding + i];
        if (have->hash == c->hash && slice_eq(have->code, c->code) && slice_eq(have->system, c->system))
            return true;
    }
    return false;
}

const char *index_path(const struct index *x, const struct fact *f)
{
    char contained[32] = "", component[32] = "";
    if (f->contained >= 0)
        snprintf(contained, sizeof contained, ".contained[%d]", (int)f->contained);
    if (f->component >= 0)
        snprintf(component, sizeof component, ".component[%d]", (int)f->component);
    return arena_printf(x->a, "Bundle.entry[%u].resource%s%s", f->entry, contained, component);
}
