#include "identity/account.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "identity/session.h"
#include "store/place.h"

enum { CODE_BYTES = 16, FORGET_S = 86400 };
#define SECOND INT64_C(1000000)

int account_audit(struct tx *tx, const struct people *p, const struct audit_entry *audit, const uint8_t actor[16],
                  const char *action, const char *object, const uint8_t id[16], const char *why, struct err *e)
{
    char actor_text[UUID_TEXT], id_text[UUID_TEXT];
    struct audit_entry entry = audit ? *audit : (struct audit_entry){.role = NULL};
    entry.scope = p->scope;
    if (!entry.actor)
        entry.actor = uuid_text(actor, actor_text);
    entry.action = action;
    entry.object = object;
    entry.object_id = uuid_text(id, id_text);
    entry.outcome = "permit";
    entry.why = why;
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

/* --- names --- */

static struct slice small_letters(struct slice name, struct arena *a)
{
    char *out = arena_str(a, name);
    for (size_t i = 0; out && i < name.n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    return (struct slice){out, out ? name.n : 0};
}

static bool name_ok(const char *z)
{
    size_t n = strlen(z);
    return n >= 1 && n <= ACCOUNT_NAME_MAX && strspn(z, "abcdefghijklmnopqrstuvwxyz0123456789._-@") == n;
}

static int hash_name(const struct people *p, struct slice name, struct arena *a, uint8_t ret[SHA256_BYTES],
                     struct err *e)
{
    name = small_letters(name, a);
    return name.p ? person_hash(p, PERSON_WHO, ACCOUNT_ISSUER, name, ret, e) : err_set(e, ERR_NO_MEMORY, "a name");
}

/* The login name. */
static int name_of(const struct people *p, const struct person *who, struct arena *a, const char **ret, struct err *e)
{
    struct json j;
    if (person_open(p, who->id, who->sealed, a, &j, e))
        return -1;
    *ret = arena_str(a, json_get_text(&j, 0, "sub", a));
    return *ret ? 0 : err_set(e, ERR_NO_MEMORY, "a name");
}

/* --- adding and inviting --- */

struct inviting {
    const struct people *p;
    uint8_t staff[16], id[16], code[SHA256_BYTES];
    bool is_new;
    enum role role; /* of a new one */
    const char *by;
    struct arena *arena;
    enum desk_done done;
};

static void make_code(struct inviting *x, char ret[INVITATION_TEXT])
{
    uint8_t raw[CODE_BYTES];
    rnd_bytes(raw, sizeof raw);
    base64url_encode(raw, sizeof raw, ret);
    wipe(raw, sizeof raw);
    sha256(slice_of(ret), x->code);
    uuid7(x->id);
}

static int end_invitations(struct tx *tx, const struct people *p, const uint8_t staff[16], const char *why,
                           struct err *e)
{
    return tx_put(tx, e,
                  "UPDATE invitation SET ended_at = $1, ended_why = $2 WHERE scope = $3 AND staff = $4 AND ended_at IS "
                  "NULL",
                  V_INT(clock_now_us()), V_STR(why), V_ID(p->scope), V_ID(staff));
}

static int forget_failures(struct tx *tx, const struct people *p, const uint8_t staff[16], struct err *e)
{
    return tx_put(tx, e,
                  "DELETE FROM sign_in_failure WHERE scope = $1 AND who IN (SELECT who FROM staff WHERE scope = $1 AND "
                  "id = $2)",
                  V_ID(p->scope), V_ID(staff));
}

static int insert_invitation(struct tx *tx, const struct inviting *x, struct err *e)
{
    int64_t now = clock_now_us();
    struct audit_entry by = {.actor = x->by, .role = x->p->manager ? x->p->manager : role_name(ROLE_OPERATOR)};
    return tx_put(tx, e,
                  "INSERT INTO invitation (scope, id, staff, code, role, made_by, made_at, until) VALUES ($1, $2, $3, "
                  "$4, $5, $6, $7, $8)",
                  V_ID(x->p->scope), V_ID(x->id), V_ID(x->staff), V_BYTES(x->code, sizeof x->code),
                  x->is_new ? V_STR(role_name(x->role)) : V_NULL, V_STR(x->by), V_INT(now),
                  V_INT(now + INVITATION_HOURS * 3600 * SECOND)) ||
                   account_audit(tx, x->p, &by, NULL, "create", "Invitation", x->id,
                                 x->is_new ? role_name(x->role) : "again", e)
               ? -1
               : 0;
}

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    struct inviting *x = arg;
    struct audit_entry by = {.actor = x->by, .role = x->p->manager ? x->p->manager : role_name(ROLE_OPERATOR)};
    int n = tx_exec(tx, e, "INSERT INTO account (scope, staff, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    V_ID(x->p->scope), V_ID(x->staff), V_INT(clock_now_us()));
    if (n < 0)
        return -1;
    if (n == 0)
        return err_set(e, ERR_CONFLICT, "there is an account of that name; 'lazaret user invite' lets them in again");
    return account_audit(tx, x->p, &by, NULL, "create", "Account", x->staff, "invited", e) ||
                   desk_approve_in(tx, x->p, x->staff, x->role, x->by, x->arena, &x->done, e) ||
                   insert_invitation(tx, x, e)
               ? -1
               : 0;
}

int account_add(const struct people *p, struct slice name, enum role role, const char *by, struct arena *a,
                enum desk_done *ret_done, char ret_code[INVITATION_TEXT], struct err *e)
{
    struct inviting x = {.p = p, .is_new = true, .role = role, .by = by, .arena = a};
    struct arrival arrival = {.issuer = ACCOUNT_ISSUER, .subject = small_letters(name, a).p, .name = "", .by = by};
    struct person who;
    uint8_t hash[SHA256_BYTES];
    if (!arrival.subject)
        return err_set(e, ERR_NO_MEMORY, "add an account");
    if (!name_ok(arrival.subject))
        return err_set(e, ERR_USAGE, "a login name is 1 to %d of a-z 0-9 . _ - @", ACCOUNT_NAME_MAX);
    if (desk_may_do(role, by, e) || hash_name(p, name, a, hash, e))
        return -1;
    arrival.who = hash;
    arrival.name = arrival.subject;
    int found = person_find(p, hash, a, &who, e);
    /* the person first, by itself: one without an account has no way in, and a second try finds them */
    if (found < 0 || (found == 0 && person_arrive(p, &arrival, NULL, a, &who, e)))
        return -1;
    memcpy(x.staff, who.id, 16);
    make_code(&x, ret_code);
    if (tx_run(p->db, add_body, &x, e))
        return -1;
    *ret_done = x.done;
    return 0;
}

static int invite_body(struct tx *tx, void *arg, struct err *e)
{
    struct inviting *x = arg;
    struct audit_entry by = {.actor = x->by, .role = x->p->manager ? x->p->manager : role_name(ROLE_OPERATOR)};
    const struct people *p = x->p;
    struct person who;
    int ended;
    if (person_lock(tx, p->scope, x->staff, x->arena, &who, e) < 0)
        return -1;
    int n = tx_exec(tx, e, "UPDATE account SET password = NULL, password_at = NULL WHERE scope = $1 AND staff = $2",
                    V_ID(p->scope), V_ID(x->staff));
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "they have no account here: 'lazaret user add' makes one");
    return tx_put(tx, e, "DELETE FROM passkey WHERE scope = $1 AND staff = $2", V_ID(p->scope), V_ID(x->staff)) ||
                   end_invitations(tx, p, x->staff, "replaced", e) || forget_failures(tx, p, x->staff, e) ||
                   account_audit(tx, p, &by, NULL, "update", "Account", x->staff, "credentials ended", e) ||
                   session_end_all_in(tx, p->scope, x->staff, "invited again", &by, x->arena, &ended, e) ||
                   insert_invitation(tx, x, e)
               ? -1
               : 0;
}

int account_invite(const struct people *p, struct slice who, const char *by, struct arena *a,
                   char ret_code[INVITATION_TEXT], struct err *e)
{
    struct inviting x = {.p = p, .by = by, .arena = a};
    struct person person;
    uint8_t hash[SHA256_BYTES];
    if (desk_may_do(ROLE_DOCTOR, by, e))
        return -1;
    if (!uuid_parse(who, x.staff)) {
        int found = hash_name(p, who, a, hash, e) ? -1 : person_find(p, hash, a, &person, e);
        if (found <= 0)
            return found < 0 ? -1
                             : err_set(e, ERR_NOT_FOUND,
                                       "there is no account of that name: 'lazaret user list' shows who is known");
        memcpy(x.staff, person.id, 16);
    }
    make_code(&x, ret_code);
    return tx_run(p->db, invite_body, &x, e);
}

/* --- accepting --- */

static int no_invitation(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND,
                   "this invitation is not valid: it was used, is older than %d hours, or was replaced or withdrawn; "
                   "ask for a new one",
                   INVITATION_HOURS);
}

