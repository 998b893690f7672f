// Minibatch log-density and the joint alone, backward: every exponent is computed again, and nothing of size Q M leaves
// a thread.
//
// Twice the same plan: a thread owns a few columns (then rows) and meets the rows (columns) of its part a group at a
// time. It first makes the weights of their pairs, which stay in registers, then takes one latent after another: what
// is loaded of a row serves every column that the thread owns. Between groups its sums rest in the workspace, where
// neighbouring threads are neighbours, and settle now and then (../mixture_launch.h); the parts' sums are added by
// another launch. Any number of latents, no atomics, and no thread waits for another.
//
// Per pair, of both passes: 2 ex2 and about 10 operations; per pair and latent 3 + 4 for the columns and 3 + 4 for the
// rows; with marginals one more ex2 and 4 more operations each. Of 10 latents, the joint alone: 150 operations, whose
// floor on an H200 (132 x 128 per clock at 1.98 GHz) is 4.5 ns per 1000 pairs.
// Not yet measured on a GPU.
#pragma once
#include "minibatch_log_density.cuh"
#include "mixture/columns.cuh"
#include "mixture/rows.cuh"

namespace pyvae::cuda {

// Those of the columns' gradients, in order, and those of the rows', after them.
template <bool kMarginals, typename T, typename Launch>
void for_each_column_step(const MixtureLogDensityBackward<T>& args, Launch& launch) {
  const MixtureBackward<T> job{args, backward_layout(args)};
  launch(TransposeQueries<T, MixtureBackward<T>>(), job);
  launch(PrepareRows<T>(), job);
  if (job.at.column_owned == 1) {
    launch(SumColumns<kMarginals, 1, T>(), job);
  } else {
    launch(SumColumns<kMarginals, kOwnedByThread<kMarginals>, T>(), job);
  }
  launch(FinishColumns<T>(), job);
}

template <bool kMarginals, typename T, typename Launch>
void for_each_row_step(const MixtureLogDensityBackward<T>& args, Launch& launch) {
  const MixtureBackward<T> job{args, backward_layout(args)};
  if (job.at.row_owned == 1) {
    launch(SumRows<kMarginals, 1, T>(), job);
  } else {
    launch(SumRows<kMarginals, kOwnedByThread<kMarginals>, T>(), job);
  }
  launch(FinishRows<T>(), job);
}

}  // namespace pyvae::cuda
