// The marginals of minibatch_log_density in O((Q + M) D) instead of O(Q M D), by the grids of math/gridding.h.
//
// Letters as there. Every (row, latent) ends in one of three tiers, and tells which: the grids, where their error bound
// allows (with components summed one by one where few are near); the components within reach, one by one; all of them.
#pragma once
#include "../math/estimators.h"
#include "../math/range.h"
#include "isa.h"

namespace pyvae {

enum class Tier : uint8_t { gridded = 0, near = 1, all = 2 };

struct Marginals {
  int64_t batch, queries, columns, latents;
  PairWeights weights;
  double rtol;
  const float* z;       // [B, Q, D]
  const float* mu;      // [B, M, D]
  const float* logvar;  // [B, M, D]
};

// Sizes that depend on shapes alone: nodes of all grids of a latent, bins of all its levels with those on their edges.
constexpr int64_t kNodesPerPoint = 1, kLeastNodes = 4096, kNodesPerBin = 16;
constexpr int64_t kMaxLevels = 8, kEdgeBins = 2;

PYVAE_MATH int64_t marginal_nodes(int64_t queries, int64_t columns) {
  return kNodesPerPoint * (queries + columns) + kLeastNodes;
}
PYVAE_MATH int64_t marginal_bins(int64_t queries, int64_t columns) {
  return marginal_nodes(queries, columns) / kNodesPerBin + columns + (kEdgeBins + 1) * kMaxLevels;
}

struct GriddedMarginals {
  Marginals of;
  float* marginals;  // [B, Q, D]
  float* score;      // [B, Q, D]: d marginal / d z
  uint8_t* tier;     // [B, Q, D]
  char* workspace;   // MarginalsWorkspace::bytes, any content
};

struct GriddedMarginalsBackward {
  Marginals of;
  const float* marginals;       // [B, Q, D]
  const float* score;           // [B, Q, D]
  const uint8_t* tier;          // [B, Q, D]
  const float* grad_marginals;  // [B, Q, D]
  float* grad_z;                // [B, Q, D]
  float* grad_mu;               // [B, M, D]
  float* grad_logvar;           // [B, M, D]
  char* workspace;              // MarginalsWorkspace::bytes, any content
};

namespace cpu {

// Latents of all batch entries are worked on one after the other in as many slots as there is memory for; results do
// not depend on their number. Sizes are functions of shapes alone; pages of a grid that is not needed stay untouched.
struct MarginalsWorkspace {
  static constexpr int64_t kSlotBytes = int64_t{1} << 24, kLeastSlots = 2;
  // Vectors read and write beyond the last element.
  static constexpr int64_t kPadding = 16;

  int64_t nodes, bins, tasks, slots, slot_bytes;

  MarginalsWorkspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents)
      : nodes(marginal_nodes(queries, columns)), bins(marginal_bins(queries, columns)), tasks(batch * latents) {
    const int64_t per_column = 9, per_query = 2;  // floats or int32 of Slot in cpu/marginal_plan.h
    slot_bytes = (per_column * (columns + kPadding) + per_query * (queries + kPadding) + (bins + kPadding)) * 4 +
                 (nodes + kPadding) * 12;
    slot_bytes = ceil_div(slot_bytes, 64) * 64;
    slots = smaller(tasks, larger(kSlotBytes / slot_bytes, kLeastSlots));
  }
  int64_t bytes() const { return slots * slot_bytes + 64; }
};

// Slots [begin, end).
template <Isa isa>
void gridded_marginals(const GriddedMarginals& args, int64_t begin, int64_t end);
template <Isa isa>
void gridded_marginals_backward(const GriddedMarginalsBackward& args, int64_t begin, int64_t end);

}  // namespace cpu

namespace cuda {

// All latents of all batch entries at once, each in a slot of its own: with M = Q about 53 bytes a component, 59 in the
// backward. At 65 536 x 10 that is 33 and 37 MiB.
struct MarginalsWorkspace {
  int64_t queries, columns, points, nodes, bins, groups, tasks, slot_bytes;

  MarginalsWorkspace(int64_t batch, int64_t queries, int64_t columns, int64_t latents, bool backward)
      : queries(queries),
        columns(columns),
        points(larger(queries, columns)),
        nodes(marginal_nodes(queries, columns)),
        bins(marginal_bins(queries, columns)),
        groups(ceil_div(queries, kGroup) + 1),
        tasks(batch * latents) {
    const int64_t arrays = 2 * points * 8 + 6 * columns * 4 + bins * 4 + nodes * 4;
    const int64_t of_queries = 4 * queries + queries + groups + kMaxLevels * groups * 4;
    slot_bytes = (kPlanBytes + arrays + (backward ? of_queries : 0) + kArrays * kAlignment) / kAlignment * kAlignment;
  }
  int64_t bytes() const { return tasks * slot_bytes + kAlignment; }

  // Queries, in the order of their values, that are looked at or skipped together.
  static constexpr int64_t kGroup = 32;
  static constexpr int64_t kAlignment = 16, kArrays = 14;  // of a slot, at most
  static constexpr int64_t kPlanBytes = 2048;
};

// Return a cudaError_t; stream is a cudaStream_t. The workspace is MarginalsWorkspace::bytes here.
int gridded_marginals(const GriddedMarginals& args, void* stream);
int gridded_marginals_backward(const GriddedMarginalsBackward& args, void* stream);

}  // namespace cuda
}  // namespace pyvae
