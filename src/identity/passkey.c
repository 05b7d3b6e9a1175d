#include "identity/passkey.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include "base/json.h"
#include "base/own.h"
#include "crypto/digest.h"

/* Bits of the authenticator's data (6.1), and where its parts begin. */
enum { PRESENT = 0x01, VERIFIED = 0x04, ELIGIBLE = 0x08, BACKED_UP = 0x10, HAS_KEY = 0x40, HAS_MORE = 0x80 };
enum { FLAGS_AT = 32, HEAD = 37, AAGUID = 16, DEPTH = 8 };

static void free_cred(fido_cred_t **c)
{
    fido_cred_free(c);
}
static void free_assert(fido_assert_t **x)
{
    fido_assert_free(x);
}
#define OWN_CRED   __attribute__((cleanup(free_cred)))
#define OWN_ASSERT __attribute__((cleanup(free_assert)))

int passkey_rules(const char *url, struct arena *a, struct passkey_rules *ret, struct err *e)
{
    struct slice u = slice_of(url);
    bool tls = slice_starts(u, "https://");
    struct slice rest = {url + (tls ? 8 : 7), u.n - (tls ? 8 : 7)};
    if (!tls && !slice_starts(u, "http://"))
        return 0;
    struct slice host = slice_cut(&rest, ':');
    bool name = false; /* not an address: one of the last label's characters is no digit */
    for (size_t i = host.n; i > 0 && host.p[i - 1] != '.'; i--)
        name = name || host.p[i - 1] < '0' || host.p[i - 1] > '9';
    if (!name || host.p[0] == '[' || memchr(host.p, '/', host.n) || (rest.p && memchr(rest.p, '/', rest.n)) ||
        (!tls && !slice_is(host, "localhost")))
        return 0;
    ret->origin = arena_str(a, u);
    ret->rp_id = arena_str(a, host);
    return ret->origin && ret->rp_id ? 1 : err_set(e, ERR_NO_MEMORY, "passkeys");
}

/* --- what the browser says --- */

int passkey_client(const struct passkey_rules *rules, enum passkey_deed deed, struct slice client_data, struct arena *a,
                   struct passkey_client *ret, struct err *e)
{
    enum err_code code = deed == PASSKEY_MAKE ? ERR_BAD_REQUEST : ERR_TOKEN;
    const char *type = deed == PASSKEY_MAKE ? "webauthn.create" : "webauthn.get";
    struct json j;
    struct json_fault f;
    if (client_data.n > PASSKEY_CLIENT_MAX)
        return err_set(e, code, "clientDataJSON is longer than %d bytes", PASSKEY_CLIENT_MAX);
    if (json_parse(a, client_data, &j, &f))
        return f.what ? err_set(e, code, "clientDataJSON is not JSON that can be trusted: %s", f.what)
                      : err_set(e, ERR_NO_MEMORY, "a passkey");
    struct slice said = json_get_text(&j, 0, "type", a), challenge = json_get_text(&j, 0, "challenge", a),
                 origin = json_get_text(&j, 0, "origin", a);
    uint32_t cross = json_get(&j, 0, "crossOrigin");
    if (!said.p || !slice_is(said, type))
        return err_set(e, code, "clientDataJSON is not of type %s", type);
    if (!origin.p || !slice_is(origin, rules->origin))
        return err_set(e, code, "the passkey was asked for by another page than those of %s", rules->origin);
    if ((cross && json_kind(&j, cross) != JSON_FALSE) || json_get(&j, 0, "topOrigin"))
        return err_set(e, code, "the passkey was asked for from within another page");
    uint8_t *bytes = arena_take(a, challenge.n + 3);
    if (!bytes)
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    int n = challenge.p ? base64url_decode(challenge, bytes, challenge.n) : -1;
    if (n < 0)
        return err_set(e, code, "clientDataJSON has no challenge in base64url");
    *ret = (struct passkey_client){client_data, {(char *)bytes, (size_t)n}};
    return 0;
}

