/* accept.h -- what a client would rather read: Accept and Accept-Encoding (RFC 9110 12.4.2, 12.5). Pure. */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include "base/str.h"

/* The q of "; charset=utf-8; q=0.8", in thousandths; 1000 without one, 0 for one that is no number. */
int accept_quality(struct slice parameters);
/* How much a field of names with qualities wants `name`; -1: it is not named there. `*` names nothing. */
int accept_named(struct slice field, const char *name);

enum accept_error { ACCEPT_PLAIN, ACCEPT_PROBLEM, ACCEPT_OUTCOME };
/* How an error is to be told. Problem and outcome have to be named; of two that are wanted alike, the rarer one is
 * meant. */
enum accept_error accept_error(struct slice accept);

#endif
