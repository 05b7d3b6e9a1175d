/* steps.h -- steps of the study, each with memory, writes and commits failing at every point: what was done is in the audit log, what
 * is not in it was not done, nobody is shown without an entry, and the same step then goes on without anybody's help. */
#ifndef FAULT_STEPS_H
#define FAULT_STEPS_H

#include "fault.h"
#include "house.h"

struct step {
    const char *name;
    const char *done; /* SQL of a number: how often the row says that it was done */
    bool looks;       /* it may be in the log when it was not answered */
};
struct steps {
    struct house *house;
    const struct step *step;
    int n;
    long points;                                             /* tried of each kind of fault, in each step */
    void (*lead_to)(int step);                               /* as far as the step needs it, without faults */
    int (*take)(int step, struct arena *a, struct err *ret); /* 0, or -1 */
};
/* The tests, with setup and teardown of the house; what main returns. */
int steps_run(const struct steps *s, CMFixtureFunction open, CMFixtureFunction raze);

#endif
