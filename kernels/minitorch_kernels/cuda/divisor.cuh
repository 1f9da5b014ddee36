// Division by a number that stays the same for a whole launch, by a multiplication: GPUs have no instruction that divides
// integers, and take some twenty of others instead. Included after device.cuh.
//
// Source: Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994), figure 4.1.
#pragma once

struct Divisor {
    unsigned shift, multiplier;
    __device__ __forceinline__ Divisor(Index given)  // as `divisor` in divisor.py makes it
        : shift(given >> 32), multiplier((unsigned)given) {}
    __device__ __forceinline__ int quotient(int n) const {  // of n >= 0
        return (__umulhi(n, multiplier) + n) >> shift;
    }
};
