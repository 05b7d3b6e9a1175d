/* load.c -- sends prepared requests again and again, one file's after the other's, and says how the server fared.
 *
 *     load [OPTION...] ADDRESS FILE...
 *       -c N   connections, kept alive (1)            -t S   seconds that count (5)     -w S   seconds before that (1)
 *       -r N   open loop: N requests a second, each at its own moment; without it every connection sends as soon as it
 *              has its answer (closed loop)
 *       -k     an Idempotency-Key of its own for every request
 *       -x N   the status every answer must have; any other one, or a broken connection, makes the exit code 1
 *       -p PID the server: its CPU time is read before and after
 *       -j, --json   one line of JSON instead of text
 *
 * A closed loop hides queueing: while the server is slow, nothing is sent. So latency under the open loop is counted
 * from the moment a request should have been sent, whether or not a connection was free then; and every request whose
 * moment lay in the seconds that count is waited for, up to DRAIN_S after them: the slowest are not left out. One that
 * no connection was free for at all is `unsent`, one without an answer at the end is `unanswered`.
 *
 * `errors` are answers with another status than -x asks for, broken connections, and the unanswered. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "exchange.h"

enum { CONNECTIONS_MAX = 1024, REQUESTS_MAX = 4096, STATUS_MAX = 600, DRAIN_S = 10 };

struct conn {
    int fd;
    bool busy;
    const struct request *what; /* is in `out` */
    char *out;
    size_t sent, got;
    int64_t due; /* when the request in work should have left */
    char in[REPLY_MAX];
};

static struct {
    int connections, pid, expected;
    double seconds, warmup, rate;
    bool numbered, json;
} opt = {.connections = 1, .seconds = 5, .warmup = 1};

static struct request *requests;
static int kinds;
static size_t longest;
static struct sockaddr_in server;
static int poller, timer;
static struct conn *conns[CONNECTIONS_MAX], *idle[CONNECTIONS_MAX];
static int idles;
static int64_t started, counted, ends; /* sending, counting, and the end of both */
static uint64_t next_request;          /* its number */

static uint32_t *latency_us;
static size_t latencies, latency_room;
static uint64_t statuses[STATUS_MAX], broken, unanswered;

static bool counts(int64_t due, int64_t now)
{
    return opt.rate > 0 ? due >= counted && due < ends : now >= counted && now < ends;
}

static void note(int status, int64_t due)
{
    int64_t now = now_ns();
    if (!counts(due, now))
        return;
    statuses[status > 0 && status < STATUS_MAX ? status : 0]++;
    if (latencies == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        latency_us = realloc(latency_us, latency_room * sizeof *latency_us);
        if (!latency_us)
            stop("out of memory");
    }
    latency_us[latencies++] = (uint32_t)((now - due) / 1000);
}

/* --- one connection --- */

static void conn_connect(struct conn *c)
{
    c->fd = connect_to(&server);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev))
        stop("epoll: %s", strerror(errno));
    c->busy = false;
    c->got = 0;
    idle[idles++] = c;
}

static struct conn *conn_new(void)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c || !(c->out = malloc(longest)))
        stop("out of memory");
    conn_connect(c);
    return c;
}

/* The server closed it, or answered nonsense. */
static void conn_lost(struct conn *c)
{
    close(c->fd);
    if (c->busy)
        broken++;
    for (int i = 0; i < idles; i++)
        if (idle[i] == c)
            idle[i--] = idle[--idles];
    conn_connect(c);
}