/* Does the person still get what it was made for? */
static bool still_meant(const struct invitation *x, const struct person *who)
{
    return !who->suspended && (!x->has_role || ((who->held | who->proposed) >> x->role & 1));
}

int invitation_find(const struct people *p, struct slice code, struct arena *a, struct invitation *ret, struct err *e)
{
    struct rows r;
    struct person who;
    struct invitation x = {.has_role = false};
    uint8_t hash[SHA256_BYTES];
    sha256(code, hash);
    if (db_rows(p->db, a, &r, e,
                "SELECT id, staff, role, until FROM invitation WHERE scope = $1 AND code = $2 AND ended_at IS NULL AND "
                "until > $3",
                V_ID(p->scope), V_BYTES(hash, sizeof hash), V_INT(clock_now_us())) < 0)
        return -1;
    if (r.n == 0)
        return no_invitation(e);
    const struct val *v = row_at(&r, 0, 0);
    memcpy(x.id, v[0].s.p, 16);
    memcpy(x.staff, v[1].s.p, 16);
    x.has_role = v[2].kind != VAL_NULL;
    x.until_us = v[3].i;
    if (x.has_role && !role_named(v[2].s, &x.role))
        return no_invitation(e);
    int found = person_by_id(p, x.staff, a, &who, e);
    if (found <= 0 || !still_meant(&x, &who))
        return found < 0 ? -1 : no_invitation(e);
    if (name_of(p, &who, a, &x.name, e))
        return -1;
    *ret = x;
    return 0;
}

