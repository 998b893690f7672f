// The backward's rows: a thread owns one and meets all columns. See minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
#pragma once
#include "mixture_weights.cuh"

namespace pyvae::cuda {

// Row i and columns [first, first + a group).
struct RowGroup {
  int64_t batch, i, first;
  bool shifted;
};

template <bool kMarginals, typename T>
PYVAE_KERNEL Weights<kMarginals, T> row_weights(const MixtureLogDensityBackward<T>& args,
                                                const MixtureBackwardWorkspace& at, const SpecialColumns<T>& special,
                                                const RowGroup& group) {
  constexpr int kColumns = kBackwardGroup<kMarginals, T>;
  const int64_t channel = (group.batch * args.channels + args.channels - 1) * at.pitch + group.i;
  const T peak = args.workspace[at.peak + channel], factor = args.workspace[at.factor + channel];
  const T* query = args.workspace + at.query + group.batch * args.mixture.latents * at.pitch + group.i;
  const int64_t row[1] = {0};
  T x[1][kColumns];
  joint_exponents(args.mixture, group.batch, group.first, QueriesOf<T, 1>{query, at.pitch, row}, x);
  Weights<kMarginals, T> weights;
  T least = x[0][0];
  for (int k = 0; k < kColumns; ++k) {
    least = smaller(least, x[0][k]);
    const T shift = group.shifted ? shift_of(special, group.i, group.first + k) : T(0);
    weights.joint[k] = factor * exp2_weight(x[0][k] + shift - peak);
  }
  weights.usual = least > T(kUsualExponent);
  return weights;
}

// A group's part of one latent's sum.
template <bool kMarginals, bool kUsual, typename T>
PYVAE_KERNEL T row_latent(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                          const SpecialColumns<T>& special, const RowGroup& group,
                          const Weights<kMarginals, T>& weights, int64_t d) {
  const int64_t b = group.batch, channel = (b * args.channels + (kMarginals ? d : 0)) * at.pitch + group.i;
  const T z = args.workspace[at.query + (b * args.mixture.latents + d) * at.pitch + group.i];
  const T peak = kMarginals ? args.workspace[at.peak + channel] : T(0);
  const T factor = kMarginals ? args.workspace[at.factor + channel] : T(0);
  const T* column = args.mixture.tiles + column_index(args.mixture, b, d, group.first);
  T sum = 0;
  for (int k = 0; k < kBackwardGroup<kMarginals, T>; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(column + k), scale = load_pack(column + kTile + k);
    const Pack<T> constant = kMarginals ? load_pack(column + 2 * kTile + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T shift = kMarginals && group.shifted ? shift_of(special, group.i, group.first + k + p) : T(0);
      const WeightedTerm<T> term = weighted_term<kMarginals, kUsual, T>(
          {z, mean.value[p], scale.value[p], constant.value[p], shift, peak, factor}, weights.joint[k + p]);
      sum += term.weight * term.u * scale.value[p];
    }
  }
  return sum;
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void row_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                             const BackwardItem& item, int thread) {
  constexpr int kColumns = kBackwardGroup<kMarginals, T>;
  const int64_t i = item.owned + thread, batch = args.mixture.batch, latents = args.mixture.latents;
  if (i >= args.queries) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const int rows = static_cast<int>(smaller<int64_t>(kThreads, args.queries - item.owned));
  T* sums = args.workspace + at.row_sums + (item.part * batch + item.batch) * latents * at.pitch + i;
  for (int64_t first = item.tile * kTile; first < item.last_tile * kTile; first += kColumns) {
    const bool shifted = in_tile(special, {item.batch, item.owned, first, rows, kColumns});
    const RowGroup group{item.batch, i, first, shifted};
    const Weights<kMarginals, T> weights = row_weights<kMarginals>(args, at, special, group);
    for (int64_t d = 0; d < latents; ++d) {
      const T sum = weights.usual ? row_latent<kMarginals, true>(args, at, special, group, weights, d)
                                  : row_latent<kMarginals, false>(args, at, special, group, weights, d);
      add_to(sums + d * at.pitch, first == item.tile * kTile, sum);
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
