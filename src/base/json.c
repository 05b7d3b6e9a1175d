#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

struct reader {
    const unsigned char *p, *begin, *end;
    struct arena *arena;
    struct json_node *node;
    uint32_t count, cap;
    const char *what;
};

uint16_t json_hash(const char *p, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 16777619u;
    return (uint16_t)(h ^ h >> 16);
}

static int bad(struct reader *r, const char *what)
{
    r->what = what;
    return -1;
}

/* -1 with what == NULL: the arena is exhausted. */
static int push(struct reader *r, enum json_kind kind, size_t off, size_t len)
{
    if (r->count == r->cap) {
        uint32_t cap = r->cap * 2;
        struct json_node *n = arena_grow(r->arena, r->node, (size_t)r->cap * sizeof *n, (size_t)cap * sizeof *n);
        if (!n)
            return bad(r, NULL);
        r->node = n;
        r->cap = cap;
    }
    r->node[r->count] =
        (struct json_node){.off = (uint32_t)off, .len = (uint32_t)len, .next = r->count + 1, .kind = (uint8_t)kind};
    r->count++;
    return 0;
}

static void skip_space(struct reader *r)
{
    const unsigned char *p = r->p;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
        uint64_t w; /* indentation: eight spaces at a time */
        while (r->end - p >= 8 && (memcpy(&w, p, 8), w == 0x2020202020202020u))
            p += 8;
    }
    r->p = p;
}

static int hex4(const unsigned char *p, unsigned *ret)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = p[i];
        if (c >= '0' && c <= '9')
            c -= '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            c = (c | 32) - 'a' + 10;
        else
            return -1;
        v = v << 4 | c;
    }
    *ret = v;
    return 0;
}

/* r->p behind a backslash; moves behind the escape. */
static int read_escape(struct reader *r)
{
    if (r->p >= r->end)
        return bad(r, "the text ends inside a string");
    unsigned char c = *r->p++;
    if (c != 'u')
        return strchr("\"\\/bfnrt", c) && c ? 0 : bad(r, "unknown escape in a string");
    unsigned v, w;
    if (r->end - r->p < 4 || hex4(r->p, &v))
        return bad(r, "\\u needs four hexadecimal digits");
    r->p += 4;
    if (v == 0)
        return bad(r, "\\u0000 is not allowed in a string");
    if (v >= 0xDC00 && v <= 0xDFFF)
        return bad(r, "a low surrogate without its high one");
    if (v >= 0xD800 && v <= 0xDBFF) {
        if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u' || hex4(r->p + 2, &w) || w < 0xDC00 || w > 0xDFFF)
            return bad(r, "a high surrogate without its low one");
        r->p += 6;
    }
    return 0;
}

/* The bytes that end a fast run over a string: quote, backslash, control characters and all of non-ASCII. */
static inline uint64_t special(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (w - ones * 0x20) | w) & high;
}

/* r->p behind the opening quote; leaves it behind the closing one. */
static int read_string(struct reader *r, enum json_kind kind)
{
    const unsigned char *start = r->p;
    bool escaped = false;
    for (;;) {
        uint64_t w;
        while (r->end - r->p >= 8 && (memcpy(&w, r->p, 8), !special(w)))
            r->p += 8;
        if (r->p >= r->end)
            return bad(r, "the text ends inside a string");
        unsigned char c = *r->p;
        if (c == '"')
            break;
        if (c == '\\') {
            escaped = true;
            r->p++;
            if (read_escape(r))
                return -1;
        } else if (c < 0x20) {
            return bad(r, "a control character in a string must be escaped");
        } else if (c < 0x80) {
            r->p++;
        } else {
            const unsigned char *q = r->p;
            while (q < r->end && *q >= 0x80)
                q++;
            if (!utf8_valid((struct slice){(const char *)r->p, (size_t)(q - r->p)}))
                return bad(r, "invalid UTF-8");
            r->p = q;
        }
    }
    size_t len = (size_t)(r->p - start);
    if (push(r, kind, (size_t)(start - r->begin), len))
        return -1;
    r->node[r->count - 1].escaped = escaped;
    r->p++;
    return 0;
}

