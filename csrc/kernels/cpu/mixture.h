// What the kernels over a mixture's columns share: tiles of columns, the joint's exponents, running sums, and the pairs
// whose weight is not the shared one. For inclusion by the CPU kernels only.
//
// Lanes are rows: a vector holds a few rows of one latent, a column's parameters are scalars that meet it. So a column
// is never cut by a vector, sums over columns are vertical, and only sums over rows need a horizontal step.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/logsumexp.h"
#include "../mixture.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// A tile's columns in one latent: kTile means, scales and constants, side by side.
template <typename T>
struct Tile {
  const T *mean, *scale, *constant;
};

template <typename T>
T* tile_memory(const MixtureColumns<T>& mixture, int64_t b, int64_t first, int64_t d) {
  const int64_t tile = b * tiles_of(mixture.columns) + first / kTile;
  return mixture.tiles + (tile * mixture.latents + d) * 3 * kTile;
}

// That of columns [first, first + kTile) in latent d.
template <typename T>
Tile<T> tile_of(const MixtureColumns<T>& mixture, int64_t b, int64_t first, int64_t d) {
  const T* at = tile_memory(mixture, b, first, d);
  return {at, at + kTile, at + 2 * kTile};
}

template <typename T>
T* constants_of(const MixtureColumns<T>& mixture, int64_t b, int64_t first) {
  const int64_t tile = b * tiles_of(mixture.columns) + first / kTile;
  return mixture.constants + tile * latent_groups(mixture.latents) * kTile;
}

// The column at a position among the tiles.
template <typename T>
int64_t column_at(const MixtureColumns<T>& mixture, int64_t b, int64_t position) {
  return mixture.order.of(b) ? mixture.order.column[b * mixture.columns + position] : position;
}

// The row of z at a position: where every row has its column, they are in the columns' order.
template <typename T>
int64_t row_at(const MixtureColumns<T>& mixture, int64_t queries, int64_t b, int64_t position) {
  return b * queries + (queries == mixture.columns ? column_at(mixture, b, position) : position);
}

// Rows and columns of one batch entry.
struct Pairs {
  int64_t row, rows, column, columns;
};

// The pairs whose weight is not the shared one: every row has them in its diagonal column and in the next.
template <typename T>
struct SpecialPairs {
  int64_t columns;
  T diagonal_shift, next_shift;  // what they add to their base-2 exponents
  const T* own;                  // Importance::own of the batch entry

  SpecialPairs(const PairWeights& weights, const MixtureColumns<T>& mixture, int64_t b)
      : columns(mixture.columns),
        diagonal_shift(static_cast<T>(weights.log_diagonal_ratio * kLog2E)),
        next_shift(static_cast<T>(weights.log_next_ratio * kLog2E)),
        own(mixture.importance.own ? mixture.importance.own + b * columns : nullptr) {}

  bool any() const { return own != nullptr || diagonal_shift != T(0); }
  // Of the pair of column j and the row that is its own.
  T own_shift(int64_t j) const { return own ? own[j] * static_cast<T>(kLog2E) : diagonal_shift; }

  // Calls visit(row, column, shift) for those among `pairs`, and returns whether there were any.
  template <typename Visit>
  bool visit(const Pairs& pairs, Visit visit) const {
    if (!any()) return false;
    bool found = false;
    const int64_t end = pairs.row + pairs.rows;
    const auto one = [&](int64_t row, int64_t column, T shift) {
      if (column < pairs.column || column >= pairs.column + pairs.columns) return;
      visit(row, column, shift);
      found = true;
    };
    // Rows whose diagonal or next column can lie here, and the last row, whose next column is 0.
    const int64_t first = pairs.row > pairs.column - 1 ? pairs.row : pairs.column - 1;
    for (int64_t row = first; row < smaller(end, pairs.column + pairs.columns); ++row) {
      if (row < columns) one(row, row, own_shift(row));
      if (row + 1 < columns) one(row, row + 1, next_shift);
    }
    if (columns > 1 && pairs.row < columns && columns <= end) one(columns - 1, 0, next_shift);
    return found;
  }
};

