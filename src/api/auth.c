/* auth.c -- signing in with an account of this server: invitations, passwords, passkeys, and proving it again.
 *
 * Whoever fails is told one sentence, whether the name exists or not, and the log the account's id where there is one.
 * An address that has used up its failed sign-ins (limit.h) has no further password or passkey looked at. */
#include "api/api_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"
#include "identity/credential.h"

enum { FRESH_S = 600 };

/* --- what is sent --- */

struct member {
    const char *name;
    enum json_kind kind;
    bool may_lack;
    uint32_t at; /* is found here; 0: it is not there */
};

/* An object of these members and no others. */
static int read_object(struct api_request *q, struct member *m, size_t n, struct json *ret, struct err *e)
{
    struct json_fault f = {0};
    if (json_parse(q->arena, q->http->body, ret, &f) || json_kind(ret, 0) != JSON_OBJECT) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
        return err_set(e, f.what ? ERR_BAD_JSON : ERR_BAD_REQUEST, "a body that is no JSON object");
    }
    for (size_t i = 0; i < n; i++) {
        const char *loc = arena_printf(q->arena, "body/%s", m[i].name);
        m[i].at = json_get_kind(ret, 0, m[i].name, m[i].kind);
        if (!m[i].at && json_get(ret, 0, m[i].name))
            api_issue_field(q, "type_error", loc, "Input has another type");
        else if (!m[i].at && !m[i].may_lack)
            api_issue_field(q, "missing", loc, "Field required");
    }
    for (uint32_t k = json_first(ret, 0); k != json_end(ret, 0) && q->issues < ISSUES_MAX; k = json_next(ret, k)) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known = known || json_is(ret, k, m[i].name);
        if (!known)
            api_issue_field(q, "extra_forbidden", "body", "Extra inputs are not permitted");
    }
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a sign-in");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", q->issues) : 0;
}

static struct slice text_of(struct api_request *q, const struct json *j, const struct member *m)
{
    return m->at ? json_text(j, m->at, q->arena) : (struct slice){NULL, 0};
}

/* --- who may, and how refusals are told --- */

static int check_on(struct api_request *q, struct err *e)
{
    return q->api->accounts ? 0 : err_set(e, ERR_NOT_FOUND, "there are no accounts here (staff.accounts)");
}

/* Of this browser's session alone, and of somebody with an account here; `fresh`: who proved it lately. */
static int check_session(struct api_request *q, bool fresh, struct err *e)
{
    if (check_on(q, e))
        return -1;
    if (!q->signed_in) {
        err_set(e, ERR_NOT_ALLOWED, "only with the session of a browser");
        return api_tell(q, e);
    }
    int there = account_exists(&q->api->accounts->people, q->session.staff, q->arena, e);
    if (there <= 0)
        return there < 0 ? -1 : (err_set(e, ERR_NOT_ALLOWED, "your identity provider signs you in"), api_tell(q, e));
    int64_t age = clock_now_us() - q->session.auth_us;
    return fresh && (age < 0 || age > FRESH_S * INT64_C(1000000)) ? err_set(e, ERR_STEP_UP, "too long ago") : 0;
}

/* A sentence of identity/, told in the form of its status. */
static int refuse(struct api_request *q, const char *loc, struct err *e)
{
    switch (e->code) {
    case ERR_BAD_REQUEST:
        api_issue_field(q, "value_error", loc, arena_printf(q->arena, "Value error, %s", e->detail));
        break;
    case ERR_TOKEN:
    case ERR_CONFLICT:
    case ERR_NOT_FOUND:
    case ERR_RATE:
    case ERR_SUSPENDED: api_tell(q, e); break;
    default: break;
    }
    return -1;
}

static int check_address(struct api_request *q, struct err *e)
{
    q->retry_s = limit_spent(q->api->limit, q->http->peer);
    return q->retry_s ? err_set(e, ERR_RATE, "failed sign-ins of one address") : 0;
}

/* What failed is counted for the address and stands in the audit log, with whose account it was about. Always -1. */
static int refuse_attempt(struct api_request *q, const struct attempt *t, const char *loc, struct err *e)
{
    char id[UUID_TEXT];
    struct err told = *e;
    if (err_http(e->code) != 401 && e->code != ERR_RATE && e->code != ERR_NOT_FOUND)
        return refuse(q, loc, e);
    int wait = limit_denied(q->api->limit, q->http->peer);
    q->retry_s = wait > t->wait_s ? wait : t->wait_s;
    if (wait)
        return err_set(e, ERR_RATE, "failed sign-ins of one address");
    q->audit.object = "Account";
    q->audit.object_id = t->known ? uuid_text(t->staff, id) : NULL;
    api_deny(q, e);
    return e->code == told.code ? refuse(q, loc, &told) : -1;
}

/* --- a session begins --- */

