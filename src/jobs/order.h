/* order.h -- whose turn it is: fair shares between clients inside a class, by start-time fair queueing.
 *
 * A job gets its turn when it is accepted: one behind the last of its client's, but not before the turn that is being
 * served (Goyal, Vin, Cheng 1996, with jobs of equal cost). Jobs run in the order of their turns, so a client with a
 * thousand waiting jobs and one with a single job alternate. The turn is a hint kept in memory and stored with the job;
 * it need be neither unique nor exact. Any thread. */
#ifndef JOBS_ORDER_H
#define JOBS_ORDER_H

#include <pthread.h>

#include "store/db.h"

enum { ORDER_CLIENTS = 1024 }; /* remembered; more of them forget their last turns together */

struct order {
    pthread_mutex_t lock;
    int64_t serving; /* the highest turn that was taken */
    struct {
        uint8_t client[16];
        int64_t last; /* 0: a free place */
    } seat[ORDER_CLIENTS];
    int seats;
};

/* What waits already tells where everybody stands. */
int order_open(struct order *o, struct db *db, struct err *e);
void order_close(struct order *o);
int64_t order_turn(struct order *o, const uint8_t client[16]);
void order_served(struct order *o, int64_t turn);
/* Where other processes take jobs: what they serve now. */
int order_look(struct order *o, struct db *db, struct err *e);

#endif
