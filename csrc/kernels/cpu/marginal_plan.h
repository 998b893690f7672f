// How the marginals of one latent are gridded: its components sorted into levels of like sigma, within a level into
// bins by position, and each level's grid. The forward and the backward make the same plan. For inclusion by the CPU
// kernels only.
//
// Who writes (w) and reads (r) what of a slot; a buffer that the plan is through with serves what comes after it.
//
//                  read      find_levels  sort             forward             backward
//   sums[0], [1]   w: mean,  r            r                                    rw: of w, w u
//                  sigma
//   sums[2]                                                                    rw: of w u^2
//   position                 w: levels    rw: bins, places r                   r
//   bin_starts                            w                r                   r
//   mean .. column                        w                r                   r
//   total                                                  rw: nodes, float64
//   grid                                                   rw: nodes           rw: nodes
//   density, score                                         rw: of queries      rw: factors, cotangents
#pragma once
#include "../marginal_levels.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// As many floats as a window has nodes, whatever the instruction set.
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
  Level level[kMaxLevels];
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

 private:
  static void read(const Marginals& of, int64_t b, int64_t d, const Unsorted& to) {
    const float *mu = of.mu + b * of.columns * of.latents + d, *logvar = of.logvar + b * of.columns * of.latents + d;
    for (int64_t j = 0; j < of.columns; ++j) to.mean[j] = mu[j * of.latents], to.sigma[j] = logvar[j * of.latents];
#pragma omp simd
    for (int64_t j = 0; j < of.columns; ++j) to.sigma[j] = exp(0.5f * to.sigma[j]);
  }

  // Levels, their regions and grids.
  void find_levels(const Unsorted& unsorted) {
    int32_t counts[kBuckets] = {};
    int8_t level_of[kBuckets];
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t bucket = bucket_of(unsorted.mean[j], unsorted.sigma[j]);
      if (bucket >= 0) ++counts[bucket];
    }
    levels = pyvae::find_levels(counts, level_of, level);
    Extent extent[kMaxLevels] = {};
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t bucket = bucket_of(unsorted.mean[j], unsorted.sigma[j]);
      unsorted.bin[j] = bucket < 0 ? -1 : level_of[bucket];
      if (unsorted.bin[j] >= 0) extend(extent[unsorted.bin[j]], unsorted.mean[j], bucket);
    }
    int64_t nodes = 0;
    for (int64_t k = 0; k < levels; ++k) {
      const double widest = widest_region(gridding, level[k], (at.nodes - nodes) / (levels - k));
      Region region = region_of(extent[k]);
      if (region.high - region.low > widest) region = middle(unsorted, k, extent[k].count, 0.999 * widest, region);
      nodes = place(gridding, extent[k], region, widest, nodes, level[k]);
    }
  }

  Region middle(const Unsorted& unsorted, int64_t k, int64_t count, double room, const Region& all) const {
    float sample[kSample];
    int64_t size = 0, seen = 0;
    for (int64_t j = 0; j < columns && size < kSample; ++j) {
      if (unsorted.bin[j] != k || sample_place(seen++, count) < 0) continue;
      insert_sorted(sample, size++, unsorted.mean[j]);
    }
    return middle_of(sample, size, room, all);
  }

  static int64_t bin_of_component(Level& level, float mean) {
    const int64_t k = level.bin(static_cast<double>(mean));
    if (k == 0 && mean > level.below) level.below = mean;
    if (k == level.bins + 1 && mean < level.above) level.above = mean;
    return k;
  }

  // Counting sort by level and bin, loose components last.
  void sort(const Unsorted& unsorted) {
    int32_t* starts = slot.bin_starts;
    int64_t first_bin[kMaxLevels + 1], bins = 0;
    for (int64_t k = 0; k < levels; ++k) {
      first_bin[k] = bins;
      level[k].bin_starts = starts + bins;
      bins += level[k].bins + kEdgeBins;
    }
    for (int64_t bin = 0; bin <= bins + 1; ++bin) starts[bin] = 0;
    for (int64_t j = 0; j < columns; ++j) {
      const int32_t k = unsorted.bin[j];
      const int64_t bin = k < 0 ? bins : first_bin[k] + bin_of_component(level[k], unsorted.mean[j]);
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
      level[k].range = {level[k].bin_starts[0], level[k].bin_starts[level[k].bins + kEdgeBins]};
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
      const Component component = component_of(slot.ratio[k], inverse);
      slot.ratio[k] = component.ratio, slot.scale[k] = component.scale, slot.constant[k] = component.constant;
    }
  }

  void finish_loose(const Marginals& of, int64_t b, int64_t d) {
    for (int64_t k = loose.first; k < loose.last; ++k) {
      const float logvar = of.logvar[(b * of.columns + slot.column[k]) * of.latents + d];
      const Component component = loose_component(slot.ratio[k], logvar);
      slot.scale[k] = component.scale, slot.constant[k] = component.constant;
      linear &= is_linear(slot.mean[k], slot.ratio[k]);
    }
  }

 public:
  double smallest_unit() const { return pyvae::smallest_unit(level, levels); }
};

}  // namespace
}  // namespace pyvae::cpu
