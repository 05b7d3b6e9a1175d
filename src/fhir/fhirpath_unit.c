#include "fhir/fhirpath_unit_int.h"

#include <stdio.h>

#include "base/own.h"

static const struct {
    const char *code;
    bool metric;
    const char *per;
    int8_t power[8];
} units[] = {
#define UNIT(code, metric, per, ...) {code, metric, per, {__VA_ARGS__}},
#include "fhir/fhirpath_units.def"
#undef UNIT
};

static const struct {
    const char *code;
    int8_t exp;
} prefixes[] = {{"Y", 24}, {"Z", 21},  {"E", 18},  {"P", 15},  {"T", 12}, {"G", 9},  {"M", 6},
                {"k", 3},  {"h", 2},   {"da", 1},  {"d", -1},  {"c", -2}, {"m", -3}, {"u", -6},
                {"n", -9}, {"p", -12}, {"f", -15}, {"a", -18}, {"z", -21}};

static const struct {
    const char *one, *many, *ucum;
    enum time_unit unit;
} calendar_words[] = {{"year", "years", "a", UNIT_YEAR},       {"month", "months", "mo", UNIT_MONTH},
                      {"week", "weeks", "wk", UNIT_WEEK},      {"day", "days", "d", UNIT_DAY},
                      {"hour", "hours", "h", UNIT_HOUR},       {"minute", "minutes", "min", UNIT_MINUTE},
                      {"second", "seconds", "s", UNIT_SECOND}, {"millisecond", "milliseconds", "ms", UNIT_MS}};

struct slice unit_calendar(struct slice word, enum time_unit *ret)
{
    for (size_t i = 0; i < COUNT(calendar_words); i++)
        if (slice_is(word, calendar_words[i].one) || slice_is(word, calendar_words[i].many)) {
            if (ret)
                *ret = calendar_words[i].unit;
            return slice_of(calendar_words[i].one);
        }
    return (struct slice){NULL, 0};
}

int unit_of_time(const struct fhirpath_quantity *q, enum time_unit *ret)
{
    if (unit_calendar(q->unit, ret).p) /* 'month', in quotes, can mean nothing else */
        return 1;
    for (size_t i = 0; i < COUNT(calendar_words); i++)
        if (slice_is(q->unit, calendar_words[i].ucum) && calendar_words[i].unit >= UNIT_WEEK) {
            *ret = calendar_words[i].unit;
            return 1;
        }
    return 0;
}

static int atom_of(struct slice s, bool prefixed)
{
    for (size_t i = 0; i < COUNT(units); i++)
        if ((!prefixed || units[i].metric) && slice_is(s, units[i].code))
            return (int)i;
    return -1;
}

static void power_of_ten(int exp, struct num *ret)
{
    char text[32];
    int n = snprintf(text, sizeof text, "1e%d", exp);
    num_parse((struct slice){text, (size_t)n}, ret);
}

/* An atom with or without a prefix. */
static int simple(struct slice s, struct num *ret, int8_t power[UNIT_BASES])
{
    int i = atom_of(s, false);
    struct num ten, per;
    power_of_ten(0, &ten);
    for (size_t k = 0; i < 0 && k < COUNT(prefixes); k++)
        if (slice_starts(s, prefixes[k].code)) {
            size_t n = strlen(prefixes[k].code);
            i = atom_of((struct slice){s.p + n, s.n - n}, true);
            power_of_ten(prefixes[k].exp, &ten);
        }
    if (i < 0 || !num_parse(slice_of(units[i].per), &per) || !num_mul(&per, &ten, ret))
        return 0;
    memcpy(power, units[i].power, sizeof units[i].power);
    power[UNIT_BASES - 1] = 0;
    return 1;
}

/* *u times (atom)^exp. */
static int multiply(struct unit *u, const struct num *atom, const int8_t power[UNIT_BASES], int exp)
{
    struct num *side = exp < 0 ? &u->down : &u->up;
    for (int i = exp < 0 ? -exp : exp; i > 0; i--)
        if (!num_mul(side, atom, side))
            return 0;
    for (int i = 0; i < UNIT_BASES; i++) {
        int p = u->power[i] + power[i] * exp;
        if (p < -99 || p > 99)
            return 0;
        u->power[i] = (int8_t)p;
    }
    return 1;
}

/* One component between . and /: digits, or an atom with an exponent; {annotations} count as 1. */
static int component(struct slice s, bool below, struct unit *u)
{
    int8_t power[UNIT_BASES] = {0};
    struct num atom;
    int64_t whole, exp = 1;
    const char *brace = memchr(s.p, '{', s.n);
    if (brace) {
        if (s.p[s.n - 1] != '}')
            return 0;
        s.n = (size_t)(brace - s.p);
        if (s.n == 0)
            return 1;
    }
    if (slice_int(s, 1, 1000000, &whole)) {
        num_of(whole, &atom);
        return multiply(u, &atom, power, below ? -1 : 1);
    }
    size_t n = s.n;
    while (n && s.p[n - 1] >= '0' && s.p[n - 1] <= '9')
        n--;
    if (n && n < s.n && (s.p[n - 1] == '-' || s.p[n - 1] == '+'))
        n--;
    struct slice digits = {s.p + n, s.n - n};
    if (digits.n && digits.p[0] == '+')
        digits.p++, digits.n--;
    if (n < s.n && !slice_int(digits, -20, 20, &exp))
        return 0;
    s.n = n;
    return s.n && simple(s, &atom, power) && multiply(u, &atom, power, below ? -(int)exp : (int)exp);
}

