// The backward's rows: a thread owns one and meets all columns. See minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
#pragma once
#include "mixture_weights.cuh"

namespace pyvae::cuda {

// Row i and columns [first, first + a group).
struct RowGroup {
  int64_t i, first;
  bool shifted;  // whether a pair has a weight of its own
};

// Where a row has what it needs of a latent. Moving on from one to the next is all the index arithmetic there is.
template <typename T>
struct RowLatent {
  const T *query, *peak, *factor;
  T* sum;

  PYVAE_MEMBER void move_on(int64_t pitch) { query += pitch, peak += pitch, factor += pitch, sum += pitch; }
};

template <typename T>
PYVAE_KERNEL RowLatent<T> first_latent(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                       const BackwardItem& item, int64_t i) {
  const int64_t batch = args.mixture.batch, latents = args.mixture.latents;
  const int64_t channel = item.batch * args.channels * at.pitch + i;
  return {args.workspace + at.query + item.batch * latents * at.pitch + i, args.workspace + at.peak + channel,
          args.workspace + at.factor + channel,
          args.workspace + at.row_sums + (item.part * batch + item.batch) * latents * at.pitch + i};
}

template <bool kMarginals, typename T>
PYVAE_KERNEL Weights<kMarginals, T> row_weights(const MixtureLogDensityBackward<T>& args,
                                                const MixtureBackwardWorkspace& at, const SpecialColumns<T>& special,
                                                const RowGroup& group, const ColumnsAt<T>& columns,
                                                const RowLatent<T>& row) {
  constexpr int kColumns = kBackwardGroup<kMarginals, T>;
  T x[1][kColumns];
  joint_exponents(args.mixture.latents, columns, RowsOf<T>{row.query, at.pitch}, x);
  if (group.shifted) {
    for (int k = 0; k < kColumns; ++k) x[0][k] += shift_of(special, group.i, group.first + k);
  }
  const int64_t joint = (args.channels - 1) * at.pitch;
  const T peak = row.peak[joint], factor = row.factor[joint];
  Weights<kMarginals, T> weights;
  weights.usual = usual_exponents(x[0]);
  for (int k = 0; k < kColumns; ++k) weights.joint[k] = factor * exp2_weight(x[0][k] - peak);
  return weights;
}

// A group's part of one latent's sum; `column` is where the first of them has its mean.
template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL T row_latent(const RowLatent<T>& row, const T* column, const SpecialColumns<T>& special,
                          const RowGroup& group, const Weights<kMarginals, T>& weights) {
  const T z = *row.query, peak = kMarginals ? *row.peak : T(0), factor = kMarginals ? *row.factor : T(0);
  T sum = 0;
  for (int k = 0; k < kBackwardGroup<kMarginals, T>; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(column + k), scale = load_pack(column + kTile + k);
    const Pack<T> constant = kMarginals ? load_pack(column + 2 * kTile + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      const bool shifted = kMarginals && !kPlain && group.shifted;
      const T shift = shifted ? shift_of(special, group.i, group.first + k + p) : T(0);
      const WeightedTerm<T> term = weighted_term<kMarginals, kPlain, T>(
          {z, mean.value[p], scale.value[p], constant.value[p], shift, peak, factor}, weights.joint[k + p]);
      sum += term.weight * term.u * scale.value[p];
    }
  }
  return sum;
}

template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL void row_latents(RowLatent<T> row, const T* column, const SpecialColumns<T>& special,
                              const RowGroup& group, const Weights<kMarginals, T>& weights, int64_t latents,
                              int64_t pitch, bool fresh) {
  for (int64_t d = 0; d < latents; ++d, row.move_on(pitch), column += 3 * kTile) {
    add_to(row.sum, fresh, row_latent<kMarginals, kPlain>(row, column, special, group, weights));
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void row_group(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                            const SpecialColumns<T>& special, const RowGroup& group, const ColumnsAt<T>& columns,
                            const RowLatent<T>& row, bool fresh) {
  const Weights<kMarginals, T> weights = row_weights<kMarginals>(args, at, special, group, columns, row);
  const int64_t latents = args.mixture.latents;
  if (weights.usual && !(kMarginals && group.shifted)) {
    row_latents<kMarginals, true>(row, columns.parameters, special, group, weights, latents, at.pitch, fresh);
  } else {
    row_latents<kMarginals, false>(row, columns.parameters, special, group, weights, latents, at.pitch, fresh);
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void row_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                             const BackwardItem& item, int thread) {
  constexpr int kColumns = kBackwardGroup<kMarginals, T>;
  const int64_t i = item.owned + thread;
  if (i >= args.queries) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const int rows = static_cast<int>(smaller<int64_t>(kThreads, args.queries - item.owned));
  const RowLatent<T> row = first_latent(args, at, item, i);
  for (int64_t tile = item.tile; tile < item.last_tile; ++tile) {
    const ColumnsAt<T> tile_at = columns_at(args.mixture, item.batch, tile * kTile);
    const bool shifted = in_tile(special, {item.batch, item.owned, tile * kTile, rows, kTile});
    for (int within = 0; within < kTile; within += kColumns) {
      const int64_t first = tile * kTile + within;
      row_group<kMarginals>(args, at, special, {i, first, shifted}, tile_at + within, row,
                            tile == item.tile && within == 0);
    }
  }
}

template <bool kMarginals, typename T>
struct SumRows {
  using Args = MixtureBackward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  PYVAE_MATH int64_t items(const Args& job) { return job.of.mixture.batch * job.at.row_parts * job.at.row_blocks; }
  static int64_t blocks(const Args& job) { return blocks_for(items(job), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    const int64_t batch = job.of.mixture.batch, tiles = tiles_of(job.of.mixture.columns);
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < items(job); index += team.blocks) {
        row_thread<kMarginals>(job.of, job.at, backward_item(batch, job.at.row_blocks, job.at.row_parts, tiles, index),
                               thread);
      }
    });
  }
};

}  // namespace pyvae::cuda
