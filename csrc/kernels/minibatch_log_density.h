// The log-density of every query under the weighted mixture of all posteriors: the joint, and each latent's marginal.
//
//   joint_i      = logsumexp_j [log w_ij + sum_d log N(z_id; mu_jd, sigma_jd^2)]
//   marginal_id  = logsumexp_j [log w_ij +       log N(z_id; mu_jd, sigma_jd^2)]
//
// Nothing of size Q M exists: the forward keeps a running peak and total per row and channel (the D marginals, then the
// joint), the backward recomputes each exponent and weighs it by 2^(exponent - peak) / total.
#pragma once
#include "mixture.h"

namespace pyvae {

namespace cpu {
// Row blocks [begin, end) of B * mixture_row_blocks(Q).
template <Isa isa, typename T>
void minibatch_log_density(const MixtureLogDensity<T>& args, int64_t begin, int64_t end);
// One turn of shares [begin, end) of B * shares; after the last, grad_mu, grad_logvar and the copies of grad_z.
template <Isa isa, typename T>
void minibatch_log_density_backward(const MixtureLogDensityBackward<T>& args, int64_t turn, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// All return a cudaError_t; stream is a cudaStream_t. Of the backward the columns' gradients (grad_mu, grad_logvar)
// come first, then the rows' (grad_z).
template <typename T>
int minibatch_log_density(const MixtureLogDensity<T>& args, void* stream);
template <typename T>
int minibatch_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream);
template <typename T>
int minibatch_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
