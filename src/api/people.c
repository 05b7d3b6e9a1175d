/* people.c -- /api/v1/people: who has an account here and which roles, managed from the web page (identity/desk.h).
 *
 * Whoever manages from here is one of two for every role, and neither of the two for their own. A lost credential is
 * replaced by the command alone (`lazaret user invite`): its code lets whoever sees it in as that person. */
#include "api/record_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"
#include "identity/account.h"

enum { ANSWER_KIB = 1024 };

static struct people desk(const struct api_request *q)
{
    struct people d = q->api->sessions.people;
    d.manager = role_name(q->caller.role);
    return d;
}

/* Who may not do it, or not alone, is in the log for having tried; so is who asks for nobody. */
static int fail(struct api_request *q, struct err *e)
{
    const char *sentence = arena_str(q->arena, slice_of(e->detail));
    if (e->code == ERR_USAGE && sentence)
        return api_form_refused(q, "name", sentence, e);
    return e->code == ERR_CONFLICT || e->code == ERR_NOT_FOUND ? api_deny_told(q, e) : -1;
}

int api_people_list(struct api_request *q, struct err *e)
{
    struct people d = desk(q);
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    bool own = policy_view(q->caller.role, ENTITY_GRANT, ACTION_READ) != VIEW_GRANT_ALL;
    json_open(&o, '{');
    json_key(&o, "people");
    if (desk_list(&d, own ? q->caller.name : NULL, q->arena, &o, e))
        return -1;
    json_close(&o, '}');
    return audit_note(q->api->db, &q->audit, e) ? -1 : api_answer(q, 200, &b, e);
}

/* {"name"?: ..., "role": ...} */
static int take_form(struct api_request *q, struct slice *ret_name, enum role *ret_role, struct err *e)
{
    struct json j;
    bool has_role = false;
    if (api_object(q, &j, e))
        return -1;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        uint32_t v = json_value(k);
        bool text = json_kind(&j, v) == JSON_STRING;
        if (json_is(&j, k, "role")) {
            has_role = text && role_named(json_text(&j, v, q->arena), ret_role) && role_is_staff(*ret_role);
            if (!has_role)
                return api_form_refused(q, "role",
                                        "Input should be doctor, installer, monitor, researcher, auditor or admin", e);
        } else if (ret_name && json_is(&j, k, "name")) {
            *ret_name = text ? json_text(&j, v, q->arena) : SLICE("");
        } else {
            return api_form_refused(q, NULL, "Extra inputs are not permitted", e);
        }
    }
    return has_role ? 0 : api_form_refused(q, "role", "Field required", e);
}

int api_people_add(struct api_request *q, struct err *e)
{
    struct people d = desk(q);
    struct slice name = SLICE("");
    enum role role = ROLE_ANONYMOUS;
    enum desk_done done;
    char code[INVITATION_TEXT], until[CLOCK_TEXT];
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (!q->api->accounts)
        return err_set(e, ERR_NOT_FOUND, "there are no accounts here (staff.accounts)");
    if (take_form(q, &name, &role, e))
        return -1;
    if (account_add(&d, name, role, q->caller.name, q->arena, &done, code, e))
        return fail(q, e);
    json_open(&o, '{');
    json_pair(&o, "name", name);
    json_pair_str(&o, "role", role_name(role));
    json_pair_str(&o, "done", done == DESK_GRANTED ? "approved" : "proposed");
    json_pair_str(&o, "invitation", code);
    json_pair_str(&o, "until", clock_text(clock_now_us() + INVITATION_HOURS * 3600 * INT64_C(1000000), until));
    json_close(&o, '}');
    return api_answer(q, 201, &b, e);
}

/* Of whom the path speaks: not of oneself. */
static int find(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    if (!uuid_parse(q->param[0], id)) {
        api_issue_field(q, "uuid_parsing", "path/person_id", "Input should be a valid UUID");
        return err_set(e, ERR_BAD_REQUEST, "an id that is no UUID");
    }
    if (memcmp(id, q->caller.id, sizeof id) != 0)
        return 0;
    err_set(e, ERR_RULE, "this is for somebody else to do: nobody decides over their own account");
    return api_deny_told(q, e);
}

static int find_role(struct api_request *q, enum role *ret, struct err *e)
{
    if (role_named(q->param[1], ret) && role_is_staff(*ret))
        return 0;
    return err_set(e, ERR_NOT_FOUND, "no such role");
}

static int answer(struct api_request *q, const char *done, struct err *e)
{
    struct buf b = buf_in(q->arena, 256);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair(&o, "id", q->param[0]);
    json_pair_str(&o, "done", done);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_people_propose(struct api_request *q, struct err *e)
{
    struct people d = desk(q);
    enum role role = ROLE_ANONYMOUS;
    if (find(q, e) || take_form(q, NULL, &role, e))
        return -1;
    return desk_propose(&d, q->param[0], role, q->caller.name, q->arena, e) ? fail(q, e) : answer(q, "proposed", e);
}

int api_people_approve(struct api_request *q, struct err *e)
{
    struct people d = desk(q);
    enum role role;
    enum desk_done done;
    if (find(q, e) || find_role(q, &role, e))
        return -1;
    return desk_approve(&d, q->param[0], role, q->caller.name, q->arena, &done, e)
               ? fail(q, e)
               : answer(q, done == DESK_GRANTED ? "approved" : "proposed", e);
}

int api_people_remove(struct api_request *q, struct err *e)
{
    struct people d = desk(q);
    enum role role;
    if (find(q, e) || find_role(q, &role, e))
        return -1;
    return desk_remove(&d, q->param[0], role, q->caller.name, q->arena, e) ? fail(q, e) : answer(q, "removed", e);
}

static int suspend(struct api_request *q, bool on, struct err *e)
{
    struct people d = desk(q);
    if (find(q, e))
        return -1;
    return desk_suspend(&d, q->param[0], on, q->caller.name, q->arena, e)
               ? fail(q, e)
               : answer(q, on ? "suspended" : "resumed", e);
}

int api_people_suspend(struct api_request *q, struct err *e)
{
    return suspend(q, true, e);
}

int api_people_resume(struct api_request *q, struct err *e)
{
    return suspend(q, false, e);
}