/* --- CBOR (RFC 8949), as far as CTAP uses it: definite lengths, no tags --- */

struct item {
    int major;
    uint64_t value; /* the number, or the length */
    struct slice body;
};

/* The head of an item; false: there is none, or it is longer than what is there. */
static bool take_head(struct slice *rest, struct item *ret)
{
    if (rest->n < 1)
        return false;
    uint8_t first = (uint8_t)rest->p[0], low = first & 31;
    size_t more = low < 24 ? 0 : low <= 27 ? (size_t)1 << (low - 24) : 99;
    if (more > rest->n - 1)
        return false;
    ret->major = first >> 5;
    ret->value = more ? 0 : low;
    for (size_t i = 1; i <= more; i++)
        ret->value = ret->value << 8 | (uint8_t)rest->p[i];
    rest->p += 1 + more;
    rest->n -= 1 + more;
    return ret->major != 6 && (ret->major < 2 || ret->major == 7 || ret->value <= rest->n);
}

static bool take_text(struct slice *rest, struct item *ret)
{
    if (!take_head(rest, ret) || (ret->major != 2 && ret->major != 3))
        return false;
    ret->body = (struct slice){rest->p, (size_t)ret->value};
    rest->p += ret->value;
    rest->n -= ret->value;
    return true;
}

/* A whole item, whatever is in it. NOLINTNEXTLINE: DEPTH ends the recursion */
static bool take_any(struct slice *rest, int depth)
{
    struct slice before = *rest;
    struct item x;
    if (depth == 0 || !take_head(rest, &x))
        return false;
    if (x.major == 2 || x.major == 3) {
        *rest = before;
        return take_text(rest, &x);
    }
    if (x.major < 2 || x.major == 7)
        return true;
    for (uint64_t i = 0; i < x.value * (x.major == 5 ? 2 : 1); i++)
        if (!take_any(rest, depth - 1))
            return false;
    return true;
}

/* {"fmt": text, "attStmt": map, "authData": bytes}, in whatever order. */
struct attestation {
    struct slice format, statement, data;
};

static bool read_attestation(struct slice all, struct attestation *ret)
{
    struct slice rest = all;
    struct item x, key;
    *ret = (struct attestation){.format = {NULL, 0}};
    if (!take_head(&rest, &x) || x.major != 5 || x.value != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        if (!take_text(&rest, &key) || key.major != 3)
            return false;
        struct slice from = rest;
        bool statement = slice_is(key.body, "attStmt");
        if (statement ? !take_any(&rest, DEPTH) : !take_text(&rest, &x))
            return false;
        if (statement)
            ret->statement = (struct slice){from.p, from.n - rest.n};
        else if (slice_is(key.body, "fmt") && x.major == 3)
            ret->format = x.body;
        else if (slice_is(key.body, "authData") && x.major == 2)
            ret->data = x.body;
        else
            return false;
    }
    return rest.n == 0 && ret->format.p && ret->statement.p && ret->data.p;
}

/* Of a packed statement {"alg": number, "sig": bytes}: that it is of this algorithm, and nobody else's certificate is
 * in it; libfido2 asks neither. */
static bool signed_by(struct slice statement, int algorithm)
{
    struct item x, key;
    bool alg = false, sig = false;
    if (!take_head(&statement, &x) || x.major != 5 || x.value != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        if (!take_text(&statement, &key) || key.major != 3)
            return false;
        if (slice_is(key.body, "alg"))
            alg = take_head(&statement, &x) && x.major == 1 && x.value == (uint64_t)(-1 - algorithm);
        else if (slice_is(key.body, "sig"))
            sig = take_text(&statement, &x) && x.major == 2;
    }
    return alg && sig;
}

/* --- the authenticator's data --- */

