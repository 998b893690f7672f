// Minibatch log-density, backward: one visit per pair serves grad_z, grad_mu and grad_logvar. Exponents are computed
// again and weighed by 2^(exponent - peak) / total; nothing of size Q M is stored.
//
// A share of the columns takes a tile, and for a group of rows first leaves the tile's joint weights in L2, so that the
// joint's exponents are not summed again for every latent. Then the rows of one latent stream past one column at a
// time. Sums over rows end with each group, so that a float32 sum stays exact to its last digits; sums over columns end
// with each tile, in the share's own memory, which mixture_backward_rows adds up.
//
// Per (row, column, latent): 3 operations for the joint's exponent; then 3 for the exponent, 13 for the weight, 2 for
// the guard, 6 for the sums.
#include "../minibatch_log_density.h"
#include "mixture_backward.h"

namespace pyvae::cpu {
namespace {

// Registers of rows that go through the operations side by side.
constexpr int kRegisters = 2;

template <typename T>
using Rows = Vec<T, kRegisters>;

template <typename T>
PYVAE_VEC Rows<T> load_rows(const T* from) {
  return load<T, kRegisters>(from);
}

// What a group of rows has in one latent (or in the joint, without a query).
template <typename T>
struct RowChannel {
  const T *query, *peak, *factor;
};

// Sums over rows: of the weights w, of w u and of w u^2.
template <typename T>
struct Moments {
  Vec<T, 1> w, wu, wu2;
};

// A tile of columns, a group of rows, and the memory of the two.
template <typename T>
struct Visit {
  const Backward<T>& call;
  const Part<T>& part;
  Pairs pairs;  // rows a multiple of kRowBlock: padding has the factor 0
  // Aligned: a vector across two lines of the cache takes twice as long.
  alignas(64) T joint_weight[kTile][kRowGroup];
  T shift[kRowGroup];  // what special pairs add, for one column at a time; 0 between columns

