// Stacked affine maps, by the products of affine.h: model after model, so that what a model's three gradients share is
// in cache when the next of them comes. What is behind a relu is masked as it is packed; no masked gradient is stored.
#include "../stacked_affine.h"

#include "affine.h"

namespace pyvae::cpu {
namespace {

PYVAE_VEC AffineSizes sizes_of(const AffineShape& shape) { return {shape.rows, shape.inputs, shape.outputs}; }

// A model's part of a range over the pieces of all models, `pieces` of each; empty where it has none.
PYVAE_VEC Range of_model(Range all, int64_t model, int64_t pieces) {
  const int64_t begin = model * pieces;
  const int64_t first = larger(all.first - begin, int64_t{0});
  return {first, larger(smaller(all.last - begin, pieces), first)};
}

// --- Forward ---

// A piece is some rows by some columns. The rows are few enough for sums to stay in cache between two blocks of inputs,
// and many beside the packing of a panel.
constexpr int64_t kRowsOfPiece = 192, kColumnsOfPiece = 64;

template <typename T>
void piece(const StackedAffine<T>& args, int64_t model, Range rows, int64_t first) {
  const AffineSizes of{rows.count(), args.shape.inputs, args.shape.outputs};
  const T* const x = args.x.of(model) + rows.first * of.inputs;
  T* const y = args.y + (model * args.shape.rows + rows.first) * of.outputs;
  const int64_t last = smaller(first + kColumnsOfPiece, of.outputs);
  for (int64_t panel = first; panel < last; panel += kPanel<T>)
    affine_forward(of, panel, x, args.weight.of(model), args.bias.of(model), args.relu, y);
}

template <typename T>
void forward_share(const StackedAffine<T>& args, int64_t share) {
  const AffineShape& shape = args.shape;
  const int64_t down = ceil_div(shape.rows, kRowsOfPiece), across = ceil_div(shape.outputs, kColumnsOfPiece);
  const Range all = part_of(shape.models * down * across, share, args.shares);
  for (int64_t k = all.first; k < all.last; ++k) {
    const int64_t model = k / (down * across), within = k % (down * across);
    piece(args, model, part_of(shape.rows, within / across, down), within % across * kColumnsOfPiece);
  }
}

// --- Backward ---

// Of a share: what its gradients of y are made into.
template <typename T>
struct Room {
  T *transposed, *packed;
};

template <typename T>
Room<T> room_of(const StackedAffineBackward<T>& args, int64_t share) {
  T* const at = args.room + share * stacked_affine_room(args.shape);
  return {at, at + kStackedAffineRows * ceil_div(args.shape.outputs, 64) * 64};
}

// A piece of the gradient of x is kStackedAffineRows rows by kTransposedRows inputs.
PYVAE_VEC int64_t blocks_of_inputs(const AffineShape& shape) { return ceil_div(shape.inputs, kTransposedRows); }
PYVAE_VEC int64_t input_pieces(const AffineShape& shape) {
  return ceil_div(shape.rows, kStackedAffineRows) * blocks_of_inputs(shape);
}

template <typename T, typename From>
void transpose_rows(const AffineSizes& of, Range rows, From grad, T* room) {
  for (int64_t first = rows.first; first < rows.last; first += kPanel<T>)
    transpose_gradient(of, first, grad, room + (first - rows.first) * of.outputs);
}

template <typename T>
void input_piece(const StackedAffineBackward<T>& args, int64_t model, Range rows, Range inputs, const T* transposed) {
  const AffineSizes of = sizes_of(args.shape);
  T* const to = args.grad_x + model * of.rows * of.inputs;
  for (int64_t first = rows.first; first < rows.last; first += kPanel<T>)
    affine_input_gradient(of, first, inputs, transposed + (first - rows.first) * of.outputs, args.weight.of(model),
                          static_cast<const T*>(nullptr), to);
}

template <typename T, typename From>
void input_gradient(const StackedAffineBackward<T>& args, int64_t model, From grad, Range pieces, T* room) {
  const AffineShape& shape = args.shape;
  const int64_t blocks = blocks_of_inputs(shape);
  for (int64_t k = pieces.first; k < pieces.last; ++k) {
    const int64_t row = k / blocks * kStackedAffineRows, input = k % blocks * kTransposedRows;
    const Range rows{row, smaller(row + kStackedAffineRows, shape.rows)};
    if (k == pieces.first || input == 0) transpose_rows(sizes_of(shape), rows, grad, room);
    input_piece(args, model, rows, {input, smaller(input + kTransposedRows, shape.inputs)}, room);
  }
}

// A piece of the gradient of W is a tile of its rows; the bias's comes with the first.
PYVAE_VEC int64_t weight_pieces(const AffineShape& shape) {
  return larger<int64_t>(ceil_div(shape.inputs, kTileRows), 1);
}

template <typename T, typename From>
void weight_gradient(const StackedAffineBackward<T>& args, int64_t model, From grad, Range pieces, T* room) {
  const AffineSizes of = sizes_of(args.shape);
  const int64_t tiles = weight_pieces(args.shape);
  T* const to = args.grad_weight + model * of.inputs * of.outputs;
  pack_gradient(of, grad, room);
  for (int64_t t = pieces.first; t < pieces.last; ++t) {
    for (int64_t first = 0; first < of.outputs; first += kPanel<T>)
      affine_weight_gradient(of, part_of(of.inputs, t, tiles), args.x.of(model), room + of.rows * first, first,
                             [&](int64_t i, int64_t j, int64_t count, Vec<T, 1> sum)
                                 PYVAE_INLINE { store_part(to + i * of.outputs + j, sum, count); });
  }
}

template <typename T, typename From>
void bias_gradient(const StackedAffineBackward<T>& args, int64_t model, From grad) {
  T* const to = args.grad_bias + model * args.shape.outputs;
  affine_bias_gradient<T>(sizes_of(args.shape), grad, [&](int64_t j, int64_t count, Vec<T, 1> sum) PYVAE_INLINE {
    store_part(to + j, sum, count);
  });
}

// grad_of(model) is the gradient before the relu.
template <typename T, typename GradOf>
void backward_share(const StackedAffineBackward<T>& args, int64_t share, GradOf grad_of) {
  const AffineShape& shape = args.shape;
  const Room<T> room = room_of(args, share);
  const int64_t of_x = input_pieces(shape), of_weight = weight_pieces(shape);
  const Range x = part_of(shape.models * of_x, share, args.shares);
  const Range weight = part_of(shape.models * of_weight, share, args.shares);
  for (int64_t model = 0; model < shape.models; ++model) {
    const auto grad = grad_of(model);
    const Range x_pieces = of_model(x, model, of_x), weight_tiles = of_model(weight, model, of_weight);
    if (args.grad_x != nullptr) input_gradient(args, model, grad, x_pieces, room.transposed);
    if (weight_tiles.count() == 0) continue;
    if (args.grad_weight != nullptr) weight_gradient(args, model, grad, weight_tiles, room.packed);
    if (args.grad_bias != nullptr && weight_tiles.first == 0) bias_gradient(args, model, grad);
  }
}

template <typename T>
void forward(const StackedAffine<T>& args, int64_t begin, int64_t end) {
  for (int64_t share = begin; share < end; ++share) forward_share(args, share);
}

template <typename T>
void backward(const StackedAffineBackward<T>& args, int64_t begin, int64_t end) {
  for (int64_t share = begin; share < end; ++share) {
    if (args.y.at == nullptr) {
      backward_share(args, share, [&](int64_t model) { return AsIs<T>{args.grad.of(model)}; });
    } else {
      backward_share(args, share, [&](int64_t model) { return BehindRelu<T>{args.grad.of(model), args.y.of(model)}; });
    }
  }
}

}  // namespace

template <>
void stacked_affine<Isa::PYVAE_ISA>(const StackedAffine<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void stacked_affine<Isa::PYVAE_ISA>(const StackedAffine<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void stacked_affine_backward<Isa::PYVAE_ISA>(const StackedAffineBackward<float>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}
template <>
void stacked_affine_backward<Isa::PYVAE_ISA>(const StackedAffineBackward<double>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
