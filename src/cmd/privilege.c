#include "cmd/privilege.h"

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

int privilege_drop(const char *user, struct err *e)
{
    if (geteuid() != 0 || !*user)
        return 0;
    struct passwd *p = getpwnam(user);
    if (!p)
        return err_set(e, ERR_CONFIG, "there is no user %s", user);
    if (initgroups(user, p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid) || setuid(0) == 0)
        return err_sys(e, ERR_CONFIG, "become user %s", user);
    return 0;
}

int privilege_give(const char *path, const char *user, struct err *e)
{
    if (geteuid() != 0 || !*user)
        return 0;
    struct passwd *p = getpwnam(user);
    if (!p || chown(path, p->pw_uid, p->pw_gid))
        return err_sys(e, ERR_CONFIG, "give %s to user %s", path, user);
    return 0;
}
