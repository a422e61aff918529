import { expect, it } from 'vitest'
import { refreshAged } from '../../src/lanes/aging.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { withMail } from './mail-app.ts'

it('a stream is read again when it is as old as it may get, and one that fails does not hold the others', async () => {
  await withMail(async (run) => {
    await run.sync()
    const { db, pipeline, sim } = run
    const refresh = () => refreshAged(db, pipeline, AbortSignal.timeout(30_000))
    const fresh = await refresh()
    expect(fresh).toMatchObject({ runs: [], failures: [] })
    expect(fresh.nextInMs).toBeGreaterThan(30_000)
    expect(fresh.nextInMs).toBeLessThanOrEqual(60_000)

    const [, ill, well] = [undefined, ...sim.world.workspaces.values()]
    if (ill === undefined || well === undefined) throw new Error('no workspaces')
    const [sender] = well.senders
    if (sender === undefined) throw new Error('no mailbox')
    sender.dailyLimit = 77
    sim.faults.withheldStatus = 403
    sim.faults.withheldWorkspaces = [ill.id]
    // Six minutes later.
    await db.query(
      `update lockstep.freshness set full_pass_at = full_pass_at - interval '6 minutes', delta_at = delta_at - interval '6 minutes'`,
    )
    await db.query(`update lockstep.runs set started_at = started_at - interval '6 minutes'`)
    const aged = await refresh()
    expect(aged.failures.map(({ stream }) => stream).sort()).toEqual(
      ['campaigns', 'mailboxes', 'replies'].map((what) => `${ill.name.trim()}: ${what}`),
    )
    expect(aged.runs.map(({ stream }) => stream).sort()).toEqual(
      ['campaigns', 'replies', 'sender-emails'].map((what) => `send/${well.id}/${what}`),
    )
    const { rows } = await db.query<{ daily_limit: number }>(
      'select daily_limit from mail.sender_emails_cache where bison_key = $1',
      [`send/${well.id}/${sender.id}`],
    )
    expect(rows[0]?.daily_limit).toBe(77)
    // What failed is not asked for again at once.
    expect(await refresh()).toMatchObject({ runs: [], failures: [] })
  })
})

it('the nightly full pass leaves out what is read whole all day, and takes it where it is asked for', async () => {
  await withMail(async ({ sync, db, pipeline, sim }) => {
    await sync()
    sim.requests.reset()
    const signal = AbortSignal.timeout(30_000)
    const { runs } = await syncApp(db, pipeline, { signal, full: true, fresh: true, spareAged: true })
    expect(runs.map(({ stream }) => stream).filter((id) => /sender-emails|campaigns/.test(id))).toEqual([])
    expect(runs.filter(({ stream }) => stream.endsWith('/replies'))).toHaveLength(2)
    expect(runs.filter(({ stream }) => stream === 'send')).toHaveLength(1)
    expect(sim.requests.count('GET /api/sender-emails')).toBe(0)
    await sync()
    expect(sim.requests.count('GET /api/sender-emails')).toBeGreaterThan(0)
  })
})
