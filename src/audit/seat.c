#include "audit/seat.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/own.h"
#include "crypto/digest.h"

struct audit_seats {
    struct db *db;
    _Atomic int64_t last; /* an index that is given: what is appended from now on comes behind it */
    pthread_mutex_t lock;
    pthread_cond_t over;
    uint64_t begun, ended; /* rounds of giving indices */
    bool running;
    struct err failed; /* the last round did */
};

int audit_seats_open(struct db *db, struct audit_seats **ret, struct err *e)
{
    int64_t count;
    if (audit_count(db, &count, e))
        return -1;
    struct audit_seats *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NO_MEMORY, "the seats of the audit log");
    s->db = db;
    s->last = count - 1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->over, NULL);
    *ret = s;
    return 0;
}

void audit_seats_close(struct audit_seats *s)
{
    if (!s)
        return;
    pthread_cond_destroy(&s->over);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void audit_seat_begin(struct audit_seats *s, struct audit_seat *ret)
{
    *ret = (struct audit_seat){.after = s->last};
}

/* Called with the lock, which it gives away for the work. */
static void run_round(struct audit_seats *s)
{
    struct err e = {.code = ERR_NONE};
    s->running = true;
    uint64_t round = ++s->begun;
    pthread_mutex_unlock(&s->lock);
    int rc = audit_index(s->db, &e);
    pthread_mutex_lock(&s->lock);
    s->failed = rc ? e : (struct err){.code = ERR_NONE};
    s->ended = round;
    s->running = false;
    pthread_cond_broadcast(&s->over);
}

/* Until a round has ended that began after this call did: whoever comes first runs it, the others wait. */
static int await_round(struct audit_seats *s, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    uint64_t mine = s->begun + 1;
    while (s->ended < mine)
        if (s->running)
            pthread_cond_wait(&s->over, &s->lock);
        else
            run_round(s);
    struct err failed = s->failed;
    pthread_mutex_unlock(&s->lock);
    if (failed.code == ERR_NONE)
        return 0;
    *e = failed;
    return -1;
}

static void remember(struct audit_seats *s, int64_t index)
{
    int64_t last = s->last;
    while (last < index && !atomic_compare_exchange_weak(&s->last, &last, index))
        ;
}

int audit_seat_index(struct audit_seats *s, const struct audit_seat *seat, int64_t *ret_index, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!seat->taken)
        return 0;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "the index of an audit entry");
    if ((db_shared(s->db) && await_round(s, e)) ||
        db_rows(s->db, a, &r, e, "SELECT idx FROM audit WHERE idx > $1 AND leaf = $2 ORDER BY idx LIMIT 1",
                V_INT(seat->after), V_BYTES(seat->leaf, SHA256_BYTES)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    *ret_index = row_at(&r, 0, 0)->i;
    remember(s, *ret_index);
    return 1;
}
