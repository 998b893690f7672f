// Products of small matrices, and the three of an affine map y = x W + b: forward, gradient of x, gradient of W.
//
// A tile of y is kTileRows rows by one panel of kPanel columns, in registers; for each k it meets a row of a packed
// panel (kPanel numbers of W, side by side) and one number for each of its rows. On AVX-512 these are 24 FMAs to four
// loads and six broadcasts. Every number of a result is one sum in the order of k from first to last, so that neither
// where a tile or a block begins nor how many threads there are can change its bits.
//
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "../../math/range.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// 24 sums on AVX-512, which has 32 registers; 12 elsewhere, where there are 16 (on NEON 32, too narrow to matter).
constexpr int kTileRows = 6, kTileVectors = kRegisterBytes == 64 ? 4 : 2;

template <typename T>
constexpr int64_t kPanel = kTileVectors * kRegisterLanes<T>;

// Rows of a packed panel that are met at a time: with AVX-512 half of a 64 KB, two thirds of a 48 KB cache.
constexpr int64_t kPanelRows = 128;

// a(row, k) of the matrix that is met number by number.
template <typename T>
struct Left {
  const T* at;
  int64_t row_stride, k_stride;
  PYVAE_INLINE Left rows_from(int64_t row) const { return {at + row * row_stride, row_stride, k_stride}; }
  PYVAE_INLINE Left k_from(int64_t k) const { return {at + k * k_stride, row_stride, k_stride}; }
};

// What is needed soon, asked for while a tile is computed: one line of the cache for every row of the panel.
struct Ahead {
  const void* at;
  int64_t step;  // bytes
};
constexpr Ahead kNothingAhead{nullptr, 0};

// A packed panel, row after row.
template <typename T>
struct Packed {
  const T* at;
  template <int kVectors>
  PYVAE_INLINE void take(Vec<T, 1> (&row)[kVectors]) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) row[j] = load<T, 1>(at + j * kRegisterLanes<T>);
    at += kVectors * kRegisterLanes<T>;
  }
};

// Rows of a matrix that become a packed panel as the first tile meets them: its products hide the copying.
template <typename T>
struct Packing {
  const T* from;
  int64_t stride, columns;
  T* panel;
  template <int kVectors>
  PYVAE_INLINE void take(Vec<T, 1> (&row)[kVectors]) {
    constexpr int64_t kLanes = kRegisterLanes<T>;
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      row[j] = j + 1 < kVectors ? load<T, 1>(from + j * kLanes) : load_part<T>(from + j * kLanes, columns - j * kLanes);
      store(panel + j * kLanes, row[j]);
    }
    from += stride;
    panel += kVectors * kLanes;
  }
};

// done(row, column, count, sum): sum holds `count` columns, at least 1, of a row. begin(row, column, count) is what it
// starts from.
template <int kRows, int kVectors, typename T, typename Panel, typename Begin, typename Done>
PYVAE_VEC void tile(Left<T> a, Panel panel, int64_t rows_of_panel, int64_t columns, Ahead ahead, Begin begin,
                    Done done) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  const char* soon = static_cast<const char*>(ahead.at);
  Vec<T, 1> sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) sums[i][j] = begin(i, j * kLanes, smaller(columns - j * kLanes, kLanes));
  }
  for (int64_t k = 0; k < rows_of_panel; ++k) {
    Vec<T, 1> b[kVectors];
    panel.take(b);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vec<T, 1> factor(a.at[i * a.row_stride]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums[i][j] = sums[i][j] + factor * b[j];
    }
    __builtin_prefetch(soon, 0, 2);  // into the second level; of an address that is none nothing comes
    soon += ahead.step;
    a.at += a.k_stride;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) done(i, j * kLanes, smaller(columns - j * kLanes, kLanes), sums[i][j]);
  }
}

