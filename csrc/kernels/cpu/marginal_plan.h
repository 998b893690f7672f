// How the marginals of one latent are gridded: its components sorted into levels of like sigma, within a level into
// bins by position, and each level's grid. The forward and the backward make the same plan. For inclusion by the CPU
// kernels only.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/gridding.h"
#include "../gridded_marginals.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// As many floats as a window has nodes, whatever the instruction set.
constexpr int64_t kWindow = 2 * kHalfWindow;
constexpr int kWindowRegisters = static_cast<int>(kWindow / kRegisterLanes<float>);
using Window = Vec<float, kWindowRegisters>;
static_assert(MarginalsWorkspace::kPadding >= kWindow);

PYVAE_VEC Window load_window(const float* from) { return load<float, kWindowRegisters>(from); }
PYVAE_VEC Window iota() {
  alignas(64) static constexpr float kIota[kWindow] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load_window(kIota);
}
PYVAE_VEC float sum_of_window(Window v) {
  Vec<float, 1> sum(0.0f);
  accumulate(sum, v);
  return sum_of_lanes(sum);
}

// Queries, or components, that go through one pass side by side: as many as a window has nodes.
constexpr int64_t kRows = kWindow;

// The sums over each row's window.
PYVAE_VEC void sums_of_rows(const float (*rows)[kWindow], float* sums) {
  constexpr int64_t kLanes = kRegisterLanes<float>;
  alignas(64) float part[kRows][kLanes];
  for (int64_t k = 0; k < kRows; ++k) {
    Vec<float, 1> sum(0.0f);
    accumulate(sum, load_window(rows[k]));
    store(part[k], sum);
  }
  for (int64_t k = 0; k < kRows; k += kLanes) store(sums + k, sums_of_lanes(part + k));
}

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

// Windows of nodes that a component with this a is spread over: kHalfWindow nodes on either side for each.
PYVAE_MATH int32_t spread_windows(const Gridding& gridding, float a) {
  return static_cast<int32_t>(a * static_cast<float>(kSpreadReach / (kHalfWindow * gridding.step))) + 1;
}

struct Range {
  int64_t first, last;
  int64_t count() const { return last - first; }
};

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
  Range inner() const { return {bin_starts[1], bin_starts[bins + 1]}; }
  int64_t bin(double x) const {
    const double k = (x - low) * inverse_bin;
    return !(k >= 0) ? 0 : (k < static_cast<double>(bins) ? static_cast<int64_t>(k) + 1 : bins + 1);
  }
  int64_t bin_of_component(float mean) {
    const int64_t k = bin(static_cast<double>(mean));
    if (k == 0 && mean > below) below = mean;
    if (k == bins + 1 && mean < above) above = mean;
    return k;
  }
};

// The memory of a slot, by name.
struct Slot {
  double* total;           // [nodes]
  float* grid;             // [nodes]
  float *density, *score;  // [Q]
  // Of the components, in sorted order, [M]: math/gaussian.h's quantities, the constant for densities in units of
  // 1 / s; sigma / s; the column in the tensors.
  float *mean, *scale, *constant, *ratio;
  int32_t* column;
  int32_t* position;  // of a column in sorted order
  float* sums[3];     // [M]: the backward's
  int32_t* bin_starts;

  Slot(char* memory, const MarginalsWorkspace& at, int64_t queries, int64_t columns, int64_t slot) {
    char* next = memory + (64 - reinterpret_cast<uintptr_t>(memory) % 64) % 64 + slot * at.slot_bytes;
    take(next, total, at.nodes), take(next, grid, at.nodes);
    take(next, density, queries), take(next, score, queries);
    take(next, mean, columns), take(next, scale, columns), take(next, constant, columns), take(next, ratio, columns);
    take(next, column, columns), take(next, position, columns);
    for (float*& sum : sums) take(next, sum, columns);
    take(next, bin_starts, at.bins);
  }

 private:
  template <typename T>
  static void take(char*& next, T*& array, int64_t count) {
    array = reinterpret_cast<T*>(next);
    next += (count + MarginalsWorkspace::kPadding) * static_cast<int64_t>(sizeof(T));
  }
};

// Columns of one latent before they are sorted, in memory that is free until then.
struct Unsorted {
  float *mean, *sigma;  // [M]
  int32_t* bin;         // [M], of all levels
};

struct Plan {
  Slot slot;
  MarginalsWorkspace at;
  Gridding gridding;
  int64_t columns;
  Level level[MarginalsWorkspace::kMaxLevels];
  int64_t levels = 0;
  Range loose{0, 0};   // components in no level
  bool linear = true;  // whether densities may be summed as such

