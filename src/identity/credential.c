#include "identity/credential.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "store/place.h"

/* --- what a browser is asked for --- */

static int check_here(const struct accounts *x, struct err *e)
{
    return x->passkeys.rp_id ? 0
                             : err_set(e, ERR_CONFLICT,
                                       "there are no passkeys here: browsers make them only for https with the name of "
                                       "a host, or http://localhost (setting url)");
}

static void put_base64url(struct json_out *o, const char *key, struct slice bytes, struct arena *a)
{
    char *text = arena_take(a, bytes.n * 4 / 3 + 4);
    if (!text)
        return;
    base64url_encode(bytes.p, bytes.n, text);
    json_pair_str(o, key, text);
}

int credential_ask(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                   struct err *e)
{
    char challenge[CHALLENGE_TEXT];
    (void)a;
    if (check_here(x, e) ||
        challenge_make(&x->people, staff ? CHALLENGE_STEP_UP : CHALLENGE_SIGN_IN, staff, challenge, e))
        return -1;
    json_open(o, '{');
    json_pair_str(o, "challenge", challenge);
    json_pair_str(o, "rpId", x->passkeys.rp_id);
    json_pair_int(o, "timeout", CHALLENGE_S * 1000);
    json_pair_str(o, "userVerification", "required");
    json_key(o, "allowCredentials"); /* none: the device finds its own, and nobody is told which somebody has */
    json_open(o, '[');
    json_close(o, ']');
    json_close(o, '}');
    return 0;
}

/* rows: id, passkey, uses, backed_up, created_at, used_at, staff */
#define CREDENTIAL_SQL                                                                                                 \
    "SELECT id, passkey, uses, backed_up, created_at, used_at, staff FROM passkey WHERE scope = $1 AND "

struct known {
    uint8_t id[16], staff[16];
    struct passkey passkey;
    struct slice label;
};

static struct seal_place place(const struct people *p, const uint8_t id[16])
{
    return place_of(PLACE_PASSKEY, p->scope, id, 0);
}

static struct slice from_base64url(const struct json *j, uint32_t at, const char *key, size_t most, struct arena *a)
{
    struct slice text = at || json_kind(j, 0) == JSON_OBJECT ? json_get_text(j, at, key, a) : (struct slice){NULL, 0};
    char *out = text.p && text.n <= most * 4 / 3 + 4 ? arena_take(a, text.n + 1) : NULL;
    int n = out ? base64url_decode(text, out, most < text.n ? most : text.n) : -1;
    return n < 0 ? (struct slice){NULL, 0} : (struct slice){out, (size_t)n};
}

