import { CronExpressionParser } from 'cron-parser'

/** The days that are looked at for the longest pause between two occurrences: a week, and the way back to its first day. */
const LOOKED_AT_MS = 8 * 86_400_000

/**
 * What is wrong with the five fields of a cron expression; undefined where nothing is.
 *
 * @param setting what it is called in the configuration
 * @param gapMaxMs the longest pause between two occurrences that makes sense
 */
export function cronProblem(
  setting: string,
  cron: string | undefined,
  gapMaxMs = Infinity,
): string | undefined {
  if (cron === undefined) return undefined
  const wrong = (why: string): string =>
    `${setting} is "${cron}": ${why}. An example: "*/10 * * * *" is every ten minutes`
  if (cron.trim().split(/\s+/).length !== 5)
    return wrong('five fields are needed: minute, hour, day, month, weekday')
  try {
    CronExpressionParser.parse(cron).next()
    const gapMs = gapMaxMs === Infinity ? 0 : longestGapMs(cron)
    if (gapMs <= gapMaxMs) return undefined
    return wrong(
      `it leaves ${gapMs / 60_000} minutes between two; at the most ${gapMaxMs / 60_000} make sense`,
    )
  } catch (cause) {
    return wrong(`it is no cron expression (${(cause as Error).message})`)
  }
}

function longestGapMs(cron: string): number {
  const expression = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: 0 })
  let gap = 0
  for (let last = expression.next().getTime(); last < LOOKED_AT_MS;) {
    const next = expression.next().getTime()
    gap = Math.max(gap, next - last)
    last = next
  }
  return gap
}
