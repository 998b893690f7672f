// Gridded marginals, backward: the transpose of the forward, after the same plan. Nodes gather the cotangents of the
// queries around them; then a warp per component gathers from its nodes by the derivatives of its own kernel, and from
// every query that met it one by one. Nothing is scattered: no atomics on floats, and one order of every sum.
//
// That wants the queries in the order of their values: a second sort. A component then meets a run of them, and of that
// run only the groups in which a query met its level one by one; which those are is known before, so that components
// of a dense level pass over all others in one step.
//
// Per query: 16 weights for each of 2 to 3 tiles of nodes that load it, 17 bytes read, 8 written, and the sort's. Per
// component: 32 to 96 weights, one for each of its nodes; 24 bytes read, 8 written. At M = 65 536, D = 10: 16 MB each,
// 4 microseconds at 4.8 TB/s, and 1e9 operations, 30 microseconds on 132 multiprocessors of 128 lanes at 1.98 GHz.
// Not yet measured on a GPU.
#pragma once
#include "gridded_marginals.cuh"
#include "grids/order.cuh"

namespace pyvae::cuda {

// --- Queries ---------------------------------------------------------------------------------------------------------

// Of queries of Tier::all: log2 of the density, again, since a marginal in float32 is not as exact as its terms.
struct SumAllAgain {
  using Args = BackwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return blocks_for(of.job.at.tasks * kWaitingBlocks, 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const MarginalsJob& job = of.job;
    for_each_chunk(team, job.at.tasks, kWaitingBlocks, 1, [&](int64_t task, int64_t block) {
      const LatentMemory memory = memory_of(job, task);
      const Keyed* sorted = memory.sorted(job.of.queries);
      const int64_t end = memory.plan->all_end;
      for (int64_t k = memory.plan->all_begin + block * kWarps; k < end; k += kWaitingBlocks * kWarps) {
        team.reduce(
            1, kWarp,
            [&](int warp, int lane) {
              if (k + warp >= end) return no_terms();
              return sum_of_all(job, memory, query_at(job, memory, task, index_of(sorted[k + warp])), lane);
            },
            [&](int warp, int lane, const LogSum& sum) {
              if (lane == 0 && k + warp < end) memory.log2_totals(job.of.queries)[k + warp] = log2_total(sum);
            });
      }
    });
  }
};

// --- Nodes -----------------------------------------------------------------------------------------------------------

struct SpreadQueries {
  using Args = BackwardJob;
  using Shared = PointChunk;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return SpreadComponents::blocks(of.job); }

  // A node more on either side than windows have, since bounds are rounded to float32.
  PYVAE_KERNEL Range within_window(const LatentPlan& plan, const Keyed* sorted, const Level& level,
                                   int64_t first_node) {
    const double step = 1.0 / level.inverse_step, first = static_cast<double>(first_node) - level.low_node;
    const double low = level.low + (first - (kHalfWindow + 1)) * step;
    return queries_between(plan, sorted, low, low + (kTileNodes + 2 * (kHalfWindow + 1)) * step);
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared& chunk) {
    const MarginalsJob& job = of.job;
    for_each_chunk(team, job.at.tasks, job.at.nodes, kTileNodes, [&](int64_t task, int64_t first) {
      const LatentMemory memory = memory_of(job, task);
      const LatentPlan& plan = *memory.plan;
      const Level* level = level_of_node(plan, first);
      if (level == nullptr) return;
      const Keyed* sorted = memory.sorted(job.of.queries);
      const int64_t node = first - level->first_node, bit = level - plan.level;
      const double scale = plan.factors[bit].to_unit * job.gridding.interpolation_scale;
      const Range points = within_window(plan, sorted, *level, node);
      gather_tile(team, chunk, points, memory.grid + first, [&](int slot, int64_t k) {
        const int64_t row = index_of(sorted[k]);
        if ((memory.rest[row] >> bit & 1) != 0) return;
        const Place place = place_of(*level, float_of_key(key_of(sorted[k])), true);
        chunk.offset[slot] = window_offset(place) + static_cast<float>(node - place.window);
        chunk.amplitude[slot] = static_cast<float>(static_cast<double>(memory.factor[row]) * scale);
        chunk.exponent[slot] = interpolation_exponent(job.gridding);
      });
    });
  }
};

// --- Components ------------------------------------------------------------------------------------------------------

// A lane's share of a component's sums over pairs.
struct ComponentSums {
  double w, wu, wuu;
};

PYVAE_KERNEL ComponentSums merge(const ComponentSums& own, const ComponentSums& other) {
  return {own.w + other.w, own.wu + other.wu, own.wuu + other.wuu};
}

