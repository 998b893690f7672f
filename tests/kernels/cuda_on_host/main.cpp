// Runs the CUDA kernels without a GPU: run_cuda_on_host OP ... Prints one line per failed case; exits with 1 if there
// is one. Without an OP it prints those that have a check.
#include "host.h"

namespace pyvae::on_host {
namespace {

void print_ops() {
  for (const auto& [op, check] : checks()) std::printf("%s\n", op.c_str());
}

bool check_op(const char* name) {
  const auto found = checks().find(name);
  if (found == checks().end()) {
    std::fprintf(stderr, "no op %s\n", name);
    return false;
  }
  found->second();
  return true;
}

}  // namespace
}  // namespace pyvae::on_host

int main(int argc, char** argv) {
  if (argc == 1) pyvae::on_host::print_ops();
  for (int k = 1; k < argc; ++k) {
    if (!pyvae::on_host::check_op(argv[k])) return 2;
  }
  return pyvae::on_host::failures == 0 ? 0 : 1;
}
