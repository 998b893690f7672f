#include "../kernels/minibatch_log_density.h"

#include <tuple>

#include "mixture.h"

namespace pyvae::ops {
namespace {

// The transformed columns and the memory they live in.
template <typename T>
MixtureColumns<T> transform(const Sizes& sizes, const Tensor& mu, const Tensor& logvar, const Tensor& memory) {
  const int64_t count = sizes.batch * sizes.latents * sizes.columns;
  T* first = out<T>(memory);
  const MixtureColumns<T> args{sizes.batch,   sizes.columns, sizes.latents, in<T>(mu),
                               in<T>(logvar), first,         first + count, first + 2 * count};
  launch(
      mu, sizes.batch * sizes.latents, grain_for(sizes.columns),
      [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density_columns<isa()>(args, begin, end); },
      [&](auto stream) { return cuda::minibatch_log_density_columns(args, stream); });
  return args;
}

Tensor column_memory(const Sizes& sizes, const Tensor& like) {
  return empty_of(like, {3, sizes.batch, sizes.latents, sizes.columns});
}

// The CPU kernels' scratch memory; the CUDA kernels need none.
Tensor workspace_of(const Tensor& like, int64_t elements) { return empty_of(like, {kCudaLibrary ? 0 : elements}); }

// Blocks of rows of all batch entries, and how many a thread takes at least.
int64_t row_blocks(const Sizes& sizes) { return sizes.batch * cpu::minibatch_log_density_row_blocks(sizes.queries); }
int64_t row_block_grain(int64_t elements_per_row) { return grain_for(elements_per_row * cpu::kRowBlock); }

// Terms (pair, latent) of a row, in elements of the elementwise ops, one of which costs about as much as four of these.
int64_t elements_of_terms(int64_t terms) { return (terms + 3) / 4; }

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
    const Tensor workspace =
        workspace_of(z, cpu::minibatch_log_density_workspace(sizes.batch, sizes.queries, sizes.latents));
    dispatch(z, [&]<typename T>() {
      const MinibatchLogDensity<T> args{transform<T>(sizes, mu_, logvar_, memory),
                                        sizes.queries,
                                        weights_of(sizes, dataset_size, estimator),
                                        in<T>(z_),
                                        out<T>(joint),
                                        out<T>(marginals),
                                        out<T>(peak),
                                        out<T>(total),
                                        out<T>(workspace)};
      launch(
          z, row_blocks(sizes), row_block_grain(elements_of_terms(sizes.columns * sizes.latents)),
          [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density<isa()>(args, begin, end); },
          [&](auto stream) { return cuda::minibatch_log_density(args, stream); });
    });
  }
  return {joint, marginals, peak, total};
}

using BackwardWorkspace = cpu::MinibatchLogDensityWorkspace;

BackwardWorkspace backward_workspace(const Sizes& sizes) {
  return {sizes.batch, sizes.queries, sizes.columns, sizes.latents};
}

// On CPU: what the shares read of the rows, the shares with the columns' gradients, the rows' gradients from the
// shares. On CUDA the columns' gradients, then the rows'.
template <typename T>
void run_backward(const MinibatchLogDensityBackward<T>& args, const Sizes& sizes, const Tensor& on) {
  const int64_t shares = backward_workspace(sizes).shares;
  launch(
      on, row_blocks(sizes), row_block_grain(sizes.latents),
      [&](auto isa, int64_t begin, int64_t end) {
        cpu::minibatch_log_density_backward_prepare<isa()>(args, begin, end);
      },
      [&](auto) { return 0; });
  launch(
      on, sizes.batch * shares, 1,
      [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density_backward<isa()>(args, begin, end); },
      [&](auto stream) { return cuda::minibatch_log_density_backward(args, stream); });
  launch(
      on, row_blocks(sizes), row_block_grain(sizes.latents * shares),
      [&](auto isa, int64_t begin, int64_t end) { cpu::minibatch_log_density_backward_rows<isa()>(args, begin, end); },
      [&](auto stream) { return cuda::minibatch_log_density_backward_rows(args, stream); });
}

std::tuple<Tensor, Tensor, Tensor> minibatch_log_density_backward(const Tensor& grad_joint,
                                                                  const Tensor& grad_marginals, const Tensor& z,
                                                                  const Tensor& mu, const Tensor& logvar,
                                                                  const Tensor& peak, const Tensor& total,
                                                                  int64_t dataset_size, int64_t estimator) {
  const Sizes sizes(z, mu, logvar);
  check_alike(z, {grad_joint, grad_marginals, peak, total});
  const int64_t rows = sizes.batch * sizes.queries;
  STD_TORCH_CHECK(grad_joint.numel() == rows && same_shape(grad_marginals, z) && same_shape(peak, total) &&
                      peak.numel() == rows * (sizes.latents + 1),
                  "expected grad_joint, grad_marginals, peak and total of the forward's shapes");
  Tensor grad_z = dense_empty(z), grad_mu = dense_empty(mu), grad_logvar = dense_empty(mu);
  if (sizes.empty()) {
    torch::stable::zero_(grad_mu);
    torch::stable::zero_(grad_logvar);
    return {grad_z, grad_mu, grad_logvar};
  }
  const Tensor z_ = dense(z), mu_ = dense(mu), logvar_ = dense(logvar), peak_ = dense(peak), total_ = dense(total);
  const Tensor grad_joint_ = dense(grad_joint), grad_marginals_ = dense(grad_marginals);
  const Tensor memory = column_memory(sizes, z), workspace = workspace_of(z, backward_workspace(sizes).elements);
  dispatch(z, [&]<typename T>() {
    const MinibatchLogDensityBackward<T> args{transform<T>(sizes, mu_, logvar_, memory),
                                              sizes.queries,
                                              weights_of(sizes, dataset_size, estimator),
                                              in<T>(z_),
                                              in<T>(peak_),
                                              in<T>(total_),
                                              in<T>(grad_joint_),
                                              in<T>(grad_marginals_),
                                              out<T>(grad_z),
                                              out<T>(grad_mu),
                                              out<T>(grad_logvar),
                                              out<T>(workspace)};
    run_backward(args, sizes, z);
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
