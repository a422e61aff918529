import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'

/** One Postgres server, for all that is measured side by side. */
export interface BenchPostgres {
  /** Makes a database, empty or as a copy of another that nobody uses; its URL. */
  create(name: string, template?: string): Promise<string>
  drop(name: string): Promise<void>
  /** Brings what earlier work left in memory to disk, so that the next does not pay for it. */
  checkpoint(): Promise<void>
  readonly version: string
}

/**
 * What differs from the defaults, for all alike: memory as a small server has it, and no checkpoint in the middle of a
 * measurement. `fsync` and `synchronous_commit` are on, as they are by default.
 */
const SETTINGS = [
  'shared_buffers=1GB',
  'max_wal_size=16GB',
  'checkpoint_timeout=60min',
  'max_connections=200',
]

export interface PostgresOptions {
  readonly settings?: readonly string[]
  /**
   * Files of the log that are made beforehand, 16 MB each. A server that has run for a while writes into files that are
   * there; one that is new makes each of them, full of zeros, in the middle of a commit.
   */
  readonly logFiles?: number
}

const LOG_FILES = 128

/** Runs `work` with a server that is removed afterwards. */
export async function withPostgres<T>(
  work: (server: BenchPostgres) => Promise<T>,
  { settings = [], logFiles = LOG_FILES }: PostgresOptions = {},
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-bench-pg-'))
  // Where we run as root, Postgres runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const server = await startEmbedded({
    home,
    settings: [...SETTINGS, `min_wal_size=${Math.max(logFiles * 16, 80)}MB`, ...settings],
  })
  const admin = new Database({ url: server.url, poolSize: 1 })
  const onSignal = (): void => {
    void server.stop().then(() => process.exit(130))
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    const { rows } = await admin.query<{ version: string }>(
      `select current_setting('server_version') as version`,
    )
    await makeLog(admin, logFiles)
    return await work({
      version: rows[0]?.version ?? '',
      async create(name, template) {
        await admin.query(
          `create database ${name}${template === undefined ? '' : ` template ${template} strategy file_copy`}`,
        )
        return new URL(`/${name}`, server.url).href
      },
      async drop(name) {
        await admin.query(`drop database if exists ${name} with (force)`)
      },
      async checkpoint() {
        await admin.query('checkpoint')
      },
    })
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await admin.close()
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
}

async function makeLog(admin: Database, files: number): Promise<void> {
  for (let i = 0; i < files; i++) {
    // An empty segment is not switched from.
    await admin.query(`select pg_logical_emit_message(true, 'lockstep', 'bench')`)
    await admin.query('select pg_switch_wal()')
  }
  await admin.query('checkpoint')
}
