/* Clients, people, accounts, sessions and programs over a store, memory and keys that fail, in every call there is: who
 * cannot be looked up is nobody, what cannot be written is not half there, and each says that trying again may help. */
#include "identity_scene.h"

/* --- clients --- */

#define DEED(name)                                                                                                     \
    static int name(void *scene, int turn __attribute__((unused)), struct arena *a __attribute__((unused)),            \
                    struct err *e)

DEED(new_client)
{
    struct scene *s = scene;
    struct client_secrets secrets;
    char name[32];
    snprintf(name, sizeof name, "client-%d", turn);
    return client_add(s->h.db, s->h.keyring, s->h.scope, name, NULL, &operator_does, a, &secrets, e);
}

DEED(rotate_client)
{
    struct scene *s = scene;
    const char *key = NULL;
    int rc = client_rotate(s->h.db, s->h.scope, "bot", &operator_does, a, &key, e);
    CHECK((rc == 0) == (key != NULL));
    return rc;
}

DEED(limit_client)
{
    struct scene *s = scene;
    return client_limit(s->h.db, s->h.scope, "bot", turn, -1, &operator_does, a, e);
}

DEED(list_clients)
{
    struct scene *s = scene;
    struct rows r;
    return client_list(s->h.db, s->h.scope, a, &r, e);
}

DEED(identify_key)
{
    struct scene *s = scene;
    struct caller c;
    int rc = client_identify(s->h.db, s->h.scope, s->by_key, NULL, a, &c, e);
    CHECK_INT(c.role, rc ? ROLE_ANONYMOUS : ROLE_CLIENT);
    return rc;
}

DEED(identify_open)
{
    struct scene *s = scene;
    struct caller c;
    int rc = client_identify(s->h.db, s->h.scope, (struct slice){NULL, 0}, "bot", a, &c, e);
    CHECK_INT(c.role, rc ? ROLE_ANONYMOUS : ROLE_CLIENT);
    return rc;
}

DEED(identify_token)
{
    struct scene *s = scene;
    struct caller c;
    int rc = client_identify(s->h.db, s->h.scope, s->by_token, NULL, a, &c, e);
    CHECK(rc ? c.role == ROLE_ANONYMOUS : c.scoped);
    return rc;
}

DEED(identify_cert)
{
    struct scene *s = scene;
    static const uint8_t other[32] = {9};
    struct caller c;
    int rc = client_identify_cert(s->h.db, s->h.scope, s->cert.hash, other, a, &c, e);
    CHECK_INT(c.role, rc ? ROLE_ANONYMOUS : ROLE_CLIENT);
    return rc;
}

DEED(be_operator)
{
    struct scene *s = scene;
    struct caller c;
    return client_operator(s->h.db, s->h.keyring, s->h.scope, a, &c, e);
}

DEED(recognise)
{
    struct scene *s = scene;
    struct caller c;
    int rc = known_identify(s->known, s->h.db, s->h.scope, s->by_key, NULL, a, &c, e);
    if (rc == 0)
        CHECK_STR(c.webhook_origin, "https://hook.example");
    return rc;
}

DEED(recognise_cert)
{
    struct scene *s = scene;
    static const uint8_t other[32] = {9};
    struct caller c;
    return known_identify_cert(s->known, s->h.db, s->h.scope, s->cert.hash, other, a, &c, e);
}

DEED(open_known)
{
    struct known *k = NULL;
    (void)scene;
    int rc = known_open(&k, e);
    known_close(k);
    return rc;
}

DEED(find_scope)
{
    struct scene *s = scene;
    uint8_t id[16];
    char name[32];
    snprintf(name, sizeof name, "scope-%d", turn);
    return scope_gateway(s->h.db, name, id, e);
}

DEED(find_same_scope)
{
    struct scene *s = scene;
    uint8_t id[16];
    return scope_gateway(s->h.db, "default", id, e);
}

static void forget(void *scene)
{
    struct scene *s = scene;
    known_forget(s->known);
}

/* --- programs --- */

DEED(replace_keys)
{
    struct scene *s = scene;
    return program_keys(s->h.db, s->h.scope, "bot", key_set, NULL, false, &operator_does, a, e);
}

