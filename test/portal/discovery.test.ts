import { describe, expect, it } from 'vitest'
import { type Estate, withEstate, workspaceAt } from './support/estate.ts'

const registry = (estate: Estate, columns: string): Promise<Record<string, unknown>[]> =>
  estate.rows(`select ${columns} from client_registry order by scope`)

describe('discovery', () => {
  it('announces the workspaces of a new agency together and each later one by itself, once', async () => {
    await withEstate({}, async (estate) => {
      await estate.run('portal-discovery')
      expect(await estate.told('team')).toEqual(['2 workspaces are read from now on'])
      const [message] = estate.slack.messages('team')
      expect(JSON.stringify(message?.payload)).toContain(workspaceAt(estate, 0).name)
      await estate.run('portal-discovery')
      expect(await estate.told('team')).toHaveLength(1)
      const { id } = estate.sim.act.addWorkspace({ name: ' Zephyr Roofing ', mailboxes: 3 })
      await estate.run('portal-discovery')
      await estate.run('portal-discovery')
      expect(await estate.told('team')).toEqual([
        '2 workspaces are read from now on',
        'New workspace: Zephyr Roofing',
      ])
      expect(JSON.stringify(estate.slack.messages('team').at(-1)?.payload)).toMatch(
        /a target of 0 leaves it out of reports. It bills nothing until it has a price/,
      )
      expect(
        await estate.rows(`select workspace_name, is_active, billing_type, price_per_lead::float8 as price,
          retainer_amount::float8 as retainer, monthly_kpi_target as target, daily_sending_target as daily
          from client_registry where scope = 'send/${id}'`),
      ).toEqual([
        { workspace_name: 'Zephyr Roofing', is_active: true, billing_type: 'per_lead', price: 0, retainer: 0, target: 0, daily: 0 },
      ]) // prettier-ignore
      // It goes by another name, or goes and comes back: it is no new one.
      estate.sim.act.renameWorkspace(id, { name: 'Zephyr' })
      await estate.run('portal-discovery')
      await estate.db.query(`update client_registry set announced_at = null where scope = 'send/${id}'`)
      await estate.run('portal-discovery')
      expect(await estate.told('team')).toHaveLength(2)
      // And it can be read.
      await estate.sync()
      expect(
        await estate.rows(`select 1 from sender_emails_cache where workspace_name = 'Zephyr'`),
      ).toHaveLength(3)
    })
  })

  it('keeps the vendor’s time zone and limits beside what people set, which is what is shown', async () => {
    await withEstate({ sim: { campaigns: 3 } }, async (estate) => {
      const { act, world } = estate.sim
      const [one, two] = world.workspaces
      const zone = (place: 0 | 1, campaign: number, timezone: string | null): void => {
        const workspace = place === 0 ? one : two
        act.setZone(workspace?.id ?? 0, { campaign: workspace?.campaigns[campaign]?.id ?? 0, timezone })
      }
      // The first that is active and has a schedule counts.
      act.pauseCampaign(one?.id ?? 0, { campaign: one?.campaigns[0]?.id ?? 0 })
      zone(0, 1, null)
      zone(0, 2, 'America/Denver')
      zone(1, 0, 'Europe/Berlin')
      await estate.sync()
      await estate.run('portal-discovery')
      expect(
        await registry(estate, 'bison_timezone as vendor, timezone as people, effective_timezone as shown'),
      ).toEqual([
        { vendor: 'America/Denver', people: null, shown: 'America/Denver' },
        { vendor: 'Europe/Berlin', people: null, shown: 'Europe/Berlin' },
      ])
      const limits = await registry(
        estate,
        'bison_max_emails_per_day as campaigns, bison_daily_limit as mailboxes',
      )
      const connected = (one?.senders ?? []).filter(({ status }) => status === 'Connected')
      expect(limits[0]).toEqual({
        campaigns: 2_000,
        mailboxes: connected.reduce((sum, { dailyLimit }) => sum + dailyLimit, 0),
      })
      await estate.db.query(`update client_registry set timezone = 'America/New_York' where scope = $1`, [
        `send/${one?.id}`,
      ])
      zone(0, 2, 'America/Phoenix')
      await estate.run('portal-discovery')
      expect(
        (
          await registry(estate, 'bison_timezone as vendor, timezone as people, effective_timezone as shown')
        )[0],
      ).toEqual({
        vendor: 'America/Phoenix',
        people: 'America/New_York',
        shown: 'America/New_York',
      })
    })
  })

  it('names a workspace whose settings cannot be read or make no sense, keeps what it had, and reads the others', async () => {
    await withEstate({}, async (estate) => {
      const { act, world, faults } = estate.sim
      const [one, two] = world.workspaces
      for (const { id } of one?.campaigns ?? [])
        act.setZone(one?.id ?? 0, { campaign: id, timezone: 'Europe/Berlin' })
      await estate.sync()
      await estate.run('portal-discovery')
      for (const { id } of one?.campaigns ?? [])
        act.setZone(one?.id ?? 0, { campaign: id, timezone: 'Mars/Olympus' })
      act.setZone(two?.id ?? 0, { campaign: two?.campaigns[0]?.id ?? 0, timezone: 'Asia/Tokyo' })
      await expect(estate.run('portal-discovery')).rejects.toThrow(
        `settings of ${one?.name.trim()}: campaign ${one?.campaigns[0]?.id} names "Mars/Olympus", which is no time zone`,
      )
      expect(await registry(estate, 'bison_timezone as zone')).toEqual([
        { zone: 'Europe/Berlin' },
        { zone: 'Asia/Tokyo' },
      ])
      Object.assign(faults, { withheldWorkspaces: [one?.id ?? 0], withheldStatus: 403 })
      await expect(estate.run('portal-discovery')).rejects.toThrow(
        `settings of ${one?.name.trim()}: Email Bison GET`,
      )
      expect((await registry(estate, 'bison_timezone as zone'))[0]).toEqual({ zone: 'Europe/Berlin' })
    })
  })
})

