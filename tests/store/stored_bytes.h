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
    const std::string seal = EncodeSeal(mdb_txn_id(transaction));
    MDB_val key = ToVal(kSealKey);
    MDB_val value = ToVal(seal);
    CHECK(mdb_dbi_open(transaction, nullptr, 0, &main) == 0);
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

// check:u64 head records payload_bytes created_ms head_checksum name, the check seeded by the room.
inline std::string EncodeRoomRowV1(RoomId room, const RoomRow& row) {
  std::string covered;
  for (const std::uint64_t number :
       {row.head, row.records, row.payload_bytes, static_cast<std::uint64_t>(row.created_ms)}) {
    for (int shift = 56; shift >= 0; shift -= 8) covered += static_cast<char>(number >> shift);
  }
  covered.append(reinterpret_cast<const char*>(row.head_checksum.data()), 16);
  covered += row.name;
  const std::uint64_t check =
      XXH3_64bits_withSeed(covered.data(), covered.size(), std::to_underlying(room));
  std::string value;
  for (int shift = 56; shift >= 0; shift -= 8) value += static_cast<char>(check >> shift);
  return value + covered;
}

// Turns a closed log into one of format version 1: rows and names without what version 2 added, no
// seal and no tables of snapshots, versions and quarantine. Rooms are numbered from 1 in the order
// of `names`, were appended to alone, and the row of one of them is damaged.
inline void MakeFormatV1(const std::string& directory, const std::vector<std::string>& names,
                         RoomId damaged_row) {
  MDB_env* environment = nullptr;
  CHECK(mdb_env_create(&environment) == 0);
  CHECK(mdb_env_set_maxdbs(environment, 16) == 0);
  CHECK(mdb_env_open(environment, directory.c_str(), MDB_NOSYNC, 0600) == 0);
  for (int times = 0; times < 2; ++times) {
    MDB_txn* transaction = nullptr;
    CHECK(mdb_txn_begin(environment, nullptr, 0, &transaction) == 0);
    const auto open = [&](const char* table, unsigned flags) {
      MDB_dbi handle = 0;
      CHECK(mdb_dbi_open(transaction, table, flags, &handle) == 0);
      return handle;
    };
    const auto put = [&](MDB_dbi table, crdt::ByteView key_bytes, std::string_view bytes) {
      MDB_val key = ToVal(key_bytes);
      MDB_val value = ToVal(bytes);
      CHECK(mdb_put(transaction, table, &key, &value, 0) == 0);
    };
    if (times == 0) {
      for (const char* table : {kSnapshotsTable, kVersionsTable, kQuarantineTable}) {
        CHECK(mdb_drop(transaction, open(table, 0), 1) == 0);
      }
      MDB_dbi main = 0;
      CHECK(mdb_dbi_open(transaction, nullptr, 0, &main) == 0);
      MDB_val seal = ToVal(kSealKey);
      CHECK(mdb_del(transaction, main, &seal, nullptr) == 0);
      put(open(kMetaTable, 0), crdt::AsBytes(kFormatKey), EncodeFormat(1));
      const MDB_dbi rooms = open(kRoomsTable, 0);
      const MDB_dbi index = open(kNamesTable, MDB_DUPSORT);
      CHECK(mdb_drop(transaction, index, 0) == 0);
      for (std::size_t i = 0; i < names.size(); ++i) {
        const RoomId room{static_cast<std::uint32_t>(i + 1)};
        const RoomKey key = EncodeRoomKey(room);
        MDB_val row_key = ToVal(key);
        MDB_val row_value{};
        CHECK(mdb_get(transaction, rooms, &row_key, &row_value) == 0);
        const auto row = DecodeRoomRow(room, ToView(row_value));
        CHECK(row.has_value());
        put(rooms, key, room == damaged_row ? "damaged" : EncodeRoomRowV1(room, *row));
        const NameEntry entry = EncodeName(names[i]);
        const std::string value = EncodeNameValue(entry, room, {});
        put(index, crdt::AsBytes(entry.key), value.substr(0, value.size() - 8));
      }
    }
    if (times == 1) put(open(kMetaTable, 0), crdt::AsBytes(kFormatKey), EncodeFormat(1));
    CHECK(mdb_txn_commit(transaction) == 0);
  }
  mdb_env_close(environment);
}

}  // namespace weft::store
