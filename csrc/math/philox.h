// Philox-4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3").
// Known answer (Random123): key 0, counter 0 gives 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
#pragma once
#include "portable.h"

#if defined(__CUDACC__)
#define PYVAE_UNROLL  // nvcc unrolls short loops unasked
#else
#define PYVAE_UNROLL _Pragma("GCC unroll 16")
#endif

namespace pyvae {

struct PhiloxBlock {
  uint32_t lane[4];
};

namespace detail {

// The product of two low halves. Its counterpart for vectors is what makes the rounds a template.
PYVAE_MATH uint64_t multiply_low_halves(uint64_t a, uint32_t b) {
#if defined(__CUDA_ARCH__)  // nvcc makes more of it than the one instruction that it is
  uint64_t product;
  asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(static_cast<uint32_t>(a)), "r"(b));
  return product;
#else
  return static_cast<uint64_t>(static_cast<uint32_t>(a)) * b;
#endif
}

// The ten rounds, in place. W is a 64-bit word, or a vector of them, of which only the low half counts: the high halves
// are left with whatever the products put there.
template <typename W>
PYVAE_MATH void philox_rounds(uint64_t key, W (&lane)[4]) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  PYVAE_UNROLL for (int round = 0; round < 10; ++round) {
    const W product0 = multiply_low_halves(lane[0], kMultiplier0);
    const W product1 = multiply_low_halves(lane[2], kMultiplier1);
    lane[0] = (product1 >> 32) ^ lane[1] ^ static_cast<uint64_t>(key0);
    lane[2] = (product0 >> 32) ^ lane[3] ^ static_cast<uint64_t>(key1);
    lane[1] = product1;
    lane[3] = product0;
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
}

}  // namespace detail

// The block at `counter` (the low 64 of its 128 bits; the others stay 0) of the stream `key`.
PYVAE_MATH PhiloxBlock philox(uint64_t key, uint64_t counter) {
  uint64_t lane[4] = {counter, counter >> 32, 0, 0};
  detail::philox_rounds(key, lane);
  return {{static_cast<uint32_t>(lane[0]), static_cast<uint32_t>(lane[1]), static_cast<uint32_t>(lane[2]),
           static_cast<uint32_t>(lane[3])}};
}

}  // namespace pyvae
