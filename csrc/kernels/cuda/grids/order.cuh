// The backward's queries in the order of their values: their cotangents over densities, where those of each tier lie,
// and links between the groups that hold a query which met a level one by one.
//
// Which step writes (w) and reads (r) what of a latent's memory, after the plan of memory.cuh. The sort ends in one of
// keyed[0] and keyed[1]: sorted(). The other one has no list then.
//
//                   Prepare-  sort  Mark-   Link-    SumAll-        Spread-  Gather-
//                   Queries         Groups  Groups   Again          Queries  Components
//   plan            r                       w: ends  r              r        r
//   keyed[0]        w         rw
//   keyed[1]                  rw
//   sorted()                  w     r       r        r              r        r
//   the other                                        w: log2_totals          r
//   factor          w                                               r        r
//   rest            w               r                               r        r
//   group_rest                      w       r
//   next_group                              w                                r
//   grid                                                            w        r
//   components,     r                                r              r        r
//   bin_starts
//
// Not yet measured on a GPU.
#pragma once
#include "sums.cuh"

namespace pyvae::cuda {

struct BackwardJob {
  MarginalsJob job;
  GriddedMarginalsBackward args;

  explicit BackwardJob(const GriddedMarginalsBackward& args) : job(args.of, args.workspace, true), args(args) {}
};

constexpr int64_t kGroup = MarginalsWorkspace::kGroup;
constexpr uint8_t kAllLevels = 0xff;
static_assert(kMaxLevels == 8);  // a bit for each

// What queries are sorted by: their value, beyond all values those of Tier::all, beyond these the ones that nobody asks
// for.
constexpr uint32_t kKeyOfAll = 0xfffffffeu, kKeyOfNone = 0xffffffffu;

struct PrepareQueries {
  using Args = BackwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return chunk_blocks(of.job.at.tasks, of.job.at.queries, kThreads); }

  // Bits of the levels where a query of this tier meets the components near it one by one.
  PYVAE_KERNEL uint8_t rest_of(const LatentPlan& plan, float x, Tier tier) {
    if (tier != Tier::gridded) return kAllLevels;
    int rest = 0;
    for (int64_t l = 0; l < plan.levels; ++l) rest |= place_of(plan.level[l], x, true).gridded ? 0 : 1 << l;
    return static_cast<uint8_t>(rest);
  }

  PYVAE_KERNEL void prepare(const Args& of, const LatentMemory& memory, int64_t task, int64_t row) {
    const int64_t at = query_element(of.job.of, task, row);
    const float cotangent = of.args.grad_marginals[at], x = of.job.of.z[at];
    const Tier tier = static_cast<Tier>(of.args.tier[at]);
    // A cotangent of 0 asks for nothing, not even of a score that is infinite.
    of.args.grad_z[at] = cotangent == 0 ? 0 : cotangent * of.args.score[at];
    const bool linear = cotangent != 0 && tier != Tier::all;
    const float held = static_cast<float>(memory.plan->shift - static_cast<double>(of.args.marginals[at]));
    memory.factor[row] = linear ? cotangent * exp(held) : 0.0f;
    memory.rest[row] = linear ? rest_of(*memory.plan, x, tier) : kAllLevels;
    const uint32_t key = linear ? smaller(float_key(x), kKeyOfAll - 1) : (cotangent == 0 ? kKeyOfNone : kKeyOfAll);
    memory.keyed[0][row] = keyed(key, row);
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    team.threads([&](int thread) {
      for_each_chunk(team, of.job.at.tasks, of.job.at.queries, kThreads, [&](int64_t task, int64_t first) {
        if (first + thread < of.job.of.queries) prepare(of, memory_of(of.job, task), task, first + thread);
      });
    });
  }
};

