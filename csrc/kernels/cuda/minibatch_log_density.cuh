// Minibatch log-density: a streaming log-sum-exp over the columns in the forward; in the backward every exponent is
// computed again. Nothing of size Q M exists in device memory.
//
// Forward: a warp takes a few rows of one channel (a marginal, or the joint), its lanes the columns; a lane keeps a
// running peak and total per row, merged at the end. Backward, twice: a block owns the sums of 8 columns (then of 8
// rows) and streams tiles of 64 rows (columns). It first leaves the tile's joint weights in shared memory, so that
// the joint's exponents are not summed again for every latent; then each warp takes a latent. The sums rest in the
// gradients themselves between tiles, always visited by the same thread: any number of latents, no atomics.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"
#include "../minibatch_log_density.h"
#include "team.cuh"

namespace pyvae::cuda {

// --- Columns ----------------------------------------------------------------------------------------------------------

template <typename T>
PYVAE_MATH int64_t mixture_columns_blocks(const MixtureColumns<T>& args) {
  return blocks_for(args.batch * args.latents * args.columns, kThreads);
}

// Writes are contiguous; the strided reads go through the cache, which is cheap beside Q passes over the result.
template <typename T, typename Team>
PYVAE_KERNEL void mixture_columns_body(const MixtureColumns<T>& args, const Team& team) {
  team.threads([&](int thread) {
    const int64_t elements = args.batch * args.latents * args.columns;
    for (int64_t to = team.block * kThreads + thread; to < elements; to += team.blocks * kThreads) {
      const int64_t j = to % args.columns, d = to / args.columns % args.latents, b = to / args.columns / args.latents;
      const int64_t from = (b * args.columns + j) * args.latents + d;
      args.mean[to] = args.mu[from];
      args.scale[to] = log_density_scale(args.logvar[from]);
      args.constant[to] = log_density_constant(args.logvar[from]);
    }
  });
}

// --- One pair ---------------------------------------------------------------------------------------------------------

// One column in one latent.
template <typename T>
struct Column {
  T mean, scale, constant;
};

template <typename T>
PYVAE_KERNEL Column<T> column_at(const MixtureColumns<T>& mixture, int64_t b, int64_t d, int64_t j) {
  const int64_t k = (b * mixture.latents + d) * mixture.columns + j;
  return {mixture.mean[k], mixture.scale[k], mixture.constant[k]};
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
  return {columns, static_cast<T>(weights.log_diagonal_ratio * kLog2E), static_cast<T>(weights.log_next_ratio * kLog2E)};
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

// --- Forward ----------------------------------------------------------------------------------------------------------

// A column's three parameters, read once, serve this many rows ...
constexpr int kForwardRows = 4;
// ... and one rescale of the total serves this many exponentials of a lane.
constexpr int kForwardColumns = 4;

template <typename T>
struct RunningSums {
  T peak[kForwardRows], total[kForwardRows];
};

template <typename T>
PYVAE_KERNEL RunningSums<T> no_terms() {
  RunningSums<T> sums;
  for (int r = 0; r < kForwardRows; ++r) sums.peak[r] = -T(__builtin_inf()), sums.total[r] = 0;
  return sums;
}

template <typename T>
PYVAE_KERNEL RunningSums<T> merge(const RunningSums<T>& own, const RunningSums<T>& other) {
  RunningSums<T> sums;
  for (int r = 0; r < kForwardRows; ++r) {
    const T peak = larger(other.peak[r], own.peak[r]);
    sums.peak[r] = peak;
    sums.total[r] = own.total[r] * rescale(own.peak[r], peak) + other.total[r] * rescale(other.peak[r], peak);
  }
  return sums;
}

// What one warp does: a few rows of one channel, which sums the latents [first_latent, last_latent).
struct ForwardItem {
  int64_t batch, query;
  int rows;
  int64_t channel, first_latent, last_latent;
};

template <typename T>
PYVAE_MATH int64_t forward_items(const MinibatchLogDensity<T>& args) {
  return args.mixture.batch * (args.mixture.latents + 1) * ceil_div(args.queries, kForwardRows);
}

// Neighbouring warps share a channel, hence the columns they read; the joint, the longest of the channels, comes first.
template <typename T>
PYVAE_KERNEL ForwardItem forward_item(const MinibatchLogDensity<T>& args, int64_t index) {
  const int64_t groups = ceil_div(args.queries, kForwardRows), latents = args.mixture.latents;
  const int64_t query = index % groups * kForwardRows, channel = latents - index / groups % (latents + 1);
  const int rows = static_cast<int>(smaller<int64_t>(kForwardRows, args.queries - query));
  const bool joint = channel == latents;
  return {index / groups / (latents + 1), query,  rows, channel, joint ? 0 : channel, joint ? latents : channel + 1};
}

// The exponents of a lane's columns first, first + kWarp, ... for every row, without the special shifts.
template <typename T>
PYVAE_KERNEL void forward_exponents(const MinibatchLogDensity<T>& args, const ForwardItem& item, int64_t first,
                                    T (&x)[kForwardRows][kForwardColumns]) {
  const int64_t latents = args.mixture.latents, last = args.mixture.columns - 1;
  for (int r = 0; r < kForwardRows; ++r) {
    for (int k = 0; k < kForwardColumns; ++k) x[r][k] = 0;
  }
  for (int64_t d = item.first_latent; d < item.last_latent; ++d) {
    Column<T> column[kForwardColumns];
    for (int k = 0; k < kForwardColumns; ++k) {
      column[k] = column_at(args.mixture, item.batch, d, smaller(first + k * kWarp, last));
    }
    for (int r = 0; r < kForwardRows; ++r) {
      // Rows beyond the last compute it once more; nothing of theirs is stored.
      const int64_t row = item.batch * args.queries + item.query + smaller(r, item.rows - 1);
      const T z = args.z[row * latents + d];
      for (int k = 0; k < kForwardColumns; ++k) x[r][k] += exponent(column[k], z);
    }
  }
}

template <typename T>
PYVAE_KERNEL void accumulate(const T (&x)[kForwardColumns], T& peak, T& total) {
  T new_peak = peak;
  for (int k = 0; k < kForwardColumns; ++k) new_peak = larger(x[k], new_peak);
  T sum = 0;
  for (int k = 0; k < kForwardColumns; ++k) sum += exp2_weight(x[k] - finite_peak(new_peak));
  total = total * rescale(peak, new_peak) + sum;
  peak = new_peak;
}

template <typename T>
PYVAE_KERNEL RunningSums<T> forward_lane(const MinibatchLogDensity<T>& args, const ForwardItem& item, int lane) {
  constexpr int kTile = kWarp * kForwardColumns;
  const int64_t columns = args.mixture.columns;
  const SpecialColumns<T> special = special_columns<T>(args.weights, columns);
  RunningSums<T> sums = no_terms<T>();
  for (int64_t tile = 0; tile < columns; tile += kTile) {
    const int64_t first = tile + lane;
    T x[kForwardRows][kForwardColumns];
    forward_exponents(args, item, first, x);
    const bool shifted = in_tile(special, {item.batch, item.query, tile, item.rows, kTile});
    for (int r = 0; r < kForwardRows; ++r) {
      for (int k = 0; k < kForwardColumns; ++k) {
        const int64_t j = first + k * kWarp;
        if (shifted) x[r][k] += shift_of(special, item.query + r, j);
        if (j >= columns) x[r][k] = -T(__builtin_inf());
      }
      accumulate(x[r], sums.peak[r], sums.total[r]);
    }
  }
  return sums;
}

template <typename T>
PYVAE_KERNEL void forward_store(const MinibatchLogDensity<T>& args, const ForwardItem& item,
                                const RunningSums<T>& sums) {
  const int64_t latents = args.mixture.latents;
  for (int r = 0; r < kForwardRows; ++r) {
    if (r >= item.rows) continue;
    const int64_t row = item.batch * args.queries + item.query + r, k = row * (latents + 1) + item.channel;
    args.peak[k] = sums.peak[r];
    args.total[k] = sums.total[r];
    T* density = item.channel == latents ? args.joint + row : args.marginals + row * latents + item.channel;
    *density = log_of_sum(sums.peak[r], sums.total[r]) + static_cast<T>(args.weights.log_pair);
  }
}

template <typename T>
PYVAE_MATH int64_t minibatch_log_density_blocks(const MinibatchLogDensity<T>& args) {
  return blocks_for(forward_items(args), kWarps);
}

template <typename T, typename Team>
PYVAE_KERNEL void minibatch_log_density_body(const MinibatchLogDensity<T>& args, const Team& team) {
  const int64_t items = forward_items(args);
  for (int64_t first = team.block * kWarps; first < items; first += team.blocks * kWarps) {
    team.reduce(
        1,
        [&](int warp, int lane) {
          return first + warp < items ? forward_lane(args, forward_item(args, first + warp), lane) : no_terms<T>();
        },
        [&](int warp, int lane, const RunningSums<T>& sums) {
          if (lane == 0 && first + warp < items) forward_store(args, forward_item(args, first + warp), sums);
        });
  }
}

// --- Backward ---------------------------------------------------------------------------------------------------------

// Columns (or rows) whose sums a block owns: few, because M / kOwned blocks must fill a GPU already at M of a thousand.
constexpr int kOwned = 8;
// Rows (or columns) of a tile. The joint weights of kOwned x kStreamed pairs are 4 KB in float64.
constexpr int kStreamed = 64;
// Lanes that share an owned column (or row) and divide the streamed ones among them.
constexpr int kParts = kWarp / kOwned;

// From one row of joint weights in shared memory to the next. Padded where rows would start in the same bank.
template <int kColumns>
constexpr int kWeightStride = kColumns % kWarp == 0 ? kColumns + kParts : kColumns;

// One channel of one row.
template <typename T>
struct RowChannel {
  T z, peak, factor;
};

template <typename T>
PYVAE_KERNEL RowChannel<T> marginal_at(const MinibatchLogDensityBackward<T>& args, int64_t row, int64_t d) {
  const int64_t latents = args.mixture.latents, channel = row * (latents + 1) + d;
  return {args.z[row * latents + d], finite_peak(args.peak[channel]),
          args.grad_marginals[row * latents + d] * inverse_total(args.total[channel])};
}

// The weight of a pair in one latent, joint and marginal together, and its u.
template <typename T>
struct PairTerm {
  T weight, u;
};

template <typename T>
PYVAE_KERNEL PairTerm<T> pair_term(const Column<T>& column, const RowChannel<T>& row, T shift, T joint_weight) {
  const T x = exponent(column, row.z) + shift;
  const T weight = row.factor * exp2_weight(x - row.peak) + joint_weight;
  // Where a weight is 0 its u may be infinite; 0 * inf must not reach a sum.
  return {weight, weight == T(0) ? T(0) : (row.z - column.mean) * column.scale};
}

// grad_joint_i * (softmax weight of column j in the joint of row i) for a thread's pairs of a tile. A thread keeps to
// one column, whose parameters serve all its rows.
template <int kRows, int kColumns, typename T>
PYVAE_KERNEL void joint_weights(const MinibatchLogDensityBackward<T>& args, const PairTile& tile, int thread,
                                T* weight) {
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
  for (int64_t d = 0; d < latents; ++d) {
    const Column<T> column = column_at(args.mixture, tile.batch, d, j);
    for (int p = 0; p < kPairs; ++p) x[p] += exponent(column, args.z[row[p] * latents + d]);
  }
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  for (int p = 0; p < kPairs; ++p) {
    const int64_t channel = row[p] * (latents + 1) + latents;
    const T shifted = x[p] + shift_of(special, row[p] - tile.batch * args.queries, j);
    weight[(first + p * kStep) * kWeightStride<kColumns> + thread % kColumns] =
        args.grad_joint[row[p]] * inverse_total(args.total[channel]) *
        exp2_weight(shifted - finite_peak(args.peak[channel]));
  }
}

// --- Backward: columns ------------------------------------------------------------------------------------------------

template <typename T>
struct ColumnSums {
  T mu, logvar;
};

template <typename T>
PYVAE_KERNEL ColumnSums<T> merge(const ColumnSums<T>& own, const ColumnSums<T>& other) {
  return {own.mu + other.mu, own.logvar + other.logvar};
}

// A lane's share of one column's sums over the rows of a tile.
template <typename T>
PYVAE_KERNEL ColumnSums<T> column_sums(const MinibatchLogDensityBackward<T>& args, const PairTile& tile, int64_t d,
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
    const PairTerm<T> term = pair_term(column, marginal_at(args, first_row + row, d), shift,
                                       joint_weight[row * kWeightStride<kOwned> + own]);
    sums.mu += term.weight * term.u;
    sums.logvar += term.weight * log_density_grad_logvar(term.u);
  }
  return sums;
}

template <typename T>
PYVAE_KERNEL void add_to_column(const MinibatchLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
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
PYVAE_MATH int64_t backward_columns_blocks(const MinibatchLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * ceil_div(args.mixture.columns, kOwned), 1);
}

constexpr int kColumnsTileWeights = kStreamed * kWeightStride<kOwned>;

template <typename T, typename Team>
PYVAE_KERNEL void backward_columns_body(const MinibatchLogDensityBackward<T>& args, const Team& team, T* weight) {
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
            kOwned, [&](int warp, int lane) { return column_sums(args, tile, d + warp, lane, weight); },
            [&](int warp, int lane, const ColumnSums<T>& sums) { add_to_column(args, tile, d + warp, lane, sums); });
      }
      team.barrier();  // the next tile overwrites the weights
    }
  }
}

