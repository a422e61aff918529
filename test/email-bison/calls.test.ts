import { expect, it } from 'vitest'
import type { CallNote } from '../../src/sources/contract.ts'
import { CallNotes } from '../../src/sources/call-notes.ts'
import { memoryStore } from '../../src/cli/memory-store.ts'
import { sourceStore } from '../../src/db/source-store.ts'
import { withDatabase } from '../support/database.ts'
import { withMail } from './mail-app.ts'

interface AccountRow {
  account: string
  calls: number
  errors: number
  rejected: number
  timed: number
  failures: number
  succeeded: boolean
  error: string | null
}

const ACCOUNTS = `select a.account, sum(c.calls)::int as calls, sum(c.errors)::int as errors,
  sum(c.rejected)::int as rejected, sum((select sum(n) from unnest(c.latencies) as n))::int as timed,
  a.failures_in_a_row as failures, a.last_success_at is not null as succeeded, a.last_error as error
  from lockstep.vendor_accounts as a join lockstep.vendor_calls as c using (app, account)
  group by 1, 6, 7, 8 order by 1`

it('each workspace’s calls, their failures and durations are known, and a refusal for asking too much is neither', async () => {
  await withMail(async (mail) => {
    const { db, sim, pipeline } = mail
    await mail.sync()
    const [one, two] = sim.world.workspaces
    if (one === undefined || two === undefined) throw new Error('no workspaces')
    const look = async (): Promise<Record<string, AccountRow>> => {
      await pipeline.source.usage()
      const { rows } = await db.query<AccountRow>(ACCOUNTS)
      return Object.fromEntries(rows.map((row) => [row.account, row]))
    }
    const before = await look()
    expect(Object.keys(before)).toEqual(['send', `send/${one.id}`, `send/${two.id}`])
    for (const row of Object.values(before)) {
      expect(row).toMatchObject({ errors: 0, rejected: 0, failures: 0, succeeded: true, error: null })
      expect(row.calls).toBeGreaterThan(0)
      expect(row.timed).toBe(row.calls)
    }
    Object.assign(sim.faults, { withheldWorkspaces: [two.id], withheldStatus: 403 })
    const streams = pipeline.source.streams.filter(({ id }) => id === `send/${two.id}/campaigns`)
    const read = (): Promise<unknown> =>
      pipeline.source.readPage({
        stream: streams[0]!,
        part: 'row',
        cursor: undefined,
        newestFirst: false,
        signal: AbortSignal.timeout(20_000),
      })
    for (let i = 0; i < 3; i++) await expect(read()).rejects.toThrow(/Check the workspace's token/)
    const failed = (await look())[`send/${two.id}`]
    expect(failed).toMatchObject({
      failures: 3,
      errors: 3,
      error: expect.stringMatching(/campaigns: HTTP 403/),
    })
    expect((await look())[`send/${one.id}`]).toEqual(before[`send/${one.id}`])
    sim.faults.withheldWorkspaces = []
    await read()
    expect((await look())[`send/${two.id}`]).toMatchObject({ failures: 0, errors: 3 })
    const { rows } = await db.query<{ text: string }>(
      `select coalesce(string_agg(v::text, ' '), '') as text from (select to_jsonb(a) as v from lockstep.vendor_accounts as a
       union all select to_jsonb(c) from lockstep.vendor_calls as c) as all_rows`,
    )
    expect(rows[0]?.text).not.toContain(sim.token)
  })
})

it('what the store cannot take is given again, and nothing is counted twice', async () => {
  const given: (readonly CallNote[])[] = []
  let away = true
  const notes = new CallNotes({
    ...memoryStore(),
    noteCalls: async (some) => {
      if (away) throw new Error('the database is away')
      given.push(some)
    },
  })
  const call = (endedAtMs: number, failure?: 'rejected' | { error: string }) => ({
    account: 'send/1',
    endedAtMs,
    tookMs: 30,
    failure,
  })
  await expect(notes.add(call(1_000, { error: 'a' }))).rejects.toThrow('away')
  await notes.add(call(2_000, { error: 'b' }))
  await notes.add(call(2_500, 'rejected'))
  await expect(notes.flush()).rejects.toThrow('away')
  await notes.add(call(3_000))
  await notes.add(call(4_000, { error: 'c' }))
  away = false
  await notes.flush()
  await notes.flush()
  expect(given).toHaveLength(1)
  expect(given[0]).toEqual([
    {
      account: 'send/1', slotMs: 0, calls: 4, errors: 3, rejected: 1, succeededAtMs: 3_000, failedAtMs: 4_000,
      failuresInARow: 1, error: 'c', latencies: expect.any(Array),
    },
  ]) // prettier-ignore
  expect(given[0]?.[0]?.latencies.reduce((sum, n) => sum + n, 0)).toBe(4)
})

it('two nodes’ notes are added up; an older success ends no newer failure', async () => {
  await withDatabase(async (db) => {
    const store = sourceStore(db, 'portal', undefined)
    const note = (slotMs: number, more: Partial<CallNote>): CallNote => ({
      account: 'send/1',
      slotMs,
      calls: 1,
      errors: 0,
      rejected: 0,
      latencies: [0, 1],
      succeededAtMs: undefined,
      failedAtMs: undefined,
      failuresInARow: 0,
      error: undefined,
      ...more,
    })
    const failure = (at: number, n: number) => ({
      errors: n,
      failedAtMs: at,
      failuresInARow: n,
      error: `at ${at}`,
    })
    await store.noteCalls([note(0, failure(2_000, 2)), note(300_000, { calls: 3, ...failure(301_000, 3) })])
    await store.noteCalls([note(0, { succeededAtMs: 1_000, latencies: [1, 0, 4] })])
    const look = async (): Promise<unknown> =>
      (
        await db.query(`select failures_in_a_row as failures, last_error as error,
          (select json_agg(json_build_array(calls, errors, latencies) order by slot) from lockstep.vendor_calls) as slots
          from lockstep.vendor_accounts`)
      ).rows
    expect(await look()).toEqual([
      { failures: 5, error: 'at 301000', slots: [[2, 2, [1, 1, 4]], [3, 3, [0, 1]]] },
    ]) // prettier-ignore
    await store.noteCalls([note(300_000, { succeededAtMs: 302_000 })])
    expect(await look()).toMatchObject([{ failures: 0, error: 'at 301000' }])
  })
})
