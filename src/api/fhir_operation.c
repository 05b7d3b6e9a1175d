/* fhir_operation.c -- the operations under /fhir/R4 as OperationDefinitions, from fhir_operations.def. */
#include "api/fhir_checked.h"
#include "api/fhir_int.h"
#include "fhir/write.h"

struct parameter {
    const char *operation, *name, *use, *most, *type, *what;
    int least;
};
static const struct operation {
    const char *id, *code, *resource, *title, *what;
} operation[] = {
#define OPERATION(id, code, resource, title, what) {#id, code, resource, title, what},
#include "api/fhir_operations.def"
};
static const struct parameter parameter[] = {
#define IN_PARAMETER(operation, name, least, most, type, field, what)                                                  \
    {#operation, name, "in", most, type, what, least},
#define OUT_PARAMETER(operation, name, least, most, type, what) {#operation, name, "out", most, type, what, least},
#include "api/fhir_operations.def"
};

static void put_parameters(struct json_out *o, const struct operation *op)
{
    json_key(o, "parameter");
    json_open(o, '[');
    for (size_t i = 0; i < COUNT(parameter); i++) {
        const struct parameter *p = &parameter[i];
        if (strcmp(p->operation, op->id) != 0)
            continue;
        json_open(o, '{');
        json_pair_str(o, "name", p->name);
        json_pair_str(o, "use", p->use);
        json_pair_int(o, "min", p->least);
        json_pair_str(o, "max", p->most);
        json_pair_str(o, "documentation", p->what);
        json_pair_str(o, "type", p->type);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_operation(struct json_out *o, struct api_request *q, const struct operation *op)
{
    json_open(o, '{');
    json_pair_str(o, "resourceType", "OperationDefinition");
    json_pair_str(o, "id", op->id);
    json_pair_str(o, "url", arena_printf(q->arena, FHIR_OURS "OperationDefinition:%s", op->code));
    json_pair_str(o, "version", LAZARET_VERSION);
    json_pair_str(o, "name", arena_printf(q->arena, "%c%s", op->code[0] - 'a' + 'A', op->code + 1));
    json_pair_str(o, "title", op->title);
    json_pair_str(o, "status", "active");
    json_pair_str(o, "kind", "operation");
    json_pair_str(o, "description", op->what);
    json_pair_bool(o, "affectsState", true);
    json_pair_str(o, "code", op->code);
    if (*op->resource) {
        json_key(o, "resource");
        json_open(o, '[');
        json_put_str(o, op->resource);
        json_close(o, ']');
    }
    json_pair_bool(o, "system", !*op->resource);
    json_pair_bool(o, "type", *op->resource != 0);
    json_pair_bool(o, "instance", false);
    put_parameters(o, op);
    json_close(o, '}');
}

int api_fhir_operation(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    for (size_t i = 0; i < COUNT(operation); i++)
        if (slice_is(q->param[0], operation[i].id)) {
            put_operation(&o, q, &operation[i]);
            return fhir_send_checked(q, 200, "OperationDefinition", &b, e);
        }
    return face_absent(e);
}
