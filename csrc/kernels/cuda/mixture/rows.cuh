// The backward's rows: a thread owns a few and meets all columns. See ../minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
#pragma once
#include "weights.cuh"

namespace pyvae::cuda {

// Rows from i on, kThreads apart, and columns [first, first + a group).
struct RowGroup {
  int64_t i, first;
  bool shifted;  // whether a pair has a weight of its own
};

// Where the first row has what it needs of a latent. Moving on from one to the next is all the index arithmetic there
// is.
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

template <int kRows, typename T>
PYVAE_KERNEL Weights<kRows, T> row_weights(const MixtureLogDensityBackward<T>& args, int64_t pitch,
                                           const SpecialColumns<T>& special, const RowGroup& group,
                                           const ColumnsAt<T>& columns, const RowLatent<T>& row) {
  Weights<kRows, T> weights;
  auto& x = weights.joint;
  joint_exponents(args.mixture.latents, columns, RowsOf<T>{row.query, pitch}, x);
  if (group.shifted) {
    for (int r = 0; r < kRows; ++r) {
      const int64_t i = group.i + r * kThreads;
      const T diagonal = diagonal_shift_of(special, i);
      for (int k = 0; k < kMet<T>; ++k) x[r][k] += shift_of(special, diagonal, i, group.first + k);
    }
  }
  weights.usual = usual_exponents(x);
  for (int r = 0; r < kRows; ++r) {
    const int64_t joint = (args.channels - 1) * pitch + r * kThreads;
    const T peak = row.peak[joint], factor = row.factor[joint];
    for (int k = 0; k < kMet<T>; ++k) x[r][k] = factor * exp2_weight(x[r][k] - peak);
  }
  return weights;
}

// A group's part of one latent's sums; `column` is where the first of them has its mean.
template <bool kMarginals, bool kPlain, int kRows, typename T>
PYVAE_KERNEL void row_latent(const RowLatent<T>& row, const T* column, const SpecialColumns<T>& special,
                             const RowGroup& group, const Weights<kRows, T>& weights, T (&sums)[kRows]) {
  const bool shifted = kMarginals && !kPlain && group.shifted;
  T z[kRows], peak[kRows] = {}, factor[kRows] = {}, diagonal[kRows] = {};
  for (int r = 0; r < kRows; ++r) {
    z[r] = row.query[r * kThreads];
    if constexpr (kMarginals) peak[r] = row.peak[r * kThreads], factor[r] = row.factor[r * kThreads];
    if (shifted) diagonal[r] = diagonal_shift_of(special, group.i + r * kThreads);
  }
  for (int k = 0; k < kMet<T>; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(column + k), scale = load_pack(column + kTile + k);
    const Pack<T> constant = kMarginals ? load_pack(column + 2 * kTile + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      for (int r = 0; r < kRows; ++r) {
        const int64_t i = group.i + r * kThreads;
        const T shift = shifted ? shift_of(special, diagonal[r], i, group.first + k + p) : T(0);
        const WeightedTerm<T> term = weighted_term<kMarginals, kPlain, T>(
            {z[r], mean.value[p], scale.value[p], constant.value[p], shift, peak[r], factor[r]},
            weights.joint[r][k + p]);
        sums[r] += term.weight * term.u * scale.value[p];
      }
    }
  }
}

template <bool kMarginals, bool kPlain, int kRows, typename T>
PYVAE_KERNEL void row_latents(RowLatent<T> row, const T* column, const SpecialColumns<T>& special,
                              const RowGroup& group, const Weights<kRows, T>& weights, int64_t latents, int64_t pitch,
                              bool fresh) {
  for (int64_t d = 0; d < latents; ++d, row.move_on(pitch), column += 3 * kTile) {
    T sums[kRows] = {};
    row_latent<kMarginals, kPlain>(row, column, special, group, weights, sums);
    for (int r = 0; r < kRows; ++r) add_to(row.sum + r * kThreads, fresh, sums[r]);
  }
}

template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL void row_group(const MixtureLogDensityBackward<T>& args, int64_t pitch, const SpecialColumns<T>& special,
                            const RowGroup& group, const ColumnsAt<T>& columns, const RowLatent<T>& row, bool fresh) {
  const Weights<kRows, T> weights = row_weights<kRows>(args, pitch, special, group, columns, row);
  const int64_t latents = args.mixture.latents;
  if (weights.usual && !(kMarginals && group.shifted)) {
    row_latents<kMarginals, true>(row, columns.parameters, special, group, weights, latents, pitch, fresh);
  } else {
    row_latents<kMarginals, false>(row, columns.parameters, special, group, weights, latents, pitch, fresh);
  }
}

template <int kRows, typename T>
PYVAE_KERNEL void settle_rows(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                              RowLatent<T> row, bool first) {
  const int64_t latents = args.mixture.latents, sums = at.rows.parts * args.mixture.batch * latents * at.pitch;
  for (int64_t d = 0; d < latents; ++d, row.move_on(at.pitch)) {
    for (int r = 0; r < kRows; ++r) settle(row.sum + r * kThreads, sums, first);
  }
}

// Rows beyond the last are padding: their weights are 0.
template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL void row_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                             const BackwardItem& item, int thread) {
  const int64_t i = item.owned + thread;
  if (i >= args.queries) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture, item.batch);
  const int rows = static_cast<int>(smaller<int64_t>(kThreads * kRows, args.queries - item.owned));
  const RowLatent<T> row = first_latent(args, at, item, i);
  for (int64_t tile = item.tiles.first; tile < item.tiles.last; ++tile) {
    const ColumnsAt<T> tile_at = columns_at(args.mixture, item.batch, tile * kTile);
    const bool shifted = in_tile(special, {item.batch, item.owned, tile * kTile, rows, kTile});
    for (int within = 0; within < kTile; within += kMet<T>) {
      row_group<kMarginals, kRows>(args, at.pitch, special, {i, tile * kTile + within, shifted}, tile_at + within, row,
                                   tile == item.tiles.first && within == 0);
    }
    const int64_t met = tile + 1 - item.tiles.first;
    if (settle_after(at.rows, met)) settle_rows<kRows>(args, at, row, met == kSettledTiles);
  }
}

template <bool kMarginals, int kRows, typename T>
struct SumRows {
  using Args = MixtureBackward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  PYVAE_MATH BackwardItems items(const Args& job) {
    const MixtureColumns<T>& mixture = job.of.mixture;
    return {mixture.batch, job.at.row_blocks, job.at.rows.parts, tiles_of(mixture.columns), kRows};
  }
  static int64_t blocks(const Args& job) { return blocks_for(items(job).count(), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    const BackwardItems every = items(job);
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < every.count(); index += team.blocks) {
        row_thread<kMarginals, kRows>(job.of, job.at, every[index], thread);
      }
    });
  }
};

}  // namespace pyvae::cuda