int invitation_use(struct tx *tx, const struct people *p, const struct invitation *x, struct arena *a, struct err *e)
{
    struct person who;
    int found = person_lock(tx, p->scope, x->staff, a, &who, e);
    if (found <= 0 || !still_meant(x, &who))
        return found < 0 ? -1 : no_invitation(e);
    int64_t now = clock_now_us();
    int n = tx_exec(tx, e,
                    "UPDATE invitation SET ended_at = $1, ended_why = 'used' WHERE scope = $2 AND id = $3 AND ended_at "
                    "IS NULL AND until > $1",
                    V_INT(now), V_ID(p->scope), V_ID(x->id));
    return n == 1 ? forget_failures(tx, p, x->staff, e) : n < 0 ? -1 : no_invitation(e);
}

/* --- the password --- */

static struct seal_place place(const struct people *p, const uint8_t staff[16])
{
    return place_of(PLACE_ACCOUNT_PASSWORD, p->scope, staff, 0);
}

/* What is stored of one that is fit. */
static int make_password(const struct accounts *x, const uint8_t staff[16], struct slice password, struct arena *a,
                         struct slice *ret, struct err *e)
{
    char text[PASSWORD_STORED];
    struct key key;
    struct seal_place at = place(&x->people, staff);
    if (password_hash(x->passwords, password, text, e) ||
        keyring_domain(x->people.keyring, x->people.scope, "staff", &key, e))
        return -1;
    int rc = seal(&key, &at, slice_of(text), a, ret, e);
    key_wipe(&key);
    wipe(text, sizeof text);
    return rc;
}

