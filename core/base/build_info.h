#pragma once
/// Which build of the suite this is. Recorded with every artifact and run; never part of a task's
/// key. In a library of its own (repro::core_build_info), so that a commit relinks the programs and
/// nothing else.

#include <string>

namespace repro {

/// The lines of `repro --version`: version, commit, compiler, LibTorch, CUDA toolkit, build type.
std::string VersionText();

/// One word that names this build: "27428dd0c1f2.gcc-12.2.0.release"; with sources that were
/// changed after the commit, "27428dd0c1f2+9f8e7d6c.gcc-12.2.0.release", where the second part is a
/// hash of the change.
std::string BuildId();

}  // namespace repro
