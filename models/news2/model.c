/* NEWS2 as a stdio-json model: one JSON line in, one JSON line out, until the input ends.
 *
 * A sample, not for clinical use; see card.md. Numbers are read from their decimal text into integers (temperature in
 * tenths of a degree), rounded half up, so that no binary fraction ever decides a point. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1 << 16, DEPTH = 32, DIGITS = 48 };

/* --- just enough JSON: skip a value, find a member --- */

static const char *space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
        p++;
    return p;
}

static const char *skip_string(const char *p) /* p at the quote; NULL when it does not end */
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && !*++p)
            return NULL;
    return *p ? p + 1 : NULL;
}

static const char *skip(const char *p, int depth)
{
    p = space(p);
    if (*p == '"')
        return skip_string(p);
    if (*p != '{' && *p != '[') {
        const char *from = p;
        while (*p && !strchr(",]} \t\r\n", *p))
            p++;
        return p > from ? p : NULL;
    }
    char close = *p == '{' ? '}' : ']';
    if (depth == DEPTH)
        return NULL;
    p = space(p + 1);
    while (*p != close) {
        if (close == '}') {
            if (*p != '"' || !(p = skip_string(p)))
                return NULL;
            p = space(p);
            if (*p++ != ':')
                return NULL;
        }
        if (!(p = skip(p, depth + 1)))
            return NULL;
        p = space(p);
        if (*p == ',')
            p = space(p + 1);
        else if (*p != close)
            return NULL;
    }
    return p + 1;
}

/* The value of `key` in the object at p, or NULL. Keys of the contract have no escapes. */
static const char *member(const char *p, const char *key)
{
    size_t n = strlen(key);
    if (!p || *(p = space(p)) != '{')
        return NULL;
    p = space(p + 1);
    while (*p == '"') {
        bool here = strncmp(p + 1, key, n) == 0 && p[n + 1] == '"';
        if (!(p = skip_string(p)))
            return NULL;
        p = space(p);
        if (*p++ != ':')
            return NULL;
        p = space(p);
        if (here)
            return p;
        if (!(p = skip(p, 0)))
            return NULL;
        p = space(p);
        if (*p == ',')
            p = space(p + 1);
    }
    return NULL;
}

/* --- the inputs --- */

static const char *value(const char *inputs, const char *name)
{
    return member(member(inputs, name), "v");
}

/* The number at p times 10^places, rounded half up; false when it is no number of 0 to 100000. */
static bool number(const char *p, int places, long *ret)
{
    char digit[DIGITS];
    long n = 0, point = -1;
    if (!p || *p < '0' || *p > '9') /* none of the inputs can be negative */
        return false;
    for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
        if (*p == '.')
            point = n;
        else if (n < DIGITS)
            digit[n++] = *p;
        else if (point < 0)
            return false;
    }
    if (point < 0)
        point = n;
    if (*p == 'e' || *p == 'E') {
        char *end;
        long e = strtol(p + 1, &end, 10);
        if (end == p + 1 || e < -400 || e > 400)
            return false;
        point += e;
    }
    long keep = point + places, v = 0;
    for (long i = 0; i < keep; i++) {
        v = v * 10 + (i < n ? digit[i] - '0' : 0);
        if (v > 1000000)
            return false;
    }
    if (keep >= 0 && keep < n && digit[keep] >= '5')
        v++;
    *ret = v;
    return true;
}

static bool is_word(const char *p, const char *word)
{
    size_t n = strlen(word);
    return p && *p == '"' && strncmp(p + 1, word, n) == 0 && p[n + 1] == '"';
}

struct vitals {
    long rr, spo2, sbp, pulse, temp; /* temp in tenths */
    long scale;
    bool oxygen, alert;
};

