/* The provider is a thread here that answers what a row says. */
#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "identity/ask.h"
#include "identity/issuer.h"

enum { URL_ROOM = 64 };

struct provider {
    int fd;
    char url[URL_ROOM];
    const char *discovery; /* @: its own URL */
    const char *keys;
    bool large;
    _Atomic bool away;
    _Atomic int asked, looked;
    pthread_t thread;
};

/* Each @ becomes the provider's URL. */
static void expand(const char *from, const char *url, char *out)
{
    for (; *from; from++)
        if (*from == '@')
            out += snprintf(out, URL_ROOM, "%s", url);
        else
            *out++ = *from;
    *out = 0;
}

static void answer(struct provider *p, int fd)
{
    char in[4096], body[300000], head[128];
    ssize_t n = recv(fd, in, sizeof in - 1, 0);
    in[n > 0 ? n : 0] = 0;
    bool keys = strstr(in, "GET /keys") != NULL;
    p->asked += keys;
    p->looked += !keys;
    expand(keys ? p->keys : p->discovery, p->url, body);
    size_t written = strlen(body);
    if (keys && p->large) { /* good, but for its size */
        memset(body + written, ' ', sizeof body - 1 - written);
        body[sizeof body - 1] = 0;
    }
    snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", p->away ? 500 : 200,
             strlen(body));
    send(fd, head, strlen(head), MSG_NOSIGNAL);
    send(fd, body, strlen(body), MSG_NOSIGNAL);
    close(fd);
}

static void *serve(void *arg)
{
    struct provider *p = arg;
    for (int fd; (fd = accept(p->fd, NULL, NULL)) >= 0;)
        answer(p, fd);
    return NULL;
}

static void provider_start(struct provider *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(p->fd, (void *)&at, n) == 0 && listen(p->fd, 8) == 0 && getsockname(p->fd, (void *)&at, &n) == 0);
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    CHECK_INT(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void provider_stop(struct provider *p)
{
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->fd);
}

static const struct token_head k1 = {"RS256", "k1"}, k2 = {"RS256", "k2"};
static const char right[] = "{\"issuer\":\"@\",\"jwks_uri\":\"@/keys\"}", one[] = "{\"keys\":[{\"kid\":\"k1\"}]}",
                  large[] = "{\"keys\":[{\"kid\":\"k1\"}]} ";

/* ERR_NONE: the key is there. */
static enum err_code ask(struct issuer *x, const struct token_head *head)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {.code = ERR_NONE};
    struct slice jwk;
    uint64_t set;
    return issuer_key(x, head, a, &jwk, &set, &e) ? e.code : ERR_NONE;
}

TEST(an_answer_that_cannot_be_trusted_gives_no_keys)
{
    static const struct {
        const char *discovery, *keys;
        enum err_code code;
    } row[] = {
        {right, one, ERR_NONE},
        {"{\"issuer\":\"http://127.0.0.1:1\",\"jwks_uri\":\"@/keys\"}", one, ERR_PROVIDER},
        {"{\"issuer\":\"@/\",\"jwks_uri\":\"@/keys\"}", one, ERR_PROVIDER},
        {"{\"issuer\":\"@\"}", one, ERR_PROVIDER},
        {"{\"issuer\":\"@\",\"jwks_uri\":\"http://192.0.2.1/keys\"}", one, ERR_PROVIDER},
        {"{\"issuer\":\"@\",\"jwks_uri\":\"file:///etc/passwd\"}", one, ERR_PROVIDER},
        {"<html>", one, ERR_PROVIDER},
        {right, "{}", ERR_PROVIDER},
        {right, "[]", ERR_PROVIDER},
        {right, large, ERR_PROVIDER},
        {"{\"issuer\":\"@\",\"jwks_uri\":\"@/keys#1\"}", one, ERR_PROVIDER},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct provider p = {.discovery = row[i].discovery, .keys = row[i].keys, .large = row[i].keys == large};
        struct issuer *x;
        struct err e;
        provider_start(&p);
        struct issuer_config c = {.url = p.url, .plain = true, .keep_s = 100};
        CHECK_OK(issuer_start(&c, &x, &e));
        enum err_code code = ask(x, &k1);
        if (code != row[i].code)
            fail_msg("row %zu: %s", i, err_name(code));
        issuer_stop(x);
        provider_stop(&p);
    }
}

