import { DELETED, EXTRA, extraRegister, type Json, type Observation, type Value } from './observation.ts'
import { NEVER, type Stamp } from './stamp.ts'

/**
 * All that is known of one key: one last-writer-wins register a column, one a vendor column of `extra`, and one for
 * "deleted". `base` is the stamp of every register that `stamps` does not name; NEVER until a whole row was seen.
 */
export interface Registers {
  readonly key: string
  readonly base: Stamp
  readonly stamps: Readonly<Record<string, Stamp>>
  readonly values: Readonly<Record<string, Value>>
  readonly extra: Readonly<Record<string, Json>>
  readonly deleted: boolean
  readonly unchangedSince?: number
}

/** A key is shown in its public table when a whole row was seen and its newest state is not "deleted". */
export const isLive = (state: Registers): boolean => state.base !== NEVER && !state.deleted

/** The stamp of one register of a key. */
export function stampOf(state: Registers, register: string): Stamp {
  return state.stamps[register] ?? state.base
}

const NOTHING: Readonly<Record<string, Json>> = {}

/** One observation as registers. `columns` are the source-owned columns of the table. */
export function toRegisters(o: Observation, columns: readonly string[]): Registers {
  const carried = o.extra ?? NOTHING
  // In `extra` an empty column is an absent one, whether the vendor says null or nothing.
  const extra: Record<string, Json> = {}
  for (const column in carried) {
    const value = carried[column]
    if (value !== null && value !== undefined) extra[column] = value
  }
  if (o.kind === 'row') {
    const stamps: Record<string, Stamp> = {}
    for (const register in o.stamps) {
      const own = o.stamps[register]
      if (own !== undefined && own !== o.stamp) stamps[register] = own
    }
    for (const column of columns) if (!(column in o.values)) stamps[column] = NEVER
    for (const column of o.omitted ?? []) if (!(column in carried)) stamps[extraRegister(column)] = NEVER
    const row = { key: o.key, base: o.stamp, stamps, values: o.values, extra, deleted: o.deleted ?? false }
    return o.unchangedSince === undefined ? row : { ...row, unchangedSince: o.unchangedSince }
  }
  const stamps: Record<string, Stamp> = {}
  if (o.kind !== 'fields') stamps[DELETED] = o.stamp
  for (const column of Object.keys(o.values)) stamps[column] = o.stamps?.[column] ?? o.stamp
  for (const column of Object.keys(carried)) {
    stamps[extraRegister(column)] = o.stamps?.[extraRegister(column)] ?? o.stamp
  }
  return { key: o.key, base: NEVER, stamps, values: o.values, extra, deleted: o.kind === 'delete' }
}

/**
 * Merges two states of a key register by register; the higher stamp wins. Commutative, associative, idempotent,
 * provided that equal stamps carry equal values (each observation has a stamp of its own).
 */
export function merge(a: Registers, b: Registers): Registers {
  const since = newestAssertion(a, b)
  // The usual case: the newer of two states of a whole row has nothing to learn of the older.
  if (outranks(b, a)) return asserting(b, since)
  if (outranks(a, b)) return asserting(a, since)
  const wins = (register: string): boolean => stampOf(b, register) > stampOf(a, register)
  const base = a.base > b.base ? a.base : b.base
  const stamps: Record<string, Stamp> = {}
  const settle = (register: string): void => {
    const winner = wins(register) ? stampOf(b, register) : stampOf(a, register)
    if (winner !== base) stamps[register] = winner
  }
  for (const register in a.stamps) settle(register)
  for (const register in b.stamps) if (!(register in a.stamps)) settle(register)
  const values = pickEach(a.values, b.values, wins)
  const extra = pickEach(a.extra, b.extra, (column) => wins(extraRegister(column)))
  const merged = { key: a.key, base, stamps, values, extra, deleted: (wins(DELETED) ? b : a).deleted }
  return since === undefined ? merged : { ...merged, unchangedSince: since }
}

/** Whether every register of one is newer than every register of the other. */
function outranks(a: Registers, b: Registers): boolean {
  if (a.base <= b.base) return false
  let highest = b.base
  for (const register in b.stamps)
    if ((b.stamps[register] ?? NEVER) > highest) highest = b.stamps[register] ?? NEVER
  return lowestStamp(a) > highest
}

