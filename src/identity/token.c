#include "identity/token.h"

#include <cjose/cjose.h>
#include <stdlib.h>

#include "base/own.h"
#include "identity/token_int.h"

enum { RSA_BITS_LEAST = 2048 };

static const struct {
    const char *alg, *kty, *crv;
} algorithms[] = {{"RS256", "RSA", NULL}, {"RS384", "RSA", NULL},   {"PS256", "RSA", NULL},
                  {"PS384", "RSA", NULL}, {"ES256", "EC", "P-256"}, {"ES384", "EC", "P-384"}};

/* The row of an algorithm; -1: not one that is accepted. */
static int algorithm(struct slice alg)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (slice_is(alg, algorithms[i].alg))
            return (int)i;
    return -1;
}

int token_decode(struct slice s, struct arena *a, struct slice *ret)
{
    char *out = arena_take(a, s.n + 1);
    int n = out && s.n ? base64url_decode(s, out, s.n) : -1;
    if (n < 0)
        return -1;
    out[n] = 0;
    *ret = (struct slice){out, (size_t)n};
    return 0;
}

int token_part(struct slice part, const char *which, struct arena *a, struct json *ret, struct err *e)
{
    struct slice text;
    struct json_fault f;
    if (token_decode(part, a, &text))
        return err_set(e, ERR_TOKEN, "the token's %s is not base64url", which);
    if (json_parse(a, text, ret, &f))
        return f.what ? err_set(e, ERR_TOKEN, "the token's %s is not JSON that can be trusted: %s", which, f.what)
                      : err_set(e, ERR_NO_MEMORY, "a token");
    if (json_kind(ret, 0) != JSON_OBJECT)
        return err_set(e, ERR_TOKEN, "the token's %s is not a JSON object", which);
    return 0;
}

static int copy(struct slice s, char *out, size_t most)
{
    if (s.n > most)
        return -1;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return 0;
}

static bool is_one_of(struct slice typ, const char *const *allowed)
{
    for (; typ.p && *allowed; allowed++)
        if (slice_is_nocase(typ, *allowed))
            return true;
    return false;
}

int token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e)
{
    static const char *const access[] = {"JWT", "at+jwt", "application/at+jwt", NULL};
    return token_head_typ(token, access, a, ret, e);
}

int token_head_typ(struct slice token, const char *const *typs, struct arena *a, struct token_head *ret, struct err *e)
{
    struct slice rest = token, part[3];
    struct json j;
    struct token_head head = {.kid = ""};
    if (token.n > TOKEN_MAX)
        return err_set(e, ERR_TOKEN, "the token is longer than %d bytes", TOKEN_MAX);
    for (int i = 0; i < 3; i++)
        part[i] = slice_cut(&rest, '.');
    if (rest.p || !part[0].n || !part[1].n || !part[2].p)
        return err_set(e, ERR_TOKEN, "the token is not three parts with dots between them");
    if (token_part(part[0], "header", a, &j, e))
        return -1;
    struct slice alg = json_get_text(&j, 0, "alg", a), kid = json_get_text(&j, 0, "kid", a),
                 typ = json_get_text(&j, 0, "typ", a);
    if (json_get(&j, 0, "crit"))
        return err_set(e, ERR_TOKEN, "the token's header asks for an extension (crit) that is not known here");
    if (!alg.p || algorithm(alg) < 0)
        return err_set(e, ERR_TOKEN, "the token is not signed by RS256, RS384, PS256, PS384, ES256 or ES384");
    if (json_get(&j, 0, "typ") && !is_one_of(typ, typs))
        return err_set(e, ERR_TOKEN, "the token's header says it is another kind of token (typ)");
    if (json_get(&j, 0, "kid") && (!kid.p || copy(kid, head.kid, KID_MAX)))
        return err_set(e, ERR_TOKEN, "the token names its key by something that is no short text");
    memcpy(head.alg, alg.p, alg.n); /* one of ours, and shorter than that */
    *ret = head;
    return 0;
}

/* --- the key --- */