// Bounds on a scale and on means and queries within which (z - mu)^2 and its products stay far from the ends of
// float32.
constexpr double kNarrow = 0x1p20, kWide = 0x1p-20, kFar = 0x1p60;

// Whether all of `count` values are between low and high; NaN is not.
template <typename T>
bool all_between(const T* value, int64_t count, double low, double high) {
  int outside = 0;
#pragma omp simd reduction(| : outside)
  for (int64_t k = 0; k < count; ++k) outside |= !(value[k] > T(low) && value[k] < T(high));
  return outside == 0;
}

template <typename T>
bool tame_columns(const Tile<T>& tile) {
  return all_between(tile.mean, kTile, -kFar, kFar) && all_between(tile.scale, kTile, kWide, kNarrow);
}

// --- The joint's exponents -------------------------------------------------------------------------------------------

// Registers of rows, and columns that share one read of them: as many sums as fit the registers beside their operands.
#if defined(__AVX512F__)
constexpr int kJointRegisters = 4, kJointColumns = 4;
#else
constexpr int kJointRegisters = 2, kJointColumns = 4;
#endif
static_assert(kTile % kJointColumns == 0);
// Unrolled early, or the sums would live in memory.
#define PYVAE_EACH_JOINT_COLUMN _Pragma("GCC unroll 8") for (int k = 0; k < kJointColumns; ++k)

// Where some columns meet some rows: latents are `pitch` apart in `query`; `tile` starts at the first of the columns.
template <typename T>
struct Meeting {
  const T* query;
  int64_t pitch, latents;
  const T *tile, *constants;
};

// sum_d u^2 of latents [first, last). Three operations each: u = z * scale - b would be one less, but its error grows
// with |mu| / sigma.
template <int N, typename T>
PYVAE_VEC void sum_of_squares(const Meeting<T>& at, int64_t first, int64_t last, Vec<T, N> (&sum)[kJointColumns]) {
  PYVAE_EACH_JOINT_COLUMN sum[k] = T(0);
  for (int64_t d = first; d < last; ++d) {
    const Vec<T, N> z = load<T, N>(at.query + d * at.pitch);
    const T *mean = at.tile + d * 3 * kTile, *scale = mean + kTile;
    PYVAE_EACH_JOINT_COLUMN {
      const Vec<T, N> u = (z - mean[k]) * scale[k];
      sum[k] = sum[k] + u * u;
    }
  }
}

// The base-2 exponents of kJointColumns columns, group by group the constants, summed once, less sum_d u^2: both grow
// with the number of latents and nearly cancel, so that their difference, not they, is what is added up.
template <int N, typename T>
PYVAE_VEC void joint_exponents(const Meeting<T>& at, Vec<T, N> (&x)[kJointColumns]) {
  const T* constants = at.constants;
  sum_of_squares(at, 0, smaller(kLatentGroup, at.latents), x);
  PYVAE_EACH_JOINT_COLUMN x[k] = Vec<T, N>(constants[k]) - x[k];
  for (int64_t first = kLatentGroup; first < at.latents; first += kLatentGroup) {
    constants += kTile;
    Vec<T, N> squares[kJointColumns];
    sum_of_squares(at, first, smaller(first + kLatentGroup, at.latents), squares);
    PYVAE_EACH_JOINT_COLUMN x[k] = x[k] + (Vec<T, N>(constants[k]) - squares[k]);
  }
}

// The exponents of some rows, N registers at a time, with `count` columns of a tile, without the special shifts.
// Columns come kJointColumns at a time: a few after the last are written too.
template <int N, int64_t kWidth, typename T>
void tile_exponents(const Meeting<T>& at, int64_t rows, int64_t count, T (*x)[kWidth]) {
  for (int64_t i = 0; i < rows; i += Vec<T, N>::kLanes) {
    for (int64_t j = 0; j < count; j += kJointColumns) {
      Vec<T, N> exponents[kJointColumns];
      joint_exponents(Meeting<T>{at.query + i, at.pitch, at.latents, at.tile + j, at.constants + j}, exponents);
      PYVAE_EACH_JOINT_COLUMN store(x[j + k] + i, exponents[k]);
    }
  }
}

// --- Running sums ----------------------------------------------------------------------------------------------------

