/* manifest.h -- what a model declares about itself: `lazaret.model/1`, JSON, read into a struct.
 *
 * A manifest says which data the model needs (and in which codes, units, age and range), what it may answer, how it is
 * run and how to see that it works. It is a stranger's text: a field that is not known here is an error, wherever it
 * stands, and every error begins with the JSON pointer of the place and says how to mend it. Numbers are kept as they
 * were written.
 *
 *   key, version, title, targets[], license, intendedUse, contraindications[], regulatory, modelCard, performance[]
 *   population      {age:{min:"18 a",max}, sex[]}             outside it the model is not for this patient
 *   inputs          name -> one of
 *       Observation {anyOf[{system,code,display,units[],values[],above,range}], display, unit, accept[], convert[],
 *                    values[{system,code,value}], enum[], within, status[], range:{hard,soft}, required}
 *                    or {anyOf[], presence:true, within, status[], required}: the code in a usable status is enough
 *       age         {derive:"Patient.birthDate@INPUT.effective", unit:"a", range}     completed years at that sample's
 * time gender      {from:"Patient.gender", enum[]} Condition   {from:"Condition", anyOf[], present, absent, absence} a
 * value for "has it" and "has it not" groups          [{id, oneOf:[[input..],[input..]]}]       one of the alternatives
 * must be complete conditions      [{id, anyOf[], role:"excludes", absence}] the model is not for a patient who has it
 *   output          {schema, fhir[]}     runtime {kind, exec[], image, timeout, limits ..}     files, selftest[],
 * signature
 *
 * A unit in `accept` must be the model's `unit` but for UCUM annotations ({breaths}/min is /min) or have an entry in
 * `convert`: {from, ratio:[n,d]}, the exact factor by which a value in `from` becomes one in `unit`.
 *
 * Knows nothing of patients, storage or sandboxes. Everything lives in the arena and points into `text`, which must
 * outlive the struct. Nothing blocks. */
#ifndef MODELS_MANIFEST_H
#define MODELS_MANIFEST_H

#include "base/arena.h"
#include "base/dec.h"
#include "base/err.h"
#include "base/json.h"
#include "models/schema.h"

enum {
    MANIFEST_BYTES = 1 << 20,
    MANIFEST_INPUTS = 64,
    MANIFEST_CODES = 64,
    MANIFEST_UNITS = 16,
    MANIFEST_TARGETS = 16,
    MANIFEST_GROUPS = 16,
    MANIFEST_CONDITIONS = 32,
    MANIFEST_SELFTESTS = 64,
    MANIFEST_EXEC = 16,
    MANIFEST_FILES = 256
};

struct code {
    struct slice system, code, display;
    uint16_t hash; /* json_hash of the code, to pass over others quickly */
};

/* A number limit pair; both ends belong to the range. */
struct range {
    bool set;
    struct slice low_text, high_text;
    struct dec low, high;
};

/* A coded answer and the model's word for it. */
struct choice {
    struct slice system, code, value;
};

struct unit {
    struct slice code;        /* UCUM, exactly as a client must send it */
    bool same;                /* factor-free */
    struct slice over, under; /* else: value * over / under, whole numbers of at most 12 digits */
};

struct input_code {
    struct code code;
    struct slice *units; /* of the accepted ones, those this code may come with; none listed: all */
    size_t units_n;
    struct choice *choice;
    size_t choices;
    bool above; /* a number becomes a word: > limit gives `more`, else `other` */
    struct slice limit_text, more, other;
    struct dec limit;
    struct range hard; /* this code's own; the input's else */
};

enum input_source { INPUT_OBSERVATION, INPUT_AGE, INPUT_GENDER, INPUT_CONDITION };
enum obs_status { STATUS_FINAL = 1, STATUS_AMENDED = 2, STATUS_CORRECTED = 4, STATUS_PRELIMINARY = 8 };

struct input {
    struct slice name, display;
    enum input_source source;
    bool required, coded; /* coded: the model gets a word, not a number */
    bool presence;        /* that the code is there is enough: the model gets what was sent, unchecked */
    struct input_code *code;
    size_t codes;
    struct slice unit; /* the model's; n == 0 for words */
    struct unit *accept;
    size_t accepts;
    struct choice *choice;
    size_t choices;
    struct slice *values; /* enum */
    size_t values_n;
    struct slice within; /* ISO 8601; n == 0: any age */
    int64_t within_us;
    unsigned status; /* bits of enum obs_status */
    struct range hard, soft;
    int age_of;                   /* index of the input whose sample time counts; -1: the time of assessment */
    struct slice present, absent; /* JSON scalars */
    bool must_assert;             /* of conditions: silence is not "has it not" */
};

/* An alternative is a set of inputs, bit i for input i. */
struct group {
    struct slice id;
    uint64_t *alternative;
    size_t alternatives;
};

struct condition {
    struct slice id, display;
    struct code *code;
    size_t codes;
    bool must_assert;
};

struct output_fhir {
    struct slice resource, value, unit, interpretation; /* value and interpretation: JSON pointers into the output */
    struct code code;
};

struct runtime {
    struct slice *exec;
    size_t exec_n;
    struct slice image;
    bool warm, deterministic, microvm;
    int64_t timeout_us, start_timeout_us;
    int64_t cpu, memory_mib, pids, tmp_mib, output_kib;
};

struct file_claim { /* what the manifest says of a file of the pack; pack.c holds it against the file */
    struct slice path, sha256, mode;
    int64_t size; /* -1: not said */
};

struct selftest {
    struct slice name;
    uint32_t inputs, expect; /* nodes of the manifest's tape */
};

struct manifest {
    struct json json; /* the whole, as a tape */
    struct slice key, version, title, license, intended_use, regulatory_status, card, card_sha256;
    struct slice *targets, *contraindications, *sex;
    size_t targets_n, contraindications_n, sex_n;
    int age_min, age_max; /* years; -1: no limit */
    bool scored;          /* a performance entry gives a confidence interval */
    struct dec score;     /* its lower end */
    struct input *input;
    size_t inputs;
    struct group *group;
    size_t groups;
    struct condition *condition;
    size_t conditions;
    struct schema *schema;
    struct output_fhir *fhir;
    size_t fhir_n;
    struct runtime runtime;
    struct file_claim *file;
    size_t files;
    struct selftest *selftest;
    size_t selftests;
    bool has_signature;
    struct slice signature_key, signature; /* keyId, sig */
};

/* 0, or -1: ERR_BAD_JSON, ERR_BAD_REQUEST (detail: pointer and sentence), ERR_NO_MEMORY. */
int manifest_parse(struct arena *a, struct slice text, struct manifest *ret, struct err *e);

/* Does `target` name this model: its key or one of its targets? */
bool manifest_serves(const struct manifest *m, struct slice target);
/* The index of an input, or -1. */
int manifest_find_input(const struct manifest *m, struct slice name);
/* The accepted unit of this code, or NULL. */
const struct unit *manifest_unit(const struct input *in, struct slice code);

#endif
