/* validate.c -- how fast are reading and validating: VALIDATE [-n RUNS] FILE...
 *
 * For all the files together: MB/s and microseconds a document, the median of RUNS passes (21), of a plain pass over the
 * bytes, of json_parse alone, of validation of parsed documents alone, and of both. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "fhir/fhir.h"

enum { PASSES_MAX = 1001 };

struct doc {
    char *text;
    size_t n;
};

enum what { BYTES, PARSE, VALIDATE, BOTH, WHATS };

static volatile uint64_t sink;

static uint64_t sum_bytes(const struct doc *d)
{
    uint64_t sum = 0, w;
    for (size_t i = 0; i + 8 <= d->n; i += 8)
        sum += (memcpy(&w, d->text + i, 8), w);
    return sum;
}

/* Microseconds for one document; only the part that `what` names is timed. */
static double one(const struct doc *d, enum what what)
{
    OWN_ARENA struct arena *a = arena_new(((size_t)1 << 26) + 32 * d->n);
    struct json j;
    struct json_fault f;
    struct fhir_report r;
    struct err e;
    int64_t start = clock_mono_us();
    if (what == BYTES) {
        sink += sum_bytes(d);
        return (double)(clock_mono_us() - start);
    }
    if (json_parse(a, (struct slice){d->text, d->n}, &j, &f))
        return 0;
    int64_t parsed = clock_mono_us();
    if (what == PARSE)
        return (double)(parsed - start);
    if (fhir_validate(&j, 0, NULL, a, 100, &r, &e))
        return 0;
    sink += r.errors;
    return (double)(clock_mono_us() - (what == VALIDATE ? parsed : start));
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void measure(const struct doc *doc, size_t docs, size_t bytes, enum what what, int passes)
{
    static const char *const names[] = {"plain read", "json_parse", "validate", "parse + validate"};
    static double us[PASSES_MAX];
    for (int i = 0; i < passes; i++) {
        us[i] = 0;
        for (size_t k = 0; k < docs; k++)
            us[i] += one(&doc[k], what);
    }
    qsort(us, (size_t)passes, sizeof *us, by_value);
    double median = us[passes / 2] > 0 ? us[passes / 2] : 1;
    printf("%-18s %8.0f MB/s %10.2f us a document\n", names[what], (double)bytes / median, median / (double)docs);
}

int main(int argc, char **argv)
{
    int first = argc > 2 && !strcmp(argv[1], "-n") ? 3 : 1, passes = first == 3 ? atoi(argv[2]) : 21;
    struct doc *doc = calloc((size_t)argc, sizeof *doc);
    size_t docs = 0, bytes = 0;
    if (!doc || first >= argc || passes < 1 || passes > PASSES_MAX)
        return fprintf(stderr, "usage: validate [-n RUNS] FILE...\n"), 2;
    for (int i = first; i < argc; i++) {
        OWN_FILE FILE *f = fopen(argv[i], "rb");
        struct doc d = {NULL, 0};
        if (!f || fseek(f, 0, SEEK_END) || (d.n = (size_t)ftell(f), rewind(f), !(d.text = malloc(d.n + 1))) || fread(d.text, 1, d.n, f) != d.n)
            return fprintf(stderr, "cannot read %s\n", argv[i]), 2;
        doc[docs++] = d;
        bytes += d.n;
    }
    printf("%zu documents, %.2f MB\n", docs, (double)bytes / 1e6);
    for (enum what w = BYTES; w < WHATS; w++)
        measure(doc, docs, bytes, w, passes);
    while (docs)
        free(doc[--docs].text);
    free(doc);
    arena_thread_end();
    return 0;
}
