/* SPDX-License-Identifier: Apache-2.0 */
/*
 * These kernels make a convolution of a plain matrix product (CLBlast's).
 * im2col goes before the product of conv_fwd and conv_bwd_filter, col2im after
 * that of conv_bwd_data, and conv_epilogue adds the bias and applies the ReLU
 * or the mask.  Images are NHWC with ld* elements a pixel.  A column has the
 * filter's order r, s, c.  All are built with -D VEC=1.
 */

/*
 * im2col: col[n,p,q][r,s,c] = x[n, p*stride-top+r, q*stride-left+s, c], and 0
 * outside the image.
 *
 * One work-item per value over (C, rows), rows = N*P*Q*R*S.  Memory-bound;
 * exact.
 */
kernel void im2col(global float *restrict col, int col_at,
                   global const float *restrict x, int x_at, int H, int W,
                   int C, int ldx, int P, int Q, int R, int S, int stride,
                   int top, int left, int rows)
{
    const int c = get_global_id(0);
    const int row = ROW;
    const int rs = row % (R * S);
    const int pixel = row / (R * S);
    const int h = pixel / Q % P * stride - top + rs / S;
    const int w = pixel % Q * stride - left + rs % S;
    const int n = pixel / Q / P;

    if (c >= C || row >= rows)
        return; /* the grid is rounded up to whole work-groups */
    col[col_at + row * C + c] =
        h >= 0 && h < H && w >= 0 && w < W
            ? x[x_at + ((n * H + h) * W + w) * ldx + c]
            : 0.0f;
}

/*
 * col2im: dx[n,h,w,c] = epilogue(sum over r,s of the col[n,p,q][r,s,c] that
 * im2col took from (h,w)), in order of r, s.  With FLAG_ACCUMULATE the sum
 * starts from the old dx.
 *
 * One work-item per output over (C, N*H*W): no atomics.  Memory-bound; results
 * repeat bit for bit.
 */
kernel void col2im(global float *restrict dx, int dx_at,
                   global const float *restrict col, int col_at,
                   global const float *restrict mask, int mask_at, int H,
                   int W, int C, int ldx, int ldm, int P, int Q, int R, int S,
                   int stride, int top, int left, int pixels, int flags)
{
    const int c = get_global_id(0);
    const int pixel = ROW;
    const int w = pixel % W;
    const int h = pixel / W % H;
    const int n = pixel / W / H;

    if (c >= C || pixel >= pixels)
        return; /* the grid is rounded up to whole work-groups */

    float sum = flags & FLAG_ACCUMULATE ? dx[dx_at + pixel * ldx + c] : 0.0f;

    for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++) {
            const int p = h + top - r;
            const int q = w + left - s;

            if (p < 0 || q < 0 || p % stride || q % stride ||
                p / stride >= P || q / stride >= Q)
                continue;
            sum += col[col_at +
                       (((n * P + p / stride) * Q + q / stride) * R * S +
                        r * S + s) * C + c];
        }
    CUT(sum, flags, mask[mask_at + pixel * ldm + c]);
    dx[dx_at + pixel * ldx + c] = sum;
}

/*
 * conv_epilogue, in place: y + b, then the ReLU or the mask.
 *
 * y, mask [pixels,K]; b [K].  One work-item per value over (K, pixels).
 * Memory-bound.
 */
kernel void conv_epilogue(global float *restrict y, int y_at,
                          global const float *restrict b, int b_at,
                          global const float *restrict mask, int mask_at,
                          int K, int ldy, int ldm, int pixels, int flags)
{
    const int k = get_global_id(0);
    const int pixel = ROW;

    if (k >= K || pixel >= pixels)
        return; /* the grid is rounded up to whole work-groups */

    float v = y[y_at + pixel * ldy + k];

    ADD_BIAS(v, flags, b[b_at + k]);
    CUT(v, flags, mask[mask_at + pixel * ldm + k]);
    y[y_at + pixel * ldy + k] = v;
}
