import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const KEYS = {
  door: ['peerRatio', 'limitRatio', 'limitRatio200', 'insertRatio', 'p99Ms'],
  apply: ['peerRatio', 'limitRatio'],
  backfill: ['peerRatio', 'limitRatio', 'unchangedRatio'],
  memory: ['growthMb'],
  growth: ['doorRatio', 'applyRatio', 'bareRatio'],
  latency: ['p50Ms', 'p99Ms'],
  idle: ['queriesPerMinute'],
}

/** What the figures are is not looked at: other tests run beside this one. */
it('the benchmarks run, write every figure, and end with equal rows', { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-bench-test-'))
  const json = join(folder, 'figures.json')
  try {
    const main = join(import.meta.dirname, '../bench/main.ts')
    // Some fifty processes load the same modules.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
    await promisify(execFile)(process.execPath, [main, '--tiny', '--json', json], { env })
    const report = JSON.parse(await readFile(json, 'utf8')) as Record<string, Record<string, unknown>>
    for (const [benchmark, figures] of Object.entries(KEYS)) {
      const part = report[benchmark] ?? {}
      expect(part, benchmark).toMatchObject({ rowsEqual: true, raw: expect.anything() as unknown })
      for (const figure of figures) expect(part[figure], `${benchmark}.${figure}`).toEqual(expect.any(Number))
    }
    expect(report['economy']?.['raw']).toHaveLength(3)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
