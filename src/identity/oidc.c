#include "identity/oidc.h"

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "identity/ask.h"
#include "identity/id_token.h"
#include "store/place.h"

#define SECOND INT64_C(1000000)

enum { SECRET_MAX = 512, RANDOM_BYTES = 32, RANDOM_TEXT = 44, HOLD_S = 30, EARLY_S = 60, FORM_MAX = 64 << 10 };

struct oidc {
    struct oidc_config c;
    struct people people;
    struct id_rules rules;
    struct ask ask;
    bool trust;
    atomic_int asking;
    char secret[SECRET_MAX + 1]; /* "": none */
};

/* --- settings --- */

static int read_secret(const char *path, char out[SECRET_MAX + 1], struct err *e)
{
    OWN_FILE FILE *f = *path ? fopen(path, "re") : NULL;
    out[0] = 0;
    if (!*path)
        return 0;
    if (!f)
        return err_sys(e, ERR_CONFIG, "staff.client_secret_file: %s", path);
    setvbuf(f, NULL, _IONBF, 0); /* no copy of it in a buffer */
    size_t n = fread(out, 1, SECRET_MAX + 1, f);
    while (n && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    if (n == 0 || n > SECRET_MAX || memchr(out, 0, n))
        return err_set(e, ERR_CONFIG, "staff.client_secret_file is one line of at most %d bytes", SECRET_MAX);
    out[n] = 0;
    return 0;
}

static bool is_origin(const char *url)
{
    const char *host = strstr(url, "://");
    return ask_address_ok(url, true) && host && !strpbrk(host + 3, "/?#");
}

int oidc_start(const struct oidc_config *c, struct oidc **ret, struct err *e)
{
    const struct staff_config *s = staff_settings(c->staff);
    if (!is_origin(c->url))
        return err_set(
            e, ERR_CONFIG,
            "public.url is https://HOST[:PORT] without anything behind it, where browsers find this server; http "
            "only on this machine");
    struct oidc *o = calloc(1, sizeof *o);
    if (!o)
        return err_set(e, ERR_NO_MEMORY, "sign-ins");
    o->c = *c;
    o->people = s->people;
    o->trust = s->trust;
    o->rules = (struct id_rules){.issuer = s->issuer.url, .client = c->client, .roles = s->rules.roles};
    o->ask = (struct ask){.ca = s->issuer.ca, .plain = s->issuer.plain};
    if (read_secret(c->secret_file, o->secret, e)) {
        oidc_stop(o);
        return -1;
    }
    *ret = o;
    return 0;
}

void oidc_stop(struct oidc *o)
{
    if (!o)
        return;
    wipe(o, sizeof *o);
    free(o);
}

/* --- a sign-in that has begun --- */

struct login {
    const char *state, *nonce, *verifier, *back;
};

bool oidc_back_ok(struct slice back)
{
    if (back.n < 1 || back.n > OIDC_BACK_MAX || back.p[0] != '/' || (back.n > 1 && back.p[1] == '/'))
        return false;
    for (size_t i = 0; i < back.n; i++) {
        char c = back.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c && strchr("/-._~%?&=#+:@!$*()", c))))
            return false;
    }
    return true;
}

static char *random_text(struct arena *a)
{
    uint8_t raw[RANDOM_BYTES];
    char *text = arena_take(a, RANDOM_TEXT + 1);
    rnd_bytes(raw, sizeof raw);
    if (text)
        base64url_encode(raw, sizeof raw, text);
    wipe(raw, sizeof raw);
    return text;
}

static const uint8_t no_row[16];

