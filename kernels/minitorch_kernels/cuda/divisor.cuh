// Division by a number that stays the same for a whole launch, by a multiplication: GPUs have no instruction that divides
// integers, and take some twenty of others instead. Included after device.cuh.
//
// Source: Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994), figure 4.1.
#pragma once

struct Divisor {
    unsigned shift, multiplier;

    __device__ __forceinline__ explicit Divisor(int by) {  // by > 0
        shift = 32 - __clz(by - 1);
        multiplier = (1ull << 32) * ((1ull << shift) - by) / by + 1;
    }
    __device__ __forceinline__ int quotient(int n) const {  // of n >= 0
        return (__umulhi(n, multiplier) + n) >> shift;
    }
};
