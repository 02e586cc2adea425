#include "experiments/datasets/dataset_state.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/byte_source.h"
#include "core/io/file.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

std::int64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

AtHand Together(const std::vector<PartState>& parts) {
  AtHand least = AtHand::kWhole;
  AtHand most = AtHand::kNothing;
  for (const PartState& part : parts) {
    least = std::min(least, part.at_hand);
    most = std::max(most, part.at_hand);
  }
  if (most == AtHand::kNothing || parts.empty()) return AtHand::kNothing;
  return least == AtHand::kNothing ? AtHand::kPart : least;
}

/// "b.txt" of "a/b.txt"; the same file packed is of the same name.
bool IsOfOneName(const std::string& a, const std::string& b) {
  const std::string first = fs::path(a).filename().string();
  const std::string second = fs::path(b).filename().string();
  return first == second || PackedOnTop(first, second) || PackedOnTop(second, first);
}

bool Lacks(const PartState& at) {
  return at.at_hand == AtHand::kNothing || at.at_hand == AtHand::kPart;
}

/// How a part would read a published file if it were there; no file where it would not.
std::vector<DatasetFileAt> AsReadBy(const DatasetManifest& manifest, const PartState& at,
                                    const PublishedFile& file) {
  return MatchFiles(manifest, *at.part, {.folder = {}, .names = {file.path}});
}

std::vector<const PartState*> ReadersOf(const DatasetManifest& manifest, const PublishedFile& file,
                                        const std::vector<PartState>& parts) {
  std::vector<const PartState*> readers;
  for (const PartState& at : parts) {
    if (!AsReadBy(manifest, at, file).empty()) readers.push_back(&at);
  }
  return readers;
}

/// `others`: the names of published files that are there, which are not in its place.
std::optional<std::string> FindElsewhere(const PublishedFile& file,
                                         const std::vector<const PartState*>& readers,
                                         const std::set<std::string>& others) {
  for (const PartState* reader : readers) {
    for (const DatasetFileAt& found : reader->files) {
      if (!found.stand_in && IsOfOneName(found.name, file.path) && !others.contains(found.name)) {
        return found.name;
      }
    }
  }
  return std::nullopt;
}

/// Of a published file that is not in the folder under its own path.
bool IsMissing(const DatasetManifest& manifest, const PublishedState& published,
               const std::vector<PartState>& parts, const std::vector<const PartState*>& readers) {
  const PublishedFile& file = *published.file;
  const auto stands_in = [&](const PartState* reader) {
    return reader->at_hand == AtHand::kStandIn ||
           AsReadBy(manifest, *reader, file).front().stand_in;
  };
  const auto lacks = [](const PartState* reader) { return Lacks(*reader); };
  if (published.elsewhere || std::any_of(readers.begin(), readers.end(), stands_in)) return false;
  if (published.unfinished > 0 && std::any_of(parts.begin(), parts.end(), Lacks)) return true;
  // What a part lacks is said of the part.
  return file.unpack.empty() && std::none_of(readers.begin(), readers.end(), lacks);
}

std::vector<std::string_view> Columns(std::string_view line) {
  std::vector<std::string_view> columns;
  for (;;) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return columns;
    line.remove_prefix(tab + 1);
  }
}

class Checker {
 public:
  Checker(const DatasetManifest& manifest, const DatasetState& state, const MirrorIndex& index)
      : manifest_(manifest), state_(state), index_(index) {
    for (const auto& [name, entry] : index_) indexed_.names.push_back(name);
  }

  Result<DatasetCheck> Check() {
    for (const PartState& part : state_.parts) CheckPaths(part);
    for (const PublishedState& published : state_.published) {
      if (published.missing) AddMissing(published);
      if (!published.name) continue;
      REPRO_RETURN_IF_ERROR(CheckPublished(published));
      REPRO_RETURN_IF_ERROR(CheckIndexed("", *published.name));
    }
    for (const PartState& part : state_.parts) {
      for (const DatasetFileAt& file : part.files) {
        REPRO_RETURN_IF_ERROR(CheckIndexed(part.part->name, file.name));
      }
      CheckGone(part);
    }
    return std::move(check_);
  }

 private:
  void CheckPaths(const PartState& part) {
    if (part.at_hand == AtHand::kWhole || part.at_hand == AtHand::kStandIn) return;
    for (const std::string& path : part.missing) {
      check_.problems.push_back({part.part->name, path, "no such file"});
    }
  }

