/* Whom keys are fetched from, with its answers, the clock and memory in the test's hand: no key serves that could not
 * be looked at, nobody waits for ever, and nothing is asked more often than was said. Over HTTP: test_issuer.c. */
#include "fail.h"
#include "house.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "identity/ask.h"
#include "identity/issuer.h"
#include "identity/program.h"
#include "jwk.h"

#define ISSUER "https://id.example"
#define SECOND INT64_C(1000000)

FAIL_DEATHS
FAIL_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAIL_WRAP(void *, malloc, (size_t size), (size), NULL)
FAIL_WRAP(int, pthread_create, (pthread_t * t, const pthread_attr_t *how, void *(*run)(void *), void *arg),
          (t, how, run, arg), EAGAIN)
FAIL_WRAP(CURLcode, curl_global_init, (long flags), (flags), CURLE_FAILED_INIT)
FAIL_WRAP(CURL *, curl_easy_init, (void), (), NULL)
FAIL_WRAP(CURLU *, curl_url, (void), (), NULL)
FAIL_WRAP(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), (list, text), NULL)

static atomic_llong clock_off; /* us */
int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void)
{
    return __real_clock_mono_us() + clock_off;
}

/* --- what is answered, once the gate is open --- */

static struct {
    pthread_mutex_t lock;
    const char *document, *keys;
    char discovery[256]; /* where the document was asked for */
    atomic_int asked;    /* times */
    atomic_bool shut, away;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void answers(const char *document, const char *keys)
{
    pthread_mutex_lock(&world.lock);
    world.document = document;
    world.keys = keys;
    pthread_mutex_unlock(&world.lock);
}

static int ask_world(const struct ask *how, const char *url, struct arena *a, struct slice *ret, struct err *e)
{
    world.asked++;
    while (world.shut && !*how->stop)
        usleep(1000);
    if (*how->stop || world.away)
        return err_set(e, ERR_PROVIDER, "it is away");
    pthread_mutex_lock(&world.lock);
    bool document = strstr(url, "well-known") != NULL;
    if (document)
        snprintf(world.discovery, sizeof world.discovery, "%s", url);
    *ret = arena_copy(a, slice_of(document ? world.document : world.keys));
    pthread_mutex_unlock(&world.lock);
    return ret->p ? 0 : err_set(e, ERR_NO_MEMORY, "an answer");
}

int __wrap_ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a,
                    long *ret_status, struct json *ret, struct err *e);
int __wrap_ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a,
                    long *ret_status, struct json *ret, struct err *e)
{
    struct json_fault f;
    struct slice text;
    (void)form;
    *ret_status = 200;
    if (ask_world(how, url, a, &text, e))
        return -1;
    return json_parse(a, text, ret, &f) ? err_set(e, ERR_NO_MEMORY, "an answer") : 0;
}

int __wrap_ask_text(const struct ask *how, const char *url, struct arena *a, struct slice *ret, struct err *e);
int __wrap_ask_text(const struct ask *how, const char *url, struct arena *a, struct slice *ret, struct err *e)
{
    return ask_world(how, url, a, ret, e);
}

static void until_asked(int times)
{
    while (world.asked < times)
        usleep(1000);
}

/* --- the identity provider --- */

#define DOCUMENT(more)                                                                                                 \
    "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/keys\",\"authorization_endpoint\":\"" ISSUER                 \
    "/a\",\"token_endpoint\":\"" ISSUER "/t\"" more "}"
#define SET(kid) "{\"keys\":[{\"kid\":\"" kid "\"}]}"

static const struct issuer_config at_issuer = {.url = ISSUER, .keep_s = 100};

static struct issuer *started(const struct issuer_config *c)
{
    struct issuer *x;
    struct err e;
    world.asked = 0;
    clock_off = 0;
    CHECK_OK(issuer_start(c, &x, &e));
    return x;
}

/* ERR_NONE: the key is there. */
static enum err_code key_of(struct issuer *x, const char *kid, uint64_t *ret_set)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct token_head head = {.alg = "RS256"};
    struct err e = {.code = ERR_NONE};
    struct slice jwk;
    if (!a)
        return ERR_NO_MEMORY;
    snprintf(head.kid, sizeof head.kid, "%s", kid);
    return issuer_key(x, &head, a, &jwk, ret_set, &e) ? e.code : ERR_NONE;
}