// `rows` rows, at most kTileRows, by the `columns` columns of a panel, at most kPanel.
template <int kRows, int kVectors, typename T, typename Panel, typename Begin, typename Done>
PYVAE_VEC void some_rows(int64_t rows, Left<T> a, Panel panel, int64_t rows_of_panel, int64_t columns, Ahead ahead,
                         Begin begin, Done done) {
  if (rows == kRows) {
    tile<kRows, kVectors>(a, panel, rows_of_panel, columns, ahead, begin, done);
  } else if constexpr (kRows > 1) {
    some_rows<kRows - 1, kVectors>(rows, a, panel, rows_of_panel, columns, ahead, begin, done);
  }
}
template <int kVectors, typename T, typename Panel, typename Begin, typename Done>
PYVAE_VEC void some_columns(int64_t rows, Left<T> a, Panel panel, int64_t rows_of_panel, int64_t columns, Ahead ahead,
                            Begin begin, Done done) {
  if (columns > (kVectors - 1) * kRegisterLanes<T>) {
    some_rows<kTileRows, kVectors>(rows, a, panel, rows_of_panel, columns, ahead, begin, done);
  } else if constexpr (kVectors > 1) {
    some_columns<kVectors - 1>(rows, a, panel, rows_of_panel, columns, ahead, begin, done);
  }
}

// Columns that a row of a packed panel has room for.
template <typename T>
PYVAE_VEC int64_t panel_width(int64_t columns) {
  return ceil_div(columns, kRegisterLanes<T>) * kRegisterLanes<T>;
}

// Numbers as they lie in memory: what pack and transpose read.
template <typename T>
struct AsIs {
  const T* at;
  PYVAE_INLINE AsIs from(int64_t offset) const { return {at + offset}; }
  PYVAE_INLINE Vec<T, 1> load(int64_t offset, int64_t count) const { return load_part<T>(at + offset, count); }
};

// A gradient behind a relu that gave out y: 0 where y is. A NaN of y is none, so that it does not end here.
template <typename T>
struct BehindRelu {
  const T *at, *y;
  PYVAE_INLINE BehindRelu from(int64_t offset) const { return {at + offset, y + offset}; }
  PYVAE_INLINE Vec<T, 1> load(int64_t offset, int64_t count) const {
    const Vec<T, 1> zero(T(0));
    return select(load_part<T>(y + offset, count) == zero, zero, load_part<T>(at + offset, count));
  }
};

// Rows of `from`, `columns` of each, at most kPanel, as a packed panel.
template <typename T, typename From>
PYVAE_VEC void pack(From from, int64_t stride, int64_t rows, int64_t columns, T* panel) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  for (int64_t k = 0; k < rows; ++k) {
    for (int64_t j = 0; j < columns; j += kLanes, panel += kLanes)
      store(panel, from.load(k * stride + j, smaller(columns - j, kLanes)));
  }
}

// Tiles [begin, end) of `tiles` of the rows of a matrix times a panel; begin and done as in `tile`, rows counted from
// the first; ask(tile, rows) is what is ahead of it.
template <typename T, typename Panel, typename Ask, typename Begin, typename Done>
PYVAE_VEC void times_tiles(Range of, int64_t tiles, int64_t rows, Left<T> a, Panel panel, int64_t rows_of_panel,
                           int64_t columns, Ask ask, Begin begin, Done done) {
  for (int64_t t = of.first; t < of.last; ++t) {
    const Range range = part_of(rows, t, tiles);
    some_columns<kTileVectors>(
        range.count(), a.rows_from(range.first), panel, rows_of_panel, columns, ask(t, range),
        [&](int64_t i, int64_t j, int64_t count) PYVAE_INLINE { return begin(range.first + i, j, count); },
        [&](int64_t i, int64_t j, int64_t count, Vec<T, 1> sum) PYVAE_INLINE { done(range.first + i, j, count, sum); });
  }
}

// All rows of a matrix times a packed panel.
template <typename T, typename Ask, typename Begin, typename Done>
PYVAE_VEC void times_panel(int64_t rows, Left<T> a, const T* panel, int64_t rows_of_panel, int64_t columns, Ask ask,
                           Begin begin, Done done) {
  const int64_t tiles = ceil_div(rows, kTileRows);
  times_tiles({0, tiles}, tiles, rows, a, Packed<T>{panel}, rows_of_panel, columns, ask, begin, done);
}

