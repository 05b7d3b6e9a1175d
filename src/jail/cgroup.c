/* cgroup.c -- a control group per spawner, made ahead, so that a run costs no mkdir and no move.
 *
 * v2: below this process's own group or the nearest one above it that hands memory and pids down to children and lets
 * us make one; the child is born in it (CLONE_INTO_CGROUP). v1: the spawner itself sits in the group, and children
 * inherit it; writing cgroup.procs for each run would wait for a machine-wide lock, 9 to 21 ms at the 99th percentile.
 * Neither: mode NONE, rlimits and the sizes of /tmp hold alone, and the report calls the memory limit soft.
 *
 * Groups are called lazaret-jail-PID-SLOT after the main process. It removes them at its end; when it is killed they
 * stay, empty, until the next jail sweeps those whose PID is gone. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/jail_int.h"

#define NAME "lazaret-jail-"

/* Is `word` one of the words of `list`, which are set apart by commas, spaces or its end? */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n) {
        bool starts = p == list || strchr(", ", p[-1]);
        if (starts && strchr(", \n", p[n])) /* strchr finds the NUL as well */
            return true;
    }
    return false;
}

/* "12:cpu,memory:/path" of /proc/self/cgroup: the path of the hierarchy with this controller ("" : v2), or -1. */
static int own_path(const char *controller, char *path, size_t max)
{
    char line[4200];
    int found = -1;
    FILE *in = fopen("/proc/self/cgroup", "re");
    while (in && found && fgets(line, sizeof line, in)) {
        char *list = strchr(line, ':'), *at = list ? strchr(list + 1, ':') : NULL;
        if (!at)
            continue;
        *at++ = '\0';
        at[strcspn(at, "\n")] = '\0';
        if (*controller ? has_word(list + 1, controller) : list[1] == '\0')
            found = snprintf(path, max, "%s", at) < (int)max ? 0 : -1;
    }
    if (in)
        fclose(in);
    return found;
}

/* The mount point and the root of the hierarchy from /proc/self/mountinfo. */
static int mount_point(const char *type, const char *controller, char *point, char *root)
{
    char line[8400], kind[32], options[512];
    int found = -1;
    FILE *in = fopen("/proc/self/mountinfo", "re");
    while (in && found && fgets(line, sizeof line, in)) {
        char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2 ||
            sscanf(tail, " - %31s %*s %511s", kind, options) != 2)
            continue;
        if (!strcmp(kind, type) && (!*controller || has_word(options, controller)))
            found = 0;
    }
    if (in)
        fclose(in);
    return found;
}

/* The folder of this process's own group; `path` has room for 8192. */
static int own_folder(const char *type, const char *controller, char *path)
{
    static char point[4096], root[4096], own[4096];
    if (own_path(controller, own, sizeof own) || mount_point(type, controller, point, root))
        return -1;
    const char *below = own;
    size_t n = strlen(root);
    if (strcmp(root, "/") != 0 && !strncmp(own, root, n))
        below = own + n; /* the mount shows only a part of the hierarchy */
    snprintf(path, 8192, "%s%s", point, strcmp(below, "/") ? below : "");
    return 0;
}

static int open_folder(int at, const char *path)
{
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int put(int fd, const char *text)
{
    return pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text) ? 0 : -1;
}

static int put_at(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : put(fd, text);
    if (fd >= 0)
        close(fd);
    return rc;
}

static bool can_make(int dir)
{
    char name[64];
    snprintf(name, sizeof name, NAME "%d-try", (int)getpid());
    if (mkdirat(dir, name, 0755))
        return false;
    return !unlinkat(dir, name, AT_REMOVEDIR);
}

/* A group hands controllers down when its subtree_control says so. Asking for it succeeds only where no process sits in
 * the group itself, which is never our own group's case unless it is the root: then one level up is tried. */
