#define REPRO_KERNEL_NAME "avx512_bf16"
#define REPRO_KERNEL_TABLE kCpuKernelsAvx512Bf16
#define REPRO_LANES 16
#include "experiments/model/cpu_kernels.inl"
