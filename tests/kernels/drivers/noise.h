// The noise of an element written out: Box and Muller in double on the bits of
// its Philox block.
#pragma once
#include <cmath>
#include <cstdint>

#include "../../../csrc/math/philox.h"

namespace pyvae::driver {

// Normal k of a stream, as docs/architecture.md numbers them: T decides how
// many bits it takes.
template <typename T>
double noise(int64_t seed, int64_t k) {
  constexpr int64_t kPerBlock = sizeof(T) == 4 ? 4 : 2;
  constexpr double kTwoPi = 6.283185307179586477;
  const PhiloxBlock block = philox(static_cast<uint64_t>(seed), static_cast<uint64_t>(k / kPerBlock));
  const uint32_t* lane = block.lane + (sizeof(T) == 4 ? k % 4 / 2 * 2 : 0);
  double u = (lane[0] + 0.5) * 0x1p-32, angle = kTwoPi * lane[1] * 0x1p-32;
  if (sizeof(T) == 8) {
    u = (static_cast<double>((uint64_t{lane[1]} << 32 | lane[0]) >> 11) + 0.5) * 0x1p-53;
    angle = kTwoPi * static_cast<double>((uint64_t{lane[3]} << 32 | lane[2]) >> 11) * 0x1p-53;
  }
  return std::sqrt(-2 * std::log(u)) * (k % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

}  // namespace pyvae::driver
