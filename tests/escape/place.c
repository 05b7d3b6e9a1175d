#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "the test's place: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_dir(const char *path, mode_t mode) { need(!mkdir(path, mode) && !chmod(path, mode), path); }

static void copy_file(const char *from, const char *to)
{
    static char buf[1 << 16];
    OWN_FD int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    need(in >= 0 && out >= 0, from);
    for (ssize_t n; (n = read(in, buf, sizeof buf)) != 0;)
        need(n > 0 && write(out, buf, (size_t)n) == n, to);
    need(!fchmod(out, 0755), to);
}

static uid_t give_to;

static int give(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)type, (void)f;
    return st->st_mode & S_ISUID ? 0 : lchown(path, give_to, give_to);
}

static void make_files(struct place *p, const char *jail, const char *program)
{
    char path[256];
    make_dir(p->images, 0755);
    make_dir(p->models, 0700); /* as the data folder is: only the jail may come by */
    make_dir(p->model, 0755);
    make_dir(p->scratch, 0777);
    static const char *const folder[] = {"none", "none/dev", "none/tmp", "none/model"};
    for (size_t i = 0; i < COUNT(folder); i++) {
        snprintf(path, sizeof path, "%s/%s", p->images, folder[i]);
        make_dir(path, 0755);
    }
    copy_file(jail, p->jail);
    snprintf(path, sizeof path, "%s/model", p->model);
    copy_file(program, path);
    snprintf(path, sizeof path, "%s/%s", p->model, p->name);
    need(!symlink("model", path), path);
    snprintf(path, sizeof path, "%s/page", p->model);
    copy_file("/etc/passwd", path);
    if (geteuid() == 0) {
        snprintf(path, sizeof path, "%s/suid", p->model);
        copy_file(program, path);
        need(!chown(path, PLACE_USER + 1, PLACE_USER + 1) && !chmod(path, 06755), path);
        p->suid = true;
    }
}

static void become_user(struct place *p)
{
    give_to = PLACE_USER;
    need(!nftw(p->dir, give, 16, FTW_PHYS), "chown");
    need(!setgroups(0, NULL) && !setresgid(PLACE_USER, PLACE_USER, PLACE_USER) &&
             !setresuid(PLACE_USER, PLACE_USER, PLACE_USER) && !prctl(PR_SET_DUMPABLE, 1),
         "setresuid");
}