DEED(add_and_remove_cert)
{
    struct scene *s = scene;
    struct program_cert c = {.subject = "CN=other", .until_us = 1};
    memcpy(c.hash, &turn, sizeof turn);
    return program_cert_add(s->h.db, s->h.scope, "bot", &c, true, &operator_does, a, e) ||
                   program_cert_remove(s->h.db, s->h.scope, "bot", &c, true, &operator_does, a, e)
               ? -1
               : 0;
}

static void without_certs(void *scene)
{
    struct scene *s = scene;
    house_sql(&s->h, "DELETE FROM client_cert");
}

DEED(list_certs)
{
    struct scene *s = scene;
    struct rows r;
    return program_cert_list(s->h.db, s->h.scope, a, &r, e);
}

static struct slice signed_before;
static void sign_assertion(void *scene)
{
    struct scene *s = scene;
    static int n;
    signed_before = assertion(1000000 + n++, s->life);
}

DEED(judge)
{
    struct scene *s = scene;
    struct caller c;
    struct assertion spent;
    return programs_judge(s->programs, signed_before, a, &c, &spent, e);
}

DEED(judge_and_buy)
{
    struct scene *s = scene;
    struct caller c;
    struct assertion spent;
    const char *token = NULL;
    return programs_judge(s->programs, signed_before, a, &c, &spent, e) ||
                   programs_token(s->programs, &c, &spent, 1, &operator_does, a, &token, e)
               ? -1
               : 0;
}

DEED(start_programs)
{
    struct scene *s = scene;
    struct programs_config c = {.db = s->h.db, .scope = s->h.scope, .issuer = "https://gw.example"};
    struct programs *p = NULL;
    int rc = programs_start(&c, &p, e);
    programs_stop(p);
    return rc;
}

TEST(who_cannot_be_looked_up_is_nobody)
{
    struct scene s;
    struct err e;
    set_up(&s);
    CHECK_OK(program_cert_add(s.h.db, s.h.scope, "bot", &s.cert, false, &operator_does, s.life, &e));
    struct caller c;
    struct assertion spent;
    const char *token;
    CHECK_OK(programs_judge(s.programs, assertion(-1, s.life), s.life, &c, &spent, &e));
    CHECK_OK(programs_token(s.programs, &c, &spent, 1, &operator_does, s.life, &token, &e));
    s.by_token = bearer(&s, token);
    sweep(&s.h, "identify a key", identify_key, &s, 0);
    sweep(&s.h, "identify the open client", identify_open, &s, 0);
    sweep(&s.h, "identify a token", identify_token, &s, 0);
    sweep(&s.h, "identify a certificate", identify_cert, &s, 0);
    sweep_before = forget;
    sweep(&s.h, "recognise", recognise, &s, 0);
    sweep(&s.h, "recognise a certificate", recognise_cert, &s, 0);
    sweep_before = NULL;
    sweep(&s.h, "recognise again", recognise, &s, 0); /* from what is remembered */
    sweep(&s.h, "recognise a certificate again", recognise_cert, &s, 0);
    sweep(&s.h, "open what is known", open_known, &s, FAIL_MAY_PASS);
    tear_down(&s);
}

TEST(a_client_is_made_changed_and_listed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "add", new_client, &s, 0);
    sweep(&s.h, "rotate", rotate_client, &s, 0);
    sweep(&s.h, "limit", limit_client, &s, 0);
    sweep(&s.h, "list", list_clients, &s, 0);
    sweep(&s.h, "operator", be_operator, &s, FAIL_LEAVES_TRACES);
    sweep(&s.h, "operator again", be_operator, &s, 0);
    sweep(&s.h, "new scope", find_scope, &s, 0);
    sweep(&s.h, "old scope", find_same_scope, &s, 0);
    tear_down(&s);
}

TEST(a_programs_keys_certificates_and_tokens_are_changed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "keys", replace_keys, &s, 0);
    sweep_before = without_certs;
    sweep(&s.h, "certificate", add_and_remove_cert, &s, FAIL_LEAVES_TRACES); /* two changes */
    sweep_before = NULL;
    sweep(&s.h, "certificates", list_certs, &s, 0);
    sweep_before = sign_assertion;
    sweep(&s.h, "judge", judge, &s, FAIL_MAY_PASS); /* a piece that is not needed may fail */
    sweep(&s.h, "token", judge_and_buy, &s, FAIL_MAY_PASS);
    sweep_before = NULL;
    sweep(&s.h, "start", start_programs, &s, FAIL_MAY_PASS);
    tear_down(&s);
}

