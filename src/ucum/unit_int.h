/* unit_int.h -- a unit in base units, the table of atoms, and what the files of ucum/ share. */
#ifndef UCUM_UNIT_INT_H
#define UCUM_UNIT_INT_H

#include "ucum/big_int.h"
#include "ucum/ucum.h"

/* Base units, in the order of the package's dimension vectors. */
enum { DIM_METER, DIM_SECOND, DIM_GRAM, DIM_RADIAN, DIM_KELVIN, DIM_COULOMB, DIM_CANDELA, DIMS };
/* Kinds of amount that UCUM defines as numbers. */
enum { KIND_MOL, KIND_EQ, KIND_OSM, KINDS };
enum { ARBITRARY_MOST = 4, ATOM_TEXT = 20 };

/* A power of an arbitrary unit. */
struct arbitrary {
    uint16_t atom; /* index in the table */
    int8_t exp;    /* not 0 */
};

struct dimension {
    int8_t base[DIMS], kind[KINDS];
    uint8_t arbitraries;
    struct arbitrary arbitrary[ARBITRARY_MOST]; /* by atom, ascending */
};

enum special { SPECIAL_LINEAR, SPECIAL_SHIFT, SPECIAL_POWER, SPECIAL_TANGENT, SPECIAL_SQUARE };

/* How a special unit is turned into its reference unit. */
struct special_row {
    const char *code;
    enum special function;
    const char *by;        /* SHIFT: added to the value, a decimal; POWER: the base, a decimal or "e" */
    int divided;           /* POWER: the value is divided by it first */
    const char *reference; /* a UCUM expression: what the function counts in */
};
extern const struct special_row special_rows[];
extern const size_t special_count;

struct atom {
    const char *code, *upper; /* case sensitive and insensitive */
    const char *name, *property;
    const char *definition, *times; /* as in the package: so many of this unit; "" for a base unit */
    bool metric, arbitrary;
    uint8_t special; /* row of special_rows + 1; 0: none. Then what follows is of its reference unit */
    uint8_t up_n, down_n;
    int16_t ten;
    uint16_t limb; /* index of up's and then down's limbs in the table's */
    struct dimension dim;
};

struct prefix {
    const char *code, *upper, *name;
    int16_t ten;    /* 10^ten, or ... */
    uint64_t times; /* ... when not 0, this */
};

struct table {
    const struct atom *atom; /* by code, byte order */
    size_t atoms;
    const struct prefix *prefix;
    size_t prefixes;
    const mp_limb_t *limb;
};
extern const struct table ucum_table; /* generated */

/* A unit while it is worked with. */
struct measure {
    struct ratio factor; /* of a special unit: by which its value is multiplied before its function */
    struct dimension dim;
    int32_t atom; /* of a special unit; -1: none */
};

/* A unit as it is kept: the same in a tenth of the room. */
struct ucum_unit {
    struct slice code;
    struct dimension dim;
    int32_t atom, ten;
    uint8_t up_n, down_n;
    mp_limb_t limb[]; /* of the factor: up, then down */
};

/* What a code is made of, told part by part, left to right, as it is read; for names. */
struct part {
    const struct prefix *prefix; /* NULL: none */
    const struct atom *atom;     /* NULL: `text` is a number or an annotation */
    struct slice text;
    int exp; /* with the sign of its place */
    bool below;
};

/* Where a code is looked up: atoms and prefixes by their codes, or by their case insensitive ones. */
struct reading {
    const struct table *table;
    bool upper;       /* case insensitive codes, ASCII folded */
    bool no_factor;   /* the dimension is enough: the factor is not worked out */
    struct buf *code; /* the case sensitive code is written there; NULL: not */
    void (*part)(void *arg, const struct part *p);
    void *arg;
    void (*before)(size_t atom); /* the atom's row is about to be used; of the generator, which fills rows in then */
};

/* 0, or -1 with *f. *ret is undefined then. */
int unit_read(const struct reading *r, struct slice code, struct measure *ret, struct ucum_fault *f);
void measure_of(const struct ucum_unit *u, struct measure *ret);

/* The atom of this code, or -1; its place when there is none goes to *ret_place, which may be NULL. */
int atom_find(const struct table *t, struct slice code, size_t *ret_place);
/* A prefix and an atom that make up the code: the atom's index, or -1. */
int atom_simple(const struct reading *r, struct slice code, const struct prefix **ret);
bool atom_factor(const struct table *t, const struct atom *a, struct ratio *ret);

void dimension_add(struct dimension *d, const struct dimension *by, int times, bool *overflow);
bool dimension_is_one(const struct dimension *d); /* a pure number: also no kind of amount */
bool dimension_eq(const struct dimension *x, const struct dimension *y, bool kinds);

/* A sentence into f->text. Always -1. */
int unit_fault(struct ucum_fault *f, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* `s` for a sentence: at most 40 bytes, what cannot be printed as '?'. */
struct quoted {
    char text[48];
};
struct quoted unit_quote(struct slice s);

const char *atom_name(const struct atom *a); /* for a sentence */

#endif
