/* protocol.h -- what is said between sandbox/ and lazaret-jail: fixed-size structs over SOCK_SEQPACKET socketpairs.
 *
 *   control socket (one)       jail -> worker   READY or FAILED, once per spawner at start and again for each one that
 * was restarted; READY carries the worker's end of that spawner's socket. Its end of file stops the jail. spawner
 * socket (one each)  worker -> jail   RUN with three pipe ends (stdin, stdout, stderr); GO; KILL; DESCRIBE jail ->
 * worker one DONE per RUN, when the whole tree is gone; one DESCRIPTION per DESCRIBE
 *
 * The jail believes nothing: a message of another size, version or kind, a field out of bounds, a descriptor that is
 * not the right end of a pipe is answered DONE with JAIL_REFUSED and JAIL_WHY_REQUEST, and runs nothing. A program that
 * is started ahead (held_ms) waits for its input until GO, from when its time counts; GO is good once. End of file, and
 * any other message while a program runs, kills that program. Both ends are built together: one version, no
 * negotiation.
 */
#ifndef SANDBOX_PROTOCOL_H
#define SANDBOX_PROTOCOL_H

#include <stdint.h>

enum {
    JAIL_MAGIC = 0x4c5a4a31,
    JAIL_VERSION = 3,
    JAIL_SPAWNERS_MAX = 256,
    JAIL_ARGS_MAX = 16,
    JAIL_ARGS_BYTES = 2048,
    JAIL_TEXT = 8000
};

/* The jail's own maxima: whatever the worker asks, no run gets more. */
enum {
    JAIL_WALL_MS_MAX = 600 * 1000,
    JAIL_CPU_MS_MAX = 600 * 1000,
    JAIL_MEMORY_MIB_MAX = 16 * 1024,
    JAIL_PIDS_MAX = 256,
    JAIL_TMP_MIB_MAX = 1024,
    JAIL_HELD_MS_MAX = 900 * 1000 /* a program that waits for GO longer is killed */
};

/* How a program gets its input and gives its answer. FILES: process 1 of the run writes what comes on stdin to
 * JAIL_INPUT before the program is started, and JAIL_OUTPUT to stdout after it ended well; what the program says on
 * stdout joins its stderr. */
enum jail_contract { JAIL_STDIO, JAIL_FILES, JAIL_CONTRACTS };
#define JAIL_INPUT "/tmp/in/input.json"
#define JAIL_OUTPUT "/tmp/out/output.json"

enum jail_kind {
    JAIL_RUN = 1,
    JAIL_GO,
    JAIL_KILL,
    JAIL_DESCRIBE,
    JAIL_READY,
    JAIL_FAILED,
    JAIL_DONE,
    JAIL_DESCRIPTION
};

enum jail_why {
#define REASON(code, sentence) JAIL_WHY_##code,
#include "sandbox/reasons.def"
#undef REASON
    JAIL_WHY_COUNT
};

enum jail_how {
    JAIL_EXITED = 1,
    JAIL_SIGNALLED,
    JAIL_TIMEOUT,
    JAIL_OOM,
    JAIL_KILLED, /* asked for by KILL */
    JAIL_REFUSED /* never ran; `why` and `sys_errno` say why */
};

struct jail_head {
    uint32_t magic;
    uint16_t version, kind;
    uint32_t size; /* of the whole message */
};

/* Texts are NUL-terminated and zero-filled behind it. */
struct jail_request {
    struct jail_head head;
    uint32_t wall_ms, cpu_ms, memory_mib, pids, tmp_mib;
    uint32_t held_ms;        /* 0: it runs at once; always with FILES */
    uint32_t contract;       /* enum jail_contract */
    uint32_t argc, args_len; /* args: argc strings, each with its NUL, args_len bytes in all */
    char image[32];          /* [a-z0-9-]+ */
    char model[68];          /* 64 hexadecimal digits */
    char model_key[64];      /* [A-Za-z0-9._-]*, as model_version: become environment */
    char model_version[32];
    char args[JAIL_ARGS_BYTES];
};

struct jail_answer {
    struct jail_head head;
    uint32_t how, exit_code, signal; /* enum jail_how */
    uint32_t why, sys_errno;         /* enum jail_why */
    uint32_t wall_ms, cpu_ms, max_rss_kib;
};

struct jail_hello {
    struct jail_head head;
    uint32_t slot, why, sys_errno, pid;
};

struct jail_text {
    struct jail_head head;
    char text[JAIL_TEXT]; /* JSON, NUL-terminated */
};

#define JAIL_HEAD(what, type)                                                                                          \
    {                                                                                                                  \
        JAIL_MAGIC, JAIL_VERSION, (what), sizeof(type)                                                                 \
    }

static inline int jail_head_ok(const struct jail_head *h, int kind, uint64_t got, uint64_t want)
{
    return got == want && h->magic == JAIL_MAGIC && h->version == JAIL_VERSION && h->kind == kind && h->size == want;
}

#endif