PYVAE_KERNEL void add(const PairSums& pair, ComponentSums& to) {
  to.w += static_cast<double>(pair.w), to.wu += static_cast<double>(pair.wu), to.wuu += static_cast<double>(pair.wuu);
}

// A component: its place in sorted order, its column, the level or null for a loose one.
struct Own {
  int64_t task, place, column;
  const Level* level;
  Curve curve;

  PYVAE_MEMBER const LevelFactors& factors(const LatentPlan& plan) const { return plan.factors[level - plan.level]; }
};

PYVAE_KERNEL float special_weight(const SpecialWeights& special, int64_t column, int64_t row) {
  if (special.any() && column == row) return static_cast<float>(special.weight[0]);
  return special.any() && column == special.column(1, row) ? static_cast<float>(special.weight[1]) : 1.0f;
}

PYVAE_KERNEL PairSums pair_sums(float weight, float u) { return {weight, weight * u, weight * u * u}; }

// From the nodes that the component is spread over.
PYVAE_KERNEL void add_nodes(const MarginalsJob& job, const LatentMemory& memory, const Own& own, int lane,
                            ComponentSums& to) {
  const float ratio = memory.ratio[own.place];
  const OnGrid one = on_grid(job.gridding, *own.level, own.curve.mean, ratio);
  const int32_t first = one.node - (one.windows * static_cast<int32_t>(kHalfWindow) - 1);
  const float* nodes = memory.grid + own.level->first_node + first;
  NodeSums sums{0, 0, 0};
  for (int k = lane; k < one.windows * kWindow; k += kWarp) {
    const float offset = static_cast<float>(first - one.node) - one.fraction + static_cast<float>(k);
    const float term = nodes[k] * exp2_weight(one.exponent * offset * offset), product = term * offset;
    sums.zeroth += term, sums.first += product, sums.second += product * offset;
  }
  add(sums_of_nodes(static_cast<float>(job.gridding.step), one.amplitude, one.variance, ratio, sums), to);
}

// Rows whose weight for this component is not the shared one and whom the grid served: by what it is more or less.
PYVAE_KERNEL void add_special(const MarginalsJob& job, const LatentMemory& memory, const Own& own, int lane,
                              ComponentSums& to) {
  if (lane >= 2 || !job.special.any()) return;
  const int64_t row = own.column - lane >= 0 ? own.column - lane : job.of.queries - 1;
  if ((memory.rest[row] >> (own.level - memory.plan->level) & 1) != 0) return;
  const Term term = term_of(own.curve, job.of.z[query_element(job.of, own.task, row)]);
  const double more = (lane == 0 ? job.special.weight[0] : job.special.weight[1]) - 1;
  const double factor = static_cast<double>(memory.factor[row]) * own.factors(*memory.plan).to_unit;
  add(pair_sums(static_cast<float>(more * factor * static_cast<double>(term.density)), term.u), to);
}

// One query that met the component one by one.
PYVAE_KERNEL void add_query(const MarginalsJob& job, const LatentMemory& memory, const Own& own, Keyed query,
                            double unit, ComponentSums& to) {
  const int64_t row = index_of(query);
  const Term term = term_of(own.curve, float_of_key(key_of(query)));
  const float factor = static_cast<float>(static_cast<double>(memory.factor[row]) * unit);
  add(pair_sums(factor * (term.density * special_weight(job.special, own.column, row)), term.u), to);
}

// Values of the queries that a component is near to: as far as bins tell the forward, which sums outer bins together.
PYVAE_KERNEL Region near_queries(const Own& own, double mean, double near) {
  const Level& level = *own.level;
  const Range inner = level.inner();
  if (own.place < inner.first) return {-__builtin_inf(), static_cast<double>(level.below) + level.reach};
  if (own.place >= inner.last) return {static_cast<double>(level.above) - level.reach, __builtin_inf()};
  return {mean - near, mean + near};
}

// Queries within reach: all of them, or those that the grid does not serve. Every one is to a loose component.
PYVAE_KERNEL void add_near(const MarginalsJob& job, const LatentMemory& memory, const Own& own, bool gridded, int lane,
                           ComponentSums& to) {
  const LatentPlan& plan = *memory.plan;
  const Keyed* sorted = memory.sorted(job.of.queries);
  double unit = plan.unit;
  Range range{0, plan.all_begin};
  if (own.level != nullptr) {
    const LevelFactors factors = own.factors(plan);
    const Region near = near_queries(own, static_cast<double>(own.curve.mean), factors.near);
    unit = factors.to_unit, range = queries_between(plan, sorted, near.low, near.high);
  }
  const int64_t level = own.level - plan.level;
  for (int64_t group = range.first / kGroup; group * kGroup < range.last; ++group) {
    if (gridded) group = memory.next_group[level * job.at.groups + group];
    const int64_t k = group * kGroup + lane;
    if (k < range.first || k >= range.last) continue;
    const bool met = !gridded || (memory.rest[index_of(sorted[k])] >> level & 1) != 0;
    if (met) add_query(job, memory, own, sorted[k], unit, to);
  }
}

