/* wire.h -- the `stdio-json` contract with a model: one JSON line in, one JSON line out.
 *
 *   in   {"id":ID,"inputs":{NAME:{"v":value,"u":unit,"t":time}},"patient":{"age":67,"sex":"female"},"deadline_ms":2000}
 *   out  {"id":ID,"progress":0.5}                                 at most WIRE_PROGRESSES, before the answer
 *        {"id":ID,"output":{..}}  or  {"id":ID,"error":{"code","message"?,"retry"?}}         exactly one
 *
 * By the contract `files` the same two objects are each a file, and the answer may take several lines.
 *
 * The request holds validated, converted scalars and the times of the samples, and nothing that names the patient:
 * there is no field for a name, an identifier or a reference. Pure; everything lives in the arena. Nothing blocks. */
#ifndef MODELS_WIRE_H
#define MODELS_WIRE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "models/schema.h"

#define WIRE_NO_TIME INT64_MIN
enum {
    WIRE_ID = 64,
    WIRE_CODE = 40,
    WIRE_MESSAGE = 256,
    WIRE_LINE = 4 << 20,
    WIRE_PROGRESS = 256,   /* bytes of a line that reports progress */
    WIRE_PROGRESSES = 1000 /* such lines of a run */
};

struct wire_input {
    struct slice name;
    struct slice value; /* JSON scalar text: a number as written, or a string with its quotes */
    struct slice unit;  /* n == 0: none */
    int64_t time_us;    /* of the sample, or WIRE_NO_TIME */
};

struct wire_request {
    struct slice id; /* 1..WIRE_ID of A-Z a-z 0-9 - _; chosen afresh for each run */
    const struct wire_input *input;
    size_t inputs;
    int age;          /* completed years, -1: not told */
    struct slice sex; /* n == 0: not told */
    uint32_t deadline_ms;
};

/* The line with its newline. */
int wire_request(struct arena *a, const struct wire_request *q, struct slice *ret, struct err *e);

enum wire_end {
    WIRE_OUTPUT,         /* output: the object's exact text, which the schema allows */
    WIRE_MODEL_ERROR,    /* the model says why it cannot; code, message, retry */
    WIRE_OUTPUT_INVALID, /* an output the schema does not allow */
    WIRE_TOO_LARGE,      /* more bytes than the manifest allows */
    WIRE_PROTOCOL        /* anything else: not JSON, another id, a second answer, text behind it, no answer */
};

struct wire_answer {
    enum wire_end end;
    struct slice output, code, message;
    bool retry;
    struct slice progress; /* the last one reported, number text; n == 0: none */
    const char *why; /* a sentence for the vendor when end is not WIRE_OUTPUT; no value of the output stands in it */
};

/* Judges the whole stdout of one run; `file`: that is one object. 0 and *ret, whatever the program wrote; -1: out of
 * memory. `schema` may be NULL. `max` bytes are allowed in all. ret->output points into `out`. */
int wire_judge(struct arena *a, struct slice out, bool file, struct slice id, const struct schema *schema, size_t max,
               struct wire_answer *ret, struct err *e);

/* Is this line, without its newline, a report of progress in this run? *ret is it in whole percent, rounded down. For
 * who looks on while the program runs; wire_judge judges it all the same. Takes some KiB of the arena. */
bool wire_progress(struct arena *a, struct slice line, struct slice id, int *ret);

const char *wire_end_name(enum wire_end end); /* "OUTPUT_INVALID" */

#endif
