import type { IncomingMessage, ServerResponse } from 'node:http'
import { ColumnValueError } from './columns/kind.ts'
import { EditError } from './edits/change.ts'
import { mergeFaults } from './faults.ts'
import type { MondaySim } from './sim.ts'
import type { Route } from './server.ts'

/** A test harness in another process drives the simulator through these; no vendor has them. */
export function createControl(sim: MondaySim): Route {
  let traffic: { stop(): void } | undefined
  const posts: Readonly<Record<string, (body: Record<string, unknown>) => unknown>> = {
    '/control/edit': (body) => edit(sim, String(body['op']), (body['args'] ?? []) as unknown[]),
    '/control/faults': (body) => {
      mergeFaults(sim.faults, body)
      return sim.faults
    },
    '/control/limits': (body) => Object.assign(sim.limits, body),
    '/control/traffic': (body) => {
      traffic?.stop()
      traffic = Number(body['perSecond']) > 0 ? sim.traffic(Number(body['perSecond'])) : undefined
      return { perSecond: body['perSecond'] }
    },
  }
  return async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (request.method === 'GET' && path === '/control/stats') return json(response, 200, stats(sim))
    const truth = /^\/control\/truth\/(\d+)$/.exec(path)?.[1]
    if (request.method === 'GET' && truth !== undefined) return writeTruth(sim, truth, response)
    const post = request.method === 'POST' ? posts[path] : undefined
    if (post === undefined) return false
    try {
      return json(response, 200, post(await readJson(request)))
    } catch (error) {
      if (!(error instanceof EditError || error instanceof ColumnValueError || error instanceof SyntaxError))
        throw error
      return json(response, 400, { error: error.message })
    }
  }
}

function stats(sim: MondaySim): unknown {
  const { calls, rejected, byField, byOperation, last } = sim.requests
  const boards = [...sim.world.boards.values()].map(({ id, name, items }) => ({
    id,
    name,
    items: items.size,
  }))
  return {
    requests: { calls, rejected, byField, byOperation, last: last.slice(-20) },
    deliveries: sim.deliveries.stats(),
    webhooks: sim.world.webhooks.size,
    memoryBytes: process.memoryUsage.rss(),
    boards,
  }
}

/** Runs one of the `Edits` by name. */
function edit(sim: MondaySim, op: string, args: unknown[]): unknown {
  if (!Object.hasOwn(sim.edit, op)) throw new EditError(`no edit "${op}"`)
  const run = sim.edit[op as keyof typeof sim.edit] as (...args: unknown[]) => { id: string | number }
  const { id } = run(...args)
  return { ok: true, id: String(id) }
}

function json(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
  return true
}

async function writeTruth(sim: MondaySim, boardId: string, response: ServerResponse): Promise<true> {
  if (!sim.world.boards.has(boardId)) return json(response, 404, { error: `no board ${boardId}` })
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
  // One consistent picture: the world must not change between the first line and the last.
  const lines: string[] = []
  for (const item of sim.world.truth(boardId)) lines.push(JSON.stringify(item))
  response.end(lines.length === 0 ? '' : `${lines.join('\n')}\n`)
  return true
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
}
