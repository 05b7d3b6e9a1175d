#include "fhir/fhirpath_time_int.h"

#include <stdio.h>

#include "base/clock.h"

static int days_in(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly `n` digits at *s, as a number of min..max. */
static bool digits(struct slice *s, int n, int min, int max, int *ret)
{
    int v = 0;
    if (s->n < (size_t)n)
        return false;
    for (int i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = 10 * v + s->p[i] - '0';
    }
    s->p += n;
    s->n -= (size_t)n;
    *ret = v;
    return v >= min && v <= max;
}

static bool at(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool read_date(struct slice *s, struct moment *m)
{
    int v;
    if (!digits(s, 4, 1, 9999, &v))
        return false;
    m->year = (int16_t)v;
    m->precision = TIME_YEAR;
    if (!at(s, '-'))
        return true;
    if (!digits(s, 2, 1, 12, &v))
        return false;
    m->month = (uint8_t)v;
    m->precision = TIME_MONTH;
    if (!at(s, '-'))
        return true;
    if (!digits(s, 2, 1, days_in(m->year, m->month), &v))
        return false;
    m->day = (uint8_t)v;
    m->precision = TIME_DAY;
    return true;
}

/* Behind the point: the first three digits count, the rest is cut. */
static bool read_fraction(struct slice *s, struct moment *m)
{
    int v = 0, n = 0;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, n++)
        v = n < 3 ? 10 * v + s->p[0] - '0' : v;
    for (int k = n; k < 3; k++)
        v *= 10;
    m->ms = (uint16_t)v;
    m->precision = TIME_MS;
    return n > 0;
}

static bool read_clock(struct slice *s, struct moment *m)
{
    int v;
    if (!digits(s, 2, 0, 23, &v))
        return false;
    m->hour = (uint8_t)v;
    m->precision = TIME_HOUR;
    if (!at(s, ':'))
        return true;
    if (!digits(s, 2, 0, 59, &v))
        return false;
    m->minute = (uint8_t)v;
    m->precision = TIME_MINUTE;
    if (!at(s, ':'))
        return true;
    if (!digits(s, 2, 0, 60, &v))
        return false;
    m->second = (uint8_t)v;
    m->precision = TIME_SECOND;
    return !at(s, '.') || read_fraction(s, m);
}

static bool read_zone(struct slice *s, struct moment *m)
{
    int h, min;
    bool west = s->n && s->p[0] == '-';
    m->zoned = true;
    if (at(s, 'Z'))
        return true;
    if (!at(s, '+') && !at(s, '-'))
        return false;
    if (!digits(s, 2, 0, 14, &h) || !at(s, ':') || !digits(s, 2, 0, 59, &min))
        return false;
    m->zone = (int16_t)((h * 60 + min) * (west ? -1 : 1));
    return true;
}

int moment_parse(struct slice s, enum time_kind kind, struct moment *ret)
{
    struct moment m = {.date = kind != TIME_OF_TIME};
    if (kind == TIME_OF_TIME) {
        m.clock = true;
        if (!read_clock(&s, &m))
            return 0;
    } else if (!read_date(&s, &m)) {
        return 0;
    }
    if (kind == TIME_OF_DATETIME && at(&s, 'T')) {
        m.clock = true;
        if (s.n && (m.precision != TIME_DAY || !read_clock(&s, &m) || (s.n && !read_zone(&s, &m))))
            return 0;
    }
    if (s.n)
        return 0;
    *ret = m;
    return 1;
}

struct slice moment_text(const struct moment *m, struct arena *a)
{
    char out[48];
    int n = 0;
    if (m->date) {
        n += snprintf(out + n, sizeof out - (size_t)n, "%04d", m->year);
        if (m->precision >= TIME_MONTH)
            n += snprintf(out + n, sizeof out - (size_t)n, "-%02d", m->month);
        if (m->precision >= TIME_DAY)
            n += snprintf(out + n, sizeof out - (size_t)n, "-%02d", m->day);
        if (m->clock && m->precision > TIME_DAY)
            out[n++] = 'T';
    }
    if (m->precision >= TIME_HOUR)
        n += snprintf(out + n, sizeof out - (size_t)n, "%02d", m->hour);
    if (m->precision >= TIME_MINUTE)
        n += snprintf(out + n, sizeof out - (size_t)n, ":%02d", m->minute);
    if (m->precision >= TIME_SECOND)
        n += snprintf(out + n, sizeof out - (size_t)n, ":%02d", m->second);
    if (m->precision >= TIME_MS)
        n += snprintf(out + n, sizeof out - (size_t)n, ".%03d", m->ms);
    if (m->zoned && m->precision >= TIME_HOUR) {
        int z = m->zone < 0 ? -m->zone : m->zone;
        if (z == 0)
            out[n++] = 'Z';
        else
            n += snprintf(out + n, sizeof out - (size_t)n, "%c%02d:%02d", m->zone < 0 ? '-' : '+', z / 60, z % 60);
    }
    return arena_copy(a, (struct slice){out, (size_t)n});
}

/* Milliseconds since 1970 in UTC, what is not stated being the first. */
static int64_t instant(const struct moment *m)
{
    int64_t days = m->date ? clock_days(m->year, m->month ? m->month : 1, m->day ? m->day : 1) : 0;
    return ((days * 24 + m->hour) * 60 + m->minute - m->zone) * 60000 + m->second * 1000 + m->ms;
}

static void of_instant(int64_t t, struct moment *m)
{
    const int64_t day = 86400000;
    t += m->zone * 60000;
    int64_t days = t >= 0 ? t / day : -((-t + day - 1) / day);
    int y, mo, d, rest = (int)(t - days * day);
    clock_civil(days, &y, &mo, &d);
    m->year = (int16_t)y;
    m->month = (uint8_t)mo;
    m->day = (uint8_t)d;
    m->hour = (uint8_t)(rest / 3600000);
    m->minute = (uint8_t)(rest / 60000 % 60);
    m->second = (uint8_t)(rest / 1000 % 60);
    m->ms = (uint16_t)(rest % 1000);
}

static struct moment in_utc(const struct moment *x)
{
    struct moment m = *x;
    int64_t t = instant(x);
    m.zone = 0;
    of_instant(t, &m);
    return m;
}

int moment_cmp(const struct moment *x, const struct moment *y, int *ret)
{
    struct moment a = *x, b = *y;
    if (a.zoned && b.zoned && a.precision > TIME_DAY && b.precision > TIME_DAY) {
        a = in_utc(x);
        b = in_utc(y);
    } else if (a.zoned != b.zoned && a.precision > TIME_DAY && b.precision > TIME_DAY) {
        int64_t apart = instant(x) - instant(y); /* zones lie between -12 and +14 hours */
        if (apart > -26 * 3600000 && apart < 26 * 3600000)
            return 0;
        *ret = apart < 0 ? -1 : 1;
        return 1;
    }
    /* Seconds and their fraction are one number, so a missing fraction is zero. */
    const int va[] = {a.year, a.month, a.day, a.hour, a.minute, a.second * 1000 + a.ms},
              vb[] = {b.year, b.month, b.day, b.hour, b.minute, b.second * 1000 + b.ms};
    static const int level[] = {TIME_YEAR, TIME_MONTH, TIME_DAY, TIME_HOUR, TIME_MINUTE, TIME_SECOND};
    for (int i = 0; i < 6; i++) {
        bool ha = a.precision >= level[i], hb = b.precision >= level[i];
        if (!ha && !hb)
            break;
        if (ha != hb)
            return 0;
        if (va[i] != vb[i]) {
            *ret = va[i] < vb[i] ? -1 : 1;
            return 1;
        }
    }
    *ret = 0;
    return 1;
}

static int add_months(const struct moment *x, int64_t n, struct moment *ret)
{
    struct moment m = *x;
    int64_t months = (int64_t)m.year * 12 + (m.month ? m.month - 1 : 0) + n;
    if (months < 12 || months >= 120000)
        return 0;
    m.year = (int16_t)(months / 12);
    if (m.month) {
        m.month = (uint8_t)(months % 12 + 1);
        int last = days_in(m.year, m.month);
        m.day = m.day > last ? (uint8_t)last : m.day;
    }
    *ret = m;
    return 1;
}

int moment_add(const struct moment *x, int64_t n, enum time_unit unit, struct moment *ret)
{
    static const int64_t ms[] = {[UNIT_WEEK] = 604800000, [UNIT_DAY] = 86400000, [UNIT_HOUR] = 3600000,
                                 [UNIT_MINUTE] = 60000,   [UNIT_SECOND] = 1000,  [UNIT_MS] = 1};
    struct moment m = *x;
    int64_t t;
    if (n > 400000000000000 || n < -400000000000000)
        return 0;
    if (x->date && unit <= UNIT_MONTH)
        return add_months(x, unit == UNIT_YEAR ? 12 * n : n, ret);
    if (unit < UNIT_WEEK || (!x->date && unit <= UNIT_DAY))
        return 0;
    if (__builtin_mul_overflow(n, ms[unit], &t) || t > 400000000000000 || t < -400000000000000)
        return 0;
    if (!x->date) { /* a time of day goes round */
        t = (instant(x) + t) % 86400000;
        of_instant(t < 0 ? t + 86400000 : t, &m);
        m.year = m.month = m.day = 0;
        *ret = m;
        return 1;
    }
    if (x->precision == TIME_YEAR) /* what is less than a year of 365 days, a month of 30, does not count */
        return add_months(x, t / 86400000 / 365 * 12, ret);
    if (x->precision == TIME_MONTH)
        return add_months(x, t / 86400000 / 30, ret);
    if (x->precision == TIME_DAY)
        t = t / 86400000 * 86400000;
    t += instant(x);
    if (t < -62135596800000 + 86400000 || t > 253402300799999 - 86400000)
        return 0;
    of_instant(t, &m);
    *ret = m;
    return 1;
}

int moment_boundary(const struct moment *x, int64_t precision, bool last, struct moment *ret)
{
    struct moment m = *x;
    if (!m.date)
        precision += 8; /* a time counts its own digits */
    if (precision != TIME_YEAR && precision != TIME_MONTH && precision != TIME_DAY && precision != TIME_HOUR &&
        precision != TIME_MINUTE && precision != TIME_SECOND && precision != TIME_MS)
        return 0;
    if (m.date && !m.clock && precision > TIME_DAY)
        return 0;
    if (!m.date && precision < TIME_HOUR)
        return 0;
    if (x->precision < TIME_MONTH && m.date)
        m.month = last ? 12 : 1;
    if (x->precision < TIME_DAY && m.date)
        m.day = (uint8_t)(last ? days_in(m.year, m.month) : 1);
    if (x->precision < TIME_HOUR)
        m.hour = last ? 23 : 0;
    if (x->precision < TIME_MINUTE)
        m.minute = last ? 59 : 0;
    if (x->precision < TIME_SECOND)
        m.second = last ? 59 : 0;
    if (x->precision < TIME_MS)
        m.ms = last ? 999 : 0;
    m.precision = (uint8_t)precision;
    if (m.date && m.clock && precision > TIME_DAY && !m.zoned) {
        m.zoned = true;
        m.zone = last ? -12 * 60 : 14 * 60;
    }
    *ret = m;
    return 1;
}
