# Precompiled headers, three for the whole tree: core, test (core + GoogleTest), torch (core + ATen).
#
# A precompiled header is only used by a file compiled with the same flags, and g++ passes over one that does not fit
# without a word. So all targets share repro_options (which also says -fPIC, or programs and libraries would differ),
# each header target links what its users link, and CMake's -Winvalid-pch, an error here, tells when one does not fit.

# repro_add_pch(<name> <header> <libraries>...): the target repro_pch_<name>.
function(repro_add_pch name header)
  set(source ${CMAKE_BINARY_DIR}/pch/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Carries the precompiled header.\n")
  add_library(repro_pch_${name} OBJECT EXCLUDE_FROM_ALL ${source})
  target_link_libraries(repro_pch_${name} PRIVATE repro_options ${ARGN})
  target_precompile_headers(repro_pch_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${CMAKE_SOURCE_DIR}/${header}>)
endfunction()

repro_add_pch(core cmake/pch/core.h)
if(REPRO_BUILD_TESTS)
  repro_add_pch(test cmake/pch/test.h GTest::gtest GTest::gmock)
endif()
if(REPRO_WITH_TORCH)
  repro_add_pch(torch cmake/pch/torch.h repro_torch)
endif()
