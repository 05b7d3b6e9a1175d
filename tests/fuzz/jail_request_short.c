/* jail_request_short.c -- the fuzzer's target without a fuzzer: a sound request with one to four changed bytes, many
 * times over, from a fixed seed. Counts how many were let through, which must be some and not all. */
#include <stdio.h>
#include <string.h>

#include "jail/jail_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS = 200000 };

static uint32_t state = 20261125;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

int main(void)
{
    static const char args[] = "/model/model\0-x";
    struct jail_request sound = {.head = JAIL_HEAD(JAIL_RUN, struct jail_request), .wall_ms = 1, .cpu_ms = 1,
                                 .memory_mib = 1, .pids = 1, .tmp_mib = 1, .argc = 2, .args_len = sizeof args,
                                 .image = "none", .model_key = "k", .model_version = "1"};
    int passed = 0;
    memset(sound.model, 'a', 64);
    memcpy(sound.args, args, sizeof args);
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char bytes[sizeof sound];
        memcpy(bytes, &sound, sizeof sound);
        for (uint32_t k = next() % 4 + 1; k > 0; k--)
            bytes[next() % (next() % 2 ? 280 : sizeof bytes)] = (unsigned char)next();
        size_t n = next() % 64 ? sizeof bytes : next() % sizeof bytes;
        passed += request_check(bytes, n) == 0;
        LLVMFuzzerTestOneInput(bytes, n);
    }
    printf("1..1\n%sok 1 - what the reader lets through is sound (%d of %d let through)\n",
           passed > 0 && passed < ROUNDS ? "" : "not ", passed, ROUNDS);
    return passed > 0 && passed < ROUNDS ? 0 : 1;
}
