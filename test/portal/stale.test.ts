import { expect, it } from 'vitest'
import { openAlerts } from '../../src/alerts/alerts.ts'
import { SMALL } from '../../sim/email-bison/with-sim.ts'
import { withVirtualPortal } from './support/virtual-portal.ts'

const MINUTE = 60_000
const SIX = { ...SMALL, workspaces: 6, mailboxes: 60 }

it('a vendor that is away is one alert, not one for each workspace, and ends as one', async () => {
  await withVirtualPortal({ sim: SIX, criticalMs: 20 * MINUTE }, async ({ db, time, sim, slack, run }) => {
    run()
    await time.pass(6 * MINUTE)
    expect(await openAlerts(db, 'portal')).toEqual([])
    const all = sim.world.workspaces.map(({ id }) => id)
    Object.assign(sim.faults, { withheldWorkspaces: all, withheldStatus: 403 })
    await time.pass(5 * MINUTE)
    // For a while it is no news.
    expect(await openAlerts(db, 'portal')).toEqual([])
    await time.pass(10 * MINUTE)
    const alerts = await openAlerts(db, 'portal')
    expect(alerts).toMatchObject([{ stream: '', condition: 'stale', level: 'warning' }])
    expect(alerts[0]?.detail).toMatch(
      /accounts of email-bison were not read for up to 1\d min .*unauthorized/,
    )
    expect(slack.messages('alerts')).toHaveLength(1)
    await time.pass(10 * MINUTE)
    expect(await openAlerts(db, 'portal')).toMatchObject([{ stream: '', level: 'critical' }])
    sim.faults.withheldWorkspaces = []
    await time.pass(4 * MINUTE)
    expect(await openAlerts(db, 'portal')).toEqual([])
    await time.pass(11 * MINUTE)
    expect(slack.messages('alerts')).toHaveLength(3)
    const { rows } = await db.query(`select distinct stream from lockstep.alerts where condition = 'stale'`)
    expect(rows).toEqual([{ stream: '' }])
  })
}, 120_000)

it('a budget that is too small for what is to be read is said, though nothing fails', async () => {
  await withVirtualPortal({ sim: SIX, callsPerMinute: 2 }, async ({ db, time, run }) => {
    run()
    await time.pass(25 * MINUTE)
    const [alert] = await openAlerts(db, 'portal')
    expect(alert).toMatchObject({ condition: 'stale' })
    expect(alert?.detail).toContain('nothing failed, but its turn did not come')
  })
}, 120_000)
