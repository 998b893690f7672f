// Tiles of columns that cannot matter to a row are skipped, where the columns lie in a k-d order (mixture_order.cpp).
//
// A tile's box holds, latent by latent, the lowest and the highest mean and the smallest scale. With g_d the distance
// of a row's z_d from that interval, no exponent of the tile is above
//
//   bound = largest constant - sum_d (g_d * smallest scale_d)^2
//
// in floating point too, since every operation is monotone, and a special pair's shift only lowers it. Rows are in the
// order of their columns, so that those side by side mostly agree, but every row decides for itself: the rows that a
// tile may matter to are packed and meet it as the rows of a block would. So a row's bits depend on the columns and on
// itself alone.
//
// Per (row, tile): 6 operations per latent, where the tile's 64 columns take 3 each. For inclusion by the CPU kernels
// only.
#pragma once
#include "mixture.h"

namespace pyvae::cpu {
namespace {

// Skipped columns, all together, may weigh 2^-kSkippedBits of a row's total.
constexpr float kSkippedBits = 22;
// Below a row's peak: what a column may weigh if M of them may weigh that.
inline float skip_cut(int64_t columns) { return kSkippedBits + static_cast<float>(64 - __builtin_clzll(columns)); }

template <typename T>
T* box_memory(const MixtureColumns<T>& mixture, int64_t b, int64_t first) {
  const int64_t tile = b * tiles_of(mixture.columns) + first / kTile;
  return mixture.order.boxes + tile * (3 * mixture.latents + 1);
}

// Rows of one batch entry with latents `pitch` apart, and for each a peak and a factor of its weights. Of a factor that
// is not finite every column must hear.
template <typename T>
struct QueryRows {
  const T *query, *peak, *factor;
  int64_t pitch, latents;
};

// No NaN of a row reaches its bound, which is then too high.
template <typename T>
PYVAE_VEC Vec<T, 1> bound_of(const T* box, const QueryRows<T>& rows, int64_t i) {
  using V = Vec<T, 1>;
  const T *low = box, *high = low + rows.latents, *scale = high + rows.latents;
  V sum = T(0);
  for (int64_t d = 0; d < rows.latents; ++d) {
    const V z = load<T, 1>(rows.query + d * rows.pitch + i);
    const V gap = larger(larger(V(low[d]) - z, z - V(high[d])), V(T(0))) * V(scale[d]);
    sum = sum + gap * gap;
  }
  return V(scale[rows.latents]) - sum;
}

// Lists the rows [begin, end) that the columns in a box may matter to: those of which some exponent may be no further
// than `cut` below the row's peak. Returns how many; whole registers are read.
template <typename T>
int64_t rows_within_reach(const T* box, const QueryRows<T>& rows, int64_t begin, int64_t end, T cut, int32_t* list) {
  using V = Vec<T, 1>;
  int64_t count = 0;
  for (int64_t i = begin; i < end; i += V::kLanes) {
    const V bound = bound_of(box, rows, i), factor = load<T, 1>(rows.factor + i);
    const V limit = load<T, 1>(rows.peak + i) - cut + (factor - factor);
    const V within = select(limit > bound, V(T(0)), V(T(1)));
    if (!any(within > V(T(0)))) continue;
    T reached[V::kLanes];
    store(reached, within);
    for (int64_t k = 0; k < smaller(V::kLanes, end - i); ++k) {
      list[count] = static_cast<int32_t>(i + k);
      count += reached[k] != T(0);
    }
  }
  return count;
}

// Calls visit(k, j, shift) for the special pairs of the row at position `row` + list[k] with the j-th column of a tile.
template <typename T, typename Visit>
void visit_special(const MixtureColumns<T>& mixture, const SpecialPairs<T>& special, int64_t b, int64_t row,
                   const int32_t* list, int64_t count, int64_t first, Visit visit) {
  if (!special.any()) return;
  const int32_t* position = mixture.order.position + b * mixture.columns;
  for (int64_t k = 0; k < count; ++k) {
    const int64_t own = row + list[k], column = column_at(mixture, b, own), next = column + 1;
    const int64_t own_at = own - first, next_at = position[next < mixture.columns ? next : 0] - first;
    if (own_at >= 0 && own_at < kTile) visit(k, own_at, special.own_shift(column));
    if (next_at >= 0 && next_at < kTile) visit(k, next_at, special.next_shift);
  }
}

}  // namespace
}  // namespace pyvae::cpu
