// Minibatch log-density and the joint alone, backward: every exponent is computed again, and nothing of size Q M leaves
// a block.
//
// Twice the same plan: a block owns the sums of 8 columns (then of 8 rows) and streams tiles of 64 rows (columns). It
// first leaves the tile's joint weights in shared memory, so that the joint's exponents are not summed again for every
// latent; then each warp takes a latent. Between tiles the sums rest in the gradients themselves, always visited by the
// same thread: any number of latents, no workspace, no atomics.
// Not yet measured on a GPU.
#pragma once
#include "minibatch_log_density.cuh"

namespace pyvae::cuda {

// Columns (or rows) whose sums a block owns: few, because M / kOwned blocks must fill a GPU already at M of a thousand.
constexpr int kOwned = 8;
// Rows (or columns) of a tile. The joint weights of kOwned x kStreamed pairs are about 4 KB in float64.
constexpr int kStreamed = 64;
// Lanes that share an owned column (or row) and divide the streamed ones among them.
constexpr int kParts = kWarp / kOwned;

// From one row of joint weights in shared memory to the next. Padded where rows would start in the same bank.
template <int kColumns>
constexpr int kWeightStride = kColumns % kWarp == 0 ? kColumns + kParts : kColumns;

// One latent of one row, and its marginal, if there is one.
template <typename T>
struct RowChannel {
  T z, peak, factor;
};

template <bool kMarginals, typename T>
PYVAE_KERNEL RowChannel<T> row_channel(const MixtureLogDensityBackward<T>& args, int64_t row, int64_t d) {
  const int64_t latents = args.mixture.latents, channel = row * args.channels + d;
  if constexpr (!kMarginals) return {args.z[row * latents + d], T(0), T(0)};
  return {args.z[row * latents + d], finite_peak(args.peak[channel]),
          args.grad_marginals[row * latents + d] * inverse_total(args.total[channel])};
}

// The weight of a pair in one latent, and its u.
template <typename T>
struct PairTerm {
  T weight, u;
};

// With marginals their weight comes to the joint's.
template <bool kMarginals, typename T>
PYVAE_KERNEL PairTerm<T> pair_term(const Column<T>& column, const RowChannel<T>& row, T shift, T joint_weight) {
  T weight = joint_weight;
  if constexpr (kMarginals) weight += row.factor * exp2_weight(exponent(column, row.z) + shift - row.peak);
  // Where a weight is 0 its u may be infinite; 0 * inf must not reach a sum.
  return {weight, weight == T(0) ? T(0) : (row.z - column.mean) * column.scale};
}

// grad_joint_i * (softmax weight of column j in the joint of row i) for a thread's pairs of a tile. A thread keeps to
// one column, whose parameters serve all its rows.
template <int kRows, int kColumns, typename T>
PYVAE_KERNEL void joint_weights(const MixtureLogDensityBackward<T>& args, const PairTile& tile, int thread, T* weight) {
  constexpr int kStep = kThreads / kColumns, kPairs = kRows / kStep;
  static_assert(kStep * kColumns == kThreads && kPairs * kStep == kRows);
  const int64_t latents = args.mixture.latents, j = tile.column + smaller(thread % kColumns, tile.columns - 1);
  const int first = thread / kColumns;
  int64_t row[kPairs];
  T x[kPairs];
  for (int p = 0; p < kPairs; ++p) {
    row[p] = tile.batch * args.queries + tile.query + smaller(first + p * kStep, tile.rows - 1);
    x[p] = 0;
  }
  for (int64_t group = 0; group < latents; group += kLatentGroup) {
    T sum[kPairs] = {};
    for (int64_t d = group; d < smaller(group + kLatentGroup, latents); ++d) {
      const Column<T> column = column_at(args.mixture, tile.batch, d, j);
      for (int p = 0; p < kPairs; ++p) sum[p] += exponent(column, args.z[row[p] * latents + d]);
    }
    for (int p = 0; p < kPairs; ++p) x[p] += sum[p];
  }
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  for (int p = 0; p < kPairs; ++p) {
    const int64_t channel = row[p] * args.channels + args.channels - 1;
    const T shifted = x[p] + shift_of(special, row[p] - tile.batch * args.queries, j);
    weight[(first + p * kStep) * kWeightStride<kColumns> + thread % kColumns] =
        args.grad_joint[row[p]] * inverse_total(args.total[channel]) *
        exp2_weight(shifted - finite_peak(args.peak[channel]));
  }
}

// --- Columns ---------------------------------------------------------------------------------------------------------

template <typename T>
struct ColumnSums {
  T mu, logvar;
};

template <typename T>
PYVAE_KERNEL ColumnSums<T> merge(const ColumnSums<T>& own, const ColumnSums<T>& other) {
  return {own.mu + other.mu, own.logvar + other.logvar};
}

// A lane's share of one column's sums over the rows of a tile.
template <bool kMarginals, typename T>
PYVAE_KERNEL ColumnSums<T> column_sums(const MixtureLogDensityBackward<T>& args, const PairTile& tile, int64_t d,
                                       int lane, const T* joint_weight) {
  const int own = lane % kOwned;
  ColumnSums<T> sums{T(0), T(0)};
  if (d >= args.mixture.latents || own >= tile.columns) return sums;
  const int64_t j = tile.column + own, first_row = tile.batch * args.queries + tile.query;
  const Column<T> column = column_at(args.mixture, tile.batch, d, j);
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const bool shifted = in_tile(special, tile);
  for (int row = lane / kOwned; row < tile.rows; row += kParts) {
    const T shift = shifted ? shift_of(special, tile.query + row, j) : T(0);
    const PairTerm<T> term = pair_term<kMarginals>(column, row_channel<kMarginals>(args, first_row + row, d), shift,
                                                   joint_weight[row * kWeightStride<kOwned> + own]);
    const T weight_u = term.weight * term.u;
    sums.mu += weight_u;
    sums.logvar += log_density_grad_logvar(term.weight, weight_u * term.u);
  }
  return sums;
}

template <typename T>
PYVAE_KERNEL void add_to_column(const MixtureLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
                                const ColumnSums<T>& sums) {
  if (d >= args.mixture.latents || lane >= tile.columns) return;
  const int64_t j = tile.column + lane, k = (tile.batch * args.mixture.columns + j) * args.mixture.latents + d;
  const bool first = tile.query == 0, last = tile.query + tile.rows == args.queries;
  const T mu = first ? sums.mu : args.grad_mu[k] + sums.mu;
  const T factor = log_density_grad_mu_factor(column_at(args.mixture, tile.batch, d, j).scale);
  args.grad_mu[k] = last ? factor * mu : mu;
  args.grad_logvar[k] = first ? sums.logvar : args.grad_logvar[k] + sums.logvar;
}

template <typename T>
PYVAE_MATH int64_t backward_columns_blocks(const MixtureLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * ceil_div(args.mixture.columns, kOwned), 1);
}

