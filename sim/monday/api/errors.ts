/** An error of one field: the response carries it in `errors` beside whatever data could be read. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly extensions: Readonly<Record<string, unknown>>
  constructor(message: string, extensions: Readonly<Record<string, unknown>>) {
    super(message)
    this.extensions = extensions
  }
}

export function invalidArgument(message: string, data: Record<string, unknown> = {}): FieldError {
  return new FieldError(message, { code: 'InvalidArgumentException', status_code: 200, error_data: data })
}

export function notFound(what: string, id: unknown): FieldError {
  return new FieldError(`${what} not found`, {
    code: 'ResourceNotFoundException',
    status_code: 404,
    error_data: { resource_type: what.toLowerCase(), resource_id: id },
  })
}

/** The whole request fails: status, headers and body as the vendor sends them. */
export interface Rejection {
  readonly status: number
  readonly body: unknown
  readonly retryAfterSeconds?: number
}

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly rejection: Rejection
  constructor(rejection: Rejection) {
    super(`request rejected with ${rejection.status}`)
    this.rejection = rejection
  }
}

export function internalError(): Rejection {
  const extensions = { code: 'INTERNAL_SERVER_ERROR', status_code: 500 }
  return { status: 200, body: { data: null, errors: [{ message: 'Internal server error', extensions }] } }
}