/** Of all registers of a key; NEVER where one of them was not seen. */
export function lowestStamp({ base, stamps }: Registers): Stamp {
  let lowest = base
  for (const register in stamps) if ((stamps[register] ?? NEVER) < lowest) lowest = stamps[register] ?? NEVER
  return lowest
}

function asserting(state: Registers, since: number | undefined): Registers {
  if (state.unchangedSince === since) return state
  const { key, base, stamps, values, extra, deleted } = state
  const plain = { key, base, stamps, values, extra, deleted }
  return since === undefined ? plain : { ...plain, unchangedSince: since }
}

function pickEach<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  takesB: (name: string) => boolean,
): Record<string, T> {
  const picked: Record<string, T> = {}
  const settle = (name: string): void => {
    const value = (takesB(name) ? b : a)[name]
    if (value !== undefined) picked[name] = value
  }
  for (const name in a) settle(name)
  for (const name in b) if (!(name in a)) settle(name)
  return picked
}

/** "Unchanged since" speaks for a whole row: it survives only where that row is all there is to say of the key. */
function newestAssertion(a: Registers, b: Registers): number | undefined {
  if (a.unchangedSince === undefined || b.unchangedSince === undefined) return undefined
  return Math.max(a.unchangedSince, b.unchangedSince)
}

/** What becomes of a key of which only the stamps are known, when another state of it is merged into it. */
export interface Decision {
  readonly base: Stamp
  readonly stamps: Readonly<Record<string, Stamp>>
  /** How many columns win with a value, and which bring one and lose: these keep what they have. */
  readonly winning: number
  readonly losing: readonly string[]
  readonly extra: ExtraDecision
}

/**
 * `whole`: the incoming `extra` takes the place of what is there, but for the vendor columns in `keys`, which stay.
 * Otherwise what is there stays, but for those in `keys`, which are as in `values` (absent from it: gone).
 */
export interface ExtraDecision {
  readonly whole: boolean
  readonly keys: readonly string[]
  readonly values: Readonly<Record<string, Json>>
}

/** Decides as `merge(known, incoming)` does, without the values of `known`. Undefined where nothing incoming wins. */
export function decide(
  known: { readonly base: Stamp; readonly stamps: Readonly<Record<string, Stamp>> },
  incoming: Registers,
): Decision | undefined {
  const whole = incoming.base > known.base
  const base = whole ? incoming.base : known.base
  const stamps: Record<string, Stamp> = {}
  const extraKeys: string[] = []
  let some = whole
  const settle = (register: string): void => {
    const [ours, theirs] = [known.stamps[register] ?? known.base, incoming.stamps[register] ?? incoming.base]
    const wins = theirs > ours
    const winner = wins ? theirs : ours
    if (winner !== base) stamps[register] = winner
    if (wins) some = true
    if (register.startsWith(EXTRA) && wins !== whole) extraKeys.push(register.slice(EXTRA.length))
  }
  for (const register in known.stamps) settle(register)
  for (const register in incoming.stamps) if (!(register in known.stamps)) settle(register)
  if (!some) return undefined
  const losing: string[] = []
  let winning = 0
  for (const column in incoming.values)
    if ((incoming.stamps[column] ?? incoming.base) > (known.stamps[column] ?? known.base)) winning++
    else losing.push(column)
  return { base, stamps, winning, losing, extra: decideExtra(incoming.extra, whole, extraKeys) }
}

function decideExtra(extra: Registers['extra'], whole: boolean, keys: readonly string[]): ExtraDecision {
  if (keys.length === 0) return { whole, keys, values: whole ? extra : {} }
  const listed = new Set(keys)
  const values = Object.fromEntries(Object.entries(extra).filter(([key]) => listed.has(key) !== whole))
  return { whole, keys, values }
}

/** Collapses a batch to one register map a key, in key order, so that SQL sees each key once and locks in order. */
export class Collapsing {
  private readonly columns: readonly string[]
  private readonly byKey = new Map<string, Registers>()

  /** @param columns the source-owned columns of the table */
  constructor(columns: readonly string[]) {
    this.columns = columns
  }

  add(observation: Observation): void {
    const next = toRegisters(observation, this.columns)
    const known = this.byKey.get(next.key)
    this.byKey.set(next.key, known === undefined ? next : merge(known, next))
  }

  end(): Registers[] {
    return [...this.byKey.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  }
}
