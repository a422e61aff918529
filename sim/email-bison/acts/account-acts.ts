import { must, remove } from '../world/lookup.ts'
import type { Sender, SenderStatus, Tag, TagChange, Workspace } from '../world/model.ts'
import { createSender } from '../world/senders.ts'
import { ActError, type Stage } from './stage.ts'

interface OnSender {
  /** Default: any connected one. */
  readonly sender?: number
}

/** Tag by id or name; of exactly one thing. */
export interface Tagging {
  readonly tag: number | string
  readonly sender?: number
  readonly campaign?: number
  readonly lead?: number
}

/** What happens to mailboxes, and to tags. */
export function createAccountActs(stage: Stage) {
  const setStatus = (
    workspaceId: number,
    id: number | undefined,
    status: SenderStatus,
    type: string,
  ): Sender => {
    const workspace = stage.workspace(workspaceId)
    const sender = stage.sender(workspace, id)
    sender.status = status
    sender.updatedAt = stage.now()
    stage.record(workspace, { type, sender })
    return sender
  }
  return {
    accountAdded(
      workspaceId: number,
      given: Partial<Pick<Sender, 'dailyLimit' | 'warmupEnabled' | 'tagIds'>> = {},
    ): Sender {
      const workspace = stage.workspace(workspaceId)
      const sender = createSender(stage.world, { at: stage.now(), domain: 'mail-new.test', ...given })
      workspace.senders.push(sender)
      for (const campaign of workspace.campaigns) campaign.senderIds.push(sender.id)
      stage.record(workspace, { type: 'EMAIL_ACCOUNT_ADDED', sender })
      return sender
    },
    accountRemoved(workspaceId: number, { sender: id }: OnSender = {}): Sender {
      const workspace = stage.workspace(workspaceId)
      const sender = take(stage, workspace, id)
      stage.record(workspace, { type: 'EMAIL_ACCOUNT_REMOVED', sender })
      return sender
    },
    /** Goes without an event, as when support removes it. */
    deleteMailbox(workspaceId: number, { sender: id }: OnSender = {}): Sender {
      const sender = take(stage, stage.workspace(workspaceId), id)
      stage.touch()
      return sender
    },
    accountDisconnected: (workspaceId: number, { sender }: OnSender = {}): Sender =>
      setStatus(workspaceId, sender, 'Disconnected', 'EMAIL_ACCOUNT_DISCONNECTED'),
    accountReconnected(workspaceId: number, { sender: id }: OnSender = {}): Sender {
      const { senders } = stage.workspace(workspaceId)
      const sender = id ?? senders.find(({ status }) => status === 'Disconnected')?.id
      if (sender === undefined) throw new ActError(`workspace ${workspaceId} has no disconnected mailbox`)
      return setStatus(workspaceId, sender, 'Connected', 'EMAIL_ACCOUNT_RECONNECTED')
    },
    /** What people set; announced to no one. */
    setDailyLimit(workspaceId: number, { sender: id, limit }: OnSender & { limit: number }): Sender {
      const sender = stage.sender(stage.workspace(workspaceId), id)
      sender.dailyLimit = limit
      sender.updatedAt = stage.now()
      stage.touch()
      return sender
    },
    warmupDisabled(
      workspaceId: number,
      { sender: id, cause = 'receiving' }: OnSender & { cause?: 'receiving' | 'causing' } = {},
    ): Sender {
      const workspace = stage.workspace(workspaceId)
      const sender = stage.sender(workspace, id)
      sender.warmupEnabled = false
      sender.updatedAt = stage.now()
      stage.record(workspace, { type: `WARMUP_DISABLED_${cause.toUpperCase()}_BOUNCES`, sender })
      return sender
    },
    tagAttached: (workspaceId: number, tagging: Tagging): Tag => tag(stage, workspaceId, tagging, true),
    tagRemoved: (workspaceId: number, tagging: Tagging): Tag => tag(stage, workspaceId, tagging, false),
  }
}

function take(stage: Stage, workspace: Workspace, id: number | undefined): Sender {
  const sender = stage.sender(workspace, id)
  remove(workspace.senders, sender.id)
  for (const campaign of workspace.campaigns)
    campaign.senderIds = campaign.senderIds.filter((each) => each !== sender.id)
  return sender
}

interface Taggable {
  readonly id: number
  tagIds: number[]
  updatedAt: number
}

function taggable(
  workspace: Workspace,
  tagging: Tagging,
): [thing: Taggable, type: TagChange['taggableType']] {
  const { sender, campaign, lead } = tagging
  if (sender !== undefined) return [must(workspace.senders, sender, 'mailbox'), 'SenderEmail']
  if (campaign !== undefined) return [must(workspace.campaigns, campaign, 'campaign'), 'Campaign']
  if (lead !== undefined) return [must(workspace.leads, lead, 'lead'), 'Lead']
  throw new ActError('a tag goes on a sender, a campaign or a lead')
}

function tag(stage: Stage, workspaceId: number, tagging: Tagging, attach: boolean): Tag {
  const workspace = stage.workspace(workspaceId)
  const found = workspace.tags.find(({ id, name }) => id === tagging.tag || name === tagging.tag)
  if (found === undefined) throw new ActError(`no tag ${tagging.tag}`)
  const [thing, taggableType] = taggable(workspace, tagging)
  const others = thing.tagIds.filter((id) => id !== found.id)
  thing.tagIds = attach ? [...others, found.id] : others
  thing.updatedAt = stage.now()
  const change = { tagId: found.id, tagName: found.name, taggableId: thing.id, taggableType }
  stage.record(workspace, { type: attach ? 'TAG_ATTACHED' : 'TAG_REMOVED', tag: change })
  return found
}
