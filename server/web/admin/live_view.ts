// What passes through the server now: rates, latencies, and what it takes.

import type { ChartPlan } from './chart'
import { Chart } from './chart'
import { fill, make } from './elements'
import type { Page } from './page'
import { bytes, count, decimal, duration } from './words'

const perSecond = (value: number) => `${decimal(value)}/s`
const bytesPerSecond = (value: number) => `${bytes(value)}/s`

const PLANS: ChartPlan[] = [
  { title: 'Updates', about: 'Edits accepted from clients; what came together may be one.', words: perSecond,
    lines: [{ name: 'Accepted', value: (moment) => moment.updates }] },
  { title: 'Deliveries', about: 'Messages given to clients: edits of others, cursors and answers.', words: perSecond,
    lines: [{ name: 'Sent', value: (moment) => moment.deliveries }] },
  { title: 'Commit latency', about: 'How long the log takes to write a batch to the disk.', words: duration,
    lines: [{ name: 'p50', value: (moment) => moment.commitP50 }, { name: 'p99', value: (moment) => moment.commitP99 }] },
  { title: 'Time until durable', about: 'From accepting an edit to the answer of the log.', words: duration,
    lines: [{ name: 'p50', value: (moment) => moment.answerP50 }, { name: 'p99', value: (moment) => moment.answerP99 }] },
  { title: 'Traffic', about: 'Bytes over WebSockets.', words: bytesPerSecond,
    lines: [{ name: 'Sent', value: (moment) => moment.sent }, { name: 'Received', value: (moment) => moment.received }] },
  { title: 'Connections', about: 'WebSockets that are open, and rooms in memory.', words: (value) => count(Math.round(value)),
    lines: [{ name: 'Connections', value: (moment) => moment.connections }, { name: 'Rooms', value: (moment) => moment.rooms }] },
  { title: 'Memory', about: 'Of the whole server, and of its rooms as estimated.', words: bytes,
    lines: [{ name: 'Server', value: (moment) => moment.memory }, { name: 'Rooms', value: (moment) => moment.roomMemory }] },
  { title: 'Processor', about: '100 % is one core that is busy all the time.', words: (value) => `${decimal(value)} %`,
    lines: [{ name: 'Server', value: (moment) => moment.cpu }] }
]

export function liveView(host: HTMLElement, page: Page, signal: AbortSignal): void {
  const charts = PLANS.map((plan) => new Chart(plan, signal))
  const show = () => { for (const chart of charts) chart.show(page.monitor.moments) }
  fill(host,
    make('div', { class: 'view-head' }, make('h1', {}, 'Live'),
      make('p', { class: 'view-about' }, 'Measured every two seconds since this page was opened. Five minutes are kept.')),
    make('div', { class: 'charts', 'data-testid': 'charts' }, charts.map((chart) => chart.element)))
  page.monitor.onSample(show, signal)
  show()
}
