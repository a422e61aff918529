import { hostname } from 'node:os'
import type { Database, Queryable } from '../db/database.ts'

/** Longer than a page can take with its waits and tries. A holder of this machine that died is replaced at once. */
export const LEASE_S = 900

/** This process, told apart from another with the same number on another machine. */
export const nodeName = `${hostname()}/${process.pid}`

/** Leases that this process has in hand: the table tells processes apart, not two passes of one. */
const inHand = new WeakMap<Database, Set<string>>()

/** Does work that only one may do at a time; undefined where another is at it. `holdLease` renews it meanwhile. */
export async function withLease<T>(
  db: Database,
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const mine = inHand.get(db) ?? new Set<string>()
  inHand.set(db, mine)
  if (mine.has(name)) return undefined
  mine.add(name)
  try {
    if (!(await holdLease(db, name))) return undefined
    try {
      return await work()
    } finally {
      await endLease(db, name)
    }
  } finally {
    mine.delete(name)
  }
}

/**
 * Takes or renews a lease: true where this node holds it now. A lease that ended, or whose holder was a process of
 * this machine that is gone, is taken over.
 */
export async function holdLease(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await db.query<{ holder: string }>('select holder from lockstep.leases where name = $1', [
    name,
  ])
  const lost = rows[0] !== undefined && isGone(rows[0].holder) ? rows[0].holder : null
  const { rowCount } = await db.query(
    `insert into lockstep.leases as l (name, holder, until)
     values ($1, $2, clock_timestamp() + make_interval(secs => $3))
     on conflict (name) do update set holder = excluded.holder, until = excluded.until
     where l.holder = excluded.holder or l.until < clock_timestamp() or l.holder = $4`,
    [name, nodeName, LEASE_S, lost],
  )
  return rowCount === 1
}

export async function endLease(db: Queryable, name: string): Promise<void> {
  await db.query('delete from lockstep.leases where name = $1 and holder = $2', [name, nodeName])
}

function isGone(holder: string): boolean {
  const [host, pid] = [
    holder.slice(0, holder.lastIndexOf('/')),
    Number(holder.slice(holder.lastIndexOf('/') + 1)),
  ]
  if (host !== hostname() || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