static int read_number(struct reader *r)
{
    const unsigned char *start = r->p, *p = r->p, *end = r->end;
    if (*p == '-')
        p++;
    if (p < end && *p == '0') {
        p++;
    } else {
        if (p >= end || *p < '1' || *p > '9')
            return bad(r, "a number needs a digit here");
        while (p < end && *p >= '0' && *p <= '9')
            p++;
    }
    if (p < end && *p == '.') {
        p++;
        if (p >= end || *p < '0' || *p > '9')
            return bad(r, "a digit must follow the decimal point");
        while (p < end && *p >= '0' && *p <= '9')
            p++;
    }
    if (p < end && (*p | 32) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (p >= end || *p < '0' || *p > '9')
            return bad(r, "a digit must follow the exponent's sign");
        while (p < end && *p >= '0' && *p <= '9')
            p++;
    }
    if (p < end && ((*p >= '0' && *p <= '9') || *p == '.' || (*p | 32) == 'e'))
        return bad(r, "a number with a leading zero or two points");
    r->p = p;
    return push(r, JSON_NUMBER, (size_t)(start - r->begin), (size_t)(p - start));
}

static int read_word(struct reader *r, const char *word, enum json_kind kind)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return bad(r, "a value is expected here");
    size_t off = (size_t)(r->p - r->begin);
    r->p += n;
    return push(r, kind, off, n);
}

size_t json_unescape(const char *p, size_t n, char *out)
{
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\\') {
            const char *slash = memchr(p + i, '\\', n - i);
            size_t run = (slash ? (size_t)(slash - p) : n) - i;
            memcpy(out + o, p + i, run);
            o += run;
            i += run - 1;
            continue;
        }
        unsigned v = 0, w = 0;
        switch (p[++i]) {
        case 'b': out[o++] = '\b'; break;
        case 'f': out[o++] = '\f'; break;
        case 'n': out[o++] = '\n'; break;
        case 'r': out[o++] = '\r'; break;
        case 't': out[o++] = '\t'; break;
        case 'u':
            hex4((const unsigned char *)p + i + 1, &v);
            i += 4;
            if (v >= 0xD800 && v <= 0xDBFF) {
                hex4((const unsigned char *)p + i + 3, &w);
                i += 6;
                v = 0x10000 + ((v - 0xD800) << 10) + (w - 0xDC00);
            }
            if (v < 0x80) {
                out[o++] = (char)v;
            } else if (v < 0x800) {
                out[o++] = (char)(0xC0 | v >> 6);
                out[o++] = (char)(0x80 | (v & 63));
            } else if (v < 0x10000) {
                out[o++] = (char)(0xE0 | v >> 12);
                out[o++] = (char)(0x80 | (v >> 6 & 63));
                out[o++] = (char)(0x80 | (v & 63));
            } else {
                out[o++] = (char)(0xF0 | v >> 18);
                out[o++] = (char)(0x80 | (v >> 12 & 63));
                out[o++] = (char)(0x80 | (v >> 6 & 63));
                out[o++] = (char)(0x80 | (v & 63));
            }
            break;
        default: out[o++] = p[i];
        }
    }
    return o;
}

/* The unescaped text of key k, into `small` when it fits there, else the arena. {NULL,0}: the arena is exhausted. */
static struct slice key_text(struct reader *r, uint32_t k, char *small, size_t size)
{
    const char *raw = (const char *)r->begin + r->node[k].off;
    if (!r->node[k].escaped)
        return (struct slice){raw, r->node[k].len};
    char *out = r->node[k].len <= size ? small : arena_take(r->arena, r->node[k].len + 1);
    if (!out)
        return (struct slice){NULL, 0};
    return (struct slice){out, json_unescape(raw, r->node[k].len, out)};
}

