/* delays.c -- how long webhooks took, by what the record says: from the transaction that ended the job to the answer.
 *
 *     delays STORE URL_PART
 *
 * STORE is the database file of a server that has ended, or a postgres:// URL. Counts the events of the endpoints whose
 * url does not contain URL_PART. Prints one line of JSON: how many there are, how many were delivered, percentiles of
 * these. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/own.h"
#include "exchange.h"
#include "store/db.h"

enum { EVENTS_MAX = 1000000 };

int main(int argc, char **argv)
{
    OWN_ARENA struct arena *a = arena_new(512 << 20);
    struct db *db;
    struct err e;
    struct rows r;
    size_t delivered = 0;
    if (argc != 3)
        stop("usage: delays STORE URL_PART");
    if (!a)
        stop("out of memory");
    if (db_open(argv[1], false, &db, &e) ||
        db_rows(db, a, &r, &e,
                "SELECT o.created_at, o.delivered_at, w.url FROM webhook_event o JOIN webhook_endpoint w "
                "ON w.scope = o.scope AND w.id = o.endpoint WHERE w.kind = 'url' LIMIT $1",
                V_INT(EVENTS_MAX)) < 0)
        stop("%s: %s", argv[1], e.detail);
    OWN_MEM uint32_t *us = calloc((size_t)r.n + 1, sizeof *us);
    int events = 0;
    if (!us)
        stop("out of memory");
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (memmem(v[2].s.p, v[2].s.n, argv[2], strlen(argv[2])))
            continue;
        events++;
        if (v[1].kind == VAL_INT)
            us[delivered++] = (uint32_t)(v[1].i - v[0].i);
    }
    sort_u32(us, delivered);
    printf("{\"events\":%d,\"delivered\":%zu,\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", events,
           delivered, percentile(us, delivered, 0.5), percentile(us, delivered, 0.9), percentile(us, delivered, 0.99),
           percentile(us, delivered, 1));
    db_close(db);
    return 0;
}
