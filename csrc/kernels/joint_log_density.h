// The log-density of every query under the weighted mixture of all posteriors: the joint of minibatch_log_density
// alone.
//
//   joint_i = logsumexp_j [log w_ij + sum_d log N(z_id; mu_jd, sigma_jd^2)]
//
// One channel (kernels/mixture.h), so that an exponent needs no more than its sum of squares: 3 operations per pair and
// latent, and one weight per pair.
#pragma once
#include "mixture.h"

namespace pyvae {

namespace cpu {
// Row blocks [begin, end) of B * mixture_row_blocks(Q).
template <Isa isa, typename T>
void joint_log_density(const MixtureLogDensity<T>& args, int64_t begin, int64_t end);
// One turn of shares [begin, end) of B * shares; after the last, grad_mu, grad_logvar and the copies of grad_z.
template <Isa isa, typename T>
void joint_log_density_backward(const MixtureLogDensityBackward<T>& args, int64_t turn, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// As those of minibatch_log_density.h.
template <typename T>
int joint_log_density(const MixtureLogDensity<T>& args, void* stream);
template <typename T>
int joint_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream);
template <typename T>
int joint_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