struct setting {
    const struct accounts *x;
    const struct invitation *invitation; /* NULL: a change, by who has proved */
    const struct proved *proved;         /* this */
    uint8_t staff[16];
    int64_t at;
    struct slice sealed;
    const struct audit_entry *audit;
    struct arena *arena;
};

int account_lock(struct tx *tx, const struct people *p, const uint8_t staff[16], const struct proved *proved,
                 struct arena *a, struct err *e)
{
    struct person who;
    int found = person_lock(tx, p->scope, staff, a, &who, e);
    if (found > 0 && who.suspended)
        return err_set(e, ERR_SUSPENDED, "your account is suspended");
    return found < 0 ? -1 : proved_holds(tx, p->scope, staff, proved, a, e);
}

static int set_body(struct tx *tx, void *arg, struct err *e)
{
    struct setting *s = arg;
    const struct people *p = &s->x->people;
    int ended;
    if (s->invitation ? invitation_use(tx, p, s->invitation, s->arena, e)
                      : account_lock(tx, p, s->staff, s->proved, s->arena, e))
        return -1;
    int n = tx_exec(tx, e, "UPDATE account SET password = $1, password_at = $2 WHERE scope = $3 AND staff = $4",
                    V_BLOB(s->sealed), V_INT(s->at), V_ID(p->scope), V_ID(s->staff));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "you have no account with a password here");
    return account_audit(tx, p, s->audit, s->staff, "update", "Account", s->staff,
                         s->invitation ? "password by invitation" : "password changed", e) ||
                   session_end_all_in(tx, p->scope, s->staff, "password changed", s->audit, s->arena, &ended, e)
               ? -1
               : 0;
}

/* Names and what stands between dots and dashes in them. */
static int check_fit(const char *name, struct slice password, struct err *e)
{
    struct slice own[16], rest = slice_of(name);
    size_t n = 0;
    own[n++] = rest;
    for (size_t from = 0, i = 0; i <= rest.n && n < COUNT(own); i++)
        if (i == rest.n || strchr("._-@", rest.p[i])) {
            own[n++] = (struct slice){rest.p + from, i - from};
            from = i + 1;
        }
    return password_fit(password, own, n, e);
}

/* Stores what is set, and takes what is proved by it. */
static int set(struct setting *s, struct slice password, struct proved *ret, struct err *e)
{
    if (make_password(s->x, s->staff, password, s->arena, &s->sealed, e))
        return -1;
    s->at = clock_now_us();
    if (tx_run(s->x->people.db, set_body, s, e))
        return -1;
    *ret = (struct proved){.by_password = true, .password_at = s->at};
    return 0;
}

int account_accept(const struct accounts *x, struct slice code, struct slice password, const struct audit_entry *audit,
                   struct arena *a, struct invitation *ret, struct err *e)
{
    struct invitation invitation;
    struct setting s = {.x = x, .invitation = &invitation, .audit = audit, .arena = a};
    if (invitation_find(&x->people, code, a, &invitation, e) || check_fit(invitation.name, password, e))
        return -1;
    memcpy(s.staff, invitation.staff, 16);
    if (set(&s, password, &invitation.proved, e))
        return -1;
    *ret = invitation;
    return 0;
}

int account_change(const struct accounts *x, const uint8_t staff[16], struct slice password, struct proved *proved,
                   const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct setting s = {.x = x, .proved = proved, .audit = audit, .arena = a};
    struct person who;
    const char *name;
    int found = person_by_id(&x->people, staff, a, &who, e);
    if (found <= 0)
        return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "you have no account with a password here");
    memcpy(s.staff, staff, 16);
    return name_of(&x->people, &who, a, &name, e) || check_fit(name, password, e) || set(&s, password, proved, e) ? -1
                                                                                                                  : 0;
}

/* --- attempts --- */

struct counting {
    const uint8_t *scope, *who;
    struct arena *arena;
    int wait_s;
};