static int same_key(struct reader *r, uint32_t a, uint32_t b)
{
    char x[64], y[64];
    struct slice s = key_text(r, a, x, sizeof x), t = key_text(r, b, y, sizeof y);
    if (!s.p || !t.p)
        return bad(r, NULL);
    return slice_eq(s, t);
}

static int by_hash(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* 0: keys a and b differ; -1: they do not, and the fault stands at the later one, or memory is out. */
static int differ(struct reader *r, uint32_t a, uint32_t b)
{
    int same = same_key(r, a, b);
    if (same == 0)
        return 0;
    if (same > 0) {
        r->p = r->begin + r->node[a > b ? a : b].off - 1;
        r->what = "a key stands twice in one object";
    }
    return -1;
}

struct named {
    struct slice text;
    uint32_t key;
};

static int by_text(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int d = memcmp(x->text.p, y->text.p, x->text.n < y->text.n ? x->text.n : y->text.n);
    return d ? d : x->text.n < y->text.n ? -1 : x->text.n > y->text.n;
}

/* Keys of one hash, by their text: whoever writes the document can make all of its keys share one. */
static int no_duplicates_of_a_hash(struct reader *r, const uint64_t *order, uint32_t n)
{
    struct named *list = arena_take(r->arena, n * sizeof *list);
    if (!list)
        return bad(r, NULL);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = (uint32_t)order[i];
        list[i] = (struct named){key_text(r, k, NULL, 0), k};
        if (!list[i].text.p)
            return bad(r, NULL);
    }
    qsort(list, n, sizeof *list, by_text);
    for (uint32_t i = 1; i < n; i++)
        if (differ(r, list[i - 1].key, list[i].key))
            return -1;
    return 0;
}

/* Objects of more than a few keys: sort (hash, index) pairs and compare those of one hash. */
static int no_duplicates_large(struct reader *r, uint32_t obj, uint32_t pairs)
{
    uint64_t *order = arena_take(r->arena, pairs * sizeof *order);
    if (!order)
        return bad(r, NULL);
    uint32_t n = 0;
    for (uint32_t k = obj + 1; k < r->count; k = r->node[k].next)
        order[n++] = (uint64_t)r->node[k].hash << 32 | k;
    qsort(order, n, sizeof *order, by_hash);
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && order[end] >> 32 == order[i] >> 32;)
            end++;
        if (end - i > 1 && no_duplicates_of_a_hash(r, order + i, end - i))
            return -1;
    }
    return 0;
}

static int no_duplicates(struct reader *r, uint32_t obj, uint32_t pairs)
{
    enum { FEW = 24 };
    uint16_t seen[FEW];
    uint32_t at[FEW], n = 0;
    if (pairs > FEW)
        return no_duplicates_large(r, obj, pairs);
    for (uint32_t k = obj + 1; k < r->count; k = r->node[k].next) {
        uint16_t h = r->node[k].hash;
        for (uint32_t i = 0; i < n; i++)
            if (seen[i] == h && differ(r, at[i], k))
                return -1;
        seen[n] = h;
        at[n++] = k;
    }
    return 0;
}

static int read_key(struct reader *r)
{
    char small[64];
    if (r->p >= r->end || *r->p != '"')
        return bad(r, "a key in double quotes is expected here");
    r->p++;
    if (read_string(r, JSON_KEY))
        return -1;
    uint32_t k = r->count - 1;
    struct slice s = key_text(r, k, small, sizeof small);
    if (!s.p)
        return bad(r, NULL);
    r->node[k].hash = json_hash(s.p, s.n);
    skip_space(r);
    if (r->p >= r->end || *r->p != ':')
        return bad(r, "a colon is expected here");
    r->p++;
    skip_space(r);
    return 0;
}

