/* fhirpath_unit_int.h -- what a UCUM code is worth in base units, for comparing and multiplying quantities. */
#ifndef FHIR_FHIRPATH_UNIT_INT_H
#define FHIR_FHIRPATH_UNIT_INT_H

#include "fhir/fhirpath.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"

enum { UNIT_BASES = 9 }; /* those of fhirpath_units.def, and the calendar's month, which no number of seconds is */

struct unit {
    struct num up, down; /* one of it is up/down base units */
    int8_t power[UNIT_BASES];
};

/* 1, or 0: not a unit of the table, or not well-formed. */
int unit_parse(struct slice code, bool calendar, struct unit *ret);
/* "year", "years", ...: the singular, or {NULL,0}. */
struct slice unit_calendar(struct slice word, enum time_unit *ret);
/* The unit of time that a quantity adds to a date: its calendar word or UCUM code of definite length. 1 or 0. */
int unit_of_time(const struct fhirpath_quantity *q, enum time_unit *ret);
/* 1: of one dimension; 0: not; -1: not known here. */
int unit_comparable(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y);
/* The value in terms of the base units: 1 or 0. */
int unit_base(const struct fhirpath_quantity *q, struct num *ret, int8_t power[UNIT_BASES]);
/* 1 and *ret < 0, 0, > 0; 0: they cannot be compared. */
int quantity_cmp(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y, int *ret);
/* To the precision of the less precise: 1 or 0. */
int quantity_similar(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y);
/* "m2", "g/m", "1": base units written as a code, into out[64]. */
void unit_write(const int8_t power[UNIT_BASES], char out[64]);

#endif
