import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CONFIG_FILE } from '../config/config.ts'
import { ConfigError } from '../engine/errors.ts'
import type { MondayClient } from '../sources/monday/client.ts'
import { readContext } from './context.ts'
import { askBoards, askToken, askVendor, askYes, Left } from './init/ask.ts'
import {
  checkToken,
  columnsWithTime,
  openClient,
  readBoards,
  type VisibleBoard,
  withSubitems,
} from './init/boards.ts'
import { renderConfig } from './init/config-file.ts'
import { addToEnv, newSecret } from './init/env-file.ts'
import { renderMigration } from './init/migration-file.ts'
import { type PlannedBoard, planBoards } from './init/plan.ts'
import { print, say, table } from './output.ts'

interface InitFlags {
  readonly token?: string
  readonly boards?: string
  readonly name?: string
  readonly force?: boolean
  readonly yes?: boolean
}

/** `lockstep init`: from a token and a choice of boards to a configuration and the tables' migration. */
export async function init(options: Record<string, string | boolean | undefined>): Promise<void> {
  const flags = options as InitFlags
  const { settings } = await readContext()
  const name = flags.name ?? 'monday'
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name))
    throw new ConfigError(`--name ${name}: use a-z, 0-9 and -, beginning with a letter`)
  const files = { config: settings.configFile ?? CONFIG_FILE, migration: `migrations/0001-${name}.sql` }
  refuseToOverwrite(Object.values(files), flags.force === true)
  const asks = process.stdin.isTTY && flags.yes !== true
  try {
    if (asks) await askVendor()
    const { token, client, who } = await readToken(flags.token, asks)
    say(`The token works: ${who}.`)
    const planned = await chooseBoards(client, flags.boards, asks)
    await writeText(files.config, renderConfig(name, planned))
    await writeText(files.migration, renderMigration(planned))
    await keepSecrets(token, asks)
    report(planned, files)
    say(nextSteps(name, settings.publicUrl, flags.force === true))
  } catch (error) {
    if (!(error instanceof Left)) throw error
    process.exitCode = 1
  }
}

function refuseToOverwrite(files: readonly string[], force: boolean): void {
  const present = files.filter((file) => existsSync(file))
  if (present.length > 0 && !force) {
    throw new ConfigError(
      `${present.join(' and ')} would be written over. Move them away, use another folder, or give --force`,
    )
  }
}

async function readToken(
  given: string | undefined,
  asks: boolean,
): Promise<{ token: string; client: MondayClient; who: string }> {
  const token = given ?? (process.env['MONDAY_TOKEN'] || undefined)
  if (token === undefined && asks) return askToken()
  if (token === undefined) throw new ConfigError('a token is needed: give --token, or set MONDAY_TOKEN')
  const client = openClient(token)
  return { token, client, who: await checkToken(client) }
}

async function chooseBoards(
  client: MondayClient,
  given: string | undefined,
  asks: boolean,
): Promise<PlannedBoard[]> {
  const boards = await readBoards(client)
  const offered = boards.filter((board) => !board.isSubitems)
  if (offered.length === 0) throw new ConfigError("the token sees no board: share one with the token's user")
  if (given === undefined && !asks) {
    const list = offered.map(({ id, name }) => `  ${id}  ${name}`)
    throw new ConfigError(`say which boards with --boards ID,ID. The token sees:\n${list.join('\n')}`)
  }
  const ids = given === undefined ? await askBoards(offered) : readIds(given)
  const chosen = withSubitems(boards, ids)
  const withTime = new Map<string, ReadonlySet<string>>()
  for (const { board } of chosen) withTime.set(board.id, await columnsWithTime(client, board))
  return planBoards(chosen, withTime)
}

function readIds(text: string): VisibleBoard['id'][] {
  const ids = text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '')
  const wrong = ids.filter((id) => !/^\d+$/.test(id))
  if (ids.length === 0 || wrong.length > 0) {
    throw new ConfigError(
      `--boards ${text}: give board ids, comma-separated; an id is the number in the board's address`,
    )
  }
  return ids
}

async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}

/** A token that the environment has already is not written down again. */
async function keepSecrets(token: string, asks: boolean): Promise<void> {
  const values: Record<string, string> = {}
  if (process.env['MONDAY_TOKEN'] !== token) {
    const keep = !asks || (await askYes('Keep the token in .env, readable by you alone?'))
    if (keep) values['MONDAY_TOKEN'] = token
  }
  if (!process.env['MONDAY_WEBHOOK_SECRET']) values['MONDAY_WEBHOOK_SECRET'] = newSecret()
  const added = await addToEnv(values)
  if (added.length > 0) say(`.env now has ${added.join(' and ')}; keep it out of version control.`)
  if (values['MONDAY_TOKEN'] !== undefined && !added.includes('MONDAY_TOKEN')) {
    say('.env has another MONDAY_TOKEN, which was left as it is: commands will use that one.')
  }
}

function report(planned: readonly PlannedBoard[], files: Readonly<Record<string, string>>): void {
  print(
    table(
      ['board', 'id', 'table', 'columns'],
      planned.map((p) => [p.name, p.board, p.table, p.fields.length]),
    ),
  )
  for (const { name, leftOut } of planned) for (const { note } of leftOut) say(`${name}: left out ${note}`)
  for (const file of Object.values(files)) print(`wrote ${file}`)
}

function nextSteps(app: string, publicUrl: string | undefined, forced: boolean): string {
  const address =
    publicUrl === undefined
      ? [
          '  Set LOCKSTEP_PUBLIC_URL in .env to the address at which monday reaches this machine (a tunnel serves).',
        ]
      : []
  const applied = forced
    ? [
        'If the former migration was applied already, run "lockstep db reset" first: an applied one must not change.',
      ]
    : []
  return [
    '',
    ...applied,
    'Next:',
    '  lockstep up                        makes the tables, reads the boards, and keeps polling them',
    '  To have each change within a moment, while "lockstep up" runs:',
    ...address,
    `  lockstep webhooks register ${app}`,
    '  lockstep doctor                    says what is missing',
  ].join('\n')
}
