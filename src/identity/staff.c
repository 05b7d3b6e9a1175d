#include "identity/staff.h"

#include <pthread.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "store/place.h"

enum { PLACES = 1024, BY_MAX = 64 };

/* A token that was good. Which place: the first bytes of its hash; the newer one stays. */
struct remembered {
    bool used;
    uint8_t hash[SHA256_BYTES];
    uint64_t set; /* of the provider's keys */
    struct token token;
};

struct staff {
    struct staff_config c;
    struct issuer *issuer;
    pthread_rwlock_t lock;
    struct remembered place[PLACES];
};

int staff_start(const struct staff_config *c, struct staff **ret, struct err *e)
{
    struct staff *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NO_MEMORY, "staff");
    s->c = *c;
    s->c.rules.issuer = c->issuer.url;
    if (issuer_start(&c->issuer, &s->issuer, e)) {
        free(s);
        return -1;
    }
    pthread_rwlock_init(&s->lock, NULL);
    *ret = s;
    return 0;
}

void staff_stop(struct staff *s)
{
    if (!s)
        return;
    issuer_stop(s->issuer);
    pthread_rwlock_destroy(&s->lock);
    wipe(s->place, sizeof s->place);
    free(s);
}

bool staff_token(struct slice authorization, struct slice *ret)
{
    struct slice rest = authorization, scheme = slice_cut(&rest, ' ');
    int dots = 0;
    rest = slice_trim(rest);
    for (size_t i = 0; i < rest.n; i++)
        dots += rest.p[i] == '.';
    *ret = rest;
    return slice_is_nocase(scheme, "Bearer") && !slice_starts(rest, "lz_") && !slice_starts(rest, "lt_") && dots == 2;
}

/* --- the token --- */

static size_t place_at(const uint8_t hash[SHA256_BYTES])
{
    return (size_t)(hash[0] << 8 | hash[1]) % PLACES;
}

static bool recall(struct staff *s, const uint8_t hash[SHA256_BYTES], struct token *ret, uint64_t *ret_set)
{
    pthread_rwlock_rdlock(&s->lock);
    const struct remembered *p = &s->place[place_at(hash)];
    bool found = p->used && crypto_equal(p->hash, hash, SHA256_BYTES) && clock_now_us() < p->token.until_us;
    if (found) {
        *ret = p->token;
        *ret_set = p->set;
    }
    pthread_rwlock_unlock(&s->lock);
    return found;
}

static void remember(struct staff *s, const uint8_t hash[SHA256_BYTES], const struct token *t, uint64_t set)
{
    pthread_rwlock_wrlock(&s->lock);
    struct remembered *p = &s->place[place_at(hash)];
    *p = (struct remembered){.used = true, .set = set, .token = *t};
    memcpy(p->hash, hash, SHA256_BYTES);
    pthread_rwlock_unlock(&s->lock);
}

/* 1: it was known; 0: it was checked now. */
static int check_token(struct staff *s, struct slice token, const uint8_t hash[SHA256_BYTES], struct arena *a,
                       struct token *ret, uint64_t *ret_set, struct err *e)
{
    struct token_head head;
    struct slice jwk;
    int holds = recall(s, hash, ret, ret_set) ? issuer_holds(s->issuer, *ret_set, e) : 0;
    if (holds)
        return holds;
    return token_head(token, a, &head, e) || issuer_key(s->issuer, &head, a, &jwk, ret_set, e) ||
                   token_check(&s->c.rules, token, jwk, clock_now_us(), a, ret, e)
               ? -1
               : 0;
}

/* --- the person --- */

/* Keyed: whoever reads the store must not find out a subject by trying. */
static int hash_of(struct keyring *k, const uint8_t *scope, const char *issuer, const char *subject,
                   uint8_t ret[SHA256_BYTES], struct err *e)
{
    struct slice piece[] = {slice_of(issuer), {"", 1}, slice_of(subject)};
    struct key key;
    if (keyring_domain(k, scope, "staff.who", &key, e))
        return -1;
    hmac_sha256((struct slice){(const char *)key.secret, KEY_BYTES}, piece, COUNT(piece), ret);
    key_wipe(&key);
    return 0;
}

