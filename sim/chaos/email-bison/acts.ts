import type { EmailBisonSim, Workspace } from '../../email-bison/index.ts'
import { ActError } from '../../email-bison/acts/stage.ts'
import type { Reply, Sender } from '../../email-bison/world/model.ts'
import type { Random } from '../../monday/world/random.ts'
import type { VirtualTime } from '../time.ts'

type Act = (acts: VendorActs, workspace: Workspace) => void

/** What campaigns, leads and people do at the vendor. One that finds nothing to do it to does nothing. */
export class VendorActs {
  readonly sim: EmailBisonSim
  readonly random: Random
  readonly time: VirtualTime

  constructor(sim: EmailBisonSim, random: Random, time: VirtualTime) {
    this.sim = sim
    this.random = random
    this.time = time
  }

  /** One that the vendor tells of. */
  heard(): void {
    this.#draw(HEARD)
  }

  /** One that it has no event for. */
  unheard(): void {
    this.#draw(UNHEARD)
  }

  /** Several within a second, mostly around one mailbox or one reply. */
  burst(): void {
    const workspace = this.random.pick(this.sim.world.workspaces)
    const sender = this.anySender(workspace)
    const reply = this.anyReply(workspace)
    const count = 2 + this.random.int(4)
    for (let i = 0; i < count; i++) {
      this.time.advance(1 + this.random.int(180))
      if (sender !== undefined && this.random.chance(0.4)) this.do(() => this.toggle(workspace, sender))
      else if (reply !== undefined && this.random.chance(0.4)) this.do(() => this.answer(workspace, reply))
      else this.#draw(HEARD, workspace)
    }
  }

  #draw(table: readonly (readonly [number, Act])[], given?: Workspace): void {
    this.time.advance(1 + this.random.int(40))
    const workspace = given ?? this.random.pick(this.sim.world.workspaces)
    let at = this.random.int(table.reduce((sum, [weight]) => sum + weight, 0))
    const act = table.find(([weight]) => (at -= weight) < 0)?.[1]
    this.do(() => act?.(this, workspace))
  }

  /** Does what makes sense in the world as it is. */
  do(act: () => unknown): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof ActError)) throw error
    }
  }

  anySender({ senders }: Workspace): Sender | undefined {
    return senders.length === 0 ? undefined : this.random.pick(senders)
  }

  /** A reply of a lead's to one of our mails. */
  anyReply({ replies }: Workspace, wanted: (reply: Reply) => boolean = () => true): Reply | undefined {
    const found = replies.filter((reply) => reply.type === 'Tracked Reply' && wanted(reply))
    return found.length === 0 ? undefined : this.random.pick(found)
  }

  /** A mailbox is lost, or found again. */
  toggle({ id, senders }: Workspace, { id: sender }: Sender): void {
    const now = senders.find((one) => one.id === sender)?.status
    if (now === 'Connected') this.sim.act.accountDisconnected(id, { sender })
    else if (now !== undefined) this.sim.act.accountReconnected(id, { sender })
  }

  /** A reply is marked, where that is told, or answered by us. */
  answer({ id }: Workspace, reply: Reply): void {
    if (isNews(reply)) this.sim.act.interested(id, { reply: reply.id })
    else this.sim.act.manualSend(id, { reply: reply.id })
  }

  /** A lead that nobody has written to yet, a mail to it, and its reply. */
  firstReply(
    workspace: Workspace,
    {
      campaign,
      ...options
    }: { interested?: boolean; unannounced?: boolean; automated?: boolean; campaign?: number } = {},
  ): Reply {
    const { act } = this.sim
    const lead = act.addLead(workspace.id).id
    const email = act.sendEmail(workspace.id, { lead, ...(campaign === undefined ? {} : { campaign }) }).id
    return act.reply(workspace.id, { email, ...options })
  }

  /** A machine answers, in a campaign that counts and announces that, or in one that does neither. */
  awayReply(workspace: Workspace, isCounted: boolean): void {
    const campaigns = workspace.campaigns.filter(
      ({ includeAutoReplies, status }) => includeAutoReplies === isCounted && status === 'active',
    )
    if (campaigns.length > 0)
      this.firstReply(workspace, { automated: true, campaign: this.random.pick(campaigns).id })
  }
}

/** The vendor tells of a lead's interest once. */
const isNews = ({ interested, lead }: Reply): boolean => !interested && lead?.everInterested === false

