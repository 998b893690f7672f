// gridded_marginals: bodies of the CUDA kernels, in the order of their launches, against the CPU kernels.
#include "../../../csrc/kernels/cuda/gridded_marginals_backward.cuh"
#include "host.h"

namespace pyvae::on_host {
namespace {

struct Sizes {
  int64_t batch, queries, columns, latents;
};

struct Problem {
  std::string name;
  Sizes n;
  PairWeights weights;
  double rtol;
  std::vector<float> z, mu, logvar, grad;
};

// --- Regimes ---------------------------------------------------------------------------------------------------------

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator); }
bool one_in(int count) { return uniform(0, count) < 1; }

// A posterior's mean and logvar.
struct Posterior {
  double mu, logvar;
};

struct Regime {
  const char* name;
  Posterior (*draw)();
};

double normal() { return std::normal_distribution<double>()(generator); }

constexpr Regime kRegimes[] = {
    {"one sigma", [] { return Posterior{normal(), -2.4}; }},
    {"broad", [] { return Posterior{3 * normal(), uniform(1, 2)}; }},
    {"two sigmas", [] { return one_in(2) ? Posterior{normal(), -6} : Posterior{0.01 * normal(), 0}; }},
    {"four decades", [] { return Posterior{normal(), uniform(-18, 1)}; }},
    {"isolated", [] { return Posterior{normal(), -16}; }},
    {"one point", [] { return Posterior{0.25, -3}; }},
    {"strays in mean", [] { return Posterior{(one_in(20) ? 1e4 : 1.0) * normal(), -2 + 0.3 * normal()}; }},
    {"strays in sigma", [] { return Posterior{normal(), one_in(20) ? uniform(-30, 10) : -2.0}; }},
    {"two places", [] { return Posterior{(one_in(2) ? 1e6 : 0.0) + normal(), -4}; }},
    {"beyond linear sums", [] { return Posterior{normal(), one_in(10) ? -60.0 : -2.0}; }},
};

// Queries are samples of their posteriors, some of them on the edge of what is near or far away; those of "full" of
// any.
Problem problem(const Regime& regime, const Sizes& n, Estimator estimator, double rtol = 1e-5) {
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  Problem p;
  p.name = std::string("gridded_marginals ") + regime.name + " " + kEstimators[static_cast<int>(estimator)] +
           " B=" + std::to_string(n.batch) + " Q=" + std::to_string(n.queries) + " M=" + std::to_string(n.columns) +
           " D=" + std::to_string(n.latents);
  p.n = n;
  p.weights = pair_weights(estimator, n.columns, 700 * n.columns + 1);
  p.rtol = rtol;
  for (int64_t k = 0; k < n.batch * n.columns * n.latents; ++k) {
    const Posterior one = regime.draw();
    p.mu.push_back(static_cast<float>(one.mu)), p.logvar.push_back(static_cast<float>(one.logvar));
  }
  for (int64_t k = 0; k < n.batch * n.queries * n.latents; ++k) {
    const int64_t row = k / n.latents, b = row / n.queries, j = row % n.queries % n.columns;
    const int64_t own = (b * n.columns + j) * n.latents + k % n.latents;
    const double away = one_in(30) ? 30 * normal() : (one_in(10) ? uniform(4, 9) : normal());
    p.z.push_back(static_cast<float>(p.mu[own] + std::exp(0.5 * p.logvar[own]) * away));
  }
  p.grad = random<float>(n.batch * n.queries * n.latents, 0.5, 1);
  if (p.grad.size() > 2) p.grad[1] = 0;
  return p;
}

// --- Both implementations --------------------------------------------------------------------------------------------

struct Outcome {
  std::vector<float> marginals, score, grad_z, grad_mu, grad_logvar;
  std::vector<uint8_t> tier;
};

Marginals marginals_of(const Problem& p) {
  return {p.n.batch, p.n.queries, p.n.columns, p.n.latents,    p.weights,
          p.rtol,    p.z.data(),  p.mu.data(), p.logvar.data()};
}

// Both run on memory that holds any content, of which the backward has its own.
template <typename Forward, typename Backward>
Outcome compute(const Problem& p, int64_t bytes, int64_t backward_bytes, Forward forward, Backward backward) {
  const size_t rows = p.z.size(), elements = p.mu.size();
  Outcome o{unwritten<float>(rows),     unwritten<float>(rows),     unwritten<float>(rows),
            unwritten<float>(elements), unwritten<float>(elements), std::vector<uint8_t>(rows, 77)};
  std::vector<char> workspace(bytes, char(0x5a)), backward_workspace(backward_bytes, char(0x5a));
  forward(GriddedMarginals{marginals_of(p), o.marginals.data(), o.score.data(), o.tier.data(), workspace.data()});
  backward(GriddedMarginalsBackward{marginals_of(p), o.marginals.data(), o.score.data(), o.tier.data(), p.grad.data(),
                                    o.grad_z.data(), o.grad_mu.data(), o.grad_logvar.data(),
                                    backward_workspace.data()});
  return o;
}

