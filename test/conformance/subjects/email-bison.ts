import type { Json, JsonObject } from '../../../src/engine/observation.ts'
import { defineTable, type TableSpec } from '../../../src/mirror/table-spec.ts'
import { COLUMNS } from '../../../src/sources/email-bison/columns.ts'
import { pathSecretOf } from '../../../src/sources/email-bison/door.ts'
import { emailBisonSource } from '../../../src/sources/email-bison/source.ts'
import { type EmailBisonSim, startEmailBisonSim } from '../../../sim/email-bison/index.ts'
import { bisonRows } from '../../support/bison-oracle.ts'
import { type Act, absent, type Subject, type Target, WHOLE, type World } from '../subject.ts'

const INSTANCE = 'send'
const WEBHOOK_SECRET = 'the secret that all webhook paths are made of'

/** The source's tables with none of an app's rules, beside the portal's of these names. */
const tables: readonly TableSpec[] = (
  [
    ['client_registry', COLUMNS.workspaces],
    ['sender_emails_cache', COLUMNS.senders],
    ['campaigns', COLUMNS.campaigns],
    ['lead_replies', COLUMNS.replies],
  ] as const
).map(([name, columns]) => defineTable({ schema: 'mail', name, key: 'bison_key', columns }))

interface Bison extends World {
  readonly sim: EmailBisonSim
}
const simOf = (world: World): EmailBisonSim => (world as Bison).sim

/** The first workspace: its mailboxes are three pages. */
const firstOf = (world: World) => {
  const [workspace] = simOf(world).world.workspaces
  if (workspace === undefined) throw new Error('no workspace')
  return workspace
}
const at = (world: World, table: string, id: number): Target => ({
  table,
  key: `${INSTANCE}/${firstOf(world).id}/${id}`,
})
const mailbox = (world: World, { id }: { id: number }): Target => at(world, 'sender_emails_cache', id)
const reply = (world: World, { id }: { id: number }): Target => at(world, 'lead_replies', id)

/** From a lead of its own. */
function newReply(
  { act }: EmailBisonSim,
  workspace: number,
  options: { text?: string } = {},
): { id: number } {
  const lead = act.addLead(workspace).id
  const email = act.sendEmail(workspace, { lead }).id
  return act.reply(workspace, { email, ...options })
}

async function start(clock: Parameters<Subject['start']>[0]): Promise<Bison> {
  const sim = await startEmailBisonSim({
    clock,
    workspaces: 2,
    mailboxes: 90,
    campaigns: 2,
    leads: 10,
    historyDays: 0,
    control: false,
  })
  for (const { id } of sim.world.workspaces) for (let i = 0; i < 8; i++) newReply(sim, id)
  const scopes = () => sim.world.workspaces.map(({ id }) => `${INSTANCE}/${id}`)
  return {
    sim,
    url: sim.url,
    credentials: { token: sim.token, webhookSecret: WEBHOOK_SECRET },
    secrets: () => [
      WEBHOOK_SECRET,
      ...sim.world.tokens.keys(),
      ...scopes().map((scope) => pathSecretOf(scope, WEBHOOK_SECRET)),
    ],
    truth: () => bisonRows(INSTANCE, sim.world),
    told: async () => void (await sim.deliverDue()),
    addForeignWebhook() {
      const now = clock.now()
      const own = { id: 900_000, name: 'Other', url: 'https://other.example/hook', events: ['email_sent'] }
      sim.world.workspaces[0]?.webhooks.push({ ...own, createdAt: now, updatedAt: now })
    },
    webhooks: () => sim.world.workspaces.reduce((sum, { webhooks }) => sum + webhooks.length, 0),
    dropWebhooks() {
      for (const { webhooks } of sim.world.workspaces) webhooks.length = 0
    },
    // Events name the instance by the address that it is configured with.
    reachedAt: (url) => void (sim.world.origin = new URL(url).origin),
    close: () => sim.close(),
  }
}

/** Columns of a reply that no event tells. */
const READ_ALONE = { but: ['is_read', 'is_tracked'] }
const WHOLE_LISTS = absent('mailboxes and campaigns are listed whole only, and so read again by age')
const BY_CREATION = absent('replies are listed by when they came: that an old one changed is found by age')
const UNTOLD = absent('the vendor has no event for it')

