import { z } from 'zod'
import { ConfigError } from '../../../engine/errors.ts'

const count = z.int().min(0)
const minutes = z.number().positive().max(1_440)
const ms = z.number().positive()
const percent = z.number().min(0).max(100)

/** Past which figure what is a warning, and what is critical. `Percent` is 0–100; `Below` and `Above` are themselves fine. */
const schema = z.strictObject({
  /** Events that webhooks brought, of all that the vendor's own record has. */
  delivery: z
    .strictObject({
      windowMinutes: minutes.default(60),
      eventsMin: count.default(20),
      warningBelowPercent: percent.default(95),
      criticalBelowPercent: percent.default(90),
    })
    .prefault({}),
  /** Our counts beside the vendor's: a difference is one where it is past both. */
  consistency: z
    .strictObject({
      toleratedCount: count.default(5),
      warningAbovePercent: percent.default(5),
      criticalAbovePercent: z.number().min(0).default(10),
      /** What was read again to no avail is left alone for so long. */
      reconcileEveryMinutes: minutes.default(60),
    })
    .prefault({}),
  /** From receipt to settled. */
  lag: z
    .strictObject({
      windowMinutes: minutes.default(15),
      warningAboveP95Ms: ms.default(5_000),
      criticalAboveP95Ms: ms.default(60_000),
      warningAbovePendingS: z.number().positive().default(300),
      criticalAbovePendingS: z.number().positive().default(600),
      /** Events that failed and wait for another try, and those of a day that were given up. */
      warningAboveFailing: count.default(20),
      criticalAboveFailing: count.default(500),
    })
    .prefault({}),
  /** The vendor's API. */
  api: z
    .strictObject({
      windowMinutes: minutes.default(15),
      callsMin: count.default(20),
      warningAboveP95Ms: ms.default(2_000),
      criticalAboveP95Ms: ms.default(5_000),
      warningBelowSuccessPercent: percent.default(90),
      criticalBelowSuccessPercent: percent.default(50),
      /** Failures in a row from which on a workspace is failing, and how old its last success may be. */
      failuresInARow: z.int().min(1).default(3),
      successWithinMinutes: minutes.default(60),
    })
    .prefault({}),
  /** Reads that were answered from the cache. */
  cache: z
    .strictObject({
      windowMinutes: minutes.default(60),
      readsMin: count.default(50),
      warningBelowPercent: percent.default(80),
      criticalBelowPercent: percent.default(50),
    })
    .prefault({}),
  /** When a mailbox is worth a look. */
  mailboxes: z
    .strictObject({
      burntSent: z.int().min(1).default(200),
      burntReplyPercent: percent.default(0.4),
      bounceSent: count.default(50),
      bouncePercent: percent.default(5),
      zeroReplySent: z.int().min(1).default(100),
      lowReplySent: z.int().min(1).default(50),
      lowReplyPercent: percent.default(2),
      /** So many low or idle ones are no news. */
      lowReplyMoreThan: count.default(10),
      idleMoreThan: count.default(20),
      staleWarningHours: z.number().positive().default(12),
      staleCriticalHours: z.number().positive().default(24),
    })
    .prefault({}),
})

export type Thresholds = z.output<typeof schema>
/** What differs from the defaults. */
export type ThresholdOptions = z.input<typeof schema>

/** The milder figure must be met first: group, milder, graver, and which of them is the larger. */
const ORDER = [
  ['delivery', 'warningBelowPercent', 'criticalBelowPercent', 'milder'],
  ['consistency', 'warningAbovePercent', 'criticalAbovePercent', 'graver'],
  ['lag', 'warningAboveP95Ms', 'criticalAboveP95Ms', 'graver'],
  ['lag', 'warningAbovePendingS', 'criticalAbovePendingS', 'graver'],
  ['lag', 'warningAboveFailing', 'criticalAboveFailing', 'graver'],
  ['api', 'warningAboveP95Ms', 'criticalAboveP95Ms', 'graver'],
  ['api', 'warningBelowSuccessPercent', 'criticalBelowSuccessPercent', 'milder'],
  ['cache', 'warningBelowPercent', 'criticalBelowPercent', 'milder'],
  ['mailboxes', 'burntReplyPercent', 'lowReplyPercent', 'graver'],
  ['mailboxes', 'staleWarningHours', 'staleCriticalHours', 'graver'],
] as const

/** The thresholds, defaults where nothing is given. Throws a ConfigError that names every one that is wrong. */
export function readThresholds(given: ThresholdOptions = {}): Thresholds {
  const parsed = schema.safeParse(given)
  const problems = parsed.success
    ? misordered(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'thresholds'}: ${message}`)
  if (parsed.success && problems.length === 0) return parsed.data
  throw new ConfigError(
    `portal({ thresholds }) is wrong:\n- ${problems.join('\n- ')}\nSee docs/portal.md, "Health checks"`,
  )
}

function misordered(thresholds: Thresholds): string[] {
  return ORDER.flatMap(([group, milder, graver, larger]) => {
    const figures = thresholds[group] as Readonly<Record<string, number>>
    const [mild = 0, grave = 0] = [figures[milder], figures[graver]]
    const fits = larger === 'milder' ? mild >= grave : mild <= grave
    const wanted = larger === 'milder' ? 'at most' : 'at least'
    return fits ? [] : [`${group}.${graver} is ${grave}: it must be ${wanted} ${milder}, which is ${mild}`]
  })
}
