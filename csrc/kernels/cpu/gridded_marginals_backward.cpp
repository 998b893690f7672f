// Gridded marginals, backward: the transpose of the forward. Cotangents over densities are spread on to the grids by
// the interpolation's weights, and every component gathers from its nodes by the derivatives of its own; pairs that
// were summed one by one add to their component one by one. The gradient of z needs no grid: the forward left it as a
// score.
#include "marginal_sums.h"

namespace pyvae::cpu {
namespace {

// Slot::sums hold, for every component, sums over the queries: of w, its softmax weight times the cotangent, of w u and
// of w u^2.
using Latent = LatentOf<GriddedMarginalsBackward>;

// Cotangents over densities, in place of the densities.
float* factors_of(const Latent& latent) { return latent.plan.slot.density; }

// grad_z, and for what follows the cotangent over the density. Rows of Tier::all do not use theirs, which may have no
// finite value.
void fill_factors(const Latent& latent) {
  float *factor = factors_of(latent), *cotangent = latent.plan.slot.score;
  const int64_t queries = latent.args.of.queries;
  for (int64_t i = 0; i < queries; ++i) {
    const int64_t at = latent.at(i);
    factor[i] = latent.args.marginals[at], cotangent[i] = latent.args.grad_marginals[at];
    // A cotangent of 0 asks for nothing, not even of a score that is infinite.
    latent.args.grad_z[at] = cotangent[i] == 0 ? 0 : cotangent[i] * latent.args.score[at];
  }
  const double shift = latent.log_unit();
#pragma omp simd
  for (int64_t i = 0; i < queries; ++i) {
    factor[i] = cotangent[i] * exp(static_cast<float>(shift - static_cast<double>(factor[i])));
  }
}

// --- From queries ----------------------------------------------------------------------------------------------------

// Adds the terms of some components, over 2^top, times a factor.
void add_range(const Latent& latent, const Query& query, const Range& range, float top, double factor_of) {
  const Slot& slot = latent.plan.slot;
  const Window factor(static_cast<float>(factor_of)), zero(0.0f);
  for_each_chunk(slot, latent.special, query, range, top, [&](const Chunk& chunk) PYVAE_INLINE {
    for (int64_t k = 0; k < chunk.range.count(); k += kWindow) {
      const int64_t at = chunk.range.first + k;
      const Window density = load_window(chunk.density + k), weight = factor * density;
      // Where a density is 0 its u may be infinite; 0 * inf must not reach a sum.
      const Window u = select(density == zero, zero, load_window(chunk.u + k));
      store(slot.sums[0] + at, load_window(slot.sums[0] + at) + weight);
      store(slot.sums[1] + at, load_window(slot.sums[1] + at) + weight * u);
      store(slot.sums[2] + at, load_window(slot.sums[2] + at) + weight * u * u);
    }
  });
}

PYVAE_VEC void add_to_grid(const Latent& latent, const Level& level, const Places& places, int64_t i, float factor) {
  const InterpolationWeights weights(latent.plan.gridding, places.fraction[i]);
  float* nodes = latent.plan.slot.grid + level.first_node + places.window[i];
  store(nodes, load_window(nodes) + Window(factor) * weights.weight);
}

// A component that the grid serves as one of many, by what its weight is more or less.
void correct_special(const Latent& latent, const Level& level, const Query& query, double factor) {
  const Slot& slot = latent.plan.slot;
  for (int s = 0; s < 2; ++s) {
    const int64_t k = query.special[s];
    if (k < level.inner().first || k >= level.inner().last) continue;
    const float u = (query.x - slot.mean[k]) * slot.scale[k];
    const double weight = (latent.special.weight[s] - 1) * factor * density_of(slot, query.x, k).density;
    slot.sums[0][k] += static_cast<float>(weight);
    slot.sums[1][k] += static_cast<float>(weight) * u;
    slot.sums[2][k] += static_cast<float>(weight) * u * u;
  }
}

// The linear tiers of sixteen rows, level by level as in the forward.
void add_queries(const Latent& latent, const Queries& queries, Tier tier) {
  const Plan& plan = latent.plan;
  const auto included = [&](int64_t i) {
    const int64_t row = queries.first + i;
    return latent.args.tier[latent.at(row)] == static_cast<uint8_t>(tier) && latent.plan.slot.score[row] != 0;
  };
  for (int64_t l = 0; l < plan.levels; ++l) {
    const Level& level = plan.level[l];
    const Places places(queries, level, tier == Tier::gridded);
    const double unit = latent.unit / static_cast<double>(level.unit);
    const double scale = unit * plan.gridding.interpolation_scale;
    for (int64_t i = 0; i < queries.count; ++i) {
      if (!included(i)) continue;
      const double factor = static_cast<double>(factors_of(latent)[queries.first + i]);
      if (places.gridded[i] != 0) {
        add_to_grid(latent, level, places, i, static_cast<float>(factor * scale));
        if (latent.special.any()) correct_special(latent, level, queries.query(i), factor * unit);
      }
      places.for_each_rest(i, level.inner(),
                           [&](const Range& rest) { add_range(latent, queries.query(i), rest, 0.0f, factor * unit); });
    }
  }
  for (int64_t i = 0; plan.loose.count() > 0 && i < queries.count; ++i) {
    const double factor = static_cast<double>(factors_of(latent)[queries.first + i]) * latent.unit;
    if (included(i)) add_range(latent, queries.query(i), plan.loose, 0.0f, factor);
  }
}

void add_all(const Latent& latent, const Query& query, double cotangent) {
  const LogSum sum(latent.plan, latent.special, query);
  for (int64_t k = 0; k < sum.parts; ++k) {
    if (sum.log[k] == -__builtin_inf()) continue;
    // Terms come over 2^peak of the part, whose total is `total` in that unit.
    add_range(latent, query, sum.range[k], sum.peak[k], cotangent * libm::exp(sum.log[k] - sum.total) / sum.part[k]);
  }
}

void add_rows(const Latent& latent) {
  const Marginals& of = latent.args.of;
  for (int64_t first = 0; first < of.queries; first += kRows) {
    const Queries queries(of, latent.special, latent.plan.slot.position, latent.b, latent.d, first);
    bool has[3] = {};
    for (int64_t i = 0; i < queries.count; ++i) has[latent.args.tier[latent.at(first + i)]] = true;
    if (has[0]) add_queries(latent, queries, Tier::gridded);
    if (has[1]) add_queries(latent, queries, Tier::near);
    for (int64_t i = 0; has[2] && i < queries.count; ++i) {
      const int64_t at = latent.at(first + i);
      const double cotangent = static_cast<double>(latent.args.grad_marginals[at]);
      const bool included = latent.args.tier[at] == static_cast<uint8_t>(Tier::all) && cotangent != 0;
      if (included) add_all(latent, queries.query(i), cotangent);
    }
  }
}

// --- To components ---------------------------------------------------------------------------------------------------

// Sums over the nodes of a component of H N, H N steps and H N steps^2, H being what queries left there.
struct Gathered {
  alignas(64) float zeroth[kRows][kWindow], first[kRows][kWindow], second[kRows][kWindow];

