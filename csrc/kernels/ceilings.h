// What the processor can do at best, measured: the rate of multiply-adds that touch no memory. Benchmarks state kernels
// as shares of it.
#pragma once
#include "isa.h"

namespace pyvae::cpu {

// `iterations` rounds of multiply-adds on every accumulator, all in registers. Returns how many were done, every lane
// counted; `result` receives a number that depends on each, so that none can be left out. A set without FMA multiplies
// and adds in two instructions.
template <Isa isa>
int64_t multiply_add(int64_t iterations, float factor, float addend, float* result);

}  // namespace pyvae::cpu
