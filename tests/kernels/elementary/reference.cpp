// Float64 references, branch-free so that they vectorise, and the distance from
// them. main.cpp holds them against the C library before they are believed. No
// std code here: see tests/test_layering.py.
#include "functions.h"

namespace pyvae::elementary {
namespace {

constexpr double kInfinity = __builtin_inf();
constexpr double kLn2High = 0.693147180369123816490, kLn2Low = 1.90821492927058770002e-10;
constexpr double kLog2E = 1.44269504088896340736, kHalfPi = 1.57079632679489661923;

inline double from_bits(uint64_t bits) { return __builtin_bit_cast(double, bits); }
inline uint64_t to_bits(double x) { return __builtin_bit_cast(uint64_t, x); }
inline double argument(uint32_t bits) { return __builtin_bit_cast(float, bits); }

// e^x by its Taylor series on |x| <= ln 2 / 2; 0 and infinity beyond what half
// of it could be in float32.
inline double exponential(double x) {
  const double t = x < -200.0 ? -200.0 : (x > 200.0 ? 200.0 : x);
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52 leaves the rounded
                                                 // integer in the low bits
  const double shifted = t * kLog2E + kRound, n = shifted - kRound;
  const double r = (t - n * kLn2High) - n * kLn2Low;
  double p = 1.0;
#pragma GCC unroll 32
  for (int k = 14; k >= 1; --k) p = 1.0 + p * r * (1.0 / k);
  return p * from_bits((to_bits(shifted) - to_bits(kRound) + 1023) << 52);
}

// The logarithm of a positive normal number by the series of atanh.
inline double logarithm(double x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdull;
  // The exponent moved into the positive range, since vectors have no
  // arithmetic shift of 64 bits before AVX-512.
  const uint64_t biased = (to_bits(x) - kSqrtHalf + (uint64_t{1024} << 52)) >> 52;
  const double mantissa = from_bits(to_bits(x) - ((biased - 1024) << 52));
  const double e = from_bits(biased | 0x4330000000000000ull) - 4503599627371520.0;  // biased - 1024
  const double f = (mantissa - 1.0) / (mantissa + 1.0), s = f * f;
  double p = 0.0;
#pragma GCC unroll 32
  for (int k = 25; k >= 3; k -= 2) p = (p + 1.0 / k) * s;
  return (2.0 * f + 2.0 * f * p + e * kLn2Low) + e * kLn2High;
}

// (e^x - 1 - x) / x^2, |x| < 1.
inline double exponential_remainder(double x) {
  double p = 1.0;
#pragma GCC unroll 32
  for (int n = 20; n >= 3; --n) p = 1.0 + p * x * (1.0 / n);
  return 0.5 * p;
}

inline double cosine(double r) {  // of r quarter turns, |r| <= 1/2
  const double x = r * kHalfPi, s = x * x;
  double p = 1.0;
#pragma GCC unroll 32
  for (int k = 18; k >= 2; k -= 2) p = 1.0 - p * s * (1.0 / (k * (k - 1)));
  return p;
}

inline double sine(double r) {
  const double x = r * kHalfPi, s = x * x;
  double p = 1.0;
#pragma GCC unroll 32
  for (int k = 19; k >= 3; k -= 2) p = 1.0 - p * s * (1.0 / (k * (k - 1)));
  return x * p;
}

// sin of 2 pi bits / 2^32: the nearest quarter turn, and the rest of one.
inline double sine_of_turn(uint32_t bits) {
  const uint32_t quadrant = (bits + 0x20000000u) >> 30;
  const double r = static_cast<int32_t>(bits - (quadrant << 30)) * (1.0 / (1 << 30));
  const double value = (quadrant & 1u) != 0 ? cosine(r) : sine(r);
  return quadrant >= 2u ? -value : value;
}

inline double exp2_weight(double x) {  // documented to be 0 from 2^-126.5 downwards
  const double value = exponential((x < -130.0 ? -130.0 : x) * 0.69314718055994530942);
  return x <= -126.5 ? 0.0 : value;
}

inline double log(double x) {
  const double value = x == kInfinity ? x : logarithm(x);
  return x > 0.0 ? value : (x == 0.0 ? -kInfinity : __builtin_nan(""));
}

inline double normal_radius(uint32_t bits) {
  return __builtin_sqrt(-2.0 * logarithm((bits + 0.5) * 2.3283064365386962890625e-10));
}

inline double half_expm1(double x) {
  const double near = 0.5 * x + 0.5 * x * x * exponential_remainder(x), far = 0.5 * exponential(x) - 0.5;
  return x > -1.0 && x < 1.0 ? near : far;
}

inline double half_expm1_remainder(double x) {
  const double near = 0.5 * x * x * exponential_remainder(x), far = 0.5 * exponential(x) - 0.5 - 0.5 * x;
  // Beyond 200 the exponential stops growing and x must not win over it;
  // infinity - infinity has no value.
  return x > -1.0 && x < 1.0 ? near : (x > 200.0 ? kInfinity - (x == kInfinity ? kInfinity : 0.0) : far);
}

template <typename Value>
void fill(const uint32_t* bits, double* values, Value value) {
#pragma omp simd
  for (int k = 0; k < kBlock; ++k) values[k] = value(bits[k]);
}

// From here on every rounding gives infinity; short of it, infinity counts as
// 2^128.
constexpr double kOverflow = 0x1.000004p128;

inline double magnitude(double x) { return from_bits(to_bits(x) & ~(uint64_t{1} << 63)); }
inline double with_sign_of(double x, double sign) {
  return from_bits(to_bits(x) | (to_bits(sign) & (uint64_t{1} << 63)));
}

// 1 / ulp: 2^(23 - exponent), exponents from -126 where subnormal numbers
// begin.
inline double inverse_ulp(double x) {
  const uint64_t exponent = to_bits(magnitude(x)) >> 52, bounded = exponent > 897 ? exponent : 897;
  return from_bits((2069 - bounded) << 52);
}

// The nearest number of so many binary digits, ties to even; below the exponent
// `least` they are as far apart as there, and beyond `largest` is infinity.
inline double nearest(double x, uint64_t digits, int least, double largest) {
  constexpr double kRound = 6755399441055744.0;
  const uint64_t exponent = to_bits(magnitude(x)) >> 52, bound = static_cast<uint64_t>(least + 1023);
  const uint64_t unit = (exponent > bound ? exponent : bound) - digits + 1;
  const double steps = x * from_bits((2046 - unit) << 52) + kRound;
  const double value = (steps - kRound) * from_bits(unit << 52);
  const double bounded = magnitude(value) > largest ? with_sign_of(kInfinity, x) : value;
  return magnitude(x) < kInfinity ? bounded : x;
}

inline double from_float16(uint32_t bits) {
  const uint64_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double normal = (1024.0 + static_cast<double>(fraction)) * from_bits((exponent + 998) << 52);
  const double finite = exponent == 0 ? static_cast<double>(fraction) * 0x1p-24 : normal;
  const double value = exponent < 31 ? finite : (fraction == 0 ? kInfinity : __builtin_nan(""));
  return (bits & 0x8000u) != 0 ? -value : value;
}

inline double error_of(double value, double reference) {
  const double infinity = magnitude(reference) > kOverflow ? 0x1p129 : 0x1p128;
  const double r = magnitude(reference) > kOverflow ? with_sign_of(infinity, reference) : reference;
  const double v = magnitude(value) > 0x1p128 ? with_sign_of(infinity, value) : value;
  const double error = magnitude(v - r) * inverse_ulp(r);
  const double error_of_nan = value == value ? kInfinity : (reference == reference ? kInfinity : 0.0);
  return error == error ? error : error_of_nan;
}

}  // namespace

template <>
void reference<Isa::PYVAE_ISA>(Function function, const uint32_t* bits, double* values) {
  switch (function) {
    case Function::exp2_weight:
      return fill(bits, values, [](uint32_t b) { return exp2_weight(argument(b)); });
    case Function::exp:
      return fill(bits, values, [](uint32_t b) { return exponential(argument(b)); });
    case Function::half_exp:
      return fill(bits, values, [](uint32_t b) { return 0.5 * exponential(argument(b)); });
    case Function::log:
      return fill(bits, values, [](uint32_t b) { return log(argument(b)); });
    case Function::normal_radius:
      return fill(bits, values, [](uint32_t b) { return normal_radius(b); });
    case Function::cos_turn:
      return fill(bits, values, [](uint32_t b) { return sine_of_turn(b + 0x40000000u); });
    case Function::sin_turn:
      return fill(bits, values, [](uint32_t b) { return sine_of_turn(b); });
    case Function::half_expm1:
      return fill(bits, values, [](uint32_t b) { return half_expm1(argument(b)); });
    case Function::half_expm1_remainder:
      return fill(bits, values, [](uint32_t b) { return half_expm1_remainder(argument(b)); });
    case Function::from_bfloat16:
      return fill(bits, values, [](uint32_t b) { return argument(b << 16); });
    case Function::from_float16:
      return fill(bits, values, [](uint32_t b) { return from_float16(b); });
    case Function::to_bfloat16:
      return fill(bits, values, [](uint32_t b) { return nearest(argument(b), 8, -126, 0x1.fep127); });
    case Function::to_float16:
      return fill(bits, values, [](uint32_t b) { return nearest(argument(b), 11, -14, 65504.0); });
  }
}

template <>
double errors<Isa::PYVAE_ISA>(const float* values, const double* references, double* error) {
  double largest = 0.0;
#pragma omp simd reduction(max : largest)
  for (int k = 0; k < kBlock; ++k) {
    error[k] = error_of(values[k], references[k]);
    largest = error[k] > largest ? error[k] : largest;
  }
  return largest;
}

}  // namespace pyvae::elementary
