// The convolution and its gradients as matrix products whose factors are read where they lie: no window is copied.
//
// Everything is channels-last: x (N, H, W, C), y (N, OH, OW, O), w (O, KH, KW, C/g). A block takes a tile of a group.
#include "device.cuh"
#include "copies.cuh"
#include "divisor.cuh"
#include "tensor_cores.cuh"
#include "tiles.cuh"

// The sizes of a layer, as Python gives them in this order; C and O are those of one group, of `groups`. The divisors are
// KW, the strides, the channels that a sum goes over, and the size and width of the images that it stands for places in.
struct Layer {
    int N, groups, C, H, W, O, OH, OW, KH, KW, sy, sx, py, px, dy, dx;
    Divisor by_KW, by_sy, by_sx, by_channels, by_image, by_width;
    __device__ __forceinline__ int taps() const { return KH * KW; }
    __device__ __forceinline__ Index x_at(Index image, int y, int x) const {  // where the channels of a place begin
        return ((image * H + y) * W + x) * groups * C;
    }
    __device__ __forceinline__ Index y_at(Index image, int y, int x) const {
        return ((image * OH + y) * OW + x) * groups * O;
    }
};
#define LAYER                                                                                                          \
    Index N, Index groups, Index C, Index H, Index W, Index O, Index OH, Index OW, Index KH, Index KW, Index sy,       \
        Index sx, Index py, Index px, Index dy, Index dx, Index by_KW, Index by_sy, Index by_sx, Index by_channels,    \
        Index by_image, Index by_width
#define GIVEN                                                                                                          \
    Layer{(int)N, (int)groups, (int)C, (int)H, (int)W, (int)O, (int)OH, (int)OW, (int)KH, (int)KW, (int)sy, (int)sx,   \
          (int)py, (int)px, (int)dy, (int)dx, by_KW, by_sy, by_sx, by_channels, by_image, by_width}

// A place in the images that the rows of a product stand for: row = (image, y, x).
struct Place {
    int image, y, x;  // image < 0 behind the last
};
__device__ __forceinline__ Place place_of(const Layer& l, int row, int count, int H, int W) {
    if (row >= count) return {-1, 0, 0};
    const int image = l.by_image.quotient(row), line = l.by_width.quotient(row);
    return {image, line - image * H, row - line * W};
}

// A number in the depth of a sum over taps and channels: k = (ky, kx, channel).
struct Tap {
    int ky, kx, channel;
};
__device__ __forceinline__ Tap tap_of(const Layer& l, int k, int channels) {
    const int tap = l.by_channels.quotient(k), ky = l.by_KW.quotient(tap);
    return {ky, tap - ky * l.KW, k - tap * channels};
}

// y[(n, oy, ox), o] = Σ_{ky, kx, c} x[n, oy s - p + ky d, ox s - p + kx d, c] w[o, ky, kx, c]
template <class Table> struct Forward {
    static constexpr bool A_ALONG_K = true, B_ALONG_K = true;
    Layer l;
    Global<const REAL> left, right;  // x and w
    bool a_wide, b_wide;
    Table& places;  // of y
    int group, column;
    __device__ __forceinline__ Index a(int i, int k) const {
        const Tap tap = tap_of(l, k, l.C);
        const Place at = places[i];
        const int y = at.y * l.sy - l.py + tap.ky * l.dy, x = at.x * l.sx - l.px + tap.kx * l.dx;
        if (at.image < 0 || y < 0 || y >= l.H || x < 0 || x >= l.W) return -1;
        return l.x_at(at.image, y, x) + group * l.C + tap.channel;
    }
    __device__ __forceinline__ Index b(int j, int k) const {
        return column + j < l.O ? (Index)(group * l.O + column + j) * (l.taps() * l.C) + k : -1;
    }
};

template <class Tile>
__device__ __forceinline__ void forward(
    Layer l, Global<const REAL> x, Global<const REAL> w, Global<const REAL> bias, bool has_bias, Global<REAL> y
) {
    SHARED(REAL, a_panels, Tile::A_PANELS);
    SHARED(REAL, b_panels, Tile::B_PANELS);
    SHARED(Place, table, Tile::ROWS);
    const int rows = l.N * l.OH * l.OW;
    const Task<Tile> task(rows, l.O);
    for (int i = threadIdx.x; i < Tile::ROWS; i += Tile::THREADS) table[i] = place_of(l, task.row + i, rows, l.OH, l.OW);
    __syncthreads();
    const bool of_fours = l.C % 4 == 0;
    const Forward<decltype(table)> of{
        l, x, w, of_fours && starts_evenly(x), of_fours && starts_evenly(w), table, task.batch, task.column
    };
    Tile tile;
    sum(tile, of, 0, l.taps() * l.C, a_panels, b_panels);
    tile.each(of, [&](int i, int j, REAL value) {
        const int row = task.row + i, channel = task.batch * l.O + task.column + j;
        if (row < rows && task.column + j < l.O)
            y[(Index)row * (l.groups * l.O) + channel] = value + (has_bias ? bias[channel] : REAL(0));
    });
}

