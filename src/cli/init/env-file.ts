import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'

const ENV_FILE = '.env'

/** The names that `.env` gives a value to. */
function namesIn(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*\S/gm)].map(
      (match) => match[1] ?? '',
    ),
  )
}

/** Adds lines for what `.env` lacks, and lets only its owner read it. Returns the names that were added. */
export async function addToEnv(values: Readonly<Record<string, string>>): Promise<string[]> {
  const before = await readFile(ENV_FILE, 'utf8').catch(() => '')
  const present = namesIn(before)
  const added = Object.entries(values).filter(([name]) => !present.has(name))
  if (added.length === 0) return []
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  const lines = added.map(
    ([name, value]) => `${name}=${/^[\w.+/=-]*$/.test(value) ? value : JSON.stringify(value)}\n`,
  )
  await writeFile(ENV_FILE, `${before}${gap}${lines.join('')}`, { mode: 0o600 })
  await chmod(ENV_FILE, 0o600)
  return added.map(([name]) => name)
}

/** An unguessable last part for the webhooks' path. */
export const newSecret = (): string => randomBytes(24).toString('base64url')
