// gridded_marginals against its definition in double: all pairs of a latent, at
// the tolerance that it is called with.
#include "../../../csrc/kernels/gridded_marginals.h"

#include "../../../csrc/kernels/marginal_levels.h"
#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

struct Sizes {
  int64_t batch, queries, columns, latents;
  int64_t rows() const { return batch * queries * latents; }
  int64_t elements() const { return batch * columns * latents; }
};

struct Problem {
  Sizes n;
  PairWeights weights;
  double rtol;
  Buffer<float> z, mu, logvar, grad;
};

Sizes random_sizes(Case& c, Estimator estimator) {
  Sizes n;
  n.latents = 1 + c.below(4), n.batch = c.one_in(4) ? 1 + c.below(3) : 1;
  // Mostly around the number of posteriors that make a level.
  n.columns = c.one_in(40) ? std::max<int64_t>(c.awkward_size(1025), 1) : 1 + c.below(80);
  n.queries = estimator == Estimator::full ? c.awkward_size(c.one_in(20) ? 513 : 65) : n.columns;
  return n;
}

// Means in one place, in two, or with outliers; sigmas alike, of two sizes, or of many.
void shape_posteriors(Case& c, Buffer<float>& mu, Buffer<float>& logvar) {
  const double scale = std::pow(10.0, c.uniform(-2, 2)), second = c.one_in(3) ? c.uniform(-12, 4) : 0;
  const double middle = c.uniform(-8, 2);
  const int64_t stray = c.one_in(3) ? 20 : 0;
  for (int64_t k = 0; k < mu.size(); ++k) {
    const bool tame = std::isfinite(mu[k]) && std::isfinite(logvar[k]) && std::abs(mu[k]) < 1e3f;
    if (!tame) continue;
    mu[k] = static_cast<float>(scale * mu[k] + (c.one_in(2) ? second : 0.0));
    logvar[k] = static_cast<float>(middle + logvar[k] + (c.one_in(2) ? second : 0.0));
    if (stray > 0 && c.one_in(stray)) mu[k] *= 1e4f;
    if (stray > 0 && c.one_in(stray)) logvar[k] -= 15;
  }
}

Problem random_problem(Case& c) {
  const Estimator estimator = static_cast<Estimator>(c.below(4));
  const Sizes n = random_sizes(c, estimator);
  const int64_t dataset_size = n.columns + (c.one_in(5) ? 0 : c.below(int64_t{1} << c.below(40)));
  constexpr double kRtols[] = {1e-6, 1e-5, 1e-4};
  const double rtol = kRtols[c.below(3)];
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  c.name = std::string("gridded_marginals ") + kEstimators[static_cast<int>(estimator)] +
           " B=" + std::to_string(n.batch) + " Q=" + std::to_string(n.queries) + " M=" + std::to_string(n.columns) +
           " D=" + std::to_string(n.latents) + " N=" + std::to_string(dataset_size) + " rtol=" + std::to_string(rtol);
  Problem p{n,
            pair_weights(estimator, n.columns, dataset_size),
            rtol,
            values<float>(c, n.rows(), 0, 1.5),
            values<float>(c, n.elements(), 0, 1),
            values<float>(c, n.elements(), 0, c.one_in(2) ? 0.3 : 2),
            values<float>(c, n.rows(), 0.5, 1)};
  shape_posteriors(c, p.mu, p.logvar);
  // Samples of their posteriors, where they are ordinary.
  for (int64_t k = 0; k < p.z.size() && !c.hostile; ++k) {
    const int64_t d = k % n.latents, row = k / n.latents, b = row / std::max<int64_t>(n.queries, 1);
    const int64_t j = (b * n.columns + row % n.columns) * n.latents + d;
    p.z[k] = p.mu[j] + std::exp(0.5f * p.logvar[j]) * p.z[k];
  }
  return p;
}

// --- The definition
// ----------------------------------------------------------------------------------------------------

