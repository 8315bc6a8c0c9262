/* SPDX-License-Identifier: Apache-2.0 */
#include "net/table.h"

#include <string.h>

#define ROW(kind_, name_, ...)                                                 \
    {                                                                          \
        .kind = NET_##kind_, .name = name_, __VA_ARGS__                        \
    }
#define SAME(size_, stride_)                                                   \
    .window = { .size = size_, .stride = stride_, .same = true }
#define VALID(size_, stride_) .window = { .size = size_, .stride = stride_ }
#define WHOLE                 .window = { .size = 0, .stride = 1 }
#define FROM(layer)           .from = layer
#define K(...)                .k = { __VA_ARGS__ }
#define RELU                  .relu = true
#define BIAS(value)           .bias = value
#define TRUNK                 RELU, BIAS(0.2f)
#define RATE(value)           .rate = value
#define LOSS(number, title_, weight_)                                          \
    .head = number, .title = title_, .weight = weight_

/*
 * GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2015, table 1)
 * as a published Keras notebook trains it on CIFAR-10: conv2 has 64 channels
 * and no reduction, there is no LRN, and all padding is `same`, but for that of
 * the auxiliary pools.  The channels of a module are those of its 1x1 (a), 3x3
 * reduce and 3x3 (b, c), 5x5 reduce and 5x5 (d, e), and of the projection after
 * its pool (f).
 */
/* clang-format off */
static const struct net_row rows[] = {
    ROW(CONV,      "conv1",           SAME(7, 2), K(64), TRUNK),
    ROW(MAXPOOL,   "pool1",           SAME(3, 2)),
    ROW(CONV,      "conv2",           SAME(3, 1), K(64), TRUNK),
    ROW(MAXPOOL,   "pool2",           SAME(3, 2)),
    /*                                a    b    c    d   e    f */
    ROW(INCEPTION, "inception_3a",  K( 64,  96, 128, 16,  32,  32), TRUNK),
    ROW(INCEPTION, "inception_3b",  K(128, 128, 192, 32,  96,  64), TRUNK),
    ROW(MAXPOOL,   "pool3",           SAME(3, 2)),
    ROW(INCEPTION, "inception_4a",  K(192,  96, 208, 16,  48,  64), TRUNK),

    ROW(AVGPOOL,   "aux1/pool",       VALID(5, 3)),
    ROW(CONV,      "aux1/conv",       SAME(1, 1), K(128), RELU),
    ROW(DENSE,     "aux1/fc",         K(1024), RELU),
    ROW(DROPOUT,   "aux1/dropout",    RATE(0.7f)),
    ROW(HEAD,      "aux1/classifier", LOSS(1, "aux1", 0.3)),

    ROW(INCEPTION, "inception_4b",  K(160, 112, 224, 24,  64,  64), TRUNK,
                                    FROM("inception_4a/output")),
    ROW(INCEPTION, "inception_4c",  K(128, 128, 256, 24,  64,  64), TRUNK),
    ROW(INCEPTION, "inception_4d",  K(112, 144, 288, 32,  64,  64), TRUNK),

    ROW(AVGPOOL,   "aux2/pool",       VALID(5, 3)),
    ROW(CONV,      "aux2/conv",       SAME(1, 1), K(128), RELU),
    ROW(DENSE,     "aux2/fc",         K(1024), RELU),
    ROW(DROPOUT,   "aux2/dropout",    RATE(0.7f)),
    ROW(HEAD,      "aux2/classifier", LOSS(2, "aux2", 0.3)),

    ROW(INCEPTION, "inception_4e",  K(256, 160, 320, 32, 128, 128), TRUNK,
                                    FROM("inception_4d/output")),
    ROW(MAXPOOL,   "pool4",           SAME(3, 2)),
    ROW(INCEPTION, "inception_5a",  K(256, 160, 320, 32, 128, 128), TRUNK),
    ROW(INCEPTION, "inception_5b",  K(384, 192, 384, 48, 128, 128), TRUNK),

    ROW(AVGPOOL,   "global_pool",     WHOLE),
    ROW(DROPOUT,   "dropout",         RATE(0.4f)),
    ROW(HEAD,      "classifier",      LOSS(0, "classifier", 1.0), BIAS(0.2f)),
};
/* clang-format on */

static const struct net_table tables[] = {
    { .name = "googlenet-cifar10",
      .source_h = 32,
      .source_w = 32,
      .h = 224,
      .w = 224,
      .c = 3,
      .classes = 10,
      .rows = rows,
      .n_rows = sizeof rows / sizeof *rows },
};

const char net_table_names[] = "googlenet-cifar10";

const struct net_table *net_table_at(int i)
{
    return i < (int)(sizeof tables / sizeof *tables) ? &tables[i] : NULL;
}

const struct net_table *net_table_find(const char *name)
{
    const struct net_table *t;

    for (int i = 0; (t = net_table_at(i)); i++)
        if (!strcmp(t->name, name))
            break;
    return t;
}