// A block of kLanes by kLanes numbers with rows and columns exchanged: one stage for each bit of their indices.
template <int kApart, typename R, int... kLane>
PYVAE_VEC void exchange(R& low, R& high, Lanes<kLane...>) {
  constexpr int kLanes = sizeof...(kLane);
  const R a = low, b = high;
  low = __builtin_shufflevector(a, b, (kLane & kApart ? kLanes + kLane - kApart : kLane)...);
  high = __builtin_shufflevector(a, b, (kLane & kApart ? kLanes + kLane : kLane + kApart)...);
}
template <int kApart, typename T>
PYVAE_VEC void transpose_from(Register<T>* rows) {
  constexpr int kLanes = kRegisterLanes<T>;
  if constexpr (kApart < kLanes) {
    using All = typename LanesBelow<kLanes>::type;
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (!(i & kApart)) exchange<kApart>(rows[i], rows[i | kApart], All{});
    }
    transpose_from<2 * kApart, T>(rows);
  }
}

// to(c, r) = from(r, c): rows of `from` lie from_stride apart, rows of `to` to_stride. `change(r, c, count, values)`
// makes of values(from rows r…, column c) what is stored in row c of `to`.
template <typename T, typename From, typename Change>
PYVAE_VEC void transpose(From from, int64_t from_stride, int64_t rows, int64_t columns, T* to, int64_t to_stride,
                         Change change) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int64_t height = smaller(rows - r, kLanes);
    for (int64_t c = 0; c < columns; c += kLanes) {
      const int64_t width = smaller(columns - c, kLanes);
      Register<T> block[kLanes];
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes; ++i)
        block[i] = from.load((r + smaller(i, height - 1)) * from_stride + c, width).part[0];
      transpose_from<1, T>(block);
      for (int64_t j = 0; j < width; ++j) {
        Vec<T, 1> values;
        values.part[0] = block[j];
        store_part(to + (c + j) * to_stride + r, change(r, c + j, height, values), height);
      }
    }
  }
}

// The inner sizes of an affine map of one model: x [rows, inputs], y [rows, outputs].
struct AffineSizes {
  int64_t rows, inputs, outputs;
};

// Columns [first, first + kPanel) of y = x W + b, below 0 as 0 with `relu`.
template <typename T>
void affine_forward(AffineSizes of, int64_t first, const T* x, const T* weight, const T* bias, bool relu, T* y) {
  alignas(64) T panel[kPanelRows * kPanel<T>];
  const int64_t columns = smaller(of.outputs - first, kPanel<T>);
  const int64_t blocks = larger<int64_t>(ceil_div(of.inputs, kPanelRows), 1);  // of no inputs y is the bias
  const int64_t tiles = ceil_div(of.rows, kTileRows);
  T* const to = y + first;
  for (int64_t block = 0; block < blocks; ++block) {
    const Range k = part_of(of.inputs, block, blocks);
    const bool opens = block == 0, closes = block + 1 == blocks;
    const T* const here = weight + k.first * of.outputs + first;
    const T* const next = weight + (closes ? first + kPanel<T> : k.last * of.outputs + first);
    const auto times = [&](Range range, auto rows_of_weight) PYVAE_INLINE {
      times_tiles(
          range, tiles, of.rows, Left<T>{x, of.inputs, 1}.k_from(k.first), rows_of_weight, k.count(), columns,
          [&](int64_t t, Range) PYVAE_INLINE {
            return t < kTileVectors ? Ahead{next + t * kRegisterLanes<T>, of.outputs * int64_t{sizeof(T)}}
                                    : kNothingAhead;
          },
          [&](int64_t i, int64_t j, int64_t count)
              PYVAE_INLINE { return load_part<T>(opens ? bias + first + j : to + i * of.outputs + j, count); },
          [&](int64_t i, int64_t j, int64_t count, Vec<T, 1> sum) PYVAE_INLINE {
            store_part(to + i * of.outputs + j, relu && closes ? larger(Vec<T, 1>(T(0)), sum) : sum, count);
          });
    };
    times({0, 1}, Packing<T>{here, of.outputs, columns, panel});
    times({1, tiles}, Packed<T>{panel});
  }
}

