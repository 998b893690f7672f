// minibatch_log_density: bodies of the CUDA kernels against the CPU kernels.
#include "../../../csrc/kernels/cuda/minibatch_log_density_backward.cuh"
#include "checks.h"
#include "host.h"

namespace pyvae::on_host {
namespace {

struct Sizes {
  int64_t batch, queries, columns, latents;
};

template <typename T>
struct Problem {
  Sizes n;
  PairWeights weights;
  std::vector<T> z, mu, logvar, grad_joint, grad_marginals;
};

// `hard`: narrow posteriors, a query of which every term underflows to -inf, one that is its posterior's mean, a NaN.
template <typename T>
Problem<T> problem(const Sizes& n, Estimator estimator, bool hard) {
  const int64_t rows = n.batch * n.queries, columns = n.batch * n.columns;
  const int64_t dataset_size = estimator == Estimator::full ? n.columns : 3 * n.columns + 1;
  Problem<T> p{n,
               pair_weights(estimator, n.columns, dataset_size),
               random<T>(rows * n.latents, 0, 1),
               random<T>(columns * n.latents, 0, 1),
               random<T>(columns * n.latents, hard ? -4 : -1, hard ? 3 : 1),
               random<T>(rows, 0.5, 1),
               random<T>(rows * n.latents, 0.5, 1)};
  if (!hard || n.latents == 0) return p;
  const auto at = [&](int64_t row, int64_t d) -> T& { return p.z[row * n.latents + d]; };
  at(rows / 2, n.latents / 2) = std::sqrt(std::numeric_limits<T>::max()) * T(8);
  if (n.batch == 1) at(0, 0) = p.mu[0];
  if (rows > 3) at(rows - 1, n.latents - 1) = std::nan("");
  if (n.batch > 1) p.mu[n.columns * n.latents] = std::nan("");  // of batch entry 1 only
  return p;
}

// The steps of one implementation; all write the same tensors.
template <typename T, typename Columns, typename Forward, typename Backward>
std::vector<Named<T>> compute(const Problem<T>& p, Columns columns, Forward forward, Backward backward) {
  const Sizes& n = p.n;
  const int64_t rows = n.batch * n.queries, elements = n.batch * n.columns * n.latents;
  std::vector<T> mean = unwritten<T>(elements), scale = mean, constant = mean;
  std::vector<T> joint = unwritten<T>(rows), marginals = unwritten<T>(rows * n.latents);
  std::vector<T> peak = unwritten<T>(rows * (n.latents + 1)), total = peak;
  std::vector<T> grad_z = marginals, grad_mu = mean, grad_logvar = mean;
  std::vector<T> workspace = unwritten<T>(cpu::minibatch_log_density_workspace(n.batch, n.queries, n.latents));
  const cpu::MinibatchLogDensityWorkspace backward_workspace(n.batch, n.queries, n.columns, n.latents);
  std::vector<T> gradients_workspace = unwritten<T>(backward_workspace.elements);
  const MixtureColumns<T> mixture{n.batch,         n.columns,   n.latents,    p.mu.data(),
                                  p.logvar.data(), mean.data(), scale.data(), constant.data()};
  columns(mixture);
  forward(MinibatchLogDensity<T>{mixture, n.queries, p.weights, p.z.data(), joint.data(), marginals.data(), peak.data(),
                                 total.data(), workspace.data()});
  backward(MinibatchLogDensityBackward<T>{mixture, n.queries, p.weights, p.z.data(), peak.data(), total.data(),
                                          p.grad_joint.data(), p.grad_marginals.data(), grad_z.data(), grad_mu.data(),
                                          grad_logvar.data(), gradients_workspace.data()});
  return {{"mean", mean},           {"scale", scale},   {"constant", constant}, {"joint", joint},
          {"marginals", marginals}, {"grad_z", grad_z}, {"grad_mu", grad_mu},   {"grad_logvar", grad_logvar}};
}

template <typename T>
std::vector<Named<T>> compute_on_cpu(const Problem<T>& p) {
  const Sizes& n = p.n;
  const int64_t blocks = n.batch * cpu::minibatch_log_density_row_blocks(n.queries);
  const cpu::MinibatchLogDensityWorkspace workspace(n.batch, n.queries, n.columns, n.latents);
  return compute(
      p, [&](const auto& args) { cpu::minibatch_log_density_columns<Isa::baseline>(args, 0, n.batch * n.latents); },
      [&](const auto& args) { cpu::minibatch_log_density<Isa::baseline>(args, 0, blocks); },
      [&](const auto& args) {
        cpu::minibatch_log_density_backward_prepare<Isa::baseline>(args, 0, blocks);
        cpu::minibatch_log_density_backward<Isa::baseline>(args, 0, n.batch * workspace.shares);
        cpu::minibatch_log_density_backward_rows<Isa::baseline>(args, 0, blocks);
      });
}

template <typename T>
std::vector<Named<T>> compute_as_cuda(const Problem<T>& p, Grid grid) {
  return compute(
      p,
      [&](const auto& args) {
        run(grid, cuda::mixture_columns_blocks(args),
            [&](const HostTeam& team) { cuda::mixture_columns_body(args, team); });
      },
      [&](const auto& args) {
        run(grid, cuda::minibatch_log_density_blocks(args),
            [&](const HostTeam& team) { cuda::minibatch_log_density_body(args, team); });
      },
      [&](const auto& args) {
        run(grid, cuda::backward_columns_blocks(args), [&](const HostTeam& team) {
          std::vector<T> weight = unwritten<T>(cuda::kColumnsTileWeights);
          cuda::backward_columns_body(args, team, weight.data());
        });
        run(grid, cuda::backward_rows_blocks(args), [&](const HostTeam& team) {
          std::vector<T> weight = unwritten<T>(cuda::kRowsTileWeights);
          cuda::backward_rows_body(args, team, weight.data());
        });
      });
}

template <typename T>
void check_sizes(const Sizes& n, Estimator estimator, bool hard) {
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  const std::string name = "minibatch_log_density " + type_name<T>() + " " + kEstimators[static_cast<int>(estimator)] +
                           " B=" + std::to_string(n.batch) + " Q=" + std::to_string(n.queries) +
                           " M=" + std::to_string(n.columns) + " D=" + std::to_string(n.latents) +
                           (hard ? " hard" : "");
  const Problem<T> p = problem<T>(n, estimator, hard);
  check<T>(name, compute_on_cpu(p), [&](Grid grid) { return compute_as_cuda(p, grid); });
}

template <typename T>
void check_type() {
  // Around every tile: 4 rows and 128 columns in the forward, 8 and 64 in the backward; 4 latents to a round of warps.
  const Sizes square[] = {{1, 1, 1, 1},     {1, 1, 1, 3},      {2, 2, 2, 4},   {2, 7, 7, 5},
                          {3, 13, 13, 10},  {1, 64, 64, 8},    {1, 65, 65, 3}, {1, 127, 127, 2},
                          {1, 128, 128, 1}, {1, 131, 131, 33}, {2, 9, 9, 257}, {1, 5, 5, 0}};
  for (const Sizes& n : square) {
    for (const Estimator estimator : {Estimator::full, Estimator::mws, Estimator::mss, Estimator::balanced}) {
      for (const bool hard : {false, true}) check_sizes<T>(n, estimator, hard);
    }
  }
  const Sizes oblong[] = {{1, 1, 257, 7}, {1, 257, 1, 7}, {2, 5, 130, 4}, {2, 130, 5, 4}, {1, 3, 2, 1}, {3, 63, 67, 6}};
  for (const Sizes& n : oblong) {
    for (const bool hard : {false, true}) check_sizes<T>(n, Estimator::full, hard);
  }
}

}  // namespace

void check_minibatch_log_density() {
  check_type<float>();
  check_type<double>();
}

}  // namespace pyvae::on_host
