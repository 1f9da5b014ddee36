// The convolution and its gradients as matrix products whose factors are read where they lie: no window is copied.
//
// Everything is channels-last: x (N, H, W, C), y (N, OH, OW, O), w (O, KH, KW, C/g). blockIdx.z counts the groups.
#include "device.cuh"
#include "tiles.cuh"

// The sizes of a layer, as Python gives them in this order; C and O are those of one group, of `groups`.
struct Layer {
    Index N;
    int groups, C, H, W, O, OH, OW, KH, KW, sy, sx, py, px, dy, dx;
};
#define LAYER                                                                                                          \
    Index N, Index groups, Index C, Index H, Index W, Index O, Index OH, Index OW, Index KH, Index KW, Index sy,       \
        Index sx, Index py, Index px, Index dy, Index dx
#define GIVEN                                                                                                          \
    Layer{N, (int)groups, (int)C, (int)H, (int)W, (int)O, (int)OH, (int)OW, (int)KH, (int)KW, (int)sy, (int)sx,        \
          (int)py, (int)px, (int)dy, (int)dx}

// A position of an image, by rows of a tile: the image's first number, and where the window begins.
struct Position {
    Index image;
    int y, x;
};

// y[(n, oy, ox), o] = Σ_{ky, kx, c} x[n, oy s - p + ky d, ox s - p + kx d, c] w[o, ky, kx, c]
template <class Positions> struct Forward {
    static constexpr bool A_ALONG_K = true, B_ALONG_K = true;
    Layer l;
    Global<const REAL> x, w;
    Positions& positions;  // of the tile's rows
    int group, column;
    __device__ __forceinline__ REAL a(int i, Index k) const {
        const int c = k % l.C, tap = k / l.C, kx = tap % l.KW, ky = tap / l.KW;
        const Position at = positions[i];
        const int iy = at.y + ky * l.dy, ix = at.x + kx * l.dx;
        const bool inside = at.image >= 0 && 0 <= iy && iy < l.H && 0 <= ix && ix < l.W;
        return inside ? x[at.image + ((Index)iy * l.W + ix) * (l.groups * l.C) + group * l.C + c] : REAL(0);
    }
    __device__ __forceinline__ REAL b(int j, Index k) const {
        return column + j < l.O ? w[(Index)(group * l.O + column + j) * (l.KH * l.KW * l.C) + k] : REAL(0);
    }
};

template <class Tile>
__device__ __forceinline__ void forward(
    Layer l, Global<const REAL> x, Global<const REAL> w, Global<const REAL> bias, bool has_bias, Global<REAL> y
) {
    constexpr int SIDE = Tile::SIDE;
    SHARED(REAL, a_step, Tile::STEP);
    SHARED(REAL, b_step, Tile::STEP);
    SHARED(Position, positions, SIDE);
    const Index row = (Index)blockIdx.y * SIDE, rows = l.N * l.OH * l.OW;
    const int group = blockIdx.z, column = blockIdx.x * SIDE;
    for (int i = threadIdx.x; i < SIDE; i += THREADS) {
        const Index m = row + i, n = m / (l.OH * l.OW);
        const int oy = m / l.OW % l.OH, ox = m % l.OW;
        positions[i] = {m < rows ? n * l.H * l.W * l.groups * l.C : -1, oy * l.sy - l.py, ox * l.sx - l.px};
    }
    __syncthreads();
    Forward<decltype(positions)> of{l, x, w, positions, group, column};
    Tile tile;
    tile.sum(of, 0, (Index)l.KH * l.KW * l.C, a_step, b_step);
    tile.each([&](int i, int j, REAL value) {
        const int channel = group * l.O + column + j;
        if (row + i < rows && column + j < l.O)
            y[(row + i) * (l.groups * l.O) + channel] = value + (has_bias ? bias[channel] : REAL(0));
    });
}

