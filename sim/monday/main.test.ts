import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

const MAIN = new URL('./main.ts', import.meta.url).pathname

async function start(args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const ready = JSON.parse(line) as { ready: boolean; url: string; origin: string; resumed: boolean }
  return { child, ready }
}

test('as a child it says when it is ready, ends with its parent, and resumes the same vendor', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'monday-sim-'))
  try {
    const state = ['--state', join(folder, 'world.jsonl')]
    const truth = async (origin: string) => (await fetch(`${origin}/control/truth/1825117125`)).text()
    const one = await start(['--projects', '10', ...state])
    const before = await truth(one.ready.origin)
    const item = JSON.parse(before.split('\n')[0] ?? '{}') as { id: string; name: string }
    const body = JSON.stringify({ op: 'rename', args: ['1825117125', item.id, 'kept'] })
    await fetch(`${one.ready.origin}/control/edit`, { method: 'POST', body })
    const after = await truth(one.ready.origin)
    expect(after).not.toBe(before)
    // The parent dies: its end of the pipe closes.
    one.child.stdin.end()
    expect(await once(one.child, 'exit')).toEqual([0, null])

    const two = await start(['--projects', '99', ...state])
    expect(two.ready.resumed).toBe(true)
    expect(await truth(two.ready.origin)).toBe(after)
    two.child.kill('SIGTERM')
    expect(await once(two.child, 'exit')).toEqual([0, null])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