describe('what is scheduled', () => {
  const scheduled = (estate: Estate): Promise<unknown[]> =>
    estate.rows(`select emails_scheduled_today as today, emails_scheduled_tomorrow as tomorrow from campaigns
      where bison_workspace_id = ${workspaceAt(estate, 0).id} order by bison_campaign_id`)

  it('is kept by campaign; one that is to send nothing has 0, and what nobody could read is unknown', async () => {
    await withEstate({ sim: { campaigns: 2 } }, async (estate) => {
      const { act, faults, settings, world } = estate.sim
      const { id } = workspaceAt(estate, 0)
      const [first, second] = world.workspaces[0]?.campaigns ?? []
      await estate.sync()
      expect(await scheduled(estate)).toEqual([
        { today: null, tomorrow: null },
        { today: null, tomorrow: null },
      ])
      const plan = (campaign: number | undefined, emails: number, daysFromNow: number): unknown =>
        act.setSchedule(id, { campaign: campaign ?? 0, emails, daysFromNow })
      plan(first?.id, 120, 0)
      plan(first?.id, 80, 1)
      plan(second?.id, 0, 0)
      plan(second?.id, 33, 1)
      await estate.run('portal-statistics')
      expect(await scheduled(estate)).toEqual([
        { today: 120, tomorrow: 80 },
        { today: 0, tomorrow: 33 },
      ])
      expect(
        await estate.rows(`select emails_scheduled_today as today, emails_scheduled_tomorrow as tomorrow from vendor_metrics
          where period = 'mtd' and scope = 'send/${id}'`),
      ).toEqual([{ today: 120, tomorrow: 113 }])
      // All of it refused for want of anything to send.
      settings.emptySchedules = '400'
      for (const campaign of [first, second]) act.pauseCampaign(id, { campaign: campaign?.id ?? 0 })
      await estate.run('portal-statistics')
      expect(await scheduled(estate)).toEqual([
        { today: 0, tomorrow: 0 },
        { today: 0, tomorrow: 0 },
      ])
      // Read today, it stands when it cannot be read again; the day after it says nothing any more.
      Object.assign(faults, { withheldWorkspaces: [id], withheldStatus: 403 })
      await expect(estate.run('portal-statistics')).rejects.toThrow(workspaceAt(estate, 0).name)
      expect(await scheduled(estate)).toContainEqual({ today: 0, tomorrow: 0 })
      await estate.run('portal-open-day', new Date(Date.now() + 86_400_000))
      expect(await scheduled(estate)).toEqual([
        { today: null, tomorrow: null },
        { today: null, tomorrow: null },
      ])
      // A read of the campaigns touches none of it.
      faults.withheldWorkspaces = []
      await estate.run('portal-statistics')
      await estate.sync()
      expect(await scheduled(estate)).toContainEqual({ today: 0, tomorrow: 0 })
    })
  })
})
