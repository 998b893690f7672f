// A sample and its posterior's KL divergence in one pass over mu and logvar; neither eps nor the KL of a latent is
// stored.
//
// Neighbouring lanes of a warp share a row, each a Philox block of it at a time, as many lanes as the row has blocks.
// Forward: the KL is summed over them in a fixed order. Backward: going row by row, only rows cut in pieces need a
// division to find their cotangent.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../reparameterize_with_kl.h"
#include "noise.cuh"

namespace pyvae::cuda {

// --- Forward ---------------------------------------------------------------------------------------------------------

template <typename T>
struct SampleWithKl : PackStep<NoiseJob<T, ReparameterizeWithKl<T>>> {
  using Job = NoiseJob<T, ReparameterizeWithKl<T>>;

  // One lane's share of a row. Writes z, returns the KL.
  PYVAE_KERNEL Sum<T> of_lane(const Job& job, int64_t row, int lane) {
    Sum<T> sum{T(0)};
    for_each_block<T>(job, row, lane, kEveryBlock, [&](int64_t at, const PackPart& part, const NormalBlock<T>& eps) {
      const Pack<T> mu = load_part(job.of.mu + at, part), logvar = load_part(job.of.logvar + at, part);
      Pack<T> z;
      for (int k = 0; k < kPackSize<T>; ++k) {
        z.value[k] = pyvae::reparameterize(mu.value[k], logvar.value[k], eps.value[k]);
        sum.value += pyvae::gaussian_kl(mu.value[k], logvar.value[k]);  // 0 of the zeros beyond the part
      }
      store_part(z, job.of.z + at, part);
    });
    return sum;
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, NothingShared&) {
    for_each_row_sum(
        job.packs, team, [&](int64_t row, int lane) { return of_lane(job, row, lane); },
        [&](int64_t row, const Sum<T>& sum) { job.of.kl[row] = sum.value; });
  }
};

template <typename T, typename Launch>
void for_each_sample_step(const ReparameterizeWithKl<T>& args, Launch& launch) {
  launch(SampleWithKl<T>(), {args, row_packs<T>(args.rows, args.latents, args.mu, args.logvar, args.z)});
}

// --- Backward --------------------------------------------------------------------------------------------------------

template <typename T>
struct SampleWithKlBackward : PackStep<NoiseJob<T, ReparameterizeWithKlBackward<T>>> {
  using Job = NoiseJob<T, ReparameterizeWithKlBackward<T>>;

  PYVAE_KERNEL void visit(const Job& job, T grad_kl, int64_t at, const PackPart& part, const NormalBlock<T>& eps) {
    const Pack<T> mu = load_part(job.of.mu + at, part), logvar = load_part(job.of.logvar + at, part),
                  grad_z = load_part(job.of.grad_z + at, part);
    Pack<T> grad_mu, grad_logvar;
    for (int k = 0; k < kPackSize<T>; ++k) {
      const T of_z = derivative_for(grad_z.value[k], reparameterize_grad_logvar(logvar.value[k], eps.value[k]));
      const GaussianKlGrad<T> of_kl = derivative_for(grad_kl, gaussian_kl_grad(mu.value[k], logvar.value[k]));
      grad_mu.value[k] = grad_z.value[k] + grad_kl * of_kl.mu;
      grad_logvar.value[k] = grad_z.value[k] * of_z + grad_kl * of_kl.logvar;
    }
    store_part(grad_mu, job.of.grad_mu + at, part), store_part(grad_logvar, job.of.grad_logvar + at, part);
  }

  // Threads divide a long row in pieces of as many blocks as a warp has lanes.
  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, NothingShared&) {
    team.threads([&](int thread) {
      for_each_piece(job.packs, team, thread, [&](int64_t row, int64_t piece) {
        const int64_t first = piece * kWarp;
        const T grad_kl = job.of.grad_kl[row];
        for_each_block<T>(
            job, row, first + job.packs.lane(thread), first + kWarp,
            [&](int64_t at, const PackPart& part, const NormalBlock<T>& eps) { visit(job, grad_kl, at, part, eps); });
      });
    });
  }
};

template <typename T, typename Launch>
void for_each_sample_backward_step(const ReparameterizeWithKlBackward<T>& args, Launch& launch) {
  NoiseJob<T, ReparameterizeWithKlBackward<T>> job{
      args, row_packs<T>(args.rows, args.latents, args.grad_z, args.mu, args.logvar, args.grad_mu, args.grad_logvar)};
  job.packs.pieces = ceil_div(job.most_blocks(), kWarp);
  launch(SampleWithKlBackward<T>(), job);
}

}  // namespace pyvae::cuda
