// Queries of the gridded marginals, sixteen at a time, and where they lie among the components of a level. The forward
// and the backward must find the same. For inclusion by the CPU kernels only.
#pragma once
#include "../marginal_places.h"
#include "marginal_plan.h"

namespace pyvae::cpu {
namespace {

// A query, and the two components whose weight relative to the shared one is not 1: sorted, -1 for none.
struct Query {
  float x;
  int64_t special[2];
};

struct Queries {
  int64_t first, count;  // rows
  float x[kRows];        // NaN beyond the last: near nothing
  int32_t special[2][kRows];

  Queries(const Marginals& of, const SpecialWeights& weights, const int32_t* position, int64_t b, int64_t d,
          int64_t first)
      : first(first), count(smaller(of.queries - first, kRows)) {
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
    const QueryFrame frame = query_frame(level, grids);
    int32_t bin[kRows], first[kRows], end[kRows], inside[kRows];
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      const double at = bins_above_low(level, frame, queries.x[i]), node = node_of(level, at);
      bin[i] = query_bin(frame, at);
      window[i] = static_cast<int32_t>(node);
      fraction[i] = static_cast<float>(node - static_cast<double>(window[i]));
      inside[i] = is_inside(frame, node);
      first[i] = first_edge(level, queries.x[i]);
      end[i] = end_edge(level, queries.x[i]);
    }
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      first[i] = first_near_bin(frame, bin[i], first[i]);
      end[i] = end_near_bin(frame, bin[i], end[i]);
      window[i] -= static_cast<int32_t>(kHalfWindow - 1);
    }
    const int32_t inner_first = level.bin_starts[1], inner_last = level.bin_starts[level.bins + 1];
#pragma omp simd
    for (int64_t i = 0; i < kRows; ++i) {
      near_first[i] = level.bin_starts[first[i]], near_last[i] = level.bin_starts[end[i]];
      const int32_t count = count_within(near_first[i], near_last[i], inner_first, inner_last);
      gridded[i] = (count > static_cast<int32_t>(kFew)) & inside[i];
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
    const float exponent = interpolation_exponent(gridding);
    offset = iota() - Window(static_cast<float>(kHalfWindow - 1) + fraction);
    weight = exp2_weight(Window(exponent) * offset * offset);
  }
};

// A block of components on a level's grid.
struct Spread {
  static constexpr int64_t kBlock = 64;
  int32_t node[kBlock], windows[kBlock];
  float fraction[kBlock], variance[kBlock], amplitude[kBlock], exponent[kBlock];

  void fill(const Plan& plan, const Level& level, const Range& block) {
    const Slot& slot = plan.slot;
#pragma omp simd
    for (int64_t k = 0; k < block.count(); ++k) {
      const OnGrid one = on_grid(plan.gridding, level, slot.mean[block.first + k], slot.ratio[block.first + k]);
      node[k] = one.node, windows[k] = one.windows, fraction[k] = one.fraction;
      variance[k] = one.variance, amplitude[k] = one.amplitude, exponent[k] = one.exponent;
    }
  }
  int64_t first_node(int64_t k) const { return node[k] - (windows[k] * kHalfWindow - 1); }
  int64_t last_node(int64_t k) const { return node[k] + windows[k] * kHalfWindow; }
};

}  // namespace
}  // namespace pyvae::cpu
