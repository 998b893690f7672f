// The columns of a mixture in base 2, tile by tile. Columns beyond the last have weight 0 wherever they are met.
#include "mixture_pruning.h"

namespace pyvae::cpu {
namespace {

// What columns count is part of their constants: of every latent's, which is a marginal's, and of the joint's first
// group's.
template <typename T>
void add_importance(const MixtureColumns<T>& args, int64_t count, const int64_t* from, T* constant) {
  if (args.importance.column == nullptr) return;
  for (int64_t j = 0; j < count; ++j) constant[j] += args.importance.column[from[j]] * static_cast<T>(kLog2E);
}

// One latent of a tile whose columns are rows `from` of mu and logvar, and its part of the columns' constants.
template <typename T>
void transform(const MixtureColumns<T>& args, int64_t b, int64_t first, int64_t d, const int64_t* from,
               double* constants) {
  const int64_t count = smaller(kTile, args.columns - first), stride = args.latents;
  const T *mu = args.mu + d, *logvar = args.logvar + d;
  T* mean = tile_memory(args, b, first, d);
  T *scale = mean + kTile, *constant = scale + kTile;
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) {
    mean[j] = mu[from[j] * stride];
    scale[j] = log_density_scale(logvar[from[j] * stride]);
    constant[j] = log_density_constant(logvar[from[j] * stride]);
  }
  add_importance(args, count, from, constant);
  for (int64_t j = count; j < kTile; ++j) mean[j] = 0, scale[j] = 1, constant[j] = 0;
  // Not of the rounded ones: where latents share a variance, their roundings are all the same and add up.
#pragma omp simd
  for (int64_t j = 0; j < count; ++j)
    constants[j] += log_density_constant(static_cast<double>(logvar[from[j] * stride]));
}

// Encloses a tile's columns. A column out of the bounds of mixture.h makes the constant infinite: such a tile, and any
// that holds a NaN, is never skipped.
template <typename T>
void enclose(const MixtureColumns<T>& args, int64_t b, int64_t first) {
  const int64_t count = smaller(kTile, args.columns - first);
  T* low = box_memory(args, b, first);
  T *high = low + args.latents, *scale = high + args.latents, *constant = scale + args.latents;
  const T* constants = constants_of(args, b, first);
  double largest = -__builtin_inf();
  for (int64_t j = 0; j < count; ++j) {
    double sum = 0;
    for (int64_t group = 0; group < latent_groups(args.latents); ++group) sum += constants[group * kTile + j];
    largest = larger(sum, largest);
  }
  *constant = static_cast<T>(largest);
  for (int64_t d = 0; d < args.latents; ++d) {
    const Tile<T> tile = tile_of(args, b, first, d);
    low[d] = high[d] = tile.mean[0], scale[d] = tile.scale[0];
    for (int64_t j = 1; j < count; ++j) {
      low[d] = smaller(tile.mean[j], low[d]);
      high[d] = larger(high[d], tile.mean[j]);
      scale[d] = smaller(tile.scale[j], scale[d]);
    }
    if (!tame_columns(tile)) *constant = __builtin_inff();
  }
}

template <typename T>
void transform_tiles(const MixtureColumns<T>& args, int64_t begin, int64_t end) {
  const int64_t tiles = tiles_of(args.columns);
  for (int64_t k = begin; k < end; ++k) {
    const int64_t b = k / tiles, first = k % tiles * kTile;
    int64_t from[kTile];
    for (int64_t j = 0; j < smaller(kTile, args.columns - first); ++j) {
      from[j] = b * args.columns + column_at(args, b, first + j);
    }
    T* to = constants_of(args, b, first);
    for (int64_t group = 0; group < latent_groups(args.latents); ++group, to += kTile) {
      double constants[kTile] = {};
      const int64_t end = smaller((group + 1) * kLatentGroup, args.latents);
      for (int64_t d = group * kLatentGroup; d < end; ++d) transform(args, b, first, d, from, constants);
      for (int64_t j = 0; j < kTile; ++j) to[j] = static_cast<T>(constants[j]);
      if (group == 0) add_importance(args, smaller(kTile, args.columns - first), from, to);
    }
    if (args.order.of(b)) enclose(args, b, first);
  }
}

}  // namespace

template <>
void mixture_columns<Isa::PYVAE_ISA>(const MixtureColumns<float>& args, int64_t begin, int64_t end) {
  transform_tiles(args, begin, end);
}
template <>
void mixture_columns<Isa::PYVAE_ISA>(const MixtureColumns<double>& args, int64_t begin, int64_t end) {
  transform_tiles(args, begin, end);
}

}  // namespace pyvae::cpu
