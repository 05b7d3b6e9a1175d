#include "audit/seat.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/own.h"
#include "crypto/digest.h"

enum { GIVEN = 1024 };

struct audit_seats {
    struct db *db;
    _Atomic int64_t last; /* an index that is given: what is appended from now on comes behind it */
    pthread_mutex_t lock;
    pthread_cond_t over[2]; /* the end of a round, of an even number and of an odd one */
    uint64_t begun, ended;  /* rounds of giving indices */
    bool running;
    struct err failed; /* the last round did */
    struct given {
        uint8_t leaf[SHA256_BYTES];
        int64_t index;
    } given[GIVEN]; /* by rounds of this process, the newest at the place that the leaf says */
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
    pthread_cond_init(&s->over[0], NULL);
    pthread_cond_init(&s->over[1], NULL);
    *ret = s;
    return 0;
}

void audit_seats_close(struct audit_seats *s)
{
    if (!s)
        return;
    pthread_cond_destroy(&s->over[0]);
    pthread_cond_destroy(&s->over[1]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void audit_seat_begin(struct audit_seats *s, struct audit_seat *ret)
{
    *ret = (struct audit_seat){.after = s->last};
}

static struct given *place_of(struct audit_seats *s, const uint8_t leaf[SHA256_BYTES])
{
    return &s->given[(leaf[0] << 8 | leaf[1]) % GIVEN];
}

static int step(struct audit_seats *s, int *ret_moved, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "index the audit log");
    if (audit_index_step(s->db, a, &r, e))
        return -1;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < r.n; i++) {
        const uint8_t *leaf = (const uint8_t *)row_at(&r, i, 1)->s.p;
        struct given *g = place_of(s, leaf);
        memcpy(g->leaf, leaf, SHA256_BYTES);
        g->index = row_at(&r, i, 0)->i;
    }
    pthread_mutex_unlock(&s->lock);
    *ret_moved = r.n;
    return 0;
}

/* Called with the lock, which it gives away for the work. */
static void run_round(struct audit_seats *s)
{
    struct err e = {.code = ERR_NONE};
    int rc = 0, moved = AUDIT_INDEX_STEP;
    s->running = true;
    uint64_t round = ++s->begun;
    pthread_mutex_unlock(&s->lock);
    while (!rc && moved == AUDIT_INDEX_STEP)
        rc = step(s, &moved, &e);
    pthread_mutex_lock(&s->lock);
    s->failed = rc ? e : (struct err){.code = ERR_NONE};
    s->ended = round;
    s->running = false;
    pthread_cond_broadcast(&s->over[round % 2]);
    pthread_cond_signal(&s->over[(round + 1) % 2]); /* who runs the next one, which the others there wait for */
}

/* Until a round has ended that began after this call did: whoever comes first runs it, the others wait. 1: it (or one
 * before it) gave the leaf its index; 0: another process did, or nobody. */
static int await_round(struct audit_seats *s, const struct audit_seat *seat, int64_t *ret_index, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    uint64_t mine = s->begun + 1;
    while (s->ended < mine)
        if (s->running)
            pthread_cond_wait(&s->over[mine % 2], &s->lock);
        else
            run_round(s);
    const struct given *g = place_of(s, seat->leaf);
    bool told = memcmp(g->leaf, seat->leaf, SHA256_BYTES) == 0 && g->index > seat->after;
    struct err failed = s->failed;
    if (told)
        *ret_index = g->index;
    pthread_mutex_unlock(&s->lock);
    if (told || failed.code == ERR_NONE)
        return told;
    *e = failed;
    return -1;
}

static void remember(struct audit_seats *s, int64_t index)
{
    int64_t last = s->last;
    while (last < index && !atomic_compare_exchange_weak(&s->last, &last, index))
        ;
}

static int look_up(struct audit_seats *s, const struct audit_seat *seat, int64_t *ret_index, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "the index of an audit entry");
    int n = db_rows(s->db, a, &r, e, "SELECT idx FROM audit WHERE idx > $1 AND leaf = $2 ORDER BY idx LIMIT 1",
                    V_INT(seat->after), V_BYTES(seat->leaf, SHA256_BYTES));
    if (n > 0)
        *ret_index = row_at(&r, 0, 0)->i;
    return n;
}

int audit_seat_index(struct audit_seats *s, const struct audit_seat *seat, int64_t *ret_index, struct err *e)
{
    if (!seat->taken)
        return 0;
    *ret_index = seat->index;
    int got = seat->durable ? 1 : db_shared(s->db) ? await_round(s, seat, ret_index, e) : 0;
    if (got == 0)
        got = look_up(s, seat, ret_index, e);
    if (got > 0)
        remember(s, *ret_index);
    return got;
}
