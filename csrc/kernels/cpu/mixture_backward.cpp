// Before and after the shares of a mixture's backward: what they read of the rows, and the rows' gradients from theirs.
#include "mixture_backward.h"

namespace pyvae::cpu {
namespace {

template <typename T>
int64_t row_at(const Backward<T>& call, int64_t b, int64_t position) {
  return cpu::row_at(call.args.mixture, call.args.queries, b, position);
}

// What the shares read of a row in one channel: a peak without infinities, and the cotangent over the total, which
// makes softmax weights of the terms. A row whose every term is -inf has no weights, hence gradient 0; padding is such
// a row.
template <typename T>
void prepare_channel(const Backward<T>& call, int64_t b, int64_t row, int64_t channel) {
  const int64_t queries = call.args.queries;
  for (int64_t i = row; i < row + kRowBlock; ++i) {
    T *peak = call.peak(b, channel, i), *factor = call.factor(b, channel, i);
    const int64_t at = i < queries ? row_at(call, b, i) : 0, from = at * call.channels + channel;
    if (i >= queries || call.args.total[from] == T(0)) {
      *peak = kNoWeights<T>, *factor = 0;
      continue;
    }
    const T grad =
        channel == call.joint ? call.args.grad_joint[at] : call.args.grad_marginals[at * call.latents + channel];
    *peak = finite_peak(call.args.peak[from]);
    *factor = grad / call.args.total[from];
  }
}

template <typename T>
void prepare(const MixtureLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  const int64_t blocks = mixture_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t b = block / blocks, row = block % blocks * kRowBlock;
    for (int64_t k = 0; k < call.channels; ++k) prepare_channel(call, b, row, k);
    for (int64_t d = 0; d < call.latents; ++d) {
      for (int64_t i = row; i < row + kRowBlock; ++i) {
        *call.query(b, d, i) = i < args.queries ? finite_query<T>(args.z[row_at(call, b, i) * call.latents + d]) : T(0);
      }
    }
  }
}

template <typename T>
void backward_rows(const MixtureLogDensityBackward<T>& args, int64_t begin, int64_t end) {
  const Backward<T> call(args);
  const int64_t blocks = mixture_row_blocks(args.queries);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t b = block / blocks, row = block % blocks * kRowBlock;
    for (int64_t d = 0; d < call.latents; ++d) {
      double sum[kRowBlock] = {};  // of many copies
      for (int64_t copy = 0; copy < call.at.shares.copies; ++copy) {
        const T* from = call.row_sum(copy, b, d, row);
#pragma omp simd
        for (int64_t i = 0; i < kRowBlock; ++i) sum[i] += static_cast<double>(from[i]);
      }
      for (int64_t i = 0; i < smaller(kRowBlock, args.queries - row); ++i) {
        args.grad_z[row_at(call, b, row + i) * call.latents + d] = -log_density_grad_mu_factor(static_cast<T>(sum[i]));
      }
    }
  }
}

}  // namespace

template <>
void mixture_backward_prepare<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<float>& args, int64_t begin,
                                              int64_t end) {
  prepare(args, begin, end);
}
template <>
void mixture_backward_prepare<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<double>& args, int64_t begin,
                                              int64_t end) {
  prepare(args, begin, end);
}
template <>
void mixture_backward_rows<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<float>& args, int64_t begin, int64_t end) {
  backward_rows(args, begin, end);
}
template <>
void mixture_backward_rows<Isa::PYVAE_ISA>(const MixtureLogDensityBackward<double>& args, int64_t begin, int64_t end) {
  backward_rows(args, begin, end);
}

}  // namespace pyvae::cpu
