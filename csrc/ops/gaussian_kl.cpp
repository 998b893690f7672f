#include "../kernels/gaussian_kl.h"

#include <tuple>

#include "launch.h"

namespace pyvae::ops {
namespace {

using MaybeTensor = std::optional<Tensor>;

void check(const Tensor& mu, const Tensor& logvar, const MaybeTensor& prior_mu, const MaybeTensor& prior_logvar) {
  STD_TORCH_CHECK(mu.dim() >= 1, "expected mu with a latent axis");
  check_alike(mu, {logvar});
  STD_TORCH_CHECK(same_shape(mu, logvar), "expected mu and logvar of one shape");
  STD_TORCH_CHECK(prior_mu.has_value() == prior_logvar.has_value(), "expected both tensors of the prior, or none");
  if (!prior_mu.has_value()) return;
  check_alike(mu, {*prior_mu, *prior_logvar});
  STD_TORCH_CHECK(same_shape(mu, *prior_mu) && same_shape(mu, *prior_logvar), "expected a prior of mu's shape");
}

// Whether all elements are one in memory: a number, expanded.
bool is_one_number(const Tensor& t) {
  for (int64_t k = 0; k < t.dim(); ++k) {
    if (t.size(k) > 1 && t.stride(k) != 0) return false;
  }
  return true;
}

// The prior as the kernels take it.
struct Prior {
  MaybeTensor mu, logvar;
  bool one = false;

  Prior(const MaybeTensor& mu_, const MaybeTensor& logvar_) {
    if (!mu_.has_value()) return;
    one = is_one_number(*mu_) && is_one_number(*logvar_);
    mu = one ? *mu_ : dense(*mu_);
    logvar = one ? *logvar_ : dense(*logvar_);
  }
};

template <typename T>
const T* in(const MaybeTensor& t) {
  return t.has_value() ? ops::in<T>(*t) : nullptr;
}

Tensor gaussian_kl(const Tensor& mu, const Tensor& logvar, MaybeTensor prior_mu, MaybeTensor prior_logvar,
                   bool sum_latents) {
  check(mu, logvar, prior_mu, prior_logvar);
  const int64_t latents = mu.size(mu.dim() - 1), rows = product_of_sizes(mu, 0, mu.dim() - 1);
  const Tensor kl = empty_of(mu, sizes_of(mu, 0, mu.dim() - (sum_latents ? 1 : 0)));
  if (kl.numel() == 0) return kl;
  const Tensor mu_ = ops::dense(mu), logvar_ = ops::dense(logvar);
  const Prior prior(prior_mu, prior_logvar);
  dispatch(mu, [&]<typename T>() {
    const GaussianKl<T> args{
        rows,        latents,    ops::in<T>(mu_), ops::in<T>(logvar_), in<T>(prior.mu), in<T>(prior.logvar),
        sum_latents, out<T>(kl), prior.one};
    launch(
        mu, rows, grain_for(latents),
        [&](auto isa, int64_t begin, int64_t end) { cpu::gaussian_kl<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::gaussian_kl(args, stream); });
  });
  return kl;
}

// The prior's gradients are empty, [..., 0], unless asked for.
std::tuple<Tensor, Tensor, Tensor, Tensor> gaussian_kl_backward(const Tensor& grad_kl, const Tensor& mu,
                                                                const Tensor& logvar, MaybeTensor prior_mu,
                                                                MaybeTensor prior_logvar, bool sum_latents,
                                                                bool prior_grads) {
  check(mu, logvar, prior_mu, prior_logvar);
  check_alike(mu, {grad_kl});
  const int64_t latents = mu.size(mu.dim() - 1), rows = product_of_sizes(mu, 0, mu.dim() - 1);
  STD_TORCH_CHECK(grad_kl.numel() == (sum_latents ? rows : rows * latents), "expected grad_kl of the forward's shape");
  STD_TORCH_CHECK(prior_mu.has_value() || !prior_grads, "expected a prior to give gradients to");
  const Tensor grad_mu = dense_empty(mu), grad_logvar = dense_empty(mu);
  std::vector<int64_t> prior_sizes = sizes_of(mu, 0, mu.dim());
  if (!prior_grads) prior_sizes.back() = 0;
  const Tensor grad_prior_mu = empty_of(mu, prior_sizes), grad_prior_logvar = empty_of(mu, prior_sizes);
  if (mu.numel() > 0) {
    const Tensor grad_kl_ = ops::dense(grad_kl), mu_ = ops::dense(mu), logvar_ = ops::dense(logvar);
    const Prior prior(prior_mu, prior_logvar);
    dispatch(mu, [&]<typename T>() {
      const GaussianKlBackward<T> args{rows,
                                       latents,
                                       ops::in<T>(mu_),
                                       ops::in<T>(logvar_),
                                       in<T>(prior.mu),
                                       in<T>(prior.logvar),
                                       sum_latents,
                                       ops::in<T>(grad_kl_),
                                       out<T>(grad_mu),
                                       out<T>(grad_logvar),
                                       prior_grads ? out<T>(grad_prior_mu) : nullptr,
                                       prior_grads ? out<T>(grad_prior_logvar) : nullptr,
                                       prior.one};
      launch(
          mu, rows, grain_for(latents),
          [&](auto isa, int64_t begin, int64_t end) { cpu::gaussian_kl_backward<isa()>(args, begin, end); },
          [&](auto stream) { return cuda::gaussian_kl_backward(args, stream); });
    });
  }
  return {grad_mu, grad_logvar, grad_prior_mu, grad_prior_logvar};
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("gaussian_kl(Tensor mu, Tensor logvar, Tensor? prior_mu, Tensor? prior_logvar, bool sum_latents) -> Tensor");
  m.def(
      "gaussian_kl_backward(Tensor grad_kl, Tensor mu, Tensor logvar, Tensor? prior_mu, Tensor? prior_logvar, "
      "bool sum_latents, bool prior_grads) -> (Tensor, Tensor, Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("gaussian_kl", TORCH_BOX(&pyvae::ops::gaussian_kl));
  m.impl("gaussian_kl_backward", TORCH_BOX(&pyvae::ops::gaussian_kl_backward));
}