/* --- endpoints --- */

DEED(new_endpoint)
{
    struct scene *s = scene;
    struct endpoint x;
    return endpoint_add(s->h.db, s->h.keyring, &s->client, "https://hook.example/more", false, &operator_does, a, &x,
                        e);
}

DEED(list_endpoints)
{
    struct scene *s = scene;
    struct endpoint x[20];
    struct rows r;
    int n = endpoint_list(s->h.db, &s->client, a, x, 20, e);
    return n < 0 ? -1 : endpoint_all(s->h.db, s->h.scope, "bot", a, &r, e);
}

DEED(open_endpoint)
{
    struct scene *s = scene;
    struct endpoint x;
    int rc = endpoint_open(s->h.db, s->h.keyring, s->h.scope, s->endpoint.id, a, &x, e);
    if (rc < 0)
        return -1;
    CHECK(rc == 1 && x.secret && x.old);
    return 0;
}

DEED(rotate_endpoint)
{
    struct scene *s = scene;
    struct endpoint x;
    return endpoint_change(s->h.db, s->h.keyring, &s->client, s->endpoint.id, ENDPOINT_ROTATE, 60 * MINUTE,
                           &operator_does, a, &x, e);
}

DEED(enable_endpoint)
{
    struct scene *s = scene;
    struct endpoint x;
    return endpoint_change(s->h.db, s->h.keyring, &s->client, s->endpoint.id, ENDPOINT_ENABLE, 0, &operator_does, a, &x,
                           e);
}

DEED(remove_endpoint)
{
    struct scene *s = scene;
    struct endpoint x;
    return endpoint_change(s->h.db, s->h.keyring, &s->client, s->endpoint.id, ENDPOINT_REMOVE, 0, &operator_does, a, &x,
                           e);
}

TEST(endpoints_are_changed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "add", new_endpoint, &s, 0);
    sweep(&s.h, "rotate", rotate_endpoint, &s, 0);
    sweep(&s.h, "open", open_endpoint, &s, 0);
    sweep(&s.h, "list", list_endpoints, &s, 0);
    sweep(&s.h, "enable", enable_endpoint, &s, 0);
    sweep_kind(&s.h, "remove", remove_endpoint, &s, 0, FAIL_CALLS);
    tear_down(&s);
}

/* --- people --- */

DEED(arrive)
{
    struct scene *s = scene;
    uint8_t who[32];
    struct person p;
    char name[32];
    snprintf(name, sizeof name, "person-%d", turn);
    struct arrival x = {.who = who,
                        .issuer = "https://id.example",
                        .subject = name,
                        .name = name,
                        .by = "provider",
                        .roles = 1u << ROLE_DOCTOR};
    return person_hash(people(s), PERSON_WHO, x.issuer, slice_of(name), who, e) ||
                   person_arrive(people(s), &x, NULL, a, &p, e)
               ? -1
               : 0;
}

DEED(list_people)
{
    struct scene *s = scene;
    struct buf b = buf_in(a, 1 << 16);
    struct json_out o = json_out(&b);
    return desk_list(people(s), NULL, a, &o, e);
}

DEED(propose_and_approve)
{
    struct scene *s = scene;
    enum desk_done done;
    return desk_propose(people(s), SLICE("bea"), ROLE_DOCTOR, "root", a, e) ||
                   desk_approve(people(s), SLICE("bea"), ROLE_DOCTOR, "chief", a, &done, e) ||
                   desk_remove(people(s), SLICE("bea"), ROLE_DOCTOR, "root", a, e)
               ? -1
               : 0;
}

static void without_doctor(void *scene)
{
    struct scene *s = scene;
    house_sql(&s->h, "DELETE FROM role_grant WHERE role = 'doctor'");
}

