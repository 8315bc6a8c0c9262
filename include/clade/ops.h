/* SPDX-License-Identifier: Apache-2.0 */
/* Ops: what a network is made of. */
#ifndef CLADE_OPS_H
#define CLADE_OPS_H

#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ops: what a net is made of.  A function below makes the struct of one op
 * and checks every shape; nothing else makes one.  It returns CLADE_OK and
 * sets *op, or CLADE_ESHAPE with a message that names the op and the shapes, or
 * CLADE_EUSAGE if `op`, `step`, `layer` or `conv` is NULL.
 *
 * A backend then chooses how to compute it (clade_backend_choose), makes it
 * ready (clade_backend_prepare) and runs it (clade_backend_run).
 *
 * Letters: image N H W C, filter R S C K, output N P Q K.  Arithmetic is
 * float32 (float64 where the tensors are CLADE_F64), with the roundings that
 * the op's depth counts.  Outputs are overwritten, unless a flag says
 * otherwise, and must not overlap any other tensor of the op.
 *
 * All floats of an op are of one type, the one that its backend computes with
 * (clade_backend_real()).  Every tensor may be a slice, except those that say
 * `dense`.  A filter that is a slice has some of the output channels of a wider
 * one: its "pixels" are its R*S*C rows.
 */

/*
 * Every kind of op: its enum, its name (the same in both backends' tables,
 * the kernels, the cases and the bench), the roles it writes, those it reads.
 * A role in both lists is updated in place.
 */
/* clang-format off */
#define CLADE_OP_LIST(O)                                                      \
    O(CONV_FWD,        conv_fwd,          R(Y),                               \
                                          R(X) R(W) R(B) R(PACKED))           \
    O(CONV_BWD_DATA,   conv_bwd_data,     R(DX),                              \
                                          R(DY) R(W) R(X) R(PACKED))          \
    O(CONV_BWD_FILTER, conv_bwd_filter,   R(DW) R(DB),    R(X) R(DY))         \
    O(BIAS_BWD,        bias_bwd,          R(DB),          R(DY))              \
    O(FILTER_PACK,     filter_pack,       R(PACKED),      R(W))               \
    O(MAXPOOL_FWD,     maxpool_fwd,       R(Y) R(ARG),    R(X))               \
    O(MAXPOOL_BWD,     maxpool_bwd,       R(DX),          R(DY) R(ARG) R(X))  \
    O(AVGPOOL_FWD,     avgpool_fwd,       R(Y),           R(X))               \
    O(AVGPOOL_BWD,     avgpool_bwd,       R(DX),          R(DY) R(X))         \
    O(DROPOUT_FWD,     dropout_fwd,       R(Y),           R(X))               \
    O(DROPOUT_BWD,     dropout_bwd,       R(DX),          R(DY) R(X))         \
    O(SOFTMAX_FWD,     softmax_fwd,       R(Y),           R(X))               \
    O(LOSS_FWD,        loss_fwd,          R(LOSS) R(HIT), R(X) R(LABEL))      \
    O(LOSS_BWD,        loss_bwd,          R(DX),          R(Y) R(LABEL))      \
    O(SGD,             sgd,               R(W) R(V),      R(W) R(V) R(DW))    \
    O(RESIZE,          resize,            R(Y),           R(X) R(TABLE))
/* clang-format on */

enum clade_op_kind {
#define CLADE_OP_ENUM(id, name, out, in) CLADE_##id,
    CLADE_OP_LIST(CLADE_OP_ENUM)
#undef CLADE_OP_ENUM
        CLADE_OP_KINDS
};

/* What a tensor is to an op. */
enum clade_role {
    CLADE_Y,
    CLADE_X,
    CLADE_W,
    CLADE_B,
    CLADE_DY,
    CLADE_DX,
    CLADE_DW,
    CLADE_DB,
    CLADE_V,
    CLADE_ARG,
    CLADE_LOSS,
    CLADE_HIT,
    CLADE_LABEL,
    CLADE_TABLE,
    CLADE_PACKED,    /* the filter in the algorithm's own layout: dense, floats
                        of the op's type */
    CLADE_WORKSPACE, /* scratch, never read before written: dense, of any type,
                        from byte 0 of its buffer on; overlaps nothing */
    CLADE_ROLES
};

/* Get the name of a kind or a role ("dw"; "unknown" if there is none), and the
 * roles that a kind writes or reads, as masks (1 << role). */
