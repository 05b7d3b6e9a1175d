#include "models/wire.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/dec.h"

static bool is_id(struct slice s)
{
    if (s.n == 0 || s.n > WIRE_ID)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static void put_input(struct json_out *o, const struct wire_input *in)
{
    char time[CLOCK_TEXT];
    json_put(o, in->name);
    buf_byte(o->buf, ':');
    o->comma = false;
    json_open(o, '{');
    json_pair_raw(o, "v", in->value);
    if (in->unit.n)
        json_pair(o, "u", in->unit);
    if (in->time_us != WIRE_NO_TIME)
        json_pair_str(o, "t", clock_text(in->time_us, time));
    json_close(o, '}');
}

int wire_request(struct arena *a, const struct wire_request *q, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(a, WIRE_LINE);
    struct json_out o = json_out(&b);
    if (!is_id(q->id))
        return err_set(e, ERR_INTERNAL, "a request id of letters, digits, - and _ is needed");
    json_open(&o, '{');
    json_pair(&o, "id", q->id);
    json_key(&o, "inputs");
    json_open(&o, '{');
    for (size_t i = 0; i < q->inputs; i++)
        put_input(&o, &q->input[i]);
    json_close(&o, '}');
    json_key(&o, "patient");
    json_open(&o, '{');
    if (q->age >= 0)
        json_pair_int(&o, "age", q->age);
    if (q->sex.n)
        json_pair(&o, "sex", q->sex);
    json_close(&o, '}');
    json_pair_int(&o, "deadline_ms", q->deadline_ms);
    json_close(&o, '}');
    buf_byte(&b, '\n');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "writing the request to a model");
    *ret = buf_text(&b);
    return 0;
}

/* --- the answer --- */

struct judge {
    struct arena *a;
    struct slice id;
    const struct schema *schema;
    struct wire_answer *ret;
    bool answered;
    int progresses;
    int result; /* -1: out of memory */
};

static bool fault(struct judge *g, enum wire_end end, const char *why)
{
    *g->ret = (struct wire_answer){.end = end, .why = why, .progress = g->ret->progress};
    return false;
}

static bool no_memory(struct judge *g)
{
    g->result = -1;
    return false;
}

static bool is_share(const struct json *j, uint32_t v)
{
    struct dec d, zero, one;
    dec_parse(SLICE("0"), &zero);
    dec_parse(SLICE("1"), &one);
    return json_kind(j, v) == JSON_NUMBER && dec_parse(json_raw(j, v), &d) && dec_cmp(&d, &zero) >= 0 &&
           dec_cmp(&d, &one) <= 0;
}

static bool read_progress(struct judge *g, const struct json *j, uint32_t v)
{
    if (!is_share(j, v))
        return fault(g, WIRE_PROTOCOL, "'progress' must be a number of 0 to 1");
    if (j->size > WIRE_PROGRESS)
        return fault(g, WIRE_PROTOCOL, "a line of 'progress' has at most 256 bytes");
    if (++g->progresses > WIRE_PROGRESSES)
        return fault(g, WIRE_PROTOCOL, "'progress' is reported at most 1000 times");
    g->ret->progress = json_raw(j, v);
    return true;
}

static bool read_output(struct judge *g, const struct json *j, uint32_t v)
{
    const char *why = NULL;
    if (json_kind(j, v) != JSON_OBJECT)
        return fault(g, WIRE_PROTOCOL, "'output' must be an object");
    int ok = g->schema ? schema_check(g->schema, j, v, g->a, &why) : 1;
    if (ok < 0)
        return no_memory(g);
    if (ok == 0)
        return fault(g, WIRE_OUTPUT_INVALID, why);
    g->ret->end = WIRE_OUTPUT;
    g->ret->output = json_span(j, v);
    return true;
}

static bool is_error_code(struct slice s)
{
    if (s.n == 0 || s.n > WIRE_CODE)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
            return false;
    return true;
}