static int seal_login(struct oidc *o, const struct login *l, struct arena *a, const char **ret, struct err *e)
{
    struct key key;
    struct slice sealed;
    struct seal_place at = place_of(PLACE_LOGIN_COOKIE, o->people.scope, no_row, 0);
    struct buf b = buf_in(a, OIDC_COOKIE_MAX / 2);
    struct json_out out = json_out(&b);
    json_open(&out, '{');
    json_pair_str(&out, "state", l->state);
    json_pair_str(&out, "nonce", l->nonce);
    json_pair_str(&out, "verifier", l->verifier);
    json_pair_str(&out, "back", l->back);
    json_pair_int(&out, "until", clock_now_us() + OIDC_LOGIN_S * SECOND);
    json_close(&out, '}');
    if (buf_failed(&b) || keyring_domain(o->people.keyring, o->people.scope, "session", &key, e))
        return buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "a sign-in") : -1;
    int rc = seal(&key, &at, buf_text(&b), a, &sealed, e);
    key_wipe(&key);
    char *text = rc ? NULL : arena_take(a, 4 * ((sealed.n + 2) / 3) + 1);
    if (!text)
        return rc ? -1 : err_set(e, ERR_NO_MEMORY, "a sign-in");
    base64_encode(sealed.p, sealed.n, text);
    *ret = text;
    return 0;
}

static const char *member(const struct json *j, const char *name, struct arena *a)
{
    struct slice s = json_get_text(j, 0, name, a);
    return s.p ? arena_str(a, s) : NULL;
}

static int open_login(struct oidc *o, struct slice cookie, struct arena *a, struct login *ret, struct err *e)
{
    struct seal_place at = place_of(PLACE_LOGIN_COOKIE, o->people.scope, no_row, 0);
    struct slice text;
    struct json j;
    struct json_fault f;
    int64_t until;
    char *raw = cookie.p && cookie.n <= OIDC_COOKIE_MAX ? arena_take(a, cookie.n + 1) : NULL;
    int n = raw ? base64_decode(cookie, raw, cookie.n) : -1;
    if (n <= 0)
        return err_set(e, ERR_SIGN_IN, "no sign-in was begun in this browser, or too long ago");
    if (keyring_unseal(o->people.keyring, &at, (struct slice){raw, (size_t)n}, a, &text, e) ||
        json_parse(a, text, &j, &f))
        return err_set(e, ERR_SIGN_IN, "the cookie of this sign-in is not one that was made here");
    uint32_t when = json_get_kind(&j, 0, "until", JSON_NUMBER);
    *ret = (struct login){member(&j, "state", a), member(&j, "nonce", a), member(&j, "verifier", a),
                          member(&j, "back", a)};
    if (!ret->state || !ret->nonce || !ret->verifier || !ret->back || !when ||
        !slice_int(json_raw(&j, when), 0, INT64_MAX, &until))
        return err_set(e, ERR_NO_MEMORY, "a sign-in");
    if (until < clock_now_us() || until > clock_now_us() + (OIDC_LOGIN_S + SESSION_CLOCK_S) * SECOND)
        return err_set(e, ERR_SIGN_IN, "this sign-in was begun too long ago");
    return 0;
}

static const char *callback_url(const struct oidc *o, struct arena *a)
{
    return arena_printf(a, "%s/auth/callback", o->c.url);
}

int oidc_begin(struct oidc *o, struct slice back, bool again, struct arena *a, const char **ret_url,
               const char **ret_cookie, struct err *e)
{
    struct issuer_doors doors;
    struct login l = {random_text(a), random_text(a), random_text(a), arena_str(a, back)};
    uint8_t hash[SHA256_BYTES];
    char challenge[RANDOM_TEXT + 1];
    if (issuer_doors(staff_issuer(o->c.staff), a, &doors, e))
        return -1;
    if (!l.state || !l.nonce || !l.verifier || !l.back)
        return err_set(e, ERR_NO_MEMORY, "a sign-in");
    sha256(slice_of(l.verifier), hash);
    base64url_encode(hash, sizeof hash, challenge);
    struct buf b = buf_in(a, 8192);
    buf_str(&b, doors.authorization);
    if (!strchr(doors.authorization, '?'))
        buf_byte(&b, '?');
    ask_put(&b, "response_type", SLICE("code"));
    ask_put(&b, "client_id", slice_of(o->c.client));
    ask_put(&b, "redirect_uri", slice_of(callback_url(o, a)));
    ask_put(&b, "scope", slice_of(o->c.scopes));
    ask_put(&b, "state", slice_of(l.state));
    ask_put(&b, "nonce", slice_of(l.nonce));
    ask_put(&b, "code_challenge", slice_of(challenge));
    ask_put(&b, "code_challenge_method", SLICE("S256"));
    if (again)
        ask_put(&b, "prompt", SLICE("login"));
    buf_byte(&b, 0);
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "a sign-in");
    *ret_url = b.p;
    return seal_login(o, &l, a, ret_cookie, e);
}

