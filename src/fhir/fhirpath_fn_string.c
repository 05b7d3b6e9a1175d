/* fhirpath_fn_string.c -- functions over strings. Positions and lengths count code points, not bytes. */
#include <stdio.h>

#include "base/own.h"
#include "fhir/fhirpath_fn_int.h"
#include "fhir/regex_int.h"
#include "fhir/text_int.h"

/* Bytes of the first `points` code points of s, or all of it; *ret_points (may be NULL): how many there were. */
static size_t bytes_of(struct slice s, uint64_t points, uint64_t *ret_points)
{
    size_t i = 0;
    uint64_t n = 0;
    for (; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xC0) != 0x80) {
            if (n == points)
                break;
            n++;
        }
    if (ret_points)
        *ret_points = n;
    return i;
}

static uint64_t points_in(struct slice s)
{
    uint64_t n;
    bytes_of(s, UINT64_MAX, &n);
    return n;
}

static int push_string(struct fp_run *r, struct fp_list *out, struct slice s)
{
    return fp_push_text(r, out, FHIRPATH_STRING, s.p ? s : (struct slice){"", 0});
}

static int input(struct fp_run *r, const struct fp_node *n, struct slice *ret)
{
    return fp_single_text(r, n->a, n->off, ret);
}

/* Input and first argument: 1 both there, 0, -1. */
static int two(struct fp_run *r, const struct fp_node *n, struct slice *s, struct slice *arg)
{
    int got = input(r, n, s);
    if (got < 0)
        return -1;
    int also = fp_single_text(r, n->b, n->off, arg);
    return also < 0 ? -1 : got && also;
}

/* Input and two arguments. */
static int three(struct fp_run *r, const struct fp_node *n, struct slice *s, struct slice *x, struct slice *y)
{
    int got = two(r, n, s, x);
    if (got < 0)
        return -1;
    int also = fp_single_text(r, fp_arg(r, n, 1), n->off, y);
    return also < 0 ? -1 : got && also;
}

static const char *find(struct slice s, struct slice what)
{
    return what.n == 0 ? s.p : memmem(s.p, s.n, what.p, what.n);
}

static int push_position(struct fp_run *r, struct fp_list *out, struct slice s, const char *at)
{
    return fp_push_number(r, out, at ? (int64_t)points_in((struct slice){s.p, (size_t)(at - s.p)}) : -1);
}

int fn_index_of(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what;
    int got = two(r, n, &s, &what);
    (void)want;
    return got <= 0 ? got : push_position(r, out, s, find(s, what));
}

int fn_last_index_of(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what;
    int got = two(r, n, &s, &what);
    const char *last = NULL;
    (void)want;
    if (got <= 0)
        return got;
    for (size_t i = s.n + 1; i > 0 && !last; i--)
        if (s.n - (i - 1) >= what.n && memcmp(s.p + i - 1, what.p, what.n) == 0)
            last = s.p + i - 1;
    if (fp_tick(r, s.n / 16 * (what.n / 16 + 1)))
        return -1;
    return push_position(r, out, s, last);
}

int fn_substring(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s;
    int64_t start, length = INT32_MAX;
    int got = input(r, n, &s), also = got < 0 ? -1 : fp_single_number(r, n->b, n->off, &start), third = 1;
    (void)want;
    if (also > 0 && n->args > 1)
        third = fp_single_number(r, fp_arg(r, n, 1), n->off, &length);
    if (got < 0 || also < 0 || third < 0)
        return -1;
    if (!got || !also || start < 0)
        return 0;
    uint64_t skipped;
    size_t from = bytes_of(s, (uint64_t)start, &skipped);
    if (from >= s.n)
        return 0;
    struct slice rest = {s.p + from, s.n - from};
    if (!third) /* an empty length is as if it was not given */
        length = INT32_MAX;
    rest.n = length <= 0 ? 0 : bytes_of(rest, (uint64_t)length, NULL);
    return push_string(r, out, rest);
}

