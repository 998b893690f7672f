// Launchers of minibatch_log_density.cuh and minibatch_log_density_backward.cuh: the forward (a warp per few rows and
// channel), and the backward in two launches, columns then rows. No [Q, M] is stored.
// Not yet measured on a GPU.
#include "minibatch_log_density_backward.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) minibatch_log_density_kernel(MixtureLogDensity<T> args) {
  minibatch_log_density_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) backward_columns_kernel(MixtureLogDensityBackward<T> args) {
  __shared__ T weight[kColumnsTileWeights];
  backward_columns_body<true>(args, Team::here(), weight);
}

template <typename T>
__global__ void __launch_bounds__(kThreads) backward_rows_kernel(MixtureLogDensityBackward<T> args) {
  __shared__ T weight[kRowsTileWeights];
  backward_rows_body<true>(args, Team::here(), weight);
}

}  // namespace

template <typename T>
int minibatch_log_density(const MixtureLogDensity<T>& args, void* stream) {
  return launch(minibatch_log_density_kernel<T>, args, minibatch_log_density_blocks(args), stream);
}

template <typename T>
int minibatch_log_density_backward(const MixtureLogDensityBackward<T>& args, void* stream) {
  return launch(backward_columns_kernel<T>, args, backward_columns_blocks(args), stream);
}

template <typename T>
int minibatch_log_density_backward_rows(const MixtureLogDensityBackward<T>& args, void* stream) {
  return launch(backward_rows_kernel<T>, args, backward_rows_blocks(args), stream);
}

template int minibatch_log_density(const MixtureLogDensity<float>&, void*);
template int minibatch_log_density(const MixtureLogDensity<double>&, void*);
template int minibatch_log_density_backward(const MixtureLogDensityBackward<float>&, void*);
template int minibatch_log_density_backward(const MixtureLogDensityBackward<double>&, void*);
template int minibatch_log_density_backward_rows(const MixtureLogDensityBackward<float>&, void*);
template int minibatch_log_density_backward_rows(const MixtureLogDensityBackward<double>&, void*);

}  // namespace pyvae::cuda
