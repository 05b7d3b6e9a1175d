/* metrics.h -- the metrics of this process as Prometheus text (version 0.0.4). */
#ifndef TELEMETRY_METRICS_H
#define TELEMETRY_METRICS_H

#include "base/buf.h"

void metrics_write(struct buf *b);

#endif