int fn_starts_with(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what;
    int got = two(r, n, &s, &what);
    (void)want;
    return got <= 0 ? got : fp_push_bool(r, out, s.n >= what.n && memcmp(s.p, what.p, what.n) == 0);
}

int fn_ends_with(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what;
    int got = two(r, n, &s, &what);
    (void)want;
    return got <= 0 ? got : fp_push_bool(r, out, s.n >= what.n && memcmp(s.p + s.n - what.n, what.p, what.n) == 0);
}

int fn_contains(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what;
    int got = two(r, n, &s, &what);
    (void)want;
    return got <= 0 ? got : fp_push_bool(r, out, find(s, what) != NULL);
}

/* Text that is put together: at most what the steps left allow. */
static struct buf text_buf(struct fp_run *r)
{
    return buf_in(r->arena, (size_t)(r->steps < 1 << 24 ? r->steps : 1 << 24) * 16 + 64);
}

static int push_buf(struct fp_run *r, struct fp_list *out, const struct buf *b)
{
    if (buf_failed(b))
        return arena_failed(r->arena) ? fp_no_memory(r) : fp_out_of_steps(r);
    return fp_tick(r, b->n / 16) ? -1 : push_string(r, out, buf_text(b));
}

static int change_case(struct fp_run *r, const struct fp_node *n, uint32_t (*change)(uint32_t), struct fp_list *out)
{
    struct slice s;
    int got = input(r, n, &s);
    if (got <= 0)
        return got;
    struct buf b = text_buf(r);
    while (s.n) {
        char text[4];
        unsigned used;
        uint32_t c = text_point(s.p, s.p + s.n, &used);
        buf_add(&b, text, text_put(change(c), text));
        s.p += used;
        s.n -= used;
    }
    return push_buf(r, out, &b);
}

int fn_upper(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, change_case(r, n, text_upper, out);
}
int fn_lower(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, change_case(r, n, text_lower, out);
}

int fn_replace(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, what, by;
    int got = three(r, n, &s, &what, &by);
    (void)want;
    if (got <= 0)
        return got;
    struct buf b = text_buf(r);
    while (s.n) {
        const char *at = what.n ? find(s, what) : s.p;
        size_t before = at ? (size_t)(at - s.p) : s.n, skip = what.n;
        if (!what.n) { /* between all characters, and at both ends */
            buf_slice(&b, by);
            before = bytes_of(s, 1, NULL);
            skip = 0;
        }
        buf_add(&b, s.p, before);
        if (at && what.n)
            buf_slice(&b, by);
        else if (what.n)
            skip = 0;
        s.p += before + skip;
        s.n -= before + skip;
    }
    if (!what.n)
        buf_slice(&b, by);
    return push_buf(r, out, &b);
}

/* --- regular expressions --- */

/* The compiled pattern: of the expression when it is a literal there. 1, 0 empty, -1. */
static int pattern_of(struct fp_run *r, const struct fp_node *n, const struct regex **ret)
{
    struct slice text;
    const char *what;
    if (n->data) {
        *ret = r->x->regex[n->data];
        return 1;
    }
    int got = fp_single_text(r, n->b, n->off, &text);
    if (got <= 0)
        return got;
    *ret = regex_compile(text, r->arena, &what);
    if (!*ret)
        return what ? fp_fail(r, n->off, "found %s", what) : fp_no_memory(r);
    return fp_tick(r, regex_size(*ret)) ? -1 : 1;
}

static int match(struct fp_run *r, const struct fp_node *n, bool full, struct fp_list *out)
{
    const struct regex *x;
    struct slice s;
    size_t at[2];
    int got = input(r, n, &s), also = got < 0 ? -1 : pattern_of(r, n, &x);
    if (got < 0 || also < 0)
        return -1;
    if (!got || !also)
        return 0;
    const struct regex_ask ask = {.text = s, .full = full, .any = true};
    int found = regex_find(x, &ask, r->arena, &r->steps, at);
    if (r->steps < 0)
        return fp_out_of_steps(r);
    return found < 0 ? fp_no_memory(r) : fp_push_bool(r, out, found);
}

