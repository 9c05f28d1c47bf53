// Numbers, sizes and times as people read them.

const whole = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const moment = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit'
})

export function count(value: number): string {
  return whole.format(value)
}

/** "1 room", "2 rooms". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** Three digits at most: "0", "0.4", "12.5", "1,204". */
export function decimal(value: number): string {
  if (value === 0) return '0'
  if (value >= 100) return whole.format(Math.round(value))
  return value >= 10 ? value.toFixed(1) : value < 0.01 ? '<0.01' : value.toFixed(value < 1 ? 2 : 1)
}

/** "1.2 MB"; decimal, as the command line has them. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** "850 µs", "12 ms", "1.4 s". */
export function duration(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${decimal(seconds * 1e3)} ms`
  return `${decimal(seconds)} s`
}

/** "just now", "12 s ago", "3 min ago", "2 h ago", "5 days ago". */
export function ago(time: string | null, now = Date.now()): string {
  if (time === null) return 'never'
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (seconds < 3) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${counted(Math.floor(seconds / 86_400), 'day')} ago`
}

export function timeOfDay(time: string | number): string {
  return clock.format(new Date(time))
}

export function dateAndTime(time: string | number): string {
  return moment.format(new Date(time))
}

/** A text on one line, cut to `length` characters; what is not seen as such (line breaks, controls) becomes a sign. */
export function oneLine(text: string, length: number): string {
  const cut = [...text.slice(0, length * 2)]
  const line = cut.slice(0, length).join('').replace(/\n/g, '⏎').replace(/[\p{Cc}\p{Cf}]/gu, '·')
  return cut.length > length || text.length > length * 2 ? `${line}…` : line
}

/** The name of a room, or what stranger wrote as a name: on one line, with controls made visible. */
export function nameOf(text: string): string {
  return text.replace(/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, '·')
}