static void conn_write(struct conn *c)
{
    while (c->busy && c->sent < c->what->n) {
        ssize_t n = send(c->fd, c->out + c->sent, c->what->n - c->sent, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* a lost connection shows itself to the reader */
        c->sent += (size_t)n;
    }
}

static void conn_send(struct conn *c, int64_t due)
{
    const struct request *r = &requests[next_request % (uint64_t)kinds];
    if (c->what != r)
        memcpy(c->out, r->text, r->n);
    c->what = r;
    request_number(r, c->out, next_request++);
    c->due = due;
    c->busy = true;
    c->sent = 0;
    conn_write(c);
}

/* 0, or -1 when the connection is of no use any more. */
static int conn_read(struct conn *c)
{
    for (;;) {
        struct reply r;
        ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, 0);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return -1;
        c->got += (size_t)n;
        int whole = reply_scan(c->in, c->got, &r);
        if (whole < 0 || (whole && (!c->busy || r.n != c->got)))
            return -1;
        if (!whole)
            continue;
        note(r.status, c->due);
        c->busy = false;
        c->got = 0;
        idle[idles++] = c;
    }
}

/* --- the loops --- */

static void send_due(void)
{
    int64_t now = now_ns();
    if (now >= ends)
        return;
    while (idles && opt.rate <= 0)
        conn_send(idle[--idles], now_ns());
    while (idles && opt.rate > 0) {
        int64_t due = started + (int64_t)((double)next_request * 1e9 / opt.rate);
        if (due > now) {
            struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
            return;
        }
        conn_send(idle[--idles], due);
    }
}

static void turn(void)
{
    struct epoll_event ev[256];
    send_due();
    int n = epoll_wait(poller, ev, 256, 100);
    for (int i = 0; i < n; i++) {
        struct conn *c = ev[i].data.ptr;
        if (!c)
            continue;
        if (ev[i].events & EPOLLOUT)
            conn_write(c);
        if ((ev[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && conn_read(c))
            conn_lost(c);
    }
}

/* The requests still in work at the end; of a closed loop there is one on every connection, and none of them counts. */
static void drain(void)
{
    int64_t until = ends + DRAIN_S * 1000000000LL;
    while (opt.rate > 0 && idles < opt.connections && now_ns() < until)
        turn();
    for (int i = 0; i < opt.connections; i++)
        unanswered += opt.rate > 0 && conns[i]->busy && counts(conns[i]->due, ends);
}

static void run(struct cpu *ret)
{
    struct cpu before;
    bool counting = false;
    struct epoll_event at_timer = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, timer, &at_timer))
        stop("epoll: %s", strerror(errno));
    started = now_ns();
    counted = started + (int64_t)(opt.warmup * 1e9);
    ends = counted + (int64_t)(opt.seconds * 1e9);
    for (int64_t now = started; now < ends; now = now_ns()) {
        if (!counting && now >= counted) {
            cpu_read(opt.pid, &before);
            counting = true;
        }
        turn();
    }
    cpu_read(opt.pid, ret);
    cpu_since(ret, &before);
    drain();
}

/* Every request that should have been sent and was not is late by now: none of them may vanish from the figures. */
static uint64_t count_unsent(void)
{
    uint64_t due = opt.rate > 0 ? (uint64_t)((opt.warmup + opt.seconds) * opt.rate) : 0;
    return due > next_request ? due - next_request : 0;
}

static uint64_t errors_of(void)
{
    uint64_t n = broken + unanswered;
    for (int i = 0; i < STATUS_MAX; i++)
        n += opt.expected && i != opt.expected ? statuses[i] : 0;
    return n;
}

/* --- the report --- */

