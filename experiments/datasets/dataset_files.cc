#include "experiments/datasets/dataset_files.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/ranges.h>

#include "experiments/datasets/language_code.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLanguage = "{language}";
constexpr std::array<std::string_view, 4> kPackedSuffixes = {".gz", ".zst", ".bz2", ".xz"};

/// Whether a path is one that the pattern means, and the code that `{language}` stands for in it.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern) : pattern_(pattern) {}

  /// The code is empty where the pattern has none.
  std::optional<std::string_view> Match(std::string_view path) const {
    for (const std::string_view suffix : kPackedSuffixes) {
      if (!path.ends_with(suffix) || pattern_.ends_with(suffix)) continue;
      if (auto found = From(pattern_, path.substr(0, path.size() - suffix.size()), {})) {
        return found;
      }
    }
    return From(pattern_, path, {});
  }

 private:
  /// The shortest text that a wildcard can stand for is tried first. Paths are short.
  static std::optional<std::string_view> From(std::string_view pattern, std::string_view path,
                                              std::string_view code) {
    if (pattern.empty()) return path.empty() ? std::optional(code) : std::nullopt;
    if (pattern.starts_with("**/")) {
      if (const auto found = From(pattern.substr(3), path, code)) return found;
      const std::size_t slash = path.find('/');
      if (slash == std::string_view::npos) return std::nullopt;
      return From(pattern, path.substr(slash + 1), code);
    }
    if (pattern.front() == '*') {
      for (std::size_t taken = 0;; ++taken) {
        if (const auto found = From(pattern.substr(1), path.substr(taken), code)) return found;
        if (taken == path.size() || path[taken] == '/') return std::nullopt;
      }
    }
    if (pattern.starts_with(kLanguage)) {
      const std::string_view rest = pattern.substr(kLanguage.size());
      if (!code.empty()) {
        if (!path.starts_with(code)) return std::nullopt;
        return From(rest, path.substr(code.size()), code);
      }
      for (std::size_t taken = 1; taken <= path.size() && IsLanguageCodeCharacter(path[taken - 1]);
           ++taken) {
        if (const auto found = From(rest, path.substr(taken), path.substr(0, taken))) return found;
      }
      return std::nullopt;
    }
    if (path.empty() || pattern.front() != path.front()) return std::nullopt;
    return From(pattern.substr(1), path.substr(1), code);
  }

  std::string_view pattern_;
};

bool IsDatasetFile(const std::string& name) {
  return !name.starts_with('.') && !name.ends_with(".part");
}

/// A link to a folder that it lies in would never end.
bool LeadsUp(const fs::directory_entry& entry) {
  std::error_code error;
  if (!entry.is_symlink(error) || !entry.is_directory(error)) return false;
  const fs::path target = fs::canonical(entry.path(), error);
  if (error) return true;
  const fs::path here = fs::canonical(entry.path().parent_path(), error);
  if (error) return true;
  const auto differ = std::mismatch(target.begin(), target.end(), here.begin(), here.end());
  return differ.first == target.end();
}

std::string Resolved(const DatasetPart& part, std::string_view code) {
  for (const std::string& alias : part.aliases) {
    const std::size_t equals = alias.find('=');
    if (std::string_view(alias).substr(0, equals) == code) return alias.substr(equals + 1);
  }
  return std::string(code);
}

bool IsWanted(const DatasetPart& part, const std::string& code) {
  if (part.languages.empty() || code.empty()) return true;
  return std::find(part.languages.begin(), part.languages.end(), code) != part.languages.end();
}

/// "text" where `name` is "text", "folder/text" or "folder/folder/text".
bool EndsWithPath(std::string_view name, std::string_view path) {
  if (!name.ends_with(path)) return false;
  return name.size() == path.size() || name[name.size() - path.size() - 1] == '/';
}

bool IsPublished(std::string_view name, std::string_view path) {
  return EndsWithPath(name, path) || PackedOnTop(name, path);
}

std::vector<DatasetFileAt> MatchPatterns(const DatasetPart& part,
                                         const std::vector<std::string>& patterns, bool stand_in,
                                         const FolderListing& listing) {
  std::vector<DatasetFileAt> found;
  for (const std::string& name : listing.names) {
    for (const std::string& pattern : patterns) {
      const auto match = PathPattern(pattern).Match(name);
      if (!match) continue;
      std::string code = Resolved(part, *match);
      if (!IsWanted(part, code)) continue;
      std::string language = part.language.empty() ? code : part.language;
      found.push_back({.path = listing.folder / name,
                       .name = name,
                       .language = std::move(language),
                       .code = std::move(code),
                       .part = &part,
                       .stand_in = stand_in});
      break;
    }
  }
  return found;
}

}  // namespace

fs::path DataFolder(const fs::path& workspace) {
  return workspace / "data";
}

