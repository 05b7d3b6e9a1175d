#include "models/schema.h"

#include "models/manifest_int.h"

enum { NO_LENGTH = -1 };

struct property {
    struct slice name;
    struct schema *schema;
};

struct schema {
    unsigned types; /* bit per enum type; 0: any */
    struct slice *required;
    size_t required_n;
    struct property *property;
    size_t properties;
    bool closed;               /* additionalProperties: false */
    const struct json *values; /* enum, in the manifest's own tape */
    uint32_t enum_at;
    bool has_min, has_max;
    struct dec min, max;
    struct schema *items;
    int64_t max_length;
};

enum type { TYPE_NULL, TYPE_BOOLEAN, TYPE_NUMBER, TYPE_INTEGER, TYPE_STRING, TYPE_ARRAY, TYPE_OBJECT, TYPES };
static const char *const type_name[TYPES] = {"null", "boolean", "number", "integer", "string", "array", "object"};

static int read_schema(struct reader *r, const struct at *at, uint32_t i, int depth, struct schema **ret);

static int read_type(struct reader *r, const struct at *at, uint32_t i, struct schema *s)
{
    for (int t = 0; t < TYPES; t++)
        if (json_is(r->j, i, type_name[t])) {
            s->types |= 1u << t;
            return 0;
        }
    return manifest_bad(r, at, "is no type; write null, boolean, number, integer, string, array or object");
}

static int read_types(struct reader *r, const struct at *at, uint32_t i, struct schema *s)
{
    if (json_kind(r->j, i) != JSON_ARRAY)
        return read_type(r, at, i, s);
    if (r->j->node[i].len == 0)
        return manifest_bad(r, at, "names no type");
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k))
        if (read_type(r, at, k, s))
            return -1;
    return 0;
}

static int read_properties(struct reader *r, const struct at *at, uint32_t i, int depth, struct schema *s)
{
    if (json_kind(r->j, i) != JSON_OBJECT)
        return manifest_bad(r, at, "must be an object of schemas");
    s->property = manifest_array(r, r->j->node[i].len, sizeof *s->property);
    if (!s->property)
        return -1;
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k)) {
        struct property *p = &s->property[s->properties++];
        p->name = json_text(r->j, k, r->a);
        struct at here = {at, p->name, 0};
        if (read_schema(r, &here, json_value(k), depth + 1, &p->schema))
            return -1;
    }
    return 0;
}

static int read_enum(struct reader *r, const struct at *at, uint32_t i, struct schema *s)
{
    if (json_kind(r->j, i) != JSON_ARRAY || r->j->node[i].len == 0 || r->j->node[i].len > SCHEMA_ITEMS)
        return manifest_bad(r, at, "must be a list of 1 to 256 values");
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k))
        if (json_kind(r->j, k) == JSON_ARRAY || json_kind(r->j, k) == JSON_OBJECT)
            return manifest_bad(r, at, "may hold strings, numbers, true, false and null only");
    s->values = r->j;
    s->enum_at = i;
    return 0;
}

static int read_bound(struct reader *r, const struct at *at, uint32_t i, bool *has, struct dec *ret)
{
    if (json_kind(r->j, i) != JSON_NUMBER || !dec_parse(json_raw(r->j, i), ret))
        return manifest_bad(r, at, "must be a number of at most 64 digits");
    *has = true;
    return 0;
}

static int read_keyword(struct reader *r, const struct at *at, uint32_t key, int depth, struct schema *s)
{
    uint32_t v = json_value(key);
    if (json_is(r->j, key, "type"))
        return read_types(r, at, v, s);
    if (json_is(r->j, key, "properties"))
        return read_properties(r, at, v, depth, s);
    if (json_is(r->j, key, "required"))
        return manifest_strings(r, at, v, SCHEMA_ITEMS, 128, &s->required, &s->required_n);
    if (json_is(r->j, key, "enum"))
        return read_enum(r, at, v, s);
    if (json_is(r->j, key, "minimum"))
        return read_bound(r, at, v, &s->has_min, &s->min);
    if (json_is(r->j, key, "maximum"))
        return read_bound(r, at, v, &s->has_max, &s->max);
    if (json_is(r->j, key, "items"))
        return read_schema(r, at, v, depth + 1, &s->items);
    if (json_is(r->j, key, "maxLength"))
        return json_kind(r->j, v) == JSON_NUMBER && slice_int(json_raw(r->j, v), 0, 1 << 20, &s->max_length)
                   ? 0
                   : manifest_bad(r, at, "must be a whole number of 0 to 1048576");
    if (json_is(r->j, key, "additionalProperties")) {
        if (json_kind(r->j, v) != JSON_TRUE && json_kind(r->j, v) != JSON_FALSE)
            return manifest_bad(r, at, "must be true or false");
        s->closed = json_kind(r->j, v) == JSON_FALSE;
        return 0;
    }
    return manifest_bad(r, at,
                        "is no keyword this schema knows; use type, required, properties, additionalProperties, "
                        "enum, minimum, maximum, items, maxLength");
}

static int read_schema(struct reader *r, const struct at *at, uint32_t i, int depth, struct schema **ret)
{
    if (json_kind(r->j, i) != JSON_OBJECT)
        return manifest_bad(r, at, "must be a schema object");
    if (depth > SCHEMA_DEPTH)
        return manifest_bad(r, at, "lies deeper than 16 schemas");
    struct schema *s = manifest_array(r, 1, sizeof *s);
    if (!s)
        return -1;
    s->max_length = NO_LENGTH;
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k)) {
        struct at here = {at, json_text(r->j, k, r->a), 0};
        if (read_keyword(r, &here, k, depth, s))
            return -1;
    }
    *ret = s;
    return 0;
}

