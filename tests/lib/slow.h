/* A sanitizer makes the long programs take minutes: there they try a part of what they try elsewhere. */
#ifndef TESTS_LIB_SLOW_H
#define TESTS_LIB_SLOW_H

/* clang builds tests for its sanitizers and for fuzzing alone. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__has_feature)
enum { TESTS_ARE_SLOW = 1 };
#else
enum { TESTS_ARE_SLOW = 0 };
#endif

#endif
