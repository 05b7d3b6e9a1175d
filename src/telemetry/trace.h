/* trace.h -- W3C Trace Context: the traceparent of a request, taken or begun, and handed on. */
#ifndef TELEMETRY_TRACE_H
#define TELEMETRY_TRACE_H

#include "base/str.h"

struct trace {
    char parent[56]; /* "00-<32 hex>-<16 hex>-<2 hex>": what is handed on; its span id is ours */
    char id[33];     /* the trace id alone */
};

/* Continues the trace of a valid traceparent header; begins one for anything else. */
void trace_take(struct slice header, struct trace *ret);

#endif
