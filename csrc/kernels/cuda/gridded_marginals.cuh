// Gridded marginals, forward: the plan, components spread on to the grids of their levels, queries interpolated from
// there with an error bound for each, and the exact sum for those that the bound does not cover. One launch after the
// other; queries that wait for a later tier are in lists, so that a tier nobody waits for ends at once.
//
// Nodes gather, which needs no atomics: a block holds 16 neighbouring nodes, its 128 threads divide the components
// within reach by eight. Per component: 32 nodes beside its own spread of 32 to 96, hence 64 to 128 weights of 12
// operations, one exponential in each; its parameters once per 16 of them. At M = 65 536, D = 10 and one sigma that is
// 5e8 operations, 15 microseconds on 132 multiprocessors of 128 lanes at 1.98 GHz.
// Sixteen lanes share a query: one node of its window each, or every sixteenth component. Per query and level: 16
// weights, and about 60 operations that all lanes repeat; 13 bytes read and 9 written. 655 360 queries: 14 MB,
// 3 microseconds at 4.8 TB/s, and 20 of arithmetic.
// Not yet measured on a GPU.
#pragma once
#include "grids/nodes.cuh"
#include "grids/plan.cuh"
#include "grids/sums.cuh"

namespace pyvae::cuda {

struct ForwardJob {
  MarginalsJob job;
  GriddedMarginals args;

  explicit ForwardJob(const GriddedMarginals& args) : job(args.of, args.workspace, false), args(args) {}
};

// --- Nodes -----------------------------------------------------------------------------------------------------------

struct SpreadComponents {
  using Args = MarginalsJob;
  using Shared = PointChunk;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& job) { return chunk_blocks(job.at.tasks, job.at.nodes, kTileNodes); }

  // Components of the bins from which one may reach the tile; one node more, where roundings of bin and node differ.
  PYVAE_KERNEL Range within_reach(const Gridding& gridding, const Level& level, int64_t first_node) {
    const float ratio = static_cast<float>(level.reach / (kNearReach * static_cast<double>(level.unit)));
    const float a = libm::sqrtf(ratio * ratio - static_cast<float>(kKernelVariance));
    const int64_t reach = kHalfWindow * spread_windows(gridding, a) + 1;
    const int64_t low = first_node - static_cast<int64_t>(level.low_node) - reach, high = low + kTileNodes + 2 * reach;
    if (high < 0 || low >= level.bins * kNodesPerBin) return {0, 0};
    const int64_t first = low > 0 ? low / kNodesPerBin : 0, last = smaller(high / kNodesPerBin, level.bins - 1);
    return {level.bin_starts[first + 1], level.bin_starts[last + 2]};
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared& chunk) {
    for_each_chunk(team, job.at.tasks, job.at.nodes, kTileNodes, [&](int64_t task, int64_t first) {
      const LatentMemory memory = memory_of(job, task);
      const Level* level = level_of_node(*memory.plan, first);
      if (level == nullptr) return;
      const int64_t node = first - level->first_node;
      const Range points = within_reach(job.gridding, *level, node);
      gather_tile(team, chunk, points, memory.grid + first, [&](int slot, int64_t k) {
        const OnGrid one = on_grid(job.gridding, *level, memory.mean[k], memory.ratio[k]);
        chunk.offset[slot] = static_cast<float>(node - one.node) - one.fraction;
        chunk.amplitude[slot] = one.amplitude, chunk.exponent[slot] = one.exponent;
      });
    });
  }
};

// --- Queries ---------------------------------------------------------------------------------------------------------

// Lanes that share a query are those equal modulo kWarpQueries.
constexpr int kWarpQueries = 2, kMembers = kWarp / kWarpQueries;
constexpr int kBlockQueries = kWarps * kWarpQueries;
// Blocks for the queries of one latent that wait for a tier: enough for a GPU if it is all of them, few if it is none.
constexpr int64_t kWaitingBlocks = 64;

