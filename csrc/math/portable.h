// What every formula needs to compile for host and device, and for several instruction sets in one library.
//
// PYVAE_MATH marks a formula: internal linkage and always inlined, so that a copy compiled for AVX-512 can never be
// picked by the linker for a machine without it. For the same reason no file of this folder includes a std header
// that carries code.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define PYVAE_MATH __host__ __device__ static inline
#else
#define PYVAE_MATH [[maybe_unused, gnu::always_inline]] static inline
#endif

namespace pyvae {

PYVAE_MATH int32_t float_bits(float x) { return __builtin_bit_cast(int32_t, x); }
PYVAE_MATH float bits_float(int32_t bits) { return __builtin_bit_cast(float, bits); }

// Written as a comparison, not as fmax, because a NaN must not replace the running maximum: it reaches the result
// through the sum instead.
template <typename T>
PYVAE_MATH T larger(T a, T b) {
  return a > b ? a : b;
}

}  // namespace pyvae
