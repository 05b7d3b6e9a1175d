/* signin.c -- signing in and out with a browser: /auth/... What it means is identity/oidc.h and session.h.
 *
 * These routes are open to all in the policy, because who asks is known by a cookie, a code or a logout token that each
 * of them looks at itself. Pages are plain HTML without a script: they are seen while somebody is on the way from or to
 * the provider. */
#include <stdio.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/rnd.h"

enum { PAGE_MAX = 16 << 10 };

static const char login_cookie[] = "__Host-lazaret-login";

/* --- pages --- */

static void put_html(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '<': buf_str(b, "&lt;"); break;
        case '>': buf_str(b, "&gt;"); break;
        case '&': buf_str(b, "&amp;"); break;
        case '"': buf_str(b, "&quot;"); break;
        case '\'': buf_str(b, "&#39;"); break;
        default: buf_byte(b, s.p[i]);
        }
}

struct page {
    const char *title, *text, *more; /* more: a second paragraph, or NULL */
    const char *link, *link_text;    /* NULL: none */
};

static int send_page(struct api_request *q, int status, const struct page *p, struct err *e)
{
    struct buf b = buf_in(q->arena, PAGE_MAX);
    buf_str(&b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
                "content=\"width=device-width\"><title>");
    put_html(&b, slice_of(p->title));
    buf_str(&b, " - Lazaret</title>\n<main><h1>");
    put_html(&b, slice_of(p->title));
    buf_str(&b, "</h1>\n<p>");
    put_html(&b, slice_of(p->text));
    buf_str(&b, "</p>\n");
    if (p->more) {
        buf_str(&b, "<p>");
        put_html(&b, slice_of(p->more));
        buf_str(&b, "</p>\n");
    }
    if (p->link) {
        buf_str(&b, "<p><a href=\"");
        put_html(&b, slice_of(p->link));
        buf_str(&b, "\">");
        put_html(&b, slice_of(p->link_text));
        buf_str(&b, "</a></p>\n");
    }
    buf_str(&b, "</main></html>\n");
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "a page");
    http_reply_field(q->reply, "Content-Type", SLICE("text/html; charset=utf-8"));
    q->reply->status = status;
    q->reply->body = buf_text(&b);
    return 0;
}

/* What a person is told when signing in failed. */
static struct page page_of(const struct api_request *q, const struct err *e, const char *detail)
{
    struct page p = {.title = "Signing in did not work", .text = detail, .link_text = "Sign in again"};
    p.link = "/auth/login";
    switch (e->code) {
    case ERR_PENDING:
        p.title = "You have no role here yet";
        p.more = "Whoever manages accounts finds you in the list now. When they have approved a role, sign in again; "
                 "nothing else is needed from you.";
        break;
    case ERR_SUSPENDED:
        p.title = "Your account is suspended";
        p.more = "Ask whoever manages accounts.";
        p.link = NULL;
        break;
    case ERR_PROVIDER:
        p.title = "Signing in is not possible now";
        p.text = "The identity provider does not answer as it should. Try again in a minute.";
        break;
    case ERR_SIGN_IN:
    case ERR_TOKEN: break;
    default: p.text = err_text(e->code);
    }
    p.more = p.more ? p.more : arena_printf(q->arena, "If it keeps failing, tell whoever runs this server: %s.", q->id);
    return p;
}

/* Refused, for the audit log as for the person: as a page if it is a browser that asks. */
static int fail(struct api_request *q, struct err *e)
{
    struct slice accept = http_header(q->http, "Accept");
    const char *detail = arena_str(q->arena, slice_of(e->detail));
    if (err_http(e->code) < 500)
        api_refuse_caller(q, e);
    if (!detail || !accept.p || !memmem(accept.p, accept.n, "text/html", 9))
        return -1;
    struct page p = page_of(q, e, detail);
    struct err ignored; /* *e stays what it is, for the log */
    if (err_retry(e->code))
        http_reply_field(q->reply, "Retry-After", SLICE("5"));
    return send_page(q, err_http(e->code), &p, &ignored);
}

/* --- in --- */