TEST(doors_are_those_of_the_document_and_over_https)
{
    static const struct {
        const char *document;
        bool ok, end, says_iss, in_form;
    } row[] = {
        {DOCUMENT(""), true, false, false, false},
        {DOCUMENT(",\"end_session_endpoint\":\"" ISSUER "/e\""), true, true, false, false},
        {DOCUMENT(",\"end_session_endpoint\":\"http://id.example/e\""), true, false, false, false},
        {DOCUMENT(",\"end_session_endpoint\":7"), true, false, false, false},
        {DOCUMENT(",\"authorization_response_iss_parameter_supported\":true"), true, false, true, false},
        {DOCUMENT(",\"authorization_response_iss_parameter_supported\":\"true\""), true, false, false, false},
        {DOCUMENT(",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\",7]"), true, false, false, true},
        {DOCUMENT(",\"token_endpoint_auth_methods_supported\":[7,\"client_secret_basic\"]"), true, false, false, false},
        {DOCUMENT(",\"token_endpoint_auth_methods_supported\":\"client_secret_post\""), true, false, false, false},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/keys\",\"token_endpoint\":\"" ISSUER "/t\"}", false,
         false, false, false},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/keys\",\"authorization_endpoint\":\"" ISSUER
         "/a\",\"token_endpoint\":\"http://id.example/t\"}",
         false, false, false, false},
        {"{\"jwks_uri\":\"" ISSUER "/keys\"}", false, false, false, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct issuer_doors d;
        struct err e = {.code = ERR_NONE};
        answers(row[i].document, SET("k1"));
        struct issuer *x = started(&at_issuer);
        uint64_t set;
        key_of(x, "k1", &set); /* waits for the first answer */
        if (issuer_doors(x, a, &d, &e) != (row[i].ok ? 0 : -1))
            fail_msg("row %zu: %s", i, e.detail);
        if (!row[i].ok)
            CHECK_INT(e.code, ERR_PROVIDER);
        else if ((d.end_session != NULL) != row[i].end || d.says_iss != row[i].says_iss ||
                 d.secret_in_form != row[i].in_form)
            fail_msg("row %zu: other doors", i);
        issuer_stop(x);
    }
    issuer_stop(NULL);
}

TEST(a_document_is_asked_for_below_the_issuers_url)
{
    static const struct issuer_config slash = {.url = ISSUER "/", .keep_s = 100};
    uint64_t set;
    answers("{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"" ISSUER "/keys\"}", SET("k1"));
    struct issuer *x = started(&slash);
    CHECK_INT(key_of(x, "k1", &set), ERR_NONE);
    issuer_stop(x);
    CHECK_STR(world.discovery, ISSUER "/.well-known/openid-configuration");
}

static long seen_of(bool arenas)
{
    return arenas ? fault_count(FAULT_ALLOC) : fail_seen;
}

static void arm(bool arenas, long n)
{
    fail_arm(arenas ? 0 : n);
    fault_arm(FAULT_ALLOC, arenas ? n : 0, 0);
}

TEST(while_memory_is_out_there_are_no_keys_and_then_there_are)
{
    answers(DOCUMENT(""), SET("k1"));
    for (int arenas = 0; arenas <= 1; arenas++)
        for (long n = 1, done = 0; !done; n++) {
            OWN_ARENA struct arena *a = arena_new(1 << 20);
            struct issuer *x = NULL;
            struct issuer_doors d;
            struct err e = {.code = ERR_NONE};
            uint64_t set;
            arm(arenas, n);
            if (issuer_start(&at_issuer, &x, &e) == 0) {
                enum err_code code = key_of(x, "k1", &set);
                CHECK(code == ERR_NONE || code == ERR_PROVIDER || code == ERR_NO_MEMORY);
                CHECK(issuer_doors(x, a, &d, &e) == 0 || e.code == ERR_PROVIDER || e.code == ERR_NO_MEMORY);
            }
            issuer_stop(x);
            done = seen_of(arenas) < n;
            arm(false, 0);
        }
}