  // Runs body(Constant<special>) for column j; body adds `shift` to its exponents if special.
  template <typename Body>
  PYVAE_INLINE void with_shift(int64_t j, Body body) {
    const Pairs column{pairs.row, pairs.rows, pairs.column + j, 1};
    const auto set = [&](bool to_zero) {
      return part.special.visit(
          column, [&](int64_t row, int64_t, T value) { shift[row - pairs.row] = to_zero ? T(0) : value; });
    };
    if (set(false)) {
      body(Constant<true>{});
      set(true);
    } else {
      body(Constant<false>{});
    }
  }
};

// --- The joint -------------------------------------------------------------------------------------------------------

// grad_joint_i * (softmax weight of column j in the joint of row i).
template <typename T>
void joint_weights(Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  const int64_t rows = visit.pairs.rows, columns = visit.pairs.columns;
  group_exponents(call, visit.part.b, visit.pairs, 0, columns, visit.joint_weight);
  const T* peak = call.peak(visit.part.b, call.joint, visit.pairs.row);
  const T* factor = call.factor(visit.part.b, call.joint, visit.pairs.row);
  for (int64_t j = 0; j < columns; ++j) {
    T* weight = visit.joint_weight[j];
    visit.with_shift(j, [&](auto special) {
      for (int64_t i = 0; i < rows; i += Rows<T>::kLanes) {
        Rows<T> x = load_rows(weight + i);
        if constexpr (special()) x = x + load_rows(visit.shift + i);
        store(weight + i, load_rows(factor + i) * exp2_weight(x - load_rows(peak + i)));
      }
    });
  }
}

// --- Gradients -------------------------------------------------------------------------------------------------------

// One column in one latent past the rows of a group, in three short passes that leave their results in L1: as in the
// forward, the pipes are fuller than in one long one. First u, and the exponent over the row's peak in place of
// weights.
template <bool kSpecial, typename T>
PYVAE_VEC void column_exponents(const Visit<T>& visit, const RowChannel<T>& rows, const Tile<T>& tile, int64_t j,
                                T* u_of, T* weight) {
  const Rows<T> mean = tile.mean[j], scale = tile.scale[j], constant = tile.constant[j];
  for (int64_t i = 0; i < visit.pairs.rows; i += Rows<T>::kLanes) {
    const Rows<T> u = (load_rows(rows.query + i) - mean) * scale;
    Rows<T> x = constant - u * u;
    if constexpr (kSpecial) x = x + load_rows(visit.shift + i);
    store(u_of + i, u);
    store(weight + i, x - load_rows(rows.peak + i));
  }
}

// The weights: the marginal's and the joint's together.
template <typename T>
PYVAE_VEC void column_weights(int64_t count, const RowChannel<T>& rows, const T* joint_weight, T* weight) {
  for (int64_t i = 0; i < count; i += Rows<T>::kLanes) {
    const Rows<T> marginal = load_rows(rows.factor + i) * exp2_weight(load_rows(weight + i));
    store(weight + i, marginal + load_rows(joint_weight + i));
  }
}

// Adds to the rows' sums, returns the column's.
template <typename T>
PYVAE_VEC Moments<T> column_moments(int64_t count, const T* weight, const T* u_of, T scale_of, T* row_sum) {
  const Rows<T> zero = T(0), scale = scale_of;
  Moments<T> sum{T(0), T(0), T(0)};
  for (int64_t i = 0; i < count; i += Rows<T>::kLanes) {
    const Rows<T> w = load_rows(weight + i);
    // Where a weight is 0 its u may be infinite; 0 * inf must not reach a sum.
    const Rows<T> u = select(w == zero, zero, load_rows(u_of + i)), wu = w * u;
    accumulate(sum.w, w);
    accumulate(sum.wu, wu);
    accumulate(sum.wu2, wu, u);
    store(row_sum + i, load_rows(row_sum + i) + wu * scale);
  }
  return sum;
}

template <typename T>
void latent_pass(Visit<T>& visit, int64_t d) {
  const Backward<T>& call = visit.call;
  const int64_t row = visit.pairs.row, count = visit.pairs.rows;
  const RowChannel<T> rows{call.query(visit.part.b, d, row), call.peak(visit.part.b, d, row),
                           call.factor(visit.part.b, d, row)};
  const Tile<T> tile = tile_of(call.args.mixture, visit.part.b, visit.pairs.column, d);
  const int64_t first = visit.pairs.column;
  T *weights = visit.part.column_weights(first, d), *sums = visit.part.column_sums(first, d);
  alignas(64) T u[kRowGroup], weight[kRowGroup], row_sum[kRowGroup] = {};
  for (int64_t j = 0; j < visit.pairs.columns; ++j) {
    visit.with_shift(j,
                     [&](auto special) PYVAE_INLINE { column_exponents<special()>(visit, rows, tile, j, u, weight); });
    column_weights(count, rows, visit.joint_weight[j], weight);
    const Moments<T> sum = column_moments(count, weight, u, tile.scale[j], row_sum);
    weights[j] += sum_of_lanes(sum.w);
    sums[j] += sum_of_lanes(sum.wu);
    sums[kTile + j] += sum_of_lanes(sum.wu2);
  }
  T* share_sum = visit.part.row_sum(d, row);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) share_sum[i] += row_sum[i];
}

// --- Shares ----------------------------------------------------------------------------------------------------------

template <typename T>
void backward(const MixtureLogDensityBackward<T>& args, int64_t turn, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  for (int64_t k = begin; k < end; ++k) {
    const Part<T> part(call, turn, k);
    Visit<T> visit{call, part, {}, {}, {}};
    run_share(part, [&](const Pairs& pairs) {
      visit.pairs = pairs;
      joint_weights(visit);
      for (int64_t d = 0; d < call.latents; ++d) latent_pass(visit, d);
    });
  }
}

}  // namespace

template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<float>& args, int64_t turn,
                                                    int64_t begin, int64_t end) {
  backward(args, turn, begin, end);
}
template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<double>& args, int64_t turn,
                                                    int64_t begin, int64_t end) {
  backward(args, turn, begin, end);
}

}  // namespace pyvae::cpu
