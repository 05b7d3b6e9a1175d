/* attempts.c -- the programs that try to get out: `attempts NAME PID FD ADDRESS SECRET PORT ABSTRACT SCRATCH MARK
 * SPAWNER`.
 *
 * Each is one function that answers whether it got what it wanted. The same file is run outside, where each must
 * succeed (or it proves nothing), and as a model, where none may. Static, and with no library but libc. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attempts.h"

pid_t victim, spawner;
int leaked, port;
unsigned long address;
const char *self, *secret, *abstract, *scratch, *mark;

int with_userns(int extra, int (*body)(void))
{
    (void)!unshare(extra);
    if (body())
        return 1;
    return !unshare(CLONE_NEWUSER | extra) && body();
}

int reads(const char *path)
{
    char buf[64];
    int fd = open(path, O_RDONLY);
    return fd >= 0 && read(fd, buf, sizeof buf) > 0;
}

int host_file(void) { return reads(secret); }

int proc_root(void)
{
    char path[512];
    snprintf(path, sizeof path, "/proc/1/root%s", secret);
    if (reads(path))
        return 1;
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)victim, secret);
    return reads(path);
}

int dotdot(void)
{
    char path[600];
    snprintf(path, sizeof path, "../../../../../../../../..%s", secret);
    return reads(path);
}

int proc_others(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)victim);
    return reads(path);
}

int sysfs(void) { return opendir("/sys/kernel") != NULL; }

int devices(void)
{
    DIR *d = opendir("/dev");
    int others = 0;
    for (struct dirent *x; d && (x = readdir(d)) != NULL;)
        others += x->d_name[0] != '.' && strcmp(x->d_name, "null") && strcmp(x->d_name, "zero") &&
                  strcmp(x->d_name, "random") && strcmp(x->d_name, "urandom");
    return others;
}

static int loopback(int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type, 0);
    return fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a) && (type != SOCK_DGRAM || write(fd, "x", 1) == 1);
}

int tcp(void) { return loopback(SOCK_STREAM); }
int udp(void) { return loopback(SOCK_DGRAM); }
int raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0; }
int packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
int vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0; }
int pair_of_sockets(void) { return !socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}); }

int abstract_socket(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "%s", abstract);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd >= 0 && !connect(fd, (struct sockaddr *)&a,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract)));
}

int netlink(void)
{
    struct {
        struct nlmsghdr h;
        struct rtgenmsg g;
    } q = {{sizeof q, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
    char buf[8192];
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    return fd >= 0 && send(fd, &q, sizeof q, 0) > 0 && recv(fd, buf, sizeof buf, 0) > 0;
}

int ptrace_victim(void)
{
    int got = !ptrace(PTRACE_SEIZE, victim, NULL, NULL);
    if (got) {
        ptrace(PTRACE_INTERRUPT, victim, NULL, NULL);
        waitpid(victim, NULL, __WALL);
        ptrace(PTRACE_DETACH, victim, NULL, NULL);
    }
    return got;
}

int pidfd_getfd_victim(void)
{
    int fd = (int)syscall(SYS_pidfd_open, victim, 0);
    return fd >= 0 && syscall(SYS_pidfd_getfd, fd, 0, 0) >= 0;
}

int read_memory_of_victim(void)
{
    char buf[8];
    struct iovec to = {buf, 8}, from = {(void *)address, 8};
    return process_vm_readv(victim, &to, 1, &from, 1, 0) == 8;
}

int signal_victim(void) { return !kill(victim, SIGCONT); }

int kill_all(void)
{
    kill(-1, SIGKILL);
    return 0; /* whether somebody else died the test sees for itself */
}

int fork_bomb(void)
{
    enum { MANY = 100 };
    pid_t child[MANY];
    int n = 0;
    while (n < MANY && (child[n] = fork()) >= 0) {
        if (child[n] == 0)
            pause();
        n++;
    }
    for (int i = 0; i < n; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    return n == MANY;
}

static int touches(size_t n)
{
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; p != MAP_FAILED && i < n; i += 4096)
        p[i] = 1;
    return p != MAP_FAILED;
}

int memory_bomb(void) { return touches(192u << 20); }

/* Each process stays below the limit; together they do not. */
int memory_bomb_of_many(void)
{
    enum { PROCESSES = 6 };
    int ok = 0, status, ready[2];
    pid_t child[PROCESSES];
    char c;
    if (pipe(ready))
        return 0;
    for (int i = 0; i < PROCESSES; i++)
        if ((child[i] = fork()) == 0) {
            int got = touches(32u << 20) && write(ready[1], "x", 1) == 1;
            close(ready[1]);
            pause();
            _exit(!got);
        }
    close(ready[1]);
    while (ok < PROCESSES && read(ready[0], &c, 1) == 1)
        ok++;
    for (int i = 0; i < PROCESSES; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], &status, 0);
    }
    return ok == PROCESSES;
}

int memfd(void) { return syscall(SYS_memfd_create, "x", 0) >= 0; }
int lock_memory(void) { return !mlock(calloc(1, 1 << 20), 1 << 20); }

