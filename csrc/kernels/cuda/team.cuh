// The threads that run a kernel, and the launch of one.
//
// A kernel is written once for a whole block, as phases: team.threads(f) runs f(thread) for every thread,
// team.reduce(...) merges a value over the lanes of each warp, team.barrier() ends a phase whose writes to shared
// memory the next one reads. On the device a Team is one thread of the block. tests/kernels/cuda_on_host has another
// that loops over the threads, so that everything but this file's device code also runs without a GPU.
// Not yet measured on a GPU.
#pragma once
#include "../../math/range.h"

#if defined(__CUDACC__)
#define PYVAE_KERNEL static __device__ __forceinline__
#else
#define PYVAE_KERNEL [[maybe_unused]] static inline
#endif

namespace pyvae::cuda {

constexpr int kWarp = 32;
// Four warps: small enough that the 65 536 registers of a multiprocessor fill up evenly, and a multiple of what fills
// every architecture's thread slots.
constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;

// Of integers only: their order does not show in the result.
#if defined(__CUDACC__)
PYVAE_KERNEL int32_t atomic_add(int32_t* to, int32_t value) { return atomicAdd(to, value); }
PYVAE_KERNEL void atomic_min(int32_t* to, int32_t value) { atomicMin(to, value); }
PYVAE_KERNEL void atomic_max(int32_t* to, int32_t value) { atomicMax(to, value); }
#else
PYVAE_KERNEL int32_t atomic_add(int32_t* to, int32_t value) {
  const int32_t before = *to;
  *to += value;
  return before;
}
PYVAE_KERNEL void atomic_min(int32_t* to, int32_t value) { *to = smaller(*to, value); }
PYVAE_KERNEL void atomic_max(int32_t* to, int32_t value) { *to = larger(*to, value); }
#endif

// What team.reduce merges: any struct of 4-byte words with a merge(own, other) found by its type.
template <typename T>
struct Sum {
  T value;
};

template <typename T>
PYVAE_KERNEL Sum<T> merge(const Sum<T>& own, const Sum<T>& other) {
  return {own.value + other.value};
}

// The grid of a kernel whose blocks take `per_block` items at a time. Kernels stride over what lies beyond the largest
// grid that a launch accepts; an empty grid would be an error.
PYVAE_MATH int64_t blocks_for(int64_t items, int64_t per_block) {
  constexpr int64_t kMaxBlocks = 2147483647;
  return larger(smaller(ceil_div(items, per_block), kMaxBlocks), int64_t{1});
}

#if defined(__CUDACC__)

template <typename Value>
static __device__ __forceinline__ Value shuffle_xor(const Value& value, int apart) {
  struct Words {
    int word[sizeof(Value) / sizeof(int)];
  };
  Words words = __builtin_bit_cast(Words, value);
#pragma unroll
  for (int& word : words.word) word = __shfl_xor_sync(0xffffffffu, word, apart);
  return __builtin_bit_cast(Value, words);
}

struct Team {
  int64_t block, blocks;

  static __device__ __forceinline__ Team here() { return {blockIdx.x, gridDim.x}; }

  template <typename Phase>
  __device__ __forceinline__ void threads(Phase phase) const {
    phase(static_cast<int>(threadIdx.x));
  }

  __device__ __forceinline__ void barrier() const { __syncthreads(); }

  // Merges part(warp, lane) over the lanes that differ by multiples of `from` only, within blocks of `to`, both powers
  // of two, and hands the result to store(warp, lane, merged). Merging by fixed pairs makes the order of the sum, hence
  // its rounding, always the same. Lanes may differ in the last bit: only the first of those that were merged may
  // store.
  template <typename Part, typename Store>
  __device__ __forceinline__ void reduce(int from, int to, Part part, Store store) const {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
    auto merged = part(warp, lane);
#pragma unroll
    for (int offset = from; offset < to; offset *= 2) merged = merge(merged, shuffle_xor(merged, offset));
    store(warp, lane, merged);
  }
};

// A kernel as a type, so that the tests on the host share how an op is launched: its arguments, the memory of a block,
// kThreads, blocks(args) and run(args, team, shared).
// One block at least is asked for: left to itself the compiler would rather spill than give up one of four.
template <typename Step>
__global__ void __launch_bounds__(Step::kThreads, 1) step_kernel(typename Step::Args args) {
  __shared__ typename Step::Shared shared;
  Step::run(args, Team::here(), shared);
}

// Launches one step after the other on a stream, until one fails.
struct Launcher {
  void* stream;
  int status;  // a cudaError_t

  template <typename Step>
  void operator()(Step, const typename Step::Args& args) {
    if (status != 0) return;
    step_kernel<Step>
        <<<static_cast<unsigned>(Step::blocks(args)), Step::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
    status = static_cast<int>(cudaGetLastError());
  }
};

#endif

// A step whose blocks share nothing.
struct NothingShared {};

}  // namespace pyvae::cuda
