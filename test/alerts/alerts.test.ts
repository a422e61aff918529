import { describe, expect, it } from 'vitest'
import { closeAlert, openAlert, openAlerts, QUIET_MS } from '../../src/alerts/alerts.ts'
import { HASTY, type SlackWorld, withSlackWorld } from './slack-world.ts'

const key = { app: 'portal', stream: 'replies', condition: 'webhooks' }
const warning = { level: 'warning', detail: 'no delivery for 6 minutes' } as const
const critical = { level: 'critical', detail: 'no delivery for 12 minutes' } as const
const MINUTE = 60_000

interface Hands extends SlackWorld {
  readonly open: (finding?: typeof warning | typeof critical) => Promise<boolean>
  readonly close: () => Promise<boolean>
  /** Lets time pass, with the delivery loop running. */
  readonly pass: (ms: number) => Promise<void>
  readonly heard: () => string[]
}

const withAlerts = (test: (hands: Hands) => Promise<void>): Promise<void> =>
  withSlackWorld({ limits: HASTY }, (world) => {
    const { db, clock, deliver, titles } = world
    return test({
      ...world,
      open: (finding = warning) => openAlert(db, key, finding, { now: clock.ms }),
      close: () => closeAlert(db, key, { now: clock.ms }),
      pass: async (ms) => {
        await deliver()
        clock.ms += ms
        await deliver()
      },
      heard: () => titles('alerts').map((title) => title.replace(/^\S+ (.*): .*/u, '$1')),
    })
  })

it('people hear once that it began, once that it is over, and how long it lasted', async () => {
  await withAlerts(async ({ sim, open, close, pass, heard }) => {
    expect(await open()).toBe(true)
    expect(await open()).toBe(false)
    await pass(31 * MINUTE)
    expect(heard()).toEqual(['Warning'])
    expect(await close()).toBe(true)
    expect(await close()).toBe(false)
    await pass(QUIET_MS - 1)
    expect(heard()).toEqual(['Warning'])
    await pass(1)
    expect(heard()).toEqual(['Warning', 'Over'])
    const [first, last] = sim.messages('alerts').map(({ payload }) => JSON.stringify(payload))
    expect(first).toContain('"color":"warning"')
    expect(first).toContain('no delivery for 6 minutes')
    expect(last).toContain('"color":"good"')
    expect(last).toContain('"title":"Lasted","value":"31 min"')
  })
})

it('that a warning turned critical is told once', async () => {
  await withAlerts(async ({ open, close, pass, heard }) => {
    await open()
    expect(await open(critical)).toBe(false)
    await open(critical)
    await open(warning)
    await open(critical)
    await pass(MINUTE)
    expect(heard()).toEqual(['Warning', 'Now critical'])
    await close()
    await pass(QUIET_MS)
    expect(heard()).toEqual(['Warning', 'Now critical', 'Over'])
  })
})

describe('an alert that comes and goes', () => {
  it('is one alert, told once, until it has stayed over', async () => {
    await withAlerts(async ({ db, sim, open, close, pass, heard }) => {
      expect(await open()).toBe(true)
      for (let i = 0; i < 5; i++) {
        await pass(5 * MINUTE)
        await close()
        await pass(5 * MINUTE)
        expect(await open()).toBe(false)
      }
      expect(heard()).toEqual(['Warning'])
      expect(await openAlerts(db, 'portal')).toMatchObject([{ returns: 5, closed_at: null }])
      await pass(5 * MINUTE)
      await close()
      await pass(QUIET_MS)
      expect(heard()).toEqual(['Warning', 'Over'])
      const over = JSON.stringify(sim.messages('alerts')[1]?.payload)
      expect(over).toContain('"value":"55 min"')
      expect(over).toContain('"value":"5 times"')
    })
  })

  it('is a new one after people were told that it was over', async () => {
    await withAlerts(async ({ db, open, close, pass, heard }) => {
      await open()
      await close()
      await pass(QUIET_MS)
      expect(await open()).toBe(true)
      await pass(0)
      expect(heard()).toEqual(['Warning', 'Over', 'Warning'])
      expect((await db.query('select from lockstep.alerts')).rowCount).toBe(2)
    })
  })

  it('is a new one after the quiet time even where the delivery hangs: both are told, in order', async () => {
    await withAlerts(async ({ clock, open, close, pass, heard }) => {
      await open()
      await close()
      clock.ms += QUIET_MS
      expect(await open()).toBe(true)
      await pass(0)
      expect(heard()).toEqual(['Warning', 'Over', 'Warning'])
    })
  })

  it('and comes back worse, is told as turned critical', async () => {
    await withAlerts(async ({ open, close, pass, heard }) => {
      await open()
      await close()
      expect(await open(critical)).toBe(false)
      await pass(MINUTE)
      expect(heard()).toEqual(['Warning', 'Now critical'])
    })
  })

  it('is a new one where the news of its end is on its way', async () => {
    await withAlerts(async ({ db, open, close }) => {
      await open()
      await close()
      await db.query(`update lockstep.notifications set attempts = 1 where dedupe_key like 'alert closed %'`)
      expect(await open()).toBe(true)
    })
  })
})

it('alert and message are one transaction, the caller’s where it has one', async () => {
  await withAlerts(async ({ db, close, pass, heard, open }) => {
    const failing = db.transaction(async (tx) => {
      expect(await openAlert(tx, key, warning)).toBe(true)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await pass(MINUTE)
    expect(heard()).toEqual([])
    expect(await openAlerts(db, 'portal')).toEqual([])
    await open()
    const undone = db.transaction(async (tx) => {
      await closeAlert(tx, key, { quietMs: 0 })
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    await pass(MINUTE)
    expect(heard()).toEqual(['Warning'])
    expect(await close()).toBe(true)
  })
})

it('opened by many at once, it is one alert and one message', async () => {
  await withAlerts(async ({ open, pass, heard }) => {
    const opened = await Promise.all(Array.from({ length: 6 }, () => open()))
    expect(opened.filter((fresh) => fresh)).toHaveLength(1)
    await Promise.all(Array.from({ length: 6 }, () => open(critical)))
    await pass(MINUTE)
    expect(heard()).toEqual(['Warning', 'Now critical'])
  })
})

it('found again while another closes it, it is open in the end', async () => {
  await withAlerts(async ({ db, open, close, clock }) => {
    await open()
    let found: Promise<boolean> | undefined
    await db.transaction(async (tx) => {
      await closeAlert(tx, key, { now: clock.ms })
      found = open(critical)
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await expect.poll(async () => (await db.query(waiting)).rowCount, { timeout: 10_000 }).toBe(1)
    })
    expect(await found).toBe(false)
    expect(await openAlerts(db, 'portal')).toMatchObject([{ level: 'critical', returns: 1 }])
    expect(await close()).toBe(true)
  })
})

it('come back to by many at once, it is still one', async () => {
  await withAlerts(async ({ db, open, close, pass, heard }) => {
    await open()
    await close()
    expect(await Promise.all(Array.from({ length: 6 }, () => open()))).not.toContain(true)
    await pass(MINUTE)
    expect(heard()).toEqual(['Warning'])
    expect(await openAlerts(db, 'portal')).toMatchObject([{ returns: 1 }])
  })
})

it('one for nobody is kept and shown, and told to nobody', async () => {
  await withAlerts(async ({ db, close, pass, heard }) => {
    expect(await openAlert(db, key, { ...critical, purpose: null })).toBe(true)
    expect(await openAlerts(db, 'portal')).toHaveLength(1)
    await close()
    await pass(QUIET_MS)
    expect(heard()).toEqual([])
  })
})
