#define REPRO_KERNEL_NAME "avx2"
#define REPRO_KERNEL_TABLE kCpuKernelsAvx2
#define REPRO_LANES 8
#include "experiments/model/cpu_kernels.inl"
