#include "store/system_error.h"

#include <lmdb.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"

namespace weft::store {

absl::Status StatusFromCode(int code, std::string_view doing) {
  const std::string message = absl::StrCat(std::string(doing), ": ", mdb_strerror(code));
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
      return absl::ResourceExhaustedError(message);
    case EROFS:
    case EACCES:
    case EPERM:
    case ENOENT:
    case ENOTDIR:
    case EEXIST:
      return absl::UnavailableError(message);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return absl::DataLossError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace weft::store