static int seal_person(struct keyring *k, const uint8_t *scope, const uint8_t id[16], const char *issuer,
                       const struct token *t, struct arena *a, struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(PLACE_STAFF_PERSON, scope, id, 0);
    struct buf b = buf_in(a, 16384);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "iss", issuer);
    json_pair_str(&o, "sub", t->subject);
    json_pair_str(&o, "name", t->name);
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "a person's name");
    if (keyring_domain(k, scope, "staff", &key, e))
        return -1;
    int rc = seal(&key, &at, buf_text(&b), a, ret, e);
    key_wipe(&key);
    return rc;
}

/* A person's row and roles; bits of enum role. */
struct known_person {
    bool found;
    uint8_t id[16];
    bool active, suspended;
    uint32_t held, proposed;
};

/* rows: id, state, role or NULL, since or NULL */
static void take_person(const struct rows *r, struct known_person *ret)
{
    *ret = (struct known_person){.found = r->n > 0};
    for (int i = 0; i < r->n; i++) {
        const struct val *v = row_at(r, i, 0);
        enum role role;
        memcpy(ret->id, v[0].s.p, 16);
        ret->active = slice_is(v[1].s, "active");
        ret->suspended = slice_is(v[1].s, "suspended");
        if (v[2].kind == VAL_NULL || !role_named(v[2].s, &role))
            continue;
        if (v[3].kind == VAL_NULL)
            ret->proposed |= UINT32_C(1) << role;
        else
            ret->held |= UINT32_C(1) << role;
    }
}

#define PERSON_SQL                                                                                                     \
    "SELECT s.id, s.state, g.role, g.since FROM staff s LEFT JOIN role_grant g ON g.scope = s.scope AND g.staff = "    \
    "s.id AND g.until IS NULL WHERE s.scope = $1 AND s."

static int find_person(struct db *db, const uint8_t *scope, const uint8_t who[SHA256_BYTES], struct arena *a,
                       struct known_person *ret, struct err *e)
{
    struct rows r;
    if (db_rows(db, a, &r, e, PERSON_SQL "who = $2", V_ID(scope), V_BYTES(who, SHA256_BYTES)) < 0)
        return -1;
    take_person(&r, ret);
    return 0;
}

static int write_audit(struct tx *tx, const uint8_t *scope, const char *actor, const char *actor_role,
                       const char *action, const char *object, const uint8_t id[16], const char *why, struct err *e)
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

static int insert_proposal(struct tx *tx, const uint8_t *scope, const uint8_t staff[16], enum role role, const char *by,
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
    struct staff *s;
    const uint8_t *who;
    struct slice person;
    uint8_t id[16];
    bool is_new;
    uint32_t propose;
};

/* ON CONFLICT: another request of the same person was first; then its row is the one. */
static int write_arrival(struct tx *tx, void *arg, struct err *e)
{
    struct arriving *x = arg;
    const uint8_t *scope = x->s->c.scope;
    char id[UUID_TEXT];
    int64_t now = clock_now_us();
    if (x->is_new) {
        int n =
            tx_exec(tx, e,
                    "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) VALUES ($1, $2, $3, $4, "
                    "'pending', $5, $5) ON CONFLICT DO NOTHING",
                    V_ID(scope), V_ID(x->id), V_BYTES(x->who, SHA256_BYTES), V_BLOB(x->person), V_INT(now));
        if (n <= 0)
            return n;
        if (write_audit(tx, scope, uuid_text(x->id, id), "anonymous", "create", "Staff", x->id, "pending", e))
            return -1;
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        if ((x->propose >> role & 1) &&
            (insert_proposal(tx, scope, x->id, (enum role)role, "provider", e) ||
             write_audit(tx, scope, "provider", NULL, "create", "Grant", x->id, role_name((enum role)role), e)))
            return -1;
    return 0;
}

static uint32_t staff_only(uint32_t roles)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (!role_is_staff((enum role)role))
            roles &= ~(UINT32_C(1) << role);
    return roles;
}

