#include "api/fhir_query.h"

/* What a value of a search cannot hold as it is: its own separators behind a backslash, the rest as percent codes. */
static void put_escaped(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == ',' || c == '|' || c == '$')
            buf_printf(b, "%%5C%c", c);
        else if (c <= ' ' || c >= 0x7f || strchr("&#%+\\\"<>", c))
            buf_printf(b, "%%%02X", c);
        else
            buf_byte(b, (char)c);
    }
}

struct fhir_query fhir_query_of(struct buf *b, const char *type, struct slice patient)
{
    struct fhir_query q = {.buf = b, .before = '?'};
    buf_str(b, type);
    if (patient.n) {
        buf_str(b, "?patient=");
        put_escaped(b, patient);
        q.before = '&';
    }
    return q;
}

void fhir_query_read(struct buf *b, const char *type, struct slice id)
{
    buf_str(b, type);
    if (id.n)
        buf_byte(b, '/');
    put_escaped(b, id);
}

void fhir_query_param(struct fhir_query *q, const char *name, const char *value)
{
    buf_printf(q->buf, "%c%s=%s", q->before, name, value);
    q->before = '&';
    q->listed = false;
}

void fhir_query_token(struct fhir_query *q, struct slice system, struct slice code)
{
    if (q->listed)
        buf_byte(q->buf, ',');
    put_escaped(q->buf, system);
    buf_byte(q->buf, '|');
    put_escaped(q->buf, code);
    q->listed = true;
}

void fhir_query_codes(struct fhir_query *q, const struct input *in, const struct condition *k)
{
    bool below = false;
    size_t n = in ? in->codes : k->codes;
    for (size_t i = 0; i < n; i++)
        below |= in ? in->code[i].code.below : k->code[i].below;
    fhir_query_param(q, below ? "code:below" : "code", "");
    for (size_t i = 0; i < n; i++) {
        const struct code *c = in ? &in->code[i].code : &k->code[i];
        fhir_query_token(q, c->system, c->code);
    }
}

void fhir_query_newest(struct fhir_query *q, unsigned count)
{
    fhir_query_param(q, "_sort", "-date");
    if (count)
        buf_printf(q->buf, "&_count=%u", count);
}
