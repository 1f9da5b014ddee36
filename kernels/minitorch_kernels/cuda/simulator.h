// CUDA's language on the CPU, as far as the kernels of this package use it: device.cuh includes this under g++.
//
// A block's threads are fibers: each runs on a stack of its own until it ends or waits for others, and then the next one
// runs. One fiber runs at a time, in an order that can be shuffled: a result that depends on it is a race. What is there:
//
//     threadIdx, blockIdx, blockDim, gridDim    x only matters to most kernels; y and z work as well
//     __syncthreads, __syncthreads_and, __syncwarp   a thread that ended, or waits elsewhere, is an error and no deadlock
//     __shfl_sync, _xor_, _down_, __ballot_sync, __any_sync, __all_sync
//     atomicAdd, atomicMax, atomicMin, atomicCAS on integers; floats have none: their order of addition would matter
//     Global<T>, SHARED                         every access is checked; shared memory is NaN, or 0xff, at first
//     to_tf32, multiply_tf32, to_bf16, multiply_bf16   as in tensor_cores.cuh, where the matrix instructions are
//     asynchronous copies                       as in copies.cuh
//     math functions by their C++ names, min, max, float2, float4, __ldg, __float_as_uint and the like
//
// Not there: dynamic shared memory, textures, streams, cooperative groups, half types.
#pragma once

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __noinline__
#define __launch_bounds__(...)

using std::abs, std::ceil, std::cos, std::erf, std::exp, std::expm1, std::floor, std::fma, std::fmax, std::fmin;
using std::isfinite, std::isinf, std::isnan, std::log, std::log1p, std::max, std::min, std::pow, std::rint, std::sin;
using std::sqrt, std::tanh;

