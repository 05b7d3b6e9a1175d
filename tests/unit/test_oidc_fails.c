/* Signing in at a provider, with what it says in the test's hand and with everything failing: nobody is signed in by an
 * answer that is wrong in one point, or that could not be looked at. What a real provider says,
 * tests/scenario/signin.mjs hears. */
#include "fail_store.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "identity/ask.h"
#include "identity/desk.h"
#include "identity/oidc.h"
#include "jwk.h"

#define ISSUER "https://id.example"
#define HOME   "https://study.example"
#define MINUTE INT64_C(60000000)

/* --- the provider: its doors, its key, and what it answers to a form --- */

static struct issuer_doors doors = {
    .authorization = ISSUER "/auth?x=1", .token = ISSUER "/token", .end_session = ISSUER "/end", .says_iss = true};
static EVP_PKEY *key;
static char jwk[2048];
static const char *answer; /* the body */
static long answer_status;
static char asked[8192]; /* the form */
static bool asked_as_user;

static int provider_away(struct err *e)
{
    return err_set(e, ERR_PROVIDER, "a fault a test asked for");
}

int __wrap_issuer_start(const struct issuer_config *c, struct issuer **ret, struct err *e);
int __wrap_issuer_start(const struct issuer_config *c, struct issuer **ret, struct err *e)
{
    (void)c;
    return fail_hit() ? provider_away(e) : (*ret = NULL, 0);
}

void __wrap_issuer_stop(struct issuer *x);
void __wrap_issuer_stop(struct issuer *x)
{
    (void)x;
}

int __wrap_issuer_doors(struct issuer *x, struct arena *a, struct issuer_doors *ret, struct err *e);
int __wrap_issuer_doors(struct issuer *x, struct arena *a, struct issuer_doors *ret, struct err *e)
{
    (void)x, (void)a;
    return fail_hit() ? provider_away(e) : (*ret = doors, 0);
}

int __wrap_issuer_key(struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret,
                      uint64_t *ret_set, struct err *e);
int __wrap_issuer_key(struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret,
                      uint64_t *ret_set, struct err *e)
{
    (void)x, (void)head, (void)a;
    return fail_hit() ? provider_away(e) : (*ret = slice_of(jwk), *ret_set = 1, 0);
}

int __wrap_issuer_holds(struct issuer *x, uint64_t set, struct err *e);
int __wrap_issuer_holds(struct issuer *x, uint64_t set, struct err *e)
{
    (void)x;
    return fail_hit() ? provider_away(e) : set == 1;
}

int __wrap_ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a,
                    long *ret_status, struct json *ret, struct err *e);
int __wrap_ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a,
                    long *ret_status, struct json *ret, struct err *e)
{
    struct json_fault f;
    (void)how;
    CHECK_STR(url, doors.token);
    snprintf(asked, sizeof asked, "%.*s", SLICE_FMT(form->body));
    asked_as_user = form->user != NULL;
    *ret_status = answer_status;
    return fail_hit()                                 ? provider_away(e)
           : json_parse(a, slice_of(answer), ret, &f) ? err_set(e, ERR_NO_MEMORY, "an answer")
                                                      : 0;
}

static int64_t clock_off; /* us */
int64_t __real_clock_now_us(void);
int64_t __wrap_clock_now_us(void);
int64_t __wrap_clock_now_us(void)
{
    return __real_clock_now_us() + clock_off;
}

/* --- the scene --- */

struct scene {
    struct house h;
    struct arena *life;
    struct sessions sessions;
    struct staff *staff;
    struct oidc *oidc;
    struct session session;             /* of mara */
    const char *cookie, *nonce, *state; /* of a sign-in that was begun */
};

static struct slice sign(struct scene *s, const char *claims)
{
    return jws_sign(s->life, "{\"alg\":\"ES256\",\"kid\":\"k1\"}", claims, key, "ES256");
}

static const char *claims(struct scene *s, const char *subject, const char *more)
{
    long long now = clock_now_us() / 1000000;
    return arena_printf(s->life,
                        "{\"iss\":\"" ISSUER
                        "\",\"aud\":\"lazaret\",\"sub\":\"%s\",\"exp\":%lld,\"iat\":%lld,\"roles\":[\"auditor\"]%s}",
                        subject, now + 300, now, more);
}