/* Writes down whoever is new, and the roles a token names that are neither held nor proposed. */
static int arrive(struct staff *s, const uint8_t who[SHA256_BYTES], const struct token *t, struct arena *a,
                  struct known_person *p, struct err *e)
{
    struct arriving x = {.s = s, .who = who, .is_new = !p->found};
    x.propose = s->c.trust ? 0 : staff_only(t->roles) & ~(p->held | p->proposed);
    if (p->found && !x.propose)
        return 0;
    if (p->found)
        memcpy(x.id, p->id, 16);
    else
        uuid7(x.id);
    if ((!p->found && seal_person(s->c.keyring, s->c.scope, x.id, s->c.rules.issuer, t, a, &x.person, e)) ||
        tx_run(s->c.db, write_arrival, &x, e))
        return -1;
    return find_person(s->c.db, s->c.scope, who, a, p, e);
}

/* --- the role --- */

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

static const char *names_of(uint32_t roles, struct arena *a)
{
    struct buf b = buf_in(a, 1024);
    for (int role = 0; role < ROLE_COUNT; role++)
        if (roles >> role & 1)
            buf_printf(&b, "%s%s", b.n ? ", " : "", role_name((enum role)role));
    buf_byte(&b, 0);
    return buf_failed(&b) ? "several" : b.p;
}

static int none_held(const struct known_person *p, uint32_t said, bool trust, struct arena *a, struct err *e)
{
    if (trust && said)
        return err_set(e, ERR_PENDING, "of your roles (%s) none counts, because one person may not hold them together",
                       names_of(said, a));
    if (trust)
        return err_set(e, ERR_PENDING, "the identity provider gives you no role of this study");
    return err_set(e, ERR_PENDING,
                   "you are known now, but have no role here yet: somebody who manages accounts has to approve one%s%s",
                   p->proposed ? "; proposed: " : "", p->proposed ? names_of(p->proposed, a) : "");
}

static int choose_role(uint32_t roles, struct slice wanted, struct arena *a, enum role *ret, struct err *e)
{
    enum role role = ROLE_ANONYMOUS;
    if (wanted.p) {
        if (role_named(slice_trim(wanted), &role) && (roles >> role & 1))
            return *ret = role, 0;
        return err_set(e, ERR_ROLE_CHOICE, "Lazaret-Role names no role that you hold: %s", names_of(roles, a));
    }
    if (roles & (roles - 1))
        return err_set(e, ERR_ROLE_CHOICE, "you hold several roles: choose one by the header Lazaret-Role: %s",
                       names_of(roles, a));
    *ret = (enum role)__builtin_ctz(roles);
    return 0;
}

int staff_identify(struct staff *s, struct slice token, struct slice wanted, struct arena *a, struct caller *ret,
                   struct err *e)
{
    uint8_t hash[SHA256_BYTES], who[SHA256_BYTES];
    struct token t;
    struct known_person p;
    uint64_t set = 0;
    *ret = (struct caller){.role = ROLE_ANONYMOUS, .rate = -1, .burst = -1};
    memcpy(ret->scope, s->c.scope, 16);
    sha256(token, hash);
    int known = check_token(s, token, hash, a, &t, &set, e);
    if (known < 0 || hash_of(s->c.keyring, s->c.scope, s->c.rules.issuer, t.subject, who, e) ||
        find_person(s->c.db, s->c.scope, who, a, &p, e) || ((!known || !p.found) && arrive(s, who, &t, a, &p, e)))
        return -1;
    if (!known)
        remember(s, hash, &t, set);
    memcpy(ret->id, p.id, 16);
    uuid_text(p.id, ret->name);
    ret->subject = arena_str(a, slice_of(t.subject));
    ret->display = arena_str(a, slice_of(t.name));
    ret->signed_in_at_us = t.signed_in_us;
    if (!ret->subject || !ret->display)
        return err_set(e, ERR_NO_MEMORY, "a person");
    if (p.suspended || !p.found)
        return err_set(e, ERR_SUSPENDED, "your account is suspended");
    uint32_t said = staff_only(t.roles);
    ret->roles = s->c.trust ? held_together(said) : p.active ? held_together(p.held) : 0;
    if (!ret->roles)
        return none_held(&p, said, s->c.trust, a, e);
    return choose_role(ret->roles, wanted, a, &ret->role, e);
}

