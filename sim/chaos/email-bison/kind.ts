import { join } from 'node:path'
import { migrate, readMigrations } from '../../../src/db/migrate.ts'
import { type EmailBisonSim, startEmailBisonSim } from '../../email-bison/index.ts'
import type { Kind, Setting } from '../kind.ts'
import { APP } from './app.ts'
import { VendorActs } from './acts.ts'
import { mutations } from './mutations.ts'
import { BisonSite, type VendorClock } from './site.ts'

const PORTAL = join(import.meta.dirname, '../../../src/apps/portal/migrations')

/** An agency on Email Bison, with the portal and its ledger. */
export const emailBison: Kind = {
  name: 'email-bison',
  app: APP,
  build: async (admin) => void (await migrate(admin, await readMigrations('portal', PORTAL))),
  starts: [
    Date.UTC(2026, 10, 18, 16, 0, 0),
    // Just before a month ends in Chicago, and before the clocks are changed there, both ways.
    Date.UTC(2026, 11, 1, 5, 40, 0),
    Date.UTC(2026, 10, 1, 6, 40, 0),
    Date.UTC(2027, 2, 14, 7, 45, 0),
  ],
  mutations,
  start,
}

async function start({ seed, random, time, profile, post }: Setting): Promise<BisonSite> {
  const clock: VendorClock = {
    offsetMs: random.int(600_000) - 300_000,
    now: () => time.nowMs + clock.offsetMs,
  }
  const lag = profile === 'live' ? 0 : random.pick([0, 2_000, 10_000, 25_000])
  const sim: EmailBisonSim = await startEmailBisonSim({
    seed,
    clock,
    workspaces: 2,
    mailboxes: 6 + random.int(8),
    // The third leaves automated replies out.
    campaigns: 3,
    leads: 3,
    historyDays: 0,
    control: false,
    settings: { pageSize: 3 + random.int(5), eventCase: random.pick(['upper', 'lower']) },
    faults: {
      pagination: random.pick(['asked', 'asked', 'page', 'cursor']),
      perPageIgnored: random.chance(0.6),
      arrayWrap: random.pick([0, 0, 0.3]),
      replicaLagMs: lag === 0 && profile === 'lagging' ? 5_000 : lag,
    },
    capture: ({ url, body }) =>
      post(new URL(url).pathname, JSON.parse(body) as Parameters<Setting['post']>[1]),
  })
  const acts = new VendorActs(sim, random, time)
  // Of a time before anybody listened: only the vendor's own record tells.
  if (profile === 'storm') for (let i = 0; i < 6; i++) acts.heard()
  return new BisonSite({ sim, acts, clock, random, time })
}
