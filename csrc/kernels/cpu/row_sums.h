// The sums of sixteen rows of sixteen floats at once, by a tree whose every step halves what two registers hold: three
// instructions a row, where one sum_of_lanes after the other takes ten.
#pragma once
#include "vec.h"

namespace pyvae::cpu {
namespace {

constexpr int64_t kRows = 16;

template <int... kLane>
struct Lanes {};
template <int kCount, int... kLane>
struct CountLanes : CountLanes<kCount - 1, kCount - 1, kLane...> {};
template <int... kLane>
struct CountLanes<0, kLane...> {
  using type = Lanes<kLane...>;
};
constexpr int kWidth = static_cast<int>(kRegisterLanes<float>);
using AllLanes = typename CountLanes<kWidth>::type;

// Neighbouring lanes of a and of b added; both results share each 16 bytes.
template <int... kLane>
PYVAE_VEC Register<float> add_lanes(Register<float> a, Register<float> b, Lanes<kLane...>) {
  constexpr auto from = [](int lane) { return lane / 4 * 4 + lane % 2 * 2 + (lane % 4 < 2 ? 0 : kWidth); };
  return __builtin_shufflevector(a, b, from(kLane)...) + __builtin_shufflevector(a, b, (from(kLane) + 1)...);
}

// Neighbouring 16 bytes of a and of b added; the first half of the result is a's.
template <int... kLane>
PYVAE_VEC Register<float> add_quarters(Register<float> a, Register<float> b, Lanes<kLane...>) {
  constexpr auto from = [](int lane) {
    const int quarter = lane / 4, count = kWidth / 4;
    return quarter * 2 % count * 4 + lane % 4 + (quarter * 2 < count ? 0 : kWidth);
  };
  return __builtin_shufflevector(a, b, from(kLane)...) + __builtin_shufflevector(a, b, (from(kLane) + 4)...);
}

// rows and sums on 64 bytes.
PYVAE_VEC void sums_of_rows(const float (*rows)[kRows], float* sums) {
  constexpr int kRegisters = static_cast<int>(kRows) / kWidth;
  Register<float> part[kRows];
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
    Vec<float, 1> sum(0.0f);
    accumulate(sum, load<float, kRegisters>(rows[k]));
    part[k] = sum.part[0];
  }
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) part[k] = add_lanes(part[2 * k], part[2 * k + 1], AllLanes());
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) part[k] = add_lanes(part[2 * k], part[2 * k + 1], AllLanes());
#pragma GCC unroll 2
  for (int left = 4; left > kRegisters; left /= 2) {
#pragma GCC unroll 2
    for (int k = 0; k < left / 2; ++k) part[k] = add_quarters(part[2 * k], part[2 * k + 1], AllLanes());
  }
  __builtin_memcpy(sums, part, sizeof(float) * kRows);
}

}  // namespace
}  // namespace pyvae::cpu
