/* rnd.h -- random bytes from the kernel, and ids made of them. Never fails: without randomness the process stops. */
#ifndef BASE_RND_H
#define BASE_RND_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

void rnd_bytes(void *p, size_t n);

enum { UUID_BYTES = 16, UUID_TEXT = 37 };
/* RFC 9562 version 7: sorted by the microsecond of making; 62 bits are random. */
void uuid7(uint8_t id[UUID_BYTES]);
char *uuid_text(const uint8_t id[UUID_BYTES], char out[UUID_TEXT]);
int uuid_parse(struct slice s, uint8_t id[UUID_BYTES]); /* 1, or 0 when it is not a UUID */

#endif
