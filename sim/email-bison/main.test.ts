import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

const MAIN = new URL('./main.ts', import.meta.url).pathname

interface Ready {
  ready: boolean
  url: string
  token: string
  resumed: boolean
  instances: { url: string; workspaces: { id: number }[] }[]
}

async function start(args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, ready: JSON.parse(line) as Ready }
}

test('as a child it says when it is ready, ends with its parent, and resumes the same vendor', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'email-bison-sim-'))
  try {
    const args = ['--workspaces', '4', '--mailboxes', '40', '--instances', '2']
    const state = ['--state', join(folder, 'world.jsonl')]
    const counts = async (url: string) => (await fetch(`${url}/control/counts`)).json()
    const one = await start([...args, ...state])
    expect(one.ready.instances).toHaveLength(2)
    const id = one.ready.instances[0]?.workspaces[0]?.id
    const before: unknown = await counts(one.ready.url)
    const body = JSON.stringify({ op: 'sendEmail', args: [id] })
    const done = await fetch(`${one.ready.url}/control/act`, { method: 'POST', body })
    expect(await done.json()).toMatchObject({ ok: true })
    const wrong = await fetch(`${one.ready.url}/control/act`, { method: 'POST', body: '{"op":"x"}' })
    expect(wrong.status).toBe(400)
    const after: unknown = await counts(one.ready.url)
    expect(after).not.toEqual(before)
    // The parent dies: its end of the pipe closes.
    one.child.stdin.end()
    expect(await once(one.child, 'exit')).toEqual([0, null])

    const two = await start([...args, ...state])
    expect(two.ready).toMatchObject({ resumed: true, token: one.ready.token })
    expect(await counts(two.ready.url)).toEqual(after)
    two.child.kill('SIGTERM')
    expect(await once(two.child, 'exit')).toEqual([0, null])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