DEED(approve_at_once)
{
    struct scene *s = scene;
    enum desk_done done;
    return desk_approve(people(s), SLICE("bea"), ROLE_DOCTOR, "chief", a, &done, e);
}

DEED(suspend_and_resume)
{
    struct scene *s = scene;
    return desk_suspend(people(s), SLICE("anna"), true, "root", a, e) ||
                   desk_suspend(people(s), SLICE("anna"), false, "root", a, e)
               ? -1
               : 0;
}

static void resumed(void *scene)
{
    struct scene *s = scene;
    house_sql(&s->h, "UPDATE staff SET state = 'active'; UPDATE session SET ended_at = NULL, ended_why = NULL");
}

TEST(people_arrive_and_are_managed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "arrive", arrive, &s, FAIL_LEAVES_TRACES); /* written, and then read */
    sweep(&s.h, "list", list_people, &s, FAIL_MAY_PASS);
    sweep_before = without_doctor;
    sweep(&s.h, "approve", approve_at_once, &s, FAIL_MAY_PASS);
    sweep(&s.h, "propose and approve", propose_and_approve, &s, FAIL_LEAVES_TRACES | FAIL_MAY_PASS);
    sweep_before = resumed;
    sweep(&s.h, "suspend", suspend_and_resume, &s, FAIL_LEAVES_TRACES | FAIL_MAY_PASS);
    sweep_before = NULL;
    tear_down(&s);
}

/* --- accounts --- */

DEED(add_somebody)
{
    struct scene *s = scene;
    enum desk_done done;
    char name[32], code[INVITATION_TEXT];
    snprintf(name, sizeof name, "name-%d", turn);
    return account_add(people(s), slice_of(name), ROLE_AUDITOR, "root", a, &done, code, e);
}

DEED(invite_again)
{
    struct scene *s = scene;
    char code[INVITATION_TEXT];
    return account_invite(people(s), SLICE("bea"), "root", a, code, e);
}

static char fresh_code[INVITATION_TEXT];
static void invite_before(void *scene)
{
    struct scene *s = scene;
    struct err e;
    CHECK_OK(account_invite(people(s), SLICE("bea"), "root", s->life, fresh_code, &e));
}

DEED(accept)
{
    struct scene *s = scene;
    struct invitation i;
    return account_accept(&s->accounts, slice_of(fresh_code), SLICE(GOOD), NULL, a, &i, e);
}

DEED(sign_in)
{
    struct scene *s = scene;
    struct attempt t;
    return account_sign_in(&s->accounts, SLICE("anna"), SLICE(GOOD), a, &t, e);
}

DEED(show_again)
{
    struct scene *s = scene;
    struct attempt t;
    return account_again(&s->accounts, s->staff, SLICE(GOOD), a, &t, e);
}

DEED(change_password)
{
    struct scene *s = scene;
    struct proved proved = {.by_password = false};
    return account_change(&s->accounts, s->staff, turn % 2 ? SLICE(GOOD) : SLICE(OTHER), &proved, NULL, a, e);
}

DEED(ask_accounts)
{
    struct scene *s = scene;
    int has = account_has_password(people(s), s->staff, a, e),
        is = has < 0 ? -1 : account_exists(people(s), s->staff, a, e);
    if (has < 0 || is < 0)
        return -1;
    CHECK(has == 1 && is == 1);
    return 0;
}

static void no_failures(void *scene)
{
    struct scene *s = scene;
    house_sql(&s->h, "DELETE FROM sign_in_failure");
}

DEED(start_passwords)
{
    struct passwords *p = NULL;
    (void)scene;
    int rc = passwords_start(1, &p, e);
    passwords_stop(p);
    return rc;
}

TEST(accounts_and_their_passwords_are_changed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "add", add_somebody, &s, FAIL_LEAVES_TRACES); /* the person first, then the account */
    sweep(&s.h, "invite", invite_again, &s, 0);
    sweep_before = invite_before;
    sweep(&s.h, "accept", accept, &s, FAIL_MAY_PASS);
    sweep_before = no_failures;
    sweep(&s.h, "sign in", sign_in, &s, FAIL_LEAVES_TRACES | FAIL_MAY_PASS); /* an attempt counts before it is judged */
    sweep(&s.h, "again", show_again, &s, FAIL_LEAVES_TRACES | FAIL_MAY_PASS);
    sweep_before = NULL;
    sweep(&s.h, "ask", ask_accounts, &s, 0);
    sweep(&s.h, "change", change_password, &s, FAIL_MAY_PASS);
    sweep(&s.h, "start", start_passwords, &s, FAIL_MAY_PASS);
    tear_down(&s);
}