// dx[(n, iy, ix), c] = Σ_{ky, kx, o} dy[n, (iy + p - ky d) / s, (ix + p - kx d) / s, o] w[o, ky, kx, c], over the taps
// for which the place of dy exists.
template <class Table> struct InputGradient {
    static constexpr bool A_ALONG_K = true, B_ALONG_K = false;
    Layer l;
    Global<const REAL> left, right;  // dy and w
    bool a_wide, b_wide;
    Table& places;  // of dx
    int group, column;
    __device__ __forceinline__ Index a(int i, int k) const {
        const Tap tap = tap_of(l, k, l.O);
        const Place at = places[i];
        const int ty = at.y + l.py - tap.ky * l.dy, tx = at.x + l.px - tap.kx * l.dx;
        if (at.image < 0 || ty < 0 || tx < 0) return -1;
        const int oy = l.by_sy.quotient(ty), ox = l.by_sx.quotient(tx);
        if (oy * l.sy != ty || ox * l.sx != tx || oy >= l.OH || ox >= l.OW) return -1;
        return l.y_at(at.image, oy, ox) + group * l.O + tap.channel;
    }
    __device__ __forceinline__ Index b(int j, int k) const {
        const Tap tap = tap_of(l, k, l.O);
        if (column + j >= l.C) return -1;
        return ((Index)(group * l.O + tap.channel) * l.taps() + tap.ky * l.KW + tap.kx) * l.C + column + j;
    }
    // One sum, without the taps that saw nothing: 0 · Inf would make NaN of them.
    __device__ __forceinline__ REAL exactly(int i, int j) const {
        REAL sum = 0;
        for (int k = 0; k < l.taps() * l.O; k++) {
            const Index seen = a(i, k);
            if (seen >= 0) sum += left[seen] * right[b(j, k)];
        }
        return sum;
    }
};

template <class Tile>
__device__ __forceinline__ void input_gradient(Layer l, Global<const REAL> dy, Global<const REAL> w, Global<REAL> dx) {
    SHARED(REAL, a_panels, Tile::A_PANELS);
    SHARED(REAL, b_panels, Tile::B_PANELS);
    SHARED(Place, table, Tile::ROWS);
    const int rows = l.N * l.H * l.W;
    const Task<Tile> task(rows, l.C);
    for (int i = threadIdx.x; i < Tile::ROWS; i += Tile::THREADS) table[i] = place_of(l, task.row + i, rows, l.H, l.W);
    __syncthreads();
    const InputGradient<decltype(table)> of{
        l, dy, w, l.O % 4 == 0 && starts_evenly(dy), l.C % 4 == 0 && starts_evenly(w), table, task.batch, task.column
    };
    auto write = [&](int i, int j, REAL value) {
        if (task.row + i < rows && task.column + j < l.C)
            dx[(Index)(task.row + i) * (l.groups * l.C) + task.batch * l.C + task.column + j] = value;
    };
    Tile tile;
    sum(tile, of, 0, l.taps() * l.O, a_panels, b_panels);
    bool finite = true;  // a weight that is not makes none of its column
    tile.each(of, [&](int, int, REAL value) { finite &= bool(isfinite(value)); });
    if (__syncthreads_and(finite)) {
        tile.each(of, write);
        return;
    }
    for (int at = threadIdx.x; at < Tile::ROWS * Tile::COLUMNS; at += Tile::THREADS) {
        const int i = at / Tile::COLUMNS, j = at % Tile::COLUMNS;
        if (task.column + j < l.C) write(i, j, of.exactly(i, j));
    }
}

// dw[o, (ky, kx, c)] = Σ_{n, oy, ox} dy[n, oy, ox, o] x[n, oy s - p + ky d, ox s - p + kx d, c], over one part of the
// places, `length` of them; add_parts adds the parts.
template <class Table> struct WeightGradient {
    static constexpr bool A_ALONG_K = false, B_ALONG_K = false;
    Layer l;
    Global<const REAL> left, right;  // dy and x
    bool a_wide, b_wide;
    Table& taps;  // of the tile's columns
    int group, row;
    __device__ __forceinline__ Index a(int i, int k) const {
        return row + i < l.O ? (Index)k * (l.groups * l.O) + group * l.O + row + i : -1;
    }
    __device__ __forceinline__ Index b(int j, int k) const {
        const Tap tap = taps[j];
        const Place at = place_of(l, k, l.N * l.OH * l.OW, l.OH, l.OW);
        const int y = at.y * l.sy - l.py + tap.ky * l.dy, x = at.x * l.sx - l.px + tap.kx * l.dx;
        if (tap.ky >= l.KH || y < 0 || y >= l.H || x < 0 || x >= l.W) return -1;
        return l.x_at(at.image, y, x) + group * l.C + tap.channel;
    }
};

