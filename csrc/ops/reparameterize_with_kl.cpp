#include "../kernels/reparameterize_with_kl.h"

#include <tuple>

#include "seed.h"

namespace pyvae::ops {
namespace {

void check(const Tensor& mu, const Tensor& logvar, const Tensor& seed) {
  STD_TORCH_CHECK(mu.dim() >= 1, "expected mu with a latent axis");
  check_alike(mu, {logvar});
  STD_TORCH_CHECK(same_shape(mu, logvar), "expected mu and logvar of one shape");
  check_seed(seed, mu);
}

std::tuple<Tensor, Tensor> reparameterize_with_kl(const Tensor& mu, const Tensor& logvar, const Tensor& seed) {
  check(mu, logvar, seed);
  const int64_t latents = mu.size(mu.dim() - 1), rows = product_of_sizes(mu, 0, mu.dim() - 1);
  const Tensor z = dense_empty(mu);
  if (z.numel() == 0) return {z, torch::stable::new_zeros(mu, sizes_of(mu, 0, mu.dim() - 1))};  // no latents sum to 0
  const Tensor kl = empty_of(mu, sizes_of(mu, 0, mu.dim() - 1));
  const Tensor mu_ = dense(mu), logvar_ = dense(logvar), seed_ = dense(seed);
  dispatch(mu, [&]<typename T>() {
    const ReparameterizeWithKl<T> args{
        rows, latents, seed.numel(), in<T>(mu_), in<T>(logvar_), in<int64_t>(seed_), out<T>(z), out<T>(kl)};
    launch(
        mu, rows, grain_for(latents),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize_with_kl<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize_with_kl(args, stream); });
  });
  return {z, kl};
}

std::tuple<Tensor, Tensor> reparameterize_with_kl_backward(const Tensor& grad_z, const Tensor& grad_kl,
                                                           const Tensor& mu, const Tensor& logvar, const Tensor& seed) {
  check(mu, logvar, seed);
  check_alike(mu, {grad_z, grad_kl});
  const int64_t latents = mu.size(mu.dim() - 1), rows = product_of_sizes(mu, 0, mu.dim() - 1);
  STD_TORCH_CHECK(same_shape(grad_z, mu), "expected grad_z of mu's shape");
  STD_TORCH_CHECK(grad_kl.numel() == rows, "expected one element of grad_kl for each row of mu");
  const Tensor grad_mu = dense_empty(mu), grad_logvar = dense_empty(mu);
  if (mu.numel() == 0) return {grad_mu, grad_logvar};
  const Tensor grad_z_ = dense(grad_z), grad_kl_ = dense(grad_kl), mu_ = dense(mu), logvar_ = dense(logvar);
  const Tensor seed_ = dense(seed);
  dispatch(mu, [&]<typename T>() {
    const ReparameterizeWithKlBackward<T> args{
        rows,       latents,        seed.numel(),       in<T>(grad_z_),  in<T>(grad_kl_),
        in<T>(mu_), in<T>(logvar_), in<int64_t>(seed_), out<T>(grad_mu), out<T>(grad_logvar)};
    launch(
        mu, rows, grain_for(latents),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize_with_kl_backward<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize_with_kl_backward(args, stream); });
  });
  return {grad_mu, grad_logvar};
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("reparameterize_with_kl(Tensor mu, Tensor logvar, Tensor seed) -> (Tensor, Tensor)");
  m.def(
      "reparameterize_with_kl_backward(Tensor grad_z, Tensor grad_kl, Tensor mu, Tensor logvar, Tensor seed) "
      "-> (Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("reparameterize_with_kl", TORCH_BOX(&pyvae::ops::reparameterize_with_kl));
  m.impl("reparameterize_with_kl_backward", TORCH_BOX(&pyvae::ops::reparameterize_with_kl_backward));
}