  Plan(const Marginals& of, const MarginalsWorkspace& at, const Slot& slot, int64_t b, int64_t d)
      : slot(slot), at(at), gridding(pyvae::gridding(of.rtol)), columns(of.columns) {
    const Unsorted unsorted{slot.sums[0], slot.sums[1], slot.position};
    read(of, b, d, unsorted);
    find_levels(unsorted);
    sort(unsorted);
    finish_loose(of, b, d);
  }

  double step(const Level& level) const { return gridding.step * static_cast<double>(level.unit); }

 private:
  static int32_t bucket_of(float mean, float sigma) {
    const bool tame = mean <= kLargestMean && mean >= -kLargestMean && sigma > kSmallestSigma && sigma < kLargestSigma;
    return tame ? float_bits(sigma) >> kBucketShift : -1;
  }

  static void read(const Marginals& of, int64_t b, int64_t d, const Unsorted& to) {
    const float *mu = of.mu + b * of.columns * of.latents + d, *logvar = of.logvar + b * of.columns * of.latents + d;
    for (int64_t j = 0; j < of.columns; ++j) to.mean[j] = mu[j * of.latents], to.sigma[j] = logvar[j * of.latents];
#pragma omp simd
    for (int64_t j = 0; j < of.columns; ++j) to.sigma[j] = exp(0.5f * to.sigma[j]);
  }

  // What is known of a level before it has a grid.
  struct Extent {
    int64_t count = 0;
    float low = 0, high = 0;
    int64_t last_bucket = 0;
  };

