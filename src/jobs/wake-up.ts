import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from './log.ts'
import { type Loop, startLoop } from './loop.ts'

/**
 * Nodes that only take events in tell those that process them, so that these need not wait for their next look. A
 * hint and nothing more: what is lost is found at the next look anyway.
 */

const CHANNEL = 'lockstep_inbox'
/** Under load one word of what came in the meantime is enough; each costs the door a statement. */
const PACE_MS = 10
const SELF = randomUUID()

/** Sends one notification at a time, however many commits there are: each takes a lock of the whole server. */
export class Announcer {
  private readonly db: Database
  private readonly apps = new Set<string>()
  private sending = false

  constructor(db: Database) {
    this.db = db
  }

  announce(apps: ReadonlySet<string>): void {
    for (const app of apps) this.apps.add(app)
    if (!this.sending) void this.send()
  }

  private async send(): Promise<void> {
    this.sending = true
    try {
      while (this.apps.size > 0) {
        const payload = JSON.stringify({ from: SELF, apps: [...this.apps] })
        this.apps.clear()
        await notify(this.db, payload)
        await sleep(PACE_MS, undefined, { ref: false })
      }
    } catch {
      // The database is away or going: those who listen look by themselves.
      this.apps.clear()
    } finally {
      this.sending = false
    }
  }
}

const notify = (db: Database, payload: string): Promise<unknown> =>
  db.query('select pg_notify($1, $2)', [CHANNEL, payload])

const AGAIN_MS = 5_000
const AGAIN_MAX_MS = 60_000
/** Through a transaction pooler nothing is ever heard; perhaps the address changes one day. */
const DEAF_MS = 600_000
const TRIAL_MS = 2_000

export interface Listener {
  /** Other nodes took in events of these apps. */
  readonly onWake: (apps: ReadonlySet<string>) => void
  /** Whether other nodes are heard from now on; at first they are not. */
  readonly onHearing: (heard: boolean) => void
}

/**
 * Listens on a connection of its own until stopped. Where nothing can be heard, as through a transaction pooler, the
 * workers go on looking by themselves, the more often.
 */
export function startListening(db: Database, listener: Listener, log: Log): Loop {
  return startLoop({
    async step(signal) {
      const heard = await listenOnce(db, listener, signal).finally(() => listener.onHearing(false))
      if (!heard)
        log.info({}, 'no notifications come through here: events of other nodes are looked for each second')
      return heard ? AGAIN_MS : DEAF_MS
    },
    onError(error, inARow) {
      log.debug({ error: describeError(error) }, 'listening for other nodes')
      return Math.min(AGAIN_MAX_MS, AGAIN_MS * inARow)
    },
  })
}

/** Listens until the connection ends or the signal comes; false where a notification of our own does not arrive. */
async function listenOnce(db: Database, listener: Listener, signal: AbortSignal): Promise<boolean> {
  const client = new pg.Client({
    connectionString: db.url,
    application_name: 'lockstep-listen',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  const trial = randomUUID()
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve)
    client.on('error', () => resolve())
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    await client.connect()
    const heard = new Promise<boolean>((resolve) => {
      client.on('notification', ({ payload = '' }) => {
        if (payload === trial) resolve(true)
        else wakeFor(payload, listener.onWake)
      })
      setTimeout(() => resolve(false), TRIAL_MS).unref()
    })
    await client.query(`listen ${CHANNEL}`)
    await notify(db, trial)
    if (!(await Promise.race([heard, ended.then(() => true)]))) return false
    listener.onHearing(true)
    await ended
    return true
  } finally {
    await client.end().catch(() => {})
  }
}

function wakeFor(payload: string, onWake: (apps: ReadonlySet<string>) => void): void {
  try {
    const { from, apps } = JSON.parse(payload) as { from: string; apps: string[] }
    if (from !== SELF) onWake(new Set(apps))
  } catch {
    // Another node's trial, or a stranger's.
  }
}
