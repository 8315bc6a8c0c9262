/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TUNE_H
#define TUNE_H

#include <clade/net.h>

#include "backend.h"
#include "measured.h"
#include "verify/case.h"

/*
 * Selection by measurement: of the choices that a backend offers for a product,
 * find the fastest that computes rightly.  Needs nothing but the backend; works
 * on any that offers several choices.
 */

/* One product of a net's plans. */
struct tune_product {
    struct op_case c; /* its geometry, without data and name */
    char key[768];    /* op_key()'s */
    char label[64];   /* of the first op that it is for */
    double flops;     /* of one of its ops */
    int uses;         /* ops of a step that are this product */
    bool packs; /* its filter changes before each of its runs, so packing it
                   counts */
};

struct tune_products {
    struct tune_product *list; /* the largest share of a step's flops first */
    int count;
};

/* List the distinct products of the plans that a config asks for.  Nothing is
 * built.  Returns what clade_net_new() does. */
clade_status tune_products_of(struct tune_products *products, clade_backend *be,
                              const struct clade_net_config *config);
void tune_products_free(struct tune_products *products);

/* When to stop a measurement. */
struct tune_limits {
    double seconds;          /* after so many, time no further rounds */
    bool (*stop)(void *arg); /* give up; NULL: never */
    void *arg;
};

/*
 * Measure one product.  Each candidate is built, run on exact data, and held
 * against the reference and, element by element, against the other candidates;
 * one that transforms is built with points that are integers for that.  Those
 * that are right are then timed in turns; the least time of each counts.
 * Another choice than the usual one must be 2 % faster.
 *
 * CLADE_EINTERRUPTED: it was stopped.  CLADE_EUNSUPPORTED: no candidate is
 * right.  Otherwise the status of what failed.
 */
clade_status tune_product(struct measured_row *row, clade_backend *be,
                          const struct tune_product *product,
                          const struct tune_limits *limits);

/* How far tune_net() is. */
struct tune_progress {
    const struct tune_product *product; /* that is measured next */
    int number, count;                  /* its place among all, from 1 on */
    double left;                        /* estimated seconds; < 0: not known */
};

struct tune_config {
    struct clade_net_config net;
    double seconds; /* end after so many */
    bool again;     /* measure also what is measured already */
    bool (*stop)(void *arg);
    void (*report)(void *arg, const struct tune_progress *progress);
    void *arg;
};

struct tune_result {
    int count, measured, left; /* products: in all, measured now, and not
                                  measured */
    double usual, best; /* seconds of the measured products in a step, as chosen
                           without and with a measurement */
};

/*
 * Measure all products of a net's plans that are not measured yet, and keep
 * each result at once (backend_measured()).  *result is set, too, if the time
 * is over, which is no failure, or if `stop` says to stop: CLADE_EINTERRUPTED.
 *
 * CLADE_EUNSUPPORTED: the backend measures nothing.  CLADE_EIO: there is no
 * place for the results.  Otherwise the status of what failed.
 */
clade_status tune_net(struct tune_result *result, clade_backend *be,
                      const struct tune_config *config);

#endif
