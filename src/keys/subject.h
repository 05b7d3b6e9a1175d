/* subject.h -- one key for each subject (a person, or a house) and domain: what is destroyed when they are to be
 * forgotten.
 *
 *     domain key                 keyring.h: one per (scope, domain, epoch)
 *      +- subject key            random, one per (scope, subject, domain), wrapped by the domain key: table subject_key
 *          +- record key         HKDF-SHA-256 (RFC 5869) of it, info "laz/v1/rec": seals the subject's values
 *          +- commitment         HKDF of it, salt its id, info "laz/v1/commit": stored beside the wrap
 *
 * Only the record key leaves this module. Its id is the subject key's, so a sealed value says whose key it needs.
 * Seal with it at a place that names the subject (struct seal_place): a value moved to another subject does not open.
 * The wrap is bound to scope, subject and domain. AES-GCM does not commit to its key (one ciphertext may open under two
 * keys that were chosen for that), so a key that was unwrapped counts only if its commitment is the stored one.
 *
 * Destroying overwrites wrap and commitment, for all domains of the subject; who, what and when stay in the row, so
 * that nobody makes the key anew. After db_scrub nothing of the wrap is in any file of a SQLite store; of PostgreSQL's
 * files, its log and its backups that is up to the server. A backup made before still has the wrap: the ledger of
 * erasures (jobs/ledger.h) names the subject, and a restore destroys the keys again.
 *
 * Keys that were opened are kept, 8,192 at most, in locked memory: until forgotten, pushed out by others or the keyring
 * is closed. Where other processes use the same store (PostgreSQL), what they destroyed opens here for a minute longer
 * at most -- so whoever destroys a key deletes or blanks the rows under it in the same transaction.
 *
 * Calls with a keyring may wait for the store. Any thread, not from inside a body, unless it takes a `tx`. */
#ifndef KEYS_SUBJECT_H
#define KEYS_SUBJECT_H

#include "keys/keyring.h"

enum subject_domain {
#define SUBJECT_DOMAIN(name, text, what) SUBJECT_##name,
#include "keys/subject_domains.def"
#undef SUBJECT_DOMAIN
    SUBJECT_DOMAINS
};
const char *subject_domain_name(enum subject_domain d);
bool subject_domain_is(const char *name); /* one of them? */

/* A fresh key that is nowhere stored yet. `key` is the record key; wipe all of it (wipe) when done. */
struct subject_key {
    uint8_t scope[ID_BYTES], subject[ID_BYTES];
    enum subject_domain domain;
    struct key key;
    uint8_t wrapped[KEY_BYTES + SEAL_OVERHEAD], tag[32];
};
/* Before the body. The domain's own key is made when it is the first. */
int keyring_subject_make(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                         enum subject_domain d, struct subject_key *ret, struct err *e);
/* In the body that stores the first value under it. ERR_CONFLICT: the subject has a key there already; ERR_GONE: it had
 * one, in whatever domain, that was destroyed. (On PostgreSQL a body that destroys at the same moment is not seen: both
 * have to change the subject's own row first.) */
int keyring_subject_store(struct tx *tx, const struct subject_key *s, struct err *e);

/* The record key; wipe it (key_wipe). ERR_NOT_FOUND: there is none; ERR_GONE: it was destroyed; ERR_KEYS: the wrap was
 * changed or moved, or does not hold the key that was committed to. */
int keyring_subject_open(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                         enum subject_domain d, struct key *ret, struct err *e);

/* Of those keys the ones that are not kept are read by one question to the store for 25 subjects, and kept: before many
 * are opened one after the other. What is amiss with one of them is said when it is opened. Blocks for that. */
struct subject_want {
    const uint8_t *subject; /* 16 bytes */
    enum subject_domain domain;
};
int keyring_subject_fetch(struct keyring *k, const uint8_t scope[ID_BYTES], const struct subject_want *want, int n,
                          struct err *e);

/* In a body: destroys all keys of the subject, for good. The number of them, or -1. After the commit:
 * keyring_subject_forget, then db_scrub. */
int keyring_subject_destroy(struct tx *tx, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                            struct err *e);
void keyring_subject_forget(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES]);

/* How many there are in all scopes. */
struct subject_count {
    int64_t live, destroyed;
};
int keyring_subject_count(struct keyring *k, struct subject_count *ret, struct err *e);

/* Adds to *ret how many of them are wrapped by `old`. */
int keyring_subject_under(struct keyring *k, const struct key_old *old, int64_t *ret, struct err *e);
/* Rotation: wraps up to `page` keys of `old`, which is not the newest of its domain, under the newest. *ret: how many
 * are wrapped anew; fewer than `page`: none is left that can be seen. Each row is changed from what it was, so others
 * may do the same meanwhile, and a crash leaves every key under one of the two. */
int keyring_subject_rewrap(struct keyring *k, const struct key_old *old, int page, int *ret, struct err *e);

#endif
