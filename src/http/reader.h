/* reader.h -- bytes to one HTTP/1.1 request: RFC 9112 and 9110, strictly. Pure: no sockets, no clock, no logging.
 *
 * Feed it whatever arrived; it takes what belongs to this request and leaves the rest (the next, pipelined request) to
 * the caller. Where the bytes are cut makes no difference. What is refused, because two readers could disagree about
 * it, or because it is wrong: bare LF, folded lines, space before a colon, control characters, Content-Length that is
 * doubled, listed or not plain digits, Content-Length beside Transfer-Encoding, any transfer coding but one `chunked`,
 * a missing, doubled or malformed Host, a target with characters no URI has. Chunk extensions and trailers are checked
 * and dropped.
 *
 * Everything it keeps lies in the caller's arena. A refusal is final: status and a sentence that says how to mend it
 * and repeats nothing of what was sent. Limits: header_max counts request line and fields, and once more chunk
 * extensions and trailers; a body grows as it arrives, so a Content-Length alone reserves nothing. Nothing blocks. */
#ifndef HTTP_READER_H
#define HTTP_READER_H

#include "http/server.h"

struct reader_limits {
    size_t header_max, body_max;
    int fields_max;
    http_body_rule *rule; /* NULL: every body is kept whole */
    void *rule_ctx;
};

enum reader_step {
    READER_MORE, /* everything was taken, the request is not complete */
    READER_HEAD, /* once: the header is complete and a body follows; feed on to read it */
    READER_DATA, /* of a body that is not kept: reader.data, in what was fed, is more of it; the end if reader_ended */
    READER_DONE, /* reader.request is complete; bytes not taken belong to the next one */
    READER_REFUSED, /* reader.status and reader.why say what to answer; then close */
};

enum reader_state { AT_HEAD, AT_BODY, AT_SIZE, AT_DATA, AT_DATA_END, AT_TRAILER, AT_END, AT_REFUSED };

struct reader {
    /* For the caller. */
    struct http_request request; /* all but `tls` and `received_us`, which are the caller's */
    bool keep_alive;             /* the client wants the connection kept */
    bool old;                    /* HTTP/1.0: keep-alive must be said */
    bool expects;                /* waits for "100 Continue" before it sends the body */
    bool streamed;               /* the rule says so: the body is not kept, but handed on as it comes */
    struct slice data;
    int status;      /* of a refusal: 400, 413, 414, 417, 431, 501, 503, 505 */
    const char *why; /* a static sentence without characters JSON would escape */

    /* The reader's own. */
    struct reader_limits max;
    enum reader_state state;
    bool skipped;           /* the one empty line that may stand before a request */
    int lines;              /* complete lines of the header; then of the trailer */
    size_t line;            /* where in `head` the current line starts */
    struct buf head, piece; /* the header as sent; one line of a chunked body's frame */
    size_t frame;           /* bytes of chunk extensions and trailers */
    bool hosted, chunked, coded, sized;
    size_t left; /* bytes of the body, or of the chunk, still to come */
    char *body;
    size_t got, cap;
};

void reader_init(struct reader *r, struct arena *a, const struct reader_limits *max);
/* Returns how many bytes of `in` were taken; *ret says why it stopped. Not to be called after DONE or REFUSED, nor once
 * reader_ended. */
size_t reader_feed(struct reader *r, struct slice in, enum reader_step *ret);
/* Is the request whole? */
static inline bool reader_ended(const struct reader *r)
{
    return r->state == AT_END;
}

#endif
