/* check_int.h -- one validation under way: where it stands in the document, and what it has found. */
#ifndef FHIR_CHECK_INT_H
#define FHIR_CHECK_INT_H

#include "fhir/fhir.h"
#include "fhir/fhirpath.h"
#include "fhir/tables_int.h"

/* A step of the path from the root to the value being checked. On the C stack: a path costs nothing until it is
 * printed. */
struct frame {
    const struct frame *up; /* NULL: this is the root, named by its type */
    const char *name;
    uint32_t len;
    int32_t index; /* -1: not in an array */
};

struct found;
struct bundle;
struct names;

struct check {
    const struct json *j;
    struct arena *arena;
    struct found *found;
    size_t kept, max, cut, errors;
    char *scratch; /* unescaped text of one string, until the next */
    size_t scratch_size;
    bool failed; /* out of memory */
    const struct invariants *invariants;
    struct fhirpath_scope scope;  /* resource and root: those that hold the element being checked */
    int64_t steps;                /* that invariants may still take */
    uint32_t *local;              /* values that begin with "#" and may lead to a contained resource, in their order */
    size_t locals, locals_before; /* before: those of resources around the one being checked */
    struct bundle *bundle;        /* the innermost Bundle around what is being checked; NULL: none */
    struct names *anchors;        /* what links in narratives may lead to (words.c); NULL: not looked for yet */
    bool one_subject, best_practice;
    unsigned blamed; /* how often it was asked what breaks an invariant: at most BLAMED times */
};

/* An issue at byte `off` of the text. The format must bring in nothing from the document but names that name_plain()
 * let through. */
void issue_add(struct check *c, enum fhir_severity severity, const char *code, const struct frame *f, size_t off,
               const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Lines, columns and the order of the text: 0, or -1 when memory is out. */
int issue_report(struct check *c, struct fhir_report *ret);
/* Can a property name of the document be repeated in a message? Short, ASCII letters and digits only. */
bool name_plain(struct slice name);

/* The unescaped text of a string or key; until the next call. {NULL,0}: memory is out, c->failed is set. */
struct slice check_text(struct check *c, uint32_t node);
/* Where a value or key begins in the text, its quote included. */
static inline size_t check_off(const struct check *c, uint32_t node)
{
    const struct json_node *n = &c->j->node[node];
    return n->off - (n->kind == JSON_STRING || n->kind == JSON_KEY);
}

/* Required value sets, of a code and of a CodeableConcept or Coding. */
void binding_check_code(struct check *c, const struct frame *f, uint16_t binding, uint32_t node, struct slice code);
void binding_check_concept(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t node);
/* The code of a Coding whose system is one of FHIR's own. */
void binding_check_coding(struct check *c, const struct frame *f, uint32_t coding);

/* A Bundle: what its entries owe each other, and what references inside it lead to (bundle.c). The first is called
 * before its properties are gone through and gives the Bundle around it, which the second puts back. */
struct bundle *bundle_begin(struct check *c, uint32_t node);
void bundle_end(struct check *c, struct bundle *around);
/* Its links, and whether it has what its type begins with. */
void bundle_check(struct check *c, const struct frame *f, uint32_t node);
/* An entry, before and after. */
void bundle_entry_begin(struct check *c, uint32_t entry);
void bundle_entry_end(struct check *c, const struct frame *f, uint32_t entry);
/* The resource that a reference of the entry being checked leads to, as a node; 0: none in this Bundle. *ret_unclear
 * (may be NULL): it leads to several, where it may not. */
uint32_t bundle_find(struct check *c, struct slice reference, bool *ret_unclear);
bool bundle_is_transaction(const struct check *c);
/* The fullUrl that repeats that of an earlier entry, the version of the resource being the same; 0: none. */
uint32_t bundle_repeated(struct check *c);
/* A reference leads to nothing in the Bundle: may it? */
void bundle_missing(struct check *c, const struct frame *f, uint32_t node, struct slice reference);
/* One more resource is about the patient that `reference` leads to (`resource`: where to, 0: outside); under
 * one_subject it must be the same for all. */
void bundle_subject(struct check *c, const struct frame *f, uint32_t node, struct slice reference, uint32_t resource);

/* A Reference at the property p: may it lead where it leads? And a canonical. */
void reference_check(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t node);
void reference_check_canonical(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t node,
                               struct slice text);
/* Without "/_history/2" at its end. */
struct slice reference_unversioned(struct slice s);
/* "http://server/Patient/7/_history/2": the shape of the type, and in *ret_base what stands before it (n == 0:
 * relative); NULL: it does not end so. */
const struct fhir_shape *reference_type(struct slice text, struct slice *ret_base, struct slice *ret_id);

/* What single types ask in words (words.c): called when all of the object is judged. */
void words_check(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj);
/* The links of a narrative without fault, whose text may stand in c->scratch: those inside the document lead somewhere.
 */
void words_check_links(struct check *c, const struct frame *f, uint32_t node, struct slice text);
/* A SimpleQuantity has no comparator. */
void words_check_simple(struct check *c, const struct frame *f, uint32_t obj);
/* No two contained resources may have one id. */
void words_check_contained(struct check *c, const struct frame *f, uint32_t list);

/* R4's invariants, compiled once for the process. An object's are bits in the order of its shape's rows: `always` those
 * that fail on an object without properties, `wakes` those that only then may fail when it has the property. */
struct invariants {
    struct arena *arena;                    /* that holds them */
    const uint32_t *always;                 /* by shape */
    const uint32_t *wakes;                  /* by property */
    unsigned contained;                     /* dom-3: the one that is not run as an expression */
    const struct fhirpath *const *compiled; /* by invariant; NULL: it is judged elsewhere */
};
/* NULL: memory is out. */
const struct invariants *invariants_ready(void);
/* Takes note of a string that begins with "#". */
void invariants_note_local(struct check *c, const struct fhir_prop *p, uint32_t node);
/* Those that are due of one complete object, in the scope of c. */
void invariants_check(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj, uint32_t due);
/* Those of one element by its place (p->rules), for its value. */
void invariants_check_place(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t value);

#endif
