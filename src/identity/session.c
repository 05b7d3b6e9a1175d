#include "identity/session.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "store/place.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

enum { ROLES_TEXT = 256, SWEEP = 50, MANY = 1000 };

static const char *const how_name[] = {"oidc", "password", "passkey"};

const char *session_how_name(enum session_how how)
{
    return how_name[how];
}

/* --- cookies --- */

struct cookie {
    const char *text; /* in the arena */
    uint8_t hash[SHA256_BYTES];
};

static int make_cookie(struct arena *a, struct cookie *ret, struct err *e)
{
    uint8_t secret[SESSION_COOKIE_BYTES];
    char *text = arena_take(a, 4 * (SESSION_COOKIE_BYTES + 2) / 3 + 1);
    if (!text)
        return err_set(e, ERR_NO_MEMORY, "a cookie");
    rnd_bytes(secret, sizeof secret);
    base64url_encode(secret, sizeof secret, text);
    wipe(secret, sizeof secret);
    sha256(slice_of(text), ret->hash);
    ret->text = text;
    return 0;
}

static int insert_cookie(struct tx *tx, const uint8_t *scope, const uint8_t id[16], const struct cookie *c, int64_t now,
                         struct err *e)
{
    return tx_exec(tx, e, "INSERT INTO session_cookie (scope, hash, session, made_at) VALUES ($1, $2, $3, $4)",
                   V_ID(scope), V_BYTES(c->hash, SHA256_BYTES), V_ID(id), V_INT(now)) < 0
               ? -1
               : 0;
}

/* Whatever cookie is the session's, this one is from now on. */
static int replace_cookies(struct tx *tx, const uint8_t *scope, const uint8_t id[16], const struct cookie *c,
                           int64_t now, struct err *e)
{
    return tx_exec(tx, e,
                   "UPDATE session_cookie SET replaced_at = $1, next = $2 WHERE scope = $3 AND session = $4 AND "
                   "replaced_at IS NULL",
                   V_INT(now), V_BYTES(c->hash, SHA256_BYTES), V_ID(scope), V_ID(id)) < 0
               ? -1
               : insert_cookie(tx, scope, id, c, now, e);
}

/* --- audit --- */