  PYVAE_INLINE void gather(const Spread& spread, int64_t k, const float* nodes, int64_t row) {
    const float* at = nodes + spread.first_node(k);
    Window offset = iota() + Window(static_cast<float>(spread.first_node(k) - spread.node[k]) - spread.fraction[k]);
    const Window exponent(spread.exponent[k]);
    Window sum(0.0f), sum_offset(0.0f), sum_square(0.0f);
    for (int64_t w = 0; w < spread.windows[k]; ++w, at += kWindow) {
      const Window term = load_window(at) * exp2_weight(exponent * offset * offset), product = term * offset;
      sum = sum + term, sum_offset = sum_offset + product, sum_square = sum_square + product * offset;
      offset = offset + Window(static_cast<float>(kWindow));
    }
    store(zeroth[row], sum), store(first[row], sum_offset), store(second[row], sum_square);
  }
};

// Left as sums of w, w u and w u^2, which is what pairs that were summed one by one have left, so that both turn into
// gradients together.
void gather_level(const Plan& plan, const Level& level) {
  const float* nodes = plan.slot.grid + level.first_node;
  const float step = static_cast<float>(plan.gridding.step);
  Spread spread;
  Gathered gathered;
  const Range inner = level.inner();
  for (int64_t begin = inner.first; begin < inner.last; begin += Spread::kBlock) {
    const Range block{begin, smaller(begin + Spread::kBlock, inner.last)};
    spread.fill(plan, level, block);
    for (int64_t first = 0; first < block.count(); first += kRows) {
      const int64_t count = smaller(kRows, block.count() - first);
      for (int64_t k = 0; k < count; ++k) gathered.gather(spread, first + k, nodes, k);
      alignas(64) float zeroth[kRows], moment[kRows], square[kRows];
      sums_of_rows(gathered.zeroth, zeroth), sums_of_rows(gathered.first, moment),
          sums_of_rows(gathered.second, square);
      for (int64_t k = 0; k < count; ++k) {
        const int64_t at = begin + first + k;
        const PairSums sums = sums_of_nodes(step, spread.amplitude[first + k], spread.variance[first + k],
                                            plan.slot.ratio[at], {zeroth[k], moment[k], square[k]});
        plan.slot.sums[0][at] += sums.w, plan.slot.sums[1][at] += sums.wu, plan.slot.sums[2][at] += sums.wuu;
      }
    }
  }
}

void write_gradients(const Latent& latent) {
  const Slot& slot = latent.plan.slot;
  const Marginals& of = latent.args.of;
  for (int64_t k = 0; k < of.columns; ++k) {
    const int64_t to = (latent.b * of.columns + slot.column[k]) * of.latents + latent.d;
    latent.args.grad_mu[to] = log_density_grad_mu_factor(slot.scale[k]) * slot.sums[1][k];
    latent.args.grad_logvar[to] = log_density_grad_logvar(slot.sums[0][k], slot.sums[2][k]);
  }
}

void run_latent(const Latent& latent) {
  const Plan& plan = latent.plan;
  for (float* sum : plan.slot.sums) fill_zero(sum, sum + latent.args.of.columns + MarginalsWorkspace::kPadding);
  for (int64_t k = 0; k < plan.levels; ++k) {
    float* nodes = plan.slot.grid + plan.level[k].first_node;
    fill_zero(nodes, nodes + plan.level[k].nodes);
  }
  fill_factors(latent);
  add_rows(latent);
  for (int64_t k = 0; k < plan.levels; ++k) {
    if (plan.level[k].nodes > 0) gather_level(plan, plan.level[k]);
  }
  write_gradients(latent);
}

}  // namespace

template <>
void gridded_marginals_backward<Isa::PYVAE_ISA>(const GriddedMarginalsBackward& args, int64_t begin, int64_t end) {
  for_each_latent(args, begin, end, run_latent);
}

}  // namespace pyvae::cpu
