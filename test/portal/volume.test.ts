import { describe, expect, it } from 'vitest'
import { record } from '../../src/apps/portal/record.ts'
import type { Fact } from '../../src/sources/contract.ts'
import { agrees } from './support/agrees.ts'
import { fact, type World, withWorld, workspace } from './support/world.ts'

/** The same numbers for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const MIX = [
  ['email_sent', 0.8],
  ['email_opened', 0.9],
  ['lead_replied', 0.94],
  ['lead_interested', 0.96],
  ['email_bounced', 0.99],
  ['lead_unsubscribed', 1],
] as const

/** Weeks of an agency's events about a change of the clocks and a month's turn, mostly in order, a tenth told twice. */
function traffic(count: number, random: () => number): Fact[] {
  const from = Date.parse('2026-10-20T00:00:00Z')
  const span = 40 * 86_400_000
  const facts = Array.from({ length: count }, (_, i) => {
    const at = new Date(from + Math.floor((i / count) * span)).toISOString()
    const scope = `send/${1 + Math.floor(random() * 8)}`
    const drawn = random()
    const type = MIX.find(([, upTo]) => drawn < upTo)?.[0] ?? 'email_sent'
    const lead = Math.floor(random() * 5_000)
    return fact(scope, type, `reply:${i}`, at, {
      lead: { id: lead, email: `l${lead}@x.test`, first_name: `L${i}` },
    })
  })
  const told = facts.flatMap((one, i) => {
    const again = random() < 0.1 ? [{ one, place: i + random() * 3_000 }] : []
    return [{ one, place: i + (random() < 0.02 ? random() * 5_000 : random() * 20) }, ...again]
  })
  return told.sort((a, b) => a.place - b.place).map(({ one }) => one)
}

const BATCH = 500

/** Milliseconds and statements of the dearest batch. */
async function tell(world: World, facts: readonly Fact[]): Promise<{ ms: number; statements: number }> {
  let worst = { ms: 0, statements: 0 }
  for (let i = 0; i < facts.length; i += BATCH) {
    const began = performance.now()
    let statements = 0
    await world.db.transaction(async (tx) => {
      const counting: typeof tx = {
        ...tx,
        query: (sql, params) => {
          statements++
          return tx.query(sql, params)
        },
      }
      await record(counting, facts.slice(i, i + BATCH))
    })
    worst = {
      ms: Math.max(worst.ms, performance.now() - began),
      statements: Math.max(worst.statements, statements),
    }
  }
  return worst
}

describe('volume', () => {
  // PORTAL_EVENTS=100000 is the whole of it, in about a minute.
  it('events with a tenth told twice, over a change of the clocks and a month’s turn, equal a recount', async () => {
    const count = Number(process.env['PORTAL_EVENTS'] ?? 10_000)
    await withWorld(async (world) => {
      const facts = traffic(count, chance(7))
      const began = performance.now()
      const worst = await tell(world, facts)
      const seconds = (performance.now() - began) / 1000
      if (count > 10_000)
        process.stdout.write(
          `${facts.length} deliveries in ${seconds.toFixed(1)} s, worst batch of ${BATCH} ${worst.ms.toFixed(0)} ms\n`,
        )
      expect(worst.statements, 'statements a batch').toBeLessThanOrEqual(6)
      await agrees(world, facts, [])
    })
  }, 600_000)

  it('more than ten thousand leads are counted whole', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'))
      const facts = Array.from({ length: 10_500 }, (_, i) =>
        fact('send/1', 'lead_interested', `reply:${i}`, '2026-03-05T12:00:00Z', {
          lead: { id: i, email: `l${i}@x.test` },
        }),
      )
      await tell(world, facts)
      expect(await world.value(`(select leads from portal_kpis('2026-03-01', '2026-03-20'))`)).toBe(10_500)
      expect(await world.value('(select interested from get_workspace_lead_counts())')).toBe(10_500)
      expect(await world.value('(select positive_replies_mtd from client_metrics)')).toBe(10_500)
    })
  })
})