// dx[(n, iy, ix), c] = Σ_{ky, kx, o} dy[n, (iy + p - ky d) / s, (ix + p - kx d) / s, o] w[o, ky, kx, c], over the taps
// for which the position of dy exists.
template <class Positions> struct InputGradient {
    static constexpr bool A_ALONG_K = true, B_ALONG_K = false;
    Layer l;
    Global<const REAL> dy, w;
    Positions& positions;
    int group, column;
    bool finite;  // until this thread met a weight that is not
    __device__ __forceinline__ Index seen(Position at, int ky, int kx) const {  // where dy of a tap lies, or -1
        const int ty = at.y - ky * l.dy, tx = at.x - kx * l.dx;
        if (at.image < 0 || ty < 0 || tx < 0 || ty % l.sy || tx % l.sx || ty / l.sy >= l.OH || tx / l.sx >= l.OW) return -1;
        return at.image + ((Index)(ty / l.sy) * l.OW + tx / l.sx) * (l.groups * l.O) + group * l.O;
    }
    __device__ __forceinline__ Index weight(int o, int tap, int c) const {
        return ((Index)(group * l.O + o) * (l.KH * l.KW) + tap) * l.C + c;
    }
    __device__ __forceinline__ REAL a(int i, Index k) const {
        const int o = k % l.O, tap = k / l.O;
        const Index from = seen(positions[i], tap / l.KW, tap % l.KW);
        return from < 0 ? REAL(0) : dy[from + o];
    }
    __device__ __forceinline__ REAL b(int j, Index k) {
        if (column + j >= l.C) return REAL(0);
        const REAL value = w[weight(k % l.O, k / l.O, column + j)];
        finite &= isfinite(value);
        return value;
    }
    // The sum without the taps that saw nothing: 0 · Inf would make NaN of them.
    __device__ __forceinline__ REAL one_by_one(int i, int c) const {
        REAL sum = 0;
        for (int tap = 0; tap < l.KH * l.KW; tap++) {
            const Index from = seen(positions[i], tap / l.KW, tap % l.KW);
            for (int o = 0; from >= 0 && o < l.O; o++) sum += dy[from + o] * w[weight(o, tap, c)];
        }
        return sum;
    }
};

template <class Tile>
__device__ __forceinline__ void input_gradient(Layer l, Global<const REAL> dy, Global<const REAL> w, Global<REAL> dx) {
    constexpr int SIDE = Tile::SIDE;
    SHARED(REAL, a_step, Tile::STEP);
    SHARED(REAL, b_step, Tile::STEP);
    SHARED(Position, positions, SIDE);
    const Index row = (Index)blockIdx.y * SIDE, rows = l.N * l.H * l.W;
    const int group = blockIdx.z, column = blockIdx.x * SIDE;
    for (int i = threadIdx.x; i < SIDE; i += THREADS) {
        const Index m = row + i, n = m / (l.H * l.W);
        const int iy = m / l.W % l.H, ix = m % l.W;
        positions[i] = {m < rows ? n * l.OH * l.OW * l.groups * l.O : -1, iy + l.py, ix + l.px};
    }
    __syncthreads();
    InputGradient<decltype(positions)> of{l, dy, w, positions, group, column, true};
    Tile tile;
    tile.sum(of, 0, (Index)l.KH * l.KW * l.O, a_step, b_step);
    const bool finite = __syncthreads_and(of.finite);
    tile.each([&](int i, int j, REAL value) {
        if (finite && row + i < rows && column + j < l.C)
            dx[(row + i) * (l.groups * l.C) + group * l.C + column + j] = value;
    });
    for (int place = threadIdx.x; !finite && place < SIDE * SIDE; place += THREADS) {
        const int i = place / SIDE, c = column + place % SIDE;
        if (row + i < rows && c < l.C) dx[(row + i) * (l.groups * l.C) + group * l.C + c] = of.one_by_one(i, c);
    }
}

// dw[o, (ky, kx, c)] = Σ_{n, oy, ox} dy[n, oy, ox, o] x[n, oy s - p + ky d, ox s - p + kx d, c], over one part of the
// positions; the parts are added by add_parts.
struct Tap {
    int y, x, c;  // how far from the window's begin, and the channel; c < 0 outside of the tile
};
template <class Taps> struct WeightGradient {
    static constexpr bool A_ALONG_K = false, B_ALONG_K = false;
    Layer l;
    Global<const REAL> dy, x;
    Taps& taps;  // of the tile's columns
    int group, row;
    __device__ __forceinline__ REAL a(int i, Index k) const {
        return row + i < l.O ? dy[k * (l.groups * l.O) + group * l.O + row + i] : REAL(0);
    }
    __device__ __forceinline__ REAL b(int j, Index k) const {
        const Tap tap = taps[j];
        const Index n = k / (l.OH * l.OW);
        const int oy = k / l.OW % l.OH, ox = k % l.OW;
        const int iy = oy * l.sy - l.py + tap.y, ix = ox * l.sx - l.px + tap.x;
        const bool inside = tap.c >= 0 && 0 <= iy && iy < l.H && 0 <= ix && ix < l.W;
        return inside ? x[((n * l.H + iy) * l.W + ix) * (l.groups * l.C) + group * l.C + tap.c] : REAL(0);
    }
};