Outcome compute_on_cpu(const Problem& p) {
  const cpu::MarginalsWorkspace layout(p.n.batch, p.n.queries, p.n.columns, p.n.latents);
  return compute(
      p, layout.bytes(), layout.bytes(),
      [&](const auto& args) { cpu::gridded_marginals<kComparedWith>(args, 0, layout.slots); },
      [&](const auto& args) { cpu::gridded_marginals_backward<kComparedWith>(args, 0, layout.slots); });
}

Outcome compute_as_cuda(const Problem& p, Grid grid) {
  const auto bytes = [&](bool backward) {
    return cuda::MarginalsWorkspace(p.n.batch, p.n.queries, p.n.columns, p.n.latents, backward).bytes();
  };
  return compute(
      p, bytes(false), bytes(true),
      [&](const auto& args) {
        Steps steps{grid};
        cuda::for_each_forward_step(args, steps);
      },
      [&](const auto& args) {
        Steps steps{grid};
        cuda::for_each_backward_step(args, steps);
      });
}

// --- Comparisons -----------------------------------------------------------------------------------------------------

std::string at(const char* what, size_t k, double got, double expected) {
  return std::string(what) + "[" + std::to_string(k) + "] is " + std::to_string(got) + ", not " +
         std::to_string(expected);
}

// A bound that both miss or keep by a rounding's breadth may send a query to different tiers. A score whose terms
// cancel errs by theirs, about 1.
void expect_forward(const Problem& p, const Outcome& got, const Outcome& expected) {
  size_t other_tier = 0;
  double largest = 1;
  for (const float score : expected.score) {
    if (std::isfinite(score)) largest = std::max(largest, std::abs(double{score}));
  }
  for (size_t k = 0; k < got.tier.size(); ++k) {
    const bool same_tier = got.tier[k] == expected.tier[k];
    other_tier += !same_tier;
    const double a = got.marginals[k], b = expected.marginals[k], s = got.score[k], t = expected.score[k];
    const double tolerance = (same_tier ? 1e-6 : p.rtol) + 2e-6 * (1 + std::abs(b));
    const bool close = a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance;
    if (!close) return fail(p.name, at("marginals", k, a, b) + " in tier " + std::to_string(got.tier[k]));
    const bool close_score = s == t || (std::isnan(s) && std::isnan(t)) ||
                             std::abs(s - t) <= (same_tier ? 1e-5 : 1e-4) * (std::abs(t) + 0.1 * largest);
    if (!close_score) return fail(p.name, at("score", k, s, t) + " in tier " + std::to_string(got.tier[k]));
  }
  if (other_tier > got.tier.size() / 500) {
    fail(p.name, std::to_string(other_tier) + " of " + std::to_string(got.tier.size()) + " tiers differ");
  }
}

