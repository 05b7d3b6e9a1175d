/* negotiate_int.h -- the index over a Bundle and the steps of a negotiation; shared by the files of negotiate/. */
#ifndef NEGOTIATE_NEGOTIATE_INT_H
#define NEGOTIATE_NEGOTIATE_INT_H

#include "negotiate/negotiate.h"

struct coding {
    struct slice system, code;
    uint16_t hash;
};

struct patient {
    uint32_t entry, node;
    struct slice id, url;
};

/* Whom a resource is about: one of the Bundle's Patients, else the reference as it stands. */
enum subject_kind { SUBJECT_NONE, SUBJECT_OTHER, SUBJECT_PATIENT, SUBJECT_REFERENCE };
struct subject {
    enum subject_kind kind;
    size_t patient;
    struct slice reference;
};

/* An Observation, or a component of one (which has its parent's status, time and subject), or a Condition. */
struct fact {
    uint32_t node;
    uint32_t entry;
    int32_t contained, component; /* -1: none */
    uint32_t coding, codings;     /* in index.coding */
    unsigned status;              /* bits of obs_status; 0: not usable */
    struct subject subject;
    int64_t time_us; /* WIRE_NO_TIME: none */
    struct slice time_text;
};

enum verified { VERIFIED_UNKNOWN, VERIFIED_CONFIRMED, VERIFIED_REFUTED, VERIFIED_ERROR };
struct problem { /* a Condition */
    struct fact fact;
    bool active, over; /* clinicalStatus says so */
    enum verified verified;
};

struct index {
    const struct json *j;
    struct arena *a;
    struct patient *patient;
    size_t patients, patient_cap;
    struct fact *fact;
    size_t facts, fact_cap;
    struct problem *problem;
    size_t problems, problem_cap;
    struct coding *coding;
    size_t codings, coding_cap;
};

int index_bundle(struct index *x, uint32_t bundle, struct err *e);
bool index_has_code(const struct index *x, const struct fact *f, const struct code *c);
bool subject_same(const struct subject *x, const struct subject *y);
/* NULL when memory is out. */
const char *index_path(const struct index *x, const struct fact *f);

/* value * over / under, exactly when that ends within 40 digits, else rounded half up to 40. 1, or 0 when it cannot be
 * done. */
int exact_ratio(struct arena *a, struct slice value, struct slice over, struct slice under, struct slice *ret);

/* How far a fact got: the higher the nearer. */
enum step { STEP_SUBJECT, STEP_STATUS, STEP_VALUE, STEP_UNIT, STEP_RANGE, STEP_TIME, STEP_USABLE };

/* Whom the model's data must be about; kind SUBJECT_NONE: not settled yet. */
struct chosen_fact {
    const struct fact *fact; /* NULL: no fact has the code */
    enum step step;
    struct outcome outcome; /* without path */
};

/* The best fact for an Observation input. */
void match_input(const struct index *x, const struct input *in, int64_t at_us, struct chosen_fact *ret);
/* Adds the subjects of all usable facts of the input: *ret becomes the one, or `mixed` true. */
void match_subjects(const struct index *x, const struct input *in, int64_t at_us, struct subject *ret, bool *mixed);

enum presence { PRESENCE_UNKNOWN, PRESENCE_YES, PRESENCE_MAYBE, PRESENCE_NO };
/* YES: active and confirmed; MAYBE: active, not confirmed; NO: refuted or over. *ret_fact is the one that says so. */
enum presence match_condition(const struct index *x, const struct subject *about, const struct code *code, size_t codes,
                              size_t stride, const struct fact **ret_fact);

#endif
