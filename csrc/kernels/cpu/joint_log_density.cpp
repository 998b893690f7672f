// Joint log-density, forward: streaming log-sum-exp over tiles of columns, as minibatch_log_density's joint.
//
// A few rows meet a tile, four columns to a read of the rows: the exponents are left in L1, a second pass finds the
// largest, and a third weighs them against the raised peak. Every lane is a row of its own, so a row's bits do not
// depend on the rows beside it. Where the columns are ordered, a tile meets only the rows that it may matter to.
//
// Per (row, column, latent): 3 operations, and 3 for a score. Per (row, column): 1 for the constant, 1 for the peak, 14
// for the weight.
#include "../joint_log_density.h"

#include "mixture_pruning.h"

namespace pyvae::cpu {
namespace {

// The rows of N registers within a block: their queries [D, V::kLanes], latents outermost, and where scores are wanted
// theirs [D, 2, V::kLanes]. Rows beyond the last are 0 and nothing of theirs is kept.
template <typename T, int N>
struct Rows {
  using V = Vec<T, N>;
  int64_t b, first, count;
  T *query, *score;

  Rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t count, T* workspace)
      : b(b), first(first), count(count), query(workspace), score(workspace + args.mixture.latents * V::kLanes) {
    const int64_t latents = args.mixture.latents;
    if (args.joint_score) fill_zero(score, score + 2 * latents * V::kLanes);
    const T* z = args.z + (b * args.queries + first) * latents;
    for (int64_t d = 0; d < latents; ++d) {
      for (int64_t i = 0; i < V::kLanes; ++i) query[d * V::kLanes + i] = i < count ? z[i * latents + d] : T(0);
    }
  }
};

template <bool kScores, typename T, int N>
Running<Vec<T, N>> forward_tiles(const MixtureLogDensity<T>& args, const Rows<T, N>& rows) {
  using V = Vec<T, N>;
  const int64_t columns = args.mixture.columns;
  const SpecialPairs<T> special(args.weights, args.mixture, rows.b);
  alignas(64) T x[kTile][V::kLanes];
  Running<V> state = no_terms<V>();
  for (int64_t first = 0; first < columns; first += kTile) {
    const int64_t count = smaller(kTile, columns - first);
    const Meeting<T> at{rows.query, V::kLanes, args.mixture.latents, tile_memory(args.mixture, rows.b, first, 0),
                        constants_of(args.mixture, rows.b, first)};
    tile_exponents<N>(at, V::kLanes, count, x);
    special.visit({rows.first, rows.count, first, count},
                  [&](int64_t row, int64_t column, T shift) { x[column - first][row - rows.first] += shift; });
    const V factor = accumulate<kScores>(state, count, x, largest<T, N>(x, count));
    if constexpr (kScores) {
      for (int64_t d = 0; d < args.mixture.latents; ++d) {
        add_slopes<N>(tile_of(args.mixture, rows.b, first, d), count, x, rows.query + d * V::kLanes, factor,
                      rows.score + 2 * d * V::kLanes);
      }
    }
  }
  return state;
}

// The results of a finished row; the sums of its score lie `pitch` apart.
template <typename T>
void finish(const MixtureLogDensity<T>& args, int64_t row, T peak, T total, const T* score, int64_t pitch) {
  args.peak[row] = peak, args.total[row] = total;
  args.joint[row] = log_of_sum(peak, total, args.weights.log_pair);
  if (!args.joint_score) return;
  for (int64_t d = 0; d < args.mixture.latents; ++d) {
    args.joint_score[row * args.mixture.latents + d] = score_of(score[d * pitch], total);
  }
}

// Rows [first, last) of batch entry b, N registers at a time as long as they are full. Returns the first row not taken.
template <int N, typename T>
int64_t forward_rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t last, T* workspace) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  for (; N == 1 ? first < last : first + kLanes <= last; first += kLanes) {
    const Rows<T, N> rows(args, b, first, smaller(kLanes, last - first), workspace);
    const Running<Vec<T, N>> state =
        args.joint_score ? forward_tiles<true>(args, rows) : forward_tiles<false>(args, rows);
    T peak[kLanes], total[kLanes];
    store(peak, state.peak);
    store(total, state.total);
    for (int64_t i = 0; i < rows.count; ++i) {
      finish(args, b * args.queries + first + i, peak[i], total[i], rows.score + i, 2 * kLanes);
    }
  }
  return first;
}

// --- Pruned ----------------------------------------------------------------------------------------------------------

// Rows that share one walk over the tiles, so that packs are full though a tile matters to few of them.
constexpr int64_t kRunBlocks = 15;

