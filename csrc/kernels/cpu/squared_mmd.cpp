// Squared maximum mean discrepancy: a tile of rows, laid out with lanes as rows, meets the points of a block, eight
// columns at a time, in short passes over buffers that stay in the first-level cache: squared distances, kernels and
// their derivatives, and from these the sums of both sides.
//
// Per pair and latent: 2 operations for the distance, and 3 for both derivatives, one of which is the difference again:
// it is never taken from |x|^2 - 2 xy + |y|^2, whose terms cancel, nor from x - y summed apart. Per pair and scale: 14
// for a Gaussian, half as many for an inverse multiquadric.
#include "../squared_mmd.h"

#include <sched.h>

#include "../../math/gaussian.h"
#include "vec.h"

namespace pyvae::cpu {
namespace {

// Columns whose distances share one read of the rows, in registers of rows; and columns that share one for the sums.
constexpr int kDistanceColumns = 4;
#if defined(__AVX512F__)
constexpr int kRegisters = 4, kSlopeColumns = 8;
#else
constexpr int kRegisters = 2, kSlopeColumns = 4;
#endif
static_assert(kMmdColumns % kDistanceColumns == 0 && kMmdColumns % kSlopeColumns == 0);
// Unrolled early, or the sums would live in memory.
#define PYVAE_EACH_COLUMN(count) _Pragma("GCC unroll 8") for (int k = 0; k < count; ++k)

// Latents whose squares are one running sum.
constexpr int64_t kLatentGroup = 64;

// Some points of a sample, and the sums of their derivatives or null.
template <typename T>
struct Points {
  const T* at;
  int64_t count;
  double* sums;
};

template <typename T>
struct Room {
  T *rows, *row_sums, *column_sums, *rates, *inverse_scales;

  Room(const SquaredMmd<T>& args, int64_t share)
      : rows(args.room + share * squared_mmd_room(args.latents, args.scale_count)),
        row_sums(rows + args.latents * mmd_rows_at_once(args.latents)),
        column_sums(row_sums + args.latents * mmd_rows_at_once(args.latents)),
        rates(column_sums + ceil_div(kMmdColumns * args.latents, int64_t{16}) * 256),
        inverse_scales(rates + args.scale_count) {}
};

// Rows as vectors take them: latents `pitch` apart.
template <typename T>
struct Rows {
  T *value, *sum;
  int64_t count, pitch, latents;
};

template <typename T>
PYVAE_VEC int64_t whole_registers(int64_t rows) {
  return ceil_div(rows, kRegisterLanes<T>) * kRegisterLanes<T>;
}

// Rows after the last are 0 up to the end of its register.
template <typename T>
Rows<T> rows_of(const Points<T>& points, int64_t latents, int64_t first, const Room<T>& room) {
  const int64_t pitch = mmd_rows_at_once(latents), count = smaller(pitch, points.count - first);
  const T* const from = points.at + first * latents;
  for (int64_t d = 0; d < latents; ++d) {
    T* const to = room.rows + d * pitch;
    for (int64_t i = 0; i < whole_registers<T>(count); ++i) to[i] = i < count ? from[i * latents + d] : T(0);
  }
  if (points.sums != nullptr) fill_zero(room.row_sums, room.row_sums + latents * pitch);
  return {room.rows, room.row_sums, count, pitch, latents};
}

// Columns [first, first + count) of some points. Those after the last are the last again: they are masked.
template <typename T>
struct Columns {
  const T* at[kMmdColumns];
  int64_t count;

