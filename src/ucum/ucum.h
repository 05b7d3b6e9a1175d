/* ucum.h -- units of measure by UCUM, the Unified Code for Units of Measure (https://ucum.org), case
 * sensitive, in exact arithmetic: a value is a decimal as it was written, a factor a quotient of whole numbers, and
 * no double stands between them. Pure: no state but read-only tables, never blocks, safe from any thread.
 *
 * A code is parsed once into a unit (what it is in base units), two units of one dimension once into a pair (how a
 * value of one becomes one of the other), and then values are compared or converted through the pair:
 *
 *     u = ucum_parse(a, SLICE("[degF]"), &f), v = ucum_parse(a, SLICE("Cel"), &f);
 *     p = ucum_pair(a, u, v, UCUM_APART, NULL, &f);
 *     ucum_number(SLICE("100.4"), &x);  ucum_number(SLICE("38"), &limit);
 *     ucum_compare(p, &x, &limit)  -> 0: it is 38, neither above nor below
 *
 * Sources. Grammar and meaning: UCUM, sections 3 to 22. Atoms, prefixes and their definitions: the npm package
 * @lhncbc/ucum-lhc, read at build time by tools/gen_ucum.c, of which only the strings that define a unit are taken.
 * Functions of special units: special.def.
 *
 * Exact is every conversion between units that are multiples of each other and between temperature scales. Not exact,
 * and said so (ucum_pair_exact, UCUM_NEAR), is what needs a logarithm, a power, a root or a tangent: pH, Np, B, dB,
 * bit_s, [hp'_X] and their like, [p'diop], %[slope], [m/s2/Hz^(1/2)], unless both units are of the same atom.
 *
 * Limits: UCUM_LENGTH bytes and UCUM_DEPTH parentheses of a code, UCUM_EXPONENT of an exponent, UCUM_DIGITS digits and
 * +-UCUM_TEN of a value's decimal exponent; a factor of 512 bits above and below. Past them a code or value is
 * refused, never rounded. */
#ifndef UCUM_UCUM_H
#define UCUM_UCUM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { UCUM_LENGTH = 255, UCUM_DEPTH = 16, UCUM_EXPONENT = 400, UCUM_DIGITS = 64, UCUM_TEN = 400 };

struct ucum_unit; /* in the arena it was parsed into; immutable */
struct ucum_pair; /* likewise; needs its units no more */

/* Why a code or a pair was refused. The sentence quotes the code, so it may be shown to whoever sent it; it is free
 * text of theirs and does not belong in a log. */
struct ucum_fault {
    size_t at;      /* the byte of the code it is about */
    char text[224]; /* "" when memory is out */
};

/* NULL with *f: no valid code. Below a microsecond for what a laboratory sends. */
const struct ucum_unit *ucum_parse(struct arena *a, struct slice code, struct ucum_fault *f);
bool ucum_valid(struct slice code);
struct slice ucum_code(const struct ucum_unit *u); /* as it was given */

/* Of one dimension by UCUM's definition. Arbitrary units ([IU], [CFU], ...) are of a dimension each. */
bool ucum_commensurable(const struct ucum_unit *x, const struct ucum_unit *y);

enum ucum_rule {
    UCUM_BY_DEFINITION, /* mol, eq and osm are numbers of 6.0221367e23, so mmol/L and meq/L are the same and both a
                           count per volume */
    UCUM_APART          /* counts, mol, eq and osm convert only within their kind: what a clinician means */
};

/* What is measured, for conversions that depend on it. */
struct ucum_substance {
    struct slice molar_mass; /* g/mol, a decimal above zero: mg/dL <-> mmol/L; n == 0: not known */
    unsigned charge;         /* equivalents per mole, 1..99: mmol/L <-> meq/L; 0: not known */
};

/* NULL with *f: not of one dimension, or a kind of amount apart; f->text says what was probably meant. `of` may be
 * NULL. */
const struct ucum_pair *ucum_pair(struct arena *a, const struct ucum_unit *from, const struct ucum_unit *to,
                                  enum ucum_rule rule, const struct ucum_substance *of, struct ucum_fault *f);
bool ucum_pair_exact(const struct ucum_pair *p);
bool ucum_pair_same(const struct ucum_pair *p); /* every value stays as it is: 10*3/uL and 10*9/L */

/* A decimal that was read. */
struct ucum_number {
    uint64_t limb[4]; /* lowest first; zero from n on */
    int32_t ten;      /* times 10^ten */
    uint8_t n;        /* 0: the value is zero */
    bool negative;    /* never of zero */
};

/* JSON number text, and also a leading + or zeros. 1, or 0: no number, or past the limits. */
int ucum_number(struct slice text, struct ucum_number *ret);

/* A value in the pair's first unit against a limit in its second: 1 and *ret < 0, 0, > 0; or 0: past the limits. Exact
 * when the pair is. */
int ucum_compare(const struct ucum_pair *p, const struct ucum_number *value, const struct ucum_number *limit, int *ret);

enum ucum_end {
    UCUM_EXACT,   /* text is the value */
    UCUM_ROUNDED, /* its decimals do not end, or not within UCUM_DIGITS digits: rounded half away from zero */
    UCUM_NEAR     /* computed in floating point; the last digits may be wrong */
};

/* A value in the pair's first unit as JSON number text in its second, without trailing zeros; what does not end has
 * `digits` significant ones (1..UCUM_DIGITS; a near one at most 15). 1; 0: past the limits, or no finite number;
 * -1: memory is out. */
int ucum_convert(const struct ucum_pair *p, const struct ucum_number *value, unsigned digits, struct arena *a,
                 struct slice *ret, enum ucum_end *ret_end);

/* The exact result as text: the decimal, whatever its length, or where that does not end the reduced fraction
 * "46067/180". 1; 0: past the limits, or the pair is not exact; -1: memory is out. */
int ucum_convert_whole(const struct ucum_pair *p, const struct ucum_number *value, struct arena *a, struct slice *ret);

/* --- two codes, once; nothing is kept and no memory taken --- */

int ucum_codes_commensurable(struct slice x, struct slice y); /* 1, 0; -1: one of them is no code */
/* A value in one unit against one in another, by definition: 1 and *ret; 0: they cannot be compared. */
int ucum_codes_compare(const struct ucum_number *value, struct slice unit, const struct ucum_number *other,
                       struct slice other_unit, int *ret);

/* --- for people --- */

/* The valid code that was probably meant by one that is none: "mm[Hg]" for "mmHg", "mg/dL" for "MG/DL", "12.h" for
 * "12h". 1 and *ret in `a`; 0: nobody knows; -1: memory is out. Looks at the whole table: up to a millisecond, so not
 * for every request. */
int ucum_meant(struct arena *a, struct slice code, struct slice *ret);
/* The code that is often meant where this valid one is written: "10*3/uL" for "K/uL". 1, 0, -1. */
int ucum_doubt(struct arena *a, const struct ucum_unit *u, struct slice *ret);

void ucum_name(const struct ucum_unit *u, struct buf *b); /* "milligram per deciliter" */
/* In base units (and mol, eq, osm), a code: "g/m3". */
void ucum_base(const struct ucum_unit *u, struct buf *b);
void ucum_dimension(const struct ucum_unit *u, struct buf *b); /* "mass / length^3" */
bool ucum_special(const struct ucum_unit *u);                  /* a scale with a function of its own */
bool ucum_arbitrary(const struct ucum_unit *u);                /* a multiple of no other unit */

#endif
