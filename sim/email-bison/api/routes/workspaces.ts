import { totals } from '../../world/count.ts'
import { mintToken } from '../../world/create-world.ts'
import { timestamp } from '../../world/days.ts'
import { uuidOf } from '../../world/hash.ts'
import { find } from '../../world/lookup.ts'
import type { Workspace } from '../../world/model.ts'
import { type Call, ok, type Routes } from '../call.ts'
import { forbidden, invalid, notFound } from '../errors.ts'
import { listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { idOf, windowOf } from '../query.ts'
import { workspaceRow } from '../rows.ts'
import { lineArea, statsOf } from '../stats.ts'

const BASE = '/api/workspaces/v1.1'

/** An `api-user` sees the one it was made in. */
function visible({ world, token, workspace }: Call): readonly Workspace[] {
  return token.kind === 'super-admin' ? world.workspaces : [workspace]
}

function workspaceIn(call: Call, id: number): Workspace {
  const found = find(visible(call), id)
  if (found === undefined) throw notFound()
  return found
}

export const workspaceRoutes: Routes = {
  /** Deprecated. */
  'GET /api/workspaces': (call) => paginate(call, listing(visible(call)), { show: workspaceRow }),
  [`GET ${BASE}`]: (call) => paginate(call, listing(visible(call)), { show: workspaceRow }),
  [`GET ${BASE}/stats`]: (call) => ok(statsOf(totals(call.world, call.workspace, windowOf(call.query)))),
  [`GET ${BASE}/line-area-chart-stats`]: (call) =>
    ok(lineArea(call.world, call.workspace, windowOf(call.query))),
  /** Moves every super-admin token of the instance at once: whoever else is at work goes on in the wrong workspace. */
  [`POST ${BASE}/switch-workspace`]: (call) => {
    if (call.token.kind !== 'super-admin') throw forbidden()
    const id = Number(call.body['team_id'])
    if (!Number.isInteger(id)) throw invalid({ team_id: 'The team id field is required.' })
    const workspace = workspaceIn(call, id)
    call.world.currentWorkspaceId = workspace.id
    call.world.version++
    return ok(workspaceRow(workspace))
  },
  [`GET ${BASE}/:id`]: (call) => ok(workspaceRow(workspaceIn(call, idOf(call)))),
  [`POST ${BASE}/:id/api-tokens`]: (call) => {
    if (call.token.kind !== 'super-admin') throw forbidden()
    const { name } = call.body
    if (typeof name !== 'string' || name === '') throw invalid({ name: 'The name field is required.' })
    const token = mintToken(call.world, name, workspaceIn(call, idOf(call)).id)
    call.world.version++
    const at = timestamp(token.createdAt)
    const hash = uuidOf(call.world.seed, 11, token.id).replaceAll('-', '')
    const { id, text } = token
    return ok({
      id,
      name,
      plain_text_token: text,
      token_hash: hash,
      abilities: ['*'],
      created_at: at,
      updated_at: at,
    })
  },
  'GET /api/users': ({ world, workspace, token }) =>
    ok({
      id: 1,
      name: 'Robin Owner',
      email: 'owner@agency.test',
      profile_photo_url: null,
      role: token.kind === 'super-admin' ? 'owner' : 'admin',
      workspace: workspaceRow(workspace),
      created_at: timestamp(world.startedAt),
      updated_at: timestamp(world.startedAt),
    }),
}
