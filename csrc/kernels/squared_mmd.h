// The unbiased squared maximum mean discrepancy of two samples, and its derivatives in their points.
//
//   sum_{i != j} k(x_i, x_j) / (n (n - 1)) + sum_{i != j} k(y_i, y_j) / (m (m - 1)) - 2 sum_ij k(x_i, y_j) / (n m)
//
// k is the mean of a radial kernel over some scales. Nothing of size n m is stored. The points of both samples stand in
// blocks, and every two blocks meet once, so that what a pair of points has in common is computed once for both. The
// blocks meet in turns, as players of a tournament do: none meets two others in one turn, so the meetings of a turn can
// run at the same time, and each sum gets its terms in the order of the turns, whatever the number of threads. A
// meeting waits for the last ones of its own two blocks, not for all of the turn before.
#pragma once
#include "../math/kernels.h"
#include "../math/range.h"
#include "isa.h"

namespace pyvae {

// The blocks of one batch entry, those of x before those of y.
struct MmdBlocks {
  int64_t of_x, of_y;

  PYVAE_MEMBER int64_t count() const { return of_x + of_y; }
  // An odd block has a turn without a partner.
  PYVAE_MEMBER int64_t players() const { return count() + count() % 2; }
  // In the first turn each block meets itself.
  PYVAE_MEMBER int64_t turns() const { return players(); }
  PYVAE_MEMBER int64_t meetings() const { return count() + (turns() - 1) * (players() / 2); }
};

// Blocks of `count` points: enough of them for some threads, few enough points for a running sum of float32.
PYVAE_MATH int64_t mmd_blocks_of(int64_t count) {
  constexpr int64_t kLeastPoints = 128, kMostPoints = 1024, kEnough = 8;
  return larger(smaller(ceil_div(count, kLeastPoints), kEnough), ceil_div(count, kMostPoints));
}

struct MmdMeeting {
  int64_t rows, columns;  // blocks, rows <= columns
};

// Meeting k of a turn (the circle method: the last player stays, the others move on by one each turn). Of an odd number
// of blocks one meets the block `count`, which is none.
PYVAE_MATH MmdMeeting mmd_meeting(const MmdBlocks& blocks, int64_t turn, int64_t k) {
  if (turn == 0) return {k, k};
  const int64_t circle = blocks.players() - 1, round = turn - 1;
  const int64_t a = k == 0 ? circle : (round + k) % circle, b = (round + circle - k) % circle;
  return {smaller(a, b), larger(a, b)};
}

template <typename T>
struct SquaredMmd {
  int64_t batch, x_count, y_count, latents;
  const T *x, *y;  // [B, n, D], [B, m, D]
  RadialKernel kernel;
  const double* scales;
  int64_t scale_count;
  double* totals;           // [B, blocks], the blocks' parts of the discrepancy
  double *x_sums, *y_sums;  // [B, n, D], [B, m, D], the derivatives; null where they are not wanted
  T* room;                  // squared_mmd_room(D, scales) numbers for each share, any content
  int64_t* progress;        // [1 + B blocks], all 0: how many meetings are taken, and how many turns a block has had

  PYVAE_MEMBER MmdBlocks blocks() const { return {mmd_blocks_of(x_count), mmd_blocks_of(y_count)}; }
};

// What becomes of the sums. Results that are null are not wanted.
template <typename T>
struct SquaredMmdResults {
  T* value;            // [B]
  const T* cotangent;  // [B], of the discrepancy; 1 where it is null
  T *x_grad, *y_grad;  // as the sums
};

// Rows that are laid out for vectors at a time, and columns that meet them.
constexpr int64_t kMmdRows = 256, kMmdColumns = 8;
PYVAE_MATH int64_t mmd_rows_at_once(int64_t latents) {
  constexpr int64_t kNumbers = 4096, kLeast = 64;  // 16 KB of a first-level cache, or of the second
  return larger(smaller(kNumbers / larger<int64_t>(latents, 1) / kLeast * kLeast, kMmdRows), kLeast);
}

// Of one share: rows and their sums, for each column the sums of up to 16 lanes, and two factors of each scale.
PYVAE_MATH int64_t squared_mmd_room(int64_t latents, int64_t scales) {
  constexpr int64_t kLanes = 16;
  const int64_t of_columns = ceil_div(kMmdColumns * latents, kLanes) * kLanes * kLanes;
  return 2 * latents * mmd_rows_at_once(latents) + of_columns + ceil_div(2 * scales, kLanes) * kLanes;
}

namespace cpu {
// Shares [begin, end) of as many as there is room for; each takes meetings as long as there are any.
template <Isa isa, typename T>
void squared_mmd(const SquaredMmd<T>& args, int64_t begin, int64_t end);
// Of blocks [begin, end) of B * args.blocks().count(), after all meetings.
template <Isa isa, typename T>
void squared_mmd_results(const SquaredMmd<T>& args, const SquaredMmdResults<T>& results, int64_t begin, int64_t end);
}  // namespace cpu

}  // namespace pyvae
