/* kit.h -- what a model's author uses before there is a registry. */
#ifndef CMD_KIT_H
#define CMD_KIT_H

#include "cmd/cmd.h"

/* Runs the self-tests of the model in `folder` in a sandbox of its own, and prints how they went: 0 all passed, 1 not,
 * -1 it is no model or there is no sandbox. Stores nothing. */
int kit_test(struct call *c, const char *folder, struct err *e);

#endif
