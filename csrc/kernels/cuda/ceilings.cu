// The GPU's ceilings, each as a kernel that does one thing: multiply-adds, exponentials and Philox blocks in registers,
// kCeilingChains independent chains per thread, and a copy in 128-bit accesses.
// Not yet measured on a GPU.
#include "../../math/philox.h"
#include "../ceilings.h"
#include "team.cuh"

namespace pyvae::cuda {
namespace {

// A factor below 1 keeps the sums finite and normal.
struct MultiplyAdd {
  using Value = float;
  static constexpr int kChains = kCeilingChains;
  static __device__ __forceinline__ float start(int64_t thread, int chain) {
    return static_cast<float>(thread + chain);
  }
  static __device__ __forceinline__ float step(float x) { return fmaf(x, 0.5f, 1.0f); }
  static __device__ __forceinline__ float result(float x) { return x; }
};

// 2^-x, which converges to 0.64; the sign is part of the instruction's operand.
struct Exp2Approx {
  using Value = float;
  static constexpr int kChains = kCeilingChains;
  static __device__ __forceinline__ float start(int64_t thread, int chain) { return 0.001f * (thread % 997 + chain); }
  static __device__ __forceinline__ float step(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(-x));
    return y;
  }
  static __device__ __forceinline__ float result(float x) { return x; }
};

// Every block's counter is made of the block before, so that no part of a round can be left out; the key is the same
// for all, as in a tensor with one seed.
struct PhiloxRounds {
  using Value = PhiloxBlock;
  static constexpr int kChains = kPhiloxChains;
  static __device__ __forceinline__ PhiloxBlock start(int64_t thread, int chain) {
    return {{static_cast<uint32_t>(thread), static_cast<uint32_t>(chain), 1, 2}};
  }
  static __device__ __forceinline__ PhiloxBlock step(const PhiloxBlock& x) {
    const uint64_t low = x.lane[0] ^ x.lane[2], high = x.lane[1] ^ x.lane[3];
    return philox(0x9E3779B97F4A7C15u, low | high << 32);
  }
  static __device__ __forceinline__ float result(const PhiloxBlock& x) {
    return static_cast<float>(x.lane[0] ^ x.lane[1] ^ x.lane[2] ^ x.lane[3]);
  }
};

template <typename Operation>
__global__ void __launch_bounds__(kCeilingThreads) ceiling_kernel(int64_t iterations, float* result) {
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * kCeilingThreads + threadIdx.x;
  typename Operation::Value value[Operation::kChains];
#pragma unroll
  for (int chain = 0; chain < Operation::kChains; ++chain) value[chain] = Operation::start(thread, chain);
#pragma unroll 4
  for (int64_t k = 0; k < iterations; ++k) {
#pragma unroll
    for (int chain = 0; chain < Operation::kChains; ++chain) value[chain] = Operation::step(value[chain]);
  }
  float total = 0;
#pragma unroll
  for (int chain = 0; chain < Operation::kChains; ++chain) total += Operation::result(value[chain]);
  result[thread] = total;
}

template <typename Operation>
int run(int64_t iterations, int64_t blocks, float* result, void* stream) {
  ceiling_kernel<Operation>
      <<<static_cast<unsigned>(blocks), kCeilingThreads, 0, static_cast<cudaStream_t>(stream)>>>(iterations, result);
  return static_cast<int>(cudaGetLastError());
}

__global__ void __launch_bounds__(kCeilingThreads) copy_kernel(const float4* from, float4* to, int64_t count) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kCeilingThreads;
  for (int64_t k = static_cast<int64_t>(blockIdx.x) * kCeilingThreads + threadIdx.x; k < count; k += step) {
    to[k] = from[k];
  }
}

}  // namespace

int multiply_add(int64_t iterations, int64_t blocks, float* result, void* stream) {
  return run<MultiplyAdd>(iterations, blocks, result, stream);
}

int exp2_approx(int64_t iterations, int64_t blocks, float* result, void* stream) {
  return run<Exp2Approx>(iterations, blocks, result, stream);
}

int philox_blocks(int64_t iterations, int64_t blocks, float* result, void* stream) {
  return run<PhiloxRounds>(iterations, blocks, result, stream);
}

int copy(const float* from, float* to, int64_t elements, void* stream) {
  const int64_t count = elements / 4;
  copy_kernel<<<static_cast<unsigned>(blocks_for(count, kCeilingThreads)), kCeilingThreads, 0,
                static_cast<cudaStream_t>(stream)>>>(reinterpret_cast<const float4*>(from),
                                                     reinterpret_cast<float4*>(to), count);
  return static_cast<int>(cudaGetLastError());
}

}  // namespace pyvae::cuda