// A run of rows in the columns' order, in its blocks' workspace: queries, latents `pitch` apart, and running sums,
// where scores are wanted theirs too [D, 2, pitch].
template <typename T>
struct Run {
  int64_t b, first, count, pitch, latents;
  T *query, *peak, *total, *error, *pack, *score;

  Run(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t count, T* workspace)
      : b(b),
        first(first),
        count(count),
        pitch((mixture_row_blocks(count) | 1) * kRowBlock),  // odd: no power of two, see kTile
        latents(args.mixture.latents),
        query(workspace),
        peak(query + latents * pitch),
        total(peak + pitch),
        error(total + pitch),
        pack(error + pitch),
        score(pack + latents * kJointRegisters * kRegisterLanes<T>) {
    for (int64_t i = 0; i < pitch; ++i) {
      const T* z = args.z + row_at(args.mixture, args.queries, b, first + smaller(i, count - 1)) * latents;
      for (int64_t d = 0; d < latents; ++d) query[d * pitch + i] = z[d];
    }
    fill_zero(total, total + 2 * pitch);
    if (args.joint_score) fill_zero(score, score + 2 * latents * pitch);
  }
};

// The exponent of a run's i-th row with the column at a position.
template <typename T>
T exponent_of(const MixtureColumns<T>& mixture, const Run<T>& run, int64_t i, int64_t position) {
  const int64_t j = position % kTile;
  const T* constants = constants_of(mixture, run.b, position) + j;
  T x = 0;
  for (int64_t k = 0; k < latent_groups(run.latents); ++k) x += constants[k * kTile];
  for (int64_t d = 0; d < run.latents; ++d) {
    const Tile<T> tile = tile_of(mixture, run.b, position, d);
    const T u = (run.query[d * run.pitch + i] - tile.mean[j]) * tile.scale[j];
    x -= u * u;
  }
  return x;
}

// For each row, the largest exponent of the tile with the highest bound.
template <typename T>
void start_from_nearest_tiles(const MixtureColumns<T>& mixture, const Run<T>& run, const QueryRows<T>& rows) {
  using V = Vec<T, 1>;
  for (int64_t i = 0; i < run.count; i += V::kLanes) {
    V highest = V(T(0)) - __builtin_inff(), nearest = T(0);
    for (int64_t tile = 0; tile < tiles_of(mixture.columns); ++tile) {
      const V bound = bound_of(box_memory(mixture, run.b, tile * kTile), rows, i);
      nearest = select(bound > highest, V(static_cast<T>(tile)), nearest);
      highest = larger(bound, highest);
    }
    T of[V::kLanes];
    store(of, nearest);
    for (int64_t k = i; k < smaller(i + V::kLanes, run.count); ++k) {
      const int64_t first = static_cast<int64_t>(of[k - i]) * kTile;
      T peak = -__builtin_inff();
      for (int64_t j = first; j < smaller(first + kTile, mixture.columns); ++j) {
        peak = larger(exponent_of(mixture, run, k, j), peak);
      }
      run.peak[k] = peak;
    }
  }
}

// An exponent that a row is sure to have is where its peak starts, so that it is of use from the first tile on: that of
// its own column, where it has one.
template <typename T>
void start_peaks(const MixtureLogDensity<T>& args, const SpecialPairs<T>& special, const Run<T>& run,
                 const QueryRows<T>& rows) {
  fill_zero(run.peak, run.peak + run.pitch);
  if (args.queries != args.mixture.columns) return start_from_nearest_tiles(args.mixture, run, rows);
  for (int64_t i = 0; i < run.count; ++i) {
    run.peak[i] = special.own_shift(column_at(args.mixture, run.b, run.first + i)) +
                  exponent_of(args.mixture, run, i, run.first + i);
  }
}

// Adds a tile's part to the scores of the rows of a pack, rows[k] being its k-th.
template <int N, typename T>
void add_scores(const MixtureLogDensity<T>& args, const Run<T>& run, int64_t first, int64_t count,
                const T (*weight)[Vec<T, N>::kLanes], const int32_t* rows, int64_t packed, Vec<T, N> factor) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  alignas(64) T score[2][kLanes];
  for (int64_t d = 0; d < run.latents; ++d) {
    T *sum = run.score + 2 * d * run.pitch, *error = sum + run.pitch;
    for (int64_t k = 0; k < kLanes; ++k) score[0][k] = sum[rows[k]], score[1][k] = error[rows[k]];
    add_slopes<N>(tile_of(args.mixture, run.b, first, d), count, weight, run.pack + d * kLanes, factor, score[0]);
    for (int64_t k = 0; k < packed; ++k) sum[rows[k]] = score[0][k], error[rows[k]] = score[1][k];
  }
}

