#include "device.cuh"
#include "columns.cuh"

// x is a matrix (M, C): rows are images and places, columns channels. A block keeps to some columns (`Column`). Sums run
// over shares of the rows first, P = gridDim.y of them, and then over the shares. Four numbers are added up as REAL, only
// their sum is carried over to double.

__device__ __forceinline__ REAL pivot_of(Global<const REAL> x, int c) { return isfinite(x[c]) ? x[c] : REAL(0); }

struct Pair {
    REAL first, second;
};

// sums (2, C, P): of first and second of pair_at(at) over a block's share of the places `at` of its columns.
template <class PairAt>
__device__ __forceinline__ void sum_pairs(const Column& column, Global<double> sums, Index M, Index C, PairAt pair_at) {
    double firsts = 0, seconds = 0;
    if (column.valid) {
        const Index step = column.row_step();
        for (Index row = column.first_row(); row < M; row += 4 * step) {
            REAL first = 0, second = 0;
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (row + k * step < M) {
                    const Pair pair = pair_at((row + k * step) * C + column.c);
                    first += pair.first;
                    second += pair.second;
                }
            firsts += first;
            seconds += second;
        }
    }
    firsts = fold(firsts, column.level, column.width, column.height);
    seconds = fold(seconds, column.level, column.width, column.height);
    if (column.valid && column.level == 0) {
        sums[(Index)column.c * gridDim.y + blockIdx.y] = firsts;
        sums[(C + column.c) * gridDim.y + blockIdx.y] = seconds;
    }
}

// sums (2, C, P): of the distances from a value of the channel, and of their squares. A mean far from zero costs no digit.
extern "C" __global__ void moments(Global<const REAL> x, Global<double> sums, Index M, Index C) {
    const Column column((int)C);
    const REAL pivot = column.valid && M ? pivot_of(x, column.c) : REAL(0);
    sum_pairs(column, sums, M, C, [&](Index at) {
        const REAL d = x[at] - pivot;
        return Pair{d, d * d};
    });
}

// From those sums mean, var and rstd = 1 / sqrt(var + eps), all (C), and line (2, C): factor and shift of y = (x - mean)
// factor + shift. A warp for each channel. The shift makes up for what the mean loses when REAL holds it.
extern "C" __global__ void statistics(
    Global<const REAL> x, Global<const double> sums, Global<const REAL> weight, Index weighted, Global<const REAL> bias,
    Index biased, double eps, Global<REAL> mean, Global<REAL> var, Global<REAL> rstd, Global<REAL> line, Index M, Index C,
    Index P
) {
    const int lane = threadIdx.x % 32;
    for (Index c = thread() / 32; c < C; c += threads() / 32) {
        double distance = 0, square = 0;
        for (Index p = lane; p < P; p += 32) {
            distance += sums[c * P + p];
            square += sums[(C + c) * P + p];
        }
        const double count = M ? double(M) : 1.0;
        distance = warp_sum(distance) / count;
        square = warp_sum(square) / count;
        if (lane == 0) {
            const double centre = (M ? pivot_of(x, (int)c) : REAL(0)) + distance;
            double variance = square - distance * distance;
            if (variance < 0) variance = 0;  // by rounding
            const double r = 1 / sqrt(variance + eps), scale = weighted ? weight[c] * r : r;
            const double rounding = (centre - REAL(centre)) * scale, b = biased ? bias[c] : REAL(0);
            mean[c] = REAL(centre);
            var[c] = REAL(variance);
            rstd[c] = REAL(r);
            line[c] = REAL(scale);
            line[C + c] = REAL(isfinite(rounding) ? b - rounding : b);
        }
    }
}

// (x - mean) factor + shift with two roundings, always: the gradient computes it again, and has to find the same bits.
__device__ __forceinline__ REAL on_line(REAL x, REAL mean, REAL factor, REAL shift) { return fma(x - mean, factor, shift); }

// y = (x - mean) factor + shift, plus the residual if `summed`, and cut off at 0 if `relu`.
__device__ __forceinline__ void normalise(
    const Column& column, Global<const REAL> x, REAL mean, REAL factor, REAL shift, Global<const REAL> residual,
    bool summed, bool relu, Global<REAL> y, Index M, Index C
) {
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Index at = row * C + column.c;
        REAL value = on_line(x[at], mean, factor, shift);
        if (summed) value += residual[at];
        y[at] = relu && value <= 0 ? REAL(0) : value;
    }
}