CLADE_API const char *clade_op_name(enum clade_op_kind kind);
CLADE_API const char *clade_role_name(enum clade_role role);
CLADE_API unsigned clade_op_outputs(enum clade_op_kind kind);
CLADE_API unsigned clade_op_inputs(enum clade_op_kind kind);

/* The epilogue of an op, and how it reads its filter. */
enum clade_op_flags {
    CLADE_BIAS = 1,       /* conv_fwd: add b[k]; conv_bwd_filter: write db */
    CLADE_RELU = 2,       /* forward: y = t < 0 ? 0 : t; backward: dx = 0
                             where the forward output x is not > 0 */
    CLADE_ACCUMULATE = 4, /* backward: add to the old dx (before the mask) */
    CLADE_TURNED = 8      /* filter_pack: for conv_bwd_data */
};

/*
 * A window: R rows by S columns, moved by `stride`, over an image with `top`
 * and `left` rows and columns of padding before it and `bottom` and `right`
 * after.  Output row p, column q reads input rows p*stride - top + r, columns
 * q*stride - left + s.
 */
struct clade_window {
    int r, s, stride, top, bottom, left, right;
};

/* Make a window `same`, which pads an H x W image as TensorFlow does (P =
 * ceil(H/stride); the odd pixel goes after), or `valid` (no padding).  If an
 * argument is below 1, so is a result, and no op takes the window. */
CLADE_API struct clade_window clade_window_same(int r, int s, int stride, int h,
                                                int w);
CLADE_API struct clade_window clade_window_valid(int r, int s, int stride);

/*
 * What changes from one step to the next; ops point at it and read it when
 * they run, so it must outlive them.  Random indices and the loss's 1/batch use
 * the global image number and batch, so that a step cut into parts computes the
 * same.
 */
struct clade_step {
    uint64_t seed;       /* Philox' key */
    uint32_t number;     /* the training step, from 0: Philox' third word */
    int first_image;     /* global number, within the batch, of image 0: at
                            least 0, for dropout */
    int batch;           /* images of the whole batch: at least 1, for
                            loss_bwd */
    float learning_rate; /* of sgd */
    bool dropout;        /* false: dropout passes its input on unchanged */
};

/* How an op is computed: an algorithm and its tuning. */
struct clade_choice {
    const char *algorithm; /* its name, static; NULL: not chosen yet */
    int tune[8];           /* the algorithm's own parameters */
};

/* The transforms of Winograd's products F(m x m, r x r), with the points 0,
 * +-a,
 * +-b and infinity: src/op/winograd.h. */
struct clade_winograd {
    int m, r; /* outputs and filter along one dimension; m = 0: none */
    float a, b;
};

struct clade_op {
    enum clade_op_kind kind;
    unsigned flags;
    struct clade_window window;
    float scalar;    /* dropout: rate; loss_bwd: weight; sgd: momentum */
    uint32_t stream; /* dropout: FNV-1a-32 of "dropout/<layer>", Philox'
                        fourth word */
    const struct clade_step *step; /* dropout, loss_bwd, sgd; not owned */
    struct clade_tensor t[CLADE_ROLES];
    const char *label; /* the layer, for messages; not owned; may be NULL */

    /* Set by clade_backend_choose(). */
    struct clade_choice choice;
    size_t workspace; /* bytes needed at t[CLADE_WORKSPACE]; 0: none */
    size_t packed;    /* elements needed at t[CLADE_PACKED]; 0: none */
    int depth;        /* roundings on the longest path from a product to the
                         output, the output's own included */
    int depth_db;     /* the same of db, where it is a second output */
    struct clade_winograd winograd; /* what its products go through */
};

/*
 * y[n,p,q,k] = epilogue(sum over r,s,c of
 *                  x[n, p*stride-top+r, q*stride-left+s, c] * w[r,s,c,k])
 *
 * y [N,P,Q,K], x [N,H,W,C], w [R,S,C,K], b [1,1,1,K] or absent; all float.
 * flags: CLADE_BIAS, CLADE_RELU.  b must be given with CLADE_BIAS, and must be
 * absent without it.
 */
CLADE_API clade_status clade_op_conv_fwd(
    struct clade_op *op, struct clade_tensor y, struct clade_tensor x,
    struct clade_tensor w, struct clade_tensor b, struct clade_window window,
    unsigned flags);

