#include "experiments/corpus/clean/ngram_model.h"

#include <exception>
#include <sstream>
#include <utility>

#include <lm/model.hh>

#include "core/base/text.h"
#include "core/io/file.h"
#include "experiments/corpus/clean/kenlm_message.h"

namespace repro {
struct NgramModel::Impl {
  std::unique_ptr<lm::base::Model> model;
  std::string remarks;
};

NgramModel::NgramModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NgramModel::NgramModel(NgramModel&&) noexcept = default;
NgramModel& NgramModel::operator=(NgramModel&&) noexcept = default;
NgramModel::~NgramModel() = default;

Result<NgramModel> NgramModel::Load(const std::filesystem::path& path) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
  std::ostringstream remarks;
  lm::ngram::Config config;
  config.messages = &remarks;
  config.show_progress = false;
  config.arpa_complain = lm::ngram::Config::NONE;
  config.load_method = util::LAZY;
  auto impl = std::make_unique<Impl>();
  try {
    impl->model.reset(lm::ngram::LoadVirtual(path.c_str(), config));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: KenLM cannot load it: {}", path.string(),
                KenlmReason(error.what()));
  }
  impl->remarks = Printable(remarks.str());
  while (impl->remarks.ends_with(' ')) impl->remarks.pop_back();
  return NgramModel(std::move(impl));
}

LineScore NgramModel::ScoreLine(std::span<const std::string> tokens) const {
  const lm::base::Model& model = *impl_->model;
  const lm::base::Vocabulary& vocabulary = model.BaseVocabulary();
  lm::ngram::State before;
  lm::ngram::State after;
  model.BeginSentenceWrite(&before);
  LineScore score;
  float log10 = 0;
  const auto add = [&](lm::WordIndex word) {
    log10 += model.BaseScore(&before, word, &after);
    std::swap(before, after);
    ++score.tokens;
    score.unknown += word == vocabulary.NotFound() ? 1 : 0;
  };
  for (const std::string& token : tokens) add(vocabulary.Index(token));
  add(vocabulary.EndSentence());
  score.log10 = static_cast<double>(log10);
  return score;
}

int NgramModel::order() const {
  return impl_->model->Order();
}

const std::string& NgramModel::remarks() const {
  return impl_->remarks;
}

}  // namespace repro
