// The KL divergence between diagonal Gaussians in one pass over the inputs: neither the per-latent KL under a sum nor
// any intermediate is stored; the backward computes its terms again.
//
// Summed over latents, a warp takes a row and its lanes the latents, so that reads are contiguous and the sum's order
// is fixed. Per latent, and in the backward, a thread takes an element.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../gaussian_kl.h"
#include "team.cuh"

namespace pyvae::cuda {

template <typename T>
PYVAE_KERNEL T kl_at(const GaussianKl<T>& args, int64_t k) {
  if (args.prior_mu == nullptr) return pyvae::gaussian_kl(args.mu[k], args.logvar[k]);
  const int64_t at = args.one_prior ? 0 : k;
  return pyvae::gaussian_kl(args.mu[k], args.logvar[k], args.prior_mu[at], args.prior_logvar[at]);
}

template <typename T>
PYVAE_MATH int64_t gaussian_kl_elements_blocks(const GaussianKl<T>& args) {
  return blocks_for(args.rows * args.latents, kThreads);
}

template <typename T, typename Team>
PYVAE_KERNEL void gaussian_kl_elements_body(const GaussianKl<T>& args, const Team& team) {
  team.threads([&](int thread) {
    const int64_t elements = args.rows * args.latents;
    for (int64_t k = team.block * kThreads + thread; k < elements; k += team.blocks * kThreads) {
      args.kl[k] = kl_at(args, k);
    }
  });
}

template <typename T>
PYVAE_MATH int64_t gaussian_kl_rows_blocks(const GaussianKl<T>& args) {
  return blocks_for(args.rows, kWarps);
}

// One lane's share of a row.
template <typename T>
PYVAE_KERNEL Sum<T> kl_of_lane(const GaussianKl<T>& args, int64_t row, int lane) {
  Sum<T> sum{T(0)};
  for (int64_t d = lane; d < args.latents; d += kWarp) sum.value += kl_at(args, row * args.latents + d);
  return sum;
}

template <typename T, typename Team>
PYVAE_KERNEL void gaussian_kl_rows_body(const GaussianKl<T>& args, const Team& team) {
  for (int64_t first = team.block * kWarps; first < args.rows; first += team.blocks * kWarps) {
    team.reduce(
        1,
        [&](int warp, int lane) {
          return first + warp < args.rows ? kl_of_lane(args, first + warp, lane) : Sum<T>{T(0)};
        },
        [&](int warp, int lane, const Sum<T>& sum) {
          if (lane == 0 && first + warp < args.rows) args.kl[first + warp] = sum.value;
        });
  }
}

template <typename T>
PYVAE_MATH int64_t gaussian_kl_backward_blocks(const GaussianKlBackward<T>& args) {
  return blocks_for(args.rows * args.latents, kThreads);
}

template <typename T>
PYVAE_KERNEL void kl_backward_at(const GaussianKlBackward<T>& args, int64_t k) {
  const T grad = args.grad_kl[args.sum_latents ? k / args.latents : k];
  const int64_t at = args.one_prior ? 0 : k;
  const GaussianKlGrad<T> g =
      args.prior_mu == nullptr ? gaussian_kl_grad(args.mu[k], args.logvar[k])
                               : gaussian_kl_grad(args.mu[k], args.logvar[k], args.prior_mu[at], args.prior_logvar[at]);
  args.grad_mu[k] = grad * g.mu;
  args.grad_logvar[k] = grad * g.logvar;
  if (args.grad_prior_mu == nullptr) return;
  args.grad_prior_mu[k] = grad * g.prior_mu;
  args.grad_prior_logvar[k] = grad * g.prior_logvar;
}

template <typename T, typename Team>
PYVAE_KERNEL void gaussian_kl_backward_body(const GaussianKlBackward<T>& args, const Team& team) {
  team.threads([&](int thread) {
    const int64_t elements = args.rows * args.latents;
    for (int64_t k = team.block * kThreads + thread; k < elements; k += team.blocks * kThreads) {
      kl_backward_at(args, k);
    }
  });
}

}  // namespace pyvae::cuda
