/* documents.c -- /api/v1/installations/ID/documents and /api/v1/documents/ID: files of a home, as they come and go. */
#include "api/api_int.h"
#include "api/record_int.h"
#include "base/log.h"
#include "http/disposition.h"
#include "http/multipart.h"
#include "study/document.h"

enum { ANSWER_KIB = 256, LIMIT = 50, READ = 32 * 1024 };

/* --- the list --- */

int api_document_list(struct api_request *q, struct err *e)
{
    struct slice limit = api_query(q, "limit"), after = api_query(q, "cursor");
    struct document_page page;
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id, n = LIMIT, from = 0;
    if (limit.p && !slice_int(limit, 1, DOCUMENTS_PAGE, &n)) {
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
        return err_set(e, ERR_BAD_REQUEST, "a limit out of range");
    }
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e) ||
        (after.p && api_record_id(q, after, "query/cursor", &from, e)))
        return -1;
    int found = document_list(&q->api->study, &q->caller, id, from, (int)n, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "no such installation of this role");
    json_open(&o, '{');
    json_key(&o, "documents");
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        document_put(&o, &page.document[i]);
    json_close(&o, ']');
    json_pair_int(&o, "total", page.all);
    json_key(&o, "next");
    if (page.next)
        json_put_int(&o, page.next);
    else
        json_put_null(&o);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* --- sending one --- */

struct coming {
    struct api_request *q;
    int64_t installation;
    struct document_upload *upload; /* NULL: no file yet */
    struct buf kind;
    uint64_t size, most;
    bool has_file, has_kind, in_file, in_kind;
};

static int fault_of(struct api_request *q, const char *loc, const char *what, const char *fault, struct err *e)
{
    const char *text = arena_printf(q->arena, "%s: %s", what, fault);
    if (text)
        api_issue_field(q, "value_error", loc, text);
    return err_set(e, ERR_BAD_REQUEST, "a document's form: %s", fault);
}

static int missing(struct api_request *q, const char *loc, struct err *e)
{
    api_issue_field(q, "missing", loc, "Field required");
    return err_set(e, ERR_BAD_REQUEST, "a document's form lacks something");
}

/* Its name and type, before anything of it is read. */
static int begin(struct coming *x, struct slice name, struct slice media, const char *loc, struct err *e)
{
    struct api_request *q = x->q;
    struct document_new n = {.installation = x->installation, .title = name};
    if (!name.p)
        return missing(q, loc, e);
    if (!document_type_named(media, &n.type)) {
        err_set(e, ERR_MEDIA_TYPE,
                "a document is application/pdf, image/png, image/jpeg, text/plain or text/csv (in "
                "UTF-8), and is declared as what it is; archives are not taken");
        return api_tell(q, e);
    }
    const char *fault = document_name_fault(name, n.type);
    return fault ? fault_of(q, loc, "the file's name", fault, e)
                 : document_begin(&q->api->study, &q->caller, &n, &q->audit, q->arena, &x->upload, e);
}

static int take(struct coming *x, struct slice bytes, struct err *e)
{
    x->size += bytes.n;
    if (x->size > x->most)
        return err_set(e, ERR_TOO_LARGE, "a document over the limit");
    if (document_write(x->upload, bytes, e) == 0)
        return 0;
    return e->code == ERR_MEDIA_TYPE ? api_tell(x->q, e) : -1;
}

static int part_begins(struct coming *x, const struct multipart_part *p, struct err *e)
{
    x->in_file = slice_is(p->name, "file");
    x->in_kind = slice_is(p->name, "file_type");
    if ((x->in_file && x->has_file) || (x->in_kind && x->has_kind))
        return fault_of(x->q, x->in_file ? "body/file" : "body/file_type", "the form", "it has this field twice", e);
    x->has_file |= x->in_file;
    x->has_kind |= x->in_kind;
    return x->in_file ? begin(x, p->filename, p->type, "body/file", e) : 0;
}

/* What came of a form; fields that are not known are passed over, as FastAPI does. */
static int take_form(struct coming *x, struct multipart *m, struct slice in, enum multipart_step *step, struct err *e)
{
    while (in.n) {
        size_t n = multipart_feed(m, in, step);
        in = (struct slice){in.p + n, in.n - n};
        if (*step == MULTIPART_REFUSED)
            return fault_of(x->q, "body", "the form", m->why, e);
        if (*step == MULTIPART_PART && part_begins(x, &m->part, e))
            return -1;
        if (*step == MULTIPART_DATA && x->in_file && take(x, m->data, e))
            return -1;
        if (*step == MULTIPART_DATA && x->in_kind)
            buf_slice(&x->kind, m->data);
        if (*step == MULTIPART_DONE)
            break; /* what stands behind it is read, and dropped */
    }
    return 0;
}

static int read_form(struct coming *x, struct slice boundary, char *room, struct err *e)
{
    struct api_request *q = x->q;
    struct multipart m;
    enum multipart_step step = MULTIPART_MORE;
    ssize_t n = 0;
    multipart_init(&m, boundary, q->arena);
    while (q->http->streamed && (n = http_body_read(q->http, room, READ, e)) > 0)
        if (step != MULTIPART_DONE && take_form(x, &m, (struct slice){room, (size_t)n}, &step, e))
            return -1;
    if (n < 0)
        return -1;
    if (step != MULTIPART_DONE)
        return fault_of(q, "body", "the form", "it does not end", e);
    return x->has_file ? 0 : missing(q, "body/file", e);
}

