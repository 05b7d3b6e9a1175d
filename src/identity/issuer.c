#include "identity/issuer.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/own.h"
#include "identity/ask.h"

enum { REFRESH_S = 300, RETRY_S = 60 };

struct issuer {
    struct issuer_config c;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, fetched;
    atomic_bool stop;
    bool wanted; /* by somebody who waits */
    bool fetching;
    int waiters;
    uint64_t tries;              /* fetches that have ended, either way */
    bool failed;                 /* the last one */
    int64_t again_us;            /* when an unknown key may ask again */
    struct slice keys, document; /* as fetched last, ours; {NULL,0}: never */
    uint64_t set;                /* counts the sets that differ */
    int64_t fetched_us;          /* of the last that succeeded */
};

/* --- asking --- */

/* A text of the discovery document; NULL: it has none, or one that is no text. */
static const char *told(const struct json *j, const char *name, struct arena *a)
{
    struct slice s = json_get_text(j, 0, name, a);
    return s.p ? arena_str(a, s) : NULL;
}

/* Discovery, then the keys it points to. */
static int fetch(struct issuer *x, struct arena *a, struct slice *ret_keys, struct slice *ret_document, struct err *e)
{
    struct json j, keys;
    struct ask how = {.ca = x->c.ca, .plain = x->c.plain, .stop = &x->stop};
    long status;
    const char *slash = x->c.url[strlen(x->c.url) - 1] == '/' ? "" : "/";
    const char *url = arena_printf(a, "%s%s.well-known/openid-configuration", x->c.url, slash);
    if (!url)
        return err_set(e, ERR_NO_MEMORY, "ask the identity provider");
    if (ask_json(&how, url, NULL, a, &status, &j, e))
        return err_in(e, "discovery");
    uint32_t issuer = json_get_kind(&j, 0, "issuer", JSON_STRING);
    if (!issuer || !json_is(&j, issuer, x->c.url))
        return err_set(e, ERR_PROVIDER, "the discovery document is of another issuer than staff.issuer");
    const char *where = told(&j, "jwks_uri", a);
    if (!where)
        return err_set(e, ERR_PROVIDER, "the discovery document names no keys (jwks_uri)");
    if (ask_json(&how, where, NULL, a, &status, &keys, e))
        return err_in(e, "keys");
    if (!json_get_kind(&keys, 0, "keys", JSON_ARRAY))
        return err_set(e, ERR_PROVIDER, "the identity provider's key set has no keys");
    *ret_keys = json_span(&keys, 0);
    *ret_document = json_span(&j, 0);
    return 0;
}

/* --- the thread --- */

/* Into *to, unless it is there already. 1: it is another one now; 0; -1: memory is out, and the old one stays. */
static int keep_text(struct slice *to, struct slice text)
{
    if (to->p && slice_eq(*to, text))
        return 0;
    char *copy = malloc(text.n);
    if (!copy)
        return -1;
    memcpy(copy, text.p, text.n);
    free((char *)(uintptr_t)to->p);
    *to = (struct slice){copy, text.n};
    return 1;
}

/* Under the lock. The same keys again are the same set. */
static void keep(struct issuer *x, struct slice keys, struct slice document)
{
    int changed = keep_text(&x->keys, keys);
    if (changed > 0)
        x->set++; /* whether or not there is room for the document */
    if (changed < 0 || keep_text(&x->document, document) < 0)
        return;
    x->fetched_us = clock_mono_us();
}

static void wait_until(struct issuer *x, pthread_cond_t *on, int64_t mono_us)
{
    struct timespec t = {mono_us / 1000000, mono_us % 1000000 * 1000};
    pthread_cond_timedwait(on, &x->lock, &t);
}

