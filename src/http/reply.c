#include <stdio.h>
#include <time.h>

#include "http/conn_int.h"
#include "http/syntax_int.h"

#include "base/own.h"

struct slice http_header(const struct http_request *q, const char *name)
{
    for (size_t i = 0; i < q->headers; i++)
        if (slice_is_nocase(q->header[i].name, name))
            return q->header[i].value;
    return (struct slice){NULL, 0};
}

void http_reply_field(struct http_reply *r, const char *name, struct slice value)
{
    struct slice n = slice_of(name);
    bool framing = slice_is_nocase(n, "content-length") || slice_is_nocase(n, "transfer-encoding") ||
                   slice_is_nocase(n, "connection") || slice_is_nocase(n, "date");
    if (framing || n.n == 0 || !syntax_all(n, SYNTAX_TOKEN) || !syntax_all(value, SYNTAX_VALUE))
        return;
    buf_slice(&r->field, n);
    buf_str(&r->field, ": ");
    buf_slice(&r->field, value);
    buf_str(&r->field, "\r\n");
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].text;
    return "";
}

/* RFC 9110 5.6.7, made once a second and thread. */
static const char *http_date(void)
{
    static _Thread_local time_t made;
    static _Thread_local char text[48];
    static const char day[] = "SunMonTueWedThuFriSat", month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != made) {
        struct tm t;
        made = now.tv_sec;
        gmtime_r(&made, &t);
        snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", day + 3 * t.tm_wday, t.tm_mday % 100,
                 month + 3 * t.tm_mon, (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100);
    }
    return text;
}

static bool has_field(struct slice fields, const char *name)
{
    size_t n = strlen(name);
    while (fields.n) {
        struct slice line = slice_cut(&fields, '\n');
        if (line.n > n && line.p[n] == ':' && slice_is_nocase((struct slice){line.p, n}, name))
            return true;
    }
    return false;
}

static void add(struct exchange *x, const char *z)
{
    size_t n = strlen(z);
    if (n > sizeof x->lead - x->lead_n)
        n = sizeof x->lead - x->lead_n;
    memcpy(x->lead + x->lead_n, z, n);
    x->lead_n += n;
}

static void add_number(struct exchange *x, size_t n)
{
    char text[24], *p = text + sizeof text - 1;
    *p = 0;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    add(x, p);
}

static bool bodiless(int status)
{
    return status == 204 || status == 304;
}

/* How the client knows where the answer ends. HEAD tells what GET would. */
static void add_framing(struct exchange *x)
{
    if (x->stream && x->reader.old) {
        x->last = true;
    } else if (x->stream) {
        add(x, "\r\nTransfer-Encoding: chunked");
    } else if (!bodiless(x->reply.status)) {
        add(x, "\r\nContent-Length: ");
        add_number(x, x->sized ? x->transfer.length : x->reply.body.n);
    }
}

void reply_lead(struct exchange *x, const struct http_request *q)
{
    struct http_reply *r = &x->reply;
    struct slice fields = buf_text(&r->field);
    if (r->status < 200 || r->status > 599 || buf_failed(&r->field)) {
        x->sized = false;
        reply_note(x, 500, "the server made no answer; try again, and tell its operator if it stays so");
        fields = (struct slice){NULL, 0};
    }
    if (x->stream && r->status != 200)
        stream_leave(TAKE(x->stream));
    x->lead_n = 0;
    add(x, "HTTP/1.1 ");
    add_number(x, (size_t)r->status);
    add(x, " ");
    add(x, reason(r->status));
    add(x, "\r\nDate: ");
    add(x, http_date());
    add_framing(x);
    add(x, "\r\n");
    if (*x->id) {
        add(x, "X-Request-ID: ");
        add(x, x->id);
        add(x, "\r\n");
    }
    if (x->last)
        add(x, "Connection: close\r\n");
    else if (x->reader.old)
        add(x, "Connection: keep-alive\r\n");
    add(x, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n");
    if (!has_field(fields, "Cache-Control"))
        add(x, "Cache-Control: no-store\r\n");
    if (!has_field(fields, "Content-Security-Policy"))
        add(x, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
    if (q->tls)
        add(x, "Strict-Transport-Security: max-age=31536000\r\n");
    if (x->stream && q->method == HTTP_HEAD)
        stream_leave(TAKE(x->stream));
}

void reply_note(struct exchange *x, int status, const char *why)
{
    int n = snprintf(x->note, sizeof x->note, "{\"detail\":\"%s\"}", why);
    x->reply.status = status;
    x->reply.body = (struct slice){x->note, (size_t)n < sizeof x->note ? (size_t)n : sizeof x->note - 1};
}

static void part(struct iovec *out, int *n, struct slice s)
{
    if (s.n)
        out[(*n)++] = (struct iovec){(void *)s.p, s.n};
}

int reply_iov(struct exchange *x, const struct http_request *q, struct iovec out[OUT_MAX])
{
    int n = 0;
    bool note = x->reply.body.p == x->note;
    part(out, &n, (struct slice){x->lead, x->lead_n});
    if (note)
        part(out, &n, SLICE("Content-Type: application/json\r\n"));
    else
        part(out, &n, buf_text(&x->reply.field));
    part(out, &n, note && x->reply.status == 503 ? SLICE("Retry-After: 1\r\n\r\n") : SLICE("\r\n"));
    if (q->method != HTTP_HEAD && !bodiless(x->reply.status) && !x->stream)
        part(out, &n, x->reply.body);
    return n;
}
