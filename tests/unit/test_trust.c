#include "house.h"

#include "models/trust.h"

static const uint8_t digest[32] = {1, 2, 3}, seed_a[SIGN_SEED] = {7}, seed_b[SIGN_SEED] = {8};
static uint8_t public_a[SIGN_PUBLIC], public_b[SIGN_PUBLIC];

/* A manifest with this signature in it; NULL: none. */
static struct manifest signed_by(const uint8_t seed[SIGN_SEED], const uint8_t over[32], struct arena *a)
{
    uint8_t public[SIGN_PUBLIC], sig[SIGN_BYTES];
    char *id = arena_take(a, KEY_ID_TEXT), *text = arena_take(a, 100);
    sign_public(seed, public);
    trust_sign(seed, over, sig);
    base64_encode(sig, sizeof sig, text);
    return (struct manifest){.has_signature = true,
                             .signature_key = slice_of(trust_key_id(public, id)),
                             .signature = slice_of(text)};
}

static void judged(struct house *h, const struct manifest *m, bool unsigned_ok, const char *signer, enum err_code code)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct trust_verdict v;
    struct err e = {0};
    int rc = trust_judge(h->db, h->scope, m, digest, unsigned_ok, a, &v, &e);
    CHECK_INT(rc, code ? -1 : 0);
    if (code)
        CHECK_INT(e.code, code);
    else if (signer)
        CHECK_STR(v.signer, signer);
    else
        CHECK(v.signer == NULL);
}

TEST(what_a_signature_is_worth_depends_on_who_is_trusted)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    uint8_t other[32] = {9};
    house_build(&h);
    sign_public(seed_a, public_a);
    sign_public(seed_b, public_b);
    struct manifest none = {0}, by_a = signed_by(seed_a, digest, a), by_b = signed_by(seed_b, digest, a),
                    of_other = signed_by(seed_a, other, a), torn = by_a, forged = by_b;
    torn.signature.n -= 4;
    forged.signature_key = by_a.signature_key; /* b's bytes under a's name */

    judged(&h, &none, false, NULL, 0); /* nobody is trusted yet */
    judged(&h, &by_a, false, NULL, 0);
    judged(&h, &torn, true, NULL, ERR_BAD_REQUEST);

    CHECK_OK(trust_add(h.db, h.scope, "vendor", public_a, &operator_does, a, &e));
    judged(&h, &by_a, false, "vendor", 0);
    judged(&h, &none, false, NULL, ERR_NOT_ALLOWED);
    judged(&h, &none, true, NULL, 0);
    judged(&h, &by_b, false, NULL, ERR_NOT_ALLOWED);
    judged(&h, &by_b, true, NULL, 0);
    judged(&h, &of_other, true, NULL, ERR_BAD_REQUEST); /* wrong is wrong, whatever was said */
    judged(&h, &forged, true, NULL, ERR_BAD_REQUEST);
    judged(&h, &torn, true, NULL, ERR_BAD_REQUEST);

    CHECK_INT(trust_add(h.db, h.scope, "vendor", public_b, &operator_does, a, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(trust_add(h.db, h.scope, "twin", public_a, &operator_does, a, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(trust_add(h.db, h.scope, "a b", public_b, &operator_does, a, &e), -1);
    CHECK_INT(e.code, ERR_USAGE);
    memset(other, 0xff, sizeof other);
    CHECK_INT(trust_add(h.db, h.scope, "no-point", other, &operator_does, a, &e), -1);
    CHECK_INT(e.code, ERR_USAGE);
    CHECK_OK(trust_remove(h.db, h.scope, "vendor", &operator_does, a, &e));
    CHECK_INT(trust_remove(h.db, h.scope, "vendor", &operator_does, a, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM audit"), 2); /* trusted, trusted no longer */
    house_raze(&h);
}

static int keep(struct tx *tx, void *arg, struct err *e)
{
    uint8_t *scope = arg, sig[SIGN_BYTES];
    struct trust_verdict v = {.signer = "vendor"};
    trust_sign(seed_a, digest, sig);
    memcpy(v.signature, sig, sizeof sig);
    trust_key_id(public_a, v.key_id);
    return trust_keep(tx, scope, digest, &v, e);
}

TEST(a_kept_signature_holds_as_long_as_its_signer_is_trusted)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    const char *signer;
    house_build(&h);
    sign_public(seed_a, public_a);
    sign_public(seed_b, public_b);
    house_sql(&h, "INSERT INTO model_version (scope, digest, key, version, manifest, created_at) "
                  "SELECT id, CAST(x'010203' || zeroblob(29) AS BLOB), 'm', '1.0.0', '{}', 0 FROM scope;");
    CHECK_OK(trust_allows(h.db, h.scope, digest, false, a, &e));
    CHECK_OK(trust_add(h.db, h.scope, "vendor", public_a, &operator_does, a, &e));
    CHECK_INT(trust_allows(h.db, h.scope, digest, false, a, &e), -1);
    CHECK_INT(e.code, ERR_NOT_ALLOWED);
    CHECK_OK(trust_allows(h.db, h.scope, digest, true, a, &e));
    CHECK_OK(tx_run(h.db, keep, h.scope, &e));
    CHECK_OK(tx_run(h.db, keep, h.scope, &e)); /* again is no harm */
    CHECK_OK(trust_signer(h.db, h.scope, digest, a, &signer, &e));
    CHECK_STR(signer, "vendor");
    CHECK_OK(trust_allows(h.db, h.scope, digest, false, a, &e));

    house_sql(&h, "UPDATE model_signature SET signature = CAST(x'00' || zeroblob(63) AS BLOB)");
    CHECK_OK(trust_signer(h.db, h.scope, digest, a, &signer, &e));
    CHECK(signer == NULL); /* changed in the store */
    house_sql(&h, "DELETE FROM model_signature");
    CHECK_OK(tx_run(h.db, keep, h.scope, &e));
    CHECK_OK(trust_add(h.db, h.scope, "another", public_b, &operator_does, a, &e));
    CHECK_OK(trust_remove(h.db, h.scope, "vendor", &operator_does, a, &e));
    CHECK_INT(trust_allows(h.db, h.scope, digest, false, a, &e), -1);
    house_raze(&h);
}

RUN(T(what_a_signature_is_worth_depends_on_who_is_trusted), T(a_kept_signature_holds_as_long_as_its_signer_is_trusted))
