/* work.c -- a worker in a process of its own, beside `serve`, over a store that several processes share. It listens
 * nowhere. */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/privilege.h"
#include "jobs/worker.h"

static int start(struct app *app, struct config *c, struct workers **ret, struct err *e)
{
    if (c->workers == 0)
        return err_set(e, ERR_CONFIG, "a worker runs at least one job at a time: --workers 1");
    if (log_level_set(c->log_level, e) || sandbox_minimum(c->minimum, (struct slice){NULL, 0}, c->arena, e))
        return -1;
    app_open_sandbox(app, c);
    if (privilege_drop(c->user, e) || app_open(app, c, e))
        return -1;
    if (!app->sandbox)
        return *e = app->sandbox_error, -1;
    return app_keep(app, e) || workers_start(app->api.jobs, app->api.registry, app->sandbox, (int)c->workers, ret, e)
               ? -1
               : 0;
}

int cmd_work(struct call *c, struct err *e)
{
    struct app app = {.lock_fd = -1, .existing_only = true, .beside = true, .keeps_ready = true};
    struct workers *workers = NULL;
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int rc = start(&app, &c->config, &workers, e);
    if (!rc) {
        printf("lazaret works: %lld jobs at a time\n", (long long)c->config.workers);
        fflush(stdout);
        sigwait(&set, &sig);
        log_line(LOG_INFO, "stopping", "signal", sig == SIGTERM ? "TERM" : "INT", NULL);
    }
    workers_stop(workers);
    app_close(&app);
    return rc;
}
