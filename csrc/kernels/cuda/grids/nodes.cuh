// A tile of a grid's nodes, which a block fills from the points around it: components in the forward, queries in the
// backward. Nodes gather, so that no sum needs atomics.
// Not yet measured on a GPU.
#pragma once
#include "memory.cuh"

namespace pyvae::cuda {

// Nodes of one block, all of one level, and the threads that share each.
constexpr int kTileNodes = static_cast<int>(kWindow);
constexpr int kTileParts = kThreads / kTileNodes;

// Whose grid the node is, or null.
PYVAE_KERNEL const Level* level_of_node(const LatentPlan& plan, int64_t node) {
  for (int64_t k = 0; k < plan.levels; ++k) {
    const Level& level = plan.level[k];
    if (node >= level.first_node && node < level.first_node + level.nodes) return &level;
  }
  return nullptr;
}

// What a tile has of kThreads points at a time: components here, queries in the backward. A point adds
// amplitude * 2^(exponent * offset^2) to a node, offset being the steps from the point.
struct PointChunk {
  float offset[kThreads];  // of the tile's first node
  float amplitude[kThreads], exponent[kThreads];
  double total[kThreads];  // a thread's share of its node
};

PYVAE_KERNEL void add_points(PointChunk& chunk, int thread) {
  const float node = static_cast<float>(thread % kTileNodes);
  float sum = 0;
  for (int k = thread / kTileNodes; k < kThreads; k += kTileParts) {
    const float offset = chunk.offset[k] + node;
    sum += chunk.amplitude[k] * exp2_weight(chunk.exponent[k] * offset * offset);
  }
  chunk.total[thread] += static_cast<double>(sum);
}

// Writes the tile's nodes: load(chunk slot, point) fills in a point of the range, and the slots beyond it are empty.
template <typename Team, typename Load>
PYVAE_KERNEL void gather_tile(const Team& team, PointChunk& chunk, const Range& points, float* nodes, Load load) {
  team.threads([&](int thread) { chunk.total[thread] = 0; });
  team.barrier();
  for (int64_t first = points.first; first < points.last; first += kThreads) {
    team.threads([&](int thread) {
      chunk.offset[thread] = chunk.amplitude[thread] = chunk.exponent[thread] = 0;
      if (first + thread < points.last) load(thread, first + thread);
    });
    team.barrier();
    team.threads([&](int thread) { add_points(chunk, thread); });
    team.barrier();
  }
  team.threads([&](int thread) {
    if (thread >= kTileNodes) return;
    double sum = 0;
    for (int part = 0; part < kTileParts; ++part) sum += chunk.total[part * kTileNodes + thread];
    nodes[thread] = static_cast<float>(sum);
  });
  team.barrier();
}

}  // namespace pyvae::cuda
