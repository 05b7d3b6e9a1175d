#include "fhir/match_int.h"

enum { MEBI = 1024 * 1024 };

/* White space as R4's regular expressions mean it: \s of ASCII. */
static inline bool space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}
static inline bool alnum(unsigned char c)
{
    return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool text(struct slice s)
{
    if (s.n == 0 || s.n > MEBI)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r')
            return false;
    return true;
}

static bool no_space(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (space((unsigned char)s.p[i]) || (unsigned char)s.p[i] < 0x20)
            return false;
    return s.n > 0;
}

/* "No whitespace other than single spaces in the contents", says R4; its regular expression would let a tab pass. */
static bool code(struct slice s)
{
    bool before = true; /* a space, or the start */
    for (size_t i = 0; i < s.n; i++) {
        bool now = s.p[i] == ' ';
        if ((now && before) || (unsigned char)s.p[i] < 0x20)
            return false;
        before = now;
    }
    return !before;
}

static bool id(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!alnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
            return false;
    return s.n >= 1 && s.n <= 64;
}

static bool base64(struct slice s)
{
    size_t n = 0, pads = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (space(c))
            continue;
        if (c == '=')
            pads++;
        else if (pads || (!alnum(c) && c != '+' && c != '/'))
            return false;
        n++;
    }
    return n > 0 && n % 4 == 0 && pads <= 2;
}

/* --- dates and times: each step takes its part off the front of *s --- */

static bool take(struct slice *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

/* Exactly `n` digits, as a number of min..max. */
static bool take_digits(struct slice *s, size_t n, int min, int max, int *ret)
{
    int v = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!digit((unsigned char)s->p[i]))
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    *ret = v;
    return v >= min && v <= max;
}

