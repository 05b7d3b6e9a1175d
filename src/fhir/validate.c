/* validate.c -- one walk over the tape, along the tables.
 *
 * Every JSON object of a resource has a shape (tables_int.h), every key of it a property, every value a type. The walk
 * goes down once and never back: a key is looked up by the hash the tape holds, a value is judged by its type, and when
 * an object is done the mask of what was seen is held against what is required.
 *
 * Primitives come in two halves: "birthDate" has the value and "_birthDate" the id and extensions. Either half makes
 * the element present. In arrays both halves are arrays of one length, and null fills the half that is missing.
 *
 * Recursion is bounded by the reader's limit of JSON_DEPTH levels. */
#include "fhir/fhir.h"

#include <stdio.h>

#include "fhir/check_int.h"
#include "fhir/lookup_int.h"
#include "fhir/match_int.h"
#include "fhir/xhtml_int.h"

static void check_object(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj);
static void check_resource(struct check *c, const struct frame *f, uint32_t node, const char *want, bool contained);

static const struct {
    const char *name, *expected;
    enum { BOOL, NUMBER, STRING } json;
} primitive[FHIR_PRIMITIVES] = {
#define TYPE(id, fhir, kind, text) [FHIR_##id] = {fhir, text, kind},
#include "fhir/types.def"
#undef TYPE
};

static const char *kind_name(enum json_kind kind)
{
    static const char *const names[] = {"null",     "a boolean", "a boolean", "a number",
                                        "a string", "an array",  "an object", "a key"};
    return names[kind];
}

static struct frame step(const struct frame *up, const struct fhir_prop *p)
{
    return (struct frame){up, fhir_pool + p->name, p->len, -1};
}

static void wrong_kind(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v)
{
    static const char *const json[] = {"true or false", "a number", "a string"};
    const char *found = kind_name(json_kind(c->j, v));
    size_t off = check_off(c, v);
    if (p->type == FHIR_OBJECT)
        issue_add(c, FHIR_ERROR, "structure", f, off, "found %s, expected an object (%.*s)", found,
                  (int)fhir_shapes[p->shape].len, fhir_pool + fhir_shapes[p->shape].name);
    else if (p->type == FHIR_RESOURCE)
        issue_add(c, FHIR_ERROR, "structure", f, off, "found %s, expected an object (a resource)", found);
    else
        issue_add(c, FHIR_ERROR, "structure", f, off, "found %s, expected %s (%s)", found,
                  json[primitive[p->type].json], primitive[p->type].name);
}

/* --- values --- */

static void check_xhtml(struct check *c, const struct frame *f, uint32_t v, struct slice text)
{
    const char *fault = xhtml_fault(text);
    if (!fault && xhtml_empty(text)) /* published examples are so */
        issue_add(c, FHIR_WARNING, "invariant", f, check_off(c, v),
                  "invariant txt-2 does not hold, expected: The narrative SHALL have some non-whitespace content");
    if (fault)
        issue_add(c, FHIR_ERROR, "invalid", f, check_off(c, v), "found %s, expected %s", fault,
                  primitive[FHIR_XHTML].expected);
    else
        words_check_links(c, f, v, text);
}

static bool is_uri(enum fhir_type type)
{
    return type == FHIR_URI || type == FHIR_URL || type == FHIR_CANONICAL;
}

/* The reader has kept control characters out of a string without escapes, so most types are quickly done. */
static bool match_raw(enum fhir_type type, struct slice s)
{
    switch (type) {
    case FHIR_STRING:
    case FHIR_MARKDOWN: return s.n <= 1024 * 1024;
    case FHIR_URI:
    case FHIR_URL:
    case FHIR_CANONICAL: return !memchr(s.p, ' ', s.n);
    default: return match_primitive(type, s);
    }
}

/* The url of an extension that stands in another one is a name the outer one gives. */
static bool is_inner_extension(const struct frame *f)
{
    const struct frame *inner = f->up, *outer = inner ? inner->up : NULL;
    return outer && inner->len == 9 && memcmp(inner->name, "extension", 9) == 0 &&
           ((outer->len == 9 && memcmp(outer->name, "extension", 9) == 0) ||
            (outer->len == 17 && memcmp(outer->name, "modifierExtension", 17) == 0));
}

