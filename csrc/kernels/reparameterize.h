// z = mu + e^(logvar/2) eps with eps drawn inside, and its gradient with the same eps drawn again, never stored.
//
// Element k of a stream is normal k of that stream's Philox blocks (math/normal.h), so the result depends on neither
// threads nor vector width nor device.
#pragma once
#include "../math/range.h"
#include "isa.h"

namespace pyvae {

template <typename T>
struct Reparameterize {
  int64_t streams, length;  // elements are [streams, length]
  const T* mu;              // [S, n]
  const T* logvar;          // [S, n]
  const int64_t* seed;      // [S]
  T* z;                     // [S, n]
};

template <typename T>
struct ReparameterizeBackward {
  int64_t streams, length;
  const T* grad_z;      // [S, n]
  const T* logvar;      // [S, n]
  const int64_t* seed;  // [S]
  T* grad_logvar;       // [S, n]; grad_mu is grad_z
};

// Elements are handed out in pieces of kReparameterizePiece. The noise and three tensors of a piece fit a 32 KB L1
// cache.
constexpr int64_t kReparameterizePiece = 1024;

template <typename Args>
int64_t reparameterize_pieces(const Args& args) {
  return ceil_div(args.streams * args.length, kReparameterizePiece);
}

namespace cpu {
// Pieces [begin, end) of reparameterize_pieces(args).
template <Isa isa, typename T>
void reparameterize(const Reparameterize<T>& args, int64_t begin, int64_t end);
template <Isa isa, typename T>
void reparameterize_backward(const ReparameterizeBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// Both return a cudaError_t; stream is a cudaStream_t.
template <typename T>
int reparameterize(const Reparameterize<T>& args, void* stream);
template <typename T>
int reparameterize_backward(const ReparameterizeBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
