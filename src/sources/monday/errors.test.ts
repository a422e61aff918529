import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DailyCapError, VendorUnavailableError } from '../../engine/errors.ts'
import { reactionTo, readAnswer, toError, waitMs } from './errors.ts'

type Reaction = ReturnType<typeof reactionTo>

interface Case {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: unknown
  readonly reaction: Reaction
  readonly waitMs: number | null
}

const file = join(import.meta.dirname, '../../../test/fixtures/monday/errors.json')
const cases = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Case>)

/** The SDK's transport spreads a JSON body into its response; any other body is `error`. */
function answerOf({ status, retryAfter, body }: Case) {
  const headers = new Headers(retryAfter === null ? {} : { 'retry-after': retryAfter })
  return readAnswer({ status, headers, ...(typeof body === 'string' ? { error: body } : (body as object)) })
}

const errorNames: Readonly<Record<Reaction, string>> = {
  daily: 'DailyCapError',
  limit: 'VendorUnavailableError',
  cursor: 'CursorExpiredError',
  unavailable: 'VendorUnavailableError',
  refused: 'VendorRefusedError',
}
const NOON = Date.UTC(2026, 10, 20, 12)

describe.each(cases)('an error of monday: %s', (_name, one) => {
  const answer = answerOf(one)
  const [problem] = answer.problems
  if (problem === undefined) throw new Error('no problem was read')

  it('is reacted to as what it is, and waited for as long as it says', () => {
    expect(reactionTo(problem)).toBe(one.reaction)
    if (one.waitMs !== null) expect(waitMs(answer, problem)).toBe(one.waitMs)
  })

  it('brings no data, and becomes the error that callers branch on', () => {
    expect(answer.data).toBeUndefined()
    const error = toError(answer, problem, 'Items', NOON)
    expect(error.name).toBe(errorNames[one.reaction])
    expect(error.message).toContain('monday Items')
    if (error instanceof DailyCapError) expect(error.untilMs).toBe(Date.UTC(2026, 10, 21))
    if (error instanceof VendorUnavailableError) expect(error.retryAfterMs).toBe(one.waitMs ?? undefined)
  })
})

it('names the remedy for a wrong token and for a board that is not shared', () => {
  const remedy = (name: string): string => {
    const answer = answerOf(Object.fromEntries(cases)[name] as Case)
    const [problem] = answer.problems
    return problem === undefined ? '' : toError(answer, problem, 'Items', NOON).message
  }
  expect(remedy('wrong token')).toContain('MONDAY_TOKEN')
  expect(remedy('not allowed')).toContain('share the board')
})

it('reads the data that stands beside errors', () => {
  const errors = [
    { message: 'Photo unavailable.', path: ['me', 0], extensions: { code: 'ASSET_UNAVAILABLE' } },
  ]
  const answer = readAnswer({ status: 200, data: { me: { id: '1' } }, errors })
  expect(answer.data).toEqual({ me: { id: '1' } })
  expect(answer.problems).toEqual([
    { code: 'ASSET_UNAVAILABLE', message: 'Photo unavailable.', path: 'me.0', retryInS: undefined },
  ])
})
