// After the forward's sums: those of the parts are merged, and marginals that lie far below their peak summed again.
// See ../minibatch_log_density.cuh. Not yet measured on a GPU.
#pragma once
#include "steps.cuh"
#include "sums.cuh"

namespace pyvae::cuda {

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
  tile.shifted = tile.special.any();
  RunningSums<T, 1> sums = no_sums<T, 1>(FarMarginalTerms::first_peak<T>());
  for (int64_t k = lane; k < packs; k += kWarp) {
    enter(tile, args.mixture, at.batch, at.channel, k / kPacks);
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

}  // namespace pyvae::cuda
