/* server.h -- an HTTP/1.1 server: strict reader, TLS, limits, drain. Knows nothing of routes, users or FHIR.
 *
 * Loop threads (libevent) own the sockets and never block on anything else. A request that is completely read is handed
 * to a fixed pool of handler threads, which call the one function that cmd/ gave; its reply goes back to the loop that
 * owns the connection. One request of a connection is in work at a time; pipelined ones wait their turn.
 *
 * Refused without reaching the handler: whatever breaks a MUST of RFC 9112 (400; 501 for tunnels and for transfer
 * codings before chunked; 505 for other versions), request lines (414) and header fields (431) over the limit, bodies
 * over the limit (413), other expectations than 100-continue (417), slow senders (408: a total deadline for the header,
 * a minimum rate for the body), and more requests in flight than allowed (503 with Retry-After: 1). Such an answer is
 * {"detail":"..."}, a sentence that says how to mend it and repeats nothing of what was sent; the connection closes
 * after it, unless it was shed without a body. A client that does not read its answer at the same minimum rate is cut
 * off.
 *
 * Every answer carries nosniff, no-referrer, X-Frame-Options: DENY, no-store and a policy that loads nothing (the last
 * two only when the handler wrote no Cache-Control or Content-Security-Policy itself), and over TLS
 * Strict-Transport-Security. What the server refuses itself carries an X-Request-ID, which its log line names.
 *
 * An answer may be a stream: its head goes out at once, and any thread writes more of it later, while no handler is
 * held. See http_reply_stream. What is larger than memory is a transfer: the handler itself reads the body, or writes
 * the answer, piece by piece, and is held for as long as the client takes. See http_body_read.
 *
 * What held a request or an answer is wiped: the arena when the answer is sent, a loop's read buffer after every read,
 * bytes read ahead when they are used. Not wiped: what OpenSSL holds of a TLS record (it frees its buffers as soon as
 * they are empty, but does not clear them), and what the kernel holds. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

struct http_header {
    struct slice name, value; /* the name as sent; the value trimmed */
};

/* The client's certificate, which TLS has checked: chain, time and purpose. */
struct http_cert {
    uint8_t hash[32], subject[32]; /* SHA-256 of the certificate, and of its subject's DER */
    int64_t until_us;              /* when it ends: a connection may last longer */
};

/* A whole request. Everything lies in `arena`, which lives until the reply is sent. */
struct http_request {
    struct arena *arena;
    enum http_method method;
    struct slice method_text;
    struct slice path;  /* before '?', percent-encoding as sent; of an absolute-form target its path alone */
    struct slice query; /* behind '?', or empty */
    const struct http_header *header;
    size_t headers;
    struct slice body;
    bool tls; /* it came over TLS, or from the trusted proxy that said so (X-Forwarded-Proto: https) */
    /* The client's address without a port, "203.0.113.7" or "2001:db8::1" (an IPv4-mapped one as IPv4). Behind the
     * trusted proxy it is what the proxy saw: the last entry of X-Forwarded-For, or the proxy's own when that is none.
     */
    const char *peer;
    const struct http_cert *cert; /* of this connection itself, never of what a proxy says; NULL: none */
    int64_t received_us;          /* monotonic: when its last byte was read; of a transfer, its header's */
    bool streamed;                /* `body` is empty: http_body_read reads it */
    struct exchange *exchange;    /* the server's own */
};

/* The value of the first field of this name (any case); {NULL,0} if there is none. */
struct slice http_header(const struct http_request *q, const char *name);

/* To be filled by the handler. `field` and `body` lie in the request's arena or are static. The server adds Date,
 * Content-Length, Connection and the security headers of every answer; it leaves the body away for HEAD, 204 and 304.
 * A status outside 200..599 (none was set) and fields that did not fit become a 500. */
struct http_reply {
    int status;
    struct buf field; /* "Name: value\r\n" lines, 16 KiB at most; http_reply_field writes them */
    struct slice body;
    struct exchange *exchange; /* the server's own */
};

/* Dropped whole: a name that is no token, a value with control characters (never a second header line), and the fields
 * that frame the answer and are the server's (Content-Length, Transfer-Encoding, Connection, Date). */
void http_reply_field(struct http_reply *r, const char *name, struct slice value);

/* --- answers that go on --- */

struct http_stream;
enum { HTTP_STREAM_BUFFER = 256 * 1024 };

/* Makes the answer a stream: the reply's status (200) and fields go out when the handler returns, and then whatever is
 * written, at once, in chunked transfer coding; to an HTTP/1.0 client as it is, ended by closing. The request is no
 * longer in flight then. What a client sends behind it waits until the stream has ended, 32 KiB of it at most: a client
 * that sends more is cut off.
 *
 * NULL: there are streams_max streams already, or memory is out. Whoever got a stream owes it one http_stream_end,
 * whatever becomes of it; it may outlive its connection and the server. It is gone from the start for HEAD, and when
 * the reply is no 200 after all. It goes when the client closes the connection or its own side of it, when the client
 * takes nothing for header_ms though something waits for it, when HTTP_STREAM_BUFFER bytes wait for it, and when the
 * server drains (what was written till then is sent and the stream ended in order). */
