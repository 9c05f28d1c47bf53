#pragma once

// LMDB's cursors and values in the words of this code.

#include <lmdb.h>

#include <string_view>
#include <utility>

#include "crdt/base/bytes.h"

namespace weft::store {

// LMDB reads through these and does not write, though its type says otherwise.
inline MDB_val ToVal(crdt::ByteView bytes) {
  return {.mv_size = bytes.size(), .mv_data = const_cast<std::uint8_t*>(bytes.data())};
}
inline MDB_val ToVal(std::string_view text) { return ToVal(crdt::AsBytes(text)); }

// Valid until the transaction ends or, in a write transaction, the next write.
inline crdt::ByteView ToView(const MDB_val& value) {
  return {static_cast<const std::uint8_t*>(value.mv_data), value.mv_size};
}

// A place in a table. Ends before its transaction does. Threads: one.
class Cursor {
 public:
  Cursor() = default;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() {
    if (handle_ != nullptr) mdb_cursor_close(handle_);
  }

  // LMDB's code. Requires: not open yet.
  int Open(MDB_txn* transaction, MDB_dbi table) {
    return mdb_cursor_open(transaction, table, &handle_);
  }

  // Moves as LMDB's operation says; key and value are then those found. LMDB's code, MDB_NOTFOUND
  // when there is no such place. Requires: open.
  int Move(MDB_cursor_op operation) { return mdb_cursor_get(handle_, &key_, &value_, operation); }
  int MoveTo(crdt::ByteView key, MDB_cursor_op operation) {
    key_ = ToVal(key);
    return Move(operation);
  }
  int MoveTo(crdt::ByteView key, crdt::ByteView value, MDB_cursor_op operation) {
    value_ = ToVal(value);
    return MoveTo(key, operation);
  }

  // As LMDB's mdb_put, and stands there afterwards. LMDB's code.
  int Put(MDB_val& key, MDB_val& value, unsigned flags) {
    return mdb_cursor_put(handle_, &key, &value, flags);
  }
  void Close() {
    if (handle_ != nullptr) mdb_cursor_close(std::exchange(handle_, nullptr));
  }

  // Deletes where it stands; moving on then finds what comes next. LMDB's code.
  int Delete() { return mdb_cursor_del(handle_, 0); }

  crdt::ByteView key() const { return ToView(key_); }
  crdt::ByteView value() const { return ToView(value_); }

 private:
  MDB_cursor* handle_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
};

}  // namespace weft::store
