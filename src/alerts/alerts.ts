import type { Queryable } from '../db/database.ts'

/** Something that people should know of, for as long as it lasts. */
export interface Alert {
  id: number
  app: string
  /** Empty where it concerns the whole app. */
  stream: string
  condition: string
  level: 'warning' | 'critical'
  opened_at: string
  closed_at: string | null
  detail: string
}

export interface AlertKey {
  readonly app: string
  readonly stream: string
  /** What is wrong, as one word for machines. */
  readonly condition: string
}

/** Opens an alert, or brings the detail of the open one up to date. True where it is new: tell people once. */
export async function openAlert(
  db: Queryable,
  { app, stream, condition }: AlertKey,
  { level, detail }: Pick<Alert, 'level' | 'detail'>,
): Promise<boolean> {
  const { rows } = await db.query<{ fresh: boolean }>(
    `insert into lockstep.alerts as a (app, stream, condition, level, detail) values ($1, $2, $3, $4, $5)
     on conflict (app, stream, condition) where closed_at is null
       do update set level = excluded.level, detail = excluded.detail
     returning a.xmax = 0 as fresh`,
    [app, stream, condition, level, detail],
  )
  return rows[0]?.fresh ?? false
}

/** Closes the open alert of this kind, if there is one. True where there was. */
export async function closeAlert(db: Queryable, { app, stream, condition }: AlertKey): Promise<boolean> {
  const { rowCount } = await db.query(
    `update lockstep.alerts set closed_at = clock_timestamp()
     where app = $1 and stream = $2 and condition = $3 and closed_at is null`,
    [app, stream, condition],
  )
  return (rowCount ?? 0) > 0
}

/** Those that last, the newest first. */
export async function openAlerts(db: Queryable, app: string): Promise<Alert[]> {
  const { rows } = await db.query<Alert>(
    `select * from lockstep.alerts where app = $1 and closed_at is null order by opened_at desc, id desc limit 50`,
    [app],
  )
  return rows
}