bool token_rsa_long_enough(struct slice n, struct arena *a)
{
    struct slice raw;
    if (!n.p || token_decode(n, a, &raw))
        return false;
    while (raw.n && raw.p[0] == 0) {
        raw.p++;
        raw.n--;
    }
    return raw.n * 8 >= RSA_BITS_LEAST && (raw.n * 8 > RSA_BITS_LEAST || (raw.p[0] & 0x80));
}

/* NULL: it may check this algorithm; else why not. */
static const char *key_unfit(const struct json *k, int alg, struct arena *a)
{
    struct slice kty = json_get_text(k, 0, "kty", a), use = json_get_text(k, 0, "use", a),
                 own = json_get_text(k, 0, "alg", a), crv = json_get_text(k, 0, "crv", a);
    if (!kty.p || !slice_is(kty, algorithms[alg].kty))
        return "the token's algorithm does not fit the type of its key";
    if (algorithms[alg].crv && (!crv.p || !slice_is(crv, algorithms[alg].crv)))
        return "the token's algorithm does not fit the curve of its key";
    if (json_get(k, 0, "use") && !(use.p && slice_is(use, "sig")))
        return "the token's key is not meant for signatures";
    if (json_get(k, 0, "alg") && !(own.p && slice_is(own, algorithms[alg].alg)))
        return "the token's key is meant for another algorithm";
    if (!algorithms[alg].crv && !token_rsa_long_enough(json_get_text(k, 0, "n", a), a))
        return "the token's key is shorter than 2048 bits";
    return NULL;
}

int token_key(struct slice jwks, const struct token_head *head, struct arena *a, struct slice *ret, struct err *e)
{
    struct json all, k;
    struct json_fault f;
    int row = algorithm(slice_of(head->alg)), fit = 0, named = 0;
    if (json_parse(a, jwks, &all, &f))
        return f.what ? 0 : err_set(e, ERR_NO_MEMORY, "a key set");
    uint32_t keys = json_kind(&all, 0) == JSON_OBJECT ? json_get_kind(&all, 0, "keys", JSON_ARRAY) : 0;
    for (uint32_t i = keys ? json_first(&all, keys) : 0; keys && i != json_end(&all, keys); i = json_next(&all, i)) {
        uint32_t kid = json_kind(&all, i) == JSON_OBJECT ? json_get_kind(&all, i, "kid", JSON_STRING) : 0;
        if (json_kind(&all, i) != JSON_OBJECT || (*head->kid && !(kid && json_is(&all, kid, head->kid))))
            continue;
        struct slice text = json_span(&all, i);
        if (json_parse(a, text, &k, &f))
            return err_set(e, ERR_NO_MEMORY, "a key set");
        bool fits = row >= 0 && !key_unfit(&k, row, a);
        if (fits || (*head->kid && !named)) /* one that does not fit is told apart from one that is not there */
            *ret = text;
        fit += fits;
        named++;
        if (fits && *head->kid)
            return 1;
    }
    return *head->kid ? named > 0 : fit == 1;
}

int token_signed(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct err *e)
{
    struct json k;
    struct json_fault f;
    cjose_err why = {.code = CJOSE_ERR_NONE};
    if (json_parse(a, jwk, &k, &f) || json_kind(&k, 0) != JSON_OBJECT)
        return err_set(e, ERR_TOKEN, "the token's key cannot be read");
    const char *unfit = key_unfit(&k, algorithm(slice_of(head->alg)), a);
    if (unfit)
        return err_set(e, ERR_TOKEN, "%s", unfit);
    cjose_jwk_t *key = cjose_jwk_import(jwk.p, jwk.n, &why);
    cjose_jws_t *jws = key ? cjose_jws_import(token.p, token.n, &why) : NULL;
    bool good = jws && cjose_jws_verify(jws, key, &why);
    if (jws)
        cjose_jws_release(jws);
    if (key)
        cjose_jwk_release(key);
    if (!good && why.code == CJOSE_ERR_NO_MEMORY)
        return err_set(e, ERR_NO_MEMORY, "a token");
    return good ? 0 : err_set(e, ERR_TOKEN, "the token's signature does not verify");
}

