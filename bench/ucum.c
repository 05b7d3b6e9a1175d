/* ucum.c -- what work with units costs: UCUM [-n RUNS] writes a line of JSON, nanoseconds of processor time each, the
 * median of RUNS (21) passes of 20,000. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "ucum/ucum.h"

enum { PASSES_MAX = 1001, TIMES = 20000 };

static volatile long sink;

/* What a negotiation meets. */
static const struct {
    const char *value, *from, *limit, *to;
} rows[] = {
    {"100.4", "[degF]", "38", "Cel"},  {"4000", "/uL", "4", "10*9/L"},     {"16", "kPa", "120", "mm[Hg]"},
    {"88.4", "umol/L", "1", "mmol/L"}, {"7.25", "mg/dL", "0.0725", "g/L"},
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct work {
    struct arena *a;
    const struct ucum_unit *from, *to;
    const struct ucum_pair *pair;
    struct ucum_number limit;
    size_t row;
};

static void parse(const struct work *w)
{
    struct ucum_fault f;
    sink += ucum_parse(w->a, slice_of(rows[w->row].from), &f) != NULL;
}

static void pair(const struct work *w)
{
    struct ucum_fault f;
    sink += ucum_pair(w->a, w->from, w->to, UCUM_APART, NULL, &f) != NULL;
}

static void compare(const struct work *w)
{
    struct ucum_number v;
    int d = 0;
    sink += ucum_number(slice_of(rows[w->row].value), &v) && ucum_compare(w->pair, &v, &w->limit, &d) ? d : 99;
}

static void convert(const struct work *w)
{
    struct ucum_number v;
    struct slice text;
    enum ucum_end end;
    sink += ucum_number(slice_of(rows[w->row].value), &v) ? ucum_convert(w->pair, &v, 17, w->a, &text, &end) : 0;
}

/* Parsed, paired and converted for this one value. */
static void once(const struct work *w)
{
    struct work v = *w;
    struct ucum_fault f;
    v.from = ucum_parse(w->a, slice_of(rows[w->row].from), &f);
    v.to = ucum_parse(w->a, slice_of(rows[w->row].to), &f);
    v.pair = ucum_pair(w->a, v.from, v.to, UCUM_APART, NULL, &f);
    convert(&v);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

static double median(void (*what)(const struct work *), struct work *w, int64_t passes)
{
    static double ns[PASSES_MAX];
    struct arena_mark m = arena_mark(w->a);
    for (int64_t k = 0; k < passes; k++) {
        double begun = now_ns();
        for (int i = 0; i < TIMES; i++) {
            what(w);
            arena_rewind(w->a, m);
        }
        ns[k] = (now_ns() - begun) / TIMES;
    }
    qsort(ns, (size_t)passes, sizeof ns[0], by_value);
    return ns[passes / 2];
}

int main(int argc, char **argv)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    int64_t passes = 21;
    if (!a ||
        (argc > 1 && (argc != 3 || strcmp(argv[1], "-n") || !slice_int(slice_of(argv[2]), 1, PASSES_MAX, &passes))))
        return 2;
    printf("[");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ucum_fault f;
        struct work w = {.a = a, .row = i};
        w.from = ucum_parse(a, slice_of(rows[i].from), &f);
        w.to = ucum_parse(a, slice_of(rows[i].to), &f);
        w.pair = ucum_pair(a, w.from, w.to, UCUM_APART, NULL, &f);
        if (!w.pair || !ucum_number(slice_of(rows[i].limit), &w.limit))
            return 1;
        printf("%s{\"value\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"parse\":%.1f,\"pair\":%.1f,\"compare\":%.1f,"
               "\"convert\":%.1f,"
               "\"once\":%.1f}",
               i ? "," : "", rows[i].value, rows[i].from, rows[i].to, median(parse, &w, passes),
               median(pair, &w, passes), median(compare, &w, passes), median(convert, &w, passes),
               median(once, &w, passes));
    }
    puts("]");
    return 0;
}
