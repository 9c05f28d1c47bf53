// A program of somebody who uses the API: compiled against types that were made from its description.
import createClient from 'openapi-fetch'
import type { components, paths } from './api'

type Status = components['schemas']['RoomStatus']

export async function run(baseUrl: string): Promise<string[]> {
  const client = createClient<paths>({ baseUrl })
  const room = 'client/of somebody'
  const told: string[] = []

  const edited = await client.POST('/api/rooms/{room}/edits', {
    params: { path: { room }, header: { 'Idempotency-Key': 'once' } },
    body: { actions: [{ op: 'text.insert', name: 'body', index: 0, text: 'hello' }] }
  })
  if (edited.error) throw new Error(edited.error.detail)
  told.push(`edited ${edited.data.changed} at ${edited.data.sequence}`)

  const text = await client.GET('/api/rooms/{room}/text', {
    params: { path: { room }, query: { root: ['body'] } },
    parseAs: 'text'
  })
  told.push(`text ${text.data}`)

  const status: Status | undefined = (await client.GET('/api/rooms/{room}', { params: { path: { room } } })).data
  told.push(`head ${status?.head}, frozen ${status?.frozen}`)

  const version = await client.PUT('/api/rooms/{room}/versions/{version}', {
    params: { path: { room, version: 'draft' } },
    body: { note: 'the first' }
  })
  told.push(`version ${version.data?.name} at ${version.data?.sequence}`)

  const rooms = await client.GET('/api/rooms', { params: { query: { prefix: 'client/', limit: 10 } } })
  told.push(`rooms ${rooms.data?.rooms.map((one) => one.room).join()}`)

  const missing = await client.GET('/api/rooms/{room}/json', { params: { path: { room: 'nobody' } } })
  if (missing.data) throw new Error('there should be no such room')
  told.push(`missing ${missing.error.type}`)

  const gone = await client.DELETE('/api/rooms/{room}', { params: { path: { room } } })
  told.push(`deleted ${gone.response.status}`)
  return told
}
