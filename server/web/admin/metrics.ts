// What /metrics says, sampled every two seconds and kept for five minutes: rates and latencies are differences between
// samples, since the server counts from its start.
//
// Source of the format: Prometheus, "Exposition formats", text format 0.0.4.

import type { Api } from './api'
import { isAbort } from './api'

export const SAMPLE_MS = 2_000
const KEPT = 150

export interface Moment {
  time: number
  updates: number | null
  deliveries: number | null
  received: number | null
  sent: number | null
  commitP50: number | null
  commitP99: number | null
  answerP50: number | null
  answerP99: number | null
  connections: number
  rooms: number
  memory: number
  roomMemory: number
  cpu: number | null
  logUp: boolean
}

type Sample = { time: number, values: Map<string, number> }

/** The values by name with labels, as they stand there. */
export function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const space = line.lastIndexOf(' ')
    values.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return values
}

/**
 * The value that a part of what a histogram counted between two samples was below: linear within a bucket, as
 * Prometheus' histogram_quantile has it. Null when nothing was counted.
 */
export function quantileBetween(
  before: Map<string, number>, after: Map<string, number>, name: string, part: number
): number | null {
  const buckets: [bound: number, count: number][] = []
  for (const [key, value] of after) {
    if (!key.startsWith(`${name}_bucket{`)) continue
    const bound = /le="([^"]+)"/.exec(key)?.[1] ?? ''
    buckets.push([bound === '+Inf' ? Infinity : Number(bound), value - (before.get(key) ?? 0)])
  }
  buckets.sort(([a], [b]) => a - b)
  const total = buckets.at(-1)?.[1] ?? 0
  if (total <= 0) return null
  let [lower, below] = [0, 0]
  for (const [bound, upTo] of buckets) {
    if (upTo >= part * total) {
      if (bound === Infinity) return lower
      return upTo === below ? bound : lower + (bound - lower) * (part * total - below) / (upTo - below)
    }
    ;[lower, below] = [bound, upTo]
  }
  return lower
}

function momentOf(before: Sample | undefined, after: Sample): Moment {
  const value = (name: string) => after.values.get(name) ?? 0
  // A counter that went back belongs to a server that was started anew.
  const goesOn = before !== undefined && value('process_cpu_seconds_total') >= (before.values.get('process_cpu_seconds_total') ?? 0)
  const seconds = before === undefined ? 0 : (after.time - before.time) / 1000
  const rate = (name: string) => goesOn ? Math.max(0, value(name) - (before.values.get(name) ?? 0)) / seconds : null
  const quantile = (name: string, part: number) => goesOn ? quantileBetween(before.values, after.values, name, part) : null
  const cpu = rate('process_cpu_seconds_total')
  return {
    time: after.time,
    updates: rate('weft_updates_total'),
    deliveries: rate('weft_sent_messages_total'),
    received: rate('weft_received_bytes_total'),
    sent: rate('weft_sent_bytes_total'),
    commitP50: quantile('weft_log_commit_seconds', 0.5),
    commitP99: quantile('weft_log_commit_seconds', 0.99),
    answerP50: quantile('weft_acknowledge_seconds', 0.5),
    answerP99: quantile('weft_acknowledge_seconds', 0.99),
    connections: value('weft_connections'),
    rooms: value('weft_rooms'),
    memory: value('process_resident_memory_bytes'),
    roomMemory: value('weft_room_memory_bytes'),
    cpu: cpu === null ? null : cpu * 100,
    logUp: value('weft_log_up') === 1
  }
}

/** Samples for as long as the page is open. */
export class Monitor {
  readonly moments: Moment[] = []
  version = ''
  #last: Sample | undefined
  #listeners = new Set<() => void>()

  /** Calls `heard` after each sample until `signal` ends it. */
  onSample(heard: () => void, signal: AbortSignal): void {
    this.#listeners.add(heard)
    signal.addEventListener('abort', () => this.#listeners.delete(heard))
  }

  get latest(): Moment | undefined {
    return this.moments.at(-1)
  }

  async sample(api: Api, signal: AbortSignal): Promise<void> {
    let text: string
    try {
      text = await api.metrics(signal)
    } catch (error) {
      // The next moment is not to be compared with one before the silence.
      if (!isAbort(error)) this.#last = undefined
      return
    }
    const sample = { time: Date.now(), values: parseMetrics(text) }
    this.moments.push(momentOf(this.#last, sample))
    if (this.moments.length > KEPT) this.moments.shift()
    this.version = /weft_build_info\{version="([^"]*)"/.exec(text)?.[1] ?? ''
    this.#last = sample
    for (const heard of this.#listeners) heard()
  }
}