/* --- asking for tokens --- */

static const char *escaped(const char *z, struct arena *a)
{
    struct buf b = buf_in(a, 4 * SECRET_MAX);
    ask_put(&b, "", slice_of(z));
    buf_byte(&b, 0);
    return buf_failed(&b) ? NULL : b.p + 1; /* behind "=" */
}

/* Who we are, as the provider wants it, and the form. */
static int post(struct oidc *o, const struct issuer_doors *doors, struct buf *b, struct arena *a, long *ret_status,
                struct json *ret, struct err *e)
{
    struct ask_form form = {.user = NULL};
    if (!*o->secret || doors->secret_in_form)
        ask_put(b, "client_id", slice_of(o->c.client));
    if (*o->secret && doors->secret_in_form)
        ask_put(b, "client_secret", slice_of(o->secret));
    if (*o->secret && !doors->secret_in_form) {
        form.user = escaped(o->c.client, a);
        form.secret = escaped(o->secret, a);
    }
    form.body = buf_text(b);
    if (buf_failed(b) || (*o->secret && !doors->secret_in_form && (!form.user || !form.secret)))
        return err_set(e, ERR_NO_MEMORY, "ask for tokens");
    int rc = atomic_fetch_add(&o->asking, 1) < OIDC_AT_ONCE
                 ? ask_json(&o->ask, doors->token, &form, a, ret_status, ret, e)
                 : err_set(e, ERR_PROVIDER, "too many wait for the identity provider already");
    atomic_fetch_sub(&o->asking, 1);
    return rc;
}

struct tokens {
    struct slice access, id, refresh; /* id and refresh may be {NULL,0} */
    int64_t lives_s;                  /* of the access token; 0: not said */
};

static int take_tokens(const struct json *j, struct arena *a, struct tokens *ret, struct err *e)
{
    uint32_t lives = json_get_kind(j, 0, "expires_in", JSON_NUMBER);
    struct slice type = json_get_text(j, 0, "token_type", a);
    *ret = (struct tokens){.access = json_get_text(j, 0, "access_token", a),
                           .id = json_get_text(j, 0, "id_token", a),
                           .refresh = json_get_text(j, 0, "refresh_token", a)};
    if (!ret->access.n || ret->access.n > TOKEN_MAX || ret->refresh.n > TOKEN_MAX || !slice_is_nocase(type, "Bearer"))
        return err_set(e, ERR_PROVIDER, "the identity provider gave no access token of the type Bearer");
    if (lives && !slice_int(json_raw(j, lives), 0, TOKEN_LIFE_S, &ret->lives_s))
        ret->lives_s = 0;
    return 0;
}

/* Judges an ID token. `nonce` NULL: it came with renewed tokens. */
static int check_id(struct oidc *o, const struct tokens *t, const char *nonce, struct arena *a, struct id_token *ret,
                    struct err *e)
{
    struct token_head head;
    struct slice jwk;
    uint64_t set;
    return id_token_head(t->id, a, &head, e) || issuer_key(staff_issuer(o->c.staff), &head, a, &jwk, &set, e) ||
                   id_token_check(&o->rules, t->id, jwk, nonce, t->access, clock_now_us(), a, ret, e)
               ? -1
               : 0;
}

static bool is_jwt(struct slice s)
{
    int dots = 0;
    for (size_t i = 0; i < s.n; i++)
        dots += s.p[i] == '.';
    return dots == 2 && s.p[0] == 'e'; /* {" in base64url */
}

