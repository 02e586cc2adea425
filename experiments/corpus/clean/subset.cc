#include "experiments/corpus/clean/subset.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/ranges.h>

#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/io/text_window.h"
#include "experiments/corpus/clean/ordered_texts.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".jsonl.zst";

/// Text on its way into a file, an empty line between documents.
class TextFile {
 public:
  static Result<TextFile> Create(const fs::path& path) {
    std::FILE* const file = std::fopen(path.c_str(), "wbe");
    if (file == nullptr) return FailErrno("create", path.string());
    return TextFile(path, file);
  }
  Status Add(std::string_view document) {
    if (!empty_) Put("\n");
    empty_ = false;
    Put(document);
    Put("\n");
    return std::ferror(file_.get()) == 0 ? Status() : FailErrno("write", path_.string());
  }
  Status Finish() {
    if (std::fflush(file_.get()) != 0) return FailErrno("write", path_.string());
    return {};
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  TextFile(fs::path path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  void Put(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), file_.get()); }

  fs::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  bool empty_ = true;
};

struct TextSize {
  std::int64_t sentences = 0;
  std::int64_t bytes = 0;

  TextSize& operator+=(TextSize other) {
    sentences += other.sentences;
    bytes += other.bytes;
    return *this;
  }
  TextSize& operator-=(TextSize other) {
    sentences -= other.sentences;
    bytes -= other.bytes;
    return *this;
  }
};

TextSize SizeOf(std::string_view text) {
  return {.sentences = std::count(text.begin(), text.end(), '\n') + 1,
          .bytes = static_cast<std::int64_t>(text.size()) + 1};
}

/// What documents are told apart by, and drawn by.
class Draws {
 public:
  explicit Draws(const SubsetOptions& options) : options_(options) {}

  /// Its place in the order in which a subset grows.
  std::uint64_t Order(const Json& document) const {
    return MixSeed(options_.seed, "subset " + Name(document));
  }
  std::uint64_t HeldoutDraw(const Json& document) const {
    const auto content = document.find("content");
    return MixSeed(
        options_.seed,
        "heldout " + (content != document.end() ? content->get<std::string>() : Name(document)));
  }
  bool IsHeldout(const Json& document) const {
    constexpr double kTwoTo64 = 18446744073709551616.0;
    return static_cast<double>(HeldoutDraw(document)) < options_.heldout_share * kTwoTo64;
  }

 private:
  static std::string Name(const Json& document) {
    return document.at("set").get<std::string>() + " " + document.at("id").get<std::string>();
  }
  const SubsetOptions& options_;
};

class SubsetWriter {
 public:
  SubsetWriter(const fs::path& folder, const SubsetOptions& options, const fs::path& scratch,
               const std::atomic<bool>& stop)
      : folder_(folder), options_(options), scratch_(scratch), stop_(stop), draws_(options) {}

  Result<SubsetCounts> Write(const fs::path& text, const fs::path& heldout) {
    REPRO_ASSIGN_OR_RETURN(TextFile text_file, TextFile::Create(text));
    const bool limited = options_.max_bytes > 0 || options_.max_sentences > 0;
    const bool drawn = limited || options_.drawn_order;
    OrderedTexts texts(scratch_, options_.memory_bytes, stop_);
    REPRO_RETURN_IF_ERROR(EachDocument([&](const Json& document) -> Status {
      const auto& content = document.at("text").get_ref<const std::string&>();
      if (draws_.IsHeldout(document)) {
        HoldOut(document, content);
        return {};
      }
      counts_.available_bytes += SizeOf(content).bytes;
      if (!drawn) return Take(content, text_file);
      if (!limited) return texts.Add(draws_.Order(document), content);
      Remember({draws_.Order(document), SizeOf(content)});
      return {};
    }));
    if (limited) REPRO_RETURN_IF_ERROR(CollectWhatFits(texts));
    if (drawn) REPRO_RETURN_IF_ERROR(WriteInOrder(texts, text_file));
    REPRO_RETURN_IF_ERROR(text_file.Finish());
    REPRO_ASSIGN_OR_RETURN(TextFile heldout_file, TextFile::Create(heldout));
    for (const auto& [draw, content] : heldout_) {
      REPRO_RETURN_IF_ERROR(Put(content, heldout_file));
    }
    counts_.heldout_sentences = heldout_held_;
    REPRO_RETURN_IF_ERROR(heldout_file.Finish());
    return counts_;
  }

 private:
  struct Place {
    std::uint64_t order;
    TextSize size;
    bool operator<(const Place& other) const { return order < other.order; }
  };

  bool IsFull(TextSize size) const {
    return (options_.max_bytes > 0 && size.bytes > options_.max_bytes) ||
           (options_.max_sentences > 0 && size.sentences > options_.max_sentences);
  }

  /// `order_` is a heap, the last place on top: it goes as soon as the others are full without it.
  /// So memory follows the size of the subset, not that of the corpus.
  void Remember(const Place& place) {
    order_.push_back(place);
    std::push_heap(order_.begin(), order_.end());
    remembered_ += place.size;
    for (;;) {
      TextSize rest = remembered_;
      rest -= order_.front().size;
      if (!IsFull(rest)) return;
      remembered_ = rest;
      std::pop_heap(order_.begin(), order_.end());
      order_.pop_back();
    }
  }

