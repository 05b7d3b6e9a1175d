/* negotiate_int.h -- the index over a Bundle and the steps of a negotiation; shared by the files of negotiate/. */
#ifndef NEGOTIATE_NEGOTIATE_INT_H
#define NEGOTIATE_NEGOTIATE_INT_H

#include "negotiate/ask.h"
#include "negotiate/negotiate.h"

/* --- whom it is about (subject.c) --- */

struct patient {
    uint32_t entry, at, node; /* at: the entry's node */
    int32_t contained;        /* -1: it is an entry's own resource */
    struct slice id, url;
};

/* One of the Bundle's Patients, else the reference as it stands. */
enum subject_kind { SUBJECT_NONE, SUBJECT_OTHER, SUBJECT_PATIENT, SUBJECT_REFERENCE };
struct subject {
    enum subject_kind kind;
    size_t patient;
    struct slice reference;
    bool logical; /* the reference is an identifier, written as a key */
};
bool subject_same(const struct subject *x, const struct subject *y);

/* Resources of one type by what references call them: an address, or TYPE/ID. */
struct name {
    struct slice key;
    bool tail; /* a reference that ends in it, behind a slash, is meant, too */
    uint32_t value, next;
};
struct names {
    struct name *list;
    size_t n, cap;
    uint32_t *bucket; /* index + 1 */
    uint32_t mask;
};

/* --- facts (index.c) --- */

/* A coding of a fact. In a system whose codes tell what stands below what, those above it are there, too. */
struct coding {
    struct slice system, code;
    uint16_t hash;
    bool above;
    uint32_t fact;
    uint32_t next; /* of the same bucket, index + 1; in the Bundle's order */
};

enum fact_kind { FACT_OBSERVATION, FACT_CONDITION, FACT_MEDICATION };
enum fact_when { WHEN_UNSAID, WHEN_NOW, WHEN_OVER, WHEN_PAST };
enum fact_certain { CERTAIN_UNKNOWN, CERTAIN_CONFIRMED, CERTAIN_REFUTED, CERTAIN_ERROR };

/* An Observation or a component of one (which has its parent's status, time and subject), a Condition, a drug, or an
 * answer to a question, which is one of them. */
struct fact {
    enum fact_kind kind;
    uint32_t node, entry, at;           /* at: the entry's node */
    int32_t contained, component, item; /* -1: none */
    unsigned status;                    /* bits of obs_status; 0: not usable */
    enum fact_when when;
    enum fact_certain certain;
    struct subject subject;
    int64_t time_us; /* WIRE_NO_TIME: none */
    struct slice time_text;
    uint32_t tried; /* the last match that is done with it */
    struct {
        uint32_t match;                 /* the one all this is of */
        uint32_t part[PRESSURES];       /* its component that says the pressure, index + 1; 0: none */
        uint16_t code[PRESSURES], more; /* by which code of the input; more: it says one of them twice */
    } pressure;                         /* of an Observation */
};

struct silence { /* somebody says that there is nothing (silence.def) */
    enum input_source of;
    struct fact where;
};

struct index {
    const struct json *j;
    struct arena *a;
    const struct negotiation *q;
    struct patient *patient;
    size_t patients, patient_cap;
    struct names patient_names, patient_identifiers, drug_names;
    uint32_t at;        /* the entry that is read, and: */
    uint32_t holder;    /* of an entry the resource that is read: what "#p" stands in. 0: none */
    bool others_inside; /* without a Patient of its own: contained ones that are not all the same */
    struct fact *fact;
    size_t facts, fact_cap;
    struct coding *coding;
    size_t codings, coding_cap;
    uint32_t *bucket, mask;
    struct silence *silence;
    size_t silences, silence_cap;
    struct fact *born, *sexed; /* answers that say birth date and gender; NULL: none */
    uint32_t matches;
};

int index_bundle(struct index *x, uint32_t bundle, struct err *e);
/* For answer.c. */
int index_add_fact(struct index *x, const struct fact *f);
int index_add_coding(struct index *x, struct slice system, struct slice code);
/* NULL when memory is out. */
const char *index_path(const struct index *x, const struct fact *f);
/* The facts with a code: the first coding, then the next; NULL: none. */
const struct coding *index_find(const struct index *x, const struct code *c);
const struct coding *index_next(const struct index *x, const struct coding *at, const struct code *c);
/* One more element of a list that grows; NULL when memory is out. */
void *index_more(struct arena *a, void *list, size_t n, size_t *cap, size_t size);

int subject_add_patient(struct index *x, uint32_t node, uint32_t entry, struct slice url);
/* The whole Bundle's Patients are known; names and identifiers of theirs can be looked for from now on. */
int subject_ready(struct index *x, uint32_t bundle);
int names_add(struct index *x, struct names *t, const char *type, struct slice id, struct slice url, uint32_t value);
int names_ready(struct index *x, struct names *t);
/* The value of what a reference names, UINT32_MAX: nothing here. */
uint32_t names_find(const struct names *t, struct slice reference);
/* What to call them by in a reference; n == 0: nothing. */
struct slice subject_name(const struct index *x, const struct subject *s);
struct subject subject_read(const struct index *x, uint32_t resource);
struct subject subject_said(const struct index *x, uint32_t node); /* a negotiation's `subject` */

