import { settleAlerts } from '../../../alerts/settle.ts'
import { type Database, isOutage } from '../../../db/database.ts'
import { encodeJson } from '../../../db/storable.ts'
import { cacheHitRate } from './cache.ts'
import { ailingJson, type Checked, type CheckInput, type HealthCheck, unmade } from './check.ts'
import { dataConsistency } from './consistency.ts'
import { deliveryRate } from './delivery.ts'
import { syncLag } from './lag.ts'
import { mailboxRules } from './mailboxes.ts'
import { vendorApi } from './vendor-api.ts'

/** In the order in which they are made: what may read a workspace again comes last. */
const CHECKS: readonly HealthCheck[] = [
  deliveryRate,
  syncLag,
  vendorApi,
  cacheHitRate,
  mailboxRules,
  dataConsistency,
]

const KEPT_DAYS = 7

/** What a check found, with its name. */
export interface Result extends Checked {
  readonly name: string
}

/**
 * Makes every check, keeps what it found, and brings the alerts in line with it. One that cannot be made says so and
 * leaves the others alone; where the database is away, that is thrown.
 */
export async function checkHealth(input: CheckInput): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const check of CHECKS) {
    const found = await make(check, input)
    await keep(input.db, { ...found, name: check.name }, input.now)
    results.push({ ...found, name: check.name })
  }
  await input.db.query(
    `delete from public.system_health_checks where checked_at < $1::timestamptz - make_interval(days => $2)`,
    [input.now.toISOString(), KEPT_DAYS],
  )
  return results
}

async function make({ run, unit }: HealthCheck, input: CheckInput): Promise<Checked> {
  try {
    return await run(input)
  } catch (error) {
    if (isOutage(error)) throw error
    return unmade(unit, error)
  }
}

async function keep(db: Database, result: Result, now: Date): Promise<void> {
  const { name, severity, value, unit, detail, workspaces, figures, alerts } = result
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into public.system_health_checks as h
         (check_name, checked_at, severity, value, unit, detail, workspaces, figures)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (check_name, checked_at) do update set (severity, value, unit, detail, workspaces, figures)
         = (excluded.severity, excluded.value, excluded.unit, excluded.detail, excluded.workspaces, excluded.figures)`,
      [
        name,
        now.toISOString(),
        severity,
        value,
        unit,
        detail,
        encodeJson(ailingJson(workspaces)),
        encodeJson(figures),
      ],
    )
    await result.keep?.(tx)
    for (const [condition, found] of alerts)
      await settleAlerts(tx, { app: 'portal', condition }, found, { now: now.getTime() })
  })
}
