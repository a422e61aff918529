import type { EmailBisonSim, Workspace } from '../../email-bison/index.ts'
import type { Lead, Reply } from '../../email-bison/world/model.ts'
import { calendar } from '../../../test/portal/support/model.ts'
import { INSTANCE, ZONE } from './app.ts'

/** What the ledger must come to, told from what happened at the simulator and by nothing of the app's. */
export interface Recount {
  /** `scope|day|type` → how many. */
  readonly counts: ReadonlyMap<string, number>
  readonly leads: readonly ExpectedLead[]
}

export interface ExpectedLead {
  readonly scope: string
  readonly email: string
  readonly firstName: string
  /** Milliseconds, whole seconds, as all here. */
  readonly receivedAt: number
  readonly interestedAt: number | null
  readonly delivery: 'ok' | 'bounced' | 'unsubscribed'
  readonly machine: 'replied' | 'interested'
  readonly machineAt: number
}

export interface Seen {
  /** Of a reply that no event told: whether it has been read. */
  readonly reply: (scope: string, id: number) => boolean
  /** Of a mark that no event told: whether it has been read while it stood. */
  readonly mark: (scope: string, id: number) => boolean
}

/** Counted apart: nothing in them tells one from another, and they carry no time. */
export const isNameless = (type: string): boolean => type.startsWith('tag_')

const floor = (ms: number): number => Math.floor(ms / 1000) * 1000
const scopeOf = ({ id }: { readonly id: number }): string => `${INSTANCE}/${id}`

interface Told {
  readonly type: string
  readonly at: number
  readonly scope: string
  readonly reply: Reply | null
  readonly lead: Lead | null
}

/** Events once each: of what happens to a mailbox, the vendor tells no more than the second. */
function toldOf(sim: EmailBisonSim): Told[] {
  const once = new Map<string, Told>()
  for (const { id, type, at, workspace, email, reply, sender } of sim.world.events) {
    const ofMailbox = /^(EMAIL_ACCOUNT|WARMUP)_/.test(type)
    const key = ofMailbox ? `${type} ${sender?.id} ${floor(at)}` : String(id)
    const lead = email?.lead ?? reply?.lead ?? null
    once.set(key, { type: type.toLowerCase(), at: floor(at), scope: scopeOf(workspace), reply, lead })
  }
  return [...once.values()]
}

export function recountOf(sim: EmailBisonSim, seen: Seen): Recount {
  const told = toldOf(sim)
  const day = calendar(ZONE)
  const counts = new Map<string, number>()
  const count = (scope: string, at: number, type: string): void => {
    const cell = `${scope}|${day(at)}|${type}`
    counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  for (const { scope, at, type } of told) if (!isNameless(type)) count(scope, at, type)
  const announced = new Set(told.filter(({ type }) => type === 'lead_replied').map(({ reply }) => reply))
  for (const workspace of sim.world.workspaces) {
    for (const reply of workspace.replies)
      if (isReply(reply) && !announced.has(reply) && seen.reply(scopeOf(workspace), reply.id))
        count(scopeOf(workspace), floor(reply.createdAt), 'lead_replied')
  }
  const leads = sim.world.workspaces.flatMap((workspace) => leadsOf(workspace, { told, announced, seen }))
  return { counts, leads }
}

/** Of a lead's, and not a machine's in a campaign that leaves those out. */
const isReply = ({ type, automated, campaign }: Reply): boolean =>
  type === 'Tracked Reply' && !(automated && campaign?.includeAutoReplies === false)

interface Known {
  readonly told: readonly Told[]
  readonly announced: ReadonlySet<Reply | null>
  readonly seen: Seen
}

function leadsOf(workspace: Workspace, { told, announced, seen }: Known): ExpectedLead[] {
  const scope = scopeOf(workspace)
  const own = told.filter((one) => one.scope === scope && one.lead !== null)
  return workspace.leads.flatMap((lead): ExpectedLead[] => {
    const of = (type: string): Told[] => own.filter((one) => one.lead === lead && one.type === type)
    const marks = of('lead_interested')
    const replies = workspace.replies.filter(
      (reply) =>
        reply.lead === lead &&
        (marks.some((mark) => mark.reply === reply) ||
          (isReply(reply) && (announced.has(reply) || seen.reply(scope, reply.id)))),
    )
    if (replies.length === 0) return []
    const more = replies.filter((reply) => seen.mark(scope, reply.id)).map((reply) => floor(reply.createdAt))
    const markedAt = [...marks.map(({ at }) => at), ...more]
    const receivedAt = Math.max(...replies.map((reply) => floor(reply.at)))
    const repliedAt = replies
      .filter((reply) => announced.has(reply) || seen.reply(scope, reply.id))
      .map((reply) => floor(reply.createdAt))
    const first = marks.length > 0 ? Math.min(...marks.map(({ at }) => at)) : Math.min(...more)
    return [
      {
        scope,
        email: lead.email.toLowerCase(),
        firstName: lead.firstName,
        receivedAt,
        interestedAt: markedAt.length === 0 ? null : first,
        delivery: deliveryOf(of('lead_unsubscribed'), of('email_bounced'), receivedAt),
        machine: markedAt.length === 0 ? 'replied' : 'interested',
        machineAt: Math.max(...(markedAt.length === 0 ? repliedAt : markedAt)),
      },
    ]
  })
}

function deliveryOf(
  left: readonly Told[],
  bounced: readonly Told[],
  receivedAt: number,
): ExpectedLead['delivery'] {
  if (left.length > 0) return 'unsubscribed'
  return bounced.some(({ at }) => at > receivedAt) ? 'bounced' : 'ok'
}
