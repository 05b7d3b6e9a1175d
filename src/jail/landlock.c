/* landlock.c -- a second fence round the files, of another make than the mounts: read and execute below the root, read
 * and write but not execute below /tmp, read and write /dev/null. From ABI 4 no TCP, from ABI 6 no abstract sockets and
 * no signals out of the fence. Used where the kernel has it; the report says so where it has not. */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/jail_int.h"

/* The kernel's struct grew; ours has all of it, and the size passed says how much the kernel knows. */
struct ruleset {
    uint64_t files, net, scoped;
};

enum {
    READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    FILES_1 = (1 << 13) - 1, /* everything ABI 1 knows */
    REFER = 1 << 13,         /* ABI 2 */
    TRUNCATE = 1 << 14,      /* ABI 3 */
    IOCTL_DEV = 1 << 15,     /* ABI 5 */
    NODES = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK
};

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static int allow(int ruleset, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return (int)rc;
}

int landlock_enter(struct fail *f)
{
    int abi = landlock_abi();
    if (!abi)
        return 0;
    uint64_t files = FILES_1 | (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL_DEV : 0);
    struct ruleset r = {files, abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0};
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
    if (fd < 0 || allow(fd, "/", READ | LANDLOCK_ACCESS_FS_EXECUTE) ||
        allow(fd, "/tmp", files & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | NODES | IOCTL_DEV)) ||
        allow(fd, "/dev/null", (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE) & files) ||
        syscall(SYS_landlock_restrict_self, fd, 0))
        return fail_set(f, JAIL_WHY_LANDLOCK);
    close(fd);
    return 0;
}
