/* attempts_more.c -- programs that try to get out: through /proc and what the kernel lets be set, by using up what there is
 * only so much of, and by signs to another run at the same time or later. attempts.c has the others and the start. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_alg.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

/* --- what the kernel tells of others --- */

static int open_of_victim(const char *what, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)victim, what);
    return open(path, flags);
}

int proc_memory(void)
{
    char buf[8] = "";
    int fd = open_of_victim("mem", O_RDONLY);
    return fd >= 0 && pread(fd, buf, sizeof buf, (off_t)address) == 8 && !memcmp(buf, "secret!", 8);
}

int proc_environment(void)
{
    char buf[64];
    int fd = open_of_victim("environ", O_RDONLY);
    return fd >= 0 && read(fd, buf, sizeof buf) > 0;
}

int proc_descriptor(void)
{
    char name[32], buf[8];
    snprintf(name, sizeof name, "fd/%d", leaked);
    int fd = open_of_victim(name, O_RDONLY);
    return fd >= 0 && pread(fd, buf, sizeof buf, 0) > 0;
}

int proc_core(void) { return open("/proc/kcore", O_RDONLY) >= 0; }
int proc_keys(void) { return reads("/proc/keys"); }
int proc_mounts(void) { return reads("/proc/self/mountinfo"); }
int own_memory(void) { return open("/proc/self/mem", O_RDWR) >= 0; }

int other_pids(void)
{
    for (pid_t p = 2; p < 100000; p++)
        if (p != getpid() && (!kill(p, 0) || errno == EPERM))
            return 1;
    return 0;
}

int compare_victim(void) { return syscall(SYS_kcmp, getpid(), victim, 1 /* KCMP_VM */, 0, 0) >= 0; }
int signal_spawner(void) { return !kill(spawner, SIGCONT); }
int pidfd_of_spawner(void) { return syscall(SYS_pidfd_open, spawner, 0) >= 0; }

int write_memory_of_victim(void)
{
    char buf[8] = "secret!";
    struct iovec from = {buf, 8}, to = {(void *)address, 8};
    return process_vm_writev(victim, &from, 1, &to, 1, 0) == 8;
}

/* --- what the kernel lets be set --- */

int proc_sys(void)
{
    char name[65] = "";
    int fd = open("/proc/sys/kernel/hostname", O_RDWR);
    ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
    return n > 0 && pwrite(fd, name, (size_t)n, 0) == n;
}

int core_pattern(void) { return open("/proc/sys/kernel/core_pattern", O_WRONLY) >= 0; }
int sysrq(void) { return open("/proc/sysrq-trigger", O_WRONLY) >= 0; }

int oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    return fd >= 0 && write(fd, "1000", 4) == 4;
}

static const char *const group_folder[] = {"", "memory/", "pids/", "unified/"};

int make_group(void)
{
    char path[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup/%slazaret-test-%d", group_folder[i], (int)getpid());
        if (!mkdir(path, 0755))
            return !rmdir(path);
    }
    return 0;
}

int leave_group(void)
{
    char path[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup/%scgroup.procs", group_folder[i]);
        if (open(path, O_WRONLY) >= 0)
            return 1;
    }
    return 0;
}

int raise_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return 0;
    rlim_t more = r.rlim_max < 1024 ? r.rlim_max : 1024;
    return more > 256 && !setrlimit(RLIMIT_NOFILE, &(struct rlimit){more, r.rlim_max});
}

int limit_of_victim(void)
{
    struct rlimit r;
    return !syscall(SYS_prlimit64, victim, RLIMIT_NOFILE, NULL, &r);
}

int new_session(void)
{
    pid_t pid = fork();
    int status;
    if (pid == 0)
        _exit(setsid() < 0);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

int io_priority(void) { return !syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7); }
int kexec(void) { return syscall(SYS_kexec_load, 0, 1000, NULL, 0) && errno == EINVAL; } /* too many segments */
int restart(void) { return syscall(SYS_reboot, 0, 0, 0, NULL) && errno == EINVAL; }      /* not its magic number */

int clock_state(void)
{
    struct timex t = {.modes = 0};
    return adjtimex(&t) >= 0;
}

int time_namespace(void) { return !unshare(0x80 /* CLONE_NEWTIME */) || !unshare(CLONE_NEWUSER | 0x80); }
int net_namespace(void) { return !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET); }
static int new_root_here(void) { return mount_here() && !chdir(scratch) && !syscall(SYS_pivot_root, ".", "."); }
int new_root(void) { return with_userns(CLONE_NEWNS, new_root_here); }
static int open_fs_here(void) { return syscall(SYS_fsopen, "tmpfs", 0) >= 0; }
int open_fs(void) { return with_userns(CLONE_NEWNS, open_fs_here); }

int make_disk(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/disk", scratch);
    return !mknod(path, S_IFBLK | 0600, 0x0800) && !unlink(path);
}

int crypto_socket(void)
{
    struct sockaddr_alg a = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
    int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
    return fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof a);
}

int terminal(void) { return open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0; }

/* Types into the terminal it belongs to, as into that of who started it. */
int type_ahead(void)
{
    char name[64];
    int unlock = 0, n, master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0)
        return !ioctl(0, TIOCSTI, "x");
    if (ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &n) || setsid() < 0)
        return 0;
    snprintf(name, sizeof name, "/dev/pts/%d", n);
    int fd = open(name, O_RDWR);
    return fd >= 0 && !ioctl(fd, TIOCSTI, "x");
}

int notifier(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog p = {1, &allow};
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &p) >= 0;
}

