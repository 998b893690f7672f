// Minibatch log-density, backward: one visit per pair serves grad_z, grad_mu and grad_logvar. Exponents are computed
// again and weighed by 2^(exponent - peak) / total; nothing of size Q M is stored.
//
// A share of the columns takes a tile, and for a group of rows first leaves the tile's joint weights in L2, so that the
// joint's exponents are not summed again for every latent. Then the rows of one latent stream past one column at a
// time. Sums over rows end with each group, so that a float32 sum stays exact to its last digits; sums over columns end
// with each tile, in the share's own memory, which backward_rows adds up.
//
// Per (row, column, latent): 4 operations for the joint's exponent; then 3 for the exponent, 13 for the weight, 2 for
// the guard, 6 for the sums.
#include "mixture.h"

namespace pyvae::cpu {
namespace {

constexpr int64_t kTile = kShareTile;
constexpr int64_t kRowGroup = 256;
// Registers of rows that go through the operations side by side.
constexpr int kRegisters = 2;

template <typename T>
using Rows = Vec<T, kRegisters>;

template <typename T>
PYVAE_VEC Rows<T> load_rows(const T* from) {
  return load<T, kRegisters>(from);
}

// A bool that a generic lambda can read at compile time, as std::bool_constant, whose header must not come in here.
template <bool kValue>
struct Constant {
  constexpr bool operator()() const { return kValue; }
};

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

// The arguments of one call and its workspace, by name.
template <typename T>
struct Backward {
  const MinibatchLogDensityBackward<T>& args;
  MinibatchLogDensityWorkspace at;
  int64_t latents, columns;
  SpecialPairs<T> special;

  explicit Backward(const MinibatchLogDensityBackward<T>& args)
      : args(args),
        at(args.mixture.batch, args.queries, args.mixture.columns, args.mixture.latents),
        latents(args.mixture.latents),
        columns(args.mixture.columns),
        special(args.weights, args.mixture.columns) {}

  T* query(int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.query + (b * latents + d) * at.pitch + row;
  }
  T* peak(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.peak + (b * (latents + 1) + channel) * at.pitch + row;
  }
  T* factor(int64_t b, int64_t channel, int64_t row) const {
    return args.workspace + at.factor + (b * (latents + 1) + channel) * at.pitch + row;
  }
  T* row_sum(int64_t share, int64_t b, int64_t d, int64_t row) const {
    return args.workspace + at.row_sums + ((share * args.mixture.batch + b) * latents + d) * at.pitch + row;
  }
  T* column_sums(int64_t b, int64_t share, int64_t d) const {
    return args.workspace + at.column_sums + ((b * at.shares + share) * latents + d) * 3 * kTile;
  }
  T* columns_of_tile(int64_t b, int64_t share, int64_t d) const {
    return args.workspace + at.columns + ((b * at.shares + share) * latents + d) * 3 * kTile;
  }
};

// A tile of columns, a group of rows, and the memory of the two.
template <typename T>
struct Visit {
  const Backward<T>& call;
  int64_t b, share;
  Pairs pairs;  // rows a multiple of kRowBlock: padding has the factor 0
  // Aligned: a vector across two lines of the cache takes twice as long.
  alignas(64) T joint_weight[kTile][kRowGroup];
  T shift[kRowGroup];  // what special pairs add, for one column at a time; 0 between columns

  // Column `j` of the tile and those after it, in one latent.
  Tile<T> tile(int64_t d, int64_t j = 0) const {
    const T* at = call.columns_of_tile(b, share, d) + j;
    return {at, at + kTile, at + 2 * kTile};
  }

