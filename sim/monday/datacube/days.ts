const DAY_MS = 86_400_000
const days = new Map<number, string>()

/** `Y-m-d` of a day number; one string a day, shared by every cell that holds it. */
export function dayText(day: number): string {
  let text = days.get(day)
  if (text === undefined) {
    text = new Date(day * DAY_MS).toISOString().slice(0, 10)
    days.set(day, text)
  }
  return text
}

export const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)
export const msOf = (day: number): number => day * DAY_MS
