#include "identity/known.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { PLACES = 256, ORIGIN_MAX = 256 };

struct place {
    bool used;
    uint8_t hash[SHA256_BYTES];
    int64_t asked_us;     /* when the store was; monotonic */
    struct caller caller; /* its webhook_origin is not used: */
    bool has_origin;
    char origin[ORIGIN_MAX];
};

struct known {
    pthread_rwlock_t lock;
    uint64_t generation; /* counts the forgettings */
    struct place place[PLACES];
};

int known_open(struct known **ret, struct err *e)
{
    struct known *k = calloc(1, sizeof *k);
    if (!k)
        return err_set(e, ERR_NO_MEMORY, "the clients known lately");
    pthread_rwlock_init(&k->lock, NULL);
    *ret = k;
    return 0;
}

void known_close(struct known *k)
{
    if (!k)
        return;
    pthread_rwlock_destroy(&k->lock);
    free(k);
}

void known_forget(struct known *k)
{
    pthread_rwlock_wrlock(&k->lock);
    k->generation++;
    for (int i = 0; i < PLACES; i++)
        k->place[i].used = false;
    pthread_rwlock_unlock(&k->lock);
}

/* When it was looked up. */
struct moment {
    uint64_t generation;
    int64_t at_us;
};

/* Still what the store says, as far as this process can know? */
static bool is_fresh(const struct place *p, const struct db *db, int64_t now_us)
{
    return (!p->caller.until_us || p->caller.until_us > clock_now_us()) &&
           (!db_shared(db) || now_us - p->asked_us < KNOWN_SHARED_S * INT64_C(1000000));
}

/* 1: known. -1: out of memory. */
static int look_up(struct known *k, const struct db *db, const uint8_t hash[SHA256_BYTES], struct arena *a,
                   struct caller *ret, struct moment *ret_when)
{
    int found = 0;
    int64_t now = clock_mono_us();
    pthread_rwlock_rdlock(&k->lock);
    const struct place *p = &k->place[hash[0]];
    *ret_when = (struct moment){k->generation, now};
    if (p->used && crypto_equal(p->hash, hash, SHA256_BYTES) && is_fresh(p, db, now)) {
        found = 1;
        *ret = p->caller;
        ret->webhook_origin = p->has_origin ? arena_str(a, slice_of(p->origin)) : NULL;
        if (p->has_origin && !ret->webhook_origin)
            found = -1;
    }
    pthread_rwlock_unlock(&k->lock);
    return found;
}

/* Not if something was forgotten since the store was asked: the answer may be older than the change. */
static void remember(struct known *k, const uint8_t hash[SHA256_BYTES], const struct caller *c,
                     const struct moment *when)
{
    struct place p = {.used = true, .asked_us = when->at_us, .caller = *c, .has_origin = c->webhook_origin != NULL};
    if (p.has_origin && strlen(c->webhook_origin) >= ORIGIN_MAX)
        return;
    memcpy(p.hash, hash, SHA256_BYTES);
    if (p.has_origin)
        memcpy(p.origin, c->webhook_origin, strlen(c->webhook_origin) + 1);
    p.caller.webhook_origin = NULL;
    pthread_rwlock_wrlock(&k->lock);
    if (k->generation == when->generation)
        k->place[hash[0]] = p;
    pthread_rwlock_unlock(&k->lock);
}

int known_identify(struct known *k, struct db *db, const uint8_t scope[16], struct slice authorization,
                   const char *open_client, struct arena *a, struct caller *ret, struct err *e)
{
    uint8_t hash[SHA256_BYTES];
    struct moment when;
    if (!authorization.p)
        return client_identify(db, scope, authorization, open_client, a, ret, e);
    sha256(authorization, hash);
    int found = look_up(k, db, hash, a, ret, &when);
    if (found)
        return found > 0 ? 0 : err_set(e, ERR_NO_MEMORY, "a caller");
    if (client_identify(db, scope, authorization, open_client, a, ret, e))
        return -1;
    remember(k, hash, ret, &when);
    return 0;
}

int known_identify_cert(struct known *k, struct db *db, const uint8_t scope[16], const uint8_t cert[32],
                        const uint8_t subject[32], struct arena *a, struct caller *ret, struct err *e)
{
    /* no header's value begins with NUL, so none is taken for a certificate */
    const struct slice piece[] = {SLICE("\0certificate"), {(const char *)cert, 32}, {(const char *)subject, 32}};
    uint8_t hash[SHA256_BYTES];
    struct moment when;
    sha256_of(piece, COUNT(piece), hash);
    int found = look_up(k, db, hash, a, ret, &when);
    if (found)
        return found > 0 ? 0 : err_set(e, ERR_NO_MEMORY, "a caller");
    if (client_identify_cert(db, scope, cert, subject, a, ret, e))
        return -1;
    remember(k, hash, ret, &when);
    return 0;
}
