#include "identity/person.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "store/place.h"

int person_hash(const struct people *p, const char *kind, const char *issuer, struct slice subject, uint8_t ret[32],
                struct err *e)
{
    struct slice piece[] = {slice_of(issuer), {"", 1}, subject, {"", 1}, slice_of(kind)};
    struct key key;
    if (keyring_domain(p->keyring, p->scope, "staff.who", &key, e))
        return -1;
    /* rows of subjects were hashed before there were kinds: without the last two pieces */
    hmac_sha256((struct slice){(const char *)key.secret, KEY_BYTES}, piece, *kind ? COUNT(piece) : 3, ret);
    key_wipe(&key);
    return 0;
}

static int seal_person(const struct people *p, const uint8_t id[16], const struct arrival *x, struct arena *a,
                       struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(PLACE_STAFF_PERSON, p->scope, id, 0);
    struct buf b = buf_in(a, 16384);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "iss", x->issuer);
    json_pair_str(&o, "sub", x->subject);
    json_pair_str(&o, "name", x->name);
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "a person's name");
    if (keyring_domain(p->keyring, p->scope, "staff", &key, e))
        return -1;
    int rc = seal(&key, &at, buf_text(&b), a, ret, e);
    key_wipe(&key);
    return rc;
}

int person_open(const struct people *p, const uint8_t id[16], struct slice sealed, struct arena *a, struct json *ret,
                struct err *e)
{
    struct slice text;
    struct json_fault f;
    struct seal_place at = place_of(PLACE_STAFF_PERSON, p->scope, id, 0);
    if (keyring_unseal(p->keyring, &at, sealed, a, &text, e))
        return -1;
    return json_parse(a, text, ret, &f) ? err_set(e, ERR_NO_MEMORY, "a person") : 0;
}

/* --- finding --- */

#define PERSON_SQL                                                                                                     \
    "SELECT s.id, s.state, g.role, g.since, s.person FROM staff s LEFT JOIN role_grant g ON g.scope = s.scope AND "    \
    "g.staff = s.id AND g.until IS NULL WHERE s.scope = $1 AND s."

static int take_person(const struct rows *r, struct person *ret)
{
    struct person p = {.active = false};
    for (int i = 0; i < r->n; i++) {
        const struct val *v = row_at(r, i, 0);
        enum role role;
        memcpy(p.id, v[0].s.p, 16);
        p.active = slice_is(v[1].s, "active");
        p.suspended = slice_is(v[1].s, "suspended");
        p.sealed = v[4].s;
        if (v[2].kind == VAL_NULL || !role_named(v[2].s, &role))
            continue;
        if (v[3].kind == VAL_NULL)
            p.proposed |= UINT32_C(1) << role;
        else
            p.held |= UINT32_C(1) << role;
    }
    if (r->n)
        *ret = p;
    return r->n > 0;
}

int person_find(const struct people *p, const uint8_t who[32], struct arena *a, struct person *ret, struct err *e)
{
    struct rows r;
    return db_rows(p->db, a, &r, e, PERSON_SQL "who = $2", V_ID(p->scope), V_BYTES(who, SHA256_BYTES)) < 0
               ? -1
               : take_person(&r, ret);
}

int person_by_id(const struct people *p, const uint8_t id[16], struct arena *a, struct person *ret, struct err *e)
{
    struct rows r;
    return db_rows(p->db, a, &r, e, PERSON_SQL "id = $2", V_ID(p->scope), V_ID(id)) < 0 ? -1 : take_person(&r, ret);
}

/* The row first, by a write that changes nothing: whoever manages the same person waits, so that two roles which must
 * be apart cannot be granted side by side. */
int person_lock(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], struct arena *a, struct person *ret,
                struct err *e)
{
    struct rows r;
    if (tx_exec(tx, e, "UPDATE staff SET changed_at = changed_at WHERE scope = $1 AND id = $2", V_ID(scope), V_ID(id)) <
            0 ||
        tx_rows(tx, a, &r, e, PERSON_SQL "id = $2", V_ID(scope), V_ID(id)) < 0)
        return -1;
    return take_person(&r, ret);
}

/* --- arriving --- */

int person_audit(struct tx *tx, const uint8_t scope[16], const char *actor, const char *actor_role, const char *action,
                 const char *object, const uint8_t id[16], const char *why, struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = {.scope = scope,
                                .actor = actor,
                                .role = actor_role,
                                .action = action,
                                .object = object,
                                .object_id = uuid_text(id, text),
                                .outcome = "permit",
                                .why = why,
                                .rows = 1};
    return audit_append(tx, &entry, e);
}

