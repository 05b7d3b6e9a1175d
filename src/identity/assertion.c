#include "identity/assertion.h"

#include "base/own.h"
#include "crypto/digest.h"
#include "identity/token_int.h"

const char assertion_unproven[] = "no client of this name has a key that signed this: is its key set registered, and "
                                  "does the header name one of its keys (kid, alg)?";

/* The same refusal, by its own name. */
static int refused(struct err *e)
{
    if (e->code == ERR_TOKEN)
        e->code = ERR_ASSERTION;
    return -1;
}

static struct slice part_of(struct slice text, int n)
{
    struct slice part = {NULL, 0};
    for (int i = 0; i <= n; i++)
        part = slice_cut(&text, '.');
    return part;
}

int assertion_head(struct slice text, struct arena *a, struct token_head *ret, const char **ret_client, struct err *e)
{
    struct json j;
    if (token_head(text, a, ret, e) || token_part(part_of(text, 1), "content", a, &j, e))
        return refused(e);
    struct slice iss = json_get_text(&j, 0, "iss", a), sub = json_get_text(&j, 0, "sub", a);
    if (!iss.p || !iss.n || iss.n > SUBJECT_MAX || !sub.p || !slice_eq(iss, sub))
        return err_set(e, ERR_ASSERTION, "the assertion does not say whose it is: iss and sub are the client's id");
    *ret_client = arena_str(a, iss);
    return *ret_client ? 0 : err_set(e, ERR_NO_MEMORY, "an assertion");
}

/* What only the header tells. */
static int check_header(const struct assertion_rules *rules, const struct json *j, struct arena *a, struct err *e)
{
    struct slice typ = json_get_text(j, 0, "typ", a), jku = json_get_text(j, 0, "jku", a);
    if (json_get(j, 0, "typ") && !(typ.p && slice_is_nocase(typ, "JWT")))
        return err_set(e, ERR_ASSERTION, "the assertion's header says it is something else (typ is JWT)");
    if (json_get(j, 0, "jku") && !(jku.p && rules->keys_url && slice_is(jku, rules->keys_url)))
        return err_set(e, ERR_ASSERTION, "the assertion's jku is not the URL that is registered for the client's keys");
    return 0;
}

static bool is_us(const struct assertion_rules *rules, const struct json *j, uint32_t at)
{
    return json_kind(j, at) == JSON_STRING && (json_is(j, at, rules->endpoint) || json_is(j, at, rules->issuer));
}

/* Us, under one name or both, and nobody else. */
static bool meant_for_us(const struct assertion_rules *rules, const struct json *j)
{
    uint32_t aud = json_get(j, 0, "aud");
    if (!aud || json_kind(j, aud) != JSON_ARRAY)
        return aud && is_us(rules, j, aud);
    for (uint32_t k = json_first(j, aud); k != json_end(j, aud); k = json_next(j, k))
        if (!is_us(rules, j, k))
            return false;
    return json_first(j, aud) != json_end(j, aud);
}

static int check_claims(const struct assertion_rules *rules, const struct json *j, int64_t now_us, struct arena *a,
                        struct assertion *ret, struct err *e)
{
    uint32_t iss = json_get_kind(j, 0, "iss", JSON_STRING), sub = json_get_kind(j, 0, "sub", JSON_STRING);
    struct slice jti = json_get_text(j, 0, "jti", a);
    if (!iss || !sub || !json_is(j, iss, rules->client) || !json_is(j, sub, rules->client))
        return err_set(e, ERR_ASSERTION, "the assertion is another client's (iss, sub)");
    if (!meant_for_us(rules, j))
        return err_set(e, ERR_ASSERTION,
                       "the assertion is not meant for this server alone: aud is the URL of its token "
                       "endpoint, as /.well-known/smart-configuration says it");
    if (token_times(j, now_us, ASSERTION_LEEWAY_S, ASSERTION_LIFE_S + ASSERTION_LEEWAY_S, &ret->until_us, e))
        return refused(e);
    if (!jti.p || jti.n < 1 || jti.n > JTI_MAX)
        return err_set(e, ERR_ASSERTION, "the assertion has no jti of 1 to %d bytes", JTI_MAX);
    sha256(jti, ret->jti);
    return 0;
}

int assertion_check(const struct assertion_rules *rules, struct slice text, struct slice jwk, int64_t now_us,
                    struct arena *a, struct assertion *ret, struct err *e)
{
    struct token_head head;
    struct json header, claims;
    struct assertion found = {.until_us = 0};
    if (token_head(text, a, &head, e))
        return refused(e);
    if (token_signed(&head, text, jwk, a, e))
        return e->code == ERR_TOKEN ? err_set(e, ERR_ASSERTION, "%s", assertion_unproven) : -1;
    if (token_part(part_of(text, 0), "header", a, &header, e) || token_part(part_of(text, 1), "content", a, &claims, e))
        return refused(e);
    if (check_header(rules, &header, a, e) || check_claims(rules, &claims, now_us, a, &found, e))
        return -1;
    *ret = found;
    return 0;
}

