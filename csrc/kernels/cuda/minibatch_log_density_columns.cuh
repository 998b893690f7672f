// The backward's columns: a thread owns one and meets all rows. See minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
#pragma once
#include "mixture_weights.cuh"

namespace pyvae::cuda {

// The base-2 exponents of column j with rows [first, first + kRows), as joint_exponents has them.
template <typename T, int kRows>
PYVAE_KERNEL void column_exponents(const MixtureColumns<T>& mixture, int64_t b, int64_t j, const T* query,
                                   int64_t pitch, T (&x)[kRows]) {
  for (int64_t group = 0; group < latent_groups(mixture.latents); ++group) {
    T sum[kRows] = {};
    for (int64_t d = group * kLatentGroup; d < smaller((group + 1) * kLatentGroup, mixture.latents); ++d) {
      const T* at = mixture.tiles + column_index(mixture, b, d, j);
      const T mean = at[0], scale = at[kTile];
      for (int k = 0; k < kRows; k += kPackSize<T>) {
        const Pack<T> z = load_pack(query + d * pitch + k);
        for (int p = 0; p < kPackSize<T>; ++p) {
          const T u = (z.value[p] - mean) * scale;
          sum[k + p] += u * u;
        }
      }
    }
    const T constant = mixture.constants[constant_index(mixture, b, group, j)];
    for (int k = 0; k < kRows; ++k) x[k] = group == 0 ? constant - sum[k] : x[k] + (constant - sum[k]);
  }
}

// Column j and rows [first, first + a group).
struct ColumnGroup {
  int64_t batch, j, first;
  bool shifted;  // whether a pair has a weight of its own
};

template <bool kMarginals, typename T>
PYVAE_KERNEL Weights<kMarginals, T> column_weights(const MixtureLogDensityBackward<T>& args,
                                                   const MixtureBackwardWorkspace& at, const SpecialColumns<T>& special,
                                                   const ColumnGroup& group) {
  constexpr int kRows = kBackwardGroup<kMarginals, T>;
  const int64_t b = group.batch, channel = (b * args.channels + args.channels - 1) * at.pitch + group.first;
  const T *peaks = args.workspace + at.peak + channel, *factors = args.workspace + at.factor + channel;
  T x[kRows];
  column_exponents(args.mixture, b, group.j,
                   args.workspace + at.query + b * args.mixture.latents * at.pitch + group.first, at.pitch, x);
  Weights<kMarginals, T> weights;
  T least = x[0];
  for (int k = 0; k < kRows; k += kPackSize<T>) {
    const Pack<T> peak = load_pack(peaks + k), factor = load_pack(factors + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      least = smaller(least, x[k + p]);  // a NaN is passed over: its weight is not 0
      const T shift = group.shifted ? shift_of(special, group.first + k + p, group.j) : T(0);
      weights.joint[k + p] = factor.value[p] * exp2_weight(x[k + p] + shift - peak.value[p]);
    }
  }
  weights.usual = least > T(kUsualExponent);
  return weights;
}

// A group's part of one latent's sums: of w, w u and w u^2.
template <bool kMarginals, bool kUsual, typename T>
PYVAE_KERNEL void column_latent(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                const SpecialColumns<T>& special, const ColumnGroup& group,
                                const Weights<kMarginals, T>& weights, int64_t d, T (&sums)[3]) {
  const int64_t b = group.batch, channel = (b * args.channels + (kMarginals ? d : 0)) * at.pitch + group.first;
  const T* query = args.workspace + at.query + (b * args.mixture.latents + d) * at.pitch + group.first;
  const T *peaks = args.workspace + at.peak + channel, *factors = args.workspace + at.factor + channel;
  const T* column = args.mixture.tiles + column_index(args.mixture, b, d, group.j);
  const T mean = column[0], scale = column[kTile], constant = column[2 * kTile];
  for (int k = 0; k < kBackwardGroup<kMarginals, T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(query + k);
    const Pack<T> peak = kMarginals ? load_pack(peaks + k) : Pack<T>{},
                  factor = kMarginals ? load_pack(factors + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T shift = kMarginals && group.shifted ? shift_of(special, group.first + k + p, group.j) : T(0);
      const WeightedTerm<T> term = weighted_term<kMarginals, kUsual, T>(
          {z.value[p], mean, scale, constant, shift, peak.value[p], factor.value[p]}, weights.joint[k + p]);
      const T weight_u = term.weight * term.u;
      sums[0] += term.weight, sums[1] += weight_u, sums[2] += weight_u * term.u;
    }
  }
}

// The same for the joint alone from v = z - mean, the scale being a factor of the whole column.
template <typename T>
PYVAE_KERNEL void column_latent_unscaled(const T* query, const Weights<false, T>& weights, T mean, T scale,
                                         T (&sums)[3]) {
  for (int k = 0; k < kBackwardGroup<false, T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(query + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T v = z.value[p] - mean, weight_v = weights.joint[k + p] * v;
      sums[1] += weight_v, sums[2] += weight_v * v;
    }
  }
  sums[1] *= scale, sums[2] *= scale * scale;
}

// Where its squares, and those of v, are within float32.
template <typename T>
PYVAE_KERNEL bool usual_scale(T scale) {
  return scale > T(0x1p-20) && scale < T(0x1p20);
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void add_column_latent(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                    const SpecialColumns<T>& special, const ColumnGroup& group,
                                    const Weights<kMarginals, T>& weights, int64_t d, T (&sums)[3]) {
  if constexpr (!kMarginals) {
    const T* column = args.mixture.tiles + column_index(args.mixture, group.batch, d, group.j);
    const T* query = args.workspace + at.query + (group.batch * args.mixture.latents + d) * at.pitch + group.first;
    if (weights.usual && usual_scale(column[kTile])) {
      return column_latent_unscaled(query, weights, column[0], column[kTile], sums);
    }
    return column_latent<false, false>(args, at, special, group, weights, d, sums);
  }
  weights.usual ? column_latent<kMarginals, true>(args, at, special, group, weights, d, sums)
                : column_latent<kMarginals, false>(args, at, special, group, weights, d, sums);
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void column_group(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                               const SpecialColumns<T>& special, const BackwardItem& item, const ColumnGroup& group) {
  const Weights<kMarginals, T> weights = column_weights<kMarginals>(args, at, special, group);
  const bool first = group.first == item.tile * kTile;
  const int64_t entry = item.part * args.mixture.batch + item.batch;
  T* of_weights = args.workspace + at.column_weights + entry * args.channels * at.padded + group.j;
  T* of_terms = args.workspace + at.column_sums + entry * args.mixture.latents * 2 * at.padded + group.j;
  if constexpr (!kMarginals) {
    T sum = 0;
    for (int k = 0; k < kBackwardGroup<kMarginals, T>; ++k) sum += weights.joint[k];
    add_to(of_weights, first, sum);
  }
  for (int64_t d = 0; d < args.mixture.latents; ++d) {
    T sums[3] = {};
    add_column_latent<kMarginals>(args, at, special, group, weights, d, sums);
    if constexpr (kMarginals) add_to(of_weights + d * at.padded, first, sums[0]);
    add_to(of_terms + 2 * d * at.padded, first, sums[1]);
    add_to(of_terms + (2 * d + 1) * at.padded, first, sums[2]);
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void column_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                const BackwardItem& item, int thread) {
  constexpr int kRows = kBackwardGroup<kMarginals, T>;
  const int64_t j = item.owned + thread;
  if (j >= args.mixture.columns) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  for (int64_t first = item.tile * kTile; first < item.last_tile * kTile; first += kRows) {
    const bool shifted = in_tile(special, {item.batch, first, item.owned, kRows, kThreads});
    column_group<kMarginals>(args, at, special, item, {item.batch, j, first, shifted});
  }
}

template <bool kMarginals, typename T>
struct SumColumns {
  using Args = MixtureBackward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  PYVAE_MATH int64_t items(const Args& job) {
    return job.of.mixture.batch * job.at.column_parts * job.at.column_blocks;
  }
  static int64_t blocks(const Args& job) { return blocks_for(items(job), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < items(job); index += team.blocks) {
        const MixtureBackwardWorkspace& at = job.at;
        column_thread<kMarginals>(
            job.of, at, backward_item(job.of.mixture.batch, at.column_blocks, at.column_parts, at.pitch / kTile, index),
            thread);
      }
    });
  }
};

}  // namespace pyvae::cuda
