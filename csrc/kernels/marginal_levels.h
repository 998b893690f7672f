// How the marginals of one latent are gridded: which components make a level, what region its bins and its grid cover,
// and its components in units of the level. Decisions and formulas only, for CPU and CUDA alike; the loops over
// components are theirs.
#pragma once
#include "../math/gaussian.h"
#include "../math/gridding.h"
#include "../math/range.h"
#include "gridded_marginals.h"

namespace pyvae {

// Nodes of a query's window.
constexpr int64_t kWindow = 2 * kHalfWindow;
// A level of fewer components is not worth a grid, nor is a query that has fewer of one within reach.
constexpr int64_t kFew = 32;
// The upper bits of a float: its exponent and the first two of its mantissa, four buckets to a factor of two.
constexpr int kBucketShift = 21;
constexpr int64_t kBuckets = int64_t{1} << (31 - kBucketShift), kLevelBuckets = 8;
// Components beyond these are in no level. Where one that is in none has a sigma further from 1 than the second pair,
// nothing is summed but in logarithmic form: float32 holds no density, let alone derivative, of such different sizes.
constexpr float kLargestMean = 1e18f, kSmallestSigma = 1e-22f, kLargestSigma = 1e22f;
constexpr float kSmallestLooseSigma = 1e-12f, kLargestLooseSigma = 1e12f;
// Nodes left free around the components' windows, so that a query whose window leaves the grid has nothing there.
constexpr int64_t kMargin = kWindow + 1;
// Means that a level shows of itself where it is too wide for its grid.
constexpr int64_t kSample = 64;

// Windows of nodes that a component with this a is spread over: kHalfWindow nodes on either side for each.
PYVAE_MATH int32_t spread_windows(const Gridding& gridding, float a) {
  return static_cast<int32_t>(a * static_cast<float>(kSpreadReach / (kHalfWindow * gridding.step))) + 1;
}

// Components of like sigma, a range in sorted order. They lie in bins of equal width, with one more on either side for
// those outside of the region that bins and grid cover, which are met one by one.
struct Level {
  float unit;  // s
  Range range;
  double low, inverse_bin;  // the region's lower end, and bins per length
  double reach;             // components farther from a query are far
  float below, above;       // the components outside of the region that are closest to it
  int64_t bins;
  const int32_t* bin_starts;      // bins + 3 of them, in sorted order
  int64_t nodes;                  // 0: no grid
  int64_t first_node;             // of all the latent's
  double low_node, inverse_step;  // of the region's lower end; nodes per length

