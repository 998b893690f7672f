// Runs the CUDA kernels without a GPU. Prints one line per failed case; exits with 1 if there is one.
#include "checks.h"
#include "host.h"

int main() {
  pyvae::on_host::check_reparameterize();
  pyvae::on_host::check_reparameterize_with_kl();
  pyvae::on_host::check_gaussian_kl();
  pyvae::on_host::check_minibatch_log_density();
  pyvae::on_host::check_joint_log_density();
  pyvae::on_host::check_gridded_marginals();
  return pyvae::on_host::failures == 0 ? 0 : 1;
}
