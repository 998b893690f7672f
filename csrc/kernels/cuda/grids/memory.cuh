// What the CUDA kernels of the gridded marginals share: their arguments and the memory of a latent, by name.
//
// A buffer has what was written last (w) until it is written again; r: read. The plan (plan.cuh) and, after it, the
// forward (../gridded_marginals.cuh); order.cuh has the backward.
//
//                   Read-     Plan-    sort  Finish-     Spread-     Interpolate-  SumNear   SumAll
//                   Columns   Levels         Components  Components  Queries
//   plan                      w              r           r           rw: counts    rw        r
//   keyed[0]                  w: bins  rw    r                       w: near       r
//   keyed[1]        w: mean,  r        rw    r                       w: all        w: all    r
//                   sigma
//   mean .. ratio                            w           r           r             r         r
//   column                                   w                                               (backward)
//   position                                 w                       r             r         r
//   bin_starts                               w           r           r             r
//   grid                                                 w           r
//
// Not yet measured on a GPU.
#pragma once
#include "../../marginal_places.h"
#include "../sort.cuh"

namespace pyvae::cuda {

// Of a level, what would cost every thread a division or a logarithm in float64.
struct LevelFactors {
  double near;       // how far from a component a query that is near to it may be: bins tell, by two of their widths
  double to_unit;    // from densities in units of 1 / s to those that are held
  double log2_unit;  // of s
};

// How one latent is gridded.
struct LatentPlan {
  Level level[kMaxLevels];
  LevelFactors factors[kMaxLevels];
  int64_t levels;
  Range loose;                 // components in no level
  int64_t bins;                // of all levels
  double unit;                 // densities are held in units of 1 / the smallest level's s
  double shift;                // what a marginal is more than the logarithm of what is held
  int32_t linear;              // whether densities may be summed as such
  int32_t near, all;           // forward: how many queries wait for these tiers
  int32_t all_begin, all_end;  // backward: those of Tier::all in the order of values
};
static_assert(sizeof(LatentPlan) <= MarginalsWorkspace::kPlanBytes);

// A call, and what all its threads would compute alike.
struct MarginalsJob {
  Marginals of;
  MarginalsWorkspace at;
  char* workspace;
  Gridding gridding;
  SpecialWeights special;

  MarginalsJob(const Marginals& of, char* workspace, bool backward)
      : of(of),
        at(of.batch, of.queries, of.columns, of.latents, backward),
        workspace(workspace + (-reinterpret_cast<intptr_t>(workspace) & (MarginalsWorkspace::kAlignment - 1))),
        gridding(pyvae::gridding(of.rtol)),
        special(of.weights, of.columns) {}
};

// The memory of one latent. Components are in sorted order, [M], but `position` holds a column's place there.
struct LatentMemory {
  LatentPlan* plan;
  Keyed* keyed[2];  // [max(Q, M)]: what is being sorted
  float *mean, *scale, *constant, *ratio;
  int32_t *column, *position;
  int32_t* bin_starts;
  float* grid;  // [nodes]
  // The backward's.
  float* factor;        // [Q]: cotangents over densities
  uint8_t* rest;        // [Q]: bits of the levels where the query meets components one by one
  uint8_t* group_rest;  // [groups]: of all queries of a group
  int32_t* next_group;  // [levels, groups]: the first group from here on that has the level's bit

  // Of components before they are sorted, in memory that is free until then.
  PYVAE_MEMBER float* unsorted_mean() const { return reinterpret_cast<float*>(keyed[1]); }
  PYVAE_MEMBER float* unsorted_sigma(int64_t columns) const { return unsorted_mean() + columns; }
  // Where a list of this length lies after its sort.
  PYVAE_MEMBER const Keyed* sorted(int64_t length) const { return sort_ends_in_second(length) ? keyed[1] : keyed[0]; }
  // The forward's queries that wait for a tier, in any order, in memory that is free after the sort.
  PYVAE_MEMBER int32_t* waiting(Tier tier) const {
    return reinterpret_cast<int32_t*>(tier == Tier::all ? keyed[1] : keyed[0]);
  }
  // The backward's queries of Tier::all, in memory that is free after the sort: at their places in the order of values.
  PYVAE_MEMBER double* log2_totals(int64_t queries) const {
    return reinterpret_cast<double*>(sort_ends_in_second(queries) ? keyed[0] : keyed[1]);
  }
};

template <typename T>
PYVAE_MATH void take(char*& next, T*& array, int64_t count) {
  array = reinterpret_cast<T*>(next);
  const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
  next +=
      (bytes + MarginalsWorkspace::kAlignment - 1) / MarginalsWorkspace::kAlignment * MarginalsWorkspace::kAlignment;
}

PYVAE_MATH LatentMemory memory_of(const MarginalsJob& job, int64_t task) {
  const MarginalsWorkspace& at = job.at;
  char* next = job.workspace + task * at.slot_bytes;
  LatentMemory memory;
  memory.plan = reinterpret_cast<LatentPlan*>(next);
  next += MarginalsWorkspace::kPlanBytes;
  take(next, memory.keyed[0], at.points), take(next, memory.keyed[1], at.points);
  take(next, memory.mean, at.columns), take(next, memory.scale, at.columns);
  take(next, memory.constant, at.columns), take(next, memory.ratio, at.columns);
  take(next, memory.column, at.columns), take(next, memory.position, at.columns);
  take(next, memory.bin_starts, at.bins), take(next, memory.grid, at.nodes);
  take(next, memory.factor, at.queries), take(next, memory.rest, at.queries);
  take(next, memory.group_rest, at.groups), take(next, memory.next_group, kMaxLevels * at.groups);
  return memory;
}

// Where a latent's element of a row lies in tensors of [B, rows, D].
PYVAE_MATH int64_t element_of(const Marginals& of, int64_t task, int64_t rows, int64_t row) {
  return (task / of.latents * rows + row) * of.latents + task % of.latents;
}
PYVAE_MATH int64_t query_element(const Marginals& of, int64_t task, int64_t row) {
  return element_of(of, task, of.queries, row);
}
PYVAE_MATH int64_t column_element(const Marginals& of, int64_t task, int64_t column) {
  return element_of(of, task, of.columns, column);
}

// Calls visit(task, first) for the chunks of `size` out of `count` that are this block's.
template <typename Team, typename Visit>
PYVAE_KERNEL void for_each_chunk(const Team& team, int64_t tasks, int64_t count, int64_t size, Visit visit) {
  const int64_t chunks = ceil_div(count, size);
  for (int64_t item = team.block; item < tasks * chunks; item += team.blocks) {
    visit(item / chunks, item % chunks * size);
  }
}
PYVAE_MATH int64_t chunk_blocks(int64_t tasks, int64_t count, int64_t size) {
  return blocks_for(tasks * ceil_div(count, size), 1);
}

}  // namespace pyvae::cuda