/* What was checked by a set holds while that set serves; that its successor was kept by halves changes nothing. */
TEST(what_was_checked_by_a_set_does_not_hold_after_it_though_memory_is_out)
{
    static const char *const document[] = {DOCUMENT(""), DOCUMENT(",\"end_session_endpoint\":\"" ISSUER "/end\"")};
    static const char *const keys[] = {SET("k0"), SET("k1")}, *const kid[] = {"k0", "k1"};
    for (long n = 1, done = 0; !done; n++) {
        uint64_t before, after;
        struct err e;
        answers(document[0], keys[0]);
        struct issuer *x = started(&at_issuer);
        CHECK_INT(key_of(x, kid[0], &before), ERR_NONE);
        answers(document[1], keys[1]);
        clock_off += (ISSUER_AGAIN_S + 1) * SECOND;
        arm(false, n);
        key_of(x, kid[1], &after); /* has it fetched anew */
        done = fail_seen < n;
        arm(false, 0);
        if (key_of(x, kid[1], &after) == ERR_NONE)
            CHECK_INT(issuer_holds(x, before, &e), 0);
        issuer_stop(x);
    }
}

struct asking {
    struct issuer *x;
    pthread_t thread;
    enum err_code code;
};

static void *ask_key(void *arg)
{
    struct asking *q = arg;
    uint64_t set;
    q->code = key_of(q->x, "k1", &set);
    arena_thread_end();
    return NULL;
}

static enum err_code doors_of(struct issuer *x)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct issuer_doors d;
    struct err e = {.code = ERR_NONE};
    return issuer_doors(x, a, &d, &e) ? e.code : ERR_NONE;
}

static void *ask_doors(void *arg)
{
    struct asking *q = arg;
    q->code = doors_of(q->x);
    arena_thread_end();
    return NULL;
}

TEST(so_many_wait_for_an_answer_for_so_long_and_nobody_else)
{
    struct asking q[ISSUER_WAITERS + 1];
    uint64_t set;
    answers(DOCUMENT(""), SET("k1"));
    world.shut = true;
    struct issuer *x = started(&at_issuer);
    until_asked(1);
    CHECK_INT(key_of(x, "k1", &set), ERR_PROVIDER); /* ISSUER_WAIT_MS later */
    for (int i = 0; i <= ISSUER_WAITERS; i++) {
        q[i] = (struct asking){.x = x};
        CHECK_INT(pthread_create(&q[i].thread, NULL, i ? ask_key : ask_doors, &q[i]), 0);
    }
    usleep(200000);
    world.shut = false;
    int served = 0;
    for (int i = 0; i <= ISSUER_WAITERS; i++) {
        pthread_join(q[i].thread, NULL);
        CHECK(q[i].code == ERR_NONE || q[i].code == ERR_PROVIDER);
        served += q[i].code == ERR_NONE;
    }
    CHECK_INT(served, ISSUER_WAITERS);
    issuer_stop(x);
}

TEST(a_key_nobody_has_is_not_said_to_be_missing_while_the_provider_is_away)
{
    uint64_t set;
    answers(DOCUMENT(""), SET("k1"));
    struct issuer *x = started(&at_issuer);
    CHECK_INT(key_of(x, "k1", &set), ERR_NONE);
    clock_off += (ISSUER_AGAIN_S + 1) * SECOND;
    CHECK_INT(key_of(x, "k2", &set), ERR_TOKEN);
    clock_off += (ISSUER_AGAIN_S + 1) * SECOND;
    world.away = true;
    CHECK_INT(key_of(x, "k2", &set), ERR_PROVIDER);
    CHECK_INT(key_of(x, "k1", &set), ERR_NONE);
    world.away = false;
    clock_off += (ISSUER_AGAIN_S + 1) * SECOND;
    CHECK_INT(key_of(x, "k2", &set), ERR_TOKEN);
    issuer_stop(x);
}

TEST(a_provider_that_is_away_is_asked_with_longer_and_longer_pauses)
{
    static const struct issuer_config long_ago = {.url = ISSUER, .keep_s = 1000000};
    uint64_t set;
    answers(DOCUMENT(""), SET("k1"));
    world.away = true;
    struct issuer *x = started(&long_ago);
    for (int i = 0; i < 9; i++) {
        clock_off += (ISSUER_AGAIN_S + 1) * SECOND;
        CHECK_INT(key_of(x, "k1", &set), ERR_PROVIDER);
    }
    world.away = false;
    issuer_stop(x);
    world.shut = true; /* and one that is being asked when all ends is given up */
    x = started(&at_issuer);
    until_asked(1);
    issuer_stop(x);
    world.shut = false;
}

