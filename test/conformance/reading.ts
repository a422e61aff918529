import { expect } from 'vitest'
import type { Json } from '../../src/engine/observation.ts'
import { holdsKey, ROW, type Stream } from '../../src/sources/contract.ts'
import { sqlName } from '../../src/mirror/table-spec.ts'
import { requestRefetch } from '../../src/lanes/refetch-queue.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { drift, happen, patience, type Rig, reopened, settle, sync } from './rig.ts'
import { type Act, isAbsent, type Row, type Subject } from './subject.ts'
import type { Suite } from './suite.ts'

export function readingTests({ subject, ask, lacks }: Suite): void {
  ask('a full pass brings every row, with every column that is told, and no other', everyRow, {
    synced: false,
  })
  ask('pages leave nothing out, and a process that begins anew goes on from any of them', everyPage)
  ask('an answer that holds no list is no empty list', noList)
  ask(
    'asked for by id: an answer that holds no record, or a 404 that is not the vendor’s, is no absence',
    noRecord,
  )
  ask('a second pass writes nothing', nothingTwice)
  ask('asked for by id: those that are there, in a clean answer without those that are not', byId)
  ask('a row that is gone is asked for by its id, and only then deleted; all others stay', goneByWord)
  ask('a row that a page leaves out is not deleted', leftOut)
  if (isAbsent(subject.withGap)) lacks('pages with gaps prove no absence', subject.withGap)
  else ask('pages with gaps prove no absence, and the pass says that it was partial', withGaps)
  ask('a vendor that refuses us deletes nothing, and the error says what to do', refused)
}

/** The rows of one stream. */
export const rowsOf = (stream: Stream, truth: readonly Row[]): readonly Row[] =>
  truth.filter(({ table, key }) => table === stream.table && holdsKey(stream, key))

async function everyRow(rig: Rig): Promise<void> {
  const { failures, problems, runs, busy } = await sync(rig)
  expect({ failures, problems, busy }).toEqual({ failures: [], problems: [], busy: [] })
  expect(runs.filter(({ status }) => status !== 'completed')).toEqual([])
  expect(await drift(rig)).toEqual([])
  const truth = rig.world.truth()
  for (const { name } of rig.tables)
    expect(truth.filter(({ table }) => table === name).length).toBeGreaterThan(0)
  // Each told column counts only where the vendor has something to tell.
  const told = new Set(
    truth.flatMap(({ table, values }) => Object.keys(values).map((column) => `${table}.${column}`)),
  )
  const filled = truth.flatMap(({ table, values }) =>
    Object.entries(values).flatMap(([column, value]) => (value === null ? [] : [`${table}.${column}`])),
  )
  expect(new Set(filled).size).toBeGreaterThan(told.size / 2)
}

async function everyPage(rig: Rig): Promise<void> {
  let pagesMax = 0
  for (const stream of rig.pipeline.source.streams) {
    const keys: string[] = []
    let cursor: Json | undefined
    let pages = 0
    do {
      const { source } = await reopened(rig)
      const request = { stream, part: ROW, cursor, newestFirst: false, signal: patience() }
      const page = await source.readPage(request)
      expect(page.gaps).toEqual([])
      if (page.total !== undefined) expect(page.total).toBe(rowsOf(stream, rig.world.truth()).length)
      keys.push(...page.rows.filter(({ deleted }) => deleted !== true).map(({ key }) => key))
      const kept = page.next === undefined ? undefined : (JSON.parse(JSON.stringify(page.next)) as Json)
      expect(kept).toEqual(page.next)
      cursor = kept
      expect(++pages).toBeLessThan(1_000)
    } while (cursor !== undefined)
    const theirs = rowsOf(stream, rig.world.truth()).map(({ key }) => key)
    expect([...new Set(keys)].sort()).toEqual([...theirs].sort())
    pagesMax = Math.max(pagesMax, pages)
  }
  expect(pagesMax).toBeGreaterThanOrEqual(3)
}

const NO_LISTS: readonly Json[] = [{}, [], null, 'nothing', 0, { data: null }, { data: {} }, { data: 'x' }]

