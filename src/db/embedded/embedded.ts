import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseError } from '../../engine/errors.ts'
import { readHolder, takeLock } from './lock.ts'
import {
  type Binaries,
  dataFolder,
  findBinaries,
  makeDataFolder,
  type ServerUser,
  serverUser,
} from './place.ts'

/** A Postgres server of our own, in a folder; nobody else needs to install or run anything. */
export interface EmbeddedPostgres {
  readonly url: string
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>
}

/** What is kept beside the data, readable by its owner alone. */
interface Connection {
  readonly port: number
  readonly password: string
  readonly folder: string
}

export interface EmbeddedOptions {
  readonly home: string
  /** `name=value` settings for the server. */
  readonly settings?: readonly string[]
}

const DATABASE = 'lockstep'
const START_TIMEOUT_MS = 60_000

/**
 * Starts the embedded server of a home folder, making it at the first time. After a crash of ours it ends a server
 * that outlived us and lets Postgres recover. Throws a DatabaseError that says what to do where it cannot.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const home = resolve(options.home)
  const release = await takeLock(home, new Date())
  try {
    const user = serverUser()
    const binaries = await findBinaries(user)
    const connection = await prepare(home, binaries, user)
    await endStray(connection.folder)
    const server = await launch(binaries, connection, user, options.settings ?? [])
    await makeDatabase(connection)
    const stop = async (): Promise<void> => {
      await shutDown(server)
      await release()
    }
    return { url: urlOf(connection, DATABASE), stop }
  } catch (error) {
    await release()
    throw error
  }
}

/** The URL of the embedded database where it runs now; undefined where nothing runs in this home folder. */
export async function embeddedUrl(home: string): Promise<string | undefined> {
  if ((await readHolder(resolve(home))) === undefined) return undefined
  const connection = await readConnection(resolve(home))
  return connection === undefined ? undefined : urlOf(connection, DATABASE)
}

/** Deletes the embedded database with all its data. The caller has asked. */
export async function removeEmbedded(home: string): Promise<void> {
  const release = await takeLock(resolve(home), new Date())
  const connection = await readConnection(resolve(home))
  if (connection !== undefined) {
    await endStray(connection.folder)
    await rm(connection.folder, { recursive: true, force: true })
  }
  await rm(join(resolve(home), 'postgres.json'), { force: true })
  await release()
}

const urlOf = ({ port, password }: Connection, database: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${database}`

async function readConnection(home: string): Promise<Connection | undefined> {
  const text = await readFile(join(home, 'postgres.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Connection)
}

async function prepare(home: string, binaries: Binaries, user: ServerUser | undefined): Promise<Connection> {
  const folder = await dataFolder(home, user)
  const known = await readConnection(home)
  const made = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  const port = known !== undefined && (await isFree(known.port)) ? known.port : await freePort()
  const usable = known !== undefined && made !== undefined && known.folder === folder
  const password = usable ? known.password : randomBytes(18).toString('base64url')
  if (made !== undefined && !usable) {
    throw new DatabaseError(
      `${folder} holds a database whose password is lost (${join(home, 'postgres.json')} is missing or of another folder). Restore that file, or run "lockstep db reset"`,
    )
  }
  if (made === undefined) await initialise(folder, binaries, user, password)
  const connection = { port, password, folder }
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'postgres.json'), `${JSON.stringify(connection)}\n`, { mode: 0o600 })
  return connection
}

async function initialise(
  folder: string,
  binaries: Binaries,
  user: ServerUser | undefined,
  password: string,
): Promise<void> {
  // What an initdb that was killed left behind is not a database.
  await rm(folder, { recursive: true, force: true })
  await makeDataFolder(folder, user)
  const passwordFile = join(tmpdir(), `lockstep-${randomBytes(9).toString('hex')}`)
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (user !== undefined) await chown(passwordFile, user.uid, user.gid)
  try {
    const args = [
      `--pgdata=${folder}`,
      '--auth=scram-sha-256',
      '--username=postgres',
      `--pwfile=${passwordFile}`,
    ]
    await run(binaries.initdb, [...args, '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'], user)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function run(command: string, args: readonly string[], user: ServerUser | undefined): Promise<void> {
  const child = spawn(command, args, { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done))
  if (code !== 0) throw new DatabaseError(`${command} ended with ${code}: ${output.trim().slice(-2000)}`)
}

async function launch(
  binaries: Binaries,
  { folder, port }: Connection,
  user: ServerUser | undefined,
  settings: readonly string[],
): Promise<ChildProcess> {
  const all = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'timezone=UTC',
    'max_connections=100',
    // Statements here are short; to compile one takes longer than to run it.
    'jit=off',
    'shared_buffers=256MB',
    // A first sync of millions of rows is not to be held up by a checkpoint every few seconds.
    'max_wal_size=2GB',
    ...settings,
  ]
  const flags = all.flatMap((setting) => ['-c', setting])
  // Its own session: Ctrl-C in our terminal must not end the database before we have finished with it.
  const server = spawn(binaries.postgres, ['-D', folder, '-p', String(port), ...flags], {
    ...user,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  await new Promise<void>((done, fail) => {
    const timer = setTimeout(
      () => fail(new DatabaseError(`Postgres did not start in time: ${log}`)),
      START_TIMEOUT_MS,
    )
    server.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000)
      if (!log.includes('ready to accept connections')) return
      clearTimeout(timer)
      done()
    })
    server.on('error', fail)
    server.on('exit', (code) =>
      fail(new DatabaseError(`Postgres ended at start with ${code}: ${log.trim()}`)),
    )
  })
  server.stderr?.removeAllListeners('data').resume()
  server.unref()
  return server
}

async function shutDown(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  server.ref()
  const ended = new Promise((done) => server.once('exit', done))
  server.kill('SIGINT')
  await ended
}

/** Ends a server that outlived a process of ours that was killed; its data recovers at the next start. */
async function endStray(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => undefined)
  const pid = Number(text?.split('\n')[0])
  if (!Number.isInteger(pid) || pid <= 1) return
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (command !== undefined && !command.includes(folder)) return
  for (let waited = 0; waited < 20_000 && isRunning(pid); waited += 50) {
    if (waited === 0) process.kill(pid, 'SIGINT')
    if (waited === 10_000) process.kill(pid, 'SIGQUIT')
    await sleep(50)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function makeDatabase(connection: Connection): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: urlOf(connection, 'postgres') })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((done) => {
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}
