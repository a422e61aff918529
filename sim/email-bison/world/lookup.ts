import { ID_KINDS, type IdKind, type World, type Workspace } from './model.ts'

interface Kept {
  readonly id: number
}

/** The index of the first whose id is not less; lists are in order of id. */
export function lowerBound(list: readonly Kept[], id: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle] as Kept).id < id) low = middle + 1
    else high = middle
  }
  return low
}

export function find<T extends Kept>(list: readonly T[], id: number): T | undefined {
  const at = list[lowerBound(list, id)]
  return at?.id === id ? at : undefined
}

export function remove<T extends Kept>(list: T[], id: number): T | undefined {
  const index = lowerBound(list, id)
  return list[index]?.id === id ? list.splice(index, 1)[0] : undefined
}

export function newIds(): Record<IdKind, number> {
  return Object.fromEntries(ID_KINDS.map((kind) => [kind, 1])) as Record<IdKind, number>
}

/** Takes `count` ids in a row and returns the first. */
export function takeIds(world: Pick<World, 'ids'>, kind: IdKind, count = 1): number {
  const first = world.ids[kind]
  world.ids[kind] += count
  return first
}

/** A thing that a test or a caller asked for does not exist. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
}

/** As `find`, for ids that an act was given. Throws NotFoundError. */
export function must<T extends Kept>(list: readonly T[], id: number, kind: string): T {
  const found = find(list, id)
  if (found === undefined) throw new NotFoundError(`no ${kind} ${id}`)
  return found
}

export function workspaceOf(world: World, id: number): Workspace {
  return must(world.workspaces, id, 'workspace')
}
