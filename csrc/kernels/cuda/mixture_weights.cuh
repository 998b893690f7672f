// What the two passes of a mixture's backward share: how they are dealt to blocks, and the weights of a group of pairs.
// Not yet measured on a GPU.
#pragma once
#include "mixture_steps.cuh"

namespace pyvae::cuda {

// Rows (or columns) that a thread meets at a time. Their weights take as many registers; with more of them the sums in
// the workspace are visited less often.
template <bool kMarginals, typename T>
constexpr int kBackwardGroup = (kMarginals ? 64 : 128) / static_cast<int>(sizeof(T));
static_assert(kTile % kBackwardGroup<false, float> == 0 && kTile % kBackwardGroup<true, double> == 0);

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

// Whether all exponents are above kUsualExponent, or nearly: none is far above 0, so that their sum tells. A NaN is
// not.
template <typename T, int kCount>
PYVAE_KERNEL bool usual_exponents(const T (&x)[kCount]) {
  T sum = 0;
  for (int k = 0; k < kCount; ++k) sum += x[k];
  return sum > T(kUsualExponent);
}

// One latent of an owned column and a row that it meets, or the other way round.
template <typename T>
struct Meeting {
  T z, mean, scale, constant, shift, peak, factor;
};

template <typename T>
struct WeightedTerm {
  T weight, u;
};

// With marginals their weight comes to the joint's. A plain pair has no shift, and exponents are usual.
template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL WeightedTerm<T> weighted_term(const Meeting<T>& pair, T joint_weight) {
  const T u = (pair.z - pair.mean) * pair.scale;
  T weight = joint_weight;
  if constexpr (kMarginals) {
    const T x = pair.constant - u * u;
    weight += pair.factor * exp2_weight((kPlain ? x : x + pair.shift) - pair.peak);
  }
  return {weight, kPlain || weight != T(0) ? u : T(0)};
}

// Adds to a sum in the workspace, which holds nothing before the first group.
template <typename T>
PYVAE_KERNEL void add_to(T* sum, bool first, T value) {
  *sum = first ? value : *sum + value;
}

}  // namespace pyvae::cuda
