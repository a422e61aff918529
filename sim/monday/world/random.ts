/** A seeded stream (mulberry32): fast, one 32-bit word of state, so a saved world resumes exactly. */
export interface Random {
  next(): number
  int(below: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  hex(digits: number): string
  shuffle<T>(list: T[]): T[]
  state(): number
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    next,
    int,
    chance: (probability) => probability > 0 && next() < probability,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('pick: the list is empty')
      return list[int(list.length)] as T
    },
    hex: (digits) => {
      let out = ''
      while (out.length < digits) out += int(16).toString(16)
      return out
    },
    shuffle: (list) => {
      for (let i = list.length - 1; i > 0; i--) {
        const j = int(i + 1)
        const held = list[i] as (typeof list)[number]
        list[i] = list[j] as (typeof list)[number]
        list[j] = held
      }
      return list
    },
    state: () => state,
  }
}
