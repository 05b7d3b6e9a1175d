/* fhirpath_fn_fhir.c -- functions over FHIR's elements (R4 2.9.1.5), the tree, and the clock of the scope. */
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"
#include "fhir/fhirpath_fn_int.h"
#include "fhir/lookup_int.h"
#include "fhir/valueset_int.h"
#include "fhir/xhtml_int.h"

int fn_children(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n; i++)
        if (fp_children(r, &in.p[i], out))
            return -1;
    return 0;
}

/* Level by level: the result is its own queue. */
int fn_descendants(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    uint32_t next = out->n;
    for (uint32_t i = 0; i < in.n; i++)
        if (fp_children(r, &in.p[i], out))
            return -1;
    for (; next < out->n; next++) {
        struct fhirpath_item x = out->p[next];
        if (fp_children(r, &x, out))
            return -1;
    }
    return 0;
}

int fn_extension(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    static const struct slice name = SLICE("extension");
    struct fp_step s = {.name = name, .hash = json_hash(name.p, name.n), .extra = json_hash("_extension", 10)};
    struct fp_list in, all;
    struct slice url;
    (void)want;
    int got = fp_single_text(r, n->b, n->off, &url);
    if (got <= 0 || fp_input(r, n, &in))
        return got == 0 ? 0 : -1;
    fp_list_init(&all);
    for (uint32_t i = 0; i < in.n; i++)
        if (in.p[i].kind == FHIRPATH_NODE && fp_child(r, &in.p[i], &s, FP_ALL, &all))
            return -1;
    for (uint32_t i = 0; i < all.n; i++) {
        struct slice its = json_get_text(r->j, all.p[i].node.value, "url", r->arena);
        if (its.p && slice_eq(its, url) && fp_push(r, out, all.p[i]))
            return -1;
    }
    return 0;
}

int fn_has_value(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    bool one = in.n == 1;
    if (one && in.p[0].kind == FHIRPATH_NODE)
        one = in.p[0].type < FHIR_PRIMITIVES && in.p[0].node.value;
    return fp_push_bool(r, out, one);
}

int fn_get_value(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    struct fhirpath_item x;
    (void)want;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    if (in.n != 1 || (in.p[0].kind == FHIRPATH_NODE && in.p[0].type >= FHIR_PRIMITIVES))
        return 0;
    int got = fp_system(r, &in.p[0], &x);
    return got <= 0 ? got : fp_push(r, out, x);
}

/* --- references --- */

/* Is it "Patient/1": a relative reference to a resource? */
static bool is_relative(struct slice ref)
{
    struct slice rest = ref, type = slice_cut(&rest, '/');
    return rest.n && !memchr(rest.p, '/', rest.n) && resource_shape(type);
}

static bool resource_is(const struct json *j, uint32_t resource, struct slice type_id)
{
    struct slice rest = type_id, type = slice_cut(&rest, '/');
    uint32_t t = json_get_kind(j, resource, "resourceType", JSON_STRING);
    uint32_t id = json_get_kind(j, resource, "id", JSON_STRING);
    return t && id && slice_eq(json_raw(j, t), type) && slice_eq(json_raw(j, id), rest);
}

static int push_resource(struct fp_run *r, uint32_t node, struct fp_list *out)
{
    struct fhirpath_item x;
    if (!fp_resource_item(r->j, node, &x))
        return 0;
    x.node.open = true;
    return fp_push(r, out, x);
}

static bool ends_with(struct slice url, struct slice type_id)
{
    return url.n > type_id.n && url.p[url.n - type_id.n - 1] == '/' &&
           memcmp(url.p + url.n - type_id.n, type_id.p, type_id.n) == 0;
}

/* In the entries of a Bundle: an absolute reference by fullUrl, a relative one by its end, or type and id. The version
 * is not asked for. */
static int in_bundle(struct fp_run *r, struct slice ref, struct fp_list *out)
{
    const struct json *j = r->j;
    uint32_t list = json_get_kind(j, r->s->document, "entry", JSON_ARRAY);
    const char *history = memmem(ref.p, ref.n, "/_history/", 10);
    ref.n = history ? (size_t)(history - ref.p) : ref.n;
    bool relative = is_relative(ref);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t u = json_get_kind(j, k, "fullUrl", JSON_STRING),
                 resource = json_get_kind(j, k, "resource", JSON_OBJECT);
        struct slice url = u ? json_raw(j, u) : (struct slice){"", 0};
        if (fp_tick(r, 8))
            return -1;
        if (resource && (slice_eq(url, ref) || (relative && (ends_with(url, ref) || resource_is(j, resource, ref)))))
            return push_resource(r, resource, out);
    }
    return 0;
}

/* #id among the contained of %rootResource; # alone is that resource. */
static int in_contained(struct fp_run *r, struct slice id, struct fp_list *out)
{
    const struct json *j = r->j;
    if (id.n == 0)
        return fp_push(r, out, r->s->root);
    uint32_t list =
        r->s->root.kind == FHIRPATH_NODE ? json_get_kind(j, r->s->root.node.value, "contained", JSON_ARRAY) : 0;
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t its = json_get_kind(j, k, "id", JSON_STRING);
        if (fp_tick(r, 4))
            return -1;
        if (its && slice_eq(json_raw(j, its), id))
            return push_resource(r, k, out);
    }
    return 0;
}

