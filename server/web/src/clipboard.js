// Copying text, also where the page is not in a secure context, such as plain HTTP from another machine.

/** Puts `text` into the clipboard, or shows it for copying by hand. Returns whether it is in the clipboard. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    window.prompt('Copy this link:', text)
    return false
  }
}
