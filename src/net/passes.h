/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_PASSES_H
#define NET_PASSES_H

#include "net/state.h"

/* A pass does one thing to all plans of a net.  net.c has the list of passes,
 * in order. */
typedef clade_status net_pass(clade_net *net,
                              const struct clade_net_config *config);

/* The layers append their ops over values, each in its phase. */
net_pass pass_layers;

/* The ops become other ops that compute the same (rewrite.h). */
net_pass pass_rewrite;

/* Every op gets its algorithm, and with it the size of its workspace, the size
 * of its packed filter, and its depth. */
net_pass pass_choose;

/* Every op that reads a packed filter gets it, and a filter_pack op. */
net_pass pass_pack;

/* Every block gets its first and its last op; every activation the op after
 * which it is ready. */
net_pass pass_lifetimes;

/* Every block and every workspace gets its place, and every buffer its size. */
net_pass pass_place;

/* Every tensor goes from its block to the buffer, which is allocated now. */
net_pass pass_bind;

/* The backend makes every op ready to run. */
net_pass pass_prepare;

#endif
