/* words.c -- rules that R4's definitions give in words and not as invariants, of single types. */
#include <stdlib.h>

#include "fhir/check_int.h"
#include "fhir/lookup_int.h"
#include "fhir/match_int.h"
#include "fhir/xhtml_int.h"
#include "ucum/ucum.h"

static struct slice pooled(uint32_t at, uint32_t len)
{
    return (struct slice){fhir_pool + at, len};
}

/* --- data types --- */

/* Attachment.size is that of the bytes, before they were encoded. */
static void check_attachment(struct check *c, const struct frame *up, uint32_t obj)
{
    struct frame f = {up, "size", 4, -1};
    uint32_t data = value_of(c->j, obj, "data", JSON_STRING), size = value_of(c->j, obj, "size", JSON_NUMBER);
    int64_t said;
    if (!data || !size || !slice_int(json_raw(c->j, size), 0, INT32_MAX, &said))
        return;
    struct slice text = check_text(c, data);
    if (text.p && match_primitive(FHIR_BASE64BINARY, text) && match_base64_size(text) != (size_t)said)
        issue_add(c, FHIR_ERROR, "value", &f, check_off(c, size), "found another size than data has, expected %zu",
                  match_base64_size(text));
}

/* An Age or Duration is measured in units of time, a Distance in units of length, whatever its binding's strength. What
 * is no code of UCUM passes here. */
static void check_dimension(struct check *c, const struct frame *up, uint32_t obj, const char *like,
                            const char *expected)
{
    struct frame f = {up, "code", 4, -1};
    uint32_t system = value_of(c->j, obj, "system", JSON_STRING), code = value_of(c->j, obj, "code", JSON_STRING);
    if (!system || !code || !json_is(c->j, system, "http://unitsofmeasure.org"))
        return;
    struct slice text = check_text(c, code);
    if (text.p && ucum_codes_commensurable(text, slice_of(like)) == 0)
        issue_add(c, FHIR_ERROR, "code-invalid", &f, check_off(c, code), "found a unit of another kind, expected %s",
                  expected);
}

/* Only Quantity of the Quantities has it: of another type of a choice it is judged as an unknown property. */
void words_check_simple(struct check *c, const struct frame *up, uint32_t obj)
{
    struct frame f = {up, "comparator", 10, -1};
    uint32_t comparator = value_of(c->j, obj, "comparator", JSON_STRING);
    if (comparator)
        issue_add(c, FHIR_ERROR, "invariant", &f, check_off(c, comparator),
                  "invariant sqty-1 does not hold, expected: The comparator is not used on a SimpleQuantity");
}

/* --- search parameters --- */

static const struct fhir_search *search_of(struct slice url)
{
    const size_t base = strlen(SEARCH_BASE);
    struct slice bare = slice_cut(&url, '|');
    if (!slice_starts(bare, SEARCH_BASE))
        return NULL;
    struct slice name = {bare.p + base, bare.n - base};
    for (unsigned h = json_hash(name.p, name.n) % SEARCH_SLOTS; fhir_search_index[h]; h = (h + 1) % SEARCH_SLOTS) {
        const struct fhir_search *s = &fhir_searches[fhir_search_index[h] - 1];
        if (slice_eq(pooled(s->name, s->len), name))
            return s;
    }
    return NULL;
}

/* The type at `obj` against that of the parameter of R4 which `key` names. */
static const struct fhir_search *check_search_type(struct check *c, enum fhir_severity severity, const struct frame *up,
                                                   uint32_t obj, const char *key)
{
    struct frame f = {up, "type", 4, -1};
    uint32_t url = value_of(c->j, obj, key, JSON_STRING), type = value_of(c->j, obj, "type", JSON_STRING);
    struct slice text = url ? check_text(c, url) : (struct slice){NULL, 0};
    const struct fhir_search *s = text.p ? search_of(text) : NULL;
    if (s && type && !slice_eq(json_raw(c->j, type), pooled(s->type, s->type_len)))
        issue_add(c, severity, "business-rule", &f, check_off(c, type),
                  "found another type than the search parameter has in FHIR R4, expected %.*s", (int)s->type_len,
                  fhir_pool + s->type);
    return s;
}

