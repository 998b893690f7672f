// minibatch_log_density and joint_log_density: bodies of the CUDA kernels against the CPU kernels.
#include "../../../csrc/kernels/cuda/minibatch_log_density_backward.cuh"
#include "../../../csrc/kernels/joint_log_density.h"
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

// The steps of one implementation; all write the same tensors. Without marginals it is joint_log_density.
template <bool kMarginals, typename T, typename Columns, typename Forward, typename Backward>
std::vector<Named<T>> compute(const Problem<T>& p, Columns columns, Forward forward, Backward backward) {
  const Sizes& n = p.n;
  const int64_t rows = n.batch * n.queries, elements = n.batch * n.columns * n.latents;
  const int64_t tiles = n.batch * tiles_of(n.columns), channels = kMarginals ? n.latents + 1 : 1;
  std::vector<T> parameters = unwritten<T>(tiles * n.latents * 3 * kTile),
                 constants = unwritten<T>(tiles * latent_groups(n.latents) * kTile);
  std::vector<T> joint = unwritten<T>(rows), marginals = unwritten<T>(rows * n.latents);
  std::vector<T> peak = unwritten<T>(rows * channels), total = peak;
  std::vector<T> grad_z = marginals, grad_mu = unwritten<T>(elements), grad_logvar = grad_mu;
  std::vector<T> workspace = unwritten<T>(cpu::mixture_workspace(n.batch, n.queries, n.latents, channels));
  const cpu::MixtureBackwardWorkspace layout(n.batch, n.queries, n.columns, n.latents, channels);
  std::vector<T> gradients_workspace = unwritten<T>(layout.elements);
  const MixtureColumns<T> mixture{n.batch,         n.columns,         n.latents,       p.mu.data(),
                                  p.logvar.data(), parameters.data(), constants.data()};
  columns(mixture);
  forward(MixtureLogDensity<T>{mixture, n.queries, channels, p.weights, p.z.data(), joint.data(), marginals.data(),
                               peak.data(), total.data(), workspace.data()});
  backward(MixtureLogDensityBackward<T>{mixture, n.queries, channels, p.weights, p.z.data(), peak.data(), total.data(),
                                        p.grad_joint.data(), p.grad_marginals.data(), grad_z.data(), grad_mu.data(),
                                        grad_logvar.data(), gradients_workspace.data()});
  return {{"columns", parameters}, {"joint", joint},     {"marginals", marginals},
          {"grad_z", grad_z},      {"grad_mu", grad_mu}, {"grad_logvar", grad_logvar}};
}

template <bool kMarginals, typename T>
std::vector<Named<T>> compute_on_cpu(const Problem<T>& p) {
  const Sizes& n = p.n;
  const int64_t blocks = n.batch * cpu::mixture_row_blocks(n.queries);
  return compute<kMarginals>(
      p, [&](const auto& args) { cpu::mixture_columns<Isa::baseline>(args, 0, n.batch * tiles_of(n.columns)); },
      [&](const auto& args) {
        kMarginals ? cpu::minibatch_log_density<Isa::baseline>(args, 0, blocks)
                   : cpu::joint_log_density<Isa::baseline>(args, 0, blocks);
      },
      [&](const auto& args) {
        const cpu::MixtureBackwardWorkspace layout(n.batch, n.queries, n.columns, n.latents, args.channels);
        const int64_t shares = n.batch * layout.shares;
        cpu::mixture_backward_prepare<Isa::baseline>(args, 0, blocks);
        kMarginals ? cpu::minibatch_log_density_backward<Isa::baseline>(args, 0, shares)
                   : cpu::joint_log_density_backward<Isa::baseline>(args, 0, shares);
        cpu::mixture_backward_rows<Isa::baseline>(args, 0, blocks);
      });
}

template <bool kMarginals, typename T>
std::vector<Named<T>> compute_as_cuda(const Problem<T>& p, Grid grid) {
  return compute<kMarginals>(
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
          cuda::backward_columns_body<kMarginals>(args, team, weight.data());
        });
        run(grid, cuda::backward_rows_blocks(args), [&](const HostTeam& team) {
          std::vector<T> weight = unwritten<T>(cuda::kRowsTileWeights);
          cuda::backward_rows_body<kMarginals>(args, team, weight.data());
        });
      });
}

template <bool kMarginals, typename T>
void check_sizes(const Sizes& n, Estimator estimator, bool hard) {
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  const std::string name = std::string(kMarginals ? "minibatch" : "joint") + "_log_density " + type_name<T>() + " " +
                           kEstimators[static_cast<int>(estimator)] + " B=" + std::to_string(n.batch) +
                           " Q=" + std::to_string(n.queries) + " M=" + std::to_string(n.columns) +
                           " D=" + std::to_string(n.latents) + (hard ? " hard" : "");
  const Problem<T> p = problem<T>(n, estimator, hard);
  check<T>(
      name, compute_on_cpu<kMarginals>(p), [&](Grid grid) { return compute_as_cuda<kMarginals>(p, grid); }, n.latents);
}

template <bool kMarginals, typename T>
void check_type() {
  // Around every tile: 4 rows and 128 columns in the forward, 8 and 64 in the backward; 4 latents to a round of warps.
  const Sizes square[] = {{1, 1, 1, 1},     {1, 1, 1, 3},      {2, 2, 2, 4},   {2, 7, 7, 5},
                          {3, 13, 13, 10},  {1, 64, 64, 8},    {1, 65, 65, 3}, {1, 127, 127, 2},
                          {1, 128, 128, 1}, {1, 131, 131, 33}, {2, 9, 9, 257}, {1, 5, 5, 0}};
  for (const Sizes& n : square) {
    for (const Estimator estimator : {Estimator::full, Estimator::mws, Estimator::mss, Estimator::balanced}) {
      for (const bool hard : {false, true}) check_sizes<kMarginals, T>(n, estimator, hard);
    }
  }
  const Sizes oblong[] = {{1, 1, 257, 7}, {1, 257, 1, 7}, {2, 5, 130, 4}, {2, 130, 5, 4}, {1, 3, 2, 1}, {3, 63, 67, 6}};
  for (const Sizes& n : oblong) {
    for (const bool hard : {false, true}) check_sizes<kMarginals, T>(n, Estimator::full, hard);
  }
}

}  // namespace

void check_minibatch_log_density() {
  check_type<true, float>();
  check_type<true, double>();
}

void check_joint_log_density() {
  check_type<false, float>();
  check_type<false, double>();
}

}  // namespace pyvae::on_host
