// minibatch_log_density and joint_log_density: bodies of the CUDA kernels against the CPU kernels.
#include <numbers>

#include "../../../csrc/kernels/cuda/minibatch_log_density_backward.cuh"
#include "../../../csrc/kernels/joint_log_density.h"
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
  std::vector<T> importance = {}, own = {};  // [B, M], or empty
};

// hard: narrow posteriors, a query of which every term underflows to -inf, one that is its posterior's mean, a NaN.
// rising: exponents that grow from column to column, so that no peak serves for long.
// wide: distances whose squares are beyond float32, of posteriors as wide.
// far: queries from which posteriors look alike, or are at infinity, and outliers among the posteriors.
// loud: large cotangents of densities that are small beside the narrowest posterior's constant.
// weighed: columns count as many bits more or less, some nothing, and their own rows' balance is another in each row.
enum class Values { usual, hard, rising, wide, far, loud, weighed };

template <typename T>
Problem<T> problem(const Sizes& n, Estimator estimator, Values values) {
  const bool hard = values == Values::hard;
  const int64_t rows = n.batch * n.queries, columns = n.batch * n.columns;
  const int64_t dataset_size = estimator == Estimator::full ? n.columns : 3 * n.columns + 1;
  Problem<T> p{n,
               pair_weights(estimator, n.columns, dataset_size),
               random<T>(rows * n.latents, 0, 1),
               random<T>(columns * n.latents, 0, 1),
               random<T>(columns * n.latents, hard ? -4 : -1, hard ? 3 : 1),
               random<T>(rows, 0.5, 1),
               random<T>(rows * n.latents, 0.5, 1)};
  if (values == Values::rising) {
    for (size_t k = 0; k < p.mu.size(); ++k) {
      const int64_t j = static_cast<int64_t>(k) / n.latents % n.columns;
      p.mu[k] += T(1 + 20.0 * static_cast<double>(j - n.columns) / static_cast<double>(n.columns));
    }
  }
  if (values == Values::wide) {
    for (T& z : p.z) z *= T(0x1p70);
    for (T& mu : p.mu) mu *= T(0x1p70);
    for (T& logvar : p.logvar) logvar += T(140 * std::numbers::ln2);
  }
  if (values == Values::far) {
    const T away[] = {1, 1e5, 1, 1e3, 1, T(1e18), 1};
    for (size_t k = 0; k < p.z.size(); ++k) p.z[k] *= away[k % 7];
    for (size_t k = 0; k < p.mu.size(); k += 11) p.mu[k] *= T(1e6);
  }
  if (values == Values::loud) {
    for (int64_t d = 0; d < n.latents; ++d) p.logvar[d] = T(-20);
    for (T& grad : p.grad_joint) grad *= T(1e36);
    for (T& grad : p.grad_marginals) grad *= T(1e36);
  }
  if (values == Values::weighed) {
    p.importance = random<T>(columns, 0, 3);
    if (estimator == Estimator::balanced) p.own = random<T>(columns, -2, 1);
    for (int64_t k = 0; k < columns; ++k) {
      if (k % n.columns % 5 == 3) p.importance[k] = -std::numeric_limits<T>::infinity();
    }
  }
  if (!hard || n.latents == 0) return p;
  const auto at = [&](int64_t row, int64_t d) -> T& { return p.z[row * n.latents + d]; };
  at(rows / 2, n.latents / 2) = std::sqrt(std::numeric_limits<T>::max()) * T(8);
  if (n.batch == 1) at(0, 0) = p.mu[0];
  if (rows > 3) at(rows - 1, n.latents - 1) = std::nan("");
  if (n.batch > 1) p.mu[n.columns * n.latents] = std::nan("");  // of batch entry 1 only
  return p;
}

// The parameters of the columns that exist: what stands for those beyond the last is each device's own.
template <typename T>
std::vector<T> existing_columns(const MixtureColumns<T>& mixture) {
  std::vector<T> parameters;
  for (int64_t b = 0; b < mixture.batch; ++b) {
    for (int64_t j = 0; j < mixture.columns; ++j) {
      for (int64_t d = 0; d < mixture.latents; ++d) {
        const T* at = mixture.tiles + cuda::column_index(mixture, b, d, j);
        parameters.insert(parameters.end(), {at[0], at[kTile], at[2 * kTile]});
      }
      for (int64_t group = 0; group < latent_groups(mixture.latents); ++group) {
        parameters.push_back(mixture.constants[cuda::constant_index(mixture, b, group, j)]);
      }
    }
  }
  return parameters;
}

