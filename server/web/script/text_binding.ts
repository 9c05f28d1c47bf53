// A text area that shows a shared text, and changes it by what was typed. Changes of others move the caret and the selection
// along; while an input method composes a letter they wait, since a text that changes below it would end the composition.

import type * as Y from 'yjs'
import { FIELDS, replaceText } from './script_document'
import { changeBetween, placeAfter, type Delta } from './text_change'

export class TextBinding {
  /** What the area shows of the shared text, typing apart. */
  private shown: string
  private isComposing = false
  /** What others did while a letter was composed. */
  private waiting: Delta[] = []
  private isWriting = false
  private readonly stop = new AbortController()

  constructor(private readonly area: HTMLTextAreaElement, readonly text: Y.Text, private readonly onChanged: () => void = () => {}) {
    this.shown = plain(text)
    area.value = this.shown
    text.observe(this.onShared)
    const { signal } = this.stop
    area.addEventListener('input', () => { if (!this.isComposing) this.write() }, { signal })
    area.addEventListener('compositionstart', () => { this.isComposing = true }, { signal })
    area.addEventListener('compositionend', () => {
      this.isComposing = false
      this.write()
      if (this.waiting.length > 0) {
        this.waiting = []
        this.show(this.area.selectionStart, this.area.selectionEnd)
      }
    }, { signal })
  }

  destroy(): void {
    this.stop.abort()
    this.text.unobserve(this.onShared)
  }

  private write(): void {
    const { value } = this.area
    const change = changeBetween(this.shown, value, this.area.selectionEnd)
    this.shown = value
    if (change !== undefined) {
      this.isWriting = true
      this.text.doc!.transact(() => {
        // Areas know one kind of line break.
        replaceText(this.text, plain(this.text))
        const place = (at: number, pushed: boolean) => this.waiting.reduce((moved, delta) => placeAfter(moved, delta, pushed), at)
        const begin = place(change.at, false)
        const end = change.removed > 0 ? place(change.at + change.removed, false) : begin
        if (end > begin) this.text.delete(begin, end - begin)
        if (change.inserted !== '') this.text.insert(begin, change.inserted)
      }, FIELDS)
      this.isWriting = false
    }
    this.onChanged()
  }

  private readonly onShared = (event: Y.YTextEvent): void => {
    if (this.isWriting) return
    const delta = event.delta as Delta
    if (this.isComposing) {
      this.waiting.push(delta)
      return
    }
    const { selectionStart, selectionEnd } = this.area
    const isEmpty = selectionStart === selectionEnd
    const start = placeAfter(selectionStart, delta)
    this.show(start, isEmpty ? start : Math.max(start, placeAfter(selectionEnd, delta)))
  }

  private show(start: number, end: number): void {
    const direction = this.area.selectionDirection
    this.shown = plain(this.text)
    this.area.value = this.shown
    this.area.setSelectionRange(start, end, direction)
    this.onChanged()
  }
}

const plain = (text: Y.Text) => text.toString().replace(/\r\n?/g, '\n')
