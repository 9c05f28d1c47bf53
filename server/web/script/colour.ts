// The colour of a person: the same on every page, from the number of the user, and far from that of the next number.

const SATURATION = 0.65
const LIGHTNESS = 0.45

export interface Colour { paint: string, ink: string }

export function hueOf(user: number): number {
  return (user * 137.508) % 360
}

/** The colour, and which of black and white can be read on it. */
export function colourOf(user: number | null): Colour {
  if (user === null) return { paint: '#5b6072', ink: '#ffffff' }
  const hue = hueOf(user)
  // Decided by luminance (WCAG 2): the contrast is 4.5 at least either way.
  return { paint: `hsl(${hue.toFixed(1)} ${SATURATION * 100}% ${LIGHTNESS * 100}%)`, ink: luminance(hue) > 0.179 ? '#000000' : '#ffffff' }
}

function luminance(hue: number): number {
  const chroma = SATURATION * Math.min(LIGHTNESS, 1 - LIGHTNESS)
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12
    const value = LIGHTNESS - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * channel(0) + 0.7152 * channel(8) + 0.0722 * channel(4)
}
