import { createRandom, type Random } from '../../monday/world/random.ts'
import { createCampaigns } from './campaigns.ts'
import { DAY_MS, dayOf } from './days.ts'
import { hash, uuidOf } from './hash.ts'
import { createHistoryDay } from './history.ts'
import { createLead } from './leads.ts'
import { newIds, takeIds } from './lookup.ts'
import type { Clock, Token, World, Workspace } from './model.ts'
import { workspaceName } from './names.ts'
import { createSenders, createTags } from './senders.ts'
import { DEFAULT_SETTINGS, type Settings } from './settings.ts'
import { workspaceSizes } from './sizes.ts'

export const REAL_CLOCK: Clock = { now: () => Date.now() }

export interface WorldOptions {
  readonly seed: number
  readonly clock: Clock
  /** Agencies; 24 to 50 in the estates that this stands for. */
  readonly workspaces: number
  /** Mailboxes of all of them together; 4,000 to 12,000. */
  readonly mailboxes: number
  /** Per workspace. */
  readonly campaigns: number
  /** Per workspace, who never answered; those who did come with their replies. */
  readonly leads: number
  /** Days of before, today's part included; 0 for a world in which nothing has happened. */
  readonly historyDays: number
  readonly settings?: Partial<Settings>
}

/** When the leads, mailboxes and campaigns were made, before the history begins. */
const SET_UP_DAYS = 30

/** The same options give the same world; a workspace without mailboxes is possible. */
export function createWorld(options: WorldOptions): World {
  const { seed, clock } = options
  const world = emptyWorld(seed, clock, { ...DEFAULT_SETTINGS, ...options.settings })
  const random = createRandom(hash(seed, 1))
  const sizes = workspaceSizes(random, options.workspaces, options.mailboxes)
  const at = world.startedAt - (options.historyDays + SET_UP_DAYS) * DAY_MS
  // The mails of before went to someone.
  const leads = Math.max(options.leads, options.historyDays > 0 ? 1 : 0)
  const streams = sizes.map((size, index) => {
    const stream = createRandom(hash(seed, 2, index))
    addWorkspace(world, stream, {
      name: workspaceName(seed, index),
      size,
      at,
      campaigns: options.campaigns,
      leads,
    })
    return stream
  })
  if (options.historyDays > 0) addHistory(world, streams, options.historyDays)
  world.currentWorkspaceId = world.workspaces[0]?.id ?? 0
  mintToken(world, 'owner', null)
  return world
}

export function emptyWorld(seed: number, clock: Clock, settings: Settings, startedAt = clock.now()): World {
  return {
    seed,
    startedAt,
    random: createRandom(hash(seed, 3)),
    settings,
    clock,
    origin: '',
    workspaces: [],
    events: [],
    tokens: new Map(),
    queued: [],
    // Workspace 1 is the owner's own in every instance.
    ids: { ...newIds(), workspace: 2 },
    currentWorkspaceId: 0,
    version: 0,
  }
}

interface Size {
  readonly name: string
  readonly size: number
  readonly at: number
  readonly campaigns: number
  readonly leads: number
}

export function addWorkspace(
  world: World,
  random: Random,
  { name, size, at, campaigns, leads }: Size,
): Workspace {
  const tags = createTags(world, at)
  const senders = createSenders(world, random, tags, size, at)
  const workspace: Workspace = {
    id: takeIds(world, 'workspace'),
    name,
    createdAt: at,
    updatedAt: at,
    campaigns: createCampaigns(world, random, senders, { count: campaigns, at }),
    senders,
    firstSenders: [...senders],
    firstLeads: leads,
    leads: [],
    replies: [],
    emails: [],
    tags,
    webhooks: [],
    history: [],
  }
  for (let i = 0; i < leads; i++) createLead(world, workspace, at + random.int(SET_UP_DAYS) * DAY_MS)
  // In order of creation, as ids are.
  world.workspaces.push(workspace)
  return workspace
}

function addHistory(world: World, streams: readonly Random[], days: number): void {
  const today = dayOf(world.startedAt, world.settings.timeZone)
  for (let day = today - days + 1; day <= today; day++) {
    const recent = day > today - world.settings.eventDays - 1
    world.workspaces.forEach((workspace, index) => {
      const stream = streams[index]
      if (stream === undefined || workspace.senders.length === 0) return
      const made = createHistoryDay(world, workspace, stream, { day, recent })
      workspace.history.push(made)
    })
  }
}

/** A token like Sanctum's: `ID|RANDOM`. Without a workspace it is the owner's. */
export function mintToken(world: World, name: string, workspaceId: number | null): Token {
  const id = takeIds(world, 'token')
  const text = `${id}|${uuidOf(world.seed, 9, id).replaceAll('-', '')}`
  const kind = workspaceId === null ? 'super-admin' : 'api-user'
  const token: Token = { id, name, text, kind, workspaceId, createdAt: world.clock.now() }
  world.tokens.set(text, token)
  return token
}
