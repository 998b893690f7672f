// The power of two that the log-sum-exp kernels spend their time in.
//
// float32: round to the nearest integer n, a polynomial of degree 6 on the rest f in [-1/2, 1/2] (degree 5 misses one
// unit in the last place), then the scale 2^n put together from bits. Branch-free, so that compilers vectorise it.
// Within 1.1 units in the last place.
// float64 goes to the C library: that path is the exact reference, not the fast one.
#pragma once
#include "portable.h"

namespace pyvae {

constexpr double kLn2 = 0.69314718055994530942;
constexpr double kLog2E = 1.44269504088896340736;

namespace detail {

// Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
constexpr float kRoundToInteger = 12582912.0f;

// 2^f on [-1/2, 1/2]: 1 + f P(f), P a minimax fit of (2^f - 1) / f.
template <typename F>
PYVAE_MATH F exp2_fraction(F f) {
  F p = f * 0.00015474814f + 0.0013400307f;
  p = p * f + 0.009618009f;
  p = p * f + 0.055503275f;
  p = p * f + 0.2402265f;
  if constexpr (kFusesMultiplyAdd) return (p * f + 0.6931472f) * f + 1.0f;
  // Here f P is rounded on its own. Its larger part is kept out of the product: f P = f + f (P - 1).
  p = p * f - 0.3068528f;
  return p * f + f + 1.0f;
}

// 2^k for k in [-127, 127]; k = -127 gives exactly 0.
PYVAE_MATH float power_of_two(int32_t k) { return bits_float((k + 127) << 23); }

}  // namespace detail

// 2^x for x <= 127, the weight of one term of a log-sum-exp: from 2^-126.5 downwards it is exactly 0, which spares a
// second scale factor and cannot matter beside a sum of about 1 or more. Rounding by addition leaves n + 127 in the low
// bits of the sum, from where a shift moves it into the exponent.
// On a GPU it is the processor's own, within 2 units in the last place (PTX ISA, ex2.approx.ftz): beside it the
// polynomial would take three times as long as the rest of a term.
template <typename F>
PYVAE_MATH F exp2_weight(F x) {
#if defined(__CUDA_ARCH__)
  F weight;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(weight) : "f"(x));
  return weight;
#else
  constexpr float kRoundToExponent = detail::kRoundToInteger + 127.0f;
  const F t = larger(F{} - 127.0f, x);
  const F shifted = t + kRoundToExponent;
  const F fraction = t - (shifted - kRoundToExponent);
  return detail::exp2_fraction(fraction) * shift_bits_left(shifted, 23);
#endif
}
PYVAE_MATH double exp2_weight(double x) { return libm::exp2(x); }

// The same for x above 127, too: 2^127 or more, which tells that x was not expected.
PYVAE_MATH float exp2_weight_unbounded(float x) {
#if defined(__CUDA_ARCH__)
  return exp2_weight(x);
#else
  return exp2_weight(x > 127.0f ? 127.0f : x);
#endif
}
PYVAE_MATH double exp2_weight_unbounded(double x) { return exp2_weight(x); }

}  // namespace pyvae
