// Minibatch log-density and the joint alone, forward: a streaming log-sum-exp over the columns, every exponent computed
// where it is used. Nothing of size Q M exists in device memory.
//
// A warp takes a few rows of one channel (a marginal, or the joint), its lanes the columns: reads are contiguous, and
// any number of latents will do. A lane keeps a running peak and total per row; they are merged at the end.
// Not yet measured on a GPU.
#pragma once
#include "../minibatch_log_density.h"
#include "mixture.cuh"

namespace pyvae::cuda {

// --- Forward ---------------------------------------------------------------------------------------------------------

// A column's three parameters, read once, serve this many rows ...
constexpr int kForwardRows = 4;
// ... and one rescale of the total serves this many exponentials of a lane.
constexpr int kForwardColumns = 4;

template <typename T>
struct RunningSums {
  T peak[kForwardRows], total[kForwardRows];
};

template <typename T>
PYVAE_KERNEL RunningSums<T> no_terms() {
  RunningSums<T> sums;
  for (int r = 0; r < kForwardRows; ++r) sums.peak[r] = -T(__builtin_inf()), sums.total[r] = 0;
  return sums;
}

template <typename T>
PYVAE_KERNEL RunningSums<T> merge(const RunningSums<T>& own, const RunningSums<T>& other) {
  RunningSums<T> sums;
  for (int r = 0; r < kForwardRows; ++r) {
    const T peak = larger(other.peak[r], own.peak[r]);
    sums.peak[r] = peak;
    sums.total[r] = own.total[r] * rescale(own.peak[r], peak) + other.total[r] * rescale(other.peak[r], peak);
  }
  return sums;
}

// What one warp does: a few rows of one channel, which sums the latents [first_latent, last_latent).
struct ForwardItem {
  int64_t batch, query;
  int rows;
  int64_t channel, first_latent, last_latent;
};

template <typename T>
PYVAE_MATH int64_t forward_items(const MixtureLogDensity<T>& args) {
  return args.mixture.batch * args.channels * ceil_div(args.queries, kForwardRows);
}

// Neighbouring warps share a channel, hence the columns they read; the joint, the longest of the channels, comes first.
template <typename T>
PYVAE_KERNEL ForwardItem forward_item(const MixtureLogDensity<T>& args, int64_t index) {
  const int64_t groups = ceil_div(args.queries, kForwardRows), latents = args.mixture.latents;
  const int64_t query = index % groups * kForwardRows, channel = args.channels - 1 - index / groups % args.channels;
  const int rows = static_cast<int>(smaller<int64_t>(kForwardRows, args.queries - query));
  const bool joint = channel == args.channels - 1;
  return {index / groups / args.channels, query, rows, channel, joint ? 0 : channel, joint ? latents : channel + 1};
}

// Adds the exponents of a lane's columns first, first + kWarp, ... in the latents [d, last) to x, for every row.
template <typename T>
PYVAE_KERNEL void add_exponents(const MixtureLogDensity<T>& args, const ForwardItem& item, int64_t first, int64_t d,
                                int64_t last, T (&x)[kForwardRows][kForwardColumns]) {
  const int64_t latents = args.mixture.latents, last_column = args.mixture.columns - 1;
  for (; d < last; ++d) {
    Column<T> column[kForwardColumns];
    for (int k = 0; k < kForwardColumns; ++k) {
      column[k] = column_at(args.mixture, item.batch, d, smaller(first + k * kWarp, last_column));
    }
    for (int r = 0; r < kForwardRows; ++r) {
      // Rows beyond the last compute it once more; nothing of theirs is stored.
      const int64_t row = item.batch * args.queries + item.query + smaller(r, item.rows - 1);
      const T z = args.z[row * latents + d];
      for (int k = 0; k < kForwardColumns; ++k) x[r][k] += exponent(column[k], z);
    }
  }
}

// The exponents of a lane's columns for every row, latents summed in groups, without the special shifts.
template <typename T>
PYVAE_KERNEL void forward_exponents(const MixtureLogDensity<T>& args, const ForwardItem& item, int64_t first,
                                    T (&x)[kForwardRows][kForwardColumns]) {
  for (int r = 0; r < kForwardRows; ++r) {
    for (int k = 0; k < kForwardColumns; ++k) x[r][k] = 0;
  }
  for (int64_t group = item.first_latent; group < item.last_latent; group += kLatentGroup) {
    T sum[kForwardRows][kForwardColumns] = {};
    add_exponents(args, item, first, group, smaller(group + kLatentGroup, item.last_latent), sum);
    for (int r = 0; r < kForwardRows; ++r) {
      for (int k = 0; k < kForwardColumns; ++k) x[r][k] += sum[r][k];
    }
  }
}

template <typename T>
PYVAE_KERNEL void accumulate(const T (&x)[kForwardColumns], T& peak, T& total) {
  T new_peak = peak;
  for (int k = 0; k < kForwardColumns; ++k) new_peak = larger(x[k], new_peak);
  T sum = 0;
  for (int k = 0; k < kForwardColumns; ++k) sum += exp2_weight(x[k] - finite_peak(new_peak));
  total = total * rescale(peak, new_peak) + sum;
  peak = new_peak;
}

template <typename T>
PYVAE_KERNEL RunningSums<T> forward_lane(const MixtureLogDensity<T>& args, const ForwardItem& item, int lane) {
  constexpr int kWarpTile = kWarp * kForwardColumns;
  const int64_t columns = args.mixture.columns;
  const SpecialColumns<T> special = special_columns<T>(args.weights, columns);
  RunningSums<T> sums = no_terms<T>();
  for (int64_t tile = 0; tile < columns; tile += kWarpTile) {
    const int64_t first = tile + lane;
    T x[kForwardRows][kForwardColumns];
    forward_exponents(args, item, first, x);
    const bool shifted = in_tile(special, {item.batch, item.query, tile, item.rows, kWarpTile});
    for (int r = 0; r < kForwardRows; ++r) {
      for (int k = 0; k < kForwardColumns; ++k) {
        const int64_t j = first + k * kWarp;
        if (shifted) x[r][k] += shift_of(special, item.query + r, j);
        if (j >= columns) x[r][k] = -T(__builtin_inf());
      }
      accumulate(x[r], sums.peak[r], sums.total[r]);
    }
  }
  return sums;
}

template <typename T>
PYVAE_KERNEL void forward_store(const MixtureLogDensity<T>& args, const ForwardItem& item, const RunningSums<T>& sums) {
  const int64_t latents = args.mixture.latents;
  for (int r = 0; r < kForwardRows; ++r) {
    if (r >= item.rows) continue;
    const int64_t row = item.batch * args.queries + item.query + r, k = row * args.channels + item.channel;
    args.peak[k] = sums.peak[r];
    args.total[k] = sums.total[r];
    T* density = item.channel == args.channels - 1 ? args.joint + row : args.marginals + row * latents + item.channel;
    *density = log_of_sum(sums.peak[r], sums.total[r], args.weights.log_pair);
  }
}

template <typename T>
PYVAE_MATH int64_t minibatch_log_density_blocks(const MixtureLogDensity<T>& args) {
  return blocks_for(forward_items(args), kWarps);
}

template <typename T, typename Team>
PYVAE_KERNEL void minibatch_log_density_body(const MixtureLogDensity<T>& args, const Team& team) {
  const int64_t items = forward_items(args);
  for (int64_t first = team.block * kWarps; first < items; first += team.blocks * kWarps) {
    team.reduce(
        1,
        [&](int warp, int lane) {
          return first + warp < items ? forward_lane(args, forward_item(args, first + warp), lane) : no_terms<T>();
        },
        [&](int warp, int lane, const RunningSums<T>& sums) {
          if (lane == 0 && first + warp < items) forward_store(args, forward_item(args, first + warp), sums);
        });
  }
}

}  // namespace pyvae::cuda
