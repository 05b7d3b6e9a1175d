/* privilege.h -- giving up root. */
#ifndef CMD_PRIVILEGE_H
#define CMD_PRIVILEGE_H

#include "base/err.h"

/* Started as root and `user` is not empty: becomes that user for good, before a key, store or socket is opened (the
 * jail was forked by then). Else nothing. ERR_CONFIG. */
int privilege_drop(const char *user, struct err *e);

/* Started as root and `user` is not empty: makes `path` that user's. Else nothing. */
int privilege_give(const char *path, const char *user, struct err *e);

#endif
