// minibatch_log_density and joint_log_density against their definition in
// double: all pairs, weights from the table of docs/architecture.md's formulas,
// softmax gradients.
#include "../../../csrc/kernels/minibatch_log_density.h"

#include <utility>

#include "../../../csrc/kernels/joint_log_density.h"
#include "../with_isa.h"
#include "case.h"

namespace pyvae::driver {
namespace {

struct Sizes {
  int64_t batch, queries, columns, latents;
};

Sizes random_sizes(Case& c, Estimator estimator) {
  // Pairs times latents: mostly little, so that many cases fit in a minute.
  const int64_t work = c.one_in(40) ? 400'000 : (c.one_in(5) ? 20'000 : 2'000);
  Sizes n;
  // So are latents: the kernels pad rows and columns, so that every latent costs a block of either.
  n.latents = c.one_in(200) ? 1000 + c.below(50) : 1 + c.below(c.one_in(4) ? 40 : 12);
  const int64_t pairs = std::max<int64_t>(work / n.latents, 1);
  const int64_t side = static_cast<int64_t>(std::sqrt(static_cast<double>(pairs)));
  n.columns = std::max<int64_t>(c.awkward_size(estimator == Estimator::full ? pairs : side), 1);
  n.queries = estimator == Estimator::full ? c.awkward_size(pairs / n.columns) : n.columns;
  n.batch =
      c.one_in(3) ? std::min<int64_t>(1 + c.below(3), 1 + pairs / (n.columns * std::max<int64_t>(n.queries, 1))) : 1;
  return n;
}

// w_ij as math/estimators.h defines them.
double pair_weight(Estimator estimator, int64_t i, int64_t j, int64_t columns, double n) {
  const double m = static_cast<double>(columns);
  if (estimator == Estimator::full) return 1 / m;
  if (estimator == Estimator::mws) return 1 / (n * m);
  if (columns == 1) return 1;
  if (j == i) return 1 / n;
  if (estimator == Estimator::balanced) return (n - 1) / (n * (m - 1));
  return j == (i + 1) % columns ? (n - m + 1) / (n * (m - 1)) : 1 / (m - 1);
}

// Of joint_log_density there are no marginals, and their cotangents are 0. Bit b
// of `ordered` says whether the columns of batch entry b are ordered.
template <typename T>
struct Problem {
  bool marginals;
  int64_t ordered;
  Sizes n;
  Estimator estimator;
  int64_t dataset_size;
  Buffer<T> z, mu, logvar, grad_joint, grad_marginals;
  // Importance weights [B, M], where there are any: of columns, some of which are left out, and of their own rows.
  Buffer<T> importance, own;
  bool weighed, own_weighed;
};

template <typename T>
Problem<T> random_problem(Case& c, bool marginals) {
  const Estimator estimator = static_cast<Estimator>(c.below(4));
  const Sizes n = random_sizes(c, estimator);
  const int64_t rows = n.batch * n.queries, elements = n.batch * n.columns * n.latents;
  const int64_t dataset_size = n.columns + (c.one_in(5) ? 0 : c.below(int64_t{1} << c.below(40)));
  constexpr const char* kEstimators[] = {"full", "mws", "mss", "balanced"};
  const bool may_order = !marginals && sizeof(T) == 4 && n.queries == n.columns;
  const int64_t ordered = may_order ? c.below(4) : 0;
  const bool narrow = ordered != 0 && c.one_in(2), weighed = c.one_in(3);
  const bool own_weighed = weighed && estimator == Estimator::balanced;
  c.name = std::string(marginals ? "minibatch" : "joint") + "_log_density " + type_name<T>() + " " +
           kEstimators[static_cast<int>(estimator)] + " B=" + std::to_string(n.batch) +
           " Q=" + std::to_string(n.queries) + " M=" + std::to_string(n.columns) + " D=" + std::to_string(n.latents) +
           " N=" + std::to_string(dataset_size) + " ordered=" + std::to_string(ordered) + (weighed ? " weighed" : "");
  Problem<T> p{marginals,
               ordered,
               n,
               estimator,
               dataset_size,
               values<T>(c, rows * n.latents, 0, 1.2),
               values<T>(c, elements, 0, 1),
               values<T>(c, elements, narrow ? -5 : -0.5, 0.7),
               values<T>(c, rows, 0.5, 1),
               marginals ? values<T>(c, rows * n.latents, 0.5, 1) : Buffer<T>(c, rows * n.latents, T(0)),
               values<T>(c, n.batch * n.columns, 0, 2),
               values<T>(c, n.batch * n.columns, 0, 2),
               weighed,
               own_weighed};
  for (int64_t k = 0; k < n.batch * n.columns; ++k) {
    p.own[k] = -std::abs(p.own[k]);  // never more than the others', which skipped tiles count on
    if (k % n.columns % 5 == 3) p.importance[k] = -std::numeric_limits<T>::infinity();
  }
  // Narrow posteriors, of which tiles can be skipped, and a sample of each.
  for (int64_t k = 0; narrow && k < elements; ++k) p.z[k] = p.mu[k] + std::exp(p.logvar[k] / 2) * p.z[k];
  return p;
}

// log w_ij with the importance weights of batch entry b.
template <typename T>
double log_weight(const Problem<T>& p, int64_t b, int64_t i, int64_t j) {
  const int64_t columns = p.n.columns, k = b * columns + j;
  const double n = static_cast<double>(p.dataset_size);
  const bool own = p.own_weighed && i == j;
  // What the others have, in the place of the diagonal's.
  const int64_t as = own && columns > 1 ? (i + 1) % columns : j;
  const double shared = std::log(pair_weight(p.estimator, i, as, columns, n));
  return shared + (p.weighed ? double{p.importance[k]} : 0) + (own ? double{p.own[k]} : 0);
}

// The softmax weights of all pairs of row i in one channel, in place of their
// exponents; returns the logsumexp.
double softmax(std::vector<double>& exponents) {
  double peak = -std::numeric_limits<double>::infinity(), total = 0;
  for (const double x : exponents) peak = std::max(peak, x);
  for (double& x : exponents) total += x = std::exp(x - peak);
  for (double& x : exponents) x /= total;
  return peak + std::log(total);
}

struct Expected {
  std::vector<double> joint, marginals, grad_z, grad_mu, grad_logvar;
};

// Row i of batch entry b: its values, and what it adds to the gradients.
template <typename T>
void add_row(const Problem<T>& p, int64_t b, int64_t i, Expected& e) {
  const int64_t columns = p.n.columns, latents = p.n.latents, row = b * p.n.queries + i;
  const auto standardised = [&](int64_t j, int64_t d) {
    const int64_t k = (b * columns + j) * latents + d;
    return (double{p.z[row * latents + d]} - p.mu[k]) * std::exp(-p.logvar[k] / 2.0);
  };
  const auto log_density = [&](int64_t j, int64_t d) {
    const double u = standardised(j, d);
    return -0.5 * (u * u + p.logvar[(b * columns + j) * latents + d] + std::log(2 * M_PI));
  };
  std::vector<double> joint(columns), marginal(columns);
  for (int64_t j = 0; j < columns; ++j) {
    joint[j] = log_weight(p, b, i, j);
    for (int64_t d = 0; d < latents; ++d) joint[j] += log_density(j, d);
  }
  e.joint[row] = softmax(joint);
  for (int64_t d = 0; d < latents; ++d) {
    for (int64_t j = 0; j < columns; ++j) marginal[j] = log_weight(p, b, i, j) + log_density(j, d);
    const int64_t query = row * latents + d;
    e.marginals[query] = softmax(marginal);
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t k = (b * columns + j) * latents + d;
      const double weight = p.grad_joint[row] * joint[j] + p.grad_marginals[query] * marginal[j];
      const double u = standardised(j, d), slope = u * std::exp(-p.logvar[k] / 2.0);
      e.grad_z[query] -= weight * slope;
      e.grad_mu[k] += weight * slope;
      e.grad_logvar[k] += weight * (u * u - 1) / 2;
    }
  }
}

template <typename T>
std::vector<std::vector<double>> expected_of(const Problem<T>& p) {
  const int64_t rows = p.n.batch * p.n.queries, elements = p.n.batch * p.n.columns * p.n.latents;
  Expected e{std::vector<double>(rows), std::vector<double>(rows * p.n.latents),
             std::vector<double>(rows * p.n.latents), std::vector<double>(elements), std::vector<double>(elements)};
  for (int64_t b = 0; b < p.n.batch; ++b) {
    for (int64_t i = 0; i < p.n.queries; ++i) add_row(p, b, i, e);
  }
  std::vector<std::vector<double>> expected = {e.joint, e.grad_z, e.grad_mu, e.grad_logvar, e.grad_z};
  if (p.marginals) expected.push_back(e.marginals);
  return expected;
}

// All steps of csrc/ops/minibatch_log_density.cpp, or of joint_log_density.cpp.
template <typename T>
std::vector<Result<T>> compute(Case& c, const Problem<T>& p, Work work) {
  const Sizes& n = p.n;
  const int64_t rows = n.batch * n.queries, elements = n.batch * n.columns * n.latents;
  const int64_t row_blocks = n.batch * cpu::mixture_row_blocks(n.queries), tiles = n.batch * tiles_of(n.columns);
  const int64_t channels = p.marginals ? n.latents + 1 : 1;
  const cpu::MixtureBackwardWorkspace layout(n.batch, n.queries, n.columns, n.latents, channels);
  Buffer<T> parameters(c, tiles * n.latents * 3 * kTile), constants(c, tiles * latent_groups(n.latents) * kTile);
  Buffer<T> peak(c, rows * channels), total(c, rows * channels);
  const auto forward_elements = [&](bool scores) {
    return p.marginals ? cpu::mixture_workspace(n.batch, n.queries, n.latents, channels, scores)
                       : row_blocks * cpu::joint_block_elements(n.latents, p.ordered != 0, scores);
  };
  Buffer<T> forward_workspace(c, forward_elements(false)), scored_workspace(c, forward_elements(true));
  Buffer<T> joint_score(c, rows * n.latents), marginal_scores(c, rows * n.latents, T(0));
  Buffer<T> workspace(c, layout.elements);
  std::vector<Result<T>> r = {{"joint", Buffer<T>(c, rows)},
                              {"grad_z", Buffer<T>(c, rows * n.latents)},
                              {"grad_mu", Buffer<T>(c, elements)},
                              {"grad_logvar", Buffer<T>(c, elements)},
                              {"grad_z by scores", Buffer<T>(c, rows * n.latents)}};
  if (p.marginals) r.push_back({"marginals", Buffer<T>(c, rows * n.latents)});
  MixtureColumns<T> mixture{n.batch,         n.columns,         n.latents,       p.mu.data(),
                            p.logvar.data(), parameters.data(), constants.data()};
  if (p.weighed) mixture.importance = {p.importance.data(), p.own_weighed ? p.own.data() : nullptr};
  Buffer<int32_t> on(c, n.batch, 0), column(c, n.batch * n.columns, 0), position(c, n.batch * n.columns, 0);
  Buffer<T> boxes(c, tiles * (3 * n.latents + 1));
  for (int64_t b = 0; b < n.batch; ++b) on[b] = static_cast<int32_t>(p.ordered >> (b % 2) & 1);
  if (p.ordered != 0) mixture.order = {on.data(), column.data(), position.data(), boxes.data()};
  const PairWeights weights = pair_weights(p.estimator, n.columns, p.dataset_size);
  const MixtureLogDensity<T> forward{mixture,
                                     n.queries,
                                     channels,
                                     weights,
                                     p.z.data(),
                                     r[0].values.data(),
                                     p.marginals ? r[5].values.data() : nullptr,
                                     peak.data(),
                                     total.data(),
                                     forward_workspace.data()};
  MixtureLogDensity<T> scored = forward;
  scored.workspace = scored_workspace.data(), scored.joint_score = joint_score.data();
  scored.marginal_scores = p.marginals ? marginal_scores.data() : nullptr;
  const MixtureLogDensityBackward<T> backward{mixture,
                                              n.queries,
                                              channels,
                                              weights,
                                              p.z.data(),
                                              peak.data(),
                                              total.data(),
                                              p.grad_joint.data(),
                                              p.marginals ? p.grad_marginals.data() : nullptr,
                                              r[1].values.data(),
                                              r[2].values.data(),
                                              r[3].values.data(),
                                              workspace.data()};
  with_isa(c.isa, [&](auto isa) {
    const auto step = [&](int64_t items, auto kernel) { run(c, work, items, kernel); };
    if constexpr (sizeof(T) == 4) {
      if (p.ordered != 0) {
        step(n.batch, [&](int64_t begin, int64_t end) { cpu::mixture_order<isa()>(mixture, begin, end); });
      }
    }
    step(tiles, [&](int64_t begin, int64_t end) { cpu::mixture_columns<isa()>(mixture, begin, end); });
    for (const MixtureLogDensity<T>* args : {&std::as_const(scored), &forward}) {
      step(row_blocks, [&](int64_t begin, int64_t end) {
        p.marginals ? cpu::minibatch_log_density<isa()>(*args, begin, end)
                    : cpu::joint_log_density<isa()>(*args, begin, end);
      });
    }
    step(row_blocks, [&](int64_t begin, int64_t end) { cpu::mixture_backward_prepare<isa()>(backward, begin, end); });
    for (int64_t turn = 0; turn < layout.shares.turns; ++turn) {
      step(n.batch * layout.shares.count(), [&](int64_t begin, int64_t end) {
        p.marginals ? cpu::minibatch_log_density_backward<isa()>(backward, turn, begin, end)
                    : cpu::joint_log_density_backward<isa()>(backward, turn, begin, end);
      });
    }
    step(row_blocks, [&](int64_t begin, int64_t end) { cpu::mixture_backward_rows<isa()>(backward, begin, end); });
  });
  for (int64_t k = 0; k < rows * n.latents; ++k) {
    r[4].values[k] = p.grad_joint[k / n.latents] * joint_score[k] + p.grad_marginals[k] * marginal_scores[k];
  }
  return r;
}

template <typename T>
void check_density(Case& c, bool marginals) {
  const Problem<T> p = random_problem<T>(c, marginals);
  // A weight's error is that of its exponent, a sum of all latents; the only
  // weight of a single column is exact.
  const double epsilons = p.n.columns == 1 ? 200 : 500 + 20.0 * static_cast<double>(p.n.latents);
  check<T>(
      c, sizeof(T) == 4 ? epsilons : 10 * epsilons, [&](Work work) { return compute(c, p, work); },
      [&] { return expected_of(p); });
}

template <bool kMarginals, typename T>
void check_case(Case& c) {
  check_density<T>(c, kMarginals);
}

const Registered registered("minibatch_log_density", {check_case<true, float>, check_case<true, double>});
const Registered registered_joint("joint_log_density", {check_case<false, float>, check_case<false, double>});

}  // namespace
}  // namespace pyvae::driver