static const char *id_token(struct scene *s, const char *subject, const char *nonce)
{
    const char *more =
        nonce
            ? arena_printf(s->life,
                           ",\"nonce\":\"%s\",\"sid\":\"s1\",\"auth_time\":1900000000,\"preferred_username\":\"Mara\"",
                           nonce)
            : ",\"preferred_username\":\"Mara\"";
    return sign(s, claims(s, subject, more)).p;
}

static const char *tokens(struct scene *s, const char *access, const char *id, const char *more)
{
    return arena_printf(s->life, "{\"token_type\":\"Bearer\",\"access_token\":\"%s\"%s%s%s%s}", access,
                        id ? ",\"id_token\":\"" : "", id ? id : "", id ? "\"" : "", more);
}

/* What follows `name=` in a URL. */
static const char *parameter(struct scene *s, const char *url, const char *name)
{
    const char *at = strstr(url, name);
    CHECK(at != NULL);
    at += strlen(name);
    return arena_str(s->life, (struct slice){at, strcspn(at, "&")});
}

static void begin(void *scene)
{
    struct scene *s = scene;
    const char *url;
    struct err e;
    CHECK_OK(oidc_begin(s->oidc, SLICE("/where"), false, s->life, &url, &s->cookie, &e));
    s->state = parameter(s, url, "&state=");
    s->nonce = parameter(s, url, "&nonce=");
    answer_status = 200;
    answer = tokens(s, "opaque", id_token(s, "mara", s->nonce), ",\"refresh_token\":\"r1\",\"expires_in\":300");
}

static int finish(struct scene *s, struct oidc_answer x, struct arena *a, struct oidc_end *ret, struct err *e)
{
    if (!x.cookie.p)
        x.cookie = slice_of(s->cookie);
    return oidc_finish(s->oidc, &x, NULL, a, ret, e);
}

static struct oidc_answer right(struct scene *s)
{
    return (struct oidc_answer){.code = SLICE("code"), .state = slice_of(s->state), .iss = SLICE(ISSUER)};
}

static void set_up(struct scene *s, const char *secret)
{
    static const char *const domain[] = {"challenge", "session", "client", "staff", "staff.who"};
    static struct staff_config staff;
    static struct oidc_config c;
    struct key k;
    struct err e;
    fail_arm_kind(FAIL_CALLS, 0);
    *s = (struct scene){.life = arena_new(256 << 20)};
    house_build(&s->h);
    for (size_t i = 0; i < COUNT(domain); i++) /* there, so that no sweep makes one beside what it does */
        CHECK_OK(keyring_domain(s->h.keyring, s->h.scope, domain[i], &k, &e));
    s->sessions = (struct sessions){
        .people = {s->h.db, s->h.keyring, s->h.scope}, .trust = true, .idle_us = 30 * MINUTE, .life_us = 600 * MINUTE};
    staff = (struct staff_config){.people = s->sessions.people,
                                  .issuer = {.url = ISSUER, .keep_s = 100},
                                  .rules = {.audience = "lazaret", .roles = "roles"},
                                  .trust = true};
    CHECK_OK(staff_start(&staff, &s->staff, &e));
    c = (struct oidc_config){.staff = s->staff,
                             .sessions = &s->sessions,
                             .client = "lazaret",
                             .secret_file = secret,
                             .scopes = "openid",
                             .url = HOME};
    CHECK_OK(oidc_start(&c, &s->oidc, &e));
}

static void tear_down(struct scene *s)
{
    oidc_stop(s->oidc);
    staff_stop(s->staff);
    arena_free(s->life);
    house_raze(&s->h);
}

