#include "device.cuh"
#include "columns.cuh"

// x is (N, L, C): L places, channels fastest, groups of `size` neighbouring channels. A block takes so many groups of an
// image that it has about 32 channels, its threads side by side over these channels and then over the places. The second
// look at x finds it in the cache.
struct Part {
    int channels, first, width, height, slot, level;
    Index image;

    __device__ Part(int size, int groups, int in_block) {
        const int blocks = (groups + in_block - 1) / in_block, block = (int)(blockIdx.x % blocks);
        image = blockIdx.x / blocks;
        channels = min(in_block, groups - block * in_block) * size;
        first = block * in_block * size;
        width = min(channels, THREADS);
        height = THREADS / width;
        slot = threadIdx.x % width;
        level = threadIdx.x / width;
    }

    // The sum of what the threads of each group have, in all of them; groups are at most as wide as the block, or are
    // the block.
    __device__ double over_groups(double value, int size) const {
        SHARED(double, sums, THREADS);
        const int extent = min(size, width), member = slot % extent;
        value = fold(value, level < height ? level : -1, width, height);
        value = fold(value, level == 0 ? member : -1, 1, extent);
        sums[threadIdx.x] = value;
        __syncthreads();
        value = sums[slot - member];
        __syncthreads();
        return value;
    }
};

// y = (x - mean) rstd weight + bias, with mean and variance of each group and rstd = 1 / sqrt(var + eps): x, y (N, L, C)
// -> mean, var, rstd (N, groups). Distances from a value of the group are added up, and their squares, both in double:
// a mean far from zero costs no digit.
extern "C" __global__ void normalise_groups(
    Global<const REAL> x, Global<const REAL> weight, Index weighted, Global<const REAL> bias, Index biased, double eps,
    Global<REAL> y, Global<REAL> mean, Global<REAL> var, Global<REAL> rstd, Index L, Index C, Index groups_,
    Index in_block
) {
    const int groups = (int)groups_, size = (int)C / groups;
    const Part part(size, groups, (int)in_block);
    const Index start = part.image * L * C;
    const int g = (part.first + part.slot) / size;
    const REAL value = L ? x[start + g * size] : REAL(0), pivot = isfinite(value) ? value : REAL(0);
    double distance = 0, square = 0;
    if (part.level < part.height)
        for (int k = part.slot; k < part.channels; k += part.width)
            for (Index l = part.level; l < L; l += part.height) {
                const double d = double(x[start + l * C + part.first + k]) - double(pivot);
                distance += d;
                square += d * d;
            }
    const double count = L ? double(L) * size : 1.0;
    distance = part.over_groups(distance, size) / count;
    square = part.over_groups(square, size) / count;
    double variance = square - distance * distance;
    if (variance < 0) variance = 0;  // by rounding
    const double centre = pivot + distance, r = 1 / sqrt(variance + eps);
    if (part.level >= part.height) return;
    if (part.level == 0 && part.slot % size == 0) {
        mean[part.image * groups + g] = REAL(centre);
        var[part.image * groups + g] = REAL(variance);
        rstd[part.image * groups + g] = REAL(r);
    }
    for (int k = part.slot; k < part.channels; k += part.width) {
        const int c = part.first + k;
        const double scale = weighted ? weight[c] * r : r, rounding = (centre - REAL(centre)) * scale;
        const REAL factor = REAL(scale), b = biased ? bias[c] : REAL(0);
        const REAL shift = isfinite(rounding) ? REAL(b - rounding) : b;
        for (Index l = part.level; l < L; l += part.height) {
            const Index at = start + l * C + c;
            y[at] = (x[at] - REAL(centre)) * factor + shift;
        }
    }
}

// dx = rstd (dy weight - (a + n b) / K), n = (x - mean) rstd, with a and b the sums of dy weight and dy weight n over each
// group of K values; totals, products (N, C): the sums of dy and dy n over the places.
extern "C" __global__ void normalise_groups_grad(
    Global<const REAL> dy, Global<const REAL> x, Global<const REAL> weight, Index weighted, Global<const REAL> mean,
    Global<const REAL> rstd, Global<REAL> dx, Global<double> totals, Global<double> products, Index L, Index C,
    Index groups_, Index in_block
) {
    const int groups = (int)groups_, size = (int)C / groups;
    const Part part(size, groups, (int)in_block);
    const Index start = part.image * L * C;
    const int g = (part.first + part.slot) / size;
    const REAL centre = mean[part.image * groups + g], r = rstd[part.image * groups + g];
    double a = 0, b = 0;
    for (int k = 0; k < part.channels; k += part.width) {
        const int c = part.first + k + part.slot;
        const bool valid = part.level < part.height && k + part.slot < part.channels;
        double total = 0, product = 0;
        if (valid)
            for (Index l = part.level; l < L; l += part.height) {
                const Index at = start + l * C + c;
                total += dy[at];
                product += double(dy[at]) * double(x[at] - centre);
            }
        total = fold(total, part.level < part.height ? part.level : -1, part.width, part.height);
        product = fold(product, part.level < part.height ? part.level : -1, part.width, part.height) * r;
        if (valid && part.level == 0) {
            totals[part.image * C + c] = total;
            products[part.image * C + c] = product;
            a += weighted ? weight[c] * total : total;
            b += weighted ? weight[c] * product : product;
        }
    }
    const double count = L ? double(L) * size : 1.0;
    const REAL average = REAL(part.over_groups(a, size) / count), tilt = REAL(part.over_groups(b, size) * r / count);
    if (part.level >= part.height) return;
    for (int k = part.slot; k < part.channels; k += part.width) {
        const int c = part.first + k;
        const REAL w = weighted ? weight[c] : REAL(1);
        for (Index l = part.level; l < L; l += part.height) {
            const Index at = start + l * C + c;
            dx[at] = (dy[at] * w - average - (x[at] - centre) * tilt) * r;
        }
    }
}

// dw, db (C) = the sums of products and totals (N, C) over the images.
extern "C" __global__ void sum_images(
    Global<const double> totals, Global<const double> products, Global<REAL> dw, Global<REAL> db, Index N, Index C
) {
    const Column column((int)C);
    double total = 0, product = 0;
    if (column.valid)
        for (Index n = column.level; n < N; n += column.height) {
            total += totals[n * C + column.c];
            product += products[n * C + column.c];
        }
    total = fold(total, column.level, column.width, column.height);
    product = fold(product, column.level, column.width, column.height);
    if (column.valid && column.level == 0) {
        dw[column.c] = REAL(product);
        db[column.c] = REAL(total);
    }
}