static int without_provider(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "no identity provider for browsers is set (staff.client)");
}

static void set_login_cookie(struct api_request *q, const char *cookie)
{
    const char *field = arena_printf(q->arena, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%d",
                                     login_cookie, cookie ? cookie : "", cookie ? OIDC_LOGIN_S : 0);
    if (field)
        http_reply_field(q->reply, "Set-Cookie", slice_of(field));
}

int api_login(struct api_request *q, struct err *e)
{
    struct slice back = api_query(q, "return"), again = api_query(q, "again");
    const char *url, *cookie;
    if (!q->api->oidc)
        return without_provider(e);
    if (again.p && !slice_is(again, "true")) {
        api_issue_field(q, "bool_parsing", "query/again", "Input should be true, or be left out");
        return err_set(e, ERR_BAD_REQUEST, "again is true");
    }
    if (back.p && !oidc_back_ok(back)) {
        api_issue_field(q, "value_error", "query/return", "return is a path of this server");
        return err_set(e, ERR_BAD_REQUEST, "return is no path of ours");
    }
    if (oidc_begin(q->api->oidc, back.p ? back : SLICE("/"), again.p, q->arena, &url, &cookie, e))
        return fail(q, e);
    set_login_cookie(q, cookie);
    http_reply_field(q->reply, "Location", slice_of(url));
    q->reply->status = 302;
    return 0;
}

/* A Strict cookie is not sent with a request that another site caused, and that the provider did: so no redirect, but a
 * page of ours that goes on by itself. */
int api_callback(struct api_request *q, struct err *e)
{
    struct oidc_answer x = {.code = api_query(q, "code"),
                            .state = api_query(q, "state"),
                            .iss = api_query(q, "iss"),
                            .error = api_query(q, "error"),
                            .cookie = api_cookie_named(q, login_cookie)};
    struct audit_entry audit = api_session_audit(q);
    struct oidc_end end = {.back = NULL};
    if (!q->api->oidc)
        return without_provider(e);
    int rc = oidc_finish(q->api->oidc, &x, &audit, q->arena, &end, e);
    if (end.known)
        q->caller = end.caller;
    if (x.cookie.p)
        set_login_cookie(q, NULL);
    if (rc)
        return fail(q, e);
    const char *refresh = arena_printf(q->arena, "0; url=%s", end.back);
    struct page p = {.title = "You are signed in",
                     .text = "The page you asked for comes now.",
                     .link = end.back,
                     .link_text = "Go on"};
    if (!refresh)
        return err_set(e, ERR_NO_MEMORY, "a page");
    api_set_cookie(q, end.cookie);
    http_reply_field(q->reply, "Refresh", slice_of(refresh));
    return send_page(q, 200, &p, e);
}

/* --- who --- */

static int need_session(struct api_request *q, bool quiet, struct err *e)
{
    struct slice cookie;
    int sent = api_cookie(q, &cookie, e);
    if (sent == 0)
        err_set(e, ERR_SESSION, "no cookie");
    if (sent > 0 && api_identify_session(q, cookie, quiet, e) && !q->signed_in)
        sent = -1;
    return sent > 0 ? 0 : err_http(e->code) < 500 ? api_refuse_caller(q, e) : -1;
}

/* `problem`: why they can do nothing now, or NULL. */
static int tell_session(struct api_request *q, const char *problem, struct err *e)
{
    const struct caller *c = &q->caller;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    struct buf b = buf_in(q->arena, 64 << 10);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "id", uuid_text(c->id, text));
    json_pair_str(&o, "name", c->display);
    json_key(&o, "role");
    if (c->role == ROLE_ANONYMOUS)
        json_put_null(&o);
    else
        json_put_str(&o, role_name(c->role));
    json_key(&o, "roles");
    json_open(&o, '[');
    for (int role = 0; role < ROLE_COUNT; role++)
        if (c->roles >> role & 1)
            json_put_str(&o, role_name((enum role)role));
    json_close(&o, ']');
    json_key(&o, "problem");
    json_put_str(&o, problem);
    json_pair_str(&o, "how", session_how_name(q->session.how));
    json_pair_str(&o, "signed_in_at", clock_text(q->session.created_us, when));
    json_pair_str(&o, "proved_at", clock_text(q->session.auth_us, when));
    json_pair_str(&o, "until", clock_text(q->session.until_us, when));
    json_key(&o, "sessions");
    if (session_list(&q->api->sessions, &q->session, q->arena, &o, e))
        return -1;
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_session(struct api_request *q, struct err *e)
{
    if (need_session(q, true, e))
        return -1;
    const char *problem = e->code ? arena_str(q->arena, slice_of(e->detail)) : NULL;
    e->code = ERR_NONE;
    return tell_session(q, problem, e);
}