// --- Backward: rows ---------------------------------------------------------------------------------------------------

// A lane's share of one row's sum over the columns of a tile.
template <typename T>
PYVAE_KERNEL Sum<T> row_sum(const MinibatchLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
                            const T* joint_weight) {
  const int own = lane % kOwned;
  Sum<T> sum{T(0)};
  if (d >= args.mixture.latents || own >= tile.rows) return sum;
  const RowChannel<T> row = marginal_at(args, tile.batch * args.queries + tile.query + own, d);
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const bool shifted = in_tile(special, tile);
  for (int k = lane / kOwned; k < tile.columns; k += kParts) {
    const int64_t j = tile.column + k;
    const Column<T> column = column_at(args.mixture, tile.batch, d, j);
    const T shift = shifted ? shift_of(special, tile.query + own, j) : T(0);
    const PairTerm<T> term = pair_term(column, row, shift, joint_weight[own * kWeightStride<kStreamed> + k]);
    sum.value += term.weight * term.u * column.scale;
  }
  return sum;
}

template <typename T>
PYVAE_KERNEL void add_to_row(const MinibatchLogDensityBackward<T>& args, const PairTile& tile, int64_t d, int lane,
                             const Sum<T>& sum) {
  if (d >= args.mixture.latents || lane >= tile.rows) return;
  T* grad_z = args.grad_z + (tile.batch * args.queries + tile.query + lane) * args.mixture.latents + d;
  const T total = tile.column == 0 ? sum.value : *grad_z + sum.value;
  *grad_z = tile.column + tile.columns == args.mixture.columns ? T(-2 * kLn2) * total : total;
}

template <typename T>
PYVAE_MATH int64_t backward_rows_blocks(const MinibatchLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * ceil_div(args.queries, kOwned), 1);
}

constexpr int kRowsTileWeights = kOwned * kWeightStride<kStreamed>;

template <typename T, typename Team>
PYVAE_KERNEL void backward_rows_body(const MinibatchLogDensityBackward<T>& args, const Team& team, T* weight) {
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
            kOwned, [&](int warp, int lane) { return row_sum(args, tile, d + warp, lane, weight); },
            [&](int warp, int lane, const Sum<T>& sum) { add_to_row(args, tile, d + warp, lane, sum); });
      }
      team.barrier();  // the next tile overwrites the weights
    }
  }
}

}  // namespace pyvae::cuda