/* What the element asks of a text whose type is right. */
static void check_form(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v, struct slice s)
{
    if ((p->flags & PROP_LANGUAGE) && !match_language(s))
        issue_add(c, FHIR_ERROR, "code-invalid", f, check_off(c, v),
                  "found a code that is no language, expected one of BCP-47, such as en or de-AT");
    if ((p->flags & PROP_ABSOLUTE) && !match_absolute(s) && s.p[0] != '#' && !is_inner_extension(f))
        issue_add(c, FHIR_ERROR, "value", f, check_off(c, v),
                  "found a relative URI, expected an absolute one, with its scheme, such as https: or urn:");
}

static void check_string(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v)
{
    enum fhir_type type = (enum fhir_type)p->type;
    bool escaped = c->j->node[v].escaped;
    struct slice s = escaped ? check_text(c, v) : json_raw(c->j, v);
    if (!s.p)
        return;
    if (s.n && s.p[0] == '#')
        invariants_note_local(c, p, v);
    if (s.n > 4 && memcmp(s.p, "urn:", 4) == 0 && is_uri(type) && !match_urn(s)) /* published examples have such */
        issue_add(c, FHIR_WARNING, "value", f, check_off(c, v),
                  "found urn:oid: or urn:uuid: before what is no OID or UUID, expected one");
    if (s.n == 0) {
        issue_add(c, FHIR_ERROR, "value", f, check_off(c, v), "found an empty string, expected %s or no such property",
                  primitive[type].expected);
    } else if (type == FHIR_XHTML) {
        check_xhtml(c, f, v, s);
    } else if (escaped ? !match_primitive(type, s) : !match_raw(type, s)) {
        issue_add(c, FHIR_ERROR, "value", f, check_off(c, v), "found a string that is no %s, expected %s",
                  primitive[type].name, primitive[type].expected);
    } else if (p->binding) {
        binding_check_code(c, f, p->binding, v, s);
    } else if (p->flags & (PROP_ABSOLUTE | PROP_LANGUAGE)) {
        check_form(c, f, p, v, s);
    } else if (p->targets) {
        reference_check_canonical(c, f, p, v, s);
    }
}

static void check_primitive(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v)
{
    enum json_kind kind = json_kind(c->j, v);
    enum fhir_type type = (enum fhir_type)p->type;
    switch (primitive[type].json) {
    case STRING:
        if (kind == JSON_STRING)
            return check_string(c, f, p, v);
        break;
    case NUMBER:
        if (kind == JSON_NUMBER) {
            if (!match_primitive(type, json_raw(c->j, v)))
                issue_add(c, FHIR_ERROR, "value", f, check_off(c, v), "found a number that is no %s, expected %s",
                          primitive[type].name, primitive[type].expected);
            return;
        }
        break;
    default:
        if (kind == JSON_TRUE || kind == JSON_FALSE)
            return;
    }
    wrong_kind(c, f, p, v);
}

/* %rootResource of what is contained is the resource that contains it; of what an entry holds, that itself. */
static void check_inner_resource(struct check *c, const struct frame *f, uint32_t v)
{
    struct fhirpath_item resource = c->scope.resource, root = c->scope.root;
    size_t locals = c->locals_before;
    bool contained = f->len == 9 && memcmp(f->name, "contained", 9) == 0;
    c->locals_before = c->locals;
    check_resource(c, f, v, NULL, contained);
    c->locals_before = locals;
    c->scope.resource = resource;
    c->scope.root = root;
}

/* One value: of a property that does not repeat, or an item of one that does. */
static void check_value(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v)
{
    if (p->type == FHIR_NAME) /* judged by check_resource */
        return;
    if (p->type < FHIR_PRIMITIVES)
        check_primitive(c, f, p, v);
    else if (json_kind(c->j, v) != JSON_OBJECT)
        return wrong_kind(c, f, p, v);
    else if (p->type == FHIR_RESOURCE)
        return check_inner_resource(c, f, v);
    else
        check_object(c, f, &fhir_shapes[p->shape], v);
    if (p->type == FHIR_OBJECT && fhir_shapes[p->shape].own == OWN_REFERENCE)
        reference_check(c, f, p, v);
    if (p->binding && p->type == FHIR_OBJECT)
        binding_check_concept(c, f, p, v);
    if ((p->flags & PROP_SIMPLE) && p->type == FHIR_OBJECT)
        words_check_simple(c, f, v);
    if (p->rules)
        invariants_check_place(c, f, p, v);
}

