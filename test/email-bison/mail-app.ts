import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../../src/apps/contract.ts'
import type { Database } from '../../src/db/database.ts'
import { processBatch } from '../../src/inbox/process.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { syncApp, type SyncResult } from '../../src/lanes/sync.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { defineTable, type TableSpec } from '../../src/mirror/table-spec.ts'
import { COLUMNS, type Kind } from '../../src/sources/email-bison/columns.ts'
import { type EmailBisonOptions, emailBisonSource } from '../../src/sources/email-bison/source.ts'
import { type EmailBisonSim, type EmailBisonSimOptions } from '../../sim/email-bison/index.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'
import { withDatabase } from '../support/database.ts'

export const WEBHOOK_SECRET = 'the secret of all webhook paths'
export const ENCRYPTION_KEY = 'a key for the tests alone'

const TABLES: Readonly<Record<Kind, string>> = {
  workspaces: 'client_registry',
  senders: 'sender_emails_cache',
  campaigns: 'campaigns',
  replies: 'lead_replies',
}

const specs: readonly TableSpec[] = (Object.keys(TABLES) as Kind[]).map((kind) =>
  defineTable({ schema: 'mail', name: TABLES[kind], key: 'bison_key', columns: COLUMNS[kind] }),
)

const SQL = [
  // The portal's tables of these names are there too.
  'create schema mail;',
  ...specs.map(({ name, columns }) => {
    const list = Object.entries(columns).map(([column, { type }]) => `"${column}" ${type}`)
    return `create table mail.${name} (bison_key text primary key, ${list.join(', ')}, extra jsonb not null default '{}',
      _stamp text collate "C" not null, _stamps jsonb, last_synced_at timestamptz not null default now());`
  }),
  `create table public.facts (key text primary key, type text, scope text, at timestamptz, data jsonb, told int default 1);`,
].join('\n')

/** The source alone, with tables of its columns and none of an app's rules; what happened is kept by its key. */
export function mailApp(sim: EmailBisonSim, folder: string, options: Partial<EmailBisonOptions> = {}): App {
  return {
    name: 'mail',
    tables: specs,
    migrations: [{ set: 'mail', folder }],
    source: (store, { webhookUrl }) =>
      emailBisonSource(
        {
          instances: sim.instances.map(({ url, token }, i) => ({
            name: i === 0 ? 'send' : `send-${i + 1}`,
            url,
            token,
          })),
          webhookSecret: WEBHOOK_SECRET,
          webhookUrl,
          callsPerMinute: 1e6,
          ...options,
        },
        store,
      ),
    record: async (tx, facts) => {
      await tx.query(
        `insert into facts as f (key, type, scope, at, data)
         select k, t, s, to_timestamp(a / 1000000), d::jsonb
         from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::text[]) as x (k, t, s, a, d) order by k
         on conflict (key) do update set told = f.told + 1`,
        [
          facts.map(({ key }) => key),
          facts.map(({ type }) => type),
          facts.map(({ scope }) => scope),
          facts.map(({ at }) => at),
          facts.map(({ data }) => JSON.stringify(data)),
        ],
      )
    },
  }
}

export interface MailRun {
  readonly db: Database
  readonly sim: EmailBisonSim
  readonly app: App
  readonly pipeline: Pipeline
  readonly sync: () => Promise<SyncResult>
  /** Settles what waits in the inbox and what was asked for. */
  readonly settle: () => Promise<void>
}

/** A simulator, a database with the tables, and the pipeline between them. */
export async function withMail(
  run: (mail: MailRun) => Promise<void>,
  options: { sim?: EmailBisonSimOptions; source?: Partial<EmailBisonOptions> } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-mail-'))
  try {
    await withEmailBisonSim({ ...SMALL, ...options.sim }, (sim) =>
      withDatabase(async (db) => {
        await db.query(SQL)
        const app = mailApp(sim, folder, options.source)
        await migrateAll(db, [app])
        const [pipeline] = await openPipelines(db, [app], { secretKey: ENCRYPTION_KEY })
        if (pipeline === undefined) throw new Error('no pipeline')
        const signal = (): AbortSignal => AbortSignal.timeout(60_000)
        await run({
          db,
          sim,
          app,
          pipeline,
          sync: async () => {
            await pipeline.source.prepare({ fresh: true, signal: signal() })
            return syncApp(db, pipeline, { signal: signal(), full: true, drain: true })
          },
          settle: async () => {
            for (;;) {
              const { settled, failed } = await processBatch(db, pipeline, 500)
              if (settled + failed + (await refetchOnce(db, pipeline, signal())) === 0) return
            }
          },
        })
      }),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Keys of a table's rows, in order. */
export async function keysOf(db: Database, table: string): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(`select bison_key as key from mail.${table} order by 1`)
  return rows.map(({ key }) => key)
}
