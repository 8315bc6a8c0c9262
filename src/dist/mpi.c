/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPI as the engine.  Only non-blocking collectives are used, and asked now and
 * then whether they are done: where ranks share processors, a blocking one
 * takes a whole processor while it waits.
 */
#include <mpi.h>

#include "dist/engine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status.h"

#define PAUSE 100000  /* nanoseconds between two questions, */
#define LONG  1000000 /* and after so many of them */
#define AFTER 200
#define SMALL 100000    /* bytes that need no questions to be moved */
#define GRACE 300000000 /* nanoseconds before all end */

static MPI_Comm world;
static char version[MPI_MAX_LIBRARY_VERSION_STRING];

static clade_status check(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;

    if (code == MPI_SUCCESS)
        return CLADE_OK;
    MPI_Error_string(code, text, &length);
    return clade_fail(CLADE_EIO, "%s: %s", what, text);
}

/*
 * Wait until `bytes` bytes have been moved, unless beginning that failed.  With
 * few bytes, the time goes to waiting for other ranks: after a while, ask less
 * often.  Sixteen ranks that ask Open MPI every 0.1 ms take a whole processor.
 */
static clade_status wait_for(int code, MPI_Request *request, const char *what,
                             size_t bytes)
{
    struct timespec pause = { 0, PAUSE };
    clade_status st = check(code, what);
    int done = 0;

    for (int i = 0; !st; i++) {
        st = check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what);
        if (st || done)
            break;
        if (i == AFTER && bytes < SMALL)
            pause.tv_nsec = LONG;
        nanosleep(&pause, NULL);
    }
    return st;
}

/* Byte counts and offsets as MPI wants them. */
struct counts {
    int *bytes, *at;
    size_t sum; /* of bytes */
};

static void counts_free(struct counts *c)
{
    free(c->bytes);
    free(c->at);
}

static clade_status counts_of(struct counts *c, const struct dist *d,
                              const struct dist_part *parts)
{
    c->bytes = calloc(d->size, sizeof *c->bytes);
    c->at = calloc(d->size, sizeof *c->at);
    for (int i = 0; c->bytes && c->at && i < d->size; i++) {
        if (parts[i].at > INT_MAX || parts[i].bytes > INT_MAX)
            return clade_fail(CLADE_ETOOSMALL,
                              "MPI: more than 2^31 bytes at once");
        c->bytes[i] = (int)parts[i].bytes;
        c->at[i] = (int)parts[i].at;
        c->sum += parts[i].bytes;
    }
    return c->bytes && c->at
               ? CLADE_OK
               : clade_fail(CLADE_ENOMEM, "%d ranks: out of memory", d->size);
}

static clade_status exchange(const struct dist *d, void *to,
                             const struct dist_part *to_parts, const void *from,
                             const struct dist_part *from_parts)
{
    static const char what[] = "MPI_Ialltoallv";
    struct counts in = { 0 }, out = { 0 };
    MPI_Request request;
    clade_status st;

    if (!(st = counts_of(&in, d, to_parts)) &&
        !(st = counts_of(&out, d, from_parts)))
        st =
            wait_for(MPI_Ialltoallv(from, out.bytes, out.at, MPI_BYTE, to,
                                    in.bytes, in.at, MPI_BYTE, world, &request),
                     &request, what, in.sum + out.sum);
    counts_free(&in);
    counts_free(&out);
    return st;
}

static clade_status gather(const struct dist *d, void *all,
                           const struct dist_part *parts, int root)
{
    const void *mine = (char *)all + parts[d->rank].at;
    struct counts c = { 0 };
    MPI_Request request;
    clade_status st = counts_of(&c, d, parts);

    if (!st && root < 0)
        st = wait_for(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, all, c.bytes,
                                      c.at, MPI_BYTE, world, &request),
                      &request, "MPI_Iallgatherv", c.sum);
    else if (!st)
        st = wait_for(MPI_Igatherv(d->rank == root ? MPI_IN_PLACE : mine,
                                   c.bytes[d->rank], MPI_BYTE, all, c.bytes,
                                   c.at, MPI_BYTE, root, world, &request),
                      &request, "MPI_Igatherv", c.sum);
    counts_free(&c);
    return st;
}

static clade_status broadcast(const struct dist *d, void *data, size_t bytes,
                              int root)
{
    MPI_Request request;

    (void)d;
    if (bytes > INT_MAX)
        return clade_fail(CLADE_ETOOSMALL, "MPI: more than 2^31 bytes at once");
    return wait_for(
        MPI_Ibcast(data, (int)bytes, MPI_BYTE, root, world, &request), &request,
        "MPI_Ibcast", bytes);
}

static clade_status barrier(const struct dist *d)
{
    MPI_Request request;

    (void)d;
    return wait_for(MPI_Ibarrier(world, &request), &request, "MPI_Ibarrier", 0);
}

/* MPI_Abort() need not return.  Launchers drop what they have not passed on
 * yet, so let this process' message through first. */
static void end_all(int code)
{
    const struct timespec grace = { 0, GRACE };

    nanosleep(&grace, NULL);
    MPI_Abort(MPI_COMM_WORLD, code);
    exit(code);
}

static void leave(void)
{
    MPI_Comm_free(&world);
    MPI_Finalize();
}

static const struct dist_engine engine = { .name = version,
                                           .exchange = exchange,
                                           .gather = gather,
                                           .broadcast = broadcast,
                                           .barrier = barrier,
                                           .abort = end_all,
                                           .leave = leave };

/* The rank among those on this host, and how many these are. */
static clade_status find_neighbours(struct dist *d)
{
    MPI_Comm host;
    clade_status st = check(MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED,
                                                d->rank, MPI_INFO_NULL, &host),
                            "MPI_Comm_split_type");

    if (st)
        return st;
    MPI_Comm_rank(host, &d->local);
    MPI_Comm_size(host, &d->near);
    MPI_Comm_free(&host);
    return CLADE_OK;
}

clade_status mpi_join(struct dist *d)
{
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    int length;
    clade_status st;

    *d = (struct dist){ .engine = &engine };
    if ((st = check(MPI_Init(NULL, NULL), "MPI_Init")) ||
        (st = check(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup")))
        return st;
    MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = 0;
    MPI_Comm_rank(world, &d->rank);
    MPI_Comm_size(world, &d->size);
    MPI_Get_processor_name(host, &length);
    snprintf(d->host, sizeof d->host, "%.63s", host);
    return find_neighbours(d);
}
