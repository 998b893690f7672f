// Runs the CUDA kernels without a GPU: their bodies (csrc/kernels/cuda/*.cuh) with a Team that loops over the threads,
// against the CPU kernels. Prints one line per failed case; exits with 1 if there is one.
//
// What this leaves untested is the device half of team.cuh: the shuffles, the barrier itself, and the launches.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../../csrc/kernels/cuda/gaussian_kl.cuh"
#include "../../csrc/kernels/cuda/minibatch_log_density_backward.cuh"
#include "../../csrc/kernels/cuda/reparameterize.cuh"

namespace {

using pyvae::Estimator;
using pyvae::Isa;
using pyvae::cuda::kThreads, pyvae::cuda::kWarp, pyvae::cuda::kWarps;

int failures = 0;

void fail(const std::string& name, const std::string& what) {
  ++failures;
  std::printf("FAILED %s: %s\n", name.c_str(), what.c_str());
}

// --- A block of threads, one after the other -------------------------------------------------------------------------

struct HostTeam {
  int64_t block, blocks;
  bool reversed;  // the result may not depend on which thread runs first
  enum { kNothing, kThreadsRan, kReduced } mutable since_barrier = kNothing;

  template <typename Phase>
  void threads(Phase phase) const {
    // One after another, threads never see a barrier's absence: so its presence is checked.
    if (since_barrier != kNothing) fail("team", "no barrier before a phase of threads");
    since_barrier = kThreadsRan;
    for (int k = 0; k < kThreads; ++k) phase(reversed ? kThreads - 1 - k : k);
  }

  void barrier() const { since_barrier = kNothing; }

  template <typename Part, typename Store>
  void reduce(int apart, Part part, Store store) const {
    if (since_barrier == kThreadsRan) fail("team", "no barrier between a phase of threads and a reduction");
    since_barrier = kReduced;
    for (int k = 0; k < kWarps; ++k) {
      const int warp = reversed ? kWarps - 1 - k : k;
      std::vector<decltype(part(0, 0))> merged;
      for (int lane = 0; lane < kWarp; ++lane) merged.push_back(part(warp, lane));
      for (int offset = apart; offset < kWarp; offset *= 2) {
        const auto before = merged;
        for (int lane = 0; lane < kWarp; ++lane) merged[lane] = merge(before[lane], before[lane ^ offset]);
      }
      for (int lane = 0; lane < kWarp; ++lane) store(warp, lane, merged[lane]);
    }
  }
};

// Runs body(team) for a grid: the one a launch would take, or a small one that makes every loop stride.
enum class Grid { launched, small_reversed };

template <typename Body>
void run(Grid grid, int64_t launched, Body body) {
  const bool small = grid == Grid::small_reversed;
  const int64_t blocks = small ? std::min<int64_t>(launched, 2) : launched;
  for (int64_t k = 0; k < blocks; ++k) body(HostTeam{small ? blocks - 1 - k : k, blocks, small});
}

// --- Values and comparisons ------------------------------------------------------------------------------------------

template <typename T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

template <typename T>
std::string type_name() {
  return sizeof(T) == 4 ? "float" : "double";
}

std::mt19937_64 generator(20240607);

template <typename T>
std::vector<T> random(int64_t count, double mean, double deviation) {
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(normal(generator));
  return values;
}

// What a kernel has not written shows.
template <typename T>
std::vector<T> unwritten(int64_t count) {
  return std::vector<T>(count, T(-98765));
}

// Relative to the largest finite value: the kernels add the same terms in another order.
template <typename T>
void expect_close(const std::string& name, const char* what, const std::vector<T>& got,
                  const std::vector<T>& expected) {
  const double tolerance = sizeof(T) == 4 ? 5e-6 : 1e-13;
  double largest = 0;
  for (const T value : expected) largest = std::isfinite(value) ? std::max(largest, std::abs(double{value})) : largest;
  for (size_t k = 0; k < expected.size(); ++k) {
    const bool same = got[k] == expected[k] || (std::isnan(got[k]) && std::isnan(expected[k])) ||
                      std::abs(double{got[k]} - double{expected[k]}) <= tolerance * largest;
    if (same) continue;
    return fail(name, std::string(what) + "[" + std::to_string(k) + "] is " + std::to_string(got[k]) + ", not " +
                          std::to_string(expected[k]));
  }
}

template <typename T>
void expect_equal(const std::string& name, const char* what, const std::vector<T>& a, const std::vector<T>& b) {
  for (size_t k = 0; k < a.size(); ++k) {
    if (a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))) continue;
    return fail(name, std::string(what) + " depends on the grid or on the order of threads");
  }
}

