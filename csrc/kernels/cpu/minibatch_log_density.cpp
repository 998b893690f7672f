// Minibatch log-density, forward: streaming log-sum-exp over tiles of columns.
//
// A few rows sit in registers and visit the columns tile by tile: one pass over a tile leaves its exponents in L1 and
// finds the largest, a second weighs them against the raised peak. Two short passes keep the pipes fuller than one in
// which every exponent waits for its weight. Totals are compensated sums (Kahan): after a thousand tiles a plain one
// has lost its last digits. Every lane is a row of its own, so a row's bits do not depend on the rows beside it.
//
// Per (row, column, latent): 3 operations for the exponent, 13 for its weight, 1 for the peak; 3 for the joint's
// exponent; where scores are wanted, 3 for each of the two.
#include "../minibatch_log_density.h"

#include "mixture.h"

namespace pyvae::cpu {
namespace {

// Registers of rows that go through the operations side by side; the last rows take one register at a time.
constexpr int kRegisters = 4;
// The rows of N registers within a block, and the memory they work in.
template <typename T, int N>
struct Rows {
  using V = Vec<T, N>;
  int64_t b, first, count;
  T* query;    // [D, V::kLanes], latents outermost; rows beyond the last are 0 and nothing of theirs is kept
  T* running;  // [D + 1, 3, V::kLanes]
  T* score;    // of the marginals, then of the joint [2, D, 2, V::kLanes], where they are wanted

  Rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t count, T* workspace)
      : b(b),
        first(first),
        count(count),
        query(workspace),
        running(query + args.mixture.latents * V::kLanes),
        score(running + (args.mixture.latents + 1) * 3 * V::kLanes) {
    const int64_t latents = args.mixture.latents;
    if (args.joint_score) fill_zero(score, score + 4 * latents * V::kLanes);
    const T* z = args.z + (b * args.queries + first) * latents;
    for (int64_t d = 0; d < latents; ++d) {
      for (int64_t i = 0; i < V::kLanes; ++i) query[d * V::kLanes + i] = i < count ? z[i * latents + d] : T(0);
    }
    for (int64_t k = 0; k <= latents; ++k) put(k, no_terms<V>());
  }
  Running<V> get(int64_t channel) const {
    const T* at = running + channel * 3 * V::kLanes;
    return {load<T, N>(at), load<T, N>(at + V::kLanes), load<T, N>(at + 2 * V::kLanes)};
  }
  void put(int64_t channel, const Running<V>& state) const {
    T* at = running + channel * 3 * V::kLanes;
    store(at, state.peak);
    store(at + V::kLanes, state.total);
    store(at + 2 * V::kLanes, state.error);
  }
};

// What a tile of columns needs in L1: the exponents of one channel, and what special pairs add to each.
template <typename T, int N>
struct TileMemory {
  using Exponents = T[kTile][Vec<T, N>::kLanes];
  alignas(64) Exponents x, shift;
};

// Adds a tile's part to the score of a channel in latent d.
template <typename T, int N>
void add_score(const MixtureLogDensity<T>& args, const Rows<T, N>& rows, int64_t first, int64_t count,
               const T (*weight)[Vec<T, N>::kLanes], Vec<T, N> factor, bool of_joint, int64_t d) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  T* score = rows.score + ((of_joint ? args.mixture.latents : 0) + d) * 2 * kLanes;
  add_slopes<N>(tile_of(args.mixture, rows.b, first, d), count, weight, rows.query + d * kLanes, factor, score);
}

// One tile of columns. kSpecial: some pair in it is special.
template <bool kSpecial, bool kScores, typename T, int N>
void forward_tile(const MixtureLogDensity<T>& args, const Rows<T, N>& rows, int64_t first, int64_t count,
                  TileMemory<T, N>& memory) {
  using V = Vec<T, N>;
  const int64_t latents = args.mixture.latents;
  const V nothing = V{} - __builtin_inff();
  const auto shifted = [&](int64_t j, V x) PYVAE_INLINE {
    if constexpr (kSpecial) x = x + load<T, N>(memory.shift[j]);
    store(memory.x[j], x);
    return x;
  };
  for (int64_t d = 0; d < latents; ++d) {
    const Tile<T> tile = tile_of(args.mixture, rows.b, first, d);
    const V z = load<T, N>(rows.query + d * V::kLanes);
    V top = nothing;
    for (int64_t j = 0; j < count; ++j) {
      const V u = (z - tile.mean[j]) * tile.scale[j];
      const V x = tile.constant[j] - u * u;
      top = larger(shifted(j, x), top);
    }
    Running<V> state = rows.get(d);
    const V factor = accumulate<kScores>(state, count, memory.x, top);
    rows.put(d, state);
    if constexpr (kScores) add_score(args, rows, first, count, memory.x, factor, false, d);
  }
  const Meeting<T> at{rows.query, V::kLanes, latents, tile_memory(args.mixture, rows.b, first, 0),
                      constants_of(args.mixture, rows.b, first)};
  tile_exponents<(N < kJointRegisters ? N : kJointRegisters)>(at, V::kLanes, count, memory.x);
  V top = nothing;
  for (int64_t j = 0; j < count; ++j) top = larger(shifted(j, load<T, N>(memory.x[j])), top);
  Running<V> state = rows.get(latents);
  const V factor = accumulate<kScores>(state, count, memory.x, top);
  rows.put(latents, state);
  if constexpr (!kScores) return;
  for (int64_t d = 0; d < latents; ++d) add_score(args, rows, first, count, memory.x, factor, true, d);
}

