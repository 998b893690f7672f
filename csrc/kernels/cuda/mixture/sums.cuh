// The forward's sums: what a thread adds to its rows' totals as it meets columns. See ../minibatch_log_density.cuh.
// Not yet measured on a GPU.
#pragma once
#include "pairs.cuh"

namespace pyvae::cuda {

// The sums of a thread's rows in one channel: over a tile, and over those before it, of which `error` is what their
// roundings added (Kahan). A thousand terms that are nearly equal would lose four digits together.
template <typename T, int kRows>
struct RunningSums {
  T peak[kRows], total[kRows], error[kRows], of_tile[kRows];
};

template <typename T, int kRows>
PYVAE_KERNEL RunningSums<T, kRows> no_sums(T peak) {
  RunningSums<T, kRows> sums{};
  for (int r = 0; r < kRows; ++r) sums.peak[r] = peak;
  return sums;
}

// Peaks are whole numbers, so that sums move by a power of two, exactly: one that rises slowly would otherwise add up
// the same rounding again and again.
template <typename T, int kRows>
PYVAE_KERNEL void raise(RunningSums<T, kRows>& sums, int r, T top) {
  const T factor = rescale(sums.peak[r], top);
  sums.total[r] *= factor, sums.error[r] *= factor, sums.of_tile[r] *= factor;
  sums.peak[r] = top;
}

template <typename T, int kRows>
PYVAE_KERNEL void end_tile(RunningSums<T, kRows>& sums) {
  for (int r = 0; r < kRows; ++r) {
    const T before = sums.total[r], term = sums.of_tile[r] - sums.error[r];
    sums.total[r] = before + term;
    sums.error[r] = (sums.total[r] - before) - term;
    sums.of_tile[r] = 0;
  }
}

template <typename T, int kColumns>
PYVAE_KERNEL T sum_of_weights(const T (&x)[kColumns], T peak) {
  T sum = 0;
  for (int k = 0; k < kColumns; ++k) sum += exp2_weight_unbounded(x[k] - peak);
  return sum;
}

// larger(a, b) where b is no NaN, in one instruction.
PYVAE_KERNEL float maximum(float a, float b) {
#if defined(__CUDA_ARCH__)
  return fmaxf(a, b);
#else
  return larger(a, b);
#endif
}
PYVAE_KERNEL double maximum(double a, double b) { return larger(a, b); }

template <typename T, int kColumns>
PYVAE_KERNEL T largest(const T (&x)[kColumns], T top) {
  for (int k = 0; k < kColumns; ++k) top = maximum(x[k], top);
  return top;
}

// --- A tile's exponents ----------------------------------------------------------------------------------------------

// The rows of a thread, and a tile of columns that they meet in one channel.
template <int kRows, typename T>
struct ForwardTile {
  int64_t row, latents;
  RowsOf<T> rows;
  T z[kRows];  // of the channel, where it is a marginal
  SpecialColumns<T> special;
  // Of the tile. A marginal's columns begin at its latent.
  int64_t column;
  ColumnsAt<T> columns;
  bool shifted;  // whether a pair has a weight of its own
};

// The rows of a thread in one channel, before they meet a tile.
template <int kRows, typename T>
PYVAE_KERNEL ForwardTile<kRows, T> forward_tile(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t b,
                                                int64_t channel, int64_t row) {
  const MixtureColumns<T>& mixture = args.mixture;
  const T* query = args.workspace + at.query + b * mixture.latents * at.pitch + row;
  ForwardTile<kRows, T> tile;
  tile.row = row, tile.latents = mixture.latents, tile.rows = {query, at.pitch};
  tile.special = special_columns<T>(args.weights, mixture, b);
  const bool joint = channel == args.channels - 1;
  for (int r = 0; r < kRows; ++r) tile.z[r] = joint ? T(0) : query[channel * at.pitch + r * kThreads];
  return tile;
}

// Moves on to a tile of columns; `latent` is the marginal's, or 0.
template <int kRows, typename T>
PYVAE_KERNEL void enter(ForwardTile<kRows, T>& tile, const MixtureColumns<T>& mixture, int64_t b, int64_t latent,
                        int64_t number) {
  tile.column = number * kTile;
  tile.columns = columns_at(mixture, b, tile.column);
  tile.columns.parameters += latent * 3 * kTile;
}

template <int kColumns, int kRows, typename T>
PYVAE_KERNEL void shift(const ForwardTile<kRows, T>& tile, int within, T (&x)[kRows][kColumns]) {
  if (!tile.shifted) return;
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = tile.row + r * kThreads;
    const T diagonal = diagonal_shift_of(tile.special, i);
    for (int k = 0; k < kColumns; ++k) x[r][k] += shift_of(tile.special, diagonal, i, tile.column + within + k);
  }
}

