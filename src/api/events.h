/* events.h -- open streams of job events: one thread watches all the jobs that somebody looks at.
 *
 * It is woken when a job of this process moves and looks every 250 ms besides (another process may have moved one), and
 * reads the watched jobs alone. A state that came and went between two looks is not told. While nothing is watched it
 * sleeps. A stream that is quiet for 15 s gets a sign of life, which is how a client that vanished is noticed. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "http/server.h"
#include "jobs/watch.h"

struct events;

/* For `most` streams. */
int events_start(struct jobs *j, int most, struct events **ret, struct err *e);
/* Ends all streams. After the server has stopped taking requests. NULL is fine. */
void events_stop(struct events *v);

/* One of the `most` places of this client; NULL when they, or all there are, are taken. It is given back by
 * events_release or filled by events_add. */
struct watch;
struct watch *events_reserve(struct events *v, const uint8_t client[16], int most);
void events_release(struct events *v, struct watch *w);

/* Tells the job's state and follows it: from now on the stream is the thread's, which ends it when the job has ended.
 * `sse`: server-sent events; else a line of JSON each. `skip`: the client knows the present state already. -1
 * ERR_NO_MEMORY: the stream and the place are still the caller's. */
int events_add(struct events *v, struct watch *w, struct http_stream *s, bool sse, bool skip, const struct job_now *now,
               struct err *e);

#endif