static void *ask(void *arg)
{
    struct issuer *x = arg;
    int64_t pause_s = 0, next_us = 0;
    pthread_mutex_lock(&x->lock);
    while (!x->stop) {
        if (!x->wanted && clock_mono_us() < next_us) {
            wait_until(x, &x->wake, next_us);
            continue;
        }
        x->wanted = false;
        x->fetching = true;
        pthread_mutex_unlock(&x->lock);
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        struct slice keys, document;
        struct err e;
        int rc = a ? fetch(x, a, &keys, &document, &e) : err_set(&e, ERR_NO_MEMORY, "ask the identity provider");
        pthread_mutex_lock(&x->lock);
        if (rc == 0)
            keep(x, keys, document);
        if (rc && !x->stop && !x->failed)
            log_err(LOG_WARN, "the identity provider's keys were not fetched", &e);
        else if (rc == 0 && x->failed)
            log_line(LOG_INFO, "the identity provider answers again", NULL);
        x->failed = rc != 0;
        x->fetching = false;
        x->tries++;
        pause_s = rc == 0 ? 0 : pause_s == 0 ? 1 : pause_s * 2 > RETRY_S ? RETRY_S : pause_s * 2;
        next_us = clock_mono_us() + (rc ? pause_s : REFRESH_S) * 1000000;
        pthread_cond_broadcast(&x->fetched);
    }
    pthread_mutex_unlock(&x->lock);
    arena_thread_end();
    return NULL;
}

int issuer_start(const struct issuer_config *c, struct issuer **ret, struct err *e)
{
    pthread_condattr_t mono;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !ask_address_ok(c->url, c->plain))
        return err_set(e, ERR_CONFIG,
                       "staff.issuer is https://HOST/..., without a user in it; http only on this machine and with "
                       "staff.http = on");
    struct issuer *x = calloc(1, sizeof *x);
    if (!x)
        return err_set(e, ERR_NO_MEMORY, "the identity provider");
    x->c = *c;
    x->again_us = INT64_MIN;
    x->fetching = true; /* the thread begins with it: who asks before it runs waits, too */
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &mono);
    pthread_cond_init(&x->fetched, &mono);
    pthread_condattr_destroy(&mono);
    if (pthread_create(&x->thread, NULL, ask, x)) {
        free(x);
        return err_set(e, ERR_INTERNAL, "no thread for the identity provider");
    }
    *ret = x;
    return 0;
}

void issuer_stop(struct issuer *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&x->lock);
    x->stop = true;
    pthread_cond_broadcast(&x->wake);
    pthread_cond_broadcast(&x->fetched);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    pthread_cond_destroy(&x->wake);
    pthread_cond_destroy(&x->fetched);
    pthread_mutex_destroy(&x->lock);
    free((char *)(uintptr_t)x->keys.p);
    free((char *)(uintptr_t)x->document.p);
    free(x);
    curl_global_cleanup();
}

/* --- who asks for keys; under the lock --- */

static bool young(const struct issuer *x)
{
    return x->keys.p && clock_mono_us() - x->fetched_us < x->c.keep_s * 1000000;
}

/* 1 found, 0 not in the set, -1 */
static int look_up(const struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret,
                   uint64_t *ret_set, struct err *e)
{
    if (!young(x))
        return 0;
    struct slice copy = arena_copy(a, x->keys);
    if (!copy.p)
        return err_set(e, ERR_NO_MEMORY, "the identity provider's keys");
    *ret_set = x->set;
    return token_key(copy, head, a, ret, e);
}

/* 1: a fetch that began after this was called, or is under way, has ended. 0: not in time, or nobody may wait any more.
 */
static int wait_for_fetch(struct issuer *x)
{
    int64_t until = clock_mono_us() + ISSUER_WAIT_MS * 1000;
    uint64_t tries = x->tries;
    if (x->waiters == ISSUER_WAITERS)
        return 0;
    x->waiters++;
    while (x->tries == tries && !x->stop && clock_mono_us() < until)
        wait_until(x, &x->fetched, until);
    x->waiters--;
    return x->tries != tries;
}