static int days_in(int year, int month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* YYYY, YYYY-MM or YYYY-MM-DD; *ret_day: down to the day. */
static bool take_date(struct slice *s, bool *ret_day)
{
    int year, month, day;
    *ret_day = false;
    if (!take_digits(s, 4, 1, 9999, &year))
        return false;
    if (!take(s, '-'))
        return true;
    if (!take_digits(s, 2, 1, 12, &month))
        return false;
    if (!take(s, '-'))
        return true;
    *ret_day = true;
    return take_digits(s, 2, 1, days_in(year, month), &day);
}

static bool take_time(struct slice *s)
{
    int unused;
    if (!take_digits(s, 2, 0, 23, &unused) || !take(s, ':') || !take_digits(s, 2, 0, 59, &unused) || !take(s, ':') ||
        !take_digits(s, 2, 0, 60, &unused)) /* 60: a leap second */
        return false;
    if (!take(s, '.'))
        return true;
    size_t n = s->n;
    while (s->n && digit((unsigned char)*s->p))
        s->p++, s->n--;
    return s->n < n;
}

static bool take_zone(struct slice *s)
{
    int hours, minutes;
    if (take(s, 'Z'))
        return true;
    if (!take(s, '+') && !take(s, '-'))
        return false;
    return take_digits(s, 2, 0, 14, &hours) && take(s, ':') && take_digits(s, 2, 0, hours == 14 ? 0 : 59, &minutes);
}

static bool date(struct slice s)
{
    bool day;
    return take_date(&s, &day) && s.n == 0;
}

static bool date_time(struct slice s, bool whole)
{
    bool day;
    if (!take_date(&s, &day))
        return false;
    if (s.n == 0)
        return !whole;
    return day && take(&s, 'T') && take_time(&s) && take_zone(&s) && s.n == 0;
}

static bool time_of_day(struct slice s)
{
    return take_time(&s) && s.n == 0;
}

/* --- numbers and names --- */

static bool integer(struct slice s, int64_t min)
{
    int64_t v;
    return !slice_eq(s, SLICE("-0")) && slice_int(s, min, INT32_MAX, &v);
}

static bool oid(struct slice s)
{
    if (!slice_starts(s, "urn:oid:") || s.n < 11 || s.p[8] < '0' || s.p[8] > '2' || s.p[9] != '.')
        return false;
    for (s.p += 10, s.n -= 10;;) {
        size_t n = 0;
        while (n < s.n && digit((unsigned char)s.p[n]))
            n++;
        if (n == 0 || (n > 1 && *s.p == '0'))
            return false;
        s.p += n;
        s.n -= n;
        if (s.n == 0)
            return true;
        if (!take(&s, '.'))
            return false;
    }
}

/* `capitals`: they are good, too. */
static bool uuid(struct slice s, bool capitals)
{
    if (!slice_starts(s, "urn:uuid:") || s.n != 9 + 36)
        return false;
    for (int i = 0; i < 36; i++) {
        char c = capitals ? s.p[9 + i] | 32 : s.p[9 + i];
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? s.p[9 + i] != '-' : !digit((unsigned char)s.p[9 + i]) && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}

bool match_urn(struct slice s)
{
    const char *hash = memchr(s.p, '#', s.n);
    if (hash)
        s.n = (size_t)(hash - s.p);
    return slice_starts(s, "urn:oid:") ? oid(s) : !slice_starts(s, "urn:uuid:") || uuid(s, true);
}

bool match_primitive(enum fhir_type type, struct slice s)
{
    switch (type) {
    case FHIR_BASE64BINARY: return base64(s);
    case FHIR_CODE: return code(s);
    case FHIR_DATE: return date(s);
    case FHIR_DATETIME: return date_time(s, false);
    case FHIR_INSTANT: return date_time(s, true);
    case FHIR_TIME: return time_of_day(s);
    case FHIR_ID: return id(s);
    case FHIR_INTEGER: return integer(s, INT32_MIN);
    case FHIR_POSITIVEINT: return integer(s, 1);
    case FHIR_UNSIGNEDINT: return integer(s, 0);
    case FHIR_DECIMAL: return true; /* JSON's own grammar of numbers is R4's */
    case FHIR_STRING:
    case FHIR_MARKDOWN: return text(s);
    case FHIR_OID: return oid(s);
    case FHIR_UUID: return uuid(s, false);
    default: return no_space(s); /* URI, URL, CANONICAL */
    }
}

/* --- value sets without a list --- */

static bool token(unsigned char c)
{
    return alnum(c) || (c && strchr("!#$&-^_.+*'%`|~", c));
}

static size_t tokens(struct slice s, size_t from)
{
    while (from < s.n && token((unsigned char)s.p[from]))
        from++;
    return from;
}

bool match_mime(struct slice s)
{
    size_t n = tokens(s, 0);
    if (n == 0)
        return false;
    if (n < s.n && s.p[n] == '/') {
        size_t m = tokens(s, n + 1);
        if (m == n + 1)
            return false;
        n = m;
    }
    while (n < s.n && s.p[n] == ' ')
        n++;
    return n == s.n || s.p[n] == ';';
}

/* Three letters each, in the order of the alphabet. */
static const char currencies[] =
#define CURRENCY(codes) codes
#include "fhir/currencies.def"
#undef CURRENCY
    ;

bool match_currency(struct slice s)
{
    size_t low = 0, high = (sizeof currencies - 1) / 3;
    while (s.n == 3 && low < high) {
        size_t middle = (low + high) / 2;
        int d = memcmp(s.p, currencies + 3 * middle, 3);
        if (d == 0)
            return true;
        *(d < 0 ? &high : &low) = d < 0 ? middle : middle + 1;
    }
    return false;
}

/* language ["-" script] ["-" region] ... : a first part of letters, then parts of letters and digits. */
bool match_language(struct slice s)
{
    size_t part = 0, parts = 0;
    bool digits = false;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '-') {
            if (!alnum((unsigned char)s.p[i]))
                return false;
            digits |= digit((unsigned char)s.p[i]);
            part++;
            continue;
        }
        bool private = s.n && (s.p[0] | 32) == 'x';
        if (part == 0 || part > 8 ||
            (parts == 0 && (digits || (part == 1 && !(i < s.n && (private || (s.p[0] | 32) == 'i'))))))
            return false;
        parts++;
        part = 0;
    }
    return parts > 0;
}

bool match_absolute(struct slice s)
{
    size_t n = 0;
    while (n < s.n && (alnum((unsigned char)s.p[n]) || (n && (s.p[n] == '+' || s.p[n] == '-' || s.p[n] == '.'))))
        n++;
    return n > 0 && !digit((unsigned char)s.p[0]) && n + 1 < s.n && s.p[n] == ':';
}

size_t match_base64_size(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += !space((unsigned char)s.p[i]) && s.p[i] != '=';
    return n * 3 / 4;
}
