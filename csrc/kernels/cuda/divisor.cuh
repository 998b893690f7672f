// Division by a number that is known before the launch: by the upper half of a product, since a GPU has no instruction
// for a division of 64 bits and takes about a hundred. Not yet measured on a GPU.
#pragma once
#include "team.cuh"

namespace pyvae::cuda {

PYVAE_MATH uint64_t upper_half_of_product(uint64_t a, uint64_t b) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(a, b);
#else
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
#endif
}

// n / by for n in [0, 2^63), by Granlund and Montgomery (1994), theorem 4.2: with by <= 2^shift and
// factor = floor(2^(63 + shift) / by) + 1 it is floor(n factor / 2^(63 + shift)).
struct Divisor {
  int64_t by;
  uint64_t factor;
  int shift;

  Divisor() : Divisor(1) {}
  explicit Divisor(int64_t by) : by(by), factor(0), shift(0) {
    while ((int64_t{1} << shift) < by) ++shift;  // sizes of tensors lie far below 2^62
    factor = static_cast<uint64_t>((static_cast<unsigned __int128>(1) << (63 + shift)) / static_cast<uint64_t>(by)) + 1;
  }

  PYVAE_MEMBER int64_t quotient(int64_t n) const {
    return static_cast<int64_t>(upper_half_of_product(static_cast<uint64_t>(n) << 1, factor) >> shift);
  }
};

}  // namespace pyvae::cuda
