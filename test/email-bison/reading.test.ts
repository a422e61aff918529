import { describe, expect, it } from 'vitest'
import { walk } from '../../sim/email-bison/with-sim.ts'
import { keysOf, type MailRun, withMail } from './mail-app.ts'

type Row = Readonly<Record<string, unknown>> & { readonly id: number }

/** What the vendor has, read by hand with each workspace's own token. */
async function theirs({ sim }: MailRun, path: string): Promise<{ key: string; row: Row }[]> {
  const all: { key: string; row: Row }[] = []
  for (const [index, instance] of sim.instances.entries()) {
    for (const workspace of instance.world.workspaces.values()) {
      const token = instance.workspaceToken(workspace.id)
      const rows = await walk<Row>(instance, path, token)
      const name = index === 0 ? 'send' : `send-${index + 1}`
      all.push(...rows.map((row) => ({ key: `${name}/${workspace.id}/${row.id}`, row })))
    }
  }
  return all.sort((a, b) => (a.key < b.key ? -1 : 1))
}

describe('a full pass', () => {
  it('brings every mailbox, campaign, reply and workspace of every instance, whatever page sizes are', async () => {
    await withMail(
      async (run) => {
        const { failures, problems } = await run.sync()
        expect({ failures, problems }).toEqual({ failures: [], problems: [] })
        const mailboxes = await theirs(run, '/api/sender-emails')
        expect(mailboxes.length).toBe(140)
        expect(await keysOf(run.db, 'sender_emails_cache')).toEqual(mailboxes.map(({ key }) => key))
        const { rows } = await run.db.query<Row>(
          'select bison_key, email_address, status, daily_limit, emails_sent_count, tags from mail.sender_emails_cache order by 1',
        )
        for (const [i, { row }] of mailboxes.entries()) {
          expect(rows[i]).toMatchObject({
            email_address: row['email'],
            daily_limit: row['daily_limit'],
            emails_sent_count: row['emails_sent_count'],
            tags: (row['tags'] as { name: string }[]).map(({ name }) => name),
          })
        }
        const replies = await theirs(run, '/api/replies?folder=all')
        expect(replies.length).toBeGreaterThan(20)
        expect(await keysOf(run.db, 'lead_replies')).toEqual(replies.map(({ key }) => key))
        const campaigns = await theirs(run, '/api/campaigns')
        expect(await keysOf(run.db, 'campaigns')).toEqual(campaigns.map(({ key }) => key))
        const names = await run.db.query<{ name: string }>(
          'select bison_workspace_name as name from mail.client_registry',
        )
        expect(names.rows).toHaveLength(4)
        for (const { name } of names.rows) expect(name).toBe(name.trim())
      },
      { sim: { instances: 2, workspaces: 4, mailboxes: 140, campaigns: 2, leads: 10, historyDays: 12 } },
    )
  })

  it('uses a token for each workspace, minted once, and never the switch between workspaces', async () => {
    await withMail(async (run) => {
      await run.sync()
      await run.sync()
      const { sim, db } = run
      expect(sim.requests.count('POST /api/workspaces/v1.1/switch-workspace')).toBe(0)
      expect(sim.requests.byRoute).toMatchObject({ 'POST /api/workspaces/v1.1/:id/api-tokens': 2 })
      const { rows } = await db.query<{ kind: string; value: string }>(
        `select kind, value #>> '{}' as value from lockstep.source_state where kind like 'secret%'`,
      )
      expect(rows).toHaveLength(2)
      for (const { value } of rows) expect(value).toMatch(/^v1:[\w-]{40,}$/)
    })
  })

  it('mints the token that a node died over, without being told to look for workspaces', async () => {
    await withMail(async (run) => {
      await run.sync()
      const { rowCount } = await run.db.query(
        `delete from lockstep.source_state where ctid = any (array(
           select ctid from lockstep.source_state where kind like 'secret%' limit 1))`,
      )
      expect(rowCount).toBe(1)
      const { source } = run.pipeline
      const signal = AbortSignal.timeout(10_000)
      expect(await source.prepare({ fresh: false, signal })).toEqual({ problems: [] })
      for (const { id } of source.eventLog?.scopes() ?? [])
        await source.eventLog?.read({ scope: id, sinceMs: 0, untilMs: 1, cursor: undefined, signal })
      const calls = run.sim.requests.byRoute['POST /api/workspaces/v1.1/:id/api-tokens']
      expect(calls).toBe(3)
      await source.prepare({ fresh: false, signal })
      expect(run.sim.requests.byRoute['POST /api/workspaces/v1.1/:id/api-tokens']).toBe(calls)
    })
  })

  it('names the workspace that fails, and reads the others', async () => {
    await withMail(
      async (run) => {
        await run.sync()
        const [second, first] = [...run.sim.world.workspaces.values()]
        if (first === undefined || second === undefined) throw new Error('no workspaces')
        const before = await keysOf(run.db, 'sender_emails_cache')
        run.sim.faults.withheldWorkspaces = [first.id]
        const { failures, runs } = await run.sync()
        expect(failures.map(({ stream }) => stream)).toEqual(
          ['mailboxes', 'campaigns', 'replies'].map((what) => `${first.name.trim()}: ${what}`),
        )
        expect(failures[0]?.error).toMatch(/HTTP|Email Bison/)
        const ended = runs.filter(({ status }) => status === 'completed').map(({ stream }) => stream)
        expect(ended).toContain(`send/${second.id}/sender-emails`)
        expect(await keysOf(run.db, 'sender_emails_cache')).toEqual(before)
      },
      { source: { clock: skipping() } },
    )
  })

  it('a mailbox that is gone is asked for by its id, and only then deleted', async () => {
    await withMail(async (run) => {
      await run.sync()
      const [workspace] = run.sim.world.workspaces.values()
      const [sender] = workspace?.senders.values() ?? []
      if (workspace === undefined || sender === undefined) throw new Error('no mailbox')
      const before = await keysOf(run.db, 'sender_emails_cache')
      run.sim.act.deleteMailbox(workspace.id, { sender: sender.id })
      await run.sync()
      // Younger than the longest lag, so it is asked for again later.
      await run.db.query(
        `update lockstep.refetch set requested_at = requested_at - interval '1 minute', next_attempt_at = '-infinity'`,
      )
      await run.settle()
      const gone = `send/${workspace.id}/${sender.id}`
      expect(before).toContain(gone)
      expect(await keysOf(run.db, 'sender_emails_cache')).toEqual(before.filter((key) => key !== gone))
      expect(run.sim.requests.byRoute).toHaveProperty('GET /api/sender-emails/:id')
    })
  })
})

