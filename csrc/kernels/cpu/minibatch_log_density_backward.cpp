// Minibatch log-density, backward: one visit per pair serves grad_z, grad_mu and grad_logvar. Exponents are computed
// again and weighed by 2^(exponent - peak) / total; nothing of size Q M is stored.
//
// A share of the columns sums over all rows in its own memory, in groups of rows so that a float32 sum stays exact to
// its last digits, and rows keep one sum per share, which backward_rows adds up.
#include "mixture.h"

namespace pyvae::cpu {
namespace {

constexpr int64_t kTile = kShareTile;
constexpr int64_t kRowGroup = 256;

// grad_joint_i * (softmax weight of column j in the joint of row i), for one tile.
template <typename T>
void joint_weights(const MinibatchLogDensityBackward<T>& args, const SpecialColumns<T>& special, int64_t row,
                   int64_t first, int64_t count, T* weight) {
  const int64_t latents = args.mixture.latents, b = row / args.queries;
  JointExponents<T, kTile> joint;
  alignas(64) T x[kTile];
  for (int64_t d = 0; d < latents; ++d) {
    exponents(tile_of(args.mixture, b, d, first, count), args.z[row * latents + d], x);
    joint.add_latent(x, count, d);
  }
  joint.flush(count);
  special.apply(joint.total, first, count, T(0));
  const int64_t channel = row * (latents + 1) + latents;
  const T peak = finite_peak(args.peak[channel]);
  const T factor = args.grad_joint[row] * inverse_total(args.total[channel]);
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) weight[j] = factor * exp2_weight(joint.total[j] - peak);
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

// The memory of one share of one batch entry.
template <typename T>
struct ShareSums {
  T *mu, *logvar;              // [B, D, M], the columns' sums of all shares
  T *group_mu, *group_logvar;  // [D, kTile], the sums of one tile over one group of rows
  T* z;                        // [B, Q, D], the rows' sums of this share
};

template <typename T>
ShareSums<T> share_sums(const MinibatchLogDensityBackward<T>& args, int64_t b, int64_t share) {
  const int64_t batch = args.mixture.batch, latents = args.mixture.latents;
  const int64_t columns = batch * latents * args.mixture.columns, rows = batch * args.queries * latents;
  const int64_t shares = minibatch_log_density_shares(args.mixture.columns), group = latents * kTile;
  T *columns_sums = args.workspace, *groups = columns_sums + 2 * columns,
    *rows_sums = groups + 2 * group * batch * shares;
  T* group_mu = groups + 2 * group * (b * shares + share);
  return {columns_sums, columns_sums + columns, group_mu, group_mu + group, rows_sums + share * rows};
}

template <typename T>
void backward_row(const MinibatchLogDensityBackward<T>& args, const ShareSums<T>& sums, int64_t b, int64_t row,
                  int64_t first, int64_t count) {
  const int64_t latents = args.mixture.latents;
  const SpecialColumns<T> special(args.weights, row % args.queries, args.mixture.columns);
  alignas(64) T x[kTile], joint_weight[kTile];
  joint_weights(args, special, row, first, count, joint_weight);
  for (int64_t d = 0; d < latents; ++d) {
    const Tile<T> tile = tile_of(args.mixture, b, d, first, count);
    const int64_t channel = row * (latents + 1) + d;
    const T z = args.z[row * latents + d];
    special.apply(x, first, count, exponents(tile, z, x));
    const T factor = args.grad_marginals[row * latents + d] * inverse_total(args.total[channel]);
    sums.z[row * latents + d] += backward_latent(tile, z, finite_peak(args.peak[channel]), factor, x, joint_weight,
                                                 sums.group_mu + d * kTile, sums.group_logvar + d * kTile);
  }
}

template <typename T>
void backward_tile(const MinibatchLogDensityBackward<T>& args, const ShareSums<T>& sums, int64_t b, int64_t first,
                   int64_t count) {
  const int64_t latents = args.mixture.latents, end = (b + 1) * args.queries;
  for (int64_t group = b * args.queries; group < end; group += kRowGroup) {
    for (int64_t k = 0; k < 2 * latents * kTile; ++k) sums.group_mu[k] = 0;  // group_logvar lies behind
    for (int64_t row = group; row < minimum(group + kRowGroup, end); ++row) {
      backward_row(args, sums, b, row, first, count);
    }
    for (int64_t d = 0; d < latents; ++d) {
      const int64_t column = (b * latents + d) * args.mixture.columns + first;
      add(sums.group_mu + d * kTile, count, sums.mu + column);
      add(sums.group_logvar + d * kTile, count, sums.logvar + column);
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
  const int64_t tiles = (columns + kTile - 1) / kTile, shares = minibatch_log_density_shares(columns);
  const int64_t first = tiles * share / shares * kTile, last = tiles * (share + 1) / shares * kTile;
  return {minimum(first, columns), minimum(last, columns)};
}

template <typename T>
void backward(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t latents = args.mixture.latents, columns = args.mixture.columns;
  const int64_t shares = minibatch_log_density_shares(columns);
  for (int64_t k = begin; k < end; ++k) {
    const int64_t b = k / shares, share = k % shares;
    const ShareSums<T> sums = share_sums(args, b, share);
    const ShareRange range = share_range(share, columns);
    T* rows = sums.z + b * args.queries * latents;
    for (int64_t i = 0; i < args.queries * latents; ++i) rows[i] = 0;
    for (int64_t d = 0; d < latents; ++d) {
      const int64_t offset = (b * latents + d) * columns;
      for (int64_t j = range.first; j < range.last; ++j) sums.mu[offset + j] = sums.logvar[offset + j] = 0;
    }
    for (int64_t first = range.first; first < range.last; first += kTile) {
      backward_tile(args, sums, b, first, minimum(kTile, range.last - first));
    }
    finish_columns(args, sums, b, range.first, range.last);
  }
}

template <typename T>
void backward_rows(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t latents = args.mixture.latents, shares = minibatch_log_density_shares(args.mixture.columns);
  for (int64_t k = begin * latents; k < end * latents; ++k) {
    T sum = 0;
    for (int64_t share = 0; share < shares; ++share) sum += share_sums(args, 0, share).z[k];
    args.grad_z[k] = -log_density_grad_mu_factor(sum);
  }
}

}  // namespace

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