// The listed rows meet a tile.
template <bool kScores, int N, typename T>
void meet_tile(const MixtureLogDensity<T>& args, const SpecialPairs<T>& special, const Run<T>& run, int64_t first,
               const int32_t* list, int64_t rows) {
  using V = Vec<T, N>;
  const int64_t count = smaller(kTile, args.mixture.columns - first);
  alignas(64) T x[kTile][V::kLanes], peak[V::kLanes], total[V::kLanes], error[V::kLanes];
  int32_t row[V::kLanes];
  for (int64_t k = 0; k < V::kLanes; ++k) row[k] = list[smaller(k, rows - 1)];
  for (int64_t d = 0; d < run.latents; ++d) {
    for (int64_t k = 0; k < V::kLanes; ++k) run.pack[d * V::kLanes + k] = run.query[d * run.pitch + row[k]];
  }
  tile_exponents<N>(Meeting<T>{run.pack, V::kLanes, run.latents, tile_memory(args.mixture, run.b, first, 0),
                               constants_of(args.mixture, run.b, first)},
                    V::kLanes, count, x);
  visit_special(args.mixture, special, run.b, run.first, list, rows, first,
                [&](int64_t k, int64_t j, T shift) { x[j][k] += shift; });
  for (int64_t k = 0; k < V::kLanes; ++k) {
    peak[k] = run.peak[row[k]], total[k] = run.total[row[k]], error[k] = run.error[row[k]];
  }
  Running<V> state{load<T, N>(peak), load<T, N>(total), load<T, N>(error)};
  const V factor = accumulate<kScores>(state, count, x, largest<T, N>(x, count));
  if constexpr (kScores) add_scores<N>(args, run, first, count, x, row, rows, factor);
  store(peak, state.peak);
  store(total, state.total);
  store(error, state.error);
  for (int64_t k = 0; k < rows; ++k) {
    run.peak[row[k]] = peak[k], run.total[row[k]] = total[k], run.error[row[k]] = error[k];
  }
}

template <bool kScores, typename T>
void forward_run(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t count, T* workspace) {
  const Run<T> run(args, b, first, count, workspace);
  const SpecialPairs<T> special(args.weights, args.mixture, b);
  const QueryRows<T> rows{run.query, run.peak, run.total, run.pitch, run.latents};
  start_peaks(args, special, run, rows);
  const T cut = skip_cut(args.mixture.columns);
  int32_t list[kRunBlocks * kRowBlock + kRegisterLanes<T>];
  for (int64_t tile = 0; tile < args.mixture.columns; tile += kTile) {
    const int64_t left = rows_within_reach(box_memory(args.mixture, b, tile), rows, 0, count, cut, list);
    for (int64_t k = 0; k < left;) {
      const bool many = left - k > kRegisterLanes<T>;
      const int64_t lanes = (many ? kJointRegisters : 1) * kRegisterLanes<T>, take = smaller(lanes, left - k);
      many ? meet_tile<kScores, kJointRegisters>(args, special, run, tile, list + k, take)
           : meet_tile<kScores, 1>(args, special, run, tile, list + k, take);
      k += take;
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    finish(args, row_at(args.mixture, args.queries, b, first + i), run.peak[i], run.total[i], run.score + i,
           2 * run.pitch);
  }
}

template <typename T>
void forward(const MixtureLogDensity<T>& args, int64_t begin, int64_t end) {
  static_assert(Vec<T, kJointRegisters>::kLanes <= kRowBlock);
  const int64_t blocks = mixture_row_blocks(args.queries);
  for (int64_t block = begin; block < end;) {
    T* workspace = args.workspace + block * joint_block_elements(args.mixture.latents, args.mixture.order.on != nullptr,
                                                                 args.joint_score != nullptr);
    const int64_t b = block / blocks, first = block % blocks * kRowBlock;
    const bool pruned = args.mixture.order.of(b);
    const int64_t together = pruned ? smaller(kRunBlocks, smaller(end, (b + 1) * blocks) - block) : 1;
    const int64_t last = smaller(first + together * kRowBlock, args.queries);
    if (pruned) {
      args.joint_score ? forward_run<true>(args, b, first, last - first, workspace)
                       : forward_run<false>(args, b, first, last - first, workspace);
    } else {
      forward_rows<1>(args, b, forward_rows<kJointRegisters>(args, b, first, last, workspace), last, workspace);
    }
    block += together;
  }
}

}  // namespace

template <>
void joint_log_density<Isa::PYVAE_ISA>(const MixtureLogDensity<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void joint_log_density<Isa::PYVAE_ISA>(const MixtureLogDensity<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}

}  // namespace pyvae::cpu
