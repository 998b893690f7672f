// What every formula needs to compile for host and device, and for several instruction sets in one library.
//
// PYVAE_MATH marks a formula: internal linkage and always inlined, so that a copy compiled for AVX-512 can never be
// picked by the linker for a machine without it. For the same reason no file of this folder includes a std header
// that carries code. PYVAE_MEMBER is the same for a member function.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define PYVAE_MATH __host__ __device__ static __forceinline__
#define PYVAE_MEMBER __host__ __device__ __forceinline__
#else
#define PYVAE_MATH [[maybe_unused, gnu::always_inline]] static inline
#define PYVAE_MEMBER [[gnu::always_inline]] inline
#endif

namespace pyvae {

// Whether a * b + c is rounded once here.
#if defined(__CUDACC__) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
constexpr bool kFusesMultiplyAdd = true;
#else
constexpr bool kFusesMultiplyAdd = false;
#endif

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

// Of a normal number, or nearly: on a GPU, where a rounded one takes ten instructions, within 1 unit in the last place.
PYVAE_MATH float normal_sqrt(float x) {
#if defined(__CUDA_ARCH__)
  float root;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(root) : "f"(x));
  return root;
#else
  return libm::sqrtf(x);
#endif
}

PYVAE_MATH int32_t float_bits(float x) { return __builtin_bit_cast(int32_t, x); }
PYVAE_MATH float bits_float(int32_t bits) { return __builtin_bit_cast(float, bits); }

// x, or 0. By bits, because of several selections by one condition compilers make a branch, which vectors cannot take.
PYVAE_MATH float kept_if(bool keep, float x) { return bits_float(float_bits(x) & -static_cast<int32_t>(keep)); }
PYVAE_MATH double kept_if(bool keep, double x) {
  return __builtin_bit_cast(double, __builtin_bit_cast(int64_t, x) & -static_cast<int64_t>(keep));
}

// --- What a formula needs that is a template on F, a scalar or the vector type of kernels/cpu/vec.h, which has its own
// version of each beside +, - and *.

template <typename F>
PYVAE_MATH F select(bool condition, F a, F b) {
  return condition ? a : b;
}

// Written as a comparison, not as fmax, because of NaN: where either is one, this is b. So a NaN does not replace a
// running maximum b (it reaches the result through the sum instead), and passes through a lower bound a.
template <typename F>
PYVAE_MATH constexpr F larger(F a, F b) {
  return a > b ? a : b;
}

// Where either is NaN, this is a.
template <typename F>
PYVAE_MATH constexpr F smaller(F a, F b) {
  return b < a ? b : a;
}

PYVAE_MATH float root(float x) { return libm::sqrtf(x); }
PYVAE_MATH double root(double x) { return libm::sqrt(x); }

// Of a finite number.
PYVAE_MATH float reciprocal(float x) { return 1 / x; }
PYVAE_MATH double reciprocal(double x) { return 1 / x; }

// The float whose bits are those of x, shifted.
PYVAE_MATH float shift_bits_left(float x, int count) { return bits_float(float_bits(x) << count); }

}  // namespace pyvae
