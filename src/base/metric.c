#include "base/metric.h"

atomic_int_fast64_t metric_value[METRIC_COUNT];
struct metric_histogram metric_histogram[HISTOGRAM_COUNT];

void metric_observe(enum histogram h, int64_t us)
{
    int i = 0;
    while (i < METRIC_BUCKETS - 1 && us > (64LL << i))
        i++;
    atomic_fetch_add_explicit(&metric_histogram[h].bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric_histogram[h].sum_us, (uint64_t)(us > 0 ? us : 0), memory_order_relaxed);
}
