// What the machine can do at best, measured: the rates of instructions that touch no memory and, on a GPU, of a copy.
// Benchmarks state kernels as shares of these.
#pragma once
#include "isa.h"

namespace pyvae::cpu {

// `iterations` rounds of multiply-adds on every accumulator, all in registers. Returns how many were done, every lane
// counted; `result` receives a number that depends on each, so that none can be left out. A set without FMA multiplies
// and adds in two instructions.
template <Isa isa>
int64_t multiply_add(int64_t iterations, float factor, float addend, float* result);

}  // namespace pyvae::cpu

namespace pyvae::cuda {

// Eight blocks fill the 2048 thread slots of a multiprocessor (1024 on sm_75, which takes them in two turns).
constexpr int kCeilingThreads = 256;
// Independent chains of a thread. With the slots full, two hide an instruction's latency; a Philox block is many.
constexpr int kCeilingChains = 8, kPhiloxChains = 1;

// Each runs `blocks` blocks, whose threads do `iterations` rounds of an operation on every chain, in registers;
// `result` [blocks * kCeilingThreads] receives numbers that depend on all of them. They return a cudaError_t.
int multiply_add(int64_t iterations, int64_t blocks, float* result, void* stream);   // fused, float32
int exp2_approx(int64_t iterations, int64_t blocks, float* result, void* stream);    // the hardware's own instruction
int philox_blocks(int64_t iterations, int64_t blocks, float* result, void* stream);  // Philox-4x32-10, four words each

// 16 bytes per thread and step; `elements` a multiple of 4, both addresses multiples of 16.
int copy(const float* from, float* to, int64_t elements, void* stream);

}  // namespace pyvae::cuda
