#include "experiments/tasks/evaluate/task.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/text.h"
#include "core/io/file.h"
#include "experiments/data/labelled_encoder.h"
#include "experiments/eval/classifier.h"
#include "experiments/eval/pseudo_bits.h"
#include "experiments/eval/retrieval.h"
#include "experiments/model/device.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/tasks/evaluate/spec.h"
#include "experiments/tasks/finetune/selection_file.h"
#include "experiments/text/vocab_files.h"
#include "experiments/text/word_breaker.h"

namespace repro {
namespace {

class Evaluation {
 public:
  Evaluation(TaskContext& context, const EvaluateSpec& spec, const VocabFiles& vocabulary,
             at::Device device)
      : context_(context), spec_(spec), vocabulary_(vocabulary), device_(device) {}

  // Predictions and scores of a fine-tuned model, language by language.
  Status Labelled(const std::filesystem::path& model) {
    REPRO_ASSIGN_OR_RETURN(const LabelledTask task, ParseLabelledTask(spec_.measure));
    REPRO_ASSIGN_OR_RETURN(const SelectionFile selection, SelectionFile::Load(model));
    if (selection.task != spec_.measure) {
      return Fail(ErrorCode::kInvalidArgument, "{}: fine-tuned for `{}`, asked to score `{}`",
                  model.string(), selection.task, spec_.measure);
    }
    const std::string metric = spec_.measure + "." + ScoreName(task);
    std::string predictions;
    std::map<std::string, Classifier> loaded;  // by folder: most languages share one
    for (const std::string& code : spec_.languages) {
      REPRO_RETURN_IF_ERROR(BeginLanguage(code));
      const auto folder = selection.folders.find(code);
      if (folder == selection.folders.end()) {
        return Fail(ErrorCode::kInvalidArgument, "{}: no model was selected for '{}'",
                    model.string(), code);
      }
      auto found = loaded.find(folder->second);
      if (found == loaded.end()) {
        REPRO_ASSIGN_OR_RETURN(Classifier classifier,
                               LoadClassifier((model / folder->second).lexically_normal(), task));
        MoveTo(classifier, device_);
        std::visit([&](auto& head) { head.encoder.bfloat16_products = Bfloat16(); },
                   classifier.model);
        found = loaded.emplace(folder->second, std::move(classifier)).first;
      }
      const Classifier& classifier = found->second;
      REPRO_ASSIGN_OR_RETURN(const auto benchmark, context_.Input(code));
      REPRO_ASSIGN_OR_RETURN(const auto test,
                             ReadLabelled(benchmark, spec_.measure, "test", classifier.labels));
      REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, vocabulary_.For(code));
      const auto examples = EncodeExamples(test, task, tokenizer, MaxTokens(classifier.encoder()));
      REPRO_ASSIGN_OR_RETURN(const Predictions predicted, Predict(classifier, examples, warn_));
      WriteScore(metric, code, ScorePredictions(classifier, examples, predicted));
      scores_["examples"][code] = examples.size();
      for (std::size_t i = 0; i < examples.size(); ++i) {
        predictions += PredictionLine(classifier, code, examples[i], predicted.labels[i]);
      }
    }
    REPRO_RETURN_IF_ERROR(WriteFileAtomic(context_.out / "predictions.jsonl", predictions));
    return Finish();
  }

  // Retrieval against the source language, and pseudo-bits, of a pretrained model.
  Status Intrinsic(const std::filesystem::path& folder) {
    REPRO_ASSIGN_OR_RETURN(MlmModel model, LoadMlmModel(folder));
    MoveTo(model, device_);
    model.encoder.bfloat16_products = Bfloat16();
    const std::int64_t max_tokens = MaxTokens(model.encoder);
    const std::int64_t layer = RetrievalLayer(model.encoder, spec_.settings.retrieval_layer);
    if (layer > model.encoder.shape.settings.layers) {
      return Fail(ErrorCode::kInvalidArgument,
                  "evaluate.retrieval_layer is {}, but the model has {} layers", layer,
                  model.encoder.shape.settings.layers);
    }
    scores_["retrieval_layer"] = layer;
    REPRO_ASSIGN_OR_RETURN(const auto source, Parallel(spec_.source_language));
    REPRO_ASSIGN_OR_RETURN(const Tokenizer source_tokenizer,
                           vocabulary_.For(spec_.source_language));
    REPRO_ASSIGN_OR_RETURN(const at::Tensor source_NC,
                           Vectors(model.encoder, source_tokenizer, source, layer, max_tokens));
    for (const std::string& code : spec_.languages) {
      REPRO_RETURN_IF_ERROR(BeginLanguage(code));
      REPRO_ASSIGN_OR_RETURN(const auto sentences, Parallel(code));
      REPRO_RETURN_IF_ERROR(CheckAligned(code, sentences, source));
      REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, vocabulary_.For(code));
      if (code != spec_.source_language) {
        REPRO_ASSIGN_OR_RETURN(const at::Tensor vectors_NC,
                               Vectors(model.encoder, tokenizer, sentences, layer, max_tokens));
        WriteScore("retrieval.accuracy", code, RetrievalAccuracy(vectors_NC, source_NC));
      }
      REPRO_RETURN_IF_ERROR(Pairs(model.encoder, code, tokenizer, source_tokenizer, layer));
      REPRO_RETURN_IF_ERROR(Bits(model, code, tokenizer, sentences));
      scores_["parallel_sentences"][code] = sentences.size();
    }
    return Finish();
  }

