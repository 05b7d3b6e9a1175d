#include "study/document_check.h"
#include "test.h"

#define PNG_OF(w, h) "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" w h "\x08\x02\0\0\0 and the rest"

TEST(content_is_held_against_its_declared_type_wherever_it_is_cut)
{
    static const struct {
        const char *type;
        struct slice content;
        const char *fault; /* what its sentence holds; NULL: it is fine */
    } row[] = {
        {"application/pdf", SLICE("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), NULL},
        {"application/pdf", SLICE("%PDF-2.0\n"), NULL},
        {"image/png", SLICE(PNG_OF("\0\0\x04\0", "\0\0\x03\0")), NULL},
        {"image/jpeg", SLICE("\xff\xd8\xff\xe0\0\x10JFIF"), NULL},
        {"text/plain", SLICE("perch\xc3\xa9\t\xe2\x82\xac\r\n\f\xf0\x9f\x8f\xa0"), NULL},
        {"text/csv", SLICE("a;b\n1;2\n"), NULL},
        {"text/plain", SLICE("<p>no page is made of it"), NULL},
        /* another thing */
        {"application/pdf", SLICE("PK\3\4 and so on"), "ZIP"},
        {"application/pdf", SLICE("PK\5\6\0\0"), "ZIP"},
        {"image/png", SLICE("\x1f\x8b\x08\0"), "gzip"},
        {"text/plain", SLICE("\x1f\x8b\x08\0"), "gzip"},
        {"text/csv", SLICE("PK\3\4 and so on\0"), "ZIP"},
        {"image/jpeg", SLICE("\x7f" "ELF\2\1\1"), "a program"},
        {"application/pdf", SLICE("MZ\x90"), "a program"},
        {"application/pdf", SLICE("<html><script>"), "HTML"},
        {"image/png", SLICE("<svg onload=alert(1)>"), "SVG"},
        {"application/pdf", SLICE("\x89PNG\r\n\x1a\n"), "a PNG"},
        {"image/png", SLICE("%PDF-1.7\n"), "a PDF"},
        {"application/pdf", SLICE(" %PDF-1.7\n"), "is none"},
        {"application/pdf", SLICE("%PDF-3.0\n"), "application/pdf"},
        {"application/pdf", SLICE("%PDF-"), "application/pdf"}, /* and no more */
        {"image/png", SLICE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"), "image/png"},
        {"image/png", SLICE("\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\0\1\0\0\0\1 and more"), "image/png"},
        {"image/png", SLICE(PNG_OF("\x7f\xff\xff\xff", "\x7f\xff\xff\xff")), "image/png"}, /* a few bytes that unpack to exabytes */
        {"image/png", SLICE(PNG_OF("\0\0\x27\x10", "\0\0\x27\x11")), "image/png"},
        {"image/png", SLICE(PNG_OF("\0\0\x27\x10", "\0\0\x27\x10")), NULL}, /* 10,000 by 10,000 */
        {"image/png", SLICE(PNG_OF("\0\0\0\0", "\0\0\0\1")), "image/png"},
        {"text/plain", SLICE("a\0b"), "text/plain"},
        {"text/plain", SLICE("\x1b[2J"), "text/plain"},
        {"text/plain", SLICE("a\x7f"), "text/plain"},
        {"text/plain", SLICE("\xc2\x85"), "text/plain"},
        {"text/plain", SLICE("latin \xe8"), "text/plain"},
        {"text/plain", SLICE("\xe2\x82"), "text/plain"},
        {"text/plain", SLICE("\xed\xa0\x80"), "text/plain"},
        {"text/plain", SLICE("\xc0\x80"), "text/plain"},
        {"text/plain", SLICE(""), "empty"},
        {"application/pdf", SLICE(""), "empty"},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        for (size_t piece = 1; piece <= row[i].content.n + 1; piece++) {
            enum document_type type;
            CHECK(document_type_named(slice_of(row[i].type), &type));
            struct document_check c = document_check_of(type);
            const char *fault = NULL;
            for (size_t at = 0; at < row[i].content.n && !fault; at += piece) {
                size_t n = row[i].content.n - at < piece ? row[i].content.n - at : piece;
                fault = document_check(&c, (struct slice){row[i].content.p + at, n});
            }
            if (fault)
                CHECK(document_check_end(&c) != NULL); /* for good */
            fault = fault ? fault : document_check_end(&c);
            bool at_once = piece > row[i].content.n;
            if (!fault != !row[i].fault || (fault && at_once && !strstr(fault, row[i].fault)))
                fail_msg("%zu in pieces of %zu: %s", i, piece, fault ? fault : "no fault");
        }
}

TEST(a_type_is_known_by_its_media_type)
{
    static const struct {
        const char *media;
        int type; /* -1: refused */
    } row[] = {
        {"application/pdf", DOCUMENT_PDF},       {"Application/PDF", DOCUMENT_PDF},     {"image/jpeg", DOCUMENT_JPEG},
        {"text/plain; charset=UTF-8", DOCUMENT_TEXT}, {"text/csv;charset=us-ascii", DOCUMENT_CSV}, {"text/plain", DOCUMENT_TEXT},
        {"text/plain; charset=latin1", -1},      {"application/pdf; charset=utf-8", -1}, {"application/zip", -1},
        {"application/x-gzip", -1},              {"application/octet-stream", -1},       {"text/html", -1},
        {"image/svg+xml", -1},                   {"application/pdfx", -1},               {"", -1},
        {"text/plain; format=flowed", -1},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        enum document_type type = DOCUMENT_TYPES;
        bool known = document_type_named(slice_of(row[i].media), &type);
        if (known != (row[i].type >= 0) || (known && (int)type != row[i].type))
            fail_msg("%s: %d", row[i].media, type);
    }
}

TEST(a_name_is_a_name_and_no_path)
{
    static const struct {
        struct slice name;
        bool fine;
    } row[] = {
        {SLICE("plan.pdf"), true},
        {SLICE("Piano terra, perch\xc3\xa9 no (2).PDF"), true},
        {SLICE("../../etc/passwd.pdf"), false},
        {SLICE("/etc/plan.pdf"), false},
        {SLICE("C:\\plan.pdf"), false},
        {SLICE("..pdf"), false},
        {SLICE(".pdf"), false},
        {SLICE("pdf"), false},
        {SLICE(" plan.pdf"), false},
        {SLICE("plan.pdf "), false},
        {SLICE("plan.pdf\0.exe.pdf"), false},
        {SLICE("plan\n.pdf"), false},
        {SLICE("plan\x7f.pdf"), false},
        {SLICE("plan\xc2\x85.pdf"), false},
        {SLICE("plan\xe2\x80\xae" "fdp.exe.pdf"), false}, /* turns what follows */
        {SLICE("plan\xe2\x81\xa6.pdf"), false},
        {SLICE("plan\xe8.pdf"), false},
        {SLICE("plan.exe"), false},
        {SLICE("plan.pdf.exe"), false},
        {SLICE("plan"), false},
        {SLICE(""), false},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (!document_name_fault(row[i].name, DOCUMENT_PDF) != row[i].fine)
            fail_msg("%.*s", SLICE_FMT(row[i].name));
    char longest[DOCUMENT_NAME + 2];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + DOCUMENT_NAME - 3, ".pdf", 4);
    CHECK(!document_name_fault((struct slice){longest + 1, DOCUMENT_NAME}, DOCUMENT_PDF));
    CHECK(document_name_fault((struct slice){longest, DOCUMENT_NAME + 1}, DOCUMENT_PDF) != NULL);
    CHECK(!document_name_fault(SLICE("a.jpeg"), DOCUMENT_JPEG) && !document_name_fault(SLICE("a.jpg"), DOCUMENT_JPEG));
    CHECK(!document_kind_fault(SLICE("home map")) && document_kind_fault(SLICE("")) && document_kind_fault(SLICE("a\nb")));
    CHECK(document_kind_fault((struct slice){longest, DOCUMENT_KIND + 1}) != NULL);
}

RUN(T(content_is_held_against_its_declared_type_wherever_it_is_cut), T(a_type_is_known_by_its_media_type), T(a_name_is_a_name_and_no_path))
