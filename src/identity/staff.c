#include "identity/staff.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wipe.h"
#include "crypto/digest.h"

enum { PLACES = 1024 };

/* A token that was good. Which place: the first bytes of its hash; the newer one stays. */
struct remembered {
    bool used;
    uint8_t hash[SHA256_BYTES];
    uint64_t set; /* of the provider's keys */
    struct token token;
};

struct staff {
    struct staff_config c;
    struct issuer *issuer;
    pthread_rwlock_t lock;
    struct remembered place[PLACES];
};

int staff_start(const struct staff_config *c, struct staff **ret, struct err *e)
{
    struct staff *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NO_MEMORY, "staff");
    s->c = *c;
    s->c.rules.issuer = c->issuer.url;
    if (issuer_start(&c->issuer, &s->issuer, e)) {
        free(s);
        return -1;
    }
    pthread_rwlock_init(&s->lock, NULL);
    *ret = s;
    return 0;
}

void staff_stop(struct staff *s)
{
    if (!s)
        return;
    issuer_stop(s->issuer);
    pthread_rwlock_destroy(&s->lock);
    wipe(s->place, sizeof s->place);
    free(s);
}

bool staff_token(struct slice authorization, struct slice *ret)
{
    struct slice rest = authorization, scheme = slice_cut(&rest, ' ');
    int dots = 0;
    rest = slice_trim(rest);
    for (size_t i = 0; i < rest.n; i++)
        dots += rest.p[i] == '.';
    *ret = rest;
    return slice_is_nocase(scheme, "Bearer") && !slice_starts(rest, "lz_") && !slice_starts(rest, "lt_") && dots == 2;
}

/* --- the token --- */

static size_t place_at(const uint8_t hash[SHA256_BYTES])
{
    return (size_t)(hash[0] << 8 | hash[1]) % PLACES;
}

static bool recall(struct staff *s, const uint8_t hash[SHA256_BYTES], struct token *ret, uint64_t *ret_set)
{
    pthread_rwlock_rdlock(&s->lock);
    const struct remembered *p = &s->place[place_at(hash)];
    bool found = p->used && crypto_equal(p->hash, hash, SHA256_BYTES) && clock_now_us() < p->token.until_us;
    if (found) {
        *ret = p->token;
        *ret_set = p->set;
    }
    pthread_rwlock_unlock(&s->lock);
    return found;
}

static void remember(struct staff *s, const uint8_t hash[SHA256_BYTES], const struct token *t, uint64_t set)
{
    pthread_rwlock_wrlock(&s->lock);
    struct remembered *p = &s->place[place_at(hash)];
    *p = (struct remembered){.used = true, .set = set, .token = *t};
    memcpy(p->hash, hash, SHA256_BYTES);
    pthread_rwlock_unlock(&s->lock);
}

/* 1: it was known; 0: it was checked now. */
static int check_token(struct staff *s, struct slice token, const uint8_t hash[SHA256_BYTES], struct arena *a,
                       struct token *ret, uint64_t *ret_set, struct err *e)
{
    struct token_head head;
    struct slice jwk;
    int holds = recall(s, hash, ret, ret_set) ? issuer_holds(s->issuer, *ret_set, e) : 0;
    if (holds)
        return holds;
    return token_head(token, a, &head, e) || issuer_key(s->issuer, &head, a, &jwk, ret_set, e) ||
                   token_check(&s->c.rules, token, jwk, clock_now_us(), a, ret, e)
               ? -1
               : 0;
}

/* --- the role --- */

static int choose_role(uint32_t roles, struct slice wanted, struct arena *a, enum role *ret, struct err *e)
{
    enum role role = ROLE_ANONYMOUS;
    if (wanted.p) {
        if (role_named(slice_trim(wanted), &role) && (roles >> role & 1))
            return *ret = role, 0;
        return err_set(e, ERR_ROLE_CHOICE, "Lazaret-Role names no role that you hold: %s", person_role_names(roles, a));
    }
    if (roles & (roles - 1))
        return err_set(e, ERR_ROLE_CHOICE, "you hold several roles: choose one by the header Lazaret-Role: %s",
                       person_role_names(roles, a));
    *ret = (enum role)__builtin_ctz(roles);
    return 0;
}

struct issuer *staff_issuer(struct staff *s)
{
    return s->issuer;
}

const struct staff_config *staff_settings(const struct staff *s)
{
    return &s->c;
}

int staff_check(struct staff *s, struct slice token, struct arena *a, struct token *ret, struct err *e)
{
    uint8_t hash[SHA256_BYTES];
    uint64_t set;
    sha256(token, hash);
    return check_token(s, token, hash, a, ret, &set, e) < 0 ? -1 : 0;
}

/* The row of whom a token is for; made and added to when the token is new. */
static int find_person(struct staff *s, const struct token *t, bool known, struct arena *a, struct person *ret,
                       struct err *e)
{
    uint8_t who[SHA256_BYTES];
    struct arrival x = {
        .who = who, .issuer = s->c.rules.issuer, .subject = t->subject, .name = t->name, .by = "provider"};
    x.roles = s->c.trust ? 0 : t->roles;
    if (person_hash(&s->c.people, PERSON_WHO, x.issuer, slice_of(t->subject), who, e))
        return -1;
    int found = person_find(&s->c.people, who, a, ret, e);
    return found < 0 ? -1 : found > 0 && known ? 0 : person_arrive(&s->c.people, &x, found ? ret : NULL, a, ret, e);
}

int staff_person(struct staff *s, const struct token *t, struct arena *a, struct person *ret, struct err *e)
{
    return find_person(s, t, false, a, ret, e);
}

int staff_identify(struct staff *s, struct slice token, struct slice wanted, struct arena *a, struct caller *ret,
                   struct err *e)
{
    uint8_t hash[SHA256_BYTES];
    struct token t;
    struct person p;
    uint64_t set = 0;
    *ret = (struct caller){.role = ROLE_ANONYMOUS, .rate = -1, .burst = -1};
    memcpy(ret->scope, s->c.people.scope, 16);
    sha256(token, hash);
    int known = check_token(s, token, hash, a, &t, &set, e);
    if (known < 0 || find_person(s, &t, known, a, &p, e))
        return -1;
    if (!known)
        remember(s, hash, &t, set);
    const char *subject = arena_str(a, slice_of(t.subject)), *display = arena_str(a, slice_of(t.name));
    if (!subject || !display)
        return err_set(e, ERR_NO_MEMORY, "a person");
    int rc = person_caller(&s->c.people, &p, s->c.trust ? &t.roles : NULL, a, ret, e);
    ret->subject = subject;
    ret->display = display;
    ret->signed_in_at_us = t.signed_in_us;
    return rc ? -1 : choose_role(ret->roles, wanted, a, &ret->role, e);
}
