/* manifest.h -- what a model declares about itself: `lazaret.model/1`, JSON, read into a struct.
 *
 * A manifest says which data the model needs (and in which codes, units, age and range), what it may answer, how it is
 * run and how to see that it works. It is a stranger's text: a field that is not known here is an error, wherever it
 * stands, and every error begins with the JSON pointer of the place and says how to mend it. Numbers are kept as they
 * were written.
 *
 *   key, version, title, targets[], license, intendedUse, contraindications[], regulatory, modelCard, performance[]
 *   population      {age:{min:"18 a",max}, sex[]}             outside it the model is not for this patient
 *   inputs          name -> one of (inputs.def); each may say display, ask (the question that asks a person for it),
 * required Observation {anyOf[{system,code,display,units[],values[],above,range}], unit, accept[], aliases[{from,to}],
 * convert[], values[{system,code,display,value}], enum[], within, count, status[], range:{hard,soft}} or {anyOf[],
 * presence:true, within, count, status[]}: the code in a usable status is enough age
 * {derive:"Patient.birthDate@INPUT.effective", unit:"a", range}    completed years at that sample's time gender
 * {from:"Patient.gender", enum[]} Condition   {from:"Condition", anyOf[{system,code,display,below,part}], present,
 * absent, absence, course} Medication  {from:"Medication", ..the same} groups          [{id,
 * oneOf:[[input..],[input..]]}] one of the alternatives must be complete conditions      [{id, display, ask, anyOf[],
 * role, absence, course}] "excludes": the model is not for a patient who has it; "requires": nor for one who has it not
 * output          {schema, fhir[{resource (results.def), code, value, unit, interpretation, category, component[{code,
 * value, unit}]}]}: values are JSON pointers into the output; without fhir every scalar of it is told
 * runtime {kind, exec[], image, timeout, limits ..}     files, selftest[], signature
 *
 * count is {min, take, decimals, minGap, span}: so many usable samples are needed, at least minGap apart (of those
 * nearer to each other the later counts), the first and the last at least span apart; `take` (takes.def) says which
 * becomes the input. A mean says to how many `decimals` (0 to 12) it is rounded: thirds do not end.
 * absence is what silence means: "assume-absent", or "must-assert": somebody has to say that the patient has it not.
 * course is "active" (has it now) or "ever" (had it at any time: a stroke in the history).
 * below: the code and those below it, where the code itself says so: I50 of ICD-10 is also I50.9.
 * meanPressure: {decimals}: where no usable sample says the mean arterial pressure itself, one that says the systolic
 * and the diastolic pressure as its components does: (systolic + 2 diastolic) / 3, rounded once. Their codes stand in
 * anyOf, too, with "pressure": "systolic" or "diastolic" (and a `range` of their own: the input's is that of the mean).
 * part: the code names a part of what the input means (a TIA, of "stroke or TIA"): present it counts, its being ruled
 * out says nothing of the whole. Ruling out a code that is below another never does. aliases are spellings that are no
 * UCUM code but are understood anyway: {"from":"bpm","to":"/min"}; none unless listed.
 *
 * Units are UCUM codes, and what is in `accept` must convert exactly into `unit`: by UCUM itself (degrees Fahrenheit,
 * kPa), with the molarMass (g/mol) and charge of what is measured (mg/dL and mmol/L), or by an entry in `convert`:
 * {from, ratio:[n,d]}, the exact factor by which a value in `from` becomes one in `unit`, where custom has its own.
 * Counts and moles stay apart.
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
#include "ucum/ucum.h"

enum {
    MANIFEST_BYTES = 1 << 20,
    MANIFEST_INPUTS = 64,
    MANIFEST_CODES = 64,
    MANIFEST_UNITS = 16,
    MANIFEST_SAMPLES = 64,
    MANIFEST_DECIMALS = 12,
    MANIFEST_TARGETS = 16,
    MANIFEST_GROUPS = 16,
    MANIFEST_CONDITIONS = 32,
    MANIFEST_SELFTESTS = 64,
    MANIFEST_EXEC = 16,
    MANIFEST_FILES = 256
};

/* Systems whose codes say themselves which stand below which: I50.9 is below I50. */
#define CODE_TREE "http://hl7.org/fhir/sid/icd-"

struct code {
    struct slice system, code, display;
    uint16_t hash; /* json_hash of the code, to find it quickly */
    bool below;    /* and the codes below it */
    bool part;     /* of a condition: names a part of it, so who has not the part may have the whole */
};

