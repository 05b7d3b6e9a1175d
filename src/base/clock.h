/* clock.h -- time: microseconds since 1970 (UTC) for records, monotonic ones for deadlines, and RFC 3339 text.
 *
 * Three clocks, because somebody sets the wall clock: what a record says happened is wall time; what this process waits
 * for is monotonic; and what lies in a row and is waited for by whoever reads it (a lease, a back-off) is steady time,
 * which is close to wall time but does not jump while the process lives. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int64_t clock_now_us(void);  /* wall clock */
int64_t clock_mono_us(void); /* never steps back */
/* What the wall clock said when the process first asked, and how long that is ago (sleep of the machine included): it
 * does not follow a wall clock that is set. After a restart it does; so whoever reads such a time from a row must not
 * believe one that lies further ahead than anybody ever waits. */
int64_t clock_steady_us(void);
/* The earlier of wall and steady time: for what cannot be taken back (an expiry, an erasure), so that a wall clock set
 * forward by mistake does not do it. */
int64_t clock_surely_us(void);
/* The later of both: for what goes on until then, so that a wall clock set back does not let it go on longer. */
int64_t clock_latest_us(void);

enum { CLOCK_TEXT = 32 };
/* "2026-11-25T02:13:30.123456Z" into out[CLOCK_TEXT]; returns out. */
char *clock_text(int64_t us, char *out);
/* A FHIR instant, dateTime of any precision, or date. *ret is its first moment in UTC; without zone it counts as UTC.
 * `span_us` (may be NULL): how long the stated precision lasts (a day for YYYY-MM-DD). 1, or 0 when it is no date. */
int clock_parse(struct slice s, int64_t *ret, int64_t *span_us);
/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
int64_t clock_days(int year, int month, int day);
/* The civil date of a day count. */
void clock_civil(int64_t days, int *year, int *month, int *day);
/* ISO 8601 duration such as PT12H, P90D, P1Y (a year counts 365 days, a month 30): 1 and microseconds, or 0. */
int clock_duration(struct slice s, int64_t *ret);

#endif