static int64_t delay_of(int64_t failures)
{
    int64_t s = ACCOUNT_DELAY_S;
    for (int64_t i = ACCOUNT_FREE; i < failures && s < ACCOUNT_DELAY_MAX_S; i++)
        s *= 2;
    return failures < ACCOUNT_FREE ? 0 : s < ACCOUNT_DELAY_MAX_S ? s : ACCOUNT_DELAY_MAX_S;
}

/* Writes down a failure, or says how long to wait. The row is made first and locked by a write that changes nothing, so
 * attempts on one name come here one after the other. Steady time: it does not jump with the wall clock. */
static int count_body(struct tx *tx, void *arg, struct err *e)
{
    struct counting *c = arg;
    struct rows r;
    int64_t now = clock_steady_us();
    c->wait_s = 0;
    if (tx_put(tx, e, "DELETE FROM sign_in_failure WHERE scope = $1 AND last_at < $2", V_ID(c->scope),
               V_INT(now - FORGET_S * SECOND)) ||
        tx_put(tx, e,
               "INSERT INTO sign_in_failure (scope, who, failures, last_at, until) VALUES ($1, $2, 0, $3, 0) ON "
               "CONFLICT DO NOTHING",
               V_ID(c->scope), V_BYTES(c->who, SHA256_BYTES), V_INT(now)) ||
        tx_rows(tx, c->arena, &r, e,
                "UPDATE sign_in_failure SET failures = failures WHERE scope = $1 AND who = $2 RETURNING failures, "
                "until",
                V_ID(c->scope), V_BYTES(c->who, SHA256_BYTES)) < 0)
        return -1;
    int64_t failures = r.n ? row_at(&r, 0, 0)->i + 1 : 1, left = r.n ? row_at(&r, 0, 1)->i - now : 0;
    if (left > 0 && left <= ACCOUNT_DELAY_MAX_S * SECOND) {
        c->wait_s = (int)((left + SECOND - 1) / SECOND);
        return 0;
    }
    return tx_put(tx, e,
                  "UPDATE sign_in_failure SET failures = $1, last_at = $2, until = $3 WHERE scope = $4 AND who = $5",
                  V_INT(failures), V_INT(now), V_INT(now + delay_of(failures) * SECOND), V_ID(c->scope),
                  V_BYTES(c->who, SHA256_BYTES));
}

/* As it is sealed, since when it is, and what is in it, or NULL: nobody, or somebody without a password. */
static int stored_password(const struct people *p, const uint8_t staff[16], struct arena *a, struct slice *ret_sealed,
                           int64_t *ret_at, const char **ret, struct err *e)
{
    struct rows r;
    struct slice text;
    struct seal_place at = place(p, staff);
    if (db_rows(p->db, a, &r, e, "SELECT password, password_at FROM account WHERE scope = $1 AND staff = $2",
                V_ID(p->scope), V_ID(staff)) < 0)
        return -1;
    if (r.n == 0 || row_at(&r, 0, 0)->kind == VAL_NULL)
        return 0;
    *ret_sealed = row_at(&r, 0, 0)->s;
    *ret_at = row_at(&r, 0, 1)->i;
    if (keyring_unseal(p->keyring, &at, *ret_sealed, a, &text, e))
        return -1;
    *ret = arena_str(a, text);
    return *ret ? 0 : err_set(e, ERR_NO_MEMORY, "a password");
}

/* What was counted was not judged after all. */
static int uncount_body(struct tx *tx, void *arg, struct err *e)
{
    const struct counting *c = arg;
    return tx_put(tx, e,
                  "UPDATE sign_in_failure SET failures = failures - 1, until = 0 WHERE scope = $1 AND who = $2 AND "
                  "failures > 0",
                  V_ID(c->scope), V_BYTES(c->who, SHA256_BYTES));
}

struct succeeding {
    const struct people *p;
    const uint8_t *who, *staff;
    struct slice fresh, seen; /* hashed anew what was stored as `seen`; {NULL,0}: it stays */
};

