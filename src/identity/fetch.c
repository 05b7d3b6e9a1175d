#include "identity/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

enum { CONNECT_MS = 2000 };

static bool is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0;
}

bool fetch_address_ok(const char *url, bool plain)
{
    CURLU *u = strlen(url) < FETCH_URL_MAX ? curl_url() : NULL;
    char *scheme = NULL, *host = NULL, *user = NULL, *fragment = NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK &&
              (strcmp(scheme, "https") == 0 || (plain && strcmp(scheme, "http") == 0 && is_local(host)));
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(fragment);
    curl_url_cleanup(u);
    return ok;
}

struct answer {
    const struct fetch *how;
    struct buf body;
    bool plain; /* this very address */
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

int fetch_get(const struct fetch *f, const char *url, struct arena *a, struct slice *ret, struct err *e)
{
    struct answer w = {.how = f, .body = buf_in(a, FETCH_MAX), .plain = strncmp(url, "https:", 6) != 0};
    long status = 0;
    if (!fetch_address_ok(url, f->plain))
        return err_set(e, ERR_PROVIDER, "an address of %s is not https", f->who);
    CURL *h = curl_easy_init();
    if (!h)
        return err_set(e, ERR_NO_MEMORY, "ask %s", f->who);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, f->plain ? "https,http" : "https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)FETCH_MS);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, &w);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &w);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, &w);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "lazaret/" LAZARET_VERSION);
    if (f->ca && *f->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, f->ca);
    CURLcode rc = curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(h);
    if (rc != CURLE_OK)
        return err_set(e, ERR_PROVIDER, "%s: %s", f->who, curl_easy_strerror(rc));
    if (status != 200)
        return err_set(e, ERR_PROVIDER, "%s answered %ld", f->who, status);
    *ret = buf_text(&w.body);
    return 0;
}
