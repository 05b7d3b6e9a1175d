/* fuzz_jail_request.c -- the jail's reader of requests: whatever it lets through must be as protocol.h says. */
#include <stdlib.h>
#include <string.h>

#include "jail/jail_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Said anew and differently than request.c says it. */
static void check_sound(const struct jail_request *r)
{
    must(r->wall_ms - 1 < JAIL_WALL_MS_MAX && r->cpu_ms - 1 < JAIL_CPU_MS_MAX && r->tmp_mib - 1 < JAIL_TMP_MIB_MAX);
    must(r->memory_mib - 1 < JAIL_MEMORY_MIB_MAX && r->pids - 1 < JAIL_PIDS_MAX);
    must(memchr(r->image, 0, sizeof r->image) && *r->image && !strpbrk(r->image, "/._ ABCXYZ"));
    must(strnlen(r->model, sizeof r->model) == 64 && strspn(r->model, "0123456789abcdef") == 64);
    must(memchr(r->model_key, 0, sizeof r->model_key) && !strpbrk(r->model_key, "=/\n "));
    must(memchr(r->model_version, 0, sizeof r->model_version) && !strpbrk(r->model_version, "=/\n "));
    must(r->contract == JAIL_STDIO || (r->contract == JAIL_FILES && r->held_ms == 0));
    const char *at = r->args, *end = r->args + r->args_len;
    for (uint32_t i = 0; i < r->argc; i++, at += strlen(at) + 1)
        must(at < end && memchr(at, 0, (size_t)(end - at)));
    must(at == end && r->argc <= JAIL_ARGS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jail_request r;
    if (request_check(data, size) == 0) {
        must(size == sizeof r);
        memcpy(&r, data, sizeof r);
        check_sound(&r);
    }
    /* The head of a sound message in front of the input: else a fuzzer spends its time on the head. */
    memset(&r, 0, sizeof r);
    memcpy((char *)&r + sizeof r.head, data, size < sizeof r - sizeof r.head ? size : sizeof r - sizeof r.head);
    r.head = (struct jail_head)JAIL_HEAD(JAIL_RUN, struct jail_request);
    if (request_check(&r, sizeof r) == 0)
        check_sound(&r);
    return 0;
}
