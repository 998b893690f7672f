// The steps around the kernels over pairs: rows laid out for them before, sums of their parts added up after.
//
// All of them read and write each element of the workspace once, a thread per element: bytes, not operations.
// Not yet measured on a GPU.
#pragma once
#include "pairs.cuh"

namespace pyvae::cuda {

template <typename T>
struct MixtureForward {
  MixtureLogDensity<T> of;
  MixtureWorkspace at;
};

template <typename T>
struct MixtureBackward {
  MixtureLogDensityBackward<T> of;
  MixtureBackwardWorkspace at;
};

// A step (team.cuh) of Step::items(job) items, Step::item(job, k) for each.
template <typename Step, typename Job>
struct ThreadPerItem {
  using Args = Job;
  using Shared = NothingShared;
  static constexpr int kThreads = cuda::kThreads;
  static int64_t blocks(const Job& job) { return blocks_for(Step::items(job), kThreads); }

  template <typename Team>
  PYVAE_KERNEL void run(const Job& job, const Team& team, Shared&) {
    team.threads([&](int thread) {
      const int64_t items = Step::items(job);
      for (int64_t k = team.block * kThreads + thread; k < items; k += team.blocks * kThreads) Step::item(job, k);
    });
  }
};

// --- Before ----------------------------------------------------------------------------------------------------------

// The columns' parameters. Writes are contiguous; the strided reads go through the cache, which is cheap beside Q
// passes over the result. Columns beyond the last have weight 0 wherever they are met.
template <typename T>
struct FillColumns : ThreadPerItem<FillColumns<T>, MixtureColumns<T>> {
  PYVAE_MATH int64_t items(const MixtureColumns<T>& to) {
    return to.batch * latent_groups(to.latents) * tiles_of(to.columns) * kTile;
  }
  PYVAE_KERNEL void item(const MixtureColumns<T>& to, int64_t k) {
    const int64_t padded = tiles_of(to.columns) * kTile, groups = latent_groups(to.latents);
    const int64_t j = k % padded, group = k / padded % groups, b = k / padded / groups;
    const bool exists = j < to.columns;
    // What a column counts is part of its constants: of every latent's, and of the joint's first group's.
    const T* weights = exists ? to.importance.column : nullptr;
    const T counts = weights ? weights[b * to.columns + j] * static_cast<T>(kLog2E) : T(0);
    double sum = 0;
    for (int64_t d = group * kLatentGroup; d < smaller((group + 1) * kLatentGroup, to.latents); ++d) {
      const int64_t from = (b * to.columns + j) * to.latents + d;
      T* at = to.tiles + column_index(to, b, d, j);
      at[0] = exists ? to.mu[from] : T(0);
      at[kTile] = exists ? log_density_scale(to.logvar[from]) : T(1);
      at[2 * kTile] = exists ? log_density_constant(to.logvar[from]) + counts : -T(__builtin_inf());
      if (exists) sum += log_density_constant(static_cast<double>(to.logvar[from]));
    }
    to.constants[constant_index(to, b, group, j)] =
        exists ? static_cast<T>(sum) + (group == 0 ? counts : T(0)) : -T(__builtin_inf());
  }
};

// z with rows innermost, so that neighbouring threads, or a read of several, find neighbouring rows side by side. Rows
// beyond the last are 0. Of either job.
template <typename T, typename Job>
struct TransposeQueries : ThreadPerItem<TransposeQueries<T, Job>, Job> {
  PYVAE_MATH int64_t items(const Job& job) { return job.of.mixture.batch * job.of.mixture.latents * job.at.pitch; }
  PYVAE_KERNEL void item(const Job& job, int64_t k) {
    const int64_t i = k % job.at.pitch, channel = k / job.at.pitch, latents = job.of.mixture.latents;
    const int64_t b = channel / latents, d = channel % latents;
    T* to = job.of.workspace + job.at.query + k;
    *to = i < job.of.queries ? job.of.z[(b * job.of.queries + i) * latents + d] : T(0);
  }
};

// A row's terms in one channel are 2^(exponent - peak) * factor in the backward. Rows whose every term is -inf, and
// those beyond the last, have weight 0 with whatever they meet.
template <typename T>
PYVAE_KERNEL void write_row_channel(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at,
                                    int64_t b, int64_t channel, int64_t i) {
  constexpr T kFarAbove = sizeof(T) == 4 ? T(1e38f) : T(1e300);
  const int64_t to = (b * args.channels + channel) * at.pitch + i, row = b * args.queries + i;
  T total = i < args.queries ? args.total[row * args.channels + channel] : T(0);
  T peak = kFarAbove, factor = 0;
  if (total != T(0)) {
    const bool joint = channel == args.channels - 1;
    const T grad = joint ? args.grad_joint[row] : args.grad_marginals[row * args.mixture.latents + channel];
    peak = finite_peak(args.peak[row * args.channels + channel]);
    if (total < T(1)) {  // becomes 2 to 4, or the factor of a large cotangent would be infinite
      const T before = peak;
      peak += whole_above(T(kLog2E) * log(total)) - T(2);
      total *= exp2_weight(before - peak);
    }
    factor = grad / total;
  }
  args.workspace[at.peak + to] = peak, args.workspace[at.factor + to] = factor;
}

// Peaks and factors of the backward's rows.
template <typename T>
struct PrepareRows : ThreadPerItem<PrepareRows<T>, MixtureBackward<T>> {
  PYVAE_MATH int64_t items(const MixtureBackward<T>& job) {
    return job.of.mixture.batch * job.of.channels * job.at.pitch;
  }
  PYVAE_KERNEL void item(const MixtureBackward<T>& job, int64_t k) {
    const int64_t rest = k / job.at.pitch, channels = job.of.channels;
    write_row_channel(job.of, job.at, rest / channels, rest % channels, k % job.at.pitch);
  }
};

// --- After -----------------------------------------------------------------------------------------------------------
// In float64, since the parts may be many.

template <typename T>
PYVAE_KERNEL void finish_column(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, int64_t b,
                                int64_t d, int64_t j) {
  const MixtureColumns<T>& mixture = args.mixture;
  const int64_t channel = args.channels > 1 ? d : 0;
  double weight = 0, first = 0, second = 0;
  for (int64_t sum = 0; sum < at.columns.sums(); ++sum) {
    const int64_t entry = sum * mixture.batch + b;
    const T* of_terms = args.workspace + at.column_sums + (entry * mixture.latents + d) * 2 * at.padded + j;
    weight += double{args.workspace[at.column_weights + (entry * args.channels + channel) * at.padded + j]};
    first += double{of_terms[0]}, second += double{of_terms[at.padded]};
  }
  const int64_t to = (b * mixture.columns + j) * mixture.latents + d;
  const T factor = log_density_grad_mu_factor(mixture.tiles[column_index(mixture, b, d, j) + kTile]);
  args.grad_mu[to] = factor * static_cast<T>(first);
  args.grad_logvar[to] = log_density_grad_logvar(static_cast<T>(weight), static_cast<T>(second));
}

// grad_mu and grad_logvar from the parts' sums.
template <typename T>
struct FinishColumns : ThreadPerItem<FinishColumns<T>, MixtureBackward<T>> {
  PYVAE_MATH int64_t items(const MixtureBackward<T>& job) {
    return job.of.mixture.batch * job.of.mixture.latents * job.of.mixture.columns;
  }
  PYVAE_KERNEL void item(const MixtureBackward<T>& job, int64_t k) {
    const int64_t latents = job.of.mixture.latents, columns = job.of.mixture.columns;
    finish_column(job.of, job.at, k / columns / latents, k / columns % latents, k % columns);
  }
};

// grad_z from the parts' sums.
template <typename T>
struct FinishRows : ThreadPerItem<FinishRows<T>, MixtureBackward<T>> {
  PYVAE_MATH int64_t items(const MixtureBackward<T>& job) {
    return job.of.mixture.batch * job.of.mixture.latents * job.of.queries;
  }
  PYVAE_KERNEL void item(const MixtureBackward<T>& job, int64_t k) {
    const int64_t latents = job.of.mixture.latents, channels = job.of.mixture.batch * latents;
    const int64_t i = k % job.of.queries, channel = k / job.of.queries;  // of [B, D]
    double total = 0;
    for (int64_t sum = 0; sum < job.at.rows.sums(); ++sum) {
      total += double{job.of.workspace[job.at.row_sums + (sum * channels + channel) * job.at.pitch + i]};
    }
    job.of.grad_z[(channel / latents * job.of.queries + i) * latents + channel % latents] =
        -log_density_grad_mu_factor(static_cast<T>(total));
  }
};

}  // namespace pyvae::cuda
