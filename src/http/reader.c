#include "http/reader.h"

#include <assert.h>

#include "base/own.h"
#include "http/syntax_int.h"

enum { BODY_FIRST = 8 * 1024, SIZE_DIGITS = 16 };

static int refuse(struct reader *r, int status, const char *why)
{
    r->state = AT_REFUSED;
    r->status = status;
    r->why = why;
    return -1;
}

static int out_of_memory(struct reader *r)
{
    return refuse(r, 503, "the request needs more memory than it may use; send less");
}

static int too_large(struct reader *r)
{
    return refuse(r, 413, "the body is larger than this address accepts; send less");
}

void reader_init(struct reader *r, struct arena *a, const struct reader_limits *max)
{
    *r = (struct reader){.max = *max, .head = buf_in(a, max->header_max), .piece = buf_in(a, max->header_max)};
    r->request.arena = a;
}

/* --- the request line --- */

static enum http_method method_of(struct slice m)
{
    static const char *const name[] = {
        [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",      [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS"};
    for (size_t i = 0; i < COUNT(name); i++)
        if (slice_is(m, name[i]))
            return (enum http_method)i;
    return HTTP_OTHER;
}

static int read_version(struct reader *r, struct slice v)
{
    if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' || v.p[5] > '9' || v.p[6] != '.' || v.p[7] < '0' ||
        v.p[7] > '9')
        return refuse(r, 400, "the request line must be: method, one space, target, one space, HTTP/1.1");
    if (v.p[5] != '1')
        return refuse(r, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    r->old = v.p[7] == '0';
    return 0;
}

/* scheme "://" authority, cut off the front of *t: RFC 9112 3.2.2. What remains is path and query. */
static int cut_authority(struct reader *r, struct slice *t)
{
    size_t n = t->n >= 7 && slice_is_nocase((struct slice){t->p, 7}, "http://")    ? 7
               : t->n >= 8 && slice_is_nocase((struct slice){t->p, 8}, "https://") ? 8
                                                                                   : 0;
    if (!n)
        return refuse(r, 400, "the target must begin with a slash, or be an http or https URL");
    struct slice host = {t->p + n, 0};
    while (n + host.n < t->n && host.p[host.n] != '/' && host.p[host.n] != '?')
        host.n++;
    if (!syntax_host(host))
        return refuse(r, 400, "the host in the target is not valid");
    *t = (struct slice){host.p + host.n, t->n - n - host.n};
    return 0;
}

static int read_target(struct reader *r, struct slice t)
{
    struct http_request *q = &r->request;
    if (slice_is(q->method_text, "CONNECT"))
        return refuse(r, 501, "this server opens no tunnels; send the request to the host itself");
    if (slice_is(t, "*")) {
        q->path = t;
        return q->method == HTTP_OPTIONS ? 0 : refuse(r, 400, "only OPTIONS may have the target *");
    }
    if (t.n == 0 || (t.p[0] != '/' && cut_authority(r, &t)))
        return r->state == AT_REFUSED ? -1 : refuse(r, 400, "the request line has no target");
    q->path = slice_cut(&t, '?');
    q->query = t;
    if (!syntax_all(q->path, SYNTAX_TARGET) || !syntax_all(q->query, SYNTAX_QUERY))
        return refuse(r, 400, "the target has characters a URL cannot have; percent-encode them");
    if (!syntax_percent(q->path) || !syntax_percent(q->query))
        return refuse(r, 400, "in the target every percent sign must be followed by two hexadecimal digits");
    if (q->path.n == 0)
        q->path = q->method == HTTP_OPTIONS && q->query.n == 0 ? SLICE("*") : SLICE("/");
    return 0;
}

static int read_request_line(struct reader *r, struct slice line)
{
    struct slice rest = line, version;
    struct slice method = slice_cut(&rest, ' ');
    struct slice target = slice_cut(&rest, ' ');
    version = rest;
    if (method.n == 0 || !syntax_all(method, SYNTAX_TOKEN))
        return refuse(r, 400, "the request line must begin with a method");
    r->request.method_text = method;
    r->request.method = method_of(method);
    return read_version(r, version) || read_target(r, target) ? -1 : 0;
}

/* --- fields --- */

/* A field line, without its CRLF. Leading white space would be a folded line, or one smuggled before the first. */
static int read_field(struct reader *r, struct slice line, struct http_header *ret)
{
    const char *colon = memchr(line.p, ':', line.n);
    struct slice name = {line.p, colon ? (size_t)(colon - line.p) : 0};
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return refuse(r, 400, "a header line must not begin with white space; put each field on one line");
    if (name.n == 0 || !syntax_all(name, SYNTAX_TOKEN))
        return refuse(r, 400, "a header line must be a field name, a colon right behind it, and a value");
    struct slice value = {colon + 1, line.n - name.n - 1};
    if (!syntax_all(value, SYNTAX_VALUE))
        return refuse(r, 400, "a header value must not have control characters");
    *ret = (struct http_header){name, slice_trim(value)};
    return 0;
}

static int read_length(struct reader *r, struct slice v)
{
    int64_t n = 0;
    if (r->sized)
        return refuse(r, 400, "Content-Length must be sent once");
    r->sized = true;
    if (v.n == 0)
        return refuse(r, 400, "Content-Length must be a number");
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return refuse(r, 400, "Content-Length must be one number of digits only");
    if (!slice_int(v, 0, INT64_MAX, &n))
        return too_large(r);
    r->left = (size_t)n;
    return 0;
}

/* Only one `chunked` is understood. A list that does not end in it leaves the body's end unknown (400); one that does,
 * with another coding before it, is understood but not spoken (501). */
static int read_coding(struct reader *r, struct slice v)
{
    if (r->coded)
        return refuse(r, 400, "Transfer-Encoding must be sent once");
    r->coded = true;
    struct slice part = {NULL, 0};
    int chunked = 0, others = 0;
    for (struct slice rest = v; rest.p;) {
        part = slice_trim(slice_cut(&rest, ','));
        if (slice_is_nocase(part, "chunked"))
            chunked++;
        else
            others++;
    }
    if (chunked != 1 || !slice_is_nocase(part, "chunked"))
        return refuse(r, 400, "Transfer-Encoding must be chunked, once");
    r->chunked = true;
    return others ? refuse(r, 501, "this server knows no transfer coding but chunked; send the body as it is") : 0;
}

static void read_connection(struct slice v, bool *close, bool *keep)
{
    while (v.p) {
        struct slice option = slice_trim(slice_cut(&v, ','));
        *close |= slice_is_nocase(option, "close");
        *keep |= slice_is_nocase(option, "keep-alive");
    }
}

static int read_host(struct reader *r, struct slice v)
{
    if (r->hosted)
        return refuse(r, 400, "Host must be sent once");
    r->hosted = true;
    return syntax_host(v) ? 0 : refuse(r, 400, "Host must be a host name or address, and a port if there is one");
}

struct asked {
    bool close, keep, expects;
};

/* The fields that say how to read the rest. */
static int weigh_field(struct reader *r, const struct http_header *h, struct asked *ask)
{
    switch (h->name.n) {
    case 4: return slice_is_nocase(h->name, "host") ? read_host(r, h->value) : 0;
    case 6:
        if (slice_is_nocase(h->name, "expect")) {
            if (!slice_is_nocase(h->value, "100-continue"))
                return refuse(r, 417, "the only expectation this server can meet is 100-continue");
            ask->expects = true;
        }
        return 0;
    case 10:
        if (slice_is_nocase(h->name, "connection"))
            read_connection(h->value, &ask->close, &ask->keep);
        return 0;
    case 14: return slice_is_nocase(h->name, "content-length") ? read_length(r, h->value) : 0;
    case 17: return slice_is_nocase(h->name, "transfer-encoding") ? read_coding(r, h->value) : 0;
    default: return 0;
    }
}

static int settle(struct reader *r, const struct asked *ask)
{
    if (r->coded && r->sized)
        return refuse(r, 400, "send Content-Length or Transfer-Encoding, not both");
    if (r->coded && r->old)
        return refuse(r, 400, "HTTP/1.0 has no Transfer-Encoding; send Content-Length");
    if (!r->hosted && !r->old)
        return refuse(r, 400, "an HTTP/1.1 request must have a Host field");
    r->keep_alive = !ask->close && (!r->old || ask->keep);
    bool body = r->chunked || r->left;
    uint64_t most = body && r->max.rule ? r->max.rule(r->max.rule_ctx, &r->request) : 0;
    r->streamed = most > 0;
    if (r->streamed)
        r->max.body_max = most;
    if (r->left > r->max.body_max)
        return too_large(r);
    r->expects = ask->expects && body && !r->old;
    r->state = !body ? AT_END : r->chunked ? AT_SIZE : AT_BODY;
    r->lines = 0;
    return 0;
}

/* The whole header lies in `head`, every line ends in CRLF, the last one is empty. */
static int read_head(struct reader *r)
{
    struct asked ask = {false, false, false};
    const char *p = r->head.p, *end = p + r->head.n - 2;
    size_t fields = (size_t)r->lines - 1;
    struct http_header *h = arena_take(r->request.arena, (fields ? fields : 1) * sizeof *h);
    if (!h)
        return out_of_memory(r);
    r->request.header = h;
    for (size_t i = 0; p < end; i++) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        assert(lf && i <= fields);
        struct slice line = {p, (size_t)(lf - p) - 1};
        if (i == 0 ? read_request_line(r, line) : (read_field(r, line, &h[i - 1]) || weigh_field(r, &h[i - 1], &ask)))
            return -1;
        p = lf + 1;
    }
    r->request.headers = fields;
    return settle(r, &ask);
}

