// What is measured, in the words of the table. Each is one of the generator's scenarios
// (scenarios.h); the first of `figures` is the one that servers are compared by.

const throughput = ['deliveries_per_s', 'deliveries_per_cpu_s', 'p50_ms', 'p99_ms', 'cpu_percent']
const latency = ['p99_ms', 'p50_ms', 'p999_ms', 'cpu_percent']

export const scenarios = [
  { id: 'S1', run: 'S1', flags: ['--window=512'], title: 'one room, 20 writers, saturation, 512 updates of each under way', figures: throughput },
  { id: 'S1-16', run: 'S1', flags: ['--window=16'], title: 'the same, 16 under way', figures: throughput },
  { id: 'S2', run: 'S2', flags: ['--window=32'], title: '500 rooms × 2 writers, saturation, 32 updates of each under way', figures: throughput },
  { id: 'S2-4', run: 'S2', flags: ['--window=4'], title: 'the same, 4 under way', figures: throughput },
  { id: 'S3', run: 'S3', flags: [], title: 'one room, 200 readers, 5 writers × 20/s', figures: latency },
  { id: 'S4', run: 'S4', flags: [], title: '1,000 rooms × 3 clients × 1/s', figures: latency },
  { id: 'S5', run: 'S5', flags: ['--seconds=8'], title: '5,000 idle connections in 1,000 rooms', figures: ['kb_per_connection'] },
  { id: 'S5-rooms', run: 'S5', flags: ['--seconds=8', '--rooms=5000'], title: 'the same, each in a room of its own', figures: ['kb_per_connection'], only: ['weft'] },
  { id: 'S6', run: 'S6', flags: [], title: '100 clients join one document at once', figures: ['all_synced_ms', 'cpu_ms'], only: ['weft', 'weft-accepted', 'weft-memory', 'yws', 'hocus'] },
  { id: 'S6-disk', run: 'S6', flags: [], title: 'the same right after a start of the server, from disk', figures: ['all_synced_ms', 'cpu_ms'], steps: [['S6-prepare'], ['restart'], ['S6-again']], only: ['weft', 'weft-accepted', 'weft-memory'] },
  { id: 'S7', run: 'S7', flags: [], title: 'connect, sync, leave', figures: ['visits_per_s', 'visits_per_cpu_s', 'cpu_percent'] },
  { id: 'S8', run: 'S8', flags: [], title: 'cursors: one room, 100 clients × 10/s', figures: ['cpu_percent', 'p50_ms', 'p99_ms', 'messages_per_s'] },
  { id: 'kill', run: 'kill', flags: ['--window=512'], title: 'kill -9 under the load of S1: updates that others had received and a restart has not', figures: ['lost', 'seen'], steps: [['kill'], ['restart'], ['count']], only: ['weft', 'weft-accepted', 'weft-memory'] }
]

export const units = {
  deliveries_per_s: 'deliveries/s',
  deliveries_per_cpu_s: 'deliveries a CPU second',
  visits_per_s: 'visits/s',
  visits_per_cpu_s: 'visits a CPU second',
  messages_per_s: 'messages/s',
  p50_ms: 'p50, ms',
  p99_ms: 'p99, ms',
  p999_ms: 'p99.9, ms',
  cpu_percent: 'CPU, %',
  cpu_ms: 'CPU, ms',
  kb_per_connection: 'KB a connection',
  all_synced_ms: 'all synced, ms',
  lost: 'lost',
  seen: 'received by others'
}

// Whether more is better.
export const grows = figure => /_per_(cpu_)?s$/.test(figure) && figure !== 'messages_per_s'

// The figures that servers are compared by.
export const compared = ({ figures }) => figures.filter((figure, index) => index === 0 || figure.endsWith('_per_cpu_s'))

export const names = {
  weft: 'weft',
  'weft-accepted': 'weft, relay accepted',
  'weft-memory': 'weft, log on tmpfs',
  bare: 'bare fan-out',
  yws: '@y/websocket-server',
  hocus: '@hocuspocus/server'
}
