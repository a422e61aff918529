import type { Random } from '../../monday/world/random.ts'

/** One agency owns very many of the mailboxes of a large estate, two own many. */
const LARGE = 1_626
const MIDDLE = [444, 433]
/** Below these the big ones would leave nothing to the others. */
const LARGE_FROM = 8_000
const MIDDLE_FROM = 3_000

/** Mailboxes of each workspace: they add up to `total`, mostly 15 to 200. */
export function workspaceSizes(random: Random, workspaces: number, total: number): number[] {
  const big = [...(total >= LARGE_FROM ? [LARGE] : []), ...(total >= MIDDLE_FROM ? MIDDLE : [])].slice(
    0,
    Math.max(0, workspaces - 1),
  )
  const weights = Array.from({ length: workspaces - big.length }, () => 0.15 + random.next() * 1.5)
  const left = total - big.reduce((sum, size) => sum + size, 0)
  const weight = weights.reduce((sum, each) => sum + each, 0)
  const rest = weights.map((each) => Math.floor((left * each) / weight))
  const given = rest.reduce((sum, size) => sum + size, 0)
  for (let i = 0; i < left - given; i++) rest[i % rest.length] = (rest[i % rest.length] ?? 0) + 1
  return [...rest.slice(0, 3), ...big, ...rest.slice(3)]
}