static bool calendar_month(struct slice code, struct unit *ret)
{
    bool year = slice_is(code, "year");
    if (!year && !slice_is(code, "month"))
        return false;
    num_of(year ? 12 : 1, &ret->up);
    ret->power[UNIT_BASES - 1] = 1;
    return true;
}

int unit_parse(struct slice code, bool calendar, struct unit *ret)
{
    struct unit u = {.power = {0}};
    num_of(1, &u.up);
    num_of(1, &u.down);
    if (calendar) {
        for (size_t i = 0; i < COUNT(calendar_words); i++)
            if (slice_is(code, calendar_words[i].one) && !calendar_month(code, &u))
                return unit_parse(slice_of(calendar_words[i].ucum), false, ret);
        *ret = u;
        return 1;
    }
    if (code.n == 0 || code.n > 100)
        return 0;
    bool below = false, brace = false;
    size_t from = 0;
    for (size_t i = 0; i <= code.n; i++) {
        char c = i < code.n ? code.p[i] : '.';
        brace = (brace || c == '{') && c != '}';
        if ((c != '.' && c != '/') || (brace && i < code.n))
            continue;
        struct slice s = {code.p + from, i - from};
        if (s.n ? !component(s, below, &u) : !(i == 0 && c == '/')) /* "/min" begins with a slash */
            return 0;
        below = c == '/';
        from = i + 1;
    }
    *ret = u;
    return 1;
}

static bool same_unit(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    return x->calendar == y->calendar && slice_eq(x->unit, y->unit);
}

int unit_comparable(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    struct unit a, b;
    if (same_unit(x, y))
        return 1;
    if (!unit_parse(x->unit, x->calendar, &a) || !unit_parse(y->unit, y->calendar, &b))
        return -1;
    return memcmp(a.power, b.power, sizeof a.power) == 0;
}

int unit_base(const struct fhirpath_quantity *q, struct num *ret, int8_t power[UNIT_BASES])
{
    struct unit u;
    struct num v;
    if (!unit_parse(q->unit, q->calendar, &u) || !num_parse(q->value, &v) || !num_mul(&v, &u.up, &v) ||
        !num_div(&v, &u.down, ret))
        return 0;
    memcpy(power, u.power, sizeof u.power);
    return 1;
}

/* Both values times what makes their units one, so that nothing is divided: 1 or 0. */
static int in_common(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y, struct num *a, struct num *b)
{
    struct unit u, v;
    if (!num_parse(x->value, a) || !num_parse(y->value, b))
        return 0;
    if (same_unit(x, y))
        return 1;
    return unit_parse(x->unit, x->calendar, &u) && unit_parse(y->unit, y->calendar, &v) &&
           memcmp(u.power, v.power, sizeof u.power) == 0 && num_mul(a, &u.up, a) && num_mul(a, &v.down, a) &&
           num_mul(b, &v.up, b) && num_mul(b, &u.down, b);
}

int quantity_cmp(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y, int *ret)
{
    struct num a, b;
    if (!in_common(x, y, &a, &b))
        return 0;
    *ret = num_cmp(&a, &b);
    return 1;
}

/* The worth of one unit in the last digit, in base units. */
static int last_digit(const struct fhirpath_quantity *q, struct num *ret)
{
    struct num v, step = {.n = 1, .d = {1}};
    struct unit u;
    if (!num_parse(q->value, &v) || !unit_parse(q->unit, q->calendar, &u))
        return 0;
    num_trim(&v);
    step.scale = v.scale;
    return num_mul(&step, &u.up, &step) && num_div(&step, &u.down, ret);
}

int quantity_similar(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    struct num a, b, sa, sb, qa, qb;
    int8_t pa[UNIT_BASES], pb[UNIT_BASES];
    int d;
    if (quantity_cmp(x, y, &d) && d == 0)
        return 1;
    if (!unit_base(x, &a, pa) || !unit_base(y, &b, pb) || memcmp(pa, pb, sizeof pa) != 0 || !last_digit(x, &sa) ||
        !last_digit(y, &sb))
        return 0;
    const struct num *step = num_cmp(&sa, &sb) > 0 ? &sa : &sb;
    if (!num_div(&a, step, &qa) || !num_div(&b, step, &qb))
        return 0;
    return num_round(&qa, 0, NUM_HALF_UP, &a) && num_round(&qb, 0, NUM_HALF_UP, &b) && num_cmp(&a, &b) == 0;
}

void unit_write(const int8_t power[UNIT_BASES], char out[64])
{
    static const char *const base[UNIT_BASES] = {"m", "g", "s", "K", "mol", "cd", "C", "[IU]", "month"};
    int n = 0;
    for (int below = 0; below < 2; below++)
        for (int i = 0; i < UNIT_BASES; i++) {
            int p = below ? -power[i] : power[i];
            if (p <= 0 || n > 50)
                continue;
            if (n || below)
                out[n++] = below ? '/' : '.';
            n += snprintf(out + n, 64 - (size_t)n, p == 1 ? "%s" : "%s%d", base[i], p);
        }
    if (n == 0)
        out[n++] = '1';
    out[n] = '\0';
}
