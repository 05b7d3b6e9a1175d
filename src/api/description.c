/* description.c -- GET /openapi.json. It is the same for everybody and says nothing of this server's data, so the
 * process keeps what it wrote within this hour (its examples tell times), compressed, and each request gets a copy. */
#include <pthread.h>
#include <zlib.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/own.h"
#include "crypto/digest.h"

#define HOUR_US (3600 * INT64_C(1000000))

static struct {
    pthread_mutex_t lock;
    int64_t hour;
    struct arena *arena; /* NULL: not written yet */
    struct slice gz;
    char tag[17];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int pack(struct slice text, struct arena *a, struct slice *ret, struct err *e)
{
    z_stream z = {.next_in = (void *)(uintptr_t)text.p, .avail_in = (uInt)text.n};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(e, ERR_NO_MEMORY, "zlib");
    size_t room = deflateBound(&z, (uLong)text.n);
    char *out = arena_take(a, room);
    z.next_out = (void *)out;
    z.avail_out = (uInt)room;
    int rc = out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    *ret = (struct slice){out, z.total_out};
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : err_set(e, ERR_NO_MEMORY, "the API's description, compressed");
}

/* With the lock held. */
static int write_anew(struct arena *a, int64_t hour, struct err *e)
{
    struct slice text, gz = {NULL, 0};
    uint8_t digest[SHA256_BYTES];
    if (api_description(a, hour * HOUR_US, &text, e) || pack(text, a, &gz, e))
        return -1;
    OWN_ARENA struct arena *own = arena_new(gz.n + 4096);
    struct slice copy = own ? arena_copy(own, gz) : (struct slice){NULL, 0};
    if (!copy.p)
        return err_set(e, ERR_NO_MEMORY, "the API's description");
    arena_free(kept.arena);
    kept.arena = TAKE(own);
    kept.gz = copy;
    kept.hour = hour;
    sha256(text, digest);
    hex_encode(digest, 8, kept.tag);
    return 0;
}

int api_openapi(struct api_request *q, struct err *e)
{
    int64_t hour = clock_now_us() / HOUR_US;
    struct api_file f = {.type = "application/json",
                         .policy = "default-src 'none'; frame-ancestors 'none'",
                         .cache = "no-cache"};
    pthread_mutex_lock(&kept.lock);
    int rc = kept.arena && kept.hour == hour ? 0 : write_anew(q->arena, hour, e);
    if (rc == 0) { /* copies: another thread may write the next hour's while this answer is sent */
        f.gz = arena_copy(q->arena, kept.gz);
        f.tag = arena_str(q->arena, slice_of(kept.tag));
    }
    pthread_mutex_unlock(&kept.lock);
    if (rc)
        return -1;
    return f.gz.p && f.tag ? api_send_file(q, &f, e) : err_set(e, ERR_NO_MEMORY, "the API's description");
}
