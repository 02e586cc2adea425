# repro_library(<name> SOURCES ... HEADERS ... DEPS ... [TORCH]): one module, alias repro::<name>.
# repro_program(<name> SOURCES ... DEPS ... [TORCH]): a program in build/bin, installed.
# repro_test(<name> SOURCES ... DEPS ... [LABELS unit|integration|golden|gpu|slow] [TORCH]): one GoogleTest program.
# repro_benchmark(<name> SOURCES ... DEPS ... [TORCH]): one Google Benchmark program in build/bench, never in a timed test.
#
# TORCH: links LibTorch, and is left out where REPRO_WITH_TORCH is off.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(repro_options INTERFACE)
target_compile_features(repro_options INTERFACE cxx_std_20)
target_compile_options(repro_options INTERFACE
  -fPIC  # libraries and programs alike: see ReproPch.cmake
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Werror
  -fpch-preprocess  # lets ccache see through a precompiled header
  # g++ 12 reports std::string's insert and operator+ wrongly (GCC bug 105651); asan finds what these would.
  -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds>)
target_include_directories(repro_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(repro_options INTERFACE
  fmt::fmt nlohmann_json::nlohmann_json tl::expected Threads::Threads)

# ccache keeps what was compiled once, for every build folder and clone (paths below the base folder enter as relative
# ones). It has to be told that a precompiled header is no reason to give up.
find_program(REPRO_CCACHE ccache)
if(REPRO_CCACHE AND (NOT CMAKE_CXX_COMPILER_LAUNCHER OR CMAKE_CXX_COMPILER_LAUNCHER STREQUAL "ccache"))
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_ABSSTDERR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${REPRO_CCACHE})
endif()
find_program(REPRO_MOLD mold)
if(REPRO_MOLD)
  target_link_options(repro_options INTERFACE -fuse-ld=mold)
endif()

include(ReproPch)

# What every target has in common.
function(repro_finish_target name pch torch)
  if(torch)
    target_link_libraries(${name} PUBLIC repro_torch)
    set(pch torch)
  endif()
  target_precompile_headers(${name} REUSE_FROM repro_pch_${pch})
endfunction()

function(repro_library name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;HEADERS;DEPS" ${ARGN})
  if(ARG_TORCH AND NOT REPRO_WITH_TORCH)
    return()
  endif()
  add_library(repro_${name} STATIC ${ARG_SOURCES})
  add_library(repro::${name} ALIAS repro_${name})
  target_sources(repro_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ARG_HEADERS})
  target_link_libraries(repro_${name} PUBLIC repro_options ${ARG_DEPS})
  repro_finish_target(repro_${name} core ${ARG_TORCH})
endfunction()

function(repro_program name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_TORCH AND NOT REPRO_WITH_TORCH)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC repro_options repro::core_build_info ${ARG_DEPS})
  repro_finish_target(${name} core ${ARG_TORCH})
  set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/repro/torch/lib")
  install(TARGETS ${name})
endfunction()

function(repro_test name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPS;LABELS" ${ARGN})
  if(ARG_TORCH AND NOT REPRO_WITH_TORCH)
    return()
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC repro_options ${ARG_DEPS} GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE REPRO_TESTDATA="${CMAKE_SOURCE_DIR}/tests/testdata")
  # A test's own code runs for milliseconds and is compiled for seconds: a third less than at -O3.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  repro_finish_target(${name} test ${ARG_TORCH})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
endfunction()

function(repro_benchmark name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPS" ${ARGN})
  if(NOT REPRO_BUILD_BENCHMARKS OR (ARG_TORCH AND NOT REPRO_WITH_TORCH))
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC repro_options ${ARG_DEPS} benchmark::benchmark)
  repro_finish_target(${name} core ${ARG_TORCH})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
