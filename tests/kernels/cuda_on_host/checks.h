// The checks, one per op.
#pragma once

namespace pyvae::on_host {

void check_reparameterize();
void check_reparameterize_with_kl();
void check_gaussian_kl();
void check_minibatch_log_density();
void check_joint_log_density();
void check_gridded_marginals();

}  // namespace pyvae::on_host
