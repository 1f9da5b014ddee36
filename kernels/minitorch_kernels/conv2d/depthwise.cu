// Depthwise convolutions: every channel of x has filters of its own, `times` of them, so there is nothing to share out in
// tiles. Neighbouring threads take neighbouring channels, and read and write side by side.
//
// Everything is channels-last: x (N, H, W, C), y (N, OH, OW, O) with O = C times, w (KH, KW, O).
#include "device.cuh"
#include "divisor.cuh"

// The sizes of a layer, as Python gives them in this order; places are those of the images that threads stand for.
struct Layer {
    int N, C, H, W, times, OH, OW, KH, KW, sy, sx, py, px, dy, dx;
    Divisor by_channels, by_width, by_height, by_times, by_sy, by_sx;
};
#define LAYER                                                                                                          \
    Index N, Index C, Index H, Index W, Index times, Index OH, Index OW, Index KH, Index KW, Index sy, Index sx,       \
        Index py, Index px, Index dy, Index dx, Index by_channels, Index by_width, Index by_height, Index by_times,    \
        Index by_sy, Index by_sx
#define GIVEN                                                                                                          \
    Layer{(int)N, (int)C, (int)H, (int)W, (int)times, (int)OH, (int)OW, (int)KH, (int)KW, (int)sy, (int)sx, (int)py,   \
          (int)px, (int)dy, (int)dx, by_channels, by_width, by_height, by_times, by_sy, by_sx}

// y[n, oy, ox, o] = b[o] + Σ_{ky, kx} w[ky, kx, o] x[n, oy s - p + ky d, ox s - p + kx d, o / times]
// A thread for each result of an image: blockIdx.x counts them, y the images.
extern "C" __global__ void depthwise_forward(
    Global<const REAL> x, Global<const REAL> w, Global<const REAL> bias, Index has_bias, Global<REAL> y, LAYER
) {
    const Layer l = GIVEN;
    const int O = l.C * l.times, results = l.OH * l.OW * O, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= results) return;
    const int place = l.by_channels.quotient(at), o = at - place * O, c = l.by_times.quotient(o);
    const int oy = l.by_width.quotient(place), top = oy * l.sy - l.py, left = (place - oy * l.OW) * l.sx - l.px;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL sum = 0;
        for (int ky = 0; ky < l.KH; ky++)
            for (int kx = 0; kx < l.KW; kx++) {
                const int iy = top + ky * l.dy, ix = left + kx * l.dx;
                const bool inside = 0 <= iy && iy < l.H && 0 <= ix && ix < l.W;
                const REAL seen = inside ? x[((n * l.H + iy) * l.W + ix) * l.C + c] : REAL(0);
                sum += w[(ky * l.KW + kx) * O + o] * seen;
            }
        y[n * results + at] = sum + (has_bias ? bias[o] : REAL(0));
    }
}

// dx[n, iy, ix, c] = Σ_{ky, kx} Σ_{o of c} w[ky, kx, o] dy[n, (iy + p - ky d) / s, (ix + p - kx d) / s, o], over the taps
// for which the place of dy exists. Threads as above.
extern "C" __global__ void depthwise_input_gradient(
    Global<const REAL> dy_, Global<const REAL> w, Global<REAL> dx_, LAYER
) {
    const Layer l = GIVEN;
    const int O = l.C * l.times, results = l.H * l.W * l.C, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= results) return;
    const int place = l.by_channels.quotient(at), c = at - place * l.C, iy = l.by_width.quotient(place);
    const int bottom = iy + l.py, right = place - iy * l.W + l.px;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL sum = 0;
        for (int ky = 0; ky < l.KH; ky++)
            for (int kx = 0; kx < l.KW; kx++) {
                const int ty = bottom - ky * l.dy, tx = right - kx * l.dx;
                if (ty < 0 || tx < 0) continue;
                const int oy = l.by_sy.quotient(ty), ox = l.by_sx.quotient(tx);
                if (oy * l.sy != ty || ox * l.sx != tx || oy >= l.OH || ox >= l.OW) continue;
                const Index from = ((n * l.OH + oy) * l.OW + ox) * O;
                for (int o = c * l.times; o < (c + 1) * l.times; o++)
                    sum += w[(ky * l.KW + kx) * O + o] * dy_[from + o];
            }
        dx_[n * results + at] = sum;
    }
}

// partial[part, o, ky, kx] = Σ_{n, oy, ox} dy[n, oy, ox, o] x[n, oy s - p + ky d, ox s - p + kx d, o / times], over the
// `length` places of one part; add_parts adds the parts. A block takes 32 channels o and one tap: blockIdx.x counts the
// channels, y the taps, z the parts. Its 8 warps take every eighth place, and their sums are added in order.
extern "C" __global__ void __launch_bounds__(256) depthwise_weight_gradient(
    Global<const REAL> dy_, Global<const REAL> x, Index length, Global<REAL> partial, LAYER
) {
    SHARED(REAL, shares, 256);
    const Layer l = GIVEN;
    const int O = l.C * l.times, o = blockIdx.x * 32 + threadIdx.x % 32, c = o / l.times, level = threadIdx.x / 32;
    const int tap = blockIdx.y, ky = tap / l.KW, kx = tap % l.KW;
    const int first = blockIdx.z * (int)length, last = min(first + (int)length, l.N * l.OH * l.OW);
    REAL sum = 0;
    for (int place = first + level; o < O && place < last; place += 8) {
        const int line = l.by_width.quotient(place), n = l.by_height.quotient(line);
        const int iy = (line - n * l.OH) * l.sy - l.py + ky * l.dy, ix = (place - line * l.OW) * l.sx - l.px + kx * l.dx;
        const bool inside = 0 <= iy && iy < l.H && 0 <= ix && ix < l.W;
        sum += dy_[(Index)place * O + o] * (inside ? x[(((Index)n * l.H + iy) * l.W + ix) * l.C + c] : REAL(0));
    }
    shares[threadIdx.x] = sum;
    __syncthreads();
    if (level > 0 || o >= O) return;
    for (int other = 1; other < 8; other++) sum += shares[other * 32 + threadIdx.x];
    partial[((Index)blockIdx.z * O + o) * (l.KH * l.KW) + tap] = sum;
}