static int make_files(int n, size_t size)
{
    static char block[1 << 20];
    char path[512];
    int made = 0;
    for (; made < n; made++) {
        snprintf(path, sizeof path, "%s/fill-%d", scratch, made);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0 || (size && write(fd, block, size) != (ssize_t)size))
            break;
        close(fd);
    }
    for (int i = 0; i <= made; i++) {
        snprintf(path, sizeof path, "%s/fill-%d", scratch, i);
        unlink(path);
    }
    return made == n;
}

int fill_tmp(void) { return make_files(24, 1 << 20); }
int inode_bomb(void) { return make_files(3000, 0); }

int descriptor_bomb(void)
{
    int n = 0;
    while (n < 400 && dup(0) >= 0)
        n++;
    return n == 400;
}

int setuid_file(void)
{
    char path[512];
    int status;
    snprintf(path, sizeof path, "%s/suid", self);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, "is-suid", "0", "0", "0", "", "0", "", "", "", "0", (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static int is_suid(void) { return geteuid() == 64322; }
int is_root(void) { return geteuid() == 0; }
int become_root(void) { return !setresuid(0, 0, 0); }

int mount_here(void)
{
    return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) && !mount("tmpfs", scratch, "tmpfs", 0, NULL);
}
int mount_tmpfs(void) { return with_userns(CLONE_NEWNS, mount_here); }
int umount_root(void)
{
    errno = 0;
    return umount2("/", MNT_DETACH | 0x40000000) && errno == EINVAL; /* unknown flag: looked at after the permission */
}
static int remount_here(void)
{
    return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) && !mount(self, self, NULL, MS_BIND | MS_REC, NULL);
}
int remount_model(void) { return with_userns(CLONE_NEWNS, remount_here); }
int new_mount_calls(void) { return syscall(SYS_open_tree, AT_FDCWD, "/", 0) >= 0; }
static int chroot_here(void) { return !chroot(scratch); }
int chroot_away(void) { return with_userns(0, chroot_here); }
int new_user_namespace(void) { return !unshare(CLONE_NEWUSER); }

static int ends_well(long pid)
{
    int status;
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid((pid_t)pid, &status, __WALL) == pid && status == 0;
}

int clone_user_namespace(void) { return ends_well(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }

int clone3_user_namespace(void)
{
    struct clone_args a = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    return ends_well(syscall(SYS_clone3, &a, sizeof a));
}

int join_namespace(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/uts", (int)victim);
    int fd = open(path, O_RDONLY);
    if (fd >= 0 && !setns(fd, CLONE_NEWUTS))
        return 1;
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    return pidfd >= 0 && setns(pidfd, CLONE_NEWUTS) && errno == EPERM && fd >= 0; /* reached the kernel's own check */
}

int keyring(void) { return syscall(SYS_add_key, "user", "lazaret-test", "x", 1, -2 /* process */) > 0; }
int io_uring(void) { return syscall(SYS_io_uring_setup, 4, (char[256]){0}) >= 0; }

int bpf_map(void)
{
    union bpf_attr a = {.map_type = BPF_MAP_TYPE_ARRAY};
    a.key_size = a.value_size = 4;
    a.max_entries = 1;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a) >= 0;
}

int perf(void)
{
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                .size = sizeof a,
                                .config = PERF_COUNT_SW_TASK_CLOCK,
                                .exclude_kernel = 1,
                                .exclude_hv = 1};
    return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0) >= 0;
}

int userfaults(void) { return syscall(SYS_userfaultfd, 1 /* user mode only */) >= 0; }

int shared_memory(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    return id >= 0 && !shmctl(id, IPC_RMID, NULL);
}

int message_queue(void)
{
    int fd = (int)syscall(SYS_mq_open, "lazaret-test", O_CREAT | O_RDWR, 0600, NULL);
    return fd >= 0 && !syscall(SYS_mq_unlink, "lazaret-test");
}

int change_personality(void) { return personality(ADDR_NO_RANDOMIZE) >= 0; }

#ifdef __x86_64__
int int80(void)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return r > 0;
}
int x32(void) { return syscall(0x40000000L | SYS_getpid) > 0; }
#endif

int inherited(void)
{
    char buf[8];
    if (pread(leaked, buf, sizeof buf, 0) > 0)
        return 1;
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 1;
    return 0;
}

int environment(void) { return getenv("LAZARET_TEST_SECRET") != NULL; }

int flood(void)
{
    static char block[1 << 16];
    size_t sent = 0;
    memset(block, 'x', sizeof block);
    for (ssize_t n; sent < 4u << 20 && (n = write(1, block, sizeof block)) > 0;)
        sent += (size_t)n;
    return sent >= 4u << 20;
}

int outlive(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            prctl(PR_SET_NAME, mark);
            for (int fd = 0; fd < 3; fd++)
                close(fd);
            sleep(20);
        }
        _exit(0);
    }
    usleep(100000);
    return 1; /* the test looks for the survivor */
}

