/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds a plain matrix product (CLBlast's) to make a convolution of
 * it: im2col before conv_fwd's and conv_bwd_filter's, col2im after
 * conv_bwd_data's, and conv_epilogue where bias, ReLU or mask are left over.
 * NHWC images, pixel stride ld*, columns in the filter's order r, s, c.
 */

/*
 * im2col: col[n,p,q][r,s,c] = x[n, p*stride-top+r, q*stride-left+s, c], zeros
 * outside the image.
 *
 * Built with -D VEC=1.  One work-item per value over (C, R*S, N*P*Q); memory-bound; exact.
 */
kernel void im2col(global float *restrict col, int col_at,
                   global const float *restrict x, int x_at, int H, int W,
                   int C, int ldx, int P, int Q, int R, int S, int stride,
                   int top, int left, int pixels)
{
    const int c = get_global_id(0);
    const int rs = get_global_id(1);
    const int pixel = get_global_id(2);
    const int h = pixel / Q % P * stride - top + rs / S;
    const int w = pixel % Q * stride - left + rs % S;
    const int n = pixel / (P * Q);

    if (c >= C || rs >= R * S || pixel >= pixels)
        return; /* the grid is rounded up to whole work-groups */
    col[col_at + (pixel * R * S + rs) * C + c] =
        h >= 0 && h < H && w >= 0 && w < W
            ? x[x_at + ((n * H + h) * W + w) * ldx + c]
            : 0.0f;
}

/*
 * col2im: dx[n,h,w,c] = epilogue(sum over r,s of the col[n,p,q][r,s,c] that
 * im2col took from (h,w)), in order of r, s.  With FLAG_ACCUMULATE the sum
 * starts from the old dx.
 *
 * Built with -D VEC=1.  One work-item per output over (C, W, N*H): no atomics.  Memory-bound;
 * repeats bit for bit.
 */
kernel void col2im(global float *restrict dx, int dx_at,
                   global const float *restrict col, int col_at,
                   global const float *restrict mask, int mask_at, int H,
                   int W, int C, int ldx, int ldm, int P, int Q, int R, int S,
                   int stride, int top, int left, int rows, int flags)
{
    const int c = get_global_id(0);
    const int w = get_global_id(1);
    const int row = get_global_id(2);
    const int h = row % H;
    const int n = row / H;
    const int pixel = row * W + w;

    if (c >= C || w >= W || row >= rows)
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
 * y, mask [pixels,K]; b [K].  Built with -D VEC=1.  One work-item per value over (K, pixels); memory-bound.
 */
kernel void conv_epilogue(global float *restrict y, int y_at,
                          global const float *restrict b, int b_at,
                          global const float *restrict mask, int mask_at,
                          int K, int ldy, int ldm, int pixels, int flags)
{
    const int k = get_global_id(0);
    const int pixel = get_global_id(1);

    if (k >= K || pixel >= pixels)
        return; /* the grid is rounded up to whole work-groups */

    float v = y[y_at + pixel * ldy + k];

    ADD_BIAS(v, flags, b[b_at + k]);
    CUT(v, flags, mask[mask_at + pixel * ldm + k]);
    y[y_at + pixel * ldy + k] = v;
}