const HEARD: readonly (readonly [number, Act])[] = [
  [16, ({ sim }, { id }) => void sim.act.sendEmail(id)],
  [6, ({ sim }, { id }) => void sim.act.open(id)],
  [9, (acts, workspace) => void acts.firstReply(workspace)],
  [6, (acts, workspace) => void acts.firstReply(workspace, { interested: true })],
  [
    5,
    (acts, workspace) => {
      const email = acts.anyReply(workspace)?.emailId ?? undefined
      if (email !== undefined) acts.sim.act.reply(workspace.id, { email })
    },
  ],
  [
    8,
    (acts, workspace) => {
      const reply = acts.anyReply(workspace, isNews)
      if (reply !== undefined) acts.sim.act.interested(workspace.id, { reply: reply.id })
    },
  ],
  [
    3,
    (acts, workspace) => {
      const reply = acts.anyReply(workspace)
      if (reply !== undefined) acts.sim.act.manualSend(workspace.id, { reply: reply.id })
    },
  ],
  [3, ({ sim }, { id }) => void sim.act.reply(id, { untracked: true })],
  [3, (acts, workspace) => acts.awayReply(workspace, true)],
  [4, ({ sim }, { id }) => void sim.act.bounce(id)],
  [
    3,
    (acts, workspace) => {
      // Of somebody who has replied, so that a lead shows it.
      const email = acts.random.chance(0.5) ? acts.anyReply(workspace)?.emailId : undefined
      acts.sim.act.unsubscribe(workspace.id, typeof email === 'number' ? { email } : {})
    },
  ],
  [
    9,
    (acts, workspace) => {
      const sender = acts.anySender(workspace)
      if (sender !== undefined) acts.toggle(workspace, sender)
    },
  ],
  [3, ({ sim }, { id }) => void sim.act.accountAdded(id)],
  [2, ({ sim }, { id, senders }) => void (senders.length > 2 && sim.act.accountRemoved(id))],
  [
    2,
    ({ sim, random }, { id }) =>
      void sim.act.warmupDisabled(id, { cause: random.chance(0.5) ? 'receiving' : 'causing' }),
  ],
  [
    4,
    (acts, workspace) => {
      const { id, tags } = workspace
      const sender = acts.anySender(workspace)?.id
      if (sender === undefined) return
      const tagging = { sender, tag: acts.random.pick(tags).id }
      if (acts.random.chance(0.6)) acts.sim.act.tagAttached(id, tagging)
      else acts.sim.act.tagRemoved(id, tagging)
    },
  ],
]

const UNHEARD: readonly (readonly [number, Act])[] = [
  // Of a type that no webhook can be made for.
  [2, ({ sim }, { id }) => void sim.act.unknownType(id)],
  [3, ({ sim }, { id, senders }) => void (senders.length > 2 && sim.act.deleteMailbox(id))],
  [
    3,
    (acts, workspace) => {
      const reply = acts.anyReply(workspace, ({ interested }) => interested)
      if (reply !== undefined) acts.sim.act.notInterested(workspace.id, { reply: reply.id })
    },
  ],
  [4, (acts, workspace) => acts.awayReply(workspace, false)],
  // Marks of a lead that was marked before, and replies that are told of by nothing but their mark.
  [
    3,
    (acts, workspace) => {
      const reply = acts.anyReply(workspace, ({ interested }) => !interested)
      if (reply !== undefined) acts.sim.act.interested(workspace.id, { reply: reply.id })
    },
  ],
  [
    3,
    (acts, workspace) =>
      void acts.firstReply(workspace, { unannounced: true, interested: acts.random.chance(0.5) }),
  ],
  [
    3,
    (acts, workspace) => {
      const sender = acts.anySender(workspace)?.id
      if (sender !== undefined)
        acts.sim.act.setDailyLimit(workspace.id, { sender, limit: acts.random.int(40) })
    },
  ],
  [
    2,
    ({ sim, random }, { id, campaigns }) =>
      void sim.act.renameCampaign(id, {
        campaign: random.pick(campaigns).id,
        name: `Renamed ${random.int(1_000)}`,
      }),
  ],
  [
    2,
    ({ sim, random }, { id, campaigns }) => {
      const campaign = random.pick(campaigns).id
      if (random.chance(0.5)) sim.act.pauseCampaign(id, { campaign })
      else sim.act.resumeCampaign(id, { campaign })
    },
  ],
  [1, ({ sim, random }, { id }) => void sim.act.addCampaign(id, { name: `Added ${random.int(1_000)}` })],
  [
    2,
    ({ sim, random }, { id }) => void sim.act.renameWorkspace(id, { name: ` Client ${random.int(1_000)} ` }),
  ],
  [
    1,
    ({ sim, random }) => {
      if (sim.world.workspaces.length < 4)
        sim.act.addWorkspace({ name: `New client ${random.int(1_000)}`, mailboxes: 3, campaigns: 1 })
    },
  ],
]
