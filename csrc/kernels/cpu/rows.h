// What the kernels need that sum over the latents of a row: elements are made in a flat loop over a tile in L1,
// whatever the number of latents, and rows are summed from there. A loop over the latents of a row would waste most of
// every vector at the ten latents that are common (measured: 20 times slower on AVX-512).
//
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "blocks.h"

namespace pyvae::cpu {
namespace {

// Elements of a tile: a few of them and the noise fit a 32 KB L1 cache.
constexpr int64_t kTile = 512;

// Elements of a tile in L1, and what a last register reads or writes beyond.
template <typename T>
struct Tile {
  alignas(64) T value[kTile + kRegisterLanes<T>];
};

// The sum of values[0, count), count <= 128. Reads up to the end of the last register.
template <typename T>
PYVAE_VEC T sum_of_group(const T* values, int64_t count) {
  static constexpr T kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Vec<T, 1> sum(T(0));
  int64_t k = 0;
  for (; k + kRegisterLanes<T> <= count; k += kRegisterLanes<T>) accumulate(sum, load<T, 1>(values + k));
  const Mask<T, 1> inside = Vec<T, 1>(static_cast<T>(count - k)) > load<T, 1>(kIota);
  return sum_of_lanes(sum + select(inside, load<T, 1>(values + k), Vec<T, 1>(T(0))));
}

// The sum of a row's values in groups, these in double: one running float32 sum over thousands of them would lose
// digits.
template <typename T>
PYVAE_VEC double sum_of_row(const T* values, int64_t count) {
  constexpr int64_t kGroup = 128;
  double sum = 0;
  for (int64_t first = 0; first < count; first += kGroup) {
    sum += sum_of_group(values + first, count - first < kGroup ? count - first : kGroup);
  }
  return sum;
}

// Many rows come as a multiple of 32, so that their elements fill whole blocks (blocks.h).
PYVAE_VEC int64_t rows_of_tile(int64_t latents) {
  const int64_t rows = latents == 0 ? 1 : kTile / latents;
  return rows >= 32 ? rows / 32 * 32 : larger<int64_t>(rows, 1);
}

// sums[row] for rows [begin, end) of [rows, latents] elements. make(first, count, values) makes elements
// [first, first + count). A row's sum depends on nothing but the row.
template <typename T, typename Sum, typename Make>
PYVAE_VEC void sum_rows(int64_t latents, int64_t begin, int64_t end, Sum* sums, Make make) {
  Tile<T> tile;
  const int64_t rows_at_once = rows_of_tile(latents);
  for (int64_t row = begin; row < end; row += rows_at_once) {
    const int64_t rows = smaller(end - row, rows_at_once);
    double of_long_row = 0;  // one that is longer than a tile, and then the only one
    for (int64_t first = 0; first < latents; first += kTile) {
      const int64_t width = smaller(latents - first, kTile);
      make(row * latents + first, rows * width, tile.value);
      for (int64_t r = 1; r < rows; ++r) sums[row + r] = static_cast<Sum>(sum_of_row(tile.value + r * width, width));
      of_long_row += sum_of_row(tile.value, width);
    }
    sums[row] = static_cast<Sum>(of_long_row);
  }
}

// The opposite: out[k] for elements [first, first + count), each its row's value. Writes up to the end of the last
// register.
template <typename T>
PYVAE_VEC void spread_rows(const T* of_row, int64_t latents, int64_t first, int64_t count, T* out) {
  int64_t row = first / latents, end = latents - first % latents;
  for (int64_t k = 0; k < count; ++row, end += latents) {
    const int64_t stop = smaller(end, count);
    for (; k < stop; k += kRegisterLanes<T>) store(out + k, Vec<T, 1>(of_row[row]));
    k = stop;
  }
}

}  // namespace
}  // namespace pyvae::cpu