struct http_stream *http_reply_stream(struct http_reply *r);
/* Any thread; copies the bytes and returns at once. -1: the stream is gone, or goes with this. */
int http_stream_write(struct http_stream *s, struct slice bytes);
/* Any thread. For good once it is true. */
bool http_stream_gone(struct http_stream *s);
/* Ends the stream in order behind what was written, and gives it back: not to be touched after. NULL is fine. */
void http_stream_end(struct http_stream *s);

/* --- transfers: what is larger than memory, one way or the other --- */

/* Asked on a network thread when a header is complete and a body follows. 0: the body is read whole, up to body_max,
 * and then the handler is called. Else the handler is called at once and reads it, up to so many bytes. Does not block.
 */
typedef uint64_t http_body_rule(void *ctx, const struct http_request *q);

/* In the handler of a streamed request: some more of its body, 1..n bytes; 0: that was all. -1 for good: ERR_TOO_LARGE,
 * or ERR_BODY_CUT when it broke off, came below body_rate, was not framed as HTTP wants, or the server drains;
 * ERR_BUSY, when there are transfers_max already: the first call takes a place, so who was refused before has none.
 * Blocks until some has come; a client that waits for "100 Continue" is told to go on by the first call. What a handler
 * leaves unread costs the connection. */
ssize_t http_body_read(struct http_request *q, void *p, size_t n, struct err *e);

/* In a handler: the reply's status (200) and fields go out now, and then exactly `length` bytes, by http_reply_write.
 * 1; 0: the client wants no body (HEAD), so nothing is to be written; -1: ERR_BUSY, there are transfers_max already,
 * and the handler may answer otherwise. */
int http_reply_begin(struct http_reply *r, uint64_t length, struct err *e);
/* Was it begun? Then what else is put into the reply goes nowhere. */
bool http_reply_begun(const struct http_reply *r);
/* Blocks until all of it is with the kernel. -1 for good: the client has gone, or takes less than body_rate, or the
 * server drains. A handler that returns before all `length` bytes were written ends the connection, so that the client
 * sees that something is missing. */
int http_reply_write(struct http_reply *r, struct slice bytes);

typedef void http_handler(void *ctx, struct http_request *q, struct http_reply *r);

enum http_tls { HTTP_TLS_OFF, HTTP_TLS_ON, HTTP_TLS_PROXY };
enum http_certs { HTTP_CERTS_ASKED, HTTP_CERTS_NEEDED };

struct http_config {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; no other names. Port 0 takes a free one */
    enum http_tls tls;  /* OFF is refused on anything but loopback; PROXY: a TLS proxy stands in front */
    const char *cert, *key; /* PEM files, for ON: the chain, leaf first; the key without a passphrase */
    /* PEM file, for ON: authorities that clients' certificates are signed by. Then clients are asked for one; without
     * one they are served all the same, or not (NEEDED). One that does not hold, at any rate, ends the handshake:
     * chain, time, purpose (EKU clientAuth). Sessions are then not resumed, so that it is checked every time. */
    const char *client_ca; /* NULL: nobody is asked */
    enum http_certs certs;
    int loops, handlers; /* threads; a handler's stack is 512 KiB */
    size_t header_max;   /* bytes of request line and fields together */
    int fields_max;
    size_t body_max;
    int header_ms;     /* total time for a request's header, from its first byte (or the connection's start) */
    int body_rate;     /* bytes per second a body and a client's reading must keep up; header_ms of lag is forgiven */
    int idle_ms;       /* keep-alive without a request */
    int in_flight_max; /* requests whose body is being read, or in work; above: 503 */
    int streams_max;   /* above: http_reply_stream answers NULL */
    int transfers_max; /* above: 503. Each holds a handler */
    http_body_rule *body_rule; /* gets the handler's ctx; NULL: every body is read whole */
    int connections_max;       /* above: accepted connections are closed at once. Each needs a descriptor */
    size_t arena_max; /* bytes one request may take; its body alone up to 4/3 of its size (chunked: of body_max) */
    int drain_ms;     /* after stop: how long requests in work may take */
};
/* 127.0.0.1:8080 without TLS, 2 loops, 32 handlers, 16 KiB of at most 100 fields, 8 MiB bodies, 10 s, 1000 bytes/s,
 * 60 s, 512 in flight, 64 streams, 8 transfers, 900 connections, 64 MiB, 10 s. */
struct http_config http_config_default(void);

struct http_server;

/* Binds and listens; serves only when run. ERR_CONFIG with a sentence for whatever the configuration is to blame for:
 * the address, a taken port, plain HTTP where others can reach it, a certificate that does not fit its key. The strings
 * of `c` must outlive the server. */
int http_server_open(const struct http_config *c, http_handler *fn, void *ctx, struct http_server **ret, struct err *e);
/* "127.0.0.1:8080", with the real port. */
const char *http_server_address(const struct http_server *s);
/* Serves until stopped, then drains: no new connections, requests in work are answered with Connection: close, idle
 * connections are closed, streams are ended. Blocks, and after drain_ms still waits for handlers that have not
 * returned. Once per server. Its threads have all signals blocked. */
int http_server_run(struct http_server *s, struct err *e);
/* From any thread or a signal handler (writes one byte to a pipe); before http_server_run, too. */
void http_server_stop(struct http_server *s);
/* Reads certificate and key again; connections from now on use them. If they are wrong the old ones stay. Any thread.
 */
int http_server_reload(struct http_server *s, struct err *e);
/* Not while it runs. NULL is fine. */
void http_server_close(struct http_server *s);

#endif
