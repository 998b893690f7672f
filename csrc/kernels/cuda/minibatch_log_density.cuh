// Minibatch log-density and the joint alone, forward: a streaming log-sum-exp over the columns, every exponent computed
// where it is used. Nothing of size Q M exists in device memory.
//
// A thread owns rows and meets the columns of its part sixteen at a time, in one channel (a marginal, or the joint)
// after another. All threads of a warp read the same columns: what is loaded once serves every row that the thread
// owns. A second launch merges the parts' sums, and sums marginals again that lie far below what was their peak.
//
// Per pair: 3 operations in each latent of the channel, 2 (difference, sum) and one ex2; a marginal's difference is
// one per column. A multiprocessor of an H200 does 16 ex2 per clock beside 128 of the others, 132 of them at 1.98 GHz:
// the floor of a marginal is its ex2, 0.24 ns per 1000 pairs; that of a joint of 10 latents its 32 operations, 0.96 ns.
// So a block has warps for the marginals and as many for the joint, one of each per scheduler: the special functions
// work while the multiply-add pipes do.
// Not yet measured on a GPU.
#pragma once
#include "../minibatch_log_density.h"
#include "mixture/merge.cuh"

namespace pyvae::cuda {

// What one block does: a share of what rows from `query` on meet.
struct ForwardItem {
  int64_t batch, query, share;
};

// Neighbouring blocks share their columns.
PYVAE_KERNEL ForwardItem forward_item(const MixtureWorkspace& at, int64_t index) {
  const int64_t rest = index / at.row_blocks, shares = at.shares.count();
  return {rest / shares, index % at.row_blocks * kThreads * at.rows, rest % shares};
}

template <typename Terms, int kRows, typename T>
PYVAE_KERNEL RunningSums<T, kRows> forward_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at,
                                                const ForwardItem& item, int64_t channel, const Range& tiles,
                                                int64_t row) {
  const int rows = static_cast<int>(smaller<int64_t>(kThreads * kRows, args.queries - item.query));
  const int64_t latent = channel == args.channels - 1 ? 0 : channel;
  ForwardTile<kRows, T> tile = forward_tile<kRows>(args, at, item.batch, channel, row);
  RunningSums<T, kRows> sums = no_sums<T, kRows>(Terms::template first_peak<T>());
  for (int64_t number = tiles.first; number < tiles.last; ++number) {
    enter(tile, args.mixture, item.batch, latent, number);
    tile.shifted = in_tile(tile.special, {item.batch, item.query, tile.column, rows, kTile});
    for (int within = 0; within < kTile; within += Terms::template kColumns<T>) Terms::add(tile, within, sums);
    end_tile(sums);
  }
  return sums;
}

// --- What a thread adds up -------------------------------------------------------------------------------------------

template <int kRows, typename T>
PYVAE_KERNEL void store_sums(const PartSums<T>& to, int64_t part, int64_t row, int64_t queries,
                             const RunningSums<T, kRows>& sums) {
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = row + r * kThreads;
    if (i < queries) to.peaks(part)[i] = sums.peak[r], to.totals(part)[i] = sums.total[r];
  }
}

// Half the warps of a block do marginals, the others the joint, which takes about as long as half of all marginals, and
// a quarter of the marginals besides; where there is no joint to do, half of them.
template <bool kMarginals>
constexpr int kHalves = kMarginals ? 2 : 1;

PYVAE_KERNEL Range marginals_of(const Range& group, int half, bool joint) {
  const int64_t middle = group.last - group.count() / (joint ? 4 : 2);
  return half == 0 ? Range{middle, group.last} : Range{group.first, middle};
}

// Rows beyond the last compute, too; nothing of theirs is stored.
template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL void forward_thread(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const ForwardItem& item,
                                 int half, int thread) {
  const int64_t row = item.query + thread, tiles = tiles_of(args.mixture.columns);
  const ForwardShares& shares = at.shares;
  const bool joint = item.share < shares.joint_parts;
  const auto sum = [&]<typename Terms>(Terms, int64_t channel, int64_t part, int64_t parts) {
    store_sums<kRows>(part_sums(args, at, item.batch, channel), part, row, args.queries,
                      forward_sums<Terms, kRows>(args, at, item, channel, part_of(tiles, part, parts), row));
  };
  if (half == 0 && joint) sum(JointTerms(), args.channels - 1, item.share, shares.joint_parts);
  if constexpr (kMarginals) {
    const Range group = part_of(args.mixture.latents, item.share % shares.groups, shares.groups);
    const Range own = marginals_of(group, half, joint);
    for (int64_t d = own.first; d < own.last; ++d) sum(MarginalTerms(), d, item.share / shares.groups, shares.parts);
  }
}

template <typename T>
PYVAE_MATH int64_t forward_items(const MixtureForward<T>& job) {
  return job.of.mixture.batch * job.at.shares.count() * job.at.row_blocks;
}

template <bool kMarginals, int kRows, typename T>
struct SumParts {
  using Args = MixtureForward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = kHalves<kMarginals> * cuda::kThreads;
  static int64_t blocks(const Args& job) { return blocks_for(forward_items(job), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < forward_items(job); index += team.blocks) {
        forward_thread<kMarginals, kRows>(job.of, job.at, forward_item(job.at, index), thread / cuda::kThreads,
                                          thread % cuda::kThreads);
      }
    });
  }
};

// The launches of a forward, in order.
template <bool kMarginals, typename T, typename Launch>
void for_each_forward_step(const MixtureLogDensity<T>& args, Launch& launch) {
  const MixtureForward<T> job{args, forward_layout(args)};
  launch(TransposeQueries<T, MixtureForward<T>>(), job);
  if (job.at.rows == 1) {
    launch(SumParts<kMarginals, 1, T>(), job);
  } else {
    launch(SumParts<kMarginals, kForwardRows, T>(), job);
  }
  launch(MergeParts<kMarginals, T>(), job);
}

}  // namespace pyvae::cuda
