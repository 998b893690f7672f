// What the backwards over a mixture's columns share: the arguments of one call and its workspace by name, the run of a
// share over its tiles, and the columns' gradients from their sums. For inclusion by the CPU kernels only.
#pragma once
#include "mixture.h"

namespace pyvae::cpu {
namespace {

// A bool that a generic lambda can read at compile time, as std::bool_constant, whose header must not come in here.
template <bool kValue>
struct Constant {
  constexpr bool operator()() const { return kValue; }
};

// The peak of a row without weights, far above every exponent, so that none overflows before the factor 0 meets it.
template <typename T>
constexpr T kNoWeights = T(1e30f);

// The joint is the last channel.
template <typename T>
struct Backward {
  const MixtureLogDensityBackward<T>& args;
  MixtureBackwardWorkspace at;
  int64_t latents, columns, channels, joint;

  explicit Backward(const MixtureLogDensityBackward<T>& args)
      : args(args),
        at(args.mixture.batch, args.queries, args.mixture.columns, args.mixture.latents, args.channels),
        latents(args.mixture.latents),
        columns(args.mixture.columns),
        channels(args.channels),
        joint(args.channels - 1) {}

  T* query(int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.query + (b * latents + d) * at.pitch + row;
  }
  T* peak(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.peak + (b * channels + channel) * at.pitch + row;
  }
  T* factor(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.factor + (b * channels + channel) * at.pitch + row;
  }
  T* row_sum(int64_t copy, int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.row_sums + ((copy * args.mixture.batch + b) * latents + d) * at.pitch + row;
  }
};

// The part of a share in a turn, and its memory by name. Where columns are ordered a share meets all rows at once: few
// of them matter to a tile, and those of one turn would not fill its packs.
template <typename T>
struct Part {
  const Backward<T>& call;
  int64_t b, share, turn;
  bool at_once;
  SpecialPairs<T> special;

  // The `item`-th of B * shares.
  Part(const Backward<T>& call, int64_t turn, int64_t item)
      : call(call),
        b(item / call.at.shares.count()),
        share(item % call.at.shares.count()),
        turn(turn),
        at_once(call.args.mixture.order.of(b)),
        special(call.args.weights, call.args.mixture, b) {}

  bool is_empty() const { return at_once && !call.at.shares.has_turn(share, turn); }
  bool opens_columns() const { return at_once || turn == 0; }
  bool closes_columns() const { return at_once || turn + 1 == call.at.shares.turns; }
  bool opens_rows() const { return turn == 0; }
  // Whole groups, of which the last has padding.
  Range rows() const {
    if (at_once) return {0, call.at.padded};
    const Range groups = call.at.shares.groups(call.args.queries, share, turn);
    return {groups.first * kRowGroup, smaller(groups.last * kRowGroup, call.at.padded)};
  }
  T* row_sum(int64_t d, int64_t row) const { return call.row_sum(call.at.shares.copy(share), b, d, row); }
  T* group_sum(int64_t d) const {
    return memory(call.at.group_sums, call.at.shares.count(), share, call.latents * kRowGroup) + d * kRowGroup;
  }
  // Queries [D, kRowGroup], peaks and factors of rows side by side.
  T* pack() const { return memory(call.at.packs, call.at.shares.count(), share, (call.latents + 2) * kRowGroup); }
  // Of w u, then of w u^2; of columns from `first` on.
  T* column_sums(int64_t first, int64_t d) const {
    return memory(call.at.column_sums, call.at.kept, kept(first), call.latents * 2 * kTile) + d * 2 * kTile;
  }
  // Of w. Those of the joint alone do not depend on the latent.
  T* column_weights(int64_t first, int64_t d) const {
    return memory(call.at.column_weights, call.at.kept, kept(first), call.channels * kTile) +
           smaller(d, call.joint) * kTile;
  }

 private:
  int64_t kept(int64_t first) const { return call.at.shares.turns > 1 ? first / kTile : share; }
  T* memory(int64_t from, int64_t items, int64_t item, int64_t size) const {
    return call.args.workspace + from + (b * items + item) * size;
  }
};

// Leaves the joint's exponents of `count` columns of a tile, the first-th and those after it, for a group of rows.
template <typename T>
void group_exponents(const Backward<T>& call, int64_t b, const Pairs& pairs, const T* query, int64_t pitch,
                     int64_t first, int64_t count, T (*to)[kRowGroup]) {
  const Meeting<T> at{query, pitch, call.latents, tile_memory(call.args.mixture, b, pairs.column, 0) + first,
                      constants_of(call.args.mixture, b, pairs.column) + first};
  tile_exponents<kJointRegisters>(at, pairs.rows, count, to);
}
template <typename T>
void group_exponents(const Backward<T>& call, int64_t b, const Pairs& pairs, int64_t first, int64_t count,
                     T (*to)[kRowGroup]) {
  group_exponents(call, b, pairs, call.query(b, 0, pairs.row), call.at.pitch, first, count, to);
}

// Turns the sums of a tile's columns into gradients, latents innermost again.
template <typename T>
void finish_columns(const Part<T>& part, int64_t first, int64_t count) {
  const Backward<T>& call = part.call;
  for (int64_t d = 0; d < call.latents; ++d) {
    const Tile<T> tile = tile_of(call.args.mixture, part.b, first, d);
    const T *weights = part.column_weights(first, d), *sums = part.column_sums(first, d);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t to = (part.b * call.columns + column_at(call.args.mixture, part.b, first + j)) * call.latents + d;
      call.args.grad_mu[to] = log_density_grad_mu_factor(tile.scale[j]) * sums[j];
      call.args.grad_logvar[to] = log_density_grad_logvar(weights[j], sums[kTile + j]);
    }
  }
}

// Calls visit(first, count) for the columns of every tile of a share, whose sums its first turn clears and its last
// finishes. Tiles are dealt in runs, so that a share's columns are contiguous.
template <typename T, typename VisitTile>
void run_tiles(const Part<T>& part, VisitTile visit) {
  const Backward<T>& call = part.call;
  const Range tiles = part_of(tiles_of(call.columns), part.share, call.at.shares.count()), rows = part.rows();
  if (part.is_empty()) return;
  // In the first turn the shares of a copy meet all of its rows, each its own.
  for (int64_t d = 0; part.opens_rows() && d < call.latents; ++d) {
    fill_zero(part.row_sum(d, rows.first), part.row_sum(d, rows.last));
  }
  for (int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    const int64_t first = tile * kTile, count = smaller(kTile, call.columns - first);
    if (part.opens_columns()) {
      fill_zero(part.column_sums(first, 0), part.column_sums(first, call.latents));
      fill_zero(part.column_weights(first, 0), part.column_weights(first, call.joint) + kTile);
    }
    visit(first, count);
    if (part.closes_columns()) finish_columns(part, first, count);
  }
}

// Calls meet(pairs) for every tile of a share and every group of its rows, a multiple of kRowBlock: padding has the
// factor 0.
template <typename T, typename Meet>
void run_share(const Part<T>& part, Meet meet) {
  const Range rows = part.rows();
  run_tiles(part, [&](int64_t first, int64_t count) {
    for (int64_t row = rows.first; row < rows.last; row += kRowGroup) {
      meet(Pairs{row, smaller(kRowGroup, rows.last - row), first, count});
    }
  });
}

}  // namespace
}  // namespace pyvae::cpu
