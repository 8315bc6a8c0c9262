/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One work-item per image over (N), which takes its K classes in order, so that
 * results are the same on every run.  The work is too small to be worth more.
 */

/* The largest of K logits; a NaN among them makes the sum below NaN. */
float largest(global const float *x, int K)
{
    float m = x[0];

    for (int k = 1; k < K; k++)
        if (x[k] > m)
            m = x[k];
    return m;
}

float exp_sum(global const float *x, int K, float m)
{
    float sum = 0.0f;

    for (int k = 0; k < K; k++)
        sum += exp(x[k] - m);
    return sum;
}

/* softmax_fwd: y[n,k] = exp(x[n,k] - m) / sum over j of exp(x[n,j] - m).
 * y, x [N,K] with ldy, ldx elements an image. */
kernel void softmax_fwd(global float *restrict y, int y_at,
                        global const float *restrict x, int x_at, int N, int K,
                        int ldy, int ldx)
{
    const int n = get_global_id(0);
    global const float *from = x + x_at + n * ldx;
    global float *to = y + y_at + n * ldy;

    if (n >= N)
        return; /* the grid is rounded up to whole work-groups */

    const float m = largest(from, K);
    const float sum = exp_sum(from, K, m);

    for (int k = 0; k < K; k++)
        to[k] = exp(from[k] - m) / sum;
}

/* Whether the first largest logit, or the first NaN, is the label's. */
bool is_hit(global const float *x, int K, int label)
{
    int best = 0;

    for (int k = 1; k < K; k++)
        if (x[k] > x[best] || (isnan(x[k]) && !isnan(x[best])))
            best = k;
    return best == label;
}

/*
 * loss_fwd: loss[n] = log(sum over j of exp(x[n,j] - m)) - (x[n,label] - m),
 * NaN for a label that is not a class; hit[n] = 1 where the label is the
 * argmax.
 * loss [N], hit [N], x [N,K], label [N].
 */
kernel void loss_fwd(global float *restrict loss, int loss_at,
                     global uchar *restrict hit, int hit_at,
                     global const float *restrict x, int x_at,
                     global const uchar *restrict label, int label_at, int N,
                     int K, int ldloss, int ldhit, int ldx, int ldlabel)
{
    const int n = get_global_id(0);
    global const float *from = x + x_at + n * ldx;

    if (n >= N)
        return;

    const int right = label[label_at + n * ldlabel];
    const float m = largest(from, K);
    const float sum = exp_sum(from, K, m);

    loss[loss_at + n * ldloss] =
        right < K ? log(sum) - (from[right] - m) : NAN;
    hit[hit_at + n * ldhit] = is_hit(from, K, right);
}

/* loss_bwd: dx[n,k] = (y[n,k] - (k == label[n])) * scale.
 * dx, y [N,K], label [N]. */
kernel void loss_bwd(global float *restrict dx, int dx_at,
                     global const float *restrict y, int y_at,
                     global const uchar *restrict label, int label_at, int N,
                     int K, int lddx, int ldy, int ldlabel, float scale)
{
    const int n = get_global_id(0);

    if (n >= N)
        return;

    const int right = label[label_at + n * ldlabel];

    for (int k = 0; k < K; k++) {
        const float p = y[y_at + n * ldy + k];

        dx[dx_at + n * lddx + k] = (k == right ? p - 1.0f : p) * scale;
    }
}
