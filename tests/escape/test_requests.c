/* test_requests.c -- the jail's own socket, spoken to by a worker that was taken over: nothing but a sound request
 * runs. */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "sandbox/protocol.h"

static struct place place;
static pid_t jail;
static int control, service;

static ssize_t send_fds(const void *p, size_t n, const int *fds, int count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } rights = {.bytes = {0}};
    struct iovec v = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (count) {
        m.msg_control = &rights;
        m.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN((size_t)count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, (size_t)count * sizeof(int));
    }
    return sendmsg(service, &m, MSG_NOSIGNAL);
}

static struct jail_answer answer(void)
{
    struct jail_answer a = {.how = 0};
    struct pollfd p = {service, POLLIN, 0};
    CHECK_INT(poll(&p, 1, 5000), 1);
    CHECK_INT(recv(service, &a, sizeof a, 0), sizeof a);
    CHECK(jail_head_ok(&a.head, JAIL_DONE, sizeof a, sizeof a));
    return a;
}

static struct jail_request sound(void)
{
    struct jail_request q = {.head = JAIL_HEAD(JAIL_RUN, struct jail_request),
                             .wall_ms = 2000,
                             .cpu_ms = 2000,
                             .memory_mib = 64,
                             .pids = 8,
                             .tmp_mib = 1,
                             .argc = 3,
                             .image = "none",
                             .model = PLACE_DIGEST,
                             .model_key = "sample",
                             .model_version = "1.0.0"};
    static const char args[] = "/model/model\0exit\0"
                               "5";
    memcpy(q.args, args, sizeof args);
    q.args_len = sizeof args;
    return q;
}

struct pipes {
    int in[2], out[2], err[2];
};

static struct pipes pipes_open(void)
{
    struct pipes p;
    CHECK(!pipe2(p.in, O_CLOEXEC) && !pipe2(p.out, O_CLOEXEC) && !pipe2(p.err, O_CLOEXEC));
    return p;
}

static void pipes_close(const struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        close(p->in[i]);
        close(p->out[i]);
        close(p->err[i]);
    }
}

static struct jail_answer ask(const struct jail_request *q, size_t n)
{
    struct pipes p = pipes_open();
    CHECK_INT(send_fds(q, n, (int[]){p.in[0], p.out[1], p.err[1]}, 3), n);
    struct jail_answer a = answer();
    pipes_close(&p);
    return a;
}

static void check_runs(void)
{
    struct jail_request q = sound();
    struct jail_answer a = ask(&q, sizeof q);
    CHECK_INT(a.how, JAIL_EXITED);
    CHECK_INT(a.exit_code, 5);
}

static void check_refused(const struct jail_request *q, size_t n, const char *what)
{
    struct jail_answer a = ask(q, n);
    if (a.how != JAIL_REFUSED || a.why != JAIL_WHY_REQUEST)
        fail_msg("%s: how %u why %u", what, a.how, a.why);
}

TEST(a_message_of_another_size_version_or_kind_is_refused)
{
    struct jail_request q = sound();
    static const char big[sizeof q + 64];
    check_runs();
    check_refused(&q, sizeof q - 1, "a byte less");
    check_refused(&q, 1, "one byte");
    check_refused((const struct jail_request *)big, sizeof big, "more");
    q.head.magic++;
    check_refused(&q, sizeof q, "magic");
    q = sound();
    q.head.version++;
    check_refused(&q, sizeof q, "version");
    q = sound();
    q.head.kind = JAIL_READY;
    check_refused(&q, sizeof q, "kind");
    q = sound();
    q.head.size--;
    check_refused(&q, sizeof q, "size");
    check_runs();
}

