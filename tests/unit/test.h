/* test.h -- tests are sentences over rows: TEST(what_must_hold) { ... }, listed once in RUN(...) at the file's end. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

#define TEST(name) static void name(void **unused_ __attribute__((unused)))
#define CHECK(cond) assert_true(cond)
#define CHECK_INT(got, want) assert_int_equal((got), (want))
#define CHECK_STR(got, want) assert_string_equal((got), (want))
#define CHECK_SLICE(got, want)                                                                                         \
    do {                                                                                                               \
        struct slice got_ = (got);                                                                                     \
        const char *want_ = (want);                                                                                    \
        if (got_.n != strlen(want_) || memcmp(got_.p ? got_.p : "", want_, got_.n) != 0)                               \
            fail_msg("got '%.*s', want '%s'", SLICE_FMT(got_), want_);                                                 \
    } while (0)
/* A call that returns 0 and, when not, prints its error. */
#define CHECK_OK(call)                                                                                                 \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s: %s", #call, err_name(e.code), e.detail);                                                 \
    } while (0)

#define T(name) cmocka_unit_test(name)
#define RUN(...)                                                                                                       \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests_[] = {__VA_ARGS__};                                                              \
        int failed_ = cmocka_run_group_tests(tests_, NULL, NULL);                                                      \
        arena_thread_end();                                                                                            \
        return failed_;                                                                                                \
    }

#endif
