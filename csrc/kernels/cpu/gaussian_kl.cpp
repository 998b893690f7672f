// Gaussian KL: one pass over the inputs, the sum over latents kept in registers, so that neither the per-latent KL nor
// any intermediate of it is stored. Rows are independent.
#include "../gaussian_kl.h"

#include "../../math/gaussian.h"

namespace pyvae::cpu {
namespace {

// Latents are summed in groups: one running float32 sum over a thousand of them would lose digits.
constexpr int64_t kLatentGroup = 128;

template <typename T>
void forward(const GaussianKl<T>& args, int64_t begin, int64_t end) {
  const int64_t latents = args.latents;
  // kl_of(k): the KL of element k of the [R, D] inputs.
  const auto run = [&](auto kl_of) {
    if (!args.sum_latents) {
#pragma omp simd
      for (int64_t k = begin * latents; k < end * latents; ++k) args.kl[k] = kl_of(k);
      return;
    }
    for (int64_t row = begin; row < end; ++row) {
      T sum = 0;
      for (int64_t first = 0; first < latents; first += kLatentGroup) {
        const int64_t last = first + kLatentGroup < latents ? first + kLatentGroup : latents;
        T group = 0;
#pragma omp simd reduction(+ : group)
        for (int64_t d = first; d < last; ++d) group += kl_of(row * latents + d);
        sum += group;
      }
      args.kl[row] = sum;
    }
  };
  const T *mu = args.mu, *logvar = args.logvar, *prior_mu = args.prior_mu, *prior_logvar = args.prior_logvar;
  if (prior_mu == nullptr) {
    run([=](int64_t k) { return pyvae::gaussian_kl(mu[k], logvar[k]); });
  } else {
    run([=](int64_t k) { return pyvae::gaussian_kl(mu[k], logvar[k], prior_mu[k], prior_logvar[k]); });
  }
}

template <typename T>
void backward(const GaussianKlBackward<T>& args, int64_t begin, int64_t end) {
  const T *mu = args.mu, *logvar = args.logvar, *prior_mu = args.prior_mu, *prior_logvar = args.prior_logvar;
  const int64_t latents = args.latents;
  for (int64_t row = begin; row < end; ++row) {
    // A stride of 0 spreads the row's one cotangent over its latents.
    const T* grad = args.grad_kl + (args.sum_latents ? row : row * latents);
    const int64_t stride = args.sum_latents ? 0 : 1, offset = row * latents;
    if (prior_mu == nullptr) {
#pragma omp simd
      for (int64_t d = 0; d < latents; ++d) {
        const GaussianKlGrad<T> g = gaussian_kl_grad(mu[offset + d], logvar[offset + d]);
        args.grad_mu[offset + d] = grad[d * stride] * g.mu;
        args.grad_logvar[offset + d] = grad[d * stride] * g.logvar;
      }
    } else {
#pragma omp simd
      for (int64_t d = 0; d < latents; ++d) {
        const int64_t k = offset + d;
        const GaussianKlGrad<T> g = gaussian_kl_grad(mu[k], logvar[k], prior_mu[k], prior_logvar[k]);
        args.grad_mu[k] = grad[d * stride] * g.mu;
        args.grad_logvar[k] = grad[d * stride] * g.logvar;
        args.grad_prior_mu[k] = grad[d * stride] * g.prior_mu;
        args.grad_prior_logvar[k] = grad[d * stride] * g.prior_logvar;
      }
    }
  }
}

}  // namespace

template <>
void gaussian_kl<Isa::PYVAE_ISA>(const GaussianKl<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void gaussian_kl<Isa::PYVAE_ISA>(const GaussianKl<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void gaussian_kl_backward<Isa::PYVAE_ISA>(const GaussianKlBackward<float>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}
template <>
void gaussian_kl_backward<Isa::PYVAE_ISA>(const GaussianKlBackward<double>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
