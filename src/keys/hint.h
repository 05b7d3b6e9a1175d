/* hint.h -- which ids belonged together when they were looked up last: where the store is a round trip away, what
 * follows from each other can then be asked for at once.
 *
 * A hint is never believed: whoever takes one asks the store for everything all the same, and holds the answers against
 * it. It is a secret of the kind that the edges of the study are, so it is kept like keys: in locked memory, HINTS at
 * most, until the keyring is closed, another comes to its place, or one of its ids is forgotten
 * (keyring_subject_forget). Any thread; never waits for the store. */
#ifndef KEYS_HINT_H
#define KEYS_HINT_H

#include "keys/keyring.h"

enum { HINT_IDS = 5, HINT_NAME = 32, HINTS = 4096 };

/* false: there is none of this name. *ret_forgets: how often ids were forgotten by now, for keyring_hint_keep. */
bool keyring_hint(struct keyring *k, const uint8_t name[HINT_NAME], uint8_t ret[HINT_IDS][ID_BYTES],
                  int64_t *ret_forgets);
/* A hint that cannot be kept is as good as none; nor is one when ids were forgotten since it was looked for, which may
 * be these. */
void keyring_hint_keep(struct keyring *k, const uint8_t name[HINT_NAME], const uint8_t ids[HINT_IDS][ID_BYTES],
                       int64_t forgets);

#endif
