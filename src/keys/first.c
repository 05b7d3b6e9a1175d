#include "keys/first.h"

#include <assert.h>

#include "base/clock.h"
#include "base/own.h"
#include "keys/keyring_int.h"

struct making {
    struct keyring *k;
    const uint8_t *scope;
    struct key_epoch domain[FIRST_MAX];
    struct blind_new blind[FIRST_MAX];
    int domains, blinds;
};

static int store_all(struct tx *tx, void *arg, struct err *e)
{
    const struct making *m = arg;
    for (int i = 0; i < m->domains; i++)
        if (keyring_store(tx, m->scope, &m->domain[i], e))
            return -1;
    for (int i = 0; i < m->blinds; i++)
        if (blind_store(tx, &m->blind[i], e))
            return -1;
    return 0;
}

/* A blind index' key that the store has is kept as it is read. */
static int make_column(struct making *m, enum blind_column c, struct arena *a, struct err *e)
{
    struct key key;
    if (blind_known(m->k, m->scope, c))
        return 0;
    int got = blind_read(m->k, m->scope, c, a, &key, e);
    if (got > 0)
        blind_keep(m->k, m->scope, c, &key);
    key_wipe(&key);
    return got < 0 || (!got && blind_make(m->k, m->scope, c, a, &m->blind[m->blinds++], e)) ? -1 : 0;
}

static int make_missing(struct making *m, const struct first_keys *want, struct arena *a, struct err *e)
{
    for (int i = 0; i < want->domains; i++)
        if (!domain_find(m->k, m->scope, want->domain[i]) &&
            domain_make(m->k, m->scope, want->domain[i], 1, a, &m->domain[m->domains++], e))
            return -1;
    for (int i = 0; i < want->columns; i++)
        if (make_column(m, want->column[i], a, e))
            return -1;
    return 0;
}

static int keep_all(struct making *m, struct err *e)
{
    for (int i = 0; i < m->blinds; i++)
        blind_keep(m->k, m->scope, m->blind[i].column, &m->blind[i].key);
    for (int i = 0; i < m->domains; i++)
        if (!domain_keep(m->k, m->scope, m->domain[i].domain, 1, clock_now_us(), &m->domain[i].key))
            return err_set(e, ERR_KEYS, "more than %d domain keys", DOMAINS_MAX);
    return 0;
}

static void wipe_all(struct making *m)
{
    for (int i = 0; i < m->blinds; i++)
        key_wipe(&m->blind[i].key);
    for (int i = 0; i < m->domains; i++)
        key_wipe(&m->domain[i].key);
}

/* With the lock held. */
static int make_at_once(struct keyring *k, const uint8_t *scope, const struct first_keys *want, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(256 * 1024);
    struct making *m = a ? TAKE_NEW(a, struct making) : NULL;
    if (!m)
        return err_set(e, ERR_NO_MEMORY, "make the first keys");
    m->k = k;
    m->scope = scope;
    int rc = make_missing(m, want, a, e);
    if (!rc && (m->domains || m->blinds))
        rc = tx_run(k->db, store_all, m, e) || keep_all(m, e) ? -1 : 0;
    wipe_all(m);
    return rc;
}

/* What another process made at the same moment counts, and each of the rest is made by itself. */
static int make_one_by_one(struct keyring *k, const uint8_t *scope, const struct first_keys *want, struct err *e)
{
    static const uint8_t nobody[ID_BYTES] = {0};
    uint8_t index[BLIND_BYTES];
    struct key key;
    for (int i = 0; i < want->columns; i++)
        if (blind_index(k, scope, want->column[i], (struct slice){(const char *)nobody, sizeof nobody}, index, e))
            return -1;
    for (int i = 0; i < want->domains; i++) {
        if (keyring_domain(k, scope, want->domain[i], &key, e))
            return -1;
        key_wipe(&key);
    }
    return 0;
}

int keyring_first(struct keyring *k, const uint8_t scope[ID_BYTES], const struct first_keys *want, struct err *e)
{
    assert(want->domains <= FIRST_MAX && want->columns <= FIRST_MAX);
    pthread_mutex_lock(&k->lock);
    int rc = make_at_once(k, scope, want, e);
    pthread_mutex_unlock(&k->lock);
    return rc && e->code == ERR_CONFLICT ? make_one_by_one(k, scope, want, e) : rc;
}
