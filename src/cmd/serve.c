#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/privilege.h"
#include "jobs/worker.h"
#include "study/document.h"

#define MINUTE_US INT64_C(60000000)

const struct option serve_options[] = {{0}};

/* Signals come to one thread: TERM and INT stop, HUP reads the certificate again. */
struct watch {
    struct http_server *http;
    sigset_t set;
    atomic_bool ending; /* a USR1 before that is a stranger's */
};

static void *watch_signals(void *arg)
{
    struct watch *w = arg;
    for (int sig; sigwait(&w->set, &sig) == 0;) {
        struct err e;
        if (sig == SIGUSR1) {
            if (w->ending)
                break;
        } else if (sig != SIGHUP) {
            log_line(LOG_INFO, "stopping", "signal", sig == SIGTERM ? "TERM" : "INT", NULL);
            http_server_stop(w->http);
        } else if (http_server_reload(w->http, &e)) {
            log_err(LOG_ERROR, "the certificate was not read again; the old one stays", &e);
        } else {
            log_line(LOG_INFO, "certificate read again", NULL);
        }
    }
    arena_thread_end();
    return NULL;
}

/* A proxy that ends TLS keeps the certificate to itself, and what it says of it in a header anybody could say. */
static int client_certs(const struct config *c, struct http_config *ret, struct err *e)
{
    bool needed = strcmp(c->tls_client_cert, "need") == 0;
    if (!needed && strcmp(c->tls_client_cert, "ask") != 0)
        return err_set(e, ERR_CONFIG, "tls.client_cert is ask or need");
    if (!*c->tls_client_ca)
        return needed ? err_set(e, ERR_CONFIG, "tls.client_cert = need does not say whose: set tls.client_ca") : 0;
    if (ret->tls != HTTP_TLS_ON)
        return err_set(e, ERR_CONFIG,
                       "tls.client_ca needs tls = on: certificates are those of a connection to this "
                       "program, never what a proxy says in a header");
    ret->client_ca = c->tls_client_ca;
    ret->certs = needed ? HTTP_CERTS_NEEDED : HTTP_CERTS_ASKED;
    return 0;
}

static int http_settings(const struct config *c, struct http_config *ret, struct err *e)
{
    *ret = http_config_default();
    ret->listen = c->listen;
    ret->loops = (int)c->loops;
    ret->handlers = (int)c->handlers;
    ret->body_max = (size_t)c->body_mib << 20;
    ret->in_flight_max = (int)c->in_flight;
    ret->streams_max = (int)c->streams;
    ret->transfers_max = (int)(c->transfers < (c->handlers + 1) / 2 ? c->transfers : (c->handlers + 1) / 2);
    ret->body_rule = api_body_rule;
    ret->connections_max = (int)c->connections;
    ret->arena_max = (size_t)c->memory_mib << 20;
    ret->header_ms = (int)c->header_ms;
    ret->body_rate = (int)c->body_rate;
    ret->idle_ms = (int)c->idle_ms;
    ret->drain_ms = (int)c->drain_ms;
    if (strcmp(c->tls, "on") == 0) {
        ret->tls = HTTP_TLS_ON;
        ret->cert = c->tls_cert;
        ret->key = c->tls_key;
        if (!*c->tls_cert || !*c->tls_key)
            return err_set(e, ERR_CONFIG, "tls = on needs tls.cert and tls.key");
    } else if (strcmp(c->tls, "proxy") == 0) {
        ret->tls = HTTP_TLS_PROXY;
    } else if (strcmp(c->tls, "off") != 0) {
        return err_set(e, ERR_CONFIG, "tls is off, on or proxy");
    }
    return client_certs(c, ret, e);
}

static bool loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

static void warn_at_start(const struct app *app)
{
    if (!app->sandbox && !app->api.workers_elsewhere)
        log_err(LOG_WARN, "models cannot run on this machine: jobs are answered 503", &app->sandbox_error);
    if (app->api.staff && strcmp(app->config->staff_approval, "token") == 0)
        log_line(LOG_WARN,
                 "the roles in tokens count as they stand: who manages the identity provider decides who sees what",
                 NULL);
    if (*app->config->open_client)
        log_line(LOG_WARN,
                 "requests without Authorization act as one client: for the prototype's clients on this machine only",
                 "client", app->config->open_client, NULL);
    struct err e;
    if (db_shared(app->api.db) && db_check(app->api.db, &e))
        log_err(LOG_WARN, "the store may lose what was answered", &e);
    if (geteuid() == 0)
        log_line(LOG_WARN, "running as root: set 'user' to the account this should run as", NULL);
}

