#include "exchange.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

void stop(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int number_of(const char *text, int least, int most)
{
    int64_t n;
    if (!slice_int(slice_of(text), least, most, &n))
        stop("%s is not a number from %d to %d", text, least, most);
    return (int)n;
}

double seconds_of(const char *text)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end || !(s >= 0 && s <= 3600))
        stop("%s is not a number of seconds", text);
    return s;
}

/* --- messages --- */

static char *read_whole(const char *path, size_t *ret_n)
{
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        stop("cannot read %s: %s", path, strerror(errno));
    size_t n = (size_t)ftell(f);
    char *text = malloc(n + 1);
    rewind(f);
    if (!text || fread(text, 1, n, f) != n)
        stop("cannot read %s", path);
    text[n] = 0;
    *ret_n = n;
    return text;
}

struct request request_read(const char *path, bool numbered)
{
    struct request r = {.number = 0};
    r.text = read_whole(path, &r.n);
    char *eol = strstr(r.text, "\r\n");
    if (!eol || !strstr(r.text, "\r\n\r\n"))
        stop("%s is no HTTP request", path);
    if (!numbered)
        return r;
    /* The clock tells runs apart that a server sees one after the other. */
    char line[80];
    size_t at = (size_t)(eol - r.text) + 2;
    int n = snprintf(line, sizeof line, "Idempotency-Key: bench-%016llx-%012d\r\n", (unsigned long long)now_ns(), 0);
    OWN_MEM char *old = r.text;
    r.text = malloc(r.n + (size_t)n + 1);
    if (!r.text)
        stop("out of memory");
    memcpy(r.text, old, at);
    memcpy(r.text + at, line, (size_t)n);
    memcpy(r.text + at + n, old + at, r.n - at + 1);
    r.n += (size_t)n;
    r.number = at + (size_t)n - 14;
    return r;
}

void request_number(const struct request *r, char *text, uint64_t i)
{
    for (size_t k = 12; r->number && k-- > 0; i /= 10)
        text[r->number + k] = (char)('0' + i % 10);
}

struct slice message_field(struct slice message, const char *name)
{
    size_t n = strlen(name);
    const char *end = memmem(message.p, message.n, "\r\n\r\n", 4);
    for (const char *p = message.p; end && p < end;) {
        const char *eol = memmem(p, (size_t)(end + 2 - p), "\r\n", 2);
        if ((size_t)(eol - p) > n && strncasecmp(p, name, n) == 0 && p[n] == ':')
            return slice_trim((struct slice){p + n + 1, (size_t)(eol - p) - n - 1});
        p = eol + 2;
    }
    return (struct slice){"", 0};
}

int reply_scan(const char *buf, size_t n, struct reply *ret)
{
    const char *end = memmem(buf, n, "\r\n\r\n", 4);
    if (n >= 5 && memcmp(buf, "HTTP/", 5) != 0)
        return -1;
    if (!end)
        return 0;
    size_t head = (size_t)(end - buf) + 4;
    struct slice length = message_field((struct slice){buf, head}, "Content-Length");
    size_t body = strtoul(length.p, NULL, 10);
    if (n < head + body)
        return 0;
    int64_t status;
    if (head < 16 || !slice_int((struct slice){buf + 9, 3}, 100, 599, &status))
        return -1;
    *ret = (struct reply){.status = (int)status, .n = head + body, .body = {buf + head, body}};
    return 1;
}

/* --- sockets --- */

struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[64];
    int port;
    if (sscanf(text, "%63[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &a.sin_addr) != 1)
        stop("%s is not an address like 127.0.0.1:8080", text);
    a.sin_port = htons((uint16_t)port);
    return a;
}

int connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to))
        stop("cannot connect: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* --- the server's CPU time --- */

static bool read_line(const char *path, char *line, int size)
{
    OWN_FILE FILE *f = fopen(path, "r");
    return f && fgets(line, size, f);
}

/* User and system time of a `stat` file of /proc; -1 when the thread or process is gone. */
static int64_t stat_us(const char *path)
{
    char line[1024];
    unsigned long long user, sys;
    if (!read_line(path, line, sizeof line) || !strrchr(line, ')') ||
        sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
        return -1;
    return (int64_t)((user + sys) * 1000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* A thread's time is cut to whole ticks at both ends of a measurement, so the errors of many threads cancel out. */
static void add_thread(struct cpu *c, int pid, const char *tid)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%s/comm", pid, tid);
    if (!read_line(path, name, sizeof name))
        return;
    name[strcspn(name, "\n")] = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/stat", pid, tid);
    int64_t us = stat_us(path);
    int i = 0;
    while (i < c->kinds && strcmp(c->kind[i].name, name) != 0)
        i++;
    if (us < 0 || i == THREAD_KINDS)
        return;
    if (i == c->kinds) {
        snprintf(c->kind[i].name, sizeof c->kind[i].name, "%.15s", name);
        c->kinds++;
    }
    c->kind[i].us += us;
}

int64_t disk_bytes_of(int pid)
{
    char path[64], line[128];
    long long n = 0;
    snprintf(path, sizeof path, "/proc/%d/io", pid);
    OWN_FILE FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "write_bytes: %lld", &n) == 1)
            break;
    return n;
}

void cpu_read(int pid, struct cpu *ret)
{
    char path[64];
    memset(ret, 0, sizeof *ret);
    if (!pid)
        return;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    ret->us = stat_us(path);
    ret->disk_bytes = disk_bytes_of(pid);
    if (ret->us < 0)
        stop("process %d is gone", pid);
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *x; d && (x = readdir(d)) != NULL;)
        if (x->d_name[0] != '.')
            add_thread(ret, pid, x->d_name);
    if (d)
        closedir(d);
}

void cpu_since(struct cpu *ret, const struct cpu *before)
{
    ret->us -= before->us;
    ret->disk_bytes -= before->disk_bytes;
    for (int i = 0; i < ret->kinds; i++)
        for (int k = 0; k < before->kinds; k++)
            if (strcmp(ret->kind[i].name, before->kind[k].name) == 0)
                ret->kind[i].us -= before->kind[k].us;
}

/* --- figures --- */

static int by_value(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

void sort_u32(uint32_t *v, size_t n)
{
    if (n)
        qsort(v, n, sizeof *v, by_value);
}

uint32_t percentile(const uint32_t *sorted, size_t n, double part)
{
    if (n == 0)
        return 0;
    size_t at = (size_t)ceil(part * (double)n);
    return sorted[at ? at - 1 : 0];
}
