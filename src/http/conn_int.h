/* conn_int.h -- what the files of this room share: server, loops, connections, exchanges.
 *
 * Who may touch a connection: its loop's thread, except in CONN_WORK, when the handler that took it may touch its
 * exchange (and the arena the exchange lies in) and nothing else, unless it is lent to it for a transfer: then also its
 * socket. The queue of the pool and the mailbox of the loop hand it over. A stream is between any threads: its own lock
 * guards what they share of it. */
#ifndef HTTP_CONN_INT_H
#define HTTP_CONN_INT_H

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "base/rnd.h"
#include "http/reader.h"
#include "http/server.h"

/*  IDLE   no byte of a request yet
 *  READ   header or body is coming
 *  WORK   in the pool's queue, in a handler, or in the loop's mailbox
 *  SEND   the answer is going out
 *  STREAM its head is out or going out, and more of it may come at any time
 *  LINGER our side is closed; what still comes is dropped, so that the client can read the answer instead of a reset */
enum stage { CONN_IDLE, CONN_READ, CONN_WORK, CONN_SEND, CONN_STREAM, CONN_LINGER };

enum { LEAD_MAX = 640, NOTE_MAX = 192, OUT_MAX = 6, FIELDS_MAX = 16 * 1024, LINGER_MS = 1000 };

/* The handler's side of a transfer (transfer.c). */
struct transfer {
    struct slice in;    /* read and not fed; of the body, or what the client sent behind it */
    struct slice piece; /* of the body, fed and not given out; lies in what was read */
    char *room;         /* where reads go */
    bool asked;         /* the client was told to go on, or needs not be */
    bool failed;        /* nothing more is read, or written */
    bool begun;         /* the head of the answer is out */
    uint64_t length, written;
    int64_t drain_by_us; /* 0: not draining */
};

/* One request and its answer; lies in the request's arena, so an idle connection carries none of it. */
struct exchange {
    struct reader reader;
    struct http_reply reply;
    struct loop *loop;
    struct http_stream *stream; /* NULL: the answer is none. The exchange holds it */
    struct conn *conn;          /* the handler's when it is lent */
    struct transfer transfer;
    bool transfers; /* it is one of server.transfers */
    bool sized;     /* the answer is as long as transfer.length, not as the reply's body */
    bool last;      /* the connection ends with this answer */
    bool counted;   /* it is one of server.in_flight */
    size_t lead_n;
    char lead[LEAD_MAX]; /* status line and the server's own fields; not taken later, when memory may be out */
    char note[NOTE_MAX]; /* the body of the server's own errors */
    char id[UUID_TEXT];  /* their request id; "" when a handler was reached, which has its own */
    char peer[INET6_ADDRSTRLEN];
};

struct http_stream {
    pthread_mutex_t lock; /* guards what follows, to the blank line */
    int holders;          /* the exchange, the writer, a mailbox */
    bool gone;            /* nothing more is taken from the writer */
    bool ended;           /* nothing more comes: when all is out, the answer is complete */
    bool cut;             /* what is not out yet is of no use: close */
    bool posted;          /* in the mailbox of its loop */
    char *in;             /* written, and not taken by the loop */
    size_t in_n, in_cap;
    size_t held; /* in_n, and what the loop took and has not sent */
    struct loop *loop;

    struct http_stream *mail;
    struct conn *conn; /* the loop's: NULL before the head goes out, and after the connection went */
    char *out;         /* the loop's: what it took last */
    size_t out_n;
    bool chunked, finished;
    char frame[24];
};

struct conn {
    struct conn *next, *prev; /* of its loop */
    struct conn *mail;        /* the next one in a queue or mailbox */
    struct loop *loop;
    struct event rd, wr;
    SSL *ssl;
    struct arena *arena;
    struct exchange *x;
    int fd;
    char peer[INET6_ADDRSTRLEN];
    struct http_cert cert; /* if has_cert, which is known with the first request (cert_read) */
    bool cert_read, has_cert;
    enum stage stage;
    bool fresh;            /* no request yet: the header's time runs from the connection's start */
    bool body;             /* in CONN_READ: the header is complete */
    bool paused;           /* rd is not in the loop: bytes came while a request was in work */
    bool deaf;             /* bytes were lost for want of memory: it ends with the answer in work */
    bool broken;           /* nothing more can be read or written */
    bool write_wants_read; /* TLS */
    bool lent;             /* to the handler, which waits by itself: */
    short wants;           /* POLLIN or POLLOUT, what TLS needs before it can go on */
    char *record;          /* the handler's own for putting together a TLS record */
    int64_t by_us;         /* when the stage must have ended; bytes that move put it off (conn_moved) */
    size_t moved;          /* bytes of the answer: written to the socket, */
    size_t passed;         /* and those of them the client's machine has taken */
    struct iovec out[OUT_MAX];
    int outs, out_at;
    char *ahead; /* bytes read behind the request in work */
    size_t ahead_n, ahead_at;
};

