import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** What the linter cannot hold: which room may import which, what the engine may not do, what no file may say. */

const root = join(import.meta.dirname, '..')

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|sql|js)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name))

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Room → the rooms that it may import from, beside itself. `sources` and `sinks` also mean their contracts. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  db: ['engine', 'sources/contract'],
  mirror: ['engine', 'db', 'sources/contract'],
  sources: ['engine'],
  sinks: ['engine'],
  lanes: ['engine', 'db', 'mirror', 'sources/contract'],
  inbox: ['engine', 'db', 'mirror', 'lanes', 'sources/contract'],
  feed: ['engine', 'db', 'mirror'],
  jobs: ['engine', 'db'],
  cache: ['engine', 'db'],
  alerts: ['engine', 'db', 'sinks/contract'],
  apps: ['engine', 'db', 'mirror', 'lanes', 'inbox', 'feed', 'jobs', 'cache', 'alerts', 'sources', 'sinks'],
  config: ['engine', 'apps', 'db'],
  http: [
    'engine',
    'db',
    'mirror',
    'lanes',
    'inbox',
    'feed',
    'jobs',
    'alerts',
    'sources',
    'sinks',
    'apps',
    'config',
  ],
  cli: [
    'engine',
    'db',
    'mirror',
    'lanes',
    'inbox',
    'feed',
    'jobs',
    'alerts',
    'sources',
    'sinks',
    'apps',
    'config',
    'http',
  ],
  'index.ts': [
    'engine',
    'db',
    'mirror',
    'lanes',
    'inbox',
    'feed',
    'jobs',
    'alerts',
    'sources',
    'sinks',
    'apps',
    'config',
    'http',
    'cli',
  ],
}

const imports = (file: string): string[] =>
  [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(root, resolve(root, dirname(file), match[1] ?? '')),
  )

function importProblem(file: string, target: string): string | undefined {
  if (!target.startsWith('src/')) return `${file} imports ${target}, which is no part of src`
  const room = file.split('/')[1] ?? ''
  const other = target.split('/')[1] ?? ''
  const vendor = (path: string): string | undefined => /^src\/(sources|sinks)\/([^/.]+)\//.exec(path)?.[2]
  if (room === other) {
    const apart =
      vendor(file) !== undefined && vendor(target) !== undefined && vendor(file) !== vendor(target)
    return apart ? `${file} imports another vendor: ${target}` : undefined
  }
  const permitted = allowed[room]?.some(
    (name) => target.startsWith(`src/${name}/`) || target === `src/${name}.ts`,
  )
  return permitted === true ? undefined : `${file} (${room}) may not import ${target}`
}

describe('tidy', () => {
  const product = sources('src').filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))

  it('rooms import in one direction', () => {
    const problems = product.flatMap((file) => imports(file).map((target) => importProblem(file, target)))
    expect(problems.filter((problem) => problem !== undefined)).toEqual([])
  })

  it('the engine has no clock, no chance, no network and no SQL', () => {
    const banned =
      /Date\.now|new Date\(\)|Math\.random|performance\.|\bfetch\(|from 'node:|from 'pg'|\bselect .* from\b|setTimeout/
    const found = product
      .filter((file) => file.startsWith('src/engine/'))
      .flatMap((file) =>
        read(file)
          .split('\n')
          .map((line, i) => ({ at: `${file}:${i + 1}`, line })),
      )
      .filter(({ line }) => !/^\s*(\*|\/\/|\/\*)/.test(line) && banned.test(line))
    expect(found).toEqual([])
  })

  it('no skipped test, nothing left open', () => {
    const banned = /\b(it|test|describe)\.(skip|only)\(|\bTODO\b|\bFIXME\b/
    const found = [...sources('src'), ...sources('sim'), ...sources('test'), ...sources('bench')]
      .filter((file) => file !== 'test/tidy.test.ts')
      .flatMap((file) =>
        read(file)
          .split('\n')
          .map((line, i) => ({ at: `${file}:${i + 1}`, line })),
      )
      .filter(({ line }) => banned.test(line))
    expect(found).toEqual([])
  })
})