extern "C" __global__ void normalise_by_batch(
    Global<const REAL> x, Global<const REAL> mean, Global<const REAL> line, Global<const REAL> residual, Index summed,
    Index relu, Global<REAL> y, Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const int c = column.c;
    normalise(column, x, mean[c], line[c], line[C + c], residual, summed != 0, relu != 0, y, M, C);
}

extern "C" __global__ void normalise_by_constants(
    Global<const REAL> x, Global<const REAL> mean, Global<const REAL> var, Global<const REAL> weight, Index weighted,
    Global<const REAL> bias, Index biased, double eps, Global<const REAL> residual, Index summed, Index relu,
    Global<REAL> y, Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const int c = column.c;
    const REAL factor = (weighted ? weight[c] : REAL(1)) / sqrt(var[c] + REAL(eps)), shift = biased ? bias[c] : REAL(0);
    normalise(column, x, mean[c], factor, shift, residual, summed != 0, relu != 0, y, M, C);
}

// Where a ReLU was open: everywhere without one; else where its output y is not <= 0, of which either y is given, or the
// line on which x gave it.
enum Relu { NONE, GIVEN_BY_Y, GIVEN_BY_LINE };

struct Gate {
    Global<const REAL> y;
    REAL mean, factor, shift;
    bool always;

    __device__ __forceinline__ Gate(
        Global<const REAL> x, Global<const REAL> mean_of, Global<const REAL> gate, Index relu, int c, Index C
    ) : y(relu == GIVEN_BY_Y ? gate : x), mean(0), factor(1), shift(0), always(relu == NONE) {
        if (relu == GIVEN_BY_LINE) {
            mean = mean_of[c];
            factor = gate[c];
            shift = gate[C + c];
        }
    }
    __device__ __forceinline__ REAL operator()(REAL dy, Index at) const {
        return always || !(on_line(y[at], mean, factor, shift) <= 0) ? dy : REAL(0);
    }
};

// sums (2, C, P): of g, and of g (x - mean), where g = dy, or 0 where the ReLU was closed.
extern "C" __global__ void gradient_sums(
    Global<const REAL> dy, Global<const REAL> x, Global<const REAL> gate, Index relu, Global<const REAL> mean,
    Global<double> sums, Index M, Index C
) {
    const Column column((int)C);
    const int c = column.valid ? column.c : 0;
    const Gate open(x, mean, gate, relu, c, C);
    const REAL centre = mean[c];
    sum_pairs(column, sums, M, C, [&](Index at) {
        const REAL g = open(dy[at], at);
        return Pair{g, g * (x[at] - centre)};
    });
}

// From those sums db, dw and what the gradient of x needs: slopes (3, C), the mean of g, rstd dw / M and rstd weight. A
// warp for each channel. rstd is given, or, if `of_var`, var in its place.
extern "C" __global__ void gradient_statistics(
    Global<const double> sums, Global<const REAL> weight, Index weighted, Global<const REAL> rstd, Index of_var, double eps,
    Global<REAL> dw, Global<REAL> db, Global<REAL> slopes, Index M, Index C, Index P
) {
    const int lane = threadIdx.x % 32;
    for (Index c = thread() / 32; c < C; c += threads() / 32) {
        double total = 0, product = 0;
        for (Index p = lane; p < P; p += 32) {
            total += sums[c * P + p];
            product += sums[(C + c) * P + p];
        }
        total = warp_sum(total);
        product = warp_sum(product);
        if (lane == 0) {
            const double r = of_var ? 1 / sqrt(double(rstd[c]) + eps) : double(rstd[c]), count = M ? double(M) : 1.0;
            db[c] = REAL(total);
            dw[c] = REAL(product * r);
            slopes[c] = REAL(total / count);
            slopes[C + c] = REAL(product * r * r / count);
            slopes[2 * C + c] = REAL(weighted ? r * weight[c] : r);
        }
    }
}

// dx = (g - slopes[0] - (x - mean) slopes[1]) slopes[2], and g slopes[2] where the statistics are constants; g is kept if
// `keep`.
extern "C" __global__ void input_gradient(
    Global<const REAL> dy, Global<const REAL> x, Global<const REAL> gate, Index relu, Global<const REAL> mean,
    Global<const REAL> slopes, Index constant, Global<REAL> dx, Global<REAL> kept, Index keep, Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const Gate open(x, mean, gate, relu, column.c, C);
    const REAL centre = mean[column.c];
    const REAL average = slopes[column.c], tilt = slopes[C + column.c], factor = slopes[2 * C + column.c];
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Index at = row * C + column.c;
        const REAL g = open(dy[at], at);
        if (keep) kept[at] = g;
        dx[at] = (constant ? g : g - average - (x[at] - centre) * tilt) * factor;
    }
}