/* NULL, or what is wrong. */
static const char *data_unfit(const struct passkey_rules *rules, struct slice data, bool made)
{
    uint8_t hash[SHA256_BYTES];
    if (data.n < HEAD || data.n > PASSKEY_DATA_MAX)
        return "the authenticator's data is too short or too long";
    uint8_t flags = (uint8_t)data.p[FLAGS_AT];
    sha256(slice_of(rules->rp_id), hash);
    if (memcmp(hash, data.p, sizeof hash) != 0)
        return "the passkey is one for another site";
    if (!(flags & PRESENT) || !(flags & VERIFIED))
        return "the device has not checked who is using it: it needs a PIN, a fingerprint or the like";
    if ((flags & BACKED_UP) && !(flags & ELIGIBLE))
        return "the device says that the passkey was copied and that it cannot be";
    if (!(flags & HAS_KEY) != !made)
        return made ? "the authenticator's data holds no key" : "the authenticator's data holds a key";
    struct slice rest = {data.p + HEAD, data.n - HEAD};
    if (made) {
        if (rest.n < AAGUID + 2)
            return "the authenticator's data ends in its middle";
        size_t id = (size_t)(uint8_t)rest.p[AAGUID] << 8 | (uint8_t)rest.p[AAGUID + 1];
        if (id < 1 || id > PASSKEY_ID_MAX || id > rest.n - AAGUID - 2)
            return "the passkey's id is too long, or none";
        rest = (struct slice){rest.p + AAGUID + 2 + id, rest.n - AAGUID - 2 - id};
        if (!take_any(&rest, DEPTH))
            return "the passkey's public key cannot be read";
    }
    if ((flags & HAS_MORE) && !take_any(&rest, DEPTH))
        return "the authenticator's data ends in its middle";
    return rest.n ? "there is something behind the authenticator's data" : NULL;
}

static const uint8_t *bytes_of(struct slice s)
{
    return (const uint8_t *)s.p;
}

/* NULL: libfido2 takes it for a key of another algorithm, or memory is out. */
static fido_cred_t *read_cred(const struct passkey_rules *rules, const struct passkey_client *client,
                              const struct attestation *x, int algorithm)
{
    OWN_CRED fido_cred_t *c = fido_cred_new();
    bool packed = slice_is(x->format, "packed");
    if (!c || fido_cred_set_type(c, algorithm) || fido_cred_set_rp(c, rules->rp_id, NULL) ||
        fido_cred_set_clientdata(c, bytes_of(client->text), client->text.n) || fido_cred_set_uv(c, FIDO_OPT_TRUE) ||
        fido_cred_set_fmt(c, packed ? "packed" : "none") ||
        fido_cred_set_authdata_raw(c, bytes_of(x->data), x->data.n) ||
        (packed && fido_cred_set_attstmt(c, bytes_of(x->statement), x->statement.n)))
        return NULL;
    return TAKE(c);
}

static int take_cred(const fido_cred_t *c, int algorithm, uint8_t flags, struct arena *a, struct passkey *ret,
                     struct err *e)
{
    struct slice id = {(const char *)fido_cred_id_ptr(c), fido_cred_id_len(c)},
                 key = {(const char *)fido_cred_pubkey_ptr(c), fido_cred_pubkey_len(c)};
    if (!id.p || !key.p || key.n > PASSKEY_KEY_MAX)
        return err_set(e, ERR_BAD_REQUEST, "the passkey's public key cannot be read");
    *ret = (struct passkey){.algorithm = algorithm,
                            .id = arena_copy(a, id),
                            .key = arena_copy(a, key),
                            .count = fido_cred_sigcount(c),
                            .eligible = flags & ELIGIBLE,
                            .backed_up = flags & BACKED_UP};
    return ret->id.p && ret->key.p ? 0 : err_set(e, ERR_NO_MEMORY, "a passkey");
}

