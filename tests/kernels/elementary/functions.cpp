// The functions under test, over a block. No std code here: see
// tests/test_layering.py.
#include "functions.h"

#include "../../../csrc/math/gaussian.h"
#include "../../../csrc/math/half.h"
#include "../../../csrc/math/log.h"
#include "../../../csrc/math/normal.h"

namespace pyvae::elementary {
namespace {

template <typename Value>
void fill(const uint32_t* bits, float* values, Value value) {
#pragma omp simd
  for (int k = 0; k < kBlock; ++k) values[k] = value(bits[k]);
}

float argument(uint32_t bits) { return bits_float(static_cast<int32_t>(bits)); }

template <typename Half>
float from_half(uint32_t bits) {
  return widened(Half{static_cast<uint16_t>(bits)});
}

template <typename Half>
float through_half(uint32_t bits) {
  Half half;
  round_to(half, argument(bits));
  return widened(half);
}

}  // namespace

template <>
void evaluate<Isa::PYVAE_ISA>(Function function, const uint32_t* bits, float* values) {
  switch (function) {
    case Function::exp2_weight:
      return fill(bits, values, [](uint32_t b) { return exp2_weight(argument(b)); });
    case Function::exp:
      return fill(bits, values, [](uint32_t b) { return exp(argument(b)); });
    case Function::half_exp:
      return fill(bits, values, [](uint32_t b) { return half_exp(argument(b)); });
    case Function::log:
      return fill(bits, values, [](uint32_t b) { return log(argument(b)); });
    case Function::normal_radius:
      return fill(bits, values, [](uint32_t b) { return detail::normal_radius(b); });
    case Function::cos_turn:
      return fill(bits, values, [](uint32_t b) { return detail::cos_sin_turn(b).first; });
    case Function::sin_turn:
      return fill(bits, values, [](uint32_t b) { return detail::cos_sin_turn(b).second; });
    case Function::half_expm1:
      return fill(bits, values, [](uint32_t b) { return half_expm1(argument(b)); });
    case Function::half_expm1_remainder:
      return fill(bits, values, [](uint32_t b) { return half_expm1_remainder(argument(b)); });
    case Function::from_bfloat16:
      return fill(bits, values, [](uint32_t b) { return from_half<BFloat16>(b); });
    case Function::from_float16:
      return fill(bits, values, [](uint32_t b) { return from_half<Float16>(b); });
    case Function::to_bfloat16:
      return fill(bits, values, [](uint32_t b) { return through_half<BFloat16>(b); });
    case Function::to_float16:
      return fill(bits, values, [](uint32_t b) { return through_half<Float16>(b); });
  }
}

}  // namespace pyvae::elementary
