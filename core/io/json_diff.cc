#include "core/io/json_diff.h"

#include <algorithm>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::size_t kMaxListed = 4;
constexpr std::size_t kMaxValue = 40;

void Walk(const Json& value, std::string& path, std::vector<JsonLeaf>& leaves) {
  if (!value.is_object() || (value.empty() && !path.empty())) {
    leaves.push_back({path, &value});
    return;
  }
  for (const auto& [name, child] : value.items()) {
    const std::size_t length = path.size();
    if (!path.empty()) path += '.';
    path += name;
    Walk(child, path, leaves);
    path.resize(length);
  }
}

std::string Show(const Json& value) {
  if (value.is_null()) return "(none)";
  std::string text = value.is_string() ? value.get<std::string>() : CanonicalJson(value);
  if (text.size() <= kMaxValue) return text;
  return std::string(Prefix(text, kMaxValue - 3)) + "...";
}

/// " +a +b and 3 more" for the items of `all` that `other` lacks.
std::string ShowMissing(const Json& all, const Json& other, std::string_view sign) {
  std::string text;
  std::size_t count = 0;
  for (const Json& item : all) {
    if (std::find(other.begin(), other.end(), item) != other.end()) continue;
    if (++count <= kMaxListed)
      text += fmt::format("{}{}{}", text.empty() ? "" : " ", sign, Show(item));
  }
  if (count > kMaxListed) text += fmt::format(" and {} more", count - kMaxListed);
  return text;
}

}  // namespace

std::vector<JsonLeaf> JsonLeaves(const Json& value) {
  std::vector<JsonLeaf> leaves;
  std::string path;
  Walk(value, path, leaves);
  std::sort(leaves.begin(), leaves.end(),
            [](const JsonLeaf& a, const JsonLeaf& b) { return a.path < b.path; });
  return leaves;
}

std::vector<JsonChange> DiffJson(const Json& before, const Json& after) {
  const std::vector<JsonLeaf> old_leaves = JsonLeaves(before);
  const std::vector<JsonLeaf> new_leaves = JsonLeaves(after);
  std::vector<JsonChange> changes;
  auto old_leaf = old_leaves.begin();
  auto new_leaf = new_leaves.begin();
  while (old_leaf != old_leaves.end() || new_leaf != new_leaves.end()) {
    const bool only_old = new_leaf == new_leaves.end() ||
                          (old_leaf != old_leaves.end() && old_leaf->path < new_leaf->path);
    const bool only_new =
        !only_old && (old_leaf == old_leaves.end() || new_leaf->path < old_leaf->path);
    if (only_old) {
      changes.push_back({old_leaf->path, *old_leaf->value, nullptr});
      ++old_leaf;
    } else if (only_new) {
      changes.push_back({new_leaf->path, nullptr, *new_leaf->value});
      ++new_leaf;
    } else {
      if (*old_leaf->value != *new_leaf->value) {
        changes.push_back({old_leaf->path, *old_leaf->value, *new_leaf->value});
      }
      ++old_leaf;
      ++new_leaf;
    }
  }
  return changes;
}

std::string DescribeChange(const JsonChange& change) {
  if (change.before.is_array() && change.after.is_array()) {
    const std::string added = ShowMissing(change.after, change.before, "+");
    const std::string removed = ShowMissing(change.before, change.after, "-");
    if (!added.empty() || !removed.empty()) {
      return added + (added.empty() || removed.empty() ? "" : " ") + removed;
    }
    // The same items: in another order, unless one side holds some of them more often.
    if (std::is_permutation(change.before.begin(), change.before.end(), change.after.begin(),
                            change.after.end())) {
      return "in another order";
    }
  }
  return fmt::format("{} -> {}", Show(change.before), Show(change.after));
}

}  // namespace repro
