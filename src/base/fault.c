#include "base/fault.h"

#ifdef LAZARET_FAULTS
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long seen[FAULT_KINDS], at[FAULT_KINDS];
static atomic_int stays[FAULT_KINDS];

int fault_hit(enum fault kind)
{
    long n = atomic_load_explicit(&at[kind], memory_order_relaxed);
    long k = atomic_fetch_add_explicit(&seen[kind], 1, memory_order_relaxed) + 1;
    return n && (k == n || (k > n && stays[kind]));
}

void fault_arm(enum fault kind, long n, int sticky)
{
    seen[kind] = 0;
    stays[kind] = sticky;
    at[kind] = n;
}

long fault_count(enum fault kind)
{
    return seen[kind];
}

int fault_switch(const char *name)
{
    const char *on = getenv("LAZARET_FAULT");
    return on && strstr(on, name) != NULL;
}
#else
typedef int fault_is_empty;
#endif
