#include "ucum/unit_int.h"

#include <stdarg.h>
#include <stdio.h>

/* The grammar (UCUM, section 3 to 12 and the BNF there):
 *
 *   main      ::= ["/"] term
 *   term      ::= component (("." | "/") component)*           left to right, both alike
 *   component ::= (simple [exponent] | number) [annotation] | annotation | "(" term ")"
 *   simple    ::= [prefix] atom             exponent ::= ["+" | "-"] digits
 *
 * An atom's own brackets may hold anything but blanks and brackets; outside of them it has no digit, sign, point,
 * slash, parenthesis, brace, = or ". "10*" and "10^" are atoms. A special unit stands alone or with pure numbers. */
struct parser {
    const struct reading *r;
    struct slice code;
    size_t at;
    int depth;
    struct ucum_fault *f;
};

int unit_fault(struct ucum_fault *f, size_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->at = at;
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return -1;
}

struct quoted unit_quote(struct slice s)
{
    struct quoted q;
    size_t n = s.n > 40 ? 40 : s.n, at = 0;
    for (size_t i = 0; i < n; i++)
        q.text[at++] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
    if (s.n > n)
        at += (size_t)snprintf(q.text + at, sizeof q.text - at, "...");
    q.text[at] = 0;
    return q;
}

static struct slice from(const struct parser *p, size_t start)
{
    return (struct slice){p->code.p + start, p->at - start};
}

