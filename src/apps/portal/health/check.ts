import type { Findings } from '../../../alerts/settle.ts'
import type { Database, Transaction } from '../../../db/database.ts'
import { describeError } from '../../../engine/errors.ts'
import type { JsonObject, Json } from '../../../engine/observation.ts'
import type { EmailBison } from '../../../sources/email-bison/source.ts'
import type { JobContext } from '../../contract.ts'
import type { Thresholds } from './thresholds.ts'

export type Severity = 'ok' | 'warning' | 'critical'

/** A workspace that is not well. */
export interface Ailing {
  readonly scope: string
  readonly name: string
  readonly severity: Exclude<Severity, 'ok'>
  readonly detail: string
}

/** What one check found. */
export interface Checked {
  readonly severity: Severity
  /** The figure that it is judged by; null where there was too little to judge by. */
  readonly value: number | null
  readonly unit: string
  readonly detail: string
  readonly workspaces: readonly Ailing[]
  readonly figures: JsonObject
  /** By condition, what people are to be told for as long as it lasts. A condition that is not here is left as it is. */
  readonly alerts: ReadonlyMap<string, Findings>
  /** Why it could not be made. */
  readonly error?: string
  /** Done before the alerts are settled, in their transaction. */
  readonly keep?: (tx: Transaction) => Promise<void>
}

export interface CheckInput {
  readonly db: Database
  readonly now: Date
  readonly thresholds: Thresholds
  readonly bison: EmailBison
  readonly context: JobContext
}

export interface HealthCheck {
  readonly name: string
  readonly unit: string
  readonly run: (input: CheckInput) => Promise<Checked>
}

const RANK: Readonly<Record<Severity, number>> = { ok: 0, warning: 1, critical: 2 }

export const worst = (...severities: readonly Severity[]): Severity =>
  severities.reduce<Severity>((a, b) => (RANK[b] > RANK[a] ? b : a), 'ok')

/** Where more is worse. */
export const above = (value: number, warning: number, critical: number): Severity =>
  value > critical ? 'critical' : value > warning ? 'warning' : 'ok'

/** Where less is worse. */
export const below = (value: number, warning: number, critical: number): Severity =>
  value < critical ? 'critical' : value < warning ? 'warning' : 'ok'

/** One alert for the whole app, where there is anything to tell. */
export const oneAlert = (
  condition: string,
  severity: Severity,
  detail: string,
): ReadonlyMap<string, Findings> =>
  new Map([
    [condition, { found: severity === 'ok' ? new Map() : new Map([['', { level: severity, detail }]]) }],
  ])

/** A check that could not be made: it says so, and what people were told of it stays as it is. */
export function unmade(unit: string, problem: unknown): Checked {
  const error = describeError(problem)
  return {
    severity: 'warning',
    value: null,
    unit,
    detail: `could not be checked: ${error}`,
    workspaces: [],
    figures: {},
    alerts: new Map(),
    error,
  }
}

export const ailingJson = (workspaces: readonly Ailing[]): Json =>
  workspaces.map(({ scope, name, severity, detail }) => ({ scope, name, severity, detail }))

const NAMES_MAX = 8

/** Names for people: the first few, and how many more there are. */
export function list(names: readonly string[], max = NAMES_MAX): string {
  const rest = names.length - max
  return rest > 0 ? `${names.slice(0, max).join(', ')} and ${rest} more` : names.join(', ')
}

/** `1 client`, `1,234 clients`. */
export const plural = (n: number, one: string, more = `${one}s`): string =>
  `${n.toLocaleString('en-US')} ${n === 1 ? one : more}`

/** At most one decimal, as people read it. */
export const round = (value: number): number => Math.round(value * 10) / 10
