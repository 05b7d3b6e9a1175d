#include "http/multipart.h"

#include <assert.h>

#include "http/syntax_int.h"

static size_t refuse(struct multipart *m, const char *why)
{
    m->state = AT_FAULT;
    m->why = why;
    return 0;
}

/* bchars of RFC 2046 5.1.1. */
static bool may_bound(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') ||
              (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] && strchr("'()+_,-./:=? ", s.p[i]))))
            return false;
    return s.n >= 1 && s.n <= MULTIPART_BOUNDARY && s.p[s.n - 1] != ' ';
}

int multipart_boundary(struct slice content_type, struct arena *a, struct slice *ret)
{
    struct slice rest = content_type, name, value, found = {NULL, 0};
    struct slice type = slice_trim(slice_cut(&rest, ';'));
    int more = -1;
    if (!slice_is_nocase(type, "multipart/form-data") || !rest.p)
        return -1;
    rest = (struct slice){rest.p - 1, rest.n + 1}; /* with its semicolon */
    while ((more = field_param(&rest, a, &name, &value)) > 0) {
        if (!slice_is_nocase(name, "boundary"))
            continue;
        if (found.p)
            return -1;
        found = value;
    }
    if (more < 0 || !may_bound(found))
        return -1;
    *ret = found;
    return 0;
}

void multipart_init(struct multipart *m, struct slice boundary, struct arena *a)
{
    assert(boundary.n <= MULTIPART_BOUNDARY);
    *m = (struct multipart){.arena = a, .head = buf_in(a, MULTIPART_HEAD), .delimiter = 4 + boundary.n};
    memcpy(m->mark, "\r\n--", 4);
    memcpy(m->mark + 4, boundary.p, boundary.n);
    m->matched = 2; /* the first delimiter stands at the very beginning: as if a line had ended there */
}

/* --- a part's header --- */

static int set_field(struct slice *to, struct slice value)
{
    if (to->p)
        return -1;
    *to = value.p ? value : SLICE("");
    return 0;
}

static int read_field(struct multipart *m, struct slice line, struct slice *disposition)
{
    struct slice value = line, name = slice_cut(&value, ':');
    if (!value.p || !name.n || !syntax_all(name, SYNTAX_TOKEN) || !syntax_all(value, SYNTAX_VALUE))
        return -1;
    value = slice_trim(value);
    if (slice_is_nocase(name, "Content-Disposition"))
        return set_field(disposition, value);
    if (slice_is_nocase(name, "Content-Type"))
        return set_field(&m->part.type, value);
    if (slice_is_nocase(name, "Content-Transfer-Encoding"))
        return slice_is_nocase(value, "binary") || slice_is_nocase(value, "8bit") || slice_is_nocase(value, "7bit")
                   ? 0
                   : -1;
    return 0;
}

static void read_head(struct multipart *m)
{
    struct slice rest = buf_text(&m->head), disposition = {NULL, 0};
    struct disposition d;
    m->part = (struct multipart_part){.name = {NULL, 0}};
    while (rest.n > 2) {
        struct slice line = slice_cut(&rest, '\n'); /* with its CR */
        if (read_field(m, (struct slice){line.p, line.n - 1}, &disposition)) {
            refuse(m, "a part's header must be fields, each once, and no transfer encoding");
            return;
        }
    }
    bool star = false; /* filename*= outside of quotes; a name that holds these letters is refused with it */
    for (size_t i = 0; i + 10 <= disposition.n; i++)
        star |= slice_is_nocase((struct slice){disposition.p + i, 10}, "filename*=");
    if (star || !disposition.p || disposition_read(disposition, m->arena, &d) ||
        !slice_is_nocase(d.type, "form-data") || !d.name.n) {
        refuse(m, "a part must have Content-Disposition: form-data with a name, and filename rather than filename*");
        return;
    }
    m->part.name = d.name;
    m->part.filename = d.filename;
    m->state = AT_CONTENT;
    m->matched = 0;
}

