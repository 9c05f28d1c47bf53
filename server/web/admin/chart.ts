// Lines over the last one to five minutes, as far as there is something to be seen, drawn as SVG.
//
// A line's name stands beside its colour and its present value, so that neither colour nor pointing is needed to read
// it; pointing, or the arrow keys on a focused chart, show an earlier moment in the same place. The height is fixed and
// the width follows the page. Nothing is drawn where nothing was measured.

import { fill, make, makeSvg, setText } from './elements'
import type { Moment } from './metrics'
import { SAMPLE_MS } from './metrics'
import { timeOfDay } from './words'

export interface Line { name: string, value: (moment: Moment) => number | null }
export interface ChartPlan { title: string, about: string, lines: Line[], words: (value: number) => string }

const HEIGHT = 150
const TOP = 10
const BOTTOM = 22
const MOST_MS = 300_000
const LEAST_MS = 60_000

export class Chart {
  readonly element: HTMLElement
  #plan: ChartPlan
  #moments: readonly Moment[] = []
  #svg = makeSvg('svg', { class: 'plot', height: HEIGHT, tabindex: 0, role: 'img' })
  #values: HTMLElement[]
  #when = make('span', { class: 'chart-when' })
  #width = 0
  #span = LEAST_MS
  /** The moment that is pointed at, if one is. */
  #pointed: number | null = null

  constructor(plan: ChartPlan, signal: AbortSignal) {
    this.#plan = plan
    this.#values = plan.lines.map(() => make('span', { class: 'chart-value' }, '–'))
    this.element = make('section', { class: 'card chart', 'aria-label': plan.title },
      make('header', { class: 'chart-head' }, make('h2', {}, plan.title), this.#when),
      make('p', { class: 'chart-about' }, plan.about),
      make('dl', { class: 'chart-lines' }, plan.lines.map((line, i) =>
        make('div', {}, make('dt', { class: `swatch line-${i + 1}` }, line.name), make('dd', {}, this.#values[i]!)))),
      this.#svg)
    const observer = new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry!.contentRect.width)
      this.#draw()
    })
    observer.observe(this.#svg)
    signal.addEventListener('abort', () => observer.disconnect())
    this.#svg.addEventListener('pointermove', (event) => this.#pointAt(event.offsetX))
    this.#svg.addEventListener('pointerleave', () => this.#point(null))
    this.#svg.addEventListener('blur', () => this.#point(null))
    this.#svg.addEventListener('keydown', (event) => this.#onKey(event))
  }

  show(moments: readonly Moment[]): void {
    // What is pointed at stays the same moment while others come.
    const time = this.#pointed === null ? undefined : this.#moments[this.#pointed]?.time
    this.#moments = moments
    const found = moments.findIndex((moment) => moment.time === time)
    this.#pointed = found === -1 ? null : found
    this.#draw()
  }

  #x(time: number, end: number): number {
    return this.#width - ((end - time) / this.#span) * this.#width
  }

  #draw(): void {
    if (this.#width === 0) return
    const end = this.#moments.at(-1)?.time ?? Date.now()
    this.#span = Math.min(MOST_MS, Math.max(LEAST_MS, end - (this.#moments[0]?.time ?? end)))
    const highest = Math.max(0, ...this.#moments.flatMap((moment) => this.#plan.lines.map((line) => line.value(moment) ?? 0)))
    const top = roundUp(highest)
    const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)
    const grid = [0, 0.5, 1].map((part) => makeSvg('g', {},
      makeSvg('line', { class: part === 0 ? 'axis' : 'grid', x1: 0, x2: this.#width, y1: y(top * part), y2: y(top * part) }),
      part > 0 && makeSvg('text', { class: 'tick', x: 0, y: y(top * part) + 12 }, this.#plan.words(top * part))))
    // Three or four marks, at whole parts of a minute.
    const step = [15_000, 30_000, 60_000, 120_000].find((each) => this.#span / each <= (this.#width > 420 ? 5 : 3)) ?? 120_000
    const marks = Array.from({ length: Math.ceil(this.#span / step) - 1 }, (_, i) => (i + 1) * step)
    const times = marks.map((back) =>
      makeSvg('text', { class: 'tick', x: this.#x(end - back, end), y: HEIGHT - 6, 'text-anchor': 'middle' }, `−${back < 60_000 ? `${back / 1000} s` : `${back / 60_000} min`}`))
    const now = makeSvg('text', { class: 'tick', x: this.#width, y: HEIGHT - 6, 'text-anchor': 'end' }, 'now')
    const paths = this.#plan.lines.map((line, i) =>
      makeSvg('path', { class: `series line-${i + 1}`, d: this.#pathOf(line, end, y) }))
    fill(this.#svg, grid, times, now, paths.reverse(), this.#pointer(end, y))
    this.#tell()
  }

  #pathOf(line: Line, end: number, y: (value: number) => number): string {
    let path = ''
    let last = -Infinity
    for (const moment of this.#moments) {
      const value = line.value(moment)
      if (value === null) continue
      const near = moment.time - last < 3 * SAMPLE_MS
      const point = `${this.#x(moment.time, end).toFixed(1)} ${y(value).toFixed(1)}`
      // A point that stands alone is a dot: a line of no length with round ends.
      path += near ? `L${point}` : `M${point}h.01M${point}`
      last = moment.time
    }
    return path
  }

  #pointer(end: number, y: (value: number) => number): SVGElement | null {
    const moment = this.#pointed === null ? undefined : this.#moments[this.#pointed]
    if (moment === undefined) return null
    const x = this.#x(moment.time, end)
    return makeSvg('g', {},
      makeSvg('line', { class: 'pointer', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      this.#plan.lines.map((line, i) => {
        const value = line.value(moment)
        return value !== null && makeSvg('circle', { class: `dot line-${i + 1}`, cx: x, cy: y(value), r: 3.5 })
      }))
  }

  /** The values in words: of the moment pointed at, else the newest that was measured. */
  #tell(): void {
    const at = this.#pointed === null ? undefined : this.#moments[this.#pointed]
    const words = this.#plan.lines.map((line) => {
      const recent = this.#moments.slice(-5).map(line.value)
      const value = at === undefined ? recent.findLast((each) => each !== null) : line.value(at)
      return value === null || value === undefined ? '–' : this.#plan.words(value)
    })
    words.forEach((word, i) => setText(this.#values[i]!, word))
    const when = at === undefined ? 'now' : timeOfDay(at.time)
    setText(this.#when, when)
    const told = this.#plan.lines.map((line, i) => `${line.name} ${words[i]}`).join(', ')
    this.#svg.setAttribute('aria-label', `${this.#plan.title}, ${when}: ${told}. Arrow keys show earlier moments.`)
  }

  #pointAt(x: number): void {
    const end = this.#moments.at(-1)?.time ?? 0
    let nearest = -1
    let least = 30
    this.#moments.forEach((moment, i) => {
      const distance = Math.abs(this.#x(moment.time, end) - x)
      if (distance < least) [nearest, least] = [i, distance]
    })
    this.#point(nearest === -1 ? null : nearest)
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key]
    if (event.key === 'Escape') this.#point(null)
    if (step === undefined || this.#moments.length === 0) return
    event.preventDefault()
    const from = this.#pointed ?? this.#moments.length - 1
    this.#point(Math.min(this.#moments.length - 1, Math.max(0, from + step)))
  }

  #point(index: number | null): void {
    if (this.#pointed === index) return
    this.#pointed = index
    this.#draw()
  }
}

/** The next number above of which half is a good number, too. */
function roundUp(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value)!
}
