import type { Rejection } from './errors.ts'

export type LimitKind =
  | 'complexity'
  | 'query'
  | 'minuteRate'
  | 'concurrency'
  | 'daily'
  | 'fieldLimit'
  | 'ip'
  | 'http429'
export type ErrorShape = 'modern' | '2025-01' | 'legacy'

export interface LimitDetails {
  readonly retrySeconds: number
  readonly complexity: number
  readonly left: number
  readonly limit: number
  readonly field: string
}

const CODES: Readonly<Record<LimitKind, readonly [code: string, message: string]>> = {
  complexity: ['COMPLEXITY_BUDGET_EXHAUSTED', 'Complexity budget exhausted'],
  query: ['maxComplexityExceeded', 'Query has complexity over the maximum of a single query'],
  minuteRate: ['RATE_LIMIT_EXCEEDED', 'Minute limit rate exceeded'],
  concurrency: ['maxConcurrencyExceeded', 'Concurrency limit exceeded'],
  daily: ['DAILY_LIMIT_EXCEEDED', 'Daily limit exceeded'],
  fieldLimit: ['FIELD_LIMIT_EXCEEDED', 'Concurrency limit exceeded for the field'],
  ip: ['IP_RATE_LIMIT_EXCEEDED', 'IP rate limit exceeded'],
  http429: ['RATE_LIMIT_EXCEEDED', 'Rate Limit Exceeded'],
}
const ACCOUNT_ID = 25_917_229

/** The body of a refused call. The field limit never left its flat form; the rest changed with the API version. */
export function limitError(kind: LimitKind, shape: ErrorShape, details: LimitDetails): Rejection {
  const [code, message] = CODES[kind]
  const { retrySeconds } = details
  const retryAfterSeconds = retrySeconds
  if (kind === 'fieldLimit') {
    const error_data = { retry_in_seconds: retrySeconds, entity: details.field }
    const body = {
      error_message: message,
      error_code: code,
      error_data,
      status_code: 429,
      account_id: ACCOUNT_ID,
    }
    return { status: 429, body, retryAfterSeconds }
  }
  if (kind === 'complexity' && shape === 'legacy')
    return { status: 200, body: legacyComplexity(details), retryAfterSeconds }
  const budget =
    kind === 'complexity' && shape === '2025-01'
      ? {
          complexity: details.complexity,
          complexity_budget_left: details.left,
          complexity_budget_limit: details.limit,
          status_code: 429,
        }
      : {}
  const extensions = { code, ...budget, retry_in_seconds: retrySeconds }
  return { status: 429, body: { errors: [{ message, extensions }] }, retryAfterSeconds }
}

function legacyComplexity({ complexity, left, limit, retrySeconds }: LimitDetails): unknown {
  const message = `Complexity budget exhausted, query cost ${complexity} budget remaining ${left} out of ${limit} reset in ${retrySeconds} seconds`
  return {
    error_code: 'ComplexityException',
    status_code: 429,
    error_message: message,
    error_data: {},
    errors: [message],
    account_id: ACCOUNT_ID,
  }
}

const EXPIRED =
  'CursorExpiredError: The cursor provided for pagination has expired. Please refresh your query and obtain a new cursor to continue fetching items'

/** An expired cursor has been seen in three bodies; which one comes is not the reader's choice. */
export function cursorError(variant: number): Rejection {
  if (variant === 0) {
    const error_data = {}
    return {
      status: 200,
      body: {
        error_code: 'CursorException',
        status_code: 200,
        error_message: EXPIRED,
        error_data,
        account_id: ACCOUNT_ID,
      },
    }
  }
  const code = variant === 1 ? 'CursorException' : 'CursorExpiredError'
  return {
    status: 200,
    body: { data: null, errors: [{ message: EXPIRED, extensions: { code, status_code: 200 } }] },
  }
}
