/* challenge.h -- the random text that a passkey signs, so that what it signed is of now and good once.
 *
 * A challenge is   nonce (16) | until, us (8) | what for (1) | whose, or zeros (16) | HMAC-SHA-256 (32)   73 bytes,
 * under a key of this scope. It carries all that is to be known of it, so whoever asks for challenges, signed in or
 * not, fills no table; only one that was answered with a good signature is written down, in the transaction of what it
 * was for, until it would have expired. */
#ifndef IDENTITY_CHALLENGE_H
#define IDENTITY_CHALLENGE_H

#include "identity/person.h"

enum { CHALLENGE_BYTES = 73, CHALLENGE_TEXT = 99, CHALLENGE_S = 300 };
enum challenge_for { CHALLENGE_SIGN_IN = 1, CHALLENGE_STEP_UP, CHALLENGE_REGISTER };

/* `staff`: NULL where nobody is known yet. The text is base64url. May block for a commit once. */
int challenge_make(const struct people *p, enum challenge_for what, const uint8_t staff[16], char ret[CHALLENGE_TEXT],
                   struct err *e);
/* Is it ours, for this, for them, and not too old? ERR_TOKEN. */
int challenge_check(const struct people *p, enum challenge_for what, const uint8_t staff[16], struct slice challenge,
                    struct err *e);
/* In a body, after challenge_check: ERR_TOKEN when it was answered before. */
int challenge_use(struct tx *tx, const uint8_t scope[16], struct slice challenge, struct err *e);

#endif
