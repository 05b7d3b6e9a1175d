/* await.h -- a handler that waits for a job to end. Waiting holds a handler, so it is bounded twice: in time
 * (answer.wait_ms), and in how many wait at once (a quarter of the handlers); whoever comes beyond that does not wait.
 */
#ifndef API_AWAIT_H
#define API_AWAIT_H

#include "api/api_int.h"

/* Waits for the end of the job with this id of the store, `ms` at most. 1: it has ended, or is gone; 0: not yet, or as
 * many as may wait already; -1. Says nothing into the audit log: who reads the job afterwards does. */
int await_job(struct api_request *q, const uint8_t id[16], int ms, struct err *e);

#endif
