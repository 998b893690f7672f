// The KL divergence between diagonal Gaussians in one pass over the inputs: neither the per-latent KL under a sum nor
// any intermediate is stored; the backward computes its terms again.
//
// Packs of 16 bytes (packs.cuh). Summed over latents, lanes that share a row add up its terms in a fixed order. The
// backward's threads go row by row, too, so that only rows cut in pieces need a division to find their cotangent.
//
// Bytes of float32 elements: 8 read forward, 8 read and 8 written backward. While an H200's memory moves those of a
// warp, a scheduler can issue 64 instructions an element, and 128; docs/cuda-instructions.md counts 40 and 57.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../gaussian_kl.h"
#include "packs.cuh"

namespace pyvae::cuda {

// --- Terms -----------------------------------------------------------------------------------------------------------

// The arguments of a pack's terms: zeros beyond the part, of which the KL is 0.
template <typename T>
struct KlPack {
  Pack<T> mu, logvar, prior_mu, prior_logvar;
};

// Of either direction's arguments.
template <typename T, template <typename> typename Args>
PYVAE_KERNEL KlPack<T> load_kl(const Args<T>& args, int64_t at, const PackPart& part) {
  KlPack<T> pack{load_part(args.mu + at, part), load_part(args.logvar + at, part), {}, {}};
  if (args.prior_mu == nullptr) return pack;
  if (args.one_prior) {
    for (int k = 0; k < kPackSize<T>; ++k) {
      if (k < part.end) pack.prior_mu.value[k] = *args.prior_mu, pack.prior_logvar.value[k] = *args.prior_logvar;
    }
    return pack;
  }
  pack.prior_mu = load_part(args.prior_mu + at, part);
  pack.prior_logvar = load_part(args.prior_logvar + at, part);
  return pack;
}

template <typename T>
PYVAE_KERNEL Pack<T> kl_terms(const GaussianKl<T>& args, int64_t at, const PackPart& part) {
  const KlPack<T> of = load_kl(args, at, part);
  Pack<T> kl;
  for (int k = 0; k < kPackSize<T>; ++k) {
    const T mu = of.mu.value[k], logvar = of.logvar.value[k];
    kl.value[k] = args.prior_mu == nullptr
                      ? pyvae::gaussian_kl(mu, logvar)
                      : pyvae::gaussian_kl(mu, logvar, of.prior_mu.value[k], of.prior_logvar.value[k]);
  }
  return kl;
}

// A direction's arguments, and how threads divide them.
template <typename Arguments>
struct KlJob {
  Arguments of;
  RowPacks packs;
};

// A prior of one number is in no packs.
template <typename T>
const T* in_packs(const T* prior, bool one_prior) {
  return one_prior ? nullptr : prior;
}

// --- Forward ---------------------------------------------------------------------------------------------------------

template <typename T>
struct KlOfLatents : PackStep<KlJob<GaussianKl<T>>> {
  template <typename Team>
  PYVAE_KERNEL void run(const KlJob<GaussianKl<T>>& job, const Team& team, NothingShared&) {
    team.threads([&](int thread) {
      for_each_pack<T>(job.packs, team, thread, [&](int64_t, int64_t at, const PackPart& part) {
        store_part(kl_terms(job.of, at, part), job.of.kl + at, part);
      });
    });
  }
};

template <typename T>
struct KlOfRows : PackStep<KlJob<GaussianKl<T>>> {
  // One lane's share of a row: every `lanes`-th pack.
  PYVAE_KERNEL Sum<T> of_lane(const KlJob<GaussianKl<T>>& job, int64_t row, int lane) {
    const int64_t latents = job.of.latents;
    Sum<T> sum{T(0)};
    for (int64_t begin = lane * kPackSize<T>; begin < latents; begin += job.packs.lanes() * kPackSize<T>) {
      const PackPart part = part_before<T>(latents - begin, job.packs.aligned);
      const Pack<T> kl = kl_terms(job.of, row * latents + begin, part);
      for (int k = 0; k < kPackSize<T>; ++k) sum.value += kl.value[k];
    }
    return sum;
  }

