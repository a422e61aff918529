export const DAY_MS = 86_400_000

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string): Intl.DateTimeFormat {
  let known = formatters.get(zone)
  if (known === undefined) {
    const parts = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
    const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
    known = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...parts, ...time })
    formatters.set(zone, known)
  }
  return known
}

/** The wall clock of a zone at a moment, as if it were UTC. */
export function wallClock(ms: number, zone: string): number {
  if (zone === 'UTC') return ms
  const [month, day, year, hour, minute, second] = formatter(zone).format(ms).match(/\d+/g) ?? []
  return Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ((ms % 1000) + 1000) % 1000,
  )
}

/** Days since 1970 in the calendar of a zone. */
export function dayOf(ms: number, zone: string): number {
  return Math.floor(wallClock(ms, zone) / DAY_MS)
}

/** The first moment of a day in a zone. */
export function dayStart(day: number, zone: string): number {
  const guess = day * DAY_MS
  const first = guess - (wallClock(guess, zone) - guess)
  // The offset may differ between the guess and the moment itself, on the days when clocks change.
  return guess - (wallClock(first, zone) - first)
}

/** 0 is Sunday. */
export function weekday(day: number): number {
  return (day + 4) % 7
}

export function isWorkingDay(day: number): boolean {
  return weekday(day) % 6 !== 0
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/

/** The day number of a `YYYY-MM-DD`; undefined for anything else, a time included. */
export function parseDate(text: string): number | undefined {
  const [, year, month, day] = DATE.exec(text) ?? []
  if (year === undefined) return undefined
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day))
  return formatDate(ms / DAY_MS) === text ? ms / DAY_MS : undefined
}

export function formatDate(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** The vendor's columns hold whole seconds and its JSON writes six noughts after them. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}.000000Z`
}
