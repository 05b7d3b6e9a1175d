/* gen_fhir.c -- reads the published definitions of FHIR R4 and writes the tables of src/fhir.
 *
 *     gen_fhir DEFINITIONS OUT.c OUT.tsv INVARIANTS.tsv
 *
 * DEFINITIONS is a folder with profiles-resources.json, profiles-types.json, valuesets.json, v3-codesystems.json and
 * search-parameters.json.
 * What the package changed against R4 is undone by data/fhir/r4.def; then the counts of R4 4.0.1 must come out, or the
 * build fails. OUT.tsv lists every element as understood here (path, min, max, types, binding, value set),
 * INVARIANTS.tsv every invariant (key, severity, expression), for a test to compare. */
#include "gen_fhir.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("gen_fhir: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void *list_room(struct arena *a, void *list, size_t n, size_t size)
{
    if (n & (n - 1)) /* room is made at powers of two */
        return list;
    void *more = arena_grow(a, n ? list : NULL, n * size, (n ? 2 * n : 1) * size);
    if (!more)
        die("out of memory");
    return more;
}

static const char *copy(struct arena *a, struct slice s)
{
    const char *z = arena_str(a, s);
    if (!z)
        die("out of memory");
    return z;
}

static const char *text_at(struct model *m, const struct json *j, uint32_t obj, const char *key)
{
    return copy(m->arena, json_get_text(j, obj, key, m->arena));
}

static struct json read_json(struct arena *a, const char *folder, const char *name)
{
    const char *path = arena_printf(a, "%s/%s", folder, name);
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        die("cannot read %s", path);
    long n = ftell(f);
    char *text = n > 0 ? arena_take(a, (size_t)n) : NULL;
    rewind(f);
    if (!text || fread(text, 1, (size_t)n, f) != (size_t)n)
        die("cannot read %s", path);
    struct json j;
    struct json_fault fault;
    if (json_parse(a, (struct slice){text, (size_t)n}, &j, &fault))
        die("%s:%u:%u: %s", path, fault.line, fault.column, fault.what ? fault.what : "out of memory");
    return j;
}

/* --- elements --- */

/* "Reference(Patient,Group)|string": codes, with the last segment of each target profile. */
static const char *types_of(struct model *m, const struct json *j, uint32_t el)
{
    struct buf b = buf_in(m->arena, 1 << 16);
    uint32_t list = json_get(j, el, "type");
    if (list)
        for (uint32_t t = json_first(j, list); t != json_end(j, list); t = json_next(j, t)) {
            const char *code = text_at(m, j, t, "code"), *last = strrchr(code, '/');
            buf_printf(&b, "%s%s", b.n ? "|" : "", last ? last + 1 : code);
            uint32_t target = json_get(j, t, "targetProfile");
            if (!target)
                continue;
            char before = '(';
            for (uint32_t p = json_first(j, target); p != json_end(j, target); p = json_next(j, p)) {
                const char *url = copy(m->arena, json_text(j, p, m->arena));
                buf_printf(&b, "%c%s", before, strrchr(url, '/') + 1);
                before = ',';
            }
            buf_byte(&b, ')');
        }
    return copy(m->arena, buf_text(&b));
}

/* --- constraints --- */

static unsigned constraint_at(struct model *m, struct constraint c)
{
    for (size_t i = 0; i < m->constraints; i++)
        if (!strcmp(m->constraint[i].key, c.key) && !strcmp(m->constraint[i].expression, c.expression))
            return (unsigned)i;
    m->constraint = list_room(m->arena, m->constraint, m->constraints, sizeof c);
    m->constraint[m->constraints++] = c;
    return (unsigned)m->constraints - 1;
}

static void add_constraint(struct model *m, struct element *el, struct constraint c)
{
    el->constraint = list_room(m->arena, el->constraint, el->constraints, sizeof *el->constraint);
    el->constraint[el->constraints++] = constraint_at(m, c);
}

static void read_constraints(struct model *m, const struct json *j, uint32_t at, struct element *el)
{
    uint32_t list = json_get(j, at, "constraint");
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k))
        add_constraint(m, el,
                       (struct constraint){.key = text_at(m, j, k, "key"),
                                           .severity = text_at(m, j, k, "severity"),
                                           .human = text_at(m, j, k, "human"),
                                           .expression = text_at(m, j, k, "expression"),
                                           .best_practice = json_get(j, k, "extension") != 0});
}

/* Does the text begin with `a` or `b`? */
static bool begins(struct slice text, const char *a, const char *b)
{
    return slice_starts(text, a) || slice_starts(text, b);
}