static int write_entry(struct tx *tx, const uint8_t *scope, const uint8_t staff[16], const uint8_t id[16],
                       const char *action, const char *why, const struct audit_entry *audit, struct err *e)
{
    char who[UUID_TEXT], what[UUID_TEXT];
    struct audit_entry entry = audit ? *audit : (struct audit_entry){.role = NULL};
    if (!entry.actor)
        entry.actor = uuid_text(staff, who);
    entry.scope = scope;
    entry.action = action;
    entry.object = "Session";
    entry.object_id = uuid_text(id, what);
    entry.outcome = "permit";
    entry.why = why;
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

/* --- ending --- */

/* 1: it ended; 0: it had. */
static int end_in(struct tx *tx, const uint8_t *scope, const uint8_t id[16], const uint8_t staff[16], const char *why,
                  const struct audit_entry *audit, struct err *e)
{
    int n = tx_exec(tx, e,
                    "UPDATE session SET ended_at = $1, ended_why = $2, tokens = NULL, renew_at = NULL WHERE scope = $3 "
                    "AND id = $4 AND ended_at IS NULL",
                    V_INT(clock_now_us()), V_STR(why), V_ID(scope), V_ID(id));
    return n <= 0 ? n : write_entry(tx, scope, staff, id, "delete", why, audit, e) ? -1 : 1;
}

/* rows: id, staff */
static int end_rows(struct tx *tx, const uint8_t *scope, const struct rows *r, int from, const char *why,
                    const struct audit_entry *audit, int *ret, struct err *e)
{
    for (int i = from; i < r->n; i++) {
        int n = end_in(tx, scope, (const uint8_t *)row_at(r, i, 0)->s.p, (const uint8_t *)row_at(r, i, 1)->s.p, why,
                       audit, e);
        if (n < 0)
            return -1;
        *ret += n;
    }
    return 0;
}

int session_end_all_in(struct tx *tx, const uint8_t scope[16], const uint8_t staff[16], const char *why,
                       const struct audit_entry *audit, struct arena *a, int *ret, struct err *e)
{
    struct rows r;
    *ret = 0;
    return tx_rows(tx, a, &r, e,
                   "SELECT id, staff FROM session WHERE scope = $1 AND staff = $2 AND ended_at IS NULL ORDER BY id",
                   V_ID(scope), V_ID(staff)) < 0
               ? -1
               : end_rows(tx, scope, &r, 0, why, audit, ret, e);
}

struct ending {
    const struct sessions *s;
    const uint8_t *id, *staff, *sid; /* one of them, or nobody's */
    tx_body *first;
    void *arg; /* its */
    const char *why;
    const struct audit_entry *audit;
    struct arena *arena;
    int n;
};

static int end_body(struct tx *tx, void *arg, struct err *e)
{
    struct ending *x = arg;
    const uint8_t *scope = x->s->people.scope;
    struct rows r;
    x->n = 0;
    if (x->first && x->first(tx, x->arg, e))
        return -1;
    if (!x->id && !x->staff && !x->sid)
        return 0;
    if (x->staff)
        return session_end_all_in(tx, scope, x->staff, x->why, x->audit, x->arena, &x->n, e);
    int got = x->id ? tx_rows(tx, x->arena, &r, e, "SELECT id, staff FROM session WHERE scope = $1 AND id = $2",
                              V_ID(scope), V_ID(x->id))
                    : tx_rows(tx, x->arena, &r, e,
                              "SELECT id, staff FROM session WHERE scope = $1 AND provider_sid = $2 AND ended_at IS "
                              "NULL ORDER BY id",
                              V_ID(scope), V_BYTES(x->sid, SHA256_BYTES));
    return got < 0 ? -1 : end_rows(tx, scope, &r, 0, x->why, x->audit, &x->n, e);
}

int session_end(const struct sessions *s, const uint8_t id[16], const char *why, const struct audit_entry *audit,
                struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct ending x = {.s = s, .id = id, .why = why, .audit = audit, .arena = a};
    return a ? tx_run(s->people.db, end_body, &x, e) : err_set(e, ERR_NO_MEMORY, "end a session");
}

int session_end_all(const struct sessions *s, const uint8_t staff[16], const char *why, const struct audit_entry *audit,
                    struct arena *a, int *ret, struct err *e)
{
    struct ending x = {.s = s, .staff = staff, .why = why, .audit = audit, .arena = a};
    if (tx_run(s->people.db, end_body, &x, e))
        return -1;
    *ret = x.n;
    return 0;
}

int session_end_provider(const struct sessions *s, const char *issuer, struct slice sid, struct slice subject,
                         tx_body *first, void *arg, const struct audit_entry *audit, struct arena *a, int *ret,
                         struct err *e)
{
    uint8_t hash[SHA256_BYTES];
    struct person p;
    struct ending x = {.s = s, .first = first, .arg = arg, .why = "the provider's logout", .audit = audit, .arena = a};
    *ret = 0;
    if (person_hash(&s->people, sid.p ? "sid" : PERSON_WHO, issuer, sid.p ? sid : subject, hash, e))
        return -1;
    if (sid.p) {
        x.sid = hash;
    } else {
        int found = person_find(&s->people, hash, a, &p, e);
        if (found < 0)
            return -1;
        x.staff = found ? p.id : NULL;
    }
    if (tx_run(s->people.db, end_body, &x, e))
        return -1;
    *ret = x.n;
    return 0;
}

/* --- the provider's part of a row --- */

static const char *roles_text(uint32_t roles, struct arena *a)
{
    struct buf b = buf_in(a, ROLES_TEXT);
    for (int role = 0; role < ROLE_COUNT; role++)
        if (roles >> role & 1)
            buf_printf(&b, "%s%s", b.n ? " " : "", role_name((enum role)role));
    buf_byte(&b, 0);
    return buf_failed(&b) ? "" : b.p;
}

static uint32_t roles_of(struct slice text)
{
    uint32_t roles = 0;
    enum role role;
    for (struct slice rest = text; rest.p;)
        if (role_named(slice_cut(&rest, ' '), &role))
            roles |= UINT32_C(1) << role;
    return roles;
}

static int seal_tokens(const struct sessions *s, const uint8_t id[16], struct slice tokens, struct arena *a,
                       struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(PLACE_SESSION_TOKENS, s->people.scope, id, 0);
    if (!tokens.p)
        return *ret = (struct slice){NULL, 0}, 0;
    if (keyring_domain(s->people.keyring, s->people.scope, "session", &key, e))
        return -1;
    int rc = seal(&key, &at, tokens, a, ret, e);
    key_wipe(&key);
    return rc;
}

int session_tokens(const struct sessions *s, const uint8_t id[16], struct arena *a, struct slice *ret, struct err *e)
{
    struct rows r;
    struct seal_place at = place_of(PLACE_SESSION_TOKENS, s->people.scope, id, 0);
    if (db_rows(s->people.db, a, &r, e,
                "SELECT tokens FROM session WHERE scope = $1 AND id = $2 AND tokens IS NOT NULL", V_ID(s->people.scope),
                V_ID(id)) < 0)
        return -1;
    if (r.n == 0)
        return *ret = (struct slice){NULL, 0}, 0;
    return keyring_unseal(s->people.keyring, &at, row_at(&r, 0, 0)->s, a, ret, e);
}

/* --- opening --- */

struct opening {
    const struct sessions *s;
    const struct session_new *x;
    const struct audit_entry *audit;
    struct arena *arena;
    uint8_t id[16], sid[SHA256_BYTES];
    struct cookie cookie;
    struct slice tokens;
};

static int insert_session(struct tx *tx, const struct opening *o, int64_t now, struct err *e)
{
    const struct session_new *x = o->x;
    const struct session_provider *p = x->provider;
    return tx_exec(tx, e,
                   "INSERT INTO session (scope, id, staff, how, role, said, said_until, created_at, seen_at, idle_us, "
                   "until, auth_at, provider_sid, tokens, renew_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, "
                   "$10, $11, $12, $13, $14)",
                   V_ID(o->s->people.scope), V_ID(o->id), V_ID(x->staff), V_STR(how_name[x->how]),
                   x->has_role ? V_STR(role_name(x->role)) : V_NULL, p ? V_STR(roles_text(p->said, o->arena)) : V_NULL,
                   V_INT(p ? p->said_until_us : 0), V_INT(now), V_INT(o->s->idle_us), V_INT(now + o->s->life_us),
                   V_INT(x->auth_us ? x->auth_us : now), p && p->sid.p ? V_BYTES(o->sid, SHA256_BYTES) : V_NULL,
                   V_MAYBE(o->tokens), p && p->renew_us ? V_INT(p->renew_us) : V_NULL) < 0
               ? -1
               : 0;
}

/* Those that are over end, with an entry each; rows of those that ended long ago go. A sign-in takes away more than it
 * adds, so nobody has to come and sweep. */
static int sweep(struct tx *tx, const struct opening *o, int64_t now, struct err *e)
{
    const uint8_t *scope = o->s->people.scope;
    struct rows r;
    int ended = 0;
    if (tx_rows(tx, o->arena, &r, e,
                "SELECT id, staff FROM session WHERE scope = $1 AND ended_at IS NULL AND until <= $2 ORDER BY until "
                "LIMIT $3",
                V_ID(scope), V_INT(now), V_INT(SWEEP)) < 0 ||
        end_rows(tx, scope, &r, 0, "expired", NULL, &ended, e))
        return -1;
    if (tx_rows(tx, o->arena, &r, e,
                "SELECT id FROM session WHERE scope = $1 AND ended_at < $2 ORDER BY ended_at LIMIT $3", V_ID(scope),
                V_INT(now - SESSION_KEEP_DAYS * DAY), V_INT(SWEEP)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++)
        if (tx_put(tx, e, "DELETE FROM session_cookie WHERE scope = $1 AND session = $2", V_ID(scope),
                   V_BLOB(row_at(&r, i, 0)->s)) ||
            tx_put(tx, e, "DELETE FROM session WHERE scope = $1 AND id = $2", V_ID(scope), V_BLOB(row_at(&r, i, 0)->s)))
            return -1;
    return 0;
}

static int end_oldest(struct tx *tx, const struct opening *o, struct err *e)
{
    struct rows r;
    int ended = 0;
    return tx_rows(
               tx, o->arena, &r, e,
               "SELECT id, staff FROM session WHERE scope = $1 AND staff = $2 AND ended_at IS NULL ORDER BY seen_at "
               "DESC, id DESC LIMIT $3",
               V_ID(o->s->people.scope), V_ID(o->x->staff), V_INT(MANY)) < 0
               ? -1
               : end_rows(tx, o->s->people.scope, &r, SESSION_EACH - 1, "too many", NULL, &ended, e);
}

static int open_body(struct tx *tx, void *arg, struct err *e)
{
    const struct opening *o = arg;
    int64_t now = clock_now_us();
    struct person p;
    int found = person_lock(tx, o->s->people.scope, o->x->staff, o->arena, &p, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_CONFLICT, "a session of nobody");
    if (p.suspended) /* by now */
        return err_set(e, ERR_SUSPENDED, "your account is suspended");
    return proved_holds(tx, o->s->people.scope, o->x->staff, o->x->proved, o->arena, e) || sweep(tx, o, now, e) ||
                   end_oldest(tx, o, e) || insert_session(tx, o, now, e) ||
                   insert_cookie(tx, o->s->people.scope, o->id, &o->cookie, now, e) ||
                   write_entry(tx, o->s->people.scope, o->x->staff, o->id, "create", how_name[o->x->how], o->audit, e)
               ? -1
               : 0;
}

int session_open(const struct sessions *s, const struct session_new *x, const struct audit_entry *audit,
                 struct arena *a, const char **ret, struct err *e)
{
    struct opening o = {.s = s, .x = x, .audit = audit, .arena = a};
    const struct session_provider *p = x->provider;
    uuid7(o.id);
    if (make_cookie(a, &o.cookie, e) ||
        (p && p->sid.p && person_hash(&s->people, "sid", p->issuer, p->sid, o.sid, e)) ||
        (p && seal_tokens(s, o.id, p->tokens, a, &o.tokens, e)) || tx_run(s->people.db, open_body, &o, e))
        return -1;
    *ret = o.cookie.text;
    return 0;
}

/* --- from cookie to caller --- */

/* What the store says of a cookie and its session. */
struct found {
    uint8_t hash[SHA256_BYTES];
    int64_t made_at, used_at, replaced_at; /* 0: not yet */
    bool ended, has_said;
    int64_t seen_at, idle_us, until, said_until, renew_at;
    uint32_t said;
    struct session session;
};

static int64_t int_or(const struct val *v, int64_t otherwise)
{
    return v->kind == VAL_NULL ? otherwise : v->i;
}

static void take_found(const struct val *v, struct found *ret)
{
    struct session *x = &ret->session;
    *x = (struct session){.created_us = v[9].i, .auth_us = v[13].i};
    memcpy(x->id, v[0].s.p, 16);
    memcpy(x->staff, v[4].s.p, 16);
    ret->made_at = v[1].i;
    ret->used_at = int_or(&v[2], 0);
    ret->replaced_at = int_or(&v[3], 0);
    for (size_t i = 0; i < COUNT(how_name); i++)
        if (slice_is(v[5].s, how_name[i]))
            x->how = (enum session_how)i;
    x->has_role = v[6].kind != VAL_NULL && role_named(v[6].s, &x->role);
    ret->has_said = v[7].kind != VAL_NULL;
    ret->said = ret->has_said ? roles_of(v[7].s) : 0;
    ret->said_until = v[8].i;
    ret->seen_at = v[10].i;
    ret->idle_us = v[11].i;
    ret->until = v[12].i;
    ret->renew_at = int_or(&v[14], INT64_MAX);
    ret->ended = v[15].kind != VAL_NULL;
    x->until_us = ret->seen_at + ret->idle_us < ret->until ? ret->seen_at + ret->idle_us : ret->until;
}

#define FOUND_SQL                                                                                                      \
    "SELECT c.session, c.made_at, c.used_at, c.replaced_at, s.staff, s.how, s.role, s.said, s.said_until, "            \
    "s.created_at, s.seen_at, s.idle_us, s.until, s.auth_at, s.renew_at, s.ended_at FROM session_cookie c JOIN "       \
    "session s ON s.scope = c.scope AND s.id = c.session WHERE c.scope = $1 AND c.hash = $2"

/* 1, 0, -1 */
static int find_cookie(const struct sessions *s, struct slice cookie, struct arena *a, struct found *ret, struct err *e)
{
    struct rows r;
    if (cookie.n != SESSION_COOKIE_TEXT)
        return 0;
    sha256(cookie, ret->hash);
    if (db_rows(s->people.db, a, &r, e, FOUND_SQL, V_ID(s->people.scope), V_BYTES(ret->hash, SHA256_BYTES)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    take_found(row_at(&r, 0, 0), ret);
    return 1;
}

/* Why it is over; NULL: it is not. */
static const char *over(const struct found *f, bool trust, int64_t now)
{
    bool unrenewed = trust && f->has_said && f->renew_at == INT64_MAX;
    return now >= f->until || (unrenewed && now >= f->said_until) ? "expired"
           : now - f->seen_at >= f->idle_us                       ? "idle"
           : f->seen_at - now > SESSION_CLOCK_S * SECOND          ? "the clock was put back"
                                                                  : NULL;
}

static bool late(int64_t replaced_at, int64_t now)
{
    return replaced_at && now - replaced_at > SESSION_GRACE_S * SECOND;
}

struct using
{
    const struct sessions *s;
    const struct found *f;
    const struct audit_entry *audit;
    struct arena *arena;
    struct cookie cookie;
    bool rotate;
    bool given; /* the cookie is the session's now */
    bool ended;
};

/* A cookie that was replaced a while ago. Others may be at the same: the session's row is held first. */
static int late_body(struct tx *tx, void *arg, struct err *e)
{
    struct using *x = arg;
    const uint8_t *scope = x->s->people.scope;
    const struct session *at = &x->f->session;
    struct rows r;
    int64_t now = clock_now_us();
    x->given = x->ended = false;
    if (tx_exec(tx, e, "UPDATE session SET seen_at = seen_at WHERE scope = $1 AND id = $2", V_ID(scope), V_ID(at->id)) <
            0 ||
        tx_rows(tx, x->arena, &r, e,
                "SELECT c.replaced_at, n.used_at FROM session_cookie c JOIN session_cookie n ON n.scope = c.scope AND "
                "n.hash = c.next WHERE c.scope = $1 AND c.hash = $2",
                V_ID(scope), V_BYTES(x->f->hash, SHA256_BYTES)) < 0)
        return -1;
    if (r.n && !late(row_at(&r, 0, 0)->i, now)) /* somebody has just seen to it */
        return 0;
    if (r.n == 0 || row_at(&r, 0, 1)->kind != VAL_NULL)
        return x->ended = true, end_in(tx, scope, at->id, at->staff, "copied cookie", x->audit, e) < 0 ? -1 : 0;
    x->given = true;
    return tx_exec(tx, e, "UPDATE session_cookie SET replaced_at = $1, next = $2 WHERE scope = $3 AND hash = $4",
                   V_INT(now), V_BYTES(x->cookie.hash, SHA256_BYTES), V_ID(scope),
                   V_BYTES(x->f->hash, SHA256_BYTES)) < 0
               ? -1
               : replace_cookies(tx, scope, at->id, &x->cookie, now, e);
}

static int use_body(struct tx *tx, void *arg, struct err *e)
{
    struct using *x = arg;
    const uint8_t *scope = x->s->people.scope, *id = x->f->session.id;
    int64_t now = clock_now_us();
    x->given = false;
    if (tx_put(tx, e, "UPDATE session SET seen_at = $1 WHERE scope = $2 AND id = $3 AND seen_at < $1", V_INT(now),
               V_ID(scope), V_ID(id)) ||
        tx_put(tx, e, "UPDATE session_cookie SET used_at = $1 WHERE scope = $2 AND hash = $3 AND used_at IS NULL",
               V_INT(now), V_ID(scope), V_BYTES(x->f->hash, SHA256_BYTES)))
        return -1;
    if (!x->rotate)
        return 0;
    int n = tx_exec(tx, e,
                    "UPDATE session_cookie SET replaced_at = $1, next = $2 WHERE scope = $3 AND hash = $4 AND "
                    "replaced_at IS NULL",
                    V_INT(now), V_BYTES(x->cookie.hash, SHA256_BYTES), V_ID(scope), V_BYTES(x->f->hash, SHA256_BYTES));
    x->given = n == 1;
    return n < 0 ? -1 : n == 0 ? 0 : insert_cookie(tx, scope, id, &x->cookie, now, e);
}

/* Writes down that it is used, and replaces the cookie when that is due. 1, or 0: the session has ended with this. */
static int use(const struct sessions *s, struct found *f, const struct audit_entry *audit, struct arena *a,
               struct err *e)
{
    struct using x = {.s = s, .f = f, .audit = audit, .arena = a};
    int64_t now = clock_now_us();
    bool is_late = late(f->replaced_at, now);
    x.rotate = !f->replaced_at && now - f->made_at >= SESSION_ROTATE_S * SECOND;
    if (!is_late && !x.rotate && f->used_at && now - f->seen_at < SESSION_SEEN_S * SECOND)
        return 1;
    if ((is_late || x.rotate) && make_cookie(a, &x.cookie, e))
        return -1;
    if (is_late                   ? tx_run(s->people.db, late_body, &x, e)
        : x.rotate || !f->used_at ? tx_run(s->people.db, use_body, &x, e)
                                  : tx_run_lazy(s->people.db, use_body, &x, e))
        return -1;
    if (x.ended)
        return 0;
    if (x.given)
        f->session.cookie = x.cookie.text;
    if (!is_late)
        f->session.until_us = now + f->idle_us < f->until ? now + f->idle_us : f->until;
    return 1;
}

/* The role the session acts in. */
static int act(const struct session *x, struct slice wanted, struct arena *a, struct caller *c, struct err *e)
{
    enum role asked;
    const char *names = person_role_names(c->roles, a);
    if (x->has_role && !(c->roles >> x->role & 1))
        return err_set(e, ERR_ROLE_CHOICE, "you are no %s any more: choose a role by POST /auth/role: %s",
                       role_name(x->role), names);
    if (!x->has_role && (c->roles & (c->roles - 1)))
        return err_set(e, ERR_ROLE_CHOICE, "you hold several roles: choose one by POST /auth/role: %s", names);
    enum role role = x->has_role ? x->role : (enum role)__builtin_ctz(c->roles);
    if (wanted.p && (!role_named(slice_trim(wanted), &asked) || asked != role))
        return err_set(e, ERR_ROLE_CHOICE,
                       "this session acts as %s: POST /auth/role changes that, Lazaret-Role does not", role_name(role));
    c->role = role;
    return 0;
}

static int find_caller(const struct sessions *s, struct found *f, const struct session_ask *q, struct arena *a,
                       struct caller *ret, struct err *e)
{
    struct person p;
    struct json j;
    int found = person_by_id(&s->people, f->session.staff, a, &p, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_STORE, "a session's person is gone");
    if (person_open(&s->people, p.id, p.sealed, a, &j, e))
        return -1;
    const char *subject = arena_str(a, json_get_text(&j, 0, "sub", a)),
               *display = arena_str(a, json_get_text(&j, 0, "name", a));
    if (!subject || !display)
        return err_set(e, ERR_NO_MEMORY, "a person");
    bool by_token = s->trust && f->has_said;
    int rc = person_caller(&s->people, &p, by_token ? &f->said : NULL, a, ret, e);
    ret->subject = subject;
    ret->display = display;
    ret->signed_in_at_us = f->session.auth_us;
    if (rc && e->code == ERR_SUSPENDED) {
        struct err why;
        if (session_end(s, f->session.id, "suspended", q->audit, &why))
            return *e = why, -1;
    }
    if (!rc && by_token && clock_now_us() >= f->said_until)
        return err_set(e, ERR_PROVIDER, "what the provider says of your roles is too old, and it does not answer");
    return rc ? -1 : act(&f->session, q->wanted, a, ret, e);
}

int session_identify(const struct sessions *s, const struct session_ask *q, struct arena *a, struct session *ret,
                     struct caller *ret_caller, struct err *e)
{
    struct found f;
    int64_t now = clock_now_us();
    int found = find_cookie(s, q->cookie, a, &f, e);
    if (found <= 0 || f.ended)
        return found < 0 ? -1 : 0;
    const char *why = over(&f, s->trust, now);
    if (why)
        return session_end(s, f.session.id, why, q->audit, e) ? -1 : 0;
    f.session.renew = f.renew_at <= now;
    if (q->quiet ? late(f.replaced_at, now) : (found = use(s, &f, q->audit, a, e)) <= 0)
        return found < 0 ? -1 : 0;
    found = find_caller(s, &f, q, a, ret_caller, e) ? -1 : 1;
    *ret = f.session;
    return found;
}

/* --- the role --- */

struct again {
    const struct sessions *s;
    struct session *x;
    int64_t now;
    char why[32];
    const struct audit_entry *audit;
};

static int again_body(struct tx *tx, void *arg, struct err *e)
{
    const struct again *x = arg;
    const uint8_t *scope = x->s->people.scope;
    int n = tx_exec(tx, e, "UPDATE session SET auth_at = $1 WHERE scope = $2 AND id = $3 AND ended_at IS NULL",
                    V_INT(x->now), V_ID(scope), V_ID(x->x->id));
    return n <= 0 ? (n < 0 ? -1 : err_set(e, ERR_TOKEN, "your session has ended; sign in again"))
                  : write_entry(tx, scope, x->x->staff, x->x->id, "update", x->why, x->audit, e);
}

int session_again(const struct sessions *s, struct session *x, enum session_how how, const struct audit_entry *audit,
                  struct err *e)
{
    struct again w = {.s = s, .x = x, .now = clock_now_us(), .audit = audit};
    snprintf(w.why, sizeof w.why, "again by %s", session_how_name(how));
    if (tx_run(s->people.db, again_body, &w, e))
        return -1;
    x->auth_us = w.now;
    return 0;
}

struct switching {
    const struct sessions *s;
    const struct session *x;
    enum role role;
    const struct audit_entry *audit;
    struct cookie cookie;
};

static int role_body(struct tx *tx, void *arg, struct err *e)
{
    const struct switching *w = arg;
    const uint8_t *scope = w->s->people.scope;
    int n = tx_exec(tx, e, "UPDATE session SET role = $1 WHERE scope = $2 AND id = $3 AND ended_at IS NULL",
                    V_STR(role_name(w->role)), V_ID(scope), V_ID(w->x->id));
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_SESSION, "it has ended meanwhile");
    return replace_cookies(tx, scope, w->x->id, &w->cookie, clock_now_us(), e) ||
                   write_entry(tx, scope, w->x->staff, w->x->id, "update", role_name(w->role), w->audit, e)
               ? -1
               : 0;
}

int session_role(const struct sessions *s, struct session *x, uint32_t roles, enum role role,
                 const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct switching w = {.s = s, .x = x, .role = role, .audit = audit};
    if (!(roles >> role & 1))
        return err_set(e, ERR_ROLE_CHOICE, "that is no role that you hold: %s", person_role_names(roles, a));
    if (make_cookie(a, &w.cookie, e) || tx_run(s->people.db, role_body, &w, e))
        return -1;
    x->has_role = true;
    x->role = role;
    x->cookie = w.cookie.text;
    return 0;
}

/* --- telling --- */

int session_list(const struct sessions *s, const struct session *current, struct arena *a, struct json_out *out,
                 struct err *e)
{
    struct rows r;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    if (db_rows(s->people.db, a, &r, e,
                "SELECT id, how, role, created_at, seen_at, until FROM session WHERE scope = $1 AND staff = $2 AND "
                "ended_at IS NULL AND until > $3 AND seen_at + idle_us > $3 ORDER BY id",
                V_ID(s->people.scope), V_ID(current->staff), V_INT(clock_now_us())) < 0)
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        json_open(out, '{');
        json_pair_str(out, "id", uuid_text((const uint8_t *)v[0].s.p, text));
        json_pair(out, "how", v[1].s);
        json_key(out, "role");
        if (v[2].kind == VAL_NULL)
            json_put_null(out);
        else
            json_put(out, v[2].s);
        json_pair_str(out, "created_at", clock_text(v[3].i, when));
        json_pair_str(out, "seen_at", clock_text(v[4].i, when));
        json_pair_str(out, "until", clock_text(v[5].i, when));
        json_pair_bool(out, "current", memcmp(v[0].s.p, current->id, 16) == 0);
        json_close(out, '}');
    }
    json_close(out, ']');
    return 0;
}

/* --- renewing --- */

struct renewing {
    const struct sessions *s;
    const uint8_t *id;
    int64_t hold_us;
    const struct session_provider *provider;
    struct slice tokens;
    struct arena *arena;
    bool mine;
};

static int claim_body(struct tx *tx, void *arg, struct err *e)
{
    struct renewing *x = arg;
    int64_t now = clock_now_us();
    int n = tx_exec(tx, e,
                    "UPDATE session SET renew_at = $1 WHERE scope = $2 AND id = $3 AND renew_at <= $4 AND ended_at IS "
                    "NULL",
                    V_INT(now + x->hold_us), V_ID(x->s->people.scope), V_ID(x->id), V_INT(now));
    x->mine = n == 1;
    return n < 0 ? -1 : 0;
}

int session_renewing(const struct sessions *s, const uint8_t id[16], int64_t hold_us, struct err *e)
{
    struct renewing x = {.s = s, .id = id, .hold_us = hold_us};
    return tx_run(s->people.db, claim_body, &x, e) ? -1 : x.mine;
}

static int renewed_body(struct tx *tx, void *arg, struct err *e)
{
    const struct renewing *x = arg;
    const struct session_provider *p = x->provider;
    return tx_exec(tx, e,
                   "UPDATE session SET tokens = $1, said = $2, said_until = $3, renew_at = $4 WHERE scope = $5 AND id "
                   "= $6 AND ended_at IS NULL",
                   V_MAYBE(x->tokens), V_STR(roles_text(p->said, x->arena)), V_INT(p->said_until_us),
                   p->renew_us ? V_INT(p->renew_us) : V_NULL, V_ID(x->s->people.scope), V_ID(x->id)) < 0
               ? -1
               : 0;
}

int session_renewed(const struct sessions *s, const uint8_t id[16], const struct session_provider *p, struct arena *a,
                    struct err *e)
{
    struct renewing x = {.s = s, .id = id, .provider = p, .arena = a};
    return seal_tokens(s, id, p->tokens, a, &x.tokens, e) || tx_run(s->people.db, renewed_body, &x, e) ? -1 : 0;
}