// The base-2 exponents of a marginal's columns, less `below`: near their constants, or 0. Less a far row's own peak
// they would be fused with its square, and the peak's rounding be all that is left.
template <int kColumns, int kRows, typename T>
PYVAE_KERNEL void marginal_exponents(const ForwardTile<kRows, T>& tile, int within, T below, T (&x)[kRows][kColumns]) {
  const T* at = tile.columns.parameters + within;
  for (int k = 0; k < kColumns; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(at + k), scale = load_pack(at + kTile + k), constant = load_pack(at + 2 * kTile + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T largest_exponent = constant.value[p] - below;
      for (int r = 0; r < kRows; ++r) {
        const T u = (tile.z[r] - mean.value[p]) * scale.value[p];
        x[r][k + p] = largest_exponent - u * u;
      }
    }
  }
  shift(tile, within, x);
}

// The largest of a marginal's constants, or `top`.
template <int kColumns, int kRows, typename T>
PYVAE_KERNEL T largest_constant(const ForwardTile<kRows, T>& tile, int within, T top) {
  const T* at = tile.columns.parameters + 2 * kTile + within;
  for (int k = 0; k < kColumns; k += kPackSize<T>) top = largest(load_pack(at + k).value, top);
  return top;
}

// --- What a row gets from columns [within, within + kColumns) of a tile ----------------------------------------------
// It depends on no other row of the thread.

// A pack of columns, or several, which share one look at the peak.
template <typename T>
constexpr int kForwardColumns = sizeof(T) == 4 ? 16 : 2;
static_assert(kTile % kForwardColumns<float> == 0 && kTile % kForwardColumns<double> == 0);

template <typename T>
constexpr T kInfinity = T(__builtin_inf());

// The joint's. A row's peak is about an exponent that it has met, and serves until a sum above it exceeds kAbovePeak or
// is no number, less often the longer it goes on; the sum of the rows' sums tells whether to look.
struct JointTerms {
  static constexpr double kAbovePeak = 64;
  template <typename T>
  static constexpr int kColumns = kForwardColumns<T>;

  template <typename T>
  PYVAE_KERNEL T first_peak() {
    return -kInfinity<T>;
  }

  template <typename T>
  PYVAE_KERNEL bool serves(T sum) {
    return sum <= T(kAbovePeak);
  }

  template <int kRows, typename T>
  PYVAE_KERNEL void add(const ForwardTile<kRows, T>& tile, int within, RunningSums<T, kRows>& sums) {
    T x[kRows][kColumns<T>], sum[kRows], all = 0;
    joint_exponents(tile.latents, tile.columns + within, tile.rows, x);
    shift(tile, within, x);
    for (int r = 0; r < kRows; ++r) all += sum[r] = sum_of_weights(x[r], sums.peak[r]);
    if (!serves(all)) {
      for (int r = 0; r < kRows; ++r) {
        if (serves(sum[r])) continue;
        raise(sums, r, whole_above(largest(x[r], sums.peak[r])));
        sum[r] = sum_of_weights(x[r], finite_peak(sums.peak[r]));
      }
    }
    for (int r = 0; r < kRows; ++r) sums.of_tile[r] += sum[r];
  }
};

// A marginal's. All rows' peak is the largest constant that was met, which no exponent exceeds by more than a rounding:
// that takes a subtraction per column, where a peak of each row takes one per pair.
struct MarginalTerms {
  template <typename T>
  static constexpr int kColumns = kForwardColumns<T>;
  template <typename T>
  PYVAE_KERNEL T first_peak() {
    return sizeof(T) == 4 ? T(-3e38f) : T(-1e308);  // finite, so that less than it is -inf
  }

  template <int kRows, typename T>
  PYVAE_KERNEL void add(const ForwardTile<kRows, T>& tile, int within, RunningSums<T, kRows>& sums) {
    const T top = whole_above(largest_constant<kColumns<T>>(tile, within, sums.peak[0]));
    if (top > sums.peak[0]) {
      for (int r = 0; r < kRows; ++r) raise(sums, r, top);
    }
    T x[kRows][kColumns<T>];
    marginal_exponents(tile, within, top, x);
    for (int r = 0; r < kRows; ++r) sums.of_tile[r] += sum_of_weights(x[r], T(0));
  }
};

// A marginal's, of rows that are far below its constants: the peak is the largest exponent.
struct FarMarginalTerms {
  template <typename T>
  static constexpr int kColumns = kPackSize<T>;
  template <typename T>
  PYVAE_KERNEL T first_peak() {
    return -kInfinity<T>;
  }

  template <int kRows, typename T>
  PYVAE_KERNEL void add(const ForwardTile<kRows, T>& tile, int within, RunningSums<T, kRows>& sums) {
    T x[kRows][kColumns<T>];
    marginal_exponents(tile, within, T(0), x);
    for (int r = 0; r < kRows; ++r) {
      raise(sums, r, whole_above(largest(x[r], sums.peak[r])));
      sums.of_tile[r] += sum_of_weights(x[r], finite_peak(sums.peak[r]));
    }
  }
};

}  // namespace pyvae::cuda
