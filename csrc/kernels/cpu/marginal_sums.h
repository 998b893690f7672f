// Sums over components one by one, in linear and in logarithmic form: what the tiers of gridded_marginals.h share
// between the forward and the backward. For inclusion by the CPU kernels only.
#pragma once
#include "../../math/logsumexp.h"
#include "marginal_queries.h"

namespace pyvae::cpu {
namespace {

// Components whose terms fit in L1 while they are looked at.
constexpr int64_t kChunk = 256;

// What one query has of some components, in sorted order from `first` on: densities in units of 1 / s and u, until
// chunk_of is called again.
struct Chunk {
  alignas(64) float density[kChunk + kWindow], u[kChunk + kWindow];
  Range range;
};

// The exponents of some components over `top`, log2 of a density in units of 1 / s. Lanes beyond the last hold -inf.
PYVAE_VEC Window exponents(const Slot& slot, float x, int64_t first, int64_t count, Window top, Window& u) {
  u = (Window(x) - load_window(slot.mean + first)) * load_window(slot.scale + first);
  const Window exponent = load_window(slot.constant + first) - u * u - top;
  return select(Window(static_cast<float>(count)) > iota(), exponent, Window(-__builtin_inff()));
}

// Fills the chunk with up to kChunk components from range.first on, special ones with their weight.
PYVAE_VEC void fill_chunk(const Slot& slot, const SpecialWeights& special, const Query& query, const Range& range,
                          float top, Chunk& chunk) {
  chunk.range = {range.first, smaller(range.last, range.first + kChunk)};
  const int64_t count = chunk.range.count();
  for (int64_t k = 0; k < count; k += kWindow) {
    Window u;
    const Window exponent = exponents(slot, query.x, range.first + k, count - k, Window(top), u);
    store(chunk.density + k, exp2_weight(exponent));
    store(chunk.u + k, u);
  }
  for (int s = 0; s < 2; ++s) {
    const int64_t k = query.special[s] - range.first;
    if (query.special[s] >= 0 && k >= 0 && k < count) chunk.density[k] *= static_cast<float>(special.weight[s]);
  }
}

// Calls visit(chunk) for all components of a range.
template <typename Visit>
PYVAE_VEC void for_each_chunk(const Slot& slot, const SpecialWeights& special, const Query& query, Range range,
                              float top, Visit visit) {
  for (; range.first < range.last; range.first += kChunk) {
    Chunk chunk;
    fill_chunk(slot, special, query, range, top, chunk);
    visit(chunk);
  }
}

// The density at a query and its derivative.
struct Sum {
  double density = 0, slope = 0;
};

// d/dx 2^(c - u^2) = -2 ln 2 scale u 2^(c - u^2).
PYVAE_VEC Sum sum_of_chunk(const Slot& slot, const Chunk& chunk) {
  Window density(0.0f), slope(0.0f);
  for (int64_t k = 0; k < chunk.range.count(); k += kWindow) {
    const Window e = load_window(chunk.density + k);
    // Where a density is 0 its u may be infinite, and so may the scale of what lies beyond the range; 0 * inf must not
    // reach a sum.
    const Window u = select(e == Window(0.0f), Window(0.0f), load_window(chunk.u + k));
    const Window scale = load_window(slot.scale + chunk.range.first + k);
    density = density + e;
    slope = slope + e * u * select(e == Window(0.0f), Window(0.0f), scale);
  }
  return {static_cast<double>(sum_of_window(density)), -2 * kLn2 * static_cast<double>(sum_of_window(slope))};
}

inline Sum sum_of_range(const Slot& slot, const SpecialWeights& special, const Query& query, const Range& range,
                        float top) {
  Sum sum;
  for_each_chunk(slot, special, query, range, top, [&](const Chunk& chunk) PYVAE_INLINE {
    const Sum part = sum_of_chunk(slot, chunk);
    sum.density += part.density, sum.slope += part.slope;
  });
  return sum;
}

// The density of one component, in units of 1 / s.
PYVAE_VEC Sum density_of(const Slot& slot, float x, int64_t k) {
  const float u = (x - slot.mean[k]) * slot.scale[k];
  const double density = static_cast<double>(exp2_weight(slot.constant[k] - u * u));
  return {density, -2 * kLn2 * static_cast<double>(slot.scale[k] * u) * density};
}

// The largest exponent of a range, in units of 1 / s; special weights aside.
PYVAE_VEC float peak_of_range(const Slot& slot, float x, const Range& range) {
  Window peak(-__builtin_inff()), u;
  for (int64_t k = range.first; k < range.last; k += kWindow) {
    peak = larger(exponents(slot, x, k, range.last - k, Window(0.0f), u), peak);
  }
  alignas(64) float lanes[kWindow];
  store(lanes, peak);
  for (const float lane : lanes) lanes[0] = larger(lane, lanes[0]);
  return lanes[0];
}

// --- Tiers -----------------------------------------------------------------------------------------------------------

// Tier::all: the sum over all components in logarithmic form.
struct LogSum {
  static constexpr int64_t kParts = kMaxLevels + 1;
  int64_t parts;
  Range range[kParts];
  float peak[kParts];   // what exponents are taken over
  double part[kParts];  // the sum of a part's terms over 2^peak
  double log[kParts];   // of a part's density
  double total, score;  // the logarithm, and its derivative

