#pragma once
/// Archives for tests, hostile ones too, written by libarchive.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "core/base/check.h"

namespace repro::testing {

struct ArchivedFile {
  std::string name;
  std::string content;
  unsigned int type = AE_IFREG;
  std::string link{};  ///< target of a symbolic link
  std::string hard_link{};
};

/// "zip", or tar with the filter that the name asks for: "tar", "tar.gz", "tar.xz".
inline void WriteArchive(const std::filesystem::path& path, const std::string& format,
                         const std::vector<ArchivedFile>& files) {
  archive* const writer = ::archive_write_new();
  if (format == "zip") {
    ::archive_write_set_format_zip(writer);
  } else {
    ::archive_write_set_format_pax_restricted(writer);
    if (format == "tar.gz") ::archive_write_add_filter_gzip(writer);
    if (format == "tar.xz") ::archive_write_add_filter_xz(writer);
  }
  REPRO_CHECK(::archive_write_open_filename(writer, path.c_str()) == ARCHIVE_OK);
  for (const ArchivedFile& file : files) {
    archive_entry* const entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, file.name.c_str());
    ::archive_entry_set_filetype(entry, file.type);
    ::archive_entry_set_perm(entry, 0777);
    if (!file.link.empty()) ::archive_entry_set_symlink(entry, file.link.c_str());
    if (!file.hard_link.empty()) ::archive_entry_set_hardlink(entry, file.hard_link.c_str());
    if (file.type == AE_IFREG) {
      ::archive_entry_set_size(entry, static_cast<std::int64_t>(file.content.size()));
    }
    if (file.type == AE_IFCHR) ::archive_entry_set_rdev(entry, 0x103);  // /dev/null's
    // A warning: the name is no text in this locale. It is written as it is.
    REPRO_CHECK(::archive_write_header(writer, entry) >= ARCHIVE_WARN);
    if (file.type == AE_IFREG && file.hard_link.empty()) {
      REPRO_CHECK(::archive_write_data(writer, file.content.data(), file.content.size()) >= 0);
    }
    ::archive_entry_free(entry);
  }
  REPRO_CHECK(::archive_write_close(writer) == ARCHIVE_OK);
  ::archive_write_free(writer);
}

}  // namespace repro::testing
