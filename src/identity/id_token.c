#include "identity/id_token.h"

#include "crypto/digest.h"
#include "identity/token_int.h"

static const char *const id_typs[] = {"JWT", NULL};
static const char *const logout_typs[] = {"logout+jwt", "application/logout+jwt", "JWT", NULL};

int id_token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e)
{
    return token_head_typ(token, id_typs, a, ret, e);
}

int logout_token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e)
{
    return token_head_typ(token, logout_typs, a, ret, e);
}

/* A claim of text, if it is there. -1: it is no text, or too long, or empty. */
static int take_text(const struct json *j, const char *name, char *out, size_t max, struct arena *a)
{
    struct slice s = json_get_text(j, 0, name, a);
    out[0] = 0;
    if (!json_get(j, 0, name))
        return 0;
    if (!s.p || s.n == 0 || s.n > max)
        return -1;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return 0;
}

static int check_parties(const struct id_rules *rules, const struct json *j, struct err *e)
{
    uint32_t iss = json_get_kind(j, 0, "iss", JSON_STRING), azp = json_get(j, 0, "azp"), aud = json_get(j, 0, "aud");
    if (!iss || !json_is(j, iss, rules->issuer))
        return err_set(e, ERR_TOKEN, "the token is of another issuer (iss)");
    if (!token_meant_for(j, rules->client))
        return err_set(e, ERR_TOKEN, "the token is meant for another client (aud)");
    bool several = json_kind(j, aud) == JSON_ARRAY && json_next(j, json_first(j, aud)) != json_end(j, aud);
    if ((azp || several) && !(azp && json_kind(j, azp) == JSON_STRING && json_is(j, azp, rules->client)))
        return err_set(e, ERR_TOKEN, "the token was given to another client (azp)");
    return 0;
}

/* Half of the hash that the signature's algorithm uses, in base64url. */
static bool is_hash_of(const struct token_head *head, struct slice access, struct slice at_hash)
{
    uint8_t hash[SHA384_BYTES];
    char text[SHA384_BYTES];
    bool wide = strcmp(head->alg + 2, "384") == 0;
    if (wide)
        sha384(access, hash);
    else
        sha256(access, hash);
    size_t n = base64url_encode(hash, wide ? SHA384_BYTES / 2 : SHA256_BYTES / 2, text);
    return at_hash.n == n && memcmp(at_hash.p, text, n) == 0;
}

static int check_sign_in(const struct token_head *head, const struct json *j, const char *nonce, struct slice access,
                         struct arena *a, struct err *e)
{
    struct slice said = json_get_text(j, 0, "nonce", a), at_hash = json_get_text(j, 0, "at_hash", a);
    if (nonce && !(said.p && said.n == strlen(nonce) && crypto_equal(said.p, nonce, said.n)))
        return err_set(e, ERR_TOKEN, "the ID token is of another sign-in (nonce)");
    if (json_get(j, 0, "at_hash") && !(at_hash.p && is_hash_of(head, access, at_hash)))
        return err_set(e, ERR_TOKEN, "the ID token came with another access token (at_hash)");
    return 0;
}

int id_token_check(const struct id_rules *rules, struct slice token, struct slice jwk, const char *nonce,
                   struct slice access, int64_t now_us, struct arena *a, struct id_token *ret, struct err *e)
{
    struct token_head head;
    struct json j;
    struct id_token t = {.roles = 0};
    int64_t iat, at = 0;
    if (id_token_head(token, a, &head, e) || token_open(&head, token, jwk, a, &j, e) || check_parties(rules, &j, e) ||
        token_times(&j, now_us, TOKEN_LEEWAY_S, TOKEN_LIFE_S, &t.until_us, e) ||
        check_sign_in(&head, &j, nonce, access, a, e) || token_who(&j, a, t.subject, t.name, e))
        return -1;
    if (token_time(&j, "iat", &iat) <= 0)
        return err_set(e, ERR_TOKEN, "the ID token does not say when it was issued (iat)");
    if (take_text(&j, "sid", t.sid, SID_MAX, a) || token_time(&j, "auth_time", &at) < 0)
        return err_set(e, ERR_TOKEN, "the ID token's sid or auth_time is not what it should be");
    t.auth_us = at * 1000000 > now_us ? 0 : at * 1000000;
    t.roles = token_roles(&j, rules->roles, a);
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "an ID token");
    *ret = t;
    return 0;
}

static int check_event(const struct json *j, struct err *e)
{
    uint32_t events = json_get_kind(j, 0, "events", JSON_OBJECT);
    uint32_t event =
        events ? json_get_kind(j, events, "http://schemas.openid.net/event/backchannel-logout", JSON_OBJECT) : 0;
    if (!event)
        return err_set(e, ERR_TOKEN, "the token is no logout token (events)");
    return json_get(j, 0, "nonce") ? err_set(e, ERR_TOKEN, "a logout token has no nonce") : 0;
}

static int check_age(const struct json *j, int64_t now_us, struct logout_token *ret, struct err *e)
{
    int64_t iat, exp, now = now_us / 1000000;
    int has_exp = token_time(j, "exp", &exp);
    if (token_time(j, "iat", &iat) <= 0 || has_exp < 0)
        return err_set(e, ERR_TOKEN, "the logout token does not say when it was issued (iat)");
    int64_t until = iat + LOGOUT_TOKEN_S;
    if (has_exp && exp < until)
        until = exp;
    if (iat > now + TOKEN_LEEWAY_S || until + TOKEN_LEEWAY_S <= now)
        return err_set(e, ERR_TOKEN, "the logout token is too old, or of the future");
    ret->until_us = (until + TOKEN_LEEWAY_S) * 1000000;
    return 0;
}

int logout_token_check(const struct id_rules *rules, struct slice token, struct slice jwk, int64_t now_us,
                       struct arena *a, struct logout_token *ret, struct err *e)
{
    struct token_head head;
    struct json j;
    struct logout_token t;
    if (logout_token_head(token, a, &head, e) || token_open(&head, token, jwk, a, &j, e) ||
        check_parties(rules, &j, e) || check_event(&j, e) || check_age(&j, now_us, &t, e))
        return -1;
    if (take_text(&j, "jti", t.jti, LOGOUT_JTI_MAX, a) || !t.jti[0])
        return err_set(e, ERR_TOKEN, "the logout token has no name of its own (jti)");
    if (take_text(&j, "sub", t.subject, SUBJECT_MAX, a) || take_text(&j, "sid", t.sid, SID_MAX, a) ||
        (!t.subject[0] && !t.sid[0]))
        return err_set(e, ERR_TOKEN, "the logout token says neither who (sub) nor which session (sid)");
    *ret = t;
    return 0;
}
