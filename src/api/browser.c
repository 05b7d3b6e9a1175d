#include "api/browser.h"

static const char cookie_name[] = "__Host-lazaret";

bool browser_cookie(const struct api_request *q, struct slice *ret)
{
    struct slice rest = http_header(q->http, "Cookie");
    while (rest.p) {
        struct slice value = slice_trim(slice_cut(&rest, ';')), name = slice_cut(&value, '=');
        if (slice_is(name, cookie_name) && value.p) {
            *ret = value;
            return true;
        }
    }
    return false;
}

void api_set_cookie(struct api_request *q, const char *cookie)
{
    const char *field = arena_printf(q->arena, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict", cookie_name, cookie);
    if (field)
        http_reply_field(q->reply, "Set-Cookie", slice_of(field));
}

int browser_own_page(const struct api_request *q, struct err *e)
{
    struct slice site = http_header(q->http, "Sec-Fetch-Site"), origin = http_header(q->http, "Origin"),
                 ours = http_header(q->http, "X-Lazaret");
    if (q->http->method == HTTP_GET || q->http->method == HTTP_HEAD)
        return 0;
    if (!ours.p || !slice_is(ours, "1"))
        return err_set(e, ERR_CROSS_SITE, "without the header X-Lazaret");
    if (site.p ? slice_is(site, "same-origin") : !origin.p || slice_is(origin, q->api->config.url))
        return 0;
    return err_set(e, ERR_CROSS_SITE, "from a page of another origin");
}
