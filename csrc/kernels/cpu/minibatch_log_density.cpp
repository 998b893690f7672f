// Minibatch log-density: streaming log-sum-exp over tiles of columns, lanes over columns, one rescale per tile.
//
// Forward: a block of rows visits the columns tile by tile, so that a tile's parameters are read from L1 by every row
// of the block. Exponents of one tile live in a buffer on the stack; peaks and totals are updated once per tile.
// Backward: one visit per pair serves grad_z, grad_mu and grad_logvar; a share of the columns sums over all rows in
// its own memory, and rows keep one sum per share.
#include "../minibatch_log_density.h"

#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"

namespace pyvae::cpu {
namespace {

// 256 columns of three parameters are 3 KB per latent: at D = 10 a tile stays in L1 while the rows of a block pass.
constexpr int64_t kColumnTile = 256;
constexpr int64_t kRowBlock = 8;

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

template <typename T>
T sum_of_weights(const T* x, int64_t count, T peak) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) sum += exp2_weight(x[j] - peak);
  return sum;
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

// Adds one tile of exponents to a running log-sum-exp.
template <typename T>
void accumulate(const T* x, int64_t count, T tile_peak, T& peak, T& total) {
  const T new_peak = larger(tile_peak, peak);
  total = total * rescale(peak, new_peak) + sum_of_weights(x, count, finite_peak(new_peak));
  peak = new_peak;
}

template <typename T>
void forward_tile(const MinibatchLogDensity<T>& args, int64_t row, int64_t first, int64_t count) {
  const MixtureColumns<T>& mixture = args.mixture;
  const int64_t latents = mixture.latents, b = row / args.queries;
  const SpecialColumns<T> special(args.weights, row % args.queries, mixture.columns);
  T *peak = args.peak + row * (latents + 1), *total = args.total + row * (latents + 1);
  alignas(64) T x[kColumnTile], joint[kColumnTile] = {};
  for (int64_t d = 0; d < latents; ++d) {
    const T tile_peak = exponents(tile_of(mixture, b, d, first, count), args.z[row * latents + d], x);
    add(x, count, joint);
    accumulate(x, count, special.apply(x, first, count, tile_peak), peak[d], total[d]);
  }
  const T tile_peak = special.apply(joint, first, count, largest(joint, count));
  accumulate(joint, count, tile_peak, peak[latents], total[latents]);
}

template <typename T>
void finish_row(const MinibatchLogDensity<T>& args, int64_t row) {
  const int64_t latents = args.mixture.latents;
  const T *peak = args.peak + row * (latents + 1), *total = args.total + row * (latents + 1);
  const T log_pair = static_cast<T>(args.weights.log_pair);
  for (int64_t d = 0; d < latents; ++d) {
    args.marginals[row * latents + d] = log_of_sum(peak[d], total[d]) + log_pair;
  }
  args.joint[row] = log_of_sum(peak[latents], total[latents]) + log_pair;
}

template <typename T>
void forward(const MinibatchLogDensity<T>& args, int64_t begin, int64_t end) {
  const int64_t columns = args.mixture.columns, channels = args.mixture.latents + 1;
  for (int64_t k = begin * channels; k < end * channels; ++k) args.peak[k] = -T(__builtin_inf()), args.total[k] = 0;
  // A block stays within one batch entry only by chance: that costs a second read of a tile, nothing else.
  for (int64_t block = begin; block < end; block += kRowBlock) {
    const int64_t block_end = minimum(block + kRowBlock, end);
    for (int64_t first = 0; first < columns; first += kColumnTile) {
      const int64_t count = minimum(kColumnTile, columns - first);
      for (int64_t row = block; row < block_end; ++row) forward_tile(args, row, first, count);
    }
    for (int64_t row = block; row < block_end; ++row) finish_row(args, row);
  }
}

template <typename T>
void transform_columns(const MixtureColumns<T>& args, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    const int64_t offset = k / args.latents * args.columns * args.latents + k % args.latents;
    const T *mu = args.mu + offset, *logvar = args.logvar + offset;
    const int64_t stride = args.latents, row = k * args.columns;
    T *mean = args.mean + row, *scale = args.scale + row, *constant = args.constant + row;
#pragma omp simd
    for (int64_t j = 0; j < args.columns; ++j) {
      mean[j] = mu[j * stride];
      scale[j] = log_density_scale(logvar[j * stride]);
      constant[j] = log_density_constant(logvar[j * stride]);
    }
  }
}

