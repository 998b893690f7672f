// The forward's sums: what a thread adds to its rows' totals as it meets columns. See minibatch_log_density.cuh.
// Not yet measured on a GPU.
#pragma once
#include "mixture.cuh"

namespace pyvae::cuda {

// Columns that a thread meets at a time: their exponents share one look at the peak.
template <typename T>
constexpr int kForwardColumns = sizeof(T) == 4 ? 16 : 2;
static_assert(kTile % kForwardColumns<float> == 0 && kTile % kForwardColumns<double> == 0);

template <typename T, int kRows>
struct RunningSums {
  T peak[kRows], total[kRows];
};

template <typename T, int kColumns>
PYVAE_KERNEL T sum_of_weights(const T (&x)[kColumns], T peak) {
  T sum = 0;
  for (int k = 0; k < kColumns; ++k) sum += exp2_weight_unbounded(x[k] - peak);
  return sum;
}

// Nothing asks for the largest exponent while the peaks serve: sums above kAbovePeak, or one that is no number, show
// that they do not, and less often the longer it goes on.
constexpr double kAbovePeak = 64;
template <typename T>
PYVAE_KERNEL bool is_within(T sum, double bound) {
  return sum <= T(bound);
}

template <typename T, int kColumns>
PYVAE_KERNEL T largest(const T (&x)[kColumns], T top) {
  for (int k = 0; k < kColumns; ++k) top = larger(x[k], top);
  return top;
}

template <typename T>
PYVAE_KERNEL void raise(T& peak, T& total, T top) {
  total *= rescale(peak, top);
  peak = top;
}

// --- A tile's exponents ----------------------------------------------------------------------------------------------

// The exponents of a marginal's columns, the first of which has its mean at `at`, less `below`.
template <typename T, int kRows, int kColumns>
PYVAE_KERNEL void marginal_exponents(const T* at, const T (&z)[kRows], T below, T (&x)[kRows][kColumns]) {
  for (int k = 0; k < kColumns; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(at + k), scale = load_pack(at + kTile + k), constant = load_pack(at + 2 * kTile + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T top = constant.value[p] - below;
      for (int r = 0; r < kRows; ++r) {
        const T u = (z[r] - mean.value[p]) * scale.value[p];
        x[r][k + p] = top - u * u;
      }
    }
  }
}

// The rows of a thread, and a tile of columns that they meet in one channel.
template <bool kJoint, int kRows, typename T>
struct ForwardTile {
  int64_t row, latents;
  RowsOf<T> rows;
  T z[kRows];  // of the channel, where it is a marginal
  SpecialColumns<T> special;
  // Of the tile.
  int64_t column;
  ColumnsAt<T> columns;
  bool shifted;  // whether a pair has a weight of its own

  // The base-2 exponents of kColumns columns, less `below`.
  template <int kColumns>
  PYVAE_MEMBER void exponents(int within, T below, T (&x)[kRows][kColumns]) const {
    if constexpr (kJoint) {
      joint_exponents(latents, columns + within, rows, x);
    } else {
      marginal_exponents(columns.parameters + within, z, below, x);
    }
    if (!shifted) return;
    for (int r = 0; r < kRows; ++r) {
      for (int k = 0; k < kColumns; ++k) x[r][k] += shift_of(special, row + r * kThreads, column + within + k);
    }
  }
};

// --- Their sums ------------------------------------------------------------------------------------------------------

// Whether each row has a peak of its own, at first -inf, or all of a thread share one, at first 0, which saves a
// subtraction per term.
enum class Peaks { own, shared };

template <int kColumns, bool kJoint, int kRows, typename T>
PYVAE_KERNEL void add_columns_to_own(const ForwardTile<kJoint, kRows, T>& tile, int within,
                                     RunningSums<T, kRows>& sums) {
  T x[kRows][kColumns], sum[kRows], all = 0;
  tile.exponents(within, T(0), x);
  for (int r = 0; r < kRows; ++r) all += sum[r] = sum_of_weights(x[r], sums.peak[r]);
  if (!is_within(all, kAbovePeak)) {
    for (int r = 0; r < kRows; ++r) {
      if (is_within(sum[r], kAbovePeak / kRows)) continue;
      raise(sums.peak[r], sums.total[r], largest(x[r], sums.peak[r]));
      sum[r] = sum_of_weights(x[r], finite_peak(sums.peak[r]));
    }
  }
  for (int r = 0; r < kRows; ++r) sums.total[r] += sum[r];
}

template <int kColumns, bool kJoint, int kRows, typename T>
PYVAE_KERNEL void add_columns_to_shared(const ForwardTile<kJoint, kRows, T>& tile, int within,
                                        RunningSums<T, kRows>& sums) {
  T x[kRows][kColumns], sum[kRows], all = 0;
  tile.exponents(within, sums.peak[0], x);
  for (int r = 0; r < kRows; ++r) all += sum[r] = sum_of_weights(x[r], T(0));
  if (!is_within(all, kAbovePeak)) {
    T rise = 0;
    for (int r = 0; r < kRows; ++r) rise = largest(x[r], rise);
    const T top = sums.peak[0] + rise;
    rise = top - sums.peak[0];  // as it was rounded
    for (int r = 0; r < kRows; ++r) {
      raise(sums.peak[r], sums.total[r], top);
      sum[r] = sum_of_weights(x[r], rise);
    }
  }
  for (int r = 0; r < kRows; ++r) sums.total[r] += sum[r];
}

}  // namespace pyvae::cuda