static bool read_error(struct judge *g, const struct json *j, uint32_t v)
{
    struct slice code = json_get_text(j, v, "code", g->a), message = json_get_text(j, v, "message", g->a);
    uint32_t retry = json_get(j, v, "retry");
    if (!is_error_code(code))
        return fault(g, WIRE_PROTOCOL, "'error' needs a 'code' of at most 40 of A-Z, 0-9 and _");
    if (json_get(j, v, "message") && (!message.p || message.n > WIRE_MESSAGE))
        return fault(g, WIRE_PROTOCOL, "'message' must be a string of at most 256 bytes");
    if (retry && json_kind(j, retry) != JSON_TRUE && json_kind(j, retry) != JSON_FALSE)
        return fault(g, WIRE_PROTOCOL, "'retry' must be true or false");
    g->ret->end = WIRE_MODEL_ERROR;
    g->ret->code = code;
    g->ret->message = message;
    g->ret->retry = retry && json_kind(j, retry) == JSON_TRUE;
    g->ret->why = "the model reported an error";
    return true;
}

static bool read_line(struct judge *g, struct slice line)
{
    struct json *j = TAKE_NEW(g->a, struct json);
    struct json_fault f;
    if (!j)
        return no_memory(g);
    if (json_parse(g->a, line, j, &f))
        return f.what ? fault(g, WIRE_PROTOCOL, "a line is not JSON (NaN and Infinity are not, either)") : no_memory(g);
    uint32_t id = json_get_kind(j, 0, "id", JSON_STRING), output = json_get(j, 0, "output"),
             error = json_get(j, 0, "error");
    uint32_t progress = json_get(j, 0, "progress");
    if (json_kind(j, 0) != JSON_OBJECT || !id)
        return fault(g, WIRE_PROTOCOL, "a line is no object with an 'id'");
    if (!slice_eq(json_text(j, id, g->a), g->id))
        return fault(g, WIRE_PROTOCOL, "a line is for another id than the request's");
    if (j->node[0].len != 2 || !(output || error || progress))
        return fault(g, WIRE_PROTOCOL, "a line holds 'id' and exactly one of 'output', 'error' and 'progress'");
    if (g->answered)
        return fault(g, WIRE_PROTOCOL, "there is more after the answer");
    if (progress)
        return read_progress(g, j, progress);
    g->answered = true;
    return output ? read_output(g, j, output) : read_error(g, j, error);
}

int wire_judge(struct arena *a, struct slice out, bool file, struct slice id, const struct schema *schema, size_t max,
               struct wire_answer *ret, struct err *e)
{
    struct wire_answer answer = {.end = WIRE_PROTOCOL, .why = "the program ended without an answer"};
    unsigned before = arena_failed(a);
    struct judge g = {.a = a, .id = id, .schema = schema, .ret = &answer};
    struct slice rest = out;
    bool good = true;
    if (out.n > max) {
        fault(&g, WIRE_TOO_LARGE, "the program wrote more than its manifest's outputKiB");
        rest.n = 0;
    }
    if (file && rest.n) {
        (void)read_line(&g, rest);
        rest.n = 0;
    }
    while (good && rest.n)
        good = read_line(&g, slice_cut(&rest, '\n'));
    if (g.result || arena_failed(a) != before)
        return err_set(e, ERR_NO_MEMORY, "judging a model's answer");
    *ret = answer;
    return 0;
}

bool wire_progress(struct arena *a, struct slice line, struct slice id, int *ret)
{
    struct json j;
    struct json_fault f;
    if (line.n > WIRE_PROGRESS || json_parse(a, line, &j, &f) || json_kind(&j, 0) != JSON_OBJECT)
        return false;
    uint32_t v = json_get(&j, 0, "progress");
    if (!v || !is_share(&j, v) || !slice_eq(json_get_text(&j, 0, "id", a), id))
        return false;
    char *text = arena_str(a, json_raw(&j, v));
    *ret = text ? (int)(strtod(text, NULL) * 100 + 1e-9) : 0;
    return text != NULL;
}

const char *wire_end_name(enum wire_end end)
{
    static const char *const name[] = {"OUTPUT", "MODEL_ERROR", "OUTPUT_INVALID", "OUTPUT_TOO_LARGE", "PROTOCOL"};
    return name[end];
}