// --- Backward
// ---------------------------------------------------------------------------------------------------------

constexpr int64_t kBackwardTile = 64;

// grad_joint_i * (softmax weight of column j in the joint of row i), for one tile.
template <typename T>
void joint_weights(const MinibatchLogDensityBackward<T>& args, const SpecialColumns<T>& special, int64_t row,
                   int64_t first, int64_t count, T* weight) {
  const int64_t latents = args.mixture.latents, b = row / args.queries;
  alignas(64) T x[kBackwardTile];
  for (int64_t j = 0; j < count; ++j) weight[j] = 0;
  for (int64_t d = 0; d < latents; ++d) {
    exponents(tile_of(args.mixture, b, d, first, count), args.z[row * latents + d], x);
    add(x, count, weight);
  }
  special.apply(weight, first, count, T(0));
  const int64_t channel = row * (latents + 1) + latents;
  const T peak = finite_peak(args.peak[channel]);
  const T factor = args.grad_joint[row] * inverse_total(args.total[channel]);
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) weight[j] = factor * exp2_weight(weight[j] - peak);
}

// One latent of one tile: adds to the columns' sums, returns the row's.
template <typename T>
T backward_latent(const Tile<T>& tile, T z, T peak, T factor, const T* x, const T* joint_weight, T* sum_mu,
                  T* sum_logvar) {
  const T *mean = tile.mean, *scale = tile.scale;
  T sum_z = 0;
#pragma omp simd reduction(+ : sum_z)
  for (int64_t j = 0; j < tile.count; ++j) {
    const T weight = factor * exp2_weight(x[j] - peak) + joint_weight[j];
    // Where a weight is 0 its u may be infinite; 0 * inf must not reach a sum.
    const T u = weight == T(0) ? T(0) : (z - mean[j]) * scale[j];
    sum_mu[j] += weight * u;
    sum_logvar[j] += weight * log_density_grad_logvar(u);
    sum_z += weight * u * scale[j];
  }
  return sum_z;
}

// The columns' sums of one share, and where its rows' sums go.
template <typename T>
struct ShareSums {
  T *mu, *logvar;  // [B, D, M]
  T* z;            // [B, Q, D] of this share
};

template <typename T>
ShareSums<T> share_sums(const MinibatchLogDensityBackward<T>& args, int64_t share) {
  const int64_t columns = args.mixture.batch * args.mixture.latents * args.mixture.columns;
  const int64_t rows = args.mixture.batch * args.queries * args.mixture.latents;
  return {args.workspace, args.workspace + columns, args.workspace + 2 * columns + share * rows};
}

template <typename T>
void backward_tile(const MinibatchLogDensityBackward<T>& args, const ShareSums<T>& sums, int64_t b, int64_t first,
                   int64_t count) {
  const MixtureColumns<T>& mixture = args.mixture;
  const int64_t latents = mixture.latents;
  alignas(64) T x[kBackwardTile], joint_weight[kBackwardTile];
  for (int64_t row = b * args.queries; row < (b + 1) * args.queries; ++row) {
    const SpecialColumns<T> special(args.weights, row % args.queries, mixture.columns);
    joint_weights(args, special, row, first, count, joint_weight);
    for (int64_t d = 0; d < latents; ++d) {
      const Tile<T> tile = tile_of(mixture, b, d, first, count);
      const int64_t channel = row * (latents + 1) + d, column = (b * latents + d) * mixture.columns + first;
      const T z = args.z[row * latents + d];
      special.apply(x, first, count, exponents(tile, z, x));
      const T factor = args.grad_marginals[row * latents + d] * inverse_total(args.total[channel]);
      sums.z[row * latents + d] += backward_latent(tile, z, finite_peak(args.peak[channel]), factor, x, joint_weight,
                                                   sums.mu + column, sums.logvar + column);
    }
  }
}