int fn_matches(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, match(r, n, false, out);
}
int fn_matches_full(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, match(r, n, true, out);
}

/* What a substitution is made of: text, or a group of the match. */
struct part {
    struct slice text;
    uint32_t group; /* if text.p is NULL */
};

/* $12 is group 12, or where there are no twelve, group 1 and "2". */
static uint32_t group_number(struct slice s, uint32_t groups, size_t *ret_n)
{
    uint32_t v = 0;
    for (*ret_n = 0; *ret_n < s.n && s.p[*ret_n] >= '0' && s.p[*ret_n] <= '9'; ++*ret_n) {
        uint32_t more = 10 * v + (uint32_t)(s.p[*ret_n] - '0');
        if (more > groups)
            break;
        v = more;
    }
    return v;
}

/* Takes the first part off *by: $1, ${1}, ${name}, $<name>, $& and $0 are groups, $$ and \$ a dollar, \\ a backslash. A
 * $ or \ before anything else stands for itself. 0, or -1: there is no group of the name, which is *ret's text. */
static int take_part(const struct regex *x, struct slice *by, struct part *ret)
{
    const char c = by->p[0], next = by->n > 1 ? by->p[1] : '\0';
    size_t n = 1, used = 1;
    *ret = (struct part){*by, 0};
    if (c == '$' && (next == '{' || next == '<')) {
        struct slice rest = {by->p + 2, by->n - 2}, name = slice_cut(&rest, next == '{' ? '}' : '>');
        if (rest.p) {
            uint32_t number = group_number(name, regex_groups(x), &n);
            bool is_number = n && n == name.n;
            *ret = (struct part){{NULL, 0}, is_number ? number : regex_group_named(x, name)};
            *by = rest;
            if (ret->group || is_number)
                return 0;
            ret->text = name;
            return -1;
        }
    } else if (c == '$' && next == '&') {
        ret->text = (struct slice){NULL, 0};
        used = 2;
    } else if (c == '$' && next >= '0' && next <= '9') {
        uint32_t number = group_number((struct slice){by->p + 1, by->n - 1}, regex_groups(x), &n);
        if (n)
            *ret = (struct part){{NULL, 0}, number};
        used = n ? 1 + n : 1;
    } else if ((c == '$' || c == '\\') && (next == '$' || (next == '\\' && c == '\\'))) {
        ret->text.p++;
        used = 2;
    } else {
        while (used < by->n && by->p[used] != '$' && by->p[used] != '\\')
            used++;
    }
    if (ret->text.p)
        ret->text.n = used == 2 && ret->text.p > by->p ? 1 : used;
    by->p += used;
    by->n -= used;
    return 0;
}

/* How many groups must be known of a match; -1 and the fault told: the substitution names one that there is not. */
static int64_t groups_wanted(struct fp_run *r, const struct fp_node *n, const struct regex *x, struct slice by)
{
    uint32_t most = 0;
    while (by.n) {
        struct part p;
        if (take_part(x, &by, &p))
            return fp_fail(r, n->off, "found a substitution with a group that the regular expression does not name");
        most = !p.text.p && p.group > most ? p.group : most;
    }
    return most;
}

static void substitute(const struct regex *x, struct slice s, struct slice by, const size_t *at, struct buf *b)
{
    while (by.n) {
        struct part p;
        take_part(x, &by, &p);
        const size_t *group = at + 2 * (size_t)p.group;
        if (p.text.p)
            buf_slice(b, p.text);
        else if (group[0] != SIZE_MAX && group[1] != SIZE_MAX)
            buf_add(b, s.p + group[0], group[1] - group[0]);
    }
}