static bool read_vitals(const char *in, struct vitals *v)
{
    const char *o2 = value(in, "o2"), *acvpu = value(in, "acvpu"), *scale = value(in, "scale");
    v->scale = 1;
    if (scale && !number(scale, 0, &v->scale))
        return false;
    v->oxygen = is_word(o2, "oxygen");
    v->alert = is_word(acvpu, "A");
    return number(value(in, "rr"), 0, &v->rr) && number(value(in, "spo2"), 0, &v->spo2) &&
           number(value(in, "sbp"), 0, &v->sbp) && number(value(in, "pulse"), 0, &v->pulse) &&
           number(value(in, "temp"), 1, &v->temp) && (v->scale == 1 || v->scale == 2) &&
           (v->oxygen || is_word(o2, "air")) &&
           (v->alert || is_word(acvpu, "C") || is_word(acvpu, "V") || is_word(acvpu, "P") || is_word(acvpu, "U"));
}

/* --- the chart --- */

struct step {
    long most; /* up to and including */
    int points;
};

static int look(const struct step *s, long v)
{
    while (v > s->most)
        s++;
    return s->points;
}

enum { ANY = 0x7fffffff };
static const struct step chart_rr[] = {{8, 3}, {11, 1}, {20, 0}, {24, 2}, {ANY, 3}};
static const struct step chart_spo2[] = {{91, 3}, {93, 2}, {95, 1}, {ANY, 0}};
static const struct step chart_spo2_air[] = {{83, 3}, {85, 2}, {87, 1}, {ANY, 0}};
static const struct step chart_spo2_oxygen[] = {{83, 3}, {85, 2}, {87, 1}, {92, 0}, {94, 1}, {96, 2}, {ANY, 3}};
static const struct step chart_sbp[] = {{90, 3}, {100, 2}, {110, 1}, {219, 0}, {ANY, 3}};
static const struct step chart_pulse[] = {{40, 3}, {50, 1}, {90, 0}, {110, 1}, {130, 2}, {ANY, 3}};
static const struct step chart_temp[] = {{350, 3}, {360, 1}, {380, 0}, {390, 1}, {ANY, 2}};

static int points_spo2(const struct vitals *v)
{
    return look(v->scale == 1 ? chart_spo2 : v->oxygen ? chart_spo2_oxygen : chart_spo2_air, v->spo2);
}

static void answer(const char *id, int id_size, const struct vitals *v)
{
    static const char *const name[] = {"rr", "spo2", "o2", "sbp", "pulse", "acvpu", "temp"};
    const int point[] = {
        look(chart_rr, v->rr),       points_spo2(v),   v->oxygen ? 2 : 0,        look(chart_sbp, v->sbp),
        look(chart_pulse, v->pulse), v->alert ? 0 : 3, look(chart_temp, v->temp)};
    int score = 0;
    bool red = false; /* a single parameter of 3 points */
    for (int i = 0; i < 7; i++) {
        score += point[i];
        red |= point[i] == 3;
    }
    const char *risk = score >= 7 ? "high" : score >= 5 ? "medium" : red ? "low-medium" : "low";
    printf("{\"id\":%.*s,\"output\":{\"score\":%d,\"risk\":\"%s\",\"points\":{", id_size, id, score, risk);
    for (int i = 0; i < 7; i++)
        printf("%s\"%s\":%d", i ? "," : "", name[i], point[i]);
    printf("}}}\n");
}

int main(void)
{
    static char line[LINE];
    struct vitals v;
    while (fgets(line, sizeof line, stdin)) {
        const char *end = skip(line, 0), *id = member(line, "id");
        if (!strchr(line, '\n') || !end || *space(end) || !id || *id != '"')
            return 2; /* nothing that could be answered: the gateway sees an exit without an answer */
        int size = (int)(skip_string(id) - id);
        if (read_vitals(member(line, "inputs"), &v))
            answer(id, size, &v);
        else
            printf("{\"id\":%.*s,\"error\":{\"code\":\"UNSUITABLE\",\"message\":\"an input is missing or out of its "
                   "range\",\"retry\":false}}\n",
                   size, id);
        fflush(stdout);
    }
    return 0;
}
