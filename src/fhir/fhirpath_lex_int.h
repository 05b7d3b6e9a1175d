/* fhirpath_lex_int.h -- an expression cut into tokens. */
#ifndef FHIR_FHIRPATH_LEX_INT_H
#define FHIR_FHIRPATH_LEX_INT_H

#include "fhir/fhirpath.h"

enum fp_token_kind {
    TOKEN_END,
    TOKEN_NAME,   /* text as it stands; may be an operator's word */
    TOKEN_QUOTED, /* `name`, unescaped */
    TOKEN_STRING, /* unescaped */
    TOKEN_NUMBER,
    TOKEN_DATE, /* without @ */
    TOKEN_DATETIME,
    TOKEN_TIME,    /* without @T */
    TOKEN_DOLLAR,  /* $this: text is "this" */
    TOKEN_PERCENT, /* %name, %`name`, %'name': text is the name, unescaped */
    TOKEN_SYMBOL   /* text is + - * / < <= ... */
};

struct fp_token {
    enum fp_token_kind kind;
    struct slice text;
    uint32_t off, len; /* in the expression */
};

struct fp_lexer {
    struct slice all;
    size_t at;
    struct arena *arena;
    struct fhirpath_fault *fault;
};

/* 0, or -1 and the fault told. */
int fp_lex(struct fp_lexer *l, struct fp_token *ret);
/* -1. Only the first fault is kept. */
int fp_lex_fail(struct fp_lexer *l, size_t off, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
