// Light or dark: the system's wish until the user chooses, then the choice, kept for this browser.
//
// app.css paints with light-dark(), so all that is to do is to fix `color-scheme` through `data-theme`.

import { readSetting, writeSetting } from './settings.js'

const THEME_KEY = 'weft.theme'

/** Applies the stored choice and makes `button` switch between the two. */
export function setUpTheme(button) {
  const system = matchMedia('(prefers-color-scheme: dark)')
  let chosen = readSetting('localStorage', THEME_KEY)

  const apply = () => {
    const dark = chosen === '' ? system.matches : chosen === 'dark'
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    button.setAttribute('aria-pressed', String(dark))
  }
  button.addEventListener('click', () => {
    chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
    writeSetting('localStorage', THEME_KEY, chosen)
    apply()
  })
  system.addEventListener('change', apply)
  apply()
}