constexpr int kColumnsTileWeights = kStreamed * kWeightStride<kOwned>;

template <bool kMarginals, typename T, typename Team>
PYVAE_KERNEL void backward_columns_body(const MixtureLogDensityBackward<T>& args, const Team& team, T* weight) {
  const int64_t columns = args.mixture.columns, groups = ceil_div(columns, kOwned);
  for (int64_t own = team.block; own < args.mixture.batch * groups; own += team.blocks) {
    PairTile tile{own / groups, 0, own % groups * kOwned, 0, 0};
    tile.columns = static_cast<int>(smaller<int64_t>(kOwned, columns - tile.column));
    for (; tile.query < args.queries; tile.query += kStreamed) {
      tile.rows = static_cast<int>(smaller<int64_t>(kStreamed, args.queries - tile.query));
      team.threads([&](int thread) { joint_weights<kStreamed, kOwned>(args, tile, thread, weight); });
      team.barrier();
      for (int64_t d = 0; d < args.mixture.latents; d += kWarps) {
        team.reduce(
            kOwned, [&](int warp, int lane) { return column_sums<kMarginals>(args, tile, d + warp, lane, weight); },
            [&](int warp, int lane, const ColumnSums<T>& sums) { add_to_column(args, tile, d + warp, lane, sums); });
      }
      team.barrier();  // the next tile overwrites the weights
    }
  }
}

// --- Rows ------------------------------------------------------------------------------------------------------------

// A lane's share of one row's sum over the columns of a tile.
template <bool kMarginals, typename T>
PYVAE_KERNEL Sum<T> row_sum(const MixtureLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
                            const T* joint_weight) {
  const int own = lane % kOwned;
  Sum<T> sum{T(0)};
  if (d >= args.mixture.latents || own >= tile.rows) return sum;
  const RowChannel<T> row = row_channel<kMarginals>(args, tile.batch * args.queries + tile.query + own, d);
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const bool shifted = in_tile(special, tile);
  for (int k = lane / kOwned; k < tile.columns; k += kParts) {
    const int64_t j = tile.column + k;
    const Column<T> column = column_at(args.mixture, tile.batch, d, j);
    const T shift = shifted ? shift_of(special, tile.query + own, j) : T(0);
    const PairTerm<T> term =
        pair_term<kMarginals>(column, row, shift, joint_weight[own * kWeightStride<kStreamed> + k]);
    sum.value += term.weight * term.u * column.scale;
  }
  return sum;
}

template <typename T>
PYVAE_KERNEL void add_to_row(const MixtureLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
                             const Sum<T>& sum) {
  if (d >= args.mixture.latents || lane >= tile.rows) return;
  T* grad_z = args.grad_z + (tile.batch * args.queries + tile.query + lane) * args.mixture.latents + d;
  const T total = tile.column == 0 ? sum.value : *grad_z + sum.value;
  *grad_z = tile.column + tile.columns == args.mixture.columns ? -log_density_grad_mu_factor(total) : total;
}

template <typename T>
PYVAE_MATH int64_t backward_rows_blocks(const MixtureLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * ceil_div(args.queries, kOwned), 1);
}

constexpr int kRowsTileWeights = kOwned * kWeightStride<kStreamed>;

template <bool kMarginals, typename T, typename Team>
PYVAE_KERNEL void backward_rows_body(const MixtureLogDensityBackward<T>& args, const Team& team, T* weight) {
  const int64_t columns = args.mixture.columns, groups = ceil_div(args.queries, kOwned);
  for (int64_t own = team.block; own < args.mixture.batch * groups; own += team.blocks) {
    PairTile tile{own / groups, own % groups * kOwned, 0, 0, 0};
    tile.rows = static_cast<int>(smaller<int64_t>(kOwned, args.queries - tile.query));
    for (; tile.column < columns; tile.column += kStreamed) {
      tile.columns = static_cast<int>(smaller<int64_t>(kStreamed, columns - tile.column));
      team.threads([&](int thread) { joint_weights<kOwned, kStreamed>(args, tile, thread, weight); });
      team.barrier();
      for (int64_t d = 0; d < args.mixture.latents; d += kWarps) {
        team.reduce(
            kOwned, [&](int warp, int lane) { return row_sum<kMarginals>(args, tile, d + warp, lane, weight); },
            [&](int warp, int lane, const Sum<T>& sum) { add_to_row(args, tile, d + warp, lane, sum); });
      }
      team.barrier();  // the next tile overwrites the weights
    }
  }
}

}  // namespace pyvae::cuda
