/* keyring_int.h -- what the parts of the keyring share: keyring.c (domains), rekey.c (the root key), subject.c,
 * blind.c.
 */
#ifndef KEYS_KEYRING_INT_H
#define KEYS_KEYRING_INT_H

#include <pthread.h>

#include "keys/blind.h"
#include "keys/hint.h"
#include "keys/keyring.h"
#include "keys/subject.h"
#include "store/place.h"

enum {
    DOMAINS_MAX = 1024,
    BLINDS_MAX = 64,
    SUBJECT_SETS = 1024,
    SUBJECT_WAYS = 8,
    KEYS_MEMORY = 4 << 20,
    TAG_BYTES = 32,
    TRIES = 5 /* of what others change at the same moment */
};

/* In memory from sodium_malloc: locked, not dumped, between guard pages, wiped when freed. */
struct secrets {
    struct key root;
    uint8_t root_tag[TAG_BYTES];
    struct key coming; /* a rotation's, from before its commit until it is the root key */
    bool is_coming;
    int n;
    struct domain {
        uint8_t scope[ID_BYTES];
        char name[DOMAIN_MAX];
        int64_t epoch, made_at;
        int64_t kept; /* counts up: which of them came since the rows were asked for */
        struct key key;
    } domain[DOMAINS_MAX];
    int blinds; /* made or read so far; the newest BLINDS_MAX are here */
    struct blind {
        uint8_t scope[ID_BYTES];
        enum blind_column column;
        struct key key;
    } blind[BLINDS_MAX];
};

/* A subject's key that was opened. */
struct subject_slot {
    uint8_t scope[ID_BYTES], subject[ID_BYTES];
    enum subject_domain domain;
    int64_t used, read_us; /* when, as a number of uses (0: free); when its row was read, monotonic */
    struct key key;        /* the record key */
};

struct hint {
    bool used;
    uint8_t name[HINT_NAME], id[HINT_IDS][ID_BYTES];
};

struct keyring {
    struct db *db;
    pthread_mutex_t rotating; /* one rotation of the root key at a time; taken before the other */
    pthread_mutex_t lock;     /* guards what follows; never held while the store is waited for, whose bodies take it */
    struct secrets *s;
    /* SUBJECT_SETS of them, and HINTS, in memory like that of the secrets; NULL: none was kept yet */
    struct subject_slot (*subject)[SUBJECT_WAYS];
    struct hint *hint;
    int64_t read_us; /* monotonic: when the rows were read last */
    int64_t kept;    /* domains that came */
    int64_t changes; /* the root key is another, or domains went: rows that were asked for before that are old */
    int64_t uses, forgets;
    int64_t root_since;
    char source[ROOT_SOURCE_MAX], store_id[ROOT_ID_TEXT];
};

/* What is stored beside a wrap; AES-GCM does not commit to its key. */
void key_commit(const struct key *k, uint8_t ret[TAG_BYTES]);
/* A wrap's place: the row is a hash of its name, in `row`. */
struct seal_place place_named(enum place p, const uint8_t *scope, const char *name, uint32_t revision,
                              uint8_t row[ID_BYTES]);
/* Opens a wrap of `id` and holds it against its commitment. `at` as it was sealed; `what` for the sentence. */
int key_unwrap(const struct key *under, const struct seal_place *at, const struct val *id, const struct val *wrapped,
               const struct val *tag, const char *what, struct key *ret, struct err *e);
/* Which root key the store has, and the ones it had: asked without the lock. */
struct root_rows {
    struct rows tag, history;
};
int root_ask(struct keyring *k, struct arena *a, struct root_rows *ret, struct err *e);
/* The keyring's root key is the store's: else what is at the source is read again. With the lock held. */
int root_adopt(struct keyring *k, struct root_rows *r, struct arena *a, struct err *e);
/* The root key and the domains as the store has them now. With the lock held, which is let go meanwhile. */
int keys_read_again(struct keyring *k, struct err *e);
/* --- of domains and of blind indices, each with the lock held but where there is a `tx` --- */

/* The newest known; NULL. */
struct domain *domain_find(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name);
/* A key is kept once, however often it is brought: a second one would pass for an older one, and be destroyed.
 * NULL: there is no room. */
struct domain *domain_keep(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name, int64_t epoch,
                           int64_t made_at, const struct key *key);
/* A fresh key, not stored yet. */
int domain_make(struct keyring *k, const uint8_t scope[ID_BYTES], const char *name, int64_t epoch, struct arena *a,
                struct key_epoch *ret, struct err *e);

struct blind_new {
    const uint8_t *scope;
    enum blind_column column;
    struct key key;
    uint8_t tag[TAG_BYTES], root_tag[TAG_BYTES];
    struct slice wrapped;
};
bool blind_known(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c);
void blind_keep(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, const struct key *key);
/* 1 and *ret, 0 when the store has none, -1. */
int blind_read(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, struct arena *a, struct key *ret,
               struct err *e);
int blind_make(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column c, struct arena *a,
               struct blind_new *ret, struct err *e);
int blind_store(struct tx *tx, const struct blind_new *x, struct err *e);

/* In a body that stores a wrap under the root key of this tag: it is the present one until the commit. ERR_CONFLICT. */
int root_hold(struct tx *tx, const uint8_t tag[TAG_BYTES], struct err *e);
/* Zeroed memory like that of the secrets (sodium_free); NULL: there is none to be had. */
void *secret_memory(size_t n);
/* hint.c; with the lock held. */
void hints_forget(struct keyring *k, const uint8_t id[ID_BYTES]);

#endif
