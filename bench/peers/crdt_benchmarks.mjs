// B1 to B3 of crdt-benchmarks, on the inputs that bench/crdt_benchmarks.h tells of.
import { isDeepStrictEqual } from 'node:util'
import { measure } from './measure.mjs'

const kBudgetMs = 400
const [kOneWriter, kTwoWriters] = [0, 1]
const [kText, kArray] = [0, 1]

export function crdtBenchmarks (engine, rows, right) {
  for (const row of rows) {
    const perform = (replica, [index, deleted, text, values]) => {
      if (row.root === kText) engine.edit(replica, index, deleted, text)
      else if (row.root === kArray) engine.insertValues(replica, index, values)
      else engine.setValue(replica, values[0])
    }
    const content = replica => row.root === kText ? engine.text(replica) : row.root === kArray ? engine.values(replica) : engine.value(replica)
    const same = (a, b) => right(isDeepStrictEqual(content(a), content(b)), `${row.name}: the replicas differ`)
    const isRight = replica => {
      const found = content(replica)
      if (row.expected !== undefined) right(isDeepStrictEqual(found, row.expected), `${row.name}: the content is wrong`)
      else if (row.length > 1) right(found.length === row.length, `${row.name}: the length is ${found.length}`)
    }
    const listened = client => {
      const updates = []
      const replica = engine.create(client)
      engine.listen(replica, update => updates.push(update))
      return { replica, updates }
    }
    const apply = (replica, updates) => { for (const update of updates) engine.apply(replica, update) }
    const size = updates => updates.reduce((sum, update) => sum + update.length, 0)

    let last
    const prepare = () => {
      if (row.kind === kOneWriter) {
        const { replica, updates } = listened(1)
        return {
          run () { for (const edit of row.writers[0]) perform(replica, edit) },
          check () {
            const other = engine.create(2)
            apply(other, updates)
            same(replica, other)
            isRight(replica)
            last = replica
            return { bytes: size(updates) }
          }
        }
      }
      if (row.kind === kTwoWriters) {
        const [one, two] = [listened(1), listened(2)]
        engine.edit(one.replica, 0, 0, row.initial)
        apply(two.replica, one.updates)
        one.updates.length = 0
        return {
          run () {
            engine.together(one.replica, () => { for (const edit of row.writers[0]) perform(one.replica, edit) })
            engine.together(two.replica, () => { for (const edit of row.writers[1]) perform(two.replica, edit) })
            const sent = [...two.updates]
            apply(two.replica, one.updates)
            apply(one.replica, sent)
          },
          check () {
            same(one.replica, two.replica)
            isRight(one.replica)
            last = one.replica
            return { bytes: size(one.updates) + size(two.updates) }
          }
        }
      }
      const reader = engine.create(row.writers.length + 1)
      const updates = manyUpdates()
      return {
        // In one transaction where there is such a thing, as crdt-benchmarks has it.
        run () { if (engine.applyAll) engine.applyAll(reader, updates); else apply(reader, updates) },
        check () {
          const other = engine.create(row.writers.length + 2)
          apply(other, updates)
          same(reader, other)
          isRight(reader)
          last = reader
          return { bytes: size(updates) }
        }
      }
    }
    let many
    const manyUpdates = () => {
      many ??= row.writers.map(([edit], index) => {
        const { replica, updates } = listened(index + 1)
        perform(replica, edit)
        engine.free?.(replica)
        return updates[0]
      })
      return many
    }

    measure(`${row.name}/work`, prepare, kBudgetMs)
    for (const format of engine.formats) {
      let state
      measure(`${row.name}/encode_${format}`, () => ({
        run () { state = engine.encode(last, format) },
        check () { return { bytes: state.length } }
      }), kBudgetMs)
      measure(`${row.name}/parse_${format}`, () => {
        let replica
        return {
          run () { replica = engine.load(state, format) },
          check () {
            same(replica, last)
            engine.free?.(replica)
            return { bytes: state.length }
          }
        }
      }, kBudgetMs)
    }
  }
}
