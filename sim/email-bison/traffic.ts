import type { Random } from '../monday/world/random.ts'
import type { Acts } from './acts/acts.ts'
import { ActError } from './acts/stage.ts'
import type { World, Workspace } from './world/model.ts'

const TICK_MS = 50

interface Site {
  readonly world: World
  readonly act: Acts
}

interface Place extends Site {
  readonly workspace: Workspace
  readonly random: Random
}

/** What a thousand happenings are, as cold mail has them: replies to 0.5 % of mails, a quarter of them interested. */
const MIX = {
  sendEmail: 905,
  open: 70,
  reply: 4.6,
  automatedReply: 1.1,
  untrackedReply: 0.4,
  bounce: 7.2,
  unsubscribe: 1.8,
  manualSend: 1.2,
  accountDisconnected: 0.5,
  accountReconnected: 0.4,
  accountAdded: 0.1,
  accountRemoved: 0.05,
  warmupDisabled: 0.1,
  tag: 0.3,
  sendFailed: 0.5,
}
type Kind = keyof typeof MIX
/** Weights in place of the usual ones; a demonstration may want more replies than real life has. */
export type TrafficMix = Partial<Record<Kind, number>>

const ACTS: Readonly<Record<Kind, (place: Place) => unknown>> = {
  sendEmail: ({ act, workspace }) => act.sendEmail(workspace.id),
  open: ({ act, workspace, random }) =>
    onRecentEmail(workspace, random, (email) => act.open(workspace.id, { email })),
  reply: ({ act, workspace, random }) =>
    onRecentEmail(workspace, random, (email) =>
      act.reply(workspace.id, { email, interested: random.chance(0.25) }),
    ),
  automatedReply: ({ act, workspace, random }) =>
    onRecentEmail(workspace, random, (email) => act.reply(workspace.id, { email, automated: true })),
  untrackedReply: ({ act, workspace }) => act.reply(workspace.id, { untracked: true }),
  bounce: ({ act, workspace, random }) =>
    onRecentEmail(workspace, random, (email) => act.bounce(workspace.id, { email })),
  unsubscribe: ({ act, workspace, random }) =>
    onRecentEmail(workspace, random, (email) => act.unsubscribe(workspace.id, { email })),
  manualSend: ({ act, workspace }) => {
    const reply = workspace.replies.findLast(({ type, automated }) => type === 'Tracked Reply' && !automated)
    return reply === undefined ? undefined : act.manualSend(workspace.id, { reply: reply.id })
  },
  accountDisconnected: ({ act, workspace }) => act.accountDisconnected(workspace.id),
  accountReconnected: ({ act, workspace }) => act.accountReconnected(workspace.id),
  accountAdded: ({ act, workspace }) => act.accountAdded(workspace.id),
  accountRemoved: ({ act, workspace }) => act.accountRemoved(workspace.id),
  warmupDisabled: ({ act, workspace, random }) =>
    act.warmupDisabled(workspace.id, { cause: random.chance(0.5) ? 'receiving' : 'causing' }),
  tag: ({ act, workspace, random }) => {
    const [tag, sender] = [random.pick(workspace.tags).id, random.pick(workspace.senders).id]
    return random.chance(0.7)
      ? act.tagAttached(workspace.id, { tag, sender })
      : act.tagRemoved(workspace.id, { tag, sender })
  },
  sendFailed: ({ act, workspace }) => act.unknownType(workspace.id),
}

/** Something that happens to one of the last mails, none of which it happened to before. */
function onRecentEmail(workspace: Workspace, random: Random, run: (email: number) => unknown): unknown {
  const recent = workspace.emails
    .slice(-200)
    .filter((email) => email.status === 'sent' && email.replies === 0)
  return recent.length === 0 ? undefined : run(random.pick(recent).id)
}

/** Lets things happen at a steady rate, by the machine's clock, in an order fixed by the seed. */
export function startTraffic(
  sites: readonly Site[],
  random: Random,
  perSecond: number,
  mix: TrafficMix = {},
): { stop(): void } {
  const startedAt = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond)
    for (; done < due; done++) actOnce(sites, random, mix)
  }, TICK_MS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

/** One happening, in a workspace chosen by its mailboxes. */
export function actOnce(sites: readonly Site[], random: Random, mix: TrafficMix = {}): void {
  const place = pickPlace(sites, random)
  if (place === undefined) return
  const weights = Object.entries({ ...MIX, ...mix }) as [Kind, number][]
  let draw = random.next() * weights.reduce((sum, [, weight]) => sum + weight, 0)
  const [kind] = weights.find(([, weight]) => (draw -= weight) < 0) ?? (['sendEmail', 0] as const)
  try {
    ACTS[kind](place)
  } catch (error) {
    // A workspace without an active campaign or a connected mailbox has a quiet moment.
    if (!(error instanceof ActError)) throw error
  }
}

function pickPlace(sites: readonly Site[], random: Random): Place | undefined {
  const places = sites.flatMap((site) =>
    site.world.workspaces.map((workspace) => ({ ...site, workspace, random })),
  )
  let draw = random.int(places.reduce((sum, { workspace }) => sum + workspace.senders.length, 0))
  return places.find(({ workspace }) => (draw -= workspace.senders.length) < 0)
}
