#pragma once
/// Canonical text of a tree: what is hashed, stored as provenance and compared between runs.

#include <string>

#include "core/manifest/document.h"

namespace repro {

/// One line per value, `path = value`, sorted by path. Comments, order of keys and tables, and ways
/// to write a number or string do not change it: 1_000, 1000 and 1e3 read 1000. An array of tables
/// is listed by the `id` (or `key`) of its tables, so their order does not count either; the order
/// of plain arrays does.
std::string CanonicalText(const Node& root);

}  // namespace repro
