// Small settings kept by the browser. Where it keeps none (a private window, blocked storage) they last as long as the page.

/** The stored text, or ''. `area` is 'localStorage' (all tabs) or 'sessionStorage' (this tab). */
export function readSetting(area, key) {
  try {
    return window[area].getItem(key) ?? ''
  } catch {
    return ''
  }
}

export function writeSetting(area, key, value) {
  try {
    window[area].setItem(key, value)
  } catch {
    // Nothing to be done, and nothing depends on it.
  }
}
