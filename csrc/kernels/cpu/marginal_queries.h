// Queries of the gridded marginals, sixteen at a time, and where they lie among the components of a level. The forward
// and the backward must find the same. For inclusion by the CPU kernels only.
#pragma once
#include "marginal_plan.h"

namespace pyvae::cpu {
namespace {

// A query, and the two components whose weight relative to the shared one is not 1: sorted, -1 for none.
struct Query {
  float x;
  int64_t special[2];
};

// The pairs whose weight is not the shared one, as in cpu/mixture.h: the row's own component, and the next.
struct SpecialWeights {
  double weight[2];
  int64_t columns;

  SpecialWeights(const PairWeights& weights, int64_t columns)
      : weight{libm::exp(weights.log_diagonal_ratio), libm::exp(weights.log_next_ratio)}, columns(columns) {}

  bool any() const { return weight[0] != 1; }
  int64_t column(int which, int64_t row) const { return row + which < columns ? row + which : 0; }
};

struct Queries {
  int64_t first, count;  // rows
  float x[kRows];        // NaN beyond the last: near nothing
  int32_t special[2][kRows];

  Queries(const Marginals& of, const SpecialWeights& weights, const int32_t* position, int64_t b, int64_t d,
          int64_t first)
      : first(first), count(minimum(of.queries - first, kRows)) {
    const float* z = of.z + (b * of.queries + first) * of.latents + d;
    for (int64_t i = 0; i < kRows; ++i) {
      x[i] = i < count ? z[i * of.latents] : __builtin_nanf("");
      for (int s = 0; s < 2; ++s) {
        const bool has = i < count && weights.weight[s] != 1;
        special[s][i] = has ? position[weights.column(s, first + i)] : -1;
      }
    }
  }
  Query query(int64_t i) const { return {x[i], {special[0][i], special[1][i]}}; }
};

// Where queries lie on one level: the components within reach, and the window of nodes around each, if the grid is to
// stand for those of its region. It does where enough of them are near.
struct Places {
  int32_t near_first[kRows], near_last[kRows];  // sorted
  int32_t window[kRows];                        // first node
  float fraction[kRows];                        // of a step, beyond the window's middle
  int32_t gridded[kRows];

  // Loops without branches and of few types each: compilers vectorise those.
  Places(const Queries& queries, const Level& level, bool grids) {
    const int32_t bins = static_cast<int32_t>(level.bins);
    const int32_t reach = static_cast<int32_t>(level.reach * level.inverse_bin) + 1;
    int32_t bin[kRows], first[kRows], end[kRows], inside[kRows];
    const double most = grids ? static_cast<double>(level.nodes - kHalfWindow) : 0.0;
    const double bound = reach + 1, last = bins + bound;
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      const double exact = (static_cast<double>(queries.x[i]) - level.low) * level.inverse_bin;
      const double low = exact > -bound ? exact : -bound, at = low < last ? low : last;  // NaN is below all
      const double node = at * static_cast<double>(MarginalsWorkspace::kNodesPerBin) + level.low_node;
      bin[i] = static_cast<int32_t>(at + (bound + 1)) - (reach + 2);
      window[i] = static_cast<int32_t>(node);
      fraction[i] = static_cast<float>(node - static_cast<double>(window[i]));
      inside[i] = (node >= static_cast<double>(kHalfWindow - 1)) & (node < most);
      // The outer bins only where a component of theirs is within reach.
      first[i] = static_cast<double>(queries.x[i]) - level.reach <= static_cast<double>(level.below) ? 0 : 1;
      end[i] = static_cast<double>(queries.x[i]) + level.reach >= static_cast<double>(level.above) ? 2 : 1;
    }
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      const int32_t low = bin[i] - reach, high = bin[i] + reach;
      first[i] = low < 0 ? first[i] : (low < bins ? low : bins) + 1;
      end[i] = high < 0 ? 1 : (high < bins ? high + 2 : bins + end[i]);
      window[i] -= static_cast<int32_t>(kHalfWindow - 1);
    }
    const int32_t inner_first = level.bin_starts[1], inner_last = level.bin_starts[bins + 1];
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      near_first[i] = level.bin_starts[first[i]], near_last[i] = level.bin_starts[end[i]];
      const int32_t from = near_first[i] > inner_first ? near_first[i] : inner_first;
      const int32_t to = near_last[i] < inner_last ? near_last[i] : inner_last;
      gridded[i] = (to - from > static_cast<int32_t>(kFew)) & inside[i];
    }
  }
  Range near(int64_t i) const { return {near_first[i], near_last[i]}; }
  // Calls visit(range) for what is to be summed one by one.
  template <typename Visit>
  PYVAE_INLINE void for_each_rest(int64_t i, const Range& inner, Visit visit) const {
    if (gridded[i] == 0) return visit(near(i));
    if (near_first[i] < inner.first) visit(Range{near_first[i], inner.first});
    if (near_last[i] > inner.last) visit(Range{inner.last, near_last[i]});
  }
};

// N(x; t_k, w^2) at the nodes of a window, over its value at 0, and t_k - x in steps.
struct InterpolationWeights {
  Window offset, weight;

  PYVAE_INLINE InterpolationWeights(const Gridding& gridding, float fraction) {
    const float exponent = static_cast<float>(-0.5 * kLog2E / kKernelVariance * gridding.step * gridding.step);
    offset = iota() - Window(static_cast<float>(kHalfWindow - 1) + fraction);
    weight = exp2_weight(Window(exponent) * offset * offset);
  }
};

// A block of components on a level's grid: the node below each and the fraction of a step beyond it, how many windows
// it is spread over, and N(t_k; mu, a^2) as amplitude * 2^(exponent * steps^2), in units of 1 / s.
struct Spread {
  static constexpr int64_t kBlock = 64;
  int32_t node[kBlock], windows[kBlock];
  float fraction[kBlock], variance[kBlock], amplitude[kBlock], exponent[kBlock];

  void fill(const Plan& plan, const Level& level, const Range& block) {
    const Slot& slot = plan.slot;
    const float step = static_cast<float>(plan.gridding.step), middle = static_cast<float>(kStandardNormalPeak);
#pragma omp simd
    for (int64_t k = 0; k < block.count(); ++k) {
      const double x = static_cast<double>(slot.mean[block.first + k]);
      const double at = (x - level.low) * level.inverse_step + level.low_node;
      node[k] = static_cast<int32_t>(at);
      fraction[k] = static_cast<float>(at - static_cast<double>(node[k]));
      const float ratio = slot.ratio[block.first + k];
      variance[k] = ratio * ratio - static_cast<float>(kKernelVariance);
      const float a = libm::sqrtf(variance[k]);
      windows[k] = spread_windows(plan.gridding, a);
      amplitude[k] = middle / a;
      exponent[k] = -0.5f * static_cast<float>(kLog2E) * step * step / variance[k];
    }
  }
  int64_t first_node(int64_t k) const { return node[k] - (windows[k] * kHalfWindow - 1); }
  int64_t last_node(int64_t k) const { return node[k] + windows[k] * kHalfWindow; }
};

}  // namespace
}  // namespace pyvae::cpu