static int begin(struct api_request *q, const uint8_t staff[16], enum session_how how, const struct proved *proved,
                 struct err *e)
{
    const struct people *p = &q->api->accounts->people;
    struct session_new x = {.how = how, .proved = proved};
    struct person who;
    const char *cookie;
    char id[UUID_TEXT];
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    int found = person_by_id(p, staff, q->arena, &who, e);
    if (found < 0)
        return -1;
    if (!found || who.suspended) {
        err_set(e, ERR_SUSPENDED, "your account is suspended");
        return refuse_attempt(q, &(struct attempt){.known = false}, "body", e);
    }
    memcpy(x.staff, staff, 16);
    if (session_open(&q->api->sessions, &x, &q->audit, q->arena, &cookie, e)) {
        struct attempt t = {.known = true};
        memcpy(t.staff, staff, 16);
        return refuse_attempt(q, &t, "body", e);
    }
    api_set_cookie(q, cookie);
    json_open(&o, '{');
    json_pair_str(&o, "id", uuid_text(staff, id));
    json_pair_str(&o, "how", session_how_name(how));
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* --- invitations --- */

static int find_invitation(struct api_request *q, struct slice code, struct invitation *ret, struct err *e)
{
    if (check_on(q, e) || check_address(q, e))
        return -1;
    return invitation_find(&q->api->accounts->people, code, q->arena, ret, e)
               ? refuse_attempt(q, &(struct attempt){.known = false}, "body/code", e)
               : 0;
}

int api_invitation(struct api_request *q, struct err *e)
{
    struct invitation x;
    char until[CLOCK_TEXT];
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (find_invitation(q, http_header(q->http, "Lazaret-Invitation"), &x, e))
        return -1;
    json_open(&o, '{');
    json_pair_str(&o, "name", x.name);
    json_pair_str(&o, "role", x.has_role ? role_name(x.role) : NULL);
    json_pair_str(&o, "until", clock_text(x.until_us, until));
    json_pair_bool(&o, "passkeys", q->api->accounts->passkeys.rp_id != NULL);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_invitation_accept(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "code", .kind = JSON_STRING}, {.name = "password", .kind = JSON_STRING}};
    struct json j;
    struct invitation x;
    if (read_object(q, m, COUNT(m), &j, e) || find_invitation(q, text_of(q, &j, &m[0]), &x, e))
        return -1;
    if (account_accept(q->api->accounts, text_of(q, &j, &m[0]), text_of(q, &j, &m[1]), &q->audit, q->arena, &x, e))
        return refuse(q, "body/password", e);
    return begin(q, x.staff, SESSION_PASSWORD, &x.proved, e);
}

int api_invitation_passkey_options(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "code", .kind = JSON_STRING}};
    struct json j;
    struct invitation x;
    struct buf b = buf_in(q->arena, 65536);
    struct json_out o = json_out(&b);
    if (read_object(q, m, COUNT(m), &j, e) || find_invitation(q, text_of(q, &j, &m[0]), &x, e))
        return -1;
    if (credential_offer(q->api->accounts, x.staff, q->arena, &o, e))
        return refuse(q, "body", e);
    return api_answer(q, 200, &b, e);
}

int api_invitation_passkey(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "code", .kind = JSON_STRING},
                         {.name = "label", .kind = JSON_STRING},
                         {.name = "credential", .kind = JSON_OBJECT}};
    struct json j;
    struct invitation x;
    uint8_t id[16];
    if (read_object(q, m, COUNT(m), &j, e) || find_invitation(q, text_of(q, &j, &m[0]), &x, e))
        return -1;
    if (credential_add(q->api->accounts, x.staff, &x, NULL, &j, m[2].at, text_of(q, &j, &m[1]), &q->audit, q->arena, id,
                       e))
        return refuse(q, "body/credential", e);
    proved_passkey(&x.proved, id);
    return begin(q, x.staff, SESSION_PASSKEY, &x.proved, e);
}

/* --- signing in --- */

int api_password(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "name", .kind = JSON_STRING}, {.name = "password", .kind = JSON_STRING}};
    struct json j;
    struct attempt t;
    if (check_on(q, e) || read_object(q, m, COUNT(m), &j, e) || check_address(q, e))
        return -1;
    if (account_sign_in(q->api->accounts, text_of(q, &j, &m[0]), text_of(q, &j, &m[1]), q->arena, &t, e))
        return refuse_attempt(q, &t, "body", e);
    return begin(q, t.staff, SESSION_PASSWORD, &t.proved, e);
}

static int ask(struct api_request *q, const uint8_t *staff, struct err *e)
{
    struct buf b = buf_in(q->arena, 4096);
    struct json_out o = json_out(&b);
    if (credential_ask(q->api->accounts, staff, q->arena, &o, e))
        return refuse(q, "body", e);
    return api_answer(q, 200, &b, e);
}

int api_passkey_options(struct api_request *q, struct err *e)
{
    return check_on(q, e) ? -1 : ask(q, NULL, e);
}