#ifdef __x86_64__
int ports(void) { return !syscall(SYS_ioperm, 0x80, 1, 1); }
int segments(void) { return syscall(SYS_modify_ldt, 0, (char[64]){0}, 64) >= 0; }
int int80_socket(void)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(359L), "b"(1L), "c"(1L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    return r >= 0;
}
#endif

/* --- more of what there is only so much of --- */

static void *wait_long(void *arg)
{
    sleep(20);
    return arg;
}

int thread_bomb(void)
{
    pthread_attr_t small;
    pthread_t t;
    int n = 0;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    while (n < 100 && !pthread_create(&t, &small, wait_long, NULL))
        n++;
    return n == 100;
}

int zombie_bomb(void)
{
    for (int n = 0; n < 100; n++) {
        pid_t pid = fork();
        if (pid < 0)
            return 0;
        if (pid == 0)
            _exit(0);
    }
    return 1;
}

int timer_bomb(void)
{
    timer_t t;
    for (int n = 0; n < 200; n++)
        if (timer_create(CLOCK_MONOTONIC, NULL, &t))
            return 0;
    return 1;
}

int sparse_file(void)
{
    char path[512];
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/sparse", scratch);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    return fd >= 0 && !ftruncate(fd, (off_t)1 << 36) && !unlink(path);
}

int wide_pipe(void)
{
    int p[2];
    return !pipe(p) && fcntl(p[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20;
}

int exec_from_memory(void)
{
    char path[512], *args[] = {"/x", "nothing", "0", "0", "0", "", "0", "", "", "", "0", NULL};
    static char bytes[4 << 20];
    int status, fd = (int)syscall(SYS_memfd_create, "x", 0);
    in_model("model", path);
    int in = open(path, O_RDONLY);
    ssize_t n = read(in, bytes, sizeof bytes);
    if (fd < 0 || n <= 0 || write(fd, bytes, (size_t)n) != n)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

int link_model(void)
{
    char from[512], to[512];
    snprintf(to, sizeof to, "%s/link", scratch);
    return in_model("page", from) && !link(from, to) && !unlink(to);
}

int rename_model(void)
{
    char from[512], to[512];
    return in_model("page", from) && in_model("other", to) && !rename(from, to) && !rename(to, from);
}

/* --- a sign for who is there at the same time --- */

static int model_page(void)
{
    char path[512];
    return in_model("page", path) ? open(path, O_RDONLY) : -1;
}

/* The one that is second finds the first, which stays for a while. */
static int stay(void)
{
    usleep(1500000);
    return 0;
}

int lock_beside(void)
{
    int fd = model_page();
    if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
        return stay();
    return fd >= 0 && errno == EWOULDBLOCK;
}

int record_lock_beside(void)
{
    struct flock look = {.l_type = F_WRLCK}, take = {.l_type = F_RDLCK};
    int fd = model_page();
    if (fd < 0 || fcntl(fd, F_GETLK, &look))
        return 0;
    return look.l_type != F_UNLCK || (!fcntl(fd, F_SETLK, &take) && stay());
}

int name_beside(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "%s", mark);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(mark))))
        return stay();
    return fd >= 0 && errno == EADDRINUSE;
}

int memory_beside(void)
{
    int id = shmget((key_t)victim, 4096, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0)
        return errno == EEXIST;
    (void)stay();
    return shmctl(id, IPC_RMID, NULL) && 0;
}

int folder_notice(void)
{
    int fd = open(self, O_RDONLY | O_DIRECTORY);
    signal(SIGIO, SIG_IGN);
    return fd >= 0 && !fcntl(fd, F_NOTIFY, 1 /* DN_ACCESS */);
}

int lease(void)
{
    int fd = model_page();
    return fd >= 0 && !fcntl(fd, F_SETLEASE, F_RDLCK);
}

int page_cache(void)
{
    unsigned char there;
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, model_page(), 0);
    return p != MAP_FAILED && !mincore(p, 4096, &there);
}

/* --- a sign for who comes later: the second of two runs succeeds --- */

int leave_memory(void)
{
    int id = shmget((key_t)victim + 1, 4096, 0600);
    if (id >= 0)
        return !shmctl(id, IPC_RMID, NULL);
    return shmget((key_t)victim + 1, 4096, IPC_CREAT | 0600) < 0 && 0;
}

int leave_message(void)
{
    if (!syscall(SYS_mq_unlink, mark))
        return 1;
    return syscall(SYS_mq_open, mark, O_CREAT | O_RDWR, 0600, NULL) < 0 && 0;
}

int leave_key(void)
{
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", mark, 0);
    if (key > 0)
        return !syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
    return syscall(SYS_add_key, "user", mark, "x", 1, KEY_SPEC_USER_KEYRING) < 0 && 0;
}

int leave_time(void)
{
    enum { SIGN = 12345 };
    char path[512];
    struct stat st;
    const struct timespec t[2] = {{SIGN, 0}, {SIGN, 0}};
    if (!in_model("page", path) || stat(path, &st))
        return 0;
    return st.st_mtime == SIGN || (utimensat(AT_FDCWD, path, t, 0) && 0);
}

/* The test sets both times alike; reading moves one of them. */
int leave_reading(void)
{
    char path[512], c;
    struct stat st;
    if (!in_model("page", path) || stat(path, &st))
        return 0;
    bool was_read = st.st_atim.tv_sec != st.st_mtim.tv_sec;
    return (read(model_page(), &c, 1) == 1) && was_read;
}