/* --- the claims --- */

/* NumericDate, whole seconds or with a fraction that is dropped. 1, 0 absent, -1 not one. */
int token_time(const struct json *j, const char *name, int64_t *ret)
{
    uint32_t at = json_get(j, 0, name);
    if (!at)
        return 0;
    struct slice text = json_raw(j, at), rest = text, whole = slice_cut(&rest, '.');
    return json_kind(j, at) == JSON_NUMBER && slice_int(whole, 0, INT64_C(253402300799), ret) &&
                   !memchr(text.p, 'e', text.n) && !memchr(text.p, 'E', text.n)
               ? 1
               : -1;
}

int token_times(const struct json *j, int64_t now_us, int64_t leeway_s, int64_t life_s, int64_t *ret_until_us,
                struct err *e)
{
    int64_t exp = 0, nbf = 0, iat = 0, now = now_us / 1000000;
    int has_exp = token_time(j, "exp", &exp), has_nbf = token_time(j, "nbf", &nbf),
        has_iat = token_time(j, "iat", &iat);
    if (has_exp <= 0 || has_nbf < 0 || has_iat < 0)
        return err_set(e, ERR_TOKEN, "the token does not say when it expires (exp), or its times are no numbers");
    if (exp + leeway_s <= now)
        return err_set(e, ERR_TOKEN, "the token has expired; sign in again");
    if (has_nbf && nbf > now + leeway_s)
        return err_set(e, ERR_TOKEN, "the token is not valid yet (nbf)");
    if (has_iat && iat > now + leeway_s)
        return err_set(e, ERR_TOKEN, "the token was issued in the future (iat)");
    if (exp - now > life_s)
        return err_set(e, ERR_TOKEN, "the token is valid for longer than %lld s", (long long)life_s);
    *ret_until_us = (exp + leeway_s) * 1000000;
    return 0;
}

/* When its owner last showed who they are (OpenID Connect Core 2, auth_time). */
static int token_signed_in(const struct json *j, int64_t *ret_us)
{
    int64_t at = 0;
    int said = token_time(j, "auth_time", &at);
    if (said == 0)
        said = token_time(j, "iat", &at);
    *ret_us = at * 1000000;
    return said < 0 ? -1 : 0;
}

bool token_meant_for(const struct json *j, const char *audience)
{
    uint32_t aud = json_get(j, 0, "aud");
    if (!aud)
        return false;
    if (json_kind(j, aud) == JSON_STRING)
        return json_is(j, aud, audience);
    if (json_kind(j, aud) != JSON_ARRAY)
        return false;
    for (uint32_t k = json_first(j, aud); k != json_end(j, aud); k = json_next(j, k))
        if (json_kind(j, k) == JSON_STRING && json_is(j, k, audience))
            return true;
    return false;
}

static bool meant_for_us(const struct token_rules *rules, const struct json *j, struct arena *a)
{
    struct slice azp = json_get_text(j, 0, "azp", a);
    return (rules->azp && azp.p && slice_is(azp, rules->audience)) || token_meant_for(j, rules->audience);
}

static void take_role(struct slice name, uint32_t *roles)
{
    enum role role;
    if (role_named(name, &role))
        *roles |= UINT32_C(1) << role;
}

/* A claim's value: ["doctor"] or "doctor researcher" or "doctor,researcher". Names nobody knows are not ours. */
static uint32_t roles_in(const struct json *j, uint32_t at, struct arena *a)
{
    uint32_t roles = 0;
    if (json_kind(j, at) == JSON_ARRAY) {
        for (uint32_t k = json_first(j, at); k != json_end(j, at); k = json_next(j, k))
            if (json_kind(j, k) == JSON_STRING)
                take_role(json_text(j, k, a), &roles);
    } else if (json_kind(j, at) == JSON_STRING) {
        struct slice text = json_text(j, at, a);
        size_t begin = 0;
        for (size_t i = 0; text.p && i <= text.n; i++)
            if (i == text.n || text.p[i] == ' ' || text.p[i] == ',') {
                take_role((struct slice){text.p + begin, i - begin}, &roles);
                begin = i + 1;
            }
    }
    return roles;
}

