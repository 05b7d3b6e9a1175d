#include "fhir/fhirpath_lex_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "fhir/fhirpath_time_int.h"
#include "fhir/text_int.h"

int fp_lex_fail(struct fp_lexer *l, size_t off, const char *fmt, ...)
{
    va_list ap;
    if (l->fault->text[0])
        return -1;
    va_start(ap, fmt);
    vsnprintf(l->fault->text, sizeof l->fault->text, fmt, ap);
    va_end(ap);
    l->fault->off = off;
    return -1;
}

static char peek(const struct fp_lexer *l, size_t ahead)
{
    return l->at + ahead < l->all.n ? l->all.p[l->at + ahead] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

/* White space and comments. */
static int skip(struct fp_lexer *l)
{
    for (;;) {
        char c = peek(l, 0);
        if (l->at < l->all.n && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            l->at++;
        } else if (c == '/' && peek(l, 1) == '/') {
            while (l->at < l->all.n && peek(l, 0) != '\n')
                l->at++;
        } else if (c == '/' && peek(l, 1) == '*') {
            const char *end = memmem(l->all.p + l->at + 2, l->all.n - l->at - 2, "*/", 2);
            if (!end)
                return fp_lex_fail(l, l->at, "found a comment that does not end, expected */");
            l->at = (size_t)(end - l->all.p) + 2;
        } else {
            return 0;
        }
    }
}

/* The four digits of \uXXXX at l->at; 0: there are none, or it is the NUL, which no string of JSON has here. */
static uint32_t read_code(struct fp_lexer *l)
{
    unsigned char code[2];
    if (l->all.n - l->at < 4 || hex_decode((struct slice){l->all.p + l->at, 4}, code, 2) != 2)
        return 0;
    l->at += 4;
    return (uint32_t)code[0] << 8 | code[1];
}

/* l->at behind the backslash; what stands for it goes to out. 0: no such escape. */
static size_t read_escape(struct fp_lexer *l, char *out)
{
    char c = peek(l, 0);
    static const char from[] = "fnrt", to[] = "\f\n\r\t";
    const char *plain = c ? strchr(from, c) : NULL;
    l->at++;
    if (plain)
        return out[0] = to[plain - from], 1;
    if (c && strchr("\\/'\"`", c))
        return out[0] = c, 1;
    uint32_t v = c == 'u' ? read_code(l) : 0;
    if (v >= 0xD800 && v <= 0xDBFF && peek(l, 0) == '\\' && peek(l, 1) == 'u') { /* the first half of a pair */
        l->at += 2;
        uint32_t low = read_code(l);
        v = low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00) : 0;
    }
    if (v == 0 || (v >= 0xD800 && v <= 0xDFFF)) /* neither can stand in UTF-8 */
        return 0;
    return text_put(v, out);
}

/* l->at at the opening quote. */
static int read_quoted(struct fp_lexer *l, struct fp_token *t, enum fp_token_kind kind)
{
    size_t begin = l->at, n = 0;
    char quote = peek(l, 0);
    const char *close = memchr(l->all.p + l->at + 1, quote, l->all.n - l->at - 1);
    char *out = close ? arena_take(l->arena, l->all.n - l->at) : NULL;
    if (close && !out)
        return -1;
    for (l->at++; close && l->at < l->all.n && peek(l, 0) != quote;) {
        if (peek(l, 0) != '\\') {
            out[n++] = l->all.p[l->at++];
            continue;
        }
        size_t at = l->at++, got = read_escape(l, out + n);
        if (got == 0)
            return fp_lex_fail(l, at,
                               "found an escape that strings do not have, expected \\\\ \\/ \\' \\\" \\` \\f \\n "
                               "\\r \\t or \\uXXXX");
        n += got;
    }
    if (!close || l->at >= l->all.n)
        return fp_lex_fail(l, begin, "found a %s that does not end, expected %c", quote == '`' ? "name" : "string",
                           quote);
    l->at++;
    t->kind = kind;
    t->text = (struct slice){out, n};
    return 0;
}

static void read_name(struct fp_lexer *l, struct fp_token *t, enum fp_token_kind kind)
{
    size_t begin = l->at;
    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    t->kind = kind;
    t->text = (struct slice){l->all.p + begin, l->at - begin};
}

