// Gridded marginals, forward: components spread on to the grids of their levels, queries interpolated from there, an
// error bound for each, and the exact sum for those that the bound does not cover.
//
// Per component: about 15 operations for each 16 nodes of its spread, on 2 to 7 times 16 nodes. Per query and level: 20
// for its 16 nodes, and 6 for two sums over them.
#include "marginal_sums.h"

namespace pyvae::cpu {
namespace {

// --- Components ------------------------------------------------------------------------------------------------------

// Adds a component's values at the nodes around it, whole vectors at a time: where the next component's overlap these,
// the processor forwards a store to a load only if both are of the same bytes.
PYVAE_VEC void spread_one(const Spread& spread, int64_t k, float* nodes) {
  const int64_t first = spread.first_node(k) / kWindow * kWindow;
  Window offset = iota() + Window(static_cast<float>(first - spread.node[k]) - spread.fraction[k]);
  const Window amplitude(spread.amplitude[k]), exponent(spread.exponent[k]);
  for (int64_t at = first; at <= spread.last_node(k); at += kWindow) {
    store(nodes + at, load_window(nodes + at) + amplitude * exp2_weight(exponent * offset * offset));
    offset = offset + Window(static_cast<float>(kWindow));
  }
}

// Blocks of components in sorted order touch few nodes; float64 takes their sums over, so that a node of a hundred
// thousand components keeps its digits.
void spread_level(const Plan& plan, const Level& level) {
  double* total = plan.slot.total + level.first_node;
  float* nodes = plan.slot.grid + level.first_node;
  for (int64_t k = 0; k < level.nodes; ++k) total[k] = 0, nodes[k] = 0;
  Spread spread;
  const Range inner = level.inner();
  for (int64_t begin = inner.first; begin < inner.last; begin += Spread::kBlock) {
    const Range block{begin, smaller(begin + Spread::kBlock, inner.last)};
    spread.fill(plan, level, block);
    int64_t first = level.nodes, last = 0;
    for (int64_t k = 0; k < block.count(); ++k) {
      spread_one(spread, k, nodes);
      first = smaller(first, spread.first_node(k) / kWindow * kWindow);
      last = larger(spread.last_node(k), last);
    }
    last = smaller((last / kWindow + 1) * kWindow, level.nodes);
#pragma omp simd
    for (int64_t k = first; k < last; ++k) total[k] += static_cast<double>(nodes[k]), nodes[k] = 0;
  }
#pragma omp simd
  for (int64_t k = 0; k < level.nodes; ++k) nodes[k] = static_cast<float>(total[k]);
}

// --- Queries ---------------------------------------------------------------------------------------------------------

// Densities and their derivatives, and bounds on the densities' errors.
struct Estimates {
  alignas(64) double density[kRows] = {}, slope[kRows] = {}, error[kRows] = {};
};

// What the grid of one level says, in units of 1 / s; 0 for queries that it does not serve.
struct Interpolated {
  alignas(64) float density[kRows], slope[kRows];

