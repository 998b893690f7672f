// What the ops over a mixture of posteriors share: their sizes and checks, and the steps around their kernels.
#pragma once
#include <tuple>

#include "../kernels/mixture.h"
#include "launch.h"

namespace pyvae::ops {
namespace {

// Sizes of one call: the leading axes folded into B.
struct Sizes {
  int64_t batch, queries, columns, latents;

  Sizes(const Tensor& z, const Tensor& mu, const Tensor& logvar)
      : batch(product_of_sizes(z, 0, z.dim() - 2)),
        queries(z.size(z.dim() - 2)),
        columns(mu.size(mu.dim() - 2)),
        latents(z.size(z.dim() - 1)) {
    check_alike(z, {mu, logvar});
    STD_TORCH_CHECK(same_shape(mu, logvar), "expected mu and logvar of one shape");
    STD_TORCH_CHECK(
        z.dim() == mu.dim() && mu.size(mu.dim() - 1) == latents && product_of_sizes(mu, 0, mu.dim() - 2) == batch,
        "expected z [..., Q, D] and mu [..., M, D] with the same leading axes and latents");
    STD_TORCH_CHECK(columns >= 1, "expected at least one posterior");
  }
  bool empty() const { return batch == 0 || queries == 0; }
};

// dataset_size is not read for Estimator::full.
inline PairWeights weights_of(const Sizes& sizes, int64_t dataset_size, int64_t estimator) {
  STD_TORCH_CHECK(estimator >= 0 && estimator <= 3, "expected an estimator from 0 to 3");
  if (estimator != static_cast<int64_t>(Estimator::full)) {
    STD_TORCH_CHECK(dataset_size >= sizes.columns, "expected dataset_size to be at least the number of posteriors");
    STD_TORCH_CHECK(sizes.queries == sizes.columns, "expected as many rows of z as posteriors");
  }
  return pair_weights(static_cast<Estimator>(estimator), sizes.columns, dataset_size);
}

// The memory of the transformed columns: the tiles, then the constants' sums.
inline Tensor column_memory(const Sizes& sizes, const Tensor& like) {
  return empty_of(like,
                  {sizes.batch, tiles_of(sizes.columns), 3 * sizes.latents + latent_groups(sizes.latents), kTile});
}

// A call's importance weights, natural logarithms [..., M]: of the columns, and of their own rows where the estimator
// tells these apart.
struct ImportanceTensors {
  std::optional<Tensor> column, own;