struct loop {
    struct http_server *server;
    struct event_base *base;
    struct event accept, again, tick, wake; /* accept and again: only of the first loop */
    struct conn *first;
    atomic_int conns; /* on their way here, too */
    _Atomic(struct conn *) mailbox;
    _Atomic(struct http_stream *) streams; /* those with something for the loop */
    int wake_fd;
    bool ticking, draining;
    int64_t now_us; /* when this turn of the loop began; near enough for deadlines */
    int64_t drain_by_us;
    char *in, *out; /* a read's bytes; a TLS record being put together */
    pthread_t thread;
};

struct handler {
    struct handler *below; /* on the stack of idle ones */
    struct http_server *server;
    pthread_t thread;
    sem_t wake;
};

struct pool {
    pthread_mutex_t lock;
    struct conn *first, *last;
    struct handler *idle; /* the one that slept last is woken first: its stack and caches are warm */
    struct handler *handler;
    int handlers;
    bool waking; /* one is on its way to the queue */
    bool ending;
};

struct http_server {
    struct http_config c;
    http_handler *fn;
    void *ctx;
    char address[80];
    int listen_fd, stop_fd[2];
    int next_loop; /* of the accepting loop alone */
    atomic_int in_flight, connections, streams, transfers;
    int64_t crowd_us;           /* of the accepting loop: when it last said that connections are closed at once, */
    int crowd;                  /* and how many it closed since */
    atomic_bool draining, deaf; /* stop was asked for; nothing is accepted any more */
    pthread_mutex_t tls_lock;
    SSL_CTX *tls; /* under tls_lock */
    struct loop *loop;
    struct pool pool;
};

enum { LOOP_BUFFER = 32 * 1024, TLS_RECORD = 16 * 1024 };

/* conn.c -- the life of one connection. All on its loop's thread; each may close it. */
void conn_start(struct conn *c);  /* the loop has it now */
void conn_resume(struct conn *c); /* the handler is done */
void conn_close(struct conn *c);  /* frees it; not in CONN_WORK */
void conn_tick(struct conn *c, int64_t now_us);
void conn_stream(struct conn *c); /* its stream has something for it */

/* Any thread that has the connection: takes one of the places for transfers, if there is one. */
bool conn_place(struct conn *c);
void conn_moved(struct conn *c, size_t n, int64_t now_us);

/* transfer.c -- on the handler's thread, but for the first. */
void transfer_begin(struct exchange *x, struct slice ahead, int64_t now_us); /* on the loop's, before it is lent */
void transfer_end(struct exchange *x);                                       /* the handler has returned */

/* stream.c -- on the loop's thread, but for what server.h says. */
enum stream_step { STREAM_WAIT, STREAM_MORE, STREAM_OVER, STREAM_CUT };
void stream_begin(struct http_stream *s, struct conn *c, bool chunked);
/* MORE: *n parts are in `out` (at most 4) and nothing may be asked before they are sent. OVER: all is sent. */
enum stream_step stream_take(struct http_stream *s, struct iovec out[], int *n);
bool stream_is_cut(struct http_stream *s);
void stream_stop(struct http_stream *s);   /* ends it in order; its writer finds it gone */
void stream_leave(struct http_stream *s);  /* the exchange gives it up */
void stream_let_go(struct http_stream *s); /* a holder less */

/* loop.c */
int loop_open(struct loop *l, struct http_server *s, struct err *e);
void *loop_run(void *loop);
void loop_close(struct loop *l);
void loop_wake(struct loop *l);
void loop_post(struct conn *c);                               /* any thread: gives the connection to its loop */
void loop_post_stream(struct loop *l, struct http_stream *s); /* any thread, under the stream's lock; once at a time */

/* pool.c */
int pool_open(struct pool *p, struct http_server *s, struct err *e); /* starts the threads */
void pool_close(struct pool *p);                                     /* waits for them */
void pool_submit(struct pool *p, struct conn *c);

/* reply.c -- the answer's first bytes. */
void reply_lead(struct exchange *x, const struct http_request *q);
void reply_note(struct exchange *x, int status, const char *why); /* an error of the server itself */
int reply_iov(struct exchange *x, const struct http_request *q, struct iovec out[OUT_MAX]); /* how many */

/* wire.c -- bytes in and out, with TLS or without. >0: so many; 0: it would block; -1: it has ended or broke. */
ssize_t wire_read(struct conn *c, char *p, size_t n);
ssize_t wire_write(struct conn *c, const struct iovec *v, int n);
void wire_finish(struct conn *c); /* says goodbye and closes our side */

/* tls.c */
SSL_CTX *tls_open(const struct http_config *c, struct err *e);
bool tls_peer(SSL *ssl, struct http_cert *ret); /* after the handshake: false: it gave no certificate */

/* listen.c */
/* The text of a peer's address; "" when there is none. */
void listen_peer(const struct sockaddr_storage *from, char out[INET6_ADDRSTRLEN]);
/* The same of an address in text, as a proxy tells it; 0 when it is none. */
int listen_peer_text(struct slice s, char out[INET6_ADDRSTRLEN]);
int listen_open(const char *text, bool anywhere, char *address, size_t size, struct err *e); /* the socket, or -1 */

#endif
