#include "../kernels/joint_log_density.h"

#include <tuple>

#include "mixture.h"

namespace pyvae::ops {
namespace {

constexpr int64_t kChannels = 1;
constexpr int64_t kTermsOfElement = 16;
// Columns and rows from which ordering columns can pay, at all.
constexpr int64_t kLeastOrdered = 1024, kLeastRows = 256;

// The memory of the columns' order, empty where there is none: on the CPU, for float32.
struct OrderMemory {
  bool used;
  int64_t batch, queries, columns;
  Tensor numbers, boxes;

  OrderMemory(const Sizes& sizes, const Tensor& like)
      : used(!kCudaLibrary && like.scalar_type() == ScalarType::Float && sizes.columns >= kLeastOrdered &&
             sizes.queries >= kLeastRows && sizes.latents > 0),
        batch(sizes.batch),
        queries(sizes.queries),
        columns(sizes.columns),
        numbers(torch::stable::new_empty(like, {used ? batch * (2 * columns + 1) : 0}, ScalarType::Int)),
        boxes(empty_of(like, {used ? batch * tiles_of(columns) * (3 * sizes.latents + 1) : 0})) {}

  void operator()(MixtureColumns<double>&) const {}
  void operator()([[maybe_unused]] MixtureColumns<float>& args) const {
#if !defined(USE_CUDA)
    if (!used) return;
    int32_t* on = out<int32_t>(numbers);
    args.order = {on, on + batch, on + batch * (columns + 1), out<float>(boxes)};
    launch(
        boxes, batch, 1,
        [&](auto isa, int64_t begin, int64_t end) {
          cpu::mixture_order_decision<isa()>(args, queries, begin, end);
          cpu::mixture_order<isa()>(args, begin, end);
        },
        [](auto) { return 0; });
#endif
  }
};

// (joint [..., Q], for the backward peak and total [..., Q], and with `scores` the derivative in z [..., Q, D]).
std::tuple<Tensor, Tensor, Tensor, Tensor> joint_log_density(const Tensor& z, const Tensor& mu, const Tensor& logvar,
                                                             int64_t dataset_size, int64_t estimator, bool scores) {
  const Sizes sizes(z, mu, logvar);
  const Tensor score = empty_scores(z, scores);
  const std::vector<int64_t> rows = sizes_of(z, 0, z.dim() - 1);
  const Tensor joint = empty_of(z, rows), peak = empty_of(z, rows), total = empty_of(z, rows);
  if (!sizes.empty()) {
    const OrderMemory order(sizes, z);
    mixture_forward(
        sizes, {kChannels, dataset_size, estimator},
        {z, mu, logvar, joint, peak, total, std::nullopt, if_wanted(score, scores), std::nullopt},
        row_blocks(sizes) * cpu::joint_block_elements(sizes.latents, order.used, scores), kTermsOfElement, order,
        [](auto isa, const auto& args, int64_t begin, int64_t end) { cpu::joint_log_density<isa()>(args, begin, end); },
        [](const auto& args, auto stream) { return cuda::joint_log_density(args, stream); });
  }
  return {joint, peak, total, score};
}

Gradients joint_log_density_backward(const Tensor& grad_joint, const Tensor& z, const Tensor& mu, const Tensor& logvar,
                                     const Tensor& peak, const Tensor& total, int64_t dataset_size, int64_t estimator) {
  const Sizes sizes(z, mu, logvar);
  check_alike(z, {grad_joint, peak, total});
  return mixture_backward(
      sizes, {kChannels, dataset_size, estimator}, {z, mu, logvar, peak, total, grad_joint, std::nullopt},
      OrderMemory(sizes, z),
      [](auto isa, const auto& args, int64_t turn, int64_t begin, int64_t end) {
        cpu::joint_log_density_backward<isa()>(args, turn, begin, end);
      },
      [](const auto& args, auto stream) { return cuda::joint_log_density_backward(args, stream); },
      [](const auto& args, auto stream) { return cuda::joint_log_density_backward_rows(args, stream); });
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "joint_log_density(Tensor z, Tensor mu, Tensor logvar, SymInt dataset_size, int estimator, bool scores) "
      "-> (Tensor joint, Tensor peak, Tensor total, Tensor score)");
  m.def(
      "joint_log_density_backward(Tensor grad_joint, Tensor z, Tensor mu, Tensor logvar, Tensor peak, Tensor total, "
      "SymInt dataset_size, int estimator) -> (Tensor, Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("joint_log_density", TORCH_BOX(&pyvae::ops::joint_log_density));
  m.impl("joint_log_density_backward", TORCH_BOX(&pyvae::ops::joint_log_density_backward));
}