/* NAME = on or off */
static int is_on(const char *name, const char *value, bool *ret, struct err *e)
{
    *ret = strcmp(value, "on") == 0;
    return *ret || strcmp(value, "off") == 0 ? 0 : err_set(e, ERR_CONFIG, "%s is on or off", name);
}

static int start_staff(struct app *app, const struct config *c, struct err *e)
{
    struct staff_config s = {
        .people = {app->api.db, app->api.keyring, app->api.scope},
        .issuer = {.url = c->staff_issuer, .ca = c->staff_ca, .keep_s = c->staff_keys_hours * 3600},
        .rules = {.audience = c->staff_audience, .roles = c->staff_roles},
        .trust = strcmp(c->staff_approval, "token") == 0};
    if (is_on("staff.azp", c->staff_azp, &s.rules.azp, e) || is_on("staff.http", c->staff_http, &s.issuer.plain, e))
        return -1;
    if (!s.trust && strcmp(c->staff_approval, "local") != 0)
        return err_set(e, ERR_CONFIG, "staff.approval is local or token");
    if (!*c->staff_audience)
        return err_set(e, ERR_CONFIG, "staff.audience is empty: any token of the provider would do");
    app->api.sessions = (struct sessions){.people = s.people,
                                          .trust = s.trust,
                                          .idle_us = c->session_idle * MINUTE_US,
                                          .life_us = c->session_life * MINUTE_US};
    if (*c->staff_client && (!*c->staff_issuer || !*c->public_url))
        return err_set(e, ERR_CONFIG, "staff.client needs staff.issuer and public.url");
    return *c->staff_issuer ? staff_start(&s, &app->api.staff, e) : 0;
}

/* scheme://host[:port][/path], without what would make two texts of one address. */
static int check_public_url(const char *url, struct err *e)
{
    size_t n = strlen(url);
    if (!n || (n <= 1024 && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) &&
               url[n - 1] != '/' && !url[strcspn(url, " ?#@\"\\")]))
        return 0;
    return err_set(e, ERR_CONFIG,
                   "public.url is https://HOST or https://HOST:PORT, perhaps with a path; nothing behind "
                   "that, no slash either");
}

static int start_programs(struct app *app, const struct config *c, const char *address, struct err *e)
{
    struct programs_config p = {
        .db = app->api.db, .scope = app->api.scope, .issuer = c->public_url, .ca = c->program_ca};
    bool reuse;
    if (is_on("sandbox.reuse", c->reuse, &reuse, e) || is_on("program.http", c->program_http, &p.plain, e) ||
        check_public_url(c->public_url, e))
        return -1;
    if (!*p.issuer)
        p.issuer = arena_printf(c->arena, "%s://%s", strcmp(c->tls, "on") ? "http" : "https", address);
    return p.issuer ? programs_start(&p, &app->api.programs, e) : err_set(e, ERR_NO_MEMORY, "sign-ins of programs");
}

static int start_oidc(struct app *app, const struct config *c, struct err *e)
{
    struct oidc_config o = {.staff = app->api.staff,
                            .sessions = &app->api.sessions,
                            .client = c->staff_client,
                            .secret_file = c->staff_client_secret_file,
                            .scopes = c->staff_scopes,
                            .url = c->public_url};
    return *c->staff_client ? oidc_start(&o, &app->api.oidc, e) : 0;
}

/* What runs beside the HTTP server, in the order it is started. */
struct running {
    struct app app;
    struct accounts accounts;
    struct http_server *http;
    struct workers *workers;
    struct control *control;
    struct watch watch;
    pthread_t watcher;
    bool watching;
};

/* Where browsers find this server: as the setting says, or on this machine by the name that passkeys need. */
static int browser_url(struct running *r, const struct config *c, struct err *e)
{
    const char *url = c->public_url, *port = strrchr(http_server_address(r->http), ':');
    if (!*url && loopback(c->listen) && port)
        url = arena_printf(c->arena, "http%s://localhost%s", strcmp(c->tls, "on") ? "" : "s", port);
    r->app.api.config.url = url;
    return url ? check_public_url(c->public_url, e) : err_set(e, ERR_NO_MEMORY, "public.url");
}

static int start_accounts(struct running *r, const struct config *c, struct err *e)
{
    bool on = !*c->staff_issuer;
    if ((*c->staff_accounts && is_on("staff.accounts", c->staff_accounts, &on, e)) || browser_url(r, c, e))
        return -1;
    if (!on)
        return 0;
    r->accounts.people = (struct people){r->app.api.db, r->app.api.keyring, r->app.api.scope};
    if (passwords_start((int)c->hashing, &r->accounts.passwords, e) ||
        passkey_rules(r->app.api.config.url, c->arena, &r->accounts.passkeys, e) < 0)
        return -1;
    r->app.api.accounts = &r->accounts;
    return 0;
}