fs::path HashesPath(const fs::path& workspace) {
  return DataFolder(workspace) / "hashes.json";
}

fs::path DatasetFolder(const DatasetManifest& manifest, const fs::path& workspace) {
  if (manifest.folder.empty()) return DataFolder(workspace) / manifest.id;
  return fs::absolute(manifest.path).parent_path() / manifest.folder;
}

Result<FolderListing> ListFolder(const fs::path& folder) {
  FolderListing listing;
  listing.folder = folder;
  std::error_code error;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::follow_directory_symlink,
                                        error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    const bool wanted = IsDatasetFile(walk->path().filename().string());
    if (!wanted || LeadsUp(*walk)) {
      walk.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (walk->is_regular_file(ignored)) {
      listing.names.push_back(walk->path().lexically_relative(folder).generic_string());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(ErrorCode::kIo, "read {}: {}", folder.string(), error.message());
  }
  std::sort(listing.names.begin(), listing.names.end());
  return listing;
}

std::vector<DatasetFileAt> MatchFiles(const DatasetManifest& manifest, const DatasetPart& part,
                                      const FolderListing& listing) {
  auto found = MatchPatterns(part, part.files, /*stand_in=*/false, listing);
  if (found.empty()) return MatchPatterns(part, part.stand_in, /*stand_in=*/true, listing);
  for (DatasetFileAt& file : found) {
    file.prefix =
        std::any_of(manifest.files.begin(), manifest.files.end(), [&](const PublishedFile& p) {
          return p.first_bytes > 0 && IsPublished(file.name, p.path);
        });
  }
  return found;
}

bool AnyAtHand(const DatasetManifest& manifest, const FolderListing& listing) {
  return std::any_of(manifest.parts.begin(), manifest.parts.end(), [&](const DatasetPart& part) {
    return !MatchFiles(manifest, part, listing).empty();
  });
}

Result<std::vector<DatasetFileAt>> FilesOfPart(const DatasetManifest& manifest,
                                               const DatasetPart& part,
                                               const FolderListing& listing) {
  auto found = MatchFiles(manifest, part, listing);
  if (!found.empty()) return found;
  return Fail(ErrorCode::kNotFound, "{}, part `{}`: no file in {} is one of {}; {}", manifest.id,
              part.name, listing.folder.string(), fmt::join(part.files, ", "),
              !manifest.how_to_get.empty()
                  ? manifest.how_to_get
                  : fmt::format("get it with `repro data fetch {}`", manifest.id));
}

std::string_view WithoutPacking(std::string_view name) {
  for (const std::string_view suffix : kPackedSuffixes) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

bool PackedOnTop(std::string_view name, std::string_view path) {
  return std::any_of(kPackedSuffixes.begin(), kPackedSuffixes.end(), [&](std::string_view suffix) {
    return name.ends_with(suffix) &&
           EndsWithPath(name.substr(0, name.size() - suffix.size()), path);
  });
}

std::optional<std::string> FindPublished(const DatasetManifest& manifest, const PublishedFile& file,
                                         const FolderListing& listing) {
  for (const std::string& path : {file.path, manifest.id + "/" + file.path}) {
    if (std::binary_search(listing.names.begin(), listing.names.end(), path)) return path;
  }
  // "sub/a.txt" ends with "a.txt", too, but is another file where both are published.
  const auto is_another = [&](const std::string& name) {
    return std::any_of(manifest.files.begin(), manifest.files.end(), [&](const PublishedFile& p) {
      return p.path.size() > file.path.size() && IsPublished(name, p.path);
    });
  };
  for (const DatasetPart& part : manifest.parts) {
    for (const DatasetFileAt& at : MatchPatterns(part, part.files, /*stand_in=*/false, listing)) {
      if (IsPublished(at.name, file.path) && !is_another(at.name)) return at.name;
    }
  }
  return std::nullopt;
}

std::vector<std::string> MissingPaths(const DatasetPart& part,
                                      const std::vector<DatasetFileAt>& found) {
  std::vector<std::string> missing;
  for (const std::string& pattern : part.files) {
    const PathPattern wanted(pattern);
    std::set<std::string> codes;
    bool any = false;
    for (const DatasetFileAt& file : found) {
      if (file.stand_in || !wanted.Match(file.name)) continue;
      any = true;
      codes.insert(file.code);
    }
    std::vector<std::string> absent;
    if (any && pattern.find(kLanguage) != std::string::npos) {
      std::copy_if(part.languages.begin(), part.languages.end(), std::back_inserter(absent),
                   [&](const std::string& code) { return !codes.contains(code); });
    }
    if (!any) missing.push_back(pattern);
    if (!absent.empty())
      missing.push_back(fmt::format("{} ({})", pattern, fmt::join(absent, ", ")));
  }
  return missing;
}

}  // namespace repro
