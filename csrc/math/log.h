// Natural logarithm. float32: the exponent, and log(1 + f) = f - f^2/2 + f^3 P(f) on [sqrt(1/2), sqrt(2)), P a minimax
// fit of degree 8. Branch-free.
#pragma once
#include "portable.h"

namespace pyvae {

namespace detail {

// log(2^e (1 + f)) for f in [sqrt(1/2) - 1, sqrt(2) - 1).
PYVAE_MATH float log_reduced(float f, float e) {
  float p = 0.06920097f;
  p = p * f - 0.117920466f;
  p = p * f + 0.11871929f;
  p = p * f - 0.1238385f;
  p = p * f + 0.1421874f;
  p = p * f - 0.16669284f;
  p = p * f + 0.20002224f;
  p = p * f - 0.24999987f;
  p = p * f + 0.3333331f;
  const float tail = f * f * (f * p - 0.5f) + e * -2.12194440e-4f;
  return (f + tail) + e * 0.693359375f;
}

// The exponent e that puts a positive normal x / 2^e into [sqrt(1/2), sqrt(2)), and that quotient.
struct Reduced {
  int32_t exponent;
  float mantissa;
};

PYVAE_MATH Reduced reduce(float x) {
  constexpr uint32_t kSqrtHalfBits = 0x3f3504f3u;
  const uint32_t bits = static_cast<uint32_t>(float_bits(x));
  const int32_t exponent = static_cast<int32_t>(bits - kSqrtHalfBits) >> 23;
  return {exponent, bits_float(static_cast<int32_t>(bits - (static_cast<uint32_t>(exponent) << 23)))};
}

}  // namespace detail

PYVAE_MATH float log(float x) {
  const bool subnormal = x < 1.17549435e-38f;
  const detail::Reduced r = detail::reduce(subnormal ? x * 8388608.0f : x);
  const float finite = detail::log_reduced(r.mantissa - 1.0f, static_cast<float>(r.exponent - (subnormal ? 23 : 0)));
  const float positive = x == __builtin_inff() ? x : finite;
  return x > 0.0f ? positive : (x == 0.0f ? -__builtin_inff() : __builtin_nanf(""));
}
PYVAE_MATH double log(double x) { return libm::log(x); }

}  // namespace pyvae