// partial (parts, groups O, KH KW C)
template <class Tile>
__device__ __forceinline__ void weight_gradient(
    Layer l, Global<const REAL> dy, Global<const REAL> x, Index length, Global<REAL> partial
) {
    SHARED(REAL, a_panels, Tile::A_PANELS);
    SHARED(REAL, b_panels, Tile::B_PANELS);
    SHARED(Tap, table, Tile::COLUMNS);
    const int places = l.N * l.OH * l.OW, columns = l.taps() * l.C;
    const Task<Tile> task(l.O, columns);
    for (int j = threadIdx.x; j < Tile::COLUMNS; j += Tile::THREADS) table[j] = tap_of(l, task.column + j, l.C);
    __syncthreads();
    const int group = task.batch % l.groups, first = task.batch / l.groups * (int)length;
    const WeightGradient<decltype(table)> of{
        l, dy, x, l.O % 4 == 0 && starts_evenly(dy), l.C % 4 == 0 && starts_evenly(x), table, group, task.row
    };
    Tile tile;
    sum(tile, of, first, min(first + (int)length, places), a_panels, b_panels);
    tile.each(of, [&](int i, int j, REAL value) {
        const int o = task.row + i, tap = task.column + j;
        if (o < l.O && tap < columns) partial[((Index)task.batch * l.O + o) * columns + tap] = value;
    });
}

#define FORWARD Global<const REAL> x, Global<const REAL> w, Global<const REAL> bias, Index has_bias, Global<REAL> y, LAYER
#define FORWARD_GIVEN GIVEN, x, w, bias, has_bias, y
#define INPUT Global<const REAL> dy_, Global<const REAL> w, Global<REAL> dx_, LAYER
#define INPUT_GIVEN GIVEN, dy_, w, dx_
#define WEIGHT Global<const REAL> dy_, Global<const REAL> x, Index length, Global<REAL> partial, LAYER
#define WEIGHT_GIVEN GIVEN, dy_, x, length, partial

extern "C" __global__ void __launch_bounds__(64, 8) forward_tiny(FORWARD) { forward<Tiny>(FORWARD_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) forward_narrow(FORWARD) { forward<Narrow>(FORWARD_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) forward_small(FORWARD) { forward<Small>(FORWARD_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 1) forward_large(FORWARD) { forward<Large>(FORWARD_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) forward_tf32_small(FORWARD) {
    forward<Rounding<REAL>::Tf32Small>(FORWARD_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) forward_tf32_large(FORWARD) {
    forward<Rounding<REAL>::Tf32Large>(FORWARD_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) forward_bf16_small(FORWARD) {
    forward<Rounding<REAL>::Bf16Small>(FORWARD_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) forward_bf16_large(FORWARD) {
    forward<Rounding<REAL>::Bf16Large>(FORWARD_GIVEN);
}

extern "C" __global__ void __launch_bounds__(64, 8) input_gradient_tiny(INPUT) { input_gradient<Tiny>(INPUT_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) input_gradient_narrow(INPUT) { input_gradient<Narrow>(INPUT_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) input_gradient_small(INPUT) { input_gradient<Small>(INPUT_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 1) input_gradient_large(INPUT) { input_gradient<Large>(INPUT_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) input_gradient_tf32_small(INPUT) {
    input_gradient<Rounding<REAL>::Tf32Small>(INPUT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) input_gradient_tf32_large(INPUT) {
    input_gradient<Rounding<REAL>::Tf32Large>(INPUT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) input_gradient_bf16_small(INPUT) {
    input_gradient<Rounding<REAL>::Bf16Small>(INPUT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) input_gradient_bf16_large(INPUT) {
    input_gradient<Rounding<REAL>::Bf16Large>(INPUT_GIVEN);
}

extern "C" __global__ void __launch_bounds__(64, 8) weight_gradient_tiny(WEIGHT) { weight_gradient<Tiny>(WEIGHT_GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) weight_gradient_narrow(WEIGHT) {
    weight_gradient<Narrow>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) weight_gradient_small(WEIGHT) {
    weight_gradient<Small>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) weight_gradient_large(WEIGHT) {
    weight_gradient<Large>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) weight_gradient_tf32_small(WEIGHT) {
    weight_gradient<Rounding<REAL>::Tf32Small>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) weight_gradient_tf32_large(WEIGHT) {
    weight_gradient<Rounding<REAL>::Tf32Large>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) weight_gradient_bf16_small(WEIGHT) {
    weight_gradient<Rounding<REAL>::Bf16Small>(WEIGHT_GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) weight_gradient_bf16_large(WEIGHT) {
    weight_gradient<Rounding<REAL>::Bf16Large>(WEIGHT_GIVEN);
}