  Interpolated(const Plan& plan, const Level& level, const Places& places) {
    alignas(64) float terms[kRows][kWindow], slopes[kRows][kWindow];
    const float* nodes = plan.slot.grid + level.first_node;
    for (int64_t i = 0; i < kRows; ++i) {
      Window term(0.0f), slope(0.0f);
      if (places.gridded[i] != 0) {
        const InterpolationWeights weights(plan.gridding, places.fraction[i]);
        term = load_window(nodes + places.window[i]) * weights.weight, slope = term * weights.offset;
      }
      store(terms[i], term), store(slopes[i], slope);
    }
    sums_of_rows(terms, density);
    sums_of_rows(slopes, slope);
    const float scale = static_cast<float>(plan.gridding.interpolation_scale);
    const float slope_scale = interpolation_slope(plan.gridding, level) * scale;
    for (int64_t i = 0; i < kRows; ++i) density[i] *= scale, slope[i] *= slope_scale;
  }
};

void add_grid(const Plan& plan, const Level& level, const Places& places, Estimates& to) {
  const Interpolated sum(plan, level, places);
  const double inverse = 1.0 / static_cast<double>(level.unit);
  const double relative = inverse * plan.gridding.relative, per_near = inverse * plan.gridding.per_near;
#pragma omp simd
  for (int64_t i = 0; i < kRows; ++i) {
    const double density = static_cast<double>(sum.density[i]), near = places.near_last[i] - places.near_first[i];
    to.density[i] += inverse * density, to.slope[i] += inverse * static_cast<double>(sum.slope[i]);
    to.error[i] += relative * density + (places.gridded[i] != 0 ? per_near * near : 0.0);
  }
}

// A component that the grid served as one of many, by what its weight is more or less.
void correct_special(const Plan& plan, const Level& level, const SpecialWeights& special, const Query& query, int64_t i,
                     Estimates& to) {
  const double inverse = 1.0 / static_cast<double>(level.unit);
  for (int s = 0; s < 2; ++s) {
    const int64_t k = query.special[s];
    if (k < level.inner().first || k >= level.inner().last) continue;
    const Sum own = density_of(plan.slot, query.x, k);
    to.density[i] += (special.weight[s] - 1) * inverse * own.density;
    to.slope[i] += (special.weight[s] - 1) * inverse * own.slope;
  }
}

void add_one_by_one(const Plan& plan, const SpecialWeights& special, const Query& query, const Range& range,
                    double inverse_unit, int64_t i, Estimates& to) {
  if (range.count() == 0) return;
  const Sum sum = sum_of_range(plan.slot, special, query, range, 0.0f);
  to.density[i] += inverse_unit * sum.density, to.slope[i] += inverse_unit * sum.slope;
  to.error[i] += inverse_unit * kSmallestDensity * static_cast<double>(range.count());
}

// From grids where they serve, and from the components within reach elsewhere. Only `wanted` queries are of use.
Estimates estimate(const Plan& plan, const SpecialWeights& special, const Queries& queries, bool grids,
                   const bool* wanted) {
  Estimates result;
  for (int64_t l = 0; l < plan.levels; ++l) {
    const Level& level = plan.level[l];
    const Places places(queries, level, grids);
    const double inverse = 1.0 / static_cast<double>(level.unit);
    if (grids && level.nodes > 0) add_grid(plan, level, places, result);
    for (int64_t i = 0; i < queries.count; ++i) {
      if (!wanted[i]) continue;
      const Range near = places.near(i);
      result.error[i] += inverse * plan.gridding.per_far * static_cast<double>(level.range.count() - near.count());
      if (special.any() && places.gridded[i] != 0) {
        correct_special(plan, level, special, queries.query(i), i, result);
      }
      places.for_each_rest(i, level.inner(), [&](const Range& rest) {
        add_one_by_one(plan, special, queries.query(i), rest, inverse, i, result);
      });
    }
  }
  for (int64_t i = 0; i < queries.count; ++i) {
    add_one_by_one(plan, special, queries.query(i), plan.loose, 1.0, i, result);
  }
  return result;
}

// Marks the queries whose error is not within `relative`; returns whether there are any.
bool refuse(const Estimates& estimates, double relative, int64_t count, bool* refused) {
  bool any = false;
  for (int64_t i = 0; i < count; ++i) {
    const double density = estimates.density[i];
    refused[i] = !is_within(estimates.error[i], relative, density);
    any |= refused[i];
  }
  return any;
}

// --- One latent ------------------------------------------------------------------------------------------------------

using Latent = LatentOf<GriddedMarginals>;

void keep(const Latent& latent, const Estimates& estimates, const Queries& queries, const bool* which, Tier tier) {
  for (int64_t i = 0; i < queries.count; ++i) {
    if (!which[i]) continue;
    const int64_t row = queries.first + i;
    latent.args.tier[latent.at(row)] = static_cast<uint8_t>(tier);
    latent.plan.slot.density[row] = static_cast<float>(estimates.density[i] * latent.unit);
    latent.plan.slot.score[row] = static_cast<float>(estimates.slope[i] / estimates.density[i]);
  }
}

void mark_all(const Latent& latent, const Queries& queries, const bool* which) {
  for (int64_t i = 0; i < queries.count; ++i) {
    if (which[i]) latent.args.tier[latent.at(queries.first + i)] = static_cast<uint8_t>(Tier::all);
  }
}

// Tiers gridded and near; marks the rest, and returns whether there is any.
bool run_queries(const Latent& latent, const Queries& queries) {
  const Plan& plan = latent.plan;
  bool wanted[kRows], refused[kRows], all[kRows];
  for (bool& each : wanted) each = true;
  if (!plan.linear) {
    mark_all(latent, queries, wanted);
    return true;
  }
  const Estimates gridded = estimate(plan, latent.special, queries, true, wanted);
  keep(latent, gridded, queries, wanted, Tier::gridded);
  // A sum's own roundings are part of every method's error; not so what a smaller density makes of them.
  if (!refuse(gridded, latent.args.of.rtol + kRoundingError, queries.count, refused)) return false;
  const Estimates near = estimate(plan, latent.special, queries, false, refused);
  keep(latent, near, queries, refused, Tier::near);
  refuse(near, kNegligible, queries.count, all);
  bool any = false;
  for (int64_t i = 0; i < queries.count; ++i) any |= all[i] = all[i] && refused[i];
  mark_all(latent, queries, all);
  return any;
}

void write_logarithms(const Latent& latent) {
  const double shift = latent.log_unit();
  float* density = latent.plan.slot.density;
  const int64_t queries = latent.args.of.queries;
#pragma omp simd
  for (int64_t i = 0; i < queries; ++i) density[i] = static_cast<float>(static_cast<double>(log(density[i])) + shift);
  for (int64_t i = 0; i < queries; ++i) {
    latent.args.marginals[latent.at(i)] = density[i], latent.args.score[latent.at(i)] = latent.plan.slot.score[i];
  }
}

void run_all(const Latent& latent) {
  const Marginals& of = latent.args.of;
  for (int64_t i = 0; i < of.queries; ++i) {
    const int64_t at = latent.at(i);
    if (latent.args.tier[at] != static_cast<uint8_t>(Tier::all)) continue;
    const Queries queries(of, latent.special, latent.plan.slot.position, latent.b, latent.d, i);
    const LogSum sum(latent.plan, latent.special, queries.query(0));
    latent.args.marginals[at] = static_cast<float>(sum.total + of.weights.log_pair);
    latent.args.score[at] = static_cast<float>(sum.score);
  }
}

void run_latent(const Latent& latent) {
  for (int64_t k = 0; k < latent.plan.levels; ++k) {
    if (latent.plan.level[k].nodes > 0) spread_level(latent.plan, latent.plan.level[k]);
  }
  bool any_all = false;
  for (int64_t first = 0; first < latent.args.of.queries; first += kRows) {
    any_all |= run_queries(
        latent, Queries(latent.args.of, latent.special, latent.plan.slot.position, latent.b, latent.d, first));
  }
  write_logarithms(latent);
  if (any_all) run_all(latent);
}

}  // namespace

template <>
void gridded_marginals<Isa::PYVAE_ISA>(const GriddedMarginals& args, int64_t begin, int64_t end) {
  for_each_latent(args, begin, end, run_latent);
}

}  // namespace pyvae::cpu