int api_passkey(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "credential", .kind = JSON_OBJECT}};
    struct json j;
    struct attempt t;
    if (check_on(q, e) || read_object(q, m, COUNT(m), &j, e) || check_address(q, e))
        return -1;
    if (credential_use(q->api->accounts, NULL, &j, m[0].at, &q->audit, q->arena, &t, e))
        return refuse_attempt(q, &t, "body/credential", e);
    return begin(q, t.staff, SESSION_PASSKEY, &t.proved, e);
}

/* --- who is signed in --- */

int api_passkey_register_options(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 65536);
    struct json_out o = json_out(&b);
    if (check_session(q, true, e))
        return -1;
    if (credential_offer(q->api->accounts, q->session.staff, q->arena, &o, e))
        return refuse(q, "body", e);
    return api_answer(q, 200, &b, e);
}

int api_passkey_register(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "label", .kind = JSON_STRING}, {.name = "credential", .kind = JSON_OBJECT}};
    struct json j;
    struct proved proved = {.by_session = false};
    uint8_t id[16];
    char text[UUID_TEXT];
    struct buf b = buf_in(q->arena, 256);
    struct json_out o = json_out(&b);
    if (check_session(q, true, e) || read_object(q, m, COUNT(m), &j, e))
        return -1;
    proved_session(&proved, q->session.id);
    if (credential_add(q->api->accounts, q->session.staff, NULL, &proved, &j, m[1].at, text_of(q, &j, &m[0]), &q->audit,
                       q->arena, id, e))
        return refuse(q, "body/credential", e);
    json_open(&o, '{');
    json_pair_str(&o, "id", uuid_text(id, text));
    json_close(&o, '}');
    return api_answer(q, 201, &b, e);
}

int api_passkey_list(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 65536);
    struct json_out o = json_out(&b);
    if (check_session(q, false, e))
        return -1;
    int password = account_has_password(&q->api->accounts->people, q->session.staff, q->arena, e);
    if (password < 0)
        return -1;
    json_open(&o, '{');
    json_pair_bool(&o, "password", password > 0);
    json_key(&o, "passkeys");
    if (credential_list(q->api->accounts, q->session.staff, q->arena, &o, e))
        return -1;
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_passkey_remove(struct api_request *q, struct err *e)
{
    uint8_t id[16];
    if (check_session(q, true, e))
        return -1;
    if (!uuid_parse(q->param[0], id)) {
        api_issue_field(q, "uuid_parsing", "path/passkey_id", "Input should be a valid UUID");
        return err_set(e, ERR_BAD_REQUEST, "an id that is no UUID");
    }
    if (credential_remove(q->api->accounts, q->session.staff, id, &q->audit, q->arena, e))
        return refuse(q, "path/passkey_id", e);
    q->reply->status = 204;
    return 0;
}

int api_password_change(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "old", .kind = JSON_STRING}, {.name = "new", .kind = JSON_STRING}};
    struct json j;
    struct attempt t;
    const uint8_t *staff = q->session.staff;
    if (check_session(q, false, e) || read_object(q, m, COUNT(m), &j, e) || check_address(q, e))
        return -1;
    if (account_again(q->api->accounts, staff, text_of(q, &j, &m[0]), q->arena, &t, e))
        return refuse_attempt(q, &t, "body/old", e);
    proved_session(&t.proved, q->session.id);
    if (account_change(q->api->accounts, staff, text_of(q, &j, &m[1]), &t.proved, &q->audit, q->arena, e))
        return refuse(q, "body/new", e);
    return begin(q, staff, SESSION_PASSWORD, &t.proved, e); /* this one's cookie is new, the others have ended */
}

int api_step_up_options(struct api_request *q, struct err *e)
{
    return check_session(q, false, e) ? -1 : ask(q, q->session.staff, e);
}

int api_step_up(struct api_request *q, struct err *e)
{
    struct member m[] = {{.name = "password", .kind = JSON_STRING, .may_lack = true},
                         {.name = "credential", .kind = JSON_OBJECT, .may_lack = true}};
    struct json j;
    struct attempt t;
    if (check_session(q, false, e) || read_object(q, m, COUNT(m), &j, e) || check_address(q, e))
        return -1;
    if (!m[0].at == !m[1].at) {
        api_issue_field(q, "missing", "body/password", "Field required: either password or credential");
        return err_set(e, ERR_BAD_REQUEST, "neither password nor passkey, or both");
    }
    if (m[0].at ? account_again(q->api->accounts, q->session.staff, text_of(q, &j, &m[0]), q->arena, &t, e)
                : credential_use(q->api->accounts, q->session.staff, &j, m[1].at, &q->audit, q->arena, &t, e))
        return refuse_attempt(q, &t, m[0].at ? "body/password" : "body/credential", e);
    if (session_again(&q->api->sessions, &q->session, m[0].at ? SESSION_PASSWORD : SESSION_PASSKEY, &q->audit, e))
        return refuse(q, "body", e);
    q->reply->status = 204;
    return 0;
}