  // Levels from the smallest sigma on; a few components that stand apart are loose.
  void find_levels(const Unsorted& unsorted) {
    int32_t counts[kBuckets] = {};
    int8_t level_of[kBuckets + 1];
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t bucket = bucket_of(unsorted.mean[j], unsorted.sigma[j]);
      if (bucket >= 0) ++counts[bucket];
    }
    for (int64_t first = 0; first < kBuckets;) {
      int64_t count = 0, end = minimum(first + kLevelBuckets, kBuckets);
      for (int64_t k = first; k < end; ++k) count += counts[k];
      const bool enough = counts[first] > 0 && count > kFew && levels < at.kMaxLevels;
      if (!enough) end = first + 1;
      for (int64_t k = first; k < end; ++k) level_of[k] = static_cast<int8_t>(enough ? levels : -1);
      if (enough) level[levels++].unit = bits_float(static_cast<int32_t>(first << kBucketShift));
      first = end;
    }
    Extent extent[MarginalsWorkspace::kMaxLevels];
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t bucket = bucket_of(unsorted.mean[j], unsorted.sigma[j]);
      unsorted.bin[j] = bucket < 0 ? -1 : level_of[bucket];
      if (unsorted.bin[j] >= 0) extend(extent[unsorted.bin[j]], unsorted.mean[j], bucket);
    }
    int64_t nodes = 0;
    for (int64_t k = 0; k < levels; ++k) nodes = place(level[k], extent[k], unsorted, k, nodes);
  }

  static void extend(Extent& extent, float mean, int32_t bucket) {
    if (extent.count++ == 0) extent.low = extent.high = mean;
    if (mean < extent.low) extent.low = mean;
    if (mean > extent.high) extent.high = mean;
    if (bucket > extent.last_bucket) extent.last_bucket = bucket;
  }

  // Nodes on either side of a component of the largest sigma.
  int64_t widest_spread() const {
    const float a = libm::sqrtf(static_cast<float>(kLevelRatio * kLevelRatio - kKernelVariance));
    return kHalfWindow * spread_windows(gridding, a);
  }

  // Gives the level its region, bins and, if there is room, its grid from node `first_node` on; returns the next.
  int64_t place(Level& level, const Extent& extent, const Unsorted& unsorted, int64_t k, int64_t first_node) {
    const float largest = bits_float(static_cast<int32_t>((extent.last_bucket + 1) << kBucketShift));
    level.reach = kNearReach * static_cast<double>(largest);
    double low = static_cast<double>(extent.low), high = static_cast<double>(extent.high);
    const double step = this->step(level);
    const int64_t room = (at.nodes - first_node) / (levels - k), pad = widest_spread() + kMargin;
    const int64_t around = 2 * pad + 1 + kWindow;
    const double most = static_cast<double>(room - around) * step;
    if (high - low > most) middle_of(unsorted, k, extent.count, 0.999 * most, low, high);
    level.low = low;
    level.below = -__builtin_inff(), level.above = __builtin_inff();
    if (high - low <= most) {
      level.nodes = static_cast<int64_t>((high - low) / step) + around;
      level.inverse_step = 1.0 / step;
      level.inverse_bin = level.inverse_step / at.kNodesPerBin;
      level.low_node = static_cast<double>(pad);
      level.bins = static_cast<int64_t>((high - low) * level.inverse_bin) + 1;
    } else {
      level.nodes = 0;
      level.low_node = level.inverse_step = 0;
      level.bins = extent.count;
      level.inverse_bin = static_cast<double>(level.bins) / (high - low);
    }
    level.first_node = first_node;
    level.nodes = level.nodes / kWindow * kWindow;  // whole vectors, so that every grid begins on 64 bytes
    return first_node + level.nodes;
  }

  // The middle of a level in place of all of it: as much as there is room for, if that is half of it at least, else
  // what holds most of it and no outlier.
  void middle_of(const Unsorted& unsorted, int64_t k, int64_t count, double room, double& low, double& high) const {
    constexpr int64_t kSample = 64;
    float sample[kSample];
    int64_t size = 0, seen = 0;
    for (int64_t j = 0; j < columns && size < kSample; ++j) {
      if (unsorted.bin[j] != k || seen++ * kSample < size * count) continue;
      int64_t at = size++;
      for (; at > 0 && sample[at - 1] > unsorted.mean[j]; --at) sample[at] = sample[at - 1];
      sample[at] = unsorted.mean[j];
    }
    const double first = static_cast<double>(sample[size / 4]), third = static_cast<double>(sample[size * 3 / 4]);
    const double middle = 0.5 * (first + third), half = third - first < room ? 0.5 * room : 2.5 * (third - first);
    low = low > middle - half ? low : middle - half;
    high = high < middle + half ? high : middle + half;
  }

  // Counting sort by level and bin, loose components last.
  void sort(const Unsorted& unsorted) {
    int32_t* starts = slot.bin_starts;
    int64_t first_bin[MarginalsWorkspace::kMaxLevels + 1], bins = 0;
    for (int64_t k = 0; k < levels; ++k) {
      first_bin[k] = bins;
      level[k].bin_starts = starts + bins;
      bins += level[k].bins + at.kEdgeBins;
    }
    for (int64_t bin = 0; bin <= bins + 1; ++bin) starts[bin] = 0;
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t k = unsorted.bin[j];
      const int64_t bin = k < 0 ? bins : first_bin[k] + level[k].bin_of_component(unsorted.mean[j]);
      unsorted.bin[j] = static_cast<int32_t>(bin);
      ++starts[bin];
    }
    int32_t sum = 0;
    for (int64_t bin = 0; bin <= bins; ++bin) {
      const int32_t count = starts[bin];
      starts[bin] = sum;
      sum += count;
    }
    for (int64_t j = 0; j < columns; ++j) slot.position[j] = starts[unsorted.bin[j]]++;  // now the bins' ends
    for (int64_t bin = bins + 1; bin > 0; --bin) starts[bin] = starts[bin - 1];
    starts[0] = 0;
    for (int64_t k = 0; k < levels; ++k) {
      level[k].range = {level[k].bin_starts[0], level[k].bin_starts[level[k].bins + at.kEdgeBins]};
    }
    loose = {starts[bins], columns};
    fill_sorted(unsorted);
  }

  void fill_sorted(const Unsorted& unsorted) {
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t to = slot.position[j];
      slot.mean[to] = unsorted.mean[j], slot.ratio[to] = unsorted.sigma[j];
      slot.column[to] = static_cast<int32_t>(j);
    }
    for (int64_t k = 0; k < levels; ++k) finish_components(level[k].range, level[k].unit);
    for (int64_t k = columns; k < columns + at.kPadding; ++k) slot.mean[k] = slot.scale[k] = slot.constant[k] = 0;
  }

  void finish_components(const Range& range, float unit) {
    const float inverse = 1.0f / unit;
#pragma omp simd
    for (int64_t k = range.first; k < range.last; ++k) {
      const float sigma = slot.ratio[k];
      slot.ratio[k] = sigma * inverse;
      slot.scale[k] = static_cast<float>(kLogDensityScale) / sigma;
      slot.constant[k] = -static_cast<float>(kLog2E) * (log(slot.ratio[k]) + 0.5f * static_cast<float>(kLog2Pi));
    }
  }

  // Loose components in units of 1, and with the arithmetic of the exact kernels.
  void finish_loose(const Marginals& of, int64_t b, int64_t d) {
    for (int64_t k = loose.first; k < loose.last; ++k) {
      const float logvar = of.logvar[(b * of.columns + slot.column[k]) * of.latents + d];
      slot.scale[k] = log_density_scale(logvar);
      slot.constant[k] = log_density_constant(logvar);
      const float mean = slot.mean[k], sigma = slot.ratio[k];
      linear &=
          mean <= kLargestMean && mean >= -kLargestMean && sigma > kSmallestLooseSigma && sigma < kLargestLooseSigma;
    }
  }

 public:
  double smallest_unit() const { return levels > 0 ? static_cast<double>(level[0].unit) : 1.0; }
};

}  // namespace
}  // namespace pyvae::cpu
