#include "../kernels/minibatch_log_density.h"

#include <tuple>

#include "mixture.h"

namespace pyvae::ops {
namespace {

constexpr int64_t kTermsOfElement = 4;

// Its columns stay in the order they came in.
struct AsTheyCome {
  template <typename T>
  void operator()(MixtureColumns<T>&) const {}
};

// (joint [..., Q], marginals [..., Q, D], for the backward peak and total [..., Q, D + 1], and with `scores` the
// derivatives of joint and marginals in z, each [..., Q, D]).
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> minibatch_log_density(
    const Tensor& z, const Tensor& mu, const Tensor& logvar, int64_t dataset_size, int64_t estimator, bool scores,
    std::optional<Tensor> log_weights, std::optional<Tensor> own_log_ratios) {
  const Sizes sizes(z, mu, logvar);
  const ImportanceTensors importance{log_weights, own_log_ratios};
  importance.check(sizes, z);
  std::vector<int64_t> channels = sizes_of(z, 0, z.dim());
  channels.back() += 1;
  const Tensor joint = empty_of(z, sizes_of(z, 0, z.dim() - 1)), marginals = dense_empty(z);
  const Tensor peak = empty_of(z, channels), total = empty_of(z, channels);
  const Tensor joint_score = empty_scores(z, scores), marginal_scores = empty_scores(z, scores);
  if (!sizes.empty()) {
    mixture_forward(
        sizes, {channels.back(), dataset_size, estimator},
        {z, mu, logvar, joint, peak, total, marginals, if_wanted(joint_score, scores),
         if_wanted(marginal_scores, scores), importance},
        cpu::mixture_workspace(sizes.batch, sizes.queries, sizes.latents, channels.back(), scores), kTermsOfElement,
        AsTheyCome(),
        [](auto isa, const auto& args, int64_t begin, int64_t end) {
          cpu::minibatch_log_density<isa()>(args, begin, end);
        },
        [](const auto& args, auto stream) { return cuda::minibatch_log_density(args, stream); });
  }
  return {joint, marginals, peak, total, joint_score, marginal_scores};
}

Gradients minibatch_log_density_backward(const Tensor& grad_joint, const Tensor& grad_marginals, const Tensor& z,
                                         const Tensor& mu, const Tensor& logvar, const Tensor& peak,
                                         const Tensor& total, int64_t dataset_size, int64_t estimator,
                                         std::optional<Tensor> log_weights, std::optional<Tensor> own_log_ratios) {
  const Sizes sizes(z, mu, logvar);
  const ImportanceTensors importance{log_weights, own_log_ratios};
  importance.check(sizes, z);
  check_alike(z, {grad_joint, grad_marginals, peak, total});
  return mixture_backward(
      sizes, {sizes.latents + 1, dataset_size, estimator},
      {z, mu, logvar, peak, total, grad_joint, grad_marginals, importance}, AsTheyCome(),
      [](auto isa, const auto& args, int64_t turn, int64_t begin, int64_t end) {
        cpu::minibatch_log_density_backward<isa()>(args, turn, begin, end);
      },
      [](const auto& args, auto stream) { return cuda::minibatch_log_density_backward(args, stream); },
      [](const auto& args, auto stream) { return cuda::minibatch_log_density_backward_rows(args, stream); });
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "minibatch_log_density(Tensor z, Tensor mu, Tensor logvar, SymInt dataset_size, int estimator, bool scores, "
      "Tensor? log_weights=None, Tensor? own_log_ratios=None) -> (Tensor joint, Tensor marginals, Tensor peak, Tensor "
      "total, Tensor joint_score, Tensor marginal_scores)");
  m.def(
      "minibatch_log_density_backward(Tensor grad_joint, Tensor grad_marginals, Tensor z, Tensor mu, Tensor logvar, "
      "Tensor peak, Tensor total, SymInt dataset_size, int estimator, Tensor? log_weights=None, "
      "Tensor? own_log_ratios=None) -> (Tensor, Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("minibatch_log_density", TORCH_BOX(&pyvae::ops::minibatch_log_density));
  m.impl("minibatch_log_density_backward", TORCH_BOX(&pyvae::ops::minibatch_log_density_backward));
}
