// The matrix instructions of GPUs from sm_80 on, and the rounding of what they read. Included after device.cuh.
//
// simulator.h has the same functions for the CPU. A warp multiplies a factor of 16 rows with one of 8 columns. With
// row = lane / 4 and column = lane % 4, a lane holds the sums of row and row + 8 in columns 2 column and 2 column + 1, and
//
//     multiply_tf32, 8 deep     a(row, column), a(row + 8, column), a(row, column + 4), a(row + 8, column + 4),
//                               b(column, row), b(column + 4, row)
//     multiply_bf16, 16 deep    pairs of neighbours in the depth, the first in the lower bits: a(row, 2 column),
//                               a(row + 8, 2 column), a(row, 2 column + 8), a(row + 8, 2 column + 8),
//                               b(2 column, row), b(2 column + 8, row)
#pragma once

#ifdef __CUDACC__
#if __CUDA_ARCH__ >= 800
#define TENSOR_CORES

// x with 10 bits of mantissa.
__device__ __forceinline__ float to_tf32(float x) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
}

// Two numbers with 7 bits of mantissa, the upper halves of their float32.
__device__ __forceinline__ unsigned to_bf16(float first, float second) {
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
    return bits;
}

__device__ __forceinline__ void multiply_tf32(float (&sums)[4], const float (&a)[4], const float (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

__device__ __forceinline__ void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
#endif
