#include "fhir/write.h"

static void open_at(struct json_out *o, const char *key)
{
    if (key)
        json_key(o, key);
    json_open(o, '{');
}

void fhir_put_coding(struct json_out *o, const char *key, struct slice system, struct slice code, struct slice display)
{
    open_at(o, key);
    if (system.n)
        json_pair(o, "system", system);
    json_pair(o, "code", code);
    if (display.n)
        json_pair(o, "display", display);
    json_close(o, '}');
}

void fhir_put_concept(struct json_out *o, const char *key, struct slice system, struct slice code, struct slice display,
                      struct slice text)
{
    open_at(o, key);
    if (code.n) {
        json_key(o, "coding");
        json_open(o, '[');
        fhir_put_coding(o, NULL, system, code, display);
        json_close(o, ']');
    }
    if (text.n)
        json_pair(o, "text", text);
    json_close(o, '}');
}

void fhir_put_quantity(struct json_out *o, const char *key, struct slice value, struct slice unit)
{
    open_at(o, key);
    json_pair_raw(o, "value", value);
    if (unit.n) {
        json_pair(o, "unit", unit);
        json_pair_str(o, "system", FHIR_UCUM);
        json_pair(o, "code", unit);
    }
    json_close(o, '}');
}

void fhir_put_reference(struct json_out *o, const char *key, struct slice reference)
{
    open_at(o, key);
    json_pair(o, "reference", reference);
    json_close(o, '}');
}

void fhir_put_identifier(struct json_out *o, const char *key, const char *system, struct slice value)
{
    open_at(o, key);
    json_pair_str(o, "system", system);
    json_pair(o, "value", value);
    json_close(o, '}');
}

void fhir_open_extension(struct json_out *o, const char *url)
{
    json_open(o, '{');
    json_pair_str(o, "url", url);
}

void fhir_put_code_extension(struct json_out *o, const char *url, struct slice code)
{
    fhir_open_extension(o, url);
    json_pair(o, "valueCode", code);
    json_close(o, '}');
}
