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
#include "minibatch_log_density_sums.cuh"
#include "mixture_steps.cuh"

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

// Tiles, or latents, from first to last.
struct Range {
  int64_t first, last;
};

PYVAE_KERNEL Range part_of(int64_t count, int64_t part, int64_t parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

// The rows of a thread in one channel, before they meet a tile.
template <int kRows, typename T>
PYVAE_KERNEL ForwardTile<kRows, T> forward_tile(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t b,
                                                int64_t channel, int64_t row) {
  const MixtureColumns<T>& mixture = args.mixture;
  const T* query = args.workspace + at.query + b * mixture.latents * at.pitch + row;
  ForwardTile<kRows, T> tile;
  tile.row = row, tile.latents = mixture.latents, tile.rows = {query, at.pitch};
  tile.special = special_columns<T>(args.weights, mixture.columns);
  const bool joint = channel == args.channels - 1;
  for (int r = 0; r < kRows; ++r) tile.z[r] = joint ? T(0) : query[channel * at.pitch + r * kThreads];
  return tile;
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
    tile.column = number * kTile;
    tile.columns = columns_at(args.mixture, item.batch, tile.column);
    tile.columns.parameters += latent * 3 * kTile;
    tile.shifted = in_tile(tile.special, {item.batch, item.query, tile.column, rows, kTile});
    for (int within = 0; within < kTile; within += Terms::template kColumns<T>) Terms::add(tile, within, sums);
    end_tile(sums);
  }
  return sums;
}

// --- What a thread adds up -------------------------------------------------------------------------------------------

// Where the workspace has the parts' peaks and totals of a channel, those of the first row.
template <typename T>
struct PartSums {
  T* first;
  int64_t parts, pitch;

  PYVAE_MEMBER T* peaks(int64_t part) const { return first + part * 2 * pitch; }
  PYVAE_MEMBER T* totals(int64_t part) const { return peaks(part) + pitch; }
};

template <typename T>
PYVAE_KERNEL PartSums<T> part_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t b,
                                   int64_t channel) {
  const int64_t marginals = args.channels - 1, parts = at.shares.parts, joint_parts = at.shares.joint_parts;
  if (channel == marginals) return {args.workspace + at.joint + b * joint_parts * 2 * at.pitch, joint_parts, at.pitch};
  return {args.workspace + at.marginals + (b * marginals + channel) * parts * 2 * at.pitch, parts, at.pitch};
}

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
  const int64_t count = group.last - group.first, middle = group.last - count / (joint ? 4 : 2);
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
    const Range of = part_of(tiles, part, parts);
    store_sums<kRows>(part_sums(args, at, item.batch, channel), part, row, args.queries,
                      forward_sums<Terms, kRows>(args, at, item, channel, of, row));
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

// --- After -----------------------------------------------------------------------------------------------------------

// A row's sum in one channel.
template <typename T>
struct RowSum {
  T peak, total;
};

template <typename T>
PYVAE_KERNEL RowSum<T> merge(const RowSum<T>& own, const RowSum<T>& other) {
  const T top = larger(own.peak, other.peak);
  return {top, own.total * rescale(own.peak, top) + other.total * rescale(other.peak, top)};
}

// In float64, since the parts may be many.
template <typename T>
PYVAE_KERNEL RowSum<T> merged(const PartSums<T>& of, int64_t i) {
  T peak = -kInfinity<T>;
  double total = 0;
  for (int64_t part = 0; part < of.parts; ++part) {
    const T other = of.peaks(part)[i], top = larger(other, peak);
    const double term = static_cast<double>(of.totals(part)[i]) * static_cast<double>(rescale(other, top));
    total = total * static_cast<double>(rescale(peak, top)) + term;
    peak = top;
  }
  return {peak, static_cast<T>(total)};
}

// One row's channel.
struct RowChannel {
  int64_t batch, channel, row;
};

PYVAE_KERNEL RowChannel row_channel(int64_t k, int64_t queries, int64_t channels) {
  return {k / queries / channels, k / queries % channels, k % queries};
}

