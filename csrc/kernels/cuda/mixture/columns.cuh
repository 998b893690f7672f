// The backward's columns: a thread owns a few and meets all rows. See ../minibatch_log_density_backward.cuh.
// Not yet measured on a GPU.
//
//   for each tile of rows of the block's part                              column_thread
//     for each group of kMet rows of the tile                              column_group
//       for each group of latents, each latent, row and owned column:      column_exponents
//         exponents of all pairs, in registers
//       for each row and owned column: the exponents become weights        column_weights
//       for each latent                                                    column_latents
//         for each row and owned column: sums of w, w u and w u^2          column_latent, column_latent_unscaled
//         for each owned column: the sums join those in the workspace      add_to
//     after every kSettledTiles tiles: those move on to a second one       settle_columns
#pragma once
#include "weights.cuh"

namespace pyvae::cuda {

// Columns from j on, kThreads apart, and rows [first, first + a group).
struct ColumnGroup {
  int64_t j, first;
  bool shifted;  // whether a pair has a weight of its own
};

// Where columns have what they need of a latent, and their rows what is theirs. Moving on from one to the next is all
// the index arithmetic there is.
template <int kColumns, typename T>
struct ColumnLatent {
  const T* column[kColumns];         // each one's mean; scale and constant as in column_index
  const T *query, *peaks, *factors;  // of the part's first row, or of a group's
  T *weights, *terms;                // the first column's sums: of w; of w u, and where padded further of w u^2

