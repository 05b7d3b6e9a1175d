/* cmd.h -- the verbs of the command line. verbs.def lists them; each is one function over a parsed call. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/json.h"
#include "cmd/config.h"

enum { OPERANDS_MAX = 1024, OPTIONS_MAX = 16 };

struct call {
    struct arena *arena;
    struct config config;
    const struct verb *verb;
    bool json;                       /* --json: one JSON document on stdout, nothing else */
    const char *option[OPTIONS_MAX]; /* by the row in the verb's list; NULL: not given */
    const char *operand[OPERANDS_MAX];
    int operands;
};

struct option {
    const char *name;  /* "model", for --model */
    const char *value; /* what stands for its value in the help; NULL: a switch */
    const char *help;
};

struct verb {
    const char *name, *operands, *summary;
    int (*run)(struct call *c, struct err *e); /* 0, an exit status above 0, or -1 with e */
    const struct option *options;              /* ended by name == NULL; its help is printed after them */
    int least, most;                           /* operands */
    bool data;                                 /* takes --data */
    bool makes_data;                           /* and may initialise the folder */
};

#define VERB(name, function, operands, least, most, data, options, summary)                                            \
    int function(struct call *c, struct err *e);                                                                       \
    extern const struct option options[];
#include "cmd/verbs.def"
#undef VERB

/* The value of an option of this call's verb, or NULL. */
const char *call_option(const struct call *c, const char *name);
/* Prints an array of objects, a line each: their members' values, in order. */
void call_print_lines(const struct json *list, struct arena *a);
/* The arguments of work, {"name":"value",...}, from pairs ended by NULL; a NULL value leaves its pair out. */
struct slice call_args(struct call *c, const char *name, const char *value, ...) __attribute__((sentinel));
/* A whole file ("-": stdin) into the call's arena; at most `most` bytes. */
int call_read(struct call *c, const char *path, size_t most, struct slice *ret, struct err *e);

/* --- work on the data folder: done by the running server, reached over DIR/control.sock, or else by this process ---
 */

struct app;
/* args: a JSON object's tape. The answer is one JSON value. */
typedef int admin_work(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e);
#define ADMIN(name, function) admin_work function;
#include "cmd/admin.def"
#undef ADMIN
admin_work *admin_find(struct slice name);

/* Runs the work `name` with `args` (JSON text), where the store is open. *ret is the answer's text. `local` tells
 * whether this process opened the store itself. */
int admin_call(struct call *c, const char *name, struct slice args, struct slice *ret, struct err *e);
/* The same, keeping the app open between calls when it is local; close with admin_session_end. */
struct admin_session {
    struct call *call;
    struct app *app; /* NULL: a server has it, at fd */
    int fd;
};
int admin_session_begin(struct call *c, bool sandbox, struct admin_session *ret, struct err *e);
/* The same for who only wants to look at the store: it stays as it is, and nothing but it is open. */
int admin_session_look(struct call *c, struct admin_session *ret, struct err *e);
int admin_session_call(struct admin_session *s, const char *name, struct slice args, struct slice *ret, struct err *e);
void admin_session_end(struct admin_session *s);

/* The server's side: answers on DIR/control.sock until stopped. */
struct control;
int control_start(struct app *app, struct control **ret, struct err *e);
void control_stop(struct control *c);

#endif