static int start(struct running *r, struct config *c, struct err *e)
{
    struct http_config h;
    if (http_settings(c, &h, e) || log_level_set(c->log_level, e))
        return -1;
    if (*c->open_client && !loopback(c->listen))
        return err_set(e, ERR_CONFIG,
                       "legacy.open_client lets anybody in, so it is allowed only when listening on loopback");
    if (deliver_check_allow(c->webhook_allow, e) || sandbox_minimum(c->minimum, (struct slice){NULL, 0}, c->arena, e))
        return -1;
    if (strcmp(c->webhook_private, "on") != 0 && strcmp(c->webhook_private, "off") != 0)
        return err_set(e, ERR_CONFIG, "webhook.private is on or off");
    /* all threads inherit the mask, so that signals wait for the watcher */
    sigemptyset(&r->watch.set);
    sigaddset(&r->watch.set, SIGTERM);
    sigaddset(&r->watch.set, SIGINT);
    sigaddset(&r->watch.set, SIGHUP);
    sigaddset(&r->watch.set, SIGUSR1);
    app_open_sandbox(&r->app, c);
    pthread_sigmask(SIG_BLOCK, &r->watch.set, NULL);
    if (privilege_drop(c->user, e) || app_open(&r->app, c, e) ||
        (!db_shared(r->app.api.db) &&
         (job_recover(r->app.api.jobs, e) ||
          document_recover(&r->app.api.study, e))) || /* else its workers may live elsewhere */
        app_keep(&r->app, e))
        return -1;
    struct deliver_config d = {.db = r->app.api.db,
                               .keyring = r->app.api.keyring,
                               .jobs = r->app.api.jobs,
                               .scope = r->app.api.scope,
                               .allow = c->webhook_allow,
                               .allow_private = strcmp(c->webhook_private, "on") == 0,
                               .ca = c->webhook_ca,
                               .at_once = (int)c->webhook_at_once,
                               .to_endpoint = (int)c->webhook_each};
    struct limit_config l = {.db = r->app.api.db,
                             .scope = r->app.api.scope,
                             .client_rate = c->client_rate,
                             .client_burst = c->client_burst,
                             .stranger_rate = c->denied_rate,
                             .stranger_burst = c->denied_burst,
                             .note_ms = 60000};
    if (http_server_open(&h, api_serve, &r->app.api, &r->http, e) || limit_start(&l, &r->app.api.limit, e) ||
        start_staff(&r->app, c, e) || start_oidc(&r->app, c, e) || start_accounts(r, c, e) ||
        start_programs(&r->app, c, http_server_address(r->http), e) ||
        events_start(r->app.api.jobs, (int)c->streams, &r->app.api.events, e) ||
        deliver_start(&d, &r->app.api.deliver, e) ||
        (r->app.sandbox && c->workers &&
         workers_start(r->app.api.jobs, r->app.api.registry, r->app.sandbox, (int)c->workers, &r->workers, e)) ||
        control_start(&r->app, &r->control, e))
        return -1;
    r->watch.http = r->http;
    r->watching = pthread_create(&r->watcher, NULL, watch_signals, &r->watch) == 0;
    return r->watching ? 0 : err_set(e, ERR_INTERNAL, "no thread for signals");
}

/* In reverse: first nobody may ask, then what runs ends, then the store closes. */
static void stop(struct running *r)
{
    control_stop(r->control);
    events_stop(r->app.api.events);
    limit_stop(r->app.api.limit);
    workers_stop(r->workers);
    deliver_stop(r->app.api.deliver);
    if (r->watching) {
        r->watch.ending = true;
        pthread_kill(r->watcher, SIGUSR1);
        pthread_join(r->watcher, NULL);
    }
    http_server_close(r->http);
    oidc_stop(r->app.api.oidc);
    staff_stop(r->app.api.staff);
    programs_stop(r->app.api.programs);
    passwords_stop(r->accounts.passwords);
    app_close(&r->app);
}

int cmd_serve(struct call *c, struct err *e)
{
    struct running r = {.app = {.lock_fd = -1, .keeps_ready = true}};
    int rc = start(&r, &c->config, e);
    if (!rc) {
        warn_at_start(&r.app);
        printf("lazaret ready on %s://%s\n", strcmp(c->config.tls, "on") ? "http" : "https",
               http_server_address(r.http));
        fflush(stdout);
        rc = http_server_run(r.http, e);
    }
    stop(&r);
    return rc;
}