/* "resource_access.lazaret.roles": name by name into objects; where a name has dots itself, it is tried whole first. */
uint32_t token_roles(const struct json *j, const char *path, struct arena *a)
{
    uint32_t at = 0;
    struct slice rest = slice_of(path);
    uint32_t whole = json_get(j, 0, path);
    if (whole)
        return roles_in(j, whole, a);
    while (rest.p) {
        char *name = arena_str(a, slice_cut(&rest, '.'));
        at = name && json_kind(j, at) == JSON_OBJECT ? json_get(j, at, name) : 0;
        if (!at)
            return 0;
    }
    return roles_in(j, at, a);
}

/* Only what can be shown: no control characters. */
static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

int token_who(const struct json *j, struct arena *a, char subject[SUBJECT_MAX + 1], char name[STAFF_NAME_MAX + 1],
              struct err *e)
{
    struct slice sub = json_get_text(j, 0, "sub", a), called = json_get_text(j, 0, "preferred_username", a);
    if (!sub.p || sub.n == 0 || !is_plain(sub) || copy(sub, subject, SUBJECT_MAX))
        return err_set(e, ERR_TOKEN, "the token does not say who it is for (sub), in at most %d bytes", SUBJECT_MAX);
    if (!called.p || !called.n)
        called = json_get_text(j, 0, "name", a);
    if (!called.p || !is_plain(called) || copy(called, name, STAFF_NAME_MAX))
        name[0] = 0;
    return 0;
}

static int check_claims(const struct token_rules *rules, const struct json *j, int64_t now_us, struct arena *a,
                        struct token *ret, struct err *e)
{
    uint32_t iss = json_get_kind(j, 0, "iss", JSON_STRING), typ = json_get(j, 0, "typ");
    if (!iss || !json_is(j, iss, rules->issuer))
        return err_set(e, ERR_TOKEN, "the token is of another issuer (iss)");
    if (!meant_for_us(rules, j, a))
        return err_set(e, ERR_TOKEN, "the token is meant for another audience (aud%s)", rules->azp ? ", azp" : "");
    if (typ && !(json_kind(j, typ) == JSON_STRING &&
                 (json_is(j, typ, "Bearer") || json_is(j, typ, "at+jwt") || json_is(j, typ, "JWT"))))
        return err_set(e, ERR_TOKEN, "the token is no access token (typ)");
    if (!typ && (json_get(j, 0, "nonce") || json_get(j, 0, "at_hash") || json_get(j, 0, "c_hash")))
        return err_set(e, ERR_TOKEN, "the token is an ID token: send the access token");
    if (token_times(j, now_us, TOKEN_LEEWAY_S, TOKEN_LIFE_S, &ret->until_us, e))
        return -1;
    if (token_signed_in(j, &ret->signed_in_us))
        return err_set(e, ERR_TOKEN, "the token's time of sign-in (auth_time) is no number");
    if (token_who(j, a, ret->subject, ret->name, e))
        return -1;
    ret->roles = token_roles(j, rules->roles, a);
    return 0;
}

int token_open(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct json *ret,
               struct err *e)
{
    struct slice rest = token;
    if (token_signed(head, token, jwk, a, e))
        return -1;
    slice_cut(&rest, '.');
    return token_part(slice_cut(&rest, '.'), "content", a, ret, e);
}

int token_check(const struct token_rules *rules, struct slice token, struct slice jwk, int64_t now_us, struct arena *a,
                struct token *ret, struct err *e)
{
    struct token_head head;
    struct token found = {.roles = 0};
    struct json j;
    if (token_head(token, a, &head, e) || token_open(&head, token, jwk, a, &j, e) ||
        check_claims(rules, &j, now_us, a, &found, e))
        return -1;
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a token");
    *ret = found;
    return 0;
}
