#pragma once
/// What learning a vocabulary will take of memory, so that it can be said before it starts.
///
/// Unigram: SentencePiece keeps the sample, normalised, and a suffix array over its characters with
/// four arrays of 32-bit indices beside the text in UTF-32: 20 bytes a character, and some for each
/// byte of text. Neither the size of the vocabulary nor the number of sentences shows (peaks of 8K,
/// 32K, 128K and 256K pieces differ by less than 0.1 %).
/// Measured: peak resident set with SentencePiece 0.1.97 on Debian 12 (x86-64, one thread, coverage
/// 0.9995), real text in up to twelve languages and six scripts, lines of 304 bytes and 231
/// characters on average:
///
///   sentences   million bytes   million characters   peak MB   this formula
///      20,000            6.46                 4.73       163            193
///      50,000            15.6                 12.4       379            403
///     100,000            30.4                 23.7       659            718
///     200,000            60.8                 46.2     1,211          1,350
///      11,044 zh         6.82                 2.29       127            141
///      66,207 ru         23.9                 13.4       393            462
///      19,998 equal parts of 11 languages, 6.92 and 3.94: 179            178
///
/// So it is an upper estimate, by up to a fifth. It agrees with what users report (70 GB for 10
/// million sentences, SentencePiece's issue 702; 6.8 KB a sentence here).
///
/// BPE on raw text: 207, 311 and 482 MB for the first three samples, 291 for ru. On words it takes
/// less (130 MB for the last sample), since long stretches without a space are cut.

#include <cmath>
#include <cstdint>
#include <string_view>

namespace repro {

/// Peak of the process, bytes, for a sample of so much text. `model`: "unigram" or "bpe".
inline std::int64_t EstimateVocabMemory(std::string_view model, double bytes, double characters) {
  return std::llround(model == "bpe" ? 140e6 + 15 * characters
                                     : 60e6 + 22 * characters + 4.5 * bytes);
}

}  // namespace repro
