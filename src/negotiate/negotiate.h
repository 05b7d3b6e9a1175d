/* negotiate.h -- a Bundle held against the models of a target: which can run, what each lacks, and what to ask for
 * next.
 *
 * A pure function of a validated Bundle, manifests and the time of assessment: same input, same bytes. It stores
 * nothing, sends nothing, takes no memory but the caller's arena, and its time grows with the Bundle. No value of the
 * patient is written anywhere but into the wire inputs of the chosen model. What it does can be read in tables:
 * models/inputs.def (what inputs are read from), steps.def (what is asked of each fact), reasons.def (why it does not
 * count, and the sentence that says so), ranking.def (which model goes first), policies.def (which run).
 *
 * A fact is an Observation, a component of one, one that is contained in a resource, or the answer to one of our
 * questions (a QuestionnaireResponse in the Bundle; ask.h). It counts for an input when one of its codings is in the
 * input's any-of list, system and code exactly equal, and it passes steps.def. A time of low precision counts as its
 * first moment, so "today" is inside a window only when all of today is; nothing counts that lies more than
 * NEGOTIATE_AHEAD_US after the assessment. Of several the latest is taken (or what the input's `take` says); at the
 * same moment a corrected or amended one before others, then the later in the Bundle.
 *
 * The patient is the Bundle's one Patient; what is about another is `wrong-subject`. In a Bundle with none or several,
 * all usable facts must be about the same one, else each is `mixed-subjects`. A resource that names no subject, as R4
 * lets it, is about the Bundle's one patient; among several it is about nobody: `wrong-subject`. Whom a reference, an
 * identifier or a contained Patient names: subject.c.
 *
 * A condition or drug is present when it is said to be so now (or ever, with course "ever") and confirmed; a Condition
 * without a status is (docs/models.md). It is asserted absent by a refuted or ended Condition, a drug not taken, an
 * answer "no", a list that is empty because nothing is known (silence.def), or by the caller (negotiation.absent: a CDS
 * client that asked and found nothing). The last two never count against one that is there and may be so.
 * What excludes the patient counts already while it is unconfirmed: what widens a model's use needs more proof than
 * what narrows it. */
#ifndef NEGOTIATE_NEGOTIATE_H
#define NEGOTIATE_NEGOTIATE_H

#include "models/manifest.h"
#include "models/wire.h"

#define NEGOTIATE_AHEAD_US (300 * 1000000LL)
enum { NEGOTIATE_NEXT = 3, NEGOTIATE_SETS = 8, NEGOTIATE_MODELS = 64 };

enum negotiate_policy {
#define POLICY(name, word, what) NEGOTIATE_##name,
#include "negotiate/policies.def"
#undef POLICY
    NEGOTIATE_POLICIES
};
const char *policy_name(enum negotiate_policy p);                 /* "best-ready" */
bool policy_named(struct slice word, enum negotiate_policy *ret); /* false: there is none of that name */

enum reason {
    REASON_NONE,
#define REASON(name, code, issue, curable, sentence) REASON_##name,
#include "negotiate/reasons.def"
#undef REASON
    REASON_COUNT
};
const char *reason_name(enum reason r);  /* "unit-not-convertible" */
const char *reason_issue(enum reason r); /* of FHIR's issue-type: "value" */
bool reason_curable(enum reason r);

/* The resource that counted, or the nearest that did not. Never its value. */
struct sighting {
    const char *path;  /* FHIRPath; NULL: none */
    uint32_t entry;    /* of the Bundle; with a path */
    uint32_t at;       /* its node in the document */
    int64_t time_us;   /* WIRE_NO_TIME: it has none */
    const char *note;  /* a sentence that says more than the reason; NULL: none */
    struct slice unit; /* as it came, when that is a word of at most 20 ASCII characters */
};

/* What became of one input of a model. */
struct outcome {
    bool found;
    bool soft; /* outside the soft range: usable, to be flagged */
    enum reason reason;
    uint32_t samples; /* how many count */
    struct sighting seen;
    const uint32_t *others; /* of a mean: the entries of all its samples */
    size_t others_n;
    struct slice value, unit; /* when found: JSON scalar text in the model's unit */
    int64_t time_us;
};

struct missing {
    const struct input *input;         /* NULL: of the population, or: */
    const struct condition *condition; /* of a condition that excludes or is required */
    struct slice name, system, code, display;
    struct slice group; /* of the group whose nearest alternative this completes; n == 0: none */
    bool mandatory;
    enum reason reason;
    uint32_t samples; /* how many count */
    struct sighting seen;
};