const acts = {
  create: [
    {
      name: 'a reply comes in',
      run: (world) => reply(world, newReply(simOf(world), firstOf(world).id, { text: 'Call me' })),
      webhook: READ_ALONE,
      delta: WHOLE,
    },
    {
      name: 'a reply comes in that answers no mail of ours',
      run: (world) => reply(world, simOf(world).act.reply(firstOf(world).id, { untracked: true })),
      webhook: READ_ALONE,
      delta: WHOLE,
    },
    {
      name: 'a mailbox is added',
      run: (world) => mailbox(world, simOf(world).act.accountAdded(firstOf(world).id)),
      webhook: WHOLE,
      delta: WHOLE_LISTS,
    },
    {
      name: 'a campaign is added',
      run: (world) =>
        at(world, 'campaigns', simOf(world).act.addCampaign(firstOf(world).id, { name: 'Autumn' }).id),
      webhook: UNTOLD,
      delta: WHOLE_LISTS,
    },
    {
      name: 'a workspace is added',
      run: (world) => ({
        table: 'client_registry',
        key: `${INSTANCE}/${simOf(world).act.addWorkspace({ name: 'A new client', mailboxes: 3 }).id}/`,
      }),
      webhook: UNTOLD,
      delta: WHOLE_LISTS,
    },
  ],
  change: [
    {
      name: 'a mailbox is disconnected',
      run: (world) => mailbox(world, simOf(world).act.accountDisconnected(firstOf(world).id)),
      webhook: WHOLE,
      delta: WHOLE_LISTS,
    },
    {
      name: 'a mailbox gets a tag',
      run: (world) => {
        const { senders, tags } = firstOf(world)
        const sender = senders.find(({ tagIds }) => tagIds.length < 3)?.id ?? 0
        const free = tags.find(
          ({ id }) => senders.find((s) => s.id === sender)?.tagIds.includes(id) === false,
        )
        simOf(world).act.tagAttached(firstOf(world).id, { sender, tag: free?.id ?? 0 })
        return mailbox(world, { id: sender })
      },
      webhook: WHOLE,
      delta: WHOLE_LISTS,
    },
    {
      name: 'a reply is marked as interested',
      run: (world) => {
        const fresh = firstOf(world).replies.find(
          (one) => !one.interested && one.lead?.everInterested === false,
        )
        return reply(world, simOf(world).act.interested(firstOf(world).id, { reply: fresh?.id ?? 0 }))
      },
      webhook: WHOLE,
      delta: BY_CREATION,
    },
    {
      name: 'a campaign is renamed',
      run: (world) => {
        const name = `Renamed ${simOf(world).world.version}`
        const campaign = firstOf(world).campaigns[0]?.id ?? 0
        return at(
          world,
          'campaigns',
          simOf(world).act.renameCampaign(firstOf(world).id, { campaign, name }).id,
        )
      },
      webhook: UNTOLD,
      delta: WHOLE_LISTS,
    },
  ],
  delete: [
    {
      name: 'a mailbox is removed',
      run: (world) => mailbox(world, simOf(world).act.accountRemoved(firstOf(world).id)),
      webhook: WHOLE,
      delta: WHOLE_LISTS,
    },
    {
      name: 'a mailbox goes without a word',
      run: (world) => mailbox(world, simOf(world).act.deleteMailbox(firstOf(world).id)),
      webhook: UNTOLD,
      delta: WHOLE_LISTS,
    },
  ],
  restore: absent('what is deleted at Email Bison never comes back under its id'),
} satisfies Subject['acts'] & Record<string, Act[] | object>

const listIn = (answer: Json): Json[] | undefined => {
  const data = (answer as JsonObject | null)?.['data']
  return Array.isArray(data) ? (data as Json[]) : undefined
}

export const emailBison: Subject = {
  vendor: 'email-bison',
  app: ({ url, credentials, clock, timeoutMs }) => ({
    tables,
    source: (store, { webhookUrl }) =>
      emailBisonSource(
        {
          instances: [{ name: INSTANCE, url, token: credentials['token'] ?? '' }],
          webhookSecret: credentials['webhookSecret'] ?? '',
          webhookUrl,
          callsPerMinute: 1e6,
          timeoutMs,
          ...(clock === undefined ? {} : { clock }),
        },
        store,
      ),
  }),
  start,
  acts,
  forgeries: (letter) => {
    const [, , app, secret = ''] = letter.path.split('/')
    const path = (other: string): string => `/webhooks/${app}/${other}`
    const [scope, proof] = [secret.slice(0, secret.lastIndexOf('.')), secret.slice(secret.lastIndexOf('.'))]
    return [
      { ...letter, path: path(`${scope}${proof.slice(0, -1)}_`) },
      // Another workspace's own secret.
      { ...letter, path: path(pathSecretOf(`${INSTANCE}/424242`, WEBHOOK_SECRET)) },
    ]
  },
  unknownType: (payload) => ({
    ...payload,
    event: { ...(payload['event'] as JsonObject), type: 'SOMETHING_THAT_NOBODY_KNOWS' },
  }),
  challenge: absent('Email Bison posts to an address without asking for a handshake'),
  signsBody: false,
  withGap(answer) {
    const rows = listIn(answer) ?? []
    return { ...answer, data: rows.map((row, i) => (i === 0 ? { ...(row as JsonObject), id: null } : row)) }
  },
  without(answer, key) {
    const rows = listIn(answer)
    const id = Number(key.slice(key.lastIndexOf('/') + 1))
    // A mailbox has an address; other lists have ids of their own.
    const isIt = (row: Json): boolean =>
      (row as JsonObject)['id'] === id && 'daily_limit' in (row as JsonObject)
    if (rows?.some(isIt) !== true) return undefined
    return { ...(answer as JsonObject), data: rows.filter((row) => !isIt(row)) }
  },
  dailyCap: absent('Email Bison has no daily cap'),
  eventLog: true,
  dependency: absent('no record shows values of another'),
  unknownKey: (stream) => `${stream.split('/').slice(0, 2).join('/')}/987654321`,
}
