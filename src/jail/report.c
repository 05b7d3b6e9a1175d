/* report.c -- what holds on this machine, in sentences; and why nothing does, where that is so. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "jail/jail_int.h"

const char *why_sentence(uint32_t why)
{
    static const char *const sentence[] = {
#define REASON(code, text) text,
#include "sandbox/reasons.def"
#undef REASON
    };
    return why < COUNT(sentence) ? sentence[why] : "an unknown reason";
}

/* The number in a file of /proc/sys, or -1 where this kernel has no such switch. */
static long setting(const char *path)
{
    char text[32] = "";
    FILE *in = fopen(path, "re");
    bool got = in && fgets(text, sizeof text, in);
    if (in)
        fclose(in);
    return got ? strtol(text, NULL, 10) : -1;
}

/* Is the root folder no mount's? */
static bool in_chroot(void)
{
    char line[8400], at[4200];
    bool mounted = false;
    FILE *in = fopen("/proc/self/mountinfo", "re");
    while (in && fgets(line, sizeof line, in))
        mounted |= sscanf(line, "%*d %*d %*s %*s %4199s", at) == 1 && !strcmp(at, "/");
    if (in)
        fclose(in);
    return in && !mounted;
}

/* A chroot to where something is mounted looks so, but so does a pivoted root: the last guess. */
static bool has_other_root_than_init(void)
{
    struct stat own, first;
    return !stat("/", &own) && !stat("/proc/1/root", &first) &&
           (own.st_ino != first.st_ino || own.st_dev != first.st_dev);
}

static bool is_filtered(void)
{
    char line[256];
    bool yes = false;
    FILE *in = fopen("/proc/self/status", "re");
    while (in && fgets(line, sizeof line, in))
        yes |= !strncmp(line, "Seccomp:", 8) && strtol(line + 8, NULL, 10) != 0;
    if (in)
        fclose(in);
    return yes;
}

enum jail_why why_no_namespaces(void)
{
    int saved = errno;
    enum jail_why why = JAIL_WHY_NAMESPACES;
    if (setting("/proc/sys/user/max_user_namespaces") == 0)
        why = JAIL_WHY_USERNS_NONE;
    else if (geteuid() != 0 && setting("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        why = JAIL_WHY_USERNS_SYSCTL;
    else if (geteuid() != 0 && setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        why = JAIL_WHY_APPARMOR;
    else if (in_chroot())
        why = JAIL_WHY_CHROOT;
    else if (is_filtered())
        why = JAIL_WHY_CONTAINER;
    else if (has_other_root_than_init())
        why = JAIL_WHY_CHROOT;
    errno = saved;
    return why;
}

struct text {
    char *p;
    size_t n, max;
};

__attribute__((format(printf, 4, 5))) static void line(struct text *t, const char *what, bool holds, const char *fmt,
                                                       ...)
{
    char sentence[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    int n = snprintf(t->p + t->n, t->max - t->n, "%s\n{\"what\":\"%s\",\"holds\":%s,\"sentence\":\"%s\"}",
                     t->n ? "," : "[", what, holds ? "true" : "false", sentence);
    if (n > 0)
        t->n += (size_t)n < t->max - t->n ? (size_t)n : t->max - t->n - 1;
}

static void end(struct text *t)
{
    snprintf(t->p + t->n, t->max - t->n, "\n]\n");
}

static void report_limits(struct text *t, const struct report *r)
{
    bool hard = r->cgroups != CGROUP_NONE;
    line(t, "memory", hard,
         hard
             ? "the memory of a run is limited as a whole by a control group (%s); beyond it the run is killed"
             : "memory is limited softly, each process of a run by itself (control groups: %s): start as root, or with "
               "systemd's Delegate=yes and the controllers memory and pids, for a limit on the whole run",
         cgroup_mode_name(r->cgroups));
    line(t, "processes", true, "the number of processes is limited by RLIMIT_NPROC in the run's own user namespace%s",
         hard ? " and by a control group" : "");
    line(t, "processor", true, "each process has a limit of processor time, the whole run one of wall-clock time");
    line(t, "disk", true,
         "the root is read-only; /tmp lies in memory, is empty at the start, limited in bytes and files, "
         "without programs, and gone with the run");
}

void report_write(const struct report *r, char *text, size_t max)
{
    struct text t = {text, 0, max};
    line(&t, "namespaces", true,
         "each run has user, process, mount, IPC, host name and control group namespaces of its own");
    line(&t, "network", true, "runs see an empty network namespace, and the filter refuses them every socket");
    line(&t, "files", true, "runs see a read-only image, their own model and four harmless devices; no /proc, no /sys");
    line(&t, "user", r->as_root,
         r->as_root ? "models run under user ids of their own, one for each spawner"
                    : "models run under the user id of this service, kept apart by namespaces alone: start as root to "
                      "give them user ids of their own");
    line(&t, "privileges", true, "no capability in any set, no_new_privs, locked securebits: setuid files do nothing");
    line(&t, "system-calls", true,
         "an allow-list of system calls (%u instructions); other architectures' entry is death", r->filter_length);
    line(&t, "landlock", r->landlock > 0,
         r->landlock ? "Landlock (ABI %d) is a second fence round the files"
                     : "this kernel has no Landlock (ABI %d): the mounts alone fence the files; Linux 5.13 with "
                       "lsm=landlock has it",
         r->landlock);
    report_limits(&t, r);
    end(&t);
}

void report_failure(const struct fail *f, char *text, size_t max)
{
    struct text t = {text, 0, max};
    line(&t, "isolation", false, "models cannot run here: %s (%s)", why_sentence(f->why), strerror((int)f->sys_errno));
    end(&t);
}
