/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ended, and what went wrong. */
#ifndef CLADE_STATUS_H
#define CLADE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_API __attribute__((visibility("default")))

/*
 * Every function that can fail returns one of these; 0 is success.  Each row
 * has the name, the exit code of the command, and the meaning.
 */
/* clang-format off */
#define CLADE_STATUS_LIST(X)                                                  \
    X(OK,           0, "success")                                             \
    X(EFAIL,        1, "failed at run time")                                  \
    X(EIO,          1, "input or output failed")                              \
    X(ENOMEM,       1, "out of memory")                                       \
    X(EUSAGE,       2, "bad usage")                                           \
    X(ESHAPE,       2, "shapes do not fit")                                   \
    X(EAMBIGUOUS,   2, "several devices match")                               \
    X(EINUSE,       2, "the output folder holds another run")                 \
    X(EDATA,        3, "bad data or checkpoint")                              \
    X(ENODEVICE,    4, "no such device")                                      \
    X(EBUILD,       4, "a kernel does not build")                             \
    X(ETOOSMALL,    4, "the device is too small")                             \
    X(EUNSUPPORTED, 4, "the device cannot run this")                          \
    X(EDEVICE,      1, "the device failed")                                   \
    X(EDIVERGED,    5, "training diverged")                                   \
    X(EBOUND,       6, "a consistency bound is broken")                       \
    X(ESLOWER,      7, "slower than the file compared with")                  \
    X(EMISTRUSTED,  8, "a verdict cannot be trusted")                         \
    X(EINTERRUPTED, 130, "interrupted")
/* clang-format on */

typedef enum clade_status {
#define CLADE_STATUS_ENUM(name, code, text) CLADE_##name,
    CLADE_STATUS_LIST(CLADE_STATUS_ENUM)
#undef CLADE_STATUS_ENUM
} clade_status;

/*
 * Every public function that returns a status checks what it is called with.  A
 * mistake of the caller is CLADE_EUSAGE or CLADE_ESHAPE; the message names the
 * function or the op, what is wrong and what to do.  So is NULL for a pointer
 * of which the header does not say what NULL means.  After a mistake nothing
 * has changed.  What no function can see stays the caller's duty: that a
 * pointer points to what it says, and to nothing that was freed.
 *
 * The message of the last failure in this thread.  It names the file, op, shape
 * or device, and says what to do next.  Read it only after a call has failed;
 * it stays until the next failure in this thread.  Never NULL.
 */
CLADE_API const char *clade_error(void);

/* What a status means, in a few words. */
CLADE_API const char *clade_status_text(clade_status st);
/* The exit code of the command when it ends with this status. */
CLADE_API int clade_status_exit_code(clade_status st);

#ifdef __cplusplus
}
#endif

#endif
