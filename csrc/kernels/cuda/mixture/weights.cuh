// What the two passes of a mixture's backward share: how they are dealt to blocks, and the weights of a group of pairs.
// Not yet measured on a GPU.
#pragma once
#include "steps.cuh"

namespace pyvae::cuda {

// Columns (or rows) that a thread owns where there are enough, kThreads apart, and rows (columns) that they meet at a
// time: a weight of each pair stays in a register, and with more of those met the sums in the workspace are visited
// less often.
template <bool kMarginals>
constexpr int kOwnedByThread = kMarginals ? kBackwardOwnedWithMarginals : kBackwardOwned;
template <typename T>
constexpr int kMet = sizeof(T) == 4 ? 16 : 4;
static_assert(kTile % kMet<float> == 0 && kTile % kMet<double> == 0);

// What one block does: columns (or rows) from `owned` on meet tiles of the others.
struct BackwardItem {
  int64_t batch, owned, part;
  Range tiles;
};

// Blocks of `owned` columns (rows) per thread and the parts of the tiles that they meet.
struct BackwardItems {
  int64_t batch, blocks, parts, tiles;
  int owned;

  PYVAE_MEMBER int64_t count() const { return batch * parts * blocks; }
  PYVAE_MEMBER BackwardItem operator[](int64_t index) const {
    const int64_t rest = index / blocks, part = rest % parts;
    return {rest / parts % batch, index % blocks * kThreads * owned, part, part_of(tiles, part, parts)};
  }
};

// --- Weights ---------------------------------------------------------------------------------------------------------

// A group's joint weights, and whether its every exponent is above kUsualExponent: then every |u| is below 2^30. Else
// one may be infinite where the weight is 0, and 0 * inf must not reach a sum.
constexpr double kUsualExponent = -0x1p60;
template <int kOwned, typename T>
struct Weights {
  T joint[kOwned][kMet<T>];
  bool usual;
};

// Whether all exponents are above kUsualExponent, or nearly: none is far above 0, so that their sum tells. A NaN is
// not.
template <typename T, int kOwned, int kCount>
PYVAE_KERNEL bool usual_exponents(const T (&x)[kOwned][kCount]) {
  T sum = 0;
  for (int r = 0; r < kOwned; ++r) {
    for (int k = 0; k < kCount; ++k) sum += x[r][k];
  }
  return sum > T(kUsualExponent);
}

// One latent of an owned column and a row that it meets, or the other way round.
template <typename T>
struct PairLatent {
  T z, mean, scale, constant, shift, peak, factor;
};

template <typename T>
struct WeightedTerm {
  T weight, u;
};

// With marginals their weight comes to the joint's. A plain pair has no shift, and exponents are usual.
template <bool kMarginals, bool kPlain, typename T>
PYVAE_KERNEL WeightedTerm<T> weighted_term(const PairLatent<T>& pair, T joint_weight) {
  const T u = (pair.z - pair.mean) * pair.scale;
  T weight = joint_weight;
  if constexpr (kMarginals) {
    // Rounded before the peak leaves it: far away that is a difference of two squares.
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

// Whether the sums of a part settle once so many of its tiles were met.
PYVAE_KERNEL bool settle_after(const BackwardParts& of, int64_t tiles) {
  return of.settles() && tiles % kSettledTiles == 0;
}

// Moves a sum to that at a distance, which holds nothing before the first time.
template <typename T>
PYVAE_KERNEL void settle(T* sum, int64_t distance, bool first) {
  sum[distance] = first ? *sum : sum[distance] + *sum;
  *sum = 0;
}

}  // namespace pyvae::cuda
