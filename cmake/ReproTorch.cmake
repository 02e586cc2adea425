# LibTorch 2.11 as one target, repro_torch: its CPU half, linked directly, since the package file of the wheel demands a
# CUDA toolkit. Sets REPRO_TORCH_DIR, REPRO_TORCH_LIB_DIR and REPRO_TORCH_VERSION ("" where REPRO_WITH_TORCH is off).
#
# Where it is looked for: -DREPRO_TORCH_DIR, then what scripts/setup left in .deps/libtorch.
# Exactly 2.11: c10d's internals are used, and they change with every release.
set(REPRO_TORCH_VERSION "")
if(NOT REPRO_WITH_TORCH)
  return()
endif()

set(REPRO_TORCH_DIR "" CACHE PATH "Folder of LibTorch 2.11 with include/ and lib/; empty: .deps/libtorch")
set(torch_dir "${REPRO_TORCH_DIR}")
if(NOT torch_dir)
  set(torch_dir ${CMAKE_SOURCE_DIR}/.deps/libtorch)
endif()
file(REAL_PATH ${torch_dir} torch_dir)

set(version_header ${torch_dir}/include/torch/headeronly/version.h)
if(NOT EXISTS ${version_header} OR NOT EXISTS ${torch_dir}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch 2.11 in ${torch_dir}: run scripts/setup, or name a folder with include/ and lib/ "
    "with LIBTORCH=/path scripts/setup")
endif()
file(STRINGS ${version_header} version_line REGEX "\"[0-9]+\\.[0-9]+\\.[0-9]+")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" REPRO_TORCH_VERSION "${version_line}")
if(NOT REPRO_TORCH_VERSION MATCHES "^2\\.11\\.")
  message(FATAL_ERROR "LibTorch in ${torch_dir} is ${REPRO_TORCH_VERSION}; exactly 2.11 is needed. "
    "scripts/setup puts it into .deps")
endif()

set(REPRO_TORCH_LIB_DIR ${torch_dir}/lib)
add_library(repro_torch INTERFACE IMPORTED GLOBAL)
# Behind the system's folders: the wheel carries its own fmt headers (another version than the library we link).
target_compile_options(repro_torch INTERFACE "SHELL:-idirafter ${torch_dir}/include")
target_link_libraries(repro_torch INTERFACE ${REPRO_TORCH_LIB_DIR}/libtorch_cpu.so ${REPRO_TORCH_LIB_DIR}/libc10.so)
# at::parallel_for is a template: compiled without OpenMP it runs in one thread, and says nothing. Linked is the runtime
# that LibTorch brings, where it does, so that a process has one pool of threads.
target_compile_options(repro_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
file(GLOB torch_openmp ${REPRO_TORCH_LIB_DIR}/libgomp*.so*)
if(torch_openmp)
  list(GET torch_openmp 0 torch_openmp)
else()
  set(torch_openmp -fopenmp)
endif()
target_link_libraries(repro_torch INTERFACE ${torch_openmp})
message(STATUS "LibTorch ${REPRO_TORCH_VERSION}: ${torch_dir}")
