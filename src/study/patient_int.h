/* patient_int.h -- a patient's parts: each sealed by itself, each of one entity of the policy. */
#ifndef STUDY_PATIENT_INT_H
#define STUDY_PATIENT_INT_H

#include "study/patient.h"
#include "study/study_int.h"

enum patient_part { PART_DETAIL, PART_GENERAL, PART_FINDING, PART_NOTE, PART_PLAIN, PARTS };
enum patient_kind { KIND_TEXT, KIND_DAY, KIND_SEX, KIND_FISCAL };

struct patient_field_row {
    const char *name, *shows;
    enum patient_part part;
    enum patient_kind kind;
    bool must;
    size_t most;
};
const struct patient_field_row *patient_field_row(enum patient_field f);

/* The part's fields as the JSON that is sealed, and back. A part without any field is empty. */
struct slice patient_part_text(const struct patient *p, enum patient_part part, struct arena *a);
int patient_part_take(struct slice text, enum patient_part part, enum view view, struct arena *a, struct patient *ret,
                      struct err *e);

#endif
