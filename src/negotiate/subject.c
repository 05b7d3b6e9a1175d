/* subject.c -- whom a resource is about, and resources by what references call them. A lookup costs the same however
 * many there are. */
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
    list[x->patients] = (struct patient){
        .entry = entry, .node = node, .id = json_get_text(x->j, node, "id", x->a), .url = without_version(url)};
    uint32_t at = (uint32_t)x->patients++;
    return names_add(x, &x->patient_names, "Patient", list[at].id, url, at);
}

static bool may_be_patient(struct slice ref)
{
    struct slice tail = tail_of(ref);
    return slice_starts(ref, "urn:uuid:") || slice_starts(ref, "urn:oid:") || slice_starts(tail, "Patient/");
}

struct subject subject_read(const struct index *x, uint32_t resource)
{
    uint32_t s = json_get_kind(x->j, resource, "subject", JSON_OBJECT);
    if (!s) /* not said: the Bundle's one patient, or with no Patient in it the same unnamed one as all the others */
        return (struct subject){.kind = x->patients == 1   ? SUBJECT_PATIENT
                                        : x->patients == 0 ? SUBJECT_REFERENCE
                                                           : SUBJECT_NONE};
    struct slice ref = without_version(json_get_text(x->j, s, "reference", x->a));
    uint32_t found = names_find(&x->patient_names, ref);
    if (found != UINT32_MAX)
        return (struct subject){.kind = SUBJECT_PATIENT, .patient = found, .reference = ref};
    return (struct subject){.kind = may_be_patient(ref) ? SUBJECT_REFERENCE : SUBJECT_OTHER, .reference = ref};
}

struct slice subject_name(const struct index *x, const struct subject *s)
{
    if (s->kind != SUBJECT_PATIENT)
        return s->kind == SUBJECT_REFERENCE ? s->reference : (struct slice){NULL, 0};
    const struct patient *p = &x->patient[s->patient];
    return p->id.n ? slice_of(arena_printf(x->a, "Patient/%.*s", SLICE_FMT(p->id))) : p->url;
}

bool subject_same(const struct subject *x, const struct subject *y)
{
    return x->kind == y->kind &&
           (x->kind == SUBJECT_PATIENT ? x->patient == y->patient : slice_eq(x->reference, y->reference));
}
