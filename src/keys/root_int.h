/* root_int.h -- the kinds of sources, among themselves. */
#ifndef KEYS_ROOT_INT_H
#define KEYS_ROOT_INT_H

#include <sys/types.h>

#include "keys/root.h"

enum root_type { ROOT_FILE, ROOT_CREDS, ROOT_PKCS11 };

/* A source, taken apart: into `room`. */
struct root_parts {
    enum root_type type;
    const char *path; /* of the key, or of the wrapped one */
    const char *uri;  /* without x-wrapped */
    char room[2 * ROOT_SOURCE_MAX];
};
int root_parse(const char *source, struct root_parts *ret, struct err *e);

/* A small file that is secret, whole and without its last line end, in `ret`; `others` are the mode bits that it may
 * not have, and it belongs to root or to this user. Its length, or -1. */
int root_read_secret(const char *path, mode_t others, const char *what, char *ret, size_t max, struct err *e);

/* On a token: what lies in the file, from a key and back. */
int token_wrap(const char *uri, const uint8_t secret[KEY_BYTES], char *ret, size_t max, struct err *e);
int token_unwrap(const char *uri, struct slice line, uint8_t ret[KEY_BYTES], struct err *e);

#endif