TEST(keys_serve_while_the_provider_is_away_until_they_are_too_old)
{
    struct provider p = {.discovery = right, .keys = one};
    struct issuer *x;
    struct err e;
    provider_start(&p);
    struct issuer_config c = {.url = p.url, .plain = true, .keep_s = 1};
    CHECK_OK(issuer_start(&c, &x, &e));
    CHECK_INT(ask(x, &k1), ERR_NONE);
    CHECK_INT(issuer_holds(x, 1, &e), 1);
    p.away = true;
    CHECK_INT(ask(x, &k1), ERR_NONE);
    usleep(1100000);
    CHECK_INT(ask(x, &k1), ERR_PROVIDER);
    CHECK_INT(issuer_holds(x, 1, &e), -1);
    CHECK_INT(e.code, ERR_PROVIDER);
    issuer_stop(x);
    provider_stop(&p);
}

/* Before its thread has run at all, and when its last try failed. */
TEST(who_signs_in_at_once_or_after_a_failure_waits_for_a_fetch)
{
    struct provider p = {
        .discovery = "{\"issuer\":\"@\",\"jwks_uri\":\"@/keys\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"@/t\"}",
        .keys = one};
    struct issuer *x;
    struct issuer_doors doors;
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    provider_start(&p);
    struct issuer_config c = {.url = p.url, .plain = true, .keep_s = 100};
    for (int i = 0; i < 20; i++) {
        p.away = i & 1;
        p.looked = 0;
        CHECK_OK(issuer_start(&c, &x, &e));
        CHECK_INT(issuer_doors(x, a, &doors, &e), i & 1 ? -1 : 0);
        p.away = false;
        if (p.looked == 1) /* else the thread had failed before it was asked, and this one waits for its turn */
            CHECK_OK(issuer_doors(x, a, &doors, &e));
        issuer_stop(x);
    }
    provider_stop(&p);
}

TEST(an_unknown_key_is_asked_for_once)
{
    struct provider p = {.discovery = right, .keys = one};
    struct issuer *x;
    struct err e;
    provider_start(&p);
    struct issuer_config c = {.url = p.url, .plain = true, .keep_s = 100};
    CHECK_OK(issuer_start(&c, &x, &e));
    while (issuer_holds(x, 1, &e) < 0)
        usleep(1000);
    for (int i = 0; i < 20; i++)
        CHECK_INT(ask(x, &k2), ERR_TOKEN);
    CHECK_INT(p.asked, 2);
    issuer_stop(x);
    provider_stop(&p);
}

TEST(addresses_that_may_be_asked)
{
    static const struct {
        const char *url;
        bool tls, plain;
    } row[] = {{"https://id.example/realms/s", true, true},
               {"http://127.0.0.1:9/x", false, true},
               {"http://localhost/x", false, true},
               {"http://[::1]:9/x", false, true},
               {"http://id.example/x", false, false},
               {"http://127.0.0.1.example/x", false, false},
               {"http://localhost@id.example/", false, false},
               {"https://user:word@id.example/", false, false},
               {"https://id.example/#x", false, false},
               {"ftp://id.example/", false, false},
               {"id.example", false, false},
               {"", false, false}};
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_INT(ask_address_ok(row[i].url, false), row[i].tls);
        CHECK_INT(ask_address_ok(row[i].url, true), row[i].plain);
    }
}

RUN(T(an_answer_that_cannot_be_trusted_gives_no_keys), T(keys_serve_while_the_provider_is_away_until_they_are_too_old),
    T(who_signs_in_at_once_or_after_a_failure_waits_for_a_fetch), T(an_unknown_key_is_asked_for_once),
    T(addresses_that_may_be_asked))
