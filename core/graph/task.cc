#include "core/graph/task.h"

#include "core/base/hash.h"

namespace repro {

std::string ComputeTaskKey(const Task& task) {
  const Json content = {
      {"kind", task.kind}, {"version", task.version}, {"spec", task.spec}, {"inputs", task.inputs}};
  return Sha256Hex(CanonicalJson(content));
}

}  // namespace repro
