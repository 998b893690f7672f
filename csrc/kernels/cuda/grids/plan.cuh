// How the marginals of every latent are gridded, as cpu/marginal_plan.h does it for one: levels, regions and grids by
// one block per latent; components sorted by level and bin, in the order of their columns within a bin, by all blocks.
//
// Per component: 8 bytes read, then 8 written and 24 read from the L2 cache before the sort, 32 written after it; one
// exponential before and one after. At M = 65 536, D = 10: 5 MB, 1.1 microseconds at 4.8 TB/s. What takes longer is the
// block per latent: three passes of 64 components per thread, and 1024 buckets that one thread looks at.
// Not yet measured on a GPU.
#pragma once
#include "memory.cuh"

namespace pyvae::cuda {

// --- Columns, as they come -------------------------------------------------------------------------------------------

struct ReadColumns {
  using Args = MarginalsJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& job) { return chunk_blocks(job.at.tasks, job.of.columns, kThreads); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    const int64_t columns = job.of.columns;
    team.threads([&](int thread) {
      for_each_chunk(team, job.at.tasks, columns, kThreads, [&](int64_t task, int64_t first) {
        const int64_t j = first + thread;
        if (j >= columns) return;
        const LatentMemory memory = memory_of(job, task);
        const int64_t from = column_element(job.of, task, j);
        memory.unsorted_mean()[j] = job.of.mu[from];
        memory.unsorted_sigma(columns)[j] = exp(0.5f * job.of.logvar[from]);
      });
    });
  }
};

// --- Levels ----------------------------------------------------------------------------------------------------------

// Floats as `ordered` integers, whose smallest and largest are found by atomics.
struct LevelExtremes {
  int32_t low, high;     // of all components
  int32_t below, above;  // of those outside of the region: the largest below it, the smallest above it
};

struct PlanLevels {
  using Args = MarginalsJob;
  // A block per latent: as many threads as a multiprocessor can give it registers for.
  static constexpr int kThreads = 1024;

  struct Shared {
    int32_t counts[kBuckets];
    int8_t level_of[kBuckets];
    LevelExtremes extremes[kMaxLevels];
    int32_t nonlinear;
    LatentPlan plan;
    int64_t nodes, first_bin[kMaxLevels];
    float sample[kSample];
    int32_t before[kThreads];  // members of a level in the columns before a thread's
  };

  static int64_t blocks(const Args& job) { return blocks_for(job.at.tasks, 1); }

  PYVAE_KERNEL int32_t level_of(const Shared& shared, float mean, float sigma) {
    const int32_t bucket = bucket_of(mean, sigma);
    return bucket < 0 ? -1 : shared.level_of[bucket];
  }

  PYVAE_KERNEL void clear(Shared& shared, int thread) {
    for (int64_t k = thread; k < kBuckets; k += kThreads) shared.counts[k] = 0;
    if (thread < kMaxLevels) {
      const int32_t least = ordered(-__builtin_inff()), largest = ordered(__builtin_inff());
      shared.extremes[thread] = {largest, least, least, largest};
    }
    if (thread == 0) shared.nonlinear = 0, shared.nodes = 0, shared.plan.bins = 0;
  }

  PYVAE_KERNEL void find_extremes(const Args& job, const LatentMemory& memory, Shared& shared, int thread) {
    const float *mean = memory.unsorted_mean(), *sigma = memory.unsorted_sigma(job.of.columns);
    for (int64_t j = thread; j < job.of.columns; j += kThreads) {
      const int32_t level = level_of(shared, mean[j], sigma[j]), value = ordered(mean[j]);
      if (level < 0) continue;
      // Few values are extremes so far; asking first keeps the atomics apart.
      if (value < shared.extremes[level].low) atomic_min(&shared.extremes[level].low, value);
      if (value > shared.extremes[level].high) atomic_max(&shared.extremes[level].high, value);
    }
  }

  PYVAE_KERNEL Extent extent_of(const Shared& shared, int64_t k) {
    Extent extent{0, of_ordered(shared.extremes[k].low), of_ordered(shared.extremes[k].high), 0};
    const int64_t first = float_bits(shared.plan.level[k].unit) >> kBucketShift;
    for (int64_t bucket = first; bucket < smaller(first + kLevelBuckets, kBuckets); ++bucket) {
      if (shared.counts[bucket] == 0) continue;
      extent.count += shared.counts[bucket], extent.last_bucket = bucket;
    }
    return extent;
  }

