// The backward's columns: a thread owns one and meets all rows. See minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
#pragma once
#include "mixture_weights.cuh"

namespace pyvae::cuda {

// Column j and rows [first, first + a group).
struct ColumnGroup {
  int64_t j, first;
  bool shifted;  // whether a pair has a weight of its own
};

// Where a column has what it needs of a latent, and its rows what is theirs. Moving on from one to the next is all the
// index arithmetic there is.
template <typename T>
struct ColumnLatent {
  const T* column;                   // its mean; scale and constant as in column_index
  const T *query, *peaks, *factors;  // of the part's first row, or of a group's
  T *weights, *terms;                // its sums: of w; of w u, and where padded further of w u^2

  PYVAE_MEMBER ColumnLatent with_rows(int64_t first) const {
    return {column, query + first, peaks + first, factors + first, weights, terms};
  }
  PYVAE_MEMBER void move_on(const MixtureBackwardWorkspace& at) {
    column += 3 * kTile, query += at.pitch, peaks += at.pitch, factors += at.pitch;
    weights += at.padded, terms += 2 * at.padded;
  }
};

template <typename T>
PYVAE_KERNEL ColumnLatent<T> first_latent_of_column(const MixtureLogDensityBackward<T>& args,
                                                    const MixtureBackwardWorkspace& at, const BackwardItem& item,
                                                    int64_t j) {
  const int64_t channel = item.batch * args.channels * at.pitch;
  const int64_t entry = item.part * args.mixture.batch + item.batch;
  return {args.mixture.tiles + column_index(args.mixture, item.batch, 0, j),
          args.workspace + at.query + item.batch * args.mixture.latents * at.pitch,
          args.workspace + at.peak + channel,
          args.workspace + at.factor + channel,
          args.workspace + at.column_weights + entry * args.channels * at.padded + j,
          args.workspace + at.column_sums + entry * args.mixture.latents * 2 * at.padded + j};
}

// The base-2 exponents of a column with kRows rows, as joint_exponents has them.
template <typename T, int kRows>
PYVAE_KERNEL void column_exponents(const ColumnLatent<T>& latent, const T* constants, int64_t latents, int64_t pitch,
                                   T (&x)[kRows]) {
  for (int64_t group = 0; group < latent_groups(latents); ++group) {
    T sum[kRows] = {};
    for (int64_t d = group * kLatentGroup; d < smaller((group + 1) * kLatentGroup, latents); ++d) {
      const T* at = latent.column + d * 3 * kTile;
      const T mean = at[0], scale = at[kTile];
      for (int k = 0; k < kRows; k += kPackSize<T>) {
        const Pack<T> z = load_pack(latent.query + d * pitch + k);
        for (int p = 0; p < kPackSize<T>; ++p) {
          const T u = (z.value[p] - mean) * scale;
          sum[k + p] += u * u;
        }
      }
    }
    const T constant = constants[group * kTile];
    for (int k = 0; k < kRows; ++k) x[k] = group == 0 ? constant - sum[k] : x[k] + (constant - sum[k]);
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL Weights<kMarginals, T> column_weights(const MixtureLogDensityBackward<T>& args,
                                                   const MixtureBackwardWorkspace& at, const SpecialColumns<T>& special,
                                                   const ColumnGroup& group, const ColumnLatent<T>& latent,
                                                   const T* constants) {
  constexpr int kRows = kBackwardGroup<kMarginals, T>;
  T x[kRows];
  column_exponents(latent, constants, args.mixture.latents, at.pitch, x);
  if (group.shifted) {
    for (int k = 0; k < kRows; ++k) x[k] += shift_of(special, group.first + k, group.j);
  }
  const int64_t joint = (args.channels - 1) * at.pitch;
  Weights<kMarginals, T> weights;
  weights.usual = usual_exponents(x);
  for (int k = 0; k < kRows; k += kPackSize<T>) {
    const Pack<T> peak = load_pack(latent.peaks + joint + k), factor = load_pack(latent.factors + joint + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      weights.joint[k + p] = factor.value[p] * exp2_weight(x[k + p] - peak.value[p]);
    }
  }
  return weights;
}

// A group's part of one latent's sums: of w, w u and w u^2.
template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL void column_latent(const ColumnLatent<T>& latent, const SpecialColumns<T>& special,
                                const ColumnGroup& group, const Weights<kMarginals, T>& weights, T (&sums)[3]) {
  const T mean = latent.column[0], scale = latent.column[kTile], constant = latent.column[2 * kTile];
  for (int k = 0; k < kBackwardGroup<kMarginals, T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(latent.query + k);
    const Pack<T> peak = kMarginals ? load_pack(latent.peaks + k) : Pack<T>{},
                  factor = kMarginals ? load_pack(latent.factors + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      const bool shifted = kMarginals && !kPlain && group.shifted;
      const T shift = shifted ? shift_of(special, group.first + k + p, group.j) : T(0);
      const WeightedTerm<T> term = weighted_term<kMarginals, kPlain, T>(
          {z.value[p], mean, scale, constant, shift, peak.value[p], factor.value[p]}, weights.joint[k + p]);
      const T weight_u = term.weight * term.u;
      sums[0] += term.weight, sums[1] += weight_u, sums[2] += weight_u * term.u;
    }
  }
}

// Where its squares, and those of v, are within float32.
template <typename T>
PYVAE_KERNEL bool usual_scale(T scale) {
  return scale > T(0x1p-20) && scale < T(0x1p20);
}

// The same for plain pairs of the joint alone: from v = z - mean, the scale being a factor of the whole column.
template <typename T>
PYVAE_KERNEL void column_latent_unscaled(const ColumnLatent<T>& latent, const Weights<false, T>& weights,
                                         T (&sums)[3]) {
  const T mean = latent.column[0], scale = latent.column[kTile];
  for (int k = 0; k < kBackwardGroup<false, T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(latent.query + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      const T v = z.value[p] - mean, weight_v = weights.joint[k + p] * v;
      sums[1] += weight_v, sums[2] += weight_v * v;
    }
  }
  sums[1] *= scale, sums[2] *= scale * scale;
}

template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL void column_latents(ColumnLatent<T> latent, const MixtureBackwardWorkspace& at,
                                 const SpecialColumns<T>& special, const ColumnGroup& group,
                                 const Weights<kMarginals, T>& weights, int64_t latents, bool fresh) {
  for (int64_t d = 0; d < latents; ++d, latent.move_on(at)) {
    T sums[3] = {};
    if constexpr (kMarginals) {
      column_latent<true, kPlain>(latent, special, group, weights, sums);
      add_to(latent.weights, fresh, sums[0]);
    } else if (kPlain && usual_scale(latent.column[kTile])) {
      column_latent_unscaled(latent, weights, sums);
    } else {
      column_latent<false, false>(latent, special, group, weights, sums);
    }
    add_to(latent.terms, fresh, sums[1]);
    add_to(latent.terms + at.padded, fresh, sums[2]);
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void column_group(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                               const SpecialColumns<T>& special, const ColumnGroup& group,
                               const ColumnLatent<T>& latent, const T* constants, bool fresh) {
  const Weights<kMarginals, T> weights = column_weights<kMarginals>(args, at, special, group, latent, constants);
  if constexpr (!kMarginals) {
    T sum = 0;
    for (int k = 0; k < kBackwardGroup<kMarginals, T>; ++k) sum += weights.joint[k];
    add_to(latent.weights, fresh, sum);
  }
  if (weights.usual && !(kMarginals && group.shifted)) {
    column_latents<kMarginals, true>(latent, at, special, group, weights, args.mixture.latents, fresh);
  } else {
    column_latents<kMarginals, false>(latent, at, special, group, weights, args.mixture.latents, fresh);
  }
}

template <bool kMarginals, typename T>
PYVAE_KERNEL void column_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                const BackwardItem& item, int thread) {
  constexpr int kRows = kBackwardGroup<kMarginals, T>;
  const int64_t j = item.owned + thread;
  if (j >= args.mixture.columns) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture.columns);
  const ColumnLatent<T> latent = first_latent_of_column(args, at, item, j);
  const T* constants = args.mixture.constants + constant_index(args.mixture, item.batch, 0, j);
  for (int64_t first = item.tile * kTile; first < item.last_tile * kTile; first += kRows) {
    const bool shifted = in_tile(special, {item.batch, first, item.owned, kRows, kThreads});
    column_group<kMarginals>(args, at, special, {j, first, shifted}, latent.with_rows(first), constants,
                             first == item.tile * kTile);
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
