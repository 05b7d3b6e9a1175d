/* first.h -- the keys a module will need, made at its start in one transaction rather than one each when they are first
 * wanted: a commit is a wait for the disk, and a request should not wait for a dozen of them. */
#ifndef KEYS_FIRST_H
#define KEYS_FIRST_H

#include "keys/blind.h"

enum { FIRST_MAX = 32 }; /* of either kind, at most */

struct first_keys {
    const char *const *domain; /* keyring_domain's */
    int domains;
    const enum blind_column *column; /* blind_index's; of ids */
    int columns;
};
/* All of them are there and read when it returns 0. Blocks for one commit if any is missing; for one each where another
 * process makes the same keys at the same moment. Any thread; not from inside a body. */
int keyring_first(struct keyring *k, const uint8_t scope[ID_BYTES], const struct first_keys *want, struct err *e);

#endif