/* Signed in, with tokens that are due. */
static void signed_in(void *scene)
{
    struct scene *s = scene;
    struct oidc_end end;
    struct caller c;
    struct err e;
    begin(s);
    CHECK_OK(finish(s, right(s), s->life, &end, &e));
    struct session_ask q = {.cookie = slice_of(end.cookie), .quiet = true};
    CHECK_INT(session_identify(&s->sessions, &q, s->life, &s->session, &c, &e), 1);
    house_sql(&s->h, "UPDATE session SET renew_at = 1");
    answer = tokens(s, "opaque", id_token(s, "mara", NULL), ",\"refresh_token\":\"r2\",\"expires_in\":300");
}

/* --- answers that are wrong in one point --- */

TEST(an_answer_that_is_right_signs_in_and_one_that_is_wrong_in_a_point_does_not)
{
    static char longer[TOKEN_MAX + 1];
    memset(longer, 'A', sizeof longer);
    struct scene s;
    struct oidc_end end;
    struct err e;
    set_up(&s, "");
    begin(&s);
    CHECK_OK(finish(&s, right(&s), s.life, &end, &e));
    CHECK_STR(end.back, "/where");
    CHECK(end.known && end.cookie && end.caller.role == ROLE_AUDITOR);
    CHECK(strstr(asked, "client_id=lazaret") && strstr(asked, "code_verifier=") && !asked_as_user);
    const struct {
        struct oidc_answer x;
        enum err_code code;
    } row[] = {
        {{.code = SLICE("c"), .state = SLICE("other"), .iss = SLICE(ISSUER)}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .iss = SLICE(ISSUER)}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("0000000000000000000000000000000000000000000"), .iss = SLICE(ISSUER)},
         ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("="), .iss = SLICE("https://other.example")}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("=")}, ERR_SIGN_IN}, /* it says who it is, and does not here */
        {{.state = SLICE("="), .iss = SLICE(ISSUER), .error = SLICE("access_denied")}, ERR_SIGN_IN},
        {{.state = SLICE("="), .iss = SLICE(ISSUER), .error = SLICE("server_error")}, ERR_SIGN_IN},
        {{.state = SLICE("="), .iss = SLICE(ISSUER)}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("="), .iss = SLICE(ISSUER), .cookie = SLICE("!")}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("="), .iss = SLICE(ISSUER), .cookie = SLICE("AAAA")}, ERR_SIGN_IN},
        {{.code = SLICE("c"), .state = SLICE("="), .iss = SLICE(ISSUER), .cookie = {longer, OIDC_COOKIE_MAX + 1}},
         ERR_SIGN_IN},
        {{.code = {longer, TOKEN_MAX + 1}, .state = SLICE("="), .iss = SLICE(ISSUER)}, ERR_SIGN_IN},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        begin(&s);
        struct oidc_answer x = row[i].x;
        if (x.state.n == 1)
            x.state = slice_of(s.state);
        if (finish(&s, x, s.life, &end, &e) == 0 || e.code != row[i].code)
            fail_msg("row %zu: %s", i, e.detail);
    }
    tear_down(&s);
}

