/* subject.c -- whom a resource is about, and resources by what references call them. A lookup costs the same however
 * many there are.
 *
 * A reference names a Patient by address or by type and id; one that has only an identifier names the Patient that has
 * it, the same system and the same value, when no other Patient has it, too. "#p" is a Patient contained in the
 * resource: the Bundle's Patient who has one of its identifiers and neither another birth date nor another gender; in a
 * Bundle without a Patient the one all is about, when each subject that is named is one contained like it. Whoever is
 * only displayed is nobody. */
#include "negotiate/negotiate_int.h"

static struct slice without_version(struct slice ref)
{
    static const char mark[] = "/_history/";
    for (size_t i = 0; i + sizeof mark - 1 <= ref.n; i++)
        if (memcmp(ref.p + i, mark, sizeof mark - 1) == 0)
            return (struct slice){ref.p, i};
    return ref;
}

/* The last two parts of a reference, "Patient/p1"; {NULL,0} when it has fewer. */
static struct slice tail_of(struct slice ref)
{
    size_t at = ref.n, slashes = 0;
    while (at > 0 && slashes < 2)
        slashes += ref.p[--at] == '/';
    if (slashes == 2)
        at++;
    return slashes ? (struct slice){ref.p + at, ref.n - at} : (struct slice){NULL, 0};
}

static int add_name(struct index *x, struct names *t, struct name n)
{
    struct name *list = index_more(x->a, t->list, t->n, &t->cap, sizeof *list);
    if (!list)
        return -1;
    t->list = list;
    t->list[t->n++] = n;
    return 0;
}

/* A full address counts by its address; only what has none of its own is known by the id at the end of any. */
int names_add(struct index *x, struct names *t, const char *type, struct slice id, struct slice url, uint32_t value)
{
    url = without_version(url);
    if (url.n && add_name(x, t, (struct name){.key = url, .value = value}))
        return -1;
    if (id.n == 0)
        return 0;
    char *key = arena_printf(x->a, "%s/%.*s", type, SLICE_FMT(id));
    return key ? add_name(x, t, (struct name){.key = slice_of(key), .tail = url.n == 0, .value = value}) : -1;
}

int names_ready(struct index *x, struct names *t)
{
    uint32_t size = 16;
    while (size < t->n * 2 && size < 1u << 16)
        size *= 2;
    t->mask = size - 1;
    if (!(t->bucket = arena_take(x->a, size * sizeof *t->bucket)))
        return -1;
    for (size_t i = t->n; i-- > 0;) { /* from the last, so that the first of a bucket is the first of the Bundle */
        uint32_t *b = &t->bucket[json_hash(t->list[i].key.p, t->list[i].key.n) & t->mask];
        t->list[i].next = *b;
        *b = (uint32_t)i + 1;
    }
    return 0;
}

static uint32_t find(const struct names *t, struct slice key, bool tail)
{
    if (key.n == 0)
        return UINT32_MAX;
    for (uint32_t i = t->bucket[json_hash(key.p, key.n) & t->mask]; i; i = t->list[i - 1].next)
        if (slice_eq(t->list[i - 1].key, key) && (!tail || t->list[i - 1].tail))
            return t->list[i - 1].value;
    return UINT32_MAX;
}

uint32_t names_find(const struct names *t, struct slice reference)
{
    struct slice ref = without_version(reference);
    uint32_t whole = find(t, ref, false), tail = find(t, tail_of(ref), true);
    return whole < tail ? whole : tail;
}

int subject_add_patient(struct index *x, uint32_t node, uint32_t entry, struct slice url)
{
    struct patient *list = index_more(x->a, x->patient, x->patients, &x->patient_cap, sizeof *list);
    if (!list)
        return -1;
    x->patient = list;
    list[x->patients] = (struct patient){.entry = entry,
                                         .at = x->at,
                                         .node = node,
                                         .contained = -1,
                                         .id = json_get_text(x->j, node, "id", x->a),
                                         .url = without_version(url)};
    uint32_t at = (uint32_t)x->patients++;
    return names_add(x, &x->patient_names, "Patient", list[at].id, url, at);
}

/* --- identifiers --- */

enum { IDENTIFIERS = 16 }; /* of one Patient; so many are looked at */

/* An identifier without a system or a value tells nobody from anybody else. */
static struct slice identifier_key(const struct index *x, uint32_t identifier)
{
    struct slice system = json_get_text(x->j, identifier, "system", x->a),
                 value = json_get_text(x->j, identifier, "value", x->a);
    if (!system.n || !value.n)
        return (struct slice){NULL, 0};
    return slice_of(arena_printf(x->a, "%zu:%.*s|%.*s", system.n, SLICE_FMT(system), SLICE_FMT(value)));
}

