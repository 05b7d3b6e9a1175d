/* mounts.c -- what a model sees of files.
 *
 * The spawner's namespace. A spawner leaves the machine's file tree for good: it copies out the folders of images and
 * models (read-only, no setuid, no devices), four device nodes and /proc, and pivots into a tmpfs that holds nothing
 * else. Three things come of that: a spawner that is taken over finds no files; each child, which must copy its
 * parent's mounts, copies a dozen instead of all the machine's; and the /dev of an image is mounted once, not per run.
 *
 * A run. The spawner clones the image (with its /dev) and the model's folder as detached trees and hands the two
 * descriptors down. It does this and not the child because only the spawner may pass a folder that is closed to others
 * (the data folder is 0700). The child attaches them in its own namespace, adds a fresh tmpfs as /tmp, pivots in and
 * detaches the rest, so nothing above its root exists for it.
 *
 * All by the mount calls of Linux 5.12: no step looks a path up twice. Symbolic links in place of an image or a model's
 * folder are not followed: behind one could lie /proc. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/jail_int.h"

enum { SEALED = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
static const char *const devices[] = {"null", "zero", "random", "urandom"};

static int attach(int tree, int dir, const char *path)
{
    return move_mount(tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static int set_flags(int tree, uint64_t flags)
{
    struct mount_attr a = {.attr_set = flags};
    return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a);
}

static int clone_tree(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
}

/* The same of what must be a folder: not of a symbolic link, which open_tree would clone as itself. */
static int clone_folder(const char *path)
{
    struct stat st;
    int tree = clone_tree(path);
    if (tree < 0 || (!fstat(tree, &st) && S_ISDIR(st.st_mode)))
        return tree;
    close(tree);
    errno = ENOTDIR;
    return -1;
}

static int tmpfs(const char *size, const char *inodes, const char *mode, unsigned flags)
{
    int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), tree = -1;
    if (fs >= 0 && !fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) &&
        !fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) &&
        !fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        tree = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | flags);
    if (fs >= 0)
        close(fs);
    return tree;
}

/* Pivots into the tree that is the current folder and lets the old root go. */
static int pivot(void)
{
    return syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/") ? -1 : 0;
}

static int attach_at(int tree, const char *path, unsigned flags)
{
    if (tree < 0 || (flags && set_flags(tree, flags)) || attach(tree, AT_FDCWD, path))
        return -1;
    return close(tree);
}

static int make_dev(const int node[COUNT(devices)])
{
    int dev = tmpfs("64k", "16", "0755", MOUNT_ATTR_NOEXEC);
    if (dev < 0 || attach(dev, AT_FDCWD, "dev"))
        return -1;
    for (size_t i = 0; i < COUNT(devices); i++) {
        int at = openat(dev, devices[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
        if (at < 0 || close(at) || set_flags(node[i], MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) ||
            attach(node[i], dev, devices[i]) || close(node[i]))
            return -1;
    }
    struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
    return mount_setattr(dev, "", AT_EMPTY_PATH, &a, sizeof a) || close(dev) ? -1 : 0;
}

static int make_folders(void)
{
    static const char *const folder[] = {"images", "models",    "dev",       "proc",       "root",
                                         "probe",  "probe/dev", "probe/tmp", "probe/model"};
    for (size_t i = 0; i < COUNT(folder); i++)
        if (mkdir(folder[i], 0755))
            return -1;
    return 0;
}

int mounts_base(const char *images, const char *models, struct fail *f)
{
    int node[COUNT(devices)], base;
    char path[32];
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return fail_set(f, why_no_namespaces() == JAIL_WHY_CHROOT ? JAIL_WHY_CHROOT : JAIL_WHY_MOUNTS);
    int i = clone_tree(images), m = clone_tree(models), proc = clone_tree("/proc");
    if (i < 0 || m < 0)
        return fail_set(f, JAIL_WHY_FOLDERS);
    for (size_t k = 0; k < COUNT(devices); k++) {
        snprintf(path, sizeof path, "/dev/%s", devices[k]);
        if ((node[k] = clone_tree(path)) < 0)
            return fail_set(f, JAIL_WHY_MOUNTS);
    }
    umask(0022);
    /* The new root needs a place to stand on until the pivot; the images' folder exists and is not needed any more. */
    base = tmpfs("1m", "64", "0755", MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
    if (proc < 0 || base < 0 || attach(base, AT_FDCWD, images) || fchdir(base) || make_folders() || make_dev(node) ||
        attach_at(i, "images", SEALED) || attach_at(m, "models", SEALED) ||
        attach_at(proc, "proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) || pivot())
        return fail_set(f, JAIL_WHY_MOUNTS);
    struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
    if (attach_at(clone_tree("/dev"), "/probe/dev", 0) || mount_setattr(base, "", AT_EMPTY_PATH, &a, sizeof a))
        return fail_set(f, JAIL_WHY_MOUNTS);
    return close(base);
}

static bool has_dev(int tree)
{
    struct stat st;
    return !fstatat(tree, "dev/null", &st, AT_SYMLINK_NOFOLLOW) && S_ISCHR(st.st_mode);
}

/* The first run on an image, or on one that was installed anew, mounts its /dev. */
int mounts_image(const char *image, int *ret_fd, struct fail *f)
{
    char path[64], dev[80];
    snprintf(path, sizeof path, image ? "/images/%s" : "/probe", image);
    snprintf(dev, sizeof dev, "%s/dev", path);
    for (int attempt = 0; attempt < 2; attempt++) {
        int tree = clone_folder(path);
        if (tree < 0)
            return fail_set(f, JAIL_WHY_IMAGE);
        if (has_dev(tree)) {
            *ret_fd = tree;
            return 0;
        }
        close(tree);
        if (attach_at(clone_tree("/dev"), dev, 0))
            return fail_set(f, JAIL_WHY_IMAGE);
    }
    return fail_set(f, JAIL_WHY_IMAGE);
}

int mounts_model(const char *digest, int *ret_fd, struct fail *f)
{
    char path[96];
    snprintf(path, sizeof path, digest ? "/models/%s" : "/probe/model", digest);
    *ret_fd = clone_folder(path);
    return *ret_fd < 0 ? fail_set(f, JAIL_WHY_MODEL) : 0;
}

int mounts_enter(int image_fd, int model_fd, uint32_t tmp_mib, struct fail *f)
{
    char size[16], inodes[16];
    snprintf(size, sizeof size, "%um", tmp_mib);
    snprintf(inodes, sizeof inodes, "%u", tmp_mib * 256 < 65536 ? tmp_mib * 256 : 65536);
    int tmp = tmpfs(size, inodes, "01777", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (tmp < 0 || attach(image_fd, AT_FDCWD, "/root") || fchdir(image_fd))
        return fail_set(f, JAIL_WHY_MOUNTS);
    if (attach(model_fd, image_fd, "model") || attach(tmp, image_fd, "tmp"))
        return fail_set(f, JAIL_WHY_IMAGE);
    if (pivot())
        return fail_set(f, JAIL_WHY_MOUNTS);
    close(tmp);
    return 0;
}