/* --- arrays, and the two halves of primitives --- */

/* True, or an issue: a repeating property needs an array with something in it, another must have none. */
static bool array_fits(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t v)
{
    bool array = json_kind(c->j, v) == JSON_ARRAY;
    if (array && !(p->flags & PROP_ARRAY))
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v),
                  "found an array, expected a single value: this element does not repeat");
    else if (!array && (p->flags & PROP_ARRAY))
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v),
                  "found %s, expected an array: this element may repeat", kind_name(json_kind(c->j, v)));
    else if (array && c->j->node[v].len == 0)
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v),
                  "found an empty array, expected at least one item or no such property");
    else
        return true;
    return false;
}

/* Each null of one half (an array) must have its partner in the other (0: there is none): an item that is itself not
 * null, or, when both halves are null there and the other half reports it, any item. */
static void check_nulls(struct check *c, struct frame *f, uint32_t half, uint32_t other, bool any)
{
    const struct json *j = c->j;
    bool paired = other && json_kind(j, other) == JSON_ARRAY;
    uint32_t o = paired ? json_first(j, other) : 0, end = paired ? json_end(j, other) : 0;
    f->index = 0;
    for (uint32_t k = json_first(j, half); k != json_end(j, half); k = json_next(j, k), f->index++) {
        bool there = o != end && (any || json_kind(j, o) != JSON_NULL);
        if (json_kind(j, k) == JSON_NULL && !there)
            issue_add(c, FHIR_ERROR, "structure", f, check_off(c, k),
                      "found null with nothing beside it, expected a value or an extension");
        if (o != end)
            o = json_next(j, o);
    }
}

/* The other half of a primitive: `under` says which. 0: there is none. */
static uint32_t other_half(struct check *c, uint32_t obj, const struct fhir_prop *p, bool under)
{
    char name[258];
    snprintf(name, sizeof name, "%s%.*s", under ? "_" : "", (int)p->len, fhir_pool + p->name);
    return json_get(c->j, obj, name);
}

static void check_items(struct check *c, struct frame *f, const struct fhir_prop *p, uint32_t obj, uint32_t array)
{
    const struct json *j = c->j;
    bool nulls = false;
    f->index = 0;
    for (uint32_t k = json_first(j, array); k != json_end(j, array); k = json_next(j, k), f->index++) {
        if (p->type < FHIR_PRIMITIVES && json_kind(j, k) == JSON_NULL)
            nulls = true;
        else
            check_value(c, f, p, k);
    }
    if (nulls)
        check_nulls(c, f, array, p->flags & PROP_BARE ? 0 : other_half(c, obj, p, true), false);
}

static void check_property(struct check *c, const struct frame *up, const struct fhir_prop *p, uint32_t obj, uint32_t v)
{
    struct frame f = step(up, p);
    enum json_kind kind = json_kind(c->j, v);
    if (kind == JSON_NULL)
        issue_add(c, FHIR_ERROR, "structure", &f, check_off(c, v), "found null, expected a value or no such property");
    else if (((p->flags & PROP_ARRAY) || kind == JSON_ARRAY) && !array_fits(c, &f, p, v))
        return;
    else if (p->flags & PROP_ARRAY)
        check_items(c, &f, p, obj, v);
    else
        check_value(c, &f, p, v);
    if (p->type == FHIR_RESOURCE && kind == JSON_ARRAY)
        words_check_contained(c, &f, v);
}

/* ele-1: an id alone is no content. */
static void no_content(struct check *c, const struct frame *f, uint32_t obj)
{
    issue_add(c, FHIR_ERROR, "invariant", f, check_off(c, obj),
              "invariant ele-1 does not hold, expected: All FHIR elements must have a @value or children");
}

