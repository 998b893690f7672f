// The kernels of minibatch_log_density.cuh and minibatch_log_density_backward.cuh with one channel, the joint.
// The launch bounds ask for one block at least: left to itself the compiler would rather spill than give up one of
// four. Not yet measured on a GPU.
#include "../joint_log_density.h"
#include "minibatch_log_density_backward.cuh"
#include "mixture_steps.cuh"

namespace pyvae::cuda {
namespace {

template <int kRows, typename T>
__global__ void __launch_bounds__(kThreads, 1)
    joint_log_density_kernel(MixtureLogDensity<T> args, MixtureWorkspace at) {
  forward_body<false, kRows>(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    backward_columns_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  backward_columns_body<false>(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    backward_rows_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  backward_rows_body<false>(args, at, Team::here());
}

}  // namespace

template <typename T>
int joint_log_density(const MixtureLogDensity<T>& args, void* stream) {
  const MixtureWorkspace at = forward_layout(args);
  const auto kernel = at.rows == 1 ? joint_log_density_kernel<1, T> : joint_log_density_kernel<kForwardRows, T>;
  int error = forward_queries(args, at, stream);
  if (error == 0) error = launch(kernel, args, at, forward_blocks(args, at), stream);
  return error == 0 ? merge_forward_parts(args, at, stream) : error;
}

template <typename T>
int joint_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream) {
  const MixtureBackwardWorkspace at = backward_layout(args);
  int error = backward_prepare(args, at, stream);
  if (error == 0) error = launch(backward_columns_kernel<T>, args, at, backward_columns_blocks(args, at), stream);
  return error == 0 ? finish_columns(args, at, stream) : error;
}

template <typename T>
int joint_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream) {
  const MixtureBackwardWorkspace at = backward_layout(args);
  const int error = launch(backward_rows_kernel<T>, args, at, backward_rows_blocks(args, at), stream);
  return error == 0 ? finish_rows(args, at, stream) : error;
}

template int joint_log_density(const MixtureLogDensity<float>&, void*);
template int joint_log_density(const MixtureLogDensity<double>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward(const MixtureLogDensityBackward<double>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<float>&, void*);
template int joint_log_density_backward_rows(const MixtureLogDensityBackward<double>&, void*);

}  // namespace pyvae::cuda
