#include "fhir/fhirpath_int.h"

#include "base/own.h"
#include "fhir/lookup_int.h"

static const struct {
    const char *name;
    int8_t parent; /* -1: Element alone */
} primitives[FHIR_PRIMITIVES] = {
#define TYPE(id, name, json, expected) [FHIR_##id] = {name, -1},
#include "fhir/types.def"
#undef TYPE
};

/* R4 2.24: which primitive is a kind of which. */
static int parent_of(enum fhir_type t)
{
    switch (t) {
    case FHIR_CODE:
    case FHIR_ID:
    case FHIR_MARKDOWN: return FHIR_STRING;
    case FHIR_CANONICAL:
    case FHIR_OID:
    case FHIR_URL:
    case FHIR_UUID: return FHIR_URI;
    case FHIR_POSITIVEINT:
    case FHIR_UNSIGNEDINT: return FHIR_INTEGER;
    default: return -1;
    }
}

static struct slice shape_name(uint16_t shape)
{
    return (struct slice){fhir_pool + fhir_shapes[shape].name, fhir_shapes[shape].len};
}

bool fp_shape_is_resource(uint16_t shape)
{
    return fhir_props[fhir_shapes[shape].props].type == FHIR_NAME;
}

bool fp_shape_is_quantity(uint16_t shape)
{
    static const char *const names[] = {"Quantity", "Age", "Count", "Distance", "Duration"};
    struct slice s = shape_name(shape);
    for (size_t i = 0; i < COUNT(names); i++)
        if (slice_is(s, names[i]))
            return true;
    return false;
}