struct Expected {
  std::vector<double> marginals, grad_z, grad_mu, grad_logvar;
  // Sums of the gradients' terms, in absolute value.
  std::vector<double> size_z, size_mu, size_logvar;
};

void add_query(const Problem& p, int64_t b, int64_t i, int64_t d, Expected& e) {
  const Sizes& n = p.n;
  const int64_t query = (b * n.queries + i) * n.latents + d;
  const auto at = [&](int64_t j) { return (b * n.columns + j) * n.latents + d; };
  const auto u_of = [&](int64_t j) { return (double{p.z[query]} - p.mu[at(j)]) * std::exp(-p.logvar[at(j)] / 2.0); };
  std::vector<double> terms(n.columns);
  double peak = -std::numeric_limits<double>::infinity(), total = 0;
  for (int64_t j = 0; j < n.columns; ++j) {
    terms[j] = p.weights.log_pair - 0.5 * (u_of(j) * u_of(j) + p.logvar[at(j)] + std::log(2 * M_PI));
    if (j == i) terms[j] += p.weights.log_diagonal_ratio;
    if (j == (i + 1) % n.columns) terms[j] += p.weights.log_next_ratio;
    peak = std::max(peak, terms[j]);
  }
  for (double& x : terms) total += x = std::exp(x - peak);
  e.marginals[query] = peak + std::log(total);
  for (int64_t j = 0; j < n.columns; ++j) {
    const double weight = p.grad[query] * terms[j] / total, u = u_of(j), inverse = std::exp(-p.logvar[at(j)] / 2.0);
    e.grad_z[query] -= weight * u * inverse, e.size_z[query] += std::abs(weight) * (1 + std::abs(u)) * inverse;
    e.grad_mu[at(j)] += weight * u * inverse, e.size_mu[at(j)] += std::abs(weight) * (1 + std::abs(u)) * inverse;
    e.grad_logvar[at(j)] += weight * (u * u - 1) / 2, e.size_logvar[at(j)] += std::abs(weight) * (u * u + 1) / 2;
  }
}

Expected expected_of(const Problem& p) {
  const std::vector<double> rows(p.n.rows()), elements(p.n.elements());
  Expected e{rows, rows, elements, elements, rows, elements, elements};
  for (int64_t b = 0; b < p.n.batch; ++b) {
    for (int64_t i = 0; i < p.n.queries; ++i) {
      for (int64_t d = 0; d < p.n.latents; ++d) add_query(p, b, i, d, e);
    }
  }
  return e;
}

// --- The op
// ------------------------------------------------------------------------------------------------------------

// All steps of csrc/ops/gridded_marginals.cpp.
std::vector<Result<float>> compute(Case& c, const Problem& p, Work work) {
  const Sizes& n = p.n;
  if (n.rows() == 0) return {};  // the op returns before it comes here
  const cpu::MarginalsWorkspace layout(n.batch, n.queries, n.columns, n.latents);
  std::vector<char> workspace(layout.bytes(), '\xff');
  std::vector<uint8_t> tier(n.rows(), 255);
  std::vector<Result<float>> r = {{"marginals", Buffer<float>(c, n.rows())},
                                  {"score", Buffer<float>(c, n.rows())},
                                  {"grad_z", Buffer<float>(c, n.rows())},
                                  {"grad_mu", Buffer<float>(c, n.elements())},
                                  {"grad_logvar", Buffer<float>(c, n.elements())}};
  const Marginals of{n.batch, n.queries,  n.columns,   n.latents,      p.weights,
                     p.rtol,  p.z.data(), p.mu.data(), p.logvar.data()};
  const GriddedMarginals forward{of, r[0].values.data(), r[1].values.data(), tier.data(), workspace.data()};
  const GriddedMarginalsBackward backward{of,
                                          r[0].values.data(),
                                          r[1].values.data(),
                                          tier.data(),
                                          p.grad.data(),
                                          r[2].values.data(),
                                          r[3].values.data(),
                                          r[4].values.data(),
                                          workspace.data()};
  with_isa(c.isa, [&](auto isa) {
    run(c, work, layout.slots, [&](int64_t begin, int64_t end) { cpu::gridded_marginals<isa()>(forward, begin, end); });
    std::fill(workspace.begin(), workspace.end(), '\xff');
    run(c, work, layout.slots,
        [&](int64_t begin, int64_t end) { cpu::gridded_marginals_backward<isa()>(backward, begin, end); });
  });
  for (const uint8_t value : tier) {
    if (value > static_cast<uint8_t>(Tier::all)) fail(c, "a tier is unwritten memory");
  }
  return r;
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum);
}