static void report(const struct cpu *cpu, uint64_t unsent)
{
    double each = latencies ? 1.0 / (double)latencies : 0, per_s = (double)latencies / opt.seconds;
    uint32_t p[] = {percentile(latency_us, latencies, 0.5), percentile(latency_us, latencies, 0.9),
                    percentile(latency_us, latencies, 0.99), percentile(latency_us, latencies, 0.999),
                    percentile(latency_us, latencies, 1)};
    const char *gap = "";
    uint64_t errors = errors_of();
    if (!opt.json) {
        printf("c=%-4d %8.0f/s  p50 %7.2f  p90 %7.2f  p99 %7.2f  p99.9 %7.2f  max %7.2f ms  server CPU %6.1f us each  "
               "%zu answers, %llu errors ",
               opt.connections, per_s, p[0] / 1e3, p[1] / 1e3, p[2] / 1e3, p[3] / 1e3, p[4] / 1e3,
               (double)cpu->us * each, latencies, (unsigned long long)errors);
        for (int i = 0; i < STATUS_MAX; i++)
            if (statuses[i])
                printf(" %d: %llu", i, (unsigned long long)statuses[i]);
        printf(errors || unsent ? "  broken %llu, unsent %llu, unanswered %llu\n" : "\n", (unsigned long long)broken,
               (unsigned long long)unsent, (unsigned long long)unanswered);
        return;
    }
    printf("{\"connections\":%d,\"rate\":%.0f,\"seconds\":%g,\"request_bytes\":%zu,\"requests\":%zu,\"per_s\":%.1f,"
           "\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u,\"errors\":%llu,\"broken\":%llu,"
           "\"unsent\":%llu,\"unanswered\":%llu,\"cpu_us\":%.2f,"
           "\"disk_bytes\":%.0f,"
           "\"cpu_by_thread_us\":{",
           opt.connections, opt.rate, opt.seconds, longest, latencies, per_s, p[0], p[1], p[2], p[3], p[4],
           (unsigned long long)errors, (unsigned long long)broken, (unsigned long long)unsent,
           (unsigned long long)unanswered, (double)cpu->us * each, (double)cpu->disk_bytes * each);
    for (int i = 0; i < cpu->kinds; i++, gap = ",")
        printf("%s\"%s\":%.2f", gap, cpu->kind[i].name, (double)cpu->kind[i].us * each);
    printf("},\"status\":{");
    gap = "";
    for (int i = 0; i < STATUS_MAX; i++)
        if (statuses[i]) {
            printf("%s\"%d\":%llu", gap, i, (unsigned long long)statuses[i]);
            gap = ",";
        }
    printf("}}\n");
}

static void read_options(int argc, char **argv)
{
    static const struct option words[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "c:t:w:r:kx:p:j", words, NULL)) != -1;) {
        switch (o) {
        case 'c': opt.connections = number_of(optarg, 1, CONNECTIONS_MAX); break;
        case 't': opt.seconds = seconds_of(optarg); break;
        case 'w': opt.warmup = seconds_of(optarg); break;
        case 'r': opt.rate = number_of(optarg, 1, 1000000); break;
        case 'k': opt.numbered = true; break;
        case 'x': opt.expected = number_of(optarg, 100, STATUS_MAX - 1); break;
        case 'p': opt.pid = number_of(optarg, 1, 1 << 22); break;
        case 'j': opt.json = true; break;
        default: exit(2);
        }
    }
    kinds = argc - optind - 1;
    if (kinds < 1 || kinds > REQUESTS_MAX || opt.seconds <= 0)
        stop("usage: load [-c N] [-t S] [-w S] [-r N] [-k] [-x STATUS] [-p PID] [-j|--json] ADDRESS FILE...");
}

static void read_requests(char **path)
{
    requests = calloc((size_t)kinds, sizeof *requests);
    if (!requests)
        stop("out of memory");
    for (int i = 0; i < kinds; i++) {
        requests[i] = request_read(path[i], opt.numbered);
        longest = requests[i].n > longest ? requests[i].n : longest;
    }
}

int main(int argc, char **argv)
{
    struct cpu cpu;
    read_options(argc, argv);
    server = address_of(argv[optind]);
    read_requests(argv + optind + 1);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    for (int i = 0; i < opt.connections; i++)
        conns[i] = conn_new();
    run(&cpu);
    sort_u32(latency_us, latencies);
    report(&cpu, count_unsent());
    bool failed = errors_of() || latencies == 0;
    for (int i = 0; i < opt.connections; i++) {
        close(conns[i]->fd);
        free(conns[i]->out);
        free(conns[i]);
    }
    free(latency_us);
    for (int i = 0; i < kinds; i++)
        free(requests[i].text);
    free(requests);
    return failed;
}