/* Is one of the element's mappings to "who, what, when, where, why" that of the subject? */
static bool says_subject(struct model *m, const struct json *j, uint32_t at)
{
    uint32_t list = json_get(j, at, "mapping");
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k))
        if (json_is(j, json_get(j, k, "identity"), "w5") &&
            slice_starts(slice_of(text_at(m, j, k, "map")), "FiveWs.subject"))
            return true;
    return false;
}

/* The binding's extension that names a value set which holds whatever the strength is. */
static bool has_maximum(struct model *m, const struct json *j, uint32_t binding, const char *valueset)
{
    uint32_t list = binding ? json_get(j, binding, "extension") : 0;
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k))
        if (!strcmp(text_at(m, j, k, "url"), "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet") &&
            !strcmp(text_at(m, j, k, "valueCanonical"), valueset))
            return true;
    return false;
}

/* Does one of the element's types have the profile? */
static bool has_profile(const struct json *j, uint32_t at, const char *profile)
{
    uint32_t list = json_get(j, at, "type");
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t profiles = json_get(j, k, "profile");
        for (uint32_t i = profiles ? json_first(j, profiles) : 0; profiles && i != json_end(j, profiles);
             i = json_next(j, i))
            if (json_is(j, i, profile))
                return true;
    }
    return false;
}

static void add_element(struct model *m, struct element el)
{
    m->element = list_room(m->arena, m->element, m->elements, sizeof el);
    m->element[m->elements++] = el;
}

static void read_element(struct model *m, const struct json *j, uint32_t at, unsigned definition)
{
    uint32_t binding = json_get(j, at, "binding"), min = json_get(j, at, "min");
    struct element el = {.definition = definition, .binding = "", .valueset = ""};
    el.path = text_at(m, j, at, "path");
    el.max = text_at(m, j, at, "max");
    int64_t least = 0;
    if (min && !slice_int(json_raw(j, min), 0, INT32_MAX, &least))
        die("an element whose min is no number");
    el.min = (unsigned)least;
    el.types = json_get(j, at, "contentReference") ? text_at(m, j, at, "contentReference") : types_of(m, j, at);
    if (binding) {
        el.binding = text_at(m, j, binding, "strength");
        struct slice url = slice_of(text_at(m, j, binding, "valueSet"));
        el.valueset = copy(m->arena, slice_cut(&url, '|'));
    }
    el.absolute = !strcmp(el.types, "uri") &&
                  begins(slice_of(text_at(m, j, at, "definition")), "An absolute URI", "The Absolute URL");
    el.subject = strstr(el.types, "Reference(") && strstr(el.types, "Patient") && says_subject(m, j, at);
    el.simple = has_profile(j, at, "http://hl7.org/fhir/StructureDefinition/SimpleQuantity");
    el.language = has_maximum(m, j, binding, "http://hl7.org/fhir/ValueSet/all-languages");
    read_constraints(m, j, at, &el);
    add_element(m, el);
}

static void read_definition(struct model *m, const struct json *j, uint32_t sd)
{
    const char *kind = text_at(m, j, sd, "kind");
    if (!strcmp(kind, "logical") || !strcmp(text_at(m, j, sd, "derivation"), "constraint"))
        return; /* MetadataResource is no type of R4; SimpleQuantity and MoneyQuantity are profiles */
    struct definition d = {.name = text_at(m, j, sd, "name")};
    uint32_t abstract = json_get(j, sd, "abstract");
    d.kind = !strcmp(kind, "primitive-type")       ? KIND_PRIMITIVE
             : !strcmp(kind, "complex-type")       ? KIND_COMPLEX
             : json_kind(j, abstract) == JSON_TRUE ? KIND_ABSTRACT
                                                   : KIND_RESOURCE;
    m->definition = list_room(m->arena, m->definition, m->definitions, sizeof d);
    m->definition[m->definitions++] = d;
    uint32_t list = json_get(j, json_get(j, sd, "snapshot"), "element");
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k))
        read_element(m, j, k, (unsigned)m->definitions - 1);
}

static void read_profiles(struct model *m, const char *folder, const char *name)
{
    struct json j = read_json(m->arena, folder, name);
    uint32_t list = json_get(&j, 0, "entry");
    for (uint32_t k = json_first(&j, list); k != json_end(&j, list); k = json_next(&j, k)) {
        uint32_t r = json_get(&j, k, "resource");
        if (json_is(&j, json_get(&j, r, "resourceType"), "StructureDefinition"))
            read_definition(m, &j, r);
    }
}