/* One value; containers stay open on the caller's stack. */
static int read_value(struct reader *r)
{
    if (r->p >= r->end)
        return bad(r, "the text ends where a value is expected");
    switch (*r->p) {
    case '"': r->p++; return read_string(r, JSON_STRING);
    case '{':
    case '[': {
        enum json_kind kind = *r->p == '{' ? JSON_OBJECT : JSON_ARRAY;
        size_t off = (size_t)(r->p++ - r->begin);
        return push(r, kind, off, 0);
    }
    case 't': return read_word(r, "true", JSON_TRUE);
    case 'f': return read_word(r, "false", JSON_FALSE);
    case 'n': return read_word(r, "null", JSON_NULL);
    default:
        if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
            return read_number(r);
        return bad(r, "a value is expected here");
    }
}

static int read_document(struct reader *r)
{
    uint32_t open[JSON_DEPTH];
    int depth = 0;
    skip_space(r);
    for (;;) { /* at a value */
        if (read_value(r))
            return -1;
        uint32_t v = r->count - 1;
        if (r->node[v].kind == JSON_OBJECT || r->node[v].kind == JSON_ARRAY) {
            bool object = r->node[v].kind == JSON_OBJECT;
            if (depth == JSON_DEPTH)
                return bad(r, "nested more than 128 levels deep");
            skip_space(r);
            if (r->p < r->end && *r->p == (object ? '}' : ']')) {
                r->p++;
            } else {
                open[depth++] = v;
                if (object && read_key(r))
                    return -1;
                continue;
            }
        }
        for (;;) { /* behind a value */
            skip_space(r);
            if (depth == 0)
                return r->p == r->end ? 0 : bad(r, "text after the end of the value");
            uint32_t c = open[depth - 1];
            bool object = r->node[c].kind == JSON_OBJECT;
            r->node[c].len++;
            if (object) /* the key stands right before its value, whose own `next` is by now known */
                r->node[v - 1].next = r->node[v].next;
            if (r->p >= r->end)
                return bad(r, object ? "the text ends inside an object" : "the text ends inside an array");
            if (*r->p == ',') {
                r->p++;
                skip_space(r);
                if (object && read_key(r))
                    return -1;
                break;
            }
            if (*r->p != (object ? '}' : ']'))
                return bad(r, object ? "a comma or } is expected here" : "a comma or ] is expected here");
            r->p++;
            r->node[c].next = r->count;
            if (object && no_duplicates(r, c, r->node[c].len))
                return -1;
            v = c;
            depth--;
        }
    }
}

void json_where(const char *text, size_t size, size_t off, uint32_t *line, uint32_t *column)
{
    const char *p = text, *at = text + (off < size ? off : size);
    uint32_t n = 1;
    for (const char *nl; (nl = memchr(p, '\n', (size_t)(at - p))) != NULL; p = nl + 1)
        n++;
    *line = n;
    *column = (uint32_t)(at - p) + 1;
}

/* At least as many as the text has nodes: a colon has a key before it and a value behind it, any other value but the
 * first follows a comma or a bracket. Commas of objects and whatever stands inside strings are counted too, so this is
 * too much; the rest is given back. Sixteen bytes at a time. */
static size_t most_nodes(const unsigned char *p, size_t n)
{
    typedef unsigned char bytes __attribute__((vector_size(16)));
    size_t sum = 1, i = 0;
    while (n - i >= sizeof(bytes)) {
        bytes count = {0};
        size_t end = n - i > 64 * sizeof count ? i + 64 * sizeof count : n; /* 64 times at most 2 fits a counter */
        for (; end - i >= sizeof count; i += sizeof count) {
            bytes v;
            memcpy(&v, p + i, sizeof v);
            count -= (bytes)(v == ',') + (bytes)(v == ':') + (bytes)(v == ':') + (bytes)(v == '[');
        }
        for (size_t k = 0; k < sizeof count; k++)
            sum += count[k];
    }
    for (; i < n; i++)
        sum += (size_t)((p[i] == ',') + 2 * (p[i] == ':') + (p[i] == '['));
    return sum;
}