static size_t identifiers_of(const struct index *x, uint32_t patient, struct slice key[IDENTIFIERS])
{
    uint32_t list = json_get_kind(x->j, patient, "identifier", JSON_ARRAY);
    size_t n = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list) && n < IDENTIFIERS;
         k = json_next(x->j, k))
        if (json_kind(x->j, k) == JSON_OBJECT && (key[n] = identifier_key(x, k)).n)
            n++;
    return n;
}

static int add_identifiers(struct index *x, uint32_t patient)
{
    struct slice key[IDENTIFIERS];
    size_t n = identifiers_of(x, x->patient[patient].node, key);
    for (size_t i = 0; i < n; i++)
        if (add_name(x, &x->patient_identifiers, (struct name){.key = key[i], .value = patient}))
            return -1;
    return 0;
}

/* The one who has it; UINT32_MAX: nobody, or several. */
static uint32_t find_identified(const struct index *x, struct slice key)
{
    const struct names *t = &x->patient_identifiers;
    uint32_t found = UINT32_MAX;
    for (uint32_t i = key.n ? t->bucket[json_hash(key.p, key.n) & t->mask] : 0; i; i = t->list[i - 1].next) {
        const struct name *n = &t->list[i - 1];
        if (!slice_eq(n->key, key))
            continue;
        if (found != UINT32_MAX && n->value != found)
            return UINT32_MAX;
        found = n->value;
    }
    return found;
}

/* --- contained Patients --- */

static bool contradicts(const struct index *x, uint32_t one, uint32_t other)
{
    static const char *const key[] = {"birthDate", "gender"};
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        struct slice a = json_get_text(x->j, one, key[i], x->a), b = json_get_text(x->j, other, key[i], x->a);
        if (a.n && b.n && !slice_eq(a, b))
            return true;
    }
    return false;
}

/* 0: there is none among the first. *ret_nth: which of those contained it is. The bound is there because each of very
 * many contained resources may name another one. */
enum { CONTAINED = 64 };
static uint32_t contained_patient(const struct index *x, struct slice reference, int32_t *ret_nth)
{
    uint32_t list = x->holder && slice_starts(reference, "#") ? json_get_kind(x->j, x->holder, "contained", JSON_ARRAY)
                                                              : 0,
             type;
    struct slice id = list ? (struct slice){reference.p + 1, reference.n - 1} : reference;
    int32_t n = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list) && n < CONTAINED;
         k = json_next(x->j, k), n++)
        if (slice_eq(json_get_text(x->j, k, "id", x->a), id) && (type = json_get(x->j, k, "resourceType"))) {
            *ret_nth = n;
            return json_is(x->j, type, "Patient") ? k : 0;
        }
    return 0;
}

static bool same_person(const struct index *x, uint32_t one, uint32_t other)
{
    struct slice a[IDENTIFIERS], b[IDENTIFIERS];
    if (slice_eq(json_span(x->j, one), json_span(x->j, other)))
        return true;
    size_t n = identifiers_of(x, one, a), m = identifiers_of(x, other, b);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (slice_eq(a[i], b[k]))
                return !contradicts(x, one, other);
    return false;
}

/* What one resource says for the search for a contained Patient that all is about. */
struct inside {
    struct patient first;
    bool any, named; /* named: somebody is the subject of something in another way */
};

static void look_inside(struct index *x, uint32_t resource, uint32_t entry, struct inside *in)
{
    uint32_t s = json_get_kind(x->j, resource, "subject", JSON_OBJECT);
    int32_t nth = 0;
    uint32_t node = s ? contained_patient(x, json_get_text(x->j, s, "reference", x->a), &nth) : 0;
    if (s && !node)
        in->named = true;
    if (!node)
        return;
    if (!in->any)
        in->first = (struct patient){.entry = entry, .at = x->at, .node = node, .contained = nth};
    else if (!same_person(x, in->first.node, node))
        x->others_inside = true;
    in->any = true;
}

static int find_inside(struct index *x, uint32_t bundle)
{
    struct inside in = {.any = false};
    uint32_t list = json_get_kind(x->j, bundle, "entry", JSON_ARRAY), n = 0;
    for (uint32_t k = list ? json_first(x->j, list) : 0; list && k != json_end(x->j, list);
         k = json_next(x->j, k), n++) {
        x->at = k;
        x->holder = json_get_kind(x->j, k, "resource", JSON_OBJECT);
        uint32_t inner = x->holder ? json_get_kind(x->j, x->holder, "contained", JSON_ARRAY) : 0;
        if (x->holder)
            look_inside(x, x->holder, n, &in);
        for (uint32_t i = inner ? json_first(x->j, inner) : 0; inner && i != json_end(x->j, inner);
             i = json_next(x->j, i))
            look_inside(x, i, n, &in);
    }
    if (!in.any || in.named || x->others_inside)
        return 0;
    if (!(x->patient = index_more(x->a, x->patient, x->patients, &x->patient_cap, sizeof *x->patient)))
        return -1;
    x->patient[x->patients++] = in.first;
    return 0;
}