// What the grid says, in units of 1 / s^2 for the slope; a component that it served as one of many, by what its weight
// is more or less.
PYVAE_KERNEL void add_grid(const MarginalsJob& job, const LatentMemory& memory, const Level& level, const Query& query,
                           const Place& place, int member, Estimate& to) {
  const double inverse = 1.0 / static_cast<double>(level.unit);
  const float* nodes = memory.grid + level.first_node + place.window;
  float density = 0, slope = 0;
  for (int k = member; k < kWindow; k += kMembers) {
    const float offset = window_offset(place) + static_cast<float>(k);
    const float term = nodes[k] * interpolation_weight(job.gridding, offset);
    density += term, slope += term * offset;
  }
  const float scale = static_cast<float>(job.gridding.interpolation_scale);
  density *= scale, slope *= interpolation_slope(job.gridding, level) * scale;
  to.density += inverse * static_cast<double>(density), to.slope += inverse * static_cast<double>(slope);
  to.error += inverse * job.gridding.relative * static_cast<double>(density);
  if (member == 0) to.error += inverse * job.gridding.per_near * static_cast<double>(place.near.count());
  const Range inner = level.inner();
  const int64_t own = member == 0 ? query.special[0] : query.special[1];
  if (member >= 2 || own < inner.first || own >= inner.last) return;
  const Term term = term_of(curve_at(memory, own), query.x);
  const double weight = member == 0 ? job.special.weight[0] : job.special.weight[1];
  const double more = (weight - 1) * inverse * static_cast<double>(term.density);
  to.density += more, to.slope += -2 * kLn2 * static_cast<double>(memory.scale[own] * term.u) * more;
}

// A lane's share of a density, from grids where they serve and from the components within reach elsewhere.
PYVAE_KERNEL Estimate estimate(const MarginalsJob& job, const LatentMemory& memory, const Query& query, bool grids,
                               int member) {
  const LatentPlan& plan = *memory.plan;
  Estimate result{0, 0, 0};
  for (int64_t l = 0; l < plan.levels; ++l) {
    const Level& level = plan.level[l];
    const Place place = place_of(level, query.x, grids);
    const double inverse = 1.0 / static_cast<double>(level.unit);
    const int64_t far = level.range.count() - place.near.count();
    if (member == 0) result.error += inverse * job.gridding.per_far * static_cast<double>(far);
    Range low = place.near, high{0, 0};
    if (place.gridded) {
      add_grid(job, memory, level, query, place, member, result);
      low.last = level.inner().first, high = {level.inner().last, place.near.last};
    }
    add_range(job, memory, query, low, inverse, member, kMembers, result);
    add_range(job, memory, query, high, inverse, member, kMembers, result);
  }
  add_range(job, memory, query, plan.loose, 1.0, member, kMembers, result);
  return result;
}

PYVAE_KERNEL void wait_for(const ForwardJob& of, const LatentMemory& memory, int64_t row, int64_t at, Tier tier) {
  int32_t* count = tier == Tier::all ? &memory.plan->all : &memory.plan->near;
  memory.waiting(tier)[atomic_add(count, 1)] = static_cast<int32_t>(row);
  of.args.tier[at] = static_cast<uint8_t>(tier);
}

// Writes what a tier found; where that is not good enough the query waits for the next.
PYVAE_KERNEL void keep(const ForwardJob& of, const LatentMemory& memory, int64_t task, int64_t row,
                       const Estimate& estimate, Tier tier) {
  const LatentPlan& plan = *memory.plan;
  const int64_t at = query_element(of.args.of, task, row);
  const bool first = tier == Tier::gridded;
  // A sum's own roundings are part of every method's error; not so what a smaller density makes of them.
  const double relative = first ? of.args.of.rtol + kRoundingError : kNegligible;
  if (!is_within(estimate.error, relative, estimate.density)) {
    return wait_for(of, memory, row, at, first ? Tier::near : Tier::all);
  }
  const float density = static_cast<float>(estimate.density * plan.unit);
  of.args.marginals[at] = static_cast<float>(static_cast<double>(log(density)) + plan.shift);
  of.args.score[at] = static_cast<float>(estimate.slope / estimate.density);
  of.args.tier[at] = static_cast<uint8_t>(tier);
}

