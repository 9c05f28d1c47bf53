#pragma once

// The files of the pages (web/), which are part of the program. Their bytes are made into C++
// by embed_page.mjs when the program is built.

#include <span>
#include <string_view>

namespace weft::server {

struct PageFile {
  std::string_view path;  // "/index.html"
  std::string_view content_type;
  std::string_view etag;  // quoted, changes with the bytes
  std::string_view bytes;
};

std::span<const PageFile> PageFiles();

}  // namespace weft::server
