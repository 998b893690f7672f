// Where queries and components lie on a level, what a pair of them weighs, and when a sum is good enough: the formulas
// of the gridded marginals' queries, for CPU and CUDA alike.
#pragma once
#include "marginal_levels.h"

namespace pyvae {

// --- Queries on a level ----------------------------------------------------------------------------------------------

// What serves all queries of a level. Bins and nodes of a query are counted no further out than a bin beyond reach.
struct QueryFrame {
  int32_t bins, reach;
  double bound, last, most;  // in bins, but `most` in nodes
};

PYVAE_MATH QueryFrame query_frame(const Level& level, bool grids) {
  const int32_t bins = static_cast<int32_t>(level.bins);
  const int32_t reach = static_cast<int32_t>(level.reach * level.inverse_bin) + 1;
  const double bound = reach + 1;
  return {bins, reach, bound, bins + bound, grids ? static_cast<double>(level.nodes - kHalfWindow) : 0.0};
}

// NaN is below all.
PYVAE_MATH double bins_above_low(const Level& level, const QueryFrame& frame, float x) {
  const double exact = (static_cast<double>(x) - level.low) * level.inverse_bin;
  const double low = exact > -frame.bound ? exact : -frame.bound;
  return low < frame.last ? low : frame.last;
}

PYVAE_MATH double node_of(const Level& level, double bins_above_low) {
  return bins_above_low * static_cast<double>(kNodesPerBin) + level.low_node;
}

// From 0 for the first within the region.
PYVAE_MATH int32_t query_bin(const QueryFrame& frame, double bins_above_low) {
  return static_cast<int32_t>(bins_above_low + (frame.bound + 1)) - (frame.reach + 2);
}

// Whether the grid holds all nodes of the query's window.
PYVAE_MATH bool is_inside(const QueryFrame& frame, double node) {
  return (node >= static_cast<double>(kHalfWindow - 1)) & (node < frame.most);
}

// Bins of components within reach, with the outer bins only where a component of theirs is within reach.
PYVAE_MATH int32_t first_edge(const Level& level, float x) {
  return static_cast<double>(x) - level.reach <= static_cast<double>(level.below) ? 0 : 1;
}
PYVAE_MATH int32_t end_edge(const Level& level, float x) {
  return static_cast<double>(x) + level.reach >= static_cast<double>(level.above) ? 2 : 1;
}
PYVAE_MATH int32_t first_near_bin(const QueryFrame& frame, int32_t bin, int32_t edge) {
  const int32_t low = bin - frame.reach;
  return low < 0 ? edge : (low < frame.bins ? low : frame.bins) + 1;
}
PYVAE_MATH int32_t end_near_bin(const QueryFrame& frame, int32_t bin, int32_t edge) {
  const int32_t high = bin + frame.reach;
  return high < 0 ? 1 : (high < frame.bins ? high + 2 : frame.bins + edge);
}

// Components of [first, last) that are in [inner_first, inner_last) as well; not positive: none.
PYVAE_MATH int32_t count_within(int32_t first, int32_t last, int32_t inner_first, int32_t inner_last) {
  const int32_t from = larger(first, inner_first), to = smaller(inner_last, last);
  return to - from;
}

// N(x; t_k, w^2) over its value at 0 is 2^(this * steps^2).
PYVAE_MATH float interpolation_exponent(const Gridding& gridding) {
  return static_cast<float>(-0.5 * kLog2E / kKernelVariance * gridding.step * gridding.step);
}

// What turns a sum of N steps into one of N (t - x) / w^2, in units of 1 / s^2.
PYVAE_MATH float interpolation_slope(const Gridding& gridding, const Level& level) {
  return static_cast<float>(2 * gridding.step / static_cast<double>(level.unit));
}

// --- Components on a grid --------------------------------------------------------------------------------------------

// The node below a component and the fraction of a step beyond it, how many windows it is spread over, and
// N(t_k; mu, a^2) as amplitude * 2^(exponent * steps^2), in units of 1 / s.
struct OnGrid {
  int32_t node, windows;
  float fraction, variance, amplitude, exponent;
};

PYVAE_MATH OnGrid on_grid(const Gridding& gridding, const Level& level, float mean, float ratio) {
  const float step = static_cast<float>(gridding.step);
  const double at = (static_cast<double>(mean) - level.low) * level.inverse_step + level.low_node;
  const int32_t node = static_cast<int32_t>(at);
  const float variance = ratio * ratio - static_cast<float>(kKernelVariance), a = libm::sqrtf(variance);
  return {node,
          spread_windows(gridding, a),
          static_cast<float>(at - static_cast<double>(node)),
          variance,
          static_cast<float>(kStandardNormalPeak) / a,
          -0.5f * static_cast<float>(kLog2E) * step * step / variance};
}

// Sums over pairs of w, the pair's softmax weight times the query's cotangent, of w u and of w u^2.
struct PairSums {
  float w, wu, wuu;
};

// Sums over the nodes of a component of H N, H N steps and H N steps^2, N without its amplitude.
struct NodeSums {
  float zeroth, first, second;
};

// d N(t; mu, a^2) / d mu = N (t - mu) / a^2 and, since a^2 = sigma^2 - w^2 with w held,
// d N / d logvar = N sigma^2 ((t - mu)^2 / (2 a^4) - 1 / (2 a^2)).
PYVAE_MATH PairSums sums_of_nodes(float step, float amplitude, float variance, float ratio, const NodeSums& nodes) {
  const float inverse = 1.0f / variance;
  const float weight = amplitude * nodes.zeroth;
  const float slope = amplitude * nodes.first * step * inverse;                    // s d / d mu
  const float curve = amplitude * nodes.second * step * step * inverse * inverse;  // s^2 d^2 / d mu^2, and weight
  return {weight, slope * ratio * static_cast<float>(kLogDensityScale),
          (ratio * ratio * (curve - weight * inverse) + weight) * static_cast<float>(0.5 * kLog2E)};
}

// --- Weights and errors ----------------------------------------------------------------------------------------------

// The pairs whose weight is not the shared one, as in cpu/mixture.h: the row's own component, and the next.
struct SpecialWeights {
  double weight[2];
  int64_t columns;

  PYVAE_MEMBER SpecialWeights(const PairWeights& weights, int64_t columns)
      : weight{libm::exp(weights.log_diagonal_ratio), libm::exp(weights.log_next_ratio)}, columns(columns) {}

  PYVAE_MEMBER bool any() const { return weight[0] != 1; }
  PYVAE_MEMBER int64_t column(int which, int64_t row) const { return row + which < columns ? row + which : 0; }
};

// What far components may add to a density before all of them are asked.
constexpr double kNegligible = 2e-7;

// Whether a density's error is as small as wanted; NaN is not.
PYVAE_MATH bool is_within(double error, double relative, double density) {
  return error <= relative * density && density > 0;
}

}  // namespace pyvae
