/* page.c -- /auth: the page to accept an invitation, to sign in, and to see to one's passkeys.
 *
 * It is made for one task and holds no framework: three files of ours, embedded, which load from this server and run no
 * other script. Its forms are sent by script alone (form-action 'none'), so no password ends up in an address. */
#include "api/api_int.h"

#define EMBEDDED(name)                                                                                                 \
    extern const char auth_##name[], auth_##name##_tag[];                                                              \
    extern const size_t auth_##name##_size;
EMBEDDED(index_html)
EMBEDDED(start_js)
EMBEDDED(style_css)

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static int send(struct api_request *q, struct slice gz, const char *tag, const char *type, struct err *e)
{
    if (!q->api->accounts)
        return err_set(e, ERR_NOT_FOUND, "there are no accounts here (staff.accounts)");
    http_reply_field(q->reply, "Cross-Origin-Opener-Policy", SLICE("same-origin"));
    return api_send_file(q, gz, tag, type, policy, e);
}

int api_auth_page(struct api_request *q, struct err *e)
{
    return send(q, (struct slice){auth_index_html, auth_index_html_size}, auth_index_html_tag,
                "text/html; charset=utf-8", e);
}

int api_auth_file(struct api_request *q, struct err *e)
{
    if (slice_is(q->param[0], "start.js"))
        return send(q, (struct slice){auth_start_js, auth_start_js_size}, auth_start_js_tag,
                    "text/javascript; charset=utf-8", e);
    if (slice_is(q->param[0], "style.css"))
        return send(q, (struct slice){auth_style_css, auth_style_css_size}, auth_style_css_tag,
                    "text/css; charset=utf-8", e);
    return err_set(e, ERR_NOT_FOUND, "no such file of the page");
}