inline float __fmul_rn(float a, float b) { return a * b; }
inline double __dmul_rn(double a, double b) { return a * b; }
// Of a number and NaN the number, as on a GPU; the templates of the standard library return one or the other.
inline float max(float a, float b) { return std::fmax(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
inline float min(float a, float b) { return std::fmin(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }

inline float rsqrt(float x) { return 1 / std::sqrt(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace sim {

enum State { RUNS, WAITS_FOR_BLOCK, WAITS_FOR_WARP, ENDED };

constexpr size_t STACK = 1 << 16;  // bytes for the local variables of a thread
constexpr int WARP = 32;

struct Copy {
    void* to;
    const void* from;  // or nullptr, for zeros
    size_t bytes;
    void carry_out() const { from ? std::memcpy(to, from, bytes) : std::memset(to, 0, bytes); }
};

struct Fiber {
    std::jmp_buf place;
    State state = ENDED;
    unsigned mask = 0;  // the lanes that it waits for
    int collectives = 0;  // how many exchanges with its warp it took part in
    dim3 index;
    std::vector<Copy> copies;  // that have yet to happen
    void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ~Fiber() { munmap(stack, STACK); }
};

struct Exchange {
    uint64_t slots[2][WARP];  // by turns, so that nobody overwrites what another lane has yet to read
};

inline std::vector<std::unique_ptr<Fiber>> fibers;
inline std::vector<Exchange> exchanges;
inline std::vector<void (*)()> shared_poison;  // what fills each shared array afresh
inline std::jmp_buf scheduler;
inline ucontext_t creator, created;
inline int current;
inline const char* kernel_name = "";
inline char message[400];
inline bool failed;
inline bool all_agree;  // of __syncthreads_and
inline bool copies_are_late;  // do they happen in the wait for them, or at once?

// Stop the launch; Python raises an error with this text.
[[noreturn]] inline void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    int used = std::snprintf(message, sizeof message, "%s: ", kernel_name);
    used += std::vsnprintf(message + used, sizeof message - used, format, values);
    va_end(values);
    std::snprintf(
        message + used, sizeof message - used, " (thread %u %u %u of block %u %u %u)", threadIdx.x, threadIdx.y,
        threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z
    );
    failed = true;
    _longjmp(scheduler, 1);
}

// Let the scheduler run another fiber, until what this one waits for has come.
inline void wait(State state, unsigned mask = 0) {
    Fiber& self = *fibers[current];
    self.state = state;
    self.mask = mask;
    if (!_setjmp(self.place)) _longjmp(scheduler, 1);
}

struct Body {
    virtual void run() = 0;
};
inline Body* body;

// The life of a fiber: one thread of a block after the other.
inline void live() {
    for (;;) {
        body->run();
        wait(ENDED);
    }
}

// On its own stack, once for each fiber: remember the place and go back to where it was made.
inline void be_born() {
    if (!_setjmp(fibers.back()->place)) setcontext(&creator);
    live();
}

inline void make_fiber() {
    fibers.push_back(std::make_unique<Fiber>());
    volatile bool made = false;
    getcontext(&creator);
    if (made) return;
    made = true;
    getcontext(&created);
    created.uc_stack.ss_sp = fibers.back()->stack;
    created.uc_stack.ss_size = STACK;
    created.uc_link = nullptr;
    makecontext(&created, be_born, 0);
    setcontext(&created);
}

inline void resume(int number) {
    current = number;
    threadIdx = fibers[number]->index;
    if (!_setjmp(scheduler)) _longjmp(fibers[number]->place, 1);
}

// The warps of which all awaited lanes have come go on; so does the block once all its threads are at its barrier.
inline void release(int count) {
    bool at_barrier = true, waiting = false;
    for (int i = 0; i < count; i++) {
        at_barrier &= fibers[i]->state == WAITS_FOR_BLOCK;
        waiting |= fibers[i]->state == WAITS_FOR_WARP;
    }
    for (int i = 0; at_barrier && i < count; i++) fibers[i]->state = RUNS;
    for (int first = 0; waiting && first < count; first += WARP) {
        unsigned arrived = 0;
        for (int lane = 0; lane < std::min(WARP, count - first); lane++)
            if (fibers[first + lane]->state == WAITS_FOR_WARP) arrived |= 1u << lane;
        for (int lane = 0; lane < std::min(WARP, count - first); lane++) {
            Fiber& fiber = *fibers[first + lane];
            unsigned there = count - first < WARP ? (1u << (count - first)) - 1 : ~0u;
            if (fiber.state == WAITS_FOR_WARP && (fiber.mask & there & ~arrived) == 0) fiber.mask = 0;
        }
        for (int lane = 0; lane < std::min(WARP, count - first); lane++) {
            Fiber& fiber = *fibers[first + lane];
            if (fiber.state == WAITS_FOR_WARP && fiber.mask == 0) fiber.state = RUNS;
        }
    }
}

inline void run_block(std::vector<int>& order) {
    const int count = int(order.size());
    for (auto poison : shared_poison) poison();
    for (int i = 0; i < count; i++) {
        fibers[i]->state = RUNS;
        fibers[i]->collectives = 0;
        fibers[i]->copies.clear();
        fibers[i]->index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    }
    for (;;) {
        bool ran = false, all_ended = true;
        for (int i : order) {
            if (fibers[i]->state == RUNS) {
                resume(i);
                ran = true;
                if (failed) return;
            }
            all_ended &= fibers[i]->state == ENDED;
        }
        if (all_ended) return;
        release(count);
        if (!ran) {
            threadIdx = fibers[current]->index;
            std::snprintf(
                message, sizeof message, "%s: some threads of block %u %u %u wait for others that ended or wait elsewhere",
                kernel_name, blockIdx.x, blockIdx.y, blockIdx.z
            );
            failed = true;
            return;
        }
    }
}

// The arguments of a launch as Python gives them: for an array its address and its number of elements, else the number.
template <class T> struct Argument {
    static T read(void* given) { return *static_cast<T*>(given); }
};

// seed: 0 runs blocks and threads in order, another number shuffles them.
template <class... A>
const char* launch(const char* name, void (*kernel)(A...), const unsigned* shape, void** given, unsigned seed) {
    kernel_name = name;
    failed = false;
    copies_are_late = seed;
    gridDim = {shape[0], shape[1], shape[2]};
    blockDim = {shape[3], shape[4], shape[5]};
    const int count = blockDim.x * blockDim.y * blockDim.z;
    const long blocks = long(gridDim.x) * gridDim.y * gridDim.z;
    while (int(fibers.size()) < count) make_fiber();
    exchanges.resize((count + WARP - 1) / WARP);
    auto call = [&]<size_t... I>(std::index_sequence<I...>) { kernel(Argument<A>::read(given[I])...); };
    struct Call : Body {
        decltype(call)& f;
        Call(decltype(call)& f) : f(f) {}
        void run() override { f(std::index_sequence_for<A...>()); }
    } to_run(call);
    body = &to_run;
    std::vector<int> order(count);
    std::vector<long> blocks_in_order(blocks);
    for (int i = 0; i < count; i++) order[i] = i;
    for (long i = 0; i < blocks; i++) blocks_in_order[i] = i;
    std::mt19937 random(seed);
    if (seed) std::shuffle(blocks_in_order.begin(), blocks_in_order.end(), random);
    for (long block : blocks_in_order) {
        if (seed) std::shuffle(order.begin(), order.end(), random);
        blockIdx = {
            unsigned(block % gridDim.x), unsigned(block / gridDim.x % gridDim.y),
            unsigned(block / (long(gridDim.x) * gridDim.y))
        };
        run_block(order);
        if (failed) break;
    }
    if (!failed) return nullptr;
    fibers.clear();  // they stand in the middle of the kernel
    return message;
}

template <class T> void fill_with_nonsense(T* data, size_t count) {
    if constexpr (std::is_floating_point_v<T>)
        std::fill(data, data + count, std::nan(""));
    else
        std::memset(static_cast<void*>(data), 0xff, count * sizeof(T));
}

// An array that the threads of a block share.
template <class T, long long N> struct Shared {
    T data[N];
    Shared(void (*poison)()) {
        shared_poison.push_back(poison);
        poison();
    }
    T& operator[](long long i) {
        if (i < 0 || i >= N) fail("index %lld of a shared array of %lld", i, N);
        return data[i];
    }
};

// A copy that other threads see only behind a wait and a barrier.
template <class T> void copy_later(T* to, const T* from) {
    const Copy copy{to, from, sizeof(T)};
    if (copies_are_late)
        fibers[current]->copies.push_back(copy);
    else
        copy.carry_out();
}
inline void wait_for_copies() {
    for (const Copy& copy : fibers[current]->copies) copy.carry_out();
    fibers[current]->copies.clear();
}

// What each lane gave, once all lanes of the mask have given something.
template <class T> const uint64_t* exchange(unsigned mask, T value) {
    Fiber& self = *fibers[current];
    const int lane = current % WARP;
    if (!(mask >> lane & 1)) fail("lane %d takes part in an exchange without it, mask %x", lane, mask);
    uint64_t* slots = exchanges[current / WARP].slots[self.collectives++ % 2];
    std::memcpy(&slots[lane], &value, sizeof value);
    wait(WAITS_FOR_WARP, mask);
    return slots;
}

template <class T> T lane_value(const uint64_t* slots, int lane) {
    T value;
    std::memcpy(&value, &slots[lane % WARP], sizeof value);
    return value;
}

}  // namespace sim

// An array in the simulated GPU's memory: a pointer that knows where the array begins and ends.
template <class T> struct Global {
    T* data;
    long long before, count;  // elements in front of data, and from data on
    T& operator[](long long i) const {
        if (i < -before || i >= count)
            sim::fail("index %lld of an array of %lld elements", i + before, before + count);
        return data[i];
    }
    T& operator*() const { return (*this)[0]; }
    Global operator+(long long n) const { return {data + n, before + n, count - n}; }
    Global& operator+=(long long n) { return *this = *this + n; }
    operator Global<const T>() const { return {data, before, count}; }
};

namespace sim {
template <class T> struct Argument<Global<T>> {
    static Global<T> read(void* given) {
        auto words = static_cast<int64_t*>(given);
        return {reinterpret_cast<T*>(words[0]), 0, words[1]};
    }
};
}  // namespace sim

// The array exists once: blocks run one after the other. It is filled with nonsense at the begin of each block.
#define SHARED(type, name, count)                                                                                      \
    static sim::Shared<type, count> name(+[] { sim::fill_with_nonsense(name.data, count); });

inline void __syncthreads() { sim::wait(sim::WAITS_FOR_BLOCK); }
inline bool __syncthreads_and(bool predicate) {
    sim::all_agree = true;
    sim::wait(sim::WAITS_FOR_BLOCK);
    sim::all_agree &= predicate;
    sim::wait(sim::WAITS_FOR_BLOCK);
    const bool agreed = sim::all_agree;
    sim::wait(sim::WAITS_FOR_BLOCK);  // all have read it, so that the next vote may begin
    return agreed;
}
inline void __syncwarp(unsigned mask = ~0u) { sim::wait(sim::WAITS_FOR_WARP, mask); }

template <class T> T __shfl_sync(unsigned mask, T value, int lane) {
    return sim::lane_value<T>(sim::exchange(mask, value), lane);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int lanes) {
    return sim::lane_value<T>(sim::exchange(mask, value), sim::current % sim::WARP ^ lanes);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, int distance) {
    const int lane = sim::current % sim::WARP;
    return sim::lane_value<T>(sim::exchange(mask, value), lane + distance < sim::WARP ? lane + distance : lane);
}
inline unsigned __ballot_sync(unsigned mask, bool predicate) {
    const uint64_t* slots = sim::exchange(mask, int(predicate));
    unsigned votes = 0;
    for (int lane = 0; lane < sim::WARP; lane++)
        if (mask >> lane & 1 && sim::lane_value<int>(slots, lane)) votes |= 1u << lane;
    return votes;
}
inline bool __any_sync(unsigned mask, bool predicate) { return __ballot_sync(mask, predicate) != 0; }
inline bool __all_sync(unsigned mask, bool predicate) { return __ballot_sync(mask, predicate) == mask; }

template <class T> T __ldg(const T* address) { return *address; }
template <class T> std::enable_if_t<std::is_integral_v<T>, T> atomicAdd(T* at, T value) {
    return std::exchange(*at, T(*at + value));
}
template <class T> std::enable_if_t<std::is_integral_v<T>, T> atomicMax(T* at, T value) {
    return std::exchange(*at, std::max(*at, value));
}
template <class T> std::enable_if_t<std::is_integral_v<T>, T> atomicMin(T* at, T value) {
    return std::exchange(*at, std::min(*at, value));
}
template <class T> T atomicCAS(T* at, T expected, T value) {
    T old = *at;
    if (old == expected) *at = value;
    return old;
}

template <class To, class From> To same_bits(From value) {
    To result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}
inline unsigned __float_as_uint(float x) { return same_bits<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return same_bits<float>(x); }
inline int __float_as_int(float x) { return same_bits<int>(x); }
inline float __int_as_float(int x) { return same_bits<float>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }

// Stand-ins for the matrix instructions of tensor_cores.cuh.
#define TENSOR_CORES

inline float to_tf32(float x) {  // to the nearest of 10 bits of mantissa, a tie away from zero
    return std::isfinite(x) ? __uint_as_float((__float_as_uint(x) + 0x1000) & 0xffffe000) : x;
}
inline unsigned to_bf16(float first, float second) {  // to the nearest of 7 bits, a tie to the even one
    auto upper_half = [](float x) {
        const unsigned bits = __float_as_uint(x), odd = bits >> 16 & 1;
        return std::isnan(x) ? 0x7fffu : (bits + 0x7fff + odd) >> 16;
    };
    return upper_half(second) << 16 | upper_half(first);
}

// The products of one step: the lanes hold a(row, column), a(row + 8, column) and b(column, row) of 4 numbers in depth.
inline void multiply_by_lanes(float (&sums)[4], float upper, float lower, float b) {
    float left[16][4], right[4][8];
    const uint64_t* given = sim::exchange(~0u, float2{upper, lower});
    for (int lane = 0; lane < sim::WARP; lane++) {
        const float2 values = sim::lane_value<float2>(given, lane);
        left[lane / 4][lane % 4] = values.x;
        left[lane / 4 + 8][lane % 4] = values.y;
    }
    given = sim::exchange(~0u, b);
    for (int lane = 0; lane < sim::WARP; lane++) right[lane % 4][lane / 4] = sim::lane_value<float>(given, lane);
    const int row = sim::current % sim::WARP / 4, column = sim::current % 4 * 2;
    for (int e = 0; e < 4; e++)
        for (int k = 0; k < 4; k++) sums[e] += left[row + e / 2 * 8][k] * right[k][column + e % 2];
}
inline void multiply_tf32(float (&sums)[4], const float (&a)[4], const float (&b)[2]) {
    for (int half = 0; half < 2; half++) multiply_by_lanes(sums, a[2 * half], a[2 * half + 1], b[half]);
}
inline void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    auto first = [](unsigned pair) { return __uint_as_float(pair << 16); };
    auto second = [](unsigned pair) { return __uint_as_float(pair & 0xffff0000); };
    for (int half = 0; half < 2; half++) {
        multiply_by_lanes(sums, first(a[2 * half]), first(a[2 * half + 1]), first(b[half]));
        multiply_by_lanes(sums, second(a[2 * half]), second(a[2 * half + 1]), second(b[half]));
    }
}
