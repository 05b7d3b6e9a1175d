/* programs.c -- the token endpoint's half of program.h: fetched key sets, judging, issuing. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "identity/ask.h"
#include "identity/program.h"
#include "identity/scopes.h"

enum { FRESH_S = 300, KEEP_S = 3600, AGAIN_S = 30 };

/* A fetched set; times are monotonic. */
struct remote {
    uint8_t key[SHA256_BYTES]; /* of the client and its URL */
    bool used, fetching;
    int64_t asked_us, fetched_us;
    char *text;
    size_t size;
};

struct programs {
    struct programs_config c;
    struct arena *arena;
    const char *endpoint;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t fetched;
    int fetching;
    struct remote remote[PROGRAM_SETS];
};

int programs_start(const struct programs_config *c, struct programs **ret, struct err *e)
{
    struct arena *a = arena_new(sizeof(struct programs) + 8192);
    struct programs *p = a ? TAKE_NEW(a, struct programs) : NULL;
    const char *endpoint = p ? arena_printf(a, "%s/auth/token", c->issuer) : NULL;
    pthread_condattr_t mono;
    if (!endpoint || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        arena_free(a);
        return err_set(e, ERR_NO_MEMORY, "sign-ins of programs");
    }
    p->c = *c;
    p->arena = a;
    p->endpoint = endpoint;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&p->fetched, &mono);
    pthread_condattr_destroy(&mono);
    *ret = p;
    return 0;
}

void programs_stop(struct programs *p)
{
    if (!p)
        return;
    p->stop = true;
    pthread_mutex_lock(&p->lock);
    while (p->fetching)
        pthread_cond_wait(&p->fetched, &p->lock);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < PROGRAM_SETS; i++)
        free(p->remote[i].text);
    pthread_cond_destroy(&p->fetched);
    pthread_mutex_destroy(&p->lock);
    arena_free(p->arena);
    curl_global_cleanup();
}

const char *programs_endpoint(const struct programs *p)
{
    return p->endpoint;
}

const char *programs_issuer(const struct programs *p)
{
    return p->c.issuer;
}

/* --- fetched sets; under the lock --- */

/* The set's place: its own, or that of the one asked longest ago. */
static struct remote *place_for(struct programs *p, const uint8_t key[SHA256_BYTES])
{
    _Static_assert(PROGRAM_FETCHES < PROGRAM_SETS, "one is not being fetched");
    struct remote *oldest = NULL;
    for (int i = 0; i < PROGRAM_SETS; i++) {
        struct remote *r = &p->remote[i];
        if (r->used && memcmp(r->key, key, SHA256_BYTES) == 0)
            return r;
        if (!r->fetching && (!oldest || !r->used || (oldest->used && r->asked_us < oldest->asked_us)))
            oldest = r;
    }
    free(oldest->text);
    *oldest = (struct remote){.used = true, .asked_us = INT64_MIN / 2};
    memcpy(oldest->key, key, SHA256_BYTES);
    return oldest;
}

static void wait_for(struct programs *p, const struct remote *r)
{
    int64_t until = clock_mono_us() + ASK_MS * 1000LL;
    struct timespec t = {until / 1000000, until % 1000000 * 1000};
    while (r->fetching && !p->stop && clock_mono_us() < until)
        pthread_cond_timedwait(&p->fetched, &p->lock, &t);
}

/* Gives the lock back meanwhile. */
static void ask(struct programs *p, struct remote *r, const char *url, const char *client)
{
    struct ask how = {.who = "the address of a client's keys", .ca = p->c.ca, .plain = p->c.plain, .stop = &p->stop};
    struct slice text;
    struct err e;
    r->fetching = true;
    r->asked_us = clock_mono_us();
    p->fetching++;
    pthread_mutex_unlock(&p->lock);
    struct arena *a = arena_new(4 << 20);
    int rc = !a ? err_set(&e, ERR_NO_MEMORY, "a key set") : ask_text(&how, url, a, &text, &e);
    rc = rc || keyset_check(text, a, &e) < 0;
    char *copy = rc ? NULL : malloc(text.n);
    if (copy)
        memcpy(copy, text.p, text.n);
    if (rc && !p->stop) {
        log_err(LOG_WARN, "the keys of a client were not fetched", &e);
        log_line(LOG_WARN, "they are those of", "client", client, NULL);
    }
    pthread_mutex_lock(&p->lock);
    if (copy) {
        free(r->text);
        r->text = copy;
        r->size = text.n;
        r->fetched_us = clock_mono_us();
    }
    arena_free(a);
    r->fetching = false;
    p->fetching--;
    pthread_cond_broadcast(&p->fetched);
}