  // Without those outside of the region, which the grid does not know.
  PYVAE_MEMBER Range inner() const { return {bin_starts[1], bin_starts[bins + 1]}; }
  PYVAE_MEMBER int64_t bin(double x) const {
    const double k = (x - low) * inverse_bin;
    return !(k >= 0) ? 0 : (k < static_cast<double>(bins) ? static_cast<int64_t>(k) + 1 : bins + 1);
  }
};

// --- Levels ----------------------------------------------------------------------------------------------------------

// Components with the sigma of one bucket; -1 for those that no level takes.
PYVAE_MATH int32_t bucket_of(float mean, float sigma) {
  const bool tame = mean <= kLargestMean && mean >= -kLargestMean && sigma > kSmallestSigma && sigma < kLargestSigma;
  return tame ? float_bits(sigma) >> kBucketShift : -1;
}

// Levels from the smallest sigma on, by the number of components in each bucket; a few that stand apart are loose.
// Returns how many levels there are; level_of[bucket] is one, or -1.
PYVAE_MATH int64_t find_levels(const int32_t* counts, int8_t* level_of, Level* level) {
  int64_t levels = 0;
  for (int64_t first = 0; first < kBuckets;) {
    int64_t count = 0, end = first + kLevelBuckets < kBuckets ? first + kLevelBuckets : kBuckets;
    for (int64_t k = first; counts[first] > 0 && k < end; ++k) count += counts[k];
    const bool enough = count > kFew && levels < kMaxLevels;
    if (!enough) end = first + 1;
    for (int64_t k = first; k < end; ++k) level_of[k] = static_cast<int8_t>(enough ? levels : -1);
    if (enough) level[levels++].unit = bits_float(static_cast<int32_t>(first << kBucketShift));
    first = end;
  }
  return levels;
}

// What is known of a level before it has a grid.
struct Extent {
  int64_t count;
  float low, high;
  int64_t last_bucket;
};

PYVAE_MATH void extend(Extent& extent, float mean, int32_t bucket) {
  if (extent.count++ == 0) extent.low = extent.high = mean;
  if (mean < extent.low) extent.low = mean;
  if (mean > extent.high) extent.high = mean;
  if (bucket > extent.last_bucket) extent.last_bucket = bucket;
}

// --- Regions and grids -----------------------------------------------------------------------------------------------

struct Region {
  double low, high;
};

PYVAE_MATH Region region_of(const Extent& extent) {
  return {static_cast<double>(extent.low), static_cast<double>(extent.high)};
}

// Nodes on either side of a component of the largest sigma.
PYVAE_MATH int64_t widest_spread(const Gridding& gridding) {
  const float a = libm::sqrtf(static_cast<float>(kLevelRatio * kLevelRatio - kKernelVariance));
  return kHalfWindow * spread_windows(gridding, a);
}

PYVAE_MATH int64_t nodes_before_region(const Gridding& gridding) { return widest_spread(gridding) + kMargin; }
PYVAE_MATH int64_t nodes_around_region(const Gridding& gridding) {
  return 2 * nodes_before_region(gridding) + 1 + kWindow;
}

PYVAE_MATH double step_of(const Gridding& gridding, const Level& level) {
  return gridding.step * static_cast<double>(level.unit);
}

// What `room` nodes can cover.
PYVAE_MATH double widest_region(const Gridding& gridding, const Level& level, int64_t room) {
  return static_cast<double>(room - nodes_around_region(gridding)) * step_of(gridding, level);
}

// Where a level of `count` components shows the one with this ordinal in its sample, in which they are evenly spaced;
// -1: nowhere.
PYVAE_MATH int64_t sample_place(int64_t ordinal, int64_t count) {
  if (count <= kSample) return ordinal;
  const int64_t place = ordinal * kSample / count;
  return ceil_div(place * count, kSample) == ordinal ? place : -1;
}

// Into the first `size` of a sorted sample.
PYVAE_MATH void insert_sorted(float* sample, int64_t size, float mean) {
  for (; size > 0 && sample[size - 1] > mean; --size) sample[size] = sample[size - 1];
  sample[size] = mean;
}

// The middle of a level in place of all of it, by a sorted sample: as much as there is room for, if that is half of it
// at least, else what holds most of it and no outlier.
PYVAE_MATH Region middle_of(const float* sample, int64_t size, double room, const Region& all) {
  const double first = static_cast<double>(sample[size / 4]), third = static_cast<double>(sample[size * 3 / 4]);
  const double middle = 0.5 * (first + third), half = third - first < room ? 0.5 * room : 2.5 * (third - first);
  return {all.low > middle - half ? all.low : middle - half, all.high < middle + half ? all.high : middle + half};
}

// Gives the level its region, bins and, if the region is no wider than `widest`, its grid from node `first_node` on;
// returns the next.
PYVAE_MATH int64_t place(const Gridding& gridding, const Extent& extent, const Region& region, double widest,
                         int64_t first_node, Level& level) {
  const float largest = bits_float(static_cast<int32_t>((extent.last_bucket + 1) << kBucketShift));
  const double width = region.high - region.low, step = step_of(gridding, level);
  level.reach = kNearReach * static_cast<double>(largest);
  level.low = region.low;
  level.below = -__builtin_inff(), level.above = __builtin_inff();
  if (width <= widest) {
    level.nodes = static_cast<int64_t>(width / step) + nodes_around_region(gridding);
    level.inverse_step = 1.0 / step;
    level.inverse_bin = level.inverse_step / kNodesPerBin;
    level.low_node = static_cast<double>(nodes_before_region(gridding));
    level.bins = static_cast<int64_t>(width * level.inverse_bin) + 1;
  } else {
    level.nodes = 0;
    level.low_node = level.inverse_step = 0;
    level.bins = extent.count;
    level.inverse_bin = static_cast<double>(level.bins) / width;
  }
  level.first_node = first_node;
  level.nodes = level.nodes / kWindow * kWindow;  // whole vectors, so that every grid begins on 64 bytes
  return first_node + level.nodes;
}

// --- Components ------------------------------------------------------------------------------------------------------

// math/gaussian.h's quantities, the constant for densities in units of 1 / s; sigma / s.
struct Component {
  float ratio, scale, constant;
};

PYVAE_MATH Component component_of(float sigma, float inverse_unit) {
  const float ratio = sigma * inverse_unit;
  return {ratio, static_cast<float>(kLogDensityScale) / sigma,
          -static_cast<float>(kLog2E) * (log(ratio) + 0.5f * static_cast<float>(kLog2Pi))};
}

// Loose components are in units of 1, with the arithmetic of the exact kernels.
PYVAE_MATH Component loose_component(float sigma, float logvar) {
  return {sigma, log_density_scale(logvar), log_density_constant(logvar)};
}

// Whether densities may be summed as such beside a loose component.
PYVAE_MATH bool is_linear(float mean, float sigma) {
  return mean <= kLargestMean && mean >= -kLargestMean && sigma > kSmallestLooseSigma && sigma < kLargestLooseSigma;
}

// What densities of a latent are held in units of 1 over, so that float32 can hold them: the smallest level's s.
PYVAE_MATH double smallest_unit(const Level* level, int64_t levels) {
  return levels > 0 ? static_cast<double>(level[0].unit) : 1.0;
}

}  // namespace pyvae