TEST(tokens_that_do_not_belong_together_sign_nobody_in)
{
    struct scene s;
    struct oidc_end end;
    struct err e;
    set_up(&s, "");
    char *longer = NULL;
    for (int i = 0; i < 16; i++) {
        enum err_code want = ERR_PROVIDER;
        begin(&s);
        const char *id = id_token(&s, "mara", s.nonce), *jwt = sign(&s, claims(&s, "mara", ",\"typ\":\"Bearer\"")).p;
        switch (i) {
        case 0:
            answer_status = 400;
            want = ERR_SIGN_IN;
            break;
        case 1: answer_status = 500; break;
        case 2: answer = "{}"; break;
        case 3: answer = "{\"access_token\":\"a\",\"token_type\":\"mac\"}"; break;
        case 4: answer = tokens(&s, "opaque", NULL, ""); break; /* no ID token */
        case 5:
            answer = tokens(&s, "opaque", id_token(&s, "mara", "another"), "");
            want = ERR_TOKEN;
            break;
        case 6:
            answer = tokens(&s, sign(&s, claims(&s, "zoe", ",\"typ\":\"Bearer\"")).p, id, "");
            want = ERR_TOKEN;
            break;
        case 7:
            answer = tokens(&s, "e.e.e", id, "");
            want = ERR_TOKEN;
            break;
        case 8:
            answer = tokens(&s, jwt, "e.e.e", "");
            want = ERR_TOKEN;
            break;
        case 9:
            answer = tokens(&s, jwt, id, ",\"expires_in\":-5");
            want = ERR_NONE;
            break; /* a JWT says its time itself */
        case 10:
            answer = tokens(&s, "opaque", id, ",\"expires_in\":99999999");
            want = ERR_NONE;
            break;
        case 11:
        case 12:
            longer = arena_take(s.life, TOKEN_MAX + 2);
            memset(longer, 'a', TOKEN_MAX + 1);
            longer[TOKEN_MAX + 1] = 0;
            answer = i == 11 ? tokens(&s, longer, id, "")
                             : tokens(&s, "opaque", id, arena_printf(s.life, ",\"refresh_token\":\"%s\"", longer));
            break;
        case 13:
            answer = tokens(&s, "x.y.z", id, ""); /* two dots are no JWT yet */
            want = ERR_NONE;
            break;
        case 14: /* whose session the provider does not name */
            answer = tokens(&s, "opaque",
                            sign(&s, claims(&s, "mara", arena_printf(s.life, ",\"nonce\":\"%s\"", s.nonce))).p, "");
            want = ERR_NONE;
            break;
        default: /* no role of the study */
            id = sign(&s,
                      arena_printf(s.life,
                                   "{\"iss\":\"" ISSUER
                                   "\",\"aud\":\"lazaret\",\"sub\":\"new\",\"exp\":%lld,\"iat\":%lld,\"nonce\":\"%s\"}",
                                   (long long)(clock_now_us() / 1000000 + 300), (long long)(clock_now_us() / 1000000),
                                   s.nonce))
                     .p;
            answer = tokens(&s, "opaque", id, "");
            want = ERR_PENDING;
        }
        e.code = ERR_NONE;
        int rc = finish(&s, right(&s), s.life, &end, &e);
        if ((rc == 0) != (want == ERR_NONE) || (rc && e.code != want))
            fail_msg("case %d: %s: %s", i, err_name(e.code), e.detail);
    }
    tear_down(&s);
}

TEST(a_sign_in_that_was_begun_too_long_ago_or_elsewhere_is_not_ended)
{
    static const int64_t off[] = {(OIDC_LOGIN_S + 1) * INT64_C(1000000), -(SESSION_CLOCK_S + 1) * INT64_C(1000000), 0};
    for (size_t i = 0; i < COUNT(off); i++) {
        struct scene s;
        struct oidc_end end;
        struct err e;
        set_up(&s, "");
        begin(&s);
        clock_off = off[i];
        if (i == 2) { /* the cookie of another place */
            s.cookie = arena_printf(s.life, "%s", s.cookie);
            ((char *)(uintptr_t)s.cookie)[80] ^= 1;
        }
        int rc = finish(&s, right(&s), s.life, &end, &e);
        clock_off = 0;
        CHECK_INT(rc, -1);
        CHECK_INT(e.code, ERR_SIGN_IN);
        tear_down(&s);
    }
}

/* --- settings --- */

TEST(settings_that_cannot_be_meant_are_refused)
{
    static char much[8192];
    memset(much, 's', sizeof much);
    const struct {
        const char *url, *secret; /* what stands in the file; NULL: no such file, "": none is set */
        size_t n;
        enum err_code code;
    } row[] = {
        {HOME, "", 0, ERR_NONE},
        {HOME, "secret\r\n", 8, ERR_NONE},
        {HOME, "\n", 1, ERR_CONFIG},
        {HOME, "a\0b", 3, ERR_CONFIG},
        {HOME, NULL, 0, ERR_CONFIG},
        {HOME "/", "", 0, ERR_CONFIG},
        {"http://study.example", "", 0, ERR_CONFIG},
        {"study.example", "", 0, ERR_CONFIG},
        {HOME "?x", "", 0, ERR_CONFIG},
        {HOME, much, sizeof much, ERR_CONFIG},
    };
    struct scene s;
    struct err e;
    set_up(&s, "");
    char path[64];
    snprintf(path, sizeof path, "%s/secret", s.h.dir);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct oidc *o = NULL;
        if (row[i].n) {
            FILE *f = fopen(path, "we");
            CHECK(f && fwrite(row[i].secret, 1, row[i].n, f) == row[i].n && fclose(f) == 0);
        }
        struct oidc_config c = {.staff = s.staff,
                                .sessions = &s.sessions,
                                .client = "lazaret",
                                .scopes = "openid",
                                .url = row[i].url,
                                .secret_file = row[i].secret && !*row[i].secret && !row[i].n ? ""
                                               : row[i].secret                               ? path
                                                                                             : "/nowhere/secret"};
        e.code = ERR_NONE;
        int rc = oidc_start(&c, &o, &e);
        if ((rc == 0) != (row[i].code == ERR_NONE) || e.code != row[i].code)
            fail_msg("row %zu: %s", i, e.detail);
        oidc_stop(o);
    }
    unlink(path);
    tear_down(&s);
}

