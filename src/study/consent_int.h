/* consent_int.h -- consent, as bodies that read or collect data ask for it. */
#ifndef STUDY_CONSENT_INT_H
#define STUDY_CONSENT_INT_H

#include "study/consent.h"
#include "study/study_int.h"

/* The bit a view asks for; 0: it asks for none. */
unsigned consent_asked(enum view view);
/* In a body, before consent is looked at: until its end nobody withdraws. */
int consent_hold(struct tx *tx, struct arena *a, struct err *e);
/* In a body that takes away what others may be reading: until its end nobody holds. */
int consent_hold_alone(struct tx *tx, struct arena *a, struct err *e);
/* In a body behind a gate that shows consent: does somebody's data have this one now? 1, 0, -1. */
int consent_given(struct tx *tx, const struct study *s, const uint8_t data[16], unsigned purpose, struct arena *a,
                  struct err *e);
/* In a body behind a gate that shows consent: may more be collected? 1; 0: it was withdrawn; -1. Holds. */
int consent_collects(struct tx *tx, const struct study *s, const uint8_t data[16], struct arena *a, struct err *e);

#endif