/* --- sessions --- */

DEED(begin)
{
    struct scene *s = scene;
    struct session_new x = {.how = SESSION_OIDC, .has_role = true, .role = ROLE_AUDITOR, .provider = &provider};
    const char *cookie;
    memcpy(x.staff, s->staff, 16);
    return session_open(&s->sessions, &x, NULL, a, &cookie, e);
}

DEED(identify)
{
    struct scene *s = scene;
    struct session x;
    struct caller c;
    struct session_ask q = {.cookie = slice_of(s->cookie)};
    int rc = session_identify(&s->sessions, &q, a, &x, &c, e);
    return rc < 0 ? -1 : rc == 1 ? 0 : err_set(e, ERR_INTERNAL, "nobody");
}

static struct session found_session(struct scene *s)
{
    struct session x;
    struct caller c;
    struct err e;
    struct session_ask q = {.cookie = slice_of(s->cookie), .quiet = true};
    CHECK_INT(session_identify(&s->sessions, &q, s->life, &x, &c, &e), 1);
    return x;
}

static void sessions_old(void *scene)
{
    session_fresh(scene);
    house_sql(&((struct scene *)scene)->h, "UPDATE session SET ended_at = 1, ended_why = 'test'");
}

static struct session now_open;
static void session_found(void *scene)
{
    session_fresh(scene);
    now_open = found_session(scene);
}

DEED(end_one)
{
    struct scene *s = scene;
    return session_end(&s->sessions, now_open.id, "test", NULL, e);
}

DEED(end_all)
{
    struct scene *s = scene;
    int n;
    return session_end_all(&s->sessions, s->staff, "test", NULL, a, &n, e);
}

DEED(end_by_provider)
{
    struct scene *s = scene;
    int n;
    return session_end_provider(&s->sessions, "https://id.example", SLICE("sid"), SLICE(""), NULL, NULL, NULL, a, &n, e);
}

DEED(end_by_subject)
{
    struct scene *s = scene;
    int n;
    return session_end_provider(&s->sessions, ACCOUNT_ISSUER, (struct slice){NULL, 0}, SLICE("anna"), NULL, NULL, NULL, a,
                                &n, e);
}

DEED(show)
{
    struct scene *s = scene;
    return session_again(&s->sessions, &now_open, SESSION_PASSWORD, NULL, e);
}

DEED(switch_role)
{
    struct scene *s = scene;
    return session_role(&s->sessions, &now_open, 1u << ROLE_AUDITOR, ROLE_AUDITOR, NULL, a, e);
}

DEED(list_sessions)
{
    struct scene *s = scene;
    struct buf b = buf_in(a, 1 << 16);
    struct json_out o = json_out(&b);
    return session_list(&s->sessions, &now_open, a, &o, e);
}

DEED(take_tokens)
{
    struct scene *s = scene;
    struct slice tokens;
    return session_tokens(&s->sessions, now_open.id, a, &tokens, e);
}

DEED(renew)
{
    struct scene *s = scene;
    int mine = session_renewing(&s->sessions, now_open.id, MINUTE, e);
    return mine < 0 ? -1 : session_renewed(&s->sessions, now_open.id, &provider, a, e);
}

