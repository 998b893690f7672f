// Runs the CUDA kernels without a GPU: run_cuda_on_host OP ... Prints one line per failed case; exits with 1 if there
// is one.
#include <cstring>
#include <iterator>

#include "checks.h"
#include "host.h"

namespace pyvae::on_host {
namespace {

struct Op {
  const char* name;
  void (*check)();
};

constexpr Op kOps[] = {{"reparameterize", check_reparameterize},
                       {"reparameterize_with_kl", check_reparameterize_with_kl},
                       {"gaussian_kl", check_gaussian_kl},
                       {"minibatch_log_density", check_minibatch_log_density},
                       {"joint_log_density", check_joint_log_density},
                       {"gridded_marginals", check_gridded_marginals}};

bool check_op(const char* name) {
  for (const Op& op : kOps) {
    if (std::strcmp(op.name, name) != 0) continue;
    op.check();
    return true;
  }
  std::fprintf(stderr, "no op %s\n", name);
  return false;
}

}  // namespace
}  // namespace pyvae::on_host

int main(int argc, char** argv) {
  for (int k = 1; k < argc; ++k) {
    if (!pyvae::on_host::check_op(argv[k])) return 2;
  }
  return pyvae::on_host::failures == 0 ? 0 : 1;
}
