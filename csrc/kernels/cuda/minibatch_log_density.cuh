// Minibatch log-density and the joint alone, forward: a streaming log-sum-exp over the columns, every exponent computed
// where it is used. Nothing of size Q M exists in device memory.
//
// A thread owns rows and meets the columns of its part sixteen at a time, in one channel (a marginal, or the joint)
// after another. All threads of a warp read the same columns: what is loaded once serves every row that the thread
// owns. The parts' sums are merged by a second launch.
//
// Per pair: 3 operations in each latent of the channel, 2 (difference, sum) and one ex2; a marginal's difference is
// one per column. A multiprocessor of an H200 does 16 ex2 per clock beside 128 of the others, 132 of them at 1.98 GHz:
// the floor of a marginal is its ex2, 0.24 ns per 1000 pairs; that of a joint of 10 latents its 32 operations, 0.96 ns.
// So a block has warps for the marginals and as many for the joint, one of each per scheduler: the special functions
// work while the multiply-add pipes do.
// Not yet measured on a GPU.
#pragma once
#include "../minibatch_log_density.h"
#include "minibatch_log_density_sums.cuh"
#include "mixture_steps.cuh"

namespace pyvae::cuda {

// What one block does: rows from `query` on, tiles [tile, last_tile), a group of the channels.
struct ForwardItem {
  int64_t batch, query, group, part, tile, last_tile;
};

// Neighbouring blocks share their columns.
template <typename T>
PYVAE_KERNEL ForwardItem forward_item(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t index) {
  const int64_t rest = index / at.row_blocks, tiles = tiles_of(args.mixture.columns);
  const int64_t part = rest / at.groups % at.parts;
  return {rest / at.groups / at.parts,
          index % at.row_blocks * kThreads * at.rows,
          rest % at.groups,
          part,
          tiles * part / at.parts,
          tiles * (part + 1) / at.parts};
}

template <typename Terms, int kRows, typename T>
PYVAE_KERNEL RunningSums<T, kRows> forward_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at,
                                                const ForwardItem& item, int64_t channel, int64_t row) {
  const MixtureColumns<T>& mixture = args.mixture;
  const bool joint = channel == args.channels - 1;
  const int rows = static_cast<int>(smaller<int64_t>(kThreads * kRows, args.queries - item.query));
  const T* query = args.workspace + at.query + item.batch * mixture.latents * at.pitch + row;
  ForwardTile<kRows, T> tile;
  tile.row = row, tile.latents = mixture.latents, tile.rows = {query, at.pitch};
  tile.special = special_columns<T>(args.weights, mixture.columns);
  RunningSums<T, kRows> sums;
  for (int r = 0; r < kRows; ++r) {
    tile.z[r] = joint ? T(0) : query[channel * at.pitch + r * kThreads];
    sums.peak[r] = Terms::template first_peak<T>(), sums.total[r] = 0;
  }
  for (int64_t number = item.tile; number < item.last_tile; ++number) {
    tile.column = number * kTile;
    tile.columns = columns_at(mixture, item.batch, tile.column);
    if (!joint) tile.columns.parameters += channel * 3 * kTile;
    tile.shifted = in_tile(tile.special, {item.batch, item.query, tile.column, rows, kTile});
    for (int within = 0; within < kTile; within += Terms::template kColumns<T>) Terms::add(tile, within, sums);
  }
  return sums;
}

// Whether a row's terms may have been lost below the constants: up to M 2^-126.
template <typename T>
PYVAE_KERNEL bool is_far(T total) {
  return total <= T(0x1p-60);
}

template <int kRows, typename T>
PYVAE_KERNEL RunningSums<T, kRows> marginal_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at,
                                                 const ForwardItem& item, int64_t channel, int64_t row) {
  RunningSums<T, kRows> sums = forward_sums<MarginalTerms, kRows>(args, at, item, channel, row);
  bool any_far = false;
  for (int r = 0; r < kRows; ++r) any_far |= is_far(sums.total[r]);
  if (!any_far) return sums;
  const RunningSums<T, kRows> far = forward_sums<FarMarginalTerms, kRows>(args, at, item, channel, row);
  for (int r = 0; r < kRows; ++r) {
    if (is_far(sums.total[r])) sums.peak[r] = far.peak[r], sums.total[r] = far.total[r];
  }
  return sums;
}

template <int kRows, typename T>
PYVAE_KERNEL void store_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const ForwardItem& item,
                             int64_t channel, int64_t row, const RunningSums<T, kRows>& sums) {
  const int64_t to = ((item.batch * args.channels + channel) * at.parts + item.part) * at.pitch;
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = row + r * kThreads;
    if (i >= args.queries) continue;
    args.workspace[at.peak + to + i] = sums.peak[r], args.workspace[at.total + to + i] = sums.total[r];
  }
}

// --- The channels of a thread ----------------------------------------------------------------------------------------

// Workers are the halves of the blocks that share rows and tiles: the first does the joint, which takes about as long
// as half of all marginals, and where there are only two, a quarter of those besides; the others do theirs.
template <bool kMarginals>
constexpr int kHalves = kMarginals ? 2 : 1;

struct Channels {
  int64_t first, last;
};

PYVAE_KERNEL Channels marginals_of(int64_t worker, int64_t workers, int64_t latents) {
  const int64_t of_first = workers == 2 ? latents / 4 : 0, left = latents - of_first;
  if (worker == 0) return {left, latents};
  return {left * (worker - 1) / (workers - 1), left * worker / (workers - 1)};
}

// Rows beyond the last compute, too; nothing of theirs is stored.
template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL void forward_thread(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const ForwardItem& item,
                                 int half, int thread) {
  const int64_t row = item.query + thread, worker = item.group * kHalves<kMarginals> + half;
  if (worker == 0) {
    const int64_t joint = args.channels - 1;
    store_sums(args, at, item, joint, row, forward_sums<JointTerms, kRows>(args, at, item, joint, row));
  }
  if constexpr (kMarginals) {
    const Channels own = marginals_of(worker, at.groups * kHalves<true>, args.mixture.latents);
    for (int64_t channel = own.first; channel < own.last; ++channel) {
      store_sums(args, at, item, channel, row, marginal_sums<kRows>(args, at, item, channel, row));
    }
  }
}

template <typename T>
PYVAE_MATH int64_t forward_items(const MixtureForward<T>& job) {
  return job.of.mixture.batch * job.at.parts * job.at.groups * job.at.row_blocks;
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
        forward_thread<kMarginals, kRows>(job.of, job.at, forward_item(job.of, job.at, index), thread / cuda::kThreads,
                                          thread % cuda::kThreads);
      }
    });
  }
};

// The launches of a forward, in order.
template <bool kMarginals, typename T, typename Launch>
void for_each_forward_step(const MixtureLogDensity<T>& args, int64_t filling, Launch& launch) {
  const MixtureForward<T> job{args, forward_layout(args, filling)};
  launch(TransposeQueries<T, MixtureForward<T>>(), job);
  if (job.at.rows == 1) {
    launch(SumParts<kMarginals, 1, T>(), job);
  } else {
    launch(SumParts<kMarginals, kForwardRows, T>(), job);
  }
  launch(MergeParts<T>(), job);
}

}  // namespace pyvae::cuda