/* What is not known, or too old, is asked for: not more than once in ISSUER_AGAIN_S. 0: nobody answered in time. */
static int fetch_now(struct issuer *x)
{
    if (clock_mono_us() >= x->again_us && !x->fetching) {
        x->again_us = clock_mono_us() + ISSUER_AGAIN_S * INT64_C(1000000);
        x->wanted = true;
        pthread_cond_signal(&x->wake);
    }
    return !(x->wanted || x->fetching) || wait_for_fetch(x);
}

static int find_key(struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret,
                    uint64_t *ret_set, struct err *e)
{
    int found = look_up(x, head, a, ret, ret_set, e);
    if (found)
        return found;
    if (!fetch_now(x))
        return err_set(e, ERR_PROVIDER, "the identity provider did not answer in time");
    found = look_up(x, head, a, ret, ret_set, e);
    if (found)
        return found;
    return young(x) && !x->failed
               ? err_set(e, ERR_TOKEN, "the token is signed by a key that the identity provider does not have")
               : err_set(e, ERR_PROVIDER, "the identity provider's keys are not known, or too old");
}

int issuer_key(struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret_jwk,
               uint64_t *ret_set, struct err *e)
{
    pthread_mutex_lock(&x->lock);
    int found = find_key(x, head, a, ret_jwk, ret_set, e);
    pthread_mutex_unlock(&x->lock);
    return found > 0 ? 0 : -1;
}

int issuer_holds(struct issuer *x, uint64_t set, struct err *e)
{
    pthread_mutex_lock(&x->lock);
    int rc = young(x) ? x->set == set : err_set(e, ERR_PROVIDER, "the identity provider's keys are too old");
    pthread_mutex_unlock(&x->lock);
    return rc;
}

/* --- where its doors are --- */

static bool lists(const struct json *j, uint32_t list, const char *word)
{
    for (uint32_t i = json_first(j, list); i != json_end(j, list); i = json_next(j, i))
        if (json_kind(j, i) == JSON_STRING && json_is(j, i, word))
            return true;
    return false;
}

static const char *door(const struct issuer *x, const struct json *j, const char *name, struct arena *a)
{
    const char *url = told(j, name, a);
    return url && ask_address_ok(url, x->c.plain) ? url : NULL;
}

static int read_doors(const struct issuer *x, struct slice document, struct arena *a, struct issuer_doors *ret,
                      struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json_parse(a, document, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the discovery document");
    uint32_t iss = json_get(&j, 0, "authorization_response_iss_parameter_supported"),
             methods = json_get_kind(&j, 0, "token_endpoint_auth_methods_supported", JSON_ARRAY);
    *ret = (struct issuer_doors){
        .authorization = door(x, &j, "authorization_endpoint", a),
        .token = door(x, &j, "token_endpoint", a),
        .end_session = door(x, &j, "end_session_endpoint", a),
        .says_iss = iss && json_kind(&j, iss) == JSON_TRUE,
        .secret_in_form = methods && !lists(&j, methods, "client_secret_basic"),
    };
    return ret->authorization && ret->token
               ? 0
               : err_set(e, ERR_PROVIDER,
                         "the discovery document has no authorization_endpoint or token_endpoint over https");
}

int issuer_doors(struct issuer *x, struct arena *a, struct issuer_doors *ret, struct err *e)
{
    struct slice copy = {NULL, 0};
    pthread_mutex_lock(&x->lock);
    bool known = young(x) || (fetch_now(x) && young(x));
    if (known)
        copy = arena_copy(a, x->document);
    pthread_mutex_unlock(&x->lock);
    if (!known)
        return err_set(e, ERR_PROVIDER, "the identity provider's addresses are not known, or too old");
    return copy.p ? read_doors(x, copy, a, ret, e) : err_set(e, ERR_NO_MEMORY, "the discovery document");
}
