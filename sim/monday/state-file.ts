import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Clock, World } from './world/model.ts'
import { loadWorld, saveWorld } from './world/snapshot.ts'

const SAVE_EVERY_MS = 3_000
/** Saving blocks the process: it may take this share of the time. */
const SAVE_SHARE = 0.05

export function loadState(path: string, clock: Clock): World | undefined {
  return existsSync(path) ? loadWorld(readFileSync(path, 'utf8'), clock) : undefined
}

/** Keeps a world on disk: replaced whole, by rename, so that a kill in the middle leaves the last good one. */
export class StateFile {
  readonly #path: string
  readonly #world: World
  #saved = -1
  #timer: NodeJS.Timeout | undefined

  constructor(path: string, world: World) {
    this.#path = path
    this.#world = world
  }

  start(): void {
    this.#schedule(SAVE_EVERY_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.save()
  }

  save(): void {
    if (this.#saved === this.#world.version) return
    const version = this.#world.version
    const temporary = `${this.#path}.${process.pid}.tmp`
    writeFileSync(temporary, saveWorld(this.#world))
    renameSync(temporary, this.#path)
    this.#saved = version
  }

  #schedule(waitMs: number): void {
    this.#timer = setTimeout(() => {
      const startedAt = performance.now()
      this.save()
      const tookMs = performance.now() - startedAt
      this.#schedule(Math.max(SAVE_EVERY_MS, tookMs / SAVE_SHARE))
    }, waitMs)
    this.#timer.unref()
  }
}
