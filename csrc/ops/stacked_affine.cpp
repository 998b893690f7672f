#include "../kernels/stacked_affine.h"

#include <tuple>

#include "launch.h"

namespace pyvae::ops {
namespace {

using MaybeTensor = std::optional<Tensor>;

// The leading axes are the models, folded into one.
struct Folded {
  std::vector<int64_t> leading;
  AffineShape shape;

  Folded(const Tensor& rows, int64_t inputs, int64_t outputs)
      : leading(ops::sizes_of(rows, 0, rows.dim() - 2)),
        shape{product_of_sizes(rows, 0, rows.dim() - 2), rows.size(rows.dim() - 2), inputs, outputs} {}

  // [..., below, last]
  std::vector<int64_t> sizes(std::initializer_list<int64_t> inner) const {
    std::vector<int64_t> sizes = leading;
    sizes.insert(sizes.end(), inner);
    return sizes;
  }
};

void check_sizes(const Tensor& t, const std::vector<int64_t>& sizes) {
  STD_TORCH_CHECK(ops::sizes_of(t, 0, t.dim()) == sizes,
                  "expected x [..., B, inputs], weight [..., inputs, outputs], bias [..., 1, outputs] and y [..., B, "
                  "outputs] with the same leading axes");
}

// The matrices of a tensor as the kernels take them: dense each, any distance apart, so that neither one matrix for all
// models nor a part of each model's parameters is copied.
struct Matrices {
  Tensor held;
  int64_t stride;
};

Matrices matrices_of(const Tensor& t) {
  const int64_t rows = t.size(t.dim() - 2), columns = t.size(t.dim() - 1);
  const bool are_dense = (columns < 2 || t.stride(t.dim() - 1) == 1) && (rows < 2 || t.stride(t.dim() - 2) == columns);
  if (t.dim() == 3 && are_dense) return {t, t.stride(0)};
  return {dense(t), rows * columns};
}
std::optional<Matrices> matrices_of(const MaybeTensor& t) {
  return t.has_value() ? std::optional(matrices_of(*t)) : std::nullopt;
}

template <typename T>
Stack<T> stack_of(const Matrices& of) {
  return {in<T>(of.held), of.stride};
}
template <typename T>
Stack<T> stack_of(const std::optional<Matrices>& of) {
  return of.has_value() ? stack_of<T>(*of) : Stack<T>{nullptr, 0};
}

// As many shares as threads may come, each worth waking a thread for.
int64_t shares_of(const AffineShape& shape) {
  constexpr int64_t kLeast = int64_t{1} << 19;  // multiply-adds, about ten microseconds
  const int64_t work = shape.models * shape.rows * shape.inputs * shape.outputs;
  return larger<int64_t>(smaller<int64_t>(work / kLeast, torch::stable::get_num_threads()), 1);
}

Tensor stacked_affine(const Tensor& x, const Tensor& weight, const Tensor& bias, bool relu) {
  check_alike(x, {weight, bias});
  STD_TORCH_CHECK(x.dim() >= 2 && weight.dim() >= 2, "expected x and weight with two axes at least");
  const Folded of(x, x.size(x.dim() - 1), weight.size(weight.dim() - 1));
  const AffineShape& shape = of.shape;
  check_sizes(weight, of.sizes({shape.inputs, shape.outputs}));
  check_sizes(bias, of.sizes({1, shape.outputs}));
  const Tensor y = empty_of(x, of.sizes({shape.rows, shape.outputs}));
  if (y.numel() == 0) return y;
  const Matrices x_ = matrices_of(x), weight_ = matrices_of(weight), bias_ = matrices_of(bias);
  const int64_t shares = shares_of(shape);
  dispatch(x, [&]<typename T>() {
    const StackedAffine<T> args{shape,     stack_of<T>(x_), stack_of<T>(weight_), stack_of<T>(bias_), relu,
                                out<T>(y), shares};
    for_ranges(shares, 1, [&](auto isa, int64_t begin, int64_t end) { cpu::stacked_affine<isa()>(args, begin, end); });
  });
  return y;
}

// x and weight are given where each other's gradients are asked for, y where it is a relu's; gradients that are not
// asked for are empty, [..., 0].
std::tuple<Tensor, Tensor, Tensor> stacked_affine_backward(const Tensor& grad_y, MaybeTensor x, MaybeTensor weight,
                                                           MaybeTensor y, bool bias_grad) {
  STD_TORCH_CHECK(grad_y.dim() >= 2, "expected grad_y with two axes at least");
  const auto size_in = [](const MaybeTensor& t, int64_t axis) {
    return t.has_value() && t->dim() >= 2 ? t->size(t->dim() + axis) : int64_t{0};
  };
  const Folded of(grad_y, weight.has_value() ? size_in(weight, -2) : size_in(x, -1), grad_y.size(grad_y.dim() - 1));
  const AffineShape& shape = of.shape;
  const auto check = [&](const MaybeTensor& t, std::initializer_list<int64_t> inner) {
    if (!t.has_value()) return;
    check_alike(grad_y, {*t});
    check_sizes(*t, of.sizes(inner));
  };
  check_alike(grad_y, {});
  check(x, {shape.rows, shape.inputs});
  check(weight, {shape.inputs, shape.outputs});
  check(y, {shape.rows, shape.outputs});
  const std::vector<int64_t> none = of.sizes({0});
  const Tensor grad_x = empty_of(grad_y, weight.has_value() ? of.sizes({shape.rows, shape.inputs}) : none);
  const Tensor grad_weight = empty_of(grad_y, x.has_value() ? of.sizes({shape.inputs, shape.outputs}) : none);
  const Tensor grad_bias = empty_of(grad_y, bias_grad ? of.sizes({1, shape.outputs}) : none);
  if (grad_y.numel() == 0) {
    for (Tensor t : {grad_x, grad_weight, grad_bias}) torch::stable::zero_(t);
    return {grad_x, grad_weight, grad_bias};
  }
  const Matrices grad_ = matrices_of(grad_y);
  const std::optional<Matrices> x_ = matrices_of(x), weight_ = matrices_of(weight), y_ = matrices_of(y);
  const int64_t shares = shares_of(shape);
  const Tensor room = empty_of(grad_y, {shares, stacked_affine_room(shape)});
  dispatch(grad_y, [&]<typename T>() {
    const StackedAffineBackward<T> args{shape,
                                        stack_of<T>(grad_),
                                        stack_of<T>(y_),
                                        stack_of<T>(x_),
                                        stack_of<T>(weight_),
                                        weight.has_value() ? out<T>(grad_x) : nullptr,
                                        x.has_value() ? out<T>(grad_weight) : nullptr,
                                        bias_grad ? out<T>(grad_bias) : nullptr,
                                        out<T>(room),
                                        shares};
    for_ranges(shares, 1,
               [&](auto isa, int64_t begin, int64_t end) { cpu::stacked_affine_backward<isa()>(args, begin, end); });
  });
  return {grad_x, grad_weight, grad_bias};
}

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("stacked_affine(Tensor x, Tensor weight, Tensor bias, bool relu) -> Tensor");
  m.def(
      "stacked_affine_backward(Tensor grad_y, Tensor? x, Tensor? weight, Tensor? y, bool bias_grad) -> (Tensor grad_x, "
      "Tensor grad_weight, Tensor grad_bias)");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CPU, m) {
  m.impl("stacked_affine", TORCH_BOX(&pyvae::ops::stacked_affine));
  m.impl("stacked_affine_backward", TORCH_BOX(&pyvae::ops::stacked_affine_backward));
}