static int leave_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    return fd >= 0 && write(fd, "x", 1) == 1;
}

int persist(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/persist", scratch);
    bool there = access(path, F_OK) == 0;
    return leave_file("persist") && there; /* the second of two runs succeeds */
}

int write_model(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/extra", self);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    return fd >= 0 && !unlink(path);
}

int write_root(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/../extra", self);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    return fd >= 0 && !unlink(path);
}

int in_model(const char *name, char path[512]) { return snprintf(path, 512, "%s/%s", self, name) > 0; }

int chmod_model(void)
{
    char path[512];
    return in_model("model", path) && !chmod(path, 0755);
}

int xattr_model(void)
{
    char path[512];
    return in_model("model", path) && !setxattr(path, "user.lazaret", "x", 1, 0);
}

int exec_from_tmp(void)
{
    char path[512], from[512];
    static char bytes[4 << 20];
    int status;
    in_model("model", from);
    snprintf(path, sizeof path, "%s/program", scratch);
    int in = open(from, O_RDONLY), out = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    ssize_t n = read(in, bytes, sizeof bytes);
    if (n <= 0 || write(out, bytes, (size_t)n) != n)
        return 0;
    close(out);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, "nothing", "0", "0", "0", "", "0", "", "", "", "0", (char *)NULL);
        _exit(1);
    }
    int ok = waitpid(pid, &status, 0) == pid && status == 0;
    unlink(path);
    return ok;
}

static int nothing(void) { return 1; }

int core_dump(void)
{
    struct rlimit r;
    return !getrlimit(RLIMIT_CORE, &r) && r.rlim_max > 0;
}

int make_node(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/node", scratch);
    return !mknod(path, S_IFCHR | 0600, 0x0103) && !unlink(path);
}

int handle(void)
{
    struct file_handle *h = calloc(1, sizeof *h + 128);
    int mount_id;
    h->handle_bytes = 128;
    if (name_to_handle_at(AT_FDCWD, scratch, h, &mount_id, 0))
        return 0;
    int at = open(scratch, O_RDONLY);
    return open_by_handle_at(at, h, O_RDONLY) >= 0;
}

int host_name(void)
{
    char name[65];
    return !gethostname(name, sizeof name) && !sethostname(name, strlen(name));
}

int raise_priority(void) { return !setpriority(PRIO_PROCESS, 0, -5); }

int real_time(void)
{
    struct sched_param p = {.sched_priority = 1};
    return !sched_setscheduler(0, SCHED_FIFO, &p);
}

int load_module(void)
{
    errno = 0;
    return syscall(SYS_init_module, "x", 1, "") && errno != EPERM && errno != ENOSYS; /* allowed to try */
}

int stop_swapping(void) { return syscall(SYS_swapoff, "/nothing") && errno == ENOENT; }
int kernel_log(void) { return syscall(SYS_syslog, 10, NULL, 0) >= 0; }
int quota(void)
{
    return syscall(SYS_quotactl, 0x800007 << 8, NULL, 0, NULL) && errno != EPERM && errno != ENOSYS;
}
int set_clock(void)
{
    struct timespec t = {0, -1}; /* never valid: the permission is looked at before or after, the clock stays */
    return syscall(SYS_clock_settime, 0, &t) && errno == EINVAL;
}
int fanotify(void) { return syscall(SYS_fanotify_init, 0, O_RDONLY) >= 0; }
int inotify(void) { return syscall(SYS_inotify_init1, 0) >= 0; }
int cross_memory(void) { return syscall(SYS_process_madvise, -1, NULL, 0, 0, 0) && errno == EBADF; }
int become_dumpable(void) { return !prctl(PR_SET_DUMPABLE, 0); }
int stop_dying_with_parent(void) { return !prctl(PR_SET_PDEATHSIG, 0); }

static const struct {
    const char *name;
    int (*try)(void);
} attempts[] = {
#define ATTEMPT(name, function, wanted, root, user) {name, function},
#include "attempts.def"
#undef ATTEMPT
    {"is-suid", is_suid},
    {"nothing", nothing},
};

static const char *at(char **argv, int i) { return argv[i] ? argv[i] : ""; }

int main(int argc, char **argv)
{
    static char folder[512];
    if (argc < 11)
        return 2;
    snprintf(folder, sizeof folder, "%s", argv[0]);
    *strrchr(folder, '/') = '\0';
    self = folder;
    victim = (int)strtol(at(argv, 2), NULL, 10);
    leaked = (int)strtol(at(argv, 3), NULL, 10);
    address = strtoul(at(argv, 4), NULL, 16);
    secret = at(argv, 5);
    port = (int)strtol(at(argv, 6), NULL, 10);
    abstract = at(argv, 7);
    scratch = access(at(argv, 8), W_OK) ? "/tmp" : at(argv, 8);
    mark = at(argv, 9);
    spawner = (pid_t)strtol(at(argv, 10), NULL, 10);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        if (!strcmp(argv[1], attempts[i].name))
            return attempts[i].try() ? 0 : 1;
    return 2;
}
