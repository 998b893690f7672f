// The float32 functions of csrc/math and what they should give, a block of
// arguments at a time.
//
// Both halves are compiled once per instruction set, like the kernels: the
// functions because that is what is under test, the float64 references because
// they have to keep up with 2^32 arguments.
#pragma once
#include <cstdint>

#include "../../../csrc/kernels/isa.h"

namespace pyvae::elementary {

constexpr int kBlock = 4096;

enum class Function {
  exp2_weight,
  exp,
  half_exp,
  log,
  normal_radius,
  cos_turn,
  sin_turn,
  half_expm1,
  half_expm1_remainder,
  from_bfloat16,
  from_float16,
  to_bfloat16,
  to_float16,
};

// An argument is 32 bits: a float, the random bits that normal_radius and the
// turns take, or a half type's, of which the upper half is nothing. What is
// converted to a half type is given as the float that is the same number.
template <Isa isa>
void evaluate(Function function, const uint32_t* bits,
              float* values);  // [kBlock] both

// What `function` should give, within 1e-13 relative.
template <Isa isa>
void reference(Function function, const uint32_t* bits,
               double* values);  // [kBlock] both

// Errors in units in the last place of a float32; infinite where a special
// value (NaN, infinity) is wrong. Returns the largest.
template <Isa isa>
double errors(const float* values, const double* references,
              double* error);  // [kBlock] all

}  // namespace pyvae::elementary
