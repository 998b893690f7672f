// What the CUDA kernels over a mixture share: its columns in base 2, the exponent of a pair, and the pairs whose weight
// is not the shared one. Not yet measured on a GPU.
#pragma once
#include "../../../math/gaussian.h"
#include "../../../math/logsumexp.h"
#include "../../mixture.h"
#include "../packs.cuh"

namespace pyvae::cuda {

static_assert(kThreads == kBlockThreads, "mixture_launch.h plans for blocks of this size");

// The least whole number that is not less.
PYVAE_KERNEL float whole_above(float x) { return __builtin_ceilf(x); }
PYVAE_KERNEL double whole_above(double x) { return __builtin_ceil(x); }

// --- How a call is laid out ------------------------------------------------------------------------------------------

template <typename T>
MixtureWorkspace forward_layout(const MixtureLogDensity<T>& args) {
  const MixtureColumns<T>& mixture = args.mixture;
  return {mixture.batch, args.queries, mixture.columns, mixture.latents, args.channels, args.slots};
}

template <typename T>
MixtureBackwardWorkspace backward_layout(const MixtureLogDensityBackward<T>& args) {
  const MixtureColumns<T>& mixture = args.mixture;
  return {mixture.batch, args.queries, mixture.columns, mixture.latents, args.channels, args.slots};
}

// --- Columns ---------------------------------------------------------------------------------------------------------

// Where column j has its mean in latent d; the scale and the constant are kTile and 2 kTile further.
template <typename T>
PYVAE_MATH int64_t column_index(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t j) {
  return ((b * tiles_of(mixture.columns) + j / kTile) * mixture.latents + d) * 3 * kTile + j % kTile;
}

// Where it has the sum of a group's constants; those of the next group are kTile further.
template <typename T>
PYVAE_MATH int64_t constant_index(const MixtureColumns<T>& mixture, int64_t b, int64_t group, int64_t j) {
  const int64_t groups = latent_groups(mixture.latents);
  return ((b * tiles_of(mixture.columns) + j / kTile) * groups + group) * kTile + j % kTile;
}

// Neighbouring columns of a tile: where the first has its mean in the first latent, and its first group's constant.
template <typename T>
struct ColumnsAt {
  const T *parameters, *constants;

  PYVAE_MEMBER ColumnsAt operator+(int columns) const { return {parameters + columns, constants + columns}; }
};

template <typename T>
PYVAE_KERNEL ColumnsAt<T> columns_at(const MixtureColumns<T>& mixture, int64_t b, int64_t j) {
  return {mixture.tiles + column_index(mixture, b, 0, j), mixture.constants + constant_index(mixture, b, 0, j)};
}

// --- The joint's exponents -------------------------------------------------------------------------------------------

// The rows of a thread, kThreads apart, in [D, pitch]; `first` is the first of them in the first latent.
template <typename T>
struct RowsOf {
  const T* first;
  int64_t pitch;
};

// sum_d u^2 of latents [d, last).
template <typename T, int kRows, int kColumns>
PYVAE_KERNEL void sum_of_squares(const ColumnsAt<T>& at, const RowsOf<T>& rows, int64_t d, int64_t last,
                                 T (&sum)[kRows][kColumns]) {
  for (int r = 0; r < kRows; ++r) {
    for (int k = 0; k < kColumns; ++k) sum[r][k] = 0;
  }
  for (; d < last; ++d) {
    T z[kRows];
    for (int r = 0; r < kRows; ++r) z[r] = rows.first[d * rows.pitch + r * kThreads];
    for (int k = 0; k < kColumns; k += kPackSize<T>) {
      const T* mean_at = at.parameters + d * 3 * kTile + k;
      const Pack<T> mean = load_pack(mean_at), scale = load_pack(mean_at + kTile);
      for (int p = 0; p < kPackSize<T>; ++p) {
        for (int r = 0; r < kRows; ++r) {
          const T u = (z[r] - mean.value[p]) * scale.value[p];
          sum[r][k + p] += u * u;
        }
      }
    }
  }
}

// The base-2 exponents of kColumns columns, group by group the constants less sum_d u^2: both grow with the number of
// latents and nearly cancel. Without the special shifts; -inf beyond the last column.
template <typename T, int kRows, int kColumns>
PYVAE_KERNEL void joint_exponents(int64_t latents, const ColumnsAt<T>& at, const RowsOf<T>& rows,
                                  T (&x)[kRows][kColumns]) {
  for (int64_t group = 0; group < latent_groups(latents); ++group) {
    T sum[kRows][kColumns];
    sum_of_squares(at, rows, group * kLatentGroup, smaller((group + 1) * kLatentGroup, latents), sum);
    for (int k = 0; k < kColumns; k += kPackSize<T>) {
      const Pack<T> constant = load_pack(at.constants + group * kTile + k);
      for (int p = 0; p < kPackSize<T>; ++p) {
        for (int r = 0; r < kRows; ++r) {
          const T part = constant.value[p] - sum[r][k + p];
          x[r][k + p] = group == 0 ? part : x[r][k + p] + part;
        }
      }
    }
  }
}

// --- Special columns -------------------------------------------------------------------------------------------------

// Rows [query, query + rows) and columns [column, column + columns) of one batch entry.
struct PairTile {
  int64_t batch, query, column;
  int rows, columns;
};

// What the diagonal and next columns add to their base-2 exponents. `own` is Importance::own of all batch entries: as
// an argument of the kernel it takes no register of the loops over pairs.
template <typename T>
struct SpecialColumns {
  int64_t batch, columns;
  T diagonal_shift, next_shift;
  const T* own;

  PYVAE_MEMBER bool any() const { return own != nullptr || diagonal_shift != T(0); }
};

template <typename T>
PYVAE_KERNEL SpecialColumns<T> special_columns(const PairWeights& weights, const MixtureColumns<T>& mixture,
                                               int64_t b) {
  return {b, mixture.columns, static_cast<T>(weights.log_diagonal_ratio * kLog2E),
          static_cast<T>(weights.log_next_ratio * kLog2E), mixture.importance.own};
}

// Whether a tile holds a special column at all; few do, and the others need not compare.
template <typename T>
PYVAE_KERNEL bool in_tile(const SpecialColumns<T>& special, const PairTile& tile) {
  if (!special.any()) return false;
  const int64_t end = tile.query + tile.rows;
  const bool near = tile.column <= end && tile.query < tile.column + tile.columns;
  return near || (tile.column == 0 && end >= special.columns);
}

// The shift of row i with column i; rows beyond the last compute, too. To be read once per row or column that a thread
// owns: a read per pair, unrolled, takes registers from all calls, so that some kernels spill.
template <typename T>
PYVAE_KERNEL T diagonal_shift_of(const SpecialColumns<T>& special, int64_t i) {
  if (special.own == nullptr || i >= special.columns) return special.diagonal_shift;
  return special.own[special.batch * special.columns + i] * static_cast<T>(kLog2E);
}

// A pair's shift; `diagonal` is diagonal_shift_of its row or of its column.
template <typename T>
PYVAE_KERNEL T shift_of(const SpecialColumns<T>& special, T diagonal, int64_t query, int64_t column) {
  if (column == query) return diagonal;
  return column == (query + 1 == special.columns ? 0 : query + 1) ? special.next_shift : T(0);
}

}  // namespace pyvae::cuda
