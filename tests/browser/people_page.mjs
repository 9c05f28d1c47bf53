// What runs in the page of providers.test.mjs: one person with a stock provider, called from outside as `person`.

import * as Y from 'yjs'
import { StockPerson } from '../interop/stock_people.mjs'

globalThis.join = (setup) => {
  globalThis.person = new StockPerson({ Y, WebSocketPolyfill: WebSocket, ...setup })
}