/* One LF has come. 1: the header is complete, 0: not yet, -1. */
static int end_header_line(struct reader *r)
{
    size_t n = r->head.n - r->line;
    if (n < 2 || r->head.p[r->head.n - 2] != '\r')
        return refuse(r, 400, "lines must end in CR LF");
    if (n > 2) {
        if (r->lines++ > r->max.fields_max)
            return refuse(r, 431, "the request has more header fields than this server accepts; send fewer");
        r->line = r->head.n;
        return 0;
    }
    if (r->lines)
        return read_head(r) ? -1 : 1;
    if (r->skipped)
        return refuse(r, 400, "the request must begin with a request line");
    r->skipped = true;
    r->head.n = 0;
    return 0;
}

static size_t feed_head(struct reader *r, struct slice in)
{
    size_t at = 0;
    while (at < in.n) {
        if (r->head.n == 0 && !syntax_has(in.p[at], SYNTAX_TOKEN) && in.p[at] != '\r' && in.p[at] != '\n') {
            refuse(r, 400, "this is not an HTTP request");
            return at;
        }
        const char *lf = memchr(in.p + at, '\n', in.n - at);
        size_t n = lf ? (size_t)(lf - in.p) + 1 - at : in.n - at;
        if (n > r->max.header_max - r->head.n) {
            if (r->lines)
                refuse(r, 431, "the header fields are larger than this server accepts; send fewer or shorter ones");
            else
                refuse(r, 414, "the target is longer than this server accepts; send a shorter one");
            return at;
        }
        buf_add(&r->head, in.p + at, n);
        at += n;
        if (buf_failed(&r->head)) {
            out_of_memory(r);
            return at;
        }
        if (lf && end_header_line(r))
            return at;
    }
    return at;
}

