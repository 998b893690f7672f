#include "../kernels/kl_decomposition.h"

#include <tuple>

#include "launch.h"

namespace pyvae::ops {
namespace {

struct Sizes {
  int64_t rows, latents;

  Sizes(const Tensor& z, const Tensor& mu, const Tensor& logvar)
      : rows(product_of_sizes(z, 0, z.dim() - 1)), latents(z.dim() > 0 ? z.size(z.dim() - 1) : 0) {
    STD_TORCH_CHECK(z.dim() >= 1, "expected z with a latent axis");
    check_alike(z, {mu, logvar});
    STD_TORCH_CHECK(same_shape(z, mu) && same_shape(z, logvar), "expected z, mu and logvar of one shape");
  }
};

// Mutual information, total correlation and dimension-wise KL, [...] each.
std::tuple<Tensor, Tensor, Tensor> kl_decomposition(const Tensor& z, const Tensor& mu, const Tensor& logvar,
                                                    const Tensor& joint, const Tensor& marginals) {
  const Sizes sizes(z, mu, logvar);
  check_alike(z, {joint, marginals});
  STD_TORCH_CHECK(joint.numel() == sizes.rows && same_shape(marginals, z),
                  "expected a joint density of every row and a marginal of every latent");
  const std::vector<int64_t> rows = sizes_of(z, 0, z.dim() - 1);
  const Tensor information = empty_of(z, rows), correlation = empty_of(z, rows), dimwise = empty_of(z, rows);
  const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar);
  const Tensor joint_ = dense(joint), marginals_ = dense(marginals);
  dispatch(z, [&]<typename T>() {
    const KlDecomposition<T> args{sizes.rows,          sizes.latents,  in<T>(z_),         in<T>(mu_),
                                  in<T>(logvar_),      in<T>(joint_),  in<T>(marginals_), out<T>(information),
                                  out<T>(correlation), out<T>(dimwise)};
    for_ranges(sizes.rows, grain_for(sizes.latents),
               [&](auto isa, int64_t begin, int64_t end) { cpu::kl_decomposition<isa()>(args, begin, end); });
  });
  return {information, correlation, dimwise};
}

// Gradients of z, mu, logvar, joint and marginals.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> kl_decomposition_backward(const Tensor& grad_information,
                                                                             const Tensor& grad_correlation,
                                                                             const Tensor& grad_dimwise,
                                                                             const Tensor& z, const Tensor& mu,
                                                                             const Tensor& logvar) {
  const Sizes sizes(z, mu, logvar);
  check_alike(z, {grad_information, grad_correlation, grad_dimwise});
  for (const Tensor* grad : {&grad_information, &grad_correlation, &grad_dimwise})
    STD_TORCH_CHECK(grad->numel() == sizes.rows, "expected a cotangent of every row");
  const Tensor grad_z = dense_empty(z), grad_mu = dense_empty(z), grad_logvar = dense_empty(z);
  const Tensor grad_joint = empty_of(z, sizes_of(z, 0, z.dim() - 1)), grad_marginals = dense_empty(z);
  const Tensor information = dense(grad_information), correlation = dense(grad_correlation);
  const Tensor dimwise = dense(grad_dimwise), z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar);
  dispatch(z, [&]<typename T>() {
    const KlDecompositionBackward<T> args{
        sizes.rows,          sizes.latents,      in<T>(information),    in<T>(correlation), in<T>(dimwise),
        in<T>(z_),           in<T>(mu_),         in<T>(logvar_),        out<T>(grad_z),     out<T>(grad_mu),
        out<T>(grad_logvar), out<T>(grad_joint), out<T>(grad_marginals)};
    for_ranges(sizes.rows, grain_for(sizes.latents),
               [&](auto isa, int64_t begin, int64_t end) { cpu::kl_decomposition_backward<isa()>(args, begin, end); });
  });
  return {grad_z, grad_mu, grad_logvar, grad_joint, grad_marginals};
}

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "kl_decomposition(Tensor z, Tensor mu, Tensor logvar, Tensor joint, Tensor marginals) "
      "-> (Tensor mutual_information, Tensor total_correlation, Tensor dimwise_kl)");
  m.def(
      "kl_decomposition_backward(Tensor grad_mutual_information, Tensor grad_total_correlation, "
      "Tensor grad_dimwise_kl, Tensor z, Tensor mu, Tensor logvar) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CPU, m) {
  m.impl("kl_decomposition", TORCH_BOX(&pyvae::ops::kl_decomposition));
  m.impl("kl_decomposition_backward", TORCH_BOX(&pyvae::ops::kl_decomposition_backward));
}
