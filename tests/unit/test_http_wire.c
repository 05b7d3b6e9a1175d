/* What a socket does not take at once: sendmsg passes by the test. */
#include <errno.h>

#include "http_live.h"

ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

static atomic_int refuses; /* an errno; 0: it sends */
static atomic_int refused;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
    int why = atomic_load(&refuses);
    if (!why)
        return __real_sendmsg(fd, m, flags);
    atomic_fetch_add(&refused, 1);
    errno = why;
    return -1;
}

/* The socket is full when the client is to be told to go on, and it sends its body all the same. */
static void hand_over_with_a_100_waiting(struct live *l, struct peer *p, const char *target)
{
    char head[200];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", target);
    atomic_store(&refused, 0);
    atomic_store(&refuses, EAGAIN);
    say_str(p, head);
    for (int i = 0; i < 10000 && !atomic_load(&refused); i++)
        usleep(1000);
    CHECK(atomic_load(&refused) > 0);
    say_str(p, "abc");
    wait_until(&l->waiting, 1);
}

TEST(a_100_that_waits_for_the_socket_goes_out_before_the_answer)
{
    struct live l;
    struct answer a;
    struct http_config c = live_config();
    live_start(&l, &c);
    static const char *const target[] = {"/wait", "/wait?begun"};
    for (size_t i = 0; i < COUNT(target); i++) {
        struct peer p = dial(&l);
        hand_over_with_a_100_waiting(&l, &p, target[i]);
        atomic_store(&refuses, 0);
        usleep(20000);
        sem_post(&l.gate);
        CHECK_INT(hear(&p, &a), 100);
        CHECK_INT(hear(&p, &a), 200);
        if (i == 0)
            CHECK_STR(a.body, "POST /wait?|abc");
        hang_up(&p);
    }
    live_stop(&l);
}

TEST(a_connection_that_breaks_while_a_handler_works_is_closed_afterwards)
{
    struct live l;
    struct http_config c = live_config();
    live_start(&l, &c);
    struct answer a;
    struct peer p = dial(&l);
    hand_over_with_a_100_waiting(&l, &p, "/wait");
    atomic_store(&refuses, ECONNRESET);
    usleep(20000); /* the loop is told that the socket takes more */
    CHECK_INT(atomic_load(&l.waiting), 1);
    sem_post(&l.gate);
    CHECK(ended(&p));
    hang_up(&p);
    atomic_store(&refuses, 0);
    p = dial(&l);
    say_str(&p, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(hear(&p, &a), 200);
    hang_up(&p);
    live_stop(&l);
}

RUN(T(a_100_that_waits_for_the_socket_goes_out_before_the_answer),
    T(a_connection_that_breaks_while_a_handler_works_is_closed_afterwards))