/* The doors, too: of an answer that does not come in time, and of one that says nothing. */
TEST(doors_that_are_not_told_in_time_are_not_known)
{
    struct asking q[2];
    answers(DOCUMENT(""), SET("k1"));
    world.shut = true;
    q[0].x = started(&at_issuer);
    until_asked(1);
    CHECK_INT(pthread_create(&q[0].thread, NULL, ask_doors, &q[0]), 0);
    q[1].x = q[0].x;
    pthread_join(q[0].thread, NULL); /* ISSUER_WAIT_MS later */
    CHECK_INT(q[0].code, ERR_PROVIDER);
    CHECK_INT(pthread_create(&q[1].thread, NULL, ask_doors, &q[1]), 0);
    usleep(100000);
    world.away = true;
    world.shut = false;
    pthread_join(q[1].thread, NULL);
    CHECK_INT(q[1].code, ERR_PROVIDER);
    world.away = false;
    issuer_stop(q[0].x);
}

/* --- how it is asked --- */

static struct {
    curl_opensocket_callback open;
    void *ctx;
    void (*instead)(void); /* of a request */
    bool performed;
} wire;

CURLcode __real_curl_easy_setopt(CURL *h, CURLoption o, ...);
CURLcode __wrap_curl_easy_setopt(CURL *h, CURLoption o, ...);
CURLcode __wrap_curl_easy_setopt(CURL *h, CURLoption o, ...)
{
    va_list rest;
    va_start(rest, o);
    void *value = va_arg(rest, void *);
    va_end(rest);
    if (o == CURLOPT_OPENSOCKETFUNCTION)
        memcpy(&wire.open, &value, sizeof value);
    if (o == CURLOPT_OPENSOCKETDATA)
        wire.ctx = value;
    return __real_curl_easy_setopt(h, o, value);
}

CURLcode __wrap_curl_easy_perform(CURL *h);
CURLcode __wrap_curl_easy_perform(CURL *h)
{
    (void)h;
    wire.performed = true;
    if (wire.instead)
        wire.instead();
    return CURLE_COULDNT_CONNECT;
}

static bool connects(int family, const char *text)
{
    union {
        struct curl_sockaddr at;
        char room[sizeof(struct curl_sockaddr) + sizeof(struct sockaddr_in6)];
    } x = {.at = {.family = family, .socktype = SOCK_STREAM}};
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    char *to = x.room + offsetof(struct curl_sockaddr, addr);
    if (family == AF_INET) {
        CHECK_INT(inet_pton(AF_INET, text, &four.sin_addr), 1);
        memcpy(to, &four, sizeof four);
    } else if (family == AF_INET6) {
        CHECK_INT(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        memcpy(to, &six, sizeof six);
    }
    curl_socket_t fd = wire.open(wire.ctx, CURLSOCKTYPE_IPCXN, &x.at);
    if (fd != CURL_SOCKET_BAD)
        close(fd);
    return fd != CURL_SOCKET_BAD;
}

static const struct {
    int family;
    const char *text;
    bool here;
} address[] = {{AF_INET, "127.0.0.1", true},  {AF_INET, "127.255.0.7", true},   {AF_INET, "126.0.0.1", false},
               {AF_INET, "192.0.2.1", false}, {AF_INET, "0.0.0.0", false},      {AF_INET6, "::1", true},
               {AF_INET6, "::2", false},      {AF_INET6, "::1:1", false},       {AF_INET6, "::1:0:0:1", false},
               {AF_INET6, "1::1", false},     {AF_INET6, "2001:db8::1", false}, {AF_UNIX, "", false}};

static void only_here(void)
{
    for (size_t i = 0; i < COUNT(address); i++)
        if (connects(address[i].family, address[i].text) != address[i].here)
            fail_msg("%s", address[i].text);
}

static void anywhere(void)
{
    for (size_t i = 0; i < COUNT(address); i++)
        if (address[i].family == AF_INET)
            CHECK(connects(AF_INET, address[i].text));
}

TEST(plain_http_never_leaves_this_machine_whatever_a_name_resolves_to)
{
    static const struct ask how = {.plain = true};
    static const struct ask_form form = {.body = SLICE("x")};
    static const struct {
        const char *url;
        void (*instead)(void);
    } row[] = {{"http://localhost:9/", only_here}, {"https://id.example/", anywhere}};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        long status;
        struct slice text;
        struct err e;
        wire.instead = row[i].instead;
        wire.performed = false;
        CHECK_INT(ask_post(&how, row[i].url, &form, a, &status, &text, &e), -1);
        CHECK(e.code == ERR_PROVIDER && wire.performed);
    }
    wire.instead = NULL;
}

