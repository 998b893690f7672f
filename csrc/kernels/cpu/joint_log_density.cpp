// Joint log-density, forward: streaming log-sum-exp over tiles of columns, as minibatch_log_density's joint.
//
// A few rows meet a tile, four columns to a read of the rows: the exponents are left in L1, a second pass finds the
// largest, and a third weighs them against the raised peak. Every lane is a row of its own, so a row's bits do not
// depend on the rows beside it.
//
// Per (row, column, latent): 3 operations. Per (row, column): 1 for the constant, 1 for the peak, 14 for the weight.
#include "../joint_log_density.h"

#include "mixture.h"

namespace pyvae::cpu {
namespace {

// The rows of N registers within a block: their queries [D, V::kLanes], latents outermost. Rows beyond the last are 0
// and nothing of theirs is kept.
template <typename T, int N>
struct Rows {
  using V = Vec<T, N>;
  int64_t b, first, count;
  T* query;

  Rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t count, T* workspace)
      : b(b), first(first), count(count), query(workspace) {
    const int64_t latents = args.mixture.latents;
    const T* z = args.z + (b * args.queries + first) * latents;
    for (int64_t d = 0; d < latents; ++d) {
      for (int64_t i = 0; i < V::kLanes; ++i) query[d * V::kLanes + i] = i < count ? z[i * latents + d] : T(0);
    }
  }
};

template <typename T, int N>
Vec<T, N> largest(const T (*x)[Vec<T, N>::kLanes], int64_t count) {
  Vec<T, N> top = Vec<T, N>{} - __builtin_inff();
  for (int64_t j = 0; j < count; ++j) top = larger(load<T, N>(x[j]), top);
  return top;
}

template <typename T, int N>
Running<Vec<T, N>> forward_tiles(const MixtureLogDensity<T>& args, const Rows<T, N>& rows) {
  using V = Vec<T, N>;
  const int64_t columns = args.mixture.columns;
  const SpecialPairs<T> special(args.weights, columns);
  alignas(64) T x[kTile][V::kLanes];
  Running<V> state = no_terms<V>();
  for (int64_t first = 0; first < columns; first += kTile) {
    const int64_t count = minimum(kTile, columns - first);
    const Meeting<T> at{rows.query, V::kLanes, args.mixture.latents, tile_memory(args.mixture, rows.b, first, 0),
                        constants_of(args.mixture, rows.b, first)};
    tile_exponents<N>(at, V::kLanes, count, x);
    special.visit({rows.first, rows.count, first, count},
                  [&](int64_t row, int64_t column, T shift) { x[column - first][row - rows.first] += shift; });
    accumulate(state, count, x, largest<T, N>(x, count));
  }
  return state;
}

// Rows [first, last) of batch entry b, N registers at a time as long as they are full. Returns the first row not taken.
template <int N, typename T>
int64_t forward_rows(const MixtureLogDensity<T>& args, int64_t b, int64_t first, int64_t last, T* workspace) {
  constexpr int64_t kLanes = Vec<T, N>::kLanes;
  for (; N == 1 ? first < last : first + kLanes <= last; first += kLanes) {
    const Rows<T, N> rows(args, b, first, minimum(kLanes, last - first), workspace);
    const Running<Vec<T, N>> state = forward_tiles(args, rows);
    T peak[kLanes], total[kLanes];
    store(peak, state.peak);
    store(total, state.total);
    for (int64_t i = 0; i < rows.count; ++i) {
      const int64_t row = b * args.queries + first + i;
      args.peak[row] = peak[i], args.total[row] = total[i];
      args.joint[row] = log_of_sum(peak[i], total[i], args.weights.log_pair);
    }
  }
  return first;
}

template <typename T>
void forward(const MixtureLogDensity<T>& args, int64_t begin, int64_t end) {
  static_assert(Vec<T, kJointRegisters>::kLanes <= kRowBlock);
  const int64_t blocks = mixture_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    T* workspace = args.workspace + block * mixture_block_elements(args.mixture.latents, args.channels);
    const int64_t b = block / blocks, first = block % blocks * kRowBlock;
    const int64_t last = minimum(first + kRowBlock, args.queries);
    forward_rows<1>(args, b, forward_rows<kJointRegisters>(args, b, first, last, workspace), last, workspace);
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
