// A query on the levels, and sums over components one by one, in linear and in logarithmic form: what the forward and
// the backward of the gridded marginals share on CUDA.
// Not yet measured on a GPU.
#pragma once
#include "../../../math/logsumexp.h"
#include "memory.cuh"

namespace pyvae::cuda {

// Terms of a lane that are summed in float32 before float64 takes them over.
constexpr int kFloatTerms = 16;

// --- One query -------------------------------------------------------------------------------------------------------

// A query, and the two components whose weight relative to the shared one is not 1: sorted, -1 for none.
struct Query {
  float x;
  int64_t special[2];
};

PYVAE_KERNEL Query query_at(const MarginalsJob& job, const LatentMemory& memory, int64_t task, int64_t row) {
  Query query{job.of.z[query_element(job.of, task, row)], {-1, -1}};
  for (int s = 0; s < 2; ++s) {
    if (job.special.weight[s] != 1) query.special[s] = memory.position[job.special.column(s, row)];
  }
  return query;
}

// Where a query lies on one level: the components within reach, and the window of nodes around it, if the grid is to
// stand for those of its region. It does where enough of them are near.
struct Place {
  Range near;
  int32_t window;  // first node
  float fraction;  // of a step, beyond the window's middle
  bool gridded;
};

PYVAE_KERNEL Place place_of(const Level& level, float x, bool grids) {
  const QueryFrame frame = query_frame(level, grids);
  const double at = bins_above_low(level, frame, x), node = node_of(level, at);
  const int32_t below = static_cast<int32_t>(node), bin = query_bin(frame, at);
  const int32_t first = level.bin_starts[first_near_bin(frame, bin, first_edge(level, x))];
  const int32_t last = level.bin_starts[end_near_bin(frame, bin, end_edge(level, x))];
  const int32_t count = count_within(first, last, level.bin_starts[1], level.bin_starts[level.bins + 1]);
  return {{first, last},
          below - static_cast<int32_t>(kHalfWindow - 1),
          static_cast<float>(node - static_cast<double>(below)),
          count > static_cast<int32_t>(kFew) && is_inside(frame, node)};
}

// N(x; t, w^2) over its value at 0, at a node `offset` steps from the query.
PYVAE_KERNEL float interpolation_weight(const Gridding& gridding, float offset) {
  return exp2_weight(interpolation_exponent(gridding) * offset * offset);
}

// From a window's first node to the query, in steps.
PYVAE_KERNEL float window_offset(const Place& place) { return -(static_cast<float>(kHalfWindow - 1) + place.fraction); }

// --- Linear sums -----------------------------------------------------------------------------------------------------

// The density at a query, its derivative, and a bound on the density's error.
struct Estimate {
  double density, slope, error;
};

PYVAE_KERNEL Estimate merge(const Estimate& own, const Estimate& other) {
  return {own.density + other.density, own.slope + other.slope, own.error + other.error};
}

// What a component's terms need of it.
struct Curve {
  float mean, scale, constant;
};

PYVAE_KERNEL Curve curve_at(const LatentMemory& memory, int64_t k) {
  return {memory.mean[k], memory.scale[k], memory.constant[k]};
}

// One component's density, in units of 1 / s, and the distance u that it takes the density from.
struct Term {
  float density, u;
};

PYVAE_KERNEL Term term_of(const Curve& curve, float x) {
  const float u = (x - curve.mean) * curve.scale;
  const float density = exp2_weight(curve.constant - u * u);
  // Where a density is 0 its u may be infinite; 0 * inf must not reach a sum.
  return {density, density == 0.0f ? 0.0f : u};
}

// What a density is over one with the shared weight, of component k.
PYVAE_KERNEL float special_weight(const SpecialWeights& special, const Query& query, int64_t k) {
  if (k == query.special[0]) return static_cast<float>(special.weight[0]);
  return k == query.special[1] ? static_cast<float>(special.weight[1]) : 1.0f;
}

// Adds member `member` of `members` lanes' share of the sum over a range, in units of 1 / unit.
PYVAE_KERNEL void add_range(const MarginalsJob& job, const LatentMemory& memory, const Query& query, const Range& range,
                            double inverse_unit, int member, int members, Estimate& to) {
  if (range.count() <= 0) return;
  double density_sum = 0, slope_sum = 0;
  for (int64_t first = range.first + member; first < range.last; first += int64_t{kFloatTerms} * members) {
    float density = 0, slope = 0;
    const int64_t last = smaller(first + int64_t{kFloatTerms} * members, range.last);
    for (int64_t k = first; k < last; k += members) {
      const Curve curve = curve_at(memory, k);
      const Term term = term_of(curve, query.x);
      const float weighted = term.density * special_weight(job.special, query, k);
      density += weighted, slope += weighted * term.u * curve.scale;
    }
    density_sum += static_cast<double>(density), slope_sum += static_cast<double>(slope);
  }
  to.density += inverse_unit * density_sum, to.slope += inverse_unit * (-2 * kLn2) * slope_sum;
  if (member == 0) to.error += inverse_unit * kSmallestDensity * static_cast<double>(range.count());
}

// --- Logarithmic sums ------------------------------------------------------------------------------------------------

// A streaming log-sum-exp of a lane in base 2: of densities, and of their derivatives over -2 ln 2. In float64, because
// levels differ by their units, whose logarithms would cost float32 its digits.
struct LogSum {
  double peak, total, slope;
};

PYVAE_KERNEL LogSum no_terms() { return {-__builtin_inf(), 0, 0}; }

// Slopes are finite in float64, whatever u and scale are.
PYVAE_KERNEL LogSum with_peak(const LogSum& sum, double peak) {
  const double factor = libm::exp2(sum.peak - finite_peak(peak));
  return {peak, sum.total * factor, sum.slope * factor};
}

PYVAE_KERNEL LogSum merge(const LogSum& own, const LogSum& other) {
  const double peak = larger(own.peak, other.peak);
  const LogSum a = with_peak(own, peak), b = with_peak(other, peak);
  return {peak, a.total + b.total, a.slope + b.slope};
}

// log2 of a component's density, and its u.
struct LogTerm {
  double exponent;
  float u;
};

PYVAE_KERNEL LogTerm log_term_of(const Curve& curve, float x, double log2_unit) {
  const float u = (x - curve.mean) * curve.scale;
  return {static_cast<double>(curve.constant - u * u) - log2_unit, u};
}

PYVAE_KERNEL double log2_of(double x) { return kLog2E * libm::log(x); }

PYVAE_KERNEL void add_range(const MarginalsJob& job, const LatentMemory& memory, const Query& query, const Range& range,
                            double log2_unit, int lane, LogSum& to) {
  for (int64_t k = range.first + lane; k < range.last; k += kWarp) {
    const Curve curve = curve_at(memory, k);
    const LogTerm term = log_term_of(curve, query.x, log2_unit);
    if (term.exponent > to.peak) to = with_peak(to, term.exponent);
    const float weight =
        exp2_weight(static_cast<float>(term.exponent - finite_peak(to.peak))) * special_weight(job.special, query, k);
    to.total += static_cast<double>(weight);
    if (weight != 0) to.slope += static_cast<double>(weight) * static_cast<double>(term.u) * curve.scale;
  }
}

// A lane's share of the sum over all components.
PYVAE_KERNEL LogSum sum_of_all(const MarginalsJob& job, const LatentMemory& memory, const Query& query, int lane) {
  const LatentPlan& plan = *memory.plan;
  LogSum sum = no_terms();
  for (int64_t k = 0; k < plan.levels; ++k) {
    add_range(job, memory, query, plan.level[k].range, plan.factors[k].log2_unit, lane, sum);
  }
  add_range(job, memory, query, plan.loose, 0.0, lane, sum);
  return sum;
}

// log2 of the density that a sum over all components is.
PYVAE_KERNEL double log2_total(const LogSum& sum) { return finite_peak(sum.peak) + log2_of(sum.total); }

}  // namespace pyvae::cuda