TEST(a_request_that_could_not_be_put_together_is_not_sent)
{
    static const struct ask how = {.who = "a witness", .ca = "/nowhere"};
    static const struct ask_form form = {
        .body = SLICE("x"), .type = "text/plain", .user = "lazaret", .secret = "secret"};
    for (long n = 1, done = 0; !done; n++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        long status;
        struct slice text;
        struct err e;
        wire.performed = false;
        fail_arm(n);
        CHECK_INT(ask_post(&how, "https://witness.example/", &form, a, &status, &text, &e), -1);
        done = fail_seen < n;
        fail_arm(0);
        CHECK(wire.performed == done);
        CHECK(strstr(e.detail, "a witness") != NULL);
    }
}

TEST(an_address_has_a_length_and_a_host)
{
    char longer[ASK_URL_MAX + 1] = "https://id.example/";
    memset(longer + strlen(longer), 'x', sizeof longer - 1 - strlen(longer));
    CHECK(!ask_address_ok(longer, true));
    longer[ASK_URL_MAX - 1] = 0;
    CHECK(ask_address_ok(longer, true));
    CHECK(!ask_address_ok("file:///etc/passwd", true));
    CHECK(!ask_address_ok("file:", true));
}

TEST(what_is_put_into_a_form_is_escaped_but_for_what_needs_it_not)
{
    static const char kept[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (int c = 0; c < 256; c++) {
        struct buf b = buf_in(a, 64);
        char byte = (char)c, want[16];
        bool plain = c && strchr(kept, c);
        ask_put(&b, "a", (struct slice){&byte, 1});
        ask_put(&b, "b", SLICE(""));
        snprintf(want, sizeof want, plain ? "a=%c&b=" : "a=%%%02X&b=", c);
        CHECK_SLICE(buf_text(&b), want);
    }
}

/* --- the sets of programs --- */

enum { CLIENTS = PROGRAM_SETS + 1 };

struct desk {
    struct house h;
    struct programs *p;
    struct arena *a;
};

static EVP_PKEY *key;
static char key_set[2100];

static void add_client(struct desk *d, const char *name)
{
    struct client_secrets s;
    struct err e;
    CHECK_OK(client_add(d->h.db, d->h.keyring, d->h.scope, name, NULL, &operator_does, d->a, &s, &e));
    CHECK_OK(program_keys(d->h.db, d->h.scope, name, NULL, arena_printf(d->a, "https://keys.example/%s", name), false,
                          &operator_does, d->a, &e));
}

static void open_desk(struct desk *d, int clients)
{
    struct err e;
    char jwk[2048], name[16];
    key = EVP_EC_gen("P-384");
    jwk_of_ec(key, "P-384", 48, jwk);
    snprintf(key_set, sizeof key_set, "{\"keys\":[%s]}", jwk);
    answers(NULL, key_set);
    world.asked = 0;
    clock_off = 0;
    house_build(&d->h);
    d->a = arena_new(64 << 20);
    struct programs_config c = {.db = d->h.db, .scope = d->h.scope, .issuer = "https://gw.example"};
    CHECK_OK(programs_start(&c, &d->p, &e));
    for (int i = 0; i < clients; i++) {
        snprintf(name, sizeof name, "c%d", i);
        add_client(d, name);
    }
}

static void close_desk(struct desk *d)
{
    programs_stop(d->p);
    arena_free(d->a);
    house_raze(&d->h);
    EVP_PKEY_free(key);
}

static struct slice assertion(const char *client, const char *kid, struct arena *a)
{
    const char *claims = arena_printf(a,
                                      "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"https://gw.example/auth/token\","
                                      "\"exp\":%lld,\"jti\":\"j\"}",
                                      client, client, (long long)(clock_now_us() / SECOND + 200));
    return jws_sign(a, arena_printf(a, "{\"alg\":\"ES384\",\"kid\":\"%s\"}", kid), claims, key, "ES384");
}

/* ERR_NONE: it is judged to be the client's. */
static enum err_code judged(struct desk *d, const char *client, const char *kid, struct caller *ret)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct assertion spent;
    struct err e = {.code = ERR_NONE};
    return programs_judge(d->p, assertion(client, kid, a), a, ret, &spent, &e) ? e.code : ERR_NONE;
}

