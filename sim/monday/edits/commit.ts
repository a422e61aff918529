import type { Item } from '../world/model.ts'
import { logActivity } from './activity.ts'
import type { Change, EditContext, EditOptions, Stamp } from './change.ts'

/** One edit: its changes share a time, an author and a trigger id. */
export class Commit {
  readonly stamp: Stamp
  readonly #context: EditContext
  readonly #options: EditOptions
  constructor(context: EditContext, options: EditOptions = {}) {
    const { world } = context
    this.#context = context
    this.#options = options
    this.stamp = {
      at: world.clock.now(),
      userId: options.userId ?? (world.users.keys().next().value as number),
      triggerUuid: world.random.hex(32),
      micros: world.random.int(1000),
    }
  }

  /** Call before changing an item. */
  before(item: Item): void {
    this.#context.beforeChange(item)
  }

  touch(item: Item): void {
    item.updatedAt = this.stamp.at
    item.updaterId = this.stamp.userId
    item.board.version++
    this.#context.world.version++
  }

  /** `heard` false: the vendor has no webhook for it. */
  record(change: Change, heard = true): void {
    this.#context.world.version++
    if (this.#options.unlogged !== true) logActivity(this.#context.world, change, this.stamp)
    if (heard && this.#options.silent !== true) this.#context.announce(change, this.stamp)
  }
}
