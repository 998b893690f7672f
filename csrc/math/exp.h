// e^x, e^x / 2, (e^x - 1) / 2 and (e^x - 1 - x) / 2.
//
// float32: x = n ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^n (1 + r + r^2 Q(r)), Q a minimax fit of degree 5. Keeping
// the first terms out of the polynomial leaves the last two functions their digits near 0, where every collapsed latent
// sits, without a branch. The first two are within 1 unit in the last place, with an FMA or without; gradual underflow
// included. float64 goes to the C library: that path is the exact reference, not the fast one.
#pragma once
#include "exp2.h"

namespace pyvae {

namespace detail {

// e^x = 2^n (1 + r + remainder). For n = 0, r is x itself.
struct ExpParts {
  float r, remainder;
  int32_t n;
};

PYVAE_MATH ExpParts exp_parts(float x) {
  // From -105 downwards e^x rounds to 0, from n = 130 upwards to infinity. The upper bound is one on integers, because
  // that is one instruction; above it r grows instead of n, and takes infinities and NaN along.
  constexpr int32_t kZeroBits = 0x4b400000, kLargest = 130;
  const float t = x < -105.0f ? -105.0f : x;
  const int32_t rounded = float_bits(t * static_cast<float>(kLog2E) + kRoundToInteger);
  const int32_t bits = rounded < kZeroBits + kLargest ? rounded : kZeroBits + kLargest;
  const float n = bits_float(bits) - kRoundToInteger;
  // Cody and Waite: the high part of ln 2 has few bits, so n * high is exact with or without an FMA.
  const float r = (t - n * 0.693359375f) - n * -2.12194440e-4f;
  float q = 0.00019740243f;
  q = q * r + 0.0013935079f;
  q = q * r + 0.00833357f;
  q = q * r + 0.041666463f;
  q = q * r + 0.16666666f;
  q = q * r + 0.5f;
  return {r, r * r * q, bits - kZeroBits};
}

// 2^n = first * second. A single factor reaches neither the subnormals nor 2^128; a product with the first is exact up
// to the rounding of a sum, so a result is rounded once.
struct PowerParts {
  int32_t first, second;
};
PYVAE_MATH PowerParts split_power(int32_t n) { return {n - (n >> 1), n >> 1}; }

// e^x * 2^shift.
PYVAE_MATH float exp_shifted(float x, int32_t shift) {
  const ExpParts e = exp_parts(x);
  const PowerParts n = split_power(e.n);
  const float first = power_of_two(n.first);
  return (first + first * (e.r + e.remainder)) * power_of_two(n.second + shift);
}

// (e^x - 1 - x) / x^2 for |x| < 1, the Taylor series: the direct form loses its digits around x = 0.
PYVAE_MATH double expm1_remainder_series(double x) {
  constexpr int kTerms = 19;
  double p = 1.0 / (kTerms + 2);
  for (int n = kTerms + 1; n >= 3; --n) p = (1.0 + p * x) / n;
  return 0.5 * (1.0 + p * x);
}

}  // namespace detail

PYVAE_MATH float exp(float x) { return detail::exp_shifted(x, 0); }
PYVAE_MATH double exp(double x) { return libm::exp(x); }

// Finite where e^x alone overflows although half of it fits; so are the two below.
PYVAE_MATH float half_exp(float x) { return detail::exp_shifted(x, -1); }
PYVAE_MATH double half_exp(double x) { return libm::exp(x - kLn2); }

PYVAE_MATH float half_expm1(float x) {
  const detail::ExpParts e = detail::exp_parts(x);
  const detail::PowerParts n = detail::split_power(e.n);
  const float first = detail::power_of_two(n.first);
  return ((first - detail::power_of_two(-n.second)) + first * (e.r + e.remainder)) * detail::power_of_two(n.second - 1);
}
PYVAE_MATH double half_expm1(double x) {
  const double near = 0.5 * x + 0.5 * x * x * detail::expm1_remainder_series(x);
  return x > -1.0 && x < 1.0 ? near : half_exp(x) - 0.5;
}

PYVAE_MATH float half_expm1_remainder(float x) {
  const detail::ExpParts e = detail::exp_parts(x);
  const detail::PowerParts n = detail::split_power(e.n);
  const float first = detail::power_of_two(n.first), second = detail::power_of_two(n.second - 1);
  // Two parts, since the sum cancels around 0: for n = 0 the head is exactly 0.
  const float head = ((first - detail::power_of_two(-n.second)) + first * e.r) * second - 0.5f * x;
  return head + first * e.remainder * second;
}
PYVAE_MATH double half_expm1_remainder(double x) {
  const double near = 0.5 * x * x * detail::expm1_remainder_series(x);
  return x > -1.0 && x < 1.0 ? near : half_exp(x) - 0.5 - 0.5 * x;
}

}  // namespace pyvae
