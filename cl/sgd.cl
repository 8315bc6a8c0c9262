/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sgd: v = momentum*v - rate*dw; w = w + v, in place.
 *
 * w, v, dw [count].  Built with -D VEC.  A work-item updates `span` elements in
 * a row, a multiple of VEC, by vectors and then one by one.  Memory-bound:
 * three loads and two stores an element.  The same on every run and grid.
 */
kernel void sgd(global float *restrict w, int w_at, global float *restrict v,
                int v_at, global const float *restrict dw, int dw_at,
                int count, int span, float momentum, float rate)
{
    const int first = get_global_id(0) * span;
    const int last = min(first + span, count);
    int i = first;

    w += w_at;
    v += v_at;
    dw += dw_at;
    for (; i + VEC <= last; i += VEC) {
        const FLOATV step = momentum * LOADV(v + i) - rate * LOADV(dw + i);

        STOREV(step, v + i);
        STOREV(LOADV(w + i) + step, w + i);
    }
    for (; i < last; i++) {
        const float step = momentum * v[i] - rate * dw[i];

        v[i] = step;
        w[i] += step;
    }
}