/* What the tokens say together: of one subject. `id` NULL: there is no ID token. */
static int take_said(struct oidc *o, const struct tokens *t, const struct id_token *id, struct arena *a,
                     struct token *ret, struct err *e)
{
    struct token said = {.roles = 0};
    if (is_jwt(t->access)) {
        if (staff_check(o->c.staff, t->access, a, &said, e))
            return err_in(e, "the access token");
        if (id && strcmp(said.subject, id->subject) != 0)
            return err_set(e, ERR_TOKEN, "access token and ID token are of two people");
    } else if (id) {
        said.roles = id->roles;
        said.until_us = t->lives_s ? clock_now_us() + t->lives_s * SECOND : id->until_us;
        memcpy(said.subject, id->subject, sizeof said.subject);
    } else {
        return err_set(e, ERR_TOKEN, "the provider gave an opaque access token and no ID token");
    }
    if (id && *id->name)
        memcpy(said.name, id->name, sizeof said.name);
    *ret = said;
    return 0;
}

/* What is kept: the refresh token, and an ID token as the hint for signing out. */
static int take_provider(struct oidc *o, const struct tokens *t, const struct token *said, struct slice id_token,
                         struct arena *a, struct session_provider *ret, struct err *e)
{
    int64_t left = said->until_us - TOKEN_LEEWAY_S * SECOND - clock_now_us(), early = left / 4;
    struct buf b = buf_in(a, 4 * TOKEN_MAX);
    struct json_out out = json_out(&b);
    json_open(&out, '{');
    if (t->refresh.p)
        json_pair(&out, "refresh", t->refresh);
    if (id_token.p)
        json_pair(&out, "id", id_token);
    json_close(&out, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "tokens");
    *ret = (struct session_provider){
        .issuer = o->rules.issuer, .tokens = buf_text(&b), .said = said->roles, .said_until_us = said->until_us};
    if (early > EARLY_S * SECOND)
        early = EARLY_S * SECOND;
    if (t->refresh.p)
        ret->renew_us = clock_now_us() + left - early;
    return 0;
}

/* --- the answer --- */

static int check_answer(struct oidc *o, const struct oidc_answer *x, const struct login *l,
                        const struct issuer_doors *doors, struct err *e)
{
    if (!x->state.p || x->state.n != strlen(l->state) || !crypto_equal(x->state.p, l->state, x->state.n))
        return err_set(e, ERR_SIGN_IN, "this answer belongs to another sign-in; a newer one was begun in this browser");
    if (x->iss.p ? !slice_is(x->iss, o->rules.issuer) : doors->says_iss)
        return err_set(e, ERR_SIGN_IN, "this answer does not come from the identity provider that was asked (iss)");
    if (x->error.p && slice_is(x->error, "access_denied"))
        return err_set(e, ERR_SIGN_IN, "the sign-in was cancelled, or the identity provider does not let you in");
    if (x->error.p)
        return err_set(e, ERR_SIGN_IN, "the identity provider could not sign you in");
    if (!x->code.n || x->code.n > TOKEN_MAX)
        return err_set(e, ERR_SIGN_IN, "the identity provider's answer has no code");
    return 0;
}

static int exchange(struct oidc *o, const struct issuer_doors *doors, struct slice code, const char *verifier,
                    struct arena *a, struct tokens *ret, struct err *e)
{
    struct buf b = buf_in(a, FORM_MAX);
    struct json j;
    long status;
    ask_put(&b, "grant_type", SLICE("authorization_code"));
    ask_put(&b, "code", code);
    ask_put(&b, "redirect_uri", slice_of(callback_url(o, a)));
    ask_put(&b, "code_verifier", slice_of(verifier));
    if (post(o, doors, &b, a, &status, &j, e))
        return -1;
    if (status == 400)
        return err_set(e, ERR_SIGN_IN,
                       "the identity provider did not take the code: it was used before, or is too old");
    if (status != 200)
        return err_set(e, ERR_PROVIDER,
                       "the identity provider answered %ld to the code: are staff.client and its secret right?",
                       status);
    if (take_tokens(&j, a, ret, e))
        return -1;
    return ret->id.p ? 0
                     : err_set(e, ERR_PROVIDER, "the identity provider gave no ID token: is openid in staff.scopes?");
}

