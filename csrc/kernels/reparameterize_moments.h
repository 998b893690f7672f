// z = mean + e^(logvar/2) eps and the KL divergence of each row to the standard normal, from moments as encoders write
// them: in half types or wider ones, packed into one tensor or strided, logvar = scale * clamp(spread, low, high). The
// noise is that of reparameterize.h.
#pragma once
#include "../math/range.h"
#include "../math/spread.h"
#include "isa.h"
#include "strided.h"

namespace pyvae {

// Elements of a row that the forward takes at a time, and of the spread the backward: pieces of work.
constexpr int64_t kRowPiece = 16384, kSpreadPiece = 512;

namespace cuda {

// A warp takes a piece of a row there, of this many elements, or twice as many and so on where pieces would be more
// than these.
constexpr int64_t kLeastPiece = 256, kMostPieces = 8192;

// Pieces of a row.
PYVAE_MATH int64_t row_pieces(int64_t rows, int64_t latents) {
  const int64_t times = ceil_div(rows * latents, kLeastPiece * kMostPieces);
  return ceil_div(latents, kLeastPiece * times);
}

}  // namespace cuda

// A stream is a number of whole rows, or, with as many streams as elements, one element. No size is 0.
template <typename T>
struct ReparameterizeMoments {
  int64_t rows, latents, streams;
  int64_t pieces;          // of a row
  StridedIn mean, spread;  // [R, D]
  LogvarOf<T> logvar;
  const int64_t* seed;  // [S]
  StridedOut z;         // [R, D]
  T* kl;                // [R]
  double* of_pieces;    // [R, P], sums of their KL; not there where P is 1
};

// An element of the spread serves `repeats` latents, which are `inner` elements apart.
template <typename T>
struct ReparameterizeMomentsBackward {
  int64_t rows, latents, streams;
  int64_t repeats, inner;
  StridedIn grad_z;        // [R, D]
  const T* grad_kl;        // [R]
  StridedIn mean, spread;  // [R, D]
  LogvarOf<T> logvar;
  const int64_t* seed;     // [S]
  StridedOut grad_mean;    // [R, D]
  StridedOut grad_spread;  // [R D / (repeats inner), inner]

  PYVAE_MEMBER int64_t pieces() const { return rows * latents / (repeats * inner) * ceil_div(inner, kSpreadPiece); }
};

namespace cpu {
// Pieces [begin, end) of R P: of all rows.
template <Isa isa, typename T>
void reparameterize_moments(const ReparameterizeMoments<T>& args, int64_t begin, int64_t end);
// The rows' sums over their pieces, where P is not 1; rows [begin, end).
template <Isa isa, typename T>
void reparameterize_moments_sums(const ReparameterizeMoments<T>& args, int64_t begin, int64_t end);
// Pieces [begin, end) of args.pieces().
template <Isa isa, typename T>
void reparameterize_moments_backward(const ReparameterizeMomentsBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// Both return a cudaError_t; stream is a cudaStream_t. Rows are of row_pieces().
template <typename T>
int reparameterize_moments(const ReparameterizeMoments<T>& args, void* stream);
template <typename T>
int reparameterize_moments_backward(const ReparameterizeMomentsBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
