/* http_cases.h -- requests and what RFC 9112 and 9110 say about them. Run against the reader alone, cut at every byte, and
 * against a server over a real socket. `seen` is "METHOD path?query|body" of what a handler must get; refused rows have none. */
#ifndef HTTP_CASES_H
#define HTTP_CASES_H

#include "base/str.h"

struct http_case {
    const char *what;
    struct slice bytes;
    int status; /* 200: accepted */
    const char *seen;
};

#define B(lit) {(lit), sizeof(lit) - 1}
#define H "Host: a\r\n"
#define G(rest) B("GET / HTTP/1.1\r\n" H rest "\r\n\r\n")
#define P(fields, body) B("POST / HTTP/1.1\r\n" H fields "\r\n" body)
#define CH "Transfer-Encoding: chunked\r\n"

static const struct http_case http_case[] = {
    /* what must be accepted */
    {"a plain GET", B("GET /a/b HTTP/1.1\r\n" H "\r\n"), 200, "GET /a/b?|"},
    {"a query", B("GET /a?x=1&y=%20z HTTP/1.1\r\n" H "\r\n"), 200, "GET /a?x=1&y=%20z|"},
    {"FHIR's bar in a query", B("GET /Observation?code=http://loinc.org|8867-4 HTTP/1.1\r\n" H "\r\n"), 200,
     "GET /Observation?code=http://loinc.org|8867-4|"},
    {"a body by length", P("Content-Length: 3\r\n", "abc"), 200, "POST /?|abc"},
    {"a length with leading zeros", P("Content-Length: 003\r\n", "abc"), 200, "POST /?|abc"},
    {"a length of nothing", P("Content-Length: 0\r\n", ""), 200, "POST /?|"},
    {"a POST without a body", P("", ""), 200, "POST /?|"},
    {"one chunk", P(CH, "3\r\nabc\r\n0\r\n\r\n"), 200, "POST /?|abc"},
    {"two chunks", P(CH, "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), 200, "POST /?|abcdefg"},
    {"no chunk but the last", P(CH, "0\r\n\r\n"), 200, "POST /?|"},
    {"chunk sizes in either case, with zeros in front", P(CH, "0000a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"), 200,
     "POST /?|01234567890123456789"},
    {"chunked in capitals", P("Transfer-Encoding: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"), 200, "POST /?|abc"},
    {"chunk extensions are dropped", P(CH, "3;a=b\r\nabc\r\n0;c=\"d e\"\r\n\r\n"), 200, "POST /?|abc"},
    {"white space before a chunk extension", P(CH, "3 ;a=b\r\nabc\r\n0\r\n\r\n"), 200, "POST /?|abc"},
    {"trailers are dropped", P(CH, "3\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n"), 200, "POST /?|abc"},
    {"one empty line before the request", B("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 200, "GET /?|"},
    {"absolute form", B("GET http://b:80/p?q HTTP/1.1\r\n" H "\r\n"), 200, "GET /p?q|"},
    {"absolute form without a path", B("GET HTTP://b HTTP/1.1\r\n" H "\r\n"), 200, "GET /?|"},
    {"absolute form with a query alone", B("GET https://b?q HTTP/1.1\r\n" H "\r\n"), 200, "GET /?q|"},
    {"OPTIONS *", B("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 200, "OPTIONS *?|"},
    {"OPTIONS of an absolute form without a path", B("OPTIONS http://b HTTP/1.1\r\n" H "\r\n"), 200, "OPTIONS *?|"},
    {"an unknown method is the handler's to refuse", B("BREW /pot HTTP/1.1\r\n" H "\r\n"), 200, "BREW /pot?|"},
    {"methods are case-sensitive", B("get / HTTP/1.1\r\n" H "\r\n"), 200, "get /?|"},
    {"HTTP/1.0 without Host", B("GET / HTTP/1.0\r\n\r\n"), 200, "GET /?|"},
    {"a later minor version", B("GET / HTTP/1.2\r\n" H "\r\n"), 200, "GET /?|"},
    {"white space around a value", G("X: \t v \t "), 200, "GET /?|"},
    {"no white space before a value", G("X:v"), 200, "GET /?|"},
    {"an empty value", G("X:"), 200, "GET /?|"},
    {"bytes over 0x7f in a value", G("X: \xc3\xa9\xff"), 200, "GET /?|"},
    {"a Host with port", B("GET / HTTP/1.1\r\nHost: a.b:8080\r\n\r\n"), 200, "GET /?|"},
    {"a Host with an empty port", B("GET / HTTP/1.1\r\nHost: a.b:\r\n\r\n"), 200, "GET /?|"},
    {"an IPv6 Host", B("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 200, "GET /?|"},
    {"Host in any case", B("GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"), 200, "GET /?|"},
    {"an expectation without a body", G("Expect: 100-continue"), 200, "GET /?|"},

    /* lines */
    {"bare LF after the request line", B("GET / HTTP/1.1\n" H "\r\n"), 400, NULL},
    {"bare LF after a field", B("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400, NULL},
    {"bare LF after a value that is still valid without its last byte", B("GET / HTTP/1.1\r\nHost: abc\n\r\n"), 400, NULL},
    {"bare LF as the empty line", B("GET / HTTP/1.1\r\n" H "\n"), 400, NULL},
    {"two empty lines before the request", B("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"bare CR in a value", G("X: a\rb"), 400, NULL},
    {"bare CR before the line's end", G("X: a\r"), 400, NULL},
    {"NUL in a value", G("X: a\0b"), 400, NULL},
    {"another control character in a value", G("X: a\x01"), 400, NULL},
    {"DEL in a value", G("X: a\x7f"), 400, NULL},
    {"NUL in a name", G("X\0Y: a"), 400, NULL},
    {"a folded line", G("X: a\r\n b"), 400, NULL},
    {"a tab-folded line", G("X: a\r\n\tb"), 400, NULL},
    {"white space before the first field", B("GET / HTTP/1.1\r\n X: a\r\n" H "\r\n"), 400, NULL},
    {"white space before the colon", G("X : a"), 400, NULL},
    {"a tab before the colon", G("X\t: a"), 400, NULL},
    {"white space before Content-Length's colon", P("Content-Length : 3\r\n", "abc"), 400, NULL},
    {"a line without a colon", G("X"), 400, NULL},
    {"an empty name", G(": a"), 400, NULL},
    {"a name that is no token", G("X(Y): a"), 400, NULL},
    {"bytes over 0x7f in a name", G("X\xc3\xa9: a"), 400, NULL},

    /* the request line */
    {"a TLS hello on a plain port", B("\x16\x03\x01\x02\x00\x01\r\n"), 400, NULL},
    {"no target", B("GET HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"two spaces before the target", B("GET  / HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"two spaces before the version", B("GET /  HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a tab as separator", B("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"white space before the method", B(" GET / HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"white space after the version", B("GET / HTTP/1.1 \r\n" H "\r\n"), 400, NULL},
    {"a space in the target", B("GET /a b HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"NUL in the target", B("GET /\0 HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a tab in the target", B("GET /\t HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"bare CR in the target", B("GET /\r HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"bytes over 0x7f in the target", B("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a fragment", B("GET /#a HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a backslash in the target", B("GET /..\\a HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"half a percent-encoding", B("GET /%4 HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a wrong percent-encoding in the query", B("GET /?%zz HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a target without a slash", B("GET a HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"another scheme", B("GET ftp://b/ HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"absolute form without a host", B("GET http:///p HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"absolute form with a user", B("GET http://u@b/ HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"the asterisk for GET", B("GET * HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"a method that is no token", B("GE(T / HTTP/1.1\r\n" H "\r\n"), 400, NULL},
    {"CONNECT", B("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), 501, NULL},
    {"lower-case http", B("GET / http/1.1\r\n" H "\r\n"), 400, NULL},
    {"another protocol", B("GET / HTTQ/1.1\r\n" H "\r\n"), 400, NULL},
    {"a version of two digits", B("GET / HTTP/1.10\r\n" H "\r\n"), 400, NULL},
    {"a version without a dot", B("GET / HTTP/11\r\n" H "\r\n"), 400, NULL},
    {"HTTP/0.9's request line", B("GET /\r\n\r\n"), 400, NULL},
    {"HTTP/2.0", B("GET / HTTP/2.0\r\n" H "\r\n"), 505, NULL},
    {"HTTP/2's preface", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, NULL},

    /* Host */
    {"no Host", B("GET / HTTP/1.1\r\nX: a\r\n\r\n"), 400, NULL},
    {"no field at all", B("GET / HTTP/1.1\r\n\r\n"), 400, NULL},
    {"two Hosts", B("GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n"), 400, NULL},
    {"the same Host twice", B("GET / HTTP/1.1\r\n" H H "\r\n"), 400, NULL},
    {"two Hosts in HTTP/1.0", B("GET / HTTP/1.0\r\n" H H "\r\n"), 400, NULL},
    {"an empty Host", B("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, NULL},
    {"a Host with a space", B("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, NULL},
    {"a Host with a user", B("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400, NULL},
    {"a Host with a path", B("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, NULL},
    {"a list of Hosts", B("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400, NULL},
    {"a Host with a wrong port", B("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), 400, NULL},
    {"a Host with a negative port", B("GET / HTTP/1.1\r\nHost: a:-0\r\n\r\n"), 400, NULL},
    {"a Host with an impossible port", B("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), 400, NULL},
    {"a broken IPv6 Host", B("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400, NULL},
    {"a wrong IPv6 Host", B("GET / HTTP/1.1\r\nHost: [:::1:2]\r\n\r\n"), 400, NULL},

    /* Content-Length */
    {"differing lengths", P("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, NULL},
    {"the same length twice", P("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, NULL},
    {"a list of lengths", P("Content-Length: 3, 3\r\n", "abc"), 400, NULL},
    {"a list of differing lengths", P("Content-Length: 3, 4\r\n", "abc"), 400, NULL},
    {"a length with a plus", P("Content-Length: +3\r\n", "abc"), 400, NULL},
    {"a negative length", P("Content-Length: -3\r\n", "abc"), 400, NULL},
    {"a hexadecimal length", P("Content-Length: 0x3\r\n", "abc"), 400, NULL},
    {"two numbers in a length", P("Content-Length: 3 4\r\n", "abc"), 400, NULL},
    {"a length with a fraction", P("Content-Length: 3.0\r\n", "abc"), 400, NULL},
    {"an empty length", P("Content-Length:\r\n", ""), 400, NULL},
    {"a length of letters", P("Content-Length: abc\r\n", "abc"), 400, NULL},
    {"a length over 64 bits", P("Content-Length: 18446744073709551619\r\n", "abc"), 413, NULL},
    {"a length of 63 bits", P("Content-Length: 9223372036854775807\r\n", "abc"), 413, NULL},

    /* Transfer-Encoding */
    {"length and chunked", P("Content-Length: 3\r\n" CH, "3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"chunked and length", P(CH "Content-Length: 3\r\n", "3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"chunked in HTTP/1.0", B("POST / HTTP/1.0\r\n" CH "\r\n0\r\n\r\n"), 400, NULL},
    {"chunked twice in a list", P("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400, NULL},
    {"chunked twice in two fields", P(CH CH, "0\r\n\r\n"), 400, NULL},
    {"chunked not last", P("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400, NULL},
    {"chunked missing", P("Transfer-Encoding: gzip\r\n", "0\r\n\r\n"), 400, NULL},
    {"identity", P("Transfer-Encoding: identity\r\n", "0\r\n\r\n"), 400, NULL},
    {"something like chunked", P("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400, NULL},
    {"chunked with a parameter", P("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 400, NULL},
    {"a vertical tab before chunked", P("Transfer-Encoding: \x0b" "chunked\r\n", "0\r\n\r\n"), 400, NULL},
    {"an empty transfer coding", P("Transfer-Encoding:\r\n", ""), 400, NULL},
    {"another coding before chunked", P("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501, NULL},

    /* chunks */
    {"a chunk size of 0x3", P(CH, "0x3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a signed chunk size", P(CH, "+3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a negative chunk size", P(CH, "-3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"an empty chunk size", P(CH, "\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"an extension without a size", P(CH, ";a\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"white space before a chunk size", P(CH, " 3\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"white space after a chunk size", P(CH, "3 \r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a chunk size with a fraction", P(CH, "3.0\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a chunk size over 64 bits", P(CH, "10000000000000003\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a chunk size of 64 bits", P(CH, "ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 413, NULL},
    {"bare LF after a chunk size", P(CH, "3\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"bare LF after a chunk size that is still valid without its last digit", P(CH, "33\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"bare LF after a chunk's data", P(CH, "3\r\nabc\n0\r\n\r\n"), 400, NULL},
    {"other bytes in place of the CR LF behind a chunk", P(CH, "3\r\nabcXX0\r\n\r\n"), 400, NULL},
    {"a chunk longer than its size", P(CH, "3\r\nabcd\r\n0\r\n\r\n"), 400, NULL},
    {"a chunk shorter than its size", P(CH, "4\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"NUL in a chunk extension", P(CH, "3;a\0\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"bare CR in a chunk extension", P(CH, "3;a\rb\r\nabc\r\n0\r\n\r\n"), 400, NULL},
    {"a folded trailer", P(CH, "0\r\nX: a\r\n b\r\n\r\n"), 400, NULL},
    {"a trailer without a colon", P(CH, "0\r\nX\r\n\r\n"), 400, NULL},
    {"a space before a trailer's colon", P(CH, "0\r\nX : a\r\n\r\n"), 400, NULL},
    {"bare LF after a trailer", P(CH, "0\r\nX: abc\n\r\n"), 400, NULL},
    {"bare LF after the trailers", P(CH, "0\r\nX: a\r\n\n"), 400, NULL},

    /* expectations */
    {"another expectation", P("Expect: 200-maybe\r\nContent-Length: 3\r\n", "abc"), 417, NULL},
};

#undef B
#undef H
#undef G
#undef P
#undef CH
#endif
