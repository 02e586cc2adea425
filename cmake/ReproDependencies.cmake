# Libraries of the system, each as one target. What ships no CMake package gets an imported target here.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(Boost REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp REQUIRED)
if(REPRO_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(REPRO_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

# repro_find_library(<target> <header> <library>): an imported target from a header and a library file.
function(repro_find_library target header library)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  find_library(${target}_LIBRARY ${library} REQUIRED)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${target}_LIBRARY}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()

repro_find_library(sentencepiece sentencepiece_processor.h sentencepiece)
repro_find_library(sentencepiece_train sentencepiece_trainer.h sentencepiece_train)

# LibTorch's CPU half as a target of our own: the wheel's own package file demands a CUDA toolkit.
if(REPRO_WITH_TORCH)
  set(REPRO_TORCH_DIR "" CACHE PATH "Folder of LibTorch 2.11 with include/ and lib/")
  if(NOT REPRO_TORCH_DIR)
    file(GLOB torch_candidates ${CMAKE_SOURCE_DIR}/.deps/py/lib/python3*/site-packages/torch)
    if(torch_candidates)
      list(GET torch_candidates 0 REPRO_TORCH_DIR)
    endif()
  endif()
  if(NOT EXISTS ${REPRO_TORCH_DIR}/include/ATen/ATen.h)
    message(FATAL_ERROR "LibTorch 2.11 not found: run scripts/setup, or set REPRO_TORCH_DIR")
  endif()
  add_library(repro_torch INTERFACE IMPORTED GLOBAL)
  target_include_directories(repro_torch SYSTEM INTERFACE ${REPRO_TORCH_DIR}/include)
  target_link_libraries(repro_torch INTERFACE
    ${REPRO_TORCH_DIR}/lib/libtorch_cpu.so ${REPRO_TORCH_DIR}/lib/libc10.so)
  set(REPRO_TORCH_LIB_DIR ${REPRO_TORCH_DIR}/lib)
endif()