// Runs kernels on both grids and compares with the CPU's: results are lists of named vectors.
template <typename T>
struct Named {
  const char* name;
  std::vector<T> values;
};

template <typename T, typename Kernels>
void check(const std::string& name, const std::vector<Named<T>>& expected, Kernels kernels) {
  const std::vector<Named<T>> got = kernels(Grid::launched), again = kernels(Grid::small_reversed);
  for (size_t k = 0; k < expected.size(); ++k) {
    expect_close(name, expected[k].name, got[k].values, expected[k].values);
    expect_equal(name, expected[k].name, got[k].values, again[k].values);
  }
}

// --- reparameterize --------------------------------------------------------------------------------------------------

// `offset` elements before the tensors take them off their 16-byte addresses.
template <typename T>
void check_reparameterize(int64_t streams, int64_t length, int64_t offset) {
  const int64_t count = streams * length;
  const std::string name = "reparameterize " + type_name<T>() + " S=" + std::to_string(streams) +
                           " n=" + std::to_string(length) + " offset=" + std::to_string(offset);
  const std::vector<T> a = random<T>(offset + count, 0, 2), logvar = random<T>(offset + count, -1, 2);
  std::vector<int64_t> seed(streams);
  for (int64_t& s : seed) s = static_cast<int64_t>(generator());
  const auto forward = [&](auto compute) {
    std::vector<T> z = unwritten<T>(offset + count);
    compute(pyvae::Reparameterize<T>{streams, length, &a[offset], &logvar[offset], seed.data(), &z[offset]});
    return Named<T>{"z", z};
  };
  const auto backward = [&](auto compute) {
    std::vector<T> grad = unwritten<T>(offset + count);
    compute(pyvae::ReparameterizeBackward<T>{streams, length, &a[offset], &logvar[offset], seed.data(), &grad[offset]});
    return Named<T>{"grad_logvar", grad};
  };
  const Named<T> z = forward(
      [](const auto& args) { pyvae::cpu::reparameterize<Isa::baseline>(args, 0, reparameterize_pieces(args)); });
  const Named<T> grad = backward([](const auto& args) {
    pyvae::cpu::reparameterize_backward<Isa::baseline>(args, 0, reparameterize_pieces(args));
  });
  check<T>(name, {z, grad}, [&](Grid grid) -> std::vector<Named<T>> {
    return {forward([&](const auto& args) {
              run(grid, pyvae::cuda::reparameterize_blocks(args),
                  [&](const HostTeam& team) { pyvae::cuda::reparameterize_body(args, team); });
            }),
            backward([&](const auto& args) {
              run(grid, pyvae::cuda::reparameterize_blocks(args),
                  [&](const HostTeam& team) { pyvae::cuda::reparameterize_backward_body(args, team); });
            })};
  });
}

// --- gaussian_kl -----------------------------------------------------------------------------------------------------

template <typename T>
void run_kl(Grid grid, const pyvae::GaussianKl<T>& args) {
  if (args.sum_latents) {
    run(grid, pyvae::cuda::gaussian_kl_rows_blocks(args),
        [&](const HostTeam& team) { pyvae::cuda::gaussian_kl_rows_body(args, team); });
  } else {
    run(grid, pyvae::cuda::gaussian_kl_elements_blocks(args),
        [&](const HostTeam& team) { pyvae::cuda::gaussian_kl_elements_body(args, team); });
  }
}

