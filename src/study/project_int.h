/* project_int.h -- a project, from within a transaction that reads its cohort. */
#ifndef STUDY_PROJECT_INT_H
#define STUDY_PROJECT_INT_H

#include "study/project.h"
#include "study/study_int.h"

/* Who a project is as a holder of aliases. */
enum { PROJECT_HOLDER_TEXT = 48 };
char *project_holder(const uint8_t id[16], char out[PROJECT_HOLDER_TEXT]);

/* In a body, before any gate: the caller's own project, approved, not over, which asked for these data. Whoever ends it
 * meanwhile waits for this body, or this one fails. 1; 0: they have none of this id; -1, ERR_RULE with a sentence: it
 * waits, was refused, is over, or did not ask for them. */
int project_use(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t id[16], unsigned data,
                struct arena *a, struct err *e);

/* The statements of lists: their plans are tested. */
extern const char project_list_own_sql[], project_list_all_sql[], cohort_screenings_sql[], cohort_people_sql[],
    cohort_numbers_sql[], cohort_streams_sql[];

#endif
