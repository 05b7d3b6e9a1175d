/* home_int.h -- what the addresses of homes and of tickets have in common. */
#ifndef API_HOME_INT_H
#define API_HOME_INT_H

#include "api/record_int.h"
#include "study/hue.h"
#include "study/ticket.h"

/* Seconds since then: of a time that was cut for the caller, so that it says no more than that. Nothing of 0. */
void api_pair_since(struct json_out *o, const char *key, int64_t us);
void api_pair_time(struct json_out *o, const char *key, int64_t us);
/* The sentence of a rule that forbids it is told, and that somebody tried is in the log; anything else as it is.
 * Always -1. */
int api_home_failed(struct api_request *q, struct err *e);
/* A page of tickets, of one home (0: of all), as ?state= says. */
int api_tickets_of(struct api_request *q, int64_t patient_id, struct err *e);
/* A ticket from the body, about this home. */
int api_ticket_from_body(struct api_request *q, int64_t patient_id, struct err *e);

#endif