  template <typename Team>
  PYVAE_KERNEL void run(const KlJob<GaussianKl<T>>& job, const Team& team, NothingShared&) {
    for_each_row_sum(
        job.packs, team, [&](int64_t row, int lane) { return of_lane(job, row, lane); },
        [&](int64_t row, const Sum<T>& sum) { job.of.kl[row] = sum.value; });
  }
};

template <typename T, typename Launch>
void for_each_kl_step(const GaussianKl<T>& args, Launch& launch) {
  const T *prior_mu = in_packs(args.prior_mu, args.one_prior),
          *prior_logvar = in_packs(args.prior_logvar, args.one_prior);
  if (args.sum_latents) {
    launch(KlOfRows<T>(), {args, row_packs<T>(args.rows, args.latents, args.mu, args.logvar, prior_mu, prior_logvar)});
  } else {
    launch(KlOfLatents<T>(),
           {args, piece_packs<T>(1, args.rows * args.latents, args.mu, args.logvar, prior_mu, prior_logvar, args.kl)});
  }
}

// --- Backward --------------------------------------------------------------------------------------------------------

template <typename T>
struct KlBackward : PackStep<KlJob<GaussianKlBackward<T>>> {
  PYVAE_KERNEL void visit(const GaussianKlBackward<T>& args, int64_t row, int64_t at, const PackPart& part) {
    const KlPack<T> of = load_kl(args, at, part);
    const Pack<T> of_latents = args.sum_latents ? Pack<T>{} : load_part(args.grad_kl + at, part);
    const T of_row = args.sum_latents ? args.grad_kl[row] : T(0);
    Pack<T> mu, logvar, prior_mu, prior_logvar;
    for (int k = 0; k < kPackSize<T>; ++k) {
      const T grad = args.sum_latents ? of_row : of_latents.value[k];
      const GaussianKlGrad<T> each =
          args.prior_mu == nullptr
              ? gaussian_kl_grad(of.mu.value[k], of.logvar.value[k])
              : gaussian_kl_grad(of.mu.value[k], of.logvar.value[k], of.prior_mu.value[k], of.prior_logvar.value[k]);
      const GaussianKlGrad<T> g = derivative_for(grad, each);
      mu.value[k] = grad * g.mu, logvar.value[k] = grad * g.logvar;
      prior_mu.value[k] = grad * g.prior_mu, prior_logvar.value[k] = grad * g.prior_logvar;
    }
    store_part(mu, args.grad_mu + at, part), store_part(logvar, args.grad_logvar + at, part);
    if (args.grad_prior_mu == nullptr) return;
    store_part(prior_mu, args.grad_prior_mu + at, part);
    store_part(prior_logvar, args.grad_prior_logvar + at, part);
  }

  template <typename Team>
  PYVAE_KERNEL void run(const KlJob<GaussianKlBackward<T>>& job, const Team& team, NothingShared&) {
    team.threads([&](int thread) {
      for_each_pack<T>(job.packs, team, thread, [&](int64_t row, int64_t begin, const PackPart& part) {
        visit(job.of, row, row * job.packs.length + begin, part);
      });
    });
  }
};

template <typename T, typename Launch>
void for_each_kl_backward_step(const GaussianKlBackward<T>& args, Launch& launch) {
  const bool summed = args.sum_latents, one = args.one_prior;
  launch(KlBackward<T>(),
         {args, piece_packs<T>(summed ? args.rows : 1, summed ? args.latents : args.rows * args.latents, args.mu,
                               args.logvar, in_packs(args.prior_mu, one), in_packs(args.prior_logvar, one),
                               summed ? nullptr : args.grad_kl, args.grad_mu, args.grad_logvar, args.grad_prior_mu,
                               args.grad_prior_logvar)});
}

}  // namespace pyvae::cuda
