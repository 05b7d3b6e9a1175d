/* audit.c -- the audit log over HTTP: to witnesses its tree (C2SP tlog-tiles), to the auditor its entries, to everybody
 * who signs in what they did themselves.
 *
 * The tree is for all: hashes and signed checkpoints say how many entries there are, and of none what it says. Entries
 * are read under one's view of Audit, and reading them is an entry itself. */
#include "audit/search.h"
#include "api/audit_int.h"
#include "base/clock.h"
#include "crypto/digest.h"

enum { LIST = 20, LIST_MAX = 100, PROOF_MAX = 16 * 1024, TILE = 256, TILE_MAX = TILE * (AUDIT_ENTRY + 2) };

/* --- the tree --- */

static int answer_as(struct api_request *q, const char *type, const char *keep, const struct buf *b, struct err *e)
{
    if (buf_failed(b))
        return err_set(e, ERR_NO_MEMORY, "the answer does not fit");
    http_reply_field(q->reply, "Content-Type", slice_of(type));
    http_reply_field(q->reply, "Cache-Control", slice_of(keep));
    q->reply->status = 200;
    q->reply->body = buf_text(b);
    return 0;
}

int api_tlog_checkpoint(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, NOTE_MAX);
    struct checkpoint c;
    struct slice note;
    if (audit_newest(q->api->signer, q->arena, &note, &c, e))
        return e->code == ERR_NOT_FOUND ? err_set(e, ERR_BUSY, "nothing of the audit log is signed yet") : -1;
    buf_slice(&b, note);
    return answer_as(q, "text/plain; charset=utf-8", "no-cache", &b, e);
}

static bool three_digits(const char *p, int *ret)
{
    *ret = 0;
    for (int i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *ret = *ret * 10 + p[i] - '0';
    }
    return true;
}

/* "x001/x234/067" is 1234067: three digits a part, all but the last with an x; not one more than it takes. */
static bool tile_number(struct slice text, int64_t *ret)
{
    int64_t n = 0;
    for (int parts = 0; text.p; parts++) {
        struct slice part = slice_cut(&text, '/');
        int digits;
        if (text.p) {
            if (part.n != 4 || part.p[0] != 'x')
                return false;
            part = (struct slice){part.p + 1, 3};
        }
        if (part.n != 3 || parts == 5 || !three_digits(part.p, &digits) || (parts == 0 && text.p && digits == 0))
            return false;
        n = n * 1000 + digits;
    }
    *ret = n;
    return true;
}

/* N or N.p/W */
static bool tile_place(struct slice text, int64_t *ret_n, int *ret_width)
{
    const char *partial = text.n ? memmem(text.p, text.n, ".p/", 3) : NULL;
    int64_t width = TILE;
    if (partial) {
        struct slice w = {partial + 3, text.n - (size_t)(partial + 3 - text.p)};
        if (!slice_int(w, 1, TILE - 1, &width) || w.p[0] == '0')
            return false;
        text.n = (size_t)(partial - text.p);
    }
    *ret_width = (int)width;
    return text.n && tile_number(text, ret_n);
}

/* What is full stays; a part is as good as new until the tile is full. */
static const char *keep_for(bool public)
{
    return public ? "public, max-age=31536000, immutable" : "no-store";
}

int api_tlog_tile(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, TILE * SHA256_BYTES + 16);
    int64_t level, n;
    int width;
    if (!slice_int(q->param[0], 0, 63, &level) || !tile_place(q->param[1], &n, &width))
        return err_set(e, ERR_NOT_FOUND, "no tile has such a name");
    if (audit_tile(q->api->signer, (int)level, n, width, q->arena, &b, e))
        return -1;
    return answer_as(q, "application/octet-stream", keep_for(true), &b, e);
}

int api_tlog_proof(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, PROOF_MAX);
    int64_t index;
    if (!slice_int(q->param[0], 0, INT64_MAX - 1, &index))
        return err_set(e, ERR_NOT_FOUND, "no entry has such an index");
    if (audit_prove_signed(q->api->signer, index, q->arena, &b, e) == 0)
        return answer_as(q, "text/plain; charset=utf-8", "no-cache", &b, e);
    if (e->code == ERR_NOT_FOUND) {
        q->detail = SLICE("\"no such entry is signed; a new one is after a second\"");
        http_reply_field(q->reply, "Retry-After", SLICE("1"));
    }
    return -1;
}

/* --- the entries --- */

/* Of a view that shows nothing of the entries. Always -1. */
static int deny_entries(struct api_request *q, struct err *e)
{
    err_set(e, ERR_NOT_ALLOWED, "the view %s of the audit log has no such entries", view_name(api_audit_view(q)));
    api_deny(q, e);
    return -1;
}

enum view api_audit_view(const struct api_request *q)
{
    return policy_view(q->caller.role, ENTITY_AUDIT, ACTION_READ);
}

void api_audit_own(const struct api_request *q, struct audit_filter *f)
{
    f->actor = slice_of(q->caller.name);
    f->who = q->caller.role == ROLE_CLIENT ? AUDIT_PROGRAMS : AUDIT_PEOPLE;
}

int api_audit_scope(struct api_request *q, struct audit_filter *f, struct err *e)
{
    enum view view = api_audit_view(q);
    f->scope = q->caller.scope;
    if (view == VIEW_AUDIT_OWN && (!f->actor.p || slice_is(f->actor, q->caller.name)))
        api_audit_own(q, f);
    else if (view != VIEW_AUDIT_ALL)
        return deny_entries(q, e);
    return 0;
}

