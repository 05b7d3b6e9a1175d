/* config.h -- settings, from a file and the command line; config.def lists them. */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "base/arena.h"
#include "base/err.h"

#define CONFIG_KIND_STR const char *
#define CONFIG_KIND_INT int64_t

struct config {
    struct arena *arena; /* the strings' */
    const char *data;    /* the data folder; "" when none was given */
#define CONFIG(field, name, kind, value, least, most, help) CONFIG_KIND_##kind field;
#include "cmd/config.def"
#undef CONFIG
};

/* The defaults. */
int config_default(struct arena *a, struct config *ret, struct err *e);
/* "name = value" lines, # or ; comments; an unknown name is an error with its line. */
int config_file(struct config *c, const char *path, struct err *e);
int config_set(struct config *c, const char *name, const char *value, struct err *e);
/* Is `name` ("listen", or an option's "webhook-allow") a setting? Its name as config_set wants it, or NULL. */
const char *config_name(const char *option);
/* Prints every setting with default and help, as options. */
void config_help(void);

#endif
