/* exchange.h -- what the load programs share: a prepared request, a reply read as far as needed, what a server used.
 *
 * A request is a file with the whole HTTP/1.1 message as it goes over the wire. Nothing here is strict: it talks to one
 * server, on loopback, that answers with Content-Length. Errors end the program with a sentence: a measurement that
 * could not be made has no result. */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

enum { REPLY_MAX = 1 << 18, THREAD_KINDS = 16 };

/* Prints the sentence and exits with 2. */
_Noreturn void stop(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int64_t now_ns(void); /* monotonic */

/* An option's value; anything else ends the program. */
int number_of(const char *text, int least, int most);
double seconds_of(const char *text);

/* `text` is the message; with `numbered`, it carries an Idempotency-Key whose last 12 digits begin at `number`. */
struct request {
    char *text;
    size_t n, number;
};

struct request request_read(const char *path, bool numbered);
/* Makes the key in `text`, a copy of r->text, the `i`-th of this process. */
void request_number(const struct request *r, char *text, uint64_t i);
/* The value of the header field "NAME: " in a message; empty when it is not there. */
struct slice message_field(struct slice message, const char *name);

struct reply {
    int status;
    size_t n; /* of the whole message */
    struct slice body;
};

/* 1 and *ret: buf begins with a whole reply. 0: not yet. -1: it is none. */
int reply_scan(const char *buf, size_t n, struct reply *ret);

/* "127.0.0.1:8080" */
struct sockaddr_in address_of(const char *text);
/* A connected socket without Nagle's delay. */
int connect_to(const struct sockaddr_in *to);

/* What a process used: CPU time, in all and by the names of its threads, and bytes written to the disk. */
struct cpu {
    int64_t us, disk_bytes;
    int kinds;
    struct {
        char name[16];
        int64_t us;
    } kind[THREAD_KINDS];
};

/* pid 0: all zero. `disk_bytes` is 0 when that is not ours to know. */
void cpu_read(int pid, struct cpu *ret);
int64_t disk_bytes_of(int pid);
/* ret -= before; threads that came in between count from their beginning. */
void cpu_since(struct cpu *ret, const struct cpu *before);

/* Sorts. */
void sort_u32(uint32_t *v, size_t n);
/* Of sorted values: the smallest that `part` (0.99) of them do not exceed. 0 of none. */
uint32_t percentile(const uint32_t *sorted, size_t n, double part);

#endif
