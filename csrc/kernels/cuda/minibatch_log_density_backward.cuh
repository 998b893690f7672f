// Minibatch log-density and the joint alone, backward: every exponent is computed again, and nothing of size Q M leaves
// a thread.
//
// Twice the same plan: a thread owns a column (then a row) and meets the rows (columns) of its part a group at a time.
// It first makes their joint weights, which stay in registers, then takes one latent after another. Between groups its
// sums rest in the workspace, where neighbouring threads are neighbours; the parts' sums are added by another launch.
// Any number of latents, no atomics, and no thread waits for another.
//
// Per pair, of both passes: 2 ex2 and about 10 operations; per pair and latent 3 + 4 for the columns and 3 + 4 for the
// rows; with marginals one more ex2 and 4 more operations each. Of 10 latents, the joint alone: 150 operations, whose
// floor on an H200 (132 x 128 per clock at 1.98 GHz) is 4.5 ns per 1000 pairs.
// Not yet measured on a GPU.
#pragma once
#include "minibatch_log_density.cuh"

namespace pyvae::cuda {

// Rows (or columns) that a thread meets at a time. Their weights take as many registers; with more of them the sums in
// the workspace are visited less often.
template <bool kMarginals, typename T>
constexpr int kBackwardGroup = (kMarginals ? 64 : 128) / static_cast<int>(sizeof(T));

// What one block does: columns (or rows) from `owned` on meet tiles [tile, last_tile) of the others.
struct BackwardItem {
  int64_t batch, owned, part, tile, last_tile;
};

PYVAE_KERNEL BackwardItem backward_item(int64_t batch, int64_t blocks, int64_t parts, int64_t tiles, int64_t index) {
  const int64_t rest = index / blocks, part = rest % parts;
  return {rest / parts % batch, index % blocks * kThreads, part, tiles * part / parts, tiles * (part + 1) / parts};
}

// --- Weights ---------------------------------------------------------------------------------------------------------

// A group's joint weights, and whether its every exponent is above kUsualExponent: then every |u| is below 2^30. Else
// one may be infinite where the weight is 0, and 0 * inf must not reach a sum.
constexpr double kUsualExponent = -0x1p60;
template <bool kMarginals, typename T>
struct Weights {
  T joint[kBackwardGroup<kMarginals, T>];
  bool usual;
};

// One latent of an owned column and a row that it meets, or the other way round.
template <typename T>
struct Meeting {
  T z, mean, scale, constant, shift, peak, factor;
};

template <typename T>
struct WeightedTerm {
  T weight, u;
};

// With marginals their weight comes to the joint's.
template <bool kMarginals, bool kUsual, typename T>
PYVAE_KERNEL WeightedTerm<T> weighted_term(const Meeting<T>& pair, T joint_weight) {
  const T u = (pair.z - pair.mean) * pair.scale;
  T weight = joint_weight;
  if constexpr (kMarginals) weight += pair.factor * exp2_weight(pair.constant - u * u + pair.shift - pair.peak);
  return {weight, kUsual || weight != T(0) ? u : T(0)};
}

// Adds to a sum in the workspace, which holds nothing before the first group.
template <typename T>
PYVAE_KERNEL void add_to(T* sum, bool first, T value) {
  *sum = first ? value : *sum + value;
}

// --- Columns ---------------------------------------------------------------------------------------------------------

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

template <typename T>
PYVAE_MATH int64_t backward_columns_blocks(const MixtureLogDensityBackward<T>& args,
                                           const MixtureBackwardWorkspace& at) {
  return blocks_for(args.mixture.batch * at.column_parts * at.column_blocks, 1);
}

template <bool kMarginals, typename T, typename Team>
PYVAE_KERNEL void backward_columns_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                        const Team& team) {
  const MixtureColumns<T>& mixture = args.mixture;
  const SpecialColumns<T> special = special_columns<T>(args.weights, mixture.columns);
  const int64_t items = mixture.batch * at.column_parts * at.column_blocks;
  team.threads([&](int thread) {
    for (int64_t index = team.block; index < items; index += team.blocks) {
      const BackwardItem item =
          backward_item(mixture.batch, at.column_blocks, at.column_parts, at.pitch / kTile, index);
      const int64_t j = item.owned + thread;
      if (j >= mixture.columns) continue;
      for (int64_t first = item.tile * kTile; first < item.last_tile * kTile; first += kBackwardGroup<kMarginals, T>) {
        const bool shifted = in_tile(special, {item.batch, first, item.owned, kBackwardGroup<kMarginals, T>, kThreads});
        column_group<kMarginals>(args, at, special, item, {item.batch, j, first, shifted});
      }
    }
  });
}

// --- Rows ------------------------------------------------------------------------------------------------------------

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

template <typename T>
PYVAE_MATH int64_t backward_rows_blocks(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at) {
  return blocks_for(args.mixture.batch * at.row_parts * at.row_blocks, 1);
}

template <bool kMarginals, typename T, typename Team>
PYVAE_KERNEL void backward_rows_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                     const Team& team) {
  const MixtureColumns<T>& mixture = args.mixture;
  const SpecialColumns<T> special = special_columns<T>(args.weights, mixture.columns);
  const int64_t items = mixture.batch * at.row_parts * at.row_blocks;
  team.threads([&](int thread) {
    for (int64_t index = team.block; index < items; index += team.blocks) {
      const BackwardItem item =
          backward_item(mixture.batch, at.row_blocks, at.row_parts, tiles_of(mixture.columns), index);
      const int64_t i = item.owned + thread;
      if (i >= args.queries) continue;
      const int rows = static_cast<int>(smaller<int64_t>(kThreads, args.queries - item.owned));
      T* sums =
          args.workspace + at.row_sums + (item.part * mixture.batch + item.batch) * mixture.latents * at.pitch + i;
      for (int64_t first = item.tile * kTile; first < item.last_tile * kTile; first += kBackwardGroup<kMarginals, T>) {
        const bool shifted = in_tile(special, {item.batch, item.owned, first, rows, kBackwardGroup<kMarginals, T>});
        const RowGroup group{item.batch, i, first, shifted};
        const Weights<kMarginals, T> weights = row_weights<kMarginals>(args, at, special, group);
        for (int64_t d = 0; d < mixture.latents; ++d) {
          const T sum = weights.usual ? row_latent<kMarginals, true>(args, at, special, group, weights, d)
                                      : row_latent<kMarginals, false>(args, at, special, group, weights, d);
          add_to(sums + d * at.pitch, first == item.tile * kTile, sum);
        }
      }
    }
  });
}

}  // namespace pyvae::cuda
