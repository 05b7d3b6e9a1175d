#include "http/multipart.h"
#include "test.h"

#define B    "XyZ"
#define FILE_PART "Content-Disposition: form-data; name=\"file\"; filename=\"plan.pdf\"\r\nContent-Type: application/pdf\r\n\r\n"

/* A form as text, fed in pieces: [name|filename|type]content, and "." when it was whole, "!" when it was refused. */
static const char *told(struct slice in, size_t piece, struct arena *a)
{
    struct multipart m;
    struct buf b = buf_in(a, 1 << 16);
    enum multipart_step step = MULTIPART_MORE;
    multipart_init(&m, SLICE(B), a);
    for (size_t at = 0; at < in.n && step != MULTIPART_REFUSED;) {
        at += multipart_feed(&m, (struct slice){in.p + at, in.n - at < piece ? in.n - at : piece}, &step);
        if (step == MULTIPART_PART)
            buf_printf(&b, "[%.*s|%.*s|%.*s]", SLICE_FMT(m.part.name), (int)m.part.filename.n,
                       m.part.filename.p ? m.part.filename.p : "", (int)m.part.type.n, m.part.type.p ? m.part.type.p : "");
        buf_slice(&b, m.data);
        buf_str(&b, step == MULTIPART_END ? ";" : step == MULTIPART_DONE ? "." : step == MULTIPART_REFUSED ? "!" : "");
    }
    buf_byte(&b, 0);
    return b.p;
}

