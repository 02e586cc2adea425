#pragma once
/// What the templates of several pages take alike.

#include <kainjow/mustache.hpp>

namespace repro {

/// `values`: pairs of text. A list of {name, value}.
template <class Pairs>
kainjow::mustache::list NamedValues(const Pairs& values) {
  kainjow::mustache::list entries;
  for (const auto& [name, value] : values) {
    kainjow::mustache::data entry;
    entry.set("name", name);
    entry.set("value", value);
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace repro
