#include <stdio.h>

#include "fhir/check_int.h"
#include "fhir/lookup_int.h"
#include "fhir/match_int.h"

static bool id_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.';
}

/* Where the last "/" before the end is; s.n: nowhere. */
static size_t last_slash(struct slice s)
{
    size_t n = s.n;
    while (n && s.p[n - 1] != '/')
        n--;
    return n ? n - 1 : s.n;
}

struct slice reference_unversioned(struct slice s)
{
    size_t at = last_slash(s);
    struct slice before = {s.p, at < s.n ? at : 0};
    size_t up = last_slash(before);
    if (before.n && before.n - up == 9 && memcmp(before.p + up, "/_history", 9) == 0)
        s.n = up;
    return s;
}

const struct fhir_shape *reference_type(struct slice text, struct slice *ret_base, struct slice *ret_id)
{
    struct slice s = reference_unversioned(text);
    size_t at = last_slash(s);
    if (at == s.n || at + 1 == s.n || s.n - at - 1 > 64)
        return NULL;
    struct slice id = {s.p + at + 1, s.n - at - 1}, before = {s.p, at};
    for (size_t i = 0; i < id.n; i++)
        if (!id_char(id.p[i]))
            return NULL;
    size_t up = last_slash(before), from = up < before.n ? up + 1 : 0;
    const struct fhir_shape *shape = resource_shape((struct slice){before.p + from, before.n - from});
    if (!shape)
        return NULL;
    *ret_base = (struct slice){s.p, from};
    *ret_id = id;
    return shape;
}

static bool may_lead(uint16_t row, const struct fhir_shape *s)
{
    return !row || s->number == NO_RESOURCE || (fhir_targets[row].bit[s->number / 64] >> s->number % 64 & 1);
}

/* "a Patient, Group or Device": the types of a row, as many as fit. */
static void write_types(uint16_t row, char *out, size_t size)
{
    size_t n = 0, left = 0;
    for (unsigned i = 0; i < 3; i++)
        left += (size_t)__builtin_popcountll(fhir_targets[row].bit[i]);
    for (unsigned i = 0; i < RESOURCE_SLOTS && n < size; i++) {
        const struct fhir_shape *s = fhir_resources[i] ? &fhir_shapes[fhir_resources[i] - 1] : NULL;
        if (!s || !may_lead(row, s))
            continue;
        n += (size_t)snprintf(out + n, size - n, "%s%.*s",
                              !n          ? ""
                              : left == 1 ? " or "
                                          : ", ",
                              (int)s->len, fhir_pool + s->name);
        left--;
    }
}

static void wrong_type(struct check *c, const struct frame *f, size_t off, uint16_t row, const struct fhir_shape *s)
{
    char types[300];
    write_types(row, types, sizeof types);
    issue_add(c, FHIR_ERROR, "value", f, off, "found a reference to a resource of type %.*s, expected %s", (int)s->len,
              fhir_pool + s->name, types);
}

/* The shape of a resource's own type, or NULL. */
static const struct fhir_shape *shape_of(const struct check *c, uint32_t resource)
{
    uint32_t v = value_of(c->j, resource, "resourceType", JSON_STRING);
    return v ? resource_shape(json_raw(c->j, v)) : NULL;
}

/* The contained resource of this id, in the resource around what is being checked; 0: none. */
static uint32_t contained(struct check *c, struct slice id)
{
    uint32_t list = json_get_kind(c->j, c->scope.root.node.value, "contained", JSON_ARRAY);
    for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list); k = json_next(c->j, k)) {
        uint32_t v = json_get_kind(c->j, k, "id", JSON_STRING);
        if (--c->steps < 0)
            return 0;
        if (v && slice_eq(json_raw(c->j, v), id))
            return k;
    }
    return 0;
}

static bool is_patient(const struct fhir_shape *s)
{
    return slice_is((struct slice){fhir_pool + s->name, s->len}, "Patient");
}

/* What the type element says against what the reference says, or against where it may lead. */
static void check_type(struct check *c, const struct frame *up, const struct fhir_prop *p, uint32_t type,
                       const struct fhir_shape *led)
{
    struct frame f = {up, "type", 4, -1};
    struct slice text = check_text(c, type);
    const struct fhir_shape *s = text.p ? resource_shape(text) : NULL;
    if (!s)
        return;
    if (!may_lead(p->targets, s))
        wrong_type(c, &f, check_off(c, type), p->targets, s);
    else if (led && led != s)
        issue_add(c, FHIR_ERROR, "value", &f, check_off(c, type),
                  "found another type than that of the reference beside it, expected %.*s", (int)led->len,
                  fhir_pool + led->name);
}