  // The level's means at evenly spaced ordinals, in the order of the columns, of which every thread takes a run.
  template <typename Team>
  PYVAE_KERNEL void take_sample(const Args& job, const LatentMemory& memory, const Team& team, Shared& shared,
                                int64_t k, int64_t count) {
    const float *mean = memory.unsorted_mean(), *sigma = memory.unsorted_sigma(job.of.columns);
    const int64_t run = ceil_div(job.of.columns, kThreads);
    team.threads([&](int thread) {
      shared.before[thread] = 0;
      for (int64_t j = thread * run; j < smaller((thread + 1) * run, job.of.columns); ++j) {
        shared.before[thread] += level_of(shared, mean[j], sigma[j]) == k;
      }
    });
    team.barrier();
    team.threads([&](int thread) {
      int32_t sum = 0;
      for (int t = 0; thread == 0 && t < kThreads; ++t) {
        const int32_t members = shared.before[t];
        shared.before[t] = sum, sum += members;
      }
    });
    team.barrier();
    team.threads([&](int thread) {
      int64_t ordinal = shared.before[thread];
      for (int64_t j = thread * run; j < smaller((thread + 1) * run, job.of.columns); ++j) {
        if (level_of(shared, mean[j], sigma[j]) != k) continue;
        const int64_t place = sample_place(ordinal++, count);
        if (place >= 0) shared.sample[place] = mean[j];
      }
    });
    team.barrier();
  }

  PYVAE_KERNEL double widest_of(const Args& job, const Shared& shared, int64_t k) {
    return widest_region(job.gridding, shared.plan.level[k], (job.at.nodes - shared.nodes) / (shared.plan.levels - k));
  }

  PYVAE_KERNEL void place_level(const Args& job, const LatentMemory& memory, Shared& shared, int64_t k) {
    LatentPlan& plan = shared.plan;
    const Extent extent = extent_of(shared, k);
    const double widest = widest_of(job, shared, k);
    Region region = region_of(extent);
    if (region.high - region.low > widest) {
      const int64_t size = smaller(extent.count, kSample);
      for (int64_t s = 0; s < size; ++s) insert_sorted(shared.sample, s, shared.sample[s]);
      region = middle_of(shared.sample, size, 0.999 * widest, region);
    }
    shared.nodes = place(job.gridding, extent, region, widest, shared.nodes, plan.level[k]);
    const int64_t before = k == 0 ? 0 : plan.level[k - 1].range.last;
    plan.level[k].range = {before, before + extent.count};
    plan.level[k].bin_starts = memory.bin_starts + plan.bins;
    shared.first_bin[k] = plan.bins;
    plan.bins += plan.level[k].bins + kEdgeBins;
  }

  template <typename Team>
  PYVAE_KERNEL void place_levels(const Args& job, const LatentMemory& memory, const Team& team, Shared& shared) {
    for (int64_t k = 0; k < shared.plan.levels; ++k) {
      const Extent extent = extent_of(shared, k);
      const Region region = region_of(extent);
      const bool wide = region.high - region.low > widest_of(job, shared, k);
      team.barrier();  // all have read what the first thread is about to change
      if (wide) take_sample(job, memory, team, shared, k, extent.count);
      team.threads([&](int thread) {
        if (thread == 0) place_level(job, memory, shared, k);
      });
      team.barrier();
    }
  }

  // What components are sorted by: the bin among those of all levels, beyond them for loose ones.
  PYVAE_KERNEL void write_keys(const Args& job, const LatentMemory& memory, Shared& shared, int thread) {
    const float *mean = memory.unsorted_mean(), *sigma = memory.unsorted_sigma(job.of.columns);
    for (int64_t j = thread; j < job.of.columns; j += kThreads) {
      const int32_t k = level_of(shared, mean[j], sigma[j]);
      if (k < 0 && !is_linear(mean[j], sigma[j])) atomic_max(&shared.nonlinear, 1);
      if (k < 0) {
        memory.keyed[0][j] = keyed(static_cast<uint32_t>(shared.plan.bins), j);
        continue;
      }
      const Level& level = shared.plan.level[k];
      const int64_t bin = level.bin(static_cast<double>(mean[j]));
      if (bin == 0) atomic_max(&shared.extremes[k].below, ordered(mean[j]));
      if (bin == level.bins + 1) atomic_min(&shared.extremes[k].above, ordered(mean[j]));
      memory.keyed[0][j] = keyed(static_cast<uint32_t>(shared.first_bin[k] + bin), j);
    }
  }

