#include "experiments/corpus/clean/language_id.h"

#include <exception>
#include <istream>
#include <streambuf>
#include <utility>

#include <fasttext/fasttext.h>

#include "core/io/file.h"

namespace repro {
namespace {

constexpr std::string_view kLabel = "__label__";

/// A stream over bytes that somebody else holds.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string& bytes) {
    setg(bytes.data(), bytes.data(), bytes.data() + bytes.size());
  }
};

}  // namespace

struct LanguageId::Impl {
  fasttext::FastText model;
};

LanguageId::LanguageId(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LanguageId::LanguageId(LanguageId&&) noexcept = default;
LanguageId& LanguageId::operator=(LanguageId&&) noexcept = default;
LanguageId::~LanguageId() = default;

Result<LanguageId> LanguageId::Load(const std::filesystem::path& model) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(model));
  auto impl = std::make_unique<Impl>();
  try {
    impl->model.loadModel(model.string());
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: fastText cannot load it: {}", model.string(),
                error.what());
  }
  return LanguageId(std::move(impl));
}

std::vector<LanguageId::Guess> LanguageId::Predict(std::string_view text, int count) const {
  thread_local std::string line;
  line.clear();
  for (const char c : text) {
    if (c != '\n') line += c;
  }
  line += '\n';
  ViewBuffer buffer(line);
  std::istream in(&buffer);
  std::vector<std::pair<fasttext::real, std::string>> predictions;
  impl_->model.predictLine(in, predictions, count, 0.0F);
  std::vector<Guess> guesses;
  guesses.reserve(predictions.size());
  for (const auto& [probability, label] : predictions) {
    guesses.push_back(
        {label.starts_with(kLabel) ? label.substr(kLabel.size()) : label, probability});
  }
  return guesses;
}

}  // namespace repro