async function noList(rig: Rig): Promise<void> {
  const { proxy, pipeline } = rig
  for (const stream of pipeline.source.streams) {
    for (const answer of NO_LISTS) {
      proxy.rewrite = () => answer
      const request = { stream, part: ROW, cursor: undefined, newestFirst: false, signal: patience() }
      const page = await pipeline.source.readPage(request).catch((error: unknown) => error as Error)
      const seen = page instanceof Error ? 'an error' : page.gaps.length > 0 ? 'gaps' : 'an empty list'
      expect({ stream: stream.name, answer, seen }).not.toMatchObject({ seen: 'an empty list' })
    }
  }
}

const STRANGE_404 = { status: 404, body: '<html><body><h1>404 Not Found</h1></body></html>' }

async function noRecord(rig: Rig): Promise<void> {
  const { proxy, pipeline, world } = rig
  const ask = async (stream: Stream): Promise<string> => {
    const keys = rowsOf(stream, world.truth())
      .slice(0, 1)
      .map(({ key }) => key)
    const request = { stream, part: ROW, keys, signal: patience() }
    const page = await pipeline.source.readKeys(request).catch((error: unknown) => error as Error)
    if (page instanceof Error) return 'an error'
    return page.gaps.length > 0 ? 'gaps' : `absence of ${keys.join(', ')}`
  }
  for (const stream of pipeline.source.streams) {
    for (const answer of NO_LISTS) {
      proxy.rewrite = () => answer
      expect({ stream: stream.name, answer, seen: await ask(stream) }).toEqual({
        stream: stream.name,
        answer,
        seen: expect.stringMatching(/an error|gaps/),
      })
    }
    proxy.heal()
    proxy.fail(STRANGE_404, Infinity)
    expect({ stream: stream.name, seen: await ask(stream) }).not.toMatchObject({
      seen: expect.stringMatching(/absence/),
    })
    proxy.heal()
  }
}

/** Which row version each key has; a row that is written has another. Of computed rows, what people see of them. */
async function versions({ db, tables, subject }: Rig): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const spec of tables) {
    const version = subject.computed?.includes(spec.name)
      ? `(to_jsonb(t) - '{_stamp,_stamps,_digest}'::text[])::text`
      : `xmin::text || ' ' || ctid::text`
    const { rows } = await db.query<{ key: string; version: string }>(
      `select "${spec.key}" as key, ${version} as version from ${sqlName(spec)} as t`,
    )
    for (const { key, version } of rows) found[`${spec.name} ${key}`] = version
  }
  return found
}

async function nothingTwice(rig: Rig): Promise<void> {
  const before = await versions(rig)
  for (const full of [true, false]) {
    const { runs, failures } = await sync(rig, { full })
    expect(failures).toEqual([])
    if (full) expect(runs.reduce((sum, { processed }) => sum + processed, 0)).toBeGreaterThan(0)
    for (const { created, updated, deleted } of runs)
      expect({ created, updated, deleted }).toEqual({ created: 0, updated: 0, deleted: 0 })
  }
  expect(await versions(rig)).toEqual(before)
}

async function byId(rig: Rig): Promise<void> {
  const { pipeline, subject, world } = rig
  for (const stream of pipeline.source.streams) {
    const known = rowsOf(stream, world.truth())
      .slice(0, 2)
      .map(({ key }) => key)
    const keys = [...known, subject.unknownKey(stream.id)]
    const page = await pipeline.source.readKeys({ stream, part: ROW, keys, signal: patience() })
    expect({ stream: stream.name, gaps: page.gaps }).toEqual({ stream: stream.name, gaps: [] })
    const there = page.rows.filter(({ deleted, gone }) => deleted !== true && gone !== true)
    expect(there.map(({ key }) => key).sort()).toEqual([...known].sort())
    expect(page.next).toBeUndefined()
  }
}

const firstDelete = ({ acts }: Subject): Act => {
  const act = isAbsent(acts.delete) ? undefined : acts.delete[0]
  if (act === undefined) throw new Error('a subject needs an act that deletes')
  return act
}