/*
 * dx[n,h,w,c] = epilogue(sum over r,s,k, where p*stride-top+r = h and
 *                   q*stride-left+s = w, of dy[n,p,q,k] * w[r,s,c,k])
 *
 * dx [N,H,W,C], dy [N,P,Q,K], w [R,S,C,K]; x [N,H,W,C] or absent.
 * flags: CLADE_ACCUMULATE, CLADE_RELU (x must be given).
 */
CLADE_API clade_status clade_op_conv_bwd_data(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor dy,
    struct clade_tensor w, struct clade_tensor x, struct clade_window window,
    unsigned flags);

/*
 * dw[r,s,c,k] = sum over n,p,q of
 *                   x[n, p*stride-top+r, q*stride-left+s, c] * dy[n,p,q,k]
 * db[k] = sum over n,p,q of dy[n,p,q,k]
 *
 * dw [R,S,C,K], db [1,1,1,K] or absent, x [N,H,W,C], dy [N,P,Q,K].  The
 * op made has the flag CLADE_BIAS if db is given.
 */
CLADE_API clade_status clade_op_conv_bwd_filter(
    struct clade_op *op, struct clade_tensor dw, struct clade_tensor db,
    struct clade_tensor x, struct clade_tensor dy, struct clade_window window);

/* db[k] = sum over n,p,q of dy[n,p,q,k].  db [1,1,1,K], dy [N,P,Q,K]. */
CLADE_API clade_status clade_op_bias_bwd(struct clade_op *op,
                                         struct clade_tensor db,
                                         struct clade_tensor dy);

/*
 * Dense layers are convolutions of one pixel: y [N,1,1,K], x [N,1,1,C], w
 * [1,1,C,K].  An x [N,H,W,C] with ld = C is flattened to [N,1,1,H*W*C].  The
 * op made is a conv_* over one image of N pixels.
 */
CLADE_API clade_status clade_op_dense_fwd(
    struct clade_op *op, struct clade_tensor y, struct clade_tensor x,
    struct clade_tensor w, struct clade_tensor b, unsigned flags);
CLADE_API clade_status clade_op_dense_bwd_data(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor dy,
    struct clade_tensor w, struct clade_tensor x, unsigned flags);
CLADE_API clade_status clade_op_dense_bwd_filter(struct clade_op *op,
                                                 struct clade_tensor dw,
                                                 struct clade_tensor x,
                                                 struct clade_tensor dy);

/*
 * The filter of `conv` (a conv_fwd or conv_bwd_data for which an algorithm
 * has been chosen, with conv->packed > 0 and t[CLADE_PACKED] set) in that
 * algorithm's own layout.  Run it after each change of the filter and before
 * conv.  The new op takes its tensors and its choice from `conv`; it needs no
 * clade_backend_choose().
 */
CLADE_API clade_status clade_op_filter_pack(struct clade_op *op,
                                            const struct clade_op *conv);

/*
 * y[n,p,q,c] = max over r,s of x[n, p*stride-top+r, q*stride-left+s, c]
 *
 * y [N,P,Q,C]; arg [N,P,Q,C] uint8: the winner's index r*S + s in its window
 * (hence R*S <= 255); x [N,H,W,C].  Padding is never chosen.  The first in
 * scan order wins a tie, and the first NaN wins outright.  CLADE_ESHAPE where
 * some window holds padding alone.
 */
CLADE_API clade_status clade_op_maxpool_fwd(struct clade_op *op,
                                            struct clade_tensor y,
                                            struct clade_tensor arg,
                                            struct clade_tensor x,
                                            struct clade_window window);

/*
 * dx[n,h,w,c] = epilogue(sum of the dy[n,p,q,c] whose arg names (h,w)), summed
 * in scan order of (p,q).  x [N,H,W,C] or absent.  flags: CLADE_ACCUMULATE,
 * CLADE_RELU (x must be given).
 */
CLADE_API clade_status clade_op_maxpool_bwd(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor dy,
    struct clade_tensor arg, struct clade_tensor x, struct clade_window window,
    unsigned flags);

/*
 * y[n,p,q,c] = float32(1/(R*S)) * sum over r,s of x[...]: the plain sum in
 * scan order, scaled once.  No padding (CLADE_ESHAPE if the window has any).
 * The global average is the window of the whole image.
 */
CLADE_API clade_status clade_op_avgpool_fwd(struct clade_op *op,
                                            struct clade_tensor y,
                                            struct clade_tensor x,
                                            struct clade_window window);

