import { nextUtcDay } from '../../engine/budget.ts'
import {
  CursorExpiredError,
  DailyCapError,
  type LockstepError,
  VendorRefusedError,
  VendorUnavailableError,
} from '../../engine/errors.ts'

/** An answer of monday's, in whichever of its error formats. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly data: Readonly<Record<string, unknown>> | undefined
  readonly problems: readonly Problem[]
}

export interface Problem {
  readonly code: string
  readonly message: string
  readonly path: string | undefined
  readonly retryInS: number | undefined
}

interface RawError {
  message?: unknown
  path?: unknown
  extensions?: { code?: unknown; retry_in_seconds?: unknown }
}

interface RawResponse {
  status?: number
  headers?: Headers
  data?: unknown
  errors?: unknown
  error?: unknown
  error_code?: unknown
  error_message?: unknown
  error_data?: { retry_in_seconds?: unknown }
}

/** Reads today's GraphQL errors, the older flat `error_code` body, and bodies that are not JSON. */
export function readAnswer(response: RawResponse): Answer {
  const status = response.status ?? 0
  const headers = response.headers ?? new Headers()
  const data =
    typeof response.data === 'object' && response.data !== null && !Array.isArray(response.data)
      ? (response.data as Record<string, unknown>)
      : undefined
  return { status, headers, data, problems: readProblems(response, status) }
}

function readProblems(response: RawResponse, status: number): Problem[] {
  if (typeof response.error_code === 'string') {
    const message = typeof response.error_message === 'string' ? response.error_message : response.error_code
    const told =
      number(response.error_data?.retry_in_seconds) ?? number(/reset in (\d+) seconds/.exec(message)?.[1])
    return [{ code: response.error_code, message, path: undefined, retryInS: told }]
  }
  const problems = (Array.isArray(response.errors) ? (response.errors as unknown[]) : []).map(
    (raw): Problem => {
      if (typeof raw !== 'object' || raw === null) {
        return { code: '', message: String(raw), path: undefined, retryInS: undefined }
      }
      const { message, path, extensions } = raw as RawError
      return {
        code: typeof extensions?.code === 'string' ? extensions.code : '',
        message: typeof message === 'string' ? message : JSON.stringify(raw),
        path: Array.isArray(path) ? path.join('.') : undefined,
        retryInS: number(extensions?.retry_in_seconds),
      }
    },
  )
  if (problems.length === 0 && (status < 200 || status >= 300)) {
    const text =
      typeof response.error === 'string'
        ? response.error
            .replace(/<[^>]*>|\s+/g, ' ')
            .trim()
            .slice(0, 120)
        : ''
    problems.push({
      code: `HTTP_${status}`,
      message: `HTTP ${status}${text === '' ? '' : ` ${text}`}`,
      path: undefined,
      retryInS: undefined,
    })
  }
  return problems
}

const number = (value: unknown): number | undefined => {
  const n = Number(value)
  return value === undefined || value === null || !Number.isFinite(n) ? undefined : n
}

type Reaction = 'daily' | 'limit' | 'cursor' | 'unavailable' | 'refused'

/** Code or message → what to do. The same condition comes under different codes, statuses and API versions. */
const reactions: readonly (readonly [RegExp, Reaction])[] = [
  [/DAILY_LIMIT/i, 'daily'],
  [/Cursor(Expired|Exception)/, 'cursor'],
  [
    /complexity|rate.?limit|limit rate exceeded|concurrency|FIELD_LIMIT|TEMPORARILY_BLOCKED|HTTP_429/i,
    'limit',
  ],
  [
    /INTERNAL_SERVER_ERROR|Internal server error|HTTP_5\d\d|HTTP_423|HTTP_408|timeout|currently locked/i,
    'unavailable',
  ],
]

export function reactionTo(problem: Problem): Reaction {
  const text = `${problem.code} ${problem.message}`
  return reactions.find(([pattern]) => pattern.test(text))?.[1] ?? 'refused'
}

/** What monday names as the wait: the header or the body, whichever is longer; a minute where it names none. */
export function waitMs({ headers }: Answer, problem: Problem): number {
  const header = number(headers.get('retry-after'))
  return (
    1000 *
    Math.max(
      header ?? 0,
      problem.retryInS ?? 0,
      header === undefined && problem.retryInS === undefined ? 60 : 0,
    )
  )
}

/** The error to throw for an answer that brought nothing. */
export function toError(answer: Answer, problem: Problem, operation: string, now: number): LockstepError {
  const what = `monday ${operation}: ${problem.message}${problem.code === '' ? '' : ` (${problem.code})`}`
  const kinds: Record<Reaction, () => LockstepError> = {
    daily: () => new DailyCapError(`${what}; nothing more is asked before 00:00 UTC`, nextUtcDay(now)),
    limit: () => new VendorUnavailableError(what, { retryAfterMs: waitMs(answer, problem) }),
    cursor: () => new CursorExpiredError(what),
    unavailable: () => new VendorUnavailableError(what),
    refused: () => new VendorRefusedError(`${what}${hint(answer, problem)}`),
  }
  return kinds[reactionTo(problem)]()
}

function hint({ status }: Answer, { code, message }: Problem): string {
  if (status === 401 || /not authenticated|invalid token/i.test(message)) {
    return '. The token is wrong or was revoked: make one in monday (avatar, Developers, API token) and set MONDAY_TOKEN'
  }
  if (status === 403 || /unauthori[sz]ed|ACCESS_DENIED|permission/i.test(`${code} ${message}`)) {
    return '. The token may not see this: share the board with its user, or use another token'
  }
  return ''
}