  Columns(const Points<T>& points, int64_t latents, int64_t first) : count(smaller(kMmdColumns, points.count - first)) {
    for (int64_t k = 0; k < kMmdColumns; ++k) at[k] = points.at + (first + smaller(k, count - 1)) * latents;
  }
};

// One number for each pair of a column with a row: its squared distance, later the derivative of its kernel.
template <typename T>
struct Pairs {
  alignas(64) T of[kMmdColumns][kMmdRows];
};

// --- Squared distances -----------------------------------------------------------------------------------------------

template <int N, typename T>
PYVAE_VEC void add_squares(const Rows<T>& rows, int64_t i, const T* const* column, Range latents, T (*to)[kMmdRows]) {
  using V = Vec<T, N>;
  V sum[kDistanceColumns];
  PYVAE_EACH_COLUMN(kDistanceColumns) sum[k] = T(0);
  for (int64_t d = latents.first; d < latents.last; ++d) {
    const V x = load<T, N>(rows.value + d * rows.pitch + i);
    PYVAE_EACH_COLUMN(kDistanceColumns) {
      const V apart = x - V(column[k][d]);
      sum[k] = sum[k] + apart * apart;
    }
  }
  PYVAE_EACH_COLUMN(kDistanceColumns) {
    store(to[k] + i, latents.first == 0 ? sum[k] : load<T, N>(to[k] + i) + sum[k]);
  }
}

template <typename T>
void squared_distances(const Rows<T>& rows, int64_t reach, const Columns<T>& columns, Pairs<T>& pairs) {
  for (int64_t j = 0; j < columns.count; j += kDistanceColumns) {
    for (int64_t first = 0; first == 0 || first < rows.latents; first += kLatentGroup) {
      const Range latents{first, smaller(first + kLatentGroup, rows.latents)};
      int64_t i = 0;
      for (; i + Vec<T, kRegisters>::kLanes <= reach; i += Vec<T, kRegisters>::kLanes) {
        add_squares<kRegisters>(rows, i, columns.at + j, latents, pairs.of + j);
      }
      for (; i < reach; i += kRegisterLanes<T>) add_squares<1>(rows, i, columns.at + j, latents, pairs.of + j);
    }
  }
}

// --- Kernels ---------------------------------------------------------------------------------------------------------

template <typename T>
struct Scales {
  const T *rates, *inverses;
  int64_t count;
};

// Puts the derivatives of the kernels, summed over the scales, in the place of N registers of squared distances, and
// adds the kernels themselves to `sum`.
template <RadialKernel kKernel, int N, typename T>
PYVAE_VEC void put_derivatives(const Scales<T>& scales, T* at, Vec<T, 1>& sum) {
  const Vec<T, N> r2 = load<T, N>(at);
  Vec<T, N> value = T(0), derivative = T(0);
  for (int64_t s = 0; s < scales.count; ++s) {
    const KernelAt<Vec<T, N>> k = radial_kernel<kKernel>(r2, scales.rates[s], scales.inverses[s]);
    value = value + k.value;
    derivative = derivative + k.derivative;
  }
  accumulate(sum, value);
  store(at, derivative);
}

// The sum of a column's kernels with the rows in front of `valid`; behind it there are no pairs, and derivatives of 0.
template <RadialKernel kKernel, typename T>
T kernels(const Scales<T>& scales, int64_t valid, int64_t reach, T* column) {
  for (int64_t i = valid; i < reach; ++i) column[i] = static_cast<T>(__builtin_inff());
  Vec<T, 1> sum = T(0);
  int64_t i = 0;
  for (; i + Vec<T, kRegisters>::kLanes <= reach; i += Vec<T, kRegisters>::kLanes) {
    put_derivatives<kKernel, kRegisters>(scales, column + i, sum);
  }
  for (; i < reach; i += kRegisterLanes<T>) put_derivatives<kKernel, 1>(scales, column + i, sum);
  return sum_of_lanes(sum);
}

// --- Derivatives -----------------------------------------------------------------------------------------------------

// Adds sum_j w_ij (x_i - y_j) of some columns to the rows' sums, and leaves sum_i of the same for each column and
// latent as a register, `latents` of them to a column.
template <bool kOfRows, bool kOfColumns, typename T>
void add_slopes(const Rows<T>& rows, int64_t reach, const T* const* column, const T (*w)[kMmdRows], T* column_sums) {
  using V = Vec<T, 1>;
  for (int64_t d = 0; d < rows.latents; ++d) {
    const T* const value = rows.value + d * rows.pitch;
    T* const row_sum = rows.sum + d * rows.pitch;
    V y[kSlopeColumns], sum[kSlopeColumns];
    PYVAE_EACH_COLUMN(kSlopeColumns) y[k] = column[k][d], sum[k] = T(0);
    for (int64_t i = 0; i < reach; i += V::kLanes) {
      const V x = load<T, 1>(value + i);
      V of_row = T(0);
      PYVAE_EACH_COLUMN(kSlopeColumns) {
        const V apart = x - y[k], weight = load<T, 1>(w[k] + i);
        if constexpr (kOfRows) of_row = of_row + weight * apart;
        if constexpr (kOfColumns) sum[k] = sum[k] + weight * apart;
      }
      if constexpr (kOfRows) store(row_sum + i, load<T, 1>(row_sum + i) + of_row);
    }
    if constexpr (kOfColumns) {
      PYVAE_EACH_COLUMN(kSlopeColumns) store(column_sums + (k * rows.latents + d) * V::kLanes, sum[k]);
    }
  }
}

// Adds `factor` times the sums over lanes to the derivatives of some columns, `count` numbers that lie side by side.
template <typename T>
void add_column_sums(const T* column_sums, int64_t count, double factor, double* to) {
  constexpr int64_t kLanes = kRegisterLanes<T>;
  for (int64_t first = 0; first < count; first += kLanes) {
    T lane[kLanes];
    store(lane, sums_of_lanes<T>(reinterpret_cast<const T(*)[kLanes]>(column_sums + first * kLanes)));
    for (int64_t k = first; k < smaller(first + kLanes, count); ++k) {
      to[k] += factor * static_cast<double>(lane[k - first]);
    }
  }
}

template <typename T>
void add_row_sums(const Rows<T>& rows, double factor, double* to) {
  for (int64_t i = 0; i < rows.count; ++i) {
    for (int64_t d = 0; d < rows.latents; ++d) {
      to[i * rows.latents + d] += factor * static_cast<double>(rows.sum[d * rows.pitch + i]);
    }
  }
}

template <typename T>
void add_slopes(const Rows<T>& rows, int64_t reach, const Columns<T>& columns, const Pairs<T>& pairs, bool of_rows,
                bool of_columns, T* column_sums) {
  for (int64_t j = 0; j < columns.count; j += kSlopeColumns) {
    const T* const* column = columns.at + j;
    T* const sums = column_sums + j * rows.latents * kRegisterLanes<T>;
    if (of_rows && of_columns) add_slopes<true, true>(rows, reach, column, pairs.of + j, sums);
    if (of_rows && !of_columns) add_slopes<true, false>(rows, reach, column, pairs.of + j, sums);
    if (!of_rows && of_columns) add_slopes<false, true>(rows, reach, column, pairs.of + j, sums);
  }
}

// --- Meetings --------------------------------------------------------------------------------------------------------

// The sum of all kernels between two blocks; adds to the derivatives `slope` times what is theirs. A block that meets
// itself has the pairs i < j.
template <RadialKernel kKernel, typename T>
double meet(const Points<T>& a, const Points<T>& b, bool same, int64_t latents, double slope, const Scales<T>& scales,
            const Room<T>& room) {
  Pairs<T> pairs;
  double total = 0;
  for (int64_t first = 0; first < a.count; first += mmd_rows_at_once(latents)) {
    const Rows<T> rows = rows_of(a, latents, first, room);
    for (int64_t j = same ? first : 0; j < b.count; j += kMmdColumns) {
      const Columns<T> columns(b, latents, j);
      const auto pairs_of = [&](int64_t column) {
        return same ? smaller(larger<int64_t>(column - first, 0), rows.count) : rows.count;
      };
      const int64_t reach = whole_registers<T>(pairs_of(j + columns.count - 1));
      squared_distances(rows, reach, columns, pairs);
      for (int64_t k = 0; k < ceil_div(columns.count, kSlopeColumns) * kSlopeColumns; ++k) {
        const int64_t valid = k < columns.count ? pairs_of(j + k) : 0;
        total += static_cast<double>(kernels<kKernel>(scales, valid, reach, pairs.of[k]));
      }
      add_slopes(rows, reach, columns, pairs, a.sums != nullptr, b.sums != nullptr, room.column_sums);
      if (b.sums != nullptr) {
        add_column_sums(room.column_sums, columns.count * latents, -slope, b.sums + j * latents);
      }
    }
    if (a.sums != nullptr) add_row_sums(rows, slope, a.sums + first * latents);
  }
  return total;
}

// Block k of batch entry b.
template <typename T>
Points<T> points_of(const SquaredMmd<T>& args, int64_t b, int64_t k) {
  const MmdBlocks blocks = args.blocks();
  const bool of_x = k < blocks.of_x;
  const int64_t count = of_x ? args.x_count : args.y_count;
  const Range part = of_x ? part_of(count, k, blocks.of_x) : part_of(count, k - blocks.of_x, blocks.of_y);
  const int64_t offset = (b * count + part.first) * args.latents;
  double* const sums = of_x ? args.x_sums : args.y_sums;
  return {(of_x ? args.x : args.y) + offset, part.count(), sums == nullptr ? nullptr : sums + offset};
}

template <typename T>
double weight_of(const SquaredMmd<T>& args, const MmdMeeting& meeting) {
  const int64_t of_x = args.blocks().of_x;
  if (meeting.rows < of_x && meeting.columns >= of_x) return mmd_weight_between(args.x_count, args.y_count);
  return mmd_weight_within(meeting.rows < of_x ? args.x_count : args.y_count);
}

template <RadialKernel kKernel, typename T>
void hold(const SquaredMmd<T>& args, int64_t b, const MmdMeeting& meeting, bool first, const Room<T>& room) {
  const Points<T> rows = points_of(args, b, meeting.rows), columns = points_of(args, b, meeting.columns);
  double* const total = args.totals + b * args.blocks().count() + meeting.rows;
  if (first) {
    *total = 0;
    if (rows.sums != nullptr) fill_zero(rows.sums, rows.sums + rows.count * args.latents);
  }
  const double weight = weight_of(args, meeting) / static_cast<double>(args.scale_count);
  const Scales<T> scales{room.rates, room.inverse_scales, args.scale_count};
  *total += weight * meet<kKernel>(rows, columns, first, args.latents, kSquaredDistanceSlope * weight, scales, room);
}

// Until a block has had so many turns. They are being held, by threads that wait for none of this thread's.
void wait_for(const int64_t* turns, int64_t count) {
  constexpr int kPatience = 1 << 12;
  for (int k = 0; __atomic_load_n(turns, __ATOMIC_ACQUIRE) < count; ++k) {
    if (k >= kPatience) sched_yield();  // to the thread that is waited for, if there are more threads than processors
  }
}

// Meetings are taken in the order of their turns, one batch entry after the other in each.
template <RadialKernel kKernel, typename T>
void take(const SquaredMmd<T>& args, int64_t number, const Room<T>& room) {
  const MmdBlocks blocks = args.blocks();
  const int64_t of_first = args.batch * blocks.count(), later = number - of_first, pairs = blocks.players() / 2;
  const int64_t turn = later < 0 ? 0 : 1 + later / (args.batch * pairs);
  const int64_t k = later < 0 ? number : later % (args.batch * pairs), each = later < 0 ? blocks.count() : pairs;
  const MmdMeeting meeting = mmd_meeting(blocks, turn, k % each);
  int64_t* const turns = args.progress + 1 + k / each * blocks.count();
  const bool has_partner = meeting.columns < blocks.count();
  wait_for(turns + meeting.rows, turn);
  if (has_partner) {
    wait_for(turns + meeting.columns, turn);
    hold<kKernel>(args, k / each, meeting, turn == 0, room);
    __atomic_store_n(turns + meeting.columns, turn + 1, __ATOMIC_RELEASE);
  }
  __atomic_store_n(turns + meeting.rows, turn + 1, __ATOMIC_RELEASE);
}

template <RadialKernel kKernel, typename T>
void share(const SquaredMmd<T>& args, int64_t number) {
  const Room<T> room(args, number);
  for (int64_t s = 0; s < args.scale_count; ++s) {
    room.rates[s] = kernel_rate<kKernel, T>(args.scales[s]);
    room.inverse_scales[s] = inverse_scale<T>(args.scales[s]);
  }
  const int64_t meetings = args.batch * args.blocks().meetings();
  for (int64_t k; (k = __atomic_fetch_add(args.progress, int64_t{1}, __ATOMIC_RELAXED)) < meetings;) {
    take<kKernel>(args, k, room);
  }
}

template <typename T>
void shares(const SquaredMmd<T>& args, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    args.kernel == RadialKernel::rbf ? share<RadialKernel::rbf>(args, k) : share<RadialKernel::imq>(args, k);
  }
}

// --- Results ---------------------------------------------------------------------------------------------------------

template <typename T>
void results(const SquaredMmd<T>& args, const SquaredMmdResults<T>& to, int64_t begin, int64_t end) {
  const MmdBlocks blocks = args.blocks();
  for (int64_t k = begin; k < end; ++k) {
    const int64_t b = k / blocks.count(), block = k % blocks.count();
    if (block == 0 && to.value != nullptr) {
      double value = 0;
      for (int64_t other = 0; other < blocks.count(); ++other) value += args.totals[b * blocks.count() + other];
      to.value[b] = static_cast<T>(value);
    }
    const Points<T> points = points_of(args, b, block);
    if (points.sums == nullptr) continue;
    const bool of_x = block < blocks.of_x;
    T* const grad = of_x ? to.x_grad + (points.sums - args.x_sums) : to.y_grad + (points.sums - args.y_sums);
    const T cotangent = to.cotangent == nullptr ? T(1) : to.cotangent[b];
    for (int64_t i = 0; i < points.count * args.latents; ++i) {
      grad[i] = cotangent * derivative_for(cotangent, static_cast<T>(points.sums[i]));
    }
  }
}

}  // namespace

template <>
void squared_mmd<Isa::PYVAE_ISA>(const SquaredMmd<float>& args, int64_t begin, int64_t end) {
  shares(args, begin, end);
}
template <>
void squared_mmd<Isa::PYVAE_ISA>(const SquaredMmd<double>& args, int64_t begin, int64_t end) {
  shares(args, begin, end);
}
template <>
void squared_mmd_results<Isa::PYVAE_ISA>(const SquaredMmd<float>& args, const SquaredMmdResults<float>& to,
                                         int64_t begin, int64_t end) {
  results(args, to, begin, end);
}
template <>
void squared_mmd_results<Isa::PYVAE_ISA>(const SquaredMmd<double>& args, const SquaredMmdResults<double>& to,
                                         int64_t begin, int64_t end) {
  results(args, to, begin, end);
}

}  // namespace pyvae::cpu