static int open_known(const struct people *p, const struct val *v, struct arena *a, struct known *ret, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    struct seal_place at = place(p, (const uint8_t *)v[0].s.p);
    if (keyring_unseal(p->keyring, &at, v[1].s, a, &text, e))
        return -1;
    if (json_parse(a, text, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    uint32_t algorithm = json_get_kind(&j, 0, "algorithm", JSON_NUMBER), eligible = json_get(&j, 0, "eligible");
    *ret = (struct known){.passkey = {.id = from_base64url(&j, 0, "id", PASSKEY_ID_MAX, a),
                                      .key = from_base64url(&j, 0, "key", PASSKEY_KEY_MAX, a),
                                      .count = (uint32_t)v[2].i,
                                      .eligible = eligible && json_kind(&j, eligible) == JSON_TRUE,
                                      .backed_up = v[3].i != 0},
                          .label = json_get_text(&j, 0, "label", a)};
    memcpy(ret->id, v[0].s.p, 16);
    memcpy(ret->staff, v[6].s.p, 16);
    if (!algorithm || !slice_int(json_raw(&j, algorithm), -65536, 0, &ret->passkey.algorithm) || !ret->passkey.id.p ||
        !ret->passkey.key.p || !ret->label.p)
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    return 0;
}

static int seal_known(const struct people *p, const struct known *x, struct arena *a, struct slice *ret, struct err *e)
{
    struct seal_place at = place(p, x->id);
    struct buf b = buf_in(a, 8192);
    struct json_out o = json_out(&b);
    struct key key;
    json_open(&o, '{');
    json_pair_int(&o, "algorithm", x->passkey.algorithm);
    put_base64url(&o, "id", x->passkey.id, a);
    put_base64url(&o, "key", x->passkey.key, a);
    json_pair_bool(&o, "eligible", x->passkey.eligible);
    json_pair(&o, "label", x->label);
    json_close(&o, '}');
    if (buf_failed(&b) || arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    if (keyring_domain(p->keyring, p->scope, "staff", &key, e))
        return -1;
    int rc = seal(&key, &at, buf_text(&b), a, ret, e);
    key_wipe(&key);
    return rc;
}

static int rows_of(const struct people *p, const uint8_t staff[16], struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(p->db, a, ret, e, CREDENTIAL_SQL "staff = $2 ORDER BY id", V_ID(p->scope), V_ID(staff)) < 0 ? -1 : 0;
}

static int put_user(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                    struct err *e)
{
    struct person who;
    struct json j;
    int found = person_by_id(&x->people, staff, a, &who, e);
    if (found <= 0)
        return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "you have no account here");
    if (person_open(&x->people, who.id, who.sealed, a, &j, e))
        return -1;
    json_key(o, "user");
    json_open(o, '{');
    put_base64url(o, "id", (struct slice){(const char *)staff, 16}, a); /* random enough, and says nothing of them */
    json_pair(o, "name", json_get_text(&j, 0, "sub", a));
    json_pair(o, "displayName", json_get_text(&j, 0, "name", a));
    json_close(o, '}');
    return 0;
}

static int put_excluded(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                        struct err *e)
{
    struct rows r;
    struct known k;
    if (rows_of(&x->people, staff, a, &r, e))
        return -1;
    json_key(o, "excludeCredentials");
    json_open(o, '[');
    for (int i = 0; i < r.n; i++) {
        if (open_known(&x->people, row_at(&r, i, 0), a, &k, e))
            return -1;
        json_open(o, '{');
        json_pair_str(o, "type", "public-key");
        put_base64url(o, "id", k.passkey.id, a);
        json_close(o, '}');
    }
    json_close(o, ']');
    return 0;
}

int credential_offer(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                     struct err *e)
{
    static const int algorithms[] = {-7, -8, -257};
    char challenge[CHALLENGE_TEXT];
    int there = check_here(x, e) ? -1 : account_exists(&x->people, staff, a, e);
    if (there == 0)
        return err_set(e, ERR_CONFLICT, "you have no account of this server: your identity provider has your passkeys");
    if (there < 0 || challenge_make(&x->people, CHALLENGE_REGISTER, staff, challenge, e))
        return -1;
    json_open(o, '{');
    json_key(o, "rp");
    json_open(o, '{');
    json_pair_str(o, "id", x->passkeys.rp_id);
    json_pair_str(o, "name", "Lazaret");
    json_close(o, '}');
    if (put_user(x, staff, a, o, e))
        return -1;
    json_pair_str(o, "challenge", challenge);
    json_key(o, "pubKeyCredParams");
    json_open(o, '[');
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        json_open(o, '{');
        json_pair_str(o, "type", "public-key");
        json_pair_int(o, "alg", algorithms[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_pair_int(o, "timeout", CHALLENGE_S * 1000);
    if (put_excluded(x, staff, a, o, e))
        return -1;
    json_pair_raw(
        o, "authenticatorSelection",
        SLICE("{\"residentKey\":\"required\",\"requireResidentKey\":true,\"userVerification\":\"required\"}"));
    json_pair_str(o, "attestation", "none");
    json_close(o, '}');
    return 0;
}

/* --- registering --- */

static int64_t count_of(struct tx *tx, const struct people *p, const uint8_t staff[16], struct arena *a, struct err *e)
{
    struct rows r;
    return tx_rows(tx, a, &r, e, "SELECT count(*) FROM passkey WHERE scope = $1 AND staff = $2", V_ID(p->scope),
                   V_ID(staff)) < 0
               ? -1
               : row_at(&r, 0, 0)->i;
}

struct adding {
    const struct accounts *x;
    const struct invitation *invitation;
    const struct proved *proved;
    struct known known;
    struct slice sealed, challenge;
    uint8_t credential[SHA256_BYTES];
    const struct audit_entry *audit;
    struct arena *arena;
};

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    struct adding *d = arg;
    const struct people *p = &d->x->people;
    int failed = d->invitation ? invitation_use(tx, p, d->invitation, d->arena, e)
                               : account_lock(tx, p, d->known.staff, d->proved, d->arena, e);
    if (failed || challenge_use(tx, p->scope, d->challenge, e))
        return -1;
    int64_t before = count_of(tx, p, d->known.staff, d->arena, e);
    if (before < 0)
        return -1;
    if (before >= CREDENTIAL_EACH)
        return err_set(e, ERR_CONFLICT, "you have %d passkeys; remove one first", CREDENTIAL_EACH);
    int n = tx_exec(tx, e,
                    "INSERT INTO passkey (scope, id, staff, credential, passkey, uses, backed_up, created_at) VALUES "
                    "($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                    V_ID(p->scope), V_ID(d->known.id), V_ID(d->known.staff),
                    V_BYTES(d->credential, sizeof d->credential), V_BLOB(d->sealed), V_INT(d->known.passkey.count),
                    V_INT(d->known.passkey.backed_up), V_INT(clock_now_us()));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "this passkey is registered already");
    return account_audit(tx, p, d->audit, d->known.staff, "create", "Passkey", d->known.id,
                         d->invitation ? "by invitation" : "registered", e);
}

/* The members of what a browser sends that are looked at; {NULL,0} each where it is not what it should be. */
struct sent {
    struct slice id, client, attestation, data, signature, user;
};

static int take_sent(const struct json *j, uint32_t at, struct arena *a, struct sent *ret, struct err *e)
{
    uint32_t response = json_get_kind(j, at, "response", JSON_OBJECT);
    struct slice type = json_get_text(j, at, "type", a);
    *ret = (struct sent){.id = from_base64url(j, at, "id", PASSKEY_ID_MAX, a)};
    if (response) {
        ret->client = from_base64url(j, response, "clientDataJSON", PASSKEY_CLIENT_MAX, a);
        ret->attestation = from_base64url(j, response, "attestationObject", PASSKEY_ATTESTATION_MAX, a);
        ret->data = from_base64url(j, response, "authenticatorData", PASSKEY_DATA_MAX, a);
        ret->signature = from_base64url(j, response, "signature", PASSKEY_SIGNATURE_MAX, a);
        ret->user = from_base64url(j, response, "userHandle", 64, a);
    }
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a passkey");
    if (!ret->id.p || !ret->client.p || !type.p || !slice_is(type, "public-key"))
        return err_set(e, ERR_BAD_REQUEST,
                       "a credential is {id, type: \"public-key\", response: {clientDataJSON, ...}} with bytes in "
                       "base64url, as toJSON() of PublicKeyCredential gives it");
    return 0;
}

static bool label_ok(struct slice label)
{
    size_t points = 0;
    for (size_t i = 0; i < label.n; i++) {
        if ((unsigned char)label.p[i] < 0x20 || label.p[i] == 0x7f)
            return false;
        points += (label.p[i] & 0xc0) != 0x80;
    }
    return points >= 1 && points <= CREDENTIAL_LABEL_MAX && utf8_valid(label);
}

int credential_add(const struct accounts *x, const uint8_t staff[16], const struct invitation *invitation,
                   const struct proved *proved, const struct json *sent, uint32_t at, struct slice label,
                   const struct audit_entry *audit, struct arena *a, uint8_t ret_id[16], struct err *e)
{
    struct adding d = {.x = x, .invitation = invitation, .proved = proved, .audit = audit, .arena = a};
    struct sent s;
    struct passkey_client client;
    if (check_here(x, e) || take_sent(sent, at, a, &s, e))
        return -1;
    if (!s.attestation.p || !label_ok(label))
        return err_set(e, ERR_BAD_REQUEST,
                       "a new passkey has response.attestationObject, and a label of 1 to %d characters",
                       CREDENTIAL_LABEL_MAX);
    if (passkey_client(&x->passkeys, PASSKEY_MAKE, s.client, a, &client, e) ||
        challenge_check(&x->people, CHALLENGE_REGISTER, staff, client.challenge, e) ||
        passkey_made(&x->passkeys, &client, s.attestation, a, &d.known.passkey, e))
        return -1;
    if (!slice_eq(s.id, d.known.passkey.id))
        return err_set(e, ERR_BAD_REQUEST, "the passkey's id is another than the device says");
    d.known.label = label;
    d.challenge = client.challenge;
    memcpy(d.known.staff, staff, 16);
    uuid7(d.known.id);
    sha256(s.id, d.credential);
    if (seal_known(&x->people, &d.known, a, &d.sealed, e) || tx_run(x->people.db, add_body, &d, e))
        return -1;
    memcpy(ret_id, d.known.id, 16);
    return 0;
}

/* --- using --- */

struct using
{
    const struct accounts *x;
    const struct known *known;
    uint32_t before;
    struct slice challenge;
    const struct audit_entry *audit;
};

static int use_body(struct tx *tx, void *arg, struct err *e)
{
    const struct using *u = arg;
    const struct people *p = &u->x->people;
    if (challenge_use(tx, p->scope, u->challenge, e))
        return -1;
    int n =
        tx_exec(tx, e,
                "UPDATE passkey SET uses = $1, backed_up = $2, used_at = $3 WHERE scope = $4 AND id = $5 AND uses = "
                "$6",
                V_INT(u->known->passkey.count), V_INT(u->known->passkey.backed_up), V_INT(clock_now_us()),
                V_ID(p->scope), V_ID(u->known->id), V_INT(u->before));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_TOKEN, "this passkey was used at the same time elsewhere: begin again");
    return account_audit(tx, p, u->audit, u->known->staff, "execute", "Passkey", u->known->id, "used", e);
}

/* Not saying whether it is unknown, removed or another's. */
static int find_credential(const struct accounts *x, const uint8_t staff[16], const struct sent *s, struct arena *a,
                           struct known *ret, struct attempt *ret_who, struct err *e)
{
    struct rows r;
    uint8_t hash[SHA256_BYTES];
    sha256(s->id, hash);
    if (db_rows(x->people.db, a, &r, e, CREDENTIAL_SQL "credential = $2", V_ID(x->people.scope),
                V_BYTES(hash, sizeof hash)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_TOKEN, "this passkey is not known here");
    if (open_known(&x->people, row_at(&r, 0, 0), a, ret, e))
        return -1;
    ret_who->known = true;
    memcpy(ret_who->staff, ret->staff, 16);
    proved_passkey(&ret_who->proved, ret->id);
    bool theirs = !staff || memcmp(staff, ret->staff, 16) == 0;
    bool handle = s->user.p && s->user.n == 16 && memcmp(s->user.p, ret->staff, 16) == 0;
    return theirs && (handle || (staff && !s->user.n)) ? 0 : err_set(e, ERR_TOKEN, "this passkey is not known here");
}

int credential_use(const struct accounts *x, const uint8_t staff[16], const struct json *sent, uint32_t at,
                   const struct audit_entry *audit, struct arena *a, struct attempt *ret, struct err *e)
{
    struct sent s;
    struct passkey_client client;
    struct known known;
    *ret = (struct attempt){.known = false};
    if (check_here(x, e) || take_sent(sent, at, a, &s, e))
        return -1;
    if (!s.data.p || !s.signature.p)
        return err_set(e, ERR_BAD_REQUEST, "a passkey's answer has response.authenticatorData and response.signature");
    if (passkey_client(&x->passkeys, PASSKEY_USE, s.client, a, &client, e) ||
        challenge_check(&x->people, staff ? CHALLENGE_STEP_UP : CHALLENGE_SIGN_IN, staff, client.challenge, e) ||
        find_credential(x, staff, &s, a, &known, ret, e))
        return -1;
    uint32_t before = known.passkey.count;
    if (passkey_used(&x->passkeys, &client, s.data, s.signature, &known.passkey, e))
        return -1;
    if (!passkey_count_follows(before, known.passkey.count))
        return err_set(e, ERR_TOKEN,
                       "this passkey's counter went back, so there may be a copy of it: remove it, and sign in another "
                       "way");
    struct using u = {.x = x, .known = &known, .before = before, .challenge = client.challenge, .audit = audit};
    return tx_run(x->people.db, use_body, &u, e);
}

/* --- listing and removing --- */

int credential_list(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                    struct err *e)
{
    struct rows r;
    struct known k;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    if (rows_of(&x->people, staff, a, &r, e))
        return -1;
    json_open(o, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (open_known(&x->people, v, a, &k, e))
            return -1;
        json_open(o, '{');
        json_pair_str(o, "id", uuid_text(k.id, text));
        json_pair(o, "label", k.label);
        json_pair_str(o, "created_at", clock_text(v[4].i, when));
        json_pair_str(o, "used_at", v[5].kind == VAL_NULL ? NULL : clock_text(v[5].i, when));
        json_pair_bool(o, "backed_up", k.passkey.backed_up);
        json_close(o, '}');
    }
    json_close(o, ']');
    return 0;
}

struct removing {
    const struct people *p;
    const uint8_t *staff, *id;
    const struct audit_entry *audit;
    struct arena *arena;
};

static int remove_body(struct tx *tx, void *arg, struct err *e)
{
    const struct removing *x = arg;
    struct person who;
    struct rows r;
    if (person_lock(tx, x->p->scope, x->staff, x->arena, &who, e) < 0)
        return -1;
    int n = tx_exec(tx, e, "DELETE FROM passkey WHERE scope = $1 AND id = $2 AND staff = $3", V_ID(x->p->scope),
                    V_ID(x->id), V_ID(x->staff));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "you have no such passkey");
    int64_t left = count_of(tx, x->p, x->staff, x->arena, e);
    if (left < 0 ||
        tx_rows(tx, x->arena, &r, e, "SELECT 1 FROM account WHERE scope = $1 AND staff = $2 AND password IS NOT NULL",
                V_ID(x->p->scope), V_ID(x->staff)) < 0)
        return -1;
    if (left == 0 && r.n == 0)
        return err_set(e, ERR_CONFLICT, "this is your only way in: set up another passkey first");
    return account_audit(tx, x->p, x->audit, x->staff, "delete", "Passkey", x->id, "removed", e);
}

int credential_remove(const struct accounts *x, const uint8_t staff[16], const uint8_t id[16],
                      const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct removing d = {.p = &x->people, .staff = staff, .id = id, .audit = audit, .arena = a};
    return tx_run(x->people.db, remove_body, &d, e);
}
