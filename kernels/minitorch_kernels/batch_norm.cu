#include "device.cuh"
#include "columns.cuh"

// x is a matrix (M, C): rows are images and places, columns channels. A block keeps to some columns (`Column`). Sums run
// over shares of the rows first, P = gridDim.y of them, and then over the shares. Four numbers are added up as REAL, only
// their sum is carried over to double.

__device__ __forceinline__ REAL pivot_of(Global<const REAL> x, int c) { return isfinite(x[c]) ? x[c] : REAL(0); }

// sums (2, C, P): of the distances from a value of the channel, and of their squares. A mean far from zero costs no digit.
extern "C" __global__ void moments(Global<const REAL> x, Global<double> sums, Index M, Index C) {
    const Column column((int)C);
    const REAL pivot = column.valid && M ? pivot_of(x, column.c) : REAL(0);
    double distances = 0, squares = 0;
    if (column.valid) {
        const Index step = column.row_step();
        for (Index row = column.first_row(); row < M; row += 4 * step) {
            REAL distance = 0, square = 0;
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (row + k * step < M) {
                    const REAL d = x[(row + k * step) * C + column.c] - pivot;
                    distance += d;
                    square += d * d;
                }
            distances += distance;
            squares += square;
        }
    }
    distances = fold(distances, column.level, column.width, column.height);
    squares = fold(squares, column.level, column.width, column.height);
    if (column.valid && column.level == 0) {
        sums[(Index)column.c * gridDim.y + blockIdx.y] = distances;
        sums[(C + column.c) * gridDim.y + blockIdx.y] = squares;
    }
}

// From those sums mean, var, rstd = 1 / sqrt(var + eps) and what turns x into y = (x - mean) factor + shift, all (C); a
// warp for each channel. The shift makes up for what the mean loses when REAL holds it.
extern "C" __global__ void statistics(
    Global<const REAL> x, Global<const double> sums, Global<const REAL> weight, Index weighted, Global<const REAL> bias,
    Index biased, double eps, Global<REAL> mean, Global<REAL> var, Global<REAL> rstd, Global<REAL> factor,
    Global<REAL> shift, Index M, Index C, Index P
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
            factor[c] = REAL(scale);
            shift[c] = REAL(isfinite(rounding) ? b - rounding : b);
        }
    }
}

// y = (x - mean) factor + shift, plus the residual if `summed`, and cut off at 0 if `relu`.
__device__ __forceinline__ void normalise(
    const Column& column, Global<const REAL> x, REAL mean, REAL factor, REAL shift, Global<const REAL> residual,
    bool summed, bool relu, Global<REAL> y, Index M, Index C
) {
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Index at = row * C + column.c;
        REAL value = (x[at] - mean) * factor + shift;
        if (summed) value += residual[at];
        y[at] = relu && value <= 0 ? REAL(0) : value;
    }
}

extern "C" __global__ void normalise_by_batch(
    Global<const REAL> x, Global<const REAL> mean, Global<const REAL> factor, Global<const REAL> shift,
    Global<const REAL> residual, Index summed, Index relu, Global<REAL> y, Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const int c = column.c;
    normalise(column, x, mean[c], factor[c], shift[c], residual, summed != 0, relu != 0, y, M, C);
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

// sums (2, C, P): of g, and of g (x - mean), where g = dy, or 0 where a ReLU whose output is `gate` was closed.
extern "C" __global__ void gradient_sums(
    Global<const REAL> dy, Global<const REAL> x, Global<const REAL> gate, Index relu, Global<const REAL> mean,
    Global<double> sums, Index M, Index C
) {
    const Column column((int)C);
    double total = 0, products = 0;
    if (column.valid) {
        const Index step = column.row_step();
        const REAL centre = mean[column.c];
        for (Index row = column.first_row(); row < M; row += 4 * step) {
            REAL g_sum = 0, product = 0;
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (row + k * step < M) {
                    const Index at = (row + k * step) * C + column.c;
                    const REAL g = relu && gate[at] <= 0 ? REAL(0) : dy[at];
                    g_sum += g;
                    product += g * (x[at] - centre);
                }
            total += g_sum;
            products += product;
        }
    }
    total = fold(total, column.level, column.width, column.height);
    products = fold(products, column.level, column.width, column.height);
    if (column.valid && column.level == 0) {
        sums[(Index)column.c * gridDim.y + blockIdx.y] = total;
        sums[(C + column.c) * gridDim.y + blockIdx.y] = products;
    }
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
    const REAL centre = mean[column.c];
    const REAL average = slopes[column.c], tilt = slopes[C + column.c], factor = slopes[2 * C + column.c];
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Index at = row * C + column.c;
        const REAL g = relu && gate[at] <= 0 ? REAL(0) : dy[at];
        if (keep) kept[at] = g;
        dx[at] = (constant ? g : g - average - (x[at] - centre) * tilt) * factor;
    }
}
