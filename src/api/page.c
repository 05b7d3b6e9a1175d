/* page.c -- the web page: what web/ is built into, from memory, and how one may sign in there.
 *
 * Every address of the page is answered with the same document; its script looks at the address. What the document
 * loads is named after its content and so never changes; the document itself is asked for each time. It loads from this
 * server alone, runs no other script than ours, and its forms are sent by script alone (form-action 'none'), so nothing
 * that is typed ends up in an address. */
#include "api/api_int.h"
#include "api/web_files.h"
#include "base/json.h"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static int send(struct api_request *q, const struct web_file *f, const char *cache, struct err *e)
{
    http_reply_field(q->reply, "Cross-Origin-Opener-Policy", SLICE("same-origin"));
    return api_send_file(q, &(struct api_file){{(const char *)f->gz, f->size}, f->tag, f->type, policy, cache}, e);
}

int api_web_page(struct api_request *q, struct err *e)
{
    return send(q, &web_files[0], "no-cache", e);
}

int api_web_file(struct api_request *q, struct err *e)
{
    for (const struct web_file *f = web_files + 1; f->name; f++)
        if (slice_is(q->param[0], f->name))
            return send(q, f, "public, max-age=31536000, immutable", e);
    return err_set(e, ERR_NOT_FOUND, "no such file of the page");
}

/* So that the page offers what works: asked before anybody has signed in. */
int api_sign_in_ways(struct api_request *q, struct err *e)
{
    const struct accounts *accounts = q->api->accounts;
    struct buf b = buf_in(q->arena, 256);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_bool(&o, "password", accounts != NULL);
    json_pair_bool(&o, "passkey", accounts && accounts->passkeys.rp_id);
    json_pair_bool(&o, "provider", q->api->oidc != NULL);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