// One channel of some rows: exponents seen so far sum to total * 2^peak; `error` is what the total's roundings added.
template <typename V>
struct Running {
  V peak, total, error;
};

template <typename V>
PYVAE_VEC Running<V> no_terms() {
  return {V{} - __builtin_inff(), V{}, V{}};
}

template <typename T, int N>
Vec<T, N> largest(const T (*x)[Vec<T, N>::kLanes], int64_t count) {
  Vec<T, N> top = Vec<T, N>{} - __builtin_inff();
  for (int64_t j = 0; j < count; ++j) top = larger(load<T, N>(x[j]), top);
  return top;
}

// Adds a term to a compensated sum (Kahan), which `factor` moves to the term's peak.
template <typename V>
PYVAE_VEC void add_term(V& total, V& error, V factor, V sum) {
  const V before = total * factor, term = sum - error * factor;
  total = before + term;
  error = (total - before) - term;
}

// Adds a tile of exponents, the largest of which is `top`, and leaves their weights in their place if they are to be
// kept. Returns the factor by which the sums so far have moved.
template <bool kKeep, typename T, int N>
PYVAE_VEC Vec<T, N> accumulate(Running<Vec<T, N>>& state, int64_t count, T (*x)[Vec<T, N>::kLanes], Vec<T, N> top) {
  using V = Vec<T, N>;
  const V new_peak = larger(top, state.peak), factor = rescale(state.peak, new_peak), peak = finite_peak(new_peak);
  V sum = V{};
  for (int64_t j = 0; j < count; ++j) {
    const V weight = exp2_weight(load<T, N>(x[j]) - peak);
    if constexpr (kKeep) store(x[j], weight);
    sum = sum + weight;
  }
  add_term(state.total, state.error, factor, sum);
  state.peak = new_peak;
  return factor;
}

// --- Scores ----------------------------------------------------------------------------------------------------------
//
// The derivative of a row's log-density in z_d is a running sum as its total is, of w scale u in place of w, in the end
// divided by the total. One that is wanted alone comes with the forward: no exponent is computed a second time.

// An infinite query has no weights, but would make 0 * inf of them; the largest number has none either. F is T or a
// vector of it.
template <typename T, typename F>
PYVAE_VEC F finite_query(F z) {
  constexpr T kMost = sizeof(T) == 4 ? T(__FLT_MAX__) : T(__DBL_MAX__);
  const F most = kMost, least = -kMost;
  return select(z > most, most, select(least > z, least, z));
}

// sum_j w_j scale_j u_j of some columns of a tile in one latent. Tame columns need no u, whose scale is a factor.
template <bool kTame, int N, typename T>
Vec<T, N> sum_of_slopes(const Tile<T>& tile, int64_t count, const T (*weight)[Vec<T, N>::kLanes], Vec<T, N> z) {
  using V = Vec<T, N>;
  V sum = T(0);
  for (int64_t j = 0; j < count; ++j) {
    const V w = load<T, N>(weight[j]), v = z - V(tile.mean[j]), scale = tile.scale[j];
    if constexpr (kTame) {
      sum = sum + w * v * (scale * scale);
    } else {
      sum = sum + w * select(w == V(T(0)), V(T(0)), v * scale) * scale;
    }
  }
  return sum;
}

// Adds a tile's part to the score in one latent, a sum and its error at `score`; `weight` are the tile's weights.
template <int N, typename T>
void add_slopes(const Tile<T>& tile, int64_t count, const T (*weight)[Vec<T, N>::kLanes], const T* query,
                Vec<T, N> factor, T* score) {
  using V = Vec<T, N>;
  const V z = finite_query<T>(load<T, N>(query));
  V sum = load<T, N>(score), error = load<T, N>(score + V::kLanes);
  add_term(
      sum, error, factor,
      tame_columns(tile) ? sum_of_slopes<true>(tile, count, weight, z) : sum_of_slopes<false>(tile, count, weight, z));
  store(score, sum);
  store(score + V::kLanes, error);
}

// A row without weights has the score 0.
template <typename T>
T score_of(T sum, T total) {
  return total == T(0) ? T(0) : -log_density_grad_mu_factor(sum / total);
}

}  // namespace
}  // namespace pyvae::cpu
