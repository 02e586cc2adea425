#include "core/graph/task.h"

#include "core/base/hash.h"

namespace repro {

Json DescribeTask(const Task& task) {
  return {{"kind", task.kind}, {"version", task.version}, {"key", task.key},
          {"spec", task.spec}, {"inputs", task.inputs},   {"label", task.label}};
}

std::string ComputeTaskKey(const Task& task) {
  const Json content = {
      {"kind", task.kind}, {"version", task.version}, {"spec", task.spec}, {"inputs", task.inputs}};
  return Sha256Hex(CanonicalJson(content));
}

}  // namespace repro
