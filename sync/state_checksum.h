#pragma once

// A checksum of the state of a document, to find out whether two replicas are the same.
//
//   hash  := FNV-1a, 64 bits, of State
//   State := count (client clock)*                            the state vector, clients ascending
//            count (client count (clock length)*)*            what is deleted, clients ascending, ranges
//                                                             ascending and merged
//
// All numbers are varuint; clients with clock 0 are left out.
//
// The state and not the encoded document: two replicas that are the same may cut their blocks
// differently, and one may have dropped deleted content. Content needs no hash: a known id never
// has another one (crdt/collision.h). FNV-1a, because it is ten lines in any language, and a
// browser has nothing that C++ has too without waiting for a promise on a page that came over
// https. It finds accidents, not attackers.
// Source: draft-eastlake-fnv.

#include <cstdint>

#include "crdt/base/bytes.h"
#include "crdt/snapshot.h"

namespace weft::sync {

crdt::Bytes CanonicalState(const crdt::Snapshot& state);
std::uint64_t StateChecksum(const crdt::Snapshot& state);

}  // namespace weft::sync
