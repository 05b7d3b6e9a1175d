/* power.h -- the power fails: what a disk holds of SQLite's files after it, for any number of seeds.
 *
 * A file layer under the store that knows of every file what is durable (as of its last sync) and what was written, cut or
 * created since. A power failure is a picture of the files as the disk might hold them: of what was not synced each sector of 512
 * bytes has any of the contents it had meanwhile or the durable one, independently (so writes are lost, torn and swapped), the
 * size is any it had, what lies between is zeros or noise, and names of files whose folder was not synced may be missing, in the
 * order they were made. The program goes on meanwhile: one run of it gives as many failures as are asked for.
 *
 * Names come in the order of their making: a file system keeps metadata in order. */
#ifndef FAULT_POWER_H
#define FAULT_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POWER_FILES = 4 };

struct power_picture {
    uint64_t seed;
    long acknowledged; /* what power_acknowledge had counted */
    struct {
        char tail[12]; /* "" for the database itself, "-wal", ... */
        uint8_t *p;    /* NULL: the name is gone */
        size_t n;
    } file[POWER_FILES];
    int files;
};

/* Over the layer that is the default now; once. */
void power_install(void);
/* From now on the files of the database at `path` are followed; nothing of them may exist yet. Forgets an earlier one. */
void power_follow(const char *path);
/* All that was written is durable, as after a while of quiet. */
void power_settle(void);
/* Every about `nth` sync fails (0: none). What it should have made durable may be so or not, sector by sector; and the kernel
 * takes all of it for written: a later sync is not about it. */
void power_sync_fails(unsigned nth);
/* The disk does not sync from now on, whatever it is told. */
void power_lie(bool on);
/* Pictures from now on: at about every `stride`-th change of a file. Each waits until it was taken. 0: none. */
void power_fail_every(unsigned stride, uint64_t seed);
/* What was told to a client so far: a count of the test's own list, never smaller than before. */
void power_acknowledge(long count);
/* The chances from here on. */
void power_seed(uint64_t seed);
/* A picture of this moment. */
void power_now(struct power_picture *ret);
/* The next picture, or false when none came within `ms`. The caller frees it. */
bool power_take(struct power_picture *ret, int ms);
void power_free(struct power_picture *x);
/* Writes a picture's files as PATH, PATH-wal, ...; and noise as PATH-shm, which no power failure keeps. */
bool power_write(const struct power_picture *x, const char *path);

#endif
