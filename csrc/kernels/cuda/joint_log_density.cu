// The kernels of minibatch_log_density.cuh and minibatch_log_density_backward.cuh with one channel, the joint.
// Not yet measured on a GPU.
#include "../joint_log_density.h"
#include "minibatch_log_density_backward.cuh"

namespace pyvae::cuda {

template <typename T>
int joint_log_density(const MixtureLogDensity<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_forward_step<false>(args, launcher);
  return launcher.status;
}

template <typename T>
int joint_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_column_step<false>(args, launcher);
  return launcher.status;
}

template <typename T>
int joint_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  for_each_row_step<false>(args, launcher);
  return launcher.status;
}

template int joint_log_density(const MixtureLogDensity<float>&, void*);
template int joint_log_density(const MixtureLogDensity<double>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<double>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<double>&, void*);

}  // namespace pyvae::cuda