 private:
  // Retrieval between pairs that this language alone has with the source language.
  Status Pairs(const Encoder& encoder, const std::string& code, const Tokenizer& tokenizer,
               const Tokenizer& source_tokenizer, std::int64_t layer) {
    REPRO_ASSIGN_OR_RETURN(const auto benchmark, context_.Input(code));
    REPRO_ASSIGN_OR_RETURN(const auto pairs, ReadSentencePairs(benchmark));
    if (pairs.empty()) return {};
    std::vector<ParallelSentence> ours, theirs;
    for (const SentencePair& pair : pairs) {
      ours.push_back({pair.id, pair.text});
      theirs.push_back({pair.id, pair.source_text});
    }
    REPRO_ASSIGN_OR_RETURN(const at::Tensor ours_NC,
                           Vectors(encoder, tokenizer, ours, layer, MaxTokens(encoder)));
    REPRO_ASSIGN_OR_RETURN(const at::Tensor theirs_NC,
                           Vectors(encoder, source_tokenizer, theirs, layer, MaxTokens(encoder)));
    WriteScore("retrieval.pairs.accuracy", code, RetrievalAccuracy(ours_NC, theirs_NC));
    scores_["sentence_pairs"][code] = pairs.size();
    return {};
  }

  Status Bits(const MlmModel& model, const std::string& code, const Tokenizer& tokenizer,
              const std::vector<ParallelSentence>& sentences) {
    std::vector<std::string> texts;
    Spacing spacing;
    for (const ParallelSentence& sentence : sentences) {
      if (static_cast<std::int64_t>(texts.size()) == spec_.settings.pseudo_bits_sentences) break;
      const std::int64_t longest = spec_.settings.pseudo_bits_characters;
      if (longest > 0 && CountCodePoints(sentence.text) > longest) continue;
      texts.push_back(sentence.text);
      spacing.Add(sentence.text);
    }
    if (texts.empty()) {
      warn_(fmt::format("{}: no sentence of at most {} characters, so no pseudo-bits", code,
                        spec_.settings.pseudo_bits_characters));
      return {};
    }
    std::optional<WordBreaker> breaker;
    if (spacing.LacksSpaces(code)) {
      REPRO_ASSIGN_OR_RETURN(breaker, WordBreaker::Open(code));
    }
    REPRO_ASSIGN_OR_RETURN(const PseudoBits bits,
                           ComputePseudoBits(model, tokenizer, breaker ? &*breaker : nullptr, texts,
                                             MaxTokens(model.encoder), warn_));
    WriteScore("pseudo_bits.per_character", code, bits.PerCharacter());
    WriteScore("pseudo_bits.per_sentence", code, bits.PerSentence());
    scores_["pseudo_bits"][code] = {{"sentences", bits.sentences},
                                    {"characters", bits.characters},
                                    {"pieces", bits.pieces},
                                    {"unknown_pieces", bits.unknown_pieces},
                                    {"cut", bits.cut}};
    return {};
  }

  // Progress, and the stop flag: a language takes seconds, so there is nothing to checkpoint.
  Status BeginLanguage(const std::string& code) {
    context_.events.Progress(done_++, static_cast<std::int64_t>(spec_.languages.size()),
                             "languages", {{"doing", code}});
    if (context_.stop.load()) return Fail(ErrorCode::kInterrupted, "asked to stop");
    return {};
  }