/* The file itself as the body; its name is Content-Disposition's. */
static int read_plain(struct coming *x, struct slice media, char *room, struct err *e)
{
    struct api_request *q = x->q;
    struct slice field = http_header(q->http, "Content-Disposition"), kind = api_query(q, "file_type");
    struct disposition d = {.filename = {NULL, 0}};
    ssize_t n = 0;
    if (field.p && disposition_read(field, q->arena, &d))
        return fault_of(q, "header/Content-Disposition", "the field", "it is not attachment; filename=\"...\"", e);
    if (begin(x, d.filename, media, "header/Content-Disposition", e))
        return -1;
    buf_slice(&x->kind, kind);
    x->has_kind = kind.p;
    while (q->http->streamed && (n = http_body_read(q->http, room, READ, e)) > 0)
        if (take(x, (struct slice){room, (size_t)n}, e))
            return -1;
    return n < 0 ? -1 : 0;
}

static int read_it(struct coming *x, struct document *ret, struct err *e)
{
    struct api_request *q = x->q;
    struct slice media = http_header(q->http, "Content-Type"), boundary;
    char *room = arena_take(q->arena, READ);
    if (!room)
        return err_set(e, ERR_NO_MEMORY, "a document");
    bool form = multipart_boundary(media, q->arena, &boundary) == 0;
    if (form ? read_form(x, boundary, room, e) : read_plain(x, media, room, e))
        return -1;
    struct slice kind = x->has_kind ? buf_text(&x->kind) : SLICE("document");
    const char *fault = buf_failed(&x->kind) ? "it is longer than 64 bytes" : document_kind_fault(kind);
    if (fault)
        return fault_of(q, form ? "body/file_type" : "query/file_type", "file_type", fault, e);
    int rc = document_finish(x->upload, kind, ret, e);
    return rc && e->code == ERR_MEDIA_TYPE ? api_tell(q, e) : rc;
}

int api_document_add(struct api_request *q, struct err *e)
{
    struct coming x = {.q = q, .kind = buf_in(q->arena, DOCUMENT_KIND + 1), .most = q->api->config.document_max};
    struct document d;
    struct buf b = buf_in(q->arena, 4096);
    struct json_out o = json_out(&b);
    if (api_record_id(q, q->param[0], "path/patient_id", &x.installation, e))
        return -1;
    if (read_it(&x, &d, e)) {
        document_abandon(x.upload);
        return -1;
    }
    http_reply_field(q->reply, "Location", slice_of(arena_printf(q->arena, "/api/v1/documents/%lld", (long long)d.id)));
    document_put(&o, &d);
    return api_answer(q, 201, &b, e);
}

/* --- the file --- */

/* Nothing of it runs, or is shown, where it comes from: it is saved under its name. */
static void tell_file(struct api_request *q, const struct document *d)
{
    struct buf b = buf_in(q->arena, 2048);
    bool text = d->type == DOCUMENT_TEXT || d->type == DOCUMENT_CSV;
    disposition_write(&b, d->title);
    http_reply_field(q->reply, "Content-Type",
                     slice_of(arena_printf(q->arena, "%s%s", document_media(d->type), text ? "; charset=utf-8" : "")));
    http_reply_field(q->reply, "Content-Disposition", buf_text(&b));
    http_reply_field(q->reply, "Content-Security-Policy", SLICE("sandbox; default-src 'none'; frame-ancestors 'none'"));
    http_reply_field(q->reply, "Cross-Origin-Resource-Policy", SLICE("same-origin"));
    api_tag_rev(q, DOCUMENT_REV);
    api_tell_entry(q);
}

/* The first piece was opened before the head goes out, so that a document that was tampered with is an error and no
 * cut. */
static int send_file(struct api_request *q, const struct document *d, struct document_reading *r, struct err *e)
{
    struct slice piece;
    int more = document_next(r, &piece, e);
    if (more < 0)
        return -1;
    tell_file(q, d);
    int wanted = http_reply_begin(q->reply, (uint64_t)d->size, e);
    if (wanted <= 0)
        return wanted;
    while (more > 0 && http_reply_write(q->reply, piece) == 0)
        more = document_next(r, &piece, e);
    if (more < 0)
        log_err(LOG_WARN, "a document was cut off on its way to a client", e);
    return 0;
}

int api_document_get(struct api_request *q, struct err *e)
{
    struct document d;
    struct document_reading *r = NULL;
    int64_t id;
    if (document_readable(&q->caller, e))
        return api_deny_told(q, e);
    if (api_record_id(q, q->param[0], "path/document_id", &id, e))
        return -1;
    int found = document_open(&q->api->study, &q->caller, id, &q->audit, q->arena, &d, &r, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "no such document of this role");
    int rc = send_file(q, &d, r, e);
    document_close(r);
    return rc;
}

int api_document_remove(struct api_request *q, struct err *e)
{
    int64_t id;
    if (api_record_id(q, q->param[0], "path/document_id", &id, e))
        return -1;
    struct study_revs only = api_revs(q);
    int found = document_remove(&q->api->study, &q->caller, id, &only, &q->audit, q->arena, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "no such document of this role");
    q->reply->status = 204;
    return 0;
}
