// A sample and its posterior's KL divergence in one pass over mu and logvar; neither eps nor the KL of a latent is
// stored.
//
// Neighbouring lanes of a warp share a row, each a Philox block of it at a time, as many lanes as the row has blocks.
// Forward: the KL is summed over them in a fixed order. Backward: going row by row, only rows cut in pieces need a
// division to find their cotangent.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/normal.h"
#include "../reparameterize_with_kl.h"
#include "packs.cuh"

namespace pyvae::cuda {

// --- The blocks of a row ---------------------------------------------------------------------------------------------

// A direction's arguments, how threads divide their rows, and how those lie in streams: each as `runs` of one stream,
// of which there is one, or, where each element has a stream, one per latent.
template <typename T, typename Arguments>
struct SampleWithKlJob {
  Arguments of;
  RowPacks packs;
  int64_t stream_length, run_length, runs;

  SampleWithKlJob(const Arguments& args, const RowPacks& of_rows)
      : of(args),
        packs(of_rows),
        stream_length(args.rows * args.latents / args.streams),
        run_length(smaller(stream_length, args.latents)),
        runs(args.latents / run_length) {
    packs.aligned = packs.aligned && runs == 1;
  }

  // Philox blocks of a row, at most: one more than packs where it begins within a block.
  int64_t most_blocks() const { return runs * ceil_div(run_length + kPackSize<T> - 1, kPackSize<T>); }
};

// How a row's elements lie in Philox blocks: every run begins `skip` elements into the first of its `blocks`.
struct RowBlocks {
  int64_t blocks, stream, counter;  // stream and counter of the first run
  int skip;
};

template <typename T, typename Job>
PYVAE_KERNEL RowBlocks row_blocks(const Job& job, int64_t row) {
  constexpr int64_t kCount = NormalBlock<T>::kCount;
  const int64_t element = row * job.of.latents, stream = job.of.streams == 1 ? 0 : element / job.stream_length;
  const int64_t position = element - stream * job.stream_length;
  const int skip = static_cast<int>(position % kCount);
  return {ceil_div(skip + job.run_length, kCount), stream, position / kCount, skip};
}

constexpr int64_t kEveryBlock = INT64_MAX;

// Calls visit(at, part, eps) for every `lanes`-th of blocks [first, last) of a row, as far as it has them: elements
// at + [part.begin, part.end) of the tensors.
template <typename T, typename Job, typename Visit>
PYVAE_KERNEL void for_each_block(const Job& job, int64_t row, int64_t first, int64_t last, Visit visit) {
  constexpr int kCount = NormalBlock<T>::kCount;
  static_assert(kCount == kPackSize<T>);
  const RowBlocks in = row_blocks<T>(job, row);
  for (int64_t k = first; k < smaller(last, job.runs * in.blocks); k += job.packs.lanes()) {
    const int64_t run = job.runs == 1 ? 0 : k / in.blocks, block = k - run * in.blocks;
    NormalBlock<T> eps;
    normals(philox(static_cast<uint64_t>(job.of.seed[in.stream + run]), static_cast<uint64_t>(in.counter + block)),
            eps);
    const int64_t begin = block * kCount - in.skip;  // in the run
    const int from = static_cast<int>(larger<int64_t>(0, -begin)),
              to = static_cast<int>(smaller<int64_t>(kCount, job.run_length - begin));
    const PackPart part{from, to, job.packs.aligned && to - from == kCount};
    visit(row * job.of.latents + run * job.run_length + begin, part, eps);
  }
}

// --- Forward ---------------------------------------------------------------------------------------------------------

template <typename T>
struct SampleWithKl : PackStep<SampleWithKlJob<T, ReparameterizeWithKl<T>>> {
  using Job = SampleWithKlJob<T, ReparameterizeWithKl<T>>;

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
struct SampleWithKlBackward : PackStep<SampleWithKlJob<T, ReparameterizeWithKlBackward<T>>> {
  using Job = SampleWithKlJob<T, ReparameterizeWithKlBackward<T>>;

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
  SampleWithKlJob<T, ReparameterizeWithKlBackward<T>> job{
      args, row_packs<T>(args.rows, args.latents, args.grad_z, args.mu, args.logvar, args.grad_mu, args.grad_logvar)};
  job.packs.pieces = ceil_div(job.most_blocks(), kWarp);
  launch(SampleWithKlBackward<T>(), job);
}

}  // namespace pyvae::cuda