/* --- managing --- */

static int open_person(const struct staff_desk *d, const struct val *v, struct arena *a, struct json *ret,
                       struct err *e)
{
    struct slice text;
    struct json_fault f;
    struct seal_place at = place_of(PLACE_STAFF_PERSON, d->scope, (const uint8_t *)v[0].s.p, 0);
    if (keyring_unseal(d->keyring, &at, v[1].s, a, &text, e))
        return -1;
    return json_parse(a, text, ret, &f) ? err_set(e, ERR_NO_MEMORY, "a person") : 0;
}

static int all_people(const struct staff_desk *d, struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(d->db, a, ret, e, "SELECT id, person, state, created_at FROM staff WHERE scope = $1 ORDER BY id",
                   V_ID(d->scope)) < 0
               ? -1
               : 0;
}

/* By id, or by what is sealed: then everybody is looked at. */
static int find_by_name(const struct staff_desk *d, struct slice who, struct arena *a, uint8_t ret[16], struct err *e)
{
    struct rows r;
    int found = 0, rc = 0;
    if (all_people(d, a, &r, e))
        return -1;
    uint8_t id[16];
    bool by_id = uuid_parse(who, id);
    for (int i = 0; i < r.n && !rc; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct json j;
        bool is = by_id && memcmp(v[0].s.p, id, 16) == 0;
        if (!is && (rc = open_person(d, v, a, &j, e)) == 0)
            is = slice_eq(json_get_text(&j, 0, "sub", a), who) || slice_eq(json_get_text(&j, 0, "name", a), who);
        if (is) {
            memcpy(ret, v[0].s.p, 16);
            found++;
        }
    }
    if (rc)
        return -1;
    if (found == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "nobody of that name or id has signed in yet; 'lazaret user list' shows who has");
    return found == 1 ? 0
                      : err_set(e, ERR_CONFLICT, "%d people have that name: give the id ('lazaret user list')", found);
}