  Status EachDocument(const std::function<Status(const Json&)>& visit) {
    return EachCleanDocument(folder_, options_.buckets, [&](const Json& document) -> Status {
      if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
      return !options_.wants || options_.wants(document) ? visit(document) : Status();
    });
  }

  Status Take(std::string_view content, TextFile& file) {
    const TextSize size = SizeOf(content);
    ++counts_.documents;
    counts_.sentences += size.sentences;
    counts_.bytes += size.bytes;
    counts_.words += CountWords(content);
    return Put(content, file);
  }

  Status Put(std::string_view content, TextFile& file) const {
    if (!options_.rewrite) return file.Add(content);
    std::string rewritten;
    while (true) {
      const std::size_t end = std::min(content.find('\n'), content.size());
      rewritten += options_.rewrite(content.substr(0, end));
      if (end == content.size()) return file.Add(rewritten);
      rewritten += '\n';
      content.remove_prefix(end + 1);
    }
  }

  /// Those with the smallest draws, as many as there is room for.
  void HoldOut(const Json& document, const std::string& content) {
    heldout_.emplace(draws_.HeldoutDraw(document), content);
    heldout_held_ += SizeOf(content).sentences;
    while (heldout_held_ > options_.heldout_sentences && heldout_.size() > 1) {
      const auto last = std::prev(heldout_.end());
      heldout_held_ -= SizeOf(last->second).sentences;
      heldout_.erase(last);
    }
  }

  /// Whether more than a tenth of a limit is open.
  bool IsFarFromFull(TextSize size) const {
    const auto far = [](std::int64_t is, std::int64_t limit) {
      return limit == 0 || is < limit - limit / 10;
    };
    return far(size.bytes, options_.max_bytes) && far(size.sentences, options_.max_sentences);
  }

  /// The first lines of a document that fit beside `taken`.
  std::string_view FirstLines(std::string_view content, TextSize taken) const {
    std::size_t kept = 0;
    for (std::size_t begin = 0; begin <= content.size();) {
      const std::size_t end = std::min(content.find('\n', begin), content.size());
      taken += {.sentences = 1, .bytes = static_cast<std::int64_t>(end + 1 - begin)};
      if (IsFull(taken)) break;
      kept = end;
      begin = end + 1;
    }
    return content.substr(0, kept);
  }

  /// Whole documents, as many as fit. Where the next one alone is more than a tenth of the limit,
  /// its first lines, too: a larger limit takes all of it, so that subsets stay nested.
  Status CollectWhatFits(OrderedTexts& texts) {
    std::sort_heap(order_.begin(), order_.end());
    TextSize sum;
    std::optional<std::uint64_t> last;
    for (const Place& place : order_) {
      const TextSize before = sum;
      sum += place.size;
      if (IsFull(sum)) {
        if (IsFarFromFull(before)) last = cut_ = place.order;
        break;
      }
      last = place.order;
    }
    order_ = {};
    if (!last) return {};
    return EachDocument([&](const Json& document) -> Status {
      const std::uint64_t order = draws_.Order(document);
      if (order > *last || draws_.IsHeldout(document)) return {};
      return texts.Add(order, document.at("text").get<std::string>());
    });
  }

  Status WriteInOrder(OrderedTexts& texts, TextFile& file) {
    return texts.Visit([&](std::uint64_t order, std::string_view content) -> Status {
      const std::string_view part =
          order == cut_ ? FirstLines(content, {counts_.sentences, counts_.bytes}) : content;
      return part.empty() ? Status() : Take(part, file);
    });
  }

  const fs::path& folder_;
  const SubsetOptions& options_;
  const fs::path& scratch_;
  const std::atomic<bool>& stop_;
  Draws draws_;
  SubsetCounts counts_;
  std::vector<Place> order_;                           // with a limit
  TextSize remembered_;                                // of `order_`
  std::optional<std::uint64_t> cut_;                   // the document of which lines are taken
  std::multimap<std::uint64_t, std::string> heldout_;  // by draw
  std::int64_t heldout_held_ = 0;                      // sentences
};

}  // namespace

Status EachCleanDocument(const fs::path& language_folder, const std::vector<std::string>& buckets,
                         const std::function<Status(const Json& document)>& visit) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(language_folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    const std::string bucket = name.substr(0, name.find('-'));
    if (buckets.empty() || std::find(buckets.begin(), buckets.end(), bucket) != buckets.end()) {
      files.push_back(entry.path());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(ErrorCode::kIo, "read {}: {}", language_folder.string(), error.message());
  }
  if (files.empty()) {
    return Fail(ErrorCode::kNotFound, "{}: no documents{}", language_folder.string(),
                buckets.empty() ? "" : fmt::format(" of {}", fmt::join(buckets, ", ")));
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
    TextWindow window(std::move(source));
    while (const auto line = window.NextLine(std::numeric_limits<std::int32_t>::max())) {
      REPRO_ASSIGN_OR_RETURN(const Json document, ParseJson(line->text, path.string()));
      REPRO_RETURN_IF_ERROR(visit(document));
    }
    if (window.damage()) return tl::unexpected<Error>(*window.damage());
  }
  return {};
}

Result<SubsetCounts> WriteSubset(const fs::path& language_folder, const SubsetOptions& options,
                                 const fs::path& scratch, const fs::path& text,
                                 const fs::path& heldout, const std::atomic<bool>& stop) {
  return SubsetWriter(language_folder, options, scratch, stop).Write(text, heldout);
}

}  // namespace repro