  LogSum(const Plan& plan, const SpecialWeights& special, const Query& query) : parts(plan.levels + 1) {
    double largest = -__builtin_inf();
    Sum sums[kParts];
    for (int64_t k = 0; k < parts; ++k) {
      const bool is_level = k < plan.levels;
      range[k] = is_level ? plan.level[k].range : plan.loose;
      peak[k] = finite_peak(peak_of_range(plan.slot, query.x, range[k]));
      sums[k] = sum_of_range(plan.slot, special, query, range[k], peak[k]);
      part[k] = sums[k].density;
      const double unit = is_level ? static_cast<double>(plan.level[k].unit) : 1.0;
      log[k] = libm::log(sums[k].density) + kLn2 * static_cast<double>(peak[k]) - libm::log(unit);
      if (!(log[k] <= largest) && largest == largest) largest = log[k];  // a NaN stays
    }
    double sum = 0, slope = 0;
    for (int64_t k = 0; k < parts; ++k) {
      if (log[k] == -__builtin_inf()) continue;
      const double density = libm::exp(log[k] - largest);
      // A part that adds nothing may have an infinite slope; 0 * inf must not reach the sum.
      if (density == 0) continue;
      sum += density, slope += density * (sums[k].slope / sums[k].density);
    }
    total = largest == -__builtin_inf() ? largest : largest + libm::log(sum);
    score = largest == -__builtin_inf() ? 0 : slope / sum;
  }
};

// --- Latents ---------------------------------------------------------------------------------------------------------

// One latent of a call.
template <typename Args>
struct LatentOf {
  const Args& args;
  const Plan& plan;
  int64_t b, d;
  SpecialWeights special;
  double unit;  // densities are held in units of 1 / the smallest level's, so that float32 can hold them

  int64_t at(int64_t row) const { return (b * args.of.queries + row) * args.of.latents + d; }
  // What a density's logarithm is more than that of what is held.
  double log_unit() const { return args.of.weights.log_pair - libm::log(unit); }
};

// Calls run(latent) for the latents of slots [begin, end), which are dealt in runs.
template <typename Args>
void for_each_latent(const Args& args, int64_t begin, int64_t end, void (*run)(const LatentOf<Args>&)) {
  const Marginals& of = args.of;
  const MarginalsWorkspace at(of.batch, of.queries, of.columns, of.latents);
  const SpecialWeights special(of.weights, of.columns);
  for (int64_t slot = begin; slot < end; ++slot) {
    const Slot memory(args.workspace, at, of.queries, of.columns, slot);
    for (int64_t task = at.tasks * slot / at.slots; task < at.tasks * (slot + 1) / at.slots; ++task) {
      const int64_t b = task / of.latents, d = task % of.latents;
      const Plan plan(of, at, memory, b, d);
      run({args, plan, b, d, special, plan.smallest_unit()});
    }
  }
}

}  // namespace
}  // namespace pyvae::cpu