static bool hands_down(int dir)
{
    char text[512] = "";
    (void)put_at(dir, "cgroup.subtree_control", "+memory +pids");
    int fd = openat(dir, "cgroup.subtree_control", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    return n > 0 && has_word(text, "memory") && has_word(text, "pids") && can_make(dir);
}

static int find_v2(struct cgroup_base *b)
{
    static char path[8192], point[4096], root[4096];
    if (own_folder("cgroup2", "", path) || mount_point("cgroup2", "", point, root))
        return -1;
    for (size_t least = strlen(point); strlen(path) >= least;) {
        int dir = open_folder(AT_FDCWD, path);
        if (dir >= 0 && hands_down(dir)) {
            *b = (struct cgroup_base){CGROUP_V2, dir, dir, (int)getpid()};
            return 0;
        }
        if (dir >= 0)
            close(dir);
        char *cut = strrchr(path, '/');
        if (!cut || strlen(path) == least)
            break;
        *cut = '\0';
    }
    return -1;
}

static int find_v1(struct cgroup_base *b)
{
    static char memory[8192], pids[8192];
    if (own_folder("cgroup", "memory", memory) || own_folder("cgroup", "pids", pids))
        return -1;
    int m = open_folder(AT_FDCWD, memory), p = open_folder(AT_FDCWD, pids);
    if (m >= 0 && p >= 0 && can_make(m) && can_make(p)) {
        *b = (struct cgroup_base){CGROUP_V1, m, p, (int)getpid()};
        return 0;
    }
    if (m >= 0)
        close(m);
    if (p >= 0)
        close(p);
    return -1;
}

void cgroup_find(struct cgroup_base *b)
{
    if (find_v2(b) && find_v1(b))
        *b = (struct cgroup_base){CGROUP_NONE, -1, -1, (int)getpid()};
}

static void sweep_folder(int folder)
{
    int pid, end;
    int fd = open_folder(folder, "."); /* its own position */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *x;
    while (d && (x = readdir(d)) != NULL)
        if (sscanf(x->d_name, NAME "%d-%n", &pid, &end) == 1 && kill(pid, 0) && errno == ESRCH)
            (void)unlinkat(folder, x->d_name, AT_REMOVEDIR);
    if (d)
        closedir(d);
}

void cgroup_sweep(const struct cgroup_base *b)
{
    if (b->mode == CGROUP_NONE)
        return;
    sweep_folder(b->memory_fd);
    if (b->mode == CGROUP_V1)
        sweep_folder(b->pids_fd);
}

static int make_group(int folder, const char *name)
{
    if (mkdirat(folder, name, 0755) && errno != EEXIST)
        return -1;
    return open_folder(folder, name);
}

static int open_v1(struct cgroup *c, int memory, int pids)
{
    c->limit_fd = openat(memory, "memory.limit_in_bytes", O_WRONLY | O_CLOEXEC);
    c->swap_fd = openat(memory, "memory.memsw.limit_in_bytes", O_WRONLY | O_CLOEXEC);
    c->oom_fd = openat(memory, "memory.oom_control", O_RDONLY | O_CLOEXEC);
    c->pids_fd = openat(pids, "pids.max", O_WRONLY | O_CLOEXEC);
    return put_at(memory, "cgroup.procs", "0") || put_at(pids, "cgroup.procs", "0") || close(memory) || close(pids);
}

static int open_v2(struct cgroup *c, int group)
{
    c->into_fd = group;
    c->limit_fd = openat(group, "memory.max", O_WRONLY | O_CLOEXEC);
    c->oom_fd = openat(group, "memory.events", O_RDONLY | O_CLOEXEC);
    c->pids_fd = openat(group, "pids.max", O_WRONLY | O_CLOEXEC);
    (void)put_at(group, "memory.swap.max", "0"); /* absent without swap accounting */
    return put_at(group, "memory.oom.group", "1");
}

int cgroup_open(const struct cgroup_base *b, int slot, struct cgroup *ret, struct fail *f)
{
    char name[64];
    *ret = (struct cgroup){.mode = b->mode,
                           .into_fd = -1,
                           .limit_fd = -1,
                           .swap_fd = -1,
                           .pids_fd = -1,
                           .oom_fd = -1,
                           .memory_mib = UINT32_MAX}; /* a new group knows no limit */
    if (b->mode == CGROUP_NONE)
        return 0;
    snprintf(name, sizeof name, NAME "%d-%d", b->owner, slot);
    int memory = make_group(b->memory_fd, name);
    int pids = b->mode == CGROUP_V1 ? make_group(b->pids_fd, name) : memory;
    if (memory < 0 || pids < 0 || (b->mode == CGROUP_V1 ? open_v1(ret, memory, pids) : open_v2(ret, memory)) ||
        ret->limit_fd < 0 || ret->pids_fd < 0 || ret->oom_fd < 0)
        return fail_set(f, JAIL_WHY_CGROUP);
    (void)cgroup_oom_happened(ret);
    return 0;
}

/* v1 wants memory <= memory+swap at every moment: growing, the second is written first. */
static int set_memory(const struct cgroup *c, uint32_t mib)
{
    char text[32];
    bool growing = mib > c->memory_mib;
    snprintf(text, sizeof text, "%llu", (unsigned long long)mib << 20);
    if (growing && c->swap_fd >= 0 && put(c->swap_fd, text))
        return -1;
    if (put(c->limit_fd, text))
        return -1;
    return !growing && c->swap_fd >= 0 ? put(c->swap_fd, text) : 0;
}

int cgroup_limit(struct cgroup *c, uint32_t memory_mib, uint32_t pids, struct fail *f)
{
    char text[32];
    if (c->mode == CGROUP_NONE)
        return 0;
    if (c->memory_mib != memory_mib && set_memory(c, memory_mib))
        return fail_set(f, JAIL_WHY_CGROUP);
    c->memory_mib = memory_mib;
    snprintf(text, sizeof text, "%u", pids + 1 + (c->mode == CGROUP_V1)); /* process 1, and under v1 the spawner */
    if (c->pids != pids && put(c->pids_fd, text))
        return fail_set(f, JAIL_WHY_CGROUP);
    c->pids = pids;
    return 0;
}

bool cgroup_oom_happened(struct cgroup *c)
{
    char text[1024];
    if (c->mode == CGROUP_NONE)
        return false;
    ssize_t n = pread(c->oom_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *at = strstr(text, "oom_kill ");
    uint64_t ooms = at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
    bool more = ooms > c->ooms;
    c->ooms = ooms;
    return more;
}

/* A group is busy for a moment after its last process was reaped. */
static void remove_group(int folder, const char *name)
{
    for (int i = 0; i < 200 && unlinkat(folder, name, AT_REMOVEDIR) && errno == EBUSY; i++)
        usleep(1000);
}

void cgroup_remove(const struct cgroup_base *b, int slot)
{
    char name[64];
    if (b->mode == CGROUP_NONE)
        return;
    snprintf(name, sizeof name, NAME "%d-%d", b->owner, slot);
    remove_group(b->memory_fd, name);
    if (b->mode == CGROUP_V1)
        remove_group(b->pids_fd, name);
}

const char *cgroup_mode_name(enum cgroup_mode m)
{
    return m == CGROUP_V2 ? "v2" : m == CGROUP_V1 ? "v1" : "none";
}