struct candidate {
    const struct manifest *model;
    struct outcome *outcome; /* an input each, in the manifest's order */
    struct missing *missing; /* mandatory first, each part in the manifest's order */
    size_t missings;
    uint32_t distance; /* missing mandatory inputs, groups, and conditions and limits of population that do not fit */
    int declared;      /* the operator's rank */
    uint32_t rank;     /* from 1 */
    const char *behind_by; /* the rule that put it behind the one before it; NULL: it is the first */
    uint32_t optional, optional_found;
    bool ready, fits;
    bool elsewhere;   /* its data are about somebody else than the caller says */
    bool curable;     /* can more data make it ready? */
    int age;          /* of the `derive` input; -1: not known or not asked for */
    struct slice sex; /* of the `Patient.gender` input */
    struct slice
        subject;   /* what references call whom all is about: "Patient/p1", or as they call them; n == 0: nothing */
    uint64_t *set; /* the smallest sets of inputs that make it ready, bit i for input i; beside them what is missing
                      that is no input is needed in any case */
    size_t sets;   /* at most NEGOTIATE_SETS; 0: it is ready, or nothing helps */
};

struct next_best {
    const struct missing *missing; /* of the best-ranked candidate that lacks it */
    const struct candidate **unlocks;
    size_t unlocks_n;
    uint32_t gain; /* thousandths: 1000 / rank for each model it completes, 100 / rank for each it brings nearer */
};

struct decision {
    const struct json *doc; /* the negotiation's */
    int64_t at_us;
    enum negotiate_policy policy;
    struct candidate *candidate; /* by rank */
    size_t candidates;
    const struct candidate *chosen; /* the best of those that run; NULL: nothing runs */
    const struct candidate **run;   /* all that run, by rank: one, or with NEGOTIATE_ALL_READY more */
    size_t runs;
    const struct candidate *shown;   /* whose missing data are told: the chosen one, else the best */
    const struct candidate *minimal; /* the curable one that lacks least; NULL: none */
    struct next_best *next;
    size_t nexts;   /* at most NEGOTIATE_NEXT */
    bool elsewhere; /* it is about somebody else than the caller says: not to be used */
};

struct negotiation {
    const struct json *doc;
    uint32_t bundle; /* node of a validated Bundle in doc */
    const struct manifest *const *model;
    size_t models;
    const int *rank; /* the operator's, of each; NULL: all the same */
    int64_t at_us;
    enum negotiate_policy policy;
    uint32_t subject; /* node in doc of whom the caller says it is about: a Reference, an Identifier or the text of a
                         reference; 0: not said */
    const struct slice *absent; /* names of inputs and conditions that the caller knows to be absent */
    size_t absents;
};

/* 0; -1: ERR_UNKNOWN_TARGET without models, ERR_NO_MEMORY. *ret points into the arena, the document and the manifests.
 */
int negotiate(struct arena *a, const struct negotiation *q, struct decision *ret, struct err *e);

/* The inputs of a ready candidate for wire_request: fills input, inputs, age and sex of *ret. */
int decision_inputs(struct arena *a, const struct candidate *c, struct wire_request *ret, struct err *e);

/* What a result has to say it is about and came from, kept with the job: {"subject":"Patient/p1","sources":[{"type",
 * "reference"}]}: the Bundle's resources that the candidate's inputs were read from, each once, in its inputs' order;
 * one without an id or a full address has no name, and is left out. `doc` and `bundle` are the negotiation's. */
void candidate_write_about(const struct candidate *c, const struct json *doc, uint32_t bundle, struct arena *a,
                           struct json_out *o);

/* --- telling it, all deterministic --- */

/* The sentence of reasons.def for what is missing, into `b`: "Serum creatinine is not of the last 90 days: ...". */
void missing_sentence(const struct decision *d, const struct missing *m, struct buf *b);

/* A length of time for a person: "35 hours", "90 days". */
void length_say(struct buf *b, int64_t us);

/* A JSON array: what the shown candidate lacks, {code, display, mandatory, system, input, reason, text, group, accepts,
 * seen}; for the client alone: `seen` has the name of the resource, too. */
void decision_write_missing(const struct decision *d, struct json_out *o);
/* A JSON array: {model, version, ready, missing, distance, rank, behind_by, sets, note?}. */
void decision_write_candidates(const struct decision *d, struct json_out *o);
/* A JSON array: {input, code, display, unlocks, score_gain}. */
void decision_write_next_best(const struct decision *d, struct json_out *o);
/* A JSON array: "KEY@VERSION" of what runs. */
void decision_write_runs(const struct decision *d, struct json_out *o);
/* {model, version, inputs}, or null. */
void decision_write_minimal(const struct decision *d, struct json_out *o);
/* The whole, for storing: every candidate, every input with its reason or its source. Paths and times, no values and no
 * names. */
int decision_text(struct arena *a, const struct decision *d, struct slice *ret, struct err *e);
/* The whole, for a person at a terminal. */
int decision_say(struct arena *a, const struct decision *d, struct slice *ret, struct err *e);

#endif
