import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseError } from '../../engine/errors.ts'

/** Who has the embedded database: one process at a time. */
export interface Holder {
  readonly pid: number
  /** When that process started, in the kernel's ticks: a number reused by another process does not match. */
  readonly born: string
  readonly command: string
  readonly since: string
}

const lockFile = (home: string): string => join(home, 'lock.json')

/**
 * Takes the lock of a home folder. Throws a DatabaseError that names the holder where another live process has
 * it; a lock left by a process that is gone is taken over.
 */
export async function takeLock(home: string, now: Date): Promise<() => Promise<void>> {
  await mkdir(home, { recursive: true })
  const holder: Holder = {
    pid: process.pid,
    born: birth(process.pid) ?? '',
    command: process.argv.slice(2).join(' ') || 'lockstep',
    since: now.toISOString(),
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await place(lockFile(home), JSON.stringify(holder))
      return () => rm(lockFile(home), { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const other = await readHolder(home)
    if (other !== undefined) {
      throw new DatabaseError(
        `the embedded database in ${home} is in use by process ${other.pid} ("lockstep ${other.command}", since ${other.since}). Stop it first, or give this one a folder of its own with LOCKSTEP_HOME`,
      )
    }
    await rm(lockFile(home), { force: true })
  }
  throw new DatabaseError(`cannot take the lock ${lockFile(home)}: other processes keep taking it`)
}

/** Writes a file whole or not at all; fails with EEXIST where it is there. */
async function place(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text, { mode: 0o644 })
  try {
    await link(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}

/** The live holder of a home folder, if there is one. */
export async function readHolder(home: string): Promise<Holder | undefined> {
  const text = await readFile(lockFile(home), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const holder = JSON.parse(text) as Holder
    return isAlive(holder) ? holder : undefined
  } catch {
    // Cut off while being written, so its writer is gone too.
    return undefined
  }
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = birth(pid)
  return now === undefined || born === '' || now === born
}

/** Field 22 of /proc/PID/stat; undefined where there is no /proc. */
function birth(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