template <bool kScores, typename T, int N>
void forward_tiles(const MixtureLogDensity<T>& args, const Rows<T, N>& rows) {
  const int64_t columns = args.mixture.columns;
  const SpecialPairs<T> special(args.weights, args.mixture, rows.b);
  TileMemory<T, N> memory{};
  for (int64_t first = 0; first < columns; first += kTile) {
    const int64_t count = smaller(kTile, columns - first);
    const Pairs pairs{rows.first, rows.count, first, count};
    const bool any_special = special.visit(
        pairs, [&](int64_t row, int64_t column, T shift) { memory.shift[column - first][row - rows.first] = shift; });
    if (any_special) {
      forward_tile<true, kScores>(args, rows, first, count, memory);
      special.visit(pairs, [&](int64_t row, int64_t column, T) { memory.shift[column - first][row - rows.first] = 0; });
    } else {
      forward_tile<false, kScores>(args, rows, first, count, memory);
    }
  }
}

template <typename T, int N>
void finish_scores(const MixtureLogDensity<T>& args, const Rows<T, N>& rows) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  const int64_t latents = args.mixture.latents, row = rows.b * args.queries + rows.first;
  for (int64_t d = 0; d < latents; ++d) {
    const T *marginal = rows.score + d * 2 * kLanes, *joint = marginal + latents * 2 * kLanes;
    const T *total = rows.running + (3 * d + 1) * kLanes, *joint_total = rows.running + (3 * latents + 1) * kLanes;
    for (int64_t i = 0; i < rows.count; ++i) {
      args.marginal_scores[(row + i) * latents + d] = score_of(marginal[i], total[i]);
      args.joint_score[(row + i) * latents + d] = score_of(joint[i], joint_total[i]);
    }
  }
}

// The results of finished rows, from lanes to the tensors' order.
template <typename T, int N>
void finish(const MixtureLogDensity<T>& args, const Rows<T, N>& rows) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  const int64_t latents = args.mixture.latents, row = rows.b * args.queries + rows.first;
  for (int64_t k = 0; k <= latents; ++k) {
    const T *peak = rows.running + k * 3 * kLanes, *total = peak + kLanes;
    T density[kLanes];
#pragma omp simd
    for (int64_t i = 0; i < kLanes; ++i) density[i] = log_of_sum(peak[i], total[i], args.weights.log_pair);
    for (int64_t i = 0; i < rows.count; ++i) {
      args.peak[(row + i) * (latents + 1) + k] = peak[i];
      args.total[(row + i) * (latents + 1) + k] = total[i];
      (k == latents ? args.joint[row + i] : args.marginals[(row + i) * latents + k]) = density[i];
    }
  }
}

// Rows [first, last) of batch entry b, N registers at a time as long as they are full. Returns the first row not taken.
template <int N, typename T>
int64_t forward_rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t last, T* workspace) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  for (; N == 1 ? first < last : first + kLanes <= last; first += kLanes) {
    const Rows<T, N> rows(args, b, first, smaller(kLanes, last - first), workspace);
    args.joint_score ? forward_tiles<true>(args, rows) : forward_tiles<false>(args, rows);
    finish(args, rows);
    if (args.joint_score) finish_scores(args, rows);
  }
  return first;
}

template <typename T>
void forward(const MixtureLogDensity<T>& args, int64_t begin, int64_t end) {
  static_assert(Vec<T, kRegisters>::kLanes <= kRowBlock);
  const int64_t blocks = mixture_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    T* workspace = args.workspace +
                   block * mixture_block_elements(args.mixture.latents, args.channels, args.joint_score != nullptr);
    const int64_t b = block / blocks, first = block % blocks * kRowBlock;
    const int64_t last = smaller(first + kRowBlock, args.queries);
    forward_rows<1>(args, b, forward_rows<kRegisters>(args, b, first, last, workspace), last, workspace);
  }
}

}  // namespace

template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MixtureLogDensity<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MixtureLogDensity<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}

}  // namespace pyvae::cpu