// The steps of one implementation; all write the same tensors. Without marginals it is joint_log_density.
template <bool kMarginals, typename T, typename Workspaces, typename Columns, typename Forward, typename Backward>
std::vector<Named<T>> compute(const Problem<T>& p, Workspaces workspaces, Columns columns, Forward forward,
                              Backward backward) {
  const Sizes& n = p.n;
  const int64_t rows = n.batch * n.queries, elements = n.batch * n.columns * n.latents;
  const int64_t tiles = n.batch * tiles_of(n.columns), channels = kMarginals ? n.latents + 1 : 1;
  std::vector<T> parameters = unwritten<T>(tiles * n.latents * 3 * kTile),
                 constants = unwritten<T>(tiles * latent_groups(n.latents) * kTile);
  std::vector<T> joint = unwritten<T>(rows), marginals = unwritten<T>(rows * n.latents);
  std::vector<T> peak = unwritten<T>(rows * channels), total = peak;
  std::vector<T> grad_z = marginals, grad_mu = unwritten<T>(elements), grad_logvar = grad_mu;
  const auto [forward_elements, backward_elements] = workspaces(n, channels);
  std::vector<T> workspace = unwritten<T>(forward_elements), gradients_workspace = unwritten<T>(backward_elements);
  const Importance<T> importance{p.importance.empty() ? nullptr : p.importance.data(),
                                 p.own.empty() ? nullptr : p.own.data()};
  const MixtureColumns<T> mixture{n.batch,           n.columns,        n.latents, p.mu.data(), p.logvar.data(),
                                  parameters.data(), constants.data(), {},        importance};
  columns(mixture);
  forward(MixtureLogDensity<T>{mixture, n.queries, channels, p.weights, p.z.data(), joint.data(), marginals.data(),
                               peak.data(), total.data(), workspace.data()});
  backward(MixtureLogDensityBackward<T>{mixture, n.queries, channels, p.weights, p.z.data(), peak.data(), total.data(),
                                        p.grad_joint.data(), p.grad_marginals.data(), grad_z.data(), grad_mu.data(),
                                        grad_logvar.data(), gradients_workspace.data()});
  return {{"columns", existing_columns(mixture)},
          {"joint", joint, true},
          {"marginals", marginals, true},
          {"grad_z", grad_z},
          {"grad_mu", grad_mu},
          {"grad_logvar", grad_logvar}};
}

template <bool kMarginals, typename T>
std::vector<Named<T>> compute_on_cpu(const Problem<T>& p) {
  const Sizes& n = p.n;
  const int64_t blocks = n.batch * cpu::mixture_row_blocks(n.queries);
  return compute<kMarginals>(
      p,
      [](const Sizes& n, int64_t channels) {
        const cpu::MixtureBackwardWorkspace backward(n.batch, n.queries, n.columns, n.latents, channels);
        return std::pair(cpu::mixture_workspace(n.batch, n.queries, n.latents, channels, false), backward.elements);
      },
      [&](const auto& args) { cpu::mixture_columns<kComparedWith>(args, 0, n.batch * tiles_of(n.columns)); },
      [&](const auto& args) {
        kMarginals ? cpu::minibatch_log_density<kComparedWith>(args, 0, blocks)
                   : cpu::joint_log_density<kComparedWith>(args, 0, blocks);
      },
      [&](const auto& args) {
        const cpu::MixtureBackwardWorkspace layout(n.batch, n.queries, n.columns, n.latents, args.channels);
        const int64_t shares = n.batch * layout.shares.count();
        cpu::mixture_backward_prepare<kComparedWith>(args, 0, blocks);
        for (int64_t turn = 0; turn < layout.shares.turns; ++turn) {
          kMarginals ? cpu::minibatch_log_density_backward<kComparedWith>(args, turn, 0, shares)
                     : cpu::joint_log_density_backward<kComparedWith>(args, turn, 0, shares);
        }
        cpu::mixture_backward_rows<kComparedWith>(args, 0, blocks);
      });
}