/* A QuestionnaireResponse: its answers as facts (answer.c). */
int answer_read(struct index *x, uint32_t node, uint32_t entry);
/* The code by which an answer to this model's own question is found, whatever codes the input has. */
struct code answer_code(struct arena *a, struct slice model, struct slice name);

/* --- matching (match.c) --- */

/* How far a fact got: the higher the nearer. */
enum step {
#define STEP(name, function, what) STEP_##name,
#include "negotiate/steps.def"
#undef STEP
    STEP_USABLE
};

struct chosen_fact {
    const struct fact *fact; /* NULL: no fact has a code of the input */
    enum step step;
    struct outcome outcome; /* without path */
};

struct usable {
    const struct fact *fact;
    struct outcome out;
};
struct matching {
    struct subject *about; /* of what is usable */
    bool *mixed;
    struct usable *usable; /* kept only where more than the latest counts */
    size_t n, cap;
    struct chosen_fact best;
};
/* How far a fact gets, with what becomes of it. */
enum step match_try(const struct index *x, const struct input *in, const struct input_code *code, const struct fact *f,
                    int64_t at_us, struct outcome *ret);
/* Takes what became of a fact into account. 0; -1: memory is out. */
int match_weigh(struct index *x, const struct input *in, const struct fact *f, enum step step,
                const struct outcome *out, struct matching *m);
/* The same for what is computed from two components of an Observation (pressure.c). */
int match_pressures(struct index *x, const struct input *in, int64_t at_us, struct matching *m);
bool match_outside(const struct range *r, const struct dec *d);

/* The best fact for an Observation input; the subjects of all that are usable go into *about, and *mixed becomes true
 * when they differ. 0; -1: memory is out. */
int match_observation_facts(struct index *x, const struct input *in, int64_t at_us, struct subject *about, bool *mixed,
                            struct chosen_fact *ret);

enum presence { PRESENCE_UNKNOWN, PRESENCE_NO, PRESENCE_MAYBE, PRESENCE_YES };
struct wanted { /* a condition or a drug */
    enum fact_kind kind;
    enum input_source of;
    struct slice model, name;
    const struct code *code;
    size_t codes, stride; /* codes lie in an array of structs of this size, each beginning with its code */
    bool ever;
};
/* YES: said to be so and confirmed; MAYBE: not confirmed; NO: refuted, over, or nothing is known of any. *ret_fact is
 * the one that says so, NULL: the caller said it. */
enum presence match_presence(struct index *x, const struct subject *about, const struct wanted *w,
                             const struct fact **ret_fact);

/* --- judging and choosing --- */

struct judging { /* one model, while it is judged (judge.c) */
    struct index *x;
    struct candidate *c;
    const struct manifest *m;
    const struct fact **fact; /* the one each Observation input came from */
    struct subject about;
    bool mixed;
    struct err *e;
};
/* What a reference calls an entry's resource: "Observation/o1", without an id its full address. n == 0: nothing. */
struct slice resource_name(const struct json *j, uint32_t entry, struct arena *a);
int judge(struct index *x, const struct manifest *m, struct candidate *c, struct err *e);
/* What is missing of a judged candidate, its distance and whether it is ready (missing.c). */
int judge_missing(struct judging *g);
/* For missing.c: completed years now, -1: not known, and the sex; *where is who says it. */
const struct patient *judge_patient(const struct judging *g);
int judge_see(struct judging *g, struct outcome *o, const struct fact *f);
int judge_age_now(const struct judging *g, struct fact *where);
struct slice judge_sex(const struct judging *g, struct fact *where);
enum presence judge_condition(struct judging *g, const struct condition *k, const struct fact **f);

void decision_rank(struct decision *d);
void decision_choose(struct decision *d);
int decision_next(struct arena *a, struct decision *d, struct err *e);
/* The smallest sets that make a candidate ready (missing.c). */
int candidate_sets(struct arena *a, struct candidate *c, struct err *e);

/* value * over / under, exactly when that ends within 40 digits, else rounded half up to 40. 1, or 0 when it cannot be
 * done. */
int exact_ratio(struct arena *a, struct slice value, struct slice over, struct slice under, struct slice *ret);

struct weighed {
    struct slice value; /* JSON number text */
    int weight;
};
/* (sum of weight * value) / by, exactly, and then rounded half away from zero to `decimals`: JSON number text without
 * trailing zeros. by: 1 .. 2^32. 1, or 0 when a number has too many digits. */
int exact_mean(struct arena *a, const struct weighed *v, size_t n, uint64_t by, unsigned decimals, struct slice *ret);

static inline int negotiate_no_memory(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "negotiating");
}

#endif
