/* session.c -- from a browser's cookie to who is asking.
 *
 * The cookie is SameSite=Strict, so that no other site's page can make a browser send it; and because that is one
 * browser's promise, what changes something must show in two more ways that it comes from a page of this server: by the
 * header X-Lazaret, which no form or link of another site can send, and by Sec-Fetch-Site and Origin, where the browser
 * sends them (OWASP ASVS 5.0, 3.5.1-3). */
#include "api/api_int.h"

static const char cookie_name[] = "__Host-lazaret";

/* The value of the cookie of that name. Two of one name: none, since one of them was planted. */
struct slice api_cookie_named(const struct api_request *q, const char *name)
{
    struct slice found = {NULL, 0};
    int n = 0;
    for (size_t i = 0; i < q->http->headers; i++)
        if (slice_is_nocase(q->http->header[i].name, "Cookie"))
            for (struct slice rest = q->http->header[i].value; rest.p;) {
                struct slice value = slice_cut(&rest, ';'), key = slice_trim(slice_cut(&value, '='));
                if (!slice_is(key, name))
                    continue;
                found = value;
                n++;
            }
    return n == 1 ? slice_trim(found) : (struct slice){NULL, 0};
}

/* Ours is what `url` says; where nothing is set, the host that was asked. */
static bool is_ours(const struct api_request *q, struct slice origin)
{
    const char *url = q->api->config.url;
    if (url && *url)
        return slice_is(origin, url);
    slice_cut(&origin, '/');
    slice_cut(&origin, '/');
    struct slice host = http_header(q->http, "Host");
    return host.n && slice_eq(origin, host);
}

static bool is_safe(enum http_method m)
{
    return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS;
}

int api_own_page(const struct api_request *q, struct err *e)
{
    struct slice site = http_header(q->http, "Sec-Fetch-Site"), origin = http_header(q->http, "Origin");
    if (is_safe(q->http->method))
        return 0;
    if (!slice_is(http_header(q->http, "X-Lazaret"), "1"))
        return err_set(e, ERR_CROSS_SITE, "without the header X-Lazaret");
    if (site.p && !slice_is(site, "same-origin"))
        return err_set(e, ERR_CROSS_SITE, "Sec-Fetch-Site is not same-origin");
    return origin.p && !is_ours(q, origin) ? err_set(e, ERR_CROSS_SITE, "Origin is not ours") : 0;
}

int api_cookie(struct api_request *q, struct slice *ret, struct err *e)
{
    struct slice cookie = api_cookie_named(q, cookie_name);
    if (!cookie.p)
        return 0;
    if (http_header(q->http, "Authorization").p)
        return err_set(e, ERR_TWO_SIGNS, "a cookie and an Authorization header");
    if (api_own_page(q, e))
        return -1;
    *ret = cookie;
    return 1;
}

void api_set_cookie(struct api_request *q, const char *cookie)
{
    const char *field =
        cookie ? arena_printf(q->arena, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict", cookie_name, cookie)
               : arena_printf(q->arena, "%s=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0", cookie_name);
    if (field)
        http_reply_field(q->reply, "Set-Cookie", slice_of(field));
}

struct audit_entry api_session_audit(const struct api_request *q)
{
    return (struct audit_entry){
        .request = q->id, .route = q->route ? q->route->path : NULL, .trace = q->trace.id, .role = NULL};
}

/* -1 with a code that leaves the session known. */
static bool leaves_session(enum err_code code)
{
    return code == ERR_PENDING || code == ERR_ROLE_CHOICE || code == ERR_PROVIDER;
}

int api_identify_session(struct api_request *q, struct slice cookie, bool quiet, struct err *e)
{
    struct audit_entry audit = api_session_audit(q);
    struct session_ask ask = {cookie, http_header(q->http, "Lazaret-Role"), quiet, &audit};
    int found = session_identify(&q->api->sessions, &ask, q->arena, &q->session, &q->caller, e);
    q->signed_in = found > 0 || (found < 0 && leaves_session(e->code));
    const char *fresh = q->signed_in ? q->session.cookie : NULL;
    if (q->signed_in && q->session.renew && q->api->oidc && !quiet &&
        oidc_renew(q->api->oidc, &q->session, &audit, q->arena)) {
        if (fresh)
            ask.cookie = slice_of(fresh);
        found = session_identify(&q->api->sessions, &ask, q->arena, &q->session, &q->caller, e);
        q->signed_in = found > 0 || (found < 0 && leaves_session(e->code));
        fresh = q->signed_in && q->session.cookie ? q->session.cookie : fresh;
    }
    if (q->signed_in && fresh)
        api_set_cookie(q, fresh);
    if (found == 0 || (found < 0 && e->code == ERR_SUSPENDED))
        api_set_cookie(q, NULL);
    return found > 0 ? 0 : found < 0 ? -1 : err_set(e, ERR_SESSION, "no such session, or it is over");
}