struct InterpolateQueries {
  using Args = ForwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return chunk_blocks(of.job.at.tasks, of.job.at.queries, kBlockQueries); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const MarginalsJob& job = of.job;
    for_each_chunk(team, job.at.tasks, job.at.queries, kBlockQueries, [&](int64_t task, int64_t first) {
      const LatentMemory memory = memory_of(job, task);
      const auto row_of = [&](int warp, int lane) { return first + warp * kWarpQueries + lane % kWarpQueries; };
      const bool linear = memory.plan->linear != 0;
      team.reduce(
          kWarpQueries, kWarp,
          [&](int warp, int lane) {
            const int64_t row = row_of(warp, lane);
            if (row >= job.of.queries || !linear) return Estimate{0, 0, 0};
            return estimate(job, memory, query_at(job, memory, task, row), true, lane / kWarpQueries);
          },
          [&](int warp, int lane, const Estimate& sum) {
            const int64_t row = row_of(warp, lane);
            if (lane >= kWarpQueries || row >= job.of.queries) return;
            if (linear) return keep(of, memory, task, row, sum, Tier::gridded);
            wait_for(of, memory, row, query_element(job.of, task, row), Tier::all);
          });
    });
  }
};

// A query that waits for a tier, -1 beyond the last.
PYVAE_KERNEL int64_t waiting_row(const LatentMemory& memory, Tier tier, int64_t k) {
  return k < (tier == Tier::all ? memory.plan->all : memory.plan->near) ? memory.waiting(tier)[k] : -1;
}

// Calls visit(task, memory, first) for every `size` queries of those that wait for a tier.
template <typename Team, typename Visit>
PYVAE_KERNEL void for_each_waiting(const MarginalsJob& job, const Team& team, Tier tier, int64_t size, Visit visit) {
  for_each_chunk(team, job.at.tasks, kWaitingBlocks, 1, [&](int64_t task, int64_t block) {
    const LatentMemory memory = memory_of(job, task);
    const int64_t count = tier == Tier::all ? memory.plan->all : memory.plan->near;
    for (int64_t first = block * size; first < count; first += kWaitingBlocks * size) visit(task, memory, first);
  });
}

struct SumNear {
  using Args = ForwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return blocks_for(of.job.at.tasks * kWaitingBlocks, 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const MarginalsJob& job = of.job;
    for_each_waiting(job, team, Tier::near, kBlockQueries,
                     [&](int64_t task, const LatentMemory& memory, int64_t first) {
                       const auto row_of = [&](int warp, int lane) {
                         return waiting_row(memory, Tier::near, first + warp * kWarpQueries + lane % kWarpQueries);
                       };
                       team.reduce(
                           kWarpQueries, kWarp,
                           [&](int warp, int lane) {
                             const int64_t row = row_of(warp, lane);
                             if (row < 0) return Estimate{0, 0, 0};
                             return estimate(job, memory, query_at(job, memory, task, row), false, lane / kWarpQueries);
                           },
                           [&](int warp, int lane, const Estimate& sum) {
                             const int64_t row = row_of(warp, lane);
                             if (lane < kWarpQueries && row >= 0) keep(of, memory, task, row, sum, Tier::near);
                           });
                     });
  }
};

// A warp per query, over all components in logarithmic form.
struct SumAll {
  using Args = ForwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return blocks_for(of.job.at.tasks * kWaitingBlocks, 1); }

  PYVAE_KERNEL void store(const Args& of, int64_t at, const LogSum& sum) {
    const bool empty = sum.total == 0;
    const double logarithm = kLn2 * log2_total(sum) + of.args.of.weights.log_pair;
    of.args.marginals[at] = empty ? -__builtin_inff() : static_cast<float>(logarithm);
    of.args.score[at] = empty ? 0.0f : static_cast<float>(-2 * kLn2 * sum.slope / sum.total);
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const MarginalsJob& job = of.job;
    for_each_waiting(job, team, Tier::all, kWarps, [&](int64_t task, const LatentMemory& memory, int64_t first) {
      team.reduce(
          1, kWarp,
          [&](int warp, int lane) {
            const int64_t row = waiting_row(memory, Tier::all, first + warp);
            return row < 0 ? no_terms() : sum_of_all(job, memory, query_at(job, memory, task, row), lane);
          },
          [&](int warp, int lane, const LogSum& sum) {
            const int64_t row = waiting_row(memory, Tier::all, first + warp);
            if (lane == 0 && row >= 0) store(of, query_element(job.of, task, row), sum);
          });
    });
  }
};

// Calls run(step, args) for the launches of the forward.
template <typename Run>
void for_each_forward_step(const GriddedMarginals& args, Run& run) {
  const ForwardJob of(args);
  for_each_plan_step(of.job, run);
  run(SpreadComponents{}, of.job);
  run(InterpolateQueries{}, of);
  run(SumNear{}, of);
  run(SumAll{}, of);
}

}  // namespace pyvae::cuda
