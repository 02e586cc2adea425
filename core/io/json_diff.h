#pragma once
/// What differs between two JSON values, by dotted path, for people.

#include <string>
#include <string_view>
#include <vector>

#include "core/io/json_io.h"

namespace repro {

/// One leaf of a JSON tree. Objects are walked into; an array is one leaf.
struct JsonLeaf {
  std::string path;   ///< "model.hidden"; "" for a value that is no object
  const Json* value;  ///< into the tree that was walked, which must outlive it
};

/// Leaves in order of path.
std::vector<JsonLeaf> JsonLeaves(const Json& value);

/// A leaf that differs; null where one side has no such leaf.
struct JsonChange {
  std::string path;
  Json before, after;
};

/// Leaves that differ, in order of path.
std::vector<JsonChange> DiffJson(const Json& before, const Json& after);

/// "4000 -> 3000", "+sw +ur" for lists, "(none) -> 5". Long values are cut.
std::string DescribeChange(const JsonChange& change);

}  // namespace repro