TEST(a_fetched_set_serves_as_long_as_was_said_and_is_asked_for_no_more_often)
{
    struct desk d;
    struct caller c;
    open_desk(&d, 1);
    CHECK_STR(programs_endpoint(d.p), "https://gw.example/auth/token");
    CHECK_STR(programs_issuer(d.p), "https://gw.example");
    static const struct {
        const char *kid;
        int later_s, asked; /* since before, and in all */
        bool away;
        enum err_code code;
    } row[] = {
        {"k1", 0, 1, false, ERR_NONE},       {"k1", 290, 1, false, ERR_NONE},     {"k1", 20, 2, false, ERR_NONE},
        {"k2", 1, 2, false, ERR_ASSERTION},  {"k2", 30, 3, false, ERR_ASSERTION}, {"k2", 1, 3, false, ERR_ASSERTION},
        {"k1", 310, 4, true, ERR_NONE},      {"k1", 10, 4, true, ERR_NONE},       {"k1", 3000, 5, true, ERR_NONE},
        {"k1", 400, 6, true, ERR_ASSERTION}, {"k1", 1, 6, false, ERR_ASSERTION},  {"k1", 30, 7, false, ERR_NONE}};
    for (size_t i = 0; i < COUNT(row); i++) {
        clock_off += row[i].later_s * SECOND;
        world.away = row[i].away;
        enum err_code code = judged(&d, "c0", row[i].kid, &c);
        if (code != row[i].code || world.asked != row[i].asked)
            fail_msg("row %zu: %s, asked %d times", i, err_name(code), world.asked);
    }
    close_desk(&d);
}

TEST(of_more_sets_than_there_is_room_for_the_one_asked_longest_ago_goes)
{
    struct desk d;
    struct caller c;
    char name[16];
    open_desk(&d, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(name, sizeof name, "c%d", i);
        CHECK_INT(judged(&d, name, "k1", &c), ERR_NONE);
        CHECK_STR(c.name, name);
        clock_off += SECOND;
    }
    CHECK_INT(world.asked, CLIENTS);
    CHECK_INT(judged(&d, "c1", "k1", &c), ERR_NONE);
    CHECK_INT(world.asked, CLIENTS);
    CHECK_INT(judged(&d, "c0", "k1", &c), ERR_NONE);
    CHECK_INT(world.asked, CLIENTS + 1);
    close_desk(&d);
}

struct judging {
    struct desk *d;
    char name[16];
    pthread_t thread;
    enum err_code code;
};

static void *judge_one(void *arg)
{
    struct judging *j = arg;
    struct caller c;
    j->code = judged(j->d, j->name, "k1", &c);
    arena_thread_end();
    return NULL;
}

static void begin_judging(struct judging *j, struct desk *d, int client)
{
    *j = (struct judging){.d = d};
    snprintf(j->name, sizeof j->name, "c%d", client);
    CHECK_INT(pthread_create(&j->thread, NULL, judge_one, j), 0);
}

TEST(so_many_sets_are_fetched_at_once_and_who_needs_one_of_them_waits)
{
    struct desk d;
    struct caller c;
    struct judging j[PROGRAM_FETCHES + 1];
    open_desk(&d, PROGRAM_FETCHES + 1);
    world.shut = true;
    for (int i = 0; i < PROGRAM_FETCHES; i++) {
        begin_judging(&j[i], &d, i);
        until_asked(i + 1);
    }
    CHECK_INT(judged(&d, "c4", "k1", &c), ERR_ASSERTION); /* at once */
    begin_judging(&j[PROGRAM_FETCHES], &d, 0);            /* what the first is asking for */
    usleep(100000);
    world.shut = false;
    for (int i = 0; i <= PROGRAM_FETCHES; i++) {
        pthread_join(j[i].thread, NULL);
        CHECK_INT(j[i].code, ERR_NONE);
    }
    CHECK_INT(world.asked, PROGRAM_FETCHES);
    CHECK_INT(judged(&d, "c4", "k1", &c), ERR_NONE);
    close_desk(&d);
}