/* dx = epilogue(float32(1/(R*S)) * sum of the dy whose windows cover (h,w)). */
CLADE_API clade_status clade_op_avgpool_bwd(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor dy,
    struct clade_tensor x, struct clade_window window, unsigned flags);

/*
 * y = x * m, m = 0 with probability `rate`, else float32(1/(1-rate)).
 * Element i = ((first_image + n)*H*W + h*W + w)*C + c is kept where word
 * (i mod 4) of Philox4x32-10 with counter (i/4 low, i/4 high, step number,
 * stream) and key = seed, as (word >> 8) * 2^-24, is >= float32(rate).
 * step->dropout false: y = x.  `layer` names the stream.
 */
CLADE_API clade_status clade_op_dropout_fwd(struct clade_op *op,
                                            struct clade_tensor y,
                                            struct clade_tensor x, float rate,
                                            const char *layer,
                                            const struct clade_step *step);

/* dx = dy * m, with the m of dropout_fwd; x may be absent.  flags:
 * CLADE_RELU. */
CLADE_API clade_status clade_op_dropout_bwd(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor dy,
    struct clade_tensor x, float rate, const char *layer,
    const struct clade_step *step, unsigned flags);

/* y[n,k] = exp(x[n,k] - m) / sum over j of exp(x[n,j] - m), m = max over j of
 * x[n,j]; all of it NaN where an x[n,j] is NaN or m is infinite.
 * y, x [N,1,1,K]. */
CLADE_API clade_status clade_op_softmax_fwd(struct clade_op *op,
                                            struct clade_tensor y,
                                            struct clade_tensor x);

/*
 * loss[n] = log(sum over j of exp(x[n,j] - m)) - (x[n,label[n]] - m): the
 * cross-entropy from the logits, without clipping; hit[n] = 1 where the first
 * largest logit (the first NaN, if any) is the label's, else 0.
 * loss [N,1,1,1], hit [N,1,1,1] uint8, x [N,1,1,K], label [N,1,1,1] uint8 < K
 * (a label >= K gives a loss of NaN, as does a row without probabilities).
 */
CLADE_API clade_status clade_op_loss_fwd(struct clade_op *op,
                                         struct clade_tensor loss,
                                         struct clade_tensor hit,
                                         struct clade_tensor x,
                                         struct clade_tensor label);

/* dx[n,k] = (y[n,k] - (k == label[n])) * float32(weight / step->batch).
 * dx, y [N,1,1,K]; y is softmax_fwd's. */
CLADE_API clade_status clade_op_loss_bwd(
    struct clade_op *op, struct clade_tensor dx, struct clade_tensor y,
    struct clade_tensor label, float weight, const struct clade_step *step);

/* v = momentum*v - step->learning_rate*dw; w = w + v, in place.  All of one
 * shape, dense. */
CLADE_API clade_status clade_op_sgd(struct clade_op *op, struct clade_tensor w,
                                    struct clade_tensor v,
                                    struct clade_tensor dw, float momentum,
                                    const struct clade_step *step);

/*
 * y = table[bilinear(x)]: OpenCV's 8-bit bilinear resize (INTER_LINEAR),
 * in its integers, then a table of 256 floats (byte/255).  y [N,P,Q,C], x
 * [N,H,W,C] uint8, table [1,1,1,256]; P >= H, Q >= W.  For output column o:
 * f = float32((o + 0.5)*W/Q - 0.5), s = floor(f), weight w = f - s; s < 0:
 * s = 0, w = 0; s >= W-1: s = W-1, w = 0; H = S[s]*rint(2048*(1-w)) +
 * S[min(s+1,W-1)]*rint(2048*w).  Down, w is kept and rows s, s+1 are clamped:
 * ((b0*(H0>>4))>>16) + ((b1*(H1>>4))>>16) + 2) >> 2.
 */
CLADE_API clade_status clade_op_resize(struct clade_op *op,
                                       struct clade_tensor y,
                                       struct clade_tensor x,
                                       struct clade_tensor table);

/* Count the products and sums of an op: a multiply-add is two.  A convolution
 * counts as a direct one, whatever its algorithm.  NULL and an op of no kind
 * count as 0. */
CLADE_API double clade_op_flops(const struct clade_op *op);

#ifdef __cplusplus
}
#endif

#endif
