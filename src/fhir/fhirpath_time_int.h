/* fhirpath_time_int.h -- dates and times as they are written, to the precision they are written with; comparison and
 * arithmetic by FHIRPath's rules. No clock, no time zone but the one in the text. */
#ifndef FHIR_FHIRPATH_TIME_INT_H
#define FHIR_FHIRPATH_TIME_INT_H

#include "base/arena.h"
#include "base/str.h"

/* The digits that are there, as precision() counts them. */
enum { TIME_YEAR = 4, TIME_MONTH = 6, TIME_DAY = 8, TIME_HOUR = 10, TIME_MINUTE = 12, TIME_SECOND = 14, TIME_MS = 17 };

struct moment {
    int16_t year;
    uint8_t month, day, hour, minute, second;
    uint16_t ms;
    uint8_t precision;       /* TIME_*; a time of day counts as if it had a date before it */
    bool zoned, date, clock; /* has a zone; has a date, a time of day (a T) */
    int16_t zone;            /* minutes east */
};

enum time_kind { TIME_OF_DATE, TIME_OF_DATETIME, TIME_OF_TIME };

/* 1, or 0 when it is none of that kind. A dateTime may end with a bare T. */
int moment_parse(struct slice s, enum time_kind kind, struct moment *ret);
/* The text; {NULL,0}: memory is out. */
struct slice moment_text(const struct moment *m, struct arena *a);
/* 1 and *ret < 0, 0, > 0; 0 when their precision or a missing zone leaves it open. */
int moment_cmp(const struct moment *x, const struct moment *y, int *ret);

enum time_unit { UNIT_YEAR, UNIT_MONTH, UNIT_WEEK, UNIT_DAY, UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND, UNIT_MS };
/* 1, or 0: past the years 1..9999, or a time of day given days. The result has the precision of x. */
int moment_add(const struct moment *x, int64_t n, enum time_unit unit, struct moment *ret);
/* The first (or last) moment it may be, to a precision. 0: that is no precision of it. */
int moment_boundary(const struct moment *x, int64_t precision, bool last, struct moment *ret);

#endif
