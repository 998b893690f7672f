// What the forward and the backward over a mixture's columns share: tiles, exponents, the joint's sum over latents, and
// the columns whose weight is not the shared one. For inclusion by the CPU kernels only, inside their namespaces'
// files.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"
#include "../minibatch_log_density.h"

namespace pyvae::cpu {
namespace {

template <typename T>
T minimum(T a, T b) {
  return a < b ? a : b;
}

// The parameters of the columns [first, first + count) in one latent.
template <typename T>
struct Tile {
  const T *mean, *scale, *constant;
  int64_t count;
};

template <typename T>
Tile<T> tile_of(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t first, int64_t count) {
  const int64_t offset = (b * mixture.latents + d) * mixture.columns + first;
  return {mixture.mean + offset, mixture.scale + offset, mixture.constant + offset, count};
}

// Base-2 exponents x_j = constant_j - u_j^2 of one query in one latent. Returns the largest.
template <typename T>
T exponents(const Tile<T>& tile, T z, T* x) {
  const T *mean = tile.mean, *scale = tile.scale, *constant = tile.constant;
  T peak = -T(__builtin_inf());
#pragma omp simd reduction(max : peak)
  for (int64_t j = 0; j < tile.count; ++j) {
    const T u = (z - mean[j]) * scale[j];
    x[j] = constant[j] - u * u;
    peak = x[j] > peak ? x[j] : peak;
  }
  return peak;
}

template <typename T>
void add(const T* x, int64_t count, T* sum) {
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) sum[j] += x[j];
}

template <typename T>
T largest(const T* x, int64_t count) {
  T peak = -T(__builtin_inf());
#pragma omp simd reduction(max : peak)
  for (int64_t j = 0; j < count; ++j) peak = x[j] > peak ? x[j] : peak;
  return peak;
}

// The one or two columns of a row whose weight is not the shared one, as what to add to their base-2 exponents.
template <typename T>
struct SpecialColumns {
  int64_t diagonal, next;
  T diagonal_shift, next_shift;

  SpecialColumns(const PairWeights& weights, int64_t row, int64_t columns)
      : diagonal(row),
        next(row + 1 == columns ? 0 : row + 1),
        diagonal_shift(static_cast<T>(weights.log_diagonal_ratio * kLog2E)),
        next_shift(static_cast<T>(weights.log_next_ratio * kLog2E)) {}

  // Shifts what lies in the tile [first, first + count) of exponents x; returns the larger of `peak` and the shifted
  // exponents. A peak whose own exponent went down is still a valid bound.
  T apply(T* x, int64_t first, int64_t count, T peak) const {
    if (diagonal_shift == T(0)) return peak;
    const int64_t column[2] = {diagonal, next};
    const T shift[2] = {diagonal_shift, next_shift};
    for (int k = 0; k < 2; ++k) {
      const int64_t j = column[k] - first;
      if (j < 0 || j >= count) continue;
      x[j] += shift[k];
      peak = larger(x[j], peak);
    }
    return peak;
  }
};

// The joint's exponents of a tile, summed over latents in groups.
template <typename T, int64_t kTile>
struct JointExponents {
  alignas(64) T total[kTile] = {};
  alignas(64) T group[kTile] = {};

  // Latents come in order, d = 0, 1, ...
  void add_latent(const T* x, int64_t count, int64_t d) {
    add(x, count, group);
    if (d % kLatentGroup == kLatentGroup - 1) flush(count);
  }
  void flush(int64_t count) {
    add(group, count, total);
    for (int64_t j = 0; j < count; ++j) group[j] = 0;
  }
};

}  // namespace
}  // namespace pyvae::cpu
