// Minibatch log-density and the joint alone, forward: a streaming log-sum-exp over the columns, every exponent computed
// where it is used. Nothing of size Q M exists in device memory.
//
// A thread owns rows of one channel (a marginal, or the joint) and meets the columns of its part eight at a time. All
// threads of a block read the same columns: a read of 16 bytes is one transaction for a warp, found in L1, and serves
// four columns of every row that the thread owns. The parts' sums are merged by a second launch.
//
// Per pair: 3 operations in each latent of the channel, 2 (difference, sum) and one ex2. A multiprocessor of an
// H200 does 16 ex2 per clock beside 128 of the others, 132 of them at 1.98 GHz: the floor of a marginal is its ex2,
// 0.24 ns per 1000 pairs; that of a joint of 10 latents its 32 operations, 0.96 ns.
// Not yet measured on a GPU.
#pragma once
#include "../minibatch_log_density.h"
#include "mixture_steps.cuh"

namespace pyvae::cuda {

// Columns that a thread meets at a time: their exponents share one look at the peak.
template <typename T>
constexpr int kForwardColumns = sizeof(T) == 4 ? 8 : 4;
static_assert(kTile % kForwardColumns<float> == 0 && kTile % kForwardColumns<double> == 0);

// What one block does: rows from `query` on, one channel, tiles [tile, last_tile).
struct ForwardItem {
  int64_t batch, query, channel, part, tile, last_tile;
};

// Neighbouring blocks share their columns; the joint, the longest of the channels, comes first.
template <typename T>
PYVAE_KERNEL ForwardItem forward_item(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t index) {
  const int64_t rest = index / at.row_blocks, tiles = tiles_of(args.mixture.columns), part = rest % at.parts;
  return {rest / at.parts % args.mixture.batch,
          index % at.row_blocks * kThreads * at.rows,
          args.channels - 1 - rest / at.parts / args.mixture.batch,
          part,
          tiles * part / at.parts,
          tiles * (part + 1) / at.parts};
}

template <typename T, int kRows>
struct RunningSums {
  T peak[kRows], total[kRows];
};

template <typename T, int kColumns>
PYVAE_KERNEL T sum_of_weights(const T (&x)[kColumns], T peak) {
  T sum = 0;
  for (int k = 0; k < kColumns; ++k) sum += exp2_weight_unbounded(x[k] - peak);
  return sum;
}

// Nothing asks for the largest exponent while the peak, any that was met, serves: a sum above kAbovePeak, or one that
// is no number, shows that it does not. So it is with the first sum, whose peak is -inf, and then ever more rarely.
constexpr double kAbovePeak = 64;
template <typename T, int kColumns>
PYVAE_KERNEL void accumulate(const T (&x)[kColumns], T& peak, T& total) {
  T sum = sum_of_weights(x, peak);
  if (!(sum <= T(kAbovePeak))) {
    T top = peak;
    for (int k = 0; k < kColumns; ++k) top = larger(x[k], top);
    total *= rescale(peak, top);
    peak = top;
    sum = sum_of_weights(x, finite_peak(peak));
  }
  total += sum;
}

// The exponents of a marginal's columns, the first of which has its mean at `at`.
template <typename T, int kRows, int kColumns>
PYVAE_KERNEL void marginal_exponents(const T* at, const T (&z)[kRows], T (&x)[kRows][kColumns]) {
  for (int k = 0; k < kColumns; k += kPackSize<T>) {
    const Pack<T> mean = load_pack(at + k), scale = load_pack(at + kTile + k), constant = load_pack(at + 2 * kTile + k);
    for (int p = 0; p < kPackSize<T>; ++p) {
      for (int r = 0; r < kRows; ++r) {
        const T u = (z[r] - mean.value[p]) * scale.value[p];
        x[r][k + p] = constant.value[p] - u * u;
      }
    }
  }
}

template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL RunningSums<T, kRows> forward_sums(const MixtureLogDensity<T>& args, const MixtureWorkspace& at,
                                                const ForwardItem& item, int64_t row) {
  constexpr int kColumns = kForwardColumns<T>;
  const MixtureColumns<T>& mixture = args.mixture;
  const bool joint = !kMarginals || item.channel == args.channels - 1;
  const SpecialColumns<T> special = special_columns<T>(args.weights, mixture.columns);
  const int rows = static_cast<int>(smaller<int64_t>(kThreads * kRows, args.queries - item.query));
  const T* query = args.workspace + at.query + item.batch * mixture.latents * at.pitch + row;
  T z[kRows];
  for (int r = 0; r < kRows; ++r) z[r] = joint ? T(0) : query[item.channel * at.pitch + r * kThreads];
  RunningSums<T, kRows> sums;
  for (int r = 0; r < kRows; ++r) sums.peak[r] = -T(__builtin_inf()), sums.total[r] = 0;
  for (int64_t tile = item.tile; tile < item.last_tile; ++tile) {
    const ColumnsAt<T> tile_at = columns_at(mixture, item.batch, tile * kTile);
    const bool shifted = in_tile(special, {item.batch, item.query, tile * kTile, rows, kTile});
    for (int within = 0; within < kTile; within += kColumns) {
      const int64_t first = tile * kTile + within;
      T x[kRows][kColumns];
      if (joint) {
        joint_exponents(mixture.latents, tile_at + within, RowsOf<T>{query, at.pitch}, x);
      } else {
        marginal_exponents(tile_at.parameters + item.channel * 3 * kTile + within, z, x);
      }
      if (shifted) {
        for (int r = 0; r < kRows; ++r) {
          for (int k = 0; k < kColumns; ++k) x[r][k] += shift_of(special, row + r * kThreads, first + k);
        }
      }
      for (int r = 0; r < kRows; ++r) accumulate(x[r], sums.peak[r], sums.total[r]);
    }
  }
  return sums;
}

template <bool kMarginals, int kRows, typename T>
PYVAE_KERNEL void forward_thread(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const ForwardItem& item,
                                 int thread) {
  // Rows beyond the last compute, too; nothing of theirs is stored.
  const RunningSums<T, kRows> sums = forward_sums<kMarginals, kRows>(args, at, item, item.query + thread);
  const int64_t to = ((item.batch * args.channels + item.channel) * at.parts + item.part) * at.pitch;
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = item.query + thread + r * kThreads;
    if (i >= args.queries) continue;
    args.workspace[at.peak + to + i] = sums.peak[r], args.workspace[at.total + to + i] = sums.total[r];
  }
}

template <typename T>
PYVAE_MATH int64_t forward_items(const MixtureForward<T>& job) {
  return job.of.mixture.batch * job.of.channels * job.at.parts * job.at.row_blocks;
}

template <bool kMarginals, int kRows, typename T>
struct SumParts {
  using Args = MixtureForward<T>;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Args& job) { return blocks_for(forward_items(job), 1); }

  template <typename Team>
  PYVAE_KERNEL void run(const Args& job, const Team& team, Shared&) {
    team.threads([&](int thread) {
      for (int64_t index = team.block; index < forward_items(job); index += team.blocks) {
        forward_thread<kMarginals, kRows>(job.of, job.at, forward_item(job.of, job.at, index), thread);
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
