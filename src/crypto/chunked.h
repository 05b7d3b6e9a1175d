/* chunked.h -- authenticated encryption of what is too large to be held: a file, chunk by chunk, in constant memory.
 *
 * This is Cobblestone-256 of C2SP chunked-encryption (c2sp.org/chunked-encryption: HKDF-Expand-SHA-512, AES-256-GCM).
 * A sealed message is
 *
 *     salt (24) | commitment (32) | chunk 0 | chunk 1 | ... | last chunk          each chunk 16 bytes more than its
 * text
 *
 * All chunks hold 16 KiB of text but the last, which holds less (it may be empty): that is how the end is known, so a
 * message that was cut off does not end. Salt, input key and context give the key, the first nonce and the commitment;
 * a chunk's number is part of its nonce, so one that was moved, doubled or taken from another message does not open.
 * The context is what binds a message to its place.
 *
 * Nothing of a chunk is given out before all of it was checked. Nothing allocates or blocks. One thread at a time. */
#ifndef CRYPTO_CHUNKED_H
#define CRYPTO_CHUNKED_H

#include "crypto/seal.h"

enum {
    CHUNKED_SALT = 24,
    CHUNKED_HEAD = CHUNKED_SALT + 32,
    CHUNK_TEXT = 16 * 1024,
    CHUNK_MORE = 16, /* what a chunk is longer than its text */
    CHUNK_SEALED = CHUNK_TEXT + CHUNK_MORE
};

struct chunked {
    uint8_t key[KEY_BYTES], iv[GCM_IV];
    uint64_t next; /* the number of the chunk to come */
    bool ended;    /* the last one was sealed or opened: the message is whole */
};
void chunked_wipe(struct chunked *c);

/* The head of a new message under a key that is random; `salt` is, too, and never used twice with it. */
void chunked_begin(const uint8_t key[KEY_BYTES], const uint8_t salt[CHUNKED_SALT], struct slice context,
                   struct chunked *ret, uint8_t ret_head[CHUNKED_HEAD]);
/* text.n + CHUNK_MORE bytes to `out`. Less than CHUNK_TEXT is the last chunk. -1: the message had ended, or the cipher
 * failed. */
int chunked_seal(struct chunked *c, struct slice text, uint8_t *out);

/* -1: another key or context, or the head was changed. */
int chunked_resume(const uint8_t key[KEY_BYTES], struct slice context, const uint8_t head[CHUNKED_HEAD],
                   struct chunked *ret);
/* One whole chunk; its text, sealed.n - CHUNK_MORE bytes, to `out`. -1: it is not the one that comes here, it was
 * changed, or the message had ended; nothing opens after that. The message is whole when `ended` is true after the last
 * of it. */
int chunked_open(struct chunked *c, struct slice sealed, uint8_t *out);

#endif
