/* invariant.c -- the invariants of R4's definitions, as FHIRPath over the tape.
 *
 * All 195 expressions are compiled once. Most of them hold for whatever lacks a few names: "a.empty() or b.exists()"
 * for every object without an a. So each is run once, when it is compiled, on an object without properties, and the
 * names that it asks for are noted (struct fp_probe): where it holds there, it holds on every object that lacks those
 * names, for it would ask the same questions and get the same answers. A validation then runs only what a property of
 * the document wakes, and what does not hold on an empty object. An expression that looks at more than names ($this as
 * a value, children(), %resource) is always run.
 *
 * Judged elsewhere: ele-1 (validate.c, for every element), txt-1 and txt-2 (the narrative's own check). dom-3, every
 * contained resource must be referred to, is written out below: its expression goes through all of the resource four
 * times for each contained one, while validation comes by every value once anyway. A test holds both against each
 * other. */
#include <pthread.h>

#include "base/own.h"
#include "fhir/check_int.h"
#include "fhir/fhirpath_int.h"

enum { COMPILED_MAX = 1 << 24, BLAMED = 64 };

static struct slice pooled(uint32_t at, uint32_t len)
{
    return (struct slice){fhir_pool + at, len};
}

/* --- compiling --- */

struct making {
    struct arena *arena;
    uint32_t *always, *wakes;
    const struct fhirpath **compiled;
};

static bool judged_here(const struct fhir_invariant *v)
{
    struct slice key = pooled(v->key, v->key_len);
    return !slice_is(key, "ele-1") && !slice_is(key, "txt-1") && !slice_is(key, "txt-2");
}

/* Three expressions of R4 do not say what their sentences do, and are asked as later editions of FHIR write them: tim-9
 * fails on several `when`, que-7 asks for System's Boolean where the answer is FHIR's, que-12 lets two conditions be.
 */
static struct slice repaired(const struct fhir_invariant *v)
{
    struct slice key = pooled(v->key, v->key_len);
    if (slice_is(key, "tim-9"))
        return SLICE(
            "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())");
    if (slice_is(key, "que-7"))
        return SLICE("operator = 'exists' implies (answer is FHIR.boolean)");
    if (slice_is(key, "que-12"))
        return SLICE("enableWhen.count() > 1 implies enableBehavior.exists()");
    return pooled(v->expression, v->expression_len);
}

static int compile_all(struct making *m)
{
    for (unsigned i = 0; i < fhir_invariant_count; i++) {
        const struct fhir_invariant *v = &fhir_invariants[i];
        struct fhirpath_fault fault;
        unsigned k = 0;
        if (!judged_here(v))
            continue;
        while (k < i && (fhir_invariants[k].expression != v->expression || !m->compiled[k]))
            k++;
        if (k < i)
            m->compiled[i] = m->compiled[k];
        else if (fhirpath_compile(repaired(v), FHIRPATH_FILTER, m->arena, &m->compiled[i], &fault))
            return -1; /* a test compiles them all, so this is memory */
    }
    return 0;
}

/* The properties of the shape that stand for an element of this name. */
static void wake_by(struct making *m, const struct fhir_shape *s, struct slice name, uint32_t bit)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct fhir_prop *p = &fhir_props[s->props + i];
        if (slice_eq(pooled(p->name, p->stem ? p->stem : p->len), name))
            m->wakes[s->props + i] |= bit;
    }
}

/* One invariant of a shape, asked of an object without properties. */
static void prepare(struct making *m, struct arena *scratch, uint16_t shape, unsigned i)
{
    static const struct json_node empty = {.kind = JSON_OBJECT, .len = 0, .next = 1};
    static const struct json j = {.text = "{}", .size = 2, .node = &empty, .count = 1};
    const struct fhir_shape *s = &fhir_shapes[shape];
    const struct fhirpath *x = m->compiled[fhir_rules[s->rule + i]];
    struct fhirpath_scope scope = {.json = &j};
    struct fp_probe probe = {.names = 0};
    struct fhirpath_fault fault;
    int64_t steps = FHIRPATH_STEPS;
    if (!x)
        return;
    scope.context = (struct fhirpath_item){.kind = FHIRPATH_NODE, .type = FHIR_OBJECT, .shape = shape};
    scope.resource = scope.root = scope.context;
    int t = fp_check(x, &scope, scratch, &steps, &probe, &fault);
    if (probe.opaque || t == FP_FALSE || t == FP_FAILED)
        m->always[shape] |= 1u << i;
    else
        for (unsigned k = 0; k < probe.names; k++)
            wake_by(m, s, probe.name[k], 1u << i);
}

