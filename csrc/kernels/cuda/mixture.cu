// Launchers of mixture.cuh and mixture_steps.cuh.
// Not yet measured on a GPU.
#include "mixture_steps.cuh"

namespace pyvae::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads) mixture_columns_kernel(MixtureColumns<T> args) {
  mixture_columns_body(args, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) forward_queries_kernel(MixtureLogDensity<T> args, MixtureWorkspace at) {
  forward_queries_body(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads) merge_kernel(MixtureLogDensity<T> args, MixtureWorkspace at) {
  merge_body(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    finish_columns_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  finish_columns_body(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    finish_rows_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  finish_rows_body(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    backward_queries_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  backward_queries_body(args, at, Team::here());
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    backward_channels_kernel(MixtureLogDensityBackward<T> args, MixtureBackwardWorkspace at) {
  backward_channels_body(args, at, Team::here());
}

}  // namespace

template <typename T>
int mixture_columns(const MixtureColumns<T>& args, void* stream) {
  return launch(mixture_columns_kernel<T>, args, mixture_columns_blocks(args), stream);
}

template <typename T>
int forward_queries(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, void* stream) {
  return launch(forward_queries_kernel<T>, args, at, queries_blocks(args.mixture, at.pitch), stream);
}

template <typename T>
int merge_forward_parts(const MixtureLogDensity<T>& args, const MixtureWorkspace& at, void* stream) {
  return launch(merge_kernel<T>, args, at, merge_blocks(args), stream);
}

template <typename T>
int finish_columns(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream) {
  return launch(finish_columns_kernel<T>, args, at, finish_columns_blocks(args), stream);
}

template <typename T>
int finish_rows(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream) {
  return launch(finish_rows_kernel<T>, args, at, finish_rows_blocks(args), stream);
}

template <typename T>
int backward_prepare(const MixtureLogDensityBackward<T>& args, const MixtureBackwardWorkspace& at, void* stream) {
  const int error = launch(backward_queries_kernel<T>, args, at, queries_blocks(args.mixture, at.pitch), stream);
  return error == 0 ? launch(backward_channels_kernel<T>, args, at, backward_channels_blocks(args, at), stream) : error;
}

template int mixture_columns(const MixtureColumns<float>&, void*);
template int mixture_columns(const MixtureColumns<double>&, void*);
template int forward_queries(const MixtureLogDensity<float>&, const MixtureWorkspace&, void*);
template int forward_queries(const MixtureLogDensity<double>&, const MixtureWorkspace&, void*);
template int merge_forward_parts(const MixtureLogDensity<float>&, const MixtureWorkspace&, void*);
template int merge_forward_parts(const MixtureLogDensity<double>&, const MixtureWorkspace&, void*);
template int finish_columns(const MixtureLogDensityBackward<float>&, const MixtureBackwardWorkspace&, void*);
template int finish_columns(const MixtureLogDensityBackward<double>&, const MixtureBackwardWorkspace&, void*);
template int finish_rows(const MixtureLogDensityBackward<float>&, const MixtureBackwardWorkspace&, void*);
template int finish_rows(const MixtureLogDensityBackward<double>&, const MixtureBackwardWorkspace&, void*);
template int backward_prepare(const MixtureLogDensityBackward<float>&, const MixtureBackwardWorkspace&, void*);
template int backward_prepare(const MixtureLogDensityBackward<double>&, const MixtureBackwardWorkspace&, void*);

}  // namespace pyvae::cuda