  // Runs body(Constant<special>) for column j; body adds `shift` to its exponents if special.
  template <typename Body>
  PYVAE_INLINE void with_shift(int64_t j, Body body) {
    const Pairs column{pairs.row, pairs.rows, pairs.column + j, 1};
    const auto set = [&](bool to_zero) {
      return call.special.visit(
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

// Columns that share one read of the rows.
constexpr int64_t kJointColumns = 4;

// The joint's exponents of kColumns columns from j on, for the rows from i on of a group.
template <int64_t kColumns, typename T>
PYVAE_VEC void joint_exponents(Visit<T>& visit, int64_t i, int64_t j) {
  const Backward<T>& call = visit.call;
  for (int64_t group = 0; group < call.latents; group += kLatentGroup) {
    Rows<T> sum[kColumns];
    for (Rows<T>& column : sum) column = T(0);
    for (int64_t d = group; d < minimum(group + kLatentGroup, call.latents); ++d) {
      const Tile<T> tile = visit.tile(d, j);
      const Rows<T> z = load_rows(call.query(visit.b, d, visit.pairs.row + i));
      for (int64_t k = 0; k < kColumns; ++k) {
        const Rows<T> u = (z - tile.mean[k]) * tile.scale[k];
        sum[k] = sum[k] + (tile.constant[k] - u * u);
      }
    }
    for (int64_t k = 0; k < kColumns; ++k) {
      T* x = visit.joint_weight[j + k] + i;
      store(x, group == 0 ? sum[k] : load_rows(x) + sum[k]);
    }
  }
}

// grad_joint_i * (softmax weight of column j in the joint of row i).
template <typename T>
void joint_weights(Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  const int64_t rows = visit.pairs.rows, columns = visit.pairs.columns;
  for (int64_t i = 0; i < rows; i += Rows<T>::kLanes) {
    int64_t j = 0;
    for (; j + kJointColumns <= columns; j += kJointColumns) joint_exponents<kJointColumns>(visit, i, j);
    for (; j < columns; ++j) joint_exponents<1>(visit, i, j);
  }
  const T* peak = call.peak(visit.b, call.latents, visit.pairs.row);
  const T* factor = call.factor(visit.b, call.latents, visit.pairs.row);
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
PYVAE_VEC void column_exponents(const Visit<T>& visit, const RowChannel<T>& rows, const Tile<T>& column, T* u_of,
                                T* weight) {
  const Rows<T> mean = *column.mean, scale = *column.scale, constant = *column.constant;
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
  const RowChannel<T> rows{call.query(visit.b, d, row), call.peak(visit.b, d, row), call.factor(visit.b, d, row)};
  T* sums = call.column_sums(visit.b, visit.share, d);
  alignas(64) T u[kRowGroup], weight[kRowGroup], row_sum[kRowGroup] = {};
  for (int64_t j = 0; j < visit.pairs.columns; ++j) {
    const Tile<T> column = visit.tile(d, j);
    visit.with_shift(j,
                     [&](auto special) PYVAE_INLINE { column_exponents<special()>(visit, rows, column, u, weight); });
    column_weights(count, rows, visit.joint_weight[j], weight);
    const Moments<T> sum = column_moments(count, weight, u, *column.scale, row_sum);
    sums[j] += sum_of_lanes(sum.w);
    sums[kTile + j] += sum_of_lanes(sum.wu);
    sums[2 * kTile + j] += sum_of_lanes(sum.wu2);
  }
  T* share_sum = call.row_sum(visit.share, visit.b, d, row);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) share_sum[i] += row_sum[i];
}

// --- Shares ----------------------------------------------------------------------------------------------------------

// Turns the sums of a tile's columns into gradients, latents innermost again.
template <typename T>
void finish_columns(const Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  for (int64_t d = 0; d < call.latents; ++d) {
    const Tile<T> tile = visit.tile(d);
    const T* sums = call.column_sums(visit.b, visit.share, d);
    for (int64_t j = 0; j < visit.pairs.columns; ++j) {
      const int64_t to = (visit.b * call.columns + visit.pairs.column + j) * call.latents + d;
      call.args.grad_mu[to] = log_density_grad_mu_factor(tile.scale[j]) * sums[kTile + j];
      call.args.grad_logvar[to] = log_density_grad_logvar(sums[j], sums[2 * kTile + j]);
    }
  }
}

// A tile's parameters side by side. In the tensors they lie M apart, which for a power of two puts all latents of a
// column into one set of the cache.
template <typename T>
void gather_columns(const Visit<T>& visit) {
  const Backward<T>& call = visit.call;
  for (int64_t d = 0; d < call.latents; ++d) {
    const Tile<T> from = tile_of(call.args.mixture, visit.b, d, visit.pairs.column);
    T* to = call.columns_of_tile(visit.b, visit.share, d);
    for (int64_t j = 0; j < visit.pairs.columns; ++j) {
      to[j] = from.mean[j], to[kTile + j] = from.scale[j], to[2 * kTile + j] = from.constant[j];
    }
  }
}

template <typename T>
void fill_zero(T* begin, T* end) {
  for (T* p = begin; p < end; ++p) *p = 0;
}

// Tiles are dealt in runs, so that a share's columns are contiguous.
template <typename T>
void run_share(const Backward<T>& call, int64_t b, int64_t share) {
  const int64_t tiles = (call.columns + kTile - 1) / kTile;
  Visit<T> visit{call, b, share, {}, {}, {}};
  fill_zero(call.row_sum(share, b, 0, 0), call.row_sum(share, b, call.latents, 0));
  for (int64_t tile = tiles * share / call.at.shares; tile < tiles * (share + 1) / call.at.shares; ++tile) {
    visit.pairs.column = tile * kTile;
    visit.pairs.columns = minimum(kTile, call.columns - tile * kTile);
    gather_columns(visit);
    fill_zero(call.column_sums(b, share, 0), call.column_sums(b, share, call.latents));
    for (visit.pairs.row = 0; visit.pairs.row < call.at.padded; visit.pairs.row += kRowGroup) {
      visit.pairs.rows = minimum(kRowGroup, call.at.padded - visit.pairs.row);
      joint_weights(visit);
      for (int64_t d = 0; d < call.latents; ++d) latent_pass(visit, d);
    }
    finish_columns(visit);
  }
}

template <typename T>
void backward(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  for (int64_t k = begin; k < end; ++k) run_share(call, k / call.at.shares, k % call.at.shares);
}

// --- Rows, before and after ------------------------------------------------------------------------------------------

// What the shares read of a row in one channel: a peak without infinities, and the cotangent over the total.
template <typename T>
void prepare_channel(const Backward<T>& call, int64_t b, int64_t row, int64_t channel) {
  const int64_t queries = call.args.queries, latents = call.latents;
  for (int64_t i = row; i < row + kRowBlock; ++i) {
    T *peak = call.peak(b, channel, i), *factor = call.factor(b, channel, i);
    if (i >= queries) {  // padding: far above every exponent, so that no weight overflows before the 0 meets it
      *peak = T(1e30f), *factor = 0;
      continue;
    }
    const int64_t at = b * queries + i, from = at * (latents + 1) + channel;
    const T grad = channel == latents ? call.args.grad_joint[at] : call.args.grad_marginals[at * latents + channel];
    *peak = finite_peak(call.args.peak[from]);
    *factor = grad * inverse_total(call.args.total[from]);
  }
}

template <typename T>
void prepare(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  const int64_t blocks = minibatch_log_density_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t b = block / blocks, row = block % blocks * kRowBlock;
    for (int64_t k = 0; k <= call.latents; ++k) prepare_channel(call, b, row, k);
    for (int64_t d = 0; d < call.latents; ++d) {
      for (int64_t i = row; i < row + kRowBlock; ++i) {
        *call.query(b, d, i) = i < args.queries ? args.z[(b * args.queries + i) * call.latents + d] : T(0);
      }
    }
  }
}

template <typename T>
void backward_rows(const MinibatchLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  const int64_t blocks = minibatch_log_density_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t b = block / blocks, row = block % blocks * kRowBlock;
    for (int64_t d = 0; d < call.latents; ++d) {
      T sum[kRowBlock] = {};
      for (int64_t share = 0; share < call.at.shares; ++share) {
        const T* from = call.row_sum(share, b, d, row);
#pragma omp simd
        for (int64_t i = 0; i < kRowBlock; ++i) sum[i] += from[i];
      }
      for (int64_t i = 0; i < minimum(kRowBlock, args.queries - row); ++i) {
        args.grad_z[(b * args.queries + row + i) * call.latents + d] = -log_density_grad_mu_factor(sum[i]);
      }
    }
  }
}

}  // namespace

template <>
void minibatch_log_density_backward_prepare<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<float>& args,
                                                            int64_t begin, int64_t end) {
  prepare(args, begin, end);
}
template <>
void minibatch_log_density_backward_prepare<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<double>& args,
                                                            int64_t begin, int64_t end) {
  prepare(args, begin, end);
}
template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<float>& args, int64_t begin,
                                                    int64_t end) {
  backward(args, begin, end);
}
template <>
void minibatch_log_density_backward<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<double>& args, int64_t begin,
                                                    int64_t end) {
  backward(args, begin, end);
}
template <>
void minibatch_log_density_backward_rows<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<float>& args, int64_t begin,
                                                         int64_t end) {
  backward_rows(args, begin, end);
}
template <>
void minibatch_log_density_backward_rows<Isa::PYVAE_ISA>(const MinibatchLogDensityBackward<double>& args, int64_t begin,
                                                         int64_t end) {
  backward_rows(args, begin, end);
}

}  // namespace pyvae::cpu