/* The complex types whose parent in R4 is BackboneElement. */
static bool is_backbone_type(struct slice s)
{
    static const char *const names[] = {"BackboneElement",  "Dosage",          "ElementDefinition",
                                        "MarketingStatus",  "Population",      "ProdCharacteristic",
                                        "ProductShelfLife", "SubstanceAmount", "Timing"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (slice_is(s, names[i]))
            return true;
    return false;
}

/* An inner element (Patient.contact) has no type of its own name: in a resource it is a BackboneElement. */
static bool is_inner(uint16_t shape)
{
    return memchr(fhir_pool + fhir_shapes[shape].name, '.', fhir_shapes[shape].len) != NULL;
}

static bool inner_of_resource(uint16_t shape)
{
    struct slice rest = shape_name(shape), top = slice_cut(&rest, '.');
    return resource_shape(top) != NULL;
}

static struct slice backbone_name(uint16_t shape)
{
    return inner_of_resource(shape) ? SLICE("BackboneElement") : SLICE("Element");
}

struct slice fhirpath_type_name(const struct fhirpath_item *x)
{
    static const char *const names[] = {"",     "Boolean",  "Integer", "Decimal",  "String",
                                        "Date", "DateTime", "Time",    "Quantity", "TypeInfo"};
    if (x->kind != FHIRPATH_NODE)
        return slice_of(names[x->kind]);
    if (x->type < FHIR_PRIMITIVES)
        return slice_of(primitives[x->type].name);
    return is_inner(x->shape) ? backbone_name(x->shape) : shape_name(x->shape);
}

static int find_system(struct slice name, struct fp_type *ret)
{
    struct fhirpath_item x = {0};
    for (int k = FHIRPATH_BOOLEAN; k <= FHIRPATH_QUANTITY; k++) {
        x.kind = (uint8_t)k;
        if (slice_eq(fhirpath_type_name(&x), name)) {
            *ret = (struct fp_type){.family = FP_SYSTEM, .primitive = (uint8_t)k};
            return 1;
        }
    }
    if (!slice_is(name, "Any"))
        return 0;
    *ret = (struct fp_type){.family = FP_NOTHING};
    return 1;
}

static int find_fhir(struct slice name, struct fp_type *ret)
{
    for (int i = 0; i < FHIR_PRIMITIVES; i++)
        if (slice_is(name, primitives[i].name)) {
            *ret = (struct fp_type){.family = FP_PRIMITIVE, .primitive = (uint8_t)i};
            return 1;
        }
    if (slice_is(name, "Resource") || slice_is(name, "DomainResource")) {
        *ret = (struct fp_type){.family = name.p[0] == 'R' ? FP_RESOURCE : FP_DOMAIN_RESOURCE};
        return 1;
    }
    for (uint16_t i = 0; i < fhir_shape_count; i++)
        if (slice_eq(shape_name(i), name) && !is_inner(i)) {
            *ret = (struct fp_type){.family = FP_SHAPE, .shape = i};
            return 1;
        }
    return 0;
}

int fp_type_find(struct slice space, struct slice name, struct fp_type *ret)
{
    if (slice_is(space, "System")) {
        if (find_system(name, ret))
            return 1;
        int known = find_fhir(name, ret); /* System.Patient is a question with an answer: nothing is one */
        ret->family = FP_NOTHING;
        return known;
    }
    if (slice_is(space, "FHIR"))
        return find_fhir(name, ret);
    if (space.n)
        return 0;
    if (slice_is(name, "Quantity")) {
        find_fhir(name, ret);
        ret->family = FP_QUANTITY_TYPE;
        return 1;
    }
    return find_fhir(name, ret) || find_system(name, ret);
}

static bool shape_is(uint16_t shape, uint16_t of, bool exact)
{
    if (shape == of)
        return true;
    struct slice want = shape_name(of);
    if (is_inner(shape) && slice_eq(backbone_name(shape), want))
        return true;
    if (exact || fp_shape_is_resource(shape))
        return false;
    if (slice_is(want, "Quantity"))
        return fp_shape_is_quantity(shape);
    if (slice_is(want, "BackboneElement"))
        return is_backbone_type(shape_name(shape));
    return slice_is(want, "Element");
}

static bool is_domain(uint16_t shape)
{
    struct slice s = shape_name(shape);
    return fp_shape_is_resource(shape) && !slice_is(s, "Bundle") && !slice_is(s, "Binary") &&
           !slice_is(s, "Parameters");
}

/* Of a primitive `exact` asks for the very type; of a complex type or resource what is derived counts, too. */
bool fp_type_is(const struct fhirpath_item *x, const struct fp_type *t, bool exact)
{
    if (x->kind != FHIRPATH_NODE)
        return (t->family == FP_SYSTEM && t->primitive == x->kind) ||
               (t->family == FP_QUANTITY_TYPE && x->kind == FHIRPATH_QUANTITY);
    if (x->type < FHIR_PRIMITIVES) {
        if (t->family == FP_SHAPE)
            return !exact && t->shape == fhir_shape_element;
        return t->family == FP_PRIMITIVE &&
               (t->primitive == x->type || (!exact && parent_of((enum fhir_type)x->type) == t->primitive));
    }
    switch (t->family) {
    case FP_SHAPE:
    case FP_QUANTITY_TYPE: return shape_is(x->shape, t->shape, false);
    case FP_RESOURCE: return fp_shape_is_resource(x->shape);
    case FP_DOMAIN_RESOURCE: return is_domain(x->shape);
    default: return false;
    }
}

bool fp_resource_item(const struct json *j, uint32_t node, struct fhirpath_item *ret)
{
    uint32_t v = json_get_kind(j, node, "resourceType", JSON_STRING);
    const struct fhir_shape *s = v && !j->node[v].escaped ? resource_shape(json_raw(j, v)) : NULL;
    if (!s)
        return false;
    *ret = (struct fhirpath_item){
        .kind = FHIRPATH_NODE, .type = FHIR_OBJECT, .shape = (uint16_t)(s - fhir_shapes), .node = {.value = node}};
    return true;
}

int fhirpath_scope_of(const struct json *j, uint32_t node, struct fhirpath_scope *ret)
{
    struct fhirpath_scope s = {.json = j, .document = node};
    if (json_kind(j, node) != JSON_OBJECT || !fp_resource_item(j, node, &s.context))
        return -1;
    s.resource = s.root = s.context;
    *ret = s;
    return 0;
}

bool fp_name_is_choice(struct slice name)
{
    for (unsigned i = 0; i < fhir_stem_count; i++)
        if (fhir_stems[i].len == name.n && memcmp(fhir_pool + fhir_stems[i].text, name.p, name.n) == 0)
            return true;
    return false;
}

bool fp_shape_has(uint16_t shape, struct slice name)
{
    for (unsigned i = 0; i < fhir_shapes[shape].count; i++) {
        const struct fhir_prop *p = &fhir_props[fhir_shapes[shape].props + i];
        size_t n = p->stem ? p->stem : p->len;
        if (n == name.n && memcmp(fhir_pool + p->name, name.p, n) == 0)
            return p->type != FHIR_NAME;
    }
    return false;
}
