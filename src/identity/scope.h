/* scope.h -- the tenant every row belongs to. An installation starts with one gateway scope, "default". */
#ifndef IDENTITY_SCOPE_H
#define IDENTITY_SCOPE_H

#include "store/db.h"

/* The id of the gateway scope of this name; made when it is not there yet. */
int scope_gateway(struct db *db, const char *name, uint8_t ret[16], struct err *e);

#endif
