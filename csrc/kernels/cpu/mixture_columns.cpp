// The columns of a mixture in base 2, tile by tile. Columns beyond the last have weight 0 wherever they are met.
#include "mixture.h"

namespace pyvae::cpu {
namespace {

// One latent of a tile, and its part of the columns' constants.
template <typename T>
void transform(const MixtureColumns<T>& args, int64_t b, int64_t first, int64_t d, double* constants) {
  const int64_t count = minimum(kTile, args.columns - first), stride = args.latents;
  const int64_t from = (b * args.columns + first) * stride + d;
  const T *mu = args.mu + from, *logvar = args.logvar + from;
  T* mean = tile_memory(args, b, first, d);
  T *scale = mean + kTile, *constant = scale + kTile;
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) {
    mean[j] = mu[j * stride];
    scale[j] = log_density_scale(logvar[j * stride]);
    constant[j] = log_density_constant(logvar[j * stride]);
  }
  for (int64_t j = count; j < kTile; ++j) mean[j] = 0, scale[j] = 1, constant[j] = 0;
  // Not of the rounded ones: where latents share a variance, their roundings are all the same and add up.
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) constants[j] += log_density_constant(static_cast<double>(logvar[j * stride]));
}

template <typename T>
void transform_tiles(const MixtureColumns<T>& args, int64_t begin, int64_t end) {
  const int64_t tiles = tiles_of(args.columns);
  for (int64_t k = begin; k < end; ++k) {
    const int64_t b = k / tiles, first = k % tiles * kTile;
    T* to = constants_of(args, b, first);
    for (int64_t group = 0; group < latent_groups(args.latents); ++group, to += kTile) {
      double constants[kTile] = {};
      const int64_t end = minimum((group + 1) * kLatentGroup, args.latents);
      for (int64_t d = group * kLatentGroup; d < end; ++d) transform(args, b, first, d, constants);
      for (int64_t j = 0; j < kTile; ++j) to[j] = static_cast<T>(constants[j]);
    }
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