/* The type that a reference names by its text: "Patient/7", or "Patient?identifier=..." of a transaction. NULL: none.
 */
static const struct fhir_shape *named_type(struct slice text)
{
    struct slice base, id, query = text, before = slice_cut(&query, '?'), bare = slice_cut(&text, '#');
    return query.p ? resource_shape(before) : reference_type(bare, &base, &id);
}

/* "identifier=http://a|1&_has:Group:member:code=x": parameters that have names, with what they may be followed by, and
 * values, which may be empty. */
static bool is_search(struct slice query)
{
    while (query.p) {
        struct slice value = slice_cut(&query, '&'), name = slice_cut(&value, '=');
        if (!value.p || !name.n || (!id_char(name.p[0]) && name.p[0] != '_'))
            return false;
        for (size_t i = 1; i < name.n; i++)
            if (!id_char(name.p[i]) && name.p[i] != '_' && name.p[i] != ':')
                return false;
    }
    return true;
}

/* A search instead of an address, which whoever runs a transaction resolves (R4 3.1.0.11.2): elsewhere nobody does. */
static void check_conditional(struct check *c, const struct frame *f, uint32_t node, struct slice text)
{
    struct slice query = text, type = slice_cut(&query, '?');
    if (!query.p || !resource_shape(type))
        return;
    if (!is_search(query))
        issue_add(c, FHIR_ERROR, "value", f, check_off(c, node),
                  "found a conditional reference that is no search, expected TYPE?NAME=VALUE");
    else if (!c->bundle || !bundle_is_transaction(c))
        issue_add(c, FHIR_WARNING, "business-rule", f, check_off(c, node),
                  "found a conditional reference, expected it in a transaction alone: nothing else resolves it");
}

/* Whom it is about does not depend on a version. */
static void check_subject(struct check *c, const struct frame *f, uint32_t node, struct slice text, uint32_t target)
{
    const struct slice s = reference_unversioned(text);
    bundle_subject(c, f, node, s, target || s.n == text.n ? target : bundle_find(c, s, NULL));
}

void reference_check(struct check *c, const struct frame *up, const struct fhir_prop *p, uint32_t node)
{
    uint32_t v = value_of(c->j, node, "reference", JSON_STRING), type = value_of(c->j, node, "type", JSON_STRING),
             target = 0;
    const struct fhir_shape *led = NULL;
    struct frame f = {up, "reference", 9, -1};
    if (v) {
        struct slice text = json_text(c->j, v, c->arena);
        bool local = text.n && text.p[0] == '#';
        c->failed |= !text.p;
        if (!text.p)
            return;
        bool unclear = false;
        target = local       ? contained(c, (struct slice){text.p + 1, text.n - 1})
                 : c->bundle ? bundle_find(c, text, &unclear)
                             : 0;
        if (unclear)
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, v),
                      "found a reference to several entries of one fullUrl, expected the version of one, as in "
                      "TYPE/ID/_history/VERSION");
        led = target ? shape_of(c, target) : local ? NULL : named_type(text);
        if (led && !may_lead(p->targets, led))
            wrong_type(c, &f, check_off(c, v), p->targets, led);
        if (!led && !local && text.n && !match_absolute(text))
            issue_add(c, FHIR_ERROR, "value", &f, check_off(c, v),
                      "found a relative reference of another form, expected TYPE/ID, the TYPE one of FHIR R4");
        check_conditional(c, &f, v, text);
        if (c->bundle && !target && !local)
            bundle_missing(c, &f, v, text);
        if (c->one_subject && c->bundle && (p->flags & PROP_SUBJECT) && (!led || is_patient(led)))
            check_subject(c, &f, v, text, target);
    }
    if (type)
        check_type(c, up, p, type, led);
}

/* HL7's own definitions have the type in their addresses. */
void reference_check_canonical(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t node,
                               struct slice text)
{
    struct slice base, id, bare = slice_cut(&text, '|');
    const struct fhir_shape *s = slice_starts(bare, SYSTEM_BASE) ? reference_type(bare, &base, &id) : NULL;
    if (s && slice_is(base, SYSTEM_BASE) && !may_lead(p->targets, s))
        wrong_type(c, f, check_off(c, node), p->targets, s);
}
