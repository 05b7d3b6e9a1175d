/* ops.c -- what operators and their tools ask: health, readiness, metrics, the API's description. */
#include "api/api_int.h"
#include "base/json.h"
#include "sandbox/sandbox.h"
#include "telemetry/metrics.h"

int api_health(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "status", "ok");
    json_pair_str(&o, "version", LAZARET_VERSION);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* Ready: the store answers, the keys are here, and models can run. */
int api_ready(struct api_request *q, struct err *e)
{
    struct rows r;
    if (db_rows(q->api->db, q->arena, &r, e, "SELECT 1") < 0)
        return -1;
    if (!q->api->workers_elsewhere && !(q->api->sandbox && sandbox_alive(q->api->sandbox)))
        return err_set(e, ERR_SANDBOX, "no sandbox");
    return api_health(q, e);
}

int api_metrics(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 256 * 1024);
    metrics_write(&b);
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "metrics");
    http_reply_field(q->reply, "Content-Type", SLICE("text/plain; version=0.0.4; charset=utf-8"));
    q->reply->status = 200;
    q->reply->body = buf_text(&b);
    return 0;
}