// Each logarithm within rtol and what float32 costs: the exponent's rounding at (z - mu) / sigma of a pair that counts.
void expect_marginals(const Case& c, const Problem& p, const Result<float>& got, const std::vector<double>& expected) {
  for (int64_t k = 0; k < got.values.size(); ++k) {
    const double error = std::abs(double{got.values[k]} - expected[k]);
    if (error <= p.rtol + 3e-6 * (1 + std::abs(expected[k]))) continue;
    fail(c, "marginals[" + std::to_string(k) + "] is " + std::to_string(got.values[k]) + ", not " +
                std::to_string(expected[k]));
  }
}

void expect_gradient(const Case& c, const Problem& p, const Result<float>& got, const std::vector<double>& expected,
                     const std::vector<double>& size) {
  std::vector<double> error(expected.size());
  for (size_t k = 0; k < error.size(); ++k) error[k] = double{got.values[static_cast<int64_t>(k)]} - expected[k];
  if (norm(error) <= (1e-4 + 10 * p.rtol) * norm(size)) return;
  fail(c,
       std::string(got.name) + " is off by " + std::to_string(norm(error)) + " of " + std::to_string(norm(expected)));
}

// The region of a level that is too wide: no values show where it lies, only how long they take.
void check_region(Case& c) {
  std::vector<float> sample(static_cast<size_t>(33 + c.below(kSample - 32)));
  const double origin = c.uniform(-9, 9);
  for (float& mean : sample) mean = static_cast<float>(origin + c.uniform(-1, 1) * (c.one_in(99) ? 1e4 : 1));
  Extent extent{};
  for (const float mean : sample) extend(extent, mean, 0);
  std::sort(sample.begin(), sample.end());
  if (extent.low != sample.front() || extent.high != sample.back())
    fail(c, "a level's extent is not that of its means");
  const size_t quarter = sample.size() / 4;
  const double room = c.uniform(0, 4), first = sample[quarter], third = sample[sample.size() * 3 / 4];
  const Region all{sample.front() - 1.0, sample.back() + 1.0};
  const Region region = middle_of(sample.data(), static_cast<int64_t>(sample.size()), room, all);
  const bool fits = third - first >= room || region.high - region.low <= room * 1.0001;
  if (region.low > first || region.high < third || region.low < all.low || region.high > all.high || !fits) {
    fail(c, "the region of a level is not around the middle half of its means");
  }
}

void check_case(Case& c) {
  check_region(c);
  const Problem p = random_problem(c);
  const std::vector<Result<float>> got = check_cuts<float>(c, [&](Work work) { return compute(c, p, work); });
  if (c.hostile || p.n.rows() == 0) return;
  const Expected e = expected_of(p);
  expect_marginals(c, p, got[0], e.marginals);
  expect_gradient(c, p, got[2], e.grad_z, e.size_z);
  expect_gradient(c, p, got[3], e.grad_mu, e.size_mu);
  expect_gradient(c, p, got[4], e.grad_logvar, e.size_logvar);
}

const Registered registered("gridded_marginals", {check_case});

}  // namespace
}  // namespace pyvae::driver
