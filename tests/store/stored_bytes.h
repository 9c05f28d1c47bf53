#pragma once

// Reading and changing what a closed log left on disk, past the log.

#include <lmdb.h>
#include <xxhash.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/check.h"
#include "store/cursor.h"
#include "store/format.h"

namespace weft::store {

// Opens the LMDB environment of a directory for one edit. Requires: no log has it open.
inline void EditStoredBytes(const std::string& directory, const char* table, unsigned table_flags,
                            const std::function<void(MDB_txn*, MDB_dbi)>& edit) {
  MDB_env* environment = nullptr;
  CHECK(mdb_env_create(&environment) == 0);
  CHECK(mdb_env_set_maxdbs(environment, 16) == 0);
  CHECK(mdb_env_open(environment, directory.c_str(), MDB_NOSYNC, 0600) == 0);
  // Twice, so that both meta pages are sealed as the log seals them.
  for (int times = 0; times < 2; ++times) {
    MDB_txn* transaction = nullptr;
    MDB_dbi handle = 0;
    MDB_dbi main = 0;
    CHECK(mdb_txn_begin(environment, nullptr, 0, &transaction) == 0);
    if (times == 0) {
      CHECK(mdb_dbi_open(transaction, table, table_flags, &handle) == 0);
      edit(transaction, handle);
    }
    MDB_val key = ToVal(kSealKey);
    MDB_val value{};
    CHECK(mdb_dbi_open(transaction, nullptr, 0, &main) == 0);
    Seal sealed;
    if (mdb_get(transaction, main, &key, &value) == 0) {
      sealed = DecodeSeal(ToView(value)).value_or(Seal{});
    }
    sealed.transaction = mdb_txn_id(transaction);
    const std::string seal = EncodeSeal(sealed);
    value = ToVal(seal);
    CHECK(mdb_put(transaction, main, &key, &value, 0) == 0);
    CHECK(mdb_txn_commit(transaction) == 0);
  }
  mdb_env_close(environment);
}

inline std::string ReadStored(const std::string& directory, const char* table, crdt::ByteView key) {
  std::string stored;
  EditStoredBytes(directory, table, 0, [&](MDB_txn* transaction, MDB_dbi handle) {
    MDB_val key_val = ToVal(key);
    MDB_val value{};
    CHECK(mdb_get(transaction, handle, &key_val, &value) == 0);
    stored = crdt::AsText(ToView(value));
  });
  return stored;
}

inline void WriteStored(const std::string& directory, const char* table, crdt::ByteView key,
                        std::string_view value) {
  EditStoredBytes(directory, table, MDB_CREATE, [&](MDB_txn* transaction, MDB_dbi handle) {
    MDB_val key_val = ToVal(key);
    MDB_val value_val = ToVal(value);
    CHECK(mdb_put(transaction, handle, &key_val, &value_val, 0) == 0);
  });
}

inline void DeleteStored(const std::string& directory, const char* table, crdt::ByteView key) {
  EditStoredBytes(directory, table, 0, [&](MDB_txn* transaction, MDB_dbi handle) {
    MDB_val key_val = ToVal(key);
    CHECK(mdb_del(transaction, handle, &key_val, nullptr) == 0);
  });
}

}  // namespace weft::store