/* `valued`: it stands beside a value. */
static void check_extra(struct check *c, const struct frame *f, uint32_t v, bool valued)
{
    if (json_kind(c->j, v) == JSON_OBJECT) {
        check_object(c, f, &fhir_shapes[fhir_shape_element], v);
        if (!valued && c->j->node[v].len == 1 && json_is(c->j, json_first(c->j, v), "id"))
            no_content(c, f, v);
    } else {
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v),
                  "found %s, expected an object with an id or extensions", kind_name(json_kind(c->j, v)));
    }
}

/* The half of a primitive under its name with "_" before it. */
static void check_under(struct check *c, const struct frame *up, const struct fhir_prop *p, uint32_t obj, uint32_t v)
{
    const struct json *j = c->j;
    struct frame f = step(up, p);
    bool nulls = false;
    if (!array_fits(c, &f, p, v))
        return;
    uint32_t other = other_half(c, obj, p, false);
    if (!(p->flags & PROP_ARRAY))
        return check_extra(c, &f, v, other);
    bool paired = other && json_kind(j, other) == JSON_ARRAY;
    uint32_t o = paired ? json_first(j, other) : 0, end = paired ? json_end(j, other) : 0;
    f.index = 0;
    for (uint32_t k = json_first(j, v); k != json_end(j, v); k = json_next(j, k), f.index++) {
        if (json_kind(j, k) == JSON_NULL)
            nulls = true;
        else
            check_extra(c, &f, k, o != end && json_kind(j, o) != JSON_NULL);
        if (o != end)
            o = json_next(j, o);
    }
    if (nulls)
        check_nulls(c, &f, v, other, true);
}

/* --- objects --- */

static bool differs_in_case(struct slice name, const struct fhir_prop *p)
{
    if (name.n != p->len)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((name.p[i] | 32) != (fhir_pool[p->name + i] | 32))
            return false;
    return true;
}

static void unknown_property(struct check *c, const struct frame *up, const struct fhir_shape *s, uint32_t key,
                             struct slice name)
{
    bool plain = name_plain(name);
    struct frame f = {up, name.p, (uint32_t)name.n, -1};
    const struct fhir_prop *near = NULL;
    for (unsigned i = 0; i < s->count && !near; i++)
        if (differs_in_case(name, &fhir_props[s->props + i]))
            near = &fhir_props[s->props + i];
    if (near)
        issue_add(c, FHIR_ERROR, "structure", plain ? &f : up, check_off(c, key),
                  "found an unknown property, expected '%.*s': names are case-sensitive", (int)near->len,
                  fhir_pool + near->name);
    else
        issue_add(c, FHIR_ERROR, "structure", plain ? &f : up, check_off(c, key),
                  "found a property that %.*s does not have in FHIR R4", (int)s->len, fhir_pool + s->name);
}

/* Of the types of a choice only one may stand. `chosen` is read only where `seen` says that it was written. */
static void mark_seen(struct check *c, const struct frame *up, const struct fhir_shape *s, const struct fhir_prop *p,
                      uint32_t key, uint64_t *seen, uint8_t chosen[SLOTS])
{
    uint64_t bit = (uint64_t)1 << p->slot;
    uint8_t me = (uint8_t)(p - &fhir_props[s->props]);
    if (p->stem && (*seen & bit) && chosen[p->slot] != me) {
        struct frame f = step(up, p);
        issue_add(c, FHIR_ERROR, "structure", &f, check_off(c, key),
                  "found a second type of %.*s[x], expected only one of them", (int)p->stem, fhir_pool + p->name);
    }
    if (p->stem)
        chosen[p->slot] = me;
    *seen |= bit;
}

static void report_missing(struct check *c, const struct frame *up, const struct fhir_shape *s, uint32_t obj,
                           uint64_t missing)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct fhir_prop *p = &fhir_props[s->props + i];
        if (p->slot == NO_SLOT || !(missing & (uint64_t)1 << p->slot))
            continue;
        struct frame f = step(up, p);
        f.len = p->stem ? p->stem : p->len;
        issue_add(c, FHIR_ERROR, "required", &f, check_off(c, obj),
                  "found nothing, expected %.*s%s: it is required in %.*s", (int)f.len, f.name, p->stem ? "[x]" : "",
                  (int)s->len, fhir_pool + s->name);
        missing &= ~((uint64_t)1 << p->slot);
    }
}

