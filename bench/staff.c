/* staff.c -- what it costs to know who of the staff is asking, and what they see.
 *
 *     staff [-t S] FOLDER ISSUER TOKENS KEY
 *
 * ISSUER is a provider on loopback, TOKENS a file with a token a line, all of one person, signed by RS256 with the
 * public key in KEY (PEM). FOLDER gets a SQLite store. On one thread, each call timed by itself; in nanoseconds, the
 * median and the 99th of a hundred: fresh    staff_identify with each token once: hash, form, key, signature, claims,
 * and the row of whom it is for check    of that token_check alone: without hash, key set and row floor    OpenSSL's
 * check of the same signatures, by a key that was read before cached   staff_identify with one token again and again,
 * for S seconds (2): its hash, and the row and of the policy, for every role, entity and action in turn, in nanoseconds
 * on average: decision policy_view and view_shows empty    the same loop around a call that does nothing Prints one
 * line of JSON. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "exchange.h"
#include "identity/scope.h"
#include "identity/staff.h"
#include "keys/root.h"

enum { TOKENS_MAX = 8192, CALLS_MAX = 1 << 20, ROUNDS = 2000, ARENA = 1 << 20 };

static uint32_t took[CALLS_MAX];
static char *text;
static struct slice token[TOKENS_MAX];
static size_t tokens;

static void read_tokens(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t room = 16 << 20, n;
    text = malloc(room);
    if (!f || !text || (n = fread(text, 1, room, f)) == room)
        stop("%s cannot be read, or is too long", path);
    fclose(f);
    struct slice rest = {text, n};
    while (rest.n && tokens < TOKENS_MAX)
        token[tokens++] = slice_cut(&rest, '\n');
}

static void put(const char *name, size_t n)
{
    sort_u32(took, n);
    printf("\"%s\":{\"n\":%zu,\"p50_ns\":%u,\"p99_ns\":%u},", name, n, percentile(took, n, 0.5),
           percentile(took, n, 0.99));
}

/* --- tokens --- */

static void identify(struct staff *s, struct slice one, uint32_t *ret_ns)
{
    OWN_ARENA struct arena *a = arena_new(ARENA);
    struct caller who;
    struct err e;
    int64_t begun = now_ns();
    if (staff_identify(s, one, (struct slice){NULL, 0}, a, &who, &e) || who.role != ROLE_DOCTOR)
        stop("identify: %s", e.detail);
    *ret_ns = (uint32_t)(now_ns() - begun);
}

static void measure_fresh(struct staff *s)
{
    for (size_t i = 1; i < tokens; i++)
        identify(s, token[i], &took[i - 1]);
    put("fresh", tokens - 1);
}

static void measure_cached(struct staff *s, double seconds)
{
    size_t n = 0;
    int64_t ends = now_ns() + (int64_t)(seconds * 1e9);
    uint32_t unused;
    identify(s, token[0], &unused);
    while (n < CALLS_MAX && now_ns() < ends)
        identify(s, token[0], &took[n++]);
    put("cached", n);
}

static void measure_check(struct staff *s)
{
    for (size_t i = 0; i < tokens; i++) {
        OWN_ARENA struct arena *a = arena_new(ARENA);
        struct token_head head;
        struct token t;
        struct slice jwk;
        struct err e;
        uint64_t set;
        if (token_head(token[i], a, &head, &e) || issuer_key(staff_issuer(s), &head, a, &jwk, &set, &e))
            stop("key: %s", e.detail);
        int64_t begun = now_ns();
        if (token_check(&staff_settings(s)->rules, token[i], jwk, clock_now_us(), a, &t, &e))
            stop("check: %s", e.detail);
        took[i] = (uint32_t)(now_ns() - begun);
    }
    put("check", tokens);
}

static void measure_floor(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PUBKEY(f, NULL, NULL, NULL) : NULL;
    if (!key)
        stop("%s is no public key", path);
    fclose(f);
    for (size_t i = 0; i < tokens; i++) {
        unsigned char sig[1024];
        size_t dot = token[i].n;
        while (dot && token[i].p[dot - 1] != '.')
            dot--;
        int n = base64url_decode((struct slice){token[i].p + dot, token[i].n - dot}, sig, sizeof sig);
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        int64_t begun = now_ns();
        int good = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 && n > 0 &&
                   EVP_DigestVerify(c, sig, (size_t)n, (const unsigned char *)token[i].p, dot - 1) == 1;
        took[i] = (uint32_t)(now_ns() - begun);
        EVP_MD_CTX_free(c);
        if (!good)
            stop("a signature that does not hold");
    }
    EVP_PKEY_free(key);
    put("floor", tokens);
}

/* --- decisions --- */

typedef int decide(int role, int entity, int action);

__attribute__((noinline)) static int by_policy(int role, int entity, int action)
{
    return view_shows(policy_view((enum role)role, (enum entity)entity, (enum action)action), SLICE("medical_notes"));
}

__attribute__((noinline)) static int by_nothing(int role, int entity, int action)
{
    __asm__ volatile("" : : "r"(role), "r"(entity), "r"(action));
    return 0;
}

static double decision_ns(decide *f)
{
    volatile int shown = 0;
    int64_t n = 0, begun = now_ns();
    for (int i = 0; i < ROUNDS; i++)
        for (int role = 0; role < ROLE_COUNT; role++)
            for (int entity = 0; entity < ENTITY_COUNT; entity++)
                for (int action = 0; action < ACTION_COUNT; action++, n++)
                    shown = shown + f(role, entity, action);
    return (double)(now_ns() - begun) / (double)n;
}

int main(int argc, char **argv)
{
    double seconds = 2;
    uint8_t scope[ID_BYTES];
    char path[4096], key[4096];
    struct db *db;
    struct keyring *k;
    struct staff *s;
    struct err e;
    uint32_t unused;
    for (int o; (o = getopt(argc, argv, "t:")) != -1;)
        seconds = o == 't' ? seconds_of(optarg) : 0;
    if (seconds <= 0 || argc != optind + 4)
        stop("usage: staff [-t S] FOLDER ISSUER TOKENS KEY");
    snprintf(path, sizeof path, "%s/staff.db", argv[optind]);
    snprintf(key, sizeof key, "%s/staff.key", argv[optind]);
    read_tokens(argv[optind + 2]);
    if (db_open(path, true, &db, &e) || db_migrate(db, &e) || scope_gateway(db, "bench", scope, &e) ||
        root_make(key, &e) || keyring_open(key, db, &k, &e))
        stop("%s", e.detail);
    struct staff_config c = {.people = {db, k, scope},
                             .issuer = {.url = argv[optind + 1], .plain = true, .keep_s = 3600},
                             .rules = {.audience = "lazaret", .roles = "realm_access.roles"},
                             .trust = true};
    if (staff_start(&c, &s, &e))
        stop("%s", e.detail);
    identify(s, token[0], &unused); /* the row is made, the key set fetched */
    printf("{");
    measure_fresh(s);
    measure_check(s);
    measure_floor(argv[optind + 3]);
    measure_cached(s, seconds);
    printf("\"decision_ns\":%.2f,\"empty_ns\":%.2f}\n", decision_ns(by_policy), decision_ns(by_nothing));
    staff_stop(s);
    keyring_close(k);
    db_close(db);
    free(text);
    return 0;
}
