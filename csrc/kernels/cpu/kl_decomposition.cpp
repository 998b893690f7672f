// The parts of the KL tile by tile, in L1: what each row sums over its latents is made there and not stored. Rows are
// independent.
//
// Small minibatches are what it is for: the same in torch is a dozen operations forward and two dozen backward, each of
// which costs more to call than 640 numbers to compute.
#include "../kl_decomposition.h"

#include "../../math/gaussian.h"
#include "rows.h"

namespace pyvae::cpu {
namespace {

template <typename T>
void forward(const KlDecomposition<T>& args, int64_t begin, int64_t end) {
  T *given_x = args.mutual_information, *product = args.total_correlation, *prior = args.dimwise_kl;
  sum_rows<T>(args.latents, begin, end, given_x, [&](int64_t first, int64_t count, T* term) PYVAE_INLINE {
    for_each_block<T>({args.z + first, args.mu + first, args.logvar + first}, {term}, count,
                      [](const T* const* x, T* const* y) PYVAE_INLINE {
#pragma omp simd
                        for (int64_t k = 0; k < kBlock; ++k) y[0][k] = log_normal(x[0][k], x[1][k], x[2][k]);
                      });
  });
  sum_rows<T>(args.latents, begin, end, prior, [&](int64_t first, int64_t count, T* term) PYVAE_INLINE {
    for_each_block<T>({args.z + first}, {term}, count, [](const T* const* x, T* const* y) PYVAE_INLINE {
#pragma omp simd
      for (int64_t k = 0; k < kBlock; ++k) y[0][k] = log_standard_normal(x[0][k]);
    });
  });
  sum_rows<T>(args.latents, begin, end, product, [&](int64_t first, int64_t count, T* term) PYVAE_INLINE {
    for (int64_t k = 0; k < count; ++k) term[k] = args.marginals[first + k];
  });
  const T constant = log_normal_constant<T>(args.latents);
  for (int64_t row = begin; row < end; ++row) {
    const T of_x = given_x[row] + constant, of_prior = prior[row] + constant, of_product = product[row];
    args.mutual_information[row] = of_x - args.joint[row];
    args.total_correlation[row] = args.joint[row] - of_product;
    args.dimwise_kl[row] = of_product - of_prior;
  }
}

template <typename T>
void backward(const KlDecompositionBackward<T>& args, int64_t begin, int64_t end) {
  const int64_t last = end * args.latents;
  for (int64_t row = begin; row < end; ++row)
    args.grad_joint[row] = args.grad_total_correlation[row] - args.grad_mutual_information[row];
  const auto body = [](const T* const* x, T* const* y) PYVAE_INLINE {
    const T *information = x[0], *correlation = x[1], *dimwise = x[2], *z = x[3], *mu = x[4], *logvar = x[5];
#pragma omp simd
    for (int64_t k = 0; k < kBlock; ++k) {
      const LogNormalGrad<T> of_x = derivative_for(information[k], log_normal_grad(z[k], mu[k], logvar[k]));
      const T of_prior = derivative_for(dimwise[k], log_standard_normal_grad(z[k]));
      y[0][k] = -information[k] * of_x.mu - dimwise[k] * of_prior;
      y[1][k] = information[k] * of_x.mu;
      y[2][k] = information[k] * of_x.logvar;
      y[3][k] = dimwise[k] - correlation[k];
    }
  };
  Tile<T> information, correlation, dimwise;
  for (int64_t first = begin * args.latents; first < last; first += kTile) {
    const int64_t count = smaller(last - first, kTile);
    spread_rows(args.grad_mutual_information, args.latents, first, count, information.value);
    spread_rows(args.grad_total_correlation, args.latents, first, count, correlation.value);
    spread_rows(args.grad_dimwise_kl, args.latents, first, count, dimwise.value);
    for_each_block<T>(
        {information.value, correlation.value, dimwise.value, args.z + first, args.mu + first, args.logvar + first},
        {args.grad_z + first, args.grad_mu + first, args.grad_logvar + first, args.grad_marginals + first}, count,
        body);
  }
}

}  // namespace

template <>
void kl_decomposition<Isa::PYVAE_ISA>(const KlDecomposition<float>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void kl_decomposition<Isa::PYVAE_ISA>(const KlDecomposition<double>& args, int64_t begin, int64_t end) {
  forward(args, begin, end);
}
template <>
void kl_decomposition_backward<Isa::PYVAE_ISA>(const KlDecompositionBackward<float>& args, int64_t begin, int64_t end) {
  backward(args, begin, end);
}
template <>
void kl_decomposition_backward<Isa::PYVAE_ISA>(const KlDecompositionBackward<double>& args, int64_t begin,
                                               int64_t end) {
  backward(args, begin, end);
}

}  // namespace pyvae::cpu
