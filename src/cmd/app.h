/* app.h -- everything a running program holds open over one data folder, and the order it is opened in.
 *
 *     DIR/lazaret.db   the record           DIR.key            the root key, beside the folder (or elsewhere:
 * keys.root) DIR/models/      models by digest     DIR/lock           held by whoever has the store open for writing
 *     DIR.erased       the ledger of erasures, beside the folder: jobs/ledger.h
 *     DIR/store        the store's URL, when it is not lazaret.db (0600: it may hold a password)
 *     DIR/control.sock where the other commands reach a running `serve`
 *     DIR/unfinished   only while the folder is being initialised: the next start finishes it
 *     DIR/.restoring   only while a backup is being restored: DIR is no data folder yet
 *
 * An empty or absent DIR is initialised: root key, database, gateway scope, the sample models. Data without their key,
 * in DIR or in the store its URL names, are refused, never given a new one. */
#ifndef CMD_APP_H
#define CMD_APP_H

#include "api/api.h"
#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "cmd/config.h"
#include "cmd/witness.h"
#include "sandbox/sandbox.h"

struct app {
    struct config *config;
    const char *root; /* where the root key is: keys/root.h */
    struct api api;   /* what the handlers see */
    struct sandbox *sandbox;
    struct err sandbox_error;     /* why there is none */
    struct audit_signer *signer;  /* api.signer, which this owns, as all that api has */
    struct audit_keeper *auditor; /* and keeper: of a process that stays */
    struct keeper *keeper;
    struct witness *witness; /* of the audit log; NULL: none is set */
    struct ledger *ledger;
    const char *ledger_path;  /* set before opening: not DIR.erased */
    struct progress progress; /* of the work on the whole store that is being done */
    atomic_bool working;      /* it is: one at a time */
    int64_t schema_found;     /* what the store had before it was opened */
    int lock_fd;
    bool existing_only; /* set before opening: do not initialise a folder */
    bool beside;        /* set before opening: another process has the folder, this one works for the same store */
    bool look_only;     /* set before opening: the store alone, and its schema stays as it is */
    bool keeps_ready;   /* set before opening: models are started ahead of their jobs */
    bool any_sandbox;   /* set before opening: one below sandbox.minimum will do, to be described */
    bool restoring;     /* set before opening: a database that says it is not whole yet is what was made of it here */
    bool fresh;         /* this call initialised the folder */
};

/* "DIR/name", in the config's arena; NULL when memory is out. */
const char *app_path(const struct config *c, const char *name);
/* Where the root key is, as keys/root.h wants it: without the setting, DIR.key. NULL when memory is out. */
const char *app_root(const struct config *c);
/* The same of a source somebody named: its paths are absolute, and a wrapped root key lies in DIR.wrapped. */
const char *app_root_at(const struct config *c, const char *source);
const char *app_ledger_path(const struct config *c);
/* Where this program's own parts lie: "images", "models", "lazaret-jail" beside the executable or in its libexec
 * folder. */
const char *app_part(const struct config *c, const char *name);

/* debug, info, warn or error */
int log_level_set(const char *name, struct err *e);

/* Starts the jail. Before app_open, before threads. A failure is kept in sandbox_error: the rest works without models.
 */
void app_open_sandbox(struct app *app, struct config *c);
/* The store and all above it. ERR_CONFIG, ERR_STORE, ERR_KEYS with a sentence. */
int app_open(struct app *app, struct config *c, struct err *e);
/* The threads that keep house, of a process that stays; app_close ends them. */
int app_keep(struct app *app, struct err *e);
void app_close(struct app *app);

/* The audit entry of what an operator does by a command ("lazaret job cancel"). */
static inline struct audit_entry app_operator(const char *action, const char *command)
{
    return (struct audit_entry){
        .actor = "operator", .role = "operator", .action = action, .outcome = "permit", .route = command};
}

#endif
