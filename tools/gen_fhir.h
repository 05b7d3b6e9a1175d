/* gen_fhir.h -- the halves of the generator of FHIR's tables: reading the definitions (gen_fhir.c) into this model, and
 * writing the model as C (gen_fhir_tables.c). A build tool: any fault ends it with a sentence. */
#ifndef GEN_FHIR_H
#define GEN_FHIR_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"

/* Once for each key and expression. */
struct constraint {
    const char *key, *severity, *human, *expression;
    bool best_practice; /* R4 marks dom-6 and con-3 so */
};

struct element {
    const char *path, *max;
    const char *types; /* "Reference(Patient,Group)|string", or "#Questionnaire.item" for a contentReference */
    const char *binding, *valueset;
    unsigned min, definition; /* index of its definition */
    unsigned *constraint;     /* indices */
    size_t constraints;
    bool dropped;
    bool absolute; /* its definition says that it is an absolute URI */
    bool subject;  /* it says whom the resource is about */
    bool language; /* a code of BCP-47 at the most: its maximum value set */
    bool simple;   /* a SimpleQuantity */
};

enum kind { KIND_RESOURCE, KIND_ABSTRACT, KIND_COMPLEX, KIND_PRIMITIVE };

struct definition {
    const char *name;
    enum kind kind;
    bool dropped;
};

struct code {
    const char *system, *code;
};

struct valueset {
    const char *url;
    struct code *code;
    size_t codes;
    bool open; /* its codes are not in the definitions */
};

/* A search parameter of R4. */
struct search {
    const char *url, *type, *base; /* base: "Patient,Group" */
};

struct model {
    struct arena *arena;
    struct definition *definition;
    struct element *element;
    struct constraint *constraint;
    struct valueset *valueset; /* those of required bindings, in the order of their first use; then R4's code systems */
    struct search *search;
    size_t definitions, elements, constraints, valuesets, systems,
        searches; /* systems: how many of the value sets are */
};

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Room for item n of a list that grows one by one. */
void *list_room(struct arena *a, void *list, size_t n, size_t size);

void tables_write(const struct model *m, FILE *out);

#endif