  std::int64_t MaxTokens(const Encoder& encoder) const {
    return std::min(spec_.max_tokens, encoder.shape.max_positions - 2);
  }

  bool Bfloat16() const { return spec_.compute.dtype == "bfloat16"; }

  Result<std::vector<ParallelSentence>> Parallel(const std::string& code) const {
    REPRO_ASSIGN_OR_RETURN(const auto benchmark, context_.Input(code));
    return ReadParallel(benchmark);
  }

  Result<at::Tensor> Vectors(const Encoder& encoder, const Tokenizer& tokenizer,
                             const std::vector<ParallelSentence>& sentences, std::int64_t layer,
                             std::int64_t max_tokens) const {
    std::vector<std::vector<std::int64_t>> tokens;
    tokens.reserve(sentences.size());
    for (const ParallelSentence& sentence : sentences) {
      tokens.push_back(EncodeSentence(sentence.text, tokenizer, max_tokens));
    }
    return SentenceVectors(encoder, tokens, layer, warn_);
  }

  Status CheckAligned(const std::string& code, const std::vector<ParallelSentence>& sentences,
                      const std::vector<ParallelSentence>& source) const {
    const auto [ours, theirs] =
        std::mismatch(sentences.begin(), sentences.end(), source.begin(), source.end(),
                      [](const auto& a, const auto& b) { return a.id == b.id; });
    if (ours == sentences.end() && theirs == source.end()) return {};
    REPRO_ASSIGN_OR_RETURN(const auto folder, context_.Input(code));
    REPRO_ASSIGN_OR_RETURN(const auto source_folder, context_.Input(spec_.source_language));
    return Fail(ErrorCode::kCorrupt, "{}:{}: {}, expected {} as in {}",
                (folder / "parallel.jsonl").string(), ours - sentences.begin() + 1,
                ours == sentences.end() ? "the file ends" : fmt::format("`id` is `{}`", ours->id),
                theirs == source.end() ? "the end" : fmt::format("`{}`", theirs->id),
                (source_folder / "parallel.jsonl").string());
  }

  static std::string PredictionLine(const Classifier& classifier, const std::string& code,
                                    const EncodedExample& example,
                                    const std::vector<std::int64_t>& predicted) {
    const auto names = [&](const std::vector<std::int64_t>& labels) {
      Json list = Json::array();
      for (const std::int64_t label : labels) {
        list.push_back(classifier.labels[static_cast<std::size_t>(label)]);
      }
      return classifier.task == LabelledTask::kTags ? list : list.at(0);
    };
    return CanonicalJson({{"language", code},
                          {"id", example.id},
                          {"gold", names(example.labels)},
                          {"pred", names(predicted)}}) +
           "\n";
  }

  void WriteScore(const std::string& metric, const std::string& code, double value) {
    context_.events.Write(
        {.name = metric, .value = value, .language = code, .split = "test", .seed = spec_.seed});
    scores_["scores"][metric][code] = value;
  }

  Status Finish() {
    const auto total = static_cast<std::int64_t>(spec_.languages.size());
    context_.events.Progress(total, total, "languages");
    return WriteFileAtomic(context_.out / "scores.json", scores_.dump(1) + "\n");
  }

  TaskContext& context_;
  const EvaluateSpec& spec_;
  const VocabFiles& vocabulary_;
  at::Device device_;
  const WarningSink warn_ = [this](const std::string& line) {
    context_.events.Message("warning", line);
  };
  Json scores_ = Json::object();
  std::int64_t done_ = 0;
};

Status EvaluateModel(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const EvaluateSpec spec, FromJson<EvaluateSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const at::Device device,
                         OpenDevice(spec.compute.device, spec.compute.threads));
  if (const auto slow = SlowProductsWarning(spec.compute.device, spec.compute.dtype)) {
    context.events.Message("warning", *slow);
  }
  REPRO_ASSIGN_OR_RETURN(const auto vocab, context.Input("vocab"));
  REPRO_ASSIGN_OR_RETURN(const VocabFiles vocabulary, VocabFiles::Load(vocab));
  REPRO_ASSIGN_OR_RETURN(const auto model, context.Input("model"));
  Evaluation evaluation(context, spec, vocabulary, device);
  return spec.measure == "intrinsic" ? evaluation.Intrinsic(model) : evaluation.Labelled(model);
}

}  // namespace

Status RunEvaluateTask(TaskContext& context) {
  return WithoutExceptions("evaluation", [&] { return EvaluateModel(context); });
}

}  // namespace repro