/* --- the body --- */

/* Room for n more bytes: the full size, or a quarter of it, or a sixteenth ..., whichever is just enough. So a body
 * that is promised and does not come costs little, and the pieces left behind are together a third of the last one. */
static int body_room(struct reader *r, size_t n)
{
    size_t need = r->got + n, cap = r->chunked ? r->max.body_max : r->got + r->left;
    if (need <= r->cap)
        return 0;
    while (cap > BODY_FIRST && (cap + 3) / 4 >= need)
        cap = (cap + 3) / 4;
    char *p = arena_grow(r->request.arena, r->body, r->cap, cap);
    if (!p)
        return out_of_memory(r);
    r->body = p;
    r->cap = cap;
    return 0;
}

static size_t feed_body(struct reader *r, struct slice in)
{
    size_t n = in.n < r->left ? in.n : r->left;
    if (!r->streamed && body_room(r, n))
        return 0;
    if (r->streamed)
        r->data = (struct slice){in.p, n};
    else
        memcpy(r->body + r->got, in.p, n);
    r->got += n;
    r->left -= n;
    if (r->left == 0)
        r->state = r->chunked ? AT_DATA_END : AT_END;
    return n;
}

/* chunk-size [ chunk-ext ] of RFC 9112 7.1; white space only before an extension. */
static int read_size(struct reader *r, struct slice line)
{
    size_t n = 0, i = 0;
    for (; i < line.n && i < SIZE_DIGITS; i++) {
        char c = line.p[i];
        int v = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (v < 0)
            break;
        n = n << 4 | (size_t)v;
    }
    struct slice ext = {line.p + i, line.n - i};
    r->frame += ext.n;
    struct slice mark = slice_trim(ext);
    if (i == 0 || (ext.n && (mark.n == 0 || mark.p[0] != ';')) || !syntax_all(ext, SYNTAX_VALUE))
        return refuse(r, 400, "a chunk must begin with its size in hexadecimal digits");
    if (n > r->max.body_max - r->got)
        return too_large(r);
    r->left = n;
    r->state = n ? AT_DATA : AT_TRAILER;
    return 0;
}

