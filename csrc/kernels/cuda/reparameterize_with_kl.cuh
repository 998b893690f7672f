// A sample and its posterior's KL divergence in one pass over mu and logvar; neither eps nor the KL of a latent is
// stored.
//
// Forward: the lanes of a warp that are equal modulo `apart` share a row, each a Philox block of it at a time, as many
// lanes as the row has blocks; the KL is summed over them in a fixed order. Backward: a thread takes a Philox block.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/normal.h"
#include "../reparameterize_with_kl.h"
#include "team.cuh"

namespace pyvae::cuda {

// How a row's elements lie in Philox blocks: as `runs` of one stream each, every one of which begins `skip` elements
// into its first block. A row is one run, or, where each element has a stream, as many as latents.
struct RowBlocks {
  int64_t runs, run_length, blocks;  // blocks: of one run
  int64_t stream, counter, skip;     // of the first run
};

template <typename T>
PYVAE_MATH RowBlocks row_blocks(int64_t rows, int64_t latents, int64_t streams, int64_t row) {
  constexpr int64_t kCount = NormalBlock<T>::kCount;
  const int64_t length = rows * latents / streams, position = row * latents % length;
  const int64_t run_length = smaller(length, latents), skip = position % kCount;
  return {latents / run_length,   run_length,        ceil_div(skip + run_length, kCount),
          row * latents / length, position / kCount, skip};
}

// Lanes of a warp that are this far apart share a row: few where a row has many blocks.
template <typename T>
PYVAE_MATH int lanes_apart(int64_t latents) {
  int apart = 1;
  while (apart < kWarp && ceil_div(latents, NormalBlock<T>::kCount) * apart * 2 <= kWarp) apart *= 2;
  return apart;
}

template <typename T>
PYVAE_MATH int64_t reparameterize_with_kl_blocks(const ReparameterizeWithKl<T>& args) {
  return blocks_for(args.rows, kWarps * lanes_apart<T>(args.latents));
}

// One lane's share of a row: every `lanes`-th block of it. Writes z, returns the KL.
template <typename T>
PYVAE_KERNEL Sum<T> sample_of_lane(const ReparameterizeWithKl<T>& args, int64_t row, int lane, int lanes) {
  constexpr int kCount = NormalBlock<T>::kCount;
  Sum<T> sum{T(0)};
  const RowBlocks in_row = row_blocks<T>(args.rows, args.latents, args.streams, row);
  for (int64_t k = lane; k < in_row.runs * in_row.blocks; k += lanes) {
    const int64_t run = k / in_row.blocks, block = k % in_row.blocks;
    NormalBlock<T> eps;
    normals(
        philox(static_cast<uint64_t>(args.seed[in_row.stream + run]), static_cast<uint64_t>(in_row.counter + block)),
        eps);
    for (int j = 0; j < kCount; ++j) {
      const int64_t at = block * kCount + j - in_row.skip;  // in the run
      if (at < 0 || at >= in_row.run_length) continue;
      const int64_t element = row * args.latents + run * in_row.run_length + at;
      const T mu = args.mu[element], logvar = args.logvar[element];
      args.z[element] = pyvae::reparameterize(mu, logvar, eps.value[j]);
      sum.value += pyvae::gaussian_kl(mu, logvar);
    }
  }
  return sum;
}

template <typename T, typename Team>
PYVAE_KERNEL void reparameterize_with_kl_body(const ReparameterizeWithKl<T>& args, const Team& team) {
  const int apart = lanes_apart<T>(args.latents), per_block = kWarps * apart;
  for (int64_t first = team.block * per_block; first < args.rows; first += team.blocks * per_block) {
    const auto row_of = [&](int warp, int lane) { return first + warp * apart + lane % apart; };
    team.reduce(
        apart,
        [&](int warp, int lane) {
          const int64_t row = row_of(warp, lane);
          return row < args.rows ? sample_of_lane(args, row, lane / apart, kWarp / apart) : Sum<T>{T(0)};
        },
        [&](int warp, int lane, const Sum<T>& sum) {
          if (lane < apart && row_of(warp, lane) < args.rows) args.kl[row_of(warp, lane)] = sum.value;
        });
  }
}

// Philox blocks of one stream.
template <typename T>
PYVAE_MATH int64_t blocks_of_stream(const ReparameterizeWithKlBackward<T>& args) {
  return ceil_div(args.rows * args.latents / args.streams, NormalBlock<T>::kCount);
}

template <typename T>
PYVAE_MATH int64_t reparameterize_with_kl_backward_blocks(const ReparameterizeWithKlBackward<T>& args) {
  return blocks_for(args.streams * blocks_of_stream(args), kThreads);
}

template <typename T>
PYVAE_KERNEL void sample_backward_at(const ReparameterizeWithKlBackward<T>& args, int64_t k, T eps) {
  const T mu = args.mu[k], logvar = args.logvar[k], grad_z = args.grad_z[k], grad_kl = args.grad_kl[k / args.latents];
  const GaussianKlGrad<T> of_kl = gaussian_kl_grad(mu, logvar);
  args.grad_mu[k] = grad_z + grad_kl * of_kl.mu;
  args.grad_logvar[k] = grad_z * reparameterize_grad_logvar(logvar, eps) + grad_kl * of_kl.logvar;
}

template <typename T, typename Team>
PYVAE_KERNEL void reparameterize_with_kl_backward_body(const ReparameterizeWithKlBackward<T>& args, const Team& team) {
  constexpr int kCount = NormalBlock<T>::kCount;
  const int64_t length = args.rows * args.latents / args.streams, blocks = blocks_of_stream(args);
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < args.streams * blocks; k += team.blocks * kThreads) {
      const int64_t stream = k / blocks, counter = k % blocks, start = counter * kCount;
      NormalBlock<T> eps;
      normals(philox(static_cast<uint64_t>(args.seed[stream]), static_cast<uint64_t>(counter)), eps);
      for (int j = 0; j < kCount; ++j) {
        if (start + j < length) sample_backward_at(args, stream * length + start + j, eps.value[j]);
      }
    }
  });
}

}  // namespace pyvae::cuda
