import type { Faults } from '../faults.ts'
import type { World, Workspace } from '../world/model.ts'

/** As it was from a moment on. */
interface Kept {
  readonly at: number
  readonly workspace: Workspace
}

/** What reads answer while a replica lags (`replicaLagMs`): each workspace as it was that long ago. */
export class Replica {
  readonly #world: World
  readonly #faults: Faults
  /** Workspace → its states, oldest first. */
  readonly #kept = new Map<number, Kept[]>()

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#faults = faults
    this.keep()
  }

  /** To be called when something has changed. */
  keep(): void {
    if (this.#faults.replicaLagMs <= 0) return
    const now = this.#world.clock.now()
    for (const workspace of this.#world.workspaces) {
      const states = (this.#kept.get(workspace.id) ?? []).filter(({ at }) => at < now)
      const current = states.findLastIndex(({ at }) => at <= now - this.#faults.replicaLagMs)
      states.splice(0, Math.max(0, current))
      states.push({ at: now, workspace: structuredClone(workspace) })
      this.#kept.set(workspace.id, states)
    }
  }

  /** The workspace as reads see it. */
  of(workspace: Workspace): Workspace {
    if (this.#faults.replicaLagMs <= 0) return workspace
    const then = this.#world.clock.now() - this.#faults.replicaLagMs
    const states = this.#kept.get(workspace.id) ?? []
    const state = states.findLast(({ at }) => at <= then) ?? states[0]
    return state?.workspace ?? workspace
  }
}
