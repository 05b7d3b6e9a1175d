/* fuzz_http.c -- the reader, with the cuts chosen by the input: its first byte says how long the pieces are.
 *
 * Beyond what sanitizers see: cutting must make no difference, so every input is read once in pieces and once whole,
 * and both must come to the same end; so must one that hands the body on as it comes. Pipelined requests are read one
 * after the other. */
#include <assert.h>
#include <stdlib.h>

#include "base/own.h"
#include "http/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct reader_limits limits = {.header_max = 2048, .body_max = 4096, .fields_max = 16};

static uint64_t rule(void *ctx, const struct http_request *q)
{
    (void)ctx, (void)q;
    return limits.body_max;
}

/* What a streamed body came to. */
static char came[4096];
static size_t came_n;

static enum reader_step read_one(struct reader *r, struct slice in, size_t piece, size_t *taken)
{
    enum reader_step step = READER_MORE;
    size_t at = 0;
    came_n = 0;
    while (at < in.n && (step == READER_MORE || step == READER_HEAD || step == READER_DATA)) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        OWN_MEM char *copy = malloc(n);
        assert(copy);
        memcpy(copy, in.p + at, n);
        size_t got = reader_feed(r, (struct slice){copy, n}, &step);
        assert(got <= n && (got > 0 || step == READER_REFUSED));
        assert(step != READER_MORE || got == n);
        assert((step == READER_DATA) == (r->data.n > 0) && r->data.n <= sizeof came - came_n);
        if (r->data.n)
            memcpy(came + came_n, r->data.p, r->data.n);
        came_n += r->data.n;
        at += got;
        if (step == READER_DATA && reader_ended(r))
            step = READER_DONE;
    }
    *taken = at;
    return step;
}

static void same(const struct reader *a, const struct reader *b)
{
    const struct http_request *p = &a->request, *q = &b->request;
    assert(p->method == q->method && slice_eq(p->path, q->path) && slice_eq(p->query, q->query));
    assert(p->headers == q->headers && slice_eq(p->body, q->body) && a->keep_alive == b->keep_alive);
    for (size_t i = 0; i < p->headers; i++)
        assert(slice_eq(p->header[i].name, q->header[i].name) && slice_eq(p->header[i].value, q->header[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice in = {(const char *)data + 1, size - 1};
    size_t piece = data[0] ? data[0] : 1;
    enum reader_step step = READER_DONE;
    while (in.n && step == READER_DONE) {
        OWN_ARENA struct arena *a = arena_new(1 << 16), *b = arena_new(1 << 16), *c = arena_new(1 << 16);
        struct reader_limits streaming = limits;
        struct reader one, two, three;
        size_t taken, whole;
        streaming.rule = rule;
        reader_init(&one, a, &limits);
        reader_init(&two, b, &limits);
        step = read_one(&one, in, piece, &taken);
        enum reader_step again = read_one(&two, in, in.n, &whole);
        assert(again == step);
        if (step == READER_REFUSED)
            assert(one.status == two.status && one.why == two.why && one.status >= 400);
        if (step == READER_DONE) {
            assert(taken == whole);
            same(&one, &two);
        }
        reader_init(&three, c, &streaming);
        again = read_one(&three, in, piece, &whole);
        assert(again == step && whole == taken);
        if (step == READER_REFUSED)
            assert(one.status == three.status && one.why == three.why);
        if (step == READER_DONE)
            assert(came_n == one.request.body.n && (!came_n || memcmp(came, one.request.body.p, came_n) == 0));
        in.p += taken;
        in.n -= taken;
    }
    return 0;
}
