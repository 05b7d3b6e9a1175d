/* gen_fhir_tables.c -- lays the model out as the tables of src/fhir/tables_int.h and prints them as C. */
#include "gen_fhir.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "fhir/tables_int.h"

struct shape {
    const char *path;
    unsigned definition;
    size_t first, count; /* of its properties */
    unsigned slots;
    uint64_t required;
    const struct element *element;
    size_t rule, rules; /* in layout.rule */
};

struct layout {
    const struct model *m;
    struct arena *a;
    struct shape *shape;
    struct fhir_prop *prop;
    const char **pool; /* every string once, in order */
    uint32_t *pool_at;
    uint16_t *rule;             /* indices of constraints */
    struct fhir_rules *by_prop; /* row 0 is empty */
    size_t shapes, props, pooled, rules, by_props;
    uint32_t pool_end;
    uint32_t *find;              /* open addressing into pool, counting from 1 */
    struct fhir_targets *target; /* row 0: any */
    size_t targets;
};

enum { FIND = 1 << 16 };

static uint16_t hash_of(const char *z)
{
    return json_hash(z, strlen(z));
}

static uint32_t pool(struct layout *l, const char *z)
{
    uint32_t at = hash_of(z);
    for (; l->find[at]; at = (at + 1) % FIND)
        if (!strcmp(l->pool[l->find[at] - 1], z))
            return l->pool_at[l->find[at] - 1];
    l->pool = list_room(l->a, l->pool, l->pooled, sizeof *l->pool);
    l->pool_at = list_room(l->a, l->pool_at, l->pooled, sizeof *l->pool_at);
    l->pool[l->pooled] = z;
    l->pool_at[l->pooled] = l->pool_end;
    l->pool_end += (uint32_t)strlen(z); /* no NUL: everything is named with its length */
    l->find[at] = (uint32_t)++l->pooled;
    return l->pool_at[l->pooled - 1];
}

/* --- shapes --- */

static bool has_children(const struct layout *l, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < l->m->elements; i++)
        if (!strncmp(l->m->element[i].path, path, n) && l->m->element[i].path[n] == '.')
            return true;
    return false;
}

static size_t shape_at(const struct layout *l, const char *path)
{
    for (size_t i = 0; i < l->shapes; i++)
        if (!strcmp(l->shape[i].path, path))
            return i;
    die("no type or inner element is called %s", path);
}

static void make_shapes(struct layout *l)
{
    for (size_t i = 0; i < l->m->elements; i++) {
        const struct element *el = &l->m->element[i];
        enum kind kind = l->m->definition[el->definition].kind;
        if (kind == KIND_ABSTRACT || kind == KIND_PRIMITIVE || (strchr(el->path, '.') && !has_children(l, el->path)))
            continue;
        l->shape = list_room(l->a, l->shape, l->shapes, sizeof *l->shape);
        l->shape[l->shapes++] = (struct shape){.path = el->path, .definition = el->definition, .element = el};
    }
}

