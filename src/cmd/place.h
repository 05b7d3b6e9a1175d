/* place.h -- a folder of models that lasts as long as one command. */
#ifndef CMD_PLACE_H
#define CMD_PLACE_H

#include "base/err.h"

struct place {
    char path[64]; /* "" until it is made */
};

/* Below $TMPDIR, or /tmp. Everybody may pass through it, because models run as users of their own. */
int place_make(struct place *ret, struct err *e);
void place_remove(struct place *p); /* with all that is in it */

#endif
