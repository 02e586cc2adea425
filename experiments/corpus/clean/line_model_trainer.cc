#include "experiments/corpus/clean/line_model_trainer.h"

#include <fstream>
#include <optional>
#include <utility>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/scratch_folder.h"
#include "core/io/text_window.h"
#include "experiments/corpus/clean/line_model.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/text/vocab_trainer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestLine = 16 << 20;

Status StopIfAsked(const LineModelOptions& options) {
  if (options.ngrams.stop != nullptr && *options.ngrams.stop) {
    return Fail(ErrorCode::kInterrupted, "asked to stop");
  }
  return {};
}

/// The text in its normal form, a line a line. Returns how many there are.
Result<std::int64_t> WriteNormal(const fs::path& text, const fs::path& normal,
                                 const LineModelOptions& options) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(text));
  TextWindow window(std::move(source));
  std::ofstream out(normal, std::ios::binary);
  std::int64_t lines = 0;
  while (lines < options.max_lines) {
    const auto line = window.NextLine(kLongestLine);
    if (!line) break;
    if (line->cut) continue;
    const std::string form = NormalizeForLm(line->text);
    if (form.empty()) continue;
    out << form << '\n';
    ++lines;
  }
  if (window.damage()) return tl::unexpected(*window.damage());
  if (!out.flush()) return FailErrno("write", normal.string());
  if (lines == 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}: no text in it to train a language model on",
                text.string());
  }
  return lines;
}

Result<TrainedVocab> LearnPieces(const fs::path& normal, std::string_view language,
                                 std::int64_t lines, const LineModelOptions& options) {
  const std::vector<VocabText> texts = {{std::string(language), normal, 1.0}};
  VocabTrainerOptions vocab = {.size = VocabSize(options.pieces),
                               .sample_sentences = lines,
                               .character_coverage = options.character_coverage,
                               .threads = options.threads};
  auto learnt = TrainVocabulary(texts, vocab);
  if (learnt || learnt.error().code != ErrorCode::kInvalidArgument) return learnt;
  vocab.size = VocabSize(options.fallback_pieces);
  vocab.hard_limit = false;
  return TrainVocabulary(texts, vocab);
}

/// The text in pieces, with spaces between them. Returns how many there are.
Result<std::int64_t> WritePieces(const fs::path& normal, const Tokenizer& tokenizer,
                                 const fs::path& pieces, const LineModelOptions& options) {
  std::ifstream in(normal, std::ios::binary);
  std::ofstream out(pieces, std::ios::binary);
  std::int64_t count = 0;
  for (std::string line; std::getline(in, line);) {
    REPRO_RETURN_IF_ERROR(StopIfAsked(options));
    for (const std::string& piece : PieceTexts(tokenizer, line)) {
      out << piece << ' ';
      ++count;
    }
    out << '\n';
  }
  if (in.bad()) return FailErrno("read", normal.string());
  if (!out.flush()) return FailErrno("write", pieces.string());
  return count;
}

Status WriteNote(const fs::path& folder, std::string_view language, const TrainedLineModel& trained,
                 const LineModelOptions& options) {
  const fs::path pieces = PieceModelFile(folder, language);
  const fs::path ngrams = BinaryModelFile(folder, language);
  REPRO_ASSIGN_OR_RETURN(const std::string pieces_hash, Sha256File(pieces));
  REPRO_ASSIGN_OR_RETURN(const std::string ngrams_hash, Sha256File(ngrams));
  const Json note = {
      {"schema", 1},
      {"language", language},
      {"lines", trained.lines},
      {"tokens", trained.tokens},
      {"pieces", trained.pieces},
      {"ngrams", trained.ngrams},
      {"options",
       {{"pieces", options.pieces},
        {"fallback_pieces", options.fallback_pieces},
        {"character_coverage", options.character_coverage},
        {"max_lines", options.max_lines},
        {"threads", options.threads},
        {"order", options.ngrams.order},
        {"vocab_estimate", options.ngrams.vocab_estimate},
        {"discount_fallback", options.ngrams.discount_fallback}}},
      {"sha256",
       {{pieces.filename().string(), pieces_hash}, {ngrams.filename().string(), ngrams_hash}}}};
  return WriteFileAtomic(ModelNoteFile(folder, language), note.dump(2) + "\n");
}

}  // namespace

Result<TrainedLineModel> TrainLineModel(const fs::path& text, std::string_view language,
                                        const fs::path& folder, const LineModelOptions& options) {
  REPRO_ASSIGN_OR_RETURN(const ScratchFolder scratch,
                         ScratchFolder::Beside(fs::absolute(ModelNoteFile(folder, language))));
  const fs::path normal = scratch / "normal.txt";
  const fs::path pieces = scratch / "pieces.txt";
  TrainedLineModel trained;
  REPRO_ASSIGN_OR_RETURN(trained.lines, WriteNormal(text, normal, options));
  REPRO_ASSIGN_OR_RETURN(const TrainedVocab vocab,
                         LearnPieces(normal, language, trained.lines, options));
  REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer,
                         Tokenizer::FromBytes(vocab.model, "the pieces just learnt"));
  trained.pieces = PieceCount(tokenizer.vocab_size());
  REPRO_ASSIGN_OR_RETURN(trained.tokens, WritePieces(normal, tokenizer, pieces, options));
  REPRO_ASSIGN_OR_RETURN(TrainedNgrams ngrams,
                         TrainNgramModel(pieces, BinaryModelFile(folder, language),
                                         NgramFormat::kBinary, options.ngrams));
  trained.ngrams = std::move(ngrams.counts);
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(PieceModelFile(folder, language), vocab.model));
  REPRO_RETURN_IF_ERROR(WriteNote(folder, language, trained, options));
  return trained;
}

}  // namespace repro