// By the norm, as the contract has it, and where that is nearly 0, by that of terms; where one is not finite the other
// is not.
void expect_gradient(const Problem& p, const char* what, const std::vector<float>& got,
                     const std::vector<float>& expected) {
  double error = 0, size = 0;
  for (size_t k = 0; k < got.size(); ++k) {
    const double a = got[k], b = expected[k];
    if (std::isfinite(a) != std::isfinite(b)) return fail(p.name, at(what, k, a, b));
    if (!std::isfinite(a)) continue;
    error += (a - b) * (a - b), size += b * b;
  }
  if (error > 4e-10 * size + 1e-12) {
    fail(p.name, std::string(what) + " is off by " + std::to_string(std::sqrt(error / size)) + " of its norm");
  }
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

template <typename T>
void expect_bits(const Problem& p, const char* what, const std::vector<T>& a, const std::vector<T>& b, size_t count) {
  for (size_t k = 0; k < count; ++k) {
    if (!same(static_cast<float>(a[k]), static_cast<float>(b[k]))) return fail(p.name, what);
  }
}

void expect_same_bits(const Problem& p, const char* what, const Outcome& a, const Outcome& b, size_t rows,
                      size_t columns) {
  expect_bits(p, what, a.marginals, b.marginals, rows);
  expect_bits(p, what, a.score, b.score, rows);
  expect_bits(p, what, a.tier, b.tier, rows);
  expect_bits(p, what, a.grad_z, b.grad_z, rows);
  expect_bits(p, what, a.grad_mu, b.grad_mu, columns);
  expect_bits(p, what, a.grad_logvar, b.grad_logvar, columns);
}

size_t tiers_seen[3];

void check_problem(const Problem& p) {
  const Outcome expected = compute_on_cpu(p), got = compute_as_cuda(p, Grid::launched);
  for (const uint8_t tier : got.tier) {
    if (tier > 2) return fail(p.name, "a tier is unwritten memory");
    ++tiers_seen[tier];
  }
  expect_forward(p, got, expected);
  expect_gradient(p, "grad_z", got.grad_z, expected.grad_z);
  expect_gradient(p, "grad_mu", got.grad_mu, expected.grad_mu);
  expect_gradient(p, "grad_logvar", got.grad_logvar, expected.grad_logvar);
  const Outcome again = compute_as_cuda(p, Grid::small_reversed);
  expect_same_bits(p, "results depend on the grid or on the order of threads", got, again, got.tier.size(),
                   got.grad_mu.size());
}

// Crowds on both sides of the end of a region that one stray makes too wide for its grid: queries there meet the grid's
// components and those outside.
void check_cut_crowd(double sign) {
  Problem p = problem(kRegimes[0], {1, 400, 400, 1}, Estimator::mss);
  p.name += sign < 0 ? " cut below" : " cut above";
  const Gridding grids = gridding(p.rtol);
  const float sigma = std::exp(0.5f * p.logvar[0]);
  const Level level{bits_float(bucket_of(0, sigma) << kBucketShift), {0, 0}, 0, 0, 0, 0, 0, 0, nullptr, 0, 0, 0, 0};
  const double widest = widest_region(grids, level, marginal_nodes(400, 400));
  // Quartiles at 0 and half of it put the region's end at three quarters.
  const double end = 0.25 * widest + 0.5 * 0.999 * widest;
  for (size_t j = 0; j < p.mu.size(); ++j) {
    const double crowd[] = {0, 0, 0.5 * widest, 0.5 * widest, end + 4 * sigma * normal()};
    const double away = p.z[j] - p.mu[j];
    p.mu[j] = static_cast<float>(sign * (j == 0 ? -2 * widest : crowd[j / 80] + 0.1 * sigma * normal()));
    p.z[j] = static_cast<float>(p.mu[j] + away);
  }
  check_problem(p);
}

// A cotangent of 0 beside an infinite score.
void check_infinite_score() {
  Problem p = problem(kRegimes[0], {1, 3, 3, 1}, Estimator::full);
  p.mu[1] = 0, p.logvar[1] = -176.5f, p.z[1] = 1.5e-38f, p.grad[1] = 0;
  check_problem(p);
  const Outcome got = compute_as_cuda(p, Grid::launched);
  if (!std::isinf(got.score[1]) || got.grad_z[1] != 0) fail(p.name, "a cotangent of 0 asks for a score");
}

// Values that no mixture should have, in the last batch entry: whatever becomes of it, the others keep their bits.
void check_hostile(const Regime& regime, int64_t columns, Estimator estimator) {
  constexpr float kInf = kInfinity<float>, kHuge = std::numeric_limits<float>::max(), kNan = __builtin_nanf("");
  constexpr float kValues[] = {kNan, kInf, -kInf, kHuge, -kHuge, 1e-40f, -0.0f};
  const Problem tame = problem(regime, {2, columns, columns, 1}, estimator);
  for (const float value : kValues) {
    for (std::vector<float> Problem::* where : {&Problem::z, &Problem::mu, &Problem::logvar}) {
      Problem p = tame;
      p.name += " with " + std::to_string(value);
      (p.*where)[columns + columns / 2] = value;
      check_problem(p);
      expect_same_bits(p, "a batch entry depends on another", compute_as_cuda(p, Grid::launched),
                       compute_as_cuda(tame, Grid::launched), columns, columns);
    }
  }
}

void check_all() {
  constexpr Estimator kEstimators[] = {Estimator::full, Estimator::mws, Estimator::mss, Estimator::balanced};
  // Around what makes a level, and around the chunks of 128.
  for (const int64_t columns : {1, 2, 31, 32, 33, 34, 127, 128, 129, 400}) {
    for (const Regime& regime : kRegimes) {
      for (const Estimator estimator : kEstimators) check_problem(problem(regime, {1, columns, columns, 1}, estimator));
    }
  }
  const Sizes oblong[] = {{1, 1, 200, 1}, {2, 300, 40, 2}, {2, 7, 129, 3}, {1, 129, 1, 2}, {1, 40, 1500, 1}};
  for (const Sizes& n : oblong) {
    for (const Regime& regime : kRegimes) check_problem(problem(regime, n, Estimator::full));
  }
  for (const double rtol : {1e-6, 1e-3}) {
    for (const Regime& regime : kRegimes) check_problem(problem(regime, {1, 300, 300, 1}, Estimator::mss, rtol));
  }
  check_cut_crowd(1), check_cut_crowd(-1), check_infinite_score();
  for (const Regime& regime : kRegimes) {
    check_hostile(regime, 40, Estimator::mss);
    check_hostile(regime, 130, Estimator::full);
  }
  for (const size_t seen : tiers_seen) {
    if (seen < 500) fail("gridded_marginals", "a tier is hardly ever taken");
  }
}

const Registered registered("gridded_marginals", check_all);

}  // namespace
}  // namespace pyvae::on_host
