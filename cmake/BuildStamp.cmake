# Writes build_stamp.h, and only when its content changed. Run by every build as
#   cmake -DSOURCE=... -DOUT=... -DVERSION=... -DCOMPILER=... -DTORCH=... -DCUDA=... -DBUILD_TYPE=... -P BuildStamp.cmake
# Outside a git checkout the commit reads "unknown".
set(sources CMakeLists.txt cmake core experiments)
set(commit unknown)
set(change "")

function(git out)
  execute_process(COMMAND git --no-optional-locks ${ARGN} WORKING_DIRECTORY ${SOURCE}
    OUTPUT_VARIABLE text ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    set(text "")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

git(head rev-parse HEAD)
if(head)
  set(commit ${head})
  git(diff diff HEAD --binary -- ${sources})
  git(new_files -c core.quotePath=off ls-files --others --exclude-standard -- ${sources})
  string(REPLACE "\n" ";" new_files "${new_files}")
  foreach(file IN LISTS new_files)
    if(EXISTS ${SOURCE}/${file})  # an editor's lock file is a link to nothing
      file(SHA256 ${SOURCE}/${file} hash)
      string(APPEND diff "\n${file} ${hash}")
    endif()
  endforeach()
  if(NOT diff STREQUAL "")
    string(SHA256 change "${diff}")
    string(SUBSTRING ${change} 0 8 change)
  endif()
endif()

file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[
#pragma once
// Written by cmake/BuildStamp.cmake.
#include <string_view>

namespace repro::stamp {
inline constexpr std::string_view kVersion = "@VERSION@";
inline constexpr std::string_view kCommit = "@commit@";
inline constexpr std::string_view kChange = "@change@";  // empty: the sources are those of the commit
inline constexpr std::string_view kCompiler = "@COMPILER@";
inline constexpr std::string_view kTorch = "@TORCH@";
inline constexpr std::string_view kCuda = "@CUDA@";
inline constexpr std::string_view kBuildType = "@BUILD_TYPE@";
}  // namespace repro::stamp
]])