int passkey_made(const struct passkey_rules *rules, const struct passkey_client *client, struct slice attestation,
                 struct arena *a, struct passkey *ret, struct err *e)
{
    static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_RS256};
    struct attestation x;
    if (attestation.n > PASSKEY_ATTESTATION_MAX || !read_attestation(attestation, &x))
        return err_set(e, ERR_BAD_REQUEST, "the attestation object cannot be read");
    const char *unfit = data_unfit(rules, x.data, true);
    if (unfit)
        return err_set(e, ERR_BAD_REQUEST, "%s", unfit);
    bool none = slice_is(x.format, "none") && x.statement.n == 1, packed = slice_is(x.format, "packed");
    if (!none && !packed)
        return err_set(e, ERR_BAD_REQUEST, "attestation was not asked for; none, or packed by the passkey itself");
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        OWN_CRED fido_cred_t *c = read_cred(rules, client, &x, algorithms[i]);
        if (!c)
            continue;
        if (packed && (!signed_by(x.statement, algorithms[i]) || fido_cred_verify_self(c)))
            return err_set(e, ERR_BAD_REQUEST, "the passkey's own attestation does not verify");
        return take_cred(c, algorithms[i], (uint8_t)x.data.p[FLAGS_AT], a, ret, e);
    }
    return err_set(e, ERR_BAD_REQUEST, "the passkey's key is not one for ES256, EdDSA or RS256");
}

/* --- using it --- */

static int verify_by(const fido_assert_t *x, const struct passkey *p)
{
    int rc = FIDO_ERR_INTERNAL;
    if (p->algorithm == COSE_ES256) {
        es256_pk_t *k = es256_pk_new();
        rc = k && !es256_pk_from_ptr(k, p->key.p, p->key.n) ? fido_assert_verify(x, 0, COSE_ES256, k) : rc;
        es256_pk_free(&k);
    } else if (p->algorithm == COSE_EDDSA) {
        eddsa_pk_t *k = eddsa_pk_new();
        rc = k && !eddsa_pk_from_ptr(k, p->key.p, p->key.n) ? fido_assert_verify(x, 0, COSE_EDDSA, k) : rc;
        eddsa_pk_free(&k);
    } else if (p->algorithm == COSE_RS256) {
        rs256_pk_t *k = rs256_pk_new();
        rc = k && !rs256_pk_from_ptr(k, p->key.p, p->key.n) ? fido_assert_verify(x, 0, COSE_RS256, k) : rc;
        rs256_pk_free(&k);
    }
    return rc;
}

int passkey_used(const struct passkey_rules *rules, const struct passkey_client *client, struct slice data,
                 struct slice signature, struct passkey *p, struct err *e)
{
    OWN_ASSERT fido_assert_t *x = fido_assert_new();
    const char *unfit = data_unfit(rules, data, false);
    if (unfit)
        return err_set(e, ERR_TOKEN, "%s", unfit);
    uint8_t flags = (uint8_t)data.p[FLAGS_AT];
    if (signature.n < 1 || signature.n > PASSKEY_SIGNATURE_MAX)
        return err_set(e, ERR_TOKEN, "the passkey's signature is none, or too long");
    if (!(flags & ELIGIBLE) != !p->eligible)
        return err_set(e, ERR_TOKEN, "the passkey is another than the one that was registered");
    if (!x || fido_assert_set_rp(x, rules->rp_id) ||
        fido_assert_set_clientdata(x, bytes_of(client->text), client->text.n) || fido_assert_set_count(x, 1) ||
        fido_assert_set_up(x, FIDO_OPT_TRUE) || fido_assert_set_uv(x, FIDO_OPT_TRUE))
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    if (fido_assert_set_authdata_raw(x, 0, bytes_of(data), data.n) ||
        fido_assert_set_sig(x, 0, bytes_of(signature), signature.n) || verify_by(x, p) != FIDO_OK)
        return err_set(e, ERR_TOKEN, "the passkey's signature does not verify");
    p->count = fido_assert_sigcount(x, 0);
    p->backed_up = flags & BACKED_UP;
    return 0;
}

bool passkey_count_follows(uint32_t before, uint32_t now)
{
    return now > before || (now == 0 && before == 0);
}