  PYVAE_MEMBER ColumnLatent with_rows(int64_t first) const {
    ColumnLatent moved = *this;
    moved.query += first, moved.peaks += first, moved.factors += first;
    return moved;
  }
  PYVAE_MEMBER void move_on(const MixtureBackwardWorkspace& at) {
    for (int c = 0; c < kColumns; ++c) column[c] += 3 * kTile;
    query += at.pitch, peaks += at.pitch, factors += at.pitch;
    weights += at.padded, terms += 2 * at.padded;
  }
};

// Columns beyond the last read those of the last; where their sums go nobody looks.
template <int kColumns, typename T>
struct OwnedColumns {
  ColumnsAt<T> at[kColumns];
};

template <int kColumns, typename T>
PYVAE_KERNEL OwnedColumns<kColumns, T> owned_columns(const MixtureColumns<T>& mixture, int64_t b, int64_t j) {
  OwnedColumns<kColumns, T> owned;
  for (int c = 0; c < kColumns; ++c) {
    owned.at[c] = columns_at(mixture, b, smaller(j + c * kThreads, mixture.columns - 1));
  }
  return owned;
}

template <int kColumns, typename T>
PYVAE_KERNEL ColumnLatent<kColumns, T> first_latent_of_columns(const MixtureLogDensityBackward<T>& args,
                                                               const MixtureBackwardWorkspace& at,
                                                               const BackwardItem& item, int64_t j,
                                                               const OwnedColumns<kColumns, T>& owned) {
  const int64_t channel = item.batch * args.channels * at.pitch;
  const int64_t entry = item.part * args.mixture.batch + item.batch;
  ColumnLatent<kColumns, T> latent;
  for (int c = 0; c < kColumns; ++c) latent.column[c] = owned.at[c].parameters;
  latent.query = args.workspace + at.query + item.batch * args.mixture.latents * at.pitch;
  latent.peaks = args.workspace + at.peak + channel;
  latent.factors = args.workspace + at.factor + channel;
  latent.weights = args.workspace + at.column_weights + entry * args.channels * at.padded + j;
  latent.terms = args.workspace + at.column_sums + entry * args.mixture.latents * 2 * at.padded + j;
  return latent;
}

// The base-2 exponents of columns with kRows rows, as joint_exponents has them; `query` is the first row's first.
template <int kColumns, int kRows, typename T>
PYVAE_KERNEL void column_exponents(const OwnedColumns<kColumns, T>& owned, const T* query, int64_t latents,
                                   int64_t pitch, T (&x)[kColumns][kRows]) {
  for (int64_t group = 0; group < latent_groups(latents); ++group) {
    T sum[kColumns][kRows] = {};
    for (int64_t d = group * kLatentGroup; d < smaller((group + 1) * kLatentGroup, latents); ++d) {
      T mean[kColumns], scale[kColumns];
      for (int c = 0; c < kColumns; ++c) {
        const T* at = owned.at[c].parameters + d * 3 * kTile;
        mean[c] = at[0], scale[c] = at[kTile];
      }
      for (int k = 0; k < kRows; k += kPackSize<T>) {
        const Pack<T> z = load_pack(query + d * pitch + k);
        for (int p = 0; p < kPackSize<T>; ++p) {
          for (int c = 0; c < kColumns; ++c) {
            const T u = (z.value[p] - mean[c]) * scale[c];
            sum[c][k + p] += u * u;
          }
        }
      }
    }
    for (int c = 0; c < kColumns; ++c) {
      const T constant = owned.at[c].constants[group * kTile];
      for (int k = 0; k < kRows; ++k) {
        const T part = constant - sum[c][k];
        x[c][k] = group == 0 ? part : x[c][k] + part;
      }
    }
  }
}

template <int kColumns, typename T>
PYVAE_KERNEL Weights<kColumns, T> column_weights(const MixtureLogDensityBackward<T>& args, int64_t pitch,
                                                 const SpecialColumns<T>& special, const ColumnGroup& group,
                                                 const ColumnLatent<kColumns, T>& latent,
                                                 const OwnedColumns<kColumns, T>& owned) {
  Weights<kColumns, T> weights;
  auto& x = weights.joint;
  column_exponents(owned, latent.query, args.mixture.latents, pitch, x);
  if (group.shifted) {
    for (int c = 0; c < kColumns; ++c) {
      const int64_t j = group.j + c * kThreads;
      const T diagonal = diagonal_shift_of(special, j);
      for (int k = 0; k < kMet<T>; ++k) x[c][k] += shift_of(special, diagonal, group.first + k, j);
    }
  }
  weights.usual = usual_exponents(x);
  const int64_t joint = (args.channels - 1) * pitch;
  for (int k = 0; k < kMet<T>; k += kPackSize<T>) {
    const Pack<T> peak = load_pack(latent.peaks + joint + k), factor = load_pack(latent.factors + joint + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      for (int c = 0; c < kColumns; ++c) {
        x[c][k + p] = factor.value[p] * exp2_weight(x[c][k + p] - peak.value[p]);
      }
    }
  }
  return weights;
}

// A column's sums of w, w u and w u^2 in one latent.
template <typename T>
struct ColumnSums {
  T weight, first, second;
};

// A group's part of one latent's sums.
template <bool kMarginals, bool kPlain, int kColumns, typename T>
PYVAE_KERNEL void column_latent(const ColumnLatent<kColumns, T>& latent, const SpecialColumns<T>& special,
                                const ColumnGroup& group, const Weights<kColumns, T>& weights,
                                ColumnSums<T> (&sums)[kColumns]) {
  const bool shifted = kMarginals && !kPlain && group.shifted;
  T mean[kColumns], scale[kColumns], constant[kColumns];
  for (int c = 0; c < kColumns; ++c) {
    mean[c] = latent.column[c][0], scale[c] = latent.column[c][kTile];
    constant[c] = kMarginals ? latent.column[c][2 * kTile] : T(0);
  }
  for (int k = 0; k < kMet<T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(latent.query + k);
    const Pack<T> peak = kMarginals ? load_pack(latent.peaks + k) : Pack<T>{},
                  factor = kMarginals ? load_pack(latent.factors + k) : Pack<T>{};
    for (int p = 0; p < kPackSize<T>; ++p) {
      for (int c = 0; c < kColumns; ++c) {
        const int64_t j = group.j + c * kThreads;
        // Read per pair here: kept for both columns through the loop, it would spill.
        const T shift = shifted ? shift_of(special, diagonal_shift_of(special, j), group.first + k + p, j) : T(0);
        const WeightedTerm<T> term = weighted_term<kMarginals, kPlain, T>(
            {z.value[p], mean[c], scale[c], constant[c], shift, peak.value[p], factor.value[p]},
            weights.joint[c][k + p]);
        const T weight_u = term.weight * term.u;
        sums[c].weight += term.weight, sums[c].first += weight_u, sums[c].second += weight_u * term.u;
      }
    }
  }
}

// Whether the scales' squares, and those of v, are within float32.
template <int kColumns, typename T>
PYVAE_KERNEL bool usual_scales(const ColumnLatent<kColumns, T>& latent) {
  bool usual = true;
  for (int c = 0; c < kColumns; ++c) {
    const T scale = latent.column[c][kTile];
    usual = usual && scale > T(0x1p-20) && scale < T(0x1p20);
  }
  return usual;
}

// The same for plain pairs of the joint alone: from v = z - mean, the scale being a factor of the whole column.
template <int kColumns, typename T>
PYVAE_KERNEL void column_latent_unscaled(const ColumnLatent<kColumns, T>& latent, const Weights<kColumns, T>& weights,
                                         ColumnSums<T> (&sums)[kColumns]) {
  T mean[kColumns];
  for (int c = 0; c < kColumns; ++c) mean[c] = latent.column[c][0];
  for (int k = 0; k < kMet<T>; k += kPackSize<T>) {
    const Pack<T> z = load_pack(latent.query + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      for (int c = 0; c < kColumns; ++c) {
        const T v = z.value[p] - mean[c], weight_v = weights.joint[c][k + p] * v;
        sums[c].first += weight_v, sums[c].second += weight_v * v;
      }
    }
  }
  for (int c = 0; c < kColumns; ++c) {
    const T scale = latent.column[c][kTile];
    sums[c].first *= scale, sums[c].second *= scale * scale;
  }
}

template <bool kMarginals, bool kPlain, int kColumns, typename T>
PYVAE_KERNEL void column_latents(ColumnLatent<kColumns, T> latent, const MixtureBackwardWorkspace& at,
                                 const SpecialColumns<T>& special, const ColumnGroup& group,
                                 const Weights<kColumns, T>& weights, int64_t latents, bool fresh) {
  for (int64_t d = 0; d < latents; ++d, latent.move_on(at)) {
    ColumnSums<T> sums[kColumns] = {};
    if (!kMarginals && kPlain && usual_scales(latent)) {
      column_latent_unscaled(latent, weights, sums);
    } else {
      column_latent<kMarginals, kMarginals && kPlain>(latent, special, group, weights, sums);
    }
    for (int c = 0; c < kColumns; ++c) {
      if constexpr (kMarginals) add_to(latent.weights + c * kThreads, fresh, sums[c].weight);
      add_to(latent.terms + c * kThreads, fresh, sums[c].first);
      add_to(latent.terms + c * kThreads + at.padded, fresh, sums[c].second);
    }
  }
}

template <bool kMarginals, int kColumns, typename T>
PYVAE_KERNEL void column_group(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                               const SpecialColumns<T>& special, const ColumnGroup& group,
                               const ColumnLatent<kColumns, T>& latent, const OwnedColumns<kColumns, T>& owned,
                               bool fresh) {
  const Weights<kColumns, T> weights = column_weights(args, at.pitch, special, group, latent, owned);
  if constexpr (!kMarginals) {
    for (int c = 0; c < kColumns; ++c) {
      T sum = 0;
      for (int k = 0; k < kMet<T>; ++k) sum += weights.joint[c][k];
      add_to(latent.weights + c * kThreads, fresh, sum);
    }
  }
  if (weights.usual && !(kMarginals && group.shifted)) {
    column_latents<kMarginals, true>(latent, at, special, group, weights, args.mixture.latents, fresh);
  } else {
    column_latents<kMarginals, false>(latent, at, special, group, weights, args.mixture.latents, fresh);
  }
}

template <bool kMarginals, int kColumns, typename T>
PYVAE_KERNEL void settle_columns(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                 ColumnLatent<kColumns, T> latent, bool first) {
  const int64_t rows = at.columns.parts * args.mixture.batch * at.padded, latents = args.mixture.latents;
  const auto settle_weights = [&] {
    for (int c = 0; c < kColumns; ++c) settle(latent.weights + c * kThreads, rows * args.channels, first);
  };
  if constexpr (!kMarginals) settle_weights();
  for (int64_t d = 0; d < latents; ++d, latent.move_on(at)) {
    if constexpr (kMarginals) settle_weights();
    for (int c = 0; c < kColumns; ++c) {
      settle(latent.terms + c * kThreads, rows * latents * 2, first);
      settle(latent.terms + c * kThreads + at.padded, rows * latents * 2, first);
    }
  }
}

template <bool kMarginals, int kColumns, typename T>
PYVAE_KERNEL void column_thread(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                const BackwardItem& item, int thread) {
  const int64_t j = item.owned + thread;
  if (j >= args.mixture.columns) return;
  const SpecialColumns<T> special = special_columns<T>(args.weights, args.mixture, item.batch);
  const OwnedColumns<kColumns, T> owned = owned_columns<kColumns>(args.mixture, item.batch, j);
  const ColumnLatent<kColumns, T> latent = first_latent_of_columns(args, at, item, j, owned);
  for (int64_t tile = item.tiles.first; tile < item.tiles.last; ++tile) {
    for (int64_t first = tile * kTile; first < (tile + 1) * kTile; first += kMet<T>) {
      const bool shifted = in_tile(special, {item.batch, first, item.owned, kMet<T>, kThreads * kColumns});
      column_group<kMarginals>(args, at, special, {j, first, shifted}, latent.with_rows(first), owned,
                               first == item.tiles.first * kTile);
    }
    const int64_t met = tile + 1 - item.tiles.first;
    if (settle_after(at.columns, met)) settle_columns<kMarginals>(args, at, latent, met == kSettledTiles);
  }
}

template <bool kMarginals, int kColumns, typename T>
struct SumColumns {
  using Args = MixtureBackward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  PYVAE_MATH BackwardItems items(const Args& job) {
    return {job.of.mixture.batch, job.at.column_blocks, job.at.columns.parts, tiles_of(job.of.queries), kColumns};
  }
  static int64_t blocks(const Args& job) { return blocks_for(items(job).count(), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    const BackwardItems every = items(job);
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < every.count(); index += team.blocks) {
        column_thread<kMarginals, kColumns>(job.of, job.at, every[index], thread);
      }
    });
  }
};

}  // namespace pyvae::cuda
