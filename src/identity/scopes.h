/* scopes.h -- the scopes of a program's access token (RFC 6749 3.3, SMART App Launch 2): scopes.def, as a set of bits.
 * Knows nothing of tokens or routes. Pure. */
#ifndef IDENTITY_SCOPES_H
#define IDENTITY_SCOPES_H

#include "base/err.h"
#include "policy/policy.h"

enum { SCOPES_TEXT_MAX = 1024 };

/* What a space-separated list asks for: system/RESOURCE.LETTERS and system/X.LETTERS, where X is a star and stands for
 * every resource; letters in the order c r u d s. What is not known here, or not granted, is left out (RFC 6749 3.3);
 * ERR_SCOPE_UNKNOWN when nothing is left, or the list is too long or malformed. */
int scopes_parse(struct slice text, uint32_t *ret, struct err *e);
/* The list that says this set and no more. `out` has an arena. */
void scopes_tell(uint32_t scopes, struct buf *out);
/* Every scope there is, as the discovery document lists them: one a text, ended by NULL. */
const char *const *scopes_all(void);

/* Do they cover this action? `one`: on a record that the address names. */
bool scopes_cover(uint32_t scopes, enum entity entity, enum action action, bool one);
/* A scope that would: "system/GuidanceResponse.r", into the arena of `out`. Nothing, where no scope does. */
void scopes_needed(enum entity entity, enum action action, bool one, struct buf *out);

#endif
