// Natural logarithm. float32: the exponent, and log(1 + f) = f - f^2/2 + f^3 P(f) on [sqrt(1/2), sqrt(2)), P a minimax
// fit of degree 8. Branch-free.
#pragma once
#include "portable.h"

namespace pyvae {

PYVAE_MATH float log(float x) {
  constexpr uint32_t kSqrtHalfBits = 0x3f3504f3u;
  const bool subnormal = x < 1.17549435e-38f;
  const float normal = subnormal ? x * 8388608.0f : x;
  const uint32_t bits = static_cast<uint32_t>(float_bits(normal));
  const int32_t exponent = static_cast<int32_t>(bits - kSqrtHalfBits) >> 23;
  const float f = bits_float(static_cast<int32_t>(bits - (static_cast<uint32_t>(exponent) << 23))) - 1.0f;
  const float e = static_cast<float>(exponent - (subnormal ? 23 : 0));
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
  const float finite = (f + tail) + e * 0.693359375f;
  const float positive = x == __builtin_inff() ? x : finite;
  return x > 0.0f ? positive : (x == 0.0f ? -__builtin_inff() : __builtin_nanf(""));
}
PYVAE_MATH double log(double x) { return __builtin_log(x); }

}  // namespace pyvae