/* The person and the role they begin in. */
static int take_person(struct oidc *o, const struct token *said, struct arena *a, struct session_new *ret,
                       struct oidc_end *end, struct err *e)
{
    struct person p;
    if (staff_person(o->c.staff, said, a, &p, e))
        return -1;
    memcpy(ret->staff, p.id, 16);
    end->known = true;
    if (person_caller(&o->people, &p, o->trust ? &said->roles : NULL, a, &end->caller, e))
        return -1;
    ret->has_role = !(end->caller.roles & (end->caller.roles - 1));
    if (ret->has_role)
        ret->role = end->caller.role = (enum role)__builtin_ctz(end->caller.roles);
    return 0;
}

int oidc_finish(struct oidc *o, const struct oidc_answer *x, const struct audit_entry *audit, struct arena *a,
                struct oidc_end *ret, struct err *e)
{
    struct login l = {.state = NULL};
    struct issuer_doors doors;
    struct tokens t;
    struct id_token id;
    struct token said;
    struct session_provider provider;
    struct session_new s = {.how = SESSION_OIDC, .provider = &provider};
    *ret = (struct oidc_end){.back = NULL};
    if (open_login(o, x->cookie, a, &l, e))
        return -1;
    ret->back = l.back;
    if (issuer_doors(staff_issuer(o->c.staff), a, &doors, e) || check_answer(o, x, &l, &doors, e) ||
        exchange(o, &doors, x->code, l.verifier, a, &t, e) || check_id(o, &t, l.nonce, a, &id, e) ||
        take_said(o, &t, &id, a, &said, e) || take_person(o, &said, a, &s, ret, e) ||
        take_provider(o, &t, &said, t.id, a, &provider, e))
        return -1;
    s.auth_us = id.auth_us;
    if (*id.sid)
        provider.sid = slice_of(id.sid);
    return session_open(o->c.sessions, &s, audit, a, &ret->cookie, e);
}

/* --- renewing --- */

/* 1: renewed; 0: the provider refuses; -1: it could not be asked, or what it said could not be understood. */
static int renew(struct oidc *o, const struct session *x, struct arena *a, struct err *e)
{
    struct issuer_doors doors;
    struct buf b = buf_in(a, FORM_MAX);
    struct slice kept;
    struct json j;
    struct json_fault f;
    struct tokens t;
    struct id_token id;
    struct token said;
    struct person p;
    struct session_provider provider;
    uint8_t who[SHA256_BYTES];
    long status;
    if (session_tokens(o->c.sessions, x->id, a, &kept, e) || issuer_doors(staff_issuer(o->c.staff), a, &doors, e))
        return -1;
    if (!kept.p || json_parse(a, kept, &j, &f))
        return err_set(e, ERR_INTERNAL, "a session without tokens is due");
    struct slice refresh = json_get_text(&j, 0, "refresh", a), hint = json_get_text(&j, 0, "id", a);
    ask_put(&b, "grant_type", SLICE("refresh_token"));
    ask_put(&b, "refresh_token", refresh);
    if (post(o, &doors, &b, a, &status, &j, e))
        return -1;
    if (status == 400)
        return 0;
    if (status != 200)
        return err_set(e, ERR_PROVIDER, "the identity provider answered %ld", status);
    if (take_tokens(&j, a, &t, e) || (t.id.p && check_id(o, &t, NULL, a, &id, e)) ||
        take_said(o, &t, t.id.p ? &id : NULL, a, &said, e))
        return -1;
    if (!t.refresh.p)
        t.refresh = refresh;
    int found = person_hash(&o->people, PERSON_WHO, o->rules.issuer, slice_of(said.subject), who, e)
                    ? -1
                    : person_find(&o->people, who, a, &p, e);
    if (found < 0)
        return -1;
    if (!found || memcmp(p.id, x->staff, 16) != 0)
        return 0; /* somebody else's, or nobody's here */
    return take_provider(o, &t, &said, t.id.p ? t.id : hint, a, &provider, e) ||
                   session_renewed(o->c.sessions, x->id, &provider, a, e)
               ? -1
               : 1;
}

