// Minibatch log-density, forward: streaming log-sum-exp over tiles of columns, lanes over columns, one rescale per
// tile.
//
// A block of rows visits the columns tile by tile, so that a tile's parameters are read from L1 by every row of the
// block. Exponents of one tile live on the stack; peaks and totals are updated once per tile. Totals are compensated
// sums (Kahan): after a thousand tiles a plain one has lost its last digits.
#include "mixture.h"

namespace pyvae::cpu {
namespace {

// 256 columns of three parameters are 3 KB per latent: at D = 10 a tile stays in L1 while the rows of a block pass.
constexpr int64_t kColumnTile = 256;
constexpr int64_t kRowBlock = 8;

template <typename T>
T sum_of_weights(const T* x, int64_t count, T peak) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) sum += exp2_weight(x[j] - peak);
  return sum;
}

// Adds one tile of exponents to a running log-sum-exp; `error` is what the total's roundings have added so far.
template <typename T>
void accumulate(const T* x, int64_t count, T tile_peak, T& peak, T& total, T& error) {
  const T new_peak = larger(tile_peak, peak), factor = rescale(peak, new_peak);
  const T before = total * factor;
  const T term = sum_of_weights(x, count, finite_peak(new_peak)) - error * factor;
  total = before + term;
  error = (total - before) - term;
  peak = new_peak;
}

// The running state of a row. Until a row is finished, its results hold the totals' errors.
template <typename T>
struct RowState {
  T *peak, *total;       // [D + 1]
  T *marginals, *joint;  // [D], [1]

  RowState(const MinibatchLogDensity<T>& args, int64_t row)
      : peak(args.peak + row * (args.mixture.latents + 1)),
        total(args.total + row * (args.mixture.latents + 1)),
        marginals(args.marginals + row * args.mixture.latents),
        joint(args.joint + row) {}

  void start(int64_t latents) const {
    for (int64_t k = 0; k <= latents; ++k) peak[k] = -T(__builtin_inf()), total[k] = 0;
    for (int64_t d = 0; d < latents; ++d) marginals[d] = 0;
    *joint = 0;
  }
  void finish(int64_t latents, double log_pair) const {
    for (int64_t d = 0; d < latents; ++d) marginals[d] = log_of_sum(peak[d], total[d], log_pair);
    *joint = log_of_sum(peak[latents], total[latents], log_pair);
  }
};

template <typename T>
void forward_tile(const MinibatchLogDensity<T>& args, int64_t row, int64_t first, int64_t count) {
  const MixtureColumns<T>& mixture = args.mixture;
  const int64_t latents = mixture.latents, b = row / args.queries;
  const SpecialColumns<T> special(args.weights, row % args.queries, mixture.columns);
  const RowState<T> state(args, row);
  JointExponents<T, kColumnTile> joint;
  alignas(64) T x[kColumnTile];
  for (int64_t d = 0; d < latents; ++d) {
    const T tile_peak = exponents(tile_of(mixture, b, d, first, count), args.z[row * latents + d], x);
    joint.add_latent(x, count, d);
    accumulate(x, count, special.apply(x, first, count, tile_peak), state.peak[d], state.total[d], state.marginals[d]);
  }
  joint.flush(count);
  const T tile_peak = special.apply(joint.total, first, count, largest(joint.total, count));
  accumulate(joint.total, count, tile_peak, state.peak[latents], state.total[latents], *state.joint);
}

template <typename T>
void forward(const MinibatchLogDensity<T>& args, int64_t begin, int64_t end) {
  const int64_t columns = args.mixture.columns, latents = args.mixture.latents;
  // A block stays within one batch entry only by chance: that costs a second read of a tile, nothing else.
  for (int64_t block = begin; block < end; block += kRowBlock) {
    const int64_t block_end = minimum(block + kRowBlock, end);
    for (int64_t row = block; row < block_end; ++row) RowState<T>(args, row).start(latents);
    for (int64_t first = 0; first < columns; first += kColumnTile) {
      const int64_t count = minimum(kColumnTile, columns - first);
      for (int64_t row = block; row < block_end; ++row) forward_tile(args, row, first, count);
    }
    for (int64_t row = block; row < block_end; ++row) RowState<T>(args, row).finish(latents, args.weights.log_pair);
  }
}

template <typename T>
void transform_columns(const MixtureColumns<T>& args, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    const int64_t offset = k / args.latents * args.columns * args.latents + k % args.latents;
    const T *mu = args.mu + offset, *logvar = args.logvar + offset;
    const int64_t stride = args.latents, row = k * args.columns;
    T *mean = args.mean + row, *scale = args.scale + row, *constant = args.constant + row;
#pragma omp simd
    for (int64_t j = 0; j < args.columns; ++j) {
      mean[j] = mu[j * stride];
      scale[j] = log_density_scale(logvar[j * stride]);
      constant[j] = log_density_constant(logvar[j * stride]);
    }
  }
}

}  // namespace

template <>
void minibatch_log_density_columns<Isa::PYVAE_ISA>(const MixtureColumns<float>& args, int64_t begin, int64_t end) {
  transform_columns(args, begin, end);
}
template <>
void minibatch_log_density_columns<Isa::PYVAE_ISA>(const MixtureColumns<double>& args, int64_t begin, int64_t end) {
  transform_columns(args, begin, end);
}
template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MinibatchLogDensity<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void minibatch_log_density<Isa::PYVAE_ISA>(const MinibatchLogDensity<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}

}  // namespace pyvae::cpu