  /// Files that `index` knows and the part would read: it may be of many, and stay whole without
  /// one. Packed otherwise or in another folder they are there.
  void CheckGone(const PartState& part) {
    if (part.files.empty()) return;
    const auto is_here = [&](const DatasetFileAt& known) {
      return std::any_of(part.files.begin(), part.files.end(), [&](const DatasetFileAt& file) {
        if (WithoutPacking(file.name) == WithoutPacking(known.name)) return true;
        return !index_.contains(file.name) &&
               WithoutPacking(fs::path(file.name).filename().string()) ==
                   WithoutPacking(fs::path(known.name).filename().string());
      });
    };
    for (const DatasetFileAt& known : MatchFiles(manifest_, *part.part, indexed_)) {
      if (known.stand_in != part.files.front().stand_in || is_here(known)) continue;
      if (IsProblem(known.name)) continue;
      check_.problems.push_back({part.part->name, known.name, "no such file, but it was here"});
    }
  }

  void AddMissing(const PublishedState& published) {
    const std::string& path = published.file->path;
    check_.problems.push_back(
        {"", path,
         published.unfinished == 0
             ? std::string("no such file")
             : fmt::format("no such file, but {} bytes of it in {}.part",
                           FormatCount(published.unfinished), fs::path(path).filename().string())});
  }

  Status CheckPublished(const PublishedState& published) {
    const PublishedFile& file = *published.file;
    const std::string& name = *published.name;
    const bool unpacked = PackedOnTop(name, file.path);
    const bool sized = file.bytes > 0 && (file.first_bytes == 0 || file.first_bytes > file.bytes);
    const std::int64_t bytes = sized ? file.bytes : file.first_bytes;
    if (bytes == 0 && file.sha256.empty()) return {};
    if (!unpacked && bytes > 0 && published.bytes != bytes) {
      AddSize("", name, bytes, published.bytes);
      return {};
    }
    if (!unpacked && file.sha256.empty()) return {};
    auto digest = DigestOf(state_.folder / name, unpacked);
    if (!digest) return NoteDamage("", name, digest.error());
    Count(name, published.bytes);
    if (bytes > 0 && digest->bytes != bytes) {
      AddSize("", name, bytes, digest->bytes);
    } else if (!file.sha256.empty()) {
      CheckSha("", name, file.sha256, digest->sha256, check_.as_published);
    }
    return {};
  }

  /// A file that is as published may be another than the index says: somebody put it right.
  Status CheckIndexed(const std::string& part, const std::string& name) {
    const auto entry = index_.find(name);
    if (entry == index_.end() || same_.contains(name) || IsProblem(name)) return {};
    const fs::path path = state_.folder / name;
    const std::int64_t bytes = SizeOf(path);
    if (bytes != entry->second.bytes) {
      AddSize(part, name, entry->second.bytes, bytes);
      return {};
    }
    auto digest = DigestOf(path, /*unpacked=*/false);
    if (!digest) return NoteDamage(part, name, digest.error());
    Count(name, bytes);
    CheckSha(part, name, entry->second.sha256, digest->sha256, check_.as_indexed);
    return {};
  }

  bool IsProblem(const std::string& name) const {
    return std::any_of(check_.problems.begin(), check_.problems.end(),
                       [&](const DatasetProblem& problem) { return problem.path == name; });
  }

  void Count(const std::string& name, std::int64_t bytes) {
    if (!counted_.insert(name).second) return;
    ++check_.files;
    check_.bytes += bytes;
  }

  void CheckSha(const std::string& part, const std::string& name, const std::string& expected,
                const std::string& actual, std::int64_t& same) {
    if (actual == expected) {
      if (same_.insert(name).second) ++same;
      return;
    }
    check_.problems.push_back(
        {part, name, fmt::format("SHA-256 is {}, expected {}", actual, expected)});
  }

  void AddSize(const std::string& part, const std::string& name, std::int64_t expected,
               std::int64_t actual) {
    check_.problems.push_back(
        {part, name,
         fmt::format("has {} bytes, expected {}", FormatCount(actual), FormatCount(expected))});
  }

  /// A damaged file is a finding, a disk that cannot be read an error.
  Status NoteDamage(const std::string& part, const std::string& name, const Error& error) {
    if (error.code != ErrorCode::kCorrupt) return tl::unexpected(error);
    check_.problems.push_back({part, name, error.message});
    return {};
  }

  const DatasetManifest& manifest_;
  const DatasetState& state_;
  const MirrorIndex& index_;
  FolderListing indexed_;  // the names in it
  DatasetCheck check_;
  std::set<std::string> counted_;
  std::set<std::string> same_;
};

}  // namespace

