// Each stock provider through a working day, in node.

import WebSocket from 'ws'
import * as Y from 'yjs'
import * as providersOwnY from '../../server/web/node_modules/yjs/dist/yjs.mjs'
import { kProviders, StockPerson } from './stock_people.mjs'
import { workingDay } from './working_day.mjs'

for (const kind of kProviders) {
  const yjs = kind === 'weft-provider' ? providersOwnY : Y
  workingDay(`${kind} in node`, async (setup) =>
    new StockPerson({ kind, Y: yjs, WebSocketPolyfill: WebSocket, ...setup }))
}
