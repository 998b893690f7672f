// Stacked affine maps and their gradients against plain loops in double.
#include "../../../csrc/kernels/stacked_affine.h"

#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

using Row = std::vector<double>;

// A matrix for each model, a few numbers apart, or one for all.
template <typename T>
struct Matrices {
  int64_t stride;
  Buffer<T> values;

  Matrices(Case& c, int64_t models, int64_t count, bool shared, double deviation)
      : stride(shared ? 0 : count + c.below(3)),
        values(driver::values<T>(c, (models - 1) * stride + count, 0, deviation)) {}
  Stack<T> stack() const { return {values.data(), stride}; }
};

template <typename T>
void check_case(Case& c) {
  const int64_t models = 1 + c.below(4);
  const int64_t rows = std::max<int64_t>(c.awkward_size(c.one_in(30) ? 400 : c.one_in(5) ? 70 : 14), 1);
  const int64_t inputs = std::max<int64_t>(c.awkward_size(c.one_in(8) ? 150 : 30), 1);
  const int64_t outputs = std::max<int64_t>(c.awkward_size(c.one_in(8) ? 150 : 30), 1);
  const AffineShape shape{models, rows, inputs, outputs};
  const bool relu = c.one_in(2), wants_x = !c.one_in(4), wants_weight = !c.one_in(4), wants_bias = !c.one_in(4);
  const int64_t shares = 1 + c.below(9);
  c.name = "stacked_affine " + type_name<T>() + " K=" + std::to_string(models) + " B=" + std::to_string(rows) +
           " I=" + std::to_string(inputs) + " O=" + std::to_string(outputs) + (relu ? " relu" : "");
  const Matrices<T> x(c, models, rows * inputs, c.one_in(4), 1), weight(c, models, inputs * outputs, c.one_in(4), 1);
  const Matrices<T> bias(c, models, outputs, c.one_in(4), 1), grad(c, models, rows * outputs, c.one_in(4), 1);

  const auto compute = [&](Work work) {
    std::vector<Result<T>> r = {{"y", Buffer<T>(c, models * rows * outputs)}};
    if (wants_x) r.push_back({"grad_x", Buffer<T>(c, models * rows * inputs)});
    if (wants_weight) r.push_back({"grad_weight", Buffer<T>(c, models * inputs * outputs)});
    if (wants_bias) r.push_back({"grad_bias", Buffer<T>(c, models * outputs)});
    size_t next = 1;
    T* const grad_x = wants_x ? r[next++].values.data() : nullptr;
    T* const grad_weight = wants_weight ? r[next++].values.data() : nullptr;
    T* const grad_bias = wants_bias ? r[next++].values.data() : nullptr;
    // At once means one share, so that their number is seen to change nothing.
    const int64_t parts = work == Work::whole ? 1 : shares;
    Buffer<T> room(c, parts * stacked_affine_room(shape));
    const StackedAffine<T> forward{shape, x.stack(), weight.stack(), bias.stack(), relu, r[0].values.data(), parts};
    const Stack<T> y{r[0].values.data(), rows * outputs};
    const StackedAffineBackward<T> backward{shape,       grad.stack(),   relu ? y : Stack<T>{nullptr, 0},
                                            x.stack(),   weight.stack(), grad_x,
                                            grad_weight, grad_bias,      room.data(),
                                            parts};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, parts, [&](int64_t begin, int64_t end) { cpu::stacked_affine<isa()>(forward, begin, end); });
      run(c, work, parts,
          [&](int64_t begin, int64_t end) { cpu::stacked_affine_backward<isa()>(backward, begin, end); });
    });
    return r;
  };
  const std::vector<Result<T>> whole = check_cuts<T>(c, compute);
  if (c.hostile) return;
  Row y(models * rows * outputs), grad_x(models * rows * inputs), grad_weight(models * inputs * outputs);
  Row grad_bias(models * outputs);
  for (int64_t m = 0; m < models; ++m) {
    const T *const x_ = x.stack().of(m), *const weight_ = weight.stack().of(m);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < outputs; ++j) {
        const int64_t at = (m * rows + i) * outputs + j;
        y[at] = bias.stack().of(m)[j];
        for (int64_t k = 0; k < inputs; ++k) y[at] += double{x_[i * inputs + k]} * weight_[k * outputs + j];
        if (relu) y[at] = std::max(y[at], 0.0);
        // The mask is what was given out: beside 0 rounding decides.
        const double g = relu && whole[0].values[at] == 0 ? 0 : double{grad.stack().of(m)[i * outputs + j]};
        grad_bias[m * outputs + j] += g;
        for (int64_t k = 0; k < inputs; ++k) {
          grad_x[(m * rows + i) * inputs + k] += g * weight_[k * outputs + j];
          grad_weight[(m * inputs + k) * outputs + j] += g * x_[i * inputs + k];
        }
      }
    }
  }
  std::vector<Row> expected = {y};
  if (wants_x) expected.push_back(grad_x);
  if (wants_weight) expected.push_back(grad_weight);
  if (wants_bias) expected.push_back(grad_bias);
  for (size_t k = 0; k < expected.size(); ++k) expect_close(c, whole[k], expected[k], 64);
}

const Registered registered("stacked_affine", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