/* --- key sets --- */

/* RFC 7518 6.2.2, 6.3.2, 6.4.1. */
static const char *const private_member[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

/* Odd, and 3 at least: with 1 anybody signs. */
static bool exponent_ok(struct slice text, struct arena *a)
{
    struct slice raw;
    if (!text.p || token_decode(text, a, &raw) || raw.n > 8)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < raw.n; i++)
        v = v << 8 | (unsigned char)raw.p[i];
    return v >= 3 && (v & 1);
}

static bool bytes_are(struct slice text, size_t n, struct arena *a)
{
    struct slice raw;
    return text.p && !token_decode(text, a, &raw) && raw.n == n;
}

/* NULL: good. */
static const char *key_wrong(const struct json *j, uint32_t k, struct arena *a)
{
    for (size_t i = 0; i < COUNT(private_member); i++)
        if (json_get(j, k, private_member[i]))
            return "holds a private or shared secret: make a new key, and register its public half alone";
    struct slice kty = json_get_text(j, k, "kty", a), use = json_get_text(j, k, "use", a);
    if (json_get(j, k, "use") && !(use.p && slice_is(use, "sig")))
        return "is not for signatures (use)";
    if (kty.p && slice_is(kty, "RSA")) {
        struct slice n = json_get_text(j, k, "n", a);
        if (!token_rsa_long_enough(n, a) || n.n > (RSA_BITS_MOST / 8 + 2) / 3 * 4)
            return "is no RSA key of 2048 to 8192 bits";
        return exponent_ok(json_get_text(j, k, "e", a), a) ? NULL : "has an exponent (e) that no RSA key has";
    }
    struct slice crv = json_get_text(j, k, "crv", a);
    size_t size = !kty.p || !crv.p || !slice_is(kty, "EC") ? 0
                  : slice_is(crv, "P-256")                 ? 32
                  : slice_is(crv, "P-384")                 ? 48
                                                           : 0;
    if (!size)
        return "is neither an RSA key nor one on P-256 or P-384";
    return bytes_are(json_get_text(j, k, "x", a), size, a) && bytes_are(json_get_text(j, k, "y", a), size, a)
               ? NULL
               : "is no point of its curve (x, y)";
}

static bool kid_is_new(const struct json *j, uint32_t keys, uint32_t k, struct slice kid, struct arena *a)
{
    for (uint32_t i = json_first(j, keys); i != k; i = json_next(j, i))
        if (slice_eq(json_get_text(j, i, "kid", a), kid))
            return false;
    return true;
}

int keyset_check(struct slice text, struct arena *a, struct err *e)
{
    struct json j;
    struct json_fault f;
    int n = 0;
    if (text.n > KEYSET_MAX)
        return err_set(e, ERR_USAGE, "a key set is at most %d bytes", KEYSET_MAX);
    if (json_parse(a, text, &j, &f))
        return f.what
                   ? err_set(e, ERR_USAGE, "the key set is not JSON: line %u, column %u: %s", f.line, f.column, f.what)
                   : err_set(e, ERR_NO_MEMORY, "a key set");
    uint32_t keys = json_kind(&j, 0) == JSON_OBJECT ? json_get_kind(&j, 0, "keys", JSON_ARRAY) : 0;
    if (!keys)
        return err_set(e, ERR_USAGE, "a key set is {\"keys\":[...]} (RFC 7517)");
    for (uint32_t k = json_first(&j, keys); k != json_end(&j, keys); k = json_next(&j, k)) {
        struct slice kid = json_kind(&j, k) == JSON_OBJECT ? json_get_text(&j, k, "kid", a) : (struct slice){NULL, 0};
        if (++n > KEYSET_KEYS_MAX)
            return err_set(e, ERR_USAGE, "a key set has at most %d keys", KEYSET_KEYS_MAX);
        bool named = kid.p && kid.n >= 1 && kid.n <= KID_MAX && kid_is_new(&j, keys, k, kid, a);
        const char *wrong = named ? key_wrong(&j, k, a) : NULL;
        if (arena_failed(a)) /* nothing is said of a key that could not be looked at */
            return err_set(e, ERR_NO_MEMORY, "a key set");
        if (!named)
            return err_set(e, ERR_USAGE, "key %d needs a kid of its own, of at most %d bytes", n, KID_MAX);
        if (wrong)
            return err_set(e, ERR_USAGE, "key %d %s", n, wrong);
    }
    return n ? n : err_set(e, ERR_USAGE, "the key set has no key");
}
