/* server.h -- an HTTP/1.1 server: strict reader, TLS, limits, drain. Knows nothing of routes, users or FHIR.
 *
 * Loop threads (libevent) own the sockets and never block on anything else. A request that is wholly read is handed to
 * a fixed pool of handler threads, which call the one function that cmd/ gave; the reply goes back to the loop owning
 * the connection. One request of a connection is in work at a time; pipelined ones wait their turn.
 *
 * Refused without reaching the handler: what breaks a MUST of RFC 9112 (400 and close), header fields over the limit
 * (431), bodies over the limit (413), transfer codings other than chunked (501), slow senders (408: a total deadline
 * for the header, a minimum rate for the body), and more requests in flight than allowed (503 with Retry-After). */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

struct http_header {
    struct slice name, value; /* the name as sent; the value trimmed */
};

/* A whole request. Everything lies in `arena`, which lives until the reply is sent. */
struct http_request {
    struct arena *arena;
    enum http_method method;
    struct slice method_text;
    struct slice path;  /* before '?', percent-encoding as sent; absolute-form targets are reduced to their path */
    struct slice query; /* behind '?', or empty */
    const struct http_header *header;
    size_t headers;
    struct slice body;
    bool tls;            /* it came over TLS, or from the trusted proxy that said so */
    int64_t received_us; /* monotonic: when its last byte was read */
};

/* The value of the first field of this name (any case); {NULL,0} if there is none. */
struct slice http_header(const struct http_request *q, const char *name);

/* To be filled by the handler. `field` and `body` lie in the request's arena. The server adds Date, Content-Length,
 * Connection and the security headers of every answer; it leaves the body away for HEAD, 204 and 304. */
struct http_reply {
    int status;
    struct buf field; /* "Name: value\r\n" lines; http_reply_field writes them */
    struct slice body;
};

/* Values with control characters are dropped whole (never a second header line). */
void http_reply_field(struct http_reply *r, const char *name, struct slice value);

typedef void http_handler(void *ctx, struct http_request *q, struct http_reply *r);

enum http_tls { HTTP_TLS_OFF, HTTP_TLS_ON, HTTP_TLS_PROXY };

struct http_config {
    const char *listen;        /* "127.0.0.1:8080", "[::1]:8080"; port 0 takes a free one */
    enum http_tls tls;         /* OFF is refused on anything but loopback; PROXY: a TLS proxy stands in front */
    const char *cert, *key;    /* PEM files, for ON */
    int loops, handlers;       /* threads */
    size_t header_max;         /* bytes of request line and fields together */
    int fields_max;
    size_t body_max;
    int header_ms;             /* total time for a request's header, from its first byte (or the connection's start) */
    int body_rate;             /* bytes per second a body must reach, after header_ms of grace */
    int idle_ms;               /* keep-alive without a request */
    int in_flight_max;         /* requests read or in work; above: 503 */
    int connections_max;       /* above: accepted connections are closed at once */
    size_t arena_max;          /* bytes one request may take */
    int drain_ms;              /* after stop: how long requests in work may take */
};
struct http_config http_config_default(void);

struct http_server;

/* Binds and listens; serves only when run. */
int http_server_open(const struct http_config *c, http_handler *fn, void *ctx, struct http_server **ret, struct err *e);
/* "127.0.0.1:8080", with the real port. */
const char *http_server_address(const struct http_server *s);
/* Serves until stopped, then drains: no new connections, requests in work are answered with Connection: close, idle
 * connections are closed. Blocks. */
int http_server_run(struct http_server *s, struct err *e);
/* From any thread or a signal handler (writes one byte to a pipe). */
void http_server_stop(struct http_server *s);
/* Reads certificate and key again; connections from now on use them. On failure the old ones stay. Any thread. */
int http_server_reload(struct http_server *s, struct err *e);
void http_server_close(struct http_server *s);

#endif
