/* fhirpath.h -- FHIRPath (2.0, with what R4's test suite takes from 3.0) over a FHIR R4 document in JSON.
 *
 * An expression is compiled once into a tree that nobody changes any more, so any number of threads may run it at the
 * same time; a run reads the tape of base/json.h and copies nothing of it: strings are slices of the document. Decimals
 * are exact and keep their digits; only exp, ln, log and power by a fraction go through a double. Pure: no clock (the
 * scope says what `now` is), no network, no terminology, no state but read-only tables. Never blocks.
 *
 * Sources: HL7 FHIRPath N1 (2.0.0) and its continuous build for precision, boundaries, sort and string functions;
 * FHIR R4 2.9.1 (fhirpath.html) for %resource, extension(), hasValue(), resolve(), htmlChecks(), and memberOf() for
 * value sets of required bindings: of others nothing is known, and the answer is empty. Not there: subsumes,
 * elementDefinition, slice, checkModifiers. trace() lets its input through and writes nothing: what an expression sees
 * are patients' data.
 *
 * Bounds. An expression has at most FHIRPATH_LENGTH bytes and nests at most FHIRPATH_DEPTH deep; a run takes at most
 * scope.steps steps (0: FHIRPATH_STEPS), after which it fails. A step is one node of the tree visited, one key or item
 * of the document looked at, one comparison of two items, 16 bytes of text handled or one instruction of a regular
 * expression at one character; so work and memory of a run are bounded by that number whatever expression meets
 * whatever document. Memory comes from the caller's arena: at most 160 bytes a step. */
#ifndef FHIR_FHIRPATH_H
#define FHIR_FHIRPATH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { FHIRPATH_LENGTH = 16384, FHIRPATH_DEPTH = 200, FHIRPATH_STEPS = 20000000 };

struct fhirpath; /* a compiled expression; lives in the arena it was compiled into, points into its own copy */

enum fhirpath_kind {
    FHIRPATH_NODE, /* of the document: a resource, element or primitive */
    FHIRPATH_BOOLEAN,
    FHIRPATH_INTEGER,
    FHIRPATH_DECIMAL,
    FHIRPATH_STRING,
    FHIRPATH_DATE,
    FHIRPATH_DATETIME,
    FHIRPATH_TIME,
    FHIRPATH_QUANTITY,
    FHIRPATH_TYPE /* what type() answers */
};

struct fhirpath_quantity {
    struct slice value, unit; /* decimal text; a UCUM code, or a calendar unit in the singular */
    bool calendar;            /* "day" and not 'd' */
};

/* One value of a collection. */
struct fhirpath_item {
    uint8_t kind;   /* enum fhirpath_kind */
    uint8_t type;   /* of a node: enum fhir_type (tables_int.h) */
    uint16_t shape; /* of a node that is an object: which */
    union {
        struct {
            uint32_t value, extra; /* nodes of the tape, 0: none. extra: the half of a primitive below "_name" */
            bool open;             /* the path to it leads through a choice or any resource, so its type is by chance */
        } node;
        bool yes;
        int64_t number;
        struct slice text; /* of a decimal, string, date (without @), dateTime, time (without T), type name */
        const struct fhirpath_quantity *quantity;
    };
};

/* What an expression is asked about. */
struct fhirpath_scope {
    const struct json *json;
    uint32_t document; /* the node that resolve() looks through: a Bundle, or the resource itself */
    struct fhirpath_item context, resource, root; /* $this and %context; %resource; %rootResource */
    int64_t now_us;                               /* what now() and today() answer, in UTC */
    uint64_t steps;                               /* 0: FHIRPATH_STEPS */
};

struct fhirpath_fault {
    size_t off;            /* in the expression */
    uint32_t line, column; /* of it, from 1, in bytes */
    char text[200];        /* what was found and expected; of the document nothing but type names */
};

enum {
    FHIRPATH_STRICT = 1, /* a name that the type does not have is an error, not empty; but not where the type is by
                            chance: behind a choice or any resource (entry.resource) */
    FHIRPATH_FILTER = 2  /* as(T) on several items filters them, as R4's invariant dom-3 wants, instead of failing */
};

/* 0, or -1 with *ret_fault: the expression is wrong (text says why), or memory is out (text is empty). */
int fhirpath_compile(struct slice expression, unsigned flags, struct arena *a, const struct fhirpath **ret,
                     struct fhirpath_fault *ret_fault);

/* The scope in which the resource at `node` is context, resource, root and document. -1: it is no resource of R4. */
int fhirpath_scope_of(const struct json *j, uint32_t node, struct fhirpath_scope *ret);

/* 0 and the items, which live in `a` and the document; -1 with *ret_fault (text empty: memory is out). */
int fhirpath_run(const struct fhirpath *x, const struct fhirpath_scope *s, struct arena *a,
                 const struct fhirpath_item **ret, size_t *ret_n, struct fhirpath_fault *ret_fault);

/* The FHIR or System name of an item's type: "HumanName", "code", "BackboneElement", "Integer". */
struct slice fhirpath_type_name(const struct fhirpath_item *x);
/* One JSON value, and the same for people. false: memory is out. */
bool fhirpath_write_json(const struct json *j, const struct fhirpath_item *x, struct buf *out);
bool fhirpath_write_text(const struct json *j, const struct fhirpath_item *x, struct arena *a, struct buf *out);

#endif