template <typename T>
void check_gaussian_kl(int64_t rows, int64_t latents, bool prior, bool sum_latents) {
  const int64_t count = rows * latents, outputs = sum_latents ? rows : count;
  const std::string name = "gaussian_kl " + type_name<T>() + " R=" + std::to_string(rows) +
                           " D=" + std::to_string(latents) + (prior ? " prior" : "") + (sum_latents ? " summed" : "");
  std::vector<T> mu = random<T>(count, 0, 2), logvar = random<T>(count, 0, 2);
  const std::vector<T> prior_mu = random<T>(count, 0, 2), prior_logvar = random<T>(count, 0, 1);
  const std::vector<T> grad_kl = random<T>(outputs, 1, 2);
  if (count > 2) mu[count / 2] = std::nan(""), logvar[count - 1] = T(80);
  const T *p_mu = prior ? prior_mu.data() : nullptr, *p_logvar = prior ? prior_logvar.data() : nullptr;

  const auto compute = [&](auto forward, auto backward) -> std::vector<Named<T>> {
    std::vector<T> kl = unwritten<T>(outputs), grad[4];
    for (std::vector<T>& g : grad) g = unwritten<T>(count);
    forward(pyvae::GaussianKl<T>{rows, latents, mu.data(), logvar.data(), p_mu, p_logvar, sum_latents, kl.data()});
    backward(pyvae::GaussianKlBackward<T>{rows, latents, mu.data(), logvar.data(), p_mu, p_logvar, sum_latents,
                                          grad_kl.data(), grad[0].data(), grad[1].data(),
                                          prior ? grad[2].data() : nullptr, prior ? grad[3].data() : nullptr});
    return {{"kl", kl},
            {"grad_mu", grad[0]},
            {"grad_logvar", grad[1]},
            {"grad_prior_mu", grad[2]},
            {"grad_prior_logvar", grad[3]}};
  };
  const auto expected =
      compute([&](const auto& args) { pyvae::cpu::gaussian_kl<Isa::baseline>(args, 0, rows); },
              [&](const auto& args) { pyvae::cpu::gaussian_kl_backward<Isa::baseline>(args, 0, rows); });
  check<T>(name, expected, [&](Grid grid) {
    return compute([&](const auto& args) { run_kl(grid, args); },
                   [&](const auto& args) {
                     run(grid, pyvae::cuda::gaussian_kl_backward_blocks(args),
                         [&](const HostTeam& team) { pyvae::cuda::gaussian_kl_backward_body(args, team); });
                   });
  });
}

// --- minibatch_log_density -------------------------------------------------------------------------------------------

struct Sizes {
  int64_t batch, queries, columns, latents;
};

template <typename T>
struct Problem {
  Sizes n;
  pyvae::PairWeights weights;
  std::vector<T> z, mu, logvar, grad_joint, grad_marginals;
};

