// Natural logarithm. float32: the exponent e, and log(1 + f) = f - f^2/2 + f^3 P(f) on [2/3, 4/3), P a minimax fit of
// degree 7. Branch-free, within 1 unit in the last place with an FMA or without.
#pragma once
#include "portable.h"

namespace pyvae {

namespace detail {

// log(2^e (1 + f)) + low for an integer e, f in [-1/3, 1/3), and a small correction.
PYVAE_MATH float log_reduced(float f, float e, float low) {
  float p = -0.12880224f;
  p = p * f + 0.13984609f;
  p = p * f - 0.12187446f;
  p = p * f + 0.14005733f;
  p = p * f - 0.16680197f;
  p = p * f + 0.20010427f;
  p = p * f - 0.24999806f;
  p = p * f + 0.33333215f;
  const float tail = f * f * (f * p - 0.5f) + (e * -2.12194440e-4f + low);
  // The high part of ln 2 has few bits, so its product is exact, and so is what the sum with f loses.
  const float high = e * 0.693359375f;
  const float sum = high + f;
  const float lost = f - (sum - high);
  return sum + (lost + tail);
}

// The exponent e that puts a positive normal x / 2^e into [2/3, 4/3).
PYVAE_MATH int32_t log_exponent(float x) {
  constexpr int32_t kTwoThirdsBits = 0x3f2aaaab;
  return (float_bits(x) - kTwoThirdsBits) >> 23;
}

}  // namespace detail

PYVAE_MATH float log(float x) {
  const bool subnormal = x < 1.17549435e-38f;
  const float normal = subnormal ? x * 8388608.0f : x;
  const int32_t e = detail::log_exponent(normal);
  const float mantissa = bits_float(float_bits(normal) - static_cast<int32_t>(static_cast<uint32_t>(e) << 23));
  const float finite = detail::log_reduced(mantissa - 1.0f, static_cast<float>(e - (subnormal ? 23 : 0)), 0.0f);
  const float positive = x == __builtin_inff() ? x : finite;
  return x > 0.0f ? positive : (x == 0.0f ? -__builtin_inff() : __builtin_nanf(""));
}
PYVAE_MATH double log(double x) { return libm::log(x); }

}  // namespace pyvae