/* The number by which the log calls something of the study; 0: it is something else. */
static int64_t number_in(const struct audit_found *x)
{
    int64_t number = 0;
    bool of_study = x->readable && x->entry.object_id && strcmp(x->entry.object, entity_name(ENTITY_AUDIT)) != 0 &&
                    slice_int(slice_of(x->entry.object_id), 1, INT64_MAX, &number);
    return of_study ? number : 0;
}

int api_audit_names(struct api_request *q, struct audit_found *x, int n, struct err *e)
{
    enum { MANY = 100 };
    int64_t number[MANY], own[MANY] = {0};
    int at[MANY], k = 0;
    if (api_audit_view(q) == VIEW_AUDIT_ALL || !role_is_staff(q->caller.role))
        return 0;
    for (int i = 0; i < n && k < MANY; i++) {
        x[i].cut = true;
        number[k] = number_in(&x[i]);
        if (number[k])
            at[k++] = i;
    }
    if (study_own_numbers(&q->api->study, &q->caller, number, k, own, q->arena, e))
        return -1;
    for (int i = 0; i < k; i++)
        x[at[i]].entry.object_id = own[i] ? arena_printf(q->arena, "%lld", (long long)own[i]) : NULL;
    return arena_failed(q->arena) ? err_set(e, ERR_NO_MEMORY, "entries") : 0;
}

int api_audit_read(struct api_request *q, const char *id, int rows, struct err *e)
{
    struct audit_entry entry = q->audit;
    entry.object = entity_name(ENTITY_AUDIT);
    entry.object_id = id;
    entry.rows = rows;
    return audit_note(q->api->db, &entry, e);
}

int api_tlog_entries(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, TILE_MAX);
    int64_t n;
    int width;
    if (api_audit_view(q) != VIEW_AUDIT_ALL)
        return deny_entries(q, e);
    if (!tile_place(q->param[0], &n, &width))
        return err_set(e, ERR_NOT_FOUND, "no tile has such a name");
    if (audit_tile_entries(q->api->signer, n, width, q->arena, &b, e) ||
        api_audit_read(q, arena_printf(q->arena, "%lld-%lld", (long long)n * TILE, (long long)n * TILE + width - 1),
                       width, e))
        return -1;
    return answer_as(q, "application/octet-stream", keep_for(false), &b, e);
}

bool api_audit_cursor(struct slice text, struct audit_filter *f)
{
    struct slice at = slice_cut(&text, '_');
    return text.p && slice_int(at, 0, INT64_MAX, &f->before_at) && slice_int(text, 0, INT64_MAX, &f->before_index);
}

static void take_time(struct api_request *q, const char *name, const char *loc, int64_t *ret)
{
    struct slice text = api_query(q, name);
    if (text.p && (!clock_parse(text, ret, NULL) || *ret < 1))
        api_issue_field(q, "datetime_parsing", loc,
                        "Input should be a date or an instant such as 2026-11-25T02:13:30Z");
}

/* What both lists take. */
static int take_page(struct api_request *q, struct audit_filter *f, struct err *e)
{
    struct slice cursor = api_query(q, "cursor"), limit = api_query(q, "limit");
    int64_t most = LIST;
    take_time(q, "since", "query/since", &f->since);
    take_time(q, "until", "query/until", &f->until);
    if (cursor.p && !api_audit_cursor(cursor, f))
        api_issue_field(q, "value_error", "query/cursor", "Value error, take the cursor from the answer before");
    if (limit.p && !slice_int(limit, 1, LIST_MAX, &most))
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
    f->most = (int)most;
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a query");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues in the query", q->issues) : 0;
}

const char *api_audit_next(struct api_request *q, const struct audit_page *p)
{
    return p->more ? arena_printf(q->arena, "%lld_%lld", (long long)p->at, (long long)p->index) : NULL;
}

/* Found, written into the log, and only then told. */
static int answer_page(struct api_request *q, const struct audit_filter *f, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    struct audit_page p;
    if (audit_search(q->api->db, f, q->arena, &p, e) || api_audit_names(q, p.x, p.n, e) ||
        api_audit_read(q, NULL, p.n, e))
        return -1;
    json_open(&o, '{');
    json_key(&o, "entries");
    json_open(&o, '[');
    for (int i = 0; i < p.n; i++)
        audit_put(&o, &p.x[i], true);
    json_close(&o, ']');
    json_pair_str(&o, "next", api_audit_next(q, &p));
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_audit_list(struct api_request *q, struct err *e)
{
    struct audit_filter f = {.actor = api_query(q, "actor"),
                             .role = api_query(q, "role"),
                             .action = api_query(q, "action"),
                             .object = api_query(q, "object"),
                             .object_id = api_query(q, "object_id"),
                             .outcome = api_query(q, "outcome")};
    return api_audit_scope(q, &f, e) || take_page(q, &f, e) ? -1 : answer_page(q, &f, e);
}

int api_me_accesses(struct api_request *q, struct err *e)
{
    struct audit_filter f = {.scope = q->caller.scope};
    api_audit_own(q, &f);
    return take_page(q, &f, e) ? -1 : answer_page(q, &f, e);
}
