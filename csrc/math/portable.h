// What every formula needs to compile for host and device, and for several instruction sets in one library.
//
// PYVAE_MATH marks a formula: internal linkage and always inlined, so that a copy compiled for AVX-512 can never be
// picked by the linker for a machine without it. For the same reason no file of this folder includes a std header
// that carries code.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define PYVAE_MATH __host__ __device__ static __forceinline__
#else
#define PYVAE_MATH [[maybe_unused, gnu::always_inline]] static inline
#endif

namespace pyvae {

// The C library, for float64 and for square roots. nvcc knows these functions by their names; for the host they are
// the compiler's builtins, which need no header.
namespace libm {
#if defined(__CUDACC__)
using ::cos, ::exp, ::exp2, ::log, ::sin, ::sqrt, ::sqrtf;
#else
PYVAE_MATH double cos(double x) { return __builtin_cos(x); }
PYVAE_MATH double exp(double x) { return __builtin_exp(x); }
PYVAE_MATH double exp2(double x) { return __builtin_exp2(x); }
PYVAE_MATH double log(double x) { return __builtin_log(x); }
PYVAE_MATH double sin(double x) { return __builtin_sin(x); }
PYVAE_MATH double sqrt(double x) { return __builtin_sqrt(x); }
PYVAE_MATH float sqrtf(float x) { return __builtin_sqrtf(x); }
#endif
}  // namespace libm

PYVAE_MATH int32_t float_bits(float x) { return __builtin_bit_cast(int32_t, x); }
PYVAE_MATH float bits_float(int32_t bits) { return __builtin_bit_cast(float, bits); }

// Written as a comparison, not as fmax, because a NaN must not replace the running maximum: it reaches the result
// through the sum instead.
template <typename T>
PYVAE_MATH T larger(T a, T b) {
  return a > b ? a : b;
}

}  // namespace pyvae