static size_t feed_fields(struct multipart *m, struct slice in)
{
    const char *lf = memchr(in.p, '\n', in.n);
    size_t n = lf ? (size_t)(lf - in.p) + 1 : in.n;
    if (n > MULTIPART_HEAD - m->head.n)
        return refuse(m, "a part's header is longer than it may be");
    buf_add(&m->head, in.p, n);
    if (buf_failed(&m->head))
        return refuse(m, "a part's header needs more memory than there is");
    if (!lf)
        return n;
    size_t line = m->head.n - m->line;
    if (line < 2 || m->head.p[m->head.n - 2] != '\r')
        return refuse(m, "the lines of a part's header must end in CR LF");
    m->line = m->head.n;
    if (line == 2)
        read_head(m);
    return n;
}

/* --- content, up to the delimiter --- */

/* A delimiter begins with the only CR in it, so what was taken for its beginning and is not has no other beginning in
 * itself. It is handed on from where it is written down. */
static size_t feed_content(struct multipart *m, struct slice in)
{
    size_t n = 0;
    if (m->matched == 0) {
        const char *cr = memchr(in.p, '\r', in.n);
        n = cr ? (size_t)(cr - in.p) : in.n;
        m->data = (struct slice){in.p, n};
        return n ? n : (m->matched = 1);
    }
    while (n < in.n && m->matched < m->delimiter && in.p[n] == m->mark[m->matched])
        n++, m->matched++;
    if (m->matched == m->delimiter) {
        m->state = AT_MARK;
        m->two_n = 0;
    } else if (n < in.n && m->state == AT_START) {
        return refuse(m, "the body must begin with the boundary that Content-Type names");
    } else if (n < in.n) {
        m->data = (struct slice){m->mark, m->matched};
        m->matched = 0;
    }
    return n;
}

/* CRLF and another part, or "--" and the end. */
static size_t feed_mark(struct multipart *m, struct slice in)
{
    m->two[m->two_n++] = in.p[0];
    if (m->two_n < 2)
        return 1;
    if (memcmp(m->two, "--", 2) == 0) {
        m->state = AT_CLOSE;
        return 1;
    }
    if (memcmp(m->two, "\r\n", 2) != 0)
        return refuse(m, "a boundary must be followed by the end of its line");
    if (++m->parts > MULTIPART_PARTS)
        return refuse(m, "the form has more parts than it may have");
    m->state = AT_FIELDS;
    m->head.n = m->line = 0;
    return 1;
}

static size_t feed_some(struct multipart *m, struct slice in)
{
    switch (m->state) {
    case AT_START:
    case AT_CONTENT: return feed_content(m, in);
    case AT_MARK: return feed_mark(m, in);
    case AT_FIELDS: return feed_fields(m, in);
    case AT_CLOSE: return in.n;
    case AT_FAULT: break;
    }
    return 0;
}

/* What the step from one state to another means. */
static enum multipart_step step_of(int was, const struct multipart *m)
{
    if (m->state == AT_FAULT)
        return MULTIPART_REFUSED;
    if (m->data.n)
        return MULTIPART_DATA;
    if (was == AT_FIELDS && m->state == AT_CONTENT)
        return MULTIPART_PART;
    if (was == AT_CONTENT && m->state == AT_MARK)
        return MULTIPART_END;
    return was == AT_MARK && m->state == AT_CLOSE ? MULTIPART_DONE : MULTIPART_MORE;
}

size_t multipart_feed(struct multipart *m, struct slice in, enum multipart_step *ret)
{
    size_t at = 0;
    assert(m->state != AT_FAULT);
    m->data = (struct slice){NULL, 0};
    *ret = MULTIPART_MORE;
    while (at < in.n && *ret == MULTIPART_MORE) {
        int was = m->state;
        at += feed_some(m, (struct slice){in.p + at, in.n - at});
        *ret = step_of(was, m);
    }
    return at;
}