async function goneByWord(rig: Rig): Promise<void> {
  const { subject, pipeline, db } = rig
  if (isAbsent(subject.acts.delete)) return
  const { table, key } = await happen(rig, firstDelete(subject))
  // Nobody is told: the letters stay where they are.
  await sync(rig, { drain: false })
  const stream = pipeline.source.streams.find((one) => one.table === table && holdsKey(one, key))
  const asked = await db.query(
    `select key from lockstep.refetch where stream = $1 and part = 'row' and key = $2`,
    [stream?.id, key],
  )
  const before = await drift(rig)
  expect(before.filter((line) => line.startsWith(`${table} ${key}`))).toEqual([
    `${table} ${key}: not at the vendor`,
  ])
  expect(asked.rows).toHaveLength(1)
  await settle(rig)
  expect(await drift(rig)).toEqual([])
}

async function leftOut(rig: Rig): Promise<void> {
  const { subject, proxy, world, db } = rig
  const met: string[] = []
  const victims = world.truth().filter((_, i) => i % 5 === 3)
  proxy.rewrite = (answer) => {
    let left = answer
    for (const { key } of victims) {
      const without = subject.without(left, key)
      if (without === undefined) continue
      met.push(key)
      left = without
    }
    return left
  }
  await sync(rig, { drain: false })
  expect(met.length).toBeGreaterThan(0)
  const { rows } = await db.query<{ key: string }>(
    `select distinct key from lockstep.refetch where reason like 'not met%' order by key`,
  )
  expect(rows.map(({ key }) => key)).toEqual([...new Set(met)].sort())
  expect(await drift(rig)).toEqual([])
  await settle(rig)
  expect(await drift(rig)).toEqual([])
}

async function withGaps(rig: Rig): Promise<void> {
  const { subject, proxy, db } = rig
  const { withGap } = subject
  if (isAbsent(withGap)) return
  const victim = isAbsent(subject.acts.delete) ? undefined : await happen(rig, firstDelete(subject))
  proxy.rewrite = (answer) => withGap(answer as Parameters<typeof withGap>[0])
  const { runs } = await sync(rig, { drain: false })
  proxy.heal()
  const partial = runs.filter(({ status }) => status === 'partial')
  expect(partial.length).toBeGreaterThan(0)
  for (const { error } of partial) expect(error).toMatch(/\w/)
  const streams = partial.map(({ stream }) => stream)
  const asked = await db.query(
    `select distinct key from lockstep.refetch where reason like 'not met%' and stream = any ($1::text[])`,
    [streams],
  )
  expect(asked.rows).toEqual([])
  const found = await drift(rig)
  expect(found.filter((line) => line.endsWith(': missing'))).toEqual([])
  if (victim !== undefined) expect(found).toContain(`${victim.table} ${victim.key}: not at the vendor`)
}

async function refused(rig: Rig): Promise<void> {
  const { proxy, pipeline, db, clock } = rig
  const before = await drift(rig)
  for (const status of [401, 403]) {
    proxy.fail({ status, body: { message: 'This action is unauthorized.' } }, Infinity)
    const { failures } = await sync(rig).catch((error: unknown) => ({ failures: [{ error: String(error) }] }))
    expect(failures.length).toBeGreaterThan(0)
    for (const { error } of failures) expect(error).toMatch(/token|key/i)
    for (const stream of pipeline.source.streams) {
      const keys = rowsOf(stream, rig.world.truth()).map(({ key }) => key)
      await requestRefetch(db, pipeline.app, [{ stream: stream.id, part: ROW, keys, reason: 'a test' }])
    }
    await db.query(`update lockstep.refetch set requested_at = requested_at - interval '1 hour'`)
    clock.advance(60_000)
    while ((await refetchOnce(db, pipeline, patience()).catch(() => 1)) > 0);
    proxy.heal()
    await db.query('delete from lockstep.refetch')
  }
  expect(await drift(rig)).toEqual(before)
}
