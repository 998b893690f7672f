// Reparameterised sampling with the noise made in registers: Philox bits, Box-Muller normals and the affine map in one
// pass over mu and logvar. Avoids storing eps, in the backward as in the forward. Work is handed out in pieces of one
// stream; a piece is made tile by tile, lanes over Philox blocks.
#include "../reparameterize.h"

#include "../../math/gaussian.h"
#include "../../math/normal.h"

namespace pyvae::cpu {
namespace {

constexpr int64_t kPiece = kReparameterizePiece;

// The normals of elements [begin, begin + count) of a stream, count <= kPiece; begin is a multiple of kPiece. Writes up
// to the end of the last Philox block.
template <typename T>
void draw(uint64_t seed, int64_t begin, int64_t count, T* eps) {
  constexpr int kCount = NormalBlock<T>::kCount;
  constexpr int64_t kBlocks = kPiece / kCount;
  const int64_t blocks = (count + kCount - 1) / kCount;
  const uint64_t first = static_cast<uint64_t>(begin / kCount);
  // Bits, then normals, then the interleaving, each a loop over blocks: in one loop the compiler gives up on vectors.
  uint32_t bits[4][kBlocks];
#pragma omp simd
  for (int64_t b = 0; b < blocks; ++b) {
    const PhiloxBlock block = philox(seed, first + static_cast<uint64_t>(b));
    bits[0][b] = block.lane[0], bits[1][b] = block.lane[1];
    bits[2][b] = block.lane[2], bits[3][b] = block.lane[3];
  }
  T lanes[kCount][kBlocks];
#pragma omp simd
  for (int64_t b = 0; b < blocks; ++b) {
    NormalBlock<T> block;
    normals(PhiloxBlock{{bits[0][b], bits[1][b], bits[2][b], bits[3][b]}}, block);
    for (int lane = 0; lane < kCount; ++lane) lanes[lane][b] = block.value[lane];
  }
  for (int64_t b = 0; b < blocks; ++b) {
    for (int lane = 0; lane < kCount; ++lane) eps[b * kCount + lane] = lanes[lane][b];
  }
}

// Calls body(offset into the tensor, elements, eps) for every piece.
template <typename T, typename Args, typename Body>
void for_each_piece(const Args& args, int64_t begin, int64_t end, Body body) {
  const int64_t pieces = (args.length + kPiece - 1) / kPiece;
  alignas(64) T eps[kPiece];
  for (int64_t piece = begin; piece < end; ++piece) {
    const int64_t stream = piece / pieces, start = piece % pieces * kPiece;
    const int64_t count = args.length - start < kPiece ? args.length - start : kPiece;
    draw(static_cast<uint64_t>(args.seed[stream]), start, count, eps);
    body(stream * args.length + start, count, eps);
  }
}

template <typename T>
void forward(const Reparameterize<T>& args, int64_t begin, int64_t end) {
  for_each_piece<T>(args, begin, end, [&](int64_t offset, int64_t count, const T* eps) {
    const T *mu = args.mu + offset, *logvar = args.logvar + offset;
    T* z = args.z + offset;
#pragma omp simd
    for (int64_t k = 0; k < count; ++k) z[k] = pyvae::reparameterize(mu[k], logvar[k], eps[k]);
  });
}

template <typename T>
void backward(const ReparameterizeBackward<T>& args, int64_t begin, int64_t end) {
  for_each_piece<T>(args, begin, end, [&](int64_t offset, int64_t count, const T* eps) {
    const T *grad_z = args.grad_z + offset, *logvar = args.logvar + offset;
    T* grad_logvar = args.grad_logvar + offset;
#pragma omp simd
    for (int64_t k = 0; k < count; ++k) {
      grad_logvar[k] = grad_z[k] * reparameterize_grad_logvar(logvar[k], eps[k]);
    }
  });
}

}  // namespace

template <>
void reparameterize<Isa::PYVAE_ISA>(const Reparameterize<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize<Isa::PYVAE_ISA>(const Reparameterize<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize_backward<Isa::PYVAE_ISA>(const ReparameterizeBackward<float>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}
template <>
void reparameterize_backward<Isa::PYVAE_ISA>(const ReparameterizeBackward<double>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
