/* fhirpath_write.c -- items as JSON, and for people. */
#include "fhir/fhirpath_int.h"

static void write_quantity(const struct fhirpath_quantity *q, struct json_out *o)
{
    json_open(o, '{');
    json_pair_raw(o, "value", q->value);
    json_pair(o, "unit", q->unit);
    json_close(o, '}');
}

/* JSON without the white space between its tokens. */
static void write_compact(struct slice s, struct buf *out)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        buf_byte(out, c);
        if (quoted && c == '\\' && i + 1 < s.n)
            buf_byte(out, s.p[++i]);
        else if (c == '"')
            quoted = !quoted;
    }
}

/* Decimals that arithmetic made may be written as JSON does not: there are none such (a digit stands before the point).
 */
bool fhirpath_write_json(const struct json *j, const struct fhirpath_item *x, struct buf *out)
{
    struct json_out o = json_out(out);
    switch (x->kind) {
    case FHIRPATH_NODE: /* of a primitive without a value: what stands in its place */
        write_compact(json_span(j, x->node.value || !x->node.extra ? x->node.value : x->node.extra), out);
        break;
    case FHIRPATH_BOOLEAN: json_put_bool(&o, x->yes); break;
    case FHIRPATH_INTEGER: json_put_int(&o, x->number); break;
    case FHIRPATH_DECIMAL: buf_slice(out, x->text); break;
    case FHIRPATH_QUANTITY: write_quantity(x->quantity, &o); break;
    case FHIRPATH_TYPE:
        json_open(&o, '{');
        json_pair_str(&o, "namespace", x->type ? "FHIR" : "System");
        json_pair(&o, "name", x->text);
        json_close(&o, '}');
        break;
    default: json_put(&o, x->text);
    }
    return !buf_failed(out);
}

/* Strings without quotes, with what a terminal could trip over replaced; elements as JSON. */
static void write_plain(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++)
        buf_byte(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F ? ' ' : s.p[i]);
}

bool fhirpath_write_text(const struct json *j, const struct fhirpath_item *x, struct arena *a, struct buf *out)
{
    struct slice s;
    switch (x->kind) {
    case FHIRPATH_NODE:
        if (x->type >= FHIR_PRIMITIVES || !x->node.value || json_kind(j, x->node.value) != JSON_STRING)
            return fhirpath_write_json(j, x, out);
        s = json_text(j, x->node.value, a);
        if (!s.p)
            return false;
        write_plain(s, out);
        break;
    case FHIRPATH_BOOLEAN:
    case FHIRPATH_INTEGER:
    case FHIRPATH_DECIMAL: return fhirpath_write_json(j, x, out);
    case FHIRPATH_QUANTITY:
        buf_slice(out, x->quantity->value);
        buf_byte(out, ' ');
        write_plain(x->quantity->unit, out);
        break;
    case FHIRPATH_TYPE: buf_printf(out, "%s.%.*s", x->type ? "FHIR" : "System", SLICE_FMT(x->text)); break;
    default: write_plain(x->text, out);
    }
    return !buf_failed(out);
}