static const struct invariants *make(void)
{
    OWN_ARENA struct arena *a = arena_new(COMPILED_MAX), *scratch = arena_new(COMPILED_MAX);
    struct invariants *all = a ? TAKE_NEW(a, struct invariants) : NULL;
    if (!all || !scratch)
        return NULL;
    struct making m = {.arena = a,
                       .always = arena_take(a, fhir_shape_count * sizeof *m.always),
                       .wakes = arena_take(a, fhir_prop_count * sizeof *m.wakes),
                       .compiled = arena_take(a, fhir_invariant_count * sizeof *m.compiled)};
    if (!m.always || !m.wakes || !m.compiled || compile_all(&m))
        return NULL;
    for (uint16_t shape = 0; shape < fhir_shape_count; shape++)
        for (unsigned i = 0; i < fhir_shapes[shape].rules; i++)
            prepare(&m, scratch, shape, i);
    if (arena_failed(scratch))
        return NULL;
    *all = (struct invariants){TAKE(a), m.always, m.wakes, 0, m.compiled}; /* for the life of the process */
    while (!slice_is(pooled(fhir_invariants[all->contained].key, fhir_invariants[all->contained].key_len), "dom-3"))
        all->contained++;
    return all;
}

const struct invariants *invariants_ready(void)
{
    static const struct invariants *ready;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const struct invariants *all = __atomic_load_n(&ready, __ATOMIC_ACQUIRE);
    if (all)
        return all;
    pthread_mutex_lock(&lock);
    if (!ready)
        __atomic_store_n(&ready, make(), __ATOMIC_RELEASE); /* NULL when memory is out: tried again the next time */
    all = ready;
    pthread_mutex_unlock(&lock);
    return all;
}

/* --- asking --- */

static void report_at(struct check *c, const struct frame *f, size_t off, const struct fhir_invariant *v,
                      const struct fhirpath_fault *fault)
{
    struct slice key = pooled(v->key, v->key_len), human = pooled(v->human, v->human_len);
    enum fhir_severity severity = v->warning ? FHIR_WARNING : FHIR_ERROR;
    if (!fault)
        issue_add(c, severity, "invariant", f, off, "invariant %.*s does not hold, expected: %.*s", SLICE_FMT(key),
                  SLICE_FMT(human));
    else if (c->steps < 0)
        issue_add(c, FHIR_ERROR, "too-costly", f, off,
                  "invariant %.*s needs more steps than a document of this size may take", SLICE_FMT(key));
    else /* of a document that is else in order, this is the expression's fault */
        issue_add(c, FHIR_WARNING, "invariant", f, off, "invariant %.*s cannot be judged: %s", SLICE_FMT(key),
                  fault->text);
}