const char* AtHandName(AtHand at_hand) {
  switch (at_hand) {
    case AtHand::kNothing:
      return "nothing";
    case AtHand::kPart:
      return "part";
    case AtHand::kStandIn:
      return "stand-in";
    case AtHand::kWhole:
      break;
  }
  return "whole";
}

DatasetState LookAt(const DatasetManifest& manifest, const FolderListing& listing) {
  DatasetState state;
  state.folder = listing.folder;
  std::set<std::string> counted;
  for (const DatasetPart& part : manifest.parts) {
    PartState& at = state.parts.emplace_back();
    at.part = &part;
    at.files = MatchFiles(manifest, part, listing);
    at.missing = MissingPaths(part, at.files);
    if (!at.files.empty()) {
      at.at_hand = at.files.front().stand_in ? AtHand::kStandIn
                   : at.missing.empty()      ? AtHand::kWhole
                                             : AtHand::kPart;
    }
    for (const DatasetFileAt& file : at.files) {
      const std::int64_t bytes = SizeOf(file.path);
      at.bytes += bytes;
      if (counted.insert(file.name).second) state.bytes += bytes;
      if (!file.language.empty()) state.languages.insert(file.language);
    }
  }
  std::set<std::string> published;
  for (const PublishedFile& file : manifest.files) {
    PublishedState& at = state.published.emplace_back();
    at.file = &file;
    at.name = FindPublished(manifest, file, listing);
    if (at.name) {
      at.bytes = SizeOf(listing.folder / *at.name);
      published.insert(*at.name);
    }
  }
  state.at_hand = Together(state.parts);
  for (PublishedState& at : state.published) {
    if (at.name) continue;
    at.unfinished = SizeOf(listing.folder / (at.file->path + ".part"));
    const std::vector<const PartState*> readers = ReadersOf(manifest, *at.file, state.parts);
    at.elsewhere = FindElsewhere(*at.file, readers, published);
    at.missing = IsMissing(manifest, at, state.parts, readers);
    if (at.missing && state.at_hand != AtHand::kNothing) state.at_hand = AtHand::kPart;
  }
  return state;
}

Result<MirrorIndex> LoadMirrorIndex(const fs::path& folder) {
  const fs::path path = folder / "MANIFEST.tsv";
  MirrorIndex index;
  std::error_code error;
  if (!fs::exists(path, error)) return index;
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::string_view rest = text;
  std::map<std::string_view, std::size_t> place;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (row.ends_with('\r')) row.remove_suffix(1);
    const std::vector<std::string_view> columns = Columns(row);
    if (line == 1) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (place.emplace(columns[i], i).second) continue;
        return Fail(ErrorCode::kCorrupt, "{}:1: column `{}` twice, expected each name once",
                    path.string(), Printable(Prefix(columns[i], 100)));
      }
      for (const std::string_view name : {"path", "bytes", "sha256"}) {
        if (place.contains(name)) continue;
        return Fail(ErrorCode::kCorrupt, "{}:1: no column `{}`, expected path, bytes, sha256",
                    path.string(), name);
      }
      continue;
    }
    MirrorEntry entry;
    const std::string_view bytes =
        place.at("bytes") < columns.size() ? columns[place.at("bytes")] : std::string_view();
    const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), entry.bytes);
    if (columns.size() < place.size() || bytes.empty() || parsed.ec != std::errc() ||
        parsed.ptr != bytes.data() + bytes.size()) {
      return Fail(ErrorCode::kCorrupt, "{}:{}: `{}`, expected {} columns with a number in `bytes`",
                  path.string(), line, Printable(Prefix(row, 100)), place.size());
    }
    entry.sha256 = columns[place.at("sha256")];
    index.emplace(columns[place.at("path")], std::move(entry));
  }
  return index;
}

Result<MirrorEntry> DigestOf(const fs::path& path, bool unpacked) {
  MirrorEntry digest;
  if (!unpacked) {
    digest.bytes = SizeOf(path);
    REPRO_ASSIGN_OR_RETURN(digest.sha256, Sha256File(path));
    return digest;
  }
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
  Sha256 hash;
  std::vector<char> block(1 << 20);
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const std::size_t got, source.Read(block));
    if (got == 0) break;
    hash.Update({block.data(), got});
    digest.bytes += static_cast<std::int64_t>(got);
  }
  digest.sha256 = hash.HexDigest();
  return digest;
}

Result<DatasetCheck> CheckDataset(const DatasetManifest& manifest, const DatasetState& state,
                                  const MirrorIndex& index) {
  return Checker(manifest, state, index).Check();
}

}  // namespace repro
