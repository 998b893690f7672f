// A sample and its posterior's KL divergence tile by tile, in L1: the noise, then z and the KL of each latent in one
// pass over mu and logvar, then the rows' sums. Neither eps nor the KL of a latent is stored; the backward draws eps
// again. z has the bits of reparameterize, kl those of gaussian_kl. Rows are independent.
#include "../reparameterize_with_kl.h"

#include "../../math/gaussian.h"
#include "noise.h"
#include "rows.h"

namespace pyvae::cpu {
namespace {

template <typename T>
void forward(const ReparameterizeWithKl<T>& args, int64_t begin, int64_t end) {
  const int64_t length = stream_length(args);
  const auto body = [](const T* const* x, T* const* y) PYVAE_INLINE {
#pragma omp simd
    for (int64_t k = 0; k < kBlock; ++k) {
      y[0][k] = pyvae::reparameterize(x[0][k], x[1][k], x[2][k]);
      y[1][k] = pyvae::gaussian_kl(x[0][k], x[1][k]);
    }
  };
  NoiseTile<T, kTile> noise;
  sum_rows<T>(args.latents, begin, end, args.kl, [&](int64_t first, int64_t count, T* kl) {
    const T* eps = draw(args.seed, length, first, count, noise);
    for_each_block<T>({args.mu + first, args.logvar + first, eps}, {args.z + first, kl}, count, body);
  });
}

template <typename T>
void backward(const ReparameterizeWithKlBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t length = stream_length(args), last = end * args.latents;
  const auto body = [](const T* const* x, T* const* y) PYVAE_INLINE {
    const T *mu = x[0], *logvar = x[1], *eps = x[2], *grad_z = x[3], *grad_kl = x[4];
    T *grad_mu = y[0], *grad_logvar = y[1];
#pragma omp simd
    for (int64_t k = 0; k < kBlock; ++k) {
      const T of_z = derivative_for(grad_z[k], reparameterize_grad_logvar(logvar[k], eps[k]));
      const GaussianKlGrad<T> of_kl = derivative_for(grad_kl[k], gaussian_kl_grad(mu[k], logvar[k]));
      grad_mu[k] = grad_z[k] + grad_kl[k] * of_kl.mu;
      grad_logvar[k] = grad_z[k] * of_z + grad_kl[k] * of_kl.logvar;
    }
  };
  NoiseTile<T, kTile> noise;
  Tile<T> grad_kl;
  for (int64_t first = begin * args.latents; first < last; first += kTile) {
    const int64_t count = smaller(last - first, kTile);
    const T* eps = draw(args.seed, length, first, count, noise);
    spread_rows(args.grad_kl, args.latents, first, count, grad_kl.value);
    for_each_block<T>({args.mu + first, args.logvar + first, eps, args.grad_z + first, grad_kl.value},
                      {args.grad_mu + first, args.grad_logvar + first}, count, body);
  }
}

}  // namespace

template <>
void reparameterize_with_kl<Isa::PYVAE_ISA>(const ReparameterizeWithKl<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize_with_kl<Isa::PYVAE_ISA>(const ReparameterizeWithKl<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void reparameterize_with_kl_backward<Isa::PYVAE_ISA>(const ReparameterizeWithKlBackward<float>& args, int64_t begin,
                                                     int64_t end) {
  backward(args, begin, end);
}
template <>
void reparameterize_with_kl_backward<Isa::PYVAE_ISA>(const ReparameterizeWithKlBackward<double>& args, int64_t begin,
                                                     int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
