#include "api/api_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"

void api_put_model(struct json_out *o, const struct model *m)
{
    json_key(o, "model");
    json_open(o, '{');
    json_pair(o, "key", m->manifest.key);
    json_pair(o, "version", m->manifest.version);
    json_pair_str(o, "digest", m->digest_text);
    json_close(o, '}');
}

void api_put_job_error(struct json_out *o, const char *code)
{
    json_key(o, "error");
    json_open(o, '{');
    json_pair_str(o, "code", code);
    json_pair_str(o, "message", job_error_text(code));
    json_close(o, '}');
}

static void put_job(struct json_out *o, const struct api_request *q, const struct job_view *v, const uint8_t id[16])
{
    char text[UUID_TEXT], when[CLOCK_TEXT];
    const struct model *m = registry_by_digest(q->api->registry, v->model);
    json_open(o, '{');
    json_pair_str(o, "job_id", uuid_text(id, text));
    json_pair_str(o, "status", job_state_public(v->state));
    json_key(o, "result");
    if (v->result.p)
        json_put_raw(o, v->result);
    else
        json_put_null(o);
    json_pair_str(o, "created_at", clock_text(v->created_at, when));
    json_pair_str(o, "updated_at", clock_text(v->updated_at, when));
    json_pair_int(o, "attempts", v->attempts);
    if (m)
        api_put_model(o, m);
    if (v->state == JOB_FAILED)
        api_put_job_error(o, v->error);
    json_close(o, '}');
}

int api_job_id(struct api_request *q, uint8_t id[16], struct err *e)
{
    if (uuid_parse(q->param[0], id))
        return 0;
    api_issue_field(q, "uuid_parsing", "path/job_id", "Input should be a valid UUID");
    return err_set(e, ERR_BAD_REQUEST, "a job id that is no UUID");
}

int api_job_absent(struct api_request *q, struct err *e)
{
    q->detail = SLICE("\"Job not found\"");
    return err_set(e, ERR_NOT_FOUND, "no such job of this client");
}

int api_job_get(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct job_view view;
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (api_job_id(q, id, e))
        return -1;
    int found = job_read(q->api->jobs, &q->caller, id, &q->audit, q->arena, &view, e);
    if (found < 0)
        return -1;
    if (!found)
        return api_job_absent(q, e);
    put_job(&o, q, &view, id);
    return api_answer(q, 200, &b, e);
}