TEST(a_secret_goes_into_the_header_or_where_the_provider_wants_it_into_the_form)
{
    for (int form = 0; form < 2; form++) {
        struct scene s;
        struct oidc_end end;
        struct err e;
        char path[] = "/tmp/secret.XXXXXX";
        OWN_FD int fd = mkstemp(path);
        CHECK(fd >= 0 && write(fd, "s e c", 5) == 5);
        doors.secret_in_form = form;
        set_up(&s, path);
        begin(&s);
        CHECK_OK(finish(&s, right(&s), s.life, &end, &e));
        CHECK_INT(asked_as_user, !form);
        CHECK((strstr(asked, "client_secret=s%20e%20c") != NULL) == (form == 1));
        tear_down(&s);
        doors.secret_in_form = false;
        unlink(path);
    }
}

/* --- everything failing --- */

#define DEED(name) static int name(void *scene, int turn __attribute__((unused)), struct arena *a, struct err *e)

DEED(begin_one)
{
    struct scene *s = scene;
    const char *url, *cookie;
    return oidc_begin(s->oidc, SLICE("/"), false, a, &url, &cookie, e);
}

/* A sign-in that ends for want of something says so by whatever error: it is begun again. */
DEED(finish_one)
{
    struct scene *s = scene;
    struct oidc_end end;
    int rc = finish(s, right(s), a, &end, e);
    if (rc && (e->code == ERR_SIGN_IN || e->code == ERR_TOKEN))
        e->code = ERR_BUSY;
    return rc;
}

DEED(renew)
{
    struct scene *s = scene;
    (void)e;
    int rc = oidc_renew(s->oidc, &s->session, NULL, a);
    CHECK(rc == 0 || rc == 1);
    return 0;
}

DEED(log_out)
{
    struct scene *s = scene;
    const char *url;
    return oidc_logout_url(s->oidc, &s->session, a, &url, e);
}

static struct slice logout_token;
static void provider_logs_out(void *scene)
{
    struct scene *s = scene;
    static int n;
    signed_in(s);
    logout_token = sign(s, claims(s, "mara",
                                  arena_printf(s->life,
                                               ",\"jti\":\"j%d\",\"sid\":\"s1\",\"events\":{\"http://"
                                               "schemas.openid.net/event/backchannel-logout\":{}}",
                                               n++)));
}

DEED(take_logout)
{
    struct scene *s = scene;
    int ended;
    int rc = oidc_backchannel(s->oidc, logout_token, NULL, a, &ended, e);
    if (rc && e->code == ERR_TOKEN)
        e->code = ERR_BUSY;
    CHECK(rc || ended >= 1);
    return rc;
}

DEED(identify)
{
    struct scene *s = scene;
    struct caller c;
    return staff_identify(s->staff, logout_token, (struct slice){NULL, 0}, a, &c, e);
}

static void new_access_token(void *scene)
{
    struct scene *s = scene;
    static int n;
    logout_token = sign(s, claims(s, "zoe", arena_printf(s->life, ",\"typ\":\"Bearer\",\"jti\":\"%d\"", n++)));
}

