/* pg_tool.c -- PostgreSQL's own programs do what they do best; here they are started, watched and ended.
 *
 * A password is never among a child's words, which every user of the machine may read: it goes into PGPASSWORD of the
 * child's environment, which only its own user may. */
#include "store/pg_tool_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/own.h"

enum { LOOK_MS = 100, SAID_MAX = 4096 };

struct tool {
    const char *conninfo; /* without the password */
    char **env;
};

/* keyword = 'value', a quote or backslash in it with a backslash before. */
static void add_word(struct buf *b, const char *keyword, const char *value)
{
    buf_printf(b, "%s%s='", b->n ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_byte(b, '\\');
        buf_byte(b, *value);
    }
    buf_byte(b, '\'');
}

static char **environment(struct arena *a, const char *password)
{
    size_t n = 0, m = 0;
    while (environ[n])
        n++;
    char **env = arena_take(a, (n + 2) * sizeof *env);
    for (size_t i = 0; env && i < n; i++)
        if (!password || strncmp(environ[i], "PGPASSWORD=", 11) != 0)
            env[m++] = environ[i];
    if (env && password && !(env[m++] = arena_printf(a, "PGPASSWORD=%s", password)))
        return NULL;
    return env;
}

static int tool_for(const char *url, struct arena *a, struct tool *ret, struct err *e)
{
    const char *password = NULL;
    struct buf b = buf_in(a, 16 * 1024);
    PQconninfoOption *list = PQconninfoParse(url, NULL);
    if (!list)
        return err_set(e, ERR_CONFIG, "the store's URL cannot be read");
    for (PQconninfoOption *o = list; o->keyword; o++) {
        if (o->val && strcmp(o->keyword, "password") == 0)
            password = arena_str(a, slice_of(o->val));
        else if (o->val)
            add_word(&b, o->keyword, o->val);
    }
    PQconninfoFree(list);
    buf_byte(&b, 0);
    *ret = (struct tool){b.p, environment(a, password)};
    return buf_failed(&b) || arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "start a program of PostgreSQL") : 0;
}

/* Its stderr is a pipe, stdin and stdout nothing; no signal is blocked or ignored in it. */
static int start(const char *const *argv, char **env, int err_fd, pid_t *ret)
{
    posix_spawn_file_actions_t file;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&file))
        return ENOMEM;
    if (posix_spawnattr_init(&attr)) {
        posix_spawn_file_actions_destroy(&file);
        return ENOMEM;
    }
    int rc = posix_spawn_file_actions_addopen(&file, 0, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_addopen(&file, 1, "/dev/null", O_WRONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&file, err_fd, 2);
    rc = rc ? rc : posix_spawnattr_setsigmask(&attr, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(&attr, &all);
    rc = rc ? rc : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnp(ret, argv[0], &file, &attr, (char *const *)argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&file);
    return rc;
}

/* Until it closes its stderr, of which the beginning is kept. */
static void watch(pid_t pid, int fd, const char *file, struct progress *p, char said[SAID_MAX])
{
    size_t n = 0;
    for (bool told = false;;) {
        char rest[512];
        struct stat st;
        struct pollfd look = {fd, POLLIN, 0};
        int ready = poll(&look, 1, LOOK_MS);
        if (file && stat(file, &st) == 0)
            p->done = st.st_size;
        if (p->stop && !told) {
            kill(pid, SIGTERM);
            told = true;
        }
        if (ready <= 0)
            continue;
        bool room = n < SAID_MAX - 1;
        ssize_t got = read(fd, room ? said + n : rest, room ? SAID_MAX - 1 - n : sizeof rest);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += room ? (size_t)got : 0;
    }
    said[n] = 0;
}

static int run(const char *const *argv, const struct tool *t, const char *grows, struct progress *p, struct err *e)
{
    char said[SAID_MAX];
    int pipe_fd[2], status;
    pid_t pid;
    if (pipe2(pipe_fd, O_CLOEXEC))
        return err_sys(e, ERR_STORE, "a pipe");
    OWN_FD int from = pipe_fd[0];
    int rc = start(argv, t->env, pipe_fd[1], &pid);
    close(pipe_fd[1]);
    if (rc == ENOENT)
        return err_set(e, ERR_CONFIG, "%s is not installed: on Debian, apt-get install postgresql-client", argv[0]);
    if (rc)
        return err_set(e, ERR_STORE, "start %s: %s", argv[0], strerror(rc));
    watch(pid, from, grows, p, said);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, ERR_STORE, "wait for %s", argv[0]);
    if (p->stop)
        return err_set(e, ERR_BUSY, "the copy was told to end");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_STORE, "%s: %.*s", argv[0], (int)strcspn(said, "\n"), *said ? said : "it was killed");
    return 0;
}

int pg_tool_dump(const char *url, const char *to, struct progress *p, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct tool t;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "dump the database");
    if (tool_for(url, a, &t, e))
        return -1;
    OWN_FD int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(e, ERR_STORE, "make %s", to);
    return run((const char *const[]){"pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password",
                                     "--file", to, "--dbname", t.conninfo, NULL},
               &t, to, p, e);
}

int pg_tool_restore(const char *url, const char *from, struct progress *p, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct tool t;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "load the database");
    if (tool_for(url, a, &t, e))
        return -1;
    return run((const char *const[]){"pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
                                     "--no-privileges", "--no-password", "--dbname", t.conninfo, from, NULL},
               &t, NULL, p, e);
}