static const char *blamed(struct slice key)
{
    static const struct {
        const char *key, *what;
    } row[] = {
#define BLAME(key, what) {key, what},
#include "fhir/blame.def"
#undef BLAME
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (slice_is(key, row[i].key))
            return row[i].what;
    return NULL;
}

/* The first item of what breaks an invariant, as a node; 0: none, or it cannot be told within the steps that are left.
 */
static uint32_t breaking(struct check *c, const struct fhir_invariant *v)
{
    struct slice key = pooled(v->key, v->key_len);
    const char *what = blamed(key);
    const struct fhirpath *x;
    const struct fhirpath_item *item;
    struct fhirpath_fault fault;
    struct fhirpath_scope scope = c->scope;
    size_t n;
    if (slice_is(key, "bdl-7"))
        return c->bundle ? bundle_repeated(c) : 0;
    if (!what || c->steps <= 0 || c->blamed++ >= BLAMED)
        return 0;
    struct arena_mark before = arena_mark(c->arena);
    uint32_t found = 0;
    scope.steps = (uint64_t)c->steps;
    if (fhirpath_compile(slice_of(what), FHIRPATH_FILTER, c->arena, &x, &fault) == 0 &&
        fhirpath_run(x, &scope, c->arena, &item, &n, &fault) == 0 && n && item[0].kind == FHIRPATH_NODE)
        found = item[0].node.value;
    arena_rewind(c->arena, before);
    return found;
}

/* At `node`, which is somewhere below the value at `up`. */
static void report_below(struct check *c, const struct frame *up, uint32_t at, uint32_t node,
                         const struct fhir_invariant *v)
{
    const struct json *j = c->j;
    struct frame f = *up;
    if (at == node) {
        report_at(c, up, check_off(c, node), v, NULL);
        return;
    }
    uint32_t k = json_first(j, at);
    for (f.index = 0; k != json_end(j, at) && json_next(j, k) <= node; f.index++)
        k = json_next(j, k);
    if (k == json_end(j, at))
        return;
    if (json_kind(j, at) == JSON_ARRAY) {
        report_below(c, &f, k, node, v);
    } else {
        struct slice name = json_raw(j, k);
        struct frame inner = {up, name.p, (uint32_t)name.n, -1};
        report_below(c, name_plain(name) ? &inner : up, json_value(k), node, v);
    }
}

static void report(struct check *c, const struct frame *f, size_t off, const struct fhir_invariant *v,
                   const struct fhirpath_fault *fault)
{
    uint32_t node = fault || c->kept >= c->max ? 0 : breaking(c, v), context = c->scope.context.node.value;
    if (node > context && node < json_end(c->j, context))
        report_below(c, f, context, node, v);
    else
        report_at(c, f, off, v, fault);
}

/* --- dom-3 --- */

/* What the expression looks at: elements called reference, and all canonical, uri and url. */
void invariants_note_local(struct check *c, const struct fhir_prop *p, uint32_t node)
{
    bool by_type = p->type == FHIR_CANONICAL || p->type == FHIR_URI || p->type == FHIR_URL;
    bool by_name = slice_is(pooled(p->name, p->len), "reference");
    bool alone = c->j->node[node].len == 1; /* "#", for which R4's expression does not ask uri and url */
    if (!by_name && (!by_type || (alone && p->type != FHIR_CANONICAL)))
        return;
    if ((c->locals & (c->locals - 1)) == 0) { /* room is made at powers of two */
        size_t n = c->locals ? c->locals : 0, cap = n ? 2 * n : 1;
        uint32_t *more = arena_grow(c->arena, c->local, n * sizeof *more, cap * sizeof *more);
        c->failed |= !more;
        if (!more)
            return;
        c->local = more;
    }
    c->local[c->locals++] = node;
}

/* Does a value of the resource lead to "#" and this id, or one inside the contained resource to "#" alone? */
static bool is_referred_to(struct check *c, uint32_t contained, struct slice id)
{
    const struct json *j = c->j;
    for (size_t i = c->locals_before; i < c->locals; i++) {
        uint32_t node = c->local[i];
        struct slice s = json_text(j, node, c->arena);
        bool inside = node > contained && node < j->node[contained].next;
        if (!s.p || (s.n == 1 ? inside : s.n == id.n + 1 && memcmp(s.p + 1, id.p, id.n) == 0))
            return true;
    }
    return false;
}

/* False, and in *ret_first the first that is not. A contained resource without id is none that this invariant can say
 * something about. */
static bool contained_are_referred_to(struct check *c, uint32_t resource, uint32_t *ret_first)
{
    const struct json *j = c->j;
    uint32_t list = json_get_kind(j, resource, "contained", JSON_ARRAY);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t id = json_get_kind(j, k, "id", JSON_STRING);
        struct fhirpath_item item;
        c->steps -= (int64_t)(c->locals - c->locals_before);
        if (id && c->steps >= 0 && fp_resource_item(j, k, &item) && !is_referred_to(c, k, json_raw(j, id)))
            return *ret_first = k, false;
    }
    return true;
}

static void check_one(struct check *c, const struct frame *f, size_t off, unsigned invariant)
{
    const struct fhirpath *x = c->invariants->compiled[invariant];
    struct fhirpath_fault fault;
    if (!x || c->steps < 0) /* once a document was too costly, nothing more is asked of it */
        return;
    if (fhir_invariants[invariant].best_practice && !c->best_practice)
        return;
    struct arena_mark before = arena_mark(c->arena);
    if (invariant == c->invariants->contained) {
        uint32_t resource = c->scope.context.node.value, first;
        bool holds = contained_are_referred_to(c, resource, &first);
        arena_rewind(c->arena, before);
        if (!holds)
            report_below(c, f, resource, first, &fhir_invariants[invariant]);
        else if (c->steps < 0)
            report_at(c, f, off, &fhir_invariants[invariant], &(struct fhirpath_fault){.off = 0});
        return;
    }
    int t = fp_check(x, &c->scope, c->arena, &c->steps, NULL, &fault);
    arena_rewind(c->arena, before);
    if (t == FP_TRUE || t == FP_UNKNOWN) /* an invariant that answers nothing holds */
        return;
    if (t == FP_FAILED && !fault.text[0])
        c->failed = true;
    else
        report(c, f, off, &fhir_invariants[invariant], t == FP_FAILED ? &fault : NULL);
}

void invariants_check(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj, uint32_t due)
{
    c->scope.context = (struct fhirpath_item){
        .kind = FHIRPATH_NODE, .type = FHIR_OBJECT, .shape = (uint16_t)(s - fhir_shapes), .node = {.value = obj}};
    for (; due; due &= due - 1)
        check_one(c, f, check_off(c, obj), fhir_rules[s->rule + (unsigned)__builtin_ctz(due)]);
}

void invariants_check_place(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t value)
{
    const struct fhir_rules *row = &fhir_prop_rules[p->rules];
    c->scope.context =
        (struct fhirpath_item){.kind = FHIRPATH_NODE, .type = p->type, .shape = p->shape, .node = {.value = value}};
    for (unsigned i = 0; i < row->rules; i++)
        check_one(c, f, check_off(c, value), fhir_rules[row->rule + i]);
}
