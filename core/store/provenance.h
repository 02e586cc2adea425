#pragma once
/// Where a result came from: everything about code, build, machine and surroundings that could
/// change a number.

#include <filesystem>
#include <string>
#include <vector>

#include "core/io/json_io.h"

namespace repro {

struct ProvenanceRequest {
  std::filesystem::path checkout;  ///< a folder of the git checkout; empty: no git facts
  std::vector<std::string> command_line;
  std::string build_id;  ///< Suite::build_id
  std::string version;   ///< Suite::version: compiler, LibTorch, CUDA, build type
};

/// Keys (docs/formats.md, "Provenance"): git {commit, branch, dirty, diff_sha256, untracked}, build
/// {id, version, compiler}, host {name, os, kernel, libc, memory_bytes}, cpu {model, cores,
/// allowed_cores, flags, capability}, gpu {driver, devices}, environment {OMP_NUM_THREADS: ...},
/// command_line, user, data. What cannot be found out (no git, no driver) is absent; nothing here
/// fails. Secrets are never read: only variables of a fixed list of prefixes are kept. git is run
/// without a shell, each of its commands for at most 5 s.
Json CollectProvenance(const ProvenanceRequest& request);

/// CPU facts by the text of /proc/cpuinfo. `capability` is the name ATen would choose: "AVX512",
/// "AVX2" or "DEFAULT".
Json ParseCpuInfo(const std::string& cpuinfo);

/// The text at a JSON pointer ("/git/commit"); empty where there is none.
std::string TextAt(const Json& provenance, const char* pointer);

/// The machine of a provenance: "box, AMD EPYC, Debian GNU/Linux 12, 2 cores"; empty where nothing
/// is known.
std::string DescribeMachine(const Json& provenance);

/// The commit and machine of a provenance in one line: "commit 2a6c00c8d1f0, on box, AMD EPYC".
std::string DescribeProvenance(const Json& provenance);

}  // namespace repro