static char peek(const struct parser *p)
{
    return p->at < p->code.n ? p->code.p[p->at] : 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static void write_code(struct parser *p, struct slice s)
{
    if (p->r->code)
        buf_slice(p->r->code, s);
}

static void tell(const struct parser *p, const struct part *part)
{
    if (p->r->part)
        p->r->part(p->r->arg, part);
}

static void one(struct measure *u)
{
    u->dim = (struct dimension){.arbitraries = 0};
    u->atom = -1;
    ratio_one(&u->factor);
}

static int too_large(const struct parser *p, size_t at)
{
    return unit_fault(p->f, at, "this is too large or too small a unit to compute with");
}

/* --- components --- */

static int annotation(struct parser *p)
{
    size_t start = p->at++;
    while (peek(p) > ' ' && peek(p) <= '~' && peek(p) != '{' && peek(p) != '}')
        p->at++;
    if (p->at == p->code.n)
        return unit_fault(p->f, start, "found '{' without its '}', expected an annotation like {cells}");
    if (peek(p) != '}')
        return unit_fault(p->f, p->at, "found '%s' in an annotation, where UCUM has printable ASCII without spaces",
                          unit_quote((struct slice){p->code.p + p->at, 1}).text);
    p->at++;
    write_code(p, from(p, start));
    return 0;
}

/* [sign] digits after an atom; without them 1. */
static int exponent(struct parser *p, int *ret)
{
    size_t start = p->at;
    bool negative = peek(p) == '-';
    int64_t v = 0;
    *ret = 1;
    if (!digit(peek(p)) && peek(p) != '-' && peek(p) != '+')
        return 0;
    if (!digit(peek(p)))
        p->at++;
    size_t first = p->at;
    while (digit(peek(p))) {
        v = v < 100000 ? v * 10 + (peek(p) - '0') : v;
        p->at++;
    }
    if (p->at == first)
        return unit_fault(p->f, first, "found '%c' without a number, expected an exponent like in m2 or s-1",
                          p->code.p[start]);
    if (v > UCUM_EXPONENT)
        return unit_fault(p->f, start, "found the exponent %s, expected one up to %d", unit_quote(from(p, start)).text,
                          UCUM_EXPONENT);
    write_code(p, from(p, start));
    *ret = (int)(negative ? -v : v);
    return 0;
}

/* The end of the symbol that begins at p->at. */
static int symbol(struct parser *p, struct slice *ret)
{
    size_t start = p->at;
    while (p->at < p->code.n && !strchr("./(){}=\"+-", peek(p)) && !digit(peek(p)) && peek(p) > ' ') {
        if (peek(p) == ']')
            return unit_fault(p->f, p->at, "found ']' without its '['");
        if (peek(p) != '[') {
            p->at++;
            continue;
        }
        size_t open = p->at;
        do
            p->at++;
        while (peek(p) > ' ' && peek(p) != ']' && peek(p) != '[');
        if (peek(p) != ']')
            return unit_fault(p->f, open, "found '[' without its ']'");
        p->at++;
    }
    *ret = from(p, start);
    return 0;
}

/* u *= (prefix atom)^exp */
static int multiply(struct parser *p, size_t start, const struct prefix *prefix, int i, int exp, struct measure *u)
{
    const struct table *t = p->r->table;
    const struct atom *atom = &t->atom[i];
    struct ratio x;
    bool overflow = false;
    if (atom->special) {
        if (exp != 1)
            return unit_fault(p->f, start,
                              "'%s' is a special unit, a scale with a function of its own; it has no exponent",
                              atom->code);
        ratio_one(&x);
        u->atom = i;
    } else if (!atom_factor(t, atom, &x)) {
        return too_large(p, start);
    }
    if (prefix && prefix->times) {
        if (!big_mul_word(&x.up, prefix->times) || !ratio_reduce(&x))
            return too_large(p, start);
    } else if (prefix) {
        x.ten += prefix->ten;
    }
    dimension_add(&u->dim, &atom->dim, exp, &overflow);
    if (overflow || (!p->r->no_factor && ((exp != 1 && !ratio_power(&x, exp)) || !ratio_mul(&u->factor, &x))))
        return too_large(p, start);
    return 0;
}

static int simple(struct parser *p, bool below, struct measure *ret)
{
    size_t start = p->at;
    struct slice s;
    const struct prefix *prefix;
    int exp;
    if (digit(peek(p)))
        p->at += 3, s = from(p, start); /* 10* or 10^ */
    else if (symbol(p, &s))
        return -1;
    int i = s.n ? atom_simple(p->r, s, &prefix) : -1;
    if (s.n == 0)
        return unit_fault(p->f, start, "found '%s', expected a unit",
                          unit_quote((struct slice){p->code.p + start, 1}).text);
    if (i < 0)
        return unit_fault(p->f, start, "'%s' is no unit of UCUM", unit_quote(s).text);
    if (p->r->before)
        p->r->before((size_t)i);
    write_code(p, slice_of(prefix ? prefix->code : ""));
    write_code(p, slice_of(p->r->table->atom[i].code));
    if (exponent(p, &exp) || multiply(p, start, prefix, i, exp, ret))
        return -1;
    tell(p, &(struct part){prefix, &p->r->table->atom[i], s, exp, below});
    return 0;
}

static int number(struct parser *p, bool below, struct measure *ret)
{
    size_t start = p->at;
    while (digit(peek(p)))
        p->at++;
    struct slice s = from(p, start);
    char next = peek(p);
    if (s.n > UCUM_DIGITS)
        return unit_fault(p->f, start, "found a number of %zu digits, expected at most %d", s.n, UCUM_DIGITS);
    if (next && !strchr("./(){}", next))
        return unit_fault(p->f, p->at,
                          next == '+' || next == '-'
                              ? "found '%c' after a number; a power of ten is written 10*3 or 10*-3"
                              : "found '%c' after a number, expected '.' between them, as in 12.h",
                          next > ' ' && next <= '~' ? next : '?');
    if (!big_read(&ret->factor.up, s))
        return too_large(p, start);
    if (ret->factor.up.n == 0)
        return unit_fault(p->f, start, "found 0 as a factor; no unit is zero of another");
    write_code(p, s);
    tell(p, &(struct part){.text = s, .exp = 1, .below = below});
    return ratio_reduce(&ret->factor) ? 0 : too_large(p, start);
}

static int term(struct parser *p, bool below, struct measure *ret);

static int component(struct parser *p, bool below, struct measure *ret)
{
    size_t start = p->at;
    char c = peek(p);
    one(ret);
    if (c == '(') {
        if (p->depth == UCUM_DEPTH)
            return unit_fault(p->f, start, "found more than %d parentheses in each other", UCUM_DEPTH);
        p->depth++;
        p->at++;
        write_code(p, SLICE("("));
        if (term(p, below, ret))
            return -1;
        if (peek(p) != ')')
            return unit_fault(p->f, start, "found '(' without its ')'");
        p->at++;
        p->depth--;
        write_code(p, SLICE(")"));
        return 0;
    }
    bool ten = p->at + 2 < p->code.n && !memcmp(p->code.p + p->at, "10", 2) && strchr("*^", p->code.p[p->at + 2]);
    if (c != '{' && (digit(c) && !ten ? number(p, below, ret) : simple(p, below, ret)))
        return -1;
    if (peek(p) != '{')
        return 0;
    start = p->at;
    if (annotation(p))
        return -1;
    if (c == '{')
        tell(p, &(struct part){.text = from(p, start), .exp = 1, .below = below});
    return 0;
}

/* u *= v or u /= v */
static int combine(struct parser *p, size_t at, bool divide, const struct measure *v, struct measure *u)
{
    bool overflow = false;
    if ((v->atom >= 0 && (divide || u->atom >= 0 || !dimension_is_one(&u->dim))) ||
        (u->atom >= 0 && (divide || !dimension_is_one(&v->dim))))
        return unit_fault(
            p->f, at, "'%s' is a special unit, a scale with a function of its own; it cannot be %s another unit",
            p->r->table->atom[v->atom >= 0 ? v->atom : u->atom].code, divide ? "divided by" : "multiplied by");
    if (v->atom >= 0)
        u->atom = v->atom;
    dimension_add(&u->dim, &v->dim, divide ? -1 : 1, &overflow);
    if (overflow ||
        (!p->r->no_factor && !(divide ? ratio_div(&u->factor, &v->factor) : ratio_mul(&u->factor, &v->factor))))
        return too_large(p, at);
    return 0;
}

static int after(struct parser *p)
{
    char c = peek(p);
    if (c == '{')
        return unit_fault(p->f, p->at, "found a second annotation, expected one to a unit");
    if (p->code.p[p->at - 1] == '}')
        return unit_fault(p->f, p->at, "found '%s' after an annotation, expected '.', '/' or the end",
                          unit_quote((struct slice){p->code.p + p->at, 1}).text);
    if (p->code.p[p->at - 1] == ')')
        return unit_fault(p->f, p->at,
                          "found '%s' after ')', expected '.', '/' or the end; an exponent belongs to each unit",
                          unit_quote((struct slice){p->code.p + p->at, 1}).text);
    return unit_fault(p->f, p->at, c == ')' ? "found ')' without its '('" : "found '%s', expected '.', '/' or the end",
                      unit_quote((struct slice){p->code.p + p->at, 1}).text);
}

static int term(struct parser *p, bool below, struct measure *ret)
{
    struct measure next;
    bool divide = p->depth == 0 && peek(p) == '/' && p->at == 0;
    one(ret);
    if (divide) {
        p->at++;
        write_code(p, SLICE("/"));
    }
    for (;;) {
        size_t start = p->at;
        if (start == p->code.n || peek(p) == ')')
            return unit_fault(p->f, start, "found %s, expected a unit after '%c'",
                              start == p->code.n ? "the end" : "')'", start ? p->code.p[start - 1] : ' ');
        if (component(p, below ^ divide, &next) || combine(p, start, divide, &next, ret))
            return -1;
        if (p->at == p->code.n || (peek(p) == ')' && p->depth))
            return 0;
        if (peek(p) != '.' && peek(p) != '/')
            return after(p);
        divide = peek(p) == '/';
        p->at++;
        write_code(p, divide ? SLICE("/") : SLICE("."));
    }
}

int unit_read(const struct reading *r, struct slice code, struct measure *ret, struct ucum_fault *f)
{
    struct parser p = {.r = r, .code = code, .f = f};
    if (code.n == 0)
        return unit_fault(f, 0, "found nothing, expected a unit; the unit of a plain number is 1");
    if (code.n > UCUM_LENGTH)
        return unit_fault(f, UCUM_LENGTH, "found a code of %zu bytes, expected at most %d", code.n, UCUM_LENGTH);
    for (size_t i = 0; i < code.n; i++)
        if (code.p[i] <= ' ' || code.p[i] > '~')
            return unit_fault(f, i,
                              code.p[i] == ' ' ? "found a space; no code of UCUM has one"
                                               : "found a character that is no printable ASCII, as all of UCUM is");
    return term(&p, false, ret);
}
