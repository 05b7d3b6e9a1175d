#include "api/fhir_checked.h"

#include "base/log.h"
#include "fhir/fhir.h"

/* What is said of it names elements and rules: fhir/ repeats no value. */
static int refuse(struct api_request *q, const char *type, const struct fhir_report *r, struct err *e)
{
    const struct fhir_issue *x = NULL;
    for (size_t i = 0; i < r->issues && !x; i++)
        if (r->issue[i].severity == FHIR_ERROR)
            x = &r->issue[i];
    log_line(LOG_ERROR, "an answer is not valid FHIR R4, and was not sent", "request", q->id, "resource", type, "at",
             x ? x->expression : "-", "what", x ? x->text : "-", NULL);
    return err_set(e, ERR_NOT_FHIR, "%zu errors in a %s", r->errors, type);
}

int fhir_send_checked(struct api_request *q, int status, const char *type, const struct buf *b, struct err *e)
{
    struct fhir_report r;
    if (buf_failed(b) || arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a %s does not fit", type);
    if (fhir_validate_text(buf_text(b), &(struct fhir_ask){.type = type, .max_issues = 4}, q->arena, NULL, &r, e))
        return -1;
    if (r.errors)
        return refuse(q, type, &r, e);
    http_reply_field(q->reply, "Content-Type", SLICE("application/fhir+json"));
    q->reply->status = status;
    q->reply->body = buf_text(b);
    return 0;
}