template <bool kMarginals, typename T>
std::vector<Named<T>> compute_as_cuda(const Problem<T>& p, Grid grid, int64_t slots) {
  Steps steps{grid};
  const auto with_slots = [&](auto args) {
    args.slots = slots;
    return args;
  };
  return compute<kMarginals>(
      p,
      [&](const Sizes& n, int64_t channels) {
        const cuda::MixtureWorkspace forward(n.batch, n.queries, n.columns, n.latents, channels, slots);
        const cuda::MixtureBackwardWorkspace backward(n.batch, n.queries, n.columns, n.latents, channels, slots);
        return std::pair(forward.elements, backward.elements);
      },
      [&](const auto& args) { Steps{grid}(cuda::FillColumns<T>(), args); },
      [&](const auto& args) { cuda::for_each_forward_step<kMarginals>(with_slots(args), steps); },
      [&](const auto& args) {
        cuda::for_each_column_step<kMarginals>(with_slots(args), steps);
        cuda::for_each_row_step<kMarginals>(with_slots(args), steps);
      });
}

template <bool kMarginals, typename T>
void check_sizes(const Sizes& n, Estimator estimator, Values values) {
  constexpr const char* kValues[] = {"", " hard", " rising", " wide", " far", " loud", " weighed"};
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  const std::string name = std::string(kMarginals ? "minibatch" : "joint") + "_log_density " + type_name<T>() + " " +
                           kEstimators[static_cast<int>(estimator)] + " B=" + std::to_string(n.batch) +
                           " Q=" + std::to_string(n.queries) + " M=" + std::to_string(n.columns) +
                           " D=" + std::to_string(n.latents) + kValues[static_cast<int>(values)];
  const Problem<T> p = problem<T>(n, estimator, values);
  const std::vector<Named<T>> expected = compute_on_cpu<kMarginals>(p);
  // Divided among as many blocks as there are tiles, and as for a GPU that runs two blocks at a time.
  for (const int64_t slots : {264, 2}) {
    check<T>(name, expected, [&](Grid grid) { return compute_as_cuda<kMarginals>(p, grid, slots); }, n.latents);
  }
}

// A thread's rows sum up each for itself: what one of them holds does not touch the bits of another.
template <bool kMarginals, typename T>
void check_rows_are_alone() {
  constexpr int64_t kRow = 200;  // beside 72 and 328 in one thread
  const Sizes n{1, 450, 450, 3};
  const auto compute = [](const Problem<T>& p) { return compute_as_cuda<kMarginals>(p, Grid::launched, 2); };
  Problem<T> p = problem<T>(n, Estimator::mss, Values::usual);
  const std::vector<Named<T>> alone = compute(p);
  for (const double hostile : {std::nan(""), HUGE_VAL, double{std::numeric_limits<T>::max()}, 1e5}) {
    p.z[kRow * n.latents + 1] = static_cast<T>(hostile);
    std::vector<Named<T>> beside = compute(p);
    for (size_t k = 0; k < alone.size(); ++k) {
      const std::string name = alone[k].name;
      if (name != "joint" && name != "marginals" && name != "grad_z") continue;
      const size_t width = alone[k].values.size() / n.queries;
      std::copy_n(&alone[k].values[kRow * width], width, &beside[k].values[kRow * width]);
      if (beside[k].values == alone[k].values) continue;
      fail(type_name<T>() + " z = " + std::to_string(hostile), name + " of other rows depends on it");
    }
  }
}

