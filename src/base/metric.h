/* metric.h -- counters and histograms anybody may bump; telemetry/ prints them. Lock-free; never fails or blocks. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

/* metrics.def: COUNTER(id, name, help), GAUGE(id, name, help), HISTOGRAM(id, name, help) */
enum metric {
#define COUNTER(id, name, help) METRIC_##id,
#define GAUGE(id, name, help)   METRIC_##id,
#define HISTOGRAM(id, name, help)
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_COUNT
};

enum histogram {
#define COUNTER(id, name, help)
#define GAUGE(id, name, help)
#define HISTOGRAM(id, name, help) HISTOGRAM_##id,
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    HISTOGRAM_COUNT
};

enum { METRIC_BUCKETS = 20 }; /* upper bounds 64 us * 2^i; the last is +Inf */

struct metric_histogram {
    atomic_uint_fast64_t bucket[METRIC_BUCKETS], sum_us;
};

extern atomic_int_fast64_t metric_value[METRIC_COUNT];
extern struct metric_histogram metric_histogram[HISTOGRAM_COUNT];

static inline void metric_add(enum metric m, int64_t n)
{
    atomic_fetch_add_explicit(&metric_value[m], n, memory_order_relaxed);
}
void metric_observe(enum histogram h, int64_t us);

#endif
