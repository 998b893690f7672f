// The kernels of minibatch_log_density.cuh and minibatch_log_density_backward.cuh with one channel, the joint.
// Not yet measured on a GPU.
#include "../joint_log_density.h"
#include "minibatch_log_density_backward.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) joint_log_density_kernel(MixtureLogDensity<T> args) {
  minibatch_log_density_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) backward_columns_kernel(MixtureLogDensityBackward<T> args) {
  __shared__ T weight[kColumnsTileWeights];
  backward_columns_body<false>(args, Team::here(), weight);
}

template <typename T>
__global__ void __launch_bounds__(kThreads) backward_rows_kernel(MixtureLogDensityBackward<T> args) {
  __shared__ T weight[kRowsTileWeights];
  backward_rows_body<false>(args, Team::here(), weight);
}

}  // namespace

template <typename T>
int joint_log_density(const MixtureLogDensity<T>& args, void* stream) {
  return launch(joint_log_density_kernel<T>, args, minibatch_log_density_blocks(args), stream);
}

template <typename T>
int joint_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream) {
  return launch(backward_columns_kernel<T>, args, backward_columns_blocks(args), stream);
}

template <typename T>
int joint_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream) {
  return launch(backward_rows_kernel<T>, args, backward_rows_blocks(args), stream);
}

template int joint_log_density(const MixtureLogDensity<float>&, void*);
template int joint_log_density(const MixtureLogDensity<double>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<double>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<double>&, void*);

}  // namespace pyvae::cuda