int staff_list(const struct staff_desk *d, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r, g;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    int rc = 0;
    if (db_rows(
            d->db, a, &g, e,
            "SELECT staff, role, since, proposed_by, approved_by FROM role_grant WHERE scope = $1 AND until IS NULL "
            "ORDER BY staff, role",
            V_ID(d->scope)) < 0 ||
        all_people(d, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n && !rc; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct json j;
        rc = open_person(d, v, a, &j, e);
        if (rc)
            break;
        json_open(out, '{');
        json_pair_str(out, "id", uuid_text((const uint8_t *)v[0].s.p, text));
        json_pair(out, "name", json_get_text(&j, 0, "name", a));
        json_pair(out, "subject", json_get_text(&j, 0, "sub", a));
        json_pair(out, "state", v[2].s);
        json_pair_str(out, "created_at", clock_text(v[3].i, when));
        for (int held = 1; held >= 0; held--) {
            json_key(out, held ? "roles" : "proposals");
            json_open(out, '[');
            for (int k = 0; k < g.n; k++) {
                const struct val *x = row_at(&g, k, 0);
                if (memcmp(x[0].s.p, v[0].s.p, 16) != 0 || (x[2].kind != VAL_NULL) != held)
                    continue;
                json_open(out, '{');
                json_pair(out, "role", x[1].s);
                json_pair(out, "proposed_by", x[3].s);
                if (held)
                    json_pair(out, "approved_by", x[4].s);
                json_close(out, '}');
            }
            json_close(out, ']');
        }
        json_close(out, '}');
    }
    json_close(out, ']');
    return rc;
}

enum deed { PROPOSE, APPROVE, REMOVE, SUSPEND, RESUME };

struct managing {
    const struct staff_desk *d;
    uint8_t id[16];
    enum deed deed;
    enum role role;
    const char *by;
    struct arena *arena;
    enum staff_done done;
};

static bool sees_people(enum role role)
{
    return role == ROLE_DOCTOR || role == ROLE_INSTALLER || role == ROLE_MONITOR || role == ROLE_RESEARCHER;
}

/* The role against all that the person holds or may get. */
static int check_apart(const struct known_person *p, enum role role, struct err *e)
{
    for (int other = 0; other < ROLE_COUNT; other++) {
        const char *why = (p->held >> other & 1) ? role_apart(role, (enum role)other) : NULL;
        if (why)
            return err_set(e, ERR_CONFLICT, "nobody may be %s and %s: %s", role_name(role), role_name((enum role)other),
                           why);
    }
    return 0;
}

static int set_state(struct tx *tx, const struct managing *m, const char *state, struct err *e)
{
    return tx_exec(tx, e, "UPDATE staff SET state = $1, changed_at = $2 WHERE scope = $3 AND id = $4", V_STR(state),
                   V_INT(clock_now_us()), V_ID(m->d->scope), V_ID(m->id)) < 0
               ? -1
               : 0;
}

/* One who proposed it is not the second person. */
static int grant(struct tx *tx, struct managing *m, const struct known_person *p, struct err *e)
{
    const char *role = role_name(m->role);
    struct rows r;
    if (tx_rows(
            tx, m->arena, &r, e,
            "SELECT proposed_by FROM role_grant WHERE scope = $1 AND staff = $2 AND role = $3 AND since IS NULL AND "
            "until IS NULL",
            V_ID(m->d->scope), V_ID(m->id), V_STR(role)) < 0)
        return -1;
    bool proposed = r.n > 0;
    if (!proposed && insert_proposal(tx, m->d->scope, m->id, m->role, m->by, e))
        return -1;
    if (!proposed && sees_people(m->role))
        return m->done = STAFF_PROPOSED, 0;
    if (sees_people(m->role) && slice_is(row_at(&r, 0, 0)->s, m->by))
        return err_set(e, ERR_CONFLICT, "%s proposed this: the role %s needs somebody else's approval", m->by, role);
    int n =
        tx_exec(tx, e,
                "UPDATE role_grant SET since = $1, approved_by = $2 WHERE scope = $3 AND staff = $4 AND role = $5 AND "
                "since IS NULL AND until IS NULL",
                V_INT(clock_now_us()), V_STR(m->by), V_ID(m->d->scope), V_ID(m->id), V_STR(role));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "somebody changed this meanwhile");
    m->done = STAFF_GRANTED;
    return p->suspended || p->active ? 0 : set_state(tx, m, "active", e);
}

static int end_role(struct tx *tx, const struct managing *m, struct err *e)
{
    int n = tx_exec(tx, e,
                    "UPDATE role_grant SET until = $1, ended_by = $2 WHERE scope = $3 AND staff = $4 AND role = $5 AND "
                    "until IS NULL",
                    V_INT(clock_now_us()), V_STR(m->by), V_ID(m->d->scope), V_ID(m->id), V_STR(role_name(m->role)));
    return n < 0    ? -1
           : n == 0 ? err_set(e, ERR_NOT_FOUND, "they neither hold %s nor is it proposed", role_name(m->role))
                    : 0;
}

