// The Philox blocks of rows that lie in streams: neighbouring lanes share a row, each a block of it at a time.
// Not yet measured on a GPU.
#pragma once
#include "../../math/normal.h"
#include "divisor.cuh"
#include "packs.cuh"

namespace pyvae::cuda {

// An op's arguments, how threads divide their rows, and how those lie in streams: each as `runs` of one stream, of
// which there is one, or, where each element has a stream, one per latent.
template <typename T, typename Arguments>
struct NoiseJob {
  Arguments of;
  RowPacks packs;
  Divisor stream_length;
  int64_t run_length, runs;

  NoiseJob(const Arguments& args, const RowPacks& of_rows)
      : of(args),
        packs(of_rows),
        stream_length(args.rows * args.latents / args.streams),
        run_length(smaller(stream_length.by, args.latents)),
        runs(args.latents / run_length) {
    packs.aligned = packs.aligned && runs == 1;
  }

  // Philox blocks of a row, at most: one more than packs where it begins within a block.
  int64_t most_blocks() const { return runs * ceil_div(run_length + kPackSize<T> - 1, kPackSize<T>); }

  PYVAE_MEMBER int64_t stream_of(int64_t element) const {
    return of.streams == 1 ? 0 : stream_length.quotient(element);
  }
};

// How a row's elements lie in Philox blocks: every run begins `skip` elements into the first of its `blocks`.
struct RowBlocks {
  int64_t blocks, stream, counter;  // stream and counter of the first run
  int skip;
};

template <typename T, typename Job>
PYVAE_KERNEL RowBlocks row_blocks(const Job& job, int64_t row) {
  constexpr int64_t kCount = NormalBlock<T>::kCount;
  const int64_t element = row * job.of.latents, stream = job.stream_of(element);
  const int64_t position = element - stream * job.stream_length.by;
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
    const int64_t run = job.runs == 1 ? 0 : k, block = k - run;  // more than one have a block each
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

}  // namespace pyvae::cuda