int oidc_renew(struct oidc *o, const struct session *x, const struct audit_entry *audit, struct arena *a)
{
    struct err e;
    int rc = session_renewing(o->c.sessions, x->id, HOLD_S * SECOND, &e);
    if (rc == 0)
        return 0;
    rc = rc < 0 ? -1 : renew(o, x, a, &e);
    if (rc < 0 && e.code == ERR_TOKEN) /* what it gave is not to be believed */
        rc = 0;
    if (rc == 0)
        rc = session_end(o->c.sessions, x->id, "refused by the provider", audit, &e) ? -1 : 1;
    if (rc < 0)
        log_err(LOG_WARN, "tokens of a session were not renewed", &e);
    return rc > 0;
}

/* --- signing out --- */

int oidc_logout_url(struct oidc *o, const struct session *x, struct arena *a, const char **ret, struct err *e)
{
    struct issuer_doors doors;
    struct slice kept;
    struct json j;
    struct json_fault f;
    struct buf b = buf_in(a, 4 * TOKEN_MAX);
    *ret = NULL;
    if (session_tokens(o->c.sessions, x->id, a, &kept, e))
        return -1;
    if (!kept.p || json_parse(a, kept, &j, &f) || issuer_doors(staff_issuer(o->c.staff), a, &doors, e) ||
        !doors.end_session)
        return 0;
    struct slice hint = json_get_text(&j, 0, "id", a);
    buf_str(&b, doors.end_session);
    if (!strchr(doors.end_session, '?'))
        buf_byte(&b, '?');
    if (hint.p)
        ask_put(&b, "id_token_hint", hint);
    ask_put(&b, "client_id", slice_of(o->c.client));
    ask_put(&b, "post_logout_redirect_uri", slice_of(arena_printf(a, "%s/auth/signed-out", o->c.url)));
    buf_byte(&b, 0);
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "sign out");
    *ret = b.p;
    return 0;
}

struct taking {
    const uint8_t *scope;
    const uint8_t *hash;
    int64_t until_us;
};

/* Once only, in the body that ends the sessions: one of which nothing came is good when it is sent again. Those that
 * would not be taken any more need not be remembered. */
static int take_body(struct tx *tx, void *arg, struct err *e)
{
    const struct taking *x = arg;
    if (tx_put(tx, e, "DELETE FROM logout_token WHERE scope = $1 AND until < $2", V_ID(x->scope),
               V_INT(clock_now_us())))
        return -1;
    int n = tx_exec(tx, e, "INSERT INTO logout_token (scope, hash, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    V_ID(x->scope), V_BYTES(x->hash, SHA256_BYTES), V_INT(x->until_us));
    return n < 0 ? -1 : n == 0 ? err_set(e, ERR_TOKEN, "the logout token was sent before (jti)") : 0;
}

int oidc_backchannel(struct oidc *o, struct slice token, const struct audit_entry *audit, struct arena *a, int *ret,
                     struct err *e)
{
    struct token_head head;
    struct slice jwk;
    struct logout_token t;
    uint64_t set;
    uint8_t hash[SHA256_BYTES];
    if (logout_token_head(token, a, &head, e) || issuer_key(staff_issuer(o->c.staff), &head, a, &jwk, &set, e) ||
        logout_token_check(&o->rules, token, jwk, clock_now_us(), a, &t, e) ||
        person_hash(&o->people, "jti", o->rules.issuer, slice_of(t.jti), hash, e))
        return -1;
    struct taking x = {o->people.scope, hash, t.until_us};
    struct slice sid = *t.sid ? slice_of(t.sid) : (struct slice){NULL, 0};
    return session_end_provider(o->c.sessions, o->rules.issuer, sid, slice_of(t.subject), take_body, &x, audit, a, ret,
                                e);
}