/* 1 found, 0 not there, -1. A set older than `age_s` has no key. */
static int look_up(const struct remote *r, int64_t age_s, const struct token_head *head, struct arena *a,
                   struct slice *ret, struct err *e)
{
    if (!r->text || clock_mono_us() - r->fetched_us > age_s * 1000000)
        return 0;
    struct slice copy = arena_copy(a, (struct slice){r->text, r->size});
    return copy.p ? token_key(copy, head, a, ret, e) : err_set(e, ERR_NO_MEMORY, "a key set");
}

static int fetched_key(struct programs *p, const char *client, const char *url, const struct token_head *head,
                       struct arena *a, struct slice *ret, struct err *e)
{
    const struct slice piece[] = {slice_of(client), {"", 1}, slice_of(url)};
    uint8_t key[SHA256_BYTES];
    sha256_of(piece, COUNT(piece), key);
    pthread_mutex_lock(&p->lock);
    struct remote *r = place_for(p, key);
    int found = look_up(r, FRESH_S, head, a, ret, e);
    if (!found) {
        if (r->fetching)
            wait_for(p, r);
        else if (p->fetching < PROGRAM_FETCHES && clock_mono_us() - r->asked_us > AGAIN_S * INT64_C(1000000))
            ask(p, r, url, client);
        found = memcmp(r->key, key, SHA256_BYTES) == 0 ? look_up(r, KEEP_S, head, a, ret, e) : 0;
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

/* --- judging --- */

struct registered {
    const char *jwks, *url;
    int64_t at;
};

/* 1, 0: there is none with keys, -1. */
static int find_client(struct programs *p, const char *name, struct arena *a, struct caller *ret,
                       struct registered *ret_keys, struct err *e)
{
    struct rows r;
    if (db_rows(p->c.db, a, &r, e,
                "SELECT c.id, c.rate, c.burst, k.jwks, k.url, k.created_at FROM client c JOIN client_keys k ON k.scope "
                "= c.scope AND "
                "k.client = c.id WHERE c.scope = $1 AND c.name = $2 AND c.disabled_at IS NULL",
                V_ID(p->c.scope), V_STR(name)) < 0)
        return -1;
    if (r.n == 0 || strlen(name) > CLIENT_NAME_MAX)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    *ret = (struct caller){.role = ROLE_CLIENT};
    memcpy(ret->scope, p->c.scope, 16);
    memcpy(ret->id, v[0].s.p, 16);
    memcpy(ret->name, name, strlen(name) + 1);
    ret->rate = v[1].kind == VAL_NULL ? -1 : v[1].i;
    ret->burst = v[2].kind == VAL_NULL ? -1 : v[2].i;
    ret_keys->jwks = v[3].kind == VAL_NULL ? NULL : v[3].s.p;
    ret_keys->url = v[4].kind == VAL_NULL ? NULL : v[4].s.p;
    ret_keys->at = v[5].i;
    return 1;
}

int programs_judge(struct programs *p, struct slice assertion, struct arena *a, struct caller *ret,
                   struct assertion *ret_spent, struct err *e)
{
    struct token_head head;
    struct registered keys;
    struct caller caller;
    struct slice jwk;
    const char *name;
    if (assertion_head(assertion, a, &head, &name, e))
        return -1;
    int found = find_client(p, name, a, &caller, &keys, e);
    if (found > 0)
        found = keys.jwks ? token_key(slice_of(keys.jwks), &head, a, &jwk, e)
                          : fetched_key(p, name, keys.url, &head, a, &jwk, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_ASSERTION, "%s", assertion_unproven);
    struct assertion_rules rules = {name, p->endpoint, p->c.issuer, keys.url};
    if (assertion_check(&rules, assertion, jwk, clock_now_us(), a, ret_spent, e))
        return -1;
    ret_spent->keys_at = keys.at;
    *ret = caller;
    return 0;
}

/* --- issuing --- */

struct issuing {
    const struct caller *c;
    const struct assertion *spent;
    uint8_t hash[SHA256_BYTES];
    struct slice scopes;
    int64_t now_us;
    const struct audit_entry *audit;
    struct arena *arena;
};

/* What has expired goes, a few at a time: more than come. */
static int forget(struct tx *tx, int64_t now_us, struct err *e)
{
    return tx_exec(tx, e,
                   "DELETE FROM client_assertion WHERE (scope, client, jti) IN (SELECT scope, client, jti FROM "
                   "client_assertion WHERE until < $1 LIMIT 16 " DB_SKIP_LOCKED ")",
                   V_INT(now_us)) < 0 ||
                   tx_exec(tx, e,
                           "DELETE FROM client_token WHERE hash IN (SELECT hash FROM client_token WHERE until < $1 "
                           "LIMIT 16 " DB_SKIP_LOCKED ")",
                           V_INT(now_us)) < 0
               ? -1
               : 0;
}

/* The keys it was judged by are still the client's. The row first, by a write that changes nothing: who changes the
 * keys waits, or has been waited for, so that no token outlives them. */
static int still_holds(struct tx *tx, const struct issuing *x, struct err *e)
{
    struct rows r;
    if (tx_exec(tx, e, "UPDATE client SET rate = rate WHERE scope = $1 AND id = $2", V_ID(x->c->scope),
                V_ID(x->c->id)) < 0 ||
        tx_rows(tx, x->arena, &r, e, "SELECT created_at FROM client_keys WHERE scope = $1 AND client = $2",
                V_ID(x->c->scope), V_ID(x->c->id)) < 0)
        return -1;
    return r.n && row_at(&r, 0, 0)->i == x->spent->keys_at ? 0 : err_set(e, ERR_ASSERTION, "%s", assertion_unproven);
}

static int audit_token(struct tx *tx, const struct issuing *x, struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = *x->audit;
    entry.scope = x->c->scope;
    entry.object = "Token";
    entry.object_id = uuid_text(x->c->id, text); /* whose: a token has no name but its secret */
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

static int issue(struct tx *tx, void *arg, struct err *e)
{
    struct issuing *x = arg;
    if (still_holds(tx, x, e))
        return -1;
    int n = tx_exec(tx, e,
                    "INSERT INTO client_assertion (scope, client, jti, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO "
                    "NOTHING",
                    V_ID(x->c->scope), V_ID(x->c->id), V_BYTES(x->spent->jti, sizeof x->spent->jti),
                    V_INT(x->spent->until_us));
    if (n < 0)
        return -1;
    if (n == 0)
        return err_set(e, ERR_ASSERTION, "the assertion was used before: each needs a jti of its own");
    return forget(tx, x->now_us, e) ||
                   tx_put(tx, e,
                          "INSERT INTO client_token (hash, scope, client, scopes, until) VALUES ($1, $2, $3, $4, $5)",
                          V_BYTES(x->hash, sizeof x->hash), V_ID(x->c->scope), V_ID(x->c->id), V_TEXT(x->scopes),
                          V_INT(x->now_us + ACCESS_TOKEN_S * INT64_C(1000000))) ||
                   audit_token(tx, x, e)
               ? -1
               : 0;
}

int programs_token(struct programs *p, const struct caller *c, const struct assertion *spent, uint32_t scopes,
                   const struct audit_entry *audit, struct arena *a, const char **ret_token, struct err *e)
{
    struct issuing x = {.c = c, .spent = spent, .now_us = clock_now_us(), .audit = audit, .arena = a};
    struct buf b = buf_in(a, SCOPES_TEXT_MAX);
    scopes_tell(scopes, &b);
    const char *token = client_secret("lt_", a, x.hash);
    if (!token || buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "an access token");
    x.scopes = buf_text(&b);
    if (tx_run(p->c.db, issue, &x, e))
        return -1;
    *ret_token = token;
    return 0;
}
