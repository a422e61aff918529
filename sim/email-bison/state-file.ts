import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Clock } from './world/model.ts'
import { loadInstance, type SavedInstance, saveInstance } from './world/snapshot.ts'

const SAVE_EVERY_MS = 5_000
/** Saving blocks the process: it may take this share of the time. */
const SAVE_SHARE = 0.05

export function loadState(path: string, clock: Clock): SavedInstance[] | undefined {
  if (!existsSync(path)) return undefined
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => loadInstance(line, clock))
}

/** Keeps the instances on disk: replaced whole, by rename, so that a kill in the middle leaves the last good ones. */
export class StateFile {
  readonly #path: string
  readonly #instances: () => readonly SavedInstance[]
  #saved = -1
  #timer: NodeJS.Timeout | undefined

  constructor(path: string, instances: () => readonly SavedInstance[]) {
    this.#path = path
    this.#instances = instances
  }

  start(): void {
    this.#schedule(SAVE_EVERY_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.save()
  }

  save(): void {
    const instances = this.#instances()
    const version = instances.reduce((sum, { world }) => sum + world.version, 0)
    if (this.#saved === version) return
    const temporary = `${this.#path}.${process.pid}.tmp`
    writeFileSync(temporary, instances.map((instance) => `${saveInstance(instance)}\n`).join(''))
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
