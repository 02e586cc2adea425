#pragma once
/// The two normal forms of CC-Net (facebookresearch/cc_net, text_normalizer.py; anchors.md E1): of
/// a line for deduplication, and of text for its language models.
///
/// Deduplication: trimmed, lower case, every decimal digit 0, the listed Unicode punctuation and
/// all control characters gone; accents and ASCII punctuation stay. Language models: the same, but
/// that punctuation is replaced by its ASCII twin and accents (NFD, then marks of category Mn) go.
/// Case, digits and categories are those of ICU's Unicode version.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace repro {

/// Appends to `out`. Bytes that are no UTF-8 become U+FFFD.
void NormalizeForDedup(std::string_view line, std::string& out);
std::string NormalizeForLm(std::string_view line, bool keep_accents = false);

/// First 8 bytes of the SHA-1 of `NormalizeForDedup(line)`, little endian. 0 counts as seen before,
/// as in CC-Net.
std::uint64_t DedupHash(std::string_view line);

/// The same, and nothing for a line of which white space is left at most, as of "…": that two lines
/// are alike in that says nothing.
std::optional<std::uint64_t> TextHash(std::string_view line);

/// Our own, stricter about what is a test sentence: of NFKC with case folded, letters, marks and
/// digits alone, digits 0. White space, punctuation and what nobody sees make no difference, nor
/// does an accent that stands alone, as in "don´t".
void NormalizeToLetters(std::string_view line, std::string& out);

/// Goes up when that form changes: part of the key of what is kept out by it.
inline constexpr std::int64_t kLettersForm = 2;

/// As DedupHash, of that; nothing for a line without letters and digits.
std::optional<std::uint64_t> LettersHash(std::string_view line);

}  // namespace repro
