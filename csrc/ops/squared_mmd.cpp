#include "../kernels/squared_mmd.h"

#include <tuple>

#include "launch.h"

namespace pyvae::ops {
namespace {

using Scales = std::vector<double>;

// The leading axes, folded into one, and what they lead to.
struct Samples {
  std::vector<int64_t> leading;
  int64_t batch, x_count, y_count, latents;

  Samples(const Tensor& x, const Tensor& y, int64_t kernel, const Scales& scales) {
    check_alike(x, {y});
    STD_TORCH_CHECK(x.dim() >= 2 && y.dim() == x.dim(), "expected x and y with two axes at least, as many each");
    leading = ops::sizes_of(x, 0, x.dim() - 2);
    batch = product_of_sizes(x, 0, x.dim() - 2);
    x_count = x.size(x.dim() - 2), y_count = y.size(y.dim() - 2), latents = x.size(x.dim() - 1);
    STD_TORCH_CHECK(ops::sizes_of(y, 0, y.dim() - 2) == leading && y.size(y.dim() - 1) == latents,
                    "expected x [..., n, D] and y [..., m, D] with the same leading axes");
    STD_TORCH_CHECK(x_count >= 2 && y_count >= 2, "expected two points of each sample at least");
    STD_TORCH_CHECK(kernel == 0 || kernel == 1, "expected the kernel 0 or 1");
    STD_TORCH_CHECK(!scales.empty(), "expected one scale at least");
  }

  // Without its points where it is not wanted.
  std::vector<int64_t> points(int64_t count, bool wanted) const {
    std::vector<int64_t> sizes = leading;
    sizes.insert(sizes.end(), {wanted ? count : 0, latents});
    return sizes;
  }
};

// As many shares as threads may come, each worth waking a thread for.
int64_t shares_of(const Samples& of, const MmdBlocks& blocks) {
  constexpr int64_t kLeast = int64_t{1} << 19;  // pairs times latents, some ten microseconds
  const int64_t points = of.x_count + of.y_count, work = of.batch * (points * points / 2) * (of.latents + 4);
  const int64_t at_once = smaller<int64_t>(of.batch * (blocks.players() / 2), torch::stable::get_num_threads());
  return larger<int64_t>(smaller(work / kLeast, at_once), 1);
}

struct Wanted {
  std::optional<Tensor> value, cotangent, x_grad, y_grad;
};

template <typename T>
T* out_or_null(const std::optional<Tensor>& t) {
  return t.has_value() ? out<T>(*t) : nullptr;
}

void compute(const Samples& of, const Tensor& x, const Tensor& y, int64_t kernel, const Scales& scales,
             const Wanted& wanted) {
  const Tensor x_ = dense(x), y_ = dense(y);
  const MmdBlocks blocks{mmd_blocks_of(of.x_count), mmd_blocks_of(of.y_count)};
  const int64_t shares = shares_of(of, blocks);
  const auto doubles = [&](std::vector<int64_t> sizes) {
    return torch::stable::new_empty(x, sizes, ScalarType::Double);
  };
  const Tensor totals = doubles({of.batch * blocks.count()});
  const Tensor x_sums = doubles(of.points(of.x_count, wanted.x_grad.has_value()));
  const Tensor y_sums = doubles(of.points(of.y_count, wanted.y_grad.has_value()));
  const Tensor room = empty_of(x, {shares * squared_mmd_room(of.latents, static_cast<int64_t>(scales.size()))});
  std::vector<int64_t> progress(1 + of.batch * blocks.count());
  dispatch(x, [&]<typename T>() {
    const SquaredMmd<T> args{of.batch,
                             of.x_count,
                             of.y_count,
                             of.latents,
                             in<T>(x_),
                             in<T>(y_),
                             static_cast<RadialKernel>(kernel),
                             scales.data(),
                             static_cast<int64_t>(scales.size()),
                             out<double>(totals),
                             wanted.x_grad.has_value() ? out<double>(x_sums) : nullptr,
                             wanted.y_grad.has_value() ? out<double>(y_sums) : nullptr,
                             out<T>(room),
                             progress.data()};
    const SquaredMmdResults<T> results{out_or_null<T>(wanted.value),
                                       wanted.cotangent.has_value() ? in<T>(*wanted.cotangent) : nullptr,
                                       out_or_null<T>(wanted.x_grad), out_or_null<T>(wanted.y_grad)};
    for_ranges(shares, 1, [&](auto isa, int64_t begin, int64_t end) { cpu::squared_mmd<isa()>(args, begin, end); });
    for_ranges(
        of.batch * blocks.count(), grain_for(of.latents * (of.x_count + of.y_count) / blocks.count()),
        [&](auto isa, int64_t begin, int64_t end) { cpu::squared_mmd_results<isa()>(args, results, begin, end); });
  });
}

std::optional<Tensor> if_wanted(const Tensor& t, bool wanted) { return wanted ? std::optional(t) : std::nullopt; }

// The discrepancy [...], and where they are wanted its derivatives in x [..., n, D] and y [..., m, D], else of no
// points.
std::tuple<Tensor, Tensor, Tensor> squared_mmd(const Tensor& x, const Tensor& y, int64_t kernel, Scales scales,
                                               bool x_scores, bool y_scores) {
  const Samples of(x, y, kernel, scales);
  const Tensor value = empty_of(x, of.leading);
  const Tensor x_score = empty_of(x, of.points(of.x_count, x_scores));
  const Tensor y_score = empty_of(y, of.points(of.y_count, y_scores));
  if (of.batch > 0) {
    compute(of, x, y, kernel, scales,
            {value, std::nullopt, if_wanted(x_score, x_scores), if_wanted(y_score, y_scores)});
  }
  return {value, x_score, y_score};
}

// Gradients that are not wanted are of no points.
std::tuple<Tensor, Tensor> squared_mmd_backward(const Tensor& grad, const Tensor& x, const Tensor& y, int64_t kernel,
                                                Scales scales, bool of_x, bool of_y) {
  const Samples of(x, y, kernel, scales);
  check_alike(x, {grad});
  STD_TORCH_CHECK(ops::sizes_of(grad, 0, grad.dim()) == of.leading, "expected grad with the leading axes of x and y");
  const Tensor grad_x = empty_of(x, of.points(of.x_count, of_x)), grad_y = empty_of(y, of.points(of.y_count, of_y));
  if (of.batch > 0) {
    compute(of, x, y, kernel, scales, {std::nullopt, dense(grad), if_wanted(grad_x, of_x), if_wanted(grad_y, of_y)});
  }
  return {grad_x, grad_y};
}

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "squared_mmd(Tensor x, Tensor y, int kernel, float[] scales, bool x_scores, bool y_scores) "
      "-> (Tensor value, Tensor x_score, Tensor y_score)");
  m.def(
      "squared_mmd_backward(Tensor grad, Tensor x, Tensor y, int kernel, float[] scales, bool of_x, bool of_y) "
      "-> (Tensor grad_x, Tensor grad_y)");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CPU, m) {
  m.impl("squared_mmd", TORCH_BOX(&pyvae::ops::squared_mmd));
  m.impl("squared_mmd_backward", TORCH_BOX(&pyvae::ops::squared_mmd_backward));
}
