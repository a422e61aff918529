import { newId } from '../world/create-world.ts'
import type { Id, Update, World } from '../world/model.ts'
import { type EditContext, EditError, type EditOptions } from './change.ts'
import { Commit } from './commit.ts'

/** Comments. They move no `updated_at` of their item. */
export interface UpdateEdits {
  createUpdate(itemId: Id, body: string, options?: EditOptions): Update
  editUpdate(updateId: Id, body: string, options?: EditOptions): Update
  deleteUpdate(updateId: Id, options?: EditOptions): Update
}

function findUpdate(world: World, id: Id): Update {
  const update = world.updates.get(String(id))
  if (update === undefined) throw new EditError(`no update ${id}`)
  return update
}

function itemOf(world: World, id: Id) {
  const item = world.items.get(Number(id))
  if (item === undefined) throw new EditError(`no item ${id}`)
  return item
}

export function createUpdateEdits(context: EditContext): UpdateEdits {
  const { world } = context
  return {
    createUpdate(itemId, body, options) {
      const item = itemOf(world, itemId)
      const commit = new Commit(context, options)
      const { at, userId } = commit.stamp
      const id = String(newId(world))
      const update = {
        id,
        itemId: item.id,
        body,
        creatorId: userId,
        createdAt: at,
        updatedAt: at,
        parentId: null,
      }
      world.updates.set(update.id, update)
      commit.record({ kind: 'update', verb: 'create', item, update })
      return update
    },
    editUpdate(updateId, body, options) {
      const update = findUpdate(world, updateId)
      const commit = new Commit(context, options)
      update.body = body
      update.updatedAt = commit.stamp.at
      commit.record({ kind: 'update', verb: 'edit', item: itemOf(world, update.itemId), update })
      return update
    },
    deleteUpdate(updateId, options) {
      const update = findUpdate(world, updateId)
      world.updates.delete(update.id)
      const item = itemOf(world, update.itemId)
      new Commit(context, options).record({ kind: 'update', verb: 'delete', item, update })
      return update
    },
  }
}
