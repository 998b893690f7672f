// The steps around the kernels over pairs: rows laid out for them before, sums of their parts added up after.
//
// All of them read and write each element of the workspace once, a thread per element: bytes, not operations.
// Not yet measured on a GPU.
#pragma once
#include "mixture.cuh"

namespace pyvae::cuda {

// --- Forward ---------------------------------------------------------------------------------------------------------

template <typename T>
PYVAE_MATH int64_t queries_blocks(const MixtureColumns<T>& mixture, int64_t pitch) {
  return blocks_for(mixture.batch * mixture.latents * pitch, kThreads);
}

// Before: z with rows innermost.
template <typename T, typename Team>
PYVAE_KERNEL void forward_queries_body(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const Team& team) {
  transpose_queries(args.mixture, args.z, args.queries, at.pitch, args.workspace + at.query, team);
}

template <typename T>
PYVAE_KERNEL void merge_parts(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, int64_t b, int64_t channel,
                              int64_t i) {
  const int64_t from = (b * args.channels + channel) * at.parts * at.pitch + i;
  const T *peaks = args.workspace + at.peak + from, *totals = args.workspace + at.total + from;
  T peak = -T(__builtin_inf()), total = 0;
  for (int64_t part = 0; part < at.parts; ++part) {
    const T other = peaks[part * at.pitch], top = larger(other, peak);
    total = total * rescale(peak, top) + totals[part * at.pitch] * rescale(other, top);
    peak = top;
  }
  const int64_t row = b * args.queries + i, k = row * args.channels + channel, latents = args.mixture.latents;
  args.peak[k] = peak;
  args.total[k] = total;
  T* density = channel == args.channels - 1 ? args.joint + row : args.marginals + row * latents + channel;
  *density = log_of_sum(peak, total, args.weights.log_pair);
}

template <typename T>
PYVAE_MATH int64_t merge_blocks(const MixtureLogDensity<T>& args) {
  return blocks_for(args.mixture.batch * args.channels * args.queries, kThreads);
}

// After: the parts' sums become densities.
template <typename T, typename Team>
PYVAE_KERNEL void merge_body(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, const Team& team) {
  const int64_t items = args.mixture.batch * args.channels * args.queries;
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < items; k += team.blocks * kThreads) {
      const int64_t rest = k / args.queries;
      merge_parts(args, at, rest / args.channels, rest % args.channels, k % args.queries);
    }
  });
}

// --- Backward, before ------------------------------------------------------------------------------------------------

template <typename T, typename Team>
PYVAE_KERNEL void backward_queries_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                        const Team& team) {
  transpose_queries(args.mixture, args.z, args.queries, at.pitch, args.workspace + at.query, team);
}

// Rows beyond the last have weight 0 with whatever they meet.
template <typename T>
PYVAE_KERNEL void write_row_channel(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                    int64_t b, int64_t channel, int64_t i) {
  constexpr T kFarAbove = sizeof(T) == 4 ? T(1e38f) : T(1e300);
  const int64_t to = (b * args.channels + channel) * at.pitch + i, row = b * args.queries + i;
  const bool exists = i < args.queries;
  T peak = kFarAbove, factor = 0;
  if (exists) {
    const bool joint = channel == args.channels - 1;
    const T grad = joint ? args.grad_joint[row] : args.grad_marginals[row * args.mixture.latents + channel];
    peak = finite_peak(args.peak[row * args.channels + channel]);
    factor = grad * inverse_total(args.total[row * args.channels + channel]);
  }
  args.workspace[at.peak + to] = peak, args.workspace[at.factor + to] = factor;
}

template <typename T>
PYVAE_MATH int64_t backward_channels_blocks(const MixtureLogDensityBackward<T>& args,
                                            const MixtureBackwardWorkspace& at) {
  return blocks_for(args.mixture.batch * args.channels * at.pitch, kThreads);
}

template <typename T, typename Team>
PYVAE_KERNEL void backward_channels_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                         const Team& team) {
  const int64_t items = args.mixture.batch * args.channels * at.pitch;
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < items; k += team.blocks * kThreads) {
      const int64_t rest = k / at.pitch;
      write_row_channel(args, at, rest / args.channels, rest % args.channels, k % at.pitch);
    }
  });
}

// --- Backward, after -------------------------------------------------------------------------------------------------

template <typename T>
PYVAE_KERNEL void finish_column(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, int64_t b,
                                int64_t d, int64_t j) {
  const MixtureColumns<T>& mixture = args.mixture;
  const int64_t channel = args.channels > 1 ? d : 0;
  T weight = 0, first = 0, second = 0;
  for (int64_t part = 0; part < at.column_parts; ++part) {
    const int64_t entry = part * mixture.batch + b;
    const T* of_terms = args.workspace + at.column_sums + (entry * mixture.latents + d) * 2 * at.padded + j;
    weight += args.workspace[at.column_weights + (entry * args.channels + channel) * at.padded + j];
    first += of_terms[0], second += of_terms[at.padded];
  }
  const int64_t to = (b * mixture.columns + j) * mixture.latents + d;
  args.grad_mu[to] = log_density_grad_mu_factor(mixture.tiles[column_index(mixture, b, d, j) + kTile]) * first;
  args.grad_logvar[to] = log_density_grad_logvar(weight, second);
}

template <typename T>
PYVAE_MATH int64_t finish_columns_blocks(const MixtureLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * args.mixture.latents * args.mixture.columns, kThreads);
}

// grad_mu and grad_logvar from the parts' sums.
template <typename T, typename Team>
PYVAE_KERNEL void finish_columns_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                      const Team& team) {
  const int64_t latents = args.mixture.latents, columns = args.mixture.columns;
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < args.mixture.batch * latents * columns;
         k += team.blocks * kThreads) {
      finish_column(args, at, k / columns / latents, k / columns % latents, k % columns);
    }
  });
}

template <typename T>
PYVAE_MATH int64_t finish_rows_blocks(const MixtureLogDensityBackward<T>& args) {
  return blocks_for(args.mixture.batch * args.mixture.latents * args.queries, kThreads);
}

// grad_z from the parts' sums.
template <typename T, typename Team>
PYVAE_KERNEL void finish_rows_body(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                   const Team& team) {
  const int64_t batch = args.mixture.batch, latents = args.mixture.latents;
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < batch * latents * args.queries; k += team.blocks * kThreads) {
      const int64_t i = k % args.queries, channel = k / args.queries;  // of [B, D]
      T sum = 0;
      for (int64_t part = 0; part < at.row_parts; ++part) {
        sum += args.workspace[at.row_sums + (part * batch * latents + channel) * at.pitch + i];
      }
      args.grad_z[(channel / latents * args.queries + i) * latents + channel % latents] =
          -log_density_grad_mu_factor(sum);
    }
  });
}

// --- Launches, in mixture.cu -----------------------------------------------------------------------------------------

// All return a cudaError_t; stream is a cudaStream_t.
template <typename T>
int forward_queries(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, void* stream);
template <typename T>
int merge_forward_parts(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, void* stream);
template <typename T>
int backward_prepare(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream);
template <typename T>
int finish_columns(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream);
template <typename T>
int finish_rows(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream);

}  // namespace pyvae::cuda