// Constants that rise by half a bit over thousands of columns: against the exact answer.
template <bool kMarginals, typename T>
void check_slow_rise() {
  const Sizes n{1, 3, 40000, 1};
  Problem<T> p = problem<T>(n, Estimator::full, Values::usual);
  std::ranges::fill(p.z, T(0)), std::ranges::fill(p.mu, T(0));
  double sum = 0;
  for (int64_t j = 0; j < n.columns; ++j) {
    p.logvar[j] = static_cast<T>(-1.8 - std::numbers::ln2 * double(j) / double(n.columns));
    sum += std::exp(-0.5 * (double{p.logvar[j]} + kLog2Pi)) / double(n.columns);
  }
  for (const Named<T>& got : compute_as_cuda<kMarginals>(p, Grid::launched, 2)) {
    const std::string name = got.name;
    if (name != "joint" && (name != "marginals" || !kMarginals)) continue;
    const double error = std::abs(double{got.values[0]} - std::log(sum));
    if (error > 1e-6) fail(type_name<T>(), name + " of slowly rising terms is off by " + std::to_string(error));
  }
}

// Thousands of equal terms, whose roundings add up: against the exact answer.
template <bool kMarginals, typename T>
void check_equal_terms() {
  const Sizes many_columns{1, 3, 40000, 1}, many_rows{1, 20000, 1, 1};
  for (const Sizes& n : {many_columns, many_rows}) {
    Problem<T> p = problem<T>(n, Estimator::full, Values::usual);
    const T z = T(0.1), mu = T(-0.1), logvar = T(-3.8);  // a density of about 1
    std::ranges::fill(p.z, z), std::ranges::fill(p.mu, mu), std::ranges::fill(p.logvar, logvar);
    std::ranges::fill(p.grad_joint, T(1)), std::ranges::fill(p.grad_marginals, T(1));
    const double precision = std::exp(-double{logvar}), distance = double{z} - double{mu};
    const double square = distance * distance * precision, density = -0.5 * (square + double{logvar} + kLog2Pi);
    const double of_row = kMarginals ? 2 : 1, of_column = of_row * double(n.queries) / double(n.columns);
    const std::vector<std::pair<std::string, double>> exact = {{"joint", density},
                                                               {"marginals", density},
                                                               {"grad_z", -of_row * distance * precision},
                                                               {"grad_mu", of_column * distance * precision},
                                                               {"grad_logvar", of_column * 0.5 * (square - 1)}};
    for (const Named<T>& got : compute_as_cuda<kMarginals>(p, Grid::launched, 2)) {
      for (const auto& [name, value] : exact) {
        if (name != got.name || (name == "marginals" && !kMarginals)) continue;
        for (const T one : got.values) {
          if (std::abs(double{one} - value) <= 2e-6 * (1 + std::abs(value))) continue;
          fail(type_name<T>(), name + " of equal terms is " + std::to_string(one) + ", not " + std::to_string(value));
          break;
        }
      }
    }
  }
}

template <bool kMarginals, typename T>
void check_type() {
  constexpr Values kAll[] = {Values::usual, Values::hard, Values::rising, Values::weighed};
  // Around a tile of 64, a block of 128 rows or columns, a group of 16 latents.
  const Sizes square[] = {{1, 1, 1, 1},     {1, 1, 1, 3},      {2, 2, 2, 4},   {2, 7, 7, 5},
                          {3, 13, 13, 10},  {1, 64, 64, 8},    {1, 65, 65, 3}, {1, 127, 127, 2},
                          {1, 128, 128, 1}, {1, 131, 131, 33}, {2, 9, 9, 257}, {1, 5, 5, 0}};
  for (const Sizes& n : square) {
    for (const Estimator estimator : {Estimator::full, Estimator::mws, Estimator::mss, Estimator::balanced}) {
      for (const Values values : kAll) check_sizes<kMarginals, T>(n, estimator, values);
    }
  }
  const Sizes oblong[] = {{1, 1, 257, 7}, {1, 257, 1, 7}, {2, 5, 130, 4}, {2, 130, 5, 4},
                          {1, 3, 2, 1},   {3, 63, 67, 6}, {1, 513, 3, 2}, {1, 1000, 70, 2}};
  for (const Sizes& n : oblong) {
    for (const Values values : kAll) check_sizes<kMarginals, T>(n, Estimator::full, values);
  }
  // Several rows and columns of a thread: blocks of 256 and 512.
  for (const Values values : kAll) check_sizes<kMarginals, T>({1, 450, 450, 3}, Estimator::mss, values);
  check_sizes<kMarginals, T>({1, 470, 1010, 18}, Estimator::full, Values::usual);
  check_sizes<kMarginals, T>({1, 450, 450, 3}, Estimator::full, Values::wide);
  check_sizes<kMarginals, T>({1, 450, 450, 3}, Estimator::full, Values::far);
  check_sizes<kMarginals, T>({2, 90, 300, 3}, Estimator::full, Values::far);
  check_sizes<kMarginals, T>({1, 20, 20, 3}, Estimator::mss, Values::loud);
  // Sums that settle: more than 1024 are met.
  check_sizes<kMarginals, T>({1, 1090, 1090, 1}, Estimator::balanced, Values::usual);
  check_equal_terms<kMarginals, T>();
  check_slow_rise<kMarginals, T>();
  check_rows_are_alone<kMarginals, T>();
}

