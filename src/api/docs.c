/* docs.c -- /docs: a page that shows /openapi.json and tries it out (Swagger UI, see NOTICE).
 *
 * Its files are in the program, compressed when it was built: memory is only used for pages of it that were asked for.
 * The page may load from this server alone, and run no script but these files'. */
#include <zlib.h>

#include "api/accept.h"
#include "api/api_int.h"

#define EMBEDDED(name)                                                                                                 \
    extern const char docs_##name[], docs_##name##_tag[];                                                              \
    extern const size_t docs_##name##_size;
EMBEDDED(index_html)
EMBEDDED(start_js)
EMBEDDED(swagger_ui_bundle_js)
EMBEDDED(swagger_ui_css)
EMBEDDED(favicon_png)
EMBEDDED(licence)
EMBEDDED(licences)

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* What gzip wrote: the plain text's size stands in the last four bytes, least first. */
static int unpack(struct slice gz, struct arena *a, struct slice *ret, struct err *e)
{
    const uint8_t *tail = (const uint8_t *)gz.p + gz.n - 4;
    size_t n = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    char *out = arena_take(a, n);
    z_stream z = {.next_in = (void *)(uintptr_t)gz.p, .avail_in = (uInt)gz.n, .next_out = (void *)out};
    if (!out)
        return err_set(e, ERR_NO_MEMORY, "a file of the API's page");
    z.avail_out = (uInt)n;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return err_set(e, ERR_NO_MEMORY, "zlib");
    int rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (rc != Z_STREAM_END || z.avail_out)
        return err_set(e, ERR_INTERNAL, "zlib: %d", rc);
    *ret = (struct slice){out, n};
    return 0;
}

int api_send_file(struct api_request *q, const struct api_file *f, struct err *e)
{
    const char *etag = arena_printf(q->arena, "W/\"%s\"", f->tag);
    struct slice known = http_header(q->http, "If-None-Match");
    if (!etag)
        return err_set(e, ERR_NO_MEMORY, "a file of a page");
    http_reply_field(q->reply, "ETag", slice_of(etag));
    http_reply_field(q->reply, "Cache-Control", slice_of(f->cache));
    http_reply_field(q->reply, "Vary", SLICE("Accept-Encoding"));
    http_reply_field(q->reply, "Content-Security-Policy", slice_of(f->policy));
    bool same = slice_is(known, "*") || (known.p && memmem(known.p, known.n, f->tag, strlen(f->tag)));
    q->reply->status = same ? 304 : 200;
    if (q->reply->status == 304)
        return 0;
    http_reply_field(q->reply, "Content-Type", slice_of(f->type));
    if (accept_named(http_header(q->http, "Accept-Encoding"), "gzip") <= 0)
        return unpack(f->gz, q->arena, &q->reply->body, e);
    http_reply_field(q->reply, "Content-Encoding", SLICE("gzip"));
    q->reply->body = f->gz;
    return 0;
}

int api_docs(struct api_request *q, struct err *e)
{
    return api_send_file(q,
                         &(struct api_file){{docs_index_html, docs_index_html_size}, docs_index_html_tag,
                                            "text/html; charset=utf-8", policy, "no-cache"},
                         e);
}

int api_docs_file(struct api_request *q, struct err *e)
{
    static const struct {
        const char *name, *type, *text, *tag;
        const size_t *size;
    } file[] = {
#define FILE(name, type, of) {name, type, docs_##of, docs_##of##_tag, &docs_##of##_size}
        FILE("start.js", "text/javascript; charset=utf-8", start_js),
        FILE("swagger-ui-bundle.js", "text/javascript; charset=utf-8", swagger_ui_bundle_js),
        FILE("swagger-ui.css", "text/css; charset=utf-8", swagger_ui_css),
        FILE("favicon.png", "image/png", favicon_png),
        FILE("LICENSE", "text/plain; charset=utf-8", licence),
        FILE("swagger-ui-bundle.js.LICENSE.txt", "text/plain; charset=utf-8", licences),
#undef FILE
    };
    for (size_t i = 0; i < COUNT(file); i++)
        if (slice_is(q->param[0], file[i].name))
            return api_send_file(
                q,
                &(struct api_file){{file[i].text, *file[i].size}, file[i].tag, file[i].type, policy, "no-cache"}, e);
    return err_set(e, ERR_NOT_FOUND, "no such file of the API's page");
}