int json_parse(struct arena *a, struct slice text, struct json *ret, struct json_fault *where)
{
    struct reader r = {.p = (const unsigned char *)text.p, .arena = a};
    r.begin = r.p;
    r.end = r.p + text.n;
    *where = (struct json_fault){.line = 1, .column = 1};
    if (text.n >= UINT32_MAX) {
        where->what = "longer than 4 GiB";
        return -1;
    }
    size_t cap = most_nodes(r.begin, text.n);
    r.cap = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
    r.node = arena_take(a, (size_t)r.cap * sizeof *r.node);
    if (!r.node)
        return -1;
    if (read_document(&r)) {
        where->off = (size_t)(r.p - r.begin);
        where->what = r.what;
        json_where(text.p, text.n, where->off, &where->line, &where->column);
        return -1;
    }
    arena_shrink(a, r.node, (size_t)r.cap * sizeof *r.node, (size_t)r.count * sizeof *r.node);
    *ret = (struct json){.text = text.p, .size = text.n, .node = r.node, .count = r.count};
    return 0;
}

struct slice json_raw(const struct json *j, uint32_t i)
{
    return (struct slice){j->text + j->node[i].off, j->node[i].len};
}

struct slice json_span(const struct json *j, uint32_t i)
{
    const struct json_node *n = &j->node[i];
    if (n->kind == JSON_STRING || n->kind == JSON_KEY)
        return (struct slice){j->text + n->off - 1, n->len + 2};
    if (n->kind != JSON_ARRAY && n->kind != JSON_OBJECT)
        return json_raw(j, i);
    /* a container ends at the bracket behind its last inner value */
    const char *p = j->text + n->off + 1;
    if (n->next > i + 1) {
        uint32_t last = i + 1, k = last;
        for (; k < n->next; k = j->node[k].next)
            last = k;
        if (n->kind == JSON_OBJECT)
            last++;
        struct slice s = json_span(j, last);
        p = s.p + s.n;
    }
    char close = n->kind == JSON_OBJECT ? '}' : ']';
    while (*p != close)
        p++;
    return (struct slice){j->text + n->off, (size_t)(p + 1 - (j->text + n->off))};
}

struct slice json_text(const struct json *j, uint32_t i, struct arena *a)
{
    const struct json_node *n = &j->node[i];
    if (!n->escaped)
        return json_raw(j, i);
    char *out = arena_take(a, n->len + 1);
    if (!out)
        return (struct slice){NULL, 0};
    return (struct slice){out, json_unescape(j->text + n->off, n->len, out)};
}

bool json_is(const struct json *j, uint32_t i, const char *z)
{
    const struct json_node *n = &j->node[i];
    size_t len = strlen(z);
    if (n->kind != JSON_STRING && n->kind != JSON_KEY)
        return false;
    if (!n->escaped)
        return n->len == len && memcmp(j->text + n->off, z, len) == 0;
    if (n->len < len || n->len > 6 * len + 6) /* an escape is at most six times its character */
        return false;
    char small[512], *out = n->len <= sizeof small ? small : malloc(n->len);
    bool same = out && json_unescape(j->text + n->off, n->len, out) == len && memcmp(out, z, len) == 0;
    if (out != small)
        free(out);
    return same;
}

uint32_t json_get(const struct json *j, uint32_t i, const char *key)
{
    if (j->node[i].kind != JSON_OBJECT)
        return 0;
    uint16_t h = json_hash(key, strlen(key));
    for (uint32_t k = json_first(j, i); k != json_end(j, i); k = json_next(j, k))
        if (j->node[k].hash == h && json_is(j, k, key))
            return json_value(k);
    return 0;
}

uint32_t json_get_kind(const struct json *j, uint32_t i, const char *key, enum json_kind kind)
{
    uint32_t v = json_get(j, i, key);
    return v && json_kind(j, v) == kind ? v : 0;
}