/* A Reference, or a string, uri or canonical; what leads out of the document answers nothing. */
int fn_resolve(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        struct fhirpath_item x;
        struct slice ref = {NULL, 0};
        if (in.p[i].kind == FHIRPATH_NODE && in.p[i].type >= FHIR_PRIMITIVES) {
            fp_opaque(r);
            ref = json_get_text(r->j, in.p[i].node.value, "reference", r->arena);
        } else {
            int got = fp_system(r, &in.p[i], &x);
            if (got < 0)
                return -1;
            ref = got && x.kind == FHIRPATH_STRING ? x.text : ref;
        }
        if (!ref.p)
            continue;
        bool inner = ref.n && ref.p[0] == '#';
        if (inner ? in_contained(r, (struct slice){ref.p + 1, ref.n - 1}, out) : in_bundle(r, ref, out))
            return -1;
    }
    return 0;
}

/* An item at most, and the address it is asked about. 1; 0: the address is empty; -1. */
static int one_and_url(struct fp_run *r, const struct fp_node *n, struct fp_list *in, struct slice *url)
{
    int got = fp_single_text(r, n->b, n->off, url);
    if (got <= 0 || fp_input(r, n, in))
        return got == 0 ? 0 : -1;
    return in->n > 1 ? fp_fail(r, n->off, "found several items, expected at most one") : 1;
}

/* Only the types of R4 themselves are known here, no profiles. */
int fn_conforms_to(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    static const char base[] = "http://hl7.org/fhir/StructureDefinition/";
    struct fp_list in;
    struct slice url;
    struct fp_type t;
    (void)want;
    int got = one_and_url(r, n, &in, &url);
    if (got <= 0)
        return got;
    if (!slice_starts(url, base) ||
        !fp_type_find(SLICE("FHIR"), (struct slice){url.p + sizeof base - 1, url.n - (sizeof base - 1)}, &t))
        return fp_fail(r, n->off, "found a profile that is not known here, expected the definition of a type of R4");
    return in.n ? fp_push_bool(r, out, fp_type_is(&in.p[0], &t, false)) : 0;
}

/* --- terminology --- */

/* FP_TRUE, FP_FALSE, FP_FAILED. */
static int coding_is_member(struct fp_run *r, const struct fhir_valueset *v, uint32_t coding)
{
    uint32_t s = json_get_kind(r->j, coding, "system", JSON_STRING),
             c = json_get_kind(r->j, coding, "code", JSON_STRING);
    struct slice system = s ? json_text(r->j, s, r->arena) : SLICE(""), code = SLICE("");
    if (c)
        code = json_text(r->j, c, r->arena);
    if (!system.p || !code.p)
        return fp_no_memory(r);
    return c && valueset_has(v, &system, code);
}

static int concept_is_member(struct fp_run *r, const struct fhir_valueset *v, uint32_t concept)
{
    uint32_t list = json_get_kind(r->j, concept, "coding", JSON_ARRAY);
    for (uint32_t k = list ? json_first(r->j, list) : 0; list && k != json_end(r->j, list); k = json_next(r->j, k)) {
        int is = fp_tick(r, 8) ? FP_FAILED : coding_is_member(r, v, k);
        if (is != FP_FALSE)
            return is;
    }
    return FP_FALSE;
}

/* A code, Coding or CodeableConcept. What else there is has no codes, and answers nothing. */
int fn_member_of(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    struct fhirpath_item x;
    struct slice url;
    (void)want;
    int got = one_and_url(r, n, &in, &url);
    if (got <= 0)
        return got;
    fp_opaque(r);
    const struct fhir_valueset *v = in.n && fp_tick(r, 64) == 0 ? valueset_named(url) : NULL;
    if (!v)
        return r->steps < 0 ? -1 : 0;
    if (in.p[0].kind == FHIRPATH_NODE && in.p[0].type == FHIR_OBJECT) {
        bool coding = in.p[0].shape == fhir_shape_coding;
        if (!coding && in.p[0].shape != fhir_shape_concept)
            return 0;
        int is = (coding ? coding_is_member : concept_is_member)(r, v, in.p[0].node.value);
        return is == FP_FAILED ? -1 : fp_push_bool(r, out, is);
    }
    got = fp_system(r, &in.p[0], &x);
    return got <= 0 || x.kind != FHIRPATH_STRING ? (got < 0 ? -1 : 0)
                                                 : fp_push_bool(r, out, valueset_has(v, NULL, x.text));
}

int fn_html_checks(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s;
    (void)want;
    int got = fp_single_text(r, n->a, n->off, &s);
    return got <= 0 ? got : fp_push_bool(r, out, xhtml_fault(s) == NULL);
}

/* --- the clock of the scope --- */

static int push_now(struct fp_run *r, enum fhirpath_kind kind, struct fp_list *out)
{
    const int64_t day = 86400000000;
    int64_t days = r->s->now_us / day, us = r->s->now_us % day;
    int y, m, d, ms;
    char *z;
    days -= us < 0;
    ms = (int)((us < 0 ? us + day : us) / 1000);
    clock_civil(days, &y, &m, &d);
    if (kind == FHIRPATH_DATE)
        z = arena_printf(r->arena, "%04d-%02d-%02d", y, m, d);
    else if (kind == FHIRPATH_TIME)
        z = arena_printf(r->arena, "%02d:%02d:%02d.%03d", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    else
        z = arena_printf(r->arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m, d, ms / 3600000, ms / 60000 % 60,
                         ms / 1000 % 60, ms % 1000);
    return fp_push_text(r, out, kind, slice_of(z));
}

int fn_now(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)n, (void)want, push_now(r, FHIRPATH_DATETIME, out);
}
int fn_today(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)n, (void)want, push_now(r, FHIRPATH_DATE, out);
}
int fn_time_of_day(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)n, (void)want, push_now(r, FHIRPATH_TIME, out);
}