// --- Layouts ---------------------------------------------------------------------------------------------------------

// No part without work, and none too short for the sums that it has.
bool sound(const cuda::BackwardParts& parts, int64_t tiles) {
  const int64_t shortest = tiles / parts.parts, longest = (tiles + parts.parts - 1) / parts.parts;
  return shortest >= 1 && (parts.settles() ? shortest >= cuda::kSettledTiles : longest <= cuda::kSettledTiles);
}

bool sound(const cuda::ForwardShares& shares, int64_t tiles, int64_t marginals) {
  const bool groups = shares.groups >= 1 && (marginals == 0 ? shares.groups == 1 : shares.groups <= marginals);
  const bool joint = shares.joint_parts >= 1 && shares.joint_parts <= std::min(tiles, shares.count());
  return groups && joint && shares.parts >= 1 && shares.parts <= tiles;
}

// How much of a GPU's time the blocks of a launch use, if all take as long.
double share_of_slots(int64_t blocks, int64_t slots) {
  return double(blocks) / double(ceil_div(blocks, slots) * slots);
}

void check_layout(int64_t batch, int64_t rows, int64_t columns, int64_t latents, int64_t channels, int64_t slots) {
  const cuda::MixtureWorkspace forward(batch, rows, columns, latents, channels, slots);
  const cuda::MixtureBackwardWorkspace backward(batch, rows, columns, latents, channels, slots);
  const bool all = sound(forward.shares, tiles_of(columns), channels - 1) && sound(backward.columns, tiles_of(rows)) &&
                   sound(backward.rows, tiles_of(columns));
  const std::string name = "layout B=" + std::to_string(batch) + " Q=" + std::to_string(rows) +
                           " M=" + std::to_string(columns) + " D=" + std::to_string(latents) +
                           " C=" + std::to_string(channels) + " slots=" + std::to_string(slots);
  if (!all) fail(name, "a part without work, or too short for its sums");
  if (batch > 1 || rows != columns || rows < 3000 || rows > 20000 || slots < 200) return;
  const bool busy =
      share_of_slots(batch * backward.column_blocks * backward.columns.parts, slots) > 0.7 &&
      share_of_slots(batch * forward.row_blocks * forward.shares.count(), channels > 1 ? slots / 2 : slots) > 0.7;
  if (!busy) fail(name, "leaves much of a GPU idle");
}

void check_layouts() {
  for (const int64_t slots : {1, 2, 7, 216, 264, 296}) {
    for (const int64_t latents : {0, 1, 3, 4, 7, 10, 16, 33, 64, 257}) {
      for (const int64_t rows : {1, 63, 64, 65, 129, 512, 1000, 2048, 3001, 4096, 8192, 12000, 16384, 65536, 1000000}) {
        for (const int64_t columns : {int64_t{1}, int64_t{65}, int64_t{4097}, rows, int64_t{50000000}}) {
          for (const int64_t batch : {1, 3, 100}) {
            check_layout(batch, rows, columns, latents, 1, slots);
            check_layout(batch, rows, columns, latents, latents + 1, slots);
          }
        }
      }
    }
  }
}

void check_densities() {
  check_layouts();
  check_type<true, float>();
  check_type<true, double>();
}

void check_joint() {
  check_type<false, float>();
  check_type<false, double>();
}

const Registered registered("minibatch_log_density", check_densities);
const Registered registered_joint("joint_log_density", check_joint);

}  // namespace
}  // namespace pyvae::on_host