// Turns the sums of the columns [first, last) into gradients, latents innermost again.
template <typename T>
void finish_columns(const MinibatchLogDensityBackward<T>& args, const ShareSums<T>& sums, int64_t b, int64_t first,
                    int64_t last) {
  const int64_t latents = args.mixture.latents, columns = args.mixture.columns;
  for (int64_t d = 0; d < latents; ++d) {
    for (int64_t j = first; j < last; ++j) {
      const int64_t from = (b * latents + d) * columns + j, to = (b * columns + j) * latents + d;
      args.grad_mu[to] = log_density_grad_mu_factor(args.mixture.scale[from]) * sums.mu[from];
      args.grad_logvar[to] = sums.logvar[from];
    }
  }
}

// Columns of a share: tiles are dealt in runs, so that a share's columns are contiguous.
struct ShareRange {
  int64_t first, last;
};

ShareRange share_range(int64_t share, int64_t columns) {
  const int64_t tiles = (columns + kBackwardTile - 1) / kBackwardTile;
  const int64_t first = tiles * share / kColumnShares * kBackwardTile;
  const int64_t last = tiles * (share + 1) / kColumnShares * kBackwardTile;
  return {minimum(first, columns), minimum(last, columns)};
}

template <typename T>
void backward(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t latents = args.mixture.latents, columns = args.mixture.columns;
  for (int64_t k = begin; k < end; ++k) {
    const int64_t b = k / kColumnShares, share = k % kColumnShares;
    const ShareSums<T> sums = share_sums(args, share);
    const ShareRange range = share_range(share, columns);
    T* rows = sums.z + b * args.queries * latents;
    for (int64_t i = 0; i < args.queries * latents; ++i) rows[i] = 0;
    for (int64_t d = 0; d < latents; ++d) {
      const int64_t offset = (b * latents + d) * columns;
      for (int64_t j = range.first; j < range.last; ++j) sums.mu[offset + j] = sums.logvar[offset + j] = 0;
    }
    for (int64_t first = range.first; first < range.last; first += kBackwardTile) {
      backward_tile(args, sums, b, first, minimum(kBackwardTile, range.last - first));
    }
    finish_columns(args, sums, b, range.first, range.last);
  }
}

template <typename T>
void backward_rows(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t latents = args.mixture.latents;
  for (int64_t k = begin * latents; k < end * latents; ++k) {
    T sum = 0;
    for (int64_t share = 0; share < kColumnShares; ++share) sum += share_sums(args, share).z[k];
    args.grad_z[k] = T(-2 * kLn2) * sum;
  }
}

}  // namespace

template <>
void minibatch_log_density_columns<Isa::PYVAE_ISA>(const MixtureColumns<float>& args, int64_t begin, int64_t end) {
  transform_columns(args, begin, end);
}
template <>
void minibatch_log_density_columns<Isa::PYVAE_ISA>(const MixtureColumns<double>& args, int64_t begin, int64_t end) {
  transform_columns(args, begin, end);
}
template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MinibatchLogDensity<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MinibatchLogDensity<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<float>& args, int64_t begin,
                                                    int64_t end) {
  backward(args, begin, end);
}
template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<double>& args, int64_t begin,
                                                    int64_t end) {
  backward(args, begin, end);
}
template <>
void minibatch_log_density_backward_rows<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<float>& args, int64_t begin,
                                                         int64_t end) {
  backward_rows(args, begin, end);
}
template <>
void minibatch_log_density_backward_rows<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<double>& args, int64_t begin,
                                                         int64_t end) {
  backward_rows(args, begin, end);
}

}  // namespace pyvae::cpu
