// The squared maximum mean discrepancy and its derivatives against plain loops in double.
#include "../../../csrc/kernels/squared_mmd.h"

#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

using Row = std::vector<double>;

struct Kernel {
  RadialKernel kind;
  std::vector<double> scales;

  // The mean kernel and its derivative in the squared distance.
  KernelAt<double> at(double r2) const {
    double value = 0, derivative = 0;
    for (const double c : scales) {
      const double of_scale = kind == RadialKernel::rbf ? std::exp(-r2 / c) : c / (c + r2);
      value += of_scale;
      derivative -= (kind == RadialKernel::rbf ? of_scale : of_scale * of_scale) / c;
    }
    return {value / static_cast<double>(scales.size()), derivative / static_cast<double>(scales.size())};
  }
};

// The sum over pairs of two samples, without those of a point with itself where they are one; adds to a's derivatives
// those of its rows.
template <typename T>
double sum_of(const Kernel& kernel, bool same, const T* a, int64_t n, const T* b, int64_t m, int64_t latents,
              double weight, double* slopes) {
  long double total = 0;  // of a million terms, which round more than the kernels do
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) {
      if (same && i == j) continue;
      double r2 = 0;
      for (int64_t d = 0; d < latents; ++d) {
        r2 += (double{a[i * latents + d]} - b[j * latents + d]) * (double{a[i * latents + d]} - b[j * latents + d]);
      }
      const KernelAt<double> k = kernel.at(r2);
      total += k.value;
      for (int64_t d = 0; d < latents; ++d) {
        slopes[i * latents + d] +=
            (same ? 4 : 2) * weight * k.derivative * (double{a[i * latents + d]} - b[j * latents + d]);
      }
    }
  }
  return weight * static_cast<double>(total);
}

template <typename T>
void check_case(Case& c) {
  const int64_t batch = 1 + c.below(3), latents = c.awkward_size(c.one_in(8) ? 140 : 12);
  const int64_t most = c.one_in(20) ? 1100 : c.one_in(4) ? 300 : 40;
  const int64_t n = std::max<int64_t>(c.awkward_size(most), 2), m = std::max<int64_t>(c.awkward_size(most), 2);
  const bool wants_x = !c.one_in(4), wants_y = !c.one_in(4), has_cotangent = c.one_in(2);
  Kernel kernel{c.one_in(2) ? RadialKernel::rbf : RadialKernel::imq, {}};
  for (int64_t k = 1 + c.below(4); k > 0; --k) {
    kernel.scales.push_back(static_cast<double>(latents + 1) * std::exp(c.normal()));
  }
  if (c.hostile && c.one_in(3)) kernel.scales[0] = c.one_in(2) ? 1e-300 : 1e300;
  const int64_t shares = 1 + c.below(9);
  c.name = "squared_mmd " + type_name<T>() + " B=" + std::to_string(batch) + " N=" + std::to_string(n) +
           " M=" + std::to_string(m) + " D=" + std::to_string(latents) +
           (kernel.kind == RadialKernel::rbf ? " rbf" : " imq") + " scales=" + std::to_string(kernel.scales.size());
  const Buffer<T> x = values<T>(c, batch * n * latents, 0, 1), y = values<T>(c, batch * m * latents, 0.5, 1);
  const Buffer<T> cotangent = values<T>(c, batch, 0, 1);

  const auto compute = [&](Work work) {
    std::vector<Result<T>> r = {{"value", Buffer<T>(c, batch)}};
    if (wants_x) r.push_back({"x_grad", Buffer<T>(c, batch * n * latents)});
    if (wants_y) r.push_back({"y_grad", Buffer<T>(c, batch * m * latents)});
    // At once means one share, so that their number is seen to change nothing.
    const int64_t parts = work == Work::whole ? 1 : shares;
    const int64_t blocks = mmd_blocks_of(n) + mmd_blocks_of(m);
    Buffer<T> room(c, parts * squared_mmd_room(latents, static_cast<int64_t>(kernel.scales.size())));
    Buffer<double> totals(c, batch * blocks), x_sums(c, batch * n * latents), y_sums(c, batch * m * latents);
    std::vector<int64_t> progress(1 + batch * blocks);
    const SquaredMmd<T> args{batch,
                             n,
                             m,
                             latents,
                             x.data(),
                             y.data(),
                             kernel.kind,
                             kernel.scales.data(),
                             static_cast<int64_t>(kernel.scales.size()),
                             totals.data(),
                             wants_x ? x_sums.data() : nullptr,
                             wants_y ? y_sums.data() : nullptr,
                             room.data(),
                             progress.data()};
    const SquaredMmdResults<T> results{r[0].values.data(), has_cotangent ? cotangent.data() : nullptr,
                                       wants_x ? r[1].values.data() : nullptr,
                                       wants_y ? r.back().values.data() : nullptr};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, parts, [&](int64_t begin, int64_t end) { cpu::squared_mmd<isa()>(args, begin, end); });
      run(c, work, batch * blocks,
          [&](int64_t begin, int64_t end) { cpu::squared_mmd_results<isa()>(args, results, begin, end); });
    });
    return r;
  };
  check<T>(c, 64, compute, [&] {
    std::vector<Row> expected = {Row(batch), Row(batch * n * latents), Row(batch * m * latents)};
    for (int64_t b = 0; b < batch; ++b) {
      const T *const x_ = x.data() + b * n * latents, *const y_ = y.data() + b * m * latents;
      double *const x_grad = expected[1].data() + b * n * latents, *const y_grad = expected[2].data() + b * m * latents;
      const double within_x = 1.0 / static_cast<double>(n * (n - 1)), within_y = 1.0 / static_cast<double>(m * (m - 1));
      const double between = -2.0 / static_cast<double>(n * m);
      expected[0][b] = sum_of(kernel, true, x_, n, x_, n, latents, within_x, x_grad) +
                       sum_of(kernel, true, y_, m, y_, m, latents, within_y, y_grad) +
                       sum_of(kernel, false, x_, n, y_, m, latents, between, x_grad);
      sum_of(kernel, false, y_, m, x_, n, latents, between, y_grad);
      const double factor = has_cotangent ? double{cotangent[b]} : 1;
      for (int64_t k = 0; k < n * latents; ++k) x_grad[k] *= factor;
      for (int64_t k = 0; k < m * latents; ++k) y_grad[k] *= factor;
    }
    if (!wants_y) expected.pop_back();
    if (!wants_x) expected.erase(expected.begin() + 1);
    return expected;
  });
}

const Registered registered("squared_mmd", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
