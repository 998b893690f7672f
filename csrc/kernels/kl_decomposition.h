// The KL term of the ELBO in three parts per row, from the log-densities of the aggregate posterior, and its gradients.
//
//   MI   = log q(z|x) - log q(z)           (Chen et al. 2018, eq. 2)
//   TC   = log q(z)   - sum_d log q(z_d)
//   DWKL = sum_d [log q(z_d) - log p(z_d)]
#pragma once
#include "isa.h"

namespace pyvae {

template <typename T>
struct KlDecomposition {
  int64_t rows, latents;
  const T* z;          // [R, D]
  const T* mu;         // [R, D]
  const T* logvar;     // [R, D]
  const T* joint;      // [R]: log q(z)
  const T* marginals;  // [R, D]: log q(z_d)
  T* mutual_information;
  T* total_correlation;
  T* dimwise_kl;  // [R] each
};

template <typename T>
struct KlDecompositionBackward {
  int64_t rows, latents;
  const T* grad_mutual_information;
  const T* grad_total_correlation;
  const T* grad_dimwise_kl;  // [R] each
  const T* z;
  const T* mu;
  const T* logvar;
  T* grad_z;          // [R, D]
  T* grad_mu;         // [R, D]
  T* grad_logvar;     // [R, D]
  T* grad_joint;      // [R]
  T* grad_marginals;  // [R, D]
};

namespace cpu {
// Rows [begin, end).
template <Isa isa, typename T>
void kl_decomposition(const KlDecomposition<T>& args, int64_t begin, int64_t end);
template <Isa isa, typename T>
void kl_decomposition_backward(const KlDecompositionBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

}  // namespace pyvae