/* What is derived from a parameter is for no more types than that. */
static void check_search_bases(struct check *c, const struct frame *up, uint32_t list, const struct fhir_search *s)
{
    struct frame f = {up, "base", 4, 0};
    for (uint32_t k = json_first(c->j, list); k != json_end(c->j, list); k = json_next(c->j, k), f.index++) {
        const struct fhir_shape *type = json_kind(c->j, k) == JSON_STRING ? resource_shape(json_raw(c->j, k)) : NULL;
        if (type && s->base && !(fhir_targets[s->base].bit[type->number / 64] >> type->number % 64 & 1))
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, k),
                      "found a type that the parameter which this one is derived from is not for");
    }
}

static void check_search_parameter(struct check *c, const struct frame *f, uint32_t obj)
{
    uint32_t type = value_of(c->j, obj, "type", JSON_STRING), bases = value_of(c->j, obj, "base", JSON_ARRAY),
             parts = value_of(c->j, obj, "component", JSON_ARRAY);
    const struct fhir_search *s = check_search_type(c, FHIR_ERROR, f, obj, "derivedFrom");
    if (s && bases)
        check_search_bases(c, f, bases, s);
    if (type && json_is(c->j, type, "composite") && (!parts || c->j->node[parts].len < 2))
        issue_add(c, FHIR_ERROR, "business-rule", f, check_off(c, parts ? parts : obj),
                  "found less than two components, expected those that a composite parameter combines");
}

/* --- names that must be there once --- */

struct name {
    struct slice text;
    uint32_t node;
    int32_t index; /* of the thing that has it, in its array */
};

struct names {
    struct name *name;
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int d = memcmp(x->text.p, y->text.p, x->text.n < y->text.n ? x->text.n : y->text.n);
    if (d == 0 && x->text.n != y->text.n)
        d = x->text.n < y->text.n ? -1 : 1;
    return d ? d : (x->node > y->node) - (x->node < y->node);
}

/* Room is made at powers of two. */
static void add_text(struct check *c, struct names *to, struct slice text, uint32_t node, int32_t index)
{
    if ((to->n & (to->n - 1)) == 0) {
        size_t cap = to->n ? 2 * to->n : 1;
        struct name *more = arena_grow(c->arena, to->name, to->n * sizeof *more, cap * sizeof *more);
        c->failed |= !more;
        if (!more)
            return;
        to->name = more;
    }
    c->failed |= !text.p;
    if (text.p)
        to->name[to->n++] = (struct name){text, node, index};
}

static void add_name(struct check *c, struct names *to, uint32_t node, int32_t index)
{
    add_text(c, to, json_text(c->j, node, c->arena), node, index);
}

void words_check_contained(struct check *c, const struct frame *f, uint32_t list)
{
    struct names ids = {NULL, 0};
    struct frame at = *f, g = {&at, "id", 2, -1};
    int32_t i = 0;
    if (c->j->node[list].len < 2)
        return;
    for (uint32_t k = json_first(c->j, list); k != json_end(c->j, list) && !c->failed; k = json_next(c->j, k), i++) {
        uint32_t id = json_get_kind(c->j, k, "id", JSON_STRING);
        if (id)
            add_name(c, &ids, id, i);
    }
    if (c->failed || !ids.n)
        return;
    qsort(ids.name, ids.n, sizeof *ids.name, by_text);
    for (size_t k = 1; k < ids.n; k++) {
        at.index = ids.name[k].index;
        if (slice_eq(ids.name[k - 1].text, ids.name[k].text))
            issue_add(c, FHIR_ERROR, "business-rule", &g, check_off(c, ids.name[k].node),
                      "found the id of another contained resource, expected one of its own");
    }
}