// The levels' bits of all queries of a group that are summed linearly.
struct MarkGroups {
  using Args = BackwardJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& of) { return chunk_blocks(of.job.at.tasks, of.job.at.groups, kThreads); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared&) {
    const MarginalsJob& job = of.job;
    team.threads([&](int thread) {
      for_each_chunk(team, job.at.tasks, job.at.groups, kThreads, [&](int64_t task, int64_t first) {
        const int64_t group = first + thread;
        if (group >= job.at.groups) return;
        const LatentMemory memory = memory_of(job, task);
        const Keyed* sorted = memory.sorted(job.of.queries);
        int rest = 0;
        for (int64_t k = group * kGroup; k < smaller((group + 1) * kGroup, job.of.queries); ++k) {
          if (key_of(sorted[k]) < kKeyOfAll) rest |= memory.rest[index_of(sorted[k])];
        }
        memory.group_rest[group] = static_cast<uint8_t>(rest);
      });
    });
  }
};

// Where the queries of Tier::all begin and end, and the next group of each level. A thread has one level and a run of
// groups, which it walks from the end.
struct LinkGroups {
  using Args = BackwardJob;
  static constexpr int kThreads = cuda::kThreads;
  static constexpr int kRuns = kThreads / kMaxLevels;
  struct Shared {
    int32_t first[kThreads];  // marked group of a thread's run, or the number of groups
  };
  static int64_t blocks(const Args& of) { return blocks_for(of.job.at.tasks, 1); }

  struct Run {
    int64_t level, begin, end;
  };

  PYVAE_KERNEL Run run_of(const MarginalsJob& job, int thread) {
    const int64_t length = ceil_div(job.at.groups, kRuns), begin = thread / kMaxLevels * length;
    return {thread % kMaxLevels, begin, smaller(begin + length, job.at.groups)};
  }

  PYVAE_KERNEL bool has(const LatentMemory& memory, int64_t group, int64_t level) {
    return (memory.group_rest[group] >> level & 1) != 0;
  }

  PYVAE_KERNEL void find_first(const MarginalsJob& job, const LatentMemory& memory, Shared& shared, int thread) {
    const Run run = run_of(job, thread);
    int32_t first = static_cast<int32_t>(job.at.groups);
    for (int64_t group = run.end - 1; group >= run.begin; --group) {
      if (has(memory, group, run.level)) first = static_cast<int32_t>(group);
    }
    shared.first[thread] = first;
  }

  PYVAE_KERNEL void link(const MarginalsJob& job, const LatentMemory& memory, const Shared& shared, int thread) {
    const Run run = run_of(job, thread);
    int32_t next = static_cast<int32_t>(job.at.groups);
    for (int later = thread + kMaxLevels; later < kThreads; later += kMaxLevels) {
      next = smaller(next, shared.first[later]);
    }
    for (int64_t group = run.end - 1; group >= run.begin; --group) {
      if (has(memory, group, run.level)) next = static_cast<int32_t>(group);
      memory.next_group[run.level * job.at.groups + group] = next;
    }
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& of, const Team& team, Shared& shared) {
    const MarginalsJob& job = of.job;
    for (int64_t task = team.block; task < job.at.tasks; task += team.blocks) {
      const LatentMemory memory = memory_of(job, task);
      team.threads([&](int thread) { find_first(job, memory, shared, thread); });
      team.barrier();
      team.threads([&](int thread) {
        link(job, memory, shared, thread);
        if (thread > 1) return;
        const int64_t end =
            lower_bound(memory.sorted(job.of.queries), job.of.queries, keyed(thread == 0 ? kKeyOfAll : kKeyOfNone, 0));
        (thread == 0 ? memory.plan->all_begin : memory.plan->all_end) = static_cast<int32_t>(end);
      });
      team.barrier();
    }
  }
};

// Places in the order of values of the queries in [low, high], of those that are summed linearly.
PYVAE_KERNEL Range queries_between(const LatentPlan& plan, const Keyed* sorted, double low, double high) {
  const double largest = 3.4028234663852886e38;
  const float first = static_cast<float>(larger(low, -largest)), last = static_cast<float>(smaller(high, largest));
  if (!(first <= last)) return {0, 0};
  return {lower_bound(sorted, plan.all_begin, keyed(float_key(first), 0)),
          lower_bound(sorted, plan.all_begin, keyed(float_key(last) + 1, 0))};
}

}  // namespace pyvae::cuda