TEST(a_fetch_that_is_under_way_is_given_up_when_all_ends)
{
    struct desk d;
    struct judging j;
    open_desk(&d, 1);
    world.shut = true;
    begin_judging(&j, &d, 0);
    until_asked(1);
    programs_stop(d.p);
    pthread_join(j.thread, NULL);
    CHECK_INT(j.code, ERR_ASSERTION);
    world.shut = false;
    d.p = NULL;
    close_desk(&d);
}

TEST(a_set_that_could_not_be_looked_at_proves_nothing)
{
    struct desk d;
    open_desk(&d, 1);
    for (int arenas = 0; arenas <= 1; arenas++)
        for (long n = 1, done = 0; !done; n++) {
            OWN_ARENA struct arena *a = arena_new(1 << 20);
            struct slice text = assertion("c0", "k1", a);
            struct caller c;
            struct assertion spent;
            struct err e = {.code = ERR_NONE};
            world.asked = 0;
            clock_off += 4000 * SECOND;
            arm(arenas, n);
            int rc = programs_judge(d.p, text, a, &c, &spent, &e);
            done = seen_of(arenas) < n;
            arm(false, 0);
            CHECK(rc == 0 || e.code == ERR_ASSERTION || err_retry(e.code) || arena_failed(a));
            CHECK(rc == 0 || !done);
        }
    close_desk(&d);
}

TEST(a_clients_limits_come_with_it_and_a_name_that_no_client_can_have_is_nobodys)
{
    struct desk d;
    struct caller c;
    open_desk(&d, 1);
    CHECK_INT(judged(&d, "c0", "k1", &c), ERR_NONE);
    CHECK(c.rate == -1 && c.burst == -1);
    house_sql(&d.h, "UPDATE client SET rate = 3, burst = 7");
    CHECK_INT(judged(&d, "c0", "k1", &c), ERR_NONE);
    CHECK(c.rate == 3 && c.burst == 7);
    char longer[CLIENT_NAME_MAX + 2] = {0};
    memset(longer, 'n', CLIENT_NAME_MAX + 1);
    house_sql(&d.h, arena_printf(d.a, "UPDATE client SET name = '%s'", longer));
    CHECK_INT(judged(&d, longer, "k1", &c), ERR_ASSERTION);
    CHECK_INT(judged(&d, "nobody", "k1", &c), ERR_ASSERTION);
    struct programs_config none = {.issuer = "https://gw.example"};
    struct programs *p;
    struct err e;
    fault_arm(FAULT_ALLOC, 0, 0);
    for (long n = 1; n <= 3; n++) { /* its arena, and curl */
        fail_arm(n);
        int rc = programs_start(&none, &p, &e);
        bool refused = fail_seen >= n;
        fail_arm(0);
        CHECK(rc == (refused ? -1 : 0) && (!refused || e.code == ERR_NO_MEMORY));
        if (rc == 0)
            programs_stop(p);
    }
    close_desk(&d);
}

int main(void)
{
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* each fetch that fails is a line */
    const struct CMUnitTest tests[] = {T(doors_are_those_of_the_document_and_over_https),
                                       T(a_document_is_asked_for_below_the_issuers_url),
                                       T(while_memory_is_out_there_are_no_keys_and_then_there_are),
                                       T(what_was_checked_by_a_set_does_not_hold_after_it_though_memory_is_out),
                                       T(so_many_wait_for_an_answer_for_so_long_and_nobody_else),
                                       T(a_key_nobody_has_is_not_said_to_be_missing_while_the_provider_is_away),
                                       T(a_provider_that_is_away_is_asked_with_longer_and_longer_pauses),
                                       T(doors_that_are_not_told_in_time_are_not_known),
                                       T(plain_http_never_leaves_this_machine_whatever_a_name_resolves_to),
                                       T(a_request_that_could_not_be_put_together_is_not_sent),
                                       T(an_address_has_a_length_and_a_host),
                                       T(what_is_put_into_a_form_is_escaped_but_for_what_needs_it_not),
                                       T(a_fetched_set_serves_as_long_as_was_said_and_is_asked_for_no_more_often),
                                       T(of_more_sets_than_there_is_room_for_the_one_asked_longest_ago_goes),
                                       T(so_many_sets_are_fetched_at_once_and_who_needs_one_of_them_waits),
                                       T(a_fetch_that_is_under_way_is_given_up_when_all_ends),
                                       T(a_set_that_could_not_be_looked_at_proves_nothing),
                                       T(a_clients_limits_come_with_it_and_a_name_that_no_client_can_have_is_nobodys)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