static int succeed_body(struct tx *tx, void *arg, struct err *e)
{
    const struct succeeding *x = arg;
    if (tx_put(tx, e, "DELETE FROM sign_in_failure WHERE scope = $1 AND who = $2", V_ID(x->p->scope),
               V_BYTES(x->who, SHA256_BYTES)))
        return -1;
    return x->fresh.p
               ? tx_put(tx, e, "UPDATE account SET password = $1 WHERE scope = $2 AND staff = $3 AND password = $4",
                        V_BLOB(x->fresh), V_ID(x->p->scope), V_ID(x->staff), V_BLOB(x->seen))
               : 0;
}

/* Of somebody, or of nobody: the same work. */
static int judge(const struct accounts *x, const uint8_t who[SHA256_BYTES], struct attempt *t, struct slice password,
                 struct arena *a, struct err *e)
{
    struct slice sealed = {NULL, 0}, fresh = {NULL, 0};
    const char *stored = NULL;
    bool old = false;
    if (t->known && stored_password(&x->people, t->staff, a, &sealed, &t->proved.password_at, &stored, e))
        return -1;
    int good = password_check(x->passwords, password, stored, &old, e);
    if (good <= 0)
        return good < 0 ? -1 : err_set(e, ERR_TOKEN, "the name or the password is wrong");
    if (old && make_password(x, t->staff, password, a, &fresh, e))
        return -1;
    t->proved.by_password = true;
    struct succeeding done = {.p = &x->people, .who = who, .staff = t->staff, .fresh = fresh, .seen = sealed};
    return tx_run(x->people.db, succeed_body, &done, e);
}

static int attempt(const struct accounts *x, const uint8_t who[SHA256_BYTES], struct slice password, struct arena *a,
                   struct attempt *ret, struct err *e)
{
    const struct people *p = &x->people;
    struct counting count = {.scope = p->scope, .who = who, .arena = a};
    struct person person;
    struct err ignored;
    if (tx_run(p->db, count_body, &count, e))
        return -1;
    int found = person_find(p, who, a, &person, e);
    if (found < 0)
        return -1;
    ret->known = found > 0;
    if (found > 0)
        memcpy(ret->staff, person.id, 16);
    ret->wait_s = count.wait_s;
    if (count.wait_s)
        return err_set(e, ERR_RATE, "too many failed attempts with this name");
    if (judge(x, who, ret, password, a, e) == 0)
        return 0;
    if (e->code != ERR_TOKEN)
        tx_run(p->db, uncount_body, &count, &ignored);
    return -1;
}

int account_sign_in(const struct accounts *x, struct slice name, struct slice password, struct arena *a,
                    struct attempt *ret, struct err *e)
{
    uint8_t who[SHA256_BYTES];
    *ret = (struct attempt){.known = false};
    return hash_name(&x->people, name, a, who, e) ? -1 : attempt(x, who, password, a, ret, e);
}

int account_again(const struct accounts *x, const uint8_t staff[16], struct slice password, struct arena *a,
                  struct attempt *ret, struct err *e)
{
    const struct people *p = &x->people;
    struct rows r;
    *ret = (struct attempt){.known = false};
    if (db_rows(p->db, a, &r, e, "SELECT who FROM staff WHERE scope = $1 AND id = $2", V_ID(p->scope), V_ID(staff)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_TOKEN, "the password is wrong");
    return attempt(x, (const uint8_t *)row_at(&r, 0, 0)->s.p, password, a, ret, e);
}

int account_exists(const struct people *p, const uint8_t staff[16], struct arena *a, struct err *e)
{
    struct rows r;
    return db_rows(p->db, a, &r, e, "SELECT 1 FROM account WHERE scope = $1 AND staff = $2", V_ID(p->scope),
                   V_ID(staff)) < 0
               ? -1
               : r.n > 0;
}

int account_has_password(const struct people *p, const uint8_t staff[16], struct arena *a, struct err *e)
{
    struct rows r;
    return db_rows(p->db, a, &r, e, "SELECT 1 FROM account WHERE scope = $1 AND staff = $2 AND password IS NOT NULL",
                   V_ID(p->scope), V_ID(staff)) < 0
               ? -1
               : r.n > 0;
}
