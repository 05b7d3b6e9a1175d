/* fuzz_multipart.c -- forms, with the cuts chosen by the input's first byte. Cutting must make no difference; and what a
 * form of one part holds, written again between delimiters, reads the same. */
#include <assert.h>
#include <stdlib.h>

#include "base/own.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, as text: names and contents, and how it ended. */
static void read_all(struct slice in, size_t piece, struct arena *a, struct buf *out)
{
    struct multipart m;
    enum multipart_step step = MULTIPART_MORE;
    multipart_init(&m, SLICE("XyZ"), a);
    for (size_t at = 0; at < in.n && step != MULTIPART_REFUSED;) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        OWN_MEM char *copy = malloc(n);
        assert(copy);
        memcpy(copy, in.p + at, n);
        size_t got = multipart_feed(&m, (struct slice){copy, n}, &step);
        assert(got <= n && (step != MULTIPART_MORE || got == n) && (got || step == MULTIPART_DATA || step == MULTIPART_REFUSED));
        assert((step == MULTIPART_DATA) == (m.data.n > 0));
        at += got;
        if (step == MULTIPART_PART)
            buf_printf(out, "<%.*s|%.*s|%.*s>", SLICE_FMT(m.part.name), (int)m.part.filename.n, m.part.filename.p ? m.part.filename.p : "",
                       (int)m.part.type.n, m.part.type.p ? m.part.type.p : "");
        if (step == MULTIPART_DATA)
            buf_slice(out, m.data);
        if (step == MULTIPART_END)
            buf_str(out, "</>");
        if (step == MULTIPART_DONE)
            buf_str(out, "done");
        if (step == MULTIPART_REFUSED)
            buf_str(out, m.why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_ARENA struct arena *a = arena_new(1 << 22);
    if (!a || size == 0 || size > 1 << 16)
        return 0;
    struct slice in = {(const char *)data + 1, size - 1}, boundary;
    struct buf one = buf_in(a, 1 << 20), two = buf_in(a, 1 << 20), three = buf_in(a, 256 + size);
    read_all(in, data[0] ? data[0] : 1, a, &one);
    read_all(in, in.n ? in.n : 1, a, &two);
    assert(slice_eq(buf_text(&one), buf_text(&two)));
    struct disposition d;
    multipart_boundary(in, a, &boundary);
    if (disposition_read(in, a, &d) == 0 && d.filename.n && utf8_valid(d.filename)) {
        disposition_write(&three, d.filename);
        struct disposition again;
        assert(disposition_read(buf_text(&three), a, &again) == 0 && slice_eq(d.filename, again.filename));
    }
    return 0;
}