int subject_ready(struct index *x, uint32_t bundle)
{
    if (x->patients == 0 && find_inside(x, bundle))
        return -1;
    for (uint32_t i = 0; i < x->patients; i++)
        if (add_identifiers(x, i))
            return -1;
    return names_ready(x, &x->patient_names) || names_ready(x, &x->patient_identifiers) ? -1 : 0;
}

/* --- reading --- */

static struct subject the_patient(uint32_t found, struct slice reference)
{
    return (struct subject){.kind = SUBJECT_PATIENT, .patient = found, .reference = reference};
}

static struct subject from_contained(const struct index *x, struct slice reference)
{
    struct slice key[IDENTIFIERS];
    int32_t nth;
    uint32_t node = contained_patient(x, reference, &nth), found = UINT32_MAX;
    size_t n = node ? identifiers_of(x, node, key) : 0;
    if (node && x->patients == 1 && slice_eq(json_span(x->j, x->patient[0].node), json_span(x->j, node)))
        return the_patient(0, reference);
    for (size_t i = 0; i < n && found == UINT32_MAX; i++)
        found = find_identified(x, key[i]);
    return found != UINT32_MAX && !contradicts(x, x->patient[found].node, node)
               ? the_patient(found, reference)
               : (struct subject){.kind = SUBJECT_OTHER, .reference = reference};
}

static bool may_be_patient(struct slice ref)
{
    struct slice tail = tail_of(ref);
    return slice_starts(ref, "urn:uuid:") || slice_starts(ref, "urn:oid:") || slice_starts(tail, "Patient/");
}

static struct subject from_reference(const struct index *x, struct slice reference)
{
    struct slice ref = without_version(reference);
    if (slice_starts(ref, "#"))
        return from_contained(x, ref);
    uint32_t found = names_find(&x->patient_names, ref);
    if (found != UINT32_MAX)
        return the_patient(found, ref);
    return (struct subject){.kind = may_be_patient(ref) ? SUBJECT_REFERENCE : SUBJECT_OTHER, .reference = ref};
}

/* Where there is no Patient at all, who has the same identifier is the same one, as with references. */
static struct subject from_identifier(const struct index *x, uint32_t identifier)
{
    struct slice key = identifier_key(x, identifier);
    uint32_t found = find_identified(x, key);
    if (found != UINT32_MAX)
        return the_patient(found, key);
    return (struct subject){
        .kind = key.n && x->patients == 0 ? SUBJECT_REFERENCE : SUBJECT_OTHER, .reference = key, .logical = true};
}

static struct subject from_element(const struct index *x, uint32_t s)
{
    uint32_t identifier = json_get_kind(x->j, s, "identifier", JSON_OBJECT), type = json_get(x->j, s, "type");
    if (json_get(x->j, s, "reference") || !identifier)
        return from_reference(x, json_get_text(x->j, s, "reference", x->a));
    return type && !json_is(x->j, type, "Patient") ? (struct subject){.kind = SUBJECT_OTHER}
                                                   : from_identifier(x, identifier);
}

struct subject subject_read(const struct index *x, uint32_t resource)
{
    uint32_t s = json_get_kind(x->j, resource, "subject", JSON_OBJECT);
    if (s)
        return from_element(x, s);
    /* not said: the Bundle's one patient, or with no Patient in it the same unnamed one as all the others */
    return (struct subject){.kind = x->patients == 1   ? SUBJECT_PATIENT
                                    : x->patients == 0 ? SUBJECT_REFERENCE
                                                       : SUBJECT_NONE};
}

struct subject subject_said(const struct index *x, uint32_t node)
{
    if (json_kind(x->j, node) == JSON_OBJECT)
        return json_get(x->j, node, "value") ? from_identifier(x, node) : from_element(x, node);
    struct slice text = json_text(x->j, node, x->a);
    bool id = text.n != 0;
    for (size_t i = 0; i < text.n; i++)
        id = id && text.p[i] != '/' && text.p[i] != ':' && text.p[i] != '#';
    return from_reference(x, id ? slice_of(arena_printf(x->a, "Patient/%.*s", SLICE_FMT(text))) : text);
}

struct slice subject_name(const struct index *x, const struct subject *s)
{
    if (s->kind != SUBJECT_PATIENT)
        return s->kind == SUBJECT_REFERENCE && !s->logical ? s->reference : (struct slice){NULL, 0};
    const struct patient *p = &x->patient[s->patient];
    return p->id.n ? slice_of(arena_printf(x->a, "Patient/%.*s", SLICE_FMT(p->id))) : p->url;
}

bool subject_same(const struct subject *x, const struct subject *y)
{
    return x->kind == y->kind &&
           (x->kind == SUBJECT_PATIENT ? x->patient == y->patient : slice_eq(x->reference, y->reference));
}
