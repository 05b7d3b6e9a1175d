/* fhirpath_unit_int.h -- quantities: what their units are to each other, by UCUM (ucum/ucum.h), and the calendar's
 * words. A year and a month of the calendar are no number of seconds: they compare with each other alone. */
#ifndef FHIR_FHIRPATH_UNIT_INT_H
#define FHIR_FHIRPATH_UNIT_INT_H

#include "fhir/fhirpath.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"

/* "year", "years", ...: the singular, or {NULL,0}. */
struct slice unit_calendar(struct slice word, enum time_unit *ret);
/* The unit of time that a quantity adds to a date: its calendar word or UCUM code of definite length. 1 or 0. */
int unit_of_time(const struct fhirpath_quantity *q, enum time_unit *ret);
/* What the work with two units costs, in steps of a run. */
uint64_t unit_steps(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y);
/* 1: of one dimension; 0: not; -1: not known to UCUM. */
int unit_comparable(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y);
/* 1 and *ret < 0, 0, > 0; 0: they cannot be compared. */
int quantity_cmp(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y, int *ret);
/* To the precision of the less precise: 1 or 0. What it takes in `a` it gives back. */
int quantity_similar(struct arena *a, const struct fhirpath_quantity *x, const struct fhirpath_quantity *y);
/* x and y as values of one unit, that of the finer: 1; 0: they have none; -1: memory is out. */
int quantity_join(struct arena *a, const struct fhirpath_quantity *x, const struct fhirpath_quantity *y,
                  struct num *ret_x, struct num *ret_y, struct fhirpath_quantity *ret_unit);
/* Is its unit a scale with a function of its own, such as Cel? Then values of it have no sum. */
bool unit_is_scale(struct arena *a, const struct fhirpath_quantity *q);
/* A value in the product or quotient of two quantities' units as one in base units, whose code goes to *ret_unit: 1; 0:
 * it has none; -1: memory is out. */
int quantity_of_units(struct arena *a, const struct num *value, const struct fhirpath_quantity *x, bool divide,
                      const struct fhirpath_quantity *y, struct num *ret, struct slice *ret_unit);

#endif
