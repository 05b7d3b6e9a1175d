#include "telemetry/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/own.h"

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void histogram(struct buf *b, const char *name, const char *help, const struct metric_histogram *h)
{
    uint64_t total = 0;
    head(b, name, "histogram", help);
    for (int i = 0; i < METRIC_BUCKETS; i++) {
        total += h->bucket[i];
        if (i < METRIC_BUCKETS - 1)
            buf_printf(b, "%s_bucket{le=\"%.6f\"} %llu\n", name, (double)(64LL << i) / 1e6, (unsigned long long)total);
    }
    buf_printf(b, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)total);
    buf_printf(b, "%s_sum %.6f\n%s_count %llu\n", name, (double)h->sum_us / 1e6, name, (unsigned long long)total);
}

static void process(struct buf *b)
{
    long pages = 0, ignored;
    OWN_FILE FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    head(b, "process_resident_memory_bytes", "gauge", "resident memory");
    buf_printf(b, "process_resident_memory_bytes %lld\n", (long long)pages * sysconf(_SC_PAGESIZE));
}

void metrics_write(struct buf *b)
{
#define COUNTER(id, name, help)                                                                                        \
    head(b, name, "counter", help);                                                                                    \
    buf_printf(b, "%s %lld\n", name, (long long)metric_value[METRIC_##id]);
#define GAUGE(id, name, help)                                                                                          \
    head(b, name, "gauge", help);                                                                                      \
    buf_printf(b, "%s %lld\n", name, (long long)metric_value[METRIC_##id]);
#define HISTOGRAM(id, name, help) histogram(b, name, help, &metric_histogram[HISTOGRAM_##id]);
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    process(b);
}
