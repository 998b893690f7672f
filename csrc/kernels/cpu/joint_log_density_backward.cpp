// Joint log-density, backward: one visit per pair serves grad_z, grad_mu and grad_logvar. Exponents are computed again
// and weighed by 2^(exponent - peak) / total; nothing of size Q M is stored.
//
// A few columns of a tile leave their weights for a group of rows in L1. Then, latent by latent, the rows stream past
// some of the columns at a time: the rows' sums are in L1 and serve all of them at once, the columns' stay in registers
// and are added over their lanes many columns together.
//
// Per (row, column, latent): 3 operations for the exponent; then 5 for the sums. With v = z - mu, the sums of w v and
// w v^2 need no u: its scale is a factor of the column. Where that factor's square, or v^2, could leave the range, u it
// is: 8 or 9 operations, guard included.
#include "../joint_log_density.h"
#include "mixture_backward.h"
#include "mixture_pruning.h"

namespace pyvae::cpu {
namespace {

// Columns whose weights lie in L1, 16 KB of float32 for a group of rows.
constexpr int64_t kChunk = 16;
// Columns that share one read of the rows: two sums each, long enough a list of independent ones for the latency of an
// addition.
constexpr int kPassColumns = 4;
#define PYVAE_EACH_PASS_COLUMN _Pragma("GCC unroll 8") for (int c = 0; c < kPassColumns; ++c)
static_assert(kTile % kChunk == 0 && kChunk % kPassColumns == 0 && kChunk % kJointColumns == 0);

// What the sums may be made of. Tame: v. Far: a query of the group is too far for v^2, so that the columns' second
// moment takes u; rows keep their bits. Wild: a column's scale or mean is out of these bounds, and everything takes u.
enum class Range { tame, far, wild };
// In a tame or far tile a weight below 2^kCut is too little to matter beside the row's largest, and is 0: products of
// it would be subnormal numbers, which cost many times others (11.6 and 16.7 G terms/s without and with it at 1024 x
// 10).
constexpr double kCut = -64;

// A group of rows, which lie side by side in memory with latents `pitch` apart. Those of a list are packed copies.
template <typename T>
struct Group {
  const T *query, *peak, *factor;
  int64_t pitch;
  const int32_t* list;
  int64_t listed;
};

// A share's tile, a group of rows, and the memory of the two.
template <typename T>
struct Visit {
  const Backward<T>& call;
  const Part<T>& part;
  Pairs pairs;  // the rows' numbers where there is no list, their count in any case
  Group<T> group;
  // Aligned: a vector across two lines of the cache takes twice as long.
  alignas(64) T weight[kChunk][kRowGroup];
  alignas(64) T lanes[3][kChunk][kRegisterLanes<T>];  // what sums over lanes will be of w v, w v^2 and w
};

// --- Weights ---------------------------------------------------------------------------------------------------------

// grad_joint_i * (softmax weight of column j in the joint of row i), and its sum over the rows; 0 for what is below
// 2^cut beside the row's largest.
template <typename T>
void column_weights(Visit<T>& visit, int64_t j, Vec<T, 2> cut) {
  using V = Vec<T, 2>;
  const T *peak = visit.group.peak, *factor = visit.group.factor;
  T* weight = visit.weight[j];
  V sum = T(0);
  for (int64_t i = 0; i < visit.pairs.rows; i += V::kLanes) {
    const V x = load<T, 2>(weight + i) - load<T, 2>(peak + i);
    const V w = load<T, 2>(factor + i) * select(cut > x, V{}, exp2_weight(x));
    store(weight + i, w);
    sum = sum + w;
  }
  Vec<T, 1> lanes = T(0);
  accumulate(lanes, sum);
  store(visit.lanes[2][j], lanes);
}

// Calls shift(k, j, by) for the special pairs of the group's k-th row with the tile's j-th column.
template <typename T, typename Shift>
void special_pairs(const Visit<T>& visit, Shift shift) {
  const Pairs& pairs = visit.pairs;
  const Backward<T>& call = visit.call;
  if (visit.group.list) {
    visit_special(call.args.mixture, visit.part.special, visit.part.b, 0, visit.group.list, visit.group.listed,
                  pairs.column, shift);
  } else {
    visit.part.special.visit(
        pairs, [&](int64_t row, int64_t column, T by) { shift(row - pairs.row, column - pairs.column, by); });
  }
}

// Those of columns [first, first + count) of the tile; of the columns that fill up the last pass they are 0.
template <typename T>
void chunk_weights(Visit<T>& visit, int64_t first, int64_t count, T cut) {
  const Group<T>& group = visit.group;
  group_exponents(visit.call, visit.part.b, visit.pairs, group.query, group.pitch, first, count, visit.weight);
  special_pairs(visit, [&](int64_t k, int64_t j, T by) {
    if (j >= first && j < first + count) visit.weight[j - first][k] += by;
  });
  for (int64_t j = 0; j < count; ++j) column_weights<T>(visit, j, cut);
  for (int64_t j = count; j < kChunk; ++j) fill_zero(visit.weight[j], visit.weight[j] + visit.pairs.rows);
}

// --- Gradients -------------------------------------------------------------------------------------------------------

// Columns from j on, the chunk's k-th and those after it, in one latent past the rows of a group.
template <Range kRange, typename T>
void column_moments(Visit<T>& visit, int64_t d, int64_t j, int64_t k) {
  using V = Vec<T, 1>;
  const Tile<T> tile = tile_of(visit.call.args.mixture, visit.part.b, visit.pairs.column, d);
  const T* query = visit.group.query + d * visit.group.pitch;
  T* row_sum = visit.part.group_sum(d);
  V mean[kPassColumns], scale[kPassColumns], slope[kPassColumns], first[kPassColumns], second[kPassColumns];
  PYVAE_EACH_PASS_COLUMN {
    mean[c] = tile.mean[j + c], scale[c] = tile.scale[j + c];
    slope[c] = kRange == Range::wild ? scale[c] : scale[c] * scale[c];
    first[c] = second[c] = T(0);
  }
  const V zero = T(0);
  for (int64_t i = 0; i < visit.pairs.rows; i += V::kLanes) {
    const V z = load<T, 1>(query + i);
    V rows = load<T, 1>(row_sum + i);
    PYVAE_EACH_PASS_COLUMN {
      const V w = load<T, 1>(visit.weight[k + c] + i);
      V v = z - mean[c], u = v;
      // Where a weight is 0 its u may be infinite; 0 * inf must not reach a sum.
      if constexpr (kRange != Range::tame) u = select(w == zero, zero, v * scale[c]);
      if constexpr (kRange == Range::wild) v = u;
      const V product = w * v;
      first[c] = first[c] + product;
      second[c] = second[c] + (kRange == Range::far ? w * u : product) * u;
      rows = rows + product * slope[c];
    }
    store(row_sum + i, rows);
  }
  PYVAE_EACH_PASS_COLUMN {
    store(visit.lanes[0][k + c], first[c]);
    store(visit.lanes[1][k + c], second[c]);
  }
}

// Adds to a chunk's sums what their lanes hold, times each column's factor.
template <typename T, typename Factor>
void add_lanes(const T (*lanes)[kRegisterLanes<T>], T* sums, int64_t count, Factor factor) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  static_assert(kChunk % kLanes == 0);
  for (int64_t j = 0; j < count; j += kLanes) {
    T sum[kLanes];
    store(sum, sums_of_lanes(lanes + j));
    for (int64_t k = 0; k < kLanes; ++k) sums[j + k] += sum[k] * factor(j + k);
  }
}

template <Range kRange, typename T>
void latent_pass(Visit<T>& visit, int64_t d, int64_t first, int64_t count) {
  for (int64_t k = 0; k < count; k += kPassColumns) column_moments<kRange>(visit, d, first + k, k);
  const T* scale = tile_of(visit.call.args.mixture, visit.part.b, visit.pairs.column, d).scale + first;
  T* sums = visit.part.column_sums(visit.pairs.column, d) + first;
  add_lanes(visit.lanes[0], sums, count, [&](int64_t j) { return kRange == Range::wild ? T(1) : scale[j]; });
  add_lanes(visit.lanes[1], sums + kTile, count,
            [&](int64_t j) { return kRange == Range::tame ? scale[j] * scale[j] : T(1); });
}

// A row may not change another's bits, so that only columns make a tile wild.
template <typename T>
Range range_of(const Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  bool wild = false, far = false;
  for (int64_t d = 0; d < call.latents; ++d) {
    wild |= !tame_columns(tile_of(call.args.mixture, visit.part.b, visit.pairs.column, d));
    far |= !all_between(visit.group.query + d * visit.group.pitch, visit.pairs.rows, -kFar, kFar);
  }
  return wild ? Range::wild : (far ? Range::far : Range::tame);
}

// --- Shares ----------------------------------------------------------------------------------------------------------

template <Range kRange, typename T>
void meet(Visit<T>& visit) {
  const T cut = kRange == Range::wild ? -T(__builtin_inff()) : T(kCut);
  for (int64_t first = 0; first < visit.pairs.columns; first += kChunk) {
    const int64_t count = smaller(kChunk, visit.pairs.columns - first);
    chunk_weights(visit, first, count, cut);
    add_lanes(visit.lanes[2], visit.part.column_weights(visit.pairs.column, 0) + first, count,
              [](int64_t) { return T(1); });
    for (int64_t d = 0; d < visit.call.latents; ++d) latent_pass<kRange>(visit, d, first, count);
  }
}

// Adds what a group of rows has of a tile to their share's sums.
template <typename T>
void add_group_sums(const Visit<T>& visit, int64_t d) {
  T* share_sum = visit.part.row_sum(d, visit.pairs.row);
  const T* group_sum = visit.part.group_sum(d);
  if (visit.group.list) {
    for (int64_t k = 0; k < visit.group.listed; ++k) share_sum[visit.group.list[k]] += group_sum[k];
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < visit.pairs.rows; ++i) share_sum[i] += group_sum[i];
}

template <typename T>
void meet(Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  fill_zero(visit.part.group_sum(0), visit.part.group_sum(call.latents));
  const Range range = range_of(visit);
  if (range == Range::tame) meet<Range::tame>(visit);
  if (range == Range::far) meet<Range::far>(visit);
  if (range == Range::wild) meet<Range::wild>(visit);
  for (int64_t d = 0; d < call.latents; ++d) add_group_sums(visit, d);
}

// --- Pruned ----------------------------------------------------------------------------------------------------------

// A tile meets the first `count` listed rows, at most kRowGroup, packed and filled up to whole blocks.
template <typename T>
void meet_listed(Visit<T>& visit, int64_t column, int64_t columns, const int32_t* list, int64_t count) {
  const Backward<T>& call = visit.call;
  T* query = visit.part.pack();
  T *peak = query + call.latents * kRowGroup, *factor = peak + kRowGroup;
  const int64_t rows = mixture_row_blocks(count) * kRowBlock;
  const auto pack = [&](T* to, const T* from, T padding) {
    for (int64_t k = 0; k < count; ++k) to[k] = from[list[k]];
    for (int64_t k = count; k < rows; ++k) to[k] = padding;
  };
  for (int64_t d = 0; d < call.latents; ++d) pack(query + d * kRowGroup, call.query(visit.part.b, d, 0), T(0));
  pack(peak, call.peak(visit.part.b, call.joint, 0), kNoWeights<T>);
  pack(factor, call.factor(visit.part.b, call.joint, 0), T(0));
  visit.pairs = {0, rows, column, columns};
  visit.group = {query, peak, factor, kRowGroup, list, count};
  meet(visit);
}

// Rows that a tile cannot matter to would have weights below 2^kCut only, which are 0.
template <typename T>
void meet_within_reach(Visit<T>& visit, int64_t column, int64_t columns) {
  const Backward<T>& call = visit.call;
  const T* box = box_memory(call.args.mixture, visit.part.b, column);
  const QueryRows<T> rows{call.query(visit.part.b, 0, 0), call.peak(visit.part.b, call.joint, 0),
                          call.factor(visit.part.b, call.joint, 0), call.at.pitch, call.latents};
  int32_t list[2 * kRowGroup];
  int64_t listed = 0;
  const auto among = visit.part.rows();
  for (int64_t row = among.first; row < among.last; row += kRowGroup) {
    const int64_t end = smaller(row + kRowGroup, call.args.queries);
    listed += rows_within_reach(box, rows, row, end, -T(kCut), list + listed);
    if (listed < kRowGroup) continue;
    meet_listed(visit, column, columns, list, kRowGroup);
    listed -= kRowGroup;
    for (int64_t k = 0; k < listed; ++k) list[k] = list[kRowGroup + k];
  }
  if (listed > 0) meet_listed(visit, column, columns, list, listed);
}

template <typename T>
void backward(const MixtureLogDensityBackward<T>& args, int64_t turn, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  for (int64_t k = begin; k < end; ++k) {
    const Part<T> part(call, turn, k);
    Visit<T> visit{call, part, {}, {}, {}, {}};
    if (part.at_once) {
      run_tiles(part, [&](int64_t first, int64_t count) { meet_within_reach(visit, first, count); });
      continue;
    }
    run_share(part, [&](const Pairs& pairs) {
      visit.pairs = pairs;
      visit.group = {call.query(part.b, 0, pairs.row),
                     call.peak(part.b, call.joint, pairs.row),
                     call.factor(part.b, call.joint, pairs.row),
                     call.at.pitch,
                     nullptr,
                     0};
      meet(visit);
    });
  }
}

}  // namespace

template <>
void joint_log_density_backward<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<float>& args, int64_t turn,
                                                int64_t begin, int64_t end) {
  backward(args, turn, begin, end);
}
template <>
void joint_log_density_backward<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<double>& args, int64_t turn,
                                                int64_t begin, int64_t end) {
  backward(args, turn, begin, end);
}

}  // namespace pyvae::cpu