  PYVAE_KERNEL void finish(const Args& job, const LatentMemory& memory, Shared& shared) {
    LatentPlan& plan = shared.plan;
    plan.loose = {plan.levels == 0 ? 0 : plan.level[plan.levels - 1].range.last, job.of.columns};
    plan.unit = smallest_unit(plan.level, plan.levels);
    for (int64_t k = 0; k < plan.levels; ++k) {
      Level& level = plan.level[k];
      level.below = of_ordered(shared.extremes[k].below), level.above = of_ordered(shared.extremes[k].above);
      const double unit = static_cast<double>(level.unit);
      plan.factors[k] = {level.reach + 2 / level.inverse_bin, plan.unit / unit, kLog2E * libm::log(unit)};
    }
    plan.shift = job.of.weights.log_pair - libm::log(plan.unit);
    plan.linear = shared.nonlinear == 0;
    plan.near = plan.all = 0;
    *memory.plan = plan;
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared& shared) {
    for (int64_t task = team.block; task < job.at.tasks; task += team.blocks) {
      const LatentMemory memory = memory_of(job, task);
      const float *mean = memory.unsorted_mean(), *sigma = memory.unsorted_sigma(job.of.columns);
      team.threads([&](int thread) { clear(shared, thread); });
      team.barrier();
      team.threads([&](int thread) {
        for (int64_t j = thread; j < job.of.columns; j += kThreads) {
          const int32_t bucket = bucket_of(mean[j], sigma[j]);
          if (bucket >= 0) atomic_add(&shared.counts[bucket], 1);
        }
      });
      team.barrier();
      team.threads([&](int thread) {
        if (thread == 0) shared.plan.levels = find_levels(shared.counts, shared.level_of, shared.plan.level);
      });
      team.barrier();
      team.threads([&](int thread) { find_extremes(job, memory, shared, thread); });
      team.barrier();
      place_levels(job, memory, team, shared);
      team.threads([&](int thread) { write_keys(job, memory, shared, thread); });
      team.barrier();
      team.threads([&](int thread) {
        if (thread == 0) finish(job, memory, shared);
      });
      team.barrier();
    }
  }
};

// --- Components, sorted ----------------------------------------------------------------------------------------------

struct FinishComponents {
  using Args = MarginalsJob;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& job) { return chunk_blocks(job.at.tasks, job.at.bins, kThreads); }

  // Its level, or null for a loose one.
  PYVAE_KERNEL const Level* level_of(const LatentPlan& plan, int64_t place) {
    for (int64_t k = 0; k < plan.levels; ++k) {
      if (place < plan.level[k].range.last) return &plan.level[k];
    }
    return nullptr;
  }

  PYVAE_KERNEL void write_component(const Args& job, const LatentMemory& memory, int64_t task, int64_t place,
                                    int64_t j) {
    const int64_t from = column_element(job.of, task, j);
    const float logvar = job.of.logvar[from], sigma = exp(0.5f * logvar);
    const Level* level = level_of(*memory.plan, place);
    const Component component =
        level == nullptr ? loose_component(sigma, logvar) : component_of(sigma, 1.0f / level->unit);
    memory.mean[place] = job.of.mu[from];
    memory.ratio[place] = component.ratio;
    memory.scale[place] = component.scale;
    memory.constant[place] = component.constant;
    memory.column[place] = static_cast<int32_t>(j);
    memory.position[j] = static_cast<int32_t>(place);
  }

  // There are more bins than components in memory, so that a thread for each of the one is enough for the other.
  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    const int64_t columns = job.of.columns;
    team.threads([&](int thread) {
      for_each_chunk(team, job.at.tasks, job.at.bins, kThreads, [&](int64_t task, int64_t first) {
        const LatentMemory memory = memory_of(job, task);
        const Keyed* sorted = memory.sorted(columns);
        const int64_t k = first + thread;
        if (k < columns) write_component(job, memory, task, k, index_of(sorted[k]));
        if (k > memory.plan->bins) return;
        memory.bin_starts[k] = static_cast<int32_t>(lower_bound(sorted, columns, keyed(static_cast<uint32_t>(k), 0)));
      });
    });
  }
};

// Calls run(step, args) for the launches that make the plan.
template <typename Run>
void for_each_plan_step(const MarginalsJob& job, Run& run) {
  run(ReadColumns{}, job);
  run(PlanLevels{}, job);
  const LatentMemory first = memory_of(job, 0);
  for_each_sort_step(job.at.tasks, job.of.columns, job.at.slot_bytes / static_cast<int64_t>(sizeof(Keyed)),
                     first.keyed[0], first.keyed[1], run);
  run(FinishComponents{}, job);
}

}  // namespace pyvae::cuda
