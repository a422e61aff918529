import type { Random } from '../../monday/world/random.ts'
import { hash } from './hash.ts'
import { takeIds } from './lookup.ts'
import type { Sender, SenderStatus, Tag, World } from './model.ts'
import { firstName, lastName } from './names.ts'

const PROVIDERS = ['Google', 'Microsoft', 'Gmail', 'Outlook'] as const
const RESELLERS = ['CheapInboxes', 'Zapmail', 'ScaledMail', 'Mailr'] as const
const OTHER_TAGS = ['Interested', 'VIP'] as const
/** Mailboxes without a provider's or reseller's label: 3 in 100. */
const UNLABELLED = 0.03
/** Mailboxes that a reseller puts on one domain. */
const PER_DOMAIN: Readonly<Record<(typeof RESELLERS)[number], number>> = {
  CheapInboxes: 3,
  Zapmail: 4,
  ScaledMail: 49,
  Mailr: 99,
}

export function createTags(world: World, at: number): Tag[] {
  return [...PROVIDERS, ...RESELLERS, ...OTHER_TAGS].map((name) => ({
    id: takeIds(world, 'tag'),
    name,
    default: PROVIDERS.some((provider) => provider === name),
    createdAt: at,
  }))
}

function statusOf(draw: number): SenderStatus {
  if (draw < 0.93) return 'Connected'
  if (draw < 0.98) return 'Disconnected'
  return draw < 0.995 ? 'Failed' : 'Not connected'
}

/** What a mailbox's lifetime counters are when it has sent so many. */
export function countersFor(sent: number) {
  const replied = Math.round(sent * 0.006)
  return {
    sent,
    replied,
    opened: 0,
    unsubscribed: Math.round(sent * 0.002),
    bounced: Math.round(sent * 0.008),
    uniqueReplied: Math.round(replied * 0.9),
    uniqueOpened: 0,
    contacted: Math.round(sent * 0.4),
    interested: Math.round(sent * 0.001),
  }
}

export function createSender(world: World, from: Partial<Sender> & { at: number; domain: string }): Sender {
  const id = takeIds(world, 'sender')
  const name = `${firstName(id * 3)} ${lastName(id * 3)}`
  const { at, domain, ...given } = from
  return {
    id,
    name,
    email: `${name.toLowerCase().replace(' ', '.')}.${id}@${domain}`,
    status: 'Connected',
    dailyLimit: 20,
    warmupEnabled: true,
    tagIds: [],
    sentAtStart: given.sent ?? 0,
    ...countersFor(given.sent ?? 0),
    createdAt: at,
    updatedAt: at,
    ...given,
  }
}

/** The mailboxes of one workspace, in runs that share a domain, a provider and a reseller. */
export function createSenders(
  world: World,
  random: Random,
  tags: readonly Tag[],
  count: number,
  at: number,
): Sender[] {
  const tagId = (name: string): number[] => tags.filter((tag) => tag.name === name).map((tag) => tag.id)
  const senders: Sender[] = []
  while (senders.length < count) {
    const reseller = random.pick(RESELLERS)
    const provider = random.pick(PROVIDERS)
    const onDomain = Math.min(PER_DOMAIN[reseller], count - senders.length)
    const domain = `mail-${hash(world.seed, world.ids.sender).toString(36)}.test`
    for (let i = 0; i < onDomain; i++) {
      const labels = [
        ...(random.chance(UNLABELLED) ? [] : tagId(provider)),
        ...(random.chance(UNLABELLED) ? [] : tagId(reseller)),
      ]
      senders.push(
        createSender(world, {
          at,
          domain,
          status: statusOf(random.next()),
          dailyLimit: reseller === 'Mailr' ? 5 : 20,
          warmupEnabled: random.chance(0.9),
          tagIds: labels,
          sent: Math.floor(random.next() ** 2 * 1_500),
        }),
      )
    }
  }
  return senders
}
