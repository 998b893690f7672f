// Standard normal numbers from random bits by Box and Muller: sqrt(-2 log u) (cos 2 pi v, sin 2 pi v).
//
// A uniform uses all the bits it is given (32 of a float32 pair: 24 would cut the normal off at 5.77 sigma), and the
// angle is reduced to a quarter turn on integers, where that is exact.
#pragma once
#include "log.h"
#include "philox.h"

namespace pyvae {

template <typename T>
struct NormalPair {
  T first, second;
};

namespace detail {

// (bits + 1/2) / 2^32, relative accuracy down to the smallest.
PYVAE_MATH float uniform(uint32_t bits) { return (static_cast<float>(bits) + 0.5f) * 2.3283064365386963e-10f; }

// sqrt(-2 log u), u = uniform(bits). Near u = 1, where rounding u to 24 bits would leave few digits of the logarithm,
// u - 1 = -uniform(~bits) is taken instead. Within 1.9 units in the last place everywhere.
PYVAE_MATH float normal_radius(uint32_t bits) {
  const Reduced u = reduce(uniform(bits));
  const float f = u.exponent == 0 ? -uniform(~bits) : u.mantissa - 1.0f;
  return libm::sqrtf(-2.0f * log_reduced(f, static_cast<float>(u.exponent)));
}

// (cos, sin) of 2 pi bits / 2^32. On a quarter turn r in [-1/2, 1/2], in units of pi/2 with s = r^2:
// cos = 1 + s C(s), sin = r (pi/2 + s S(s)), C and S minimax fits.
PYVAE_MATH NormalPair<float> cos_sin_turn(uint32_t bits) {
  const uint32_t quadrant = (bits + 0x20000000u) >> 30;
  const float r = static_cast<float>(static_cast<int32_t>(bits - (quadrant << 30))) * 9.313225746154785e-10f;
  const float s = r * r;
  const float c = s * (s * (s * (s * 0.00090402167f - 0.020860288f) + 0.25366923f) - 1.2337005f) + 1.0f;
  const float sine_tail = s * (s * (s * (s * 0.00015826254f - 0.0046812976f) + 0.07969259f) - 0.6459641f);
  const float q = r * 1.5707964f + r * (sine_tail - 4.3711388e-8f);
  const bool swap = (quadrant & 1u) != 0;
  const float cosine = swap ? q : c, sine = swap ? c : q;
  return {(quadrant == 1u || quadrant == 2u) ? -cosine : cosine, quadrant >= 2u ? -sine : sine};
}

PYVAE_MATH NormalPair<float> normal_pair(uint32_t radius_bits, uint32_t angle_bits) {
  const float radius = normal_radius(radius_bits);
  const NormalPair<float> direction = cos_sin_turn(angle_bits);
  return {radius * direction.first, radius * direction.second};
}

}  // namespace detail

// The normals of one Philox block, as numerics.md numbers them: four float32 or two float64.
template <typename T>
struct NormalBlock;

template <>
struct NormalBlock<float> {
  static constexpr int kCount = 4;
  float value[kCount];
};

template <>
struct NormalBlock<double> {
  static constexpr int kCount = 2;
  double value[kCount];
};

PYVAE_MATH void normals(const PhiloxBlock& bits, NormalBlock<float>& out) {
  const NormalPair<float> a = detail::normal_pair(bits.lane[0], bits.lane[1]);
  const NormalPair<float> b = detail::normal_pair(bits.lane[2], bits.lane[3]);
  out.value[0] = a.first, out.value[1] = a.second;
  out.value[2] = b.first, out.value[3] = b.second;
}

// 53 bits each: lanes 1 and 0 make the radius' uniform, lanes 3 and 2 the angle's.
PYVAE_MATH void normals(const PhiloxBlock& bits, NormalBlock<double>& out) {
  constexpr double kUlp = 1.1102230246251565e-16, kTwoPi = 6.283185307179586477;
  const uint64_t a = (static_cast<uint64_t>(bits.lane[1]) << 32 | bits.lane[0]) >> 11;
  const uint64_t b = (static_cast<uint64_t>(bits.lane[3]) << 32 | bits.lane[2]) >> 11;
  const double radius = libm::sqrt(-2.0 * log((static_cast<double>(a) + 0.5) * kUlp));
  const double angle = kTwoPi * (static_cast<double>(b) * kUlp);
  out.value[0] = radius * libm::cos(angle), out.value[1] = radius * libm::sin(angle);
}

}  // namespace pyvae