/* --- back to R4 --- */

static bool below(const char *path, const char *top)
{
    size_t n = strlen(top);
    return !strncmp(path, top, n) && (path[n] == '\0' || path[n] == '.');
}

static struct element *element_at(struct model *m, const char *path)
{
    for (size_t i = 0; i < m->elements; i++)
        if (!m->element[i].dropped && !strcmp(m->element[i].path, path))
            return &m->element[i];
    die("r4.def: the definitions have no %s", path);
}

static void drop(struct model *m, const char *path)
{
    element_at(m, path);
    for (size_t i = 0; i < m->elements; i++)
        m->element[i].dropped |= below(m->element[i].path, path);
    for (size_t i = 0; i < m->definitions; i++)
        m->definition[i].dropped |= !strcmp(m->definition[i].name, path);
}

static void add(struct model *m, const char *path, unsigned min, const char *max, const char *types, const char *values)
{
    const char *parent = copy(m->arena, (struct slice){path, (size_t)(strrchr(path, '.') - path)});
    for (size_t i = 0; i < m->elements; i++)
        if (!m->element[i].dropped && !strcmp(m->element[i].path, path))
            die("r4.def: the definitions have %s already", path);
    struct element el = {.path = path,
                         .max = max,
                         .types = types,
                         .binding = *values ? "required" : "",
                         .valueset = values,
                         .min = min,
                         .definition = element_at(m, parent)->definition};
    add_constraint(m, &el, (struct constraint){.key = "ele-1", .expression = m->constraint[0].expression});
    add_element(m, el);
}

/* Another expression for the invariant of an element; "": it is no invariant of R4. */
static void invariant(struct model *m, const char *path, const char *key, const char *expression)
{
    struct element *el = element_at(m, path);
    size_t i = 0;
    while (i < el->constraints && strcmp(m->constraint[el->constraint[i]].key, key) != 0)
        i++;
    if (i == el->constraints || !strcmp(m->constraint[el->constraint[i]].expression, expression))
        die("r4.def: the row of %s at %s changes nothing", key, path);
    if (*expression) {
        struct constraint c = m->constraint[el->constraint[i]];
        c.expression = expression;
        el->constraint[i] = constraint_at(m, c);
    } else {
        el->constraint[i] = el->constraint[--el->constraints];
    }
}

static void set(const char **column, const char *path, const char *value)
{
    if (!strcmp(*column, value))
        die("r4.def: the row of %s changes nothing", path);
    *column = value;
}

static void set_flag(bool *flag, const char *path, bool value)
{
    if (*flag == value)
        die("r4.def: the row of %s changes nothing", path);
    *flag = value;
}

static void set_min(struct model *m, const char *path, unsigned min)
{
    if (element_at(m, path)->min == min)
        die("r4.def: the row of %s changes nothing", path);
    element_at(m, path)->min = min;
}

/* Those that no element has any more. */
static void drop_constraints(struct model *m)
{
    unsigned *now = arena_take(m->arena, m->constraints * sizeof *now), n = 0;
    if (!now)
        die("out of memory");
    for (size_t i = 0; i < m->elements; i++)
        for (size_t k = 0; k < m->element[i].constraints; k++)
            now[m->element[i].constraint[k]] = 1;
    for (size_t i = 0; i < m->constraints; i++)
        if (now[i]) {
            m->constraint[n] = m->constraint[i];
            now[i] = n++;
        }
    m->constraints = n;
    for (size_t i = 0; i < m->elements; i++)
        for (size_t k = 0; k < m->element[i].constraints; k++)
            m->element[i].constraint[k] = now[m->element[i].constraint[k]];
}

static void back_to_r4(struct model *m)
{
#define DROP(path)                         drop(m, path);
#define ADD(path, min, max, types, values) add(m, path, min, max, types, values);
#define MIN(path, value)                   set_min(m, path, value);
#define TYPES(path, value)                 set(&element_at(m, path)->types, path, value);
#define VALUES(path, value)                set(&element_at(m, path)->valueset, path, value);
#define INVARIANT(path, key, expression)   invariant(m, path, key, expression);
#define ABSOLUTE(path)                     set_flag(&element_at(m, path)->absolute, path, true);
#define NO_SUBJECT(path)                   set_flag(&element_at(m, path)->subject, path, false);
#include "r4.def"
    size_t n = 0;
    for (size_t i = 0; i < m->elements; i++)
        if (!m->element[i].dropped)
            m->element[n++] = m->element[i];
    m->elements = n;
    drop_constraints(m);
}

