/* multipart.h -- a multipart/form-data body (RFC 7578, RFC 2046 5.1) as it comes: its parts one after the other. Pure.
 *
 * Like the reader (reader.h): feed it whatever arrived, and where the bytes are cut makes no difference. Only the
 * header of a part is kept, at most MULTIPART_HEAD bytes of it, in the caller's arena; content is handed on. Refused,
 * because two readers could disagree about it: text before the first part, a part without a name, a name or a field
 * that stands there twice, a transfer encoding that changes bytes, filename* (RFC 7578 4.2), more than MULTIPART_PARTS
 * parts, an end that does not come. What stands behind the last delimiter is dropped. Nothing blocks. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http/disposition.h"

enum { MULTIPART_HEAD = 4096, MULTIPART_PARTS = 16, MULTIPART_BOUNDARY = 70 };

enum multipart_step {
    MULTIPART_MORE,    /* everything was taken */
    MULTIPART_PART,    /* a part begins: multipart.part */
    MULTIPART_DATA,    /* multipart.data, not empty, is more of its content; gone with the next call */
    MULTIPART_END,     /* that was all of the part */
    MULTIPART_DONE,    /* that was all */
    MULTIPART_REFUSED, /* multipart.why; for good */
};

struct multipart_part {
    struct slice name, filename, type; /* {NULL,0}: no filename; no Content-Type. Not checked */
};

struct multipart {
    /* For the caller. */
    struct multipart_part part;
    struct slice data;
    const char *why; /* a static sentence that repeats nothing of what was sent */

    /* Its own. */
    enum { AT_START, AT_CONTENT, AT_MARK, AT_FIELDS, AT_CLOSE, AT_FAULT } state;
    struct arena *arena;
    struct buf head;
    int parts;
    size_t line;               /* where in `head` its last line begins */
    size_t matched, delimiter; /* how much of the delimiter stands before what comes, and how long it is */
    char mark[4 + MULTIPART_BOUNDARY];
    char two[2]; /* what stands behind a delimiter */
    size_t two_n;
};

/* The boundary of a Content-Type, in the arena. -1: it is no multipart/form-data, or has none that could be. */
int multipart_boundary(struct slice content_type, struct arena *a, struct slice *ret);

void multipart_init(struct multipart *m, struct slice boundary, struct arena *a);
/* Returns how many bytes of `in` were taken; *ret says why it stopped. Not to be called after REFUSED; after DONE it
 * takes whatever comes. */
size_t multipart_feed(struct multipart *m, struct slice in, enum multipart_step *ret);

#endif
