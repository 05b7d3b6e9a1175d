/* token.c -- the token endpoint, and the document that says where it is. */
#include "api/api_int.h"
#include "identity/scopes.h"

static const char *const algorithms[] = {"RS256", "RS384", "PS256", "PS384", "ES256", "ES384"};

/* RFC 6749 5.2, and what it does not foresee in the words of its 4.1.2.1. */
static const char *oauth_error(enum err_code code)
{
    switch (code) {
    case ERR_ASSERTION: return "invalid_client";
    case ERR_GRANT_TYPE: return "unsupported_grant_type";
    case ERR_SCOPE_UNKNOWN: return "invalid_scope";
    default:
        return err_http(code) == 429 || err_http(code) == 503 ? "temporarily_unavailable"
               : err_http(code) >= 500                        ? "server_error"
                                                              : "invalid_request";
    }
}

void api_token_refused(struct api_request *q, const struct err *e)
{
    bool told = e->code == ERR_ASSERTION || e->code == ERR_GRANT_TYPE || e->code == ERR_SCOPE_UNKNOWN ||
                e->code == ERR_OAUTH_REQUEST; /* else the detail is for the log */
    struct buf b = buf_in(q->arena, 2048);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "error", oauth_error(e->code));
    json_pair_str(&o, "error_description", told ? e->detail : err_text(e->code));
    json_close(&o, '}');
    if (!buf_failed(&b))
        q->extra = (struct slice){b.p + 1, b.n - 2};
    http_reply_field(q->reply, "Pragma", SLICE("no-cache"));
}

/* Once, as RFC 6749 3.2 asks. */
static int take(struct api_request *q, const char *name, struct slice *ret, struct err *e)
{
    int n = api_form(q->http->body, name, q->arena, ret);
    return n == 1 && ret->p && ret->n ? 0
                                      : err_set(e, ERR_OAUTH_REQUEST, "the parameter %s is %s", name,
                                                n > 1 ? "there more than once" : "missing");
}

struct asked {
    struct slice assertion, scope, client;
    uint32_t scopes;
};

static int read_form(struct api_request *q, struct asked *ret, struct err *e)
{
    struct slice grant, type;
    if (take(q, "grant_type", &grant, e))
        return -1;
    if (!slice_is(grant, "client_credentials"))
        return err_set(e, ERR_GRANT_TYPE, "grant_type is client_credentials here");
    if (take(q, "client_assertion_type", &type, e) || take(q, "client_assertion", &ret->assertion, e))
        return -1;
    if (!slice_is(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
        return err_set(e, ERR_OAUTH_REQUEST,
                       "client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    if (api_form(q->http->body, "client_id", q->arena, &ret->client) > 1)
        return err_set(e, ERR_OAUTH_REQUEST, "the parameter client_id is there more than once");
    return 0;
}

/* After the client is known: who is not is told nothing of scopes. */
static int read_scope(struct api_request *q, struct asked *x, struct err *e)
{
    int n = api_form(q->http->body, "scope", q->arena, &x->scope);
    if (n != 1)
        return n ? err_set(e, ERR_OAUTH_REQUEST, "the parameter scope is there more than once")
                 : err_set(e, ERR_SCOPE_UNKNOWN,
                           "the parameter scope is missing: /.well-known/smart-configuration lists what there is");
    return scopes_parse(x->scope, &x->scopes, e);
}

static int answer(struct api_request *q, const char *token, uint32_t scopes, struct err *e)
{
    struct buf b = buf_in(q->arena, 4096), list = buf_in(q->arena, SCOPES_TEXT_MAX);
    struct json_out o = json_out(&b);
    scopes_tell(scopes, &list);
    json_open(&o, '{');
    json_pair_str(&o, "access_token", token);
    json_pair_str(&o, "token_type", "bearer");
    json_pair_int(&o, "expires_in", ACCESS_TOKEN_S);
    json_pair(&o, "scope", buf_text(&list));
    json_close(&o, '}');
    http_reply_field(q->reply, "Cache-Control", SLICE("no-store"));
    http_reply_field(q->reply, "Pragma", SLICE("no-cache"));
    return api_answer(q, 200, &b, e);
}

int api_token(struct api_request *q, struct err *e)
{
    struct asked x = {.scopes = 0};
    struct assertion spent;
    struct caller caller;
    const char *token;
    if (!q->api->programs)
        return err_set(e, ERR_BUSY, "there is no token endpoint in this process");
    if (read_form(q, &x, e))
        return -1;
    if (programs_judge(q->api->programs, x.assertion, q->arena, &caller, &spent, e))
        return e->code == ERR_ASSERTION ? api_deny_stranger(q, e) : -1;
    q->caller = caller; /* from here on it is they who ask */
    q->audit.actor = q->caller.name;
    q->audit.role = role_name(q->caller.role);
    q->retry_s = limit_client(q->api->limit, &q->caller);
    if (q->retry_s)
        return err_set(e, ERR_RATE, "requests of one client");
    if (x.client.p && !slice_is(x.client, q->caller.name))
        err_set(e, ERR_ASSERTION, "client_id is another client's than the assertion");
    else if (read_scope(q, &x, e) == 0 &&
             programs_token(q->api->programs, &q->caller, &spent, x.scopes, &q->audit, q->arena, &token, e) == 0)
        return answer(q, token, x.scopes, e);
    if (err_http(e->code) == 401)
        return api_deny_stranger(q, e); /* a copied assertion is a wrong key, too */
    if (err_http(e->code) < 500)
        api_deny(q, e);
    return -1;
}

static void put_list(struct json_out *o, const char *name, const char *const *word, size_t n)
{
    json_key(o, name);
    json_open(o, '[');
    for (size_t i = 0; i < n && word[i]; i++)
        json_put_str(o, word[i]);
    json_close(o, ']');
}

int api_smart_configuration(struct api_request *q, struct err *e)
{
    static const char *const methods[] = {"private_key_jwt"}, *const grants[] = {"client_credentials"},
                             *const capabilities[] = {"client-confidential-asymmetric", "permission-v2"};
    struct buf b = buf_in(q->arena, 16384);
    struct json_out o = json_out(&b);
    if (!q->api->programs)
        return err_set(e, ERR_BUSY, "there is no token endpoint in this process");
    json_open(&o, '{');
    json_pair_str(&o, "issuer", programs_issuer(q->api->programs));
    json_pair_str(&o, "token_endpoint", programs_endpoint(q->api->programs));
    put_list(&o, "token_endpoint_auth_methods_supported", methods, COUNT(methods));
    put_list(&o, "token_endpoint_auth_signing_alg_values_supported", algorithms, COUNT(algorithms));
    put_list(&o, "grant_types_supported", grants, COUNT(grants));
    put_list(&o, "scopes_supported", scopes_all(), SIZE_MAX);
    put_list(&o, "capabilities", capabilities, COUNT(capabilities));
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
