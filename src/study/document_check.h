/* document_check.h -- is a file what it is said to be, and may it be called so? Pure; nothing repeats a name or
 * content.
 *
 * What is allowed stands in document_types.def. A declared type is held against the first bytes; of texts every byte
 * must be UTF-8 and none a control character but tab, line feed, carriage return and form feed. So an archive is never
 * taken for a document, and nothing is ever unpacked: what is small on the way in is not large anywhere here. */
#ifndef STUDY_DOCUMENT_CHECK_H
#define STUDY_DOCUMENT_CHECK_H

#include "base/str.h"

enum document_type {
#define TYPE(name, media, endings, magic, how) DOCUMENT_##name,
#include "study/document_types.def"
#undef TYPE
    DOCUMENT_TYPES
};
const char *document_media(enum document_type t);
/* By its media type; of texts with charset=utf-8 or us-ascii or none. False: none of them. */
bool document_type_named(struct slice media, enum document_type *ret);

enum { DOCUMENT_NAME = 255, DOCUMENT_KIND = 64, DOCUMENT_FIRST = 32 /* bytes a type is known by */ };
/* NULL, or a sentence: a name is 1 to DOCUMENT_NAME bytes of UTF-8 without slashes, backslashes, control characters, or
 * signs that turn the direction of writing; it begins and ends with none of space and dot, and ends as the type's names
 * do. */
const char *document_name_fault(struct slice name, enum document_type t);
/* The same of what somebody calls the kind of a document. */
const char *document_kind_fault(struct slice kind);

struct document_check {
    enum document_type type;
    char first[DOCUMENT_FIRST];
    size_t first_n;
    uint8_t utf8[4]; /* a character that is not whole */
    int utf8_n;
    bool known, failed;
};
static inline struct document_check document_check_of(enum document_type t)
{
    return (struct document_check){.type = t};
}
/* More of the content, in its order, and its end. NULL, or for good a sentence that says what it is not and, where that
 * is known, what it looks like. Nothing of a piece may be kept before it was checked. */
const char *document_check(struct document_check *c, struct slice piece);
const char *document_check_end(struct document_check *c);

#endif
