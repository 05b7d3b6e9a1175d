/* patient_status.c -- who lives where a status is: from the homes that have it, over the edges that the caller may
 * walk, to a set of people, in which the roster then finds a page.
 *
 * It reads each of these homes' edges, since nothing says in clear which home is whose. So it costs what the homes of
 * the status are, a few microseconds each; in bodies of a few hundred, with those of others between them. */
#include <stdlib.h>

#include "base/own.h"
#include "study/house_int.h"
#include "study/patient_int.h"

enum { HOUSES_A_BODY = 5 * DB_MANY, BODY_MEMORY = 16 << 20 };

struct living {
    const struct study *s;
    const struct caller *c;
    enum installation_status status;
    struct arena *arena, *once; /* of the answer, and of one body */
    uint8_t (*house)[16], (*person)[16];
    int houses, from, persons, room;
};

static int houses_body(struct tx *tx, void *arg, struct err *e)
{
    struct living *x = arg;
    struct rows r;
    if (study_enter(tx, x->s, x->c, e) || house_of_status(tx, x->s, x->status, x->once, &r, e) < 0 || tx_ungate(tx, e))
        return -1;
    x->houses = 0;
    x->house = arena_take(x->arena, (size_t)(r.n + 1) * 16);
    if (!x->house)
        return err_set(e, ERR_NO_MEMORY, "homes of a status");
    for (; x->houses < r.n; x->houses++)
        memcpy(x->house[x->houses], row_at(&r, x->houses, 0)->s.p, 16);
    return 0;
}

static int make_room(struct living *x, int more, struct err *e)
{
    int room = x->room ? x->room : 2 * DB_MANY;
    while (room < x->persons + more)
        room *= 2;
    if (room == x->room)
        return 0;
    uint8_t(*list)[16] = arena_grow(x->arena, x->person, (size_t)x->room * 16, (size_t)room * 16);
    if (!list)
        return err_set(e, ERR_NO_MEMORY, "people of a status");
    x->person = list;
    x->room = room;
    return 0;
}

static int persons_body(struct tx *tx, void *arg, struct err *e)
{
    struct living *x = arg;
    int before = x->persons, last = x->from + HOUSES_A_BODY < x->houses ? x->from + HOUSES_A_BODY : x->houses;
    int rc = study_enter(tx, x->s, x->c, e);
    for (int at = x->from, n; !rc && at < last; at += n) {
        uint8_t(*list)[16];
        n = last - at < DB_MANY ? last - at : DB_MANY;
        int found = bond_persons(tx, x->s, (const uint8_t(*)[16])x->house + at, n, x->once, &list, e);
        rc = found < 0 || make_room(x, found, e);
        if (!rc)
            memcpy(x->person + x->persons, list, (size_t)found * 16);
        x->persons += rc ? 0 : found;
    }
    if (!rc && !tx_ungate(tx, e))
        return 0;
    x->persons = before; /* it may be run again */
    return -1;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int run(struct living *x, tx_body body, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(BODY_MEMORY);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "people of a status");
    x->once = a;
    return tx_run(x->s->db, body, x, e);
}

int patient_of_status(const struct study *s, const struct caller *c, enum installation_status status, struct arena *a,
                      struct person_set *ret, struct err *e)
{
    struct living x = {.s = s, .c = c, .status = status, .arena = a};
    if (run(&x, houses_body, e))
        return -1;
    for (; x.from < x.houses; x.from += HOUSES_A_BODY)
        if (run(&x, persons_body, e))
            return -1;
    int n = 0; /* of two who share a home each is there for each of their streams */
    if (x.persons)
        qsort(x.person, (size_t)x.persons, 16, by_bytes);
    for (int i = 0; i < x.persons; i++)
        if (n == 0 || memcmp(x.person[n - 1], x.person[i], 16) != 0)
            memmove(x.person[n++], x.person[i], 16);
    *ret = (struct person_set){(const uint8_t(*)[16])x.person, n, status == INSTALLATION_UNKNOWN};
    return 0;
}
