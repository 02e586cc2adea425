// Writes files of Common Crawl's WET layout (WARC/1.0, one gzip member a record, real-looking
// headers) of any size, for scripts/bench data. The words are those of the given text, or of the
// synthetic world without one. A page is a title, navigation that other pages of its site have too,
// paragraphs, and a footer; one page in twenty is an earlier one under another address. Same
// arguments, same bytes. Prints one line of JSON.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <zlib.h>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/text_window.h"
#include "experiments/corpus/babel/corpus_text.h"
#include "experiments/corpus/babel/languages.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// Running texts, each of one language, their lines joined by blanks.
class TextPool {
 public:
  void Add(std::string text) {
    if (text.size() < kLeast) return;
    bytes_ += text.size();
    ends_.push_back(bytes_);
    texts_.push_back(std::move(text));
  }
  bool empty() const { return texts_.empty(); }
  std::size_t size() const { return texts_.size(); }
  std::uint64_t bytes() const { return bytes_; }

  /// A text, each as likely as it is long.
  std::string_view Draw(Rng& rng) const {
    const auto found = std::upper_bound(ends_.begin(), ends_.end(), rng.Below(bytes_));
    return texts_[static_cast<std::size_t>(found - ends_.begin())];
  }

 private:
  static constexpr std::size_t kLeast = 4096;  // or spans of it would be the same ones
  std::vector<std::string> texts_;
  std::vector<std::uint64_t> ends_;
  std::uint64_t bytes_ = 0;
};

/// Files below `folder` whose name has ".txt" in it, packed or not. Of a line with tabs what stands
/// behind the last one: before it are numbers of verses.
Status AddFolder(const fs::path& folder, TextPool& pool) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (entry.path().filename().string().find(".txt") != std::string::npos) {
      paths.push_back(entry.path());
    }
  }
  if (error) return Fail(ErrorCode::kIo, "{}: {}", folder.string(), error.message());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
    TextWindow window(std::move(source));
    std::string text;
    while (const auto line = window.NextLine(1 << 20)) {
      std::string_view words = line->text;
      words.remove_prefix(words.rfind('\t') + 1);  // npos + 1 is 0
      if (words.empty()) continue;
      text.append(words).append(1, ' ');
    }
    if (window.damage()) return tl::unexpected<Error>(*window.damage());
    pool.Add(std::move(text));
  }
  return {};
}

/// Some languages of the synthetic world, in several scripts.
Status AddSynthetic(TextPool& pool) {
  constexpr int kDocuments = 4000;
  constexpr int kLongest = 40;
  const BabelSettings settings;
  REPRO_ASSIGN_OR_RETURN(const auto* style, FindRegister("babel-cc"));
  for (const std::string_view code : {"en", "de", "fi", "ru", "ar", "hi", "sw", "zh"}) {
    REPRO_ASSIGN_OR_RETURN(const BabelLanguage language, FindBabelLanguage(code));
    const World world = MakeWorld(settings, code, /*null_world=*/false);
    const Anchors anchors(world.seed());
    const Speaker speaker(world, anchors, language);
    const CorpusText corpus(speaker, *style);
    std::string text;
    for (std::uint64_t i = 0; i < kDocuments; ++i) {
      corpus.AppendDocument(Split::kText, i, kLongest, text);
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    pool.Add(std::move(text));
  }
  return {};
}

bool ContinuesCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Where a word begins at or behind `at`; where none does soon, a character.
std::size_t NextStart(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongestWord = 48;
  const std::size_t blank = text.substr(at, kLongestWord).find(' ');
  if (blank != std::string_view::npos) return at + blank + 1;
  while (at < text.size() && ContinuesCharacter(text[at])) ++at;
  return at;
}

/// About so many bytes of running text, from anywhere in it.
std::string_view Span(std::string_view text, std::size_t bytes, Rng& rng) {
  bytes = std::min(bytes, text.size() / 2);
  const std::size_t begin = NextStart(text, rng.Below(text.size() - bytes));
  const std::size_t end = NextStart(text, std::min(begin + bytes, text.size()));
  std::string_view span = text.substr(begin, end - begin);
  while (span.ends_with(' ')) span.remove_suffix(1);
  return span;
}

/// A paragraph's bytes: most are short, a few are long; 230 on average.
std::size_t ParagraphBytes(Rng& rng) {
  static constexpr std::array<std::size_t, 8> kScale = {20, 40, 80, 120, 160, 240, 480, 700};
  const std::size_t scale = kScale[rng.Below(kScale.size())];
  return scale / 2 + rng.Below(scale);
}

class Crawl {
 public:
  Crawl(const TextPool& pool, std::uint64_t seed) : pool_(pool), seed_(seed) {}

  /// The text of page `number`: a title, and lines.
  std::string Page(std::uint64_t number) const {
    Rng rng(seed_, "wet.page", number);
    if (number > 0 && rng.Below(20) == 0) return Page(rng.Below(number));
    const std::uint64_t site_number = rng.Below(1 + number / 16);
    Rng site(seed_, "wet.site", site_number);
    const std::string_view text = pool_.Draw(site);
    std::string page(Span(text, 20 + rng.Below(60), rng));
    page += '\n';
    AddLines(text, 6 + site.Below(30), 6, 24, site, page);  // navigation
    for (std::uint64_t left = 2 + rng.Below(8) * rng.Below(8); left > 0; --left) {
      page += Span(text, ParagraphBytes(rng), rng);
      page += '\n';
    }
    AddLines(text, 2 + site.Below(8), 10, 60, site, page);  // footer
    return page;
  }

 private:
  static void AddLines(std::string_view text, std::uint64_t count, std::uint64_t least,
                       std::uint64_t more, Rng& rng, std::string& page) {
    for (; count > 0; --count) {
      page += Span(text, least + rng.Below(more), rng);
      page += '\n';
    }
  }

  const TextPool& pool_;
  std::uint64_t seed_;
};

std::string Uuid(Rng& rng) {
  const std::uint64_t high = rng.Next();
  const std::uint64_t low = rng.Next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32U, high >> 16U & 0xFFFFU,
                     high & 0xFFFU, 0x8000U | (low >> 48U & 0x3FFFU), low & 0xFFFFFFFFFFFFU);
}