// The gradient of W, rows [from, to): take(row, column, count, gradient).
template <typename T, typename Take>
PYVAE_VEC void affine_weight_gradient(AffineSizes of, Range inputs, const T* x, const T* panel, int64_t first,
                                      Take take) {
  const int64_t columns = smaller(of.outputs - first, kPanel<T>);
  times_panel(
      inputs.count(), Left<T>{x, 1, of.inputs}.rows_from(inputs.first), panel, of.rows, columns,
      [](int64_t, Range) PYVAE_INLINE { return kNothingAhead; },
      [](int64_t, int64_t, int64_t) PYVAE_INLINE { return Vec<T, 1>(T(0)); },
      [&](int64_t i, int64_t j, int64_t count, Vec<T, 1> sum)
          PYVAE_INLINE { take(inputs.first + i, first + j, count, sum); });
}

// Rows [first, first + kPanel) of the gradient of y, as the packed panel that affine_input_gradient meets: kPanel *
// outputs numbers.
template <typename T, typename From>
PYVAE_VEC void transpose_gradient(AffineSizes of, int64_t first, From grad, T* panel) {
  const int64_t columns = smaller(of.rows - first, kPanel<T>);
  transpose(grad.from(first * of.outputs), of.outputs, columns, of.outputs, panel, panel_width<T>(columns),
            [](int64_t, int64_t, int64_t, Vec<T, 1> values) PYVAE_INLINE { return values; });
}

// The gradient of x for rows [first, first + kPanel) and `inputs`, at most kTransposedRows of them, as grad W^T,
// computed as (W grad^T)^T, so that W is read as it lies; `panel` is from transpose_gradient. 0 where `mask`
// [rows, inputs], what a relu gave out, is not above 0; mask may be null.
constexpr int64_t kTransposedRows = 48;  // few, so that they stay in the first-level cache beside much of the panel
template <typename T>
void affine_input_gradient(AffineSizes of, int64_t first, Range inputs, const T* panel, const T* weight, const T* mask,
                           T* dx) {
  alignas(64) T block[kTransposedRows * kPanel<T>];
  const int64_t columns = smaller(of.rows - first, kPanel<T>), width = panel_width<T>(columns);
  times_panel(
      inputs.count(), Left<T>{weight, of.outputs, 1}.rows_from(inputs.first), panel, of.outputs, columns,
      [&](int64_t, Range range) PYVAE_INLINE {
        return Ahead{weight + (inputs.first + range.last) * of.outputs, int64_t{kTileRows * sizeof(T)}};
      },
      [](int64_t, int64_t, int64_t) PYVAE_INLINE { return Vec<T, 1>(T(0)); },
      [&](int64_t r, int64_t j, int64_t, Vec<T, 1> sum) PYVAE_INLINE { store(block + r * width + j, sum); });
  T* const to = dx + first * of.inputs + inputs.first;
  const T* const above = mask == nullptr ? nullptr : mask + first * of.inputs + inputs.first;
  transpose(AsIs<T>{block}, width, inputs.count(), columns, to, of.inputs,
            [&](int64_t r, int64_t c, int64_t count, Vec<T, 1> values) PYVAE_INLINE {
              if (above == nullptr) return values;
              const Vec<T, 1> zero(T(0));
              return select(load_part<T>(above + c * of.inputs + r, count) > zero, values, zero);
            });
}

// The gradient of the bias: take(column, count, gradient).
template <typename T, typename From, typename Take>
PYVAE_VEC void affine_bias_gradient(AffineSizes of, From grad, Take take) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  for (int64_t j = 0; j < of.outputs; j += kLanes) {
    const int64_t count = smaller(of.outputs - j, kLanes);
    Vec<T, 1> sum(T(0));
    for (int64_t i = 0; i < of.rows; ++i) sum = sum + grad.load(i * of.outputs + j, count);
    take(j, count, sum);
  }
}

// The gradient of y as all of its packed panels, which affine_weight_gradient meets: that of columns first... begins at
// rows * first.
template <typename T, typename From>
PYVAE_VEC void pack_gradient(AffineSizes of, From grad, T* panels) {
  for (int64_t first = 0; first < of.outputs; first += kPanel<T>)
    pack(grad.from(first), of.outputs, of.rows, smaller(of.outputs - first, kPanel<T>), panels + of.rows * first);
}

}  // namespace
}  // namespace pyvae::cpu
