import { readFileSync } from 'node:fs'

// The seconds of a processor that a process has used so far; undefined once it is gone. Limits in them hold
// on a busy machine, too.
export function processorSeconds (pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}
