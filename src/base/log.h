/* log.h -- one JSON object a line on stderr: {"time","level","msg", ...fields}.
 *
 * Fields are alternating name/value pairs ended by NULL, all strings:
 *     log_line(LOG_INFO, "request", "request", id, "route", "/v1/jobs/:id", "status", "200", NULL);
 * Ids, codes, patterns and counts only: never a URL's path, a header's text, a body or anything of a patient.
 * A line is written by one write(2), so lines of several threads do not mix. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least); /* default LOG_INFO */
void log_line(enum log_level level, const char *msg, ...) __attribute__((sentinel));
/* log_line with the code and detail of an error. */
void log_err(enum log_level level, const char *msg, const struct err *e);

#endif
