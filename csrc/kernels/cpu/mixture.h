// What the forward and the backward over a mixture's columns share: tiles of columns, and the pairs whose weight is not
// the shared one. For inclusion by the CPU kernels only.
//
// Lanes are rows: a vector holds a few rows of one latent, a column's parameters are scalars that meet it. So a column
// is never cut by a vector, sums over columns are vertical, and only sums over rows need a horizontal step.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"
#include "../minibatch_log_density.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

template <typename T>
T minimum(T a, T b) {
  return a < b ? a : b;
}

// The columns [first, first + count) in one latent.
template <typename T>
struct Tile {
  const T *mean, *scale, *constant;
};

template <typename T>
Tile<T> tile_of(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t first) {
  const int64_t offset = (b * mixture.latents + d) * mixture.columns + first;
  return {mixture.mean + offset, mixture.scale + offset, mixture.constant + offset};
}

// Rows and columns of one batch entry.
struct Pairs {
  int64_t row, rows, column, columns;
};

// The pairs whose weight is not the shared one: every row has them in its diagonal column and in the next.
template <typename T>
struct SpecialPairs {
  int64_t columns;
  T diagonal_shift, next_shift;  // what they add to their base-2 exponents

  SpecialPairs(const PairWeights& weights, int64_t columns)
      : columns(columns),
        diagonal_shift(static_cast<T>(weights.log_diagonal_ratio * kLog2E)),
        next_shift(static_cast<T>(weights.log_next_ratio * kLog2E)) {}

  // Calls visit(row, column, shift) for those among `pairs`, and returns whether there were any.
  template <typename Visit>
  bool visit(const Pairs& pairs, Visit visit) const {
    if (diagonal_shift == T(0)) return false;
    bool any = false;
    const int64_t end = pairs.row + pairs.rows;
    const auto one = [&](int64_t row, int64_t column, T shift) {
      if (column < pairs.column || column >= pairs.column + pairs.columns) return;
      visit(row, column, shift);
      any = true;
    };
    // Rows whose diagonal or next column can lie here, and the last row, whose next column is 0.
    const int64_t first = pairs.row > pairs.column - 1 ? pairs.row : pairs.column - 1;
    for (int64_t row = first; row < minimum(end, pairs.column + pairs.columns); ++row) {
      one(row, row, diagonal_shift);
      if (row + 1 < columns) one(row, row + 1, next_shift);
    }
    if (pairs.row < columns && columns <= end) one(columns - 1, 0, next_shift);
    return any;
  }
};

}  // namespace
}  // namespace pyvae::cpu
