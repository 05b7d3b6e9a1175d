/* request.c -- the reader of what a worker asks. The worker may have been taken over: everything is checked, and
 * nothing is used that was not. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "jail/jail_int.h"

static bool name_ok(const char *z, size_t size, size_t least, const char *extra)
{
    size_t n = strnlen(z, size);
    if (n == size || n < least)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool plain = (z[i] >= 'a' && z[i] <= 'z') || (z[i] >= '0' && z[i] <= '9');
        if (!plain && !strchr(extra, z[i]))
            return false;
    }
    for (size_t i = n; i < size; i++)
        if (z[i])
            return false;
    return true;
}

static bool digest_ok(const char *z, size_t size)
{
    return name_ok(z, size, 64, "") && strlen(z) == 64 && strspn(z, "0123456789abcdef") == 64;
}

static bool within(uint32_t v, uint32_t max)
{
    return v >= 1 && v <= max;
}

static bool args_ok(const struct jail_request *r)
{
    if (!within(r->argc, JAIL_ARGS_MAX) || !within(r->args_len, JAIL_ARGS_BYTES))
        return false;
    uint32_t ends = 0;
    for (uint32_t i = 0; i < r->args_len; i++)
        ends += r->args[i] == '\0';
    return ends == r->argc && r->args[r->args_len - 1] == '\0' && r->args[0] == '/';
}

int request_check(const void *message, size_t n)
{
    static const char text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
    struct jail_request r;
    if (n != sizeof r)
        return -1;
    memcpy(&r, message, sizeof r);
    if (!jail_head_ok(&r.head, JAIL_RUN, n, sizeof r))
        return -1;
    if (!within(r.wall_ms, JAIL_WALL_MS_MAX) || !within(r.cpu_ms, JAIL_CPU_MS_MAX) ||
        !within(r.memory_mib, JAIL_MEMORY_MIB_MAX) || !within(r.pids, JAIL_PIDS_MAX) ||
        !within(r.tmp_mib, JAIL_TMP_MIB_MAX) || r.held_ms > JAIL_HELD_MS_MAX || r.contract >= JAIL_CONTRACTS ||
        (r.contract == JAIL_FILES && r.held_ms))
        return -1;
    if (!name_ok(r.image, sizeof r.image, 1, "-") || !digest_ok(r.model, sizeof r.model) ||
        !name_ok(r.model_key, sizeof r.model_key, 0, text) ||
        !name_ok(r.model_version, sizeof r.model_version, 0, text))
        return -1;
    return args_ok(&r) ? 0 : -1;
}

int request_check_fds(const int fds[3])
{
    for (int i = 0; i < 3; i++) {
        struct stat st;
        int flags = fcntl(fds[i], F_GETFL);
        if (flags < 0 || fstat(fds[i], &st) || !S_ISFIFO(st.st_mode))
            return -1;
        if ((flags & O_ACCMODE) != (i == 0 ? O_RDONLY : O_WRONLY))
            return -1;
    }
    return 0;
}