/* {"role": ...} */
static int wanted_role(struct api_request *q, enum role *ret, struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json_parse(q->arena, q->http->body, &j, &f))
        return err_set(e, f.what ? ERR_BAD_JSON : ERR_NO_MEMORY, "a choice of role");
    struct slice name = json_get_text(&j, 0, "role", q->arena);
    if (!name.p || !role_named(name, ret))
        api_issue_field(q, "value_error", "body/role", "role is the name of a role");
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0) && q->issues < ISSUES_MAX; k = json_next(&j, k))
        if (!json_is(&j, k, "role"))
            api_issue_field(q, "extra_forbidden", "body", "Extra inputs are not permitted");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "no role is named, or more than that") : 0;
}

int api_session_role(struct api_request *q, struct err *e)
{
    enum role role = ROLE_ANONYMOUS;
    if (wanted_role(q, &role, e) || need_session(q, false, e))
        return -1;
    e->code = ERR_NONE;
    struct audit_entry audit = api_session_audit(q);
    if (session_role(&q->api->sessions, &q->session, q->caller.roles, role, &audit, q->arena, e))
        return err_http(e->code) < 500 ? api_refuse_caller(q, e) : -1;
    q->caller.role = role;
    api_set_cookie(q, q->session.cookie);
    return tell_session(q, NULL, e);
}

/* --- out --- */

int api_logout(struct api_request *q, struct err *e)
{
    struct slice all = api_query(q, "all");
    const char *url = NULL;
    int ended = 1;
    if (need_session(q, true, e))
        return -1;
    e->code = ERR_NONE;
    struct audit_entry audit = api_session_audit(q);
    if (q->session.how == SESSION_OIDC && q->api->oidc && oidc_logout_url(q->api->oidc, &q->session, q->arena, &url, e))
        return -1;
    if (slice_is(all, "1")
            ? session_end_all(&q->api->sessions, q->session.staff, "signed out", &audit, q->arena, &ended, e)
            : session_end(&q->api->sessions, q->session.id, "signed out", &audit, e))
        return -1;
    api_set_cookie(q, NULL);
    http_reply_field(q->reply, "Clear-Site-Data", SLICE("\"cache\", \"storage\""));
    struct buf b = buf_in(q->arena, 256 << 10);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "url", url ? url : "/auth/signed-out");
    json_pair_int(&o, "ended", ended);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_signed_out(struct api_request *q, struct err *e)
{
    struct page p = {.title = "You are signed out", .text = "Nothing of your session is left here."};
    if (q->api->oidc) {
        p.link = "/auth/login";
        p.link_text = "Sign in again";
    }
    return send_page(q, 200, &p, e);
}

int api_backchannel(struct api_request *q, struct err *e)
{
    struct audit_entry audit = api_session_audit(q);
    int ended;
    audit.actor = "provider";
    if (!q->api->oidc)
        return without_provider(e);
    struct slice token = api_form_value(q->http->body, "logout_token", q->arena);
    if (!token.p || oidc_backchannel(q->api->oidc, token, &audit, q->arena, &ended, e)) {
        if (!token.p)
            err_set(e, ERR_TOKEN, "the form has no logout_token");
        if (e->code == ERR_TOKEN) /* Back-Channel Logout 1.0, 2.8: 400 */
            e->code = ERR_SIGN_IN;
        return err_http(e->code) < 500 ? api_refuse_caller(q, e) : -1;
    }
    q->reply->status = 200;
    return 0;
}