TEST(a_form_is_its_parts_wherever_it_is_cut)
{
    static const struct {
        struct slice form;
        const char *told;
    } row[] = {
        {SLICE("--" B "\r\n" FILE_PART "text\r\n--" B "--\r\n"), "[file|plan.pdf|application/pdf]text;."},
        {SLICE("--" B "\r\n" FILE_PART "\r\n--" B "--"), "[file|plan.pdf|application/pdf];."},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=file_type\r\n\r\nmap\r\n--" B "\r\n" FILE_PART "a\r\n--" B "--\r\nbehind"),
         "[file_type||]map;[file|plan.pdf|application/pdf]a;."},
        /* what looks like a delimiter */
        {SLICE("--" B "\r\n" FILE_PART "\r\r\n-\r\n--Xy\r\n--XyYZ--" B "\r\n\r\n--" B "--"),
         "[file|plan.pdf|application/pdf]\r\r\n-\r\n--Xy\r\n--XyYZ--" B "\r\n;."},
        {SLICE("--" B "\r\ncontent-disposition: Form-Data; NAME=\"a\\\"b\"; filename=\"C:\\dir\\x\"\r\n\r\n1\r\n--" B "--"),
         "[a\"b|C:\\dir\\x|]1;."},
        /* refused */
        {SLICE("preamble\r\n--" B "\r\n"), "!"},
        {SLICE("\r\n--" B "\r\n"), "!"},
        {SLICE("--XyY\r\n"), "!"},
        {SLICE("--" B "x\r\n"), "!"},
        {SLICE("--" B "\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Type: text/plain\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"; filename=\"c\"\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=\"a\"; filename*=UTF-8''b\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=\"a\r\n\r\n"), "!"},
        {SLICE("--" B "\r\n" "Content-Type: a/b\r\n" FILE_PART), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n"), "!"},
        {SLICE("--" B "\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\n"), "!"},
        /* not whole */
        {SLICE("--" B "\r\n" FILE_PART "text\r\n--" B), "[file|plan.pdf|application/pdf]text;"},
        {SLICE("--" B "\r\n" FILE_PART "text\r\n--" B "-"), "[file|plan.pdf|application/pdf]text;"},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        for (size_t piece = 1; piece <= row[i].form.n; piece++) {
            OWN_ARENA struct arena *a = arena_new(1 << 20);
            const char *got = told(row[i].form, piece, a);
            if (strcmp(got, row[i].told) != 0)
                fail_msg("%zu in pieces of %zu: %s", i, piece, got);
        }
}

TEST(headers_and_parts_have_their_limits)
{
    static const char part[] = "--" B "\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    OWN_ARENA struct arena *a = arena_new(1 << 22);
    struct buf b = buf_in(a, 1 << 20);
    for (int parts = 15; parts <= 17; parts++) {
        b.n = 0;
        for (int i = 0; i < parts; i++)
            buf_str(&b, part);
        buf_str(&b, "--" B "--");
        const char *got = told(buf_text(&b), 100, a);
        CHECK_INT(got[strlen(got) - 1], parts <= MULTIPART_PARTS ? '.' : '!');
    }
    for (int more = -1; more <= 1; more++) {
        static const char head[] = "Content-Disposition: form-data; name=a\r\nX: ";
        b.n = 0;
        buf_str(&b, "--" B "\r\n");
        buf_str(&b, head);
        for (size_t i = sizeof head - 1 + 4; i < (size_t)(MULTIPART_HEAD + more); i++)
            buf_byte(&b, 'x');
        buf_str(&b, "\r\n\r\n\r\n--" B "--");
        const char *got = told(buf_text(&b), 4096, a);
        CHECK_INT(got[strlen(got) - 1], more <= 0 ? '.' : '!');
    }
}

TEST(a_boundary_is_what_content_type_says)
{
    static const struct {
        const char *type, *boundary; /* NULL: refused */
    } row[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b'()+_,-./:=?z\"", "a b'()+_,-./:=?z"},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
        {"multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
         "0123456789012345678901234567890123456789012345678901234567890123456789"},
        {"multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data;", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-data; boundary=\"a\xc3\xa8\"", NULL},
        {"multipart/mixed; boundary=abc", NULL},
        {"application/json", NULL},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct slice got = SLICE("");
        int rc = multipart_boundary(slice_of(row[i].type), a, &got);
        if (rc != (row[i].boundary ? 0 : -1) || (row[i].boundary && !slice_is(got, row[i].boundary)))
            fail_msg("%s: %d %.*s", row[i].type, rc, SLICE_FMT(got));
    }
}

TEST(a_name_survives_the_way_out_and_back)
{
    static const struct {
        const char *name, *field;
    } row[] = {
        {"plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"},
        {"piano casa.pdf", "attachment; filename=\"piano casa.pdf\"; filename*=UTF-8''piano%20casa.pdf"},
        {"a\"b%41;c=.pdf", "attachment; filename=\"a_b_41;c=.pdf\"; filename*=UTF-8''a%22b%2541%3Bc%3D.pdf"},
        {"perch\xc3\xa9 \xe2\x82\xac.pdf", "attachment; filename=\"perch_ _.pdf\"; filename*=UTF-8''perch%C3%A9%20%E2%82%AC.pdf"},
        {"it's.pdf", "attachment; filename=\"it's.pdf\"; filename*=UTF-8''it%27s.pdf"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct buf b = buf_in(a, 1024);
        struct disposition d;
        disposition_write(&b, slice_of(row[i].name));
        CHECK_SLICE(buf_text(&b), row[i].field);
        CHECK_INT(disposition_read(buf_text(&b), a, &d), 0);
        CHECK_SLICE(d.type, "attachment");
        CHECK_SLICE(d.filename, row[i].name);
    }
    struct disposition d;
    static const char *const bad[] = {"", ";filename=a", "attachment; filename", "attachment; filename=\"a", "attachment; filename*=a",
                                      "attachment; filename*=latin1''a", "attachment; filename*=UTF-8''%4", "attachment; filename=a b",
                                      "attachment; filename=a; filename=b", "attachment filename=a"};
    for (size_t i = 0; i < COUNT(bad); i++)
        if (disposition_read(slice_of(bad[i]), a, &d) == 0)
            fail_msg("%s", bad[i]);
}

RUN(T(a_form_is_its_parts_wherever_it_is_cut), T(headers_and_parts_have_their_limits), T(a_boundary_is_what_content_type_says),
    T(a_name_survives_the_way_out_and_back))
