// What the CUDA kernels over a mixture share: its columns in base 2, the exponent of a pair, and the pairs whose weight
// is not the shared one. Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"
#include "../mixture.h"
#include "team.cuh"

namespace pyvae::cuda {

// --- Columns ---------------------------------------------------------------------------------------------------------

template <typename T>
PYVAE_MATH int64_t mixture_columns_blocks(const MixtureColumns<T>& args) {
  return blocks_for(args.batch * tiles_of(args.columns) * args.latents * kTile, kThreads);
}

// Where column j has its mean in latent d; the scale and the constant are kTile and 2 kTile further.
template <typename T>
PYVAE_MATH int64_t column_index(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t j) {
  return ((b * tiles_of(mixture.columns) + j / kTile) * mixture.latents + d) * 3 * kTile + j % kTile;
}

// Writes are contiguous; the strided reads go through the cache, which is cheap beside Q passes over the result.
template <typename T, typename Team>
PYVAE_KERNEL void mixture_columns_body(const MixtureColumns<T>& args, const Team& team) {
  team.threads([&](int thread) {
    const int64_t padded = tiles_of(args.columns) * kTile, elements = args.batch * padded * args.latents;
    for (int64_t k = team.block * kThreads + thread; k < elements; k += team.blocks * kThreads) {
      const int64_t d = k / kTile % args.latents, tile = k / kTile / args.latents;
      const int64_t b = tile / tiles_of(args.columns), j = tile % tiles_of(args.columns) * kTile + k % kTile;
      const int64_t from = (b * args.columns + j) * args.latents + d;
      const bool exists = j < args.columns;
      T* to = args.tiles + column_index(args, b, d, j);
      to[0] = exists ? args.mu[from] : T(0);
      to[kTile] = exists ? log_density_scale(args.logvar[from]) : T(1);
      to[2 * kTile] = exists ? log_density_constant(args.logvar[from]) : T(0);
    }
  });
}

// --- One pair --------------------------------------------------------------------------------------------------------

// One column in one latent.
template <typename T>
struct Column {
  T mean, scale, constant;
};

template <typename T>
PYVAE_KERNEL Column<T> column_at(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t j) {
  const T* at = mixture.tiles + column_index(mixture, b, d, j);
  return {at[0], at[kTile], at[2 * kTile]};
}

// The base-2 exponent of a query.
template <typename T>
PYVAE_KERNEL T exponent(const Column<T>& column, T z) {
  const T u = (z - column.mean) * column.scale;
  return column.constant - u * u;
}

// Rows [query, query + rows) and columns [column, column + columns) of one batch entry.
struct PairTile {
  int64_t batch, query, column;
  int rows, columns;
};

// What the diagonal and next columns add to their base-2 exponents.
template <typename T>
struct SpecialColumns {
  int64_t columns;
  T diagonal_shift, next_shift;
};

template <typename T>
PYVAE_KERNEL SpecialColumns<T> special_columns(const PairWeights& weights, int64_t columns) {
  return {columns, static_cast<T>(weights.log_diagonal_ratio * kLog2E),
          static_cast<T>(weights.log_next_ratio * kLog2E)};
}

// Whether a tile holds a special column at all; few do, and the others need not compare.
template <typename T>
PYVAE_KERNEL bool in_tile(const SpecialColumns<T>& special, const PairTile& tile) {
  if (special.diagonal_shift == T(0)) return false;
  const int64_t end = tile.query + tile.rows;
  const bool near = tile.column <= end && tile.query < tile.column + tile.columns;
  return near || (tile.column == 0 && end == special.columns);
}

template <typename T>
PYVAE_KERNEL T shift_of(const SpecialColumns<T>& special, int64_t query, int64_t column) {
  if (column == query) return special.diagonal_shift;
  return column == (query + 1 == special.columns ? 0 : query + 1) ? special.next_shift : T(0);
}

}  // namespace pyvae::cuda
