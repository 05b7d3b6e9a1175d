/* keyring.h -- the root key and the domain keys under it.
 *
 *     root key             from a source (keys/root.h); never in the store, never in a backup
 *      +- domain key       one per (scope, domain, epoch), random, wrapped by the root key (table domain_key)
 *      |   +- data key     one per record (a job), random, wrapped by its domain key; deleting the wrap erases the
 * record |   +- subject key  one per (subject, domain): keys/subject.h
 *      +- blind-index key  one per (scope, column): keys/blind.h
 *
 * A wrap is a sealed value (crypto/seal.h). Domain keys are held in locked, guarded memory (libsodium) for the
 * keyring's life. A keyring refuses a root key that the store's data were not made with, and never makes a new one over
 * old data. */
#ifndef KEYS_KEYRING_H
#define KEYS_KEYRING_H

#include "crypto/seal.h"
#include "keys/root.h"
#include "store/db.h"

struct keyring;

/* Reads the root key at the source `root` and checks that it belongs to this store; a store that has none yet takes it.
 * A rotation of the root key that a crash cut off after its commit is finished here. */
int keyring_open(const char *root, struct db *db, struct keyring **ret, struct err *e);
void keyring_close(struct keyring *k);

/* A key derived from the root key for one purpose; wipe it with key_wipe. `label`: "laz/v1/...". */
void keyring_derive(struct keyring *k, const char *label, struct key *ret);
/* The same of a root key alone, before there is a store; and which root key it is. */
int keyring_derive_from(const char *source, const char *label, struct key *ret, char ret_root_id[ROOT_ID_TEXT],
                        struct err *e);

enum { DOMAIN_MAX = 16 };
/* The newest key of a domain; made on first use (that blocks for a commit). Wipe *ret with key_wipe. */
int keyring_domain(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct key *ret,
                   struct err *e);
/* The domain key a wrap was made with. */
int keyring_by_id(struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret, struct err *e);

/* Opens a value that was sealed under a domain key, the newest or an older one. ERR_KEYS. */
int keyring_unseal(struct keyring *k, const struct seal_place *at, struct slice sealed, struct arena *a,
                   struct slice *ret, struct err *e);

/* A fresh data key and its wrap under the domain's newest key. */
int keyring_data_key(struct keyring *k, const char *domain, const struct seal_place *at, struct arena *a,
                     struct key *ret, struct slice *ret_wrap, struct err *e);
int keyring_unwrap(struct keyring *k, const struct seal_place *at, struct slice wrap, struct arena *a, struct key *ret,
                   struct err *e);

/* --- rotation: a domain gets a new key (an epoch); what is sealed under an older one is sealed again, and then that
 * one is destroyed. Each step is a row; what a crash leaves is gone on with. --- */

struct key_epoch {
    char domain[DOMAIN_MAX];
    int64_t epoch;
    struct key key; /* wipe it (key_wipe) */
    uint8_t tag[32], root_tag[32];
    struct slice wrapped; /* in the arena */
};
/* The key that will follow the domain's newest; nothing is stored. ERR_NOT_FOUND: the domain has none yet. */
int keyring_next(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct arena *a,
                 struct key_epoch *ret, struct err *e);
/* In a body: stores it. After the commit keyring_take makes it the newest. ERR_CONFLICT: another process made it, or
 * changed the root key. */
int keyring_store(struct tx *tx, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e);
int keyring_take(struct keyring *k, const uint8_t scope[ID_BYTES], const struct key_epoch *x, struct err *e);

struct key_old {
    uint8_t scope[ID_BYTES], id[KEY_ID_BYTES];
    char domain[DOMAIN_MAX];
    int64_t replaced_at; /* when the newest of its domain was made; wall clock */
};
/* Keys that are not the newest of their domain; at most `max`, of one scope or of all (NULL). Returns how many. */
int keyring_old(struct keyring *k, const uint8_t *scope, struct key_old *ret, int max);
/* Those that are. */
struct key_domain {
    uint8_t scope[ID_BYTES];
    char domain[DOMAIN_MAX];
    int64_t epoch, made_at;
};
int keyring_newest(struct keyring *k, const uint8_t *scope, struct key_domain *ret, int max);
/* A value sealed (a wrap, too) at `at` under any key of the domain, sealed anew under the newest. */
int keyring_reseal(struct keyring *k, const char *domain, const struct seal_place *at, struct slice sealed,
                   struct arena *a, struct slice *ret, struct err *e);
/* In a body: destroys a key for good. Nothing may be sealed under it any more. After the commit: keyring_forget. 1; 0:
 * it was not there any more; -1. */
int keyring_destroy(struct tx *tx, const uint8_t scope[ID_BYTES], const uint8_t id[KEY_ID_BYTES], struct err *e);
void keyring_forget(struct keyring *k, const uint8_t id[KEY_ID_BYTES]);

/* --- another root key: everything that is wrapped by it is wrapped anew, in one transaction ---
 *
 * Without `to` the new key takes the place of the old one, whose file is kept as PATH.old-FINGERPRINT (root.h): backups
 * made before open with it alone. With `to`, a source, the key there is taken, or made if there is none; what is at the
 * old source stays, and the setting has to name the new one at the next start.
 *
 *     1  the new key is durable, as PATH.next or at `to`
 *     2  one transaction: each wrap is another, the store's commitment is to the new key, `also` (an audit entry)
 *     3  PATH gets its second name, PATH.next becomes PATH
 *
 * Killed before the commit of 2, the old key is the store's and PATH; after it, the new one is the store's, and PATH or
 * PATH.next: whoever opens the keyring next does 3. Other processes (PostgreSQL) read the source again when they see
 * that the store's root key is another one; on other machines somebody has to bring them the file.
 *
 * ERR_CONFLICT: keys were made meanwhile, again and again, or another process does the same. */
struct root_rotated {
    char id[ROOT_ID_TEXT], old_id[ROOT_ID_TEXT];
    int wraps;
};
int keyring_rotate_root(struct keyring *k, const char *to, tx_body *also, void *arg, struct root_rotated *ret,
                        struct err *e);

/* The root keys these data had, oldest first: fingerprint, source, since, until (NULL: the present one). -1 or their
 * number. */
int keyring_roots(struct keyring *k, struct arena *a, struct rows *ret, struct err *e);

struct keyring_status {
    int domains, epochs;
    char root_id[ROOT_ID_TEXT];
    char store_id[ROOT_ID_TEXT]; /* of the first root key: names the store, whatever root key it has now */
    char source[ROOT_SOURCE_MAX];
    int64_t root_since; /* wall clock; of a store older than schema 12: when that store was made */
};
void keyring_status(struct keyring *k, struct keyring_status *ret);

#endif