// `hard`: narrow posteriors, a query of which every term underflows to -inf, one that is its posterior's mean, a NaN.
template <typename T>
Problem<T> problem(const Sizes& n, Estimator estimator, bool hard) {
  const int64_t rows = n.batch * n.queries, columns = n.batch * n.columns;
  const int64_t dataset_size = estimator == Estimator::full ? n.columns : 3 * n.columns + 1;
  Problem<T> p{n,
               pyvae::pair_weights(estimator, n.columns, dataset_size),
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
  std::vector<T> workspace = unwritten<T>(pyvae::cpu::minibatch_log_density_workspace(n.batch, n.queries, n.latents));
  const pyvae::cpu::MinibatchLogDensityWorkspace backward_workspace(n.batch, n.queries, n.columns, n.latents);
  std::vector<T> gradients_workspace = unwritten<T>(backward_workspace.elements);
  const pyvae::MixtureColumns<T> mixture{n.batch,         n.columns,   n.latents,    p.mu.data(),
                                         p.logvar.data(), mean.data(), scale.data(), constant.data()};
  columns(mixture);
  forward(pyvae::MinibatchLogDensity<T>{mixture, n.queries, p.weights, p.z.data(), joint.data(), marginals.data(),
                                        peak.data(), total.data(), workspace.data()});
  backward(pyvae::MinibatchLogDensityBackward<T>{mixture, n.queries, p.weights, p.z.data(), peak.data(), total.data(),
                                                 p.grad_joint.data(), p.grad_marginals.data(), grad_z.data(),
                                                 grad_mu.data(), grad_logvar.data(), gradients_workspace.data()});
  return {{"mean", mean},           {"scale", scale},   {"constant", constant}, {"joint", joint},
          {"marginals", marginals}, {"grad_z", grad_z}, {"grad_mu", grad_mu},   {"grad_logvar", grad_logvar}};
}

template <typename T>
std::vector<Named<T>> compute_on_cpu(const Problem<T>& p) {
  const Sizes& n = p.n;
  const int64_t blocks = n.batch * pyvae::cpu::minibatch_log_density_row_blocks(n.queries);
  const pyvae::cpu::MinibatchLogDensityWorkspace workspace(n.batch, n.queries, n.columns, n.latents);
  return compute(
      p,
      [&](const auto& args) { pyvae::cpu::minibatch_log_density_columns<Isa::baseline>(args, 0, n.batch * n.latents); },
      [&](const auto& args) { pyvae::cpu::minibatch_log_density<Isa::baseline>(args, 0, blocks); },
      [&](const auto& args) {
        pyvae::cpu::minibatch_log_density_backward_prepare<Isa::baseline>(args, 0, blocks);
        pyvae::cpu::minibatch_log_density_backward<Isa::baseline>(args, 0, n.batch * workspace.shares);
        pyvae::cpu::minibatch_log_density_backward_rows<Isa::baseline>(args, 0, blocks);
      });
}

template <typename T>
std::vector<Named<T>> compute_as_cuda(const Problem<T>& p, Grid grid) {
  return compute(
      p,
      [&](const auto& args) {
        run(grid, pyvae::cuda::mixture_columns_blocks(args),
            [&](const HostTeam& team) { pyvae::cuda::mixture_columns_body(args, team); });
      },
      [&](const auto& args) {
        run(grid, pyvae::cuda::minibatch_log_density_blocks(args),
            [&](const HostTeam& team) { pyvae::cuda::minibatch_log_density_body(args, team); });
      },
      [&](const auto& args) {
        run(grid, pyvae::cuda::backward_columns_blocks(args), [&](const HostTeam& team) {
          std::vector<T> weight = unwritten<T>(pyvae::cuda::kColumnsTileWeights);
          pyvae::cuda::backward_columns_body(args, team, weight.data());
        });
        run(grid, pyvae::cuda::backward_rows_blocks(args), [&](const HostTeam& team) {
          std::vector<T> weight = unwritten<T>(pyvae::cuda::kRowsTileWeights);
          pyvae::cuda::backward_rows_body(args, team, weight.data());
        });
      });
}

template <typename T>
void check_minibatch_log_density(const Sizes& n, Estimator estimator, bool hard) {
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  const std::string name = "minibatch_log_density " + type_name<T>() + " " + kEstimators[static_cast<int>(estimator)] +
                           " B=" + std::to_string(n.batch) + " Q=" + std::to_string(n.queries) +
                           " M=" + std::to_string(n.columns) + " D=" + std::to_string(n.latents) +
                           (hard ? " hard" : "");
  const Problem<T> p = problem<T>(n, estimator, hard);
  check<T>(name, compute_on_cpu(p), [&](Grid grid) { return compute_as_cuda(p, grid); });
}

// --- Cases -----------------------------------------------------------------------------------------------------------

template <typename T>
void check_all() {
  for (const int64_t streams : {1, 3}) {
    for (const int64_t length : {1, 2, 3, 4, 255, 256, 257, 1024, 4099}) {
      for (const int64_t offset : {0, 1}) check_reparameterize<T>(streams, length, offset);
    }
  }
  for (const int64_t rows : {1, 3, 4, 37}) {
    for (const int64_t latents : {1, 5, 31, 32, 33, 257}) {
      for (const int flags : {0, 1, 2, 3}) check_gaussian_kl<T>(rows, latents, flags & 1, flags & 2);
    }
  }
  // Around every tile: 4 rows and 128 columns in the forward, 8 and 64 in the backward; 4 latents to a round of warps.
  const Sizes square[] = {{1, 1, 1, 1},     {1, 1, 1, 3},      {2, 2, 2, 4},   {2, 7, 7, 5},
                          {3, 13, 13, 10},  {1, 64, 64, 8},    {1, 65, 65, 3}, {1, 127, 127, 2},
                          {1, 128, 128, 1}, {1, 131, 131, 33}, {2, 9, 9, 257}, {1, 5, 5, 0}};
  for (const Sizes& n : square) {
    for (const Estimator estimator : {Estimator::full, Estimator::mws, Estimator::mss, Estimator::balanced}) {
      for (const bool hard : {false, true}) check_minibatch_log_density<T>(n, estimator, hard);
    }
  }
  const Sizes oblong[] = {{1, 1, 257, 7}, {1, 257, 1, 7}, {2, 5, 130, 4}, {2, 130, 5, 4}, {1, 3, 2, 1}, {3, 63, 67, 6}};
  for (const Sizes& n : oblong) {
    for (const bool hard : {false, true}) check_minibatch_log_density<T>(n, Estimator::full, hard);
  }
}

}  // namespace

int main() {
  check_all<float>();
  check_all<double>();
  return failures == 0 ? 0 : 1;
}
