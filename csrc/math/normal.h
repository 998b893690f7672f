// Standard normal numbers from random bits by Box and Muller: sqrt(-2 log u) (cos 2 pi v, sin 2 pi v).
//
// A uniform uses all the bits it is given (32 of a float32 pair: 24 would cut the normal off at 5.77 sigma), and the
// angle is reduced to a quarter turn on integers, where that is exact.
#pragma once
#include "exp2.h"
#include "log.h"
#include "philox.h"

namespace pyvae {

template <typename T>
struct NormalPair {
  T first, second;
};

namespace detail {

// sqrt(-2 log u), u = (bits + 1/2) / 2^32. u takes two float32: rounding it to one would cost the logarithm its digits
// where u is near 1.
PYVAE_MATH float normal_radius(uint32_t bits) {
  // 2^24 u = sum + lost exactly.
  const float high = static_cast<float>(static_cast<int32_t>(bits >> 8));
  const float low = static_cast<float>(static_cast<int32_t>(bits & 255u)) * 0x1p-8f + 0x1p-9f;
  const float sum = high + low;
  const float lost = low - (sum - high);
  const int32_t e = log_exponent(sum);
  const float unit = power_of_two(-e);
  const float f = sum * unit - 1.0f, rest = lost * unit;
  return normal_sqrt(-2.0f * log_reduced(f, static_cast<float>(e - 24), rest - rest * (f - f * f)));
}

// (cos, sin) of 2 pi bits / 2^32, reduced on integers to an angle a in [-pi/4, pi/4]:
// cos a = 1 - s/2 + s^2 C(s), sin a = a + a s S(s), s = a^2, C and S minimax fits.
PYVAE_MATH NormalPair<float> cos_sin_turn(uint32_t bits) {
  // In the top two bits the quadrant, below them the angle: 12 bits times a short part of 2 pi make an exact product,
  // the rest is small. a = high + low has more digits than one float32.
  const uint32_t turn = bits + 0x20020000u;
  const float coarse = static_cast<float>(static_cast<int32_t>(turn & 0x3ffc0000u) - 0x20000000);
  const float fine = static_cast<float>(static_cast<int32_t>(turn & 0x0003ffffu) - 0x00020000);
  const float high = coarse * (6.283203125f * 0x1p-32f);
  const float low = fine * (6.2831855f * 0x1p-32f) + coarse * (-1.7817820e-05f * 0x1p-32f);
  const float a = high + low, s = a * a, half = 0.5f * s;
  const float sine_tail = s * (s * (s * -0.00019518292f + 0.008332189f) - 0.16666655f);
  const float sine = high + (a * sine_tail + low);
  const float cosine_head = 1.0f - half;
  const float cosine_tail = s * s * (s * (s * 2.4432327e-05f - 0.001388731f) + 0.041666646f);
  const float cosine = cosine_head + (((1.0f - cosine_head) - half) + cosine_tail);
  const bool swap = (turn & 0x40000000u) != 0;
  const int32_t cosine_sign = static_cast<int32_t>((turn + 0x40000000u) & 0x80000000u);
  const int32_t sine_sign = static_cast<int32_t>(turn & 0x80000000u);
  return {bits_float(float_bits(swap ? sine : cosine) ^ cosine_sign),
          bits_float(float_bits(swap ? cosine : sine) ^ sine_sign)};
}

}  // namespace detail

PYVAE_MATH NormalPair<float> normal_pair(uint32_t radius_bits, uint32_t angle_bits) {
  const float radius = detail::normal_radius(radius_bits);
  const NormalPair<float> direction = detail::cos_sin_turn(angle_bits);
  return {radius * direction.first, radius * direction.second};
}

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
  const NormalPair<float> a = normal_pair(bits.lane[0], bits.lane[1]);
  const NormalPair<float> b = normal_pair(bits.lane[2], bits.lane[3]);
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
