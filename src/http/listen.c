#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "http/conn_int.h"

#include "base/own.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int wrong_text(const char *text, struct err *e)
{
    return err_set(e, ERR_CONFIG,
                   "'%s' is no address to listen on; write ADDRESS:PORT, like 127.0.0.1:8080 or [::1]:8080", text);
}

static int read_address(const char *text, union address *ret, socklen_t *len, struct err *e)
{
    char host[INET6_ADDRSTRLEN];
    int64_t port;
    const char *colon = strrchr(text, ':');
    bool v6 = text[0] == '[';
    if (!colon || colon - text < 1 || !slice_int(slice_of(colon + 1), 0, 65535, &port))
        return wrong_text(text, e);
    struct slice name = {text + v6, (size_t)(colon - text) - 2 * v6};
    if (v6 && (colon - text < 3 || colon[-1] != ']'))
        return wrong_text(text, e);
    if (slice_is(name, "localhost"))
        name = SLICE("127.0.0.1");
    if (name.n >= sizeof host)
        return wrong_text(text, e);
    memcpy(host, name.p, name.n);
    host[name.n] = 0;
    *ret = (union address){0};
    *len = v6 ? sizeof ret->v6 : sizeof ret->v4;
    ret->any.sa_family = v6 ? AF_INET6 : AF_INET;
    if (v6)
        ret->v6.sin6_port = htons((uint16_t)port);
    else
        ret->v4.sin_port = htons((uint16_t)port);
    void *to = v6 ? (void *)&ret->v6.sin6_addr : (void *)&ret->v4.sin_addr;
    return inet_pton(ret->any.sa_family, host, to) == 1 ? 0 : wrong_text(text, e);
}

static bool is_loopback(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static int bind_err(const char *text, struct err *e)
{
    if (errno == EADDRINUSE)
        return err_set(e, ERR_CONFIG, "%s is in use by another program; stop it or listen on another port", text);
    if (errno == EADDRNOTAVAIL)
        return err_set(e, ERR_CONFIG, "this machine has no address %s", text);
    return err_sys(e, ERR_CONFIG, "cannot listen on %s", text);
}

static void write_address(int fd, char *out, size_t size)
{
    union address a = {0};
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    getsockname(fd, &a.any, &len);
    bool v6 = a.any.sa_family == AF_INET6;
    inet_ntop(a.any.sa_family, v6 ? (void *)&a.v6.sin6_addr : (void *)&a.v4.sin_addr, host, sizeof host);
    snprintf(out, size, v6 ? "[%s]:%d" : "%s:%d", host, ntohs(v6 ? a.v6.sin6_port : a.v4.sin_port));
}

void listen_peer(const struct sockaddr_storage *from, char out[INET6_ADDRSTRLEN])
{
    const union address *a = (const void *)from;
    const struct in6_addr *six = &a->v6.sin6_addr;
    *out = 0;
    if (a->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &a->v4.sin_addr, out, INET6_ADDRSTRLEN);
    else if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six))
        inet_ntop(AF_INET, six->s6_addr + 12, out, INET6_ADDRSTRLEN);
    else if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, six, out, INET6_ADDRSTRLEN);
}

int listen_peer_text(struct slice s, char out[INET6_ADDRSTRLEN])
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_storage from = {0};
    union address *a = (void *)&from;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return 0;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1)
        a->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1)
        a->any.sa_family = AF_INET6;
    else
        return 0;
    listen_peer(&from, out);
    return 1;
}

/* One socket for all loops: with SO_REUSEPORT a second server of the same user would share the port without a word. */
int listen_open(const char *text, bool anywhere, char *address, size_t size, struct err *e)
{
    union address a;
    socklen_t len = 0;
    if (!text)
        return wrong_text("", e);
    if (read_address(text, &a, &len, e))
        return -1;
    if (!anywhere && !is_loopback(&a))
        return err_set(
            e, ERR_CONFIG,
            "plain HTTP on %s would send health data unencrypted: turn TLS on, or set it to proxy if a TLS proxy "
            "stands in front, or listen on 127.0.0.1",
            text);
    OWN_FD int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, &a.any, len) || listen(fd, 1024))
        return bind_err(text, e);
    write_address(fd, address, size);
    return TAKE_FD(fd);
}