// Queries of Tier::all, by their weights in logarithmic form.
PYVAE_KERNEL void add_all(const BackwardJob& of, const LatentMemory& memory, const Own& own, int lane,
                          ComponentSums& to) {
  const MarginalsJob& job = of.job;
  const Keyed* sorted = memory.sorted(job.of.queries);
  const double log2_unit = own.level == nullptr ? 0 : own.factors(*memory.plan).log2_unit;
  for (int64_t k = memory.plan->all_begin + lane; k < memory.plan->all_end; k += kWarp) {
    const double total = memory.log2_totals(job.of.queries)[k];
    if (total == -__builtin_inf()) continue;
    const int64_t row = index_of(sorted[k]), at = query_element(job.of, own.task, row);
    const LogTerm term = log_term_of(own.curve, job.of.z[at], log2_unit);
    const float weight = exp2_weight(static_cast<float>(term.exponent - total));
    const float weighted = weight * special_weight(job.special, own.column, row) * of.args.grad_marginals[at];
    add(pair_sums(weighted, weight == 0 ? 0.0f : term.u), to);
  }
}

struct GatherComponents {
  using Args = BackwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return chunk_blocks(of.job.at.tasks, of.job.at.columns, kWarps); }

  PYVAE_KERNEL bool is_gridded(const Own& own) {
    if (own.level == nullptr || own.level->nodes == 0) return false;
    const Range inner = own.level->inner();
    return own.place >= inner.first && own.place < inner.last;
  }

  PYVAE_KERNEL ComponentSums sums_of(const Args& of, const LatentMemory& memory, int64_t task, int64_t place,
                                     int lane) {
    const Own own{task, place, memory.column[place], FinishComponents::level_of(*memory.plan, place),
                  curve_at(memory, place)};
    ComponentSums sums{0, 0, 0};
    add_all(of, memory, own, lane, sums);
    const bool gridded = is_gridded(own);
    add_near(of.job, memory, own, gridded, lane, sums);
    if (gridded) add_nodes(of.job, memory, own, lane, sums), add_special(of.job, memory, own, lane, sums);
    return sums;
  }

  PYVAE_KERNEL void store(const Args& of, const LatentMemory& memory, int64_t task, int64_t place,
                          const ComponentSums& sums) {
    const int64_t to = column_element(of.job.of, task, memory.column[place]);
    of.args.grad_mu[to] = log_density_grad_mu_factor(memory.scale[place]) * static_cast<float>(sums.wu);
    of.args.grad_logvar[to] = log_density_grad_logvar(static_cast<float>(sums.w), static_cast<float>(sums.wuu));
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const int64_t columns = of.job.of.columns;
    for_each_chunk(team, of.job.at.tasks, columns, kWarps, [&](int64_t task, int64_t first) {
      const LatentMemory memory = memory_of(of.job, task);
      team.reduce(
          1, kWarp,
          [&](int warp, int lane) {
            if (first + warp >= columns) return ComponentSums{0, 0, 0};
            return sums_of(of, memory, task, first + warp, lane);
          },
          [&](int warp, int lane, const ComponentSums& sums) {
            if (lane == 0 && first + warp < columns) store(of, memory, task, first + warp, sums);
          });
    });
  }
};

// Calls run(step, args) for the launches of the backward.
template <typename Run>
void for_each_backward_step(const GriddedMarginalsBackward& args, Run& run) {
  const BackwardJob of(args);
  for_each_plan_step(of.job, run);
  run(PrepareQueries{}, of);
  const LatentMemory first = memory_of(of.job, 0);
  for_each_sort_step(of.job.at.tasks, of.job.of.queries, of.job.at.slot_bytes / static_cast<int64_t>(sizeof(Keyed)),
                     first.keyed[0], first.keyed[1], run);
  run(MarkGroups{}, of);
  run(LinkGroups{}, of);
  run(SumAllAgain{}, of);
  run(SpreadQueries{}, of);
  run(GatherComponents{}, of);
}

}  // namespace pyvae::cuda
