import {
  autocompleteMultiselect,
  cancel,
  type CANCEL_SYMBOL,
  confirm,
  intro,
  isCancel,
  log,
  password,
  select,
} from '@clack/prompts'
import { ConfigError } from '../../engine/errors.ts'
import type { MondayClient } from '../../sources/monday/client.ts'
import { checkToken, openClient, type VisibleBoard } from './boards.ts'

const output = process.stderr
const TRIES_MAX = 3

/** Thrown when somebody leaves at a question. */
export class Left extends Error {
  override readonly name = 'Left'
}

function answered<T>(answer: T | typeof CANCEL_SYMBOL): T {
  if (!isCancel(answer)) return answer
  cancel('Nothing was written.', { output })
  throw new Left('left')
}

export async function askVendor(): Promise<'monday'> {
  intro('Lockstep: your boards, live in Postgres', { output })
  const options = [{ value: 'monday' as const, label: 'monday.com', hint: 'any boards' }]
  return answered(await select({ message: 'Where is the data?', options, output }))
}

/** Asks until monday takes the token, at most three times. */
export async function askToken(): Promise<{ token: string; client: MondayClient; who: string }> {
  log.info('A token is in monday under your picture, Developers, API token.', { output })
  for (let attempt = 1; ; attempt++) {
    const token = answered(
      await password({
        message: 'API token',
        validate: (text) => ((text ?? '').trim() === '' ? 'A token is needed' : undefined),
        output,
      }),
    ).trim()
    const client = openClient(token)
    try {
      return { token, client, who: await checkToken(client) }
    } catch (error) {
      if (!(error instanceof ConfigError) || attempt === TRIES_MAX) throw error
      log.error(error.message, { output })
    }
  }
}

export async function askBoards(boards: readonly VisibleBoard[]): Promise<string[]> {
  const options = boards.map(({ id, name, items, columns }) => ({
    value: id,
    label: name,
    hint: `${id}, ${items ?? '?'} items, ${columns.length} columns`,
  }))
  const message = 'Which boards? (Type to search; the subitems of a board come with it)'
  return answered(await autocompleteMultiselect({ message, options, required: true, maxItems: 12, output }))
}

export const askYes = async (message: string): Promise<boolean> =>
  answered(await confirm({ message, output }))
