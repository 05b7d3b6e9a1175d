/* fhirpath_int.h -- the tree of an expression, and one run of it. For the files fhirpath_*.c alone. */
#ifndef FHIR_FHIRPATH_INT_H
#define FHIR_FHIRPATH_INT_H

#include "fhir/fhirpath.h"
#include "fhir/tables_int.h"

/* --- the tree --- */

enum fp_op {
    FP_NONE,
    FP_LITERAL,  /* data: index of the item */
    FP_EMPTY,    /* {} */
    FP_THIS,     /* $this */
    FP_INDEX,    /* $index */
    FP_TOTAL,    /* $total */
    FP_VARIABLE, /* data: enum fp_variable */
    FP_STEP,     /* a.name; data: index of the step */
    FP_CALL,     /* a.fn(b, b.next, ...) */
    FP_AT,       /* a[b] */
    FP_NEGATE,   /* -a */
    FP_PLUS,     /* +a */
    FP_IS,       /* a is T; data: index of the type */
    FP_AS,
    FP_OR,
    FP_XOR,
    FP_AND,
    FP_IMPLIES,
    FP_IN,
    FP_CONTAINS,
    FP_EQ,
    FP_NE,
    FP_EQUIV,
    FP_NOT_EQUIV,
    FP_LT,
    FP_LE,
    FP_GT,
    FP_GE,
    FP_UNION,
    FP_ADD,
    FP_SUB,
    FP_CAT,
    FP_MUL,
    FP_DIVIDE,
    FP_DIV,
    FP_MOD
};

enum fp_variable { FP_VAR_RESOURCE, FP_VAR_ROOT, FP_VAR_CONTEXT };

enum fp_fn {
#define FN(id, name, least, most, function) FN_##id,
#include "fhir/fhirpath_functions.def"
#undef FN
    FP_FUNCTIONS
};

struct fp_node {
    uint8_t op, fn, depth, args;
    uint32_t off;  /* in the expression */
    uint32_t a, b; /* nodes; 0: none. A step or call without a: of $this */
    uint32_t next; /* the next argument of a call */
    uint32_t data;
};

/* A name, found in the document by the hash the tape holds for every key. */
struct fp_step {
    struct slice name;
    uint16_t hash, extra; /* of name and of "_name" */
    bool choice;          /* some type has name[x] */
    bool first;           /* the path begins with it: it may be the name of a type */
    uint32_t type;        /* then: index of the type, 0: it is none */
};

enum fp_family { FP_PRIMITIVE, FP_SHAPE, FP_RESOURCE, FP_DOMAIN_RESOURCE, FP_SYSTEM, FP_QUANTITY_TYPE, FP_NOTHING };
/* What `is` compares with. FP_QUANTITY_TYPE is the unqualified Quantity, which is FHIR's and System's. */
struct fp_type {
    uint8_t family;
    uint8_t primitive; /* FP_PRIMITIVE: enum fhir_type; FP_SYSTEM: enum fhirpath_kind */
    uint16_t shape;
};

struct regex;
struct fhirpath {
    struct slice text;
    unsigned flags;
    const struct fp_node *node; /* node 0 is none */
    const struct fp_step *step;
    const struct fp_type *type; /* type 0 is none */
    const struct fhirpath_item *literal;
    struct regex *const *regex; /* regex 0 is none */
    uint32_t root;
};

/* --- types (fhirpath_type.c) --- */

/* `space` is "FHIR", "System" or empty. 0: there is no such type. */
int fp_type_find(struct slice space, struct slice name, struct fp_type *ret);
/* Is the item of that type, or (unless exact) of one derived from it? */
bool fp_type_is(const struct fhirpath_item *x, const struct fp_type *t, bool exact);
/* The item of the value at `node`, of the resource there; false: it is none. */
bool fp_resource_item(const struct json *j, uint32_t node, struct fhirpath_item *ret);
bool fp_shape_is_resource(uint16_t shape);
/* Is it FHIR's Quantity, or a type derived from it? */
bool fp_shape_is_quantity(uint16_t shape);
/* Does the shape have an element of this name? A choice has its own in paths, not that of its types as in JSON. */
bool fp_shape_has(uint16_t shape, struct slice name);
/* Does some type have an element name[x]? */
bool fp_name_is_choice(struct slice name);

/* --- a run (fhirpath_eval.c) --- */

struct fp_list {
    struct fhirpath_item *p;
    uint32_t n, cap;
    struct fhirpath_item own[2]; /* most results have one item */
};

/* What a run over an object without properties has asked it for. The same expression answers the same on any object of
 * its type that lacks these names, however much else it has; unless it was asked for more than names (opaque). */
struct fp_probe {
    bool opaque;
    unsigned names;
    struct slice name[32];
};