static void read_number(struct fp_lexer *l, struct fp_token *t)
{
    size_t begin = l->at;
    while (is_digit(peek(l, 0)))
        l->at++;
    if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
        l->at++;
        while (is_digit(peek(l, 0)))
            l->at++;
    }
    t->kind = TOKEN_NUMBER;
    t->text = (struct slice){l->all.p + begin, l->at - begin};
}

/* Behind @: as far as digits and their separators go; a point only before a digit. */
static int read_date(struct fp_lexer *l, struct fp_token *t)
{
    struct moment m;
    size_t begin = l->at++;
    bool time = peek(l, 0) == 'T', clock = time;
    l->at += time;
    for (size_t from = l->at;; l->at++) {
        char c = peek(l, 0);
        if (c == 'T' && !clock && l->at > from)
            clock = true;
        else if (!is_digit(c) && !(c == '-' && is_digit(peek(l, 1)) && !time) && !(clock && c == ':') &&
                 !(clock && c == '.' && is_digit(peek(l, 1))) &&
                 !(clock && !time && (c == 'Z' || (c == '+' && is_digit(peek(l, 1))))))
            break;
    }
    size_t skip_at = begin + 1 + time;
    t->kind = time ? TOKEN_TIME : clock ? TOKEN_DATETIME : TOKEN_DATE;
    t->text = (struct slice){l->all.p + skip_at, l->at - skip_at};
    enum time_kind kind = time ? TIME_OF_TIME : clock ? TIME_OF_DATETIME : TIME_OF_DATE;
    if (!moment_parse(t->text, kind, &m))
        return fp_lex_fail(l, begin,
                           "found no date or time behind @, expected @YYYY-MM-DD, @YYYY-MM-DDThh:mm:ss+hh:mm or "
                           "@Thh:mm:ss, or the beginning of one");
    return 0;
}

static int read_symbol(struct fp_lexer *l, struct fp_token *t)
{
    static const char two[][3] = {"<=", ">=", "!=", "!~"};
    size_t n = 1;
    for (size_t i = 0; i < 4; i++)
        if (peek(l, 0) == two[i][0] && peek(l, 1) == two[i][1])
            n = 2;
    char c = peek(l, 0);
    if (n == 1 && (!c || !strchr("+-*/<>=~|&.,()[]{}", c))) {
        if (c > 0x20 && c < 0x7F)
            return fp_lex_fail(l, l->at, "found '%c', which no expression has here", c);
        return fp_lex_fail(l, l->at, "found a character that no expression has outside of quotes");
    }
    t->kind = TOKEN_SYMBOL;
    t->text = (struct slice){l->all.p + l->at, n};
    l->at += n;
    return 0;
}

static int read_percent(struct fp_lexer *l, struct fp_token *t)
{
    size_t begin = l->at++;
    if (peek(l, 0) == '`' || peek(l, 0) == '\'')
        return read_quoted(l, t, TOKEN_PERCENT);
    if (!is_letter(peek(l, 0)))
        return fp_lex_fail(l, begin, "found %% without a name, expected one such as %%resource");
    read_name(l, t, TOKEN_PERCENT);
    while (peek(l, 0) == '-' && is_letter(peek(l, 1))) { /* %vs-name, as R4 writes it without quotes, too */
        struct fp_token more;
        l->at++;
        read_name(l, &more, TOKEN_PERCENT);
        t->text.n += 1 + more.text.n;
    }
    return 0;
}

static int read_one(struct fp_lexer *l, struct fp_token *t)
{
    char c = peek(l, 0);
    if (is_letter(c))
        return read_name(l, t, TOKEN_NAME), 0;
    if (is_digit(c))
        return read_number(l, t), 0;
    switch (c) {
    case '\'': return read_quoted(l, t, TOKEN_STRING);
    case '`': return read_quoted(l, t, TOKEN_QUOTED);
    case '@': return read_date(l, t);
    case '%': return read_percent(l, t);
    case '$':
        l->at++;
        read_name(l, t, TOKEN_DOLLAR);
        return 0;
    default: return read_symbol(l, t);
    }
}

int fp_lex(struct fp_lexer *l, struct fp_token *ret)
{
    struct fp_token t = {.kind = TOKEN_END};
    if (skip(l))
        return -1;
    t.off = (uint32_t)l->at;
    if (l->at < l->all.n && read_one(l, &t))
        return -1;
    t.len = (uint32_t)l->at - t.off;
    *ret = t;
    return 0;
}