struct slice json_get_text(const struct json *j, uint32_t i, const char *key, struct arena *a)
{
    uint32_t v = json_get_kind(j, i, key, JSON_STRING);
    return v ? json_text(j, v, a) : (struct slice){NULL, 0};
}

/* --- writing --- */

static void before_value(struct json_out *o)
{
    if (o->comma)
        buf_byte(o->buf, ',');
    o->comma = true;
}

void json_open(struct json_out *o, char bracket)
{
    before_value(o);
    buf_byte(o->buf, bracket);
    o->depth++;
    o->comma = false;
}

void json_close(struct json_out *o, char bracket)
{
    assert(o->depth > 0);
    buf_byte(o->buf, bracket);
    o->depth--;
    o->comma = true;
}

static void put_escaped(struct buf *b, struct slice s)
{
    buf_byte(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(b, s.p + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\') {
            buf_byte(b, '\\');
            buf_byte(b, (char)c);
        } else if (c == '\n') {
            buf_str(b, "\\n");
        } else {
            buf_printf(b, "\\u%04x", c);
        }
    }
    buf_add(b, s.p + from, s.n - from);
    buf_byte(b, '"');
}

/* Does it go between quotes as it is? */
static bool is_plain(struct slice s)
{
    uint64_t w, found = 0;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        memcpy(&w, s.p + i, 8);
        found |= special(w);
    }
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        found |= c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
    }
    return !found;
}

void json_put(struct json_out *o, struct slice s)
{
    before_value(o);
    if (is_plain(s)) {
        buf_byte(o->buf, '"');
        buf_slice(o->buf, s);
        buf_byte(o->buf, '"');
        return;
    }
    if (utf8_valid(s)) {
        put_escaped(o->buf, s);
        return;
    }
    char *clean = arena_take(o->buf->arena, s.n * 3 + 1);
    if (!clean) {
        o->buf->failed = true;
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t w = 1;
        while (w <= 4 && i + w <= s.n && !utf8_valid((struct slice){s.p + i, w}))
            w++;
        if (w <= 4 && i + w <= s.n) {
            memcpy(clean + n, s.p + i, w);
            n += w;
            i += w;
        } else {
            memcpy(clean + n, "\xEF\xBF\xBD", 3);
            n += 3;
            i++;
        }
    }
    put_escaped(o->buf, (struct slice){clean, n});
}

void json_key(struct json_out *o, const char *key)
{
    json_put(o, slice_of(key));
    buf_byte(o->buf, ':');
    o->comma = false;
}

void json_put_raw(struct json_out *o, struct slice json)
{
    before_value(o);
    buf_slice(o->buf, json);
}

void json_put_str(struct json_out *o, const char *z)
{
    if (z)
        json_put(o, slice_of(z));
    else
        json_put_null(o);
}

void json_put_int(struct json_out *o, int64_t v)
{
    before_value(o);
    buf_printf(o->buf, "%lld", (long long)v);
}

void json_put_bool(struct json_out *o, bool v)
{
    json_put_raw(o, v ? SLICE("true") : SLICE("false"));
}
void json_put_null(struct json_out *o)
{
    json_put_raw(o, SLICE("null"));
}

void json_pair(struct json_out *o, const char *key, struct slice text)
{
    json_key(o, key);
    json_put(o, text);
}
void json_pair_str(struct json_out *o, const char *key, const char *z)
{
    json_key(o, key);
    json_put_str(o, z);
}
void json_pair_int(struct json_out *o, const char *key, int64_t v)
{
    json_key(o, key);
    json_put_int(o, v);
}
void json_pair_bool(struct json_out *o, const char *key, bool v)
{
    json_key(o, key);
    json_put_bool(o, v);
}
void json_pair_raw(struct json_out *o, const char *key, struct slice json)
{
    json_key(o, key);
    json_put_raw(o, json);
}
