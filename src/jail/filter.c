/* filter.c -- the system call filter: an allow-list compiled once per spawner, installed in each child by one call.
 *
 * The default is EPERM and not death, so that a library which only tries something (Python tries a great deal) goes on.
 * Another architecture's entry (int 0x80, x32) is death: no honest program does that, and its numbers mean other calls.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/jail_int.h"

static const char *const allowed[] = {
#define ALLOW(name) #name,
#include "jail/syscalls.def"
#undef ALLOW
};

static int allow_plain(scmp_filter_ctx c)
{
    for (size_t i = 0; i < COUNT(allowed); i++) {
        int nr = seccomp_syscall_resolve_name(allowed[i]);
        if (nr < 0)
            continue; /* this machine has no such call (arm64 has no open) */
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, nr, 0))
            return -1;
    }
    return 0;
}

/* Threads and processes yes, namespaces no. clone3 hides its flags in memory, where a filter cannot look: ENOSYS makes
 * the C library fall back to clone. */
static int allow_clone(scmp_filter_ctx c)
{
    const uint64_t spaces =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0)))
        return -1;
    return seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int allow_prctl(scmp_filter_ctx c)
{
    static const int option[] = {
        PR_SET_NAME,         PR_GET_NAME,    PR_GET_DUMPABLE, PR_CAPBSET_READ,
        PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, 0x53564d41 /* PR_SET_VMA: malloc names its areas */};
    for (size_t i = 0; i < COUNT(option); i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, (scmp_datum_t)option[i])))
            return -1;
    return 0;
}

/* Copies and flags of its own descriptors. No locks, leases and notices: on a file of the image, which other runs see,
 * too, they would be a sign to those. No wider pipes: nothing but a control group counts that memory. */
static int allow_fcntl(scmp_filter_ctx c)
{
    static const unsigned command[] = {F_DUPFD, F_GETFD,         F_SETFD,     F_GETFL,
                                       F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ};
    for (size_t i = 0; i < COUNT(command); i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, command[i])))
            return -1;
    return 0;
}

/* Is it a terminal, how many bytes wait, close on exec, non-blocking. The kernel looks at the low 32 bits only, so the
 * comparison must too. */
static int allow_ioctl(scmp_filter_ctx c)
{
    static const unsigned request[] = {0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451};
    for (size_t i = 0; i < COUNT(request); i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request[i])))
            return -1;
    return 0;
}

static int export(scmp_filter_ctx c, struct sock_fprog *ret)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(c, fd))
        return -1;
    off_t size = lseek(fd, 0, SEEK_END);
    void *code = size > 0 ? malloc((size_t)size) : NULL;
    if (!code || pread(fd, code, (size_t)size, 0) != size)
        return -1;
    close(fd);
    *ret = (struct sock_fprog){(unsigned short)((size_t)size / sizeof(struct sock_filter)), code};
    return 0;
}

int filter_build(struct sock_fprog *ret, struct fail *f)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!c)
        return fail_set(f, JAIL_WHY_SECCOMP);
    int bad = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) ||
              seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2) || /* a binary tree */
              allow_plain(c) || allow_clone(c) || allow_prctl(c) || allow_fcntl(c) || allow_ioctl(c) ||
              export(c, ret);
    seccomp_release(c);
    return bad ? fail_set(f, JAIL_WHY_SECCOMP) : 0;
}

int filter_install(const struct sock_fprog *p)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, p);
}