DEED(start_staff)
{
    struct scene *s = scene;
    struct staff_config c = *staff_settings(s->staff);
    struct staff *x = NULL;
    (void)a;
    int rc = staff_start(&c, &x, e);
    staff_stop(x);
    return rc;
}

DEED(start_oidc)
{
    struct scene *s = scene;
    struct oidc_config c = {.staff = s->staff,
                            .sessions = &s->sessions,
                            .client = "lazaret",
                            .scopes = "openid",
                            .url = HOME,
                            .secret_file = ""};
    struct oidc *o = NULL;
    (void)a;
    int rc = oidc_start(&c, &o, e);
    oidc_stop(o);
    return rc;
}

TEST(what_fails_while_somebody_signs_in_signs_nobody_in)
{
    struct scene s;
    struct err e;
    set_up(&s, "");
    sweep(&s.h, "begin", begin_one, &s, FAIL_MAY_PASS);
    sweep_before = begin;
    sweep(&s.h, "finish", finish_one, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = signed_in;
    sweep(&s.h, "renew", renew, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep(&s.h, "where to sign out", log_out, &s, FAIL_MAY_PASS);
    sweep_before = provider_logs_out;
    sweep(&s.h, "the provider's logout", take_logout, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = new_access_token;
    sweep(&s.h, "a token", identify, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = NULL;
    sweep(&s.h, "a token again", identify, &s, FAIL_MAY_PASS);
    sweep(&s.h, "start staff", start_staff, &s, FAIL_MAY_PASS);
    sweep(&s.h, "start sign-ins", start_oidc, &s, FAIL_MAY_PASS);
    int ended;
    CHECK_INT(oidc_backchannel(s.oidc, SLICE("no.token"), NULL, s.life, &ended, &e), -1);
    tear_down(&s);
}

TEST(a_logout_of_which_nothing_came_is_taken_when_it_is_sent_again_and_then_no_more)
{
    struct scene s;
    struct err e;
    int ended = 0;
    set_up(&s, "");
    provider_logs_out(&s);
    fail_words = "ended_at = ";
    CHECK_INT(oidc_backchannel(s.oidc, logout_token, NULL, s.life, &ended, &e), -1);
    fail_words = NULL;
    CHECK_INT(e.code, ERR_STORE);
    CHECK_OK(oidc_backchannel(s.oidc, logout_token, NULL, s.life, &ended, &e));
    CHECK(ended >= 1);
    CHECK(oidc_backchannel(s.oidc, logout_token, NULL, s.life, &ended, &e) == -1 && e.code == ERR_TOKEN);
    tear_down(&s);
}

TEST(people_are_sent_to_sign_out_where_the_provider_says_with_what_it_gave)
{
    static const struct session_provider bare = {
        .issuer = ISSUER, .tokens = SLICE("{}"), .said = 1u << ROLE_AUDITOR, .said_until_us = INT64_MAX / 2};
    struct scene s;
    struct err e;
    const char *url, *end = doors.end_session;
    set_up(&s, "");
    signed_in(&s);
    CHECK_OK(oidc_logout_url(s.oidc, &s.session, s.life, &url, &e));
    CHECK(strncmp(url, ISSUER "/end?id_token_hint=", strlen(ISSUER "/end?id_token_hint=")) == 0);
    doors.end_session = ISSUER "/end?realm=1";
    CHECK_OK(session_renewed(&s.sessions, s.session.id, &bare, s.life, &e));
    CHECK_OK(oidc_logout_url(s.oidc, &s.session, s.life, &url, &e));
    CHECK(strncmp(url, ISSUER "/end?realm=1&client_id=lazaret&", strlen(ISSUER "/end?realm=1&client_id=lazaret&")) ==
          0);
    doors.end_session = NULL;
    CHECK_OK(oidc_logout_url(s.oidc, &s.session, s.life, &url, &e));
    CHECK(url == NULL);
    doors.end_session = end;
    tear_down(&s);
}

/* What the provider says to a renewal, and what becomes of the session. */
TEST(a_renewal_ends_the_session_where_the_provider_refuses_and_waits_where_it_is_away)
{
    for (int i = 0; i < 7; i++) {
        struct scene s;
        bool ends = true;
        set_up(&s, "");
        signed_in(&s);
        switch (i) {
        case 0: answer_status = 400; break;
        case 1:
            answer_status = 503;
            ends = false;
            break;
        case 2: answer = tokens(&s, "opaque", id_token(&s, "zoe", NULL), ""); break; /* somebody else's */
        case 3: answer = tokens(&s, "opaque", NULL, ""); break;                      /* says nothing of anybody */
        case 4:
            answer = tokens(&s, sign(&s, claims(&s, "mara", ",\"typ\":\"Bearer\"")).p, NULL, "");
            ends = false;
            break;
        case 5:
            answer = "{}";
            ends = false;
            break;
        default: house_sql(&s.h, "UPDATE session SET tokens = NULL"); ends = false;
        }
        if (i == 2) { /* who is known here, too */
            const char *kept = answer;
            struct session mine = s.session;
            begin(&s);
            answer = tokens(&s, "opaque", id_token(&s, "zoe", s.nonce), "");
            struct oidc_end end;
            struct err e;
            CHECK_OK(finish(&s, right(&s), s.life, &end, &e));
            answer = kept;
            s.session = mine;
        }
        oidc_renew(s.oidc, &s.session, NULL, s.life);
        if ((house_number(&s.h, "SELECT count(*) FROM session WHERE ended_why = 'refused by the provider'") == 1) !=
            ends)
            fail_msg("case %d", i);
        CHECK_INT(oidc_renew(s.oidc, &s.session, NULL, s.life), 0); /* it is not due any more */
        const char *url;
        struct err e;
        if (i == 6) {
            CHECK_OK(oidc_logout_url(s.oidc, &s.session, s.life, &url, &e));
            CHECK(url == NULL);
        }
        tear_down(&s);
    }
}

TEST(only_paths_of_this_server_are_gone_back_to)
{
    static const struct {
        const char *back;
        bool ok;
    } row[] = {{"/", true},
               {"/v1/jobs?x=1&y=(a)", true},
               {"", false},
               {"v1", false},
               {"//other.example", false},
               {"/a b", false},
               {"/a\n", false},
               {"/\"", false},
               {"/a\\b", false},
               {"/Az09-._~%", true}};
    char longer[OIDC_BACK_MAX + 2];
    for (size_t i = 0; i < COUNT(row); i++)
        if (oidc_back_ok(slice_of(row[i].back)) != row[i].ok)
            fail_msg("row %zu", i);
    memset(longer, '/', 1);
    memset(longer + 1, 'a', sizeof longer - 1);
    CHECK(oidc_back_ok((struct slice){longer, OIDC_BACK_MAX}));
    CHECK(!oidc_back_ok((struct slice){longer, OIDC_BACK_MAX + 1}));
    CHECK(!oidc_back_ok((struct slice){"/\0", 2}));
}

static int make_key(void **unused)
{
    (void)unused;
    key = EVP_EC_gen("P-256");
    jwk_of_ec(key, "P-256", 32, jwk);
    return !key;
}

static int drop_key(void **unused)
{
    (void)unused;
    EVP_PKEY_free(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_that_is_right_signs_in_and_one_that_is_wrong_in_a_point_does_not),
        T(tokens_that_do_not_belong_together_sign_nobody_in),
        T(a_sign_in_that_was_begun_too_long_ago_or_elsewhere_is_not_ended),
        T(settings_that_cannot_be_meant_are_refused),
        T(a_secret_goes_into_the_header_or_where_the_provider_wants_it_into_the_form),
        T(what_fails_while_somebody_signs_in_signs_nobody_in),
        T(a_logout_of_which_nothing_came_is_taken_when_it_is_sent_again_and_then_no_more),
        T(people_are_sent_to_sign_out_where_the_provider_says_with_what_it_gave),
        T(a_renewal_ends_the_session_where_the_provider_refuses_and_waits_where_it_is_away),
        T(only_paths_of_this_server_are_gone_back_to)};
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* each renewal that fails is a line */
    int failed = cmocka_run_group_tests(tests, make_key, drop_key);
    arena_thread_end();
    return failed;
}
