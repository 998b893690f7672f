// The KL divergence between diagonal Gaussians, per latent or summed over a row's latents, and its gradients.
#pragma once
#include "isa.h"

namespace pyvae {

template <typename T>
struct GaussianKl {
  int64_t rows, latents;
  const T* mu;            // [R, D]
  const T* logvar;        // [R, D]
  const T* prior_mu;      // [R, D], or null with prior_logvar for the standard normal
  const T* prior_logvar;  // [R, D]
  bool sum_latents;
  T* kl;                   // [R] if sum_latents, else [R, D]
  bool one_prior = false;  // prior_mu and prior_logvar are one number each, for all elements
};

template <typename T>
struct GaussianKlBackward {
  int64_t rows, latents;
  const T* mu;
  const T* logvar;
  const T* prior_mu;
  const T* prior_logvar;
  bool sum_latents;
  const T* grad_kl;      // [R] if sum_latents, else [R, D]
  T* grad_mu;            // [R, D]
  T* grad_logvar;        // [R, D]
  T* grad_prior_mu;      // [R, D], or null with grad_prior_logvar
  T* grad_prior_logvar;  // [R, D]
  bool one_prior = false;
};

namespace cpu {
// Rows [begin, end).
template <Isa isa, typename T>
void gaussian_kl(const GaussianKl<T>& args, int64_t begin, int64_t end);
template <Isa isa, typename T>
void gaussian_kl_backward(const GaussianKlBackward<T>& args, int64_t begin, int64_t end);
}  // namespace cpu

namespace cuda {
// Both return a cudaError_t; stream is a cudaStream_t.
template <typename T>
int gaussian_kl(const GaussianKl<T>& args, void* stream);
template <typename T>
int gaussian_kl_backward(const GaussianKlBackward<T>& args, void* stream);
}  // namespace cuda

}  // namespace pyvae
