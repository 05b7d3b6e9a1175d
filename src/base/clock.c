#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/fault.h"

#define DAY 86400000000LL

static int64_t read_us(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_us(CLOCK_REALTIME) + fault_clock_us();
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

static int64_t steady_from; /* the wall clock when the boot clock was 0, as first seen */

static void steady_begin(void)
{
    steady_from = clock_now_us() - read_us(CLOCK_BOOTTIME);
}

int64_t clock_steady_us(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, steady_begin);
    return steady_from + read_us(CLOCK_BOOTTIME);
}

int64_t clock_surely_us(void)
{
    int64_t wall = clock_now_us(), steady = clock_steady_us();
    return wall < steady ? wall : steady;
}

int64_t clock_latest_us(void)
{
    int64_t wall = clock_now_us(), steady = clock_steady_us();
    return wall > steady ? wall : steady;
}

/* Howard Hinnant's days_from_civil, written from its description: years start in March, so leap days come last. */
int64_t clock_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void clock_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

/* The last n decimal digits. Not snprintf: an answer and what is kept of it hold dozens of times. */
static void put_digits(char *out, int n, unsigned v)
{
    for (; n-- > 0; v /= 10)
        out[n] = (char)('0' + v % 10);
}

char *clock_text(int64_t us, char *out)
{
    int64_t days = us / DAY, rest = us % DAY;
    if (rest < 0) {
        rest += DAY;
        days--;
    }
    int y, m, d;
    clock_civil(days, &y, &m, &d);
    int s = (int)(rest / 1000000);
    memcpy(out, "0000-00-00T00:00:00.000000Z", 28);
    put_digits(out, 4, (unsigned)y);
    put_digits(out + 5, 2, (unsigned)m);
    put_digits(out + 8, 2, (unsigned)d);
    put_digits(out + 11, 2, (unsigned)s / 3600);
    put_digits(out + 14, 2, (unsigned)s / 60 % 60);
    put_digits(out + 17, 2, (unsigned)s % 60);
    put_digits(out + 20, 6, (unsigned)(rest % 1000000));
    return out;
}

static int digits(struct slice *s, size_t n, int *ret)
{
    if (s->n < n)
        return 0;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return 0;
        v = v * 10 + s->p[i] - '0';
    }
    s->p += n;
    s->n -= n;
    *ret = v;
    return 1;
}

static int take(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return 0;
    s->p++;
    s->n--;
    return 1;
}

static int month_days(int y, int m)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : days[m - 1];
}

/* hh:mm:ss[.fff] behind the T; *us within the day, *span its precision. */
static int parse_time(struct slice *s, int64_t *us, int64_t *span)
{
    int h, m, sec;
    if (!digits(s, 2, &h) || !take(s, ':') || !digits(s, 2, &m) || !take(s, ':') || !digits(s, 2, &sec))
        return 0;
    if (h > 23 || m > 59 || sec > 60)
        return 0;
    *us = ((h * 60LL + m) * 60 + sec) * 1000000;
    *span = 1000000;
    if (take(s, '.')) {
        int64_t unit = 100000;
        size_t n = 0;
        for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, n++) {
            *us += (s->p[0] - '0') * unit;
            unit /= 10;
        }
        if (n == 0)
            return 0;
        *span = 1;
    }
    return 1;
}

static int parse_zone(struct slice *s, int64_t *offset_us)
{
    int h, m;
    *offset_us = 0;
    if (s->n == 0 || take(s, 'Z'))
        return 1;
    int sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
    if (!sign || !digits(s, 2, &h) || !take(s, ':') || !digits(s, 2, &m) || h > 14 || m > 59)
        return 0;
    *offset_us = sign * (h * 60LL + m) * 60000000;
    return 1;
}

int clock_parse(struct slice s, int64_t *ret, int64_t *span_us)
{
    int y, m = 1, d = 1;
    int64_t us = 0, span, offset = 0;
    if (!digits(&s, 4, &y))
        return 0;
    span = (clock_days(y + 1, 1, 1) - clock_days(y, 1, 1)) * DAY;
    if (take(&s, '-')) {
        if (!digits(&s, 2, &m) || m < 1 || m > 12)
            return 0;
        span = month_days(y, m) * DAY;
        if (take(&s, '-')) {
            if (!digits(&s, 2, &d) || d < 1 || d > month_days(y, m))
                return 0;
            span = DAY;
            if (take(&s, 'T') && (!parse_time(&s, &us, &span) || !parse_zone(&s, &offset)))
                return 0;
        }
    }
    if (s.n)
        return 0;
    *ret = clock_days(y, m, d) * DAY + us - offset;
    if (span_us)
        *span_us = span;
    return 1;
}

int clock_duration(struct slice s, int64_t *ret)
{
    int64_t total = 0;
    bool time = false, any = false;
    if (!take(&s, 'P'))
        return 0;
    while (s.n) {
        if (!time && take(&s, 'T')) {
            time = true;
            continue;
        }
        int64_t v = 0;
        size_t n = 0;
        for (; s.n && s.p[0] >= '0' && s.p[0] <= '9' && n < 7; s.p++, s.n--, n++)
            v = v * 10 + s.p[0] - '0';
        if (n == 0 || s.n == 0)
            return 0;
        int64_t unit = time            ? take(&s, 'H')   ? 3600000000LL
                                         : take(&s, 'M') ? 60000000LL
                                         : take(&s, 'S') ? 1000000LL
                                                         : 0
                       : take(&s, 'Y') ? 365 * DAY
                       : take(&s, 'M') ? 30 * DAY
                       : take(&s, 'W') ? 7 * DAY
                       : take(&s, 'D') ? DAY
                                       : 0;
        if (!unit)
            return 0;
        total += v * unit;
        any = true;
    }
    *ret = total;
    return any;
}
