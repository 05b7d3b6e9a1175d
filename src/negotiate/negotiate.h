/* negotiate.h -- a Bundle held against the models of a target: which can run, what each lacks, and what to ask for
 * next.
 *
 * A pure function of a validated Bundle, manifests and the time of assessment: same input, same bytes. It stores
 * nothing, sends nothing, and writes no value of the patient anywhere but into the wire inputs of the chosen model.
 *
 * An Observation (or a component of one, or one that is contained in a resource) counts for an input when
 *   one of its codings is in the input's any-of list, system and code exactly equal;
 *   it is about the patient;  its status is one the input takes;  it has a value of the kind the input needs, without
 *   comparator and without dataAbsentReason;  its unit is a UCUM code the input accepts with this code;  the value,
 * exactly converted, is in the hard range;  it was taken in the window before the assessment, at most
 * NEGOTIATE_AHEAD_US after it. A time of low precision counts as its first moment, so "today" is inside a window only
 * when all of today is. Of several the latest is taken; at the same moment a corrected or amended one before others,
 * then the later in the Bundle.
 *
 * The patient is the Bundle's one Patient; what is about another is `wrong-subject`. In a Bundle with none or several,
 * all usable Observations must be about the same one, else each is `mixed-subjects`. An Observation that names no
 * subject, as R4 lets it, is about the Bundle's one patient; among several it is about nobody: `wrong-subject`.
 *
 * A Condition read as an input is present when clinically active and confirmed, both said. One that excludes the
 * patient counts already while it is unconfirmed: what widens the model's use needs more proof than what narrows it.
 *
 * Rank: population fits; then the operator's rank, the lowest first; then the lower end of the stated confidence
 * interval (none: last); then the share of optional inputs found; then the smaller timeout * cpu; then key and version
 * by their bytes. What is missing does not change the rank: under NEGOTIATE_BEST the best model runs or the answer says
 * what it lacks; under NEGOTIATE_BEST_READY the best that can run runs. */
#ifndef NEGOTIATE_NEGOTIATE_H
#define NEGOTIATE_NEGOTIATE_H

#include "models/manifest.h"
#include "models/wire.h"

#define NEGOTIATE_AHEAD_US (300 * 1000000LL)

enum negotiate_policy { NEGOTIATE_BEST, NEGOTIATE_BEST_READY };

enum reason {
    REASON_NONE,
    REASON_ABSENT,
    REASON_STALE, /* outside the time window: too old, or in the future */
    REASON_STATUS_NOT_USABLE,
    REASON_NO_VALUE,
    REASON_UNIT_MISSING,
    REASON_UNIT_NOT_CONVERTIBLE,
    REASON_UNIT_CONTRADICTS_CODE,
    REASON_OUT_OF_RANGE, /* outside the hard range, or not decided (a comparator, an unknown coded answer) */
    REASON_TOO_FEW,
    REASON_WRONG_SUBJECT,
    REASON_MIXED_SUBJECTS,
    REASON_TIME_MISSING,
    REASON_NOT_ASSERTED,
    REASON_POPULATION, /* more data does not help: the model is not for this patient */
    REASON_COUNT
};

const char *reason_name(enum reason r); /* "unit-not-convertible" */

/* The nearest resource that did not count (or, of a found input, the one that did). Never its value. */
struct sighting {
    const char *path; /* FHIRPath; NULL: none */
    int64_t time_us;  /* WIRE_NO_TIME: it has none */
    const char *note; /* a static sentence that says more than the reason; NULL: none */
};

/* What became of one input of a model. */
struct outcome {
    bool found;
    bool soft; /* outside the soft range: usable, to be flagged */
    enum reason reason;
    struct sighting seen;
    struct slice value, unit; /* when found: JSON scalar text in the model's unit */
    int64_t time_us;
};

struct missing {
    const struct input *input; /* NULL: of the population or an excluding condition */
    struct slice name, system, code, display;
    struct slice group; /* of the group whose nearest alternative this completes; n == 0: none */
    bool mandatory;
    enum reason reason;
    struct sighting seen;
};

struct candidate {
    const struct manifest *model;
    struct outcome *outcome; /* an input each, in the manifest's order */
    struct missing *missing; /* mandatory first, each part in the manifest's order */
    size_t missings;
    uint32_t distance; /* missing mandatory inputs, groups, and misfits of population */
    int declared;      /* the operator's rank */
    uint32_t rank;     /* from 1 */
    uint32_t optional, optional_found;
    bool ready, fits;
    int age;          /* of the `derive` input; -1: not known or not asked for */
    struct slice sex; /* of the `Patient.gender` input */
};

struct next_best {
    const struct missing *missing; /* of the best-ranked candidate that lacks it */
    const struct candidate **unlocks;
    size_t unlocks_n;
    uint32_t gain; /* thousandths: 1000 / rank for each model it completes, 100 / rank for each it brings nearer */
};

struct decision {
    int64_t at_us;
    enum negotiate_policy policy;
    struct candidate *candidate; /* by rank */
    size_t candidates;
    const struct candidate *chosen;  /* NULL: nothing runs */
    const struct candidate *shown;   /* whose missing data are told: the chosen one, else the best */
    const struct candidate *minimal; /* the curable one that lacks least; NULL: none */
    struct next_best *next;
    size_t nexts; /* at most 3 */
};

struct negotiation {
    const struct json *doc;
    uint32_t bundle; /* node of a validated Bundle in doc */
    const struct manifest *const *model;
    size_t models;
    const int *rank; /* the operator's, of each; NULL: all the same */
    int64_t at_us;
    enum negotiate_policy policy;
};

/* 0; -1: ERR_UNKNOWN_TARGET without models, ERR_NO_MEMORY. *ret points into the arena, the document and the manifests.
 */
int negotiate(struct arena *a, const struct negotiation *q, struct decision *ret, struct err *e);

/* The inputs of a ready candidate for wire_request: fills input, inputs, age and sex of *ret. */
int decision_inputs(struct arena *a, const struct candidate *c, struct wire_request *ret, struct err *e);

/* --- writing, all deterministic --- */

/* A JSON array: what the shown candidate lacks, {code, display, mandatory, system, input, reason, accepts, seen}. */
void decision_write_missing(const struct decision *d, struct json_out *o);
/* A JSON array: {model, version, ready, missing, distance, rank, note?}. */
void decision_write_candidates(const struct decision *d, struct json_out *o);
/* A JSON array: {input, code, unlocks, score_gain}. */
void decision_write_next_best(const struct decision *d, struct json_out *o);
/* {model, version, inputs}, or null. */
void decision_write_minimal(const struct decision *d, struct json_out *o);
/* The whole, for storing: every candidate, every input with its reason or its source. Paths and times, no values. */
int decision_text(struct arena *a, const struct decision *d, struct slice *ret, struct err *e);

#endif