static void read_mounts(char *text, size_t max)
{
    OWN_FILE FILE *f = fopen("/proc/self/mountinfo", "re");
    need(f != NULL, "mountinfo");
    text[fread(text, 1, max - 1, f)] = '\0';
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    need(d != NULL, "/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

void place_make(struct place *p, int argc, char **argv)
{
    bool user = argc > 1 && !strcmp(argv[1], "--user");
    char **arg = argv + 1 + user, path[256];
    *p = (struct place){.dir = "/tmp/lazaret-test-XXXXXX"};
    need(argc - user >= 3, "usage: [--user] JAIL PROGRAM [IMAGES]");
    umask(0022);
    need(mkdtemp(p->dir) && !chmod(p->dir, 0755), p->dir);
    snprintf(p->jail, sizeof p->jail, "%s/lazaret-jail", p->dir);
    snprintf(p->images, sizeof p->images, "%s/images", p->dir);
    snprintf(p->models, sizeof p->models, "%s/models", p->dir);
    snprintf(p->model, sizeof p->model, "%s/models/" PLACE_DIGEST, p->dir);
    snprintf(p->scratch, sizeof p->scratch, "%s/scratch", p->dir);
    snprintf(p->name, sizeof p->name, "model-%d", (int)getpid() % 1000000);
    snprintf(p->program, sizeof p->program, "/model/%s", p->name);
    make_files(p, arg[0], arg[1]);
    if (argc - user > 3) {
        snprintf(path, sizeof path, "cp -r '%s/python3' '%s/'", arg[2], p->images);
        need(system(path) == 0, path); /* tidy: allow (the test's own paths, copied as cp copies) */
    }
    if (user && geteuid() == 0)
        become_user(p);
    p->as_root = geteuid() == 0;
    signal(SIGPIPE, SIG_IGN);
    read_mounts(p->mounts, sizeof p->mounts);
    p->descriptors = count_descriptors();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}

/* Calls `each` with every process's pid, parent, name and program file, until it answers nonzero. */
static void each_process(void (*each)(pid_t pid, pid_t parent, const char *comm, const char *exe, void *arg), void *arg)
{
    DIR *d = opendir("/proc");
    struct dirent *x;
    need(d != NULL, "/proc");
    while ((x = readdir(d)) != NULL) {
        char path[300], line[512] = "", exe[512] = "";
        snprintf(path, sizeof path, "/proc/%s/stat", x->d_name);
        FILE *f = x->d_name[0] >= '0' && x->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (!f)
            continue;
        bool got = fgets(line, sizeof line, f);
        fclose(f);
        char *comm = strchr(line, '('), *end = strrchr(line, ')');
        if (!got || !comm || !end || end[2] == 'Z')
            continue;
        *end = '\0';
        snprintf(path, sizeof path, "/proc/%s/exe", x->d_name);
        ssize_t n = readlink(path, exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = '\0';
        each((int)strtol(x->d_name, NULL, 10), (int)strtol(end + 4, NULL, 10), comm + 1, exe, arg);
    }
    closedir(d);
}

struct search {
    pid_t parent;
    const char *comm, *prefix;
    pid_t *pids;
    int max, n;
};

static void match(pid_t pid, pid_t parent, const char *comm, const char *exe, void *arg)
{
    struct search *s = arg;
    if ((s->parent && parent != s->parent) || (s->comm && strcmp(comm, s->comm) != 0) ||
        (s->prefix && strncmp(exe, s->prefix, strlen(s->prefix)) != 0) || pid == getpid())
        return;
    if (s->n < s->max)
        s->pids[s->n] = pid;
    s->n++;
}

int place_children(pid_t parent, const char *comm, pid_t *pids, int max)
{
    struct search s = {parent, comm, NULL, pids, max, 0};
    each_process(match, &s);
    return s.n;
}

int place_named(const char *comm, pid_t *ret)
{
    struct search s = {0, comm, NULL, ret, 1, 0};
    each_process(match, &s);
    return s.n;
}

static char group_name[64];
static int groups;

static int match_group(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    groups += type == FTW_D && !strncmp(path + f->base, group_name, strlen(group_name));
    return 0;
}

int place_groups(pid_t jail)
{
    snprintf(group_name, sizeof group_name, "lazaret-jail-%d-", (int)jail);
    groups = 0;
    (void)nftw("/sys/fs/cgroup", match_group, 16, FTW_PHYS);
    return groups;
}

int place_end(struct place *p)
{
    static char now[sizeof p->mounts];
    int left = 0;
    pid_t pid;
    struct search s = {0, NULL, p->dir, &pid, 1, 0};
    each_process(match, &s);
    if (s.n)
        left += fprintf(stderr, "left behind: %d processes, pid %d\n", s.n, (int)pid) > 0;
    read_mounts(now, sizeof now);
    if (strcmp(now, p->mounts) != 0)
        left += fprintf(stderr, "left behind: mounts:\n%s", now) > 0;
    if (count_descriptors() != p->descriptors)
        left += fprintf(stderr, "left behind: %d descriptors\n", count_descriptors() - p->descriptors) > 0;
    if (waitpid(-1, NULL, WNOHANG) >= 0)
        left += fprintf(stderr, "left behind: a child\n") > 0;
    if (nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != EACCES)
        left += fprintf(stderr, "left behind: %s: %s\n", p->dir, strerror(errno)) > 0;
    return left;
}

int place_open_ready(const struct place *p, int spawners, int ready, struct sandbox **ret, struct err *e)
{
    const struct sandbox_config c = {p->jail, p->images, p->models, spawners, ready};
    return sandbox_open(&c, ret, e);
}

int place_open_serving(const struct place *p, int spawners, int ready, struct sandbox **ret, struct err *e)
{
    const struct sandbox_config c = {p->jail, p->images, p->models, spawners, ready, .reuse = true};
    return sandbox_open(&c, ret, e);
}

int place_open(const struct place *p, int spawners, struct sandbox **ret, struct err *e)
{
    return place_open_ready(p, spawners, 0, ret, e);
}

struct sandbox_spec place_spec(const struct place *p, struct slice argv[16], ...)
{
    va_list ap;
    size_t n = 0;
    argv[n++] = slice_of(p->program);
    va_start(ap, argv);
    for (const char *z; n < 16 && (z = va_arg(ap, const char *)) != NULL;)
        argv[n++] = slice_of(z);
    va_end(ap);
    return (struct sandbox_spec){.image = SLICE("none"),
                                 .model = SLICE(PLACE_DIGEST),
                                 .argv = argv,
                                 .argc = n,
                                 .model_key = SLICE("sample"),
                                 .model_version = SLICE("1.0.0"),
                                 .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                                 .max = {5000, 5000, 64, 16, 4, 64}};
}