/* Where the first of this text is, of sorted ones; -1: there is none. */
static int64_t node_of(const struct names *in, struct slice text)
{
    size_t low = 0, high = in->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int d = by_text(&(struct name){text, in->name[middle].node, 0}, &in->name[middle]);
        if (d == 0) {
            while (middle && slice_eq(in->name[middle - 1].text, text))
                middle--;
            return in->name[middle].node;
        }
        *(d < 0 ? &high : &low) = d < 0 ? middle : middle + 1;
    }
    return -1;
}

/* --- links of narratives --- */

/* Where links of this narrative may lead: ids, and names of anchors. */
static void add_anchors(struct check *c, struct names *to, uint32_t div)
{
    struct xhtml_walk w = {json_text(c->j, div, c->arena), false};
    struct slice name, value;
    if (!w.rest.p || xhtml_fault(w.rest))
        return;
    while (xhtml_attribute(&w, &name, &value))
        if (slice_is(name, "id") || slice_is(name, "name"))
            add_text(c, to, value, div, 0);
}

/* All that links of the document may lead to, looked for when the first link asks. */
static const struct names *anchors_ready(struct check *c)
{
    const struct json *j = c->j;
    struct names *all = c->anchors ? c->anchors : TAKE_NEW(c->arena, struct names);
    c->failed |= !all;
    if (c->anchors || !all)
        return all;
    c->steps -= j->count / 8;
    for (uint32_t k = 0; k < j->count && !c->failed; k++) {
        if (j->node[k].kind != JSON_KEY || json_kind(j, json_value(k)) != JSON_STRING)
            continue;
        if (json_is(j, k, "id"))
            add_name(c, all, json_value(k), 0);
        else if (json_is(j, k, "div"))
            add_anchors(c, all, json_value(k));
    }
    if (all->n)
        qsort(all->name, all->n, sizeof *all->name, by_text);
    return c->anchors = all;
}

void words_check_links(struct check *c, const struct frame *f, uint32_t node, struct slice text)
{
    struct xhtml_walk w = {text, false};
    struct slice name, value;
    while (xhtml_attribute(&w, &name, &value)) {
        struct slice id = {value.p + 1, value.n ? value.n - 1 : 0};
        if (!id.n || value.p[0] != '#' || !(slice_is(name, "href") || slice_is(name, "src")))
            continue;
        if (memchr(id.p, '%', id.n) || memchr(id.p, '&', id.n)) /* written in another way than where it leads */
            continue;
        const struct names *all = anchors_ready(c);
        if (!all || c->failed)
            return;
        if (node_of(all, id) < 0) {
            issue_add(c, FHIR_ERROR, "not-found", f, check_off(c, node),
                      "found a link to # and a name that nothing here has, expected the id of an element or resource");
            return;
        }
    }
}

/* --- code systems --- */

static size_t count_concepts(const struct check *c, uint32_t obj)
{
    uint32_t list = value_of(c->j, obj, "concept", JSON_ARRAY);
    size_t n = 0;
    for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list); k = json_next(c->j, k))
        n += json_kind(c->j, k) == JSON_OBJECT ? 1 + count_concepts(c, k) : 0;
    return n;
}

/* Of a system that is here as a whole, count says how many concepts. */
static void check_count(struct check *c, const struct frame *up, uint32_t obj)
{
    struct frame f = {up, "count", 5, -1};
    uint32_t count = value_of(c->j, obj, "count", JSON_NUMBER);
    int64_t said;
    if (!count || !slice_int(json_raw(c->j, count), 0, INT32_MAX, &said))
        return;
    size_t n = count_concepts(c, obj);
    if (n != (size_t)said)
        issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, count),
                  "found another number than there are concepts in this complete code system, expected %zu", n);
}