int schema_parse(struct arena *a, const struct json *j, uint32_t i, const char *pointer, struct schema **ret,
                 struct err *e)
{
    struct reader r = {j, a, e};
    struct at top = {.whole = pointer};
    return read_schema(&r, &top, i, 0, ret);
}

const struct schema *schema_property(const struct schema *s, struct slice name)
{
    for (size_t i = 0; i < s->properties; i++)
        if (slice_eq(s->property[i].name, name))
            return s->property[i].schema;
    return NULL;
}

/* --- checking --- */

struct check {
    const struct json *j;
    struct arena *a;
    const char **why;
};

static int refuse(struct check *c, const char *pointer, const char *what)
{
    *c->why = arena_printf(c->a, "%s: %s", *pointer ? pointer : "/", what);
    return *c->why ? 0 : -1;
}

static bool is_integer(struct slice number)
{
    struct dec d;
    return dec_parse(number, &d) && (d.n == 0 || d.exp >= d.n);
}

static unsigned types_of(const struct json *j, uint32_t i)
{
    switch (json_kind(j, i)) {
    case JSON_NULL: return 1u << TYPE_NULL;
    case JSON_FALSE:
    case JSON_TRUE: return 1u << TYPE_BOOLEAN;
    case JSON_NUMBER: return 1u << TYPE_NUMBER | (is_integer(json_raw(j, i)) ? 1u << TYPE_INTEGER : 0);
    case JSON_STRING: return 1u << TYPE_STRING;
    case JSON_ARRAY: return 1u << TYPE_ARRAY;
    default: return 1u << TYPE_OBJECT;
    }
}

bool json_same_scalar(const struct json *x, uint32_t i, const struct json *y, uint32_t k, struct arena *a)
{
    struct dec d, f;
    if (json_kind(x, i) != json_kind(y, k))
        return false;
    if (json_kind(x, i) == JSON_STRING)
        return slice_eq(json_text(x, i, a), json_text(y, k, a));
    if (json_kind(x, i) != JSON_NUMBER)
        return json_kind(x, i) < JSON_NUMBER;
    return dec_parse(json_raw(x, i), &d) && dec_parse(json_raw(y, k), &f) && dec_cmp(&d, &f) == 0;
}

static bool in_enum(const struct schema *s, struct check *c, uint32_t i)
{
    for (uint32_t k = json_first(s->values, s->enum_at); k != json_end(s->values, s->enum_at);
         k = json_next(s->values, k))
        if (json_same_scalar(s->values, k, c->j, i, c->a))
            return true;
    return false;
}

static int check_number(const struct schema *s, struct check *c, uint32_t i, const char *pointer)
{
    struct dec d;
    if (!dec_parse(json_raw(c->j, i), &d))
        return refuse(c, pointer, "is a number of too many digits");
    if (s->has_min && dec_cmp(&d, &s->min) < 0)
        return refuse(c, pointer, "is below the minimum");
    if (s->has_max && dec_cmp(&d, &s->max) > 0)
        return refuse(c, pointer, "is above the maximum");
    return 1;
}

static int64_t characters(struct slice s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static int check_value(const struct schema *s, struct check *c, uint32_t i, const char *pointer);

static int check_object(const struct schema *s, struct check *c, uint32_t i, const char *pointer)
{
    for (size_t n = 0; n < s->required_n; n++) {
        char *name = arena_str(c->a, s->required[n]);
        if (!name)
            return -1;
        if (!json_get(c->j, i, name))
            return refuse(c, pointer, arena_printf(c->a, "the required member '%s' is absent", name));
    }
    for (uint32_t k = json_first(c->j, i); k != json_end(c->j, i); k = json_next(c->j, k)) {
        struct slice name = json_text(c->j, k, c->a);
        const struct schema *p = schema_property(s, name);
        if (!p && !s->closed)
            continue;
        if (!p) /* the name is the model's choice and could carry anything: it is not repeated */
            return refuse(c, pointer, "has a member the schema does not name");
        const char *below = arena_printf(c->a, "%s/%.*s", pointer, SLICE_FMT(name));
        int ok = below ? check_value(p, c, json_value(k), below) : -1;
        if (ok != 1)
            return ok;
    }
    return 1;
}

static int check_array(const struct schema *s, struct check *c, uint32_t i, const char *pointer)
{
    int n = 0;
    for (uint32_t k = json_first(c->j, i); k != json_end(c->j, i); k = json_next(c->j, k)) {
        const char *below = arena_printf(c->a, "%s/%d", pointer, n++);
        int ok = below ? check_value(s->items, c, k, below) : -1;
        if (ok != 1)
            return ok;
    }
    return 1;
}

static int check_value(const struct schema *s, struct check *c, uint32_t i, const char *pointer)
{
    enum json_kind kind = json_kind(c->j, i);
    if (s->types && !(s->types & types_of(c->j, i)))
        return refuse(c, pointer, "is of another type than the schema says");
    if (s->values && !in_enum(s, c, i))
        return refuse(c, pointer, "is none of the values the schema lists");
    if (kind == JSON_NUMBER)
        return check_number(s, c, i, pointer);
    if (kind == JSON_STRING && s->max_length != NO_LENGTH && characters(json_text(c->j, i, c->a)) > s->max_length)
        return refuse(c, pointer, "is longer than maxLength");
    if (kind == JSON_OBJECT)
        return check_object(s, c, i, pointer);
    if (kind == JSON_ARRAY && s->items)
        return check_array(s, c, i, pointer);
    return 1;
}

int schema_check(const struct schema *s, const struct json *j, uint32_t i, struct arena *a, const char **why)
{
    struct check c = {j, a, why};
    unsigned before = arena_failed(a);
    int ok = check_value(s, &c, i, "");
    return arena_failed(a) == before ? ok : -1;
}
