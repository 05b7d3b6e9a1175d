#include <errno.h>
#include <poll.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "http/conn_int.h"

#include "base/wipe.h"

static ssize_t plain_end(ssize_t n)
{
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

/* What OpenSSL wants before it can go on: a read may have to write and the other way round (handshake, key update). */
static ssize_t tls_end(struct conn *c, int n, bool writing)
{
    if (n > 0)
        return n;
    int why = SSL_get_error(c->ssl, n);
    if (c->lent && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)) {
        c->wants = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return 0;
    }
    switch (why) {
    case SSL_ERROR_WANT_READ: c->write_wants_read = writing; return 0;
    case SSL_ERROR_WANT_WRITE: event_add(&c->wr, NULL); return 0;
    case SSL_ERROR_ZERO_RETURN: return -1;
    default: c->broken = true; return -1;
    }
}

ssize_t wire_read(struct conn *c, char *p, size_t n)
{
    c->wants = POLLIN;
    if (!c->ssl || c->stage == CONN_LINGER)
        return plain_end(recv(c->fd, p, n, 0));
    ERR_clear_error();
    return tls_end(c, SSL_read(c->ssl, p, (int)n), false);
}

/* Small answers become one TLS record: head and body are put side by side first. OpenSSL may ask for the same bytes
 * again after a WANT_*; they are the same, because what was not written is still in `v`. */
static ssize_t tls_write(struct conn *c, const struct iovec *v, int n)
{
    char *all = c->lent ? c->record : c->loop->out;
    size_t len = 0;
    for (int i = 0; i < n && len < TLS_RECORD; i++) {
        size_t part = v[i].iov_len < TLS_RECORD - len ? v[i].iov_len : TLS_RECORD - len;
        if (part)
            memcpy(all + len, v[i].iov_base, part);
        len += part;
    }
    if (!c->lent)
        c->write_wants_read = false;
    ERR_clear_error();
    ssize_t sent = tls_end(c, SSL_write(c->ssl, all, (int)len), true);
    wipe(all, len);
    return sent;
}

ssize_t wire_write(struct conn *c, const struct iovec *v, int n)
{
    c->wants = POLLOUT;
    if (c->ssl)
        return tls_write(c, v, n);
    struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n};
    ssize_t sent = plain_end(sendmsg(c->fd, &m, MSG_NOSIGNAL));
    c->broken |= sent < 0;
    return sent;
}

void wire_finish(struct conn *c)
{
    if (c->ssl && !c->broken && SSL_is_init_finished(c->ssl)) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);
    }
    shutdown(c->fd, SHUT_WR);
}