/* A number limit pair; both ends belong to the range. */
struct range {
    bool set;
    struct slice low_text, high_text;
    struct dec low, high;
};

/* A coded answer and the model's word for it. */
struct choice {
    struct slice system, code, display, value;
};

/* What a client writes instead of a UCUM code, and the accepted code it stands for. */
struct alias {
    struct slice from, to;
};

struct unit {
    struct slice code;        /* UCUM, exactly as a client must send it */
    bool same;                /* factor-free */
    struct slice over, under; /* the manifest's own factor: value * over / under, whole numbers of at most 12 digits */
    const struct ucum_pair *pair; /* without one: to the model's unit, exact */
};

enum pressure { PRESSURE_SYSTOLIC, PRESSURE_DIASTOLIC, PRESSURES };

struct input_code {
    struct code code;
    bool part; /* it says the pressure `pressure`, from which the input can be computed, and not the input */
    enum pressure pressure;
    struct slice *units; /* of the accepted ones, those this code may come with; none listed: all */
    size_t units_n;
    struct choice *choice;
    size_t choices;
    bool above; /* a number becomes a word: > limit gives `more`, else `other` */
    struct slice limit_text, more, other;
    struct dec limit;
    struct range hard; /* this code's own; the input's else */
};

enum input_source {
#define SOURCE(name, reader, fields, what) INPUT_##name,
#include "models/inputs.def"
#undef SOURCE
    INPUT_SOURCES
};
enum take {
#define TAKEN(name, word) TAKE_##name,
#include "models/takes.def"
#undef TAKEN
    TAKES
};
enum obs_status { STATUS_FINAL = 1, STATUS_AMENDED = 2, STATUS_CORRECTED = 4, STATUS_PRELIMINARY = 8 };

struct input {
    struct slice name, display, ask; /* ask: n == 0 when the display will do */
    enum input_source source;
    bool required, coded; /* coded: the model gets a word, not a number */
    bool presence;        /* that the code is there is enough: the model gets what was sent, unchecked */
    struct input_code *code;
    size_t codes;
    struct slice unit; /* the model's; n == 0 for words */
    const struct ucum_unit *ucum;
    struct unit *accept;
    size_t accepts;
    struct alias *alias;
    size_t aliases;
    struct choice *choice;
    size_t choices;
    struct slice *values; /* enum */
    size_t values_n;
    struct slice within; /* ISO 8601; n == 0: any age */
    int64_t within_us;
    uint32_t count; /* samples needed */
    enum take take;
    bool mean_pressure;         /* may be computed from a systolic and a diastolic pressure */
    uint32_t decimals;          /* of a mean of samples, or of pressures */
    struct slice min_gap, span; /* ISO 8601; n == 0: none */
    int64_t min_gap_us, span_us;
    unsigned status; /* bits of enum obs_status */
    struct range hard, soft;
    int age_of;                   /* index of the input whose sample time counts; -1: the time of assessment */
    struct slice present, absent; /* JSON scalars */
    bool must_assert;             /* of conditions and drugs: silence is not "has it not" */
    bool ever;                    /* at any time, not only now */
};

/* An alternative is a set of inputs, bit i for input i. */
struct group {
    struct slice id;
    uint64_t *alternative;
    size_t alternatives;
};

struct condition {
    struct slice id, display, ask;
    struct code *code;
    size_t codes;
    bool must_assert, ever;
    bool requires; /* else it excludes */
};

/* What an output becomes as FHIR, in the order of the manifest. Values are JSON pointers into the output; where one
 * leads nowhere there is nothing to tell. */
enum result_kind {
#define RESULT(name, resource, what) RESULT_##name,
#include "models/results.def"
#undef RESULT
    RESULTS
};
struct output_part { /* of an Observation: a component */
    struct code code;
    struct slice value, unit;
};
struct output_fhir {
    enum result_kind kind;
    struct code code;
    struct slice value, unit, interpretation; /* n == 0: none */
    struct slice category;                    /* a code of HL7's observation-category; n == 0: none */
    struct output_part *component;
    size_t components;
};

struct runtime {
    struct slice *exec;
    size_t exec_n;
    struct slice image;
    bool warm, deterministic, microvm;
    bool reuse; /* it answers line after line, and may serve one client's jobs one after the other; only with warm */
    bool files; /* kind: the request and the answer are files (sandbox.h), not lines */
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
