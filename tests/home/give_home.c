/* give_home STORE ROOT-KEY   what a study does when it installs a house, for tests of what lies there: every house of the
 * store that has no number yet gets one of each role that knows houses, and every member of staff visits its home.
 * Prints a line for each person the doctors know: {"doctor":N,"installer":N,"monitor":N}. May be run again. */
#include <stdio.h>

#include "base/own.h"
#include "identity/scope.h"
#include "study/study_int.h"

enum { MOST = 64 };
static const char *const holder[] = {"installer", "monitor"};

struct giving {
    struct study s;
    struct arena *arena;
    int64_t doctors;
    struct bond bond;
    bool found; /* it is a person's number */
    uint8_t index[1][BLIND_BYTES];
    int64_t number[2];
    struct alias fresh[2];
};

static int find(struct tx *tx, void *arg, struct err *e)
{
    struct giving *g = arg;
    uint8_t person[16];
    int found = alias_subject(tx, &g->s, "doctor", g->doctors, g->arena, person, e);
    found = found > 0 ? bond_of_person(tx, &g->s, person, g->arena, &g->bond, e) : found;
    g->found = found > 0;
    if (found <= 0)
        return found;
    if (alias_index(&g->s, g->bond.house_nick, g->index[0], e))
        return -1;
    for (int i = 0; i < 2; i++)
        if (alias_numbers(tx, &g->s, holder[i], (const uint8_t(*)[BLIND_BYTES])g->index, 1, g->arena, &g->number[i], e))
            return -1;
    return 0;
}

static int give(struct tx *tx, void *arg, struct err *e)
{
    struct giving *g = arg;
    for (int i = 0; i < 2; i++)
        if (!g->number[i] && alias_store(tx, &g->s, &g->fresh[i], e))
            return -1;
    return tx_put(tx, e,
                  "INSERT INTO visit (scope, home, staff, since) SELECT scope, $1, id, 0 FROM staff WHERE NOT EXISTS (SELECT 1 FROM "
                  "visit v WHERE v.home = $1 AND v.staff = staff.id)",
                  V_ID(g->bond.home));
}

static int give_one(struct giving *g, struct err *e)
{
    if (tx_run(g->s.db, find, g, e))
        return -1;
    if (!g->found)
        return 0;
    for (int i = 0; i < 2; i++)
        if (alias_make(&g->s, holder[i], g->bond.house_nick, g->arena, &g->fresh[i], e))
            return -1;
    if (tx_run(g->s.db, give, g, e))
        return -1;
    for (int i = 0; i < 2; i++)
        g->number[i] = g->number[i] ? g->number[i] : g->fresh[i].number;
    printf("{\"doctor\":%lld,\"installer\":%lld,\"monitor\":%lld}\n", (long long)g->doctors, (long long)g->number[0],
           (long long)g->number[1]);
    return 0;
}

int main(int argc, char **argv)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct keyring *k = NULL;
    struct giving g = {.arena = a};
    uint8_t scope[16];
    struct rows r;
    struct err e;
    int rc = argc != 3 || db_open(argv[1], false, &g.s.db, &e);
    struct db *db = g.s.db;
    rc = rc || keyring_open(argv[2], db, &k, &e) || scope_gateway(db, "default", scope, &e) || study_open(db, k, scope, &g.s, &e) ||
         db_rows(db, a, &r, &e, "SELECT number FROM alias WHERE holder = 'doctor' ORDER BY number LIMIT 64") < 0;
    for (int i = 0; !rc && i < r.n; i++) {
        g.doctors = row_at(&r, i, 0)->i;
        rc = give_one(&g, &e);
    }
    if (rc)
        fprintf(stderr, "%s\n", argc == 3 ? e.detail : "give_home STORE ROOT-KEY");
    keyring_close(k);
    if (db)
        db_close(db);
    arena_thread_end();
    return rc ? 1 : 0;
}