/// "sha1:" and base 32, as the crawler writes it.
std::string Digest(std::string_view bytes) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> hash{};
  ::SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data());
  std::string text = "sha1:";
  for (std::size_t bit = 0; bit < 8 * hash.size(); bit += 5) {
    const std::size_t byte = bit / 8;
    const unsigned pair =
        static_cast<unsigned>(hash[byte]) << 8U | (byte + 1 < hash.size() ? hash[byte + 1] : 0U);
    text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[pair >> (11U - bit % 8) & 31U];
  }
  return text;
}

std::string Conversion(std::string_view page, std::uint64_t number, Rng& rng) {
  return fmt::format(
      "WARC/1.0\r\n"
      "WARC-Type: conversion\r\n"
      "WARC-Target-URI: https://www.site-{}.example/{}/page-{}.html\r\n"
      "WARC-Date: 2024-05-18T{:02}:{:02}:{:02}Z\r\n"
      "WARC-Record-ID: <urn:uuid:{}>\r\n"
      "WARC-Refers-To: <urn:uuid:{}>\r\n"
      "WARC-Block-Digest: {}\r\n"
      "Content-Type: text/plain\r\n"
      "Content-Length: {}\r\n"
      "\r\n"
      "{}\r\n\r\n",
      number % 4096, number / 4096, number, rng.Below(24), rng.Below(60), rng.Below(60), Uuid(rng),
      Uuid(rng), Digest(page), page.size(), page);
}

std::string Warcinfo(const std::string& name, Rng& rng) {
  const std::string fields =
      "Software-Info: make_wet\r\nisPartOf: GENERATED\r\nformat: WARC File Format 1.0\r\n";
  return fmt::format(
      "WARC/1.0\r\n"
      "WARC-Type: warcinfo\r\n"
      "WARC-Date: 2024-05-31T01:16:46Z\r\n"
      "WARC-Filename: {}\r\n"
      "WARC-Record-ID: <urn:uuid:{}>\r\n"
      "Content-Type: application/warc-fields\r\n"
      "Content-Length: {}\r\n"
      "\r\n"
      "{}\r\n\r\n",
      name, Uuid(rng), fields.size(), fields);
}

/// `bytes` as a gzip member, put behind `out`.
void AppendMember(std::string_view bytes, std::string& out) {
  constexpr int kWithHeader = 15 + 16;
  z_stream stream{};
  REPRO_CHECK(::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWithHeader, 8,
                             Z_DEFAULT_STRATEGY) == Z_OK);
  const std::size_t before = out.size();
  out.resize(before + ::deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  stream.avail_out = static_cast<uInt>(out.size() - before);
  REPRO_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(before + stream.total_out);
  ::deflateEnd(&stream);
}

struct Options {
  std::vector<std::string> text;
  std::string out;
  std::uint64_t files = 1;
  std::uint64_t megabytes = 32;
  std::uint64_t seed = 1;
};

Result<Json> MakeWet(const Options& options) {
  TextPool pool;
  for (const std::string& folder : options.text) {
    REPRO_RETURN_IF_ERROR(AddFolder(folder, pool));
  }
  if (options.text.empty()) REPRO_RETURN_IF_ERROR(AddSynthetic(pool));
  if (pool.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "no text of 4 KiB or more in the folders given; expected files *.txt, *.txt.zst or "
                "*.txt.gz");
  }
  REPRO_RETURN_IF_ERROR(MakeDirectory(options.out));
  const Crawl crawl(pool, options.seed);
  std::uint64_t page = 0;
  std::uint64_t unpacked = 0;
  std::uint64_t packed = 0;
  for (std::uint64_t file = 0; file < options.files; ++file) {
    const std::string name = fmt::format("{:05}.warc.wet.gz", file);
    Rng rng(options.seed, "wet.records", file);
    std::string members;
    std::uint64_t in_file = 0;
    const auto add = [&](const std::string& record) {
      in_file += record.size();
      AppendMember(record, members);
    };
    add(Warcinfo(name, rng));
    for (; in_file < options.megabytes << 20U; ++page) {
      add(Conversion(crawl.Page(page), page, rng));
    }
    REPRO_RETURN_IF_ERROR(WriteFileAtomic(fs::path(options.out) / name, members));
    unpacked += in_file;
    packed += members.size();
  }
  return Json{
      {"files", options.files},           {"pages", page},        {"unpacked_bytes", unpacked},
      {"packed_bytes", packed},           {"texts", pool.size()}, {"text_bytes", pool.bytes()},
      {"synthetic", options.text.empty()}};
}

}  // namespace
}  // namespace repro

int main(int argc, char** argv) {
  repro::Options options;
  CLI::App app("Writes WET files made of other text.");
  app.add_option("--text", options.text, "Folder of *.txt, *.txt.zst or *.txt.gz; may be repeated")
      ->check(CLI::ExistingDirectory);
  app.add_option("--out", options.out, "Folder for the files")->required();
  app.add_option("--files", options.files, "How many")->check(CLI::Range(1, 100'000));
  app.add_option("--megabytes", options.megabytes, "Of each, unpacked (MiB)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--seed", options.seed, "Of all that is drawn");
  CLI11_PARSE(app, argc, argv);
  const auto made = repro::MakeWet(options);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", made->dump().c_str());
  return 0;
}
