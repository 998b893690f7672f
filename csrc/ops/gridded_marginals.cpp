#include "../kernels/gridded_marginals.h"

#include <tuple>

#include "mixture.h"

namespace pyvae::ops {
namespace {

Marginals marginals_of(const Sizes& sizes, const Tensor& z, const Tensor& mu, const Tensor& logvar,
                       int64_t dataset_size, int64_t estimator, double rtol) {
  return {sizes.batch, sizes.queries, sizes.columns, sizes.latents,    weights_of(sizes, dataset_size, estimator),
          rtol,        in<float>(z),  in<float>(mu), in<float>(logvar)};
}

void check(const Tensor& z, double rtol) {
  STD_TORCH_CHECK(z.scalar_type() == ScalarType::Float, "expected float32 tensors");
  STD_TORCH_CHECK(rtol > 0, "expected rtol greater than 0");
}

cpu::MarginalsWorkspace cpu_workspace(const Sizes& sizes) {
  return {sizes.batch, sizes.queries, sizes.columns, sizes.latents};
}

// The scratch memory of the device that this library is for.
Tensor workspace_of(const Tensor& like, const Sizes& sizes, bool backward) {
  const cuda::MarginalsWorkspace on_cuda(sizes.batch, sizes.queries, sizes.columns, sizes.latents, backward);
  return empty_bytes(like, {kCudaLibrary ? on_cuda.bytes() : cpu_workspace(sizes).bytes()});
}

int64_t slot_grain(const Sizes& sizes) { return grain_for((sizes.queries + sizes.columns) * sizes.latents); }

// (marginals, score: the derivative in z, tier: how each was made), all [..., Q, D].
std::tuple<Tensor, Tensor, Tensor> gridded_marginals(const Tensor& z, const Tensor& mu, const Tensor& logvar,
                                                     int64_t dataset_size, int64_t estimator, double rtol) {
  const Sizes sizes(z, mu, logvar);
  check(z, rtol);
  const Tensor marginals = dense_empty(z), score = dense_empty(z), tier = empty_bytes(z, sizes_of(z, 0, z.dim()));
  if (!sizes.empty() && sizes.latents > 0) {
    const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar);
    const Tensor workspace = workspace_of(z, sizes, false);
    const GriddedMarginals args{marginals_of(sizes, z_, mu_, logvar_, dataset_size, estimator, rtol),
                                out<float>(marginals), out<float>(score), out<uint8_t>(tier), out<char>(workspace)};
    launch(
        z, cpu_workspace(sizes).slots, slot_grain(sizes),
        [&](auto isa, int64_t begin, int64_t end) { cpu::gridded_marginals<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::gridded_marginals(args, stream); });
  }
  return {marginals, score, tier};
}

std::tuple<Tensor, Tensor, Tensor> gridded_marginals_backward(const Tensor& grad_marginals, const Tensor& z,
                                                              const Tensor& mu, const Tensor& logvar,
                                                              const Tensor& marginals, const Tensor& score,
                                                              const Tensor& tier, int64_t dataset_size,
                                                              int64_t estimator, double rtol) {
  const Sizes sizes(z, mu, logvar);
  check(z, rtol);
  check_alike(z, {grad_marginals, marginals, score});
  STD_TORCH_CHECK(same_shape(grad_marginals, z) && same_shape(marginals, z) && same_shape(score, z) &&
                      same_shape(tier, z) && tier.scalar_type() == ScalarType::Byte,
                  "expected grad_marginals, marginals, score and tier of the forward's shapes and types");
  Tensor grad_z = dense_empty(z), grad_mu = dense_empty(mu), grad_logvar = dense_empty(mu);
  if (sizes.empty() || sizes.latents == 0) {
    no_gradients(grad_mu, grad_logvar);
    return {grad_z, grad_mu, grad_logvar};
  }
  const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar), marginals_ = dense(marginals);
  const Tensor score_ = dense(score), tier_ = dense(tier), grad_ = dense(grad_marginals);
  const Tensor workspace = workspace_of(z, sizes, true);
  const GriddedMarginalsBackward args{marginals_of(sizes, z_, mu_, logvar_, dataset_size, estimator, rtol),
                                      in<float>(marginals_),
                                      in<float>(score_),
                                      in<uint8_t>(tier_),
                                      in<float>(grad_),
                                      out<float>(grad_z),
                                      out<float>(grad_mu),
                                      out<float>(grad_logvar),
                                      out<char>(workspace)};
  launch(
      z, cpu_workspace(sizes).slots, slot_grain(sizes),
      [&](auto isa, int64_t begin, int64_t end) { cpu::gridded_marginals_backward<isa()>(args, begin, end); },
      [&](auto stream) { return cuda::gridded_marginals_backward(args, stream); });
  return {grad_z, grad_mu, grad_logvar};
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "gridded_marginals(Tensor z, Tensor mu, Tensor logvar, SymInt dataset_size, int estimator, float rtol) "
      "-> (Tensor marginals, Tensor score, Tensor tier)");
  m.def(
      "gridded_marginals_backward(Tensor grad_marginals, Tensor z, Tensor mu, Tensor logvar, Tensor marginals, "
      "Tensor score, Tensor tier, SymInt dataset_size, int estimator, float rtol) -> (Tensor, Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("gridded_marginals", TORCH_BOX(&pyvae::ops::gridded_marginals));
  m.impl("gridded_marginals_backward", TORCH_BOX(&pyvae::ops::gridded_marginals_backward));
}