/* What content says against what is there. */
static void check_code_system(struct check *c, const struct frame *up, uint32_t obj)
{
    struct frame f = {up, "content", 7, -1}, g = {up, "concept", 7, 0};
    uint32_t content = value_of(c->j, obj, "content", JSON_STRING), list = value_of(c->j, obj, "concept", JSON_ARRAY);
    if (!content)
        return;
    if (json_is(c->j, content, "complete"))
        check_count(c, up, obj);
    if (json_is(c->j, content, "not-present") && list && c->j->node[list].len)
        issue_add(c, FHIR_ERROR, "business-rule", &g, check_off(c, json_first(c->j, list)),
                  "found a concept, expected none: content says that they are not present");
    if (json_is(c->j, content, "supplement") != (json_get(c->j, obj, "supplements") != 0))
        issue_add(
            c, FHIR_ERROR, "business-rule", &f, check_off(c, content),
            "found %s, expected both content supplement and supplements, the code system that it is for, or neither",
            json_is(c->j, content, "supplement") ? "no supplements" : "supplements");
}

/* --- questionnaires --- */

static void collect_links(struct check *c, uint32_t obj, struct names *to)
{
    uint32_t list = value_of(c->j, obj, "item", JSON_ARRAY);
    for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list) && !c->failed;
         k = json_next(c->j, k)) {
        uint32_t link = json_get_kind(c->j, k, "linkId", JSON_STRING);
        if (link)
            add_name(c, to, link, 0);
        collect_links(c, k, to);
    }
}

static void check_conditions(struct check *c, const struct frame *up, uint32_t item, const struct names *links)
{
    uint32_t list = json_get_kind(c->j, item, "enableWhen", JSON_ARRAY);
    struct frame when = {up, "enableWhen", 10, 0}, f = {&when, "question", 8, -1};
    for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list);
         k = json_next(c->j, k), when.index++) {
        uint32_t question = json_get_kind(c->j, k, "question", JSON_STRING);
        struct slice text = question ? check_text(c, question) : (struct slice){NULL, 0};
        int64_t led = text.p ? node_of(links, text) : 0;
        if (led < 0)
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, question),
                      "found no question with this linkId in the Questionnaire, expected one");
        else if (led > item && led < json_end(c->j, item))
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, question),
                      "found a condition on the item itself or one inside it, which is not there until it holds, "
                      "expected another one");
    }
}

static void check_items(struct check *c, const struct frame *up, uint32_t obj, const struct names *links)
{
    uint32_t list = value_of(c->j, obj, "item", JSON_ARRAY);
    struct frame f = {up, "item", 4, 0};
    for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list);
         k = json_next(c->j, k), f.index++) {
        check_conditions(c, &f, k, links);
        check_items(c, &f, k, links);
    }
}

static void check_questionnaire(struct check *c, const struct frame *f, uint32_t obj)
{
    struct names links = {NULL, 0};
    collect_links(c, obj, &links);
    if (c->failed)
        return;
    if (links.n)
        qsort(links.name, links.n, sizeof *links.name, by_text);
    check_items(c, f, obj, &links);
}

void words_check(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj)
{
    switch (s->own) {
    case OWN_CODING: binding_check_coding(c, f, obj); break;
    case OWN_ATTACHMENT: check_attachment(c, f, obj); break;
    case OWN_TIME: check_dimension(c, f, obj, "s", "one of time, such as h, d or a"); break;
    case OWN_DISTANCE: check_dimension(c, f, obj, "m", "one of length, such as m or km"); break;
    case OWN_ENTRY: bundle_entry_end(c, f, obj); break;
    case OWN_SEARCH: check_search_parameter(c, f, obj); break;
    case OWN_SEARCHED: /* a published example differs in it */
        check_search_type(c, FHIR_WARNING, f, obj, "definition");
        break;
    case OWN_QUESTIONS: check_questionnaire(c, f, obj); break;
    case OWN_CODES: check_code_system(c, f, obj); break;
    default: break; /* references are judged where they stand, Bundles by their entries */
    }
}