struct fp_run {
    const struct fhirpath *x;
    const struct fhirpath_scope *s;
    const struct json *j;
    struct arena *arena;
    struct fhirpath_item self; /* $this */
    int64_t index;             /* $index; -1: not in a loop */
    const struct fp_list *total;
    int64_t steps; /* that are left */
    struct fhirpath_fault *fault;
    struct fp_probe *probe; /* NULL but while invariants are prepared */
};

enum { FP_ALL = UINT32_MAX }; /* how many items are wanted: all */
/* Three-valued logic; FP_FAILED goes up. */
enum { FP_FAILED = -1, FP_FALSE, FP_TRUE, FP_UNKNOWN };

static inline void fp_list_init(struct fp_list *l)
{
    l->p = l->own;
    l->n = 0;
    l->cap = 2;
}
/* All of these: 0, or -1 with the fault told. */
int fp_push(struct fp_run *r, struct fp_list *l, struct fhirpath_item x);
int fp_push_text(struct fp_run *r, struct fp_list *l, enum fhirpath_kind kind, struct slice text);
int fp_push_number(struct fp_run *r, struct fp_list *l, int64_t v);
int fp_push_bool(struct fp_run *r, struct fp_list *l, int truth); /* FP_UNKNOWN: nothing */
int fp_fail(struct fp_run *r, uint32_t off, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int fp_no_memory(struct fp_run *r);
int fp_out_of_steps(struct fp_run *r);
static inline int fp_tick(struct fp_run *r, size_t n)
{
    r->steps -= (int64_t)n;
    return r->steps < 0 ? fp_out_of_steps(r) : 0;
}
void *fp_take(struct fp_run *r, size_t n); /* NULL and the fault told */

/* The truth of a whole expression for s->context. *steps: that are left. FP_FAILED: *fault says why; its text is empty
 * when memory is out. */
int fp_check(const struct fhirpath *x, const struct fhirpath_scope *s, struct arena *a, int64_t *steps,
             struct fp_probe *probe, struct fhirpath_fault *fault);
static inline void fp_opaque(struct fp_run *r)
{
    if (r->probe)
        r->probe->opaque = true;
}

/* The items of node `at` (0: $this), at least `want` of them if there are so many. */
int fp_eval(struct fp_run *r, uint32_t at, uint32_t want, struct fp_list *out);
/* The truth of a node's single item. */
int fp_truth(struct fp_run *r, uint32_t at);
int fp_truth_of(struct fp_run *r, uint32_t off, const struct fp_list *l);
/* As $this, $index: the truth or items of `at` for one item. */
int fp_truth_for(struct fp_run *r, uint32_t at, const struct fhirpath_item *self, int64_t index);
int fp_eval_for(struct fp_run *r, uint32_t at, const struct fhirpath_item *self, int64_t index, uint32_t want,
                struct fp_list *out);
/* All children, in the order of the document. */
int fp_children(struct fp_run *r, const struct fhirpath_item *x, struct fp_list *out);
int fp_child(struct fp_run *r, const struct fhirpath_item *x, const struct fp_step *s, uint32_t want,
             struct fp_list *out);
/* The item as a value of System: 1, 0 when it has none (an object, a primitive without value), -1. */
int fp_system(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret);
/* The same for the value of a node that has at most one; more is an error. */
int fp_single(struct fp_run *r, uint32_t at, uint32_t off, struct fhirpath_item *ret);
int fp_single_text(struct fp_run *r, uint32_t at, uint32_t off, struct slice *ret);
int fp_single_number(struct fp_run *r, uint32_t at, uint32_t off, int64_t *ret);
int fp_call(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out);
static inline const struct fp_node *fp_node(const struct fp_run *r, uint32_t at)
{
    return &r->x->node[at];
}

/* --- comparing (fhirpath_equal.c) --- */

int fp_equal(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y);
int fp_equivalent(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y);
int fp_lists_equal(struct fp_run *r, const struct fp_list *x, const struct fp_list *y);
int fp_lists_equivalent(struct fp_run *r, const struct fp_list *x, const struct fp_list *y);
/* FP_TRUE and *ret < 0, 0, > 0; FP_UNKNOWN: cannot be said; FP_FAILED: they have no order. */
int fp_order(struct fp_run *r, uint32_t off, const struct fhirpath_item *x, const struct fhirpath_item *y, int *ret);
int fp_has(struct fp_run *r, const struct fp_list *l, const struct fhirpath_item *x); /* 1, 0, -1 */
/* The items of `in` that differ from all before them, into `out`. `stop`: end at the first that does not; *ret_same. */
int fp_distinct(struct fp_run *r, const struct fp_list *in, struct fp_list *out, bool *ret_same);

/* --- arithmetic (fhirpath_math.c) --- */

int fp_arithmetic(struct fp_run *r, const struct fp_node *n, struct fp_list *out);
int fp_negate(struct fp_run *r, const struct fp_node *n, struct fp_list *out);

#endif
