// How pages are looked at: the sizes and colours of their screenshots, where these go, and what a program can judge of them.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const artefacts = process.env.WEFT_ARTEFACTS ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'artefacts')

export const LOOKS = [
  { width: 1280, height: 800, colorScheme: 'light' },
  { width: 1280, height: 800, colorScheme: 'dark' },
  { width: 390, height: 844, colorScheme: 'light' },
  { width: 390, height: 844, colorScheme: 'dark' }
]

/** What sticks out of the window sideways, is too small to be pressed, or has no name. */
export function misfits(page) {
  return page.evaluate(() => {
    const found = []
    if (document.scrollingElement.scrollWidth > innerWidth) found.push(`the page is ${document.scrollingElement.scrollWidth} wide`)
    for (const control of document.querySelectorAll('button, input, select, a, summary')) {
      if (control.getClientRects().length === 0 || control.closest('.skip-link') || control.type === 'radio') continue
      const { left, right, width, height } = control.getBoundingClientRect()
      const what = `${control.tagName} ${control.id || control.className} "${control.textContent.slice(0, 30)}"`
      if (left < 0 || right > innerWidth + 0.5) found.push(`${what} sticks out: ${left} to ${right}`)
      if ((width < 24 || height < 18) && control.type !== 'checkbox') found.push(`${what} is ${width} by ${height}`)
      const name = control.getAttribute('aria-label') ?? (control.textContent.trim() || control.labels?.[0]?.textContent)
      if (!name) found.push(`${what} has no name`)
    }
    return found
  })
}

/** Words whose contrast to their ground is below 4.5, by the formula of WCAG 2. */
export function faintWords(page) {
  return page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true })
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      return canvas.getImageData(0, 0, 1, 1).data
    }
    const luminance = ([r, g, b]) => {
      const [lr, lg, lb] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
      return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb
    }
    const groundOf = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = rgba(getComputedStyle(at).backgroundColor)
        if (color[3] === 255) return color
      }
      return [255, 255, 255]
    }
    const faint = new Set()
    for (const element of document.querySelectorAll('body *')) {
      const hasWords = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '') ||
        (element.matches('input, textarea') && element.value.trim() !== '')
      if (!hasWords || element.getClientRects().length === 0 || element.closest(':disabled, [hidden], .visually-hidden, option')) continue
      const style = getComputedStyle(element)
      const ink = element instanceof SVGElement ? style.fill : style.color
      const [a, b] = [luminance(rgba(ink)), luminance(groundOf(element))]
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      if (ratio < 4.5) faint.add(`${element.tagName}.${element.getAttribute('class') ?? ''} ${ratio.toFixed(2)}`)
    }
    return [...faint]
  })
}