static void must(const char *what, size_t found, size_t want)
{
    if (found != want)
        die("these are not the definitions of R4 4.0.1: %zu %s, expected %zu", found, what, want);
}

static size_t distinct_expressions(const struct model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->constraints; i++) {
        size_t k = 0;
        while (k < i && strcmp(m->constraint[k].expression, m->constraint[i].expression) != 0)
            k++;
        n += k == i;
    }
    return n;
}

static void check_counts(const struct model *m)
{
    size_t resources = 0, complex = 0, primitive = 0, choice = 0, reference = 0, required = 0, placed = 0;
    for (size_t i = 0; i < m->definitions; i++) {
        const struct definition *d = &m->definition[i];
        resources += d->kind == KIND_RESOURCE && !d->dropped;
        complex += d->kind == KIND_COMPLEX;
        primitive += d->kind == KIND_PRIMITIVE;
    }
    for (size_t i = 0; i < m->elements; i++) {
        const struct element *el = &m->element[i];
        choice += strstr(el->path, "[x]") != NULL;
        reference += el->types[0] == '#';
        required += !strcmp(el->binding, "required");
        placed += el->constraints;
    }
    must("concrete resource types", resources, 146);
    must("complex types", complex, 41);
    must("primitive types", primitive, 20);
    must("elements", m->elements, 7675);
    must("choice elements", choice, 186);
    must("content references", reference, 55);
    must("required bindings", required, 366);
    must("value sets of required bindings", m->valuesets, 224);
    must("invariants", m->constraints, 239);
    must("expressions of invariants", distinct_expressions(m), 195);
    must("places of invariants", placed, 8924);
}

/* --- value sets --- */

static void add_code(struct model *m, struct valueset *v, const char *system, const char *code)
{
    for (size_t i = 0; i < v->codes; i++)
        if (!strcmp(v->code[i].code, code) && !strcmp(v->code[i].system, system))
            return;
    v->code = list_room(m->arena, v->code, v->codes, sizeof *v->code);
    v->code[v->codes++] = (struct code){system, code};
}

static void add_concepts(struct model *m, struct valueset *v, const struct json *j, uint32_t list, const char *system)
{
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        add_code(m, v, system, text_at(m, j, k, "code"));
        uint32_t inner = json_get(j, k, "concept");
        if (inner)
            add_concepts(m, v, j, inner, system);
    }
}

/* The resource of this type and url in the Bundle, or 0. */
static uint32_t find_in(const struct json *j, const char *type, const char *url)
{
    uint32_t list = json_get(j, 0, "entry");
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        uint32_t r = json_get(j, k, "resource");
        if (json_is(j, json_get(j, r, "resourceType"), type) && json_is(j, json_get(j, r, "url"), url))
            return r;
    }
    return 0;
}

/* The same in the two files that hold terminology. *ret_in is the one it was found in. */
static uint32_t find(const struct json file[2], const char *type, const char *url, const struct json **ret_in)
{
    uint32_t r = find_in(&file[0], type, url);
    *ret_in = r ? &file[0] : &file[1];
    return r ? r : find_in(&file[1], type, url);
}

static void expand(struct model *m, struct valueset *v, const struct json file[2])
{
    const struct json *j, *in;
    uint32_t vs = find(file, "ValueSet", v->url, &j);
    uint32_t list = vs ? json_get(j, json_get(j, vs, "compose"), "include") : 0;
    v->open = !list;
    if (list && json_get(j, json_get(j, vs, "compose"), "exclude"))
        die("%s excludes codes, which is not understood", v->url);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        const char *system = text_at(m, j, k, "system");
        uint32_t concepts = json_get(j, k, "concept"), cs = find(file, "CodeSystem", system, &in);
        if (json_get(j, k, "filter") || json_get(j, k, "valueSet"))
            die("%s filters or imports, which is not understood", v->url);
        uint32_t all = !concepts && cs ? json_get(in, cs, "concept") : 0;
        if (concepts || all)
            add_concepts(m, v, concepts ? j : in, concepts ? concepts : all, system);
        else
            v->open = true;
    }
}

