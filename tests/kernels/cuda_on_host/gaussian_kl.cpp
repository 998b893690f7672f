// gaussian_kl: the CUDA kernels against the CPU kernels.
#include "../../../csrc/kernels/cuda/gaussian_kl.cuh"

#include "host.h"

namespace pyvae::on_host {
namespace {

enum class Prior { none, given, fixed, one };  // fixed: without gradients; one: a number for all elements, and fixed

template <typename T>
void check_rows(int64_t rows, int64_t latents, Prior prior, bool sum_latents) {
  constexpr const char* kPriors[] = {"", " prior", " fixed prior", " one prior"};
  const int64_t count = rows * latents, outputs = sum_latents ? rows : count;
  const std::string name = "gaussian_kl " + type_name<T>() + " R=" + std::to_string(rows) +
                           " D=" + std::to_string(latents) + kPriors[static_cast<int>(prior)] +
                           (sum_latents ? " summed" : "");
  const bool has_prior = prior != Prior::none, has_grads = prior == Prior::given, one = prior == Prior::one;
  std::vector<T> mu = random<T>(count, 0, 2), logvar = random<T>(count, 0, 2);
  const std::vector<T> prior_mu = random<T>(one ? 1 : count, 0, 2), prior_logvar = random<T>(one ? 1 : count, 0, 1);
  std::vector<T> grad_kl = random<T>(outputs, 1, 2);
  if (count > 2) mu[count / 2] = std::nan(""), logvar[count - 1] = T(80);
  // What a loss leaves out, where the derivatives are infinite.
  if (outputs > 2) {
    const int64_t served = count / outputs;
    std::fill_n(&logvar[served], served, T(3000));
    grad_kl[1] = T(0);
  }
  const T *p_mu = has_prior ? prior_mu.data() : nullptr, *p_logvar = has_prior ? prior_logvar.data() : nullptr;

  const auto compute = [&](auto forward, auto backward) -> std::vector<Named<T>> {
    std::vector<T> kl = unwritten<T>(outputs), grad[4];
    for (std::vector<T>& g : grad) g = unwritten<T>(count);
    forward(GaussianKl<T>{rows, latents, mu.data(), logvar.data(), p_mu, p_logvar, sum_latents, kl.data(), one});
    backward(GaussianKlBackward<T>{rows, latents, mu.data(), logvar.data(), p_mu, p_logvar, sum_latents, grad_kl.data(),
                                   grad[0].data(), grad[1].data(), has_grads ? grad[2].data() : nullptr,
                                   has_grads ? grad[3].data() : nullptr, one});
    return {{"kl", kl},
            {"grad_mu", grad[0]},
            {"grad_logvar", grad[1]},
            {"grad_prior_mu", grad[2]},
            {"grad_prior_logvar", grad[3]}};
  };
  const auto expected = compute([&](const auto& args) { cpu::gaussian_kl<kComparedWith>(args, 0, rows); },
                                [&](const auto& args) { cpu::gaussian_kl_backward<kComparedWith>(args, 0, rows); });
  check<T>(name, expected, [&](Grid grid) {
    Steps launch{grid};
    return compute([&](const auto& args) { cuda::for_each_kl_step(args, launch); },
                   [&](const auto& args) { cuda::for_each_kl_backward_step(args, launch); });
  });
}

template <typename T>
void check_nothing_summed(int64_t rows) {
  for (const Grid grid : {Grid::launched, Grid::small_reversed}) {
    std::vector<T> kl = unwritten<T>(rows), empty(1);
    Steps launch{grid};
    cuda::for_each_kl_step(GaussianKl<T>{rows, 0, empty.data(), empty.data(), nullptr, nullptr, true, kl.data()},
                           launch);
    expect_close<T>("gaussian_kl of no latents", {"kl", kl}, {"kl", std::vector<T>(static_cast<size_t>(rows))}, 0);
  }
}

template <typename T>
void check_type() {
  for (const int64_t rows : {1, 3, 4, 37}) {
    for (const int64_t latents : {0, 1, 4, 5, 8, 31, 32, 33, 128, 132, 257, 260}) {
      if (latents == 0) {  // sums of nothing; there are no gradients
        check_nothing_summed<T>(rows);
        continue;
      }
      for (const Prior prior : {Prior::none, Prior::given, Prior::fixed, Prior::one}) {
        for (const bool sum_latents : {false, true}) check_rows<T>(rows, latents, prior, sum_latents);
      }
    }
  }
}

void check_types() {
  check_type<float>();
  check_type<double>();
}

const Registered registered("gaussian_kl", check_types);

}  // namespace
}  // namespace pyvae::on_host