describe('what the API does on its way', () => {
  it.each([
    ['answers by page where a cursor was asked for', { pagination: 'page' }],
    ['wraps its answers', { arrayWrap: 1 }],
    ['fails now and then with 500', { http500: 0.1 }],
    ['fails now and then with a page of HTML', { html502: 0.1 }],
    ['ends amid its body', { halfBody: 0.1 }],
  ] as const)('%s: all is read', async (_what, faults) => {
    const clock = skipping()
    await withMail(
      async (run) => {
        Object.assign(run.sim.faults, faults)
        const { failures, problems } = await run.sync()
        expect({ failures, problems }).toEqual({ failures: [], problems: [] })
        Object.assign(run.sim.faults, {
          pagination: 'asked',
          arrayWrap: 0,
          http500: 0,
          html502: 0,
          halfBody: 0,
        })
        const mailboxes = await theirs(run, '/api/sender-emails')
        expect(await keysOf(run.db, 'sender_emails_cache')).toEqual(mailboxes.map(({ key }) => key))
      },
      { source: { clock } },
    )
  })

  it('told to wait, it waits 45 seconds and goes on; nobody else is asked meanwhile', async () => {
    const clock = skipping()
    await withMail(
      async (run) => {
        await run.sync()
        const { calls } = run.sim.requests
        clock.slept.length = 0
        run.sim.faults.http429 = 0.3
        const { failures } = await run.sync()
        expect(failures).toEqual([])
        expect(run.sim.requests.rejected).toBeGreaterThan(0)
        expect(Math.max(...clock.slept)).toBeGreaterThan(44_000)
        expect(run.sim.requests.calls).toBeGreaterThan(calls)
      },
      { source: { clock } },
    )
  })

  it('a token that is refused is named with what to do, and the others read on', async () => {
    await withMail(async (run) => {
      await run.sync()
      run.sim.faults.withheldStatus = 403
      // The first is the one that the listing token happens to be in.
      const [, first] = run.sim.world.workspaces.values()
      run.sim.faults.withheldWorkspaces = [first?.id ?? 0]
      const { failures } = await run.sync()
      expect(failures).toHaveLength(3)
      for (const { error } of failures) expect(error).toMatch(/403|unauthorized.*Check the workspace's token/)
    })
  })
})

/** A clock that does not wait: waiting moves it. */
function skipping() {
  let ahead = 0
  const slept: number[] = []
  return {
    slept,
    now: () => Date.now() + ahead,
    steady: () => performance.now() + ahead,
    sleep: (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted()
      slept.push(ms)
      ahead += ms
      return Promise.resolve()
    },
  }
}
