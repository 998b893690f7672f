// Standard normal noise, for the kernels that make it in place of reading it: bits, then normals, a few Philox blocks
// at a time with the bits between them in L1 (in one loop the compiler gives up on vectors).
//
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "../../math/normal.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// --- Bits
// -------------------------------------------------------------------------------------------------------------
//
// x86 multiplies 32 bits by 32 to 64 in lanes of 64 bits of which it reads the low halves. So a Philox block takes such
// a lane in each of four registers, and a round takes six instructions for a register of blocks (with AVX-512; eight
// elsewhere). Left to the compiler it takes 2.7 times as long on AVX-512, 2.5 on AVX2 and 1.6 on SSE (measured).

constexpr int64_t kWordLanes = kRegisterBytes / static_cast<int64_t>(sizeof(uint64_t));

// N registers side by side, because a round is a chain of dependent instructions.
template <int N>
struct Words {
  typedef uint64_t Part __attribute__((vector_size(kRegisterBytes)));
  Part part[N];

  friend PYVAE_INLINE Words operator^(Words a, const Words& b) {
    PYVAE_EACH_REGISTER a.part[k] ^= b.part[k];
    return a;
  }
  friend PYVAE_INLINE Words operator^(Words a, uint64_t b) {
    PYVAE_EACH_REGISTER a.part[k] ^= b;
    return a;
  }
  friend PYVAE_INLINE Words operator>>(Words a, int count) {
    PYVAE_EACH_REGISTER a.part[k] >>= count;
    return a;
  }
  friend PYVAE_INLINE Words multiply_low_halves(Words a, uint32_t b) {
    PYVAE_EACH_REGISTER a.part[k] = multiply_part(a.part[k], Part{} + b);
    return a;
  }

 private:
  static PYVAE_INLINE Part multiply_part(Part a, Part b) {
#if defined(__AVX512F__)
    return (Part)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);  // see vec.h for the mask
#elif defined(__AVX2__)
    return (Part)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__) && !defined(__AVX__)
    return (Part)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
  }
};

template <int N>
constexpr int64_t kBlocks = N * kWordLanes;

// The bits of the pairs of normals in kBlocks<N> Philox blocks from `counter` on, two pairs per block, in order.
template <int N>
PYVAE_VEC void pair_bits(uint64_t key, uint64_t counter, uint32_t* radius, uint32_t* angle) {
  using Part = typename Words<N>::Part;
  static constexpr uint64_t kIota[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  Part iota;
  __builtin_memcpy(&iota, kIota, sizeof(iota));
  Words<N> lane[4];
  PYVAE_EACH_REGISTER {
    lane[0].part[k] = iota + (counter + static_cast<uint64_t>(k * kWordLanes));
    lane[1].part[k] = lane[0].part[k] >> 32;
    lane[2].part[k] = lane[3].part[k] = Part{};
  }
  detail::philox_rounds(key, lane);
  PYVAE_EACH_REGISTER {
    const Part radii = (lane[0].part[k] & 0xffffffffu) | (lane[2].part[k] << 32);
    const Part angles = (lane[1].part[k] & 0xffffffffu) | (lane[3].part[k] << 32);
    __builtin_memcpy(radius + 2 * kWordLanes * k, &radii, sizeof(radii));
    __builtin_memcpy(angle + 2 * kWordLanes * k, &angles, sizeof(angles));
  }
}

// --- Normals
// ----------------------------------------------------------------------------------------------------------

// The normals of kBlocks<N> Philox blocks.
template <int N>
PYVAE_VEC void draw_blocks(uint64_t seed, uint64_t counter, float* eps) {
  constexpr int64_t kPairs = 2 * kBlocks<N>;
  alignas(kRegisterBytes) uint32_t radius[kPairs], angle[kPairs];
  pair_bits<N>(seed, counter, radius, angle);
#pragma omp simd
  for (int64_t p = 0; p < kPairs; ++p) {
    const NormalPair<float> pair = normal_pair(radius[p], angle[p]);
    eps[2 * p] = pair.first;
    eps[2 * p + 1] = pair.second;
  }
}

// The first `count` normals from block `counter` of a stream on. Writes whole registers of blocks.
PYVAE_VEC void draw_stream(uint64_t seed, uint64_t counter, int64_t count, float* eps) {
  constexpr int kMany = kRegisterBytes == 64 ? 4 : 2;  // as many as there are registers for
  constexpr int64_t kLong = 4 * kBlocks<kMany>, kShort = 4 * kBlocks<1>;
  int64_t k = 0;
  for (; k + kLong <= count; k += kLong) draw_blocks<kMany>(seed, counter + static_cast<uint64_t>(k / 4), eps + k);
  for (; k < count; k += kShort) draw_blocks<1>(seed, counter + static_cast<uint64_t>(k / 4), eps + k);
}

PYVAE_VEC void draw_stream(uint64_t seed, uint64_t counter, int64_t count, double* eps) {
  constexpr int kCount = NormalBlock<double>::kCount;
  for (int64_t k = 0; k < count; k += kCount) {
    NormalBlock<double> block;
    normals(philox(seed, counter + static_cast<uint64_t>(k / kCount)), block);
    for (int lane = 0; lane < kCount; ++lane) eps[k + lane] = block.value[lane];
  }
}

// Elements of a stream, of an op whose streams are of rows or of elements.
template <typename Args>
PYVAE_VEC int64_t stream_length(const Args& args) {
  return args.rows * args.latents / args.streams;
}

// Room for the noise of a tile, and for what draw_stream writes before and beyond it.
template <typename T, int64_t kTile>
struct NoiseTile {
  static constexpr int64_t kBefore = 64 / sizeof(T), kBeyond = 4 * kBlocks<1>;
  alignas(64) T value[kBefore + kTile + kBeyond];
};

// The noise of elements [first, first + count) of [streams, length], count <= kTile.
template <typename T, int64_t kTile>
PYVAE_VEC const T* draw(const int64_t* seed, int64_t length, int64_t first, int64_t count, NoiseTile<T, kTile>& tile) {
  constexpr int64_t kCount = NormalBlock<T>::kCount;
  T* const eps = tile.value + tile.kBefore;
  int64_t stream = first / length, position = first % length;
  // The first element may lie inside a block: then the block begins before the tile.
  int64_t k = -(position % kCount);
  position += k;
  while (k < count) {
    const int64_t rest = length - position, wanted = rest < count - k ? rest : count - k;
    draw_stream(static_cast<uint64_t>(seed[stream]), static_cast<uint64_t>(position / kCount), wanted, eps + k);
    k += wanted, position = 0, ++stream;
  }
  return eps;
}

}  // namespace
}  // namespace pyvae::cpu
