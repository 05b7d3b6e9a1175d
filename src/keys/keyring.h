/* keyring.h -- the root key and the domain keys under it.
 *
 *     root key          a file of mode 0400 beside the data folder; never in the store, never in a backup
 *      +- domain key    one per (scope, domain, epoch), random, wrapped by the root key (table domain_key)
 *          +- data key  one per record (a job), random, wrapped by its domain key; deleting the wrap erases the record
 *
 * A wrap is a sealed value (crypto/seal.h). Domain keys are held in locked, guarded memory (libsodium) for the
 * keyring's life. A keyring refuses a root key that the store's data were not made with, and never makes a new one over
 * old data. */
#ifndef KEYS_KEYRING_H
#define KEYS_KEYRING_H

#include "crypto/seal.h"
#include "store/db.h"

struct keyring;

/* Makes the root key file (mode 0400), whole and durable or not at all. ERR_KEYS when it exists already. */
int keyring_make_root(const char *path, struct err *e);
/* Reads the root key and checks that it belongs to this store; a store that has none yet takes it. */
int keyring_open(const char *root_path, struct db *db, struct keyring **ret, struct err *e);
void keyring_close(struct keyring *k);

enum { ROOT_ID_TEXT = 17 }; /* a fingerprint of the root key: hexadecimal, safe to print */
/* A key derived from the root key for one purpose; wipe it with key_wipe. `label`: "laz/v1/...". */
void keyring_derive(struct keyring *k, const char *label, struct key *ret);
/* The same of a root key file alone, before there is a store; and which root key it is. */
int keyring_derive_from(const char *root_path, const char *label, struct key *ret, char ret_root_id[ROOT_ID_TEXT],
                        struct err *e);

enum { DOMAIN_MAX = 16 };
/* The newest key of a domain; made on first use (that blocks for a commit). Wipe *ret with key_wipe. */
int keyring_domain(struct keyring *k, const uint8_t scope[ID_BYTES], const char *domain, struct key *ret,
                   struct err *e);
/* The domain key a wrap was made with. */
int keyring_by_id(struct keyring *k, const uint8_t id[KEY_ID_BYTES], struct key *ret, struct err *e);

/* A fresh data key and its wrap under the domain's newest key. */
int keyring_data_key(struct keyring *k, const char *domain, const struct seal_place *at, struct arena *a,
                     struct key *ret, struct slice *ret_wrap, struct err *e);
int keyring_unwrap(struct keyring *k, const struct seal_place *at, struct slice wrap, struct arena *a, struct key *ret,
                   struct err *e);

struct keyring_status {
    int domains, epochs;
    char root_id[ROOT_ID_TEXT];
};
void keyring_status(struct keyring *k, struct keyring_status *ret);

#endif
