/* tables_int.h -- the rules of R4 as read-only tables without a single pointer: the generated file has no relocations,
 * so its pages are shared by all processes and loaded as they are touched.
 *
 * A shape is one kind of JSON object: a resource, a complex type, or an inner element such as Patient.contact. Its
 * properties are the JSON names, a choice element (value[x]) having one for each of its types. Strings lie in one pool
 * and are named by offset and length. Look-ups hash with json_hash, which the tape already holds for every key. */
#ifndef FHIR_TABLES_INT_H
#define FHIR_TABLES_INT_H

#include <stdbool.h>
#include <stdint.h>

enum fhir_type {
#define TYPE(id, name, json, expected) FHIR_##id,
#include "fhir/types.def"
#undef TYPE
    FHIR_PRIMITIVES,
    FHIR_OBJECT = FHIR_PRIMITIVES, /* of `shape` */
    FHIR_RESOURCE,                 /* any resource */
    FHIR_NAME                      /* the property resourceType itself */
};

enum {
    PROP_ARRAY = 1,
    PROP_REQUIRED = 2,
    PROP_BARE = 4,      /* an XML attribute: no _name beside it */
    PROP_ABSOLUTE = 8,  /* a URI that must be absolute */
    PROP_SUBJECT = 16,  /* a reference to whom the resource is about */
    PROP_LANGUAGE = 32, /* a code of BCP-47 */
    PROP_SIMPLE = 64    /* a SimpleQuantity, or its choice has one */
};
enum { NO_SLOT = 0xFF, NO_PROP = 0xFF, SLOTS = 64, NO_RESOURCE = 0xFF };

struct fhir_prop {
    uint32_t name;
    uint16_t hash;    /* json_hash of the name */
    uint16_t shape;   /* FHIR_OBJECT: which */
    uint16_t binding; /* index of the required value set; 0: none */
    uint8_t len;
    uint8_t type;  /* enum fhir_type */
    uint8_t flags; /* PROP_* */
    uint8_t slot;  /* bit in the mask of what was seen, for required and choice elements; a choice has one for all its
                      types */
    uint8_t stem;  /* of a choice: the length of the name before the type ("value"); else 0 */
    uint8_t rules; /* its row in fhir_prop_rules; 0: none */
    uint16_t targets; /* of a Reference or canonical: its row in fhir_targets; 0: any type */
};

/* Resource types, a bit each by their number. */
struct fhir_targets {
    uint64_t bit[3];
};

/* Shapes with rules that the definitions say in words alone. */
enum fhir_own {
    OWN_NONE,
    OWN_CODING,
    OWN_REFERENCE,
    OWN_ATTACHMENT,
    OWN_TIME, /* Age, Duration */
    OWN_DISTANCE,
    OWN_BUNDLE,
    OWN_ENTRY,     /* Bundle.entry */
    OWN_SEARCH,    /* SearchParameter */
    OWN_SEARCHED,  /* CapabilityStatement.rest.resource.searchParam */
    OWN_QUESTIONS, /* Questionnaire */
    OWN_CODES      /* CodeSystem */
};

struct fhir_shape {
    uint64_t required; /* the slots that must be seen */
    uint32_t name;     /* "Patient", "HumanName", "Patient.contact" */
    uint32_t props;    /* first in fhir_props */
    uint32_t index;    /* first of mask + 1 bytes in fhir_index: open addressing, NO_PROP ends a probe */
    uint16_t mask;
    uint8_t count, len;
    uint16_t rule;  /* the first of its invariants in fhir_rules */
    uint8_t rules;  /* and how many: at most RULES */
    uint8_t number; /* of a resource type, from 0; else NO_RESOURCE */
    uint8_t own;    /* enum fhir_own */
};

/* An invariant of R4: a FHIRPath expression that must not answer false. */
struct fhir_invariant {
    uint32_t key, human, expression;
    uint16_t expression_len, human_len;
    uint8_t key_len;
    bool warning, best_practice;
};

struct fhir_rules {
    uint16_t rule, rules; /* of fhir_rules */
};

enum fhir_values { VALUES_NONE, VALUES_LISTED, VALUES_MIME, VALUES_CURRENCY, VALUES_UCUM, VALUES_OPEN };

struct fhir_valueset {
    uint32_t url;
    uint32_t codes; /* first in fhir_codes */
    uint32_t index; /* first of mask + 1 in fhir_code_index, which counts from 1; 0 ends a probe */
    uint16_t count, mask;
    uint8_t len, kind; /* enum fhir_values */
};

struct fhir_code {
    uint32_t text;
    uint16_t hash;
    uint8_t len, system; /* index into fhir_systems */
};

/* A search parameter: its url is SEARCH_BASE and the name. */
struct fhir_search {
    uint32_t name, type;
    uint16_t hash; /* json_hash of the name */
    uint16_t base; /* the types that it is for: a row of fhir_targets; 0: all */
    uint8_t len, type_len;
};
#define SEARCH_BASE      "http://hl7.org/fhir/SearchParameter/"
#define SYSTEM_BASE      "http://hl7.org/fhir/" /* of code systems that change with FHIR itself */
#define TERMINOLOGY_BASE "http://terminology.hl7.org/"

struct fhir_text {
    uint32_t text;
    uint32_t len;
};

enum { RESOURCE_SLOTS = 512, RULES = 32, SYSTEM_SLOTS = 1024, SEARCH_SLOTS = 4096 };

extern const char fhir_pool[];
extern const struct fhir_prop fhir_props[];
extern const uint8_t fhir_index[];
extern const struct fhir_shape fhir_shapes[];
extern const uint16_t fhir_resources[RESOURCE_SLOTS]; /* shape + 1 by json_hash of the name; 0 ends a probe */
extern const struct fhir_valueset fhir_valuesets[];
extern const struct fhir_code fhir_codes[];
extern const uint16_t fhir_code_index[];
extern const struct fhir_text fhir_systems[];
extern const struct fhir_targets fhir_targets[];
extern const uint16_t fhir_valueset_count; /* row 0 is none; those of code systems are behind it */
/* Rows of fhir_valuesets that list a code system, by json_hash of its url; 0 ends a probe. */
extern const uint16_t fhir_system_index[SYSTEM_SLOTS];
extern const struct fhir_search fhir_searches[];
extern const uint16_t fhir_search_index[SEARCH_SLOTS]; /* row + 1 by the hash of the name; 0 ends a probe */
extern const struct fhir_invariant fhir_invariants[];
extern const uint16_t fhir_invariant_count;
/* Indices of invariants. A shape has those of its objects; ele-1 is not among them, validate.c knows it. */
extern const uint16_t fhir_rules[];
/* Those of single elements, beyond what their types ask; row 0 is empty. */
extern const struct fhir_rules fhir_prop_rules[];
/* The names of choices, without [x]. */
extern const struct fhir_text fhir_stems[];
extern const uint16_t fhir_stem_count, fhir_prop_count;
extern const uint16_t fhir_shape_count, fhir_shape_element, fhir_shape_concept, fhir_shape_coding;

#endif
