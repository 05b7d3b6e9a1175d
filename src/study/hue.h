/* hue.h -- the colour that lists show beside somebody: from the number by which the one who looks knows them, so that
 * two roles see two colours and neither says anything to the other. Pure. */
#ifndef STUDY_HUE_H
#define STUDY_HUE_H

#include <stdint.h>

enum { HUE_TEXT = 8 };
char *hue_of(int64_t number, char ret[HUE_TEXT]); /* "#7a40c1"; returns ret */

#endif