/* Everything below the element is judged. This is the one place every object of a resource passes when it is complete.
 */
static void element_done(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj,
                         uint64_t seen, uint32_t due)
{
    uint64_t missing = s->required & ~seen;
    if (c->j->node[obj].len == 0)
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, obj),
                  "found an empty object, expected content or no such property");
    if (missing)
        report_missing(c, f, s, obj, missing);
    if (c->j->node[obj].len == 1 && s != &fhir_shapes[fhir_shape_element] &&
        json_is(c->j, json_first(c->j, obj), "id") && fhir_props[s->props].type != FHIR_NAME)
        no_content(c, f, obj);
    if (due)
        invariants_check(c, f, s, obj, due);
    if (s->own != OWN_NONE)
        words_check(c, f, s, obj);
}

static void check_object(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj)
{
    const struct json *j = c->j;
    uint64_t seen = 0;
    uint32_t due = c->invariants->always[s - fhir_shapes];
    uint8_t chosen[SLOTS];
    if (s->own == OWN_ENTRY)
        bundle_entry_begin(c, obj);
    for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k)) {
        struct slice name = j->node[k].escaped ? json_text(j, k, c->arena) : json_raw(j, k);
        if (!name.p) {
            c->failed = true;
            return;
        }
        const struct fhir_prop *p = shape_prop(s, name, j->node[k].hash);
        bool under = !p && name.n > 1 && name.p[0] == '_';
        if (under) {
            p = shape_prop(s, (struct slice){name.p + 1, name.n - 1}, json_hash(name.p + 1, name.n - 1));
            if (p && (p->type >= FHIR_PRIMITIVES || (p->flags & PROP_BARE)))
                p = NULL;
        }
        if (!p) {
            unknown_property(c, f, s, k, name);
            continue;
        }
        due |= c->invariants->wakes[p - fhir_props];
        if (p->slot != NO_SLOT)
            mark_seen(c, f, s, p, k, &seen, chosen);
        if (under)
            check_under(c, f, p, obj, json_value(k));
        else
            check_property(c, f, p, obj, json_value(k));
    }
    element_done(c, f, s, obj, seen, due);
}

/* What is added of a type that another version of FHIR has. */
static const char *other_version(struct slice name)
{
    static const struct {
        const char *type, *said;
    } other[] = {
#define OTHER(type, versions) {type, " (it is of FHIR " versions ")"},
#include "fhir/others.def"
#undef OTHER
    };
    for (size_t i = 0; name.p && i < sizeof other / sizeof *other; i++)
        if (slice_is(name, other[i].type))
            return other[i].said;
    return "";
}

/* The shape that resourceType names; NULL and an issue when it does not. */
static const struct fhir_shape *resource_type(struct check *c, const struct frame *f, uint32_t node, const char *want)
{
    uint32_t v = json_get(c->j, node, "resourceType");
    if (!v || json_kind(c->j, v) != JSON_STRING) {
        issue_add(c, FHIR_ERROR, v ? "structure" : "required", f, check_off(c, v ? v : node),
                  "found %s, expected resourceType with the name of a resource type",
                  v ? kind_name(json_kind(c->j, v)) : "nothing");
        return NULL;
    }
    struct slice name = check_text(c, v);
    const struct fhir_shape *s = name.p ? resource_shape(name) : NULL;
    if (!s)
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v),
                  "found a resourceType that FHIR R4 does not have%s, expected the name of one", other_version(name));
    else if (want && !slice_is(name, want))
        issue_add(c, FHIR_ERROR, "structure", f, check_off(c, v), "found a resource of type %.*s, expected %s",
                  (int)s->len, fhir_pool + s->name, want);
    return s;
}

