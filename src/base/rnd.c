#include "base/rnd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

void rnd_bytes(void *p, size_t n)
{
    unsigned char *b = p;
    while (n) {
        ssize_t got = getrandom(b, n < 256 ? n : 256, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            perror("getrandom");
            abort(); /* keys and ids cannot be made without it */
        }
        b += got;
        n -= (size_t)got;
    }
}

void uuid7(uint8_t id[UUID_BYTES])
{
    rnd_bytes(id, UUID_BYTES);
    uint64_t us = (uint64_t)clock_now_us(), ms = us / 1000, part = us % 1000 * 4096 / 1000; /* 6.2, method 3 */
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)(ms >> (40 - 8 * i));
    id[6] = (uint8_t)(0x70 | part >> 8);
    id[7] = (uint8_t)part;
    id[8] = 0x80 | (id[8] & 63);
}

char *uuid_text(const uint8_t id[UUID_BYTES], char out[UUID_TEXT])
{
    char *p = out;
    for (int i = 0; i < UUID_BYTES; i++, p += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        hex_encode(id + i, 1, p);
    }
    return out;
}

int uuid_parse(struct slice s, uint8_t id[UUID_BYTES])
{
    char hex[32];
    if (s.n != 36)
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (s.p[i] == '-'))
            return 0;
        if (!dash)
            hex[n++] = s.p[i];
    }
    return hex_decode((struct slice){hex, 32}, id, UUID_BYTES) == UUID_BYTES;
}