  void check(const Sizes& sizes, const Tensor& like) const {
    for (const std::optional<Tensor>* weights : {&column, &own}) {
      if (!weights->has_value()) continue;
      check_alike(like, {**weights});
      STD_TORCH_CHECK((*weights)->numel() == sizes.batch * sizes.columns, "expected a weight of every posterior");
    }
    STD_TORCH_CHECK(!own || column, "expected weights of the columns beside those of their own rows");
  }
  ImportanceTensors dense() const {
    return {column ? std::optional(ops::dense(*column)) : std::nullopt,
            own ? std::optional(ops::dense(*own)) : std::nullopt};
  }
  template <typename T>
  Importance<T> pointers() const {
    return {column ? in<T>(*column) : nullptr, own ? in<T>(*own) : nullptr};
  }
};

// The transformed columns, in the order that `order` gives where there is one.
template <typename T, typename Order>
MixtureColumns<T> transform(const Sizes& sizes, const Tensor& mu, const Tensor& logvar,
                            const ImportanceTensors& importance, const Tensor& memory, Order order) {
  const int64_t tiles = sizes.batch * tiles_of(sizes.columns);
  T* first = out<T>(memory);
  MixtureColumns<T> args{sizes.batch,
                         sizes.columns,
                         sizes.latents,
                         in<T>(mu),
                         in<T>(logvar),
                         first,
                         first + 3 * tiles * sizes.latents * kTile,
                         {},
                         importance.pointers<T>()};
  order(args);
  launch(
      mu, tiles, grain_for(sizes.latents * kTile),
      [&](auto isa, int64_t begin, int64_t end) { cpu::mixture_columns<isa()>(args, begin, end); },
      [&](auto stream) { return cuda::mixture_columns(args, stream); });
  return args;
}

// That of the kernels' arguments.
inline int64_t block_slots([[maybe_unused]] const Tensor& on) {
#if defined(USE_CUDA)
  const torch::stable::accelerator::DeviceGuard guard(on.get_device_index());
  return cuda::block_slots();
#else
  return 1;
#endif
}

// The kernels' scratch memory; that of the CPU's forward is the op's own.
inline Tensor forward_workspace(const Sizes& sizes, int64_t channels, const Tensor& like, int64_t slots,
                                int64_t cpu_elements) {
  const cuda::MixtureWorkspace at(sizes.batch, sizes.queries, sizes.columns, sizes.latents, channels, slots);
  return empty_of(like, {kCudaLibrary ? at.elements : cpu_elements});
}

inline Tensor backward_workspace(const Sizes& sizes, int64_t channels, const Tensor& like,
                                 [[maybe_unused]] int64_t slots) {
#if defined(USE_CUDA)
  const cuda::MixtureBackwardWorkspace at(sizes.batch, sizes.queries, sizes.columns, sizes.latents, channels, slots);
#else
  const cpu::MixtureBackwardWorkspace at(sizes.batch, sizes.queries, sizes.columns, sizes.latents, channels);
#endif
  return empty_of(like, {at.elements});
}

// Blocks of rows of all batch entries, and how many a thread takes at least.
inline int64_t row_blocks(const Sizes& sizes) { return sizes.batch * cpu::mixture_row_blocks(sizes.queries); }
inline int64_t row_block_grain(int64_t elements_per_row) { return grain_for(elements_per_row * cpu::kRowBlock); }

// Gradients of a forward without queries.
inline void no_gradients(Tensor& grad_mu, Tensor& grad_logvar) {
  torch::stable::zero_(grad_mu);
  torch::stable::zero_(grad_logvar);
}

// --- A forward and a backward with any number of channels ------------------------------------------------------------

// What a call is asked for, besides its tensors.
struct Question {
  int64_t channels, dataset_size, estimator;
};

// The joint alone has no marginals; scores are there where they are wanted.
struct ForwardTensors {
  Tensor z, mu, logvar;
  Tensor joint, peak, total;
  std::optional<Tensor> marginals;
  std::optional<Tensor> joint_score, marginal_scores;
  ImportanceTensors importance = {};
};

// What takes scores: of z's shape, or empty but for the axes that vmap counts on.
inline Tensor empty_scores(const Tensor& z, bool scores) {
  STD_TORCH_CHECK(!(scores && kCudaLibrary), "expected scores to be asked for on the CPU only");
  std::vector<int64_t> sizes = sizes_of(z, 0, z.dim());
  if (!scores) sizes[sizes.size() - 2] = 0;
  return empty_of(z, sizes);
}
inline std::optional<Tensor> if_wanted(const Tensor& score, bool scores) {
  return scores ? std::optional(score) : std::nullopt;
}
template <typename T>
T* out_or_null(const std::optional<Tensor>& t) {
  return t ? out<T>(*t) : nullptr;
}

// What a kernel is called with on either device: cpu(isa, args, begin, end), cuda(args, stream).
// `terms_of_element` of (pair, latent) cost about as much as an element of the elementwise ops.
template <typename Order, typename Cpu, typename Cuda>
void mixture_forward(const Sizes& sizes, const Question& question, const ForwardTensors& of, int64_t cpu_elements,
                     int64_t terms_of_element, const Order& order, Cpu cpu, Cuda cuda) {
  const Tensor z = dense(of.z), mu = dense(of.mu), logvar = dense(of.logvar), memory = column_memory(sizes, z);
  const ImportanceTensors importance = of.importance.dense();
  const int64_t slots = block_slots(z), terms = sizes.columns * sizes.latents;
  const Tensor workspace = forward_workspace(sizes, question.channels, z, slots, cpu_elements);
  dispatch(z, [&]<typename T>() {
    const MixtureLogDensity<T> args{transform<T>(sizes, mu, logvar, importance, memory, order),
                                    sizes.queries,
                                    question.channels,
                                    weights_of(sizes, question.dataset_size, question.estimator),
                                    in<T>(z),
                                    out<T>(of.joint),
                                    out_or_null<T>(of.marginals),
                                    out<T>(of.peak),
                                    out<T>(of.total),
                                    out<T>(workspace),
                                    slots,
                                    out_or_null<T>(of.joint_score),
                                    out_or_null<T>(of.marginal_scores)};
    launch(
        z, row_blocks(sizes), row_block_grain(ceil_div(terms, terms_of_element)),
        [&](auto isa, int64_t begin, int64_t end) { cpu(isa, args, begin, end); },
        [&](auto stream) { return cuda(args, stream); });
  });
}

// What a backward reads.
struct BackwardTensors {
  Tensor z, mu, logvar;
  Tensor peak, total, grad_joint;
  std::optional<Tensor> grad_marginals;
  ImportanceTensors importance = {};
};

using Gradients = std::tuple<Tensor, Tensor, Tensor>;

// On CPU: what the shares read of the rows, the shares (`cpu`) with the columns' gradients, the rows' gradients from
// the shares. On CUDA the columns' gradients (`cuda`), then the rows' (`cuda_rows`).
template <typename T, typename Cpu, typename Cuda, typename CudaRows>
void run_backward(const MixtureLogDensityBackward<T>& args, const Sizes& sizes, const Tensor& on, Cpu cpu, Cuda cuda,
                  CudaRows cuda_rows) {
  const cpu::MixtureBackwardShares shares(sizes.batch, sizes.queries, sizes.columns, sizes.latents);
  launch(
      on, row_blocks(sizes), row_block_grain(sizes.latents),
      [&](auto isa, int64_t begin, int64_t end) { cpu::mixture_backward_prepare<isa()>(args, begin, end); },
      [&](auto) { return 0; });
  for (int64_t turn = 0; turn < (kCudaLibrary ? 1 : shares.turns); ++turn) {
    launch(
        on, sizes.batch * shares.count(), 1,
        [&](auto isa, int64_t begin, int64_t end) { cpu(isa, args, turn, begin, end); },
        [&](auto stream) { return cuda(args, stream); });
  }
  launch(
      on, row_blocks(sizes), row_block_grain(sizes.latents * shares.copies),
      [&](auto isa, int64_t begin, int64_t end) { cpu::mixture_backward_rows<isa()>(args, begin, end); },
      [&](auto stream) { return cuda_rows(args, stream); });
}

// Gradients of z, mu and logvar.
template <typename Order, typename Cpu, typename Cuda, typename CudaRows>
Gradients mixture_backward(const Sizes& sizes, const Question& question, const BackwardTensors& of, const Order& order,
                           Cpu cpu, Cuda cuda, CudaRows cuda_rows) {
  const int64_t totals = sizes.batch * sizes.queries * question.channels;
  STD_TORCH_CHECK(of.grad_joint.numel() == sizes.batch * sizes.queries && same_shape(of.peak, of.total) &&
                      of.peak.numel() == totals && (!of.grad_marginals || same_shape(*of.grad_marginals, of.z)),
                  "expected the cotangents, peak and total of the forward's shapes");
  Tensor grad_z = dense_empty(of.z), grad_mu = dense_empty(of.mu), grad_logvar = dense_empty(of.mu);
  if (sizes.empty()) {
    no_gradients(grad_mu, grad_logvar);
    return {grad_z, grad_mu, grad_logvar};
  }
  const Tensor z = dense(of.z), mu = dense(of.mu), logvar = dense(of.logvar), memory = column_memory(sizes, z);
  const ImportanceTensors importance = of.importance.dense();
  const Tensor peak = dense(of.peak), total = dense(of.total), grad_joint = dense(of.grad_joint);
  const std::optional<Tensor> grad_marginals =
      of.grad_marginals ? std::optional(dense(*of.grad_marginals)) : std::nullopt;
  const int64_t slots = block_slots(z);
  const Tensor workspace = backward_workspace(sizes, question.channels, z, slots);
  dispatch(z, [&]<typename T>() {
    const MixtureLogDensityBackward<T> args{transform<T>(sizes, mu, logvar, importance, memory, order),
                                            sizes.queries,
                                            question.channels,
                                            weights_of(sizes, question.dataset_size, question.estimator),
                                            in<T>(z),
                                            in<T>(peak),
                                            in<T>(total),
                                            in<T>(grad_joint),
                                            grad_marginals ? in<T>(*grad_marginals) : nullptr,
                                            out<T>(grad_z),
                                            out<T>(grad_mu),
                                            out<T>(grad_logvar),
                                            out<T>(workspace),
                                            slots};
    run_backward(args, sizes, z, cpu, cuda, cuda_rows);
  });
  return {grad_z, grad_mu, grad_logvar};
}

}  // namespace
}  // namespace pyvae::ops