static int primitive(const char *name)
{
    static const char *const names[] = {
#define TYPE(id, fhir, json, expected) [FHIR_##id] = fhir,
#include "fhir/types.def"
#undef TYPE
    };
    for (int i = 0; i < FHIR_PRIMITIVES; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

static void set_type(const struct layout *l, struct fhir_prop *p, const struct element *el, const char *type)
{
    const struct definition *d = &l->m->definition[el->definition];
    int n = primitive(type);
    p->type = FHIR_OBJECT;
    if (*type == '#') {
        p->shape = (uint16_t)shape_at(l, type + 1);
    } else if (n >= 0) {
        p->type = (uint8_t)n;
    } else if (!strcmp(type, "System.String")) { /* attributes in XML: an element's id, an extension's url */
        bool url = !strcmp(el->path, "Extension.url"),
             root = d->kind == KIND_RESOURCE && strrchr(el->path, '.') == strchr(el->path, '.');
        p->type = url ? FHIR_URI : root ? FHIR_ID : FHIR_STRING;
        p->flags |= PROP_BARE;
    } else if (!strcmp(type, "Resource")) {
        p->type = FHIR_RESOURCE;
    } else {
        p->shape = (uint16_t)shape_at(l, has_children(l, el->path) ? el->path : type);
    }
}

/* --- what references may lead to --- */

/* The number of a resource type, in the order of the shapes; -1: there is none of this name. */
static int resource_number(const struct layout *l, const char *name)
{
    int n = 0;
    for (size_t i = 0; i < l->shapes; i++) {
        if (strchr(l->shape[i].path, '.') || l->m->definition[l->shape[i].definition].kind != KIND_RESOURCE)
            continue;
        if (!strcmp(l->shape[i].path, name))
            return n;
        n++;
    }
    return -1;
}

/* The row for "Patient,Group"; 0 when one of them is not a concrete type of R4, and so for any. */
static uint16_t targets_row(struct layout *l, struct slice names)
{
    struct fhir_targets t = {{0}};
    while (names.n) {
        int n = resource_number(l, arena_str(l->a, slice_cut(&names, ',')));
        if (n < 0)
            return 0;
        t.bit[n / 64] |= (uint64_t)1 << n % 64;
    }
    for (size_t i = 1; i < l->targets; i++)
        if (!memcmp(&l->target[i], &t, sizeof t))
            return (uint16_t)i;
    if (l->targets == 0) {
        l->target = list_room(l->a, l->target, 0, sizeof t);
        l->target[l->targets++] = (struct fhir_targets){{0}};
    }
    l->target = list_room(l->a, l->target, l->targets, sizeof t);
    l->target[l->targets] = t;
    return (uint16_t)l->targets++;
}

static uint16_t binding_of(const struct layout *l, const struct element *el)
{
    if (strcmp(el->binding, "required") != 0)
        return 0;
    for (size_t i = 0; i < l->m->valuesets; i++)
        if (!strcmp(l->m->valueset[i].url, el->valueset))
            return (uint16_t)(i + 1);
    die("%s: value set %s was not read", el->path, el->valueset);
}

static void add_prop(struct layout *l, struct shape *s, struct fhir_prop p, const char *name)
{
    p.name = pool(l, name);
    p.len = (uint8_t)strlen(name);
    p.hash = hash_of(name);
    l->prop = list_room(l->a, l->prop, l->props, sizeof p);
    l->prop[l->props++] = p;
    if (++s->count >= NO_PROP)
        die("%s has too many properties", s->path);
}

static uint8_t prop_rules(struct layout *l, const struct fhir_prop *p, const struct element *el);

/* One element as one JSON name, or a choice as one for each type. */
static void add_element_props(struct layout *l, struct shape *s, const struct element *el)
{
    const char *name = arena_printf(l->a, "%s", strrchr(el->path, '.') + 1), *choice = strstr(name, "[x]");
    struct slice types = slice_of(el->types);
    uint8_t slot = NO_SLOT;
    if (el->min > 1)
        die("%s: a minimum of %u is not understood", el->path, el->min);
    if (el->min || choice)
        slot = (uint8_t)s->slots++;
    if (s->slots > SLOTS)
        die("%s has too many required and choice elements", s->path);
    if (el->min)
        s->required |= (uint64_t)1 << slot;
    do {
        struct slice type = slice_cut(&types, '|');
        const char *paren = memchr(type.p, '(', type.n);
        struct fhir_prop p = {.slot = slot, .binding = binding_of(l, el)};
        if (paren)
            p.targets = targets_row(l, (struct slice){paren + 1, (size_t)(type.p + type.n - 1 - (paren + 1))});
        type.n = paren ? (size_t)(paren - type.p) : type.n;
        p.flags = (uint8_t)((strcmp(el->max, "1") ? PROP_ARRAY : 0) | (el->min ? PROP_REQUIRED : 0) |
                            (el->absolute ? PROP_ABSOLUTE : 0) | (el->subject ? PROP_SUBJECT : 0) |
                            (el->language ? PROP_LANGUAGE : 0) | (el->simple ? PROP_SIMPLE : 0));
        p.stem = choice ? (uint8_t)(choice - name) : 0;
        set_type(l, &p, el, arena_str(l->a, type));
        p.rules = prop_rules(l, &p, el);
        if (choice)
            add_prop(l, s, p,
                     arena_printf(l->a, "%.*s%c%.*s", (int)(choice - name), name, type.p[0] & ~32, (int)type.n - 1,
                                  type.p + 1));
        else
            add_prop(l, s, p, name);
    } while (types.p);
}

static void make_props(struct layout *l)
{
    for (size_t i = 0; i < l->shapes; i++) {
        struct shape *s = &l->shape[i];
        size_t n = strlen(s->path);
        s->first = l->props;
        if (l->m->definition[s->definition].kind == KIND_RESOURCE && !strchr(s->path, '.'))
            add_prop(l, s, (struct fhir_prop){.type = FHIR_NAME, .slot = NO_SLOT, .flags = PROP_BARE}, "resourceType");
        for (size_t k = 0; k < l->m->elements; k++) {
            const struct element *el = &l->m->element[k];
            if (el->definition == s->definition && !strncmp(el->path, s->path, n) && el->path[n] == '.' &&
                !strchr(el->path + n + 1, '.') && strcmp(el->max, "0"))
                add_element_props(l, s, el);
        }
    }
}

/* --- invariants --- */

static void add_rule(struct layout *l, unsigned constraint)
{
    l->rule = list_room(l->a, l->rule, l->rules, sizeof *l->rule);
    l->rule[l->rules++] = (uint16_t)constraint;
}

/* ele-1 holds for every element; it is no row, but written out in validate.c. */
static bool everywhere(const struct layout *l, unsigned constraint)
{
    return !strcmp(l->m->constraint[constraint].key, "ele-1");
}

/* Is it an invariant of the type of this property, too? */
static bool of_type(const struct layout *l, const struct fhir_prop *p, unsigned constraint)
{
    if (p->type != FHIR_OBJECT)
        return false;
    const struct element *type = l->shape[p->shape].element;
    for (size_t i = 0; i < type->constraints; i++)
        if (type->constraint[i] == constraint)
            return true;
    return false;
}

static void make_rules(struct layout *l)
{
    for (size_t i = 0; i < l->shapes; i++) {
        struct shape *s = &l->shape[i];
        s->rule = l->rules;
        for (size_t k = 0; k < s->element->constraints; k++)
            if (!everywhere(l, s->element->constraint[k]))
                add_rule(l, s->element->constraint[k]);
        s->rules = l->rules - s->rule;
        if (s->rules > RULES)
            die("%s has more than %d invariants", s->path, RULES);
    }
}

/* What the element of a property asks beyond its type: a row of fhir_prop_rules. */
static uint8_t prop_rules(struct layout *l, const struct fhir_prop *p, const struct element *el)
{
    struct fhir_rules row = {.rule = (uint16_t)l->rules};
    if (l->by_props == 0)
        l->by_props = 1;
    for (size_t k = 0; k < el->constraints; k++)
        if (!everywhere(l, el->constraint[k]) && !of_type(l, p, el->constraint[k]) &&
            !(p->type == FHIR_OBJECT && l->shape[p->shape].element == el)) {
            add_rule(l, el->constraint[k]);
            row.rules++;
        }
    if (row.rules == 0)
        return 0;
    if (l->by_props > 255)
        die("more than 255 elements with invariants of their own");
    l->by_prop =
        arena_grow(l->a, l->by_prop, l->by_prop ? l->by_props * sizeof row : 0, (l->by_props + 1) * sizeof row);
    if (!l->by_prop)
        die("out of memory");
    l->by_prop[l->by_props] = row;
    return (uint8_t)l->by_props++;
}

/* --- writing --- */

static unsigned mask_for(size_t count)
{
    unsigned size = 4;
    while (size < 2 * count)
        size *= 2;
    return size - 1;
}

static const char *name_of(const struct layout *l, const struct fhir_prop *p)
{
    size_t low = 0, high = l->pooled; /* offsets rise */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(l->pool_at[middle] <= p->name ? &low : &high) = middle;
    }
    return l->pool[low];
}

static void write_props(const struct layout *l, FILE *out)
{
    fputs("const struct fhir_prop fhir_props[] = {\n", out);
    for (size_t i = 0; i < l->props; i++) {
        const struct fhir_prop *p = &l->prop[i];
        fprintf(out, "{%u,%u,%u,%u,%u,%u,%u,%u,%u,%u,%u},\n", p->name, p->hash, p->shape, p->binding, p->len, p->type,
                p->flags, p->slot, p->stem, p->rules, p->targets);
    }
    fputs("};\n", out);
}

/* enum fhir_own of a shape. */
static int own_of(const char *path)
{
    static const struct {
        const char *path;
        int own;
    } known[] = {{"Coding", OWN_CODING},          {"Reference", OWN_REFERENCE},
                 {"Attachment", OWN_ATTACHMENT},  {"Age", OWN_TIME},
                 {"Duration", OWN_TIME},          {"Distance", OWN_DISTANCE},
                 {"Bundle", OWN_BUNDLE},          {"Bundle.entry", OWN_ENTRY},
                 {"SearchParameter", OWN_SEARCH}, {"CapabilityStatement.rest.resource.searchParam", OWN_SEARCHED},
                 {"Questionnaire", OWN_QUESTIONS}, {"CodeSystem", OWN_CODES}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (!strcmp(known[i].path, path))
            return known[i].own;
    return OWN_NONE;
}

static void write_shapes(struct layout *l, FILE *out)
{
    uint32_t *at = arena_take(l->a, l->shapes * sizeof *at), end = 0;
    fputs("const uint8_t fhir_index[] = {\n", out);
    for (size_t i = 0; i < l->shapes; i++) {
        const struct shape *s = &l->shape[i];
        uint8_t index[512];
        unsigned mask = mask_for(s->count);
        memset(index, NO_PROP, sizeof index);
        for (size_t k = 0; k < s->count; k++) {
            unsigned h = l->prop[s->first + k].hash & mask;
            while (index[h] != NO_PROP)
                h = (h + 1) & mask;
            index[h] = (uint8_t)k;
        }
        at[i] = end;
        end += mask + 1;
        for (unsigned h = 0; h <= mask; h++)
            fprintf(out, "%u,%s", index[h], h == mask ? "\n" : "");
    }
    fputs("};\nconst struct fhir_shape fhir_shapes[] = {\n", out);
    for (size_t i = 0; i < l->shapes; i++) {
        const struct shape *s = &l->shape[i];
        int number = resource_number(l, s->path);
        fprintf(out, "{%lluu,%u,%zu,%u,%u,%zu,%zu,%zu,%zu,%d,%d},\n", (unsigned long long)s->required, pool(l, s->path),
                s->first, at[i], mask_for(s->count), s->count, strlen(s->path), s->rule, s->rules,
                number < 0 ? NO_RESOURCE : number, own_of(s->path));
    }
    fputs("};\n", out);
}

static void write_resources(const struct layout *l, FILE *out)
{
    uint16_t slot[RESOURCE_SLOTS] = {0};
    for (size_t i = 0; i < l->shapes; i++) {
        if (strchr(l->shape[i].path, '.') || l->m->definition[l->shape[i].definition].kind != KIND_RESOURCE)
            continue;
        unsigned h = hash_of(l->shape[i].path) % RESOURCE_SLOTS;
        while (slot[h])
            h = (h + 1) % RESOURCE_SLOTS;
        slot[h] = (uint16_t)(i + 1);
    }
    fputs("const uint16_t fhir_resources[RESOURCE_SLOTS] = {\n", out);
    for (size_t i = 0; i < RESOURCE_SLOTS; i++)
        fprintf(out, "%u,%s", slot[i], i % 32 == 31 ? "\n" : "");
    fprintf(out,
            "};\nconst uint16_t fhir_shape_count = %zu, fhir_shape_element = %zu, fhir_shape_concept = %zu,"
            " fhir_shape_coding = %zu;\n",
            l->shapes, shape_at(l, "Element"), shape_at(l, "CodeableConcept"), shape_at(l, "Coding"));
}

static unsigned system_of(const char **list, size_t *n, const char *system)
{
    size_t i = 0;
    while (i < *n && strcmp(list[i], system) != 0)
        i++;
    if (i == *n)
        list[(*n)++] = system;
    if (*n > 255)
        die("more than 255 code systems");
    return (unsigned)i;
}

/* How a value set without a list of codes is judged. */
static int open_kind(const char *url)
{
    static const struct {
        const char *url;
        int kind;
    } known[] = {
        {"http://hl7.org/fhir/ValueSet/mimetypes", VALUES_MIME},
        {"http://hl7.org/fhir/ValueSet/currencies", VALUES_CURRENCY},
        {"http://hl7.org/fhir/ValueSet/ucum-units", VALUES_UCUM},
        {"http://loinc.org/vs/LL379-9", VALUES_OPEN}, /* LOINC's answers are not in the definitions */
    };
    for (size_t i = 0; i < COUNT(known); i++)
        if (!strcmp(known[i].url, url))
            return known[i].kind;
    die("the codes of %s are not in the definitions", url);
}

static void write_code_index(const struct valueset *v, unsigned mask, struct arena *a, FILE *out)
{
    uint16_t *slot = arena_take(a, (mask + 1) * sizeof *slot);
    for (size_t k = 0; k < v->codes; k++) {
        unsigned h = hash_of(v->code[k].code) & mask;
        while (slot[h])
            h = (h + 1) & mask;
        slot[h] = (uint16_t)(k + 1);
    }
    for (unsigned h = 0; h <= mask; h++)
        fprintf(out, "%u,%s", slot[h], h == mask ? "\n" : "");
}

/* Rows of value sets count from 1; those of code systems are the last. */
static void write_system_index(const struct model *m, FILE *out)
{
    static uint16_t slot[SYSTEM_SLOTS];
    for (size_t i = m->valuesets - m->systems; i < m->valuesets; i++) {
        unsigned h = hash_of(m->valueset[i].url) % SYSTEM_SLOTS;
        while (slot[h])
            h = (h + 1) % SYSTEM_SLOTS;
        slot[h] = (uint16_t)(i + 1);
    }
    fputs("const uint16_t fhir_system_index[SYSTEM_SLOTS] = {\n", out);
    for (size_t i = 0; i < SYSTEM_SLOTS; i++)
        fprintf(out, "%u,%s", slot[i], i % 32 == 31 ? "\n" : "");
    fputs("};\n", out);
}

static void write_valuesets(struct layout *l, FILE *out)
{
    const struct model *m = l->m;
    const char *system[256];
    size_t systems = 0;
    fputs("const struct fhir_code fhir_codes[] = {\n", out);
    for (size_t i = 0; i < m->valuesets; i++)
        for (size_t k = 0; k < m->valueset[i].codes; k++) {
            const struct code *c = &m->valueset[i].code[k];
            fprintf(out, "{%u,%u,%zu,%u},\n", pool(l, c->code), hash_of(c->code), strlen(c->code),
                    system_of(system, &systems, c->system));
        }
    fputs("};\nconst struct fhir_text fhir_systems[] = {\n", out);
    for (size_t i = 0; i < systems; i++)
        fprintf(out, "{%u,%zu},\n", pool(l, system[i]), strlen(system[i]));
    fputs("};\nconst uint16_t fhir_code_index[] = {\n", out);
    for (size_t i = 0; i < m->valuesets; i++)
        write_code_index(&m->valueset[i], mask_for(m->valueset[i].codes), l->a, out);
    fputs("};\nconst struct fhir_valueset fhir_valuesets[] = {\n{0,0,0,0,0,0,VALUES_NONE},\n", out);
    size_t codes = 0, index = 0;
    for (size_t i = 0; i < m->valuesets; i++) {
        const struct valueset *v = &m->valueset[i];
        unsigned mask = mask_for(v->codes);
        fprintf(out, "{%u,%zu,%zu,%zu,%u,%zu,%d},\n", pool(l, v->url), codes, index, v->codes, mask, strlen(v->url),
                v->open ? open_kind(v->url) : VALUES_LISTED);
        codes += v->codes;
        index += mask + 1;
    }
    fprintf(out, "};\nconst uint16_t fhir_valueset_count = %zu;\n", m->valuesets - m->systems);
    write_system_index(m, out);
}

static void write_searches(struct layout *l, FILE *out)
{
    const struct model *m = l->m;
    static uint16_t slot[SEARCH_SLOTS];
    fputs("const struct fhir_search fhir_searches[] = {\n", out);
    for (size_t i = 0; i < m->searches; i++) {
        const struct search *s = &m->search[i];
        const char *name = s->url + strlen(SEARCH_BASE);
        if (strncmp(s->url, SEARCH_BASE, strlen(SEARCH_BASE)) != 0)
            die("a search parameter of R4 with the url %s", s->url);
        fprintf(out, "{%u,%u,%u,%u,%zu,%zu},\n", pool(l, name), pool(l, s->type), hash_of(name),
                targets_row(l, slice_of(s->base)), strlen(name), strlen(s->type));
        unsigned h = hash_of(name) % SEARCH_SLOTS;
        while (slot[h])
            h = (h + 1) % SEARCH_SLOTS;
        slot[h] = (uint16_t)(i + 1);
    }
    fputs("};\nconst uint16_t fhir_search_index[SEARCH_SLOTS] = {\n", out);
    for (size_t i = 0; i < SEARCH_SLOTS; i++)
        fprintf(out, "%u,%s", slot[i], i % 32 == 31 ? "\n" : "");
    fputs("};\n", out);
}

static void write_targets(const struct layout *l, FILE *out)
{
    fputs("const struct fhir_targets fhir_targets[] = {\n", out);
    for (size_t i = 0; i < l->targets; i++) {
        const uint64_t *b = l->target[i].bit;
        fprintf(out, "{{%lluu,%lluu,%lluu}},\n", (unsigned long long)b[0], (unsigned long long)b[1],
                (unsigned long long)b[2]);
    }
    fputs("};\n", out);
}

static void write_invariants(struct layout *l, FILE *out)
{
    const struct model *m = l->m;
    fputs("const struct fhir_invariant fhir_invariants[] = {\n", out);
    for (size_t i = 0; i < m->constraints; i++) {
        const struct constraint *c = &m->constraint[i];
        fprintf(out, "{%u,%u,%u,%zu,%zu,%zu,%d,%d},\n", pool(l, c->key), pool(l, c->human), pool(l, c->expression),
                strlen(c->expression), strlen(c->human), strlen(c->key), !strcmp(c->severity, "warning"),
                c->best_practice);
    }
    fputs("};\nconst uint16_t fhir_rules[] = {\n", out);
    for (size_t i = 0; i < l->rules; i++)
        fprintf(out, "%u,%s", l->rule[i], i % 32 == 31 ? "\n" : "");
    fputs("};\nconst struct fhir_rules fhir_prop_rules[] = {\n", out);
    for (size_t i = 0; i < l->by_props; i++)
        fprintf(out, "{%u,%u},\n", l->by_prop[i].rule, l->by_prop[i].rules);
    fprintf(out, "};\nconst uint16_t fhir_invariant_count = %zu;\n", m->constraints);
}

/* The names of choices, once each. */
static void write_stems(struct layout *l, FILE *out)
{
    size_t n = 0;
    fputs("const struct fhir_text fhir_stems[] = {\n", out);
    for (size_t i = 0; i < l->props; i++) {
        const struct fhir_prop *p = &l->prop[i];
        bool seen = !p->stem;
        for (size_t k = 0; k < i && !seen; k++)
            seen = l->prop[k].stem == p->stem && !strncmp(name_of(l, &l->prop[k]), name_of(l, p), p->stem);
        if (seen)
            continue;
        fprintf(out, "{%u,%u},\n", p->name, p->stem);
        n++;
    }
    fprintf(out, "};\nconst uint16_t fhir_stem_count = %zu, fhir_prop_count = %zu;\n", n, l->props);
}

/* Text that lies within 7-bit ASCII and needs no escape but these; anything else in a name or code is a surprise. */
static void write_pool(const struct layout *l, FILE *out)
{
    fputs("const char fhir_pool[] =\n", out);
    for (size_t i = 0; i < l->pooled; i++) {
        fputc('"', out);
        for (const char *p = l->pool[i]; *p; p++) {
            if (*p < 0x20 || *p > 0x7E)
                die("a name that is not ASCII: %s", l->pool[i]);
            fprintf(out, *p == '"' || *p == '\\' || *p == '?' ? "\\%c" : "%c", *p);
        }
        fputs("\"\n", out);
    }
    fputs(";\n", out);
}

void tables_write(const struct model *m, FILE *out)
{
    struct layout l = {.m = m, .a = m->arena};
    l.find = arena_take(l.a, FIND * sizeof *l.find);
    if (!l.find)
        die("out of memory");
    fputs("/* Written by tools/gen_fhir.c from the definitions of FHIR R4. */\n#include \"fhir/tables_int.h\"\n\n",
          out);
    make_shapes(&l);
    make_props(&l);
    make_rules(&l);
    write_props(&l, out);
    write_shapes(&l, out);
    write_resources(&l, out);
    write_valuesets(&l, out);
    write_searches(&l, out);
    write_targets(&l, out);
    write_invariants(&l, out);
    write_stems(&l, out);
    write_pool(&l, out);
}