template <typename T>
PYVAE_KERNEL void store_density(const MixtureLogDensity<T>& args, const RowChannel& at, const RowSum<T>& sum) {
  const int64_t row = at.batch * args.queries + at.row, marginals = args.channels - 1;
  args.peak[row * args.channels + at.channel] = sum.peak, args.total[row * args.channels + at.channel] = sum.total;
  T* density = at.channel == marginals ? args.joint + row : args.marginals + row * marginals + at.channel;
  *density = log_of_sum(sum.peak, sum.total, args.weights.log_pair);
}

// Whether a marginal lies so far below the constants that are its peak, 31 bits in the mean of its terms, that their
// distance takes digits from the exponents, or that terms may have been lost.
template <typename T>
PYVAE_KERNEL bool is_far(const MixtureLogDensity<T>& args, const RowChannel& at) {
  if (at.channel == args.channels - 1) return false;
  const T total = args.total[(at.batch * args.queries + at.row) * args.channels + at.channel];
  return total < T(0x1p-31) * static_cast<T>(args.mixture.columns);
}

// A lane's share of such a row's sum, with a peak of its own: neighbouring lanes take neighbouring packs of columns.
template <typename T>
PYVAE_KERNEL RowSum<T> far_sum(const MixtureLogDensity<T>& args, const MixtureWorkspace& layout, const RowChannel& at,
                               int lane) {
  constexpr int kPacks = static_cast<int>(kTile) / kPackSize<T>;
  const int64_t packs = tiles_of(args.mixture.columns) * kPacks;
  ForwardTile<1, T> tile = forward_tile<1>(args, layout, at.batch, at.channel, at.row);
  tile.shifted = tile.special.diagonal_shift != T(0);
  RunningSums<T, 1> sums = no_sums<T, 1>(FarMarginalTerms::first_peak<T>());
  for (int64_t k = lane; k < packs; k += kWarp) {
    tile.column = k / kPacks * kTile;
    tile.columns = columns_at(args.mixture, at.batch, tile.column);
    tile.columns.parameters += at.channel * 3 * kTile;
    FarMarginalTerms::add(tile, static_cast<int>(k % kPacks) * kPackSize<T>, sums);
    end_tile(sums);
  }
  return {sums.peak[0], sums.total[0]};
}

// The parts' sums become densities, a thread for each; then a warp sums what is far.
template <bool kMarginals, typename T>
struct MergeParts {
  using Args = MixtureForward<T>;
  struct Shared {
    int32_t any_far;
  };
  static constexpr int kThreads = cuda::kThreads;
  PYVAE_MATH int64_t items(const Args& job) { return job.of.mixture.batch * job.of.channels * job.of.queries; }
  static int64_t blocks(const Args& job) { return blocks_for(items(job), kThreads); }

  PYVAE_KERNEL void merge_one(const Args& job, int64_t k, Shared& shared) {
    if (k >= items(job)) return;
    const RowChannel at = row_channel(k, job.of.queries, job.of.channels);
    store_density(job.of, at, merged(part_sums(job.of, job.at, at.batch, at.channel), at.row));
    if (kMarginals && is_far(job.of, at)) atomic_max(&shared.any_far, 1);
  }

  template <typename Team>
  PYVAE_KERNEL void sum_far(const Args& job, const Team& team, int64_t first) {
    for (int member = 0; member < kWarp; ++member) {
      const auto row_of = [&](int warp) {
        return row_channel(first + warp * kWarp + member, job.of.queries, job.of.channels);
      };
      const auto far = [&](int warp) {
        return first + warp * kWarp + member < items(job) && is_far(job.of, row_of(warp));
      };
      team.reduce(
          1, kWarp,
          [&](int warp, int lane) {
            return far(warp) ? far_sum(job.of, job.at, row_of(warp), lane) : RowSum<T>{-kInfinity<T>, T(0)};
          },
          [&](int warp, int lane, const RowSum<T>& sum) {
            if (lane == 0 && far(warp)) store_density(job.of, row_of(warp), sum);
          });
    }
  }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared& shared) {
    for (int64_t first = team.block * kThreads; first < items(job); first += team.blocks * kThreads) {
      team.threads([&](int thread) {
        if (thread == 0) shared.any_far = 0;
      });
      team.barrier();
      team.threads([&](int thread) { merge_one(job, first + thread, shared); });
      team.barrier();
      if (kMarginals && shared.any_far != 0) sum_far(job, team, first);
      team.barrier();
    }
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
