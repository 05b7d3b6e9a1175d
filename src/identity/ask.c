#include "identity/ask.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"

static bool is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0;
}

bool ask_address_ok(const char *url, bool plain)
{
    CURLU *u = strlen(url) < ASK_URL_MAX ? curl_url() : NULL;
    char *scheme = NULL, *host = NULL, *fragment = NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK &&
              (strcmp(scheme, "https") == 0 || (plain && strcmp(scheme, "http") == 0 && is_local(host)));
    curl_free(scheme);
    curl_free(host);
    curl_free(fragment);
    curl_url_cleanup(u);
    return ok;
}

void ask_put(struct buf *b, const char *name, struct slice value)
{
    static const char hex[] = "0123456789ABCDEF";
    if (b->n && b->p[b->n - 1] != '?')
        buf_byte(b, '&');
    buf_str(b, name);
    buf_byte(b, '=');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-._~", c)))
            buf_byte(b, (char)c);
        else
            buf_printf(b, "%%%c%c", hex[c >> 4], hex[c & 15]);
    }
}

struct answer {
    const struct ask *how;
    struct buf body;
    bool plain;
};

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
    struct answer *w = ctx;
    buf_add(&w->body, p, size * n);
    return buf_failed(&w->body) ? 0 : size * n;
}

static int go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct answer *w = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return w->how->stop && *w->how->stop;
}

/* The very address that is connected to: plain http never leaves this machine, whatever a name resolves to. */
static curl_socket_t open_checked(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct answer *w = ctx;
    (void)purpose;
    if (w->plain) {
        const struct sockaddr_in *four = (const void *)&at->addr;
        const struct sockaddr_in6 *six = (const void *)&at->addr;
        bool local = at->family == AF_INET    ? (ntohl(four->sin_addr.s_addr) >> 24) == 127
                     : at->family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                                              : false;
        if (!local)
            return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static void set_rules(CURL *h, struct answer *w)
{
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, w->how->plain ? "https,http" : "https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)ASK_MS);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)ASK_CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, w);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, w);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, w);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "lazaret/" LAZARET_VERSION);
    if (w->how->ca && *w->how->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, w->how->ca);
}

static CURLcode perform(CURL *h, const char *url, const struct ask_form *form, struct answer *w, long *ret_status)
{
    char type[128];
    struct curl_slist *accept =
        curl_slist_append(NULL, form && form->type ? "Accept: */*" : "Accept: application/json");
    if (accept && form && form->type) {
        snprintf(type, sizeof type, "Content-Type: %s", form->type);
        struct curl_slist *both = curl_slist_append(accept, type);
        if (!both)
            curl_slist_free_all(accept);
        accept = both;
    }
    set_rules(h, w);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, accept);
    if (form) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)form->body.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, form->body.p);
    }
    if (form && form->user) {
        curl_easy_setopt(h, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(h, CURLOPT_USERNAME, form->user);
        curl_easy_setopt(h, CURLOPT_PASSWORD, form->secret);
    }
    CURLcode rc = accept ? curl_easy_perform(h) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(accept);
    return rc;
}

static const char *who(const struct ask *how)
{
    return how->who ? how->who : "the identity provider";
}

static int ask(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a, long *ret_status,
               struct slice *ret, struct err *e)
{
    struct answer w = {.how = how, .body = buf_in(a, ASK_ANSWER_MAX), .plain = strncmp(url, "https:", 6) != 0};
    if (!ask_address_ok(url, how->plain))
        return err_set(e, ERR_PROVIDER, "an address of %s is not https", who(how));
    CURL *h = curl_easy_init();
    if (!h)
        return err_set(e, ERR_NO_MEMORY, "ask %s", who(how));
    *ret_status = 0;
    CURLcode rc = perform(h, url, form, &w, ret_status);
    curl_easy_cleanup(h);
    if (rc != CURLE_OK)
        return err_set(e, ERR_PROVIDER, "%s: %s", who(how), curl_easy_strerror(rc));
    if (!form && *ret_status != 200)
        return err_set(e, ERR_PROVIDER, "%s answered %ld", who(how), *ret_status);
    *ret = buf_text(&w.body);
    return 0;
}

int ask_text(const struct ask *how, const char *url, struct arena *a, struct slice *ret, struct err *e)
{
    long status;
    return ask(how, url, NULL, a, &status, ret, e);
}

int ask_post(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a, long *ret_status,
             struct slice *ret, struct err *e)
{
    return ask(how, url, form, a, ret_status, ret, e);
}

int ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a, long *ret_status,
             struct json *ret, struct err *e)
{
    struct json_fault f;
    struct slice text;
    if (ask(how, url, form, a, ret_status, &text, e))
        return -1;
    if (json_parse(a, text, ret, &f) || json_kind(ret, 0) != JSON_OBJECT)
        return err_set(e, ERR_PROVIDER, "the answer (%ld) of %s is not a JSON object", *ret_status, who(how));
    return 0;
}
