import { createRandom } from '../../monday/world/random.ts'
import { addWorkspace } from '../world/create-world.ts'
import { hash } from '../world/hash.ts'
import { createLead } from '../world/leads.ts'
import type { Lead, Workspace } from '../world/model.ts'
import type { Stage } from './stage.ts'

/** Changes that the vendor announces to no one: polling finds them or nothing does. */
export function createWorkspaceActs(stage: Stage) {
  return {
    addWorkspace({
      name,
      mailboxes = 10,
      campaigns = 1,
      leads = 0,
    }: {
      name: string
      mailboxes?: number
      campaigns?: number
      leads?: number
    }): Workspace {
      const { world } = stage
      const random = createRandom(hash(world.seed, 4, world.ids.workspace))
      const workspace = addWorkspace(world, random, {
        name,
        size: mailboxes,
        at: stage.now(),
        campaigns,
        leads,
      })
      stage.touch()
      return workspace
    },
    renameWorkspace(workspaceId: number, { name }: { name: string }): Workspace {
      const workspace = stage.workspace(workspaceId)
      workspace.name = name
      workspace.updatedAt = stage.now()
      stage.touch()
      return workspace
    },
    addLead(
      workspaceId: number,
      given: Partial<Pick<Lead, 'email' | 'firstName' | 'lastName' | 'company' | 'title' | 'status'>> = {},
    ): Lead {
      const lead = createLead(stage.world, stage.workspace(workspaceId), stage.now(), given)
      stage.touch()
      return lead
    },
  }
}