TEST(sessions_begin_change_and_end_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep(&s.h, "identify", identify, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES); /* that it was used is noted by itself */
    sweep_before = cookie_due;
    sweep_kind(&s.h, "replace a cookie", identify, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES, FAIL_CALLS);
    sweep_before = cookie_late;
    sweep(&s.h, "a late cookie", identify, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = NULL;
    sweep(&s.h, "begin", begin, &s, FAIL_MAY_PASS);
    sweep_before = sessions_old;
    sweep_kind(&s.h, "begin and sweep", begin, &s, FAIL_MAY_PASS, FAIL_CALLS);
    sweep_before = session_found;
    sweep(&s.h, "end", end_one, &s, 0);
    sweep(&s.h, "end all", end_all, &s, 0);
    sweep(&s.h, "end by the provider", end_by_provider, &s, 0);
    sweep(&s.h, "end by the subject", end_by_subject, &s, 0);
    sweep(&s.h, "again", show, &s, 0);
    sweep(&s.h, "role", switch_role, &s, 0);
    sweep(&s.h, "list", list_sessions, &s, FAIL_MAY_PASS);
    sweep(&s.h, "tokens", take_tokens, &s, 0);
    sweep(&s.h, "renew", renew, &s, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = NULL;
    tear_down(&s);
}

/* --- challenges --- */

struct using
{
    struct scene *s;
    struct slice challenge;
};

static int use_body(struct tx *tx, void *arg, struct err *e)
{
    struct using *u = arg;
    return challenge_use(tx, u->s->h.scope, u->challenge, e);
}

DEED(challenge)
{
    struct scene *s = scene;
    char text[CHALLENGE_TEXT];
    uint8_t raw[CHALLENGE_BYTES];
    if (challenge_make(people(s), CHALLENGE_REGISTER, s->staff, text, e))
        return -1;
    CHECK_INT(base64url_decode(slice_of(text), raw, sizeof raw), (int)sizeof raw);
    struct using u = {s, {(char *)raw, sizeof raw}};
    if (challenge_check(people(s), CHALLENGE_REGISTER, s->staff, u.challenge, e) || tx_run(s->h.db, use_body, &u, e))
        return -1;
    struct err again = {.code = ERR_NONE}; /* once, if nothing else is refused */
    if (fail_at == 0)
        CHECK(tx_run(s->h.db, use_body, &u, &again) == -1 && again.code == ERR_TOKEN);
    return 0;
}

TEST(a_challenge_is_for_one_thing_one_person_and_once)
{
    struct scene s;
    struct err e;
    char text[CHALLENGE_TEXT];
    uint8_t raw[CHALLENGE_BYTES], other[16] = {7};
    set_up(&s);
    sweep(&s.h, "challenge", challenge, &s, 0);
    CHECK_OK(challenge_make(people(&s), CHALLENGE_STEP_UP, s.staff, text, &e));
    CHECK_INT(base64url_decode(slice_of(text), raw, sizeof raw), (int)sizeof raw);
    struct slice c = {(char *)raw, sizeof raw};
    CHECK_OK(challenge_check(people(&s), CHALLENGE_STEP_UP, s.staff, c, &e));
    CHECK(challenge_check(people(&s), CHALLENGE_SIGN_IN, s.staff, c, &e) == -1 && e.code == ERR_TOKEN);
    CHECK(challenge_check(people(&s), CHALLENGE_STEP_UP, other, c, &e) == -1 && e.code == ERR_TOKEN);
    CHECK(challenge_check(people(&s), CHALLENGE_STEP_UP, NULL, c, &e) == -1 && e.code == ERR_TOKEN);
    CHECK(challenge_check(people(&s), CHALLENGE_STEP_UP, s.staff, (struct slice){c.p, c.n - 1}, &e) == -1 &&
          e.code == ERR_TOKEN);
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] ^= 1;
        CHECK(challenge_check(people(&s), CHALLENGE_STEP_UP, s.staff, c, &e) == -1 && e.code == ERR_TOKEN);
        raw[i] ^= 1;
    }
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(who_cannot_be_looked_up_is_nobody),
                                       T(a_client_is_made_changed_and_listed_wholly_or_not_at_all),
                                       T(a_programs_keys_certificates_and_tokens_are_changed_wholly_or_not_at_all),
                                       T(endpoints_are_changed_wholly_or_not_at_all),
                                       T(people_arrive_and_are_managed_wholly_or_not_at_all),
                                       T(accounts_and_their_passwords_are_changed_wholly_or_not_at_all),
                                       T(sessions_begin_change_and_end_wholly_or_not_at_all),
                                       T(a_challenge_is_for_one_thing_one_person_and_once)};
    int failed = cmocka_run_group_tests(tests, make_key, drop_key);
    arena_thread_end();
    return failed;
}
