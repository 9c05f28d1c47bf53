// What every view of the page is given, and small things that they share.

import type { Api } from './api'
import { inWords, isAbort } from './api'
import { icon, ICONS, make } from './elements'
import type { Monitor } from './metrics'

export interface Page {
  api: Api
  monitor: Monitor
  /** Says something for a few seconds, and to screen readers. */
  notice(words: string, kind?: 'done' | 'failed'): void
}

/** What is shown in a part of the page: it lives until `signal` ends it. */
export type View = (host: HTMLElement, page: Page, signal: AbortSignal) => void

/**
 * Does `work` now and every `milliseconds` until `signal` ends it; not while the page is hidden, and never twice at once.
 * Answers a function that has it done at once.
 */
export function repeat(milliseconds: number, signal: AbortSignal, work: () => Promise<void>): () => void {
  let timer = 0
  let busy = false
  let again = false
  const run = async () => {
    clearTimeout(timer)
    if (busy) {
      again = true
      return
    }
    busy = true
    try {
      if (!document.hidden) await work()
    } finally {
      busy = false
      if (!signal.aborted) timer = window.setTimeout(run, again ? 0 : milliseconds)
      again = false
    }
  }
  const onVisible = () => { if (!document.hidden) void run() }
  document.addEventListener('visibilitychange', onVisible)
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onVisible)
  })
  void run()
  return run
}

/** A place that says why there is nothing to be seen, and what to do about it. */
export function emptyNote(title: string, words: string, ...more: HTMLElement[]): HTMLElement {
  return make('div', { class: 'empty' }, make('p', { class: 'empty-title' }, title), make('p', {}, words), more)
}

export function failureNote(error: unknown, again?: () => void): HTMLElement {
  return make('div', { class: 'empty failed', role: 'alert' },
    make('p', { class: 'empty-title' }, icon(ICONS.warning), 'This could not be shown'),
    make('p', {}, inWords(error)),
    again !== undefined && make('button', { type: 'button', class: 'button', onclick: again }, 'Try again'))
}

export function loadingNote(words: string): HTMLElement {
  return make('p', { class: 'loading', role: 'status' }, words)
}

/** Runs what a person asked for, and tells how it went. */
export async function attempt(page: Page, done: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    page.notice(done, 'done')
    return true
  } catch (error) {
    if (!isAbort(error)) page.notice(inWords(error), 'failed')
    return false
  }
}

export function roomHash(room: string, tab = 'members', query = ''): string {
  return `#/rooms/${encodeURIComponent(room)}/${tab}${query}`
}