// partial (parts, groups O, KH KW C); blockIdx.z = part groups + group.
template <class Tile>
__device__ __forceinline__ void weight_gradient(
    Layer l, Global<const REAL> dy, Global<const REAL> x, Index parts, Global<REAL> partial
) {
    constexpr int SIDE = Tile::SIDE;
    SHARED(REAL, a_step, Tile::STEP);
    SHARED(REAL, b_step, Tile::STEP);
    SHARED(Tap, taps, SIDE);
    const int group = blockIdx.z % l.groups, part = blockIdx.z / l.groups, row = blockIdx.y * SIDE;
    const int column = blockIdx.x * SIDE, columns = l.KH * l.KW * l.C;
    for (int j = threadIdx.x; j < SIDE; j += THREADS) {
        const int k = column + j, tap = k / l.C;
        taps[j] = {tap / l.KW * l.dy, tap % l.KW * l.dx, k < columns ? k % l.C : -1};
    }
    __syncthreads();
    WeightGradient<decltype(taps)> of{l, dy, x, taps, group, row};
    const Index positions = l.N * l.OH * l.OW;
    Tile tile;
    tile.sum(of, positions * part / parts, positions * (part + 1) / parts, a_step, b_step);
    tile.each([&](int i, int j, REAL value) {
        if (row + i < l.O && column + j < columns)
            partial[((Index)(part * l.groups + group) * l.O + row + i) * columns + column + j] = value;
    });
}

#define FORWARD Global<const REAL> x, Global<const REAL> w, Global<const REAL> bias, Index has_bias, Global<REAL> y, LAYER
#define INPUT Global<const REAL> dy_, Global<const REAL> w, Global<REAL> dx_, LAYER
#define WEIGHT Global<const REAL> dy_, Global<const REAL> x, Index parts, Global<REAL> partial, LAYER

extern "C" __global__ void __launch_bounds__(256) forward_small(FORWARD) { forward<Small>(GIVEN, x, w, bias, has_bias, y); }
extern "C" __global__ void __launch_bounds__(256) input_gradient_small(INPUT) { input_gradient<Small>(GIVEN, dy_, w, dx_); }
extern "C" __global__ void __launch_bounds__(256) weight_gradient_small(WEIGHT) {
    weight_gradient<Small>(GIVEN, dy_, x, parts, partial);
}

extern "C" __global__ void __launch_bounds__(256) forward_large(FORWARD) { forward<Large>(GIVEN, x, w, bias, has_bias, y); }
extern "C" __global__ void __launch_bounds__(256) input_gradient_large(INPUT) { input_gradient<Large>(GIVEN, dy_, w, dx_); }
extern "C" __global__ void __launch_bounds__(256) weight_gradient_large(WEIGHT) {
    weight_gradient<Large>(GIVEN, dy_, x, parts, partial);
}

extern "C" __global__ void __launch_bounds__(256) forward_tf32(FORWARD) { forward<Tensor>(GIVEN, x, w, bias, has_bias, y); }
extern "C" __global__ void __launch_bounds__(256) input_gradient_tf32(INPUT) { input_gradient<Tensor>(GIVEN, dy_, w, dx_); }
extern "C" __global__ void __launch_bounds__(256) weight_gradient_tf32(WEIGHT) {
    weight_gradient<Tensor>(GIVEN, dy_, x, parts, partial);
}

// sum[i] = Σ_part partial[part, i], in the order of the parts; n numbers in each.
extern "C" __global__ void add_parts(Global<const REAL> partial, Index parts, Global<REAL> sum, Index n) {
    for (Index i = thread(); i < n; i += threads()) {
        REAL total = partial[i];
        for (Index part = 1; part < parts; part++) total += partial[part * n + i];
        sum[i] = total;
    }
}
