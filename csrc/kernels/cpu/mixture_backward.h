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
  SpecialPairs<T> special;

  explicit Backward(const MixtureLogDensityBackward<T>& args)
      : args(args),
        at(args.mixture.batch, args.queries, args.mixture.columns, args.mixture.latents, args.channels),
        latents(args.mixture.latents),
        columns(args.mixture.columns),
        channels(args.channels),
        joint(args.channels - 1),
        special(args.weights, args.mixture.columns) {}

  T* query(int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.query + (b * latents + d) * at.pitch + row;
  }
  T* peak(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.peak + (b * channels + channel) * at.pitch + row;
  }
  T* factor(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.factor + (b * channels + channel) * at.pitch + row;
  }
  T* row_sum(int64_t share, int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.row_sums + ((share * args.mixture.batch + b) * latents + d) * at.pitch + row;
  }
  T* group_sum(int64_t b, int64_t share, int64_t d) const {
    return args.workspace + at.group_sums + ((b * at.shares + share) * latents + d) * kRowGroup;
  }
  // Queries [D, kRowGroup], peaks and factors of rows side by side.
  T* pack(int64_t b, int64_t share) const {
    return args.workspace + at.packs + (b * at.shares + share) * (latents + 2) * kRowGroup;
  }
  // Of w u, then of w u^2.
  T* column_sums(int64_t b, int64_t share, int64_t d) const {
    return args.workspace + at.column_sums + ((b * at.shares + share) * latents + d) * 2 * kTile;
  }
  // Of w. Those of the joint alone do not depend on the latent.
  T* column_weights(int64_t b, int64_t share, int64_t d) const {
    return args.workspace + at.column_weights + ((b * at.shares + share) * channels + smaller(d, joint)) * kTile;
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
void finish_columns(const Backward<T>& call, int64_t b, int64_t share, int64_t first, int64_t count) {
  for (int64_t d = 0; d < call.latents; ++d) {
    const Tile<T> tile = tile_of(call.args.mixture, b, first, d);
    const T *weights = call.column_weights(b, share, d), *sums = call.column_sums(b, share, d);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t to = (b * call.columns + column_at(call.args.mixture, b, first + j)) * call.latents + d;
      call.args.grad_mu[to] = log_density_grad_mu_factor(tile.scale[j]) * sums[j];
      call.args.grad_logvar[to] = log_density_grad_logvar(weights[j], sums[kTile + j]);
    }
  }
}

// Calls visit(first, count) for the columns of every tile of a share, between clearing its sums and finishing them.
// Tiles are dealt in runs, so that a share's columns are contiguous.
template <typename T, typename VisitTile>
void run_tiles(const Backward<T>& call, int64_t b, int64_t share, VisitTile visit) {
  const Range tiles = part_of(tiles_of(call.columns), share, call.at.shares);
  fill_zero(call.row_sum(share, b, 0, 0), call.row_sum(share, b, call.latents, 0));
  for (int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    const int64_t first = tile * kTile, count = smaller(kTile, call.columns - first);
    fill_zero(call.column_sums(b, share, 0), call.column_sums(b, share, call.latents));
    fill_zero(call.column_weights(b, share, 0), call.column_weights(b, share, call.joint) + kTile);
    visit(first, count);
    finish_columns(call, b, share, first, count);
  }
}

// Calls meet(pairs) for every tile of a share and every group of rows, a multiple of kRowBlock: padding has the factor
// 0.
template <typename T, typename Meet>
void run_share(const Backward<T>& call, int64_t b, int64_t share, Meet meet) {
  run_tiles(call, b, share, [&](int64_t first, int64_t count) {
    for (int64_t row = 0; row < call.at.padded; row += kRowGroup) {
      meet(Pairs{row, smaller(kRowGroup, call.at.padded - row), first, count});
    }
  });
}

}  // namespace
}  // namespace pyvae::cpu
