#include "../kernels/minibatch_log_density.h"

#include <tuple>

#include "mixture.h"

namespace pyvae::ops {
namespace {

constexpr int64_t kTermsOfElement = 4;

// (joint [..., Q], marginals [..., Q, D], and for the backward peak and total [..., Q, D + 1]).
std::tuple<Tensor, Tensor, Tensor, Tensor> minibatch_log_density(const Tensor& z, const Tensor& mu,
                                                                 const Tensor& logvar, int64_t dataset_size,
                                                                 int64_t estimator) {
  const Sizes sizes(z, mu, logvar);
  std::vector<int64_t> channels = sizes_of(z, 0, z.dim());
  channels.back() += 1;
  const Tensor joint = empty_of(z, sizes_of(z, 0, z.dim() - 1)), marginals = dense_empty(z);
  const Tensor peak = empty_of(z, channels), total = empty_of(z, channels);
  if (!sizes.empty()) {
    const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar), memory = column_memory(sizes, z);
    const int64_t slots = block_slots(z);
    const Tensor workspace =
        forward_workspace(sizes, channels.back(), z, slots,
                          cpu::mixture_workspace(sizes.batch, sizes.queries, sizes.latents, channels.back()));
    dispatch(z, [&]<typename T>() {
      const MixtureLogDensity<T> args{transform<T>(sizes, mu_, logvar_, memory),
                                      sizes.queries,
                                      channels.back(),
                                      weights_of(sizes, dataset_size, estimator),
                                      in<T>(z_),
                                      out<T>(joint),
                                      out<T>(marginals),
                                      out<T>(peak),
                                      out<T>(total),
                                      out<T>(workspace),
                                      slots};
      launch(
          z, row_blocks(sizes), row_block_grain(elements_of_terms(sizes.columns * sizes.latents, kTermsOfElement)),
          [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density<isa()>(args, begin, end); },
          [&](auto stream) { return cuda::minibatch_log_density(args, stream); });
    });
  }
  return {joint, marginals, peak, total};
}

std::tuple<Tensor, Tensor, Tensor> minibatch_log_density_backward(const Tensor& grad_joint,
                                                                  const Tensor& grad_marginals, const Tensor& z,
                                                                  const Tensor& mu, const Tensor& logvar,
                                                                  const Tensor& peak, const Tensor& total,
                                                                  int64_t dataset_size, int64_t estimator) {
  const Sizes sizes(z, mu, logvar);
  check_alike(z, {grad_joint, grad_marginals, peak, total});
  const int64_t rows = sizes.batch * sizes.queries, channels = sizes.latents + 1;
  STD_TORCH_CHECK(grad_joint.numel() == rows && same_shape(grad_marginals, z) && same_shape(peak, total) &&
                      peak.numel() == rows * channels,
                  "expected grad_joint, grad_marginals, peak and total of the forward's shapes");
  Tensor grad_z = dense_empty(z), grad_mu = dense_empty(mu), grad_logvar = dense_empty(mu);
  if (sizes.empty()) {
    no_gradients(grad_mu, grad_logvar);
    return {grad_z, grad_mu, grad_logvar};
  }
  const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar), peak_ = dense(peak), total_ = dense(total);
  const Tensor grad_joint_ = dense(grad_joint), grad_marginals_ = dense(grad_marginals);
  const int64_t slots = block_slots(z);
  const Tensor memory = column_memory(sizes, z), workspace = backward_workspace(sizes, channels, z, slots);
  dispatch(z, [&]<typename T>() {
    const MixtureLogDensityBackward<T> args{transform<T>(sizes, mu_, logvar_, memory),
                                            sizes.queries,
                                            channels,
                                            weights_of(sizes, dataset_size, estimator),
                                            in<T>(z_),
                                            in<T>(peak_),
                                            in<T>(total_),
                                            in<T>(grad_joint_),
                                            in<T>(grad_marginals_),
                                            out<T>(grad_z),
                                            out<T>(grad_mu),
                                            out<T>(grad_logvar),
                                            out<T>(workspace),
                                            slots};
    run_backward(
        args, sizes, z,
        [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density_backward<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::minibatch_log_density_backward(args, stream); },
        [&](auto stream) { return cuda::minibatch_log_density_backward_rows(args, stream); });
  });
  return {grad_z, grad_mu, grad_logvar};
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "minibatch_log_density(Tensor z, Tensor mu, Tensor logvar, int dataset_size, int estimator) "
      "-> (Tensor joint, Tensor marginals, Tensor peak, Tensor total)");
  m.def(
      "minibatch_log_density_backward(Tensor grad_joint, Tensor grad_marginals, Tensor z, Tensor mu, Tensor logvar, "
      "Tensor peak, Tensor total, int dataset_size, int estimator) -> (Tensor, Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("minibatch_log_density", TORCH_BOX(&pyvae::ops::minibatch_log_density));
  m.impl("minibatch_log_density_backward", TORCH_BOX(&pyvae::ops::minibatch_log_density_backward));
}