static int replace_all(struct fp_run *r, const struct regex *x, struct slice s, struct slice by, uint32_t groups,
                       struct buf *b)
{
    struct regex_ask ask = {.text = s, .groups = groups};
    size_t *at = fp_take(r, (2 * (size_t)groups + 2) * sizeof *at);
    if (!at)
        return -1;
    while (ask.from <= s.n) {
        int found = regex_find(x, &ask, r->arena, &r->steps, at);
        if (r->steps < 0 || (found > 0 && fp_tick(r, by.n / 16)))
            return fp_out_of_steps(r);
        if (found < 0)
            return fp_no_memory(r);
        if (!found)
            break;
        buf_add(b, s.p + ask.from, at[0] - ask.from);
        substitute(x, s, by, at, b);
        ask.from = at[1];
        if (at[0] == at[1]) { /* nothing was matched: one character goes by */
            const struct slice rest = {s.p + at[1], s.n - at[1]};
            size_t one = rest.n ? bytes_of(rest, 1, NULL) : 1;
            if (rest.n)
                buf_add(b, rest.p, one);
            ask.from += one;
        }
    }
    if (ask.from < s.n)
        buf_add(b, s.p + ask.from, s.n - ask.from);
    return 0;
}

int fn_replace_matches(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    const struct regex *x;
    struct slice s, by, pattern;
    int got = input(r, n, &s), also = got < 0 ? -1 : pattern_of(r, n, &x);
    int third = also < 0 ? -1 : fp_single_text(r, fp_arg(r, n, 1), n->off, &by);
    (void)want;
    if (got < 0 || also < 0 || third < 0)
        return -1;
    if (!got || !also || !third)
        return 0;
    if (fp_single_text(r, n->b, n->off, &pattern) < 0)
        return -1;
    if (pattern.n == 0)
        return push_string(r, out, s);
    struct buf b = text_buf(r);
    int64_t groups = groups_wanted(r, n, x, by);
    return groups < 0 || replace_all(r, x, s, by, (uint32_t)groups, &b) ? -1 : push_buf(r, out, &b);
}

/* --- parts --- */

int fn_length(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s;
    int got = input(r, n, &s);
    (void)want;
    return got <= 0 ? got : fp_push_number(r, out, (int64_t)points_in(s));
}

int fn_to_chars(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s;
    int got = input(r, n, &s);
    (void)want;
    while (got > 0 && s.n) {
        size_t one = bytes_of(s, 1, NULL);
        if (push_string(r, out, (struct slice){s.p, one}))
            return -1;
        s.p += one;
        s.n -= one;
    }
    return got < 0 ? -1 : 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int fn_trim(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s;
    int got = input(r, n, &s);
    (void)want;
    if (got <= 0)
        return got;
    while (s.n && is_space(s.p[0]))
        s.p++, s.n--;
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return push_string(r, out, s);
}

int fn_split(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, by;
    int got = two(r, n, &s, &by);
    if (got <= 0)
        return got;
    if (by.n == 0)
        return fn_to_chars(r, n, want, out);
    for (;;) {
        const char *at = find(s, by);
        size_t one = at ? (size_t)(at - s.p) : s.n;
        if (push_string(r, out, (struct slice){s.p, one}))
            return -1;
        if (!at)
            return 0;
        s.p += one + by.n;
        s.n -= one + by.n;
    }
}

int fn_join(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    struct slice by = {"", 0};
    (void)want;
    if (fp_input(r, n, &in) || (n->args && fp_single_text(r, n->b, n->off, &by) < 0))
        return -1;
    if (in.n == 0)
        return 0;
    struct buf b = text_buf(r);
    bool first = true;
    for (uint32_t i = 0; i < in.n; i++) {
        struct fhirpath_item x;
        int got = fp_system(r, &in.p[i], &x);
        if (got < 0)
            return -1;
        if (got && x.kind != FHIRPATH_STRING)
            return fp_fail(r, n->off, "found something other than strings, expected strings to join");
        if (!got)
            continue;
        if (!first)
            buf_slice(&b, by);
        first = false;
        buf_slice(&b, x.text);
        if (fp_tick(r, (x.text.n + by.n) / 16))
            return -1;
    }
    return push_buf(r, out, &b);
}

/* --- other alphabets --- */

static void swap_letters(char *p, size_t n, char a, char b, char x, char y)
{
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] == a ? x : p[i] == b ? y : p[i];
}

