// Updates without a document.

#include <vector>

#include "crdt/c_api/handles.h"
#include "crdt/update_compare.h"
#include "crdt/update_merge.h"
#include "crdt/update_obfuscate.h"

namespace weft::crdt::c_api {
namespace {

weft_status Put(const absl::StatusOr<Bytes>& bytes, weft_buffer* result) {
  if (!bytes.ok()) return Fail(bytes.status());
  *result = ToBuffer(*bytes);
  return WEFT_OK;
}

}  // namespace

extern "C" {

weft_status weft_merge_updates(weft_format format, const uint8_t* const* updates,
                               const size_t* update_sizes, size_t count,
                               weft_buffer* merged) noexcept {
  Arguments arguments;
  arguments.Result(merged);
  const UpdateFormat as = arguments.Format(format);
  if (count == 0 || updates == nullptr || update_sizes == nullptr) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "there are no updates to merge");
  }
  std::vector<ByteView> views;
  for (size_t i = 0; i < count && arguments.ok(); ++i) {
    views.push_back(arguments.Bytes(updates[i], update_sizes[i], "update"));
  }
  if (!arguments.ok()) return arguments.Fail();
  return Put(MergeUpdates(views, {}, as), merged);
}

weft_status weft_diff_update(weft_format format, const uint8_t* update, size_t update_size,
                             const uint8_t* known, size_t known_size, weft_buffer* diff) noexcept {
  Arguments arguments;
  arguments.Result(diff);
  const UpdateFormat as = arguments.Format(format);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  const StateVector vector = arguments.KnownState(known, known_size);
  if (!arguments.ok()) return arguments.Fail();
  return Put(DiffUpdate(bytes, vector, {}, as), diff);
}

weft_status weft_convert_update(weft_format from, weft_format to, const uint8_t* update,
                                size_t update_size, weft_buffer* converted) noexcept {
  Arguments arguments;
  arguments.Result(converted);
  const UpdateFormat read = arguments.Format(from);
  const UpdateFormat write = arguments.Format(to);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  if (!arguments.ok()) return arguments.Fail();
  return Put(ConvertUpdate(bytes, read, write), converted);
}

weft_status weft_updates_equal(weft_format format, const uint8_t* a, size_t a_size,
                               const uint8_t* b, size_t b_size, bool* equal) noexcept {
  Arguments arguments;
  arguments.Result(equal);
  const UpdateFormat as = arguments.Format(format);
  const ByteView first = arguments.Bytes(a, a_size, "first update");
  const ByteView second = arguments.Bytes(b, b_size, "second update");
  if (!arguments.ok()) return arguments.Fail();
  const absl::StatusOr<bool> answer = UpdatesEqual(first, second, as);
  if (!answer.ok()) return Fail(answer.status());
  *equal = *answer;
  return WEFT_OK;
}

weft_status weft_obfuscate_update(weft_format format, const uint8_t* update, size_t update_size,
                                  weft_buffer* obfuscated) noexcept {
  Arguments arguments;
  arguments.Result(obfuscated);
  const UpdateFormat as = arguments.Format(format);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  if (!arguments.ok()) return arguments.Fail();
  return Put(ObfuscateUpdate(bytes, {}, as), obfuscated);
}

weft_status weft_state_vector_of_update(weft_format format, const uint8_t* update,
                                        size_t update_size, weft_buffer* state_vector) noexcept {
  Arguments arguments;
  arguments.Result(state_vector);
  const UpdateFormat as = arguments.Format(format);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  if (!arguments.ok()) return arguments.Fail();
  const absl::StatusOr<StateVector> vector = StateVectorOfUpdate(bytes, {}, as);
  if (!vector.ok()) return Fail(vector.status());
  *state_vector = ToBuffer(EncodeStateVector(*vector));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