/* Trailers must be well-formed; then they are dropped, as RFC 9110 6.5.1 allows: none is defined for what this server
 * does. */
static int read_trailer(struct reader *r, struct slice line)
{
    struct http_header dropped;
    r->frame += line.n + 2;
    if (line.n == 0) {
        r->state = AT_END;
        return 0;
    }
    if (r->lines++ >= r->max.fields_max)
        return refuse(r, 431, "the request has more trailer fields than this server accepts; send fewer");
    return read_field(r, line, &dropped);
}

static size_t feed_frame(struct reader *r, struct slice in)
{
    const char *lf = memchr(in.p, '\n', in.n);
    size_t n = lf ? (size_t)(lf - in.p) + 1 : in.n;
    size_t most = r->max.header_max - (r->frame < r->max.header_max ? r->frame : r->max.header_max);
    if (n > most || r->piece.n > most - n) {
        refuse(r, 431, "chunk extensions and trailers are larger than this server accepts; leave them away");
        return 0;
    }
    buf_add(&r->piece, in.p, n);
    if (buf_failed(&r->piece))
        out_of_memory(r);
    else if (lf && (r->piece.n < 2 || r->piece.p[r->piece.n - 2] != '\r'))
        refuse(r, 400, "lines must end in CR LF");
    else if (lf) {
        struct slice line = {r->piece.p, r->piece.n - 2};
        (void)(r->state == AT_SIZE ? read_size(r, line) : read_trailer(r, line));
        r->piece.n = 0;
    }
    return n;
}

/* Exactly CR LF behind a chunk's data; `left` counts what has come of it. */
static size_t feed_data_end(struct reader *r, struct slice in)
{
    if (in.p[0] != "\r\n"[r->left]) {
        refuse(r, 400, "a chunk's data must be as long as its size says and end in CR LF");
        return 0;
    }
    if (++r->left == 2) {
        r->left = 0;
        r->state = AT_SIZE;
    }
    return 1;
}

static size_t feed_some(struct reader *r, struct slice in)
{
    switch (r->state) {
    case AT_HEAD: return feed_head(r, in);
    case AT_BODY:
    case AT_DATA: return feed_body(r, in);
    case AT_SIZE:
    case AT_TRAILER: return feed_frame(r, in);
    case AT_DATA_END: return feed_data_end(r, in);
    case AT_END:
    case AT_REFUSED: break;
    }
    return 0;
}

size_t reader_feed(struct reader *r, struct slice in, enum reader_step *ret)
{
    size_t at = 0;
    assert(r->state != AT_END && r->state != AT_REFUSED);
    r->data = (struct slice){NULL, 0};
    *ret = READER_MORE;
    while (at < in.n && *ret == READER_MORE) {
        bool head = r->state == AT_HEAD;
        at += feed_some(r, (struct slice){in.p + at, in.n - at});
        if (r->state == AT_REFUSED)
            *ret = READER_REFUSED;
        else if (r->data.n)
            *ret = READER_DATA;
        else if (r->state == AT_END)
            *ret = READER_DONE;
        else if (head && r->state != AT_HEAD)
            *ret = READER_HEAD;
    }
    if (*ret == READER_DONE)
        r->request.body = (struct slice){r->body, r->got};
    return at;
}
