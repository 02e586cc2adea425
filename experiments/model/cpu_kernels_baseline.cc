#define REPRO_KERNEL_NAME "baseline"
#define REPRO_KERNEL_TABLE kCpuKernelsBaseline
#define REPRO_LANES 4
#include "experiments/model/cpu_kernels.inl"
