#include "jobs/order.h"

#include "base/clock.h"
#include "base/own.h"

static int64_t *last_of(struct order *o, const uint8_t client[16])
{
    size_t at = (client[15] | (size_t)client[14] << 8) % ORDER_CLIENTS; /* the random end of the id */
    if (o->seats > ORDER_CLIENTS * 3 / 4) {
        memset(o->seat, 0, sizeof o->seat);
        o->seats = 0;
    }
    while (o->seat[at].last && memcmp(o->seat[at].client, client, 16) != 0)
        at = (at + 1) % ORDER_CLIENTS;
    if (!o->seat[at].last) {
        memcpy(o->seat[at].client, client, 16);
        o->seats++;
    }
    return &o->seat[at].last;
}

int order_open(struct order *o, struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct rows r;
    pthread_mutex_init(&o->lock, NULL);
    o->serving = clock_steady_us(); /* above all turns given before, when nothing waits */
    o->seats = 0;
    memset(o->seat, 0, sizeof o->seat);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "open the queue");
    if (db_rows(db, a, &r, e,
                "SELECT client, min(turn), max(turn) FROM job WHERE state = 'QUEUED' GROUP BY client LIMIT 512") < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (v[1].i < o->serving)
            o->serving = v[1].i;
        *last_of(o, (const uint8_t *)v[0].s.p) = v[2].i > 0 ? v[2].i : 1;
    }
    return 0;
}

void order_close(struct order *o)
{
    pthread_mutex_destroy(&o->lock);
}

int64_t order_turn(struct order *o, const uint8_t client[16])
{
    pthread_mutex_lock(&o->lock);
    int64_t *last = last_of(o, client);
    *last = (*last > o->serving ? *last : o->serving) + 1;
    int64_t turn = *last;
    pthread_mutex_unlock(&o->lock);
    return turn;
}

void order_served(struct order *o, int64_t turn)
{
    pthread_mutex_lock(&o->lock);
    if (turn > o->serving)
        o->serving = turn;
    pthread_mutex_unlock(&o->lock);
}

int order_look(struct order *o, struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look at the queue");
    if (db_rows(db, a, &r, e, "SELECT coalesce(min(turn), 0) FROM job WHERE state = 'QUEUED'") < 0)
        return -1;
    order_served(o, row_at(&r, 0, 0)->i);
    return 0;
}
