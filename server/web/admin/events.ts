// The live event stream of the API, read with fetch: an EventSource cannot send the token in a header, and in the address
// it would end up in logs.
//
// Comes back by itself with the last event's number, so that what happened meanwhile is told, or that it is lost (event
// "gap").

import type { Api } from './api'
import { ApiProblem, isAbort } from './api'

export interface RoomEvent {
  type: string
  room: string
  time: string
  sequence?: number
  member?: number
  members?: number
  subject?: string
  reason?: string
  version?: string
  /** Of a gap: how many were lost, when that is known. */
  lost?: number | null
}

const RETRY_MS = 2_000

/** Tells events of one room until `signal` ends it. `onState` is told whether the stream is there. */
export async function listen(
  api: Api, room: string, signal: AbortSignal, onEvent: (event: RoomEvent) => void, onState: (open: boolean) => void
): Promise<void> {
  let lastId = ''
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (lastId !== '') headers['Last-Event-ID'] = lastId
      const response = await api.send(`api/events?room=${encodeURIComponent(room)}`, { headers, signal })
      onState(true)
      lastId = await readStream(response, lastId, onEvent)
    } catch (error) {
      if (isAbort(error) || signal.aborted) return
      if (error instanceof ApiProblem && error.status < 500) return onState(false)
    }
    onState(false)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function readStream(response: Response, lastId: string, onEvent: (event: RoomEvent) => void): Promise<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return lastId
      text += value
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => {
          const colon = line.indexOf(':')
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const
        }))
        const data = fields.get('data')
        if (data === undefined) continue
        const event = fields.get('event') ?? ''
        onEvent({ type: event, room: '', time: new Date().toISOString(), ...JSON.parse(data) })
        lastId = fields.get('id') ?? lastId
      }
    }
  } catch (error) {
    if (isAbort(error)) throw error
    return lastId
  }
}
