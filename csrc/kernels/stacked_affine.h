// Affine maps of K models at once, y = x W + b with a relu behind them or without, and their gradients.
//
// Every number of a result is one sum in the order of its terms from the first to the last, so its bits depend neither
// on how many models there are nor on where the work is cut: shares are as many as threads may come, and a model may
// lie in several.
#pragma once
#include "../math/range.h"
#include "isa.h"

namespace pyvae {

struct AffineShape {
  int64_t models, rows, inputs, outputs;
};

// A matrix of each model, `stride` numbers apart: 0 where all have the same.
template <typename T>
struct Stack {
  const T* at;
  int64_t stride;
  PYVAE_MEMBER const T* of(int64_t model) const { return at + model * stride; }
};

template <typename T>
struct StackedAffine {
  AffineShape shape;
  Stack<T> x;       // [K, B, inputs]
  Stack<T> weight;  // [K, inputs, outputs]
  Stack<T> bias;    // [K, outputs]
  bool relu;
  T* y;  // [K, B, outputs]
  int64_t shares;
};

// Gradients that are null are not asked for.
template <typename T>
struct StackedAffineBackward {
  AffineShape shape;
  Stack<T> grad;    // [K, B, outputs]
  Stack<T> y;       // [K, B, outputs], what a relu gave out; null where there was none
  Stack<T> x;       // [K, B, inputs], read for the weight's gradient
  Stack<T> weight;  // [K, inputs, outputs], read for x's
  T* grad_x;        // [K, B, inputs]
  T* grad_weight;   // [K, inputs, outputs]
  T* grad_bias;     // [K, outputs]
  T* room;          // stacked_affine_room(shape) numbers for each share, any content
  int64_t shares;
};

// Rows whose gradient of x is made together.
constexpr int64_t kStackedAffineRows = 64;

// Of one share: some rows of a gradient transposed, and all of them in panels.
PYVAE_MATH int64_t stacked_affine_room(const AffineShape& shape) {
  return (kStackedAffineRows + shape.rows) * ceil_div(shape.outputs, 64) * 64;
}

namespace cpu {
// Shares [begin, end) of args.shares.
template <Isa isa, typename T>
void stacked_affine(const StackedAffine<T>& args, int64_t begin, int64_t end);
template <Isa isa, typename T>
void stacked_affine_backward(const StackedAffineBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

}  // namespace pyvae
