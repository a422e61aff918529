import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { backfill } from '../../src/lanes/backfill.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { catchUp } from '../../src/lanes/sync.ts'
import { ROW } from '../../src/sources/contract.ts'
import { rowsOf } from './reading.ts'
import { drift, patience, type Rig, reopened, settle, sync, withRig } from './rig.ts'
import type { Suite } from './suite.ts'

export function resumingTests({ subject, ask }: Suite): void {
  ask('stopped after any page, a new process goes on from there and reads nothing twice', stopped, {
    synced: false,
  })
  ask(
    'killed amid a full pass, a new process goes on from there and reads nothing twice',
    async (rig) => {
      const whole = { calls: 0 }
      await withRig(
        subject,
        async (other) => {
          await sync(other)
          whole.calls = other.proxy.calls.length
        },
        { synced: false },
      )
      await killed(rig, whole.calls)
    },
    { synced: false },
  )
}

/** Goes on as a worker that has just started does. */
async function goOn(rig: Rig, pipeline: Pipeline): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const result = await catchUp(rig.db, pipeline, { signal: patience() })
    if (result === undefined) return
    expect(result.failures).toEqual([])
  }
}

/** One run a stream, in which each of its rows was counted once. */
async function expectReadOnce({ db, world }: Rig, pipeline: Pipeline): Promise<void> {
  const { rows } = await db.query<{ stream: string; status: string; processed: number }>(
    `select stream, status, processed::int from lockstep.runs
     where lane = 'backfill' and metadata ->> 'part' = 'row'
       -- One that was begun and had no page yet left nothing to go on from.
       and not (status = 'running' and processed = 0)
     order by stream`,
  )
  const truth = world.truth()
  const due = pipeline.source.streams.map((stream) => ({
    stream: stream.id,
    status: 'completed',
    processed: rowsOf(stream, truth).length,
  }))
  expect(rows).toEqual(due.sort((a, b) => (a.stream < b.stream ? -1 : 1)))
}

async function stopped(rig: Rig): Promise<void> {
  const { db, pipeline } = rig
  await pipeline.source.prepare({ fresh: true, signal: patience() })
  const sizes = pipeline.source.streams.map((stream) => rowsOf(stream, rig.world.truth()).length)
  const longest = pipeline.source.streams[sizes.indexOf(Math.max(...sizes))]
  if (longest === undefined) throw new Error('no stream')
  let opened = pipeline
  let stops = 0
  for (let ended = false; !ended && stops < 100; stops++) {
    const stop = new AbortController()
    const stream = opened.source.streams.find(({ id }) => id === longest.id) ?? longest
    const run = await backfill(db, opened, stream, ROW, {
      signal: AbortSignal.any([stop.signal, patience()]),
      onProgress: () => stop.abort(new Error('stopped by the test')),
    })
    ended = run?.status === 'completed'
    opened = await reopened(rig)
  }
  expect(stops).toBeGreaterThanOrEqual(3)
  await goOn(rig, opened)
  await settle(rig)
  await expectReadOnce(rig, opened)
  expect(await drift(rig)).toEqual([])
}

/** Calls that may be made again after a kill: what is read before a pass, the page under way, the one read ahead. */
const AGAIN_MAX = 6

async function killed(rig: Rig, wholeCalls: number): Promise<void> {
  const { db, proxy, settings, subject } = rig
  const before = Math.floor(wholeCalls / 2)
  proxy.pass(before)
  proxy.fail('hang', Infinity)
  const { clock: _clock, ...plain } = settings
  const asked = JSON.stringify({
    vendor: subject.vendor,
    databaseUrl: db.url,
    settings: { ...plain, timeoutMs: 60_000 },
  })
  const child = spawn(process.execPath, [fileURLToPath(new URL('child.ts', import.meta.url)), asked], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await Promise.race([
    proxy.hanging(),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the child ended by itself with ${String(code)}: ${output}`)
    }),
  ])
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  proxy.heal()
  const made = proxy.calls.length
  const opened = await reopened(rig)
  await goOn(rig, opened)
  expect(proxy.calls.length - made).toBeLessThanOrEqual(wholeCalls - before + AGAIN_MAX)
  await settle(rig)
  await expectReadOnce(rig, opened)
  expect(await drift(rig)).toEqual([])
}