TEST(a_field_out_of_bounds_is_refused)
{
    struct jail_request q;
#define BAD(change)                                                                                                    \
    do {                                                                                                               \
        q = sound();                                                                                                   \
        change;                                                                                                        \
        check_refused(&q, sizeof q, #change);                                                                          \
    } while (0)
    BAD(q.wall_ms = 0);
    BAD(q.wall_ms = JAIL_WALL_MS_MAX + 1);
    BAD(q.cpu_ms = UINT32_MAX);
    BAD(q.memory_mib = JAIL_MEMORY_MIB_MAX + 1);
    BAD(q.pids = JAIL_PIDS_MAX + 1);
    BAD(q.tmp_mib = JAIL_TMP_MIB_MAX + 1);
    BAD(q.argc = 0);
    BAD(q.argc = 4);
    BAD(q.argc = JAIL_ARGS_MAX + 1);
    BAD(q.args_len = 0);
    BAD(q.args_len = sizeof q.args + 1);
    BAD(q.args_len--);
    BAD(q.args[0] = 'm');
    BAD(memset(q.image, 0, sizeof q.image));
    BAD(memcpy(q.image, "../..", 6));
    BAD(memcpy(q.image, "a/b", 4));
    BAD(memcpy(q.image, "None", 5));
    BAD(memset(q.image, 'a', sizeof q.image));
    BAD(q.image[10] = 'x'); /* behind its end */
    BAD(q.model[63] = '\0');
    BAD(q.model[64] = '0');
    BAD(q.model[0] = '/');
    BAD(q.model[0] = 'g');
    BAD(q.model_key[0] = '=');
    BAD(q.model_key[0] = '\n');
    BAD(memset(q.model_version, '1', sizeof q.model_version));
#undef BAD
    check_runs();
}

TEST(only_the_right_ends_of_three_pipes_are_passed_on)
{
    struct jail_request q = sound();
    struct pipes p = pipes_open();
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), file = open("/dev/null", O_RDWR | O_CLOEXEC), pair[2];
    CHECK(folder >= 0 && file >= 0 && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    const struct {
        int fds[8], n;
    } row[] = {
        {{p.in[0], p.out[1], p.err[1]}, 0},
        {{p.in[0], p.out[1], p.err[1]}, 1},
        {{p.in[0], p.out[1], p.err[1]}, 2},
        {{p.in[0], p.out[1], p.err[1], p.in[0]}, 4},
        {{p.in[0], p.out[1], folder}, 3},
        {{folder, p.out[1], p.err[1]}, 3},
        {{p.in[0], file, p.err[1]}, 3},
        {{pair[0], pair[0], pair[0]}, 3},
        {{p.in[1], p.out[1], p.err[1]}, 3},
        {{p.in[0], p.out[0], p.err[1]}, 3},
        {{p.in[0], p.out[1], p.err[1], folder, folder, folder, folder, folder}, 8},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_INT(send_fds(&q, sizeof q, row[i].fds, row[i].n), sizeof q);
        struct jail_answer a = answer();
        if (a.how != JAIL_REFUSED || a.why != JAIL_WHY_REQUEST)
            fail_msg("row %zu: how %u", i, a.how);
    }
    pipes_close(&p);
    close(folder);
    close(file);
    close(pair[0]);
    close(pair[1]);
    check_runs();
}

TEST(any_word_during_a_run_ends_it_and_a_late_one_ends_nothing)
{
    struct jail_request q = sound();
    const struct jail_head stop = {JAIL_MAGIC, JAIL_VERSION, JAIL_KILL, sizeof stop};
    memcpy(q.args, "/model/model\0sleep", 19);
    q.argc = 2;
    q.args_len = 19;
    struct pipes p = pipes_open();
    CHECK_INT(send_fds(&q, sizeof q, (int[]){p.in[0], p.out[1], p.err[1]}, 3), sizeof q);
    usleep(50000);
    CHECK_INT(send_fds(&stop, sizeof stop, NULL, 0), sizeof stop);
    struct jail_answer a = answer();
    CHECK_INT(a.how, JAIL_KILLED);
    pipes_close(&p);
    CHECK_INT(send_fds(&stop, sizeof stop, NULL, 0), sizeof stop);
    check_runs();
}

static int start(void **state)
{
    int pair[2];
    char *argv[] = {place.jail, "--images", place.images, "--models", place.models, "--spawners", "1", NULL};
    struct jail_hello h;
    char rights[CMSG_SPACE(sizeof(int))];
    struct iovec v = {&h, sizeof h};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = rights, .msg_controllen = sizeof rights};
    posix_spawn_file_actions_t f;
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -1;
    posix_spawn_file_actions_init(&f);
    posix_spawn_file_actions_adddup2(&f, pair[1], 3);
    int rc = posix_spawn(&jail, place.jail, &f, NULL, argv, NULL);
    posix_spawn_file_actions_destroy(&f);
    close(pair[1]);
    control = pair[0];
    if (rc || recvmsg(control, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof h || h.head.kind != JAIL_READY)
        return -1;
    memcpy(&service, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof service);
    return 0;
}

static int stop(void **state)
{
    int status = 1;
    (void)state;
    close(service);
    close(control);
    return waitpid(jail, &status, 0) == jail && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_message_of_another_size_version_or_kind_is_refused),
        T(a_field_out_of_bounds_is_refused),
        T(only_the_right_ends_of_three_pipes_are_passed_on),
        T(any_word_during_a_run_ends_it_and_a_late_one_ends_nothing),
    };
    place_make(&place, argc, argv);
    int failed = cmocka_run_group_tests(tests, start, stop);
    int left = place_end(&place) + place_groups(jail);
    if (left)
        fprintf(stderr, "%d things were left behind\n", left);
    return failed || left;
}
