/* attempts.h -- what the programs that try to get out share: whom they are after, and what each of them is called. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include <sys/types.h>

extern pid_t victim, spawner; /* processes of the worker's user; the second built the jail */
extern int leaked, port;      /* a descriptor that was open when this was started; a listener on loopback */
extern unsigned long address; /* of 8 secret bytes in the victim */
extern const char *self, *secret, *abstract, *scratch, *mark;

/* Each answers whether it got what it wanted. */
#define ATTEMPT(name, function, judged, root, user) int function(void);
#include "attempts.def"
#undef ATTEMPT

/* Tries as it is (but away from the machine's own mounts, where that may be), then as the root of a user namespace of
 * its own. */
int with_userns(int extra, int (*body)(void));
int reads(const char *path);
int mount_here(void);
int in_model(const char *name, char path[512]);

#endif
