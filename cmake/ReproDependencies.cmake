# Libraries of the system, each as one target. What ships no CMake package gets an imported target here.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(Boost REQUIRED CONFIG)
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

include(ReproTorch)
include(ReproCuda)
