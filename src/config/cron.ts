import { CronExpressionParser } from 'cron-parser'

export interface CronLimit {
  /** The longest pause between two occurrences that makes sense. */
  readonly gapMaxMs: number
  /** Why a longer one makes none. */
  readonly why: string
}

/**
 * What is wrong with the five fields of a cron expression; undefined where nothing is.
 *
 * @param setting what it is called in the configuration
 */
export function cronProblem(
  setting: string,
  cron: string | undefined,
  limit?: CronLimit,
): string | undefined {
  if (cron === undefined) return undefined
  const wrong = (why: string): string =>
    `${setting} is "${cron}": ${why}. An example: "*/10 * * * *" is every ten minutes`
  if (cron.trim().split(/\s+/).length !== 5)
    return wrong('five fields are needed: minute, hour, day, month, weekday')
  try {
    const expression = CronExpressionParser.parse(cron)
    expression.next()
    const gapMs = limit === undefined ? 0 : longestGapMs(expression)
    if (limit === undefined || gapMs <= limit.gapMaxMs) return undefined
    const gap = gapMs === Infinity ? 'it leaves out whole days' : `it pauses for ${gapMs / MINUTE} minutes`
    return wrong(`${gap}, where at the most ${limit.gapMaxMs / MINUTE} make sense: ${limit.why}`)
  } catch (cause) {
    return wrong(`it is no cron expression (${(cause as Error).message})`)
  }
}

const MINUTE = 60_000
const WEEK = 7 * 24 * 60

/** Within a week; infinite where some days of a month, or some months, are left out. */
function longestGapMs({ fields }: ReturnType<typeof CronExpressionParser.parse>): number {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = fields
  if (!dayOfMonth.isWildcard || !month.isWildcard) return Infinity
  const days = [...new Set(dayOfWeek.values.map((day) => Number(day) % 7))].sort((a, b) => a - b)
  const times = days.flatMap((day) =>
    hour.values.flatMap((h) => minute.values.map((m) => (day * 24 + h) * 60 + m)),
  )
  const first = times[0] ?? 0
  return MINUTE * Math.max(...times.map((time, i) => (times[i + 1] ?? first + WEEK) - time))
}