int fn_encode(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, how;
    int got = two(r, n, &s, &how);
    (void)want;
    if (got <= 0)
        return got;
    char *p = fp_take(r, 4 * ((s.n + 2) / 3) + 2 * s.n + 2);
    if (!p)
        return -1;
    if (slice_is(how, "hex")) {
        hex_encode(s.p, s.n, p);
        return push_string(r, out, (struct slice){p, 2 * s.n});
    }
    if (!slice_is(how, "base64") && !slice_is(how, "urlbase64"))
        return 0;
    size_t size = base64_encode(s.p, s.n, p);
    if (slice_is(how, "urlbase64"))
        swap_letters(p, size, '+', '/', '-', '_');
    return push_string(r, out, (struct slice){p, size});
}

int fn_decode(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, how;
    int got = two(r, n, &s, &how), size = -1;
    (void)want;
    if (got <= 0)
        return got;
    char *p = fp_take(r, s.n + 1), *copy = p ? arena_str(r->arena, s) : NULL;
    if (!copy)
        return fp_no_memory(r);
    if (slice_is(how, "urlbase64"))
        swap_letters(copy, s.n, '-', '_', '+', '/');
    if (slice_is(how, "hex"))
        size = hex_decode(s, p, s.n);
    else if (slice_is(how, "base64") || slice_is(how, "urlbase64"))
        size = base64_decode((struct slice){copy, s.n}, p, s.n);
    struct slice made = {p, size < 0 ? 0 : (size_t)size};
    if (size < 0 || !utf8_valid(made) || (made.n && memchr(made.p, 0, made.n))) /* no text */
        return 0;
    return push_string(r, out, made);
}

static const struct {
    char plain;
    const char *html, *json;
} escapes[] = {{'"', "&quot;", "\\\""}, {'<', "&lt;", NULL},  {'>', "&gt;", NULL}, {'&', "&amp;", NULL},
               {'\'', "&#39;", NULL},   {'\\', NULL, "\\\\"}, {'\n', NULL, "\\n"}, {'\r', NULL, "\\r"},
               {'\t', NULL, "\\t"},     {'\f', NULL, "\\f"},  {'\b', NULL, "\\b"}, {'/', NULL, NULL}};

static const char *escape_of(size_t i, bool html)
{
    return html ? escapes[i].html : escapes[i].json;
}

/* 1 and *ret_html, or 0: neither 'html' nor 'json'. */
static int alphabet(struct slice how, bool *ret_html)
{
    *ret_html = slice_is(how, "html");
    return *ret_html || slice_is(how, "json");
}

int fn_escape(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, how;
    bool html;
    int got = two(r, n, &s, &how);
    (void)want;
    if (got <= 0 || !alphabet(how, &html))
        return got < 0 ? -1 : 0;
    struct buf b = text_buf(r);
    for (size_t i = 0; i < s.n; i++) {
        const char *as = NULL;
        for (size_t k = 0; k < COUNT(escapes) && !as; k++)
            as = escapes[k].plain == s.p[i] ? escape_of(k, html) : NULL;
        if (as)
            buf_str(&b, as);
        else
            buf_byte(&b, s.p[i]);
    }
    return push_buf(r, out, &b);
}

int fn_unescape(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct slice s, how;
    bool html;
    int got = two(r, n, &s, &how);
    (void)want;
    if (got <= 0 || !alphabet(how, &html))
        return got < 0 ? -1 : 0;
    struct buf b = text_buf(r);
    while (s.n) {
        size_t used = 1;
        char c = s.p[0];
        for (size_t k = 0; k < COUNT(escapes); k++) {
            const char *as = escape_of(k, html);
            if (as && slice_starts(s, as)) {
                c = escapes[k].plain;
                used = strlen(as);
                break;
            }
        }
        buf_byte(&b, c);
        s.p += used;
        s.n -= used;
    }
    return push_buf(r, out, &b);
}