static void read_valuesets(struct model *m, const char *folder)
{
    const struct json file[2] = {read_json(m->arena, folder, "valuesets.json"),
                                 read_json(m->arena, folder, "v3-codesystems.json")};
    for (size_t i = 0; i < m->elements; i++) {
        const struct element *el = &m->element[i];
        size_t k = 0;
        if (strcmp(el->binding, "required") != 0)
            continue;
        while (k < m->valuesets && strcmp(m->valueset[k].url, el->valueset) != 0)
            k++;
        if (k < m->valuesets)
            continue;
        m->valueset = list_room(m->arena, m->valueset, k, sizeof *m->valueset);
        m->valueset[m->valuesets++] = (struct valueset){.url = el->valueset};
        expand(m, &m->valueset[k], file);
    }
}

/* Systems that change with FHIR itself and are whole in its definitions: a code that is not there does not exist. */
static void read_systems(struct model *m, const char *folder)
{
    struct json j = read_json(m->arena, folder, "valuesets.json");
    uint32_t list = json_get(&j, 0, "entry");
    for (uint32_t k = json_first(&j, list); k != json_end(&j, list); k = json_next(&j, k)) {
        uint32_t r = json_get(&j, k, "resource"), concepts = json_get(&j, r, "concept");
        const char *url = text_at(m, &j, r, "url");
        if (!json_is(&j, json_get(&j, r, "resourceType"), "CodeSystem") || !concepts ||
            !json_is(&j, json_get(&j, r, "content"), "complete") || strncmp(url, "http://hl7.org/fhir/", 20) ||
            strchr(url + 20, '/'))
            continue;
        m->valueset = list_room(m->arena, m->valueset, m->valuesets, sizeof *m->valueset);
        struct valueset *v = &m->valueset[m->valuesets++];
        *v = (struct valueset){.url = url};
        add_concepts(m, v, &j, concepts, "");
        m->systems++;
    }
}

static void read_searches(struct model *m, const char *folder)
{
    struct json j = read_json(m->arena, folder, "search-parameters.json");
    uint32_t list = json_get(&j, 0, "entry");
    for (uint32_t k = json_first(&j, list); k != json_end(&j, list); k = json_next(&j, k)) {
        uint32_t r = json_get(&j, k, "resource"), bases = json_get(&j, r, "base");
        struct buf b = buf_in(m->arena, 1 << 16);
        for (uint32_t i = json_first(&j, bases); i != json_end(&j, bases); i = json_next(&j, i))
            buf_printf(&b, "%s%s", b.n ? "," : "", copy(m->arena, json_text(&j, i, m->arena)));
        m->search = list_room(m->arena, m->search, m->searches, sizeof *m->search);
        m->search[m->searches++] = (struct search){
            .url = text_at(m, &j, r, "url"), .type = text_at(m, &j, r, "type"), .base = copy(m->arena, buf_text(&b))};
    }
}

static void elements_write(const struct model *m, FILE *out)
{
    fputs("path\tmin\tmax\ttypes\tbinding\tvalueset\n", out);
    for (size_t i = 0; i < m->elements; i++) {
        const struct element *el = &m->element[i];
        fprintf(out, "%s\t%u\t%s\t%s\t%s\t%s\n", el->path, el->min, el->max, el->types, el->binding, el->valueset);
    }
}

static void invariants_write(const struct model *m, FILE *out)
{
    fputs("key\tseverity\texpression\n", out);
    for (size_t i = 0; i < m->constraints; i++)
        fprintf(out, "%s\t%s\t%s\n", m->constraint[i].key, m->constraint[i].severity, m->constraint[i].expression);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage: gen_fhir DEFINITIONS OUT.c OUT.tsv INVARIANTS.tsv");
    OWN_ARENA struct arena *a = arena_new((size_t)1 << 30);
    if (!a)
        die("out of memory");
    struct model m = {.arena = a};
    read_profiles(&m, argv[1], "profiles-types.json");
    read_profiles(&m, argv[1], "profiles-resources.json");
    back_to_r4(&m);
    read_valuesets(&m, argv[1]);
    check_counts(&m);
    read_systems(&m, argv[1]);
    read_searches(&m, argv[1]);
    OWN_FILE FILE *c = fopen(argv[2], "w"), *tsv = fopen(argv[3], "w"), *invariants = fopen(argv[4], "w");
    if (!c || !tsv || !invariants)
        die("cannot write %s, %s or %s", argv[2], argv[3], argv[4]);
    tables_write(&m, c);
    elements_write(&m, tsv);
    invariants_write(&m, invariants);
    if (fflush(c) || ferror(c) || fflush(tsv) || ferror(tsv) || fflush(invariants) || ferror(invariants))
        die("cannot write %s, %s or %s", argv[2], argv[3], argv[4]);
    return 0;
}
