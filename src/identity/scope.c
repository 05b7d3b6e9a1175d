#include "identity/scope.h"

#include "base/clock.h"
#include "base/rnd.h"

struct making {
    const char *name;
    uint8_t id[16];
};

static int insert(struct tx *tx, void *arg, struct err *e)
{
    struct making *m = arg;
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'gateway', $2, $3)", V_ID(m->id),
                   V_STR(m->name), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

int scope_gateway(struct db *db, const char *name, uint8_t ret[16], struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    struct making m = {.name = name};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "scope");
    if (db_rows(db, a, &r, e, "SELECT id FROM scope WHERE kind = 'gateway' AND name = $1", V_STR(name)) < 0)
        return -1;
    if (r.n) {
        memcpy(ret, row_at(&r, 0, 0)->s.p, 16);
        return 0;
    }
    rnd_bytes(m.id, sizeof m.id);
    if (tx_run(db, insert, &m, e))
        return -1;
    memcpy(ret, m.id, 16);
    return 0;
}
