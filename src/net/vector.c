/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of all parameters, gradients and momenta, and their pieces. */
#include "net/state.h"

#include <assert.h>
#include <stdlib.h>

#include "status.h"

/* Pieces begin at multiples of so many elements: 64 bytes of float. */
#define ALIGN 16

struct net_piece net_whole(const clade_net *net)
{
    return (struct net_piece){ 0, net->graph.elements };
}

/* graph.elements is a multiple of ALIGN. */
static int64_t piece_at(const clade_net *net, int rank, int ranks)
{
    return net->graph.elements / ALIGN * rank / ranks * ALIGN;
}

struct net_piece net_piece(const clade_net *net, int rank, int ranks)
{
    const int64_t first = piece_at(net, rank, ranks);

    return (struct net_piece){ first, piece_at(net, rank + 1, ranks) - first };
}

/* The byte of the buffer of a vector that element `at` begins with. */
static size_t byte_of(const clade_net *net, enum net_buffer which, int64_t at)
{
    const int64_t first = which == NET_MOMENTA ? net->piece.first : 0;

    assert(at >= first);
    return (at - first) * clade_type_size(net->real);
}

clade_status net_vector_read(clade_net *net, void *to, enum net_buffer which,
                             struct net_piece piece)
{
    return clade_backend_read(net->be, to, net->fixed[which].real,
                              byte_of(net, which, piece.first),
                              piece.count * clade_type_size(net->real));
}

clade_status net_vector_write(clade_net *net, enum net_buffer which,
                              struct net_piece piece, const void *from)
{
    const clade_status st =
        clade_backend_write(net->be, net->fixed[which].real,
                            byte_of(net, which, piece.first), from,
                            piece.count * clade_type_size(net->real));

    if (which == NET_VALUES)
        net->version++;
    return st ? st : clade_backend_finish(net->be);
}

clade_status net_vectors_new(struct net_vectors *vectors, const clade_net *net)
{
    const size_t size = clade_type_size(net->real);

    *vectors = (struct net_vectors){ calloc(net->graph.elements, size),
                                     calloc(net->graph.elements, size) };
    return vectors->values && vectors->momenta
               ? CLADE_OK
               : clade_fail(CLADE_ENOMEM, "a net's vectors: out of memory");
}

void net_vectors_free(struct net_vectors *vectors)
{
    free(vectors->values);
    free(vectors->momenta);
    *vectors = (struct net_vectors){ NULL, NULL };
}

clade_status net_vectors_write(clade_net *net,
                               const struct net_vectors *vectors)
{
    const size_t at = net->piece.first * clade_type_size(net->real);
    const clade_status st = net_vector_write(net, NET_VALUES, net_whole(net),
                                             vectors->values);

    return st || !net->training
               ? st
               : net_vector_write(net, NET_MOMENTA, net->piece,
                                  (char *)vectors->momenta + at);
}