int person_propose(struct tx *tx, const uint8_t scope[16], const uint8_t staff[16], enum role role, const char *by,
                   struct err *e)
{
    uint8_t id[16];
    uuid7(id);
    int n =
        tx_exec(tx, e,
                "INSERT INTO role_grant (scope, id, staff, role, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, "
                "$6) ON CONFLICT DO NOTHING",
                V_ID(scope), V_ID(id), V_ID(staff), V_STR(role_name(role)), V_STR(by), V_INT(clock_now_us()));
    return n < 0 ? -1 : 0;
}

struct arriving {
    const struct people *all;
    const struct arrival *x;
    struct slice person;
    uint8_t id[16];
    bool is_new;
    uint32_t propose;
};

/* ON CONFLICT: another request of the same person was first; then its row is the one. */
static int write_arrival(struct tx *tx, void *arg, struct err *e)
{
    struct arriving *x = arg;
    const uint8_t *scope = x->all->scope;
    char id[UUID_TEXT];
    int64_t now = clock_now_us();
    if (x->is_new) {
        int n =
            tx_exec(tx, e,
                    "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) VALUES ($1, $2, $3, $4, "
                    "'pending', $5, $5) ON CONFLICT DO NOTHING",
                    V_ID(scope), V_ID(x->id), V_BYTES(x->x->who, SHA256_BYTES), V_BLOB(x->person), V_INT(now));
        if (n <= 0)
            return n;
        if (person_audit(tx, scope, uuid_text(x->id, id), "anonymous", "create", "Staff", x->id, "pending", e))
            return -1;
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        if ((x->propose >> role & 1) &&
            (person_propose(tx, scope, x->id, (enum role)role, x->x->by, e) ||
             person_audit(tx, scope, x->x->by, NULL, "create", "Grant", x->id, role_name((enum role)role), e)))
            return -1;
    return 0;
}

int person_arrive(const struct people *all, const struct arrival *arrival, const struct person *p, struct arena *a,
                  struct person *ret, struct err *e)
{
    struct arriving x = {.all = all, .x = arrival, .is_new = !p};
    x.propose = person_staff_roles(arrival->roles) & ~(p ? p->held | p->proposed : 0);
    if (p && !x.propose)
        return *ret = *p, 0;
    if (p)
        memcpy(x.id, p->id, 16);
    else
        uuid7(x.id);
    if ((!p && seal_person(all, x.id, arrival, a, &x.person, e)) || tx_run(all->db, write_arrival, &x, e))
        return -1;
    int found = person_find(all, arrival->who, a, ret, e);
    return found > 0 ? 0 : found < 0 ? -1 : err_set(e, ERR_CONFLICT, "a person's row is gone");
}

/* --- the role --- */

uint32_t person_staff_roles(uint32_t roles)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (!role_is_staff((enum role)role))
            roles &= ~(UINT32_C(1) << role);
    return roles;
}

/* Of two that may not be held together, neither. */
static uint32_t held_together(uint32_t roles)
{
    uint32_t ok = roles;
    for (int i = 0; i < ROLE_COUNT; i++)
        for (int k = 0; k < ROLE_COUNT; k++)
            if ((roles >> i & 1) && (roles >> k & 1) && role_apart((enum role)i, (enum role)k))
                ok &= ~(UINT32_C(1) << i);
    return ok;
}

const char *person_role_names(uint32_t roles, struct arena *a)
{
    struct buf b = buf_in(a, 1024);
    for (int role = 0; role < ROLE_COUNT; role++)
        if (roles >> role & 1)
            buf_printf(&b, "%s%s", b.n ? ", " : "", role_name((enum role)role));
    buf_byte(&b, 0);
    return buf_failed(&b) ? "several" : b.p;
}

static int none_counts(const struct person *p, const uint32_t *said, struct arena *a, struct err *e)
{
    if (said && person_staff_roles(*said))
        return err_set(e, ERR_PENDING, "of your roles (%s) none counts, because one person may not hold them together",
                       person_role_names(person_staff_roles(*said), a));
    if (said)
        return err_set(e, ERR_PENDING, "the identity provider gives you no role of this study");
    return err_set(e, ERR_PENDING,
                   "you are known now, but have no role here yet: somebody who manages accounts has to approve one%s%s",
                   p->proposed ? "; proposed: " : "", p->proposed ? person_role_names(p->proposed, a) : "");
}

int person_caller(const struct people *all, const struct person *p, const uint32_t *said, struct arena *a,
                  struct caller *ret, struct err *e)
{
    *ret = (struct caller){.role = ROLE_ANONYMOUS, .rate = -1, .burst = -1};
    memcpy(ret->scope, all->scope, 16);
    memcpy(ret->id, p->id, 16);
    uuid_text(p->id, ret->name);
    if (p->suspended)
        return err_set(e, ERR_SUSPENDED, "your account is suspended");
    ret->roles = held_together(said ? person_staff_roles(*said) : p->active ? p->held : 0);
    return ret->roles ? 0 : none_counts(p, said, a, e);
}
