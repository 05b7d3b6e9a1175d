/* validate.c -- how fast are reading and validating: VALIDATE [-n RUNS] FILE...
 *
 * For all the files together: MB/s and microseconds a document, the median of RUNS passes (21), of a plain pass over
 * the bytes, of json_parse, and of json_parse with fhir_validate; validation alone is their difference. Each document
 * has its arena, which is part of the time, as it is of a request. Time is that of the processor, so a busy machine
 * disturbs little. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "fhir/fhir.h"

enum { PASSES_MAX = 1001 };

struct doc {
    char *text;
    size_t n;
};

enum what { BYTES, PARSE, BOTH, WHATS };

static volatile uint64_t sink;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t sum_bytes(const struct doc *d)
{
    uint64_t sum = 0, w;
    for (size_t i = 0; i + 8 <= d->n; i += 8)
        sum += (memcpy(&w, d->text + i, 8), w);
    return sum;
}

static void one(const struct doc *d, enum what what)
{
    struct json j;
    struct json_fault f;
    struct fhir_report r;
    struct err e;
    if (what == BYTES) {
        sink += sum_bytes(d);
        return;
    }
    OWN_ARENA struct arena *a = arena_new(((size_t)1 << 26) + 32 * d->n);
    if (!a || json_parse(a, (struct slice){d->text, d->n}, &j, &f))
        return;
    if (what == BOTH && fhir_validate(&j, 0, &(struct fhir_ask){.max_issues = 100}, a, &r, &e) == 0)
        sink += r.errors;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void print(const char *name, size_t bytes, double us, size_t docs)
{
    printf("%-18s %8.0f MB/s %10.2f us a document\n", name, (double)bytes / (us > 0 ? us : 1), us / (double)docs);
}

/* The median pass, in microseconds. Small inputs are repeated within a pass, for the clock's sake. */
static double measure(const struct doc *doc, size_t docs, size_t bytes, enum what what, int passes)
{
    static double us[PASSES_MAX];
    size_t times = bytes < 1000000 ? 1000000 / (bytes + 1) + 1 : 1;
    for (int i = 0; i < passes; i++) {
        double start = now_us();
        for (size_t t = 0; t < times; t++)
            for (size_t k = 0; k < docs; k++)
                one(&doc[k], what);
        us[i] = (now_us() - start) / (double)times;
    }
    qsort(us, (size_t)passes, sizeof *us, by_value);
    return us[passes / 2];
}

int main(int argc, char **argv)
{
    int first = argc > 2 && !strcmp(argv[1], "-n") ? 3 : 1;
    int64_t passes = 21;
    struct doc *doc = calloc((size_t)argc, sizeof *doc);
    size_t docs = 0, bytes = 0;
    if (!doc || first >= argc || (first == 3 && !slice_int(slice_of(argv[2]), 1, PASSES_MAX, &passes)))
        return fprintf(stderr, "usage: validate [-n RUNS] FILE...\n"), 2;
    for (int i = first; i < argc; i++) {
        OWN_FILE FILE *f = fopen(argv[i], "rb");
        struct doc d = {NULL, 0};
        if (!f || fseek(f, 0, SEEK_END) || (d.n = (size_t)ftell(f), rewind(f), !(d.text = malloc(d.n + 1))) ||
            fread(d.text, 1, d.n, f) != d.n)
            return fprintf(stderr, "cannot read %s\n", argv[i]), 2;
        doc[docs++] = d;
        bytes += d.n;
    }
    printf("%zu documents, %.2f MB\n", docs, (double)bytes / 1e6);
    double us[WHATS];
    for (enum what w = BYTES; w < WHATS; w++)
        us[w] = measure(doc, docs, bytes, w, (int)passes);
    print("plain read", bytes, us[BYTES], docs);
    print("json_parse", bytes, us[PARSE], docs);
    print("validate", bytes, us[BOTH] - us[PARSE], docs);
    print("parse + validate", bytes, us[BOTH], docs);
    while (docs)
        free(doc[--docs].text);
    free(doc);
    arena_thread_end();
    return 0;
}