static int do_deed(struct tx *tx, struct managing *m, const struct known_person *p, struct err *e)
{
    switch (m->deed) {
    case PROPOSE:
    case APPROVE:
        if (p->held >> m->role & 1)
            return err_set(e, ERR_CONFLICT, "they hold %s already", role_name(m->role));
        if (check_apart(p, m->role, e))
            return -1;
        if (m->deed == APPROVE)
            return grant(tx, m, p, e);
        if (p->proposed >> m->role & 1)
            return err_set(e, ERR_CONFLICT, "%s is proposed already", role_name(m->role));
        return insert_proposal(tx, m->d->scope, m->id, m->role, m->by, e);
    case REMOVE: return end_role(tx, m, e);
    case SUSPEND: return set_state(tx, m, "suspended", e);
    case RESUME:
        return p->suspended ? set_state(tx, m, p->held ? "active" : "pending", e)
                            : err_set(e, ERR_CONFLICT, "they are not suspended");
    }
    return err_set(e, ERR_INTERNAL, "no such deed");
}

static int manage_in(struct tx *tx, void *arg, struct err *e)
{
    static const char *const word[] = {"proposed", "approved", "removed", "suspended", "resumed"};
    struct managing *m = arg;
    struct known_person p;
    struct rows r;
    bool role = m->deed <= REMOVE;
    /* the row first, by a write that changes nothing: whoever manages the same person waits, so that two roles which
     * must be apart cannot be granted side by side */
    if (tx_exec(tx, e, "UPDATE staff SET changed_at = changed_at WHERE scope = $1 AND id = $2", V_ID(m->d->scope),
                V_ID(m->id)) < 0 ||
        tx_rows(tx, m->arena, &r, e, PERSON_SQL "id = $2", V_ID(m->d->scope), V_ID(m->id)) < 0)
        return -1;
    take_person(&r, &p);
    if (!p.found)
        return err_set(e, ERR_NOT_FOUND, "nobody of that name or id has signed in yet");
    m->done = STAFF_PROPOSED;
    if (do_deed(tx, m, &p, e))
        return -1;
    const char *did = m->deed == APPROVE && m->done == STAFF_PROPOSED ? word[PROPOSE] : word[m->deed];
    char why[64];
    snprintf(why, sizeof why, "%s%s%s", did, role ? " " : "", role ? role_name(m->role) : "");
    return write_audit(tx, m->d->scope, m->by, "operator", "admin", role ? "Grant" : "Staff", m->id, why, e);
}

static int manage(const struct staff_desk *d, struct slice who, struct managing *m, struct arena *a, struct err *e)
{
    size_t n = strlen(m->by);
    if (n < 1 || n > BY_MAX ||
        strspn(m->by, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@") != n ||
        strcmp(m->by, "provider") == 0)
        return err_set(e, ERR_USAGE, "who does this (--by) is 1 to 64 of A-Z a-z 0-9 . _ - @, and not 'provider'");
    if (m->deed <= REMOVE && !role_is_staff(m->role))
        return err_set(e, ERR_USAGE, "%s is not a role that staff hold", role_name(m->role));
    m->d = d;
    m->arena = a;
    return find_by_name(d, who, a, m->id, e) || tx_run(d->db, manage_in, m, e) ? -1 : 0;
}

int staff_propose(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                  struct err *e)
{
    struct managing m = {.deed = PROPOSE, .role = role, .by = by};
    return manage(d, who, &m, a, e);
}

int staff_approve(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                  enum staff_done *ret, struct err *e)
{
    struct managing m = {.deed = APPROVE, .role = role, .by = by};
    if (manage(d, who, &m, a, e))
        return -1;
    *ret = m.done;
    return 0;
}

int staff_remove(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                 struct err *e)
{
    struct managing m = {.deed = REMOVE, .role = role, .by = by};
    return manage(d, who, &m, a, e);
}

int staff_suspend(const struct staff_desk *d, struct slice who, bool on, const char *by, struct arena *a, struct err *e)
{
    struct managing m = {.deed = on ? SUSPEND : RESUME, .by = by};
    return manage(d, who, &m, a, e);
}