static void check_resource(struct check *c, const struct frame *f, uint32_t node, const char *want, bool contained)
{
    static const struct frame unnamed = {NULL, "Resource", 8, -1};
    const struct frame *at = f ? f : &unnamed;
    if (json_kind(c->j, node) != JSON_OBJECT) {
        issue_add(c, FHIR_ERROR, "structure", at, check_off(c, node), "found %s, expected an object (a resource)",
                  kind_name(json_kind(c->j, node)));
        return;
    }
    const struct fhir_shape *s = resource_type(c, at, node, want);
    if (!s)
        return;
    struct frame root = {NULL, fhir_pool + s->name, s->len, -1};
    c->scope.resource = (struct fhirpath_item){
        .kind = FHIRPATH_NODE, .type = FHIR_OBJECT, .shape = (uint16_t)(s - fhir_shapes), .node = {.value = node}};
    if (!contained)
        c->scope.root = c->scope.resource;
    struct bundle *around = s->own == OWN_BUNDLE ? bundle_begin(c, node) : c->bundle;
    check_object(c, f ? f : &root, s, node);
    if (s->own == OWN_BUNDLE)
        bundle_check(c, f ? f : &root, node);
    bundle_end(c, around);
}

bool fhir_is_resource(struct slice name)
{
    return resource_shape(name) != NULL;
}

bool fhir_is(const struct json *j, uint32_t node, const char *type)
{
    uint32_t said = json_get_kind(j, node, "resourceType", JSON_STRING);
    return said && json_is(j, said, type);
}

const char *fhir_severity_name(enum fhir_severity severity)
{
    static const char *const names[] = {"error", "warning", "information"};
    return names[severity];
}

int fhir_validate(const struct json *j, uint32_t root, const struct fhir_ask *ask, struct arena *a,
                  struct fhir_report *ret, struct err *e)
{
    struct check c = {.j = j,
                      .arena = a,
                      .max = ask->max_issues,
                      .one_subject = ask->one_subject,
                      .best_practice = ask->best_practice,
                      .invariants = invariants_ready()};
    if (!c.invariants)
        return err_set(e, ERR_NO_MEMORY, "compile the invariants of FHIR");
    c.scope = (struct fhirpath_scope){.json = j, .document = root};
    c.steps = FHIR_STEPS + FHIR_STEPS_NODE * (int64_t)j->count;
    check_resource(&c, NULL, root, ask->type, false);
    if (issue_report(&c, ret) || arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "validate a document of %zu bytes", j->size);
    return 0;
}

/* What somebody may have given by mistake. */
static const char *mistaken(struct slice text)
{
    static const struct {
        const char *begins, *said;
    } row[] = {{"<", "; it looks like XML, and FHIR's JSON is expected"},
               {"\x1F\x8B", "; it looks like gzip: unpack it first"},
               {"PK\x03\x04", "; it looks like a zip file: unpack it first"},
               {"\x28\xB5\x2F\xFD", "; it looks like zstd: unpack it first"},
               {"\xFF\xFE", "; it looks like UTF-16, and UTF-8 is expected"},
               {"\xFE\xFF", "; it looks like UTF-16, and UTF-8 is expected"}};
    text = slice_trim(text);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (slice_starts(text, row[i].begins))
            return row[i].said;
    return "";
}

static int report_bad_json(struct slice text, const struct json_fault *fault, struct arena *a, size_t max_issues,
                           struct fhir_report *ret, struct err *e)
{
    struct fhir_issue *issue = fault->what ? TAKE_NEW(a, struct fhir_issue) : NULL;
    const char *sentence =
        issue ? arena_printf(a, "the text is not valid JSON: %s%s", fault->what, mistaken(text)) : NULL;
    if (!sentence)
        return err_set(e, ERR_NO_MEMORY, "read a document of %zu bytes", text.n);
    *issue = (struct fhir_issue){FHIR_ERROR, "structure", "", fault->line, fault->column, sentence};
    *ret = (struct fhir_report){.issue = issue, .issues = max_issues ? 1 : 0, .cut = max_issues ? 0 : 1, .errors = 1};
    return 0;
}

int fhir_validate_text(struct slice text, const struct fhir_ask *ask, struct arena *a, struct json *ret_json,
                       struct fhir_report *ret, struct err *e)
{
    struct json j;
    struct json_fault fault;
    if (slice_starts(text, "\xEF\xBB\xBF")) /* RFC 8259 leaves it to the reader; editors write it */
        text = (struct slice){text.p + 3, text.n - 3};
    if (json_parse(a, text, &j, &fault))
        return report_bad_json(text, &fault, a, ask->max_issues, ret, e);
    if (fhir_validate(&j, 0, ask, a, ret, e))
        return -1;
    if (ret_json)
        *ret_json = j;
    return 0;
}
