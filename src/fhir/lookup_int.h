/* lookup_int.h -- names to table rows. Inline: this is the inner loop of validation. */
#ifndef FHIR_LOOKUP_INT_H
#define FHIR_LOOKUP_INT_H

#include "base/json.h"
#include "fhir/tables_int.h"

/* The property of this name, or NULL. */
static inline const struct fhir_prop *shape_prop(const struct fhir_shape *s, struct slice name, uint16_t hash)
{
    const struct fhir_prop *props = &fhir_props[s->props];
    const uint8_t *index = &fhir_index[s->index];
    for (unsigned h = hash & s->mask; index[h] != NO_PROP; h = (h + 1) & s->mask) {
        const struct fhir_prop *p = &props[index[h]];
        if (p->hash == hash && p->len == name.n && memcmp(fhir_pool + p->name, name.p, name.n) == 0)
            return p;
    }
    return NULL;
}

/* What json_get_kind answers, for names that are constants and objects with few keys: without a hash. */
static inline uint32_t value_of(const struct json *j, uint32_t obj, const char *name, enum json_kind kind)
{
    const uint32_t n = (uint32_t)strlen(name), end = json_end(j, obj);
    for (uint32_t k = json_first(j, obj); k != end; k = json_next(j, k)) {
        const struct json_node *key = &j->node[k];
        if (key->escaped ? json_is(j, k, name) : key->len == n && memcmp(j->text + key->off, name, n) == 0)
            return json_kind(j, json_value(k)) == kind ? json_value(k) : 0;
    }
    return 0;
}

/* The shape of a concrete resource type, or NULL. */
static inline const struct fhir_shape *resource_shape(struct slice name)
{
    for (unsigned h = json_hash(name.p, name.n) % RESOURCE_SLOTS; fhir_resources[h]; h = (h + 1) % RESOURCE_SLOTS) {
        const struct fhir_shape *s = &fhir_shapes[fhir_resources[h] - 1];
        if (s->len == name.n && memcmp(fhir_pool + s->name, name.p, name.n) == 0)
            return s;
    }
    return NULL;
}

#endif
