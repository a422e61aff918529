import { ConfigError } from '../engine/errors.ts'

/** The options of `lockstep sync`, as the command line gives them. */
export interface SyncFlags {
  readonly full?: boolean
  readonly fresh?: boolean
  readonly table?: readonly string[]
  readonly limit?: number
  readonly dryRun?: boolean
  readonly date?: string
  readonly json?: boolean
}

/** Throws a ConfigError where flags were given that do not go together. */
export function checkFlags({ full, fresh, limit, table, dryRun, date }: SyncFlags): void {
  if (date !== undefined && (full === true || dryRun === true || limit !== undefined || table !== undefined))
    throw new ConfigError(
      '--date reads past days and nothing else: of the other options it goes with --fresh and --json',
    )
  if (fresh === true && full !== true && limit === undefined && date === undefined)
    throw new ConfigError('--fresh goes with --full or --date')
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
function isDay(text: string): boolean {
  const at = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN
  // The 30th of February is taken for the 2nd of March.
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(text)
}

/**
 * The days that `--date` names: one, a range of both ends, or undefined for `all`. Throws a ConfigError for what is no
 * day of the calendar, or a range that ends before it begins.
 */
export function readDays(text: string): { readonly from: string; readonly to: string } | undefined {
  if (text === 'all') return undefined
  const [from = '', to = from, ...rest] = text.split('..')
  const wrong = [from, to].find((day) => !isDay(day))
  if (wrong !== undefined || rest.length > 0)
    throw new ConfigError(
      `--date ${text}: "${wrong ?? text}" is no day. Give one such as 2026-10-31, a range such as 2026-10-01..2026-10-31, or all`,
    )
  if (to < from)
    throw new ConfigError(`--date ${text}: the range ends before it begins; give the earlier day first`)
  return { from, to }
}

/** Throws a ConfigError where `--table` names one that the app does not have. */
export function checkTableNames(
  streams: readonly { readonly table: string }[],
  wanted: readonly string[] | undefined,
): void {
  const known = [...new Set(streams.map((stream) => stream.table))]
  for (const name of wanted ?? []) {
    if (!known.includes(name))
      throw new ConfigError(`no table "${name}" in this app; it has: ${known.join(', ')}`)
  }
}
